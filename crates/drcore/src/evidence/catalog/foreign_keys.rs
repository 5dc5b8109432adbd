//! Foreign key constraints.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::sql::QualifiedName;

/// A foreign key constraint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ForeignKey")]
#[non_exhaustive]
pub struct ForeignKey {
    /// The table that refers.
    pub child: QualifiedName,
    /// The name of the constraint, unquoted.
    pub name: String,
    /// The columns that refer, in order, unquoted.
    pub child_columns: Vec<String>,
    /// The table that is referred to.
    pub parent: QualifiedName,
    /// The columns that are referred to, in the same order, unquoted.
    pub parent_columns: Vec<String>,
    /// The operators `parent = child` of the constraint, schema-qualified, such as `pg_catalog.=`.
    pub operators: Vec<String>,
    /// Whether it is MATCH FULL: all columns NULL, or none.
    pub match_full: bool,
    /// Whether it is temporal (`PERIOD`): a parent must be there for the whole time.
    pub temporal: bool,
    /// Whether PostgreSQL believes that all rows obey it.
    pub validated: bool,
    /// The constraint as SQL.
    pub definition: String,
}

impl CatalogFact for ForeignKey {
    const SQL: &'static str = include_str!("foreign_keys.sql");
}
