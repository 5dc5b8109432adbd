//! Unique indexes, with what each compares.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::sql::QualifiedName;

/// A unique index, that of a primary key or unique constraint too, whether it is valid or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "UniqueIndex")]
#[non_exhaustive]
pub struct UniqueIndex {
    /// The table.
    pub relation: QualifiedName,
    /// The name of the index, and of its constraint, unquoted.
    pub name: String,
    /// What it was made for.
    pub origin: UniqueOrigin,
    /// What it compares, in order; included columns are left out.
    pub parts: Vec<UniquePart>,
    /// The condition of the rows that it holds, where it does not hold all.
    pub predicate: Option<String>,
    /// Whether rows with a NULL among the parts are never equal.
    pub nulls_distinct: bool,
    /// Whether PostgreSQL believes that it holds all rows, and keeps others out.
    pub valid: bool,
    /// The constraint or the index as SQL.
    pub definition: String,
}

/// What a unique index was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "UniqueOrigin")]
#[non_exhaustive]
pub enum UniqueOrigin {
    /// A unique constraint.
    Constraint,
    /// Itself.
    Index,
    /// The primary key.
    PrimaryKey,
}

/// A column or an expression that a unique index compares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "UniquePart")]
#[non_exhaustive]
pub struct UniquePart {
    /// The column, unquoted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The expression as SQL, where it is no column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// The collation by which it is compared; `C` for all that compare texts byte by byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<QualifiedName>,
    /// The type as which it is compared, where it is of another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compared_as: Option<QualifiedName>,
    /// The operator class, where it finds other values equal than `group by` does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator_class: Option<QualifiedName>,
}

impl UniquePart {
    /// A column, compared as its type and collation say.
    pub fn column(name: impl Into<String>) -> Self {
        Self {
            column: Some(name.into()),
            expression: None,
            collation: None,
            compared_as: None,
            operator_class: None,
        }
    }
}

impl CatalogFact for UniqueIndex {
    const SQL: &'static str = include_str!("unique_indexes.sql");
}
