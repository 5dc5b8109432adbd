//! The rehearsal: back up, lose, restore, verify, repair, verify again, and write down how long it took.
//!
//! [`rehearse`] takes a backup of your own, restores it into a scratch cluster, verifies it against its baseline, and
//! measures how long that takes and how old it is.
//!
//! [`DrillRecords`] keep what each came to, and tell whether the newest took longer than those before it.
//!
//! [`sample`] does all of it on a database that it makes itself, in a scratch
//! cluster, without Docker, without an account, and without touching anything
//! of yours. It is also how drcore tests itself: whatever the disaster broke is
//! known, and must be found.

mod archive;
mod history;
mod rehearsal;
mod report;
mod text;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

pub use history::{
    DrillHistory, DrillRecords, DrillTrend, LeftOutRecord, PastDrill, RecordProblem, TrendOptions, TrendStep,
    TrendTime,
};
pub use rehearsal::{
    ObjectiveOutcome, Rehearsal, RehearsalCall, RehearsalOptions, RehearsalRun, RehearsedBackup, logged_in,
    rehearse,
};
pub use report::{BackupFacts, Damage, DrillReport, DrillRow, DrillRun, Step, StepTime};

use crate::collect::{CollectOptions, Stop};
use crate::connect::{Dsn, Source, Target};
use crate::error::{Error, ErrorKind, Result};
use crate::gap::{GapOptions, gap};
use crate::plan::{Limits, Plan};
use crate::report::Report;
use crate::restore::{ClientTools, RepairOptions, RepairPlan, ScratchCluster, ScratchOptions};
use crate::sql::literal;
use crate::text::milliseconds;
use crate::verify::{Against, VerifyOptions, verify};

/// The database that the application writes to, until the disaster.
const SOURCE: &str = "source";
/// The database that the backup is restored into.
const RESTORED: &str = "restored";
/// A copy of it from before the repair, for trying things.
const DAMAGED: &str = "damaged";
/// The baseline's file, beside the dump.
const BASELINE: &str = "baseline.json";
/// In the layout of the runbooks' repositories.
const DUMP: &str = "backup-20261120-020000.dump";

/// How to rehearse on the sample.
#[derive(Clone)]
#[non_exhaustive]
pub struct SampleOptions {
    /// Decides which tables, rows and tenants are hit.
    pub seed: u64,
    /// Whether the restore goes wrong. Where it does not, `verify` must say `passed`.
    pub damaged: bool,
    /// Whether to keep a copy from before the repair, and the baseline as a file, for
    /// trying `verify` and `repair` on as long as the [`Drill`] lives.
    pub keep: bool,
    /// Who rehearses, for the drill log.
    pub operator: Option<String>,
    /// Told of each step as it begins.
    pub progress: Option<Arc<dyn Fn(Step) + Send + Sync>>,
    /// Cancelled: everything is stopped and removed.
    pub cancel: CancellationToken,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self {
            seed: 1,
            damaged: true,
            keep: false,
            operator: None,
            progress: None,
            cancel: CancellationToken::new(),
        }
    }
}

impl std::fmt::Debug for SampleOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SampleOptions")
            .field("seed", &self.seed)
            .field("damaged", &self.damaged)
            .finish_non_exhaustive()
    }
}

/// A rehearsal that is over, and its databases, which live as long as this value.
#[derive(Debug)]
#[non_exhaustive]
pub struct Drill {
    /// What came of it.
    pub report: DrillReport,
    cluster: ScratchCluster,
}

impl Drill {
    /// The connection string of the database that was backed up.
    pub fn source_url(&self) -> String {
        self.cluster.url(SOURCE)
    }

    /// The connection string of the restored copy.
    pub fn restored_url(&self) -> String {
        self.cluster.url(RESTORED)
    }

    /// The connection string of the copy from before the repair, where [`SampleOptions::keep`] asked for it.
    pub fn damaged_url(&self) -> String {
        self.cluster.url(DAMAGED)
    }

    /// The file of the baseline, where [`SampleOptions::keep`] asked for it.
    pub fn baseline_file(&self) -> PathBuf {
        self.cluster.socket_directory().join(BASELINE)
    }
}

