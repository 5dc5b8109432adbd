//! What views and materialised views are made of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::sql::QualifiedName;

/// What a view or materialised view is made of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "View")]
#[non_exhaustive]
pub struct View {
    /// Its name.
    pub name: QualifiedName,
    /// Its query.
    pub definition: String,
}

impl CatalogFact for View {
    const SQL: &'static str = include_str!("views.sql");
}
