//! `[[accept]]`: findings that are known and accepted.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::node::{Node, Value};
use super::reader::{Fields, Reader};
use crate::finding::Finding;

/// A finding that is known and accepted: it is shown, and does not fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Accept")]
#[non_exhaustive]
pub struct Accept {
    /// The id of the finding, as printed under it.
    pub finding: String,
    /// Why.
    pub reason: String,
    /// For counted kinds, beyond this many rows it fails again; for kinds that say who may do what, beyond these
    /// words, such as `select`, `anon` or the name of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub up_to: Option<Bound>,
    /// From this instant on it fails again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// How much of a finding is accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(title = "Bound")]
pub enum Bound {
    /// So many rows.
    Rows(u64),
    /// What these words say: privileges, roles, tables.
    Words(Vec<String>),
}

impl Bound {
    fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        match node.value {
            Value::Array(_) => reader.some(node, path, Reader::string).map(Self::Words),
            Value::Integer(_) => reader.count(node, path).map(Self::Rows),
            _ => reader.wrong(
                node,
                path,
                "expected a count, or a list of words such as [\"anon\", \"select\"]",
            ),
        }
    }
}

/// Why an acceptance does not cover a finding that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Beyond {
    /// It held until an instant.
    Expired,
    /// It says no bound of the right kind, which would be this.
    Unbounded(Bound),
    /// This is more than its bound.
    More(Bound),
}

impl Accept {
    /// Whether it covers the finding that it names, at this instant.
    pub(crate) fn covers(&self, finding: &Finding, at: Timestamp) -> Result<(), Beyond> {
        if self.until.is_some_and(|until| at >= until) {
            return Err(Beyond::Expired);
        }
        // A kind that can grow would hide, without a bound, whatever comes later.
        if let Some(rows) = finding.count() {
            return match self.up_to {
                Some(Bound::Rows(up_to)) if rows <= up_to => Ok(()),
                Some(Bound::Rows(_)) => Err(Beyond::More(Bound::Rows(rows))),
                _ => Err(Beyond::Unbounded(Bound::Rows(rows))),
            };
        }
        let words = finding.extent();
        let accepted: &[String] = match &self.up_to {
            Some(Bound::Words(words)) => words,
            _ if words.is_empty() => return Ok(()),
            _ => return Err(Beyond::Unbounded(Bound::Words(words))),
        };
        let more: Vec<String> = words.into_iter().filter(|word| !accepted.contains(word)).collect();
        if more.is_empty() { Ok(()) } else { Err(Beyond::More(Bound::Words(more))) }
    }

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
            if !Finding::KINDS.contains(&kind) {
                let message = super::reader::unknown("kind of finding", kind, Finding::KINDS);
                return reader.wrong(node, path, message);
            }
            Some(id)
        });
        let reason = fields.required(reader, "reason", Reader::string);
        let up_to = fields.optional(reader, "up_to", Bound::read);
        let until = fields.optional(reader, "until", Reader::instant);
        fields.finish(reader);
        Some(Self { finding: finding?, reason: reason?, up_to, until })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rows(rows) => write!(f, "{rows}"),
            Self::Words(words) => write!(f, "{words:?}"),
        }
    }
}

impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("its until is past"),
            Self::Unbounded(bound) => write!(f, "it needs a bound, which is now up_to = {bound}"),
            Self::More(Bound::Rows(rows)) => write!(f, "there are {rows}"),
            Self::More(bound) => write!(f, "its up_to lacks {bound}"),
        }
    }
}
