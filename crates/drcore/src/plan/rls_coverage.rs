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

#[cfg(test)]
mod tests {
    use crate::plan::Plan;

    #[test]
    fn mistakes_are_told() {
        for (text, told) in [
            ("[rls_coverage]", "exposed_schemas is missing"),
            ("[rls_coverage]\nexposed_schemas = []", "expects nothing"),
            ("[rls_coverage]\nexposed_schemas = \"public\"", "a list"),
            ("[rls_coverage]\nexposed_shemas = [\"public\"]", "did you mean exposed_schemas?"),
        ] {
            let error = Plan::from_toml(text).unwrap_err();
            let detail = error.detail_text().unwrap();
            assert!(detail.contains(told), "{text}: {detail}");
        }
    }
}
