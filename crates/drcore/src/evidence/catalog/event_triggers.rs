//! Event triggers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CatalogFact, Enabled};
use crate::sql::QualifiedName;

/// An event trigger: a function that is called when structure changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "EventTrigger")]
#[non_exhaustive]
pub struct EventTrigger {
    /// Its name, unquoted.
    pub name: String,
    /// The event, such as `ddl_command_end`.
    pub event: String,
    /// The commands that it is for; all where there are none.
    pub tags: Vec<String>,
    /// The function.
    pub function: QualifiedName,
    /// When it fires.
    pub enabled: Enabled,
    /// Its owner.
    pub owner: String,
}

impl CatalogFact for EventTrigger {
    const SQL: &'static str = include_str!("event_triggers.sql");
}
