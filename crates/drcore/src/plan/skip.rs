//! `[[skip]]`: checks that are left out, with the reason.

use schemars::JsonSchema;
use serde::Serialize;

use super::reader::{Fields, Reader, unknown};

/// A check that is left out: the report shows it, with the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Skip")]
#[non_exhaustive]
pub struct Skip {
    /// The id of the check.
    pub check: String,
    /// Why.
    pub reason: String,
}

impl Skip {
    /// This check is left out because of `reason`.
    pub(crate) fn new(check: &str, reason: &str) -> Self {
        Self { check: check.to_owned(), reason: reason.to_owned() }
    }

    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let check = fields.required(reader, "check", |reader, node, path| {
            let id = reader.string(node, path)?;
            let ids: Vec<&str> = crate::checks::ALL.iter().map(|check| check.id).collect();
            if ids.contains(&id.as_str()) {
                Some(id)
            } else {
                reader.wrong(node, path, unknown("check", &id, &ids))
            }
        });
        let reason = fields.required(reader, "reason", Reader::string);
        fields.finish(reader);
        Some(Self { check: check?, reason: reason? })
    }
}
