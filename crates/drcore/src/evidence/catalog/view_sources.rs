//! What views read from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::sql::QualifiedName;

/// A relation that a view or materialised view reads from, directly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ViewSource")]
#[non_exhaustive]
pub struct ViewSource {
    /// The view.
    pub view: QualifiedName,
    /// What it reads from.
    pub source: QualifiedName,
}

impl CatalogFact for ViewSource {
    const SQL: &'static str = include_str!("view_sources.sql");
}
