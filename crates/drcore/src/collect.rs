//! Collecting: answers what is wanted, in rounds, until nothing is.
//!
//! [`wanted`] is a pure function of plan, evidence so far and baseline; the
//! collector answers every [`Request`] and asks again: first the catalog, which
//! shows who may see what, then scans (which need the catalog and the baseline's
//! foreign keys), then who the damaged rows are. What was asked for and not answered is unread, never absent.

mod acting;
mod advice;
mod answer;
mod asking;
mod attempt;
pub(crate) mod auth;
mod backups;
mod content;
mod duplicates;
mod explain;
mod files;
mod gathering;
mod job;
mod jobs;
mod link;
mod migrations;
mod objects;
mod orphans;
mod pass;
mod progress;
mod queue;
mod recent;
mod references;
mod request;
mod sample;
mod shard;
mod sizes;
mod spread;
mod stop;
mod storage;
mod then;
mod workers;
mod writes;

use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use jiff::Timestamp;

pub(crate) use asking::{rewrite_check, unless_stopped};
use attempt::{Attempt, Collection};
pub use auth::AuthQuestion;
pub use content::ContentChoice;
pub use migrations::MigrationQuestion;
pub(crate) use objects::URL as OBJECT_URL;
pub(crate) use progress::{FilesProgress, both};
pub use progress::{Phase, Progress};
pub use request::{Request, Wants};
pub use shard::Shard;
pub(crate) use stop::Stop;
pub(crate) use then::Then;

use crate::check::Context;
use crate::checks;
use crate::connect::{Dsn, Source, WaitFor};
use crate::error::Result;
use crate::evidence::catalog::CatalogFactName;
use crate::evidence::{Evidence, Failure, Run};
use crate::plan::Plan;
use crate::storage::Store;
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
    /// Whether the content of tables is collected.
    pub content: ContentChoice,
    /// Blocks of a table that one statement reads, at most. Where nobody says, large tables are read in parts
    /// that suit their size and the number of sessions, and in smaller ones where a statement takes longer than it may.
    pub blocks: Option<u32>,
    /// Only this share of the work, where others do the rest.
    pub shard: Option<Shard>,
    /// The store whose files are compared with the rows of `storage.objects`.
    pub store: Option<Store>,
    /// Where backups are looked for, as the plan says.
    pub(crate) backups: Option<crate::plan::Backups>,
    /// Where the files of migrations are, as the plan says.
    pub(crate) migrations: Option<crate::plan::MigrationDrift>,
    /// By which name the database may be written to, where the plan wants writes to be attempted as users of the API:
    /// what [`Target`](crate::Target) calls it. Each attempt is undone. Never the name of what is in production.
    pub attempt_writes: Option<String>,
    /// These facts of the catalog and nothing else, whatever checks want: no table is scanned.
    pub facts: Option<Vec<CatalogFactName>>,
    /// Whether each file of the store is kept that something is wrong with.
    pub(crate) every_file: bool,
    /// Where answers of a storage service are noted, so that an audit that is interrupted can go on.
    pub(crate) resume: Option<std::path::PathBuf>,
    /// What is wanted instead of what the checks want: the other verbs' questions.
    pub(crate) wanted: Option<Wanted>,
}

impl std::fmt::Debug for CollectOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CollectOptions")
            .field("snapshot", &self.snapshot)
            .field("only", &self.only)
            .field("shard", &self.shard)
            .field("store", &self.store)
            .field("facts", &self.facts)
            .field("attempt_writes", &self.attempt_writes)
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
/// Never for a single object: that is unread. [`ErrorKind::Connection`](crate::ErrorKind::Connection)
/// and the like only where no session could be opened at all. Where all sessions are lost, everything
/// is read once more; where they are lost again, what was read is kept, and the Evidence says why
/// there is no more.
pub async fn collect(
    source: &Source,
    plan: &Plan,
    baseline: Option<&Evidence>,
    options: &CollectOptions,
) -> Result<Evidence> {
    let stop = Stop::new(options.cancel.clone(), plan.limits.deadline.map(Into::into));
    // Boxed, here and below, or every caller's future would be as large as all of it.
    let result = Box::pin(collect_until(&stop, source, plan, baseline.into(), options)).await;
    stop.finish();
    result
}

