//! The verb: what is wrong with the files of a project, all of it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Store;
use super::found::StorageRow;
use crate::check::{CheckResult, Outcome};
use crate::collect::{CollectOptions, collect_or_unreachable};
use crate::connect::Dsn;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Evidence, Files, Run};
use crate::plan::{Plan, StorageOrphans};
use crate::report::{Report, Verdict};
use crate::spool::{Rows, Spool};
use crate::verify::VerifyOptions;

/// The check that it is.
const CHECK: &str = "storage_orphans";

/// What is asked of [`audit`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AuditOptions {
    /// `[storage_orphans]`, `[[accept]]` and limits.
    pub plan: Plan,
    /// The store, where it is not the plan's; progress and cancelling.
    pub collect: CollectOptions,
    /// Where answers are noted while objects are asked for one by one: an audit that was interrupted goes on from
    /// there, for a day, and asks again for what changed. The file is gone once an audit came to its end. Of no use
    /// where files are listed, which takes minutes at most.
    pub resume: Option<PathBuf>,
}

/// The keys that [`AuditOptions::from_json`] knows.
const KEYS: &[&str] = &[
    "checksums",
    "deadline",
    "limits",
    "missing_below",
    "plan",
    "probe",
    "resume",
    "samples",
    "sessions",
    "settle",
    "store",
    "tenant",
];
/// Those that are the plan's own, before which they go.
const OF_THE_PLAN: [&str; 5] = ["checksums", "missing_below", "probe", "samples", "settle"];

impl AuditOptions {
    /// Reads the options of a call: `{"store": URL, "tenant": ID, "plan": PATH | {…}, "deadline": "10m", "sessions": 2,
    /// "limits": {…}, "resume": PATH}` and what `[storage_orphans]` has, before whose keys they go: `"checksums"`, `"missing_below"`,
    /// `"probe"`, `"samples"`, `"settle"`. All optional.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a key that is not known or a value of another type;
    /// [`ErrorKind::Plan`] for mistakes in the plan.
    pub fn from_json(text: &str) -> Result<Self> {
        let usage = |message: String| Error::new(ErrorKind::Usage, message);
        let mut given = crate::arguments::object(text, KEYS)?;
        let mut options =
            VerifyOptions { plan: crate::arguments::plan(&mut given)?, ..VerifyOptions::default() };
        let mut section = serde_json::Map::new();
        for key in OF_THE_PLAN {
            section.extend(given.remove(key).map(|value| (key.to_owned(), value)));
        }
        if !section.is_empty() {
            // Read by the plan's reader, so that they are the same keys with the same mistakes.
            let own = serde_json::json!({ CHECK: &section });
            let own = Plan::from_json(&own.to_string()).map_err(|error| {
                usage("the options have mistakes; nothing was run".to_owned())
                    .detail(error.detail_text().unwrap_or_default())
                    .hint("drcore explain plan.storage_orphans")
            })?;
            let own = own.storage_orphans.unwrap_or_default();
            let planned = options.plan.storage_orphans.get_or_insert_default();
            if section.contains_key("checksums") {
                planned.checksums = own.checksums;
            }
            planned.missing_below = own.missing_below.or(planned.missing_below);
            planned.probe = own.probe.or(planned.probe);
            planned.samples = own.samples.or(planned.samples);
            planned.settle = own.settle.or(planned.settle);
        }
        crate::arguments::limits(&mut given, &mut options.plan)?;
        let mut text = |key: &str| match given.remove(key) {
            None => Ok(None),
            Some(serde_json::Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(usage(format!("{key}: expected text"))),
        };
        let (store, tenant, resume) = (text("store")?, text("tenant")?, text("resume")?);
        options.files(store.as_deref(), tenant.as_deref())?;
        Ok(Self { plan: options.plan, collect: options.collect, resume: resume.map(PathBuf::from) })
    }

    /// The store that the call, else the plan, names.
    fn store(&self) -> Result<Store> {
        let planned = || self.plan.storage_orphans.as_ref().and_then(StorageOrphans::store);
        self.collect.store.clone().or_else(planned).ok_or_else(|| {
            Error::new(ErrorKind::Usage, "no store was named").hint(
                "Name it with --store, or in the plan's [storage_orphans]: s3://BUCKET/PREFIX, file:///DIRECTORY, \
                 supabase://REF or https://HOST/storage/v1.",
            )
        })
    }
}

/// What is wrong with the files of a project.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "StorageReport")]
#[non_exhaustive]
pub struct StorageReport {
    /// Always `drcore.storage/1`.
    pub format: String,
    /// What it comes to: `passed` only where everything was looked at and nothing is wrong.
    pub verdict: Verdict,
    /// The result of the check `storage_orphans`: findings by bucket, and what could not be read.
    pub check: CheckResult,
    /// How much there is, by bucket; none where it could not be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Files>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// How it was read.
    pub run: Run,
    /// Every file that something is wrong with.
    #[serde(skip)]
    spool: Spool,
}

/// Compares the files of a store with the rows of `storage.objects`, and keeps every file that something is wrong with.
///
/// A database or a store that cannot be reached gives a report too: unread, the verdict `unproven`.
///
/// # Errors
/// [`ErrorKind::Usage`] if neither the options nor their plan name a store, or `url` is no connection string.
#[tracing::instrument(name = "storage_audit", skip_all)]
pub async fn audit(url: &str, options: &AuditOptions) -> Result<StorageReport> {
    Dsn::parse(url)?;
    let mut plan = options.plan.clone();
    // Who asks for it means it.
    plan.skip.retain(|skip| skip.check != CHECK);
    let mut collect = options.collect.clone();
    collect.store = Some(options.store()?);
    collect.only = vec![CHECK.to_owned()];
    collect.every_file = true;
    collect.resume.clone_from(&options.resume);
    let evidence = Box::pin(collect_or_unreachable(url, &plan, None, &collect)).await;
    StorageReport::judge(&plan, evidence, &collect.only)
}

impl StorageReport {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.storage/1";

