//! The rehearsal on a backup of one's own: fetched, restored into a throw-away cluster, verified, and written down.

mod call;
mod options;
mod text;

use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::report::{DrillRow, Step, StepTime};
use crate::backup::{BackupEntry, InstantFrom};
use crate::collect::Stop;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Evidence;
use crate::finding::Severity;
use crate::plan::Objectives;
use crate::report::{Report, Verdict};
use crate::restore::scratch::Recipe;
use crate::restore::{
    Dump, DumpSource, Dumped, RestoreCall, Restored, ScratchCluster, ScratchOptions, Tools, restore,
};
use crate::text::{age, milliseconds, plural, seconds};
use crate::verify::{Against, verify};

pub use call::{RehearsalCall, logged_in};
pub use options::RehearsalOptions;

/// The database that the backup is restored into.
const RESTORED: &str = "restored";
/// Things that could not be restored, which are problems of their own: more are counted.
const NAMED: usize = 10;

/// A rehearsal on a backup, from fetching it to the verified copy. `drcore.rehearsal/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Rehearsal")]
#[non_exhaustive]
pub struct Rehearsal {
    /// Always `drcore.rehearsal/1`.
    pub format: String,
    /// Passed only where all came back, all of it was verified, and the objectives were met.
    pub verdict: Verdict,
    /// Why it is not, one sentence each.
    pub problems: Vec<String>,
    /// What was restored.
    pub backup: RehearsedBackup,
    /// The version of the server that it was restored into.
    pub server: String,
    /// What came of the restore; with what `verify` said, where there is a baseline.
    pub restored: Restored,
    /// What `verify` said where there is no baseline: nothing of what was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unaided: Option<Box<Report>>,
    /// What a disaster may cost, and what this one would have.
    pub objectives: Vec<ObjectiveOutcome>,
    /// The row for the drill log.
    pub row: DrillRow,
    /// All that is volatile.
    pub run: RehearsalRun,
}

/// The backup that was rehearsed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "RehearsedBackup")]
#[non_exhaustive]
pub struct RehearsedBackup {
    /// Its name, or that of the file.
    pub name: String,
    /// Where it lies: never a key.
    pub location: String,
    /// The instant that it is of, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// How many bytes the dump has.
    pub bytes: u64,
    /// Whether there is a baseline to compare it with.
    pub baseline: bool,
}

/// Whether an objective of the plan was met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ObjectiveOutcome")]
#[non_exhaustive]
pub struct ObjectiveOutcome {
    /// `rto` or `rpo`.
    pub objective: String,
    /// What the plan says, in milliseconds.
    pub wanted_ms: u64,
    /// What was measured; none where it could not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_ms: Option<u64>,
    /// Whether it was met; not where nothing could be measured.
    pub met: bool,
}

/// All that is volatile about a rehearsal on a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "RehearsalRun")]
#[non_exhaustive]
pub struct RehearsalRun {
    /// When it began.
    pub started_at: Timestamp,
    /// The steps, in order, with their times.
    pub steps: Vec<StepTime>,
    /// From the beginning until the restored copy was verified.
    pub rto_ms: u64,
    /// How old the backup was: what was written since would have been lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo_ms: Option<u64>,
}

/// Rehearses on a backup: of the repository at this URL the one that is picked, the one that the URL names, or a file
/// that `pg_dump` wrote. It is restored into a scratch cluster, which is gone afterwards.
///
/// # Errors
/// Why nothing was restored: [`ErrorKind::Usage`] if there is no such backup, [`ErrorKind::Format`] if it is not what
/// was written, [`ErrorKind::Tool`] if PostgreSQL is not there; [`ErrorKind::Cancelled`]. Once it was restored, what is
/// wrong with it is in [`Rehearsal::problems`].
#[tracing::instrument(name = "rehearse", skip_all)]
pub async fn rehearse(location: &str, options: &RehearsalOptions) -> Result<Rehearsal> {
    let stop = Stop::new(options.verify.collect.cancel.clone(), None);
    // Boxed: it holds the futures of all steps.
    let result = stop.or(Box::pin(steps(location, options))).await;
    stop.finish();
    result
}

