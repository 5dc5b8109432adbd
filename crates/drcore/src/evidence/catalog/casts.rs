//! Casts of the users' own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// A cast from one type to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Cast")]
#[non_exhaustive]
pub struct Cast {
    /// The type that is cast, as SQL.
    pub source: String,
    /// The type that it is cast to, as SQL.
    pub target: String,
    /// The function that does it, where there is one.
    pub function: Option<String>,
    /// `function`, `inout` or `binary`.
    pub method: String,
    /// When it is applied: `explicit`, `assignment` or `implicit`.
    pub context: String,
}

impl CatalogFact for Cast {
    const SQL: &'static str = include_str!("casts.sql");
}
