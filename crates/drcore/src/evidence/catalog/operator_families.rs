//! Operator families of the users' own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// An operator family: operator classes that go together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "OperatorFamily")]
#[non_exhaustive]
pub struct OperatorFamily {
    /// Its schema, unquoted.
    pub schema: String,
    /// Its name, unquoted.
    pub name: String,
    /// The kind of index.
    pub method: String,
    /// Operators and functions that are of none of its classes, as SQL.
    pub members: Vec<String>,
}

impl CatalogFact for OperatorFamily {
    const SQL: &'static str = include_str!("operator_families.sql");
}
