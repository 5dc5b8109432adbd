//! Publications.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::sql::QualifiedName;

/// A publication: what subscribers are sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Publication")]
#[non_exhaustive]
pub struct Publication {
    /// Its name, unquoted.
    pub name: String,
    /// Its owner.
    pub owner: String,
    /// Whether all tables are sent.
    pub all_tables: bool,
    /// What is sent of `insert`, `update`, `delete` and `truncate`.
    pub operations: Vec<String>,
    /// Whether partitions are sent as their root.
    pub via_root: bool,
    /// Whether generated columns are sent.
    pub generated_columns: bool,
    /// The tables that are sent.
    pub tables: Vec<PublishedTable>,
    /// The schemas of which all tables are sent, unquoted.
    pub schemas: Vec<String>,
}

/// A table of a publication.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "PublishedTable")]
#[non_exhaustive]
pub struct PublishedTable {
    /// The table.
    pub relation: QualifiedName,
    /// The columns that are sent, unquoted, where not all are.
    pub columns: Option<Vec<String>>,
    /// The condition of the rows that are sent, where not all are.
    pub filter: Option<String>,
}

impl CatalogFact for Publication {
    const SQL: &'static str = include_str!("publications.sql");
}
