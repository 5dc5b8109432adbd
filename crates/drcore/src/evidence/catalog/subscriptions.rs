//! Subscriptions of this database.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// A subscription: what this database is sent. What it connects with is not read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Subscription")]
#[non_exhaustive]
pub struct Subscription {
    /// Its name, unquoted.
    pub name: String,
    /// Whether it is on.
    pub enabled: bool,
    /// The replication slot that it draws on, at the other server.
    pub slot: Option<String>,
    /// The publications, at the other server.
    pub publications: Vec<String>,
    /// Whether it waits for the disk.
    pub synchronous_commit: String,
    /// Options that are not as they would be anyway.
    pub options: Vec<String>,
}

impl CatalogFact for Subscription {
    const SQL: &'static str = include_str!("subscriptions.sql");
}
