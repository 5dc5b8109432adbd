//! Operator classes of the users' own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// An operator class: how a kind of index sorts a type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "OperatorClass")]
#[non_exhaustive]
pub struct OperatorClass {
    /// Its schema, unquoted.
    pub schema: String,
    /// Its name, unquoted.
    pub name: String,
    /// The kind of index.
    pub method: String,
    /// What follows its name in the statement that creates it.
    pub definition: String,
}

impl CatalogFact for OperatorClass {
    const SQL: &'static str = include_str!("operator_classes.sql");
}
