//! Sequences, with the columns that they feed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::evidence::acl::Acl;
use crate::sql::QualifiedName;

/// A sequence, with the columns that it feeds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Sequence")]
#[non_exhaustive]
pub struct Sequence {
    /// Its name.
    pub name: QualifiedName,
    /// Its type, such as `bigint`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The value that it starts at.
    #[serde(with = "crate::wire::decimal")]
    #[schemars(with = "String")]
    pub start: i64,
    /// The smallest value.
    #[serde(with = "crate::wire::decimal")]
    #[schemars(with = "String")]
    pub min: i64,
    /// The largest value.
    #[serde(with = "crate::wire::decimal")]
    #[schemars(with = "String")]
    pub max: i64,
    /// By how much it steps; negative for a descending one.
    #[serde(with = "crate::wire::decimal")]
    #[schemars(with = "String")]
    pub increment: i64,
    /// How many values a session takes at once.
    #[serde(with = "crate::wire::decimal")]
    #[schemars(with = "String")]
    pub cache: i64,
    /// Whether it begins again after the last value.
    pub cycle: bool,
    /// The columns that it feeds: owned, identity, or by a DEFAULT that calls `nextval`.
    pub feeds: Vec<FedColumn>,
    /// Whether it is UNLOGGED.
    pub unlogged: bool,
    /// Its owner.
    pub owner: String,
    /// Privileges, the defaults written out.
    pub acl: Acl,
    /// The extension that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
}

/// A column that a sequence feeds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "FedColumn")]
#[non_exhaustive]
pub struct FedColumn {
    /// The table.
    pub relation: QualifiedName,
    /// The column, unquoted.
    pub column: String,
    /// `owned`, `identity` or `default`.
    pub link: String,
}

impl CatalogFact for Sequence {
    const SQL: &'static str = include_str!("sequences.sql");
}
