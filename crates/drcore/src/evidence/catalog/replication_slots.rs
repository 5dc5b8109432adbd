//! Replication slots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// A replication slot: it keeps what its consumer was not sent yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ReplicationSlot")]
#[non_exhaustive]
pub struct ReplicationSlot {
    /// Its name.
    pub name: String,
    /// `logical` or `physical`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// How changes are put, for a logical one.
    pub plugin: Option<String>,
}

impl CatalogFact for ReplicationSlot {
    const SQL: &'static str = include_str!("replication_slots.sql");
}
