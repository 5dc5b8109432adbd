//! Primary keys and unique constraints.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::sql::QualifiedName;

/// A primary key or unique constraint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Key")]
#[non_exhaustive]
pub struct Key {
    /// The table.
    pub relation: QualifiedName,
    /// The name of the constraint, unquoted.
    pub name: String,
    /// Whether it is the primary key.
    pub primary: bool,
    /// Its columns, in order, unquoted.
    pub columns: Vec<String>,
}

impl CatalogFact for Key {
    const SQL: &'static str = include_str!("keys.sql");
}
