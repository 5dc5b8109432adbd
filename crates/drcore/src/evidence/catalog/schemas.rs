//! Schemas.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::evidence::acl::Acl;

/// A schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Schema")]
#[non_exhaustive]
pub struct Schema {
    /// Its name, unquoted.
    pub name: String,
    /// Its owner.
    pub owner: String,
    /// Privileges, the defaults written out.
    pub acl: Acl,
    /// The extension that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
}

impl CatalogFact for Schema {
    const SQL: &'static str = include_str!("schemas.sql");
}
