//! Foreign data wrappers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// A foreign data wrapper: a kind of other servers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ForeignDataWrapper")]
#[non_exhaustive]
pub struct ForeignDataWrapper {
    /// Its name, unquoted.
    pub name: String,
    /// The function that reads and writes.
    pub handler: Option<String>,
    /// The function that checks options.
    pub validator: Option<String>,
    /// Its options.
    pub options: Vec<String>,
    /// The extension that it belongs to.
    pub extension: Option<String>,
}

impl CatalogFact for ForeignDataWrapper {
    const SQL: &'static str = include_str!("foreign_data_wrappers.sql");
}
