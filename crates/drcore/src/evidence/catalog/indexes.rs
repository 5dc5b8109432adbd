//! Indexes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::sql::QualifiedName;

/// An index, valid or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Index")]
#[non_exhaustive]
pub struct Index {
    /// The table or materialised view.
    pub relation: QualifiedName,
    /// Its name, unquoted.
    pub name: String,
    /// The statement that creates it.
    pub definition: String,
    /// The constraint that it stands behind, unquoted.
    pub constraint: Option<String>,
    /// The columns in it, those in its expressions and condition too, unquoted.
    pub columns: Vec<String>,
    /// Whether it keeps duplicates out.
    pub unique: bool,
    /// Whether it is a partition's part of its root's index.
    pub of_root: bool,
    /// Whether queries may use it.
    pub valid: bool,
    /// Whether new rows go into it.
    pub ready: bool,
    /// Whether anything may be done with it: it is not being dropped.
    pub live: bool,
    /// Whether the table was last sorted by it.
    pub clustered: bool,
    /// Whether subscribers know rows by it.
    pub replica_identity: bool,
    /// Where it is stored, where that is not the database's own tablespace.
    pub tablespace: Option<String>,
    /// How closely the planner looks at expressions in it, where that is said: `1: 300`.
    pub statistics: Vec<String>,
    /// The collations that it sorts by.
    pub collations: Vec<QualifiedName>,
}

impl CatalogFact for Index {
    const SQL: &'static str = include_str!("indexes.sql");
}
