//! Point-in-time recovery on the platform: in place, over the project itself.
//!
//! Refusals come first: a target that is said and lies in the window, a project that runs, and a salvage that was taken a
//! moment ago, or the reason why there is none. Then one request, and watching until the platform says that it is over.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::client::Platform;
use super::facts::{PitrWindow, ProjectStatus, ServiceHealth, ServiceState};
use crate::backup::{BackupEntry, BackupKind, BackupState, Repository};
use crate::error::{Error, ErrorKind, Result};
use crate::report::Report;
use crate::text::{age, instant};
use crate::verify::{VerifyOptions, verify};

/// A salvage that is older holds too little of what will be lost.
const FRESH: Duration = Duration::from_secs(3_600);

/// What is to be restored, and what is held on to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PitrOptions {
    /// The project, by its ref.
    pub project: String,
    /// The instant to go back to, in whole seconds.
    pub target: Timestamp,
    /// What is held on to of what will be lost.
    pub salvage: SalvageProof,
}

impl PitrOptions {
    /// Back to `target`.
    pub fn new(project: impl Into<String>, target: Timestamp, salvage: SalvageProof) -> Self {
        Self { project: project.into(), target, salvage }
    }
}

/// What is held on to of what will be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SalvageProof {
    /// The salvage that lies here: a repository or directory, or one salvage in it.
    At(String),
    /// Nothing, for this reason, which is recorded.
    Waived(String),
}

/// A point-in-time recovery that would be started. `drcore.pitr/1`.
///
/// A dry run is the plan itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "PitrPlan")]
#[non_exhaustive]
pub struct PitrPlan {
    /// Always `drcore.pitr/1`.
    pub format: String,
    /// By which a reviewed plan is known.
    pub digest: String,
    /// The project that is restored, in place.
    pub project: String,
    /// The instant that it goes back to.
    pub target: Timestamp,
    /// What can be gone back to.
    pub window: PitrWindow,
    /// What the project is at.
    pub status: ProjectStatus,
    /// The salvage; none where it was waived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salvage: Option<PitrSalvage>,
    /// Why there is no salvage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived: Option<String>,
    /// What a reviewer should know.
    pub notes: Vec<String>,
    /// When it was planned.
    pub planned_at: Timestamp,
}

/// A salvage that was taken before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "PitrSalvage")]
#[non_exhaustive]
pub struct PitrSalvage {
    /// The repository.
    pub repository: String,
    /// Its name.
    pub name: String,
    /// The state that it is of.
    pub snapshot_at: Timestamp,
    /// Whether all of the database is in it.
    pub whole: bool,
}

/// What came of a point-in-time recovery. `drcore.pitr_run/1`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "PitrRun")]
#[non_exhaustive]
pub struct PitrRun {
    /// Always `drcore.pitr_run/1`.
    pub format: String,
    /// The plan.
    pub plan: PitrPlan,
    /// What it came to.
    pub outcome: PitrOutcome,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// What the project was at, each time that changed.
    pub states: Vec<PitrState>,
    /// How its services are in the end.
    pub services: Vec<ServiceHealth>,
    /// How long all of it took, until its services were well.
    pub elapsed_ms: u64,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// What verifying the database said afterwards, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}

/// What the project was at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "PitrState")]
#[non_exhaustive]
pub struct PitrState {
    /// When that was seen first.
    pub at: Timestamp,
    /// What it was.
    pub status: ProjectStatus,
}

/// What a point-in-time recovery came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "PitrOutcome")]
#[non_exhaustive]
pub enum PitrOutcome {
    /// The platform says that it failed.
    Failed,
    /// The platform restored the project, and its services are well. What the database holds, only verifying says.
    Restored,
    /// Whether it was restored is not known.
    Unproven,
}

/// How long is waited for what.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PitrWaiting {
    /// Between two questions.
    pub every: Duration,
    /// Until the project is seen to be at it.
    pub begin: Duration,
    /// Until it is over.
    pub end: Duration,
    /// Until its services are well after that.
    pub services: Duration,
    /// What ends the watching. The platform goes on.
    pub cancel: CancellationToken,
}