    fn judge(plan: &Plan, evidence: Evidence, only: &[String]) -> Result<Self> {
        let Report { checks, notes, .. } = Report::judge(plan, &evidence, None, only);
        let check = checks
            .into_iter()
            .find(|check| check.id == CHECK)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the check is gone"))?;
        let verdict = match check.outcome {
            Outcome::Failed => Verdict::Failed,
            Outcome::NotRun => Verdict::Unproven,
            Outcome::Passed => Verdict::Passed,
        };
        let about = |note: &String| note.starts_with("[[accept]]") || note.starts_with(CHECK);
        Ok(Self {
            format: Self::FORMAT.to_owned(),
            verdict,
            check,
            files: evidence.files.read().cloned(),
            notes: notes.into_iter().filter(about).collect(),
            spool: evidence.file_rows,
            run: evidence.run,
        })
    }

    /// The exit code that the command would end with: 0 passed, 1 failed, 3 unproven, 130 interrupted.
    pub fn exit_code(&self) -> u8 {
        let interrupted =
            self.run.failure.as_ref().is_some_and(|failure| failure.kind == ErrorKind::Cancelled);
        if interrupted { 130 } else { self.verdict.exit_code() }
    }

    /// Every file that something is wrong with, or of which it could not be told.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] where the report was read from JSON, which does not hold them.
    pub fn rows(&self) -> Result<Rows<StorageRow>> {
        if let Some(rows) = self.spool.rows() {
            return Ok(rows);
        }
        let is_whole = self.files.as_ref().is_none_or(Files::is_whole);
        if is_whole {
            return Ok(Rows::of(Vec::new()));
        }
        let message =
            "a report that was read from JSON does not hold every file that something is wrong with";
        Err(Error::new(ErrorKind::Usage, message)
            .hint("Take them from where it was made: drcore storage audit … -o rows.ndjson."))
    }

    /// The JSON form, the same bytes in every language.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Format`] if the text is none, or of a newer major version.
    pub fn from_json(text: &str) -> Result<Self> {
        crate::wire::from_json(text, Self::FORMAT, "an audit of storage")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_refused() {
        let options = AuditOptions::from_json(
            r#"{"store": "file:///files", "tenant": "stub", "checksums": true, "samples": 3, "deadline": "10m",
                "plan": {"storage_orphans": {"samples": 9, "settle": "5s"}}}"#,
        )
        .unwrap();
        let section = options.plan.storage_orphans.as_ref().unwrap();
        assert_eq!((section.checksums, section.samples), (true, Some(3)));
        assert_eq!(section.settle, Some(crate::plan::Span::parse("5s").unwrap()));
        assert_eq!(options.store().unwrap().tenant.as_deref(), Some("stub"));
        let planned =
            AuditOptions::from_json(r#"{"plan": {"storage_orphans": {"store": "s3://b"}}}"#).unwrap();
        assert_eq!(planned.store().unwrap().url.to_string(), "s3://b/");
        assert_eq!(AuditOptions::default().store().unwrap_err().kind(), ErrorKind::Usage);
        for (text, needle) in [
            (r#"{"stroe": "s3://b"}"#, "Did you mean store?"),
            (r#"{"store": 5}"#, "store: expected text"),
            (r#"{"probe": 0}"#, "the options have mistakes"),
            (r#"{"tenant": "a"}"#, "no store"),
        ] {
            let error = AuditOptions::from_json(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(format!("{error:?}").contains(needle), "{text}: {error:?}");
        }
    }
}
