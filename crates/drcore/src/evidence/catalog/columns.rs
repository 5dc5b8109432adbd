//! Columns of tables and views.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::evidence::acl::Acl;
use crate::sql::QualifiedName;

/// A column of a table or view.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Column")]
#[non_exhaustive]
pub struct Column {
    /// The relation that it belongs to.
    pub relation: QualifiedName,
    /// Its place among the columns, from 1; dropped columns leave holes.
    pub position: i32,
    /// Its name, unquoted.
    pub name: String,
    /// Its type as SQL, such as `numeric(10,2)`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The type under it as SQL, where it is a domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The OID of its type, or of what a domain is based on, where that is a built-in type; these
    /// OIDs are the same on every server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub builtin: Option<u32>,
    /// Whether it refuses NULL.
    pub not_null: bool,
    /// Its default, or the expression that generates it.
    pub default: Option<String>,
    /// Whether its value is generated from other columns.
    pub generated: bool,
    /// Whether it is an identity column.
    pub identity: bool,
    /// Privileges on this column alone.
    pub acl: Acl,
    /// Whether it is an identity column whose values nobody else may give.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub identity_always: bool,
    /// Whether its generated value is computed when it is read, and not stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub generated_virtually: bool,
    /// Whether rows that were there before it refused NULL may hold one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_null_unproven: bool,
    /// Whether tables that inherit from it may take NULL.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_null_local: bool,
    /// Its collation, where that is not its type's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collation: Option<QualifiedName>,
    /// How large values are stored, where that is not as its type says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// How large values are compressed, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<String>,
    /// How closely the planner looks at it, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<i32>,
    /// What the planner is told about it, such as `n_distinct=5`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// What the server of a foreign table is told about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub server_options: Vec<String>,
}

impl Column {
    /// Its type as SQL; of a domain, the type under it.
    pub fn plain_type(&self) -> &str {
        self.base.as_deref().unwrap_or(&self.type_name)
    }

    /// Whether it holds instants or dates.
    pub fn is_time(&self) -> bool {
        self.plain_type() == "date" || self.plain_type().starts_with("timestamp")
    }

    /// Whether it holds whole numbers.
    pub fn is_integer(&self) -> bool {
        matches!(self.plain_type(), "smallint" | "integer" | "bigint")
    }
}

impl CatalogFact for Column {
    const SQL: &'static str = include_str!("columns.sql");
}
