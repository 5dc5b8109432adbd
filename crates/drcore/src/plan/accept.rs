//! `[[accept]]`: findings that are known and accepted.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::reader::{Fields, Reader};

/// A finding that is known and accepted: it is shown, and does not fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Accept")]
#[non_exhaustive]
pub struct Accept {
    /// The id of the finding, as printed under it.
    pub finding: String,
    /// Why.
    pub reason: String,
    /// For counted kinds: beyond this many rows it fails again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to: Option<u64>,
    /// From this instant on it fails again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Accept {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let finding = fields.required(reader, "finding", |reader, node, path| {
            let id = reader.string(node, path)?;
            let kind = id.split(':').nth(1).unwrap_or_default();
            if id.split(':').count() < 3 {
                return reader.wrong(
                    node,
                    path,
                    "expected the id of a finding as printed, check:kind:object",
                );
            }
            if !crate::finding::Finding::KINDS.contains(&kind) {
                let message = super::reader::unknown("kind of finding", kind, crate::finding::Finding::KINDS);
                return reader.wrong(node, path, message);
            }
            Some(id)
        });
        let reason = fields.required(reader, "reason", Reader::string);
        let up_to = fields.optional(reader, "up_to", Reader::count);
        let until = fields.optional(reader, "until", Reader::instant);
        fields.finish(reader);
        Some(Self { finding: finding?, reason: reason?, up_to, until })
    }
}
