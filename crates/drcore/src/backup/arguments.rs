//! The calls as the other languages make them: options as one JSON object, read in one place.

use serde_json::{Map, Value};

use super::pick::Pick;
use super::prune::{PruneOptions, PrunePlan, Pruned};
use super::repository::Repository;
use super::take::{Compression, Omit, TakeFormat, TakeOptions, Taken, salvage, take};
use super::verification::Verification;
use super::verify::{VerificationOptions, verify};
use crate::arguments::object;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Span;
use crate::verify::VerifyOptions;

/// What [`take`](super::take) and [`salvage`](super::salvage) are called with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TakeCall {
    /// The repository, as it was named.
    pub to: String,
    /// How it is taken.
    pub options: TakeOptions,
}

/// What [`PrunePlan::of`](super::PrunePlan::of) is called with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PruneCall {
    /// The repository.
    pub repository: Repository,
    /// Which backups go.
    pub options: PruneOptions,
    /// Remove what the plan of this digest names.
    pub apply: Option<String>,
}

/// What [`verify`](super::verify) is called with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VerificationCall {
    /// The repository, as it was named: that of one backup names that.
    pub repository: Repository,
    /// Which backup; else the one that the URL names.
    pub pick: Option<Pick>,
    /// How it is looked into.
    pub options: VerificationOptions,
}

const OF_VERIFY: &[&str] = &["content", "deadline", "limits", "plan", "sessions"];
const OF_TAKE: &[&str] =
    &["to", "dump", "jobs", "compress", "exclude_schemas", "exclude_tables", "exclude_table_data"];

impl TakeCall {
    /// Reads `{"to": REPOSITORY, "plan": PATH | {…}, "content": true, "deadline": "1h", "sessions": 2, "limits": {…},
    /// "dump": "custom" | "directory", "jobs": 4, "compress": "zstd:3", "exclude_schemas": [PATTERN…],
    /// "exclude_tables": […], "exclude_table_data": […]}`, where only `to` must be there, and not even that
    /// where the plan names a repository.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a key that is not known or a value that cannot work; [`ErrorKind::Plan`] for mistakes in
    /// the plan.
    pub fn from_json(text: &str) -> Result<Self> {
        let keys: Vec<&str> = OF_VERIFY.iter().chain(OF_TAKE).copied().collect();
        let mut given = object(text, &keys)?;
        let mut own = Map::new();
        for key in OF_TAKE {
            if let Some(value) = given.remove(*key) {
                own.insert((*key).to_owned(), value);
            }
        }
        let verify = VerifyOptions::from_json(&Value::Object(given).to_string())?;
        let mut options = TakeOptions::of(&verify);
        let planned = || verify.plan.backups.as_ref().and_then(|backups| backups.repository.clone());
        let to = text_of(&mut own, "to")?
            .or_else(planned)
            .ok_or_else(|| usage("to: expected the URL of a repository"))?;
        let jobs = number_of(&mut own, "jobs")?;
        options.format = match (text_of(&mut own, "dump")?.as_deref(), jobs) {
            (None | Some("custom"), None) => TakeFormat::Custom,
            (Some("directory"), jobs) => {
                let jobs = jobs.unwrap_or(2);
                let jobs = u32::try_from(jobs).ok().filter(|jobs| (1..=64).contains(jobs));
                TakeFormat::Directory {
                    jobs: jobs.ok_or_else(|| usage("jobs: expected a number from 1 to 64"))?,
                }
            }
            (None | Some("custom"), Some(_)) => {
                return Err(usage(
                    "jobs: only a dump of the directory format is written by several sessions",
                ));
            }
            (Some(_), _) => return Err(usage("dump: expected \"custom\" or \"directory\"")),
        };
        options.compression =
            text_of(&mut own, "compress")?.map(|text| Compression::parse(&text)).transpose()?;
        options.omit.extend(texts_of(&mut own, "exclude_schemas")?.into_iter().map(Omit::Schema));
        options.omit.extend(texts_of(&mut own, "exclude_tables")?.into_iter().map(Omit::Table));
        options.omit.extend(texts_of(&mut own, "exclude_table_data")?.into_iter().map(Omit::Rows));
        Ok(Self { to, options })
    }

    /// Takes a backup of the database at `url`.
    ///
    /// # Errors
    /// As [`take`].
    pub async fn take(&self, url: &str) -> Result<Taken> {
        take(url, &Repository::open(&self.to)?, &self.options).await
    }

    /// Holds on to what there is of the database at `url`.
    ///
    /// # Errors
    /// As [`salvage`].
    pub async fn salvage(&self, url: &str) -> Result<Taken> {
        salvage(url, &self.to, &self.options).await
    }
}

impl PruneCall {
    /// Reads `{"keep": "30 days", "keep_last": 14, "foreign": false, "apply": DIGEST}`, of which `keep` or `keep_last` must
    /// be there.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a key that is not known or a value that cannot work.
    pub fn from_json(repository: &str, text: &str) -> Result<Self> {
        let mut given = object(text, &["apply", "foreign", "keep", "keep_last"])?;
        let keep = text_of(&mut given, "keep")?;
        let keep = keep
            .map(|keep| Span::parse(&keep).map_err(|message| usage(&format!("keep: {message}"))))
            .transpose()?;
        let keep_last = number_of(&mut given, "keep_last")?;
        let foreign = match given.remove("foreign") {
            None => false,
            Some(value) => value.as_bool().ok_or_else(|| usage("foreign: expected true or false"))?,
        };
        let options = PruneOptions {
            keep: keep.map(Into::into),
            keep_last: keep_last.map(|last| usize::try_from(last).unwrap_or(usize::MAX)),
            foreign,
        };
        Ok(Self { repository: Repository::open(repository)?, options, apply: text_of(&mut given, "apply")? })
    }
}

