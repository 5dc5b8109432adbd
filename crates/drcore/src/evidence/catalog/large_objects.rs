//! Large objects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// How many large objects there are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "LargeObjects")]
#[non_exhaustive]
pub struct LargeObjects {
    /// The number.
    pub count: u64,
}

impl CatalogFact for LargeObjects {
    const SQL: &'static str = include_str!("large_objects.sql");
}
