//! The main job in one call.

use std::fmt;
use std::path::PathBuf;

use tokio::sync::SetOnce;

use crate::backup::{Repository, RepositoryUrl};
use crate::check::Unread;
use crate::collect::{
    CollectOptions, ContentChoice, Stop, Then, both, collect_or_unreachable, collect_or_unreachable_until,
};
use crate::connect::Dsn;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{CauseKind, Evidence};
use crate::plan::{Plan, StorageOrphans};
use crate::report::Report;
use crate::sql::QualifiedName;

/// What a database is compared with.
#[derive(Clone)]
#[non_exhaustive]
pub enum Against {
    /// The baseline of a backup: the URL of a repository or of a day in it, of which the newest backup is meant, or
    /// of one backup.
    Backup(String),
    /// Stored Evidence, already read.
    Evidence(Box<Evidence>),
    /// Stored Evidence in a file.
    File(PathBuf),
    /// A live database: its Evidence is collected first.
    Url(String),
}

/// Without the connection string, which may hold a password.
impl fmt::Debug for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // It holds no key, or it is refused.
            Self::Backup(url) => f.debug_tuple("Backup").field(url).finish(),
            Self::Evidence(evidence) => f.debug_tuple("Evidence").field(&evidence.run.taken_at).finish(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Url(url) => match Dsn::parse(url) {
                Ok(dsn) => f.debug_tuple("Url").field(&dsn.to_string()).finish(),
                Err(_) => f.debug_tuple("Url").finish_non_exhaustive(),
            },
        }
    }
}

impl Against {
    /// A URL or key-value string is a database, the URL of a bucket or directory a repository of backups; anything
    /// else is a file.
    pub fn parse(text: &str) -> Self {
        if RepositoryUrl::is_one(text) {
            return Self::Backup(text.to_owned());
        }
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        let is_key_value = text.contains('=') && !std::path::Path::new(text).exists();
        if is_url || is_key_value { Self::Url(text.to_owned()) } else { Self::File(PathBuf::from(text)) }
    }
}

/// How to verify.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// What must hold.
    pub plan: Plan,
    /// What it is compared with.
    pub against: Option<Against>,
    /// How to collect, and which checks.
    pub collect: CollectOptions,
}

/// Verifies a database: collects, and judges.
///
/// A database that cannot be reached gives a report too: everything unread, the verdict `unproven`.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if `only` names a check that does not exist or `url` is
/// no connection string; [`ErrorKind::Io`](crate::ErrorKind::Io) or [`ErrorKind::Format`](crate::ErrorKind::Format) if the baseline cannot be read.
pub async fn verify(url: &str, options: &VerifyOptions) -> Result<Report> {
    known_checks(&options.collect.only)?;
    options.knows_why_to_write()?;
    if options.collect.shard.is_some() {
        let error = Error::new(ErrorKind::Usage, "a shard alone proves nothing");
        return Err(error.hint("Collect all shards, merge what they read, and judge that."));
    }
    // Boxed, or every caller's future would be as large as both collections.
    let (now, then) = Box::pin(options.collect_both(url)).await?;
    Ok(Report::judge(&options.plan, &now, then.as_ref(), &options.collect.only))
}

/// Collects what [`verify`] would judge, or one shard of it. Where nothing can be read, the Evidence says so.
///
/// # Errors
/// As [`verify`]; also where a shard is to be compared with a live database, which may be another one for the
/// next shard.
pub async fn collect(url: &str, options: &VerifyOptions) -> Result<Evidence> {
    known_checks(&options.collect.only)?;
    options.knows_why_to_write()?;
    if let (Some(_), Some(Against::Url(_))) = (options.collect.shard, &options.against) {
        let error = Error::new(ErrorKind::Usage, "a shard cannot be compared with a live database");
        return Err(error.hint("Take a baseline of it first, and compare all shards with that."));
    }
    Ok(Box::pin(options.collect_both(url)).await?.0)
}

/// Judges Evidence that was collected before. Connects to nothing, unless it is
/// compared with a live database.
///
/// # Errors
/// As [`verify`].
pub async fn judge(now: &Evidence, options: &VerifyOptions) -> Result<Report> {
    known_checks(&options.collect.only)?;
    let then = match &options.against {
        Some(Against::Url(url)) => {
            Dsn::parse(url)?;
            Some(collect_or_unreachable(url, &options.plan, None, &options.of_source()).await)
        }
        _ => options.stored().await?,
    };
    Ok(Report::judge(&options.plan, now, then.as_ref(), &options.collect.only))
}

