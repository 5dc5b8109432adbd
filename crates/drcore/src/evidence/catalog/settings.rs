//! Settings of databases and roles that tell what the API exposes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// A setting of a database or role, of those that tell what the API exposes (`pgrst.…`).
///
/// Other settings may hold secrets and are not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Setting")]
#[non_exhaustive]
pub struct Setting {
    /// The role that it holds for, or all.
    pub role: Option<String>,
    /// Whether it holds for this database only.
    pub this_database: bool,
    /// Its name, such as `pgrst.db_schemas`.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl CatalogFact for Setting {
    const SQL: &'static str = include_str!("settings.sql");
}
