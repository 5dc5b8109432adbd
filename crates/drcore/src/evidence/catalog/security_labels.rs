//! Labels of security modules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// A label that a security module gave an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "SecurityLabel")]
#[non_exhaustive]
pub struct SecurityLabel {
    /// What the object is, in the words of the server.
    pub kind: String,
    /// The object, in the words of the server.
    pub object: String,
    /// The schema that it is in, where it is in one.
    pub schema: Option<String>,
    /// The security module.
    pub provider: String,
    /// The label.
    pub label: String,
}

impl CatalogFact for SecurityLabel {
    const SQL: &'static str = include_str!("security_labels.sql");
}
