//! Primary keys, unique constraints and unique indexes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::sql::QualifiedName;

/// A primary key, a unique constraint, or a unique index of whole columns that holds for every row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Key")]
#[non_exhaustive]
pub struct Key {
    /// The table.
    pub relation: QualifiedName,
    /// The name of the constraint or index, unquoted.
    pub name: String,
    /// Whether it is the primary key.
    pub primary: bool,
    /// Its columns, in order, unquoted.
    pub columns: Vec<String>,
}

impl CatalogFact for Key {
    const SQL: &'static str = include_str!("keys.sql");
}
