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
    /// INHERIT: whether it has the rights of what it is a member of without SET ROLE.
    pub inherit: bool,
    /// LOGIN.
    pub login: bool,
    /// BYPASSRLS.
    pub bypass_rls: bool,
    /// The roles that it is a member of, directly.
    pub member_of: Vec<String>,
}

impl CatalogFact for Role {
    const SQL: &'static str = include_str!("roles.sql");
}
