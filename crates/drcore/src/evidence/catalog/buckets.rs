//! `storage.buckets` of Supabase.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// A row of `storage.buckets`. Columns that this version of the storage schema lacks are none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Bucket")]
#[non_exhaustive]
pub struct Bucket {
    /// Its id, which is its name in paths.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Whether anyone may download: row level security is not asked. NULL counts as private.
    pub public: Option<bool>,
    /// The largest upload, in bytes.
    pub file_size_limit: Option<i64>,
    /// The MIME types that uploads may have.
    pub allowed_mime_types: Option<Vec<String>>,
    /// `STANDARD`, `ANALYTICS` or `VECTOR`.
    #[serde(rename = "type")]
    pub type_name: Option<String>,
}

impl CatalogFact for Bucket {
    const SQL: &'static str = include_str!("buckets.sql");
}
