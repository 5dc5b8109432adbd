//! The verb: two databases become a plan, and the plan that was reviewed is done.

use std::fmt;

use serde_json::Value;

use super::plan::{CopyOptions, CopyPlan, CopySide, Known};
use super::run::{Copied, Copying};
use crate::collect::{CollectOptions, ContentChoice, Stop, collect};
use crate::connect::{Apart, Dsn, RestoreTarget, Session, Snapshot, Source, TargetOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Evidence;
use crate::evidence::catalog::CatalogFactName;
use crate::plan::Plan;
use crate::report::Report;
use crate::restore::replica::may_be_replica;
use crate::restore::{ExecuteOptions, Onto, TargetArguments};
use crate::verify::{Against, VerifyOptions, verify};

/// What is asked of [`copy`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CopyCall {
    /// What is copied into, as somebody named it.
    pub project: Option<String>,
    /// The name of what the target is a physical clone of, where it is one.
    pub clone_of: Option<String>,
    /// What is copied, and onto what.
    pub options: CopyOptions,
    /// How the copy is verified, in the checks that its rows can answer; what it is compared with is the source. The
    /// plan's `[restore]` says what is protected.
    pub verify: VerifyOptions,
}

/// A copy that was planned, and what doing it takes.
#[non_exhaustive]
pub struct DataCopy {
    /// What would be done.
    pub plan: CopyPlan,
    source: String,
    target: String,
    call: CopyCall,
}

/// Without the connection strings, which may hold passwords.
impl fmt::Debug for DataCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataCopy").field("plan", &self.plan).field("call", &self.call).finish_non_exhaustive()
    }
}

/// The facts that a plan is made of.
const FACTS: &[CatalogFactName] = &[
    CatalogFactName::Column,
    CatalogFactName::ForeignKey,
    CatalogFactName::LargeObjects,
    CatalogFactName::Relation,
    CatalogFactName::Sequence,
    CatalogFactName::Trigger,
    CatalogFactName::UserType,
];

/// The checks that rows alone can answer.
const CHECKS: &[&str] = &["content_drift", "duplicate_keys", "orphan_fks", "row_counts", "sequence_lag"];

/// Plans to copy the rows of the database `source` into the tables of the database `target`. Nothing is written.
///
/// # Errors
/// As [`RestoreTarget::connect`]; [`ErrorKind::Usage`] for a table that the source does not have;
/// [`ErrorKind::Refused`] where tables of the target hold rows, triggers would run, or a value is missing;
/// [`ErrorKind::Unsupported`] where the source cannot share a snapshot, as behind a pooler in transaction mode.
pub async fn copy(source: &str, target: &str, call: &CopyCall) -> Result<DataCopy> {
    if call.options.onto == Onto::Resume {
        let message = "onto: a copy cannot be gone on with, since the rest would be of another snapshot";
        return Err(Error::new(ErrorKind::Usage, message).hint("Begin it anew with start_over."));
    }
    if call.verify.against.is_some() {
        let message = "against: a copy is compared with the snapshot that it is of";
        return Err(Error::new(ErrorKind::Usage, message));
    }
    let stop = Stop::new(call.verify.collect.cancel.clone(), None);
    let looked = stop.or(Box::pin(look(source, target, call))).await;
    stop.finish();
    let Looked { plan, from, .. } = looked?;
    from.held.end().await;
    Ok(DataCopy { plan, source: source.to_owned(), target: target.to_owned(), call: call.clone() })
}

/// The source, held at one snapshot.
struct From {
    source: Source,
    held: Session,
    snapshot: Snapshot,
}

/// Both databases, and what would be done.
struct Looked {
    plan: CopyPlan,
    from: From,
    target: RestoreTarget,
}

async fn look(source: &str, target: &str, call: &CopyCall) -> Result<Looked> {
    let rules = &call.verify.plan;
    let limits = &rules.limits;
    let source = Source::new(Dsn::parse(source)?)?;
    let held = source.session(limits).await?;
    let snapshot = held.begin_snapshot(limits, None).await?.ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            "the source cannot share its snapshot here, so that tables would be of several states",
        )
        .hint("Connect directly, or through a pooler in session mode (on Supabase port 5432, not 6543).")
    })?;
    let server = held.server().await?;
    let options = TargetOptions {
        project: call.project.clone(),
        protect: rules.restore.as_ref().map(|rules| rules.protect.clone()).unwrap_or_default(),
        clone_of: call.clone_of.clone(),
        apart: vec![Apart::source(&server, source.dsn())],
        limits: limits.clone(),
        // It has the tables: what becomes of their rows the plan says.
        onto: Onto::Replace,
        beside: false,
    };
    let target = RestoreTarget::connect(target, &options).await?;
    let replica_role = may_be_replica(target.target().session()).await?;
    let facts = |snapshot: Option<&Snapshot>| CollectOptions {
        cancel: call.verify.collect.cancel.clone(),
        snapshot: snapshot.map(|snapshot| snapshot.id.clone()),
        facts: Some(FACTS.to_vec()),
        ..CollectOptions::default()
    };
    let mut everything = Plan::default();
    everything.limits = limits.clone();
    let reached = Source::new(target.dsn().clone())?;
    let (of_source, of_target) = (facts(Some(&snapshot)), facts(None));
    let (from, into) = tokio::try_join!(
        Box::pin(collect(&source, &everything, None, &of_source)),
        Box::pin(collect(&reached, &everything, None, &of_target))
    )?;
    let (from, into) = (from.whole()?, failed_only(into)?);
    let known = Known {
        source: CopySide::source(&server, source.dsn()),
        from: &from.catalog,
        target: &target,
        into: &into.catalog,
        replica_role,
    };
    let plan = CopyPlan::of(known, &call.options).await?;
    Ok(Looked { plan, from: From { source, held, snapshot }, target })
}

