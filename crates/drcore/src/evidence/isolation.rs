//! What users of the API see of each other's rows, tried by becoming them.

use std::collections::BTreeMap;

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
