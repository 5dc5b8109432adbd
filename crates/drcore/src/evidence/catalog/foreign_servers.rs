//! Foreign servers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// Another server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ForeignServer")]
#[non_exhaustive]
pub struct ForeignServer {
    /// Its name, unquoted.
    pub name: String,
    /// The foreign data wrapper that reaches it.
    pub wrapper: String,
    /// Its type, where one is given.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
    /// Its version, where one is given.
    pub version: Option<String>,
    /// Its options.
    pub options: Vec<String>,
    /// The extension that it belongs to.
    pub extension: Option<String>,
}

impl CatalogFact for ForeignServer {
    const SQL: &'static str = include_str!("foreign_servers.sql");
}
