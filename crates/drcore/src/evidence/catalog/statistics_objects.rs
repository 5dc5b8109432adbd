//! Statistics objects: what the planner is to know of several columns together.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::sql::QualifiedName;

/// A statistics object: what the planner is to know of several columns together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "StatisticsObject")]
#[non_exhaustive]
pub struct StatisticsObject {
    /// Its schema, unquoted.
    pub schema: String,
    /// Its name, unquoted.
    pub name: String,
    /// The table.
    pub relation: QualifiedName,
    /// The statement that creates it.
    pub definition: String,
    /// How closely the planner looks, where that is said.
    pub target: Option<i32>,
}

impl CatalogFact for StatisticsObject {
    const SQL: &'static str = include_str!("statistics_objects.sql");
}
