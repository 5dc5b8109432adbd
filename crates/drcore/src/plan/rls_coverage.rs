//! `[rls_coverage]`: what the API exposes.

use schemars::JsonSchema;
use serde::Serialize;

use super::reader::{Fields, Reader};

/// What the API exposes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "RlsCoverage")]
#[non_exhaustive]
pub struct RlsCoverage {
    /// The schemas that the API serves (Supabase: Settings, API, Exposed schemas).
    pub exposed_schemas: Vec<String>,
}

impl RlsCoverage {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let exposed_schemas = fields.required(reader, "exposed_schemas", |reader, node, path| {
            reader.some(node, path, Reader::string)
        });
        fields.finish(reader);
        Some(Self { exposed_schemas: exposed_schemas? })
    }
}