/// A target may be one that an earlier copy left unfinished: the plan says what becomes of it.
fn failed_only(evidence: Evidence) -> Result<Evidence> {
    match evidence.failure() {
        Some(failure) => Err(Error::from(failure)),
        None => Ok(evidence),
    }
}

impl DataCopy {
    /// Does it, and compares the copied tables with the snapshot that was copied.
    ///
    /// Both databases are looked at once more: reviewing takes its time.
    ///
    /// # Errors
    /// As [`copy`]; [`ErrorKind::Refused`] if it is another plan by now, or must have been reviewed and was not;
    /// [`ErrorKind::Cancelled`] and whatever ends a session: then the target stays marked, unless all rows had come and
    /// were being compared. What comparing could not find out is in the report.
    #[tracing::instrument(name = "copy", skip_all, fields(digest = self.plan.digest))]
    pub async fn execute(&self, options: &ExecuteOptions) -> Result<Copied> {
        let stop = Stop::new(options.cancel.clone(), options.limits.deadline.map(Into::into));
        let copied = Box::pin(self.run(options, &stop)).await;
        let cause = stop.cause();
        stop.finish();
        match (copied, cause) {
            (Err(_), Some(cause)) => Err(Error::from(cause)),
            (copied, _) => copied,
        }
    }

    async fn run(&self, options: &ExecuteOptions, stop: &Stop) -> Result<Copied> {
        let mut call = self.call.clone();
        // Who planned it is long done, and may have been told so.
        call.verify.collect.cancel = options.cancel.clone();
        let looking = Box::pin(look(&self.source, &self.target, &call));
        let Looked { plan, from, target } = stop.or(looking).await?;
        plan.expect(&self.plan.digest)?;
        plan.reviewed(options.apply.as_deref())?;
        let From { source, held, snapshot } = from;
        let copying = Copying {
            plan: &plan,
            source: &source,
            snapshot: &snapshot,
            held: &held,
            target: &target,
            options,
            stop,
        };
        let mut copied = Box::pin(copying.run()).await?;
        if copied.errors.is_empty() {
            let report = Box::pin(self.verified(&plan, &source, &snapshot, options)).await?;
            copied.report = Some(Box::new(report));
        }
        held.end().await;
        Ok(copied)
    }

    /// The copied tables, compared with what they were copied from.
    async fn verified(
        &self,
        plan: &CopyPlan,
        source: &Source,
        snapshot: &Snapshot,
        options: &ExecuteOptions,
    ) -> Result<Report> {
        let mut verify_options = self.call.verify.clone();
        verify_options.plan.scope = plan.scope();
        verify_options.collect.cancel = options.cancel.clone();
        verify_options.collect.progress.clone_from(&options.progress);
        if verify_options.collect.content != ContentChoice::Always {
            verify_options.content(true);
        }
        if verify_options.collect.only.is_empty() {
            verify_options.collect.only = CHECKS.iter().map(|&id| id.to_owned()).collect();
        }
        let of_source =
            CollectOptions { snapshot: Some(snapshot.id.clone()), ..verify_options.collect.clone() };
        let baseline = Box::pin(collect(source, &verify_options.plan, None, &of_source)).await?.whole()?;
        verify_options.against = Some(Against::Evidence(Box::new(baseline.into_baseline())));
        Box::pin(verify(&self.target, &verify_options)).await
    }

    /// How it is done where nobody says otherwise.
    pub fn execute_options(&self) -> ExecuteOptions {
        ExecuteOptions {
            apply: None,
            limits: self.call.verify.plan.limits.clone(),
            tools: None,
            progress: self.call.verify.collect.progress.clone(),
            cancel: self.call.verify.collect.cancel.clone(),
        }
    }
}

impl CopyCall {
    /// Reads the options of a call: those of [`VerifyOptions::from_json`] but `against`, and `{"project": NAME, "onto":
    /// "empty" | "replace" | "start_over", "tables": ["public.invoices"], "jobs": 4, "clone_of": NAME}`.
    ///
    /// # Errors
    /// As [`VerifyOptions::from_json`].
    pub fn from_json(text: &str) -> Result<Self> {
        let mut given =
            crate::arguments::object(text, &[TargetArguments::KEYS, VerifyOptions::KEYS].concat())?;
        let TargetArguments { project, clone_of, onto, jobs, tables } = TargetArguments::take(&mut given)?;
        let options = CopyOptions { onto, jobs, tables };
        let verify = VerifyOptions::from_json(&Value::Object(given).to_string())?;
        Ok(Self { project, clone_of, options, verify })
    }
}
