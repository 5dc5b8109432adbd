//! How functions of a language see a type.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// How functions of a language see a type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Transform")]
#[non_exhaustive]
pub struct Transform {
    /// The type, as SQL.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The language.
    pub language: String,
    /// The function that gives a value to the language.
    pub from_sql: Option<String>,
    /// The function that takes a value from it.
    pub to_sql: Option<String>,
}

impl CatalogFact for Transform {
    const SQL: &'static str = include_str!("transforms.sql");
}
