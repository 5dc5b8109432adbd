//! Ways to store tables and indexes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// A way to store tables or indexes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "AccessMethod")]
#[non_exhaustive]
pub struct AccessMethod {
    /// Its name, unquoted.
    pub name: String,
    /// `index` or `table`.
    pub kind: String,
    /// The function behind it.
    pub handler: String,
}

impl CatalogFact for AccessMethod {
    const SQL: &'static str = include_str!("access_methods.sql");
}