impl Default for PitrWaiting {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(5),
            begin: Duration::from_secs(300),
            end: Duration::from_secs(6 * 3_600),
            services: Duration::from_secs(900),
            cancel: CancellationToken::new(),
        }
    }
}

impl PitrPlan {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.pitr/1";

    /// The plan. Nothing is begun.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a target that is none or lies outside the window, [`ErrorKind::Unsupported`] where
    /// point-in-time recovery is off, [`ErrorKind::Refused`] where the salvage is missing, of another project or old, or
    /// the project is not running.
    pub async fn of(platform: &Platform, options: &PitrOptions) -> Result<Self> {
        let PitrOptions { project, target, .. } = options;
        // The command of the platform sends 0 where nobody says: the beginning of time, as far back as there is.
        if target.as_second() <= 0 || target.subsec_nanosecond() != 0 {
            return Err(Error::new(ErrorKind::Usage, "the target is no instant in whole seconds")
                .hint("Give one such as 2026-11-20T02:55:00Z: the platform takes no fractions."));
        }
        let facts = platform.backups(project).await?;
        let window = facts.window.filter(|_| facts.pitr_enabled).ok_or_else(|| {
            Error::new(ErrorKind::Unsupported, format!("point-in-time recovery is off for {project}"))
                .hint("Restore a daily backup in the dashboard, or one of your own with drcore restore.")
        })?;
        if *target < window.earliest || *target > window.latest {
            let message = format!(
                "{} is not within what can be gone back to: {} to {}",
                instant(*target),
                instant(window.earliest),
                instant(window.latest)
            );
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let status = facts.status.unwrap_or(ProjectStatus::Unknown);
        if !status.is_active() {
            let message = format!("{project} is {}: nothing was begun", status.as_str());
            return Err(Error::new(ErrorKind::Refused, message)
                .hint("Wait until it runs, or look at it in the dashboard."));
        }
        let mut notes = vec![
            "the restore is in place: the project cannot be reached meanwhile, and there is no way back but the salvage"
                .to_owned(),
            "objects of Storage keep their files of now: what was overwritten, moved or deleted since has a row without \
             bytes afterwards (verify --only storage_orphans)"
                .to_owned(),
        ];
        let (salvage, waived) = match &options.salvage {
            SalvageProof::At(place) => (Some(salvage(place, project, facts.read_at).await?), None),
            SalvageProof::Waived(reason) if reason.trim().is_empty() => {
                return Err(Error::new(ErrorKind::Usage, "no reason is given for going without a salvage"));
            }
            SalvageProof::Waived(reason) => {
                notes.push(format!("what was written since {} is lost for good", instant(*target)));
                (None, Some(reason.clone()))
            }
        };
        if salvage.as_ref().is_some_and(|salvage| !salvage.whole) {
            notes.push("the salvage is not whole: its manifest says what it lacks".to_owned());
        }
        let mut plan = Self {
            format: Self::FORMAT.to_owned(),
            digest: String::new(),
            project: project.clone(),
            target: *target,
            window,
            status,
            salvage,
            waived,
            notes,
            planned_at: facts.read_at,
        };
        plan.digest = plan.compute_digest();
        Ok(plan)
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// Refuses to go on with another plan than the one that was reviewed.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if `digest` is not this plan's.
    pub fn expect(&self, digest: &str) -> Result<()> {
        if self.digest == digest {
            return Ok(());
        }
        let message = format!("the plan is {} now, not {digest} as reviewed: nothing was begun", self.digest);
        Err(Error::new(ErrorKind::Refused, message).hint("Run it without --apply, and review it again."))
    }

    /// What would be done, to what, with what held on to; not what moves by itself, such as the window.
    fn compute_digest(&self) -> String {
        let canonical = serde_json::json!({
            "format": self.format,
            "project": self.project,
            "target": self.target,
            "salvage": self.salvage.as_ref().map(|salvage| (&salvage.repository, &salvage.name)),
            "waived": self.waived,
        });
        let hash = Sha256::digest(canonical.to_string());
        hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The salvage at a place, if it is of this project, and fresh.
async fn salvage(place: &str, project: &str, now: Timestamp) -> Result<PitrSalvage> {
    let refused = |message: String| {
        Error::new(ErrorKind::Refused, format!("{message}: nothing was begun")).hint(
            "Take one now: drcore salvage --to PLACE; or go without, and say why: --without-salvage REASON.",
        )
    };
    let (repository, entry) =
        newest_salvage(place).await?.ok_or_else(|| refused(format!("{place} holds no salvage")))?;
    let manifest = entry.manifest().ok_or_else(|| refused(format!("{} has no manifest", entry.name)))?;
    let of = manifest.source.project.as_deref();
    if of != Some(project) {
        let of = of
            .map_or_else(|| "a database whose project is not known".to_owned(), |of| format!("project {of}"));
        return Err(refused(format!("the salvage {} is of {of}, not of {project}", entry.name)));
    }
    let since = now.duration_since(manifest.snapshot_at);
    if since > SignedDuration::try_from(FRESH).unwrap_or(SignedDuration::MAX) {
        let old = age(since.try_into().unwrap_or_default());
        return Err(refused(format!(
            "the salvage {} is {old} old: what was written since would be lost",
            entry.name
        )));
    }
    Ok(PitrSalvage {
        repository: repository.url().to_string(),
        name: entry.name.clone(),
        snapshot_at: manifest.snapshot_at,
        whole: manifest.notes.is_empty() && manifest.omitted.is_empty(),
    })
}

/// The newest salvage of a repository, or the one that the place names.
async fn newest_salvage(place: &str) -> Result<Option<(Repository, BackupEntry)>> {
    let repository = Repository::open(place)?;
    if let Ok((repository, entry)) = Repository::find(place).await
        && entry.kind == BackupKind::Salvage
    {
        return Ok((entry.state == BackupState::Complete).then_some((repository, entry)));
    }
    let list = repository.list().await?;
    let is_salvage =
        |entry: &BackupEntry| entry.kind == BackupKind::Salvage && entry.state == BackupState::Complete;
    let newest = list.backups.into_iter().find(is_salvage);
    Ok(newest.map(|entry| (repository, entry)))
}

/// Starts the reviewed recovery of `project`, and watches it to its end; verifies the database then, if it is given.
///
/// # Errors
/// [`ErrorKind::Refused`] if `project` is not the plan's; what the platform says where nothing was begun. Once it was
/// asked for, whatever happens is in the [`PitrRun`].
#[tracing::instrument(name = "pitr", skip_all, fields(project, digest = plan.digest))]
pub async fn pitr(
    platform: &Platform,
    project: &str,
    plan: PitrPlan,
    waiting: &PitrWaiting,
    verifying: Option<(&str, &VerifyOptions)>,
) -> Result<PitrRun> {
    if plan.project != project {
        let message = format!("the plan is for {}, not for {project}: nothing was begun", plan.project);
        return Err(Error::new(ErrorKind::Refused, message));
    }
    let requested_at = Timestamp::now();
    tracing::info!(target: "drcore::write", %requested_at, project, target_time = %plan.target, "restoring in place");
    let began = Instant::now();
    let mut run = PitrRun {
        format: PitrRun::FORMAT.to_owned(),
        plan,
        outcome: PitrOutcome::Unproven,
        requested_at,
        states: Vec::new(),
        services: Vec::new(),
        elapsed_ms: 0,
        notes: Vec::new(),
        report: None,
    };
    match platform.restore(project, run.plan.target).await {
        Ok(()) => {}
        // Without an answer it may have begun.
        Err(error) if error.kind() == ErrorKind::Connection => {
            run.notes.push(format!("the platform did not answer when it was asked: {error}"));
        }
        Err(error) => return Err(error),
    }
    tokio::select! {
        () = run.watch(platform, waiting, began) => {}
        () = waiting.cancel.cancelled() => {
            run.notes.push("the watching was interrupted; the platform goes on".to_owned());
        }
    }
    run.elapsed_ms = crate::text::milliseconds(began);
    if let Some((url, options)) = verifying.filter(|_| run.outcome == PitrOutcome::Restored) {
        run.report = Some(Box::pin(verify(url, options)).await?);
    }
    Ok(run)
}

impl PitrRun {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.pitr_run/1";

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// The exit code that the command ends with: that of the report where it was restored and verified, 1 where it
    /// failed, else 3: restored and not looked at is not proved.
    pub fn exit_code(&self) -> u8 {
        match (self.outcome, &self.report) {
            (PitrOutcome::Failed, _) => 1,
            (PitrOutcome::Restored, Some(report)) => report.exit_code(crate::Severity::Warning),
            (PitrOutcome::Restored | PitrOutcome::Unproven, _) => 3,
        }
    }

    /// Watches until it is over.
    async fn watch(&mut self, platform: &Platform, waiting: &PitrWaiting, began: Instant) {
        let project = self.plan.project.clone();
        // Right after it was asked for, the project is still what it was: that is not its end.
        let mut at_it = false;
        loop {
            tokio::time::sleep(waiting.every).await;
            let status = match platform.status(&project).await {
                Ok(status) => status,
                Err(error) if began.elapsed() > waiting.end || is_final(&error) => {
                    return self
                        .notes
                        .push(format!("what the project is at could not be found out: {error}"));
                }
                // The platform itself may be short of breath meanwhile.
                Err(error) => {
                    tracing::debug!(%error, "asking again");
                    continue;
                }
            };
            if self.states.last().is_none_or(|last| last.status != status) {
                tracing::info!(project, status = status.as_str(), "the project is");
                self.states.push(PitrState { at: Timestamp::now(), status: status.clone() });
            }
            if status.is_dead() {
                self.outcome = PitrOutcome::Failed;
                return self.notes.push(format!("the project is {}", status.as_str()));
            }
            at_it |= !status.is_active();
            if status == ProjectStatus::ActiveHealthy && at_it {
                break;
            }
            if !at_it && began.elapsed() > waiting.begin {
                return self.notes.push(
                    "the project was never seen to be restoring: whether it was is not known".to_owned(),
                );
            }
            if began.elapsed() > waiting.end {
                return self
                    .notes
                    .push("it takes longer than it was waited for; the platform goes on".to_owned());
            }
        }
        self.watch_services(platform, waiting).await;
    }

    async fn watch_services(&mut self, platform: &Platform, waiting: &PitrWaiting) {
        let began = Instant::now();
        loop {
            match platform.health(&self.plan.project).await {
                Ok(services) => self.services = services,
                Err(error) if is_final(&error) => {
                    return self.notes.push(format!("how its services are could not be found out: {error}"));
                }
                Err(error) => tracing::debug!(%error, "asking again"),
            }
            let well = |service: &ServiceHealth| service.status == ServiceState::ActiveHealthy;
            let database = self.services.iter().any(|service| service.name == "db" && well(service));
            if database && self.services.iter().all(well) {
                self.outcome = PitrOutcome::Restored;
                return;
            }
            if began.elapsed() > waiting.services {
                // Realtime and the like take their time; the database is what was restored.
                if database {
                    self.outcome = PitrOutcome::Restored;
                }
                let ill: Vec<&str> = self
                    .services
                    .iter()
                    .filter(|service| !well(service))
                    .map(|service| service.name.as_str())
                    .collect();
                return self.notes.push(format!(
                    "not yet well: {}",
                    if ill.is_empty() { "nobody answers".to_owned() } else { ill.join(", ") }
                ));
            }
            tokio::time::sleep(waiting.every).await;
        }
    }
}

/// Whether asking again would change nothing.
fn is_final(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Authentication | ErrorKind::Permission | ErrorKind::Usage)
}
