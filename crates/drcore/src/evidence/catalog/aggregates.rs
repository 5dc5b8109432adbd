//! Aggregates of the users' own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::sql::QualifiedName;

/// An aggregate, as the statement that creates it. Who may call it is with the functions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Aggregate")]
#[non_exhaustive]
pub struct Aggregate {
    /// Its schema, unquoted.
    pub schema: String,
    /// Its name, unquoted.
    pub name: String,
    /// The types of its arguments, as SQL.
    pub arguments: String,
    /// The statement that creates it.
    pub definition: String,
}

impl Aggregate {
    /// As it is typed after its kind: `public.total(integer)`.
    pub fn signature(&self) -> String {
        let arguments = if self.arguments.is_empty() { "*" } else { &self.arguments };
        format!("{}({})", QualifiedName::new(&self.schema, &self.name), arguments.replace(", ", ","))
    }
}

impl CatalogFact for Aggregate {
    const SQL: &'static str = include_str!("aggregates.sql");
}