#[tracing::instrument(name = "collect", skip_all, fields(server = %source.dsn(), database = source.dsn().database()))]
async fn collect_until(
    stop: &Stop,
    source: &Source,
    plan: &Plan,
    baseline: Then<'_>,
    options: &CollectOptions,
) -> Result<Evidence> {
    let started = Instant::now();
    // Boxed, or every caller's future would be as large as all of it.
    let told = progress::Told::new(options.progress.clone());
    let options = &CollectOptions { progress: told.listener(), ..options.clone() };
    let collection = Collection { source, plan, baseline, options, stop };
    let first = Box::pin(collection.attempt(WaitFor::Room)).await?;
    let mut evidence = match first {
        Attempt::Ended(evidence) => evidence,
        Attempt::Lost(before, loss) => {
            tracing::warn!(error = %loss, "all sessions were lost: reading everything again");
            // All of it was one snapshot's; what is left of it is worth nothing beside another's.
            let second = Box::pin(collection.attempt(WaitFor::Return)).await;
            let (mut evidence, failure, then) = match second {
                Ok(Attempt::Ended(evidence)) => (evidence, None, READ_AGAIN),
                Ok(Attempt::Lost(Some(evidence), error)) => (evidence, Some(error), READ_AGAIN),
                Ok(Attempt::Lost(None, error)) | Err(error) => match before {
                    Some(evidence) => (evidence, Some(error), "what was read until then is kept"),
                    None => return Err(error),
                },
            };
            let failure = failure.map(|error| explain::explain_loss(error, evidence.run.in_recovery()));
            evidence.run.failure = failure.as_ref().map(Failure::from).or(evidence.run.failure);
            evidence.run.notes.push(format!("all sessions were lost ({loss}); {then}"));
            evidence
        }
    };
    collection.writes(&mut evidence).boxed().await;
    // Without its type, whose parts are many, or the futures of callers would be too deep for the compiler.
    collection.files(&mut evidence, &progress::FilesProgress::new(told)).boxed().await;
    migrations::read_folder(options, stop, &mut evidence).boxed().await;
    backups::read(options, stop, &mut evidence).boxed().await;
    evidence.run.elapsed_ms = milliseconds(started);
    tracing::info!(
        elapsed_ms = evidence.run.elapsed_ms,
        sessions = evidence.run.sessions,
        ended_early = evidence.run.failure.as_ref().map(|failure| failure.kind.as_str()),
        "collected"
    );
    Ok(*evidence)
}

/// As [`collect`]; where nothing can be read, Evidence that says so.
pub async fn collect_or_unreachable(
    url: &str,
    plan: &Plan,
    baseline: Option<&Evidence>,
    options: &CollectOptions,
) -> Evidence {
    let stop = Stop::new(options.cancel.clone(), plan.limits.deadline.map(Into::into));
    let evidence = Box::pin(collect_or_unreachable_until(&stop, url, plan, baseline.into(), options)).await;
    stop.finish();
    evidence
}

/// As [`collect_or_unreachable`], until it is stopped: others may be, too, at the same moment.
pub(crate) async fn collect_or_unreachable_until(
    stop: &Stop,
    url: &str,
    plan: &Plan,
    baseline: Then<'_>,
    options: &CollectOptions,
) -> Evidence {
    let started = Instant::now();
    // Connecting counts towards the deadline, and can be cancelled too.
    let (dsn, result) = match Dsn::parse(url) {
        Ok(dsn) => {
            let result = match Source::new(dsn.clone()) {
                Ok(source) => Box::pin(collect_until(stop, &source, plan, baseline, options)).await,
                Err(error) => Err(error),
            };
            (Some(dsn), result)
        }
        Err(error) => (None, Err(error)),
    };
    let error = match result {
        Ok(evidence) => return evidence,
        Err(error) => error,
    };
    let mut run = Run::new(Timestamp::now());
    if let Some(dsn) = &dsn {
        run.reached_by(dsn);
    }
    run.elapsed_ms = milliseconds(started);
    tracing::warn!(kind = %error.kind(), sqlstate = error.sqlstate(), server = run.host, "nothing could be read");
    let mut evidence = Evidence::unreachable(&error, run);
    // When the database is gone is when they matter most.
    backups::read(options, stop, &mut evidence).boxed().await;
    evidence
}

const READ_AGAIN: &str = "everything was read again";

impl From<&crate::evidence::Cause> for Failure {
    fn from(cause: &crate::evidence::Cause) -> Self {
        Self::from(&crate::Error::from(cause.clone()))
    }
}
