//! Privileges on configuration parameters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::evidence::acl::Acl;

/// A configuration parameter that somebody was granted to set.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Parameter")]
#[non_exhaustive]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Privileges.
    pub acl: Acl,
}

impl Parameter {
    /// The first version that has them.
    pub(crate) const SINCE: u32 = 15;
}

impl CatalogFact for Parameter {
    const SQL: &'static str = include_str!("parameters.sql");
}
