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
    /// What else it is; none in Evidence that was stored before this was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<RoleAttributes>,
}

/// What a role is, beside what decides over row level security.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "RoleAttributes")]
#[non_exhaustive]
pub struct RoleAttributes {
    /// INHERIT.
    pub inherit: bool,
    /// CREATEROLE.
    pub create_role: bool,
    /// CREATEDB.
    pub create_database: bool,
    /// REPLICATION.
    pub replication: bool,
    /// CONNECTION LIMIT; none where there is no limit.
    pub connections: Option<i32>,
    /// VALID UNTIL, in UTC: from then on its password is refused.
    pub valid_until: Option<String>,
    /// The roles that it may give to others, directly: memberships with the ADMIN option.
    pub administers: Vec<String>,
    /// Whether it is the role that initdb made, whatever it is called.
    pub is_first: bool,
}

impl CatalogFact for Role {
    const SQL: &'static str = include_str!("roles.sql");
}
