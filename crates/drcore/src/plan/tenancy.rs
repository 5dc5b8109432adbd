//! `[tenancy]`: how rows belong to tenants.

use schemars::JsonSchema;
use serde::Serialize;

use super::reader::{Fields, Reader};

/// How rows belong to tenants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Tenancy")]
#[non_exhaustive]
pub struct Tenancy {
    /// The column that says which tenant a row belongs to, such as `tenant_id`.
    pub column: String,
}

impl Tenancy {
    /// Rows belong to the tenant in this column.
    pub fn new(column: impl Into<String>) -> Self {
        Self { column: column.into() }
    }

    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let column = fields.required(reader, "column", Reader::string);
        fields.finish(reader);
        Some(Self { column: column? })
    }
}
