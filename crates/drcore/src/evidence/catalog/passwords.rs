//! Which roles have a password.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// Whether a role has a password. Only a superuser may ask.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Password")]
#[non_exhaustive]
pub struct Password {
    /// The role, unquoted.
    pub role: String,
    /// Whether it has one.
    pub there: bool,
}

impl CatalogFact for Password {
    const SQL: &'static str = include_str!("passwords.sql");
}
