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
    /// How a partitioned table is divided, as SQL: `RANGE (created_at)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_key: Option<String>,
    /// What a partition holds, as SQL: `FOR VALUES IN (1)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_bound: Option<String>,
    /// By what subscribers know rows, where that is not the primary key: `full`, `nothing` or `index …`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_identity: Option<String>,
    /// How its rows are stored, where that is not `heap`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_method: Option<String>,
    /// Where it is stored, where that is not the database's own tablespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tablespace: Option<String>,
    /// The composite type that it is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_type: Option<QualifiedName>,
    /// Storage options of its TOAST table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub toast_options: Vec<String>,
    /// The server that a foreign table is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// What the server is told about a foreign table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_options: Vec<String>,
    /// Whether it is a materialised view that nothing was put into yet: reading it is an error.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unpopulated: bool,
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