/// The plan that the sample is verified with.
///
/// # Errors
/// Never: a test reads it.
pub fn sample_plan() -> Result<Plan> {
    Plan::from_toml(include_str!("drill/sample/plan.toml"))
}

/// The sample as it is before the disaster, for trying things out: its connection
/// string, and the cluster that it lives in, which is gone when it is dropped.
///
/// # Errors
/// [`ErrorKind::Tool`] if PostgreSQL is not there or does not do its work.
pub async fn sample_database() -> Result<(String, ScratchCluster)> {
    let cluster = Box::pin(build()).await?;
    Ok((cluster.url(SOURCE), cluster))
}

/// Rehearses a disaster on the sample.
///
/// # Errors
/// [`ErrorKind::Tool`] if PostgreSQL is not there or does not do its work;
/// [`ErrorKind::Cancelled`]. That drcore missed something is no error: see [`DrillReport::passed`].
#[tracing::instrument(name = "drill", skip_all, fields(seed = options.seed))]
pub async fn sample(options: &SampleOptions) -> Result<Drill> {
    let stop = Stop::new(options.cancel.clone(), None);
    // Boxed: it holds the futures of all steps.
    let result = stop.or(Box::pin(steps(options))).await;
    stop.finish();
    result
}

async fn steps(options: &SampleOptions) -> Result<Drill> {
    let mut clock = Clock { options, steps: Vec::new(), started_at: Timestamp::now() };
    let plan = sample_plan()?;
    let collect = CollectOptions { cancel: options.cancel.clone(), ..CollectOptions::default() };

    let cluster = clock.time(Step::Build, build()).await?;
    let (source, restored) = (cluster.url(SOURCE), cluster.url(RESTORED));
    let file = cluster.socket_directory().join(DUMP);

    let tools = ClientTools::at(&cluster.tools().directory).await?;
    let dumping = archive::dump(&tools, &source, &file, &plan, &collect);
    let backup = clock.time(Step::BackUp, dumping).await?;
    clock.time(Step::WriteOn, cluster.execute(SOURCE, AFTER_BACKUP)).await?;

    let restoring = async {
        cluster.create_database(RESTORED).await?;
        archive::restore(&tools, &file, &restored, 2).await
    };
    let restore_errors = clock.time(Step::Restore, restoring).await?;
    let damage = if options.damaged {
        clock.time(Step::Damage, damage(&restored, options.seed)).await?
    } else {
        Vec::new()
    };

    let verify_options = VerifyOptions {
        plan: plan.clone(),
        against: Some(Against::Evidence(Box::new(backup.baseline.clone()))),
        collect,
    };
    let before = clock.time(Step::Verify, verify_whole(&restored, &verify_options)).await?;
    let repair = RepairPlan::of(&before, &RepairOptions::default())?;
    if options.keep {
        keep(&cluster).await?;
    }
    let writes = if repair.statements.is_empty() {
        Vec::new()
    } else {
        let repairing = async {
            let project = repair.project.clone().unwrap_or_default();
            let target = Target::connect(&restored, &project).await?;
            repair.execute(&target, &plan.limits).await
        };
        clock.time(Step::Repair, repairing).await?
    };
    let after = clock.time(Step::VerifyAgain, verify_whole(&restored, &verify_options)).await?;

    if options.keep {
        backup.baseline.save(cluster.socket_directory().join(BASELINE))?;
    }
    let mut gap_options = GapOptions::new(instant(BACKED_UP_AT)?);
    gap_options.plan = plan;
    gap_options.collect.cancel = options.cancel.clone();
    let lost = clock.time(Step::Gap, Box::pin(gap(&source, &gap_options))).await?;

    let facts = BackupFacts {
        file: DUMP.to_owned(),
        taken_at: instant(BACKED_UP_AT)?,
        disaster_at: instant(DISASTER_AT)?,
        bytes: backup.bytes,
    };
    let parts =
        report::Parts { backup: facts, restore_errors, damage, before, repair, writes, after, gap: lost };
    let report = DrillReport::new(options, parts, clock.started_at, clock.steps);
    Ok(Drill { report, cluster })
}

