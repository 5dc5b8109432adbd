//! The verb: an archive and a target become a plan, and the plan that was reviewed is done.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::after::{after_restore, cut_over};
use super::dump::{Dump, DumpSource};
use super::plan::{Onto, RestoreOptions, RestorePlan};
use super::restored::Restored;
use super::run::ExecuteOptions;
use crate::backup::Pick;
use crate::collect::Stop;
use crate::connect::{Apart, RestoreTarget, TargetOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Evidence;
use crate::sql::QualifiedName;
use crate::verify::{Against, VerifyOptions};

/// What is asked of [`restore`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RestoreCall {
    /// What is restored into, as somebody named it.
    pub project: Option<String>,
    /// The name of what the target is a physical clone of, where it is one.
    pub clone_of: Option<String>,
    /// Which backup of a repository; the newest, or the one that the URL names, where nothing is said.
    pub pick: Option<Pick>,
    /// What is restored, and onto what.
    pub options: RestoreOptions,
    /// How the restored database is verified; what it is compared with is the baseline of the backup. The plan's
    /// `[restore]` says what is protected.
    pub verify: VerifyOptions,
}

/// A restore that was planned, and what doing it takes.
#[non_exhaustive]
pub struct Restore {
    /// What would be done.
    pub plan: RestorePlan,
    url: String,
    /// Which may have been fetched, and is there as long as this.
    dump: Arc<Dump>,
    baseline: Option<Evidence>,
    call: RestoreCall,
}

/// Without the connection string, which may hold a password.
impl fmt::Debug for Restore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restore").field("plan", &self.plan).field("call", &self.call).finish_non_exhaustive()
    }
}

/// Plans the restore of a dump into the database at `url`: a file or directory that `pg_dump` wrote, or a backup of the
/// repository at this URL, which is fetched and compared with its manifest's sums first. Nothing is written to the
/// database.
///
/// What a dump does not bring is put right from the baseline that lies beside the backup, where nobody gave another.
///
/// # Errors
/// As [`RestoreTarget::connect`] and [`RestorePlan::of`]; of a repository as [`crate::backup::Repository::resolve`] and
/// [`crate::backup::Repository::fetch`].
pub async fn restore(backup: &str, url: &str, call: &RestoreCall) -> Result<Restore> {
    if let Some(Against::Url(_)) = &call.verify.against {
        let message = "against: a restore is compared with the baseline of its backup";
        return Err(Error::new(ErrorKind::Usage, message)
            .hint("Give the file of the baseline; drcore verify compares with a live database."));
    }
    if call.options.into_schema.is_some() && call.verify.against.is_some() {
        let message = "against: what comes beside a database is not compared with what that was";
        return Err(Error::new(ErrorKind::Usage, message).hint("Leave it out."));
    }
    let given = Box::pin(call.verify.stored()).await?;
    let stop = Stop::new(call.verify.collect.cancel.clone(), None);
    let fetching = Box::pin(fetch(backup, call, given));
    let fetched = stop.or(fetching).await;
    stop.finish();
    let (source, dump, baseline) = fetched?;
    let (mut plan, _) = look(&dump.path, url, call, baseline.as_ref()).await?;
    plan.archive.file = source.shown();
    Ok(Restore { plan, url: url.to_owned(), dump: Arc::new(dump), baseline, call: call.clone() })
}

/// The dump on this machine, and the baseline that was given or lies beside it.
async fn fetch(
    backup: &str,
    call: &RestoreCall,
    given: Option<Evidence>,
) -> Result<(DumpSource, Dump, Option<Evidence>)> {
    let source = DumpSource::of(backup, call.pick.as_ref()).await?;
    let baseline = match given {
        Some(baseline) => Some(baseline),
        None => source.baseline().await?,
    };
    let told = |progress| {
        if let Some(tell) = &call.verify.collect.progress {
            tell(progress);
        }
    };
    let dump = source.fetch(told).await?;
    Ok((source, dump, baseline))
}

/// The target, if it may be restored into, and what would be done to it.
async fn look(
    archive: &Path,
    url: &str,
    call: &RestoreCall,
    baseline: Option<&Evidence>,
) -> Result<(RestorePlan, RestoreTarget)> {
    let plan = &call.verify.plan;
    let target = TargetOptions {
        project: call.project.clone(),
        protect: plan.restore.as_ref().map(|rules| rules.protect.clone()).unwrap_or_default(),
        clone_of: call.clone_of.clone(),
        apart: baseline.map(|baseline| Apart::baseline(&baseline.run)).into_iter().collect(),
        limits: plan.limits.clone(),
        onto: call.options.onto,
        beside: call.options.into_schema.is_some(),
    };
    let target = RestoreTarget::connect(url, &target).await?;
    let plan = RestorePlan::of(archive, &target, &call.options).await?;
    Ok((plan, target))
}

