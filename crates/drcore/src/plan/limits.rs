//! `[limits]`: sessions, timeouts and the deadline.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::duration::Span;
use super::reader::{Fields, Reader};

/// Sessions, timeouts and the deadline of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Limits")]
#[non_exhaustive]
pub struct Limits {
    /// How many sessions read, besides the one that holds the snapshot. Default 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sessions: Option<u32>,
    /// How long connecting may take. Default 10 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect_timeout: Option<Span>,
    /// How long one statement may take. Default: what the role has, else 15 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement_timeout: Option<Span>,
    /// How long to wait for a lock that somebody else holds. Default 5 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock_timeout: Option<Span>,
    /// How long the whole call may take, connecting and a live source included; what was not read by then is
    /// unread. Default: no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Span>,
    /// How old the snapshot may become: later nothing more is begun on it, and the rest is unread. While a
    /// snapshot is held, the server cannot vacuum away rows that are deleted meanwhile. Default: no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_age: Option<Span>,
}

impl Limits {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        if fields.entries().is_empty() {
            return fields.wrong(reader, "this section is empty; allowed: sessions, connect_timeout, statement_timeout, lock_timeout, deadline, snapshot_age");
        }
        let sessions = fields.optional(reader, "sessions", |reader, node, path| {
            match reader.count(node, path).map(u32::try_from) {
                Some(Ok(sessions @ 1..=64)) => Some(sessions),
                Some(_) => reader.wrong(node, path, "expected a number of sessions from 1 to 64"),
                None => None,
            }
        });
        let limits = Self {
            sessions,
            connect_timeout: fields.optional(reader, "connect_timeout", Reader::span),
            statement_timeout: fields.optional(reader, "statement_timeout", Reader::span),
            lock_timeout: fields.optional(reader, "lock_timeout", Reader::span),
            deadline: fields.optional(reader, "deadline", Reader::span),
            snapshot_age: fields.optional(reader, "snapshot_age", Reader::span),
        };
        fields.finish(reader);
        Some(limits)
    }

    /// These limits, and the others' where these say nothing.
    #[must_use]
    pub fn or(self, others: &Self) -> Self {
        Self {
            sessions: self.sessions.or(others.sessions),
            connect_timeout: self.connect_timeout.or(others.connect_timeout),
            statement_timeout: self.statement_timeout.or(others.statement_timeout),
            lock_timeout: self.lock_timeout.or(others.lock_timeout),
            deadline: self.deadline.or(others.deadline),
            snapshot_age: self.snapshot_age.or(others.snapshot_age),
        }
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn sessions(&self) -> usize {
        self.sessions.map_or(2, |sessions| usize::try_from(sessions).unwrap_or(2))
    }

    /// How long connecting may take where nobody says.
    pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

    pub(crate) fn statement_timeout(&self) -> Duration {
        self.statement_timeout.map_or(Duration::from_secs(900), Duration::from)
    }

    pub(crate) fn lock_timeout(&self) -> Duration {
        self.lock_timeout.map_or(Duration::from_secs(5), Duration::from)
    }
}