/// A backup on this machine.
struct Fetched {
    dump: Dump,
    backup: RehearsedBackup,
    baseline: Option<Evidence>,
    /// How large the database will be, about.
    expected_bytes: u64,
}

async fn steps(location: &str, options: &RehearsalOptions) -> Result<Rehearsal> {
    let (started_at, mut steps) = (Timestamp::now(), Vec::new());
    let mut timed = |step, began: Instant| steps.push(StepTime { step, elapsed_ms: milliseconds(began) });
    let begins = |step| {
        if let Some(progress) = &options.progress {
            progress(step);
        }
        Instant::now()
    };

    let began = begins(Step::Fetch);
    let fetched = Box::pin(fetch(location, options)).await?;
    let dumped = Dumped::of(&fetched.dump.path).await?;
    timed(Step::Fetch, began);

    let began = begins(Step::Start);
    let cluster = start(&dumped, &fetched, options).await?;
    cluster.create_database(RESTORED).await?;
    let url = cluster.url(RESTORED);
    timed(Step::Start, began);

    let began = begins(Step::Restore);
    let mut call = RestoreCall::default();
    call.options.jobs = options.jobs;
    call.verify = options.verify.clone();
    call.verify.against = fetched.baseline.clone().map(|baseline| Against::Evidence(Box::new(baseline)));
    let planned = Box::pin(restore(&fetched.dump.path.to_string_lossy(), &url, &call)).await?;
    let planning = began.elapsed();
    let restored = Box::pin(planned.execute(&planned.execute_options())).await?;
    // Verifying, and putting right what a dump does not bring, is told apart.
    let until_verified = milliseconds(began);
    let planning = u64::try_from(planning.as_millis()).unwrap_or(u64::MAX);
    let restoring = restored.run.elapsed_ms.saturating_add(planning).min(until_verified);
    steps.push(StepTime { step: Step::Restore, elapsed_ms: restoring });
    let mut verifying = until_verified - restoring;
    let unaided = if restored.after.is_none() {
        let began = begins(Step::Verify);
        let report = Box::pin(verify(&url, &call.verify)).await?;
        verifying += milliseconds(began);
        Some(Box::new(report))
    } else {
        None
    };
    steps.push(StepTime { step: Step::Verify, elapsed_ms: verifying });
    let server = restored.plan.target.version.clone();
    let rehearsal = Rehearsal::new(fetched.backup, server, restored, unaided, (started_at, steps), options);
    cluster.stop()?;
    Ok(rehearsal)
}

/// Fetches what is meant, with the baseline that it is compared with.
async fn fetch(location: &str, options: &RehearsalOptions) -> Result<Fetched> {
    if let Some(Against::Url(_)) = &options.verify.against {
        let message = "against: a backup is compared with its baseline";
        return Err(Error::new(ErrorKind::Usage, message)
            .hint("Give the file of the baseline, or nothing: it lies beside the backup."));
    }
    let given = options.verify.stored().await?;
    let source = DumpSource::of(location, options.pick.as_ref()).await?;
    let baseline = match given {
        Some(baseline) => Some(baseline),
        None => source.baseline().await?,
    };
    let told = |progress| {
        if let Some(tell) = &options.verify.collect.progress {
            tell(progress);
        }
    };
    let dump = source.fetch(told).await?;
    let (backup, expected_bytes) = match source {
        DumpSource::File(path) => {
            let bytes = size(&path)?;
            let backup = RehearsedBackup {
                name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                location: location.to_owned(),
                at: baseline.as_ref().map(|baseline| baseline.run.taken_at),
                bytes,
                baseline: baseline.is_some(),
            };
            (backup, expected(None, bytes))
        }
        DumpSource::Backup(repository, entry) => {
            let BackupEntry { name, at, at_from, dump_bytes, source, .. } = *entry;
            let backup = RehearsedBackup {
                name,
                location: repository.url().to_string(),
                // Of a copy, the object's time is when it was copied: too new is the wrong side to be wrong on.
                at: Some(at).filter(|_| at_from != InstantFrom::Modified),
                bytes: dump_bytes,
                baseline: baseline.is_some(),
            };
            (backup, expected(source.and_then(|source| source.bytes), dump_bytes))
        }
    };
    Ok(Fetched { dump, backup, baseline, expected_bytes })
}