impl PruneCall {
    /// Which backups would go.
    ///
    /// # Errors
    /// As [`PrunePlan::of`].
    pub async fn plan(&self) -> Result<PrunePlan> {
        PrunePlan::of(&self.repository, &self.options).await
    }

    /// Removes what the plan of the digest that was given names, if it is still that one.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] without a digest; as [`PrunePlan::of`], [`PrunePlan::expect`] and [`PrunePlan::execute`].
    pub async fn run(&self) -> Result<Pruned> {
        let digest = self
            .apply
            .as_deref()
            .ok_or_else(|| usage("apply: the digest of the plan that was reviewed is missing"))?;
        let plan = self.plan().await?;
        plan.expect(digest)?;
        plan.execute(&self.repository).await
    }
}

impl VerificationCall {
    /// Reads `{"backup": "newest" | DAY | INSTANT | NAME, "record": true}`, both optional.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a key that is not known or a value that cannot work.
    pub fn from_json(repository: &str, text: &str) -> Result<Self> {
        let mut given = object(text, &["backup", "record"])?;
        let pick = text_of(&mut given, "backup")?.map(|text| Pick::parse(&text)).transpose()?;
        let mut options = VerificationOptions::default();
        if let Some(value) = given.remove("record") {
            options.record = value.as_bool().ok_or_else(|| usage("record: expected true or false"))?;
        }
        Ok(Self { repository: Repository::open(repository)?, pick, options })
    }

    /// Looks into the backup.
    ///
    /// # Errors
    /// As [`Repository::pick`] and [`verify`].
    pub async fn run(&self) -> Result<Verification> {
        let (repository, entry) = self.repository.clone().resolve(self.pick.as_ref()).await?;
        verify(&repository, &entry, &self.options).await
    }
}

fn usage(message: &str) -> Error {
    Error::new(ErrorKind::Usage, message)
}

pub(super) fn text_of(given: &mut Map<String, Value>, key: &str) -> Result<Option<String>> {
    match given.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(usage(&format!("{key}: expected text"))),
    }
}

fn number_of(given: &mut Map<String, Value>, key: &str) -> Result<Option<u64>> {
    let value = given.remove(key);
    value.map(|value| value.as_u64().ok_or_else(|| usage(&format!("{key}: expected a number")))).transpose()
}

fn texts_of(given: &mut Map<String, Value>, key: &str) -> Result<Vec<String>> {
    let value = given.remove(key).unwrap_or_else(|| Value::Array(Vec::new()));
    serde_json::from_value(value).map_err(|_| usage(&format!("{key}: expected a list of patterns")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_are_told() {
        let call = TakeCall::from_json(
            r#"{"to": "/b", "dump": "directory", "jobs": 4, "compress": "gzip:6", "exclude_schemas": ["cron"], "sessions": 3}"#,
        )
        .unwrap();
        assert_eq!(call.options.format, TakeFormat::Directory { jobs: 4 });
        assert_eq!(call.options.omit, [Omit::Schema("cron".to_owned())]);
        assert_eq!(call.options.plan.limits.sessions, Some(3));
        for (text, needle) in [
            ("{}", "to: expected"),
            (r#"{"to": ""}"#, "to: expected text"),
            (r#"{"to": "/b", "dmp": "custom"}"#, "dmp"),
            (r#"{"to": "/b", "jobs": 4}"#, "only a dump of the directory format"),
            (r#"{"to": "/b", "dump": "tar"}"#, "dump: expected"),
            (r#"{"to": "/b", "compress": "lzma"}"#, "is no compression"),
            (r#"{"to": "/b", "exclude_tables": "t"}"#, "a list of patterns"),
            (r#"{"to": "/b", "deadline": 5}"#, "duration"),
        ] {
            let error = TakeCall::from_json(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains(needle), "{text}: {error}");
        }
        let call = PruneCall::from_json("/b", r#"{"keep": "30 days", "apply": "7c1e04b2"}"#).unwrap();
        assert_eq!(call.options.keep, Some(std::time::Duration::from_secs(30 * 86_400)));
        for text in [r#"{"keep": 30}"#, r#"{"keep": "soon"}"#, r#"{"keep_last": "all"}"#, r#"{"foreign": 1}"#]
        {
            assert_eq!(PruneCall::from_json("/b", text).unwrap_err().kind(), ErrorKind::Usage, "{text}");
        }
        let call = VerificationCall::from_json("/b", r#"{"backup": "2026-11-20", "record": false}"#).unwrap();
        assert!(matches!(call.pick, Some(Pick::Day(_))) && !call.options.record);
        for text in [r#"{"record": 1}"#, r#"{"backup": 5}"#, r#"{"bakup": "newest"}"#] {
            let error = VerificationCall::from_json("/b", text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
        }
        let planned = TakeCall::from_json(r#"{"plan": {"backups": {"repository": "/b"}}}"#).unwrap();
        assert_eq!(planned.to, "/b");
    }
}
