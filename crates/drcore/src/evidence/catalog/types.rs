//! Types of the users' own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::sql::QualifiedName;

/// A type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "UserType")]
#[non_exhaustive]
pub struct UserType {
    /// Its name.
    pub name: QualifiedName,
    /// `base`, `composite`, `domain`, `enum`, `range` or `shell`.
    pub kind: String,
    /// Its owner.
    pub owner: String,
    /// The labels of an enum, in order.
    pub labels: Vec<String>,
    /// The attributes of a composite type as SQL, in order.
    pub attributes: Vec<String>,
    /// What it is made of, as SQL: the type under a domain, the options of a range or base type.
    pub definition: Option<String>,
    /// The default of a domain.
    pub default: Option<String>,
    /// Whether a domain refuses NULL.
    pub not_null: bool,
    /// The constraints of a domain.
    pub constraints: Vec<DomainConstraint>,
}

/// A constraint of a domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "DomainConstraint")]
#[non_exhaustive]
pub struct DomainConstraint {
    /// Its name, unquoted.
    pub name: String,
    /// The constraint as SQL.
    pub definition: String,
    /// Whether PostgreSQL believes that all values obey it.
    pub validated: bool,
}

impl CatalogFact for UserType {
    const SQL: &'static str = include_str!("types.sql");
}
