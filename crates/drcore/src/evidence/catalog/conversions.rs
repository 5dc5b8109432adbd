//! Conversions between encodings of the users' own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// A conversion from one encoding to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Conversion")]
#[non_exhaustive]
pub struct Conversion {
    /// Its schema, unquoted.
    pub schema: String,
    /// Its name, unquoted.
    pub name: String,
    /// The encoding that it takes.
    pub from: String,
    /// The encoding that it gives.
    pub to: String,
    /// The function that converts.
    pub function: String,
    /// Whether it is used where none is named.
    pub default: bool,
}

impl CatalogFact for Conversion {
    const SQL: &'static str = include_str!("conversions.sql");
}
