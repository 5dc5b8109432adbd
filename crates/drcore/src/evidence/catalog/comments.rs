//! Comments on objects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// A comment on an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Comment")]
#[non_exhaustive]
pub struct Comment {
    /// What the object is, in the words of the server: `table column`.
    pub kind: String,
    /// The object, in the words of the server: `public.invoices.number`.
    pub object: String,
    /// The schema that it is in, where it is in one.
    pub schema: Option<String>,
    /// The comment.
    pub comment: String,
}

impl CatalogFact for Comment {
    const SQL: &'static str = include_str!("comments.sql");
}
