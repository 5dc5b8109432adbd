//! Extensions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// An extension.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Extension")]
#[non_exhaustive]
pub struct Extension {
    /// Its name, unquoted.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The schema that it is in, unquoted.
    pub schema: String,
}

impl CatalogFact for Extension {
    const SQL: &'static str = include_str!("extensions.sql");
}
