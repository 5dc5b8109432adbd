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
