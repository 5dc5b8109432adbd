//! Constraints of tables, but for foreign keys and null rules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::sql::QualifiedName;

/// A check, exclusion, unique or primary key constraint of a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Constraint")]
#[non_exhaustive]
pub struct Constraint {
    /// The table.
    pub relation: QualifiedName,
    /// Its name, unquoted.
    pub name: String,
    /// `check`, `exclusion`, `primary_key` or `unique`.
    pub kind: String,
    /// The columns that it is about, unquoted.
    pub columns: Vec<String>,
    /// The constraint as SQL.
    pub definition: String,
    /// Whether PostgreSQL believes that all rows obey it.
    pub validated: bool,
}

impl CatalogFact for Constraint {
    const SQL: &'static str = include_str!("constraints.sql");
}
