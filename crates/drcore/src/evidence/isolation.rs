//! What users of the API see of each other's rows, tried by becoming them.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fact;
use crate::sql::QualifiedName;

/// What one user of the API, or one without a token, sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ActedAs")]
#[non_exhaustive]
pub struct ActedAs {
    /// SHA-256 of the role, the token, the tenants and the column: what was seen as somebody else is no answer.
    pub sha256: String,
    /// What is seen of each table and view.
    pub tables: BTreeMap<QualifiedName, Fact<Seen>>,
}

/// What is seen of the rows of one table or view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Seen")]
#[non_exhaustive]
pub struct Seen {
    /// Rows of the user's own tenants that are seen.
    pub own: u64,
    /// Rows of other tenants that are seen.
    pub others: u64,
    /// How many other tenants these belong to.
    pub other_tenants: u64,
    /// Whether there are rows of the user's own tenants.
    pub has_own: bool,
    /// Whether there are rows of other tenants, so that seeing none proves something.
    pub has_others: bool,
}

/// Users that were chosen from the data, to be acted as: ids, never a name or an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "SampledUsers")]
#[non_exhaustive]
pub struct SampledUsers {
    /// SHA-256 of the statement that says who belongs to which tenant.
    pub sha256: String,
    /// How many were to be chosen, at most.
    pub most: u64,
    /// Who was chosen.
    pub sample: Fact<UserSample>,
    /// The tenants of users that were chosen in the baseline, and are not among these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<String, Fact<UserTenants>>,
}

impl SampledUsers {
    pub(crate) fn new(sha256: String, most: u64) -> Self {
        Self { sha256, most, sample: Fact::NotAsked, others: BTreeMap::new() }
    }
}

/// The tenants that one user belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "UserTenants")]
#[non_exhaustive]
pub struct UserTenants {
    /// All of them.
    pub tenants: BTreeSet<String>,
}

/// Who was chosen, and of how many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "UserSample")]
#[non_exhaustive]
pub struct UserSample {
    /// How many users the statement knows.
    pub users: u64,
    /// How many tenants it knows.
    pub tenants: u64,
    /// The tenants of each user that was chosen.
    pub chosen: BTreeMap<String, BTreeSet<String>>,
}