/// A report that is cancelled half-way is no report of the drill's.
async fn verify_whole(url: &str, options: &VerifyOptions) -> Result<Report> {
    let report = Box::pin(verify(url, options)).await?;
    match &report.run.evidence.failure {
        Some(failure) => Err(Error::from(failure)),
        None => Ok(report),
    }
}

/// When the sample was backed up, in its own time.
const BACKED_UP_AT: &str = "2026-11-20T02:00:00Z";
/// Until when the application went on writing.
const DISASTER_AT: &str = "2026-11-20T02:55:00Z";

fn instant(text: &str) -> Result<Timestamp> {
    text.parse()
        .map_err(|error: jiff::Error| Error::new(ErrorKind::Internal, "no such instant").caused_by(error))
}

const SUPABASE: &str = include_str!("drill/sample/supabase.sql");
const SCHEMA: &str = include_str!("drill/sample/schema.sql");
const DATA: &str = include_str!("drill/sample/data.sql");
const AFTER_BACKUP: &str = include_str!("drill/sample/after_backup.sql");
const DISASTER: &str = include_str!("drill/sample/disaster.sql");

/// A scratch cluster with the sample in it.
async fn build() -> Result<ScratchCluster> {
    let cluster = ScratchCluster::start(ScratchOptions::default()).await?;
    cluster.create_database(SOURCE).await?;
    for sql in [SUPABASE, SCHEMA, DATA] {
        cluster.execute(SOURCE, sql).await?;
    }
    Ok(cluster)
}

/// Copies the damaged database.
async fn keep(cluster: &ScratchCluster) -> Result<()> {
    let copy = format!("create database {DAMAGED} template {RESTORED}");
    let mut left = 100;
    loop {
        match cluster.execute("postgres", &copy).await {
            // "is being accessed by other users": the sessions that verified end a moment later.
            Err(error) if error.sqlstate() == Some("55006") && left > 0 => left -= 1,
            result => return result,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Damages the restored copy; gives the log of what was damaged.
async fn damage(url: &str, seed: u64) -> Result<Vec<Damage>> {
    let source = Source::open(Dsn::parse(url)?, &Limits::default()).await?;
    // The log is a temporary table: one session for all of it.
    let session = source.session(&Limits::default()).await?;
    session.simple(&format!("set drcore.seed = {}", literal(&seed.to_string()))).await?;
    session.simple(DISASTER).await?;
    let log = session
        .simple(
            "select pg_catalog.to_json(l)::pg_catalog.text from pg_temp.damage_log l order by l.damage, l.object",
        )
        .await?;
    log.into_iter()
        .flatten()
        .flatten()
        .flatten()
        .map(|line| {
            serde_json::from_str(&line).map_err(|error| {
                Error::new(ErrorKind::Internal, "the damage log is not understood").caused_by(error)
            })
        })
        .collect()
}

/// Times the steps.
struct Clock<'o> {
    options: &'o SampleOptions,
    steps: Vec<StepTime>,
    started_at: Timestamp,
}

impl Clock<'_> {
    async fn time<T>(&mut self, step: Step, work: impl Future<Output = Result<T>>) -> Result<T> {
        if let Some(progress) = &self.options.progress {
            progress(step);
        }
        let started = Instant::now();
        let span = tracing::info_span!("step", step = step.label());
        let result =
            work.instrument(span.clone()).await.map_err(|error| error.context("step", step.label()))?;
        let elapsed_ms = milliseconds(started);
        span.in_scope(|| tracing::info!(elapsed_ms, "step done"));
        self.steps.push(StepTime { step, elapsed_ms });
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plan_and_the_instants_are_right() {
        let plan = sample_plan().unwrap();
        assert_eq!(plan.freshness.unwrap().target, Some(instant(BACKED_UP_AT).unwrap()));
        assert!(instant(DISASTER_AT).unwrap() > instant(BACKED_UP_AT).unwrap());
    }
}
