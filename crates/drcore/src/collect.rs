//! Collecting: answers what is wanted, in rounds, until nothing is.
//!
//! [`wanted`] is a pure function of plan, evidence so far and baseline; the
//! collector answers every [`Request`] and asks again: first the catalog, then
//! scans (which need the catalog and the baseline's foreign keys), then who the
//! damaged rows are. What was asked for and not answered is unread, never absent.

mod answer;
mod progress;
mod recent;
mod request;
mod stop;
mod workers;

use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tracing::Instrument;

pub use progress::{Phase, Progress};
pub use request::{Request, Wants};
pub(crate) use stop::Stop;

use crate::check::Context;
use crate::checks;
use crate::connect::{Dsn, Session, Source};
use crate::error::{ErrorKind, Result};
use crate::evidence::catalog::CatalogFactName;
use crate::evidence::{Evidence, Failure, Run};
use crate::plan::Plan;
use crate::text::milliseconds;

/// Says what is wanted, given what is known so far.
pub(crate) type Wanted = Arc<dyn Fn(&Evidence) -> Wants + Send + Sync>;

/// How to collect.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct CollectOptions {
    /// Told of progress, from the collecting task: must not block.
    pub progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
    /// Cancelled: what was read so far is kept, the rest is unread, and the
    /// statements are cancelled on the server too.
    pub cancel: tokio_util::sync::CancellationToken,
    /// A snapshot to join, as `pg_export_snapshot()` gives it, so that Evidence
    /// and dump are of one state. The transaction that exported it must stay open.
    pub snapshot: Option<String>,
    /// Only these checks' facts; all where empty.
    pub only: Vec<String>,
    /// These facts of the catalog and nothing else, whatever checks want: no table is scanned.
    pub facts: Option<Vec<CatalogFactName>>,
    /// What is wanted instead of what the checks want: the other verbs' questions.
    pub(crate) wanted: Option<Wanted>,
}

impl std::fmt::Debug for CollectOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CollectOptions")
            .field("snapshot", &self.snapshot)
            .field("only", &self.only)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

/// What is still wanted.
pub fn wanted(plan: &Plan, now: &Evidence, then: Option<&Evidence>, only: &[String]) -> Wants {
    let context = Context::new(plan, now, then);
    let mut wants = Wants::default();
    for check in checks::ALL {
        let selected = only.is_empty() || only.iter().any(|id| id == check.id);
        if selected && plan.skipped(check.id).is_none() {
            (check.wanted)(context, &mut wants);
        }
    }
    wants.retain(|request| !request.is_answered(now));
    wants
}

/// Reads every fact that plan and baseline ask for, from one state of one database.
///
/// # Errors
/// Never for a single object: that is unread. [`ErrorKind::Connection`] and the
/// like only where no session could be opened at all, or where the session that
/// holds the snapshot was lost twice.
pub async fn collect(
    source: &Source,
    plan: &Plan,
    baseline: Option<&Evidence>,
    options: &CollectOptions,
) -> Result<Evidence> {
    let stop = Stop::new(options.cancel.clone(), plan.limits.deadline.map(Into::into));
    let result = collect_until(&stop, source, plan, baseline, options).await;
    stop.finish();
    result
}

#[tracing::instrument(name = "collect", skip_all, fields(server = %source.dsn(), database = source.dsn().database()))]
async fn collect_until(
    stop: &Stop,
    source: &Source,
    plan: &Plan,
    baseline: Option<&Evidence>,
    options: &CollectOptions,
) -> Result<Evidence> {
    let started = Instant::now();
    // Boxed, or every caller's future would be as large as all of it.
    let mut result = Box::pin(attempt(source, plan, baseline, options, stop)).await;
    if matches!(&result, Err(error) if error.kind() == ErrorKind::Connection)
        && !stop.is_stopped()
        && options.snapshot.is_none()
    {
        tracing::warn!("the session that held the snapshot was lost: reading all again");
        // All of it was one snapshot's; what is left of it is worth nothing beside another's.
        result = Box::pin(attempt(source, plan, baseline, options, stop)).await.map(|mut evidence| {
            evidence
                .run
                .notes
                .push("the session that held the snapshot was lost; all was read again".to_owned());
            evidence
        });
    }
    let mut evidence = result?;
    evidence.run.elapsed_ms = milliseconds(started);
    tracing::info!(
        elapsed_ms = evidence.run.elapsed_ms,
        sessions = evidence.run.sessions,
        ended_early = evidence.run.failure.as_ref().map(|failure| failure.kind.as_str()),
        "collected"
    );
    Ok(evidence)
}

