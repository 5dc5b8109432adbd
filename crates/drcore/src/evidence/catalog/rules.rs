//! Rewrite rules, but for those that make views.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CatalogFact, Enabled};
use crate::sql::QualifiedName;

/// A rewrite rule of a table or view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Rule")]
#[non_exhaustive]
pub struct Rule {
    /// The table or view.
    pub relation: QualifiedName,
    /// Its name, unquoted.
    pub name: String,
    /// When it holds.
    pub enabled: Enabled,
    /// The statement that creates it.
    pub definition: String,
}

impl CatalogFact for Rule {
    const SQL: &'static str = include_str!("rules.sql");
}
