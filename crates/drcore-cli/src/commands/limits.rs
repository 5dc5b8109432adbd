//! How long reading may take, and how much of it goes on at once.

use drcore::plan::{Limits, Span};

const HEADING: &str = "Limits (else the plan's)";

/// Limits that go before those of the plan.
#[derive(Debug, clap::Args)]
pub(crate) struct LimitArguments {
    /// How long reading may take, such as 10m; the rest is unread then
    #[arg(long, value_name = "DURATION", env = "DRCORE_DEADLINE", value_parser = Span::parse)]
    #[arg(help_heading = HEADING)]
    deadline: Option<Span>,
    /// How long connecting may take; default 10s
    #[arg(long, value_name = "DURATION", env = "DRCORE_CONNECT_TIMEOUT", value_parser = Span::parse)]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    connect_timeout: Option<Span>,
    /// How long one statement may take; default what the role has, else 15m
    #[arg(long, value_name = "DURATION", env = "DRCORE_STATEMENT_TIMEOUT", value_parser = Span::parse)]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    statement_timeout: Option<Span>,
    /// How long to wait for a lock; default 5s
    #[arg(long, value_name = "DURATION", env = "DRCORE_LOCK_TIMEOUT", value_parser = Span::parse)]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    lock_timeout: Option<Span>,
    /// How old the snapshot may become: later nothing more is begun, and the rest is
    /// unread. A snapshot keeps the server from vacuuming
    #[arg(long, value_name = "DURATION", env = "DRCORE_SNAPSHOT_AGE", value_parser = Span::parse)]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    snapshot_age: Option<Span>,
    /// How many sessions read at once, from 1 to 64; default 2
    #[arg(long, value_name = "N", env = "DRCORE_SESSIONS", value_parser = clap::value_parser!(u32).range(1..=64))]
    #[arg(help_heading = HEADING, hide_short_help = true)]
    sessions: Option<u32>,
}

impl LimitArguments {
    /// What was given.
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.deadline = self.deadline;
        limits.connect_timeout = self.connect_timeout;
        limits.statement_timeout = self.statement_timeout;
        limits.lock_timeout = self.lock_timeout;
        limits.snapshot_age = self.snapshot_age;
        limits.sessions = self.sessions;
        limits
    }
}
