//! The database itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// The database that was read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Database")]
#[non_exhaustive]
pub struct Database {
    /// Its encoding.
    pub encoding: String,
    /// Who sorts where no collation is named: `builtin`, `icu` or `libc`.
    pub provider: String,
    /// The locale by which libc sorts.
    pub collate: String,
    /// The locale by which libc tells letters.
    pub ctype: String,
    /// The locale by which another provider sorts.
    pub locale: Option<String>,
    /// Rules of its own for sorting.
    pub rules: Option<String>,
    /// The version of the library that sorted when it was made.
    pub version: Option<String>,
    /// The version of the library that sorts now.
    pub actual_version: Option<String>,
    /// How many sessions it takes; -1 for as many as the server.
    pub connection_limit: i32,
}

impl CatalogFact for Database {
    const SQL: &'static str = include_str!("databases.sql");
}
