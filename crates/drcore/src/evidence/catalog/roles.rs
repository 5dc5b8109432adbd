//! Roles, with what they are members of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// A role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Role")]
#[non_exhaustive]
pub struct Role {
    /// Its name, unquoted.
    pub name: String,
    /// SUPERUSER.
    pub superuser: bool,
    /// LOGIN.
    pub login: bool,
    /// BYPASSRLS.
    pub bypass_rls: bool,
    /// The roles whose rights it has without SET ROLE, directly.
    pub inherits: Vec<String>,
    /// The roles that it can become by SET ROLE, directly.
    pub can_become: Vec<String>,
}

impl CatalogFact for Role {
    const SQL: &'static str = include_str!("roles.sql");
}
