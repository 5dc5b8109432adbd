//! Triggers of tables and views.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::sql::QualifiedName;

/// A trigger of a table or view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Trigger")]
#[non_exhaustive]
pub struct Trigger {
    /// The table or view.
    pub relation: QualifiedName,
    /// Its name, unquoted.
    pub name: String,
    /// The function.
    pub function: QualifiedName,
    /// When it fires.
    pub enabled: Enabled,
    /// The statement that creates it.
    pub definition: String,
    /// Whether it is a partition's part of its root's trigger.
    pub of_root: bool,
    /// The constraint that it stands behind, unquoted, where the server made it for one.
    pub behind: Option<String>,
}

/// When a trigger or rule is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "Enabled")]
pub enum Enabled {
    /// Always, whatever `session_replication_role` says.
    Always,
    /// Never.
    Disabled,
    /// In ordinary sessions.
    Origin,
    /// While changes of another server are applied.
    Replica,
}

impl CatalogFact for Trigger {
    const SQL: &'static str = include_str!("triggers.sql");
}
