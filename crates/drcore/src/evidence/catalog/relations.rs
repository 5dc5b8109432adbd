//! Tables, views, materialised views and foreign tables.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::evidence::acl::Acl;
use crate::sql::QualifiedName;

/// A table, view, materialised view or foreign table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Relation")]
#[non_exhaustive]
pub struct Relation {
    /// Its name.
    pub name: QualifiedName,
    /// What it is.
    pub kind: RelationKind,
    /// Whether it survives a crash.
    pub persistence: Persistence,
    /// Its owner.
    pub owner: String,
    /// Whether row level security is on.
    pub rls_enabled: bool,
    /// Whether row level security holds for the owner too.
    pub rls_forced: bool,
    /// The partitioned table that it is a partition of, or the table that it inherits from.
    pub parents: Vec<QualifiedName>,
    /// Whether it is a partition (and not plain inheritance) of its parent.
    pub is_partition: bool,
    /// Storage options, such as `security_invoker=on` of a view.
    pub options: Vec<String>,
    /// Privileges, the defaults written out.
    pub acl: Acl,
    /// The extension that it belongs to.
    pub extension: Option<String>,
    /// The planner's guess at the rows, for ordering work and progress only.
    pub estimated_rows: i64,
}

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "RelationKind")]
#[non_exhaustive]
pub enum RelationKind {
    /// A foreign table.
    ForeignTable,
    /// A materialised view.
    MaterializedView,
    /// A partitioned table, which holds no rows itself.
    PartitionedTable,
    /// An ordinary table.
    Table,
    /// A view.
    View,
}

impl RelationKind {
    /// Whether it holds rows of its own, directly or in partitions.
    pub fn is_table(self) -> bool {
        matches!(self, Self::Table | Self::PartitionedTable)
    }
}

/// Whether a relation survives a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "Persistence")]
pub enum Persistence {
    /// Written to the log.
    Permanent,
    /// Emptied by a crash and by a physical restore.
    Unlogged,
}

impl Relation {
    /// How its rows are named in a `from` clause: without its plain-inheritance children.
    pub fn from_sql(&self) -> String {
        match self.kind {
            RelationKind::Table => format!("only {}", self.name.to_sql()),
            _ => self.name.to_sql(),
        }
    }
}

impl CatalogFact for Relation {
    const SQL: &'static str = include_str!("relations.sql");
}
