//! Languages that functions can be written in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// A language that functions can be written in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Language")]
#[non_exhaustive]
pub struct Language {
    /// Its name, unquoted.
    pub name: String,
    /// Whether everybody may use it.
    pub trusted: bool,
    /// The function that runs functions.
    pub handler: Option<String>,
    /// The function that runs DO blocks.
    pub inline: Option<String>,
    /// The function that checks functions.
    pub validator: Option<String>,
    /// The extension that it belongs to.
    pub extension: Option<String>,
}

impl CatalogFact for Language {
    const SQL: &'static str = include_str!("languages.sql");
}
