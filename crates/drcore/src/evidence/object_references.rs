//! What columns of the application say of objects in Supabase Storage, and which objects none of them names.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TenantRows;

/// The objects that a column names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "NamedObjects")]
#[non_exhaustive]
pub struct NamedObjects {
    /// How many values the column has; NULL and the empty text are none.
    pub values: u64,
    /// How many of them name nothing in the storage, such as URLs of other sites.
    pub elsewhere: u64,
    /// How many of them name an object that has no row.
    pub lost: u64,
    /// How many of these each tenant has: the hundred with the most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<TenantRows>,
    /// How many tenants have any; none where rows of this table belong to no tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants_total: Option<u64>,
    /// The first of them: bucket and name, or id.
    pub samples: Vec<String>,
}

/// The objects of a bucket that no column names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "UnnamedObjects")]
#[non_exhaustive]
pub struct UnnamedObjects {
    /// How many objects the bucket has.
    pub objects: u64,
    /// How many of them no column names.
    pub unnamed: u64,
    /// How many bytes these are, where their rows say so.
    pub bytes: u64,
    /// When the oldest of them was uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// When the newest was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
    /// How many of them lie in a folder that has the name of a tenant of the rows: the hundred with the most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<TenantRows>,
    /// The first of them.
    pub samples: Vec<String>,
}

/// The objects that no column names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "UnnamedByBucket")]
#[non_exhaustive]
pub struct UnnamedByBucket {
    /// By bucket: those that a column names an object of, or that the plan names.
    pub buckets: BTreeMap<String, UnnamedObjects>,
}