/// As [`collect`]; where nothing can be read, Evidence that says so.
pub async fn collect_or_unreachable(
    url: &str,
    plan: &Plan,
    baseline: Option<&Evidence>,
    options: &CollectOptions,
) -> Evidence {
    let started = Instant::now();
    // Connecting counts towards the deadline, and can be cancelled too.
    let stop = Stop::new(options.cancel.clone(), plan.limits.deadline.map(Into::into));
    let (dsn, result) = match Dsn::parse(url) {
        Ok(dsn) => {
            let result = match stop.or(Source::open(dsn.clone(), &plan.limits)).await {
                Ok(source) => Box::pin(collect_until(&stop, &source, plan, baseline, options)).await,
                Err(error) => Err(error),
            };
            (Some(dsn), result)
        }
        Err(error) => (None, Err(error)),
    };
    stop.finish();
    result.unwrap_or_else(|error| {
        let mut run = Run::new(Timestamp::now());
        if let Some(dsn) = &dsn {
            run.reached_by(dsn);
        }
        run.elapsed_ms = milliseconds(started);
        tracing::warn!(kind = %error.kind(), sqlstate = error.sqlstate(), server = run.host, "nothing could be read");
        Evidence::unreachable(&error, run)
    })
}

async fn attempt(
    source: &Source,
    plan: &Plan,
    baseline: Option<&Evidence>,
    options: &CollectOptions,
    stop: &Stop,
) -> Result<Evidence> {
    let begin = async {
        let exporter = source.session(&plan.limits).await?;
        let snapshot = exporter.begin_snapshot(&plan.limits, options.snapshot.as_deref()).await?;
        let server = exporter.server().await?;
        let standby = if server.in_recovery { Some(exporter.standby().await) } else { None };
        Ok((exporter, snapshot, server, standby))
    };
    let (exporter, snapshot, server, standby) =
        stop.or(begin).instrument(tracing::debug_span!("snapshot")).await?;
    tracing::debug!(
        taken_at = %server.taken_at,
        version = server.version,
        standby = server.in_recovery,
        shared = snapshot.is_some(),
        "holding a snapshot"
    );
    let mut run = Run::new(server.taken_at);
    run.reached_by(source.dsn());
    run.server = Some(server);
    match standby {
        Some(Ok(standby)) => run.standby = Some(standby),
        Some(Err(error)) => run.notes.push(format!("how far the standby is behind: {error}")),
        None => {}
    }
    run.notes.extend(source.notes());
    let mut evidence = Evidence::new(run);

    let pool = stop.or(workers::Pool::open(source, plan, exporter, snapshot, &mut evidence.run)).await?;
    let tracker = progress::Tracker::new(options.progress.clone());
    let mut before = Wants::default();
    for round in 1_u32.. {
        let mut wants = match (&options.wanted, &options.facts) {
            (Some(wanted), _) => wanted(&evidence),
            (None, Some(facts)) => Wants::facts(facts, &evidence),
            (None, None) => wanted(plan, &evidence, baseline, &options.only),
        };
        wants.retain(|request| !request.is_answered(&evidence));
        // Every request leaves an answer, so a round that wants the same again is a defect: stop, and stay unread.
        if wants.is_empty() || wants == before {
            break;
        }
        before = wants.clone();
        let span = tracing::debug_span!("round", round);
        pool.answer(plan, wants, &mut evidence, stop, &tracker).instrument(span).await;
        if stop.is_stopped() || pool.is_lost() {
            break;
        }
    }
    if !stop.is_stopped() {
        pool.check_snapshot().await?;
    }
    if let Some(cause) = stop.cause() {
        // Whatever nobody got to ask is unread for this reason too.
        evidence.run.failure = Some(Failure::from(&cause));
    }
    pool.close().await;
    Ok(evidence)
}

/// The sessions of one collection end their transactions before they are given up.
impl Session {
    pub(crate) async fn rollback(&self) {
        // The session is closed next; there is nothing to do about an error.
        let _ = self.simple("rollback").await;
    }
}

impl From<&crate::evidence::Cause> for Failure {
    fn from(cause: &crate::evidence::Cause) -> Self {
        Self::from(&cause.clone().into_stop_error())
    }
}