/// How large a database will be: as its source was, else as dumps commonly become that are compressed.
fn expected(source: Option<u64>, dump: u64) -> u64 {
    source.unwrap_or_else(|| dump.saturating_mul(8))
}

fn size(path: &Path) -> Result<u64> {
    let unreadable =
        |error| Error::new(ErrorKind::Io, format!("{} cannot be read", path.display())).caused_by(error);
    let of = |path: &Path| std::fs::metadata(path).map(|metadata| metadata.len());
    if !path.is_dir() {
        return of(path).map_err(unreadable);
    }
    let files = std::fs::read_dir(path).map_err(unreadable)?;
    files.map(|file| file.and_then(|file| of(&file.path())).map_err(unreadable)).sum()
}

/// Starts a cluster of the version that was dumped, or of a newer one where that is not installed.
async fn start(dumped: &Dumped, fetched: &Fetched, options: &RehearsalOptions) -> Result<ScratchCluster> {
    let mut scratch =
        ScratchOptions { expected_bytes: Some(fetched.expected_bytes), ..ScratchOptions::default() };
    let baseline = fetched.baseline.as_ref();
    // The baseline knows; a dump only refers to what is there.
    let known = baseline.and_then(|baseline| baseline.catalog.is_supabase().ok());
    let is_supabase = known.unwrap_or(dumped.supabase);
    let recipe = if is_supabase { Recipe::Supabase } else { Recipe::Plain };
    scratch.recipe = options.recipe.unwrap_or(recipe);
    match (options.major, dumped.major) {
        (Some(major), _) => scratch.major = Some(major),
        (None, Some(major)) => match Tools::of_major(major).await {
            Ok(tools) => scratch.tools = Some(tools),
            Err(lacking) => {
                let newest = Tools::find().await?;
                if newest.major().await? < major {
                    return Err(lacking);
                }
                tracing::warn!(major, "its version is not installed: restoring into a newer one");
                scratch.tools = Some(newest);
            }
        },
        (None, None) => {}
    }
    ScratchCluster::start(scratch).await
}

impl Rehearsal {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.rehearsal/1";

