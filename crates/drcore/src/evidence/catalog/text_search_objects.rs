//! Configurations, dictionaries, parsers and templates of text search of the users' own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// A configuration, dictionary, parser or template of text search.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "TextSearchObject")]
#[non_exhaustive]
pub struct TextSearchObject {
    /// `configuration`, `dictionary`, `parser` or `template`.
    pub kind: String,
    /// Its schema, unquoted.
    pub schema: String,
    /// Its name, unquoted.
    pub name: String,
    /// What stands in parentheses in the statement that creates it.
    pub definition: String,
    /// The dictionaries of each kind of word, for a configuration: `word: simple`.
    pub mappings: Vec<String>,
}

impl CatalogFact for TextSearchObject {
    const SQL: &'static str = include_str!("text_search_objects.sql");
}