impl VerifyOptions {
    /// Refuses to be allowed what nobody asks for: whoever allows it would believe that it was tried.
    pub(crate) fn knows_why_to_write(&self) -> Result<()> {
        let asks = self.plan.tenant_isolation.as_ref().is_some_and(|section| section.attempt_writes);
        if self.collect.attempt_writes.is_none() || asks {
            return Ok(());
        }
        let error =
            Error::new(ErrorKind::Usage, "attempted writes were allowed, and the plan does not want any");
        Err(error.hint("Say attempt_writes = true under [tenant_isolation] in the plan."))
    }

    /// The database, and what it is compared with: a live one is read at the same time, and both
    /// within the one deadline. Where their servers have too few connections for that, one after the other.
    async fn collect_both(&self, url: &str) -> Result<(Evidence, Option<Evidence>)> {
        Dsn::parse(url)?;
        let collect = self.of_database();
        let Some(Against::Url(source)) = &self.against else {
            let then = self.stored().await?;
            let now = collect_or_unreachable(url, &self.plan, then.as_ref(), &collect).await;
            return Ok((now, then));
        };
        Dsn::parse(source)?;
        let (mut of_source, mut of_database) = (self.of_source(), collect);
        if let Some(tell) = &self.collect.progress {
            [of_source.progress, of_database.progress] = both(tell).map(Some);
        }
        let stop = Stop::new(self.collect.cancel.clone(), self.plan.limits.deadline.map(Into::into));
        let coming = SetOnce::new();
        let then = async {
            let then =
                collect_or_unreachable_until(&stop, source, &self.plan, Then::Nothing, &of_source).await;
            // Nobody else sets it.
            let _ = coming.set(then);
        };
        let now = collect_or_unreachable_until(&stop, url, &self.plan, Then::Coming(&coming), &of_database);
        let ((), mut now) = tokio::join!(then, now);
        let mut then = coming.into_inner();
        let is_short = |evidence: &Evidence| {
            // too_many_connections
            evidence.failure().is_some_and(|failure| failure.sqlstate.as_deref() == Some("53300"))
        };
        if is_short(&now) || then.as_ref().is_some_and(is_short) {
            tracing::warn!("both at once need more connections than there are: reading one after the other");
            let read =
                collect_or_unreachable_until(&stop, source, &self.plan, Then::Nothing, &of_source).await;
            let known = Then::Known(then.insert(read));
            now = collect_or_unreachable_until(&stop, url, &self.plan, known, &of_database).await;
        }
        if let Some(then) = &then {
            crate::diff::locate((source, then), (url, &mut now), &self.plan, &stop).await;
        }
        stop.finish();
        Ok((now, then))
    }

    /// How to collect the database itself: with the files of the store that the call, else the plan, names, and the
    /// backups that the plan does.
    fn of_database(&self) -> CollectOptions {
        let planned = self.plan.storage_orphans.as_ref().and_then(StorageOrphans::store);
        let only = &self.collect.only;
        let runs = |check: &str| {
            (only.is_empty() || only.iter().any(|id| id == check)) && self.plan.skipped(check).is_none()
        };
        let backups = self.plan.backups.clone().filter(|_| runs("backups"));
        let migrations = self.plan.migration_drift.clone().filter(|_| runs("migration_drift"));
        CollectOptions {
            store: self.collect.store.clone().or(planned),
            backups,
            migrations,
            ..self.collect.clone()
        }
    }

    /// How to collect what others are compared with: with the content of tables, where the link is fast.
    pub(crate) fn of_baseline(&self) -> CollectOptions {
        let content = match self.collect.content {
            ContentChoice::AsBaseline => ContentChoice::ByLink,
            content => content,
        };
        // The files are of the database that is verified, and change under what is kept for later.
        CollectOptions { content, store: None, attempt_writes: None, ..self.collect.clone() }
    }

    /// The same of the live database that another one is compared with: a snapshot to join is that one's.
    fn of_source(&self) -> CollectOptions {
        CollectOptions { snapshot: None, ..self.of_baseline() }
    }

