//! Operators of the users' own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// An operator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Operator")]
#[non_exhaustive]
pub struct Operator {
    /// Its schema, unquoted.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The type on its left, as SQL.
    pub left: Option<String>,
    /// The type on its right, as SQL.
    pub right: Option<String>,
    /// What stands in parentheses in the statement that creates it.
    pub definition: String,
}

impl CatalogFact for Operator {
    const SQL: &'static str = include_str!("operators.sql");
}