impl Restore {
    /// Does it; puts right what a dump does not bring, where there is a baseline, and verifies.
    ///
    /// Archive and target are looked at once more: reviewing takes its time, and what was done is not done twice.
    ///
    /// # Errors
    /// As [`restore`] and [`RestorePlan::execute`]; once it was restored, what verifying could not find out is in the
    /// report.
    pub async fn execute(&self, options: &ExecuteOptions) -> Result<Restored> {
        let looking = look(&self.dump.path, &self.url, &self.call, self.baseline.as_ref());
        let (plan, target) = Box::pin(looking).await?;
        plan.expect(&self.plan.digest)?;
        let mut restored = Box::pin(plan.execute(&target, options)).await?;
        restored.plan.archive.file.clone_from(&self.plan.archive.file);
        if restored.plan.is_aside().is_some() {
            // Nothing of the database itself was restored.
            return Ok(restored);
        }
        if let Some(baseline) = &self.baseline {
            let mut verify = self.call.verify.clone();
            verify.collect.cancel = options.cancel.clone();
            verify.collect.progress.clone_from(&options.progress);
            let after = Box::pin(after_restore(&self.url, target.project(), baseline, &verify)).await?;
            restored.after = Some(Box::new(after));
        }
        let limits = &self.call.verify.plan.limits;
        restored.cut_over = cut_over(&target, &restored, self.baseline.as_ref(), limits).await?;
        Ok(restored)
    }

    /// How it is done where nobody says otherwise.
    pub fn execute_options(&self) -> ExecuteOptions {
        ExecuteOptions {
            apply: None,
            limits: self.call.verify.plan.limits.clone(),
            tools: self.call.options.tools.clone(),
            progress: self.call.verify.collect.progress.clone(),
            cancel: self.call.verify.collect.cancel.clone(),
        }
    }
}

impl RestoreCall {
    /// Reads the options of a call: those of [`VerifyOptions::from_json`], and `{"project": NAME, "onto": "empty" |
    /// "replace" | "resume" | "start_over", "tables": ["public.invoices"], "jobs": 4, "clone_of": NAME, "into_schema": NAME, "pick":
    /// "2026-11-20"}`.
    ///
    /// # Errors
    /// As [`VerifyOptions::from_json`].
    pub fn from_json(text: &str) -> Result<Self> {
        let keys = [&["into_schema", "pick"], TargetArguments::KEYS, VerifyOptions::KEYS].concat();
        let mut given = crate::arguments::object(text, &keys)?;
        let pick = name(&mut given, "pick")?.as_deref().map(Pick::parse).transpose()?;
        let into_schema = name(&mut given, "into_schema")?;
        let TargetArguments { project, clone_of, onto, jobs, tables } = TargetArguments::take(&mut given)?;
        let options = RestoreOptions { onto, jobs, tables, into_schema, tools: None };
        let verify = VerifyOptions::from_json(&Value::Object(given).to_string())?;
        Ok(Self { project, clone_of, pick, options, verify })
    }
}

/// Options of a call that writes into a database.
pub(crate) struct TargetArguments {
    pub(crate) project: Option<String>,
    pub(crate) clone_of: Option<String>,
    pub(crate) onto: Onto,
    pub(crate) jobs: Option<u32>,
    pub(crate) tables: Vec<QualifiedName>,
}

impl TargetArguments {
    pub(crate) const KEYS: &[&str] = &["clone_of", "jobs", "onto", "project", "tables"];

    /// Takes them out of what was given.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a value of another type.
    pub(crate) fn take(given: &mut Map<String, Value>) -> Result<Self> {
        let usage = |message: &str| Error::new(ErrorKind::Usage, message);
        let (project, clone_of) = (name(given, "project")?, name(given, "clone_of")?);
        let onto = given
            .remove("onto")
            .map(serde_json::from_value::<Onto>)
            .transpose()
            .map_err(|_| usage("onto: expected \"empty\", \"replace\", \"resume\" or \"start_over\""))?;
        let jobs = match given.remove("jobs") {
            None => None,
            Some(value) => Some(
                value
                    .as_u64()
                    .and_then(|jobs| u32::try_from(jobs).ok())
                    .filter(|jobs| (1..=64).contains(jobs))
                    .ok_or_else(|| usage("jobs: expected a number from 1 to 64"))?,
            ),
        };
        Ok(Self { project, clone_of, onto: onto.unwrap_or_default(), jobs, tables: tables(given)? })
    }
}

fn name(given: &mut Map<String, Value>, key: &str) -> Result<Option<String>> {
    match given.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::new(ErrorKind::Usage, format!("{key}: expected text"))),
    }
}

fn tables(given: &mut Map<String, Value>) -> Result<Vec<QualifiedName>> {
    let usage =
        || Error::new(ErrorKind::Usage, "tables: expected a list of names such as \"public.invoices\"");
    let names: Vec<String> = match given.remove("tables") {
        None => return Ok(Vec::new()),
        Some(names) => serde_json::from_value(names).map_err(|_| usage())?,
    };
    names.iter().map(|name| table(name)).collect()
}

/// A table as somebody wrote it, in `public` where no schema is named.
///
/// # Errors
/// [`ErrorKind::Usage`] if it is no name of a table.
pub fn table(text: &str) -> Result<QualifiedName> {
    let wrong = |message: String| Error::new(ErrorKind::Usage, message).hint("Write SCHEMA.TABLE.");
    match crate::sql::split_name(text).map_err(wrong)?.as_slice() {
        [name] => Ok(QualifiedName::new("public", &name.text)),
        [schema, name] => Ok(QualifiedName::new(&schema.text, &name.text)),
        _ => Err(wrong(format!("{text:?} is no table"))),
    }
}
