//! Collations of the users' own, and those of another version than the library that sorts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// A collation: an order of texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Collation")]
#[non_exhaustive]
pub struct Collation {
    /// Its schema, unquoted.
    pub schema: String,
    /// Its name, unquoted.
    pub name: String,
    /// Who sorts: `builtin`, `default`, `icu` or `libc`.
    pub provider: String,
    /// The locale that it sorts by.
    pub locale: Option<String>,
    /// The locale by which it tells letters, where that is another.
    pub ctype: Option<String>,
    /// Rules of its own.
    pub rules: Option<String>,
    /// Whether texts are equal only where their bytes are.
    pub deterministic: bool,
    /// The version of the library that sorted when it was made.
    pub version: Option<String>,
    /// The version of the library that sorts now.
    pub actual_version: Option<String>,
    /// The extension that it belongs to.
    pub extension: Option<String>,
}

impl CatalogFact for Collation {
    const SQL: &'static str = include_str!("collations.sql");
}