    fn new(
        backup: RehearsedBackup,
        server: String,
        restored: Restored,
        unaided: Option<Box<Report>>,
        (started_at, steps): (Timestamp, Vec<StepTime>),
        options: &RehearsalOptions,
    ) -> Self {
        let took = steps.iter().map(|time| time.elapsed_ms).sum();
        let behind = backup.at.map(|at| {
            let behind = started_at.as_millisecond().saturating_sub(at.as_millisecond());
            u64::try_from(behind).unwrap_or(0)
        });
        let objectives = outcomes(options.verify.plan.objectives.as_ref(), took, behind);
        let row = DrillRow {
            date: started_at.strftime("%F").to_string(),
            operator: options.operator.clone().unwrap_or_else(|| "drcore".to_owned()),
            backup_restored: backup.name.clone(),
            rto_observed: seconds(took),
            tables_verified: String::new(),
            outcome: String::new(),
            notes: String::new(),
        };
        let mut rehearsal = Self {
            format: Self::FORMAT.to_owned(),
            verdict: Verdict::Passed,
            problems: Vec::new(),
            backup,
            server,
            restored,
            unaided,
            objectives,
            row,
            run: RehearsalRun { started_at, steps, rto_ms: took, rpo_ms: behind },
        };
        (rehearsal.verdict, rehearsal.problems) = rehearsal.judge();
        let tables =
            rehearsal.report().map(|report| report.examined.get("tables").copied().unwrap_or_default());
        rehearsal.row.tables_verified = tables.unwrap_or_default().to_string();
        rehearsal.row.outcome = rehearsal.verdict.as_str().to_uppercase();
        let rpo = behind.map(|ms| format!("RPO {}", age(std::time::Duration::from_millis(ms))));
        let notes: Vec<String> = rpo.into_iter().chain(rehearsal.problems.first().cloned()).collect();
        rehearsal.row.notes = notes.join("; ");
        rehearsal
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Format`] if it is none, or of a newer major version.
    pub fn from_json(text: &str) -> Result<Self> {
        crate::wire::from_json(text, Self::FORMAT, "rehearsal")
    }

    /// Reads the JSON form from a file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the file cannot be read; else as [`Rehearsal::from_json`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::unreadable("the record of the drill", path, error))?;
        Self::from_json(&text).map_err(|error| error.context("file", path.display().to_string()))
    }

    /// What `verify` said last.
    pub fn report(&self) -> Option<&Report> {
        let after = self.restored.after.as_ref().map(|after| after.report());
        after.or(self.unaided.as_deref())
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// The exit code of the command: 0 passed, 1 failed, 3 unproven.
    pub fn exit_code(&self) -> u8 {
        self.verdict.exit_code()
    }

    /// What it came to, and why not to more.
    fn judge(&self) -> (Verdict, Vec<String>) {
        let (mut failed, mut unproven) = (Vec::new(), Vec::new());
        let failures: Vec<_> = self.restored.failures().collect();
        failed.extend(
            failures
                .iter()
                .take(NAMED)
                .map(|failure| format!("{} could not be restored: {}", failure.object, failure.message)),
        );
        if let Some(more) = failures.len().checked_sub(NAMED).filter(|more| *more > 0) {
            failed.push(format!("{more} more could not be restored"));
        }
        failed.extend(self.restored.missing_rows.iter().map(|rows| format!("{rows} did not come back")));
        if let Some(failure) = self.restored.after.as_ref().and_then(|after| after.failure.as_ref()) {
            failed.push(format!("what a dump does not bring could not be put right: {}", failure.message));
        }
        match self.report() {
            None => unproven.push("nothing was verified".to_owned()),
            Some(report) => match report.exit_code(Severity::Warning) {
                0 => {}
                1 => {
                    let worth = |severity| report.count(severity) as u64;
                    let critical = plural(worth(Severity::Critical), "critical finding");
                    let warnings = plural(worth(Severity::Warning), "warning");
                    failed.push(format!("verify says FAILED: {critical}, {warnings}"));
                }
                _ => {
                    let could_not =
                        report.checks.iter().filter(|check| check.counts || !check.unread.is_empty());
                    let ids: Vec<&str> = could_not.map(|check| check.id.as_str()).collect();
                    unproven.push(format!("verify says UNPROVEN: {}", ids.join(", ")));
                }
            },
        }
        if !self.backup.baseline {
            unproven.push(
                "there is no baseline of the backup: what its database had and this one lacks is not known"
                    .to_owned(),
            );
        }
        for ObjectiveOutcome { objective, wanted_ms, observed_ms, met } in &self.objectives {
            let name = objective.to_uppercase();
            let span = |ms: u64| age(std::time::Duration::from_millis(ms));
            match observed_ms {
                Some(observed) if !met => {
                    failed.push(format!(
                        "{name} {} is over the objective of {}",
                        span(*observed),
                        span(*wanted_ms)
                    ));
                }
                None => {
                    unproven
                        .push(format!("{name} could not be measured: of when the backup is, nobody says"));
                }
                Some(_) => {}
            }
        }
        let verdict = match (failed.is_empty(), unproven.is_empty()) {
            (false, _) => Verdict::Failed,
            (true, false) => Verdict::Unproven,
            (true, true) => Verdict::Passed,
        };
        (verdict, failed.into_iter().chain(unproven).collect())
    }
}

fn outcomes(objectives: Option<&Objectives>, took: u64, behind: Option<u64>) -> Vec<ObjectiveOutcome> {
    let Some(objectives) = objectives else { return Vec::new() };
    let pairs = [("rto", objectives.rto, Some(took)), ("rpo", objectives.rpo, behind)];
    let outcome = |(name, wanted, observed_ms): (&str, Option<crate::plan::Span>, Option<u64>)| {
        let wanted = std::time::Duration::from(wanted?);
        let wanted_ms = u64::try_from(wanted.as_millis()).unwrap_or(u64::MAX);
        let met = observed_ms.is_some_and(|observed| observed <= wanted_ms);
        Some(ObjectiveOutcome { objective: name.to_owned(), wanted_ms, observed_ms, met })
    };
    pairs.into_iter().filter_map(outcome).collect()
}