    /// The stored Evidence that it is compared with.
    pub(crate) async fn stored(&self) -> Result<Option<Evidence>> {
        Ok(match &self.against {
            Some(Against::Backup(url)) => {
                let (repository, entry) = Box::pin(Repository::find(url)).await?;
                Some(repository.expect_baseline(&entry).await?)
            }
            Some(Against::Evidence(evidence)) => Some((**evidence).clone()),
            Some(Against::File(path)) => Some(Evidence::load(path)?),
            Some(Against::Url(_)) | None => None,
        })
    }
}

/// Collects a baseline: Evidence to store beside a backup.
///
/// # Errors
/// What kept it from being collected: half a baseline would be half a proof.
pub async fn baseline(url: &str, options: &VerifyOptions) -> Result<Evidence> {
    known_checks(&options.collect.only)?;
    Dsn::parse(url)?;
    // Boxed, or every caller's future would be as large.
    Box::pin(collect_or_unreachable(url, &options.plan, None, &options.of_baseline()))
        .await
        .whole()
        .map(Evidence::into_baseline)
}

impl Evidence {
    /// As a baseline, what it cannot answer that the plan asks for, because it could not be read.
    pub fn unread_for(&self, plan: &Plan, only: &[String]) -> Vec<Unread> {
        // Judged against itself nothing differs; what remains is what could not be read.
        let report = Report::judge(plan, self, Some(self), only);
        let mut unread: Vec<Unread> = report.checks.into_iter().flat_map(|check| check.unread).collect();
        // What nobody asked for is wanted only where something differs.
        unread.retain(|unread| unread.cause.kind != CauseKind::NotCollected && !self.is_ahead(unread));
        unread.sort();
        unread.dedup();
        unread
    }

    /// Where a standby shows a sequence was read; whoever compares with it knows that this may be ahead.
    fn is_ahead(&self, unread: &Unread) -> bool {
        let name = QualifiedName::parse(&unread.object).ok();
        let state = name.and_then(|name| self.scans.sequences.get(&name));
        unread.cause.kind == CauseKind::Standby && state.is_some_and(|state| state.read().is_some())
    }
}

/// Refuses names of checks that do not exist.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage), with what may have been meant.
pub fn known_checks(ids: &[String]) -> Result<()> {
    for id in ids {
        if crate::checks::by_id(id).is_none() {
            let known: Vec<&str> = crate::checks::ALL.iter().map(|check| check.id).collect();
            return Err(crate::suggest::no_such("check", id, &known));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::error::ErrorKind;
    use crate::report::Verdict;

    /// A server that takes the connection and never says anything, and its connection string.
    async fn silent() -> (tokio::net::TcpListener, String) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, format!("postgresql://u@127.0.0.1:{port}/d?sslmode=disable"))
    }

    #[tokio::test]
    async fn the_deadline_covers_connecting() {
        let (_listener, url) = silent().await;
        let options = VerifyOptions::from_json(r#"{"deadline": "100ms"}"#).unwrap();
        let began = Instant::now();
        let report = verify(&url, &options).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(report.verdict, Verdict::Unproven);
        assert_eq!(report.run.evidence.failure.unwrap().kind, ErrorKind::Timeout);
    }

    #[tokio::test]
    async fn the_deadline_covers_both_databases() {
        let ((_database, url), (_source, source)) = (silent().await, silent().await);
        let options = format!(r#"{{"deadline": "700ms", "against": "{source}"}}"#);
        let began = Instant::now();
        let report = verify(&url, &VerifyOptions::from_json(&options).unwrap()).await.unwrap();
        assert!(began.elapsed() < Duration::from_millis(1_300), "{:?}", began.elapsed());
        assert_eq!(report.run.baseline.unwrap().failure.unwrap().kind, ErrorKind::Timeout);
        assert_eq!(report.verdict, Verdict::Unproven);
    }

    #[tokio::test]
    async fn cancelling_covers_connecting() {
        let (_listener, url) = silent().await;
        let options = VerifyOptions::default();
        let cancel = options.collect.cancel.clone();
        let began = Instant::now();
        let (evidence, ()) = tokio::join!(collect(&url, &options), async { cancel.cancel() });
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(evidence.unwrap().failure().unwrap().kind, ErrorKind::Cancelled);
    }
}
