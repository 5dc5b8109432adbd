//! Taking a backup: a dump and a baseline of one snapshot, into a repository, with the manifest last.

mod dump;
mod options;
mod recover;
mod running;
mod salvage;
mod unreadable;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

pub use options::{Compression, Omit, TakeFormat, TakeOptions};
pub use recover::Recovered;
pub(super) use recover::{is_silent, take_away};
pub use salvage::salvage;

use super::layout::{self, BASELINE, MANIFEST, SKETCHES};
use super::manifest::{BackupKind, BackupSource, Manifest, ManifestRun, StoredObject, tables};
use super::repository::{Repository, above, digest};
use crate::collect::{CollectOptions, Stop, collect};
use crate::connect::{Dsn, Session, Snapshot, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Evidence, Server};
use crate::restore::ClientTools;
use crate::text::milliseconds;
use dump::{Dump, Dumped};
use options::Told;
use running::Running;
use unreadable::Unreadable;

/// A backup that was taken. `drcore.taken/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Taken")]
#[non_exhaustive]
pub struct Taken {
    /// Always `drcore.taken/1`.
    pub format: String,
    /// By which it is picked.
    pub name: String,
    /// The repository: never a key.
    pub repository: String,
    /// What it is.
    pub manifest: Manifest,
    /// What could not be read, with the reason: what is restored cannot be compared in this.
    pub unread: Vec<String>,
    /// What earlier runs left, and was taken away.
    pub recovered: Vec<Recovered>,
}

impl Taken {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.taken/1";

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// Whether all of the database is in it, but for what was left out on purpose.
    pub fn is_whole(&self) -> bool {
        self.unread.is_empty() && self.manifest.omitted.iter().all(|omitted| omitted.why == ON_PURPOSE)
    }

    /// The exit code that the command ends with: 0, or 3 where something could not be read.
    pub fn exit_code(&self) -> u8 {
        if self.is_whole() { 0 } else { 3 }
    }
}

/// Takes a backup of the database at `url`: dump and baseline are of one snapshot, and either all of it is there in the
/// end, with its manifest, or nothing that could be taken for a backup.
///
/// # Errors
/// Whatever kept it from being whole: [`ErrorKind::Permission`] where the role may not read something,
/// [`ErrorKind::Tool`] where `pg_dump` is missing, too old or fails, [`ErrorKind::Unsupported`] behind a transaction
/// pooler, [`ErrorKind::Cancelled`], and what the repository says.
#[tracing::instrument(name = "take", skip_all, fields(repository = %repository.url()))]
pub async fn take(url: &str, repository: &Repository, options: &TakeOptions) -> Result<Taken> {
    Dsn::parse(url)?;
    let limits = &options.plan.limits;
    let stop = Stop::new(options.collect.cancel.clone(), limits.deadline.map(Into::into));
    // Boxed: it holds the futures of all steps.
    let result = Box::pin(take_until(&stop, url, repository, options)).await;
    stop.finish();
    result
}

async fn take_until(stop: &Stop, url: &str, repository: &Repository, options: &TakeOptions) -> Result<Taken> {
    let source = Source::new(Dsn::parse(url)?)?;
    let held = stop.or(Held::open(&source, options)).await?;
    let (running, recovered) = Running::begin(stop, repository, options.kind).await?;
    let taking = Taking { stop, source: &source, held: &held, repository, options, running: &running };
    let taken = taking.run().await;
    match taken {
        Ok((manifest, unread)) => {
            running.end().await;
            held.session.end().await;
            let name = running.name().to_owned();
            tracing::info!(name, bytes = manifest.dump.bytes, "backup taken");
            let format = Taken::FORMAT.to_owned();
            Ok(Taken { format, name, repository: repository.url().to_string(), manifest, unread, recovered })
        }
        Err(error) => {
            // Nothing half-done stays; what cannot be removed now is known by its marker.
            running.give_up().await;
            Err(error)
        }
    }
}

/// Why something is not in a dump that somebody left out.
const ON_PURPOSE: &str = "it was left out on purpose";

/// The snapshot that all of it is of, and the session that holds it.
struct Held {
    session: Session,
    snapshot: Snapshot,
    server: Server,
    /// How large the database is.
    bytes: Option<u64>,
    tools: ClientTools,
}

impl Held {
    async fn open(source: &Source, options: &TakeOptions) -> Result<Self> {
        let limits = &options.plan.limits;
        let session = source.session(limits).await?;
        let given = options.collect.snapshot.as_deref();
        let snapshot = session.begin_snapshot(limits, given).await?.ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                "the snapshot cannot be shared here, so that dump and baseline would be of two states",
            )
            .hint("Connect directly, or through a pooler in session mode (on Supabase port 5432, not 6543).")
        })?;
        let server = session.server().await?;
        // What the server does not tell only makes the parts of an upload smaller.
        let bytes = session.scan(SIZE, None).await.ok();
        let bytes = bytes.and_then(|rows| rows.into_iter().flatten().flatten().next()?.parse().ok());
        let tools = match &options.tools {
            Some(tools) => tools.clone().fit(server.major())?,
            None => ClientTools::for_server(server.major()).await?,
        };
        Ok(Self { session, snapshot, server, bytes, tools })
    }
}

const SIZE: &str = "select pg_catalog.pg_database_size(pg_catalog.current_database())";

struct Taking<'t> {
    stop: &'t Stop,
    source: &'t Source,
    held: &'t Held,
    repository: &'t Repository,
    options: &'t TakeOptions,
    running: &'t Running,
}

impl Taking<'_> {
    /// Stores everything, the manifest last. Gives it, and what could not be read for the baseline.
    async fn run(&self) -> Result<(Manifest, Vec<String>)> {
        let begun_at = Timestamp::now();
        let (dumped, collected, notes) = match self.options.kind {
            BackupKind::Backup => {
                let (dumped, evidence, elapsed) = self.dump_and_collect().await?;
                (dumped, Some((evidence, elapsed)), Vec::new())
            }
            BackupKind::Salvage => self.dump_what_there_is().await?,
        };
        self.stop.or(self.store(begun_at, dumped, collected, notes)).await
    }

    /// Dumps and collects at the same time. Where one of them fails, the other has no use.
    async fn dump_and_collect(&self) -> Result<(Dumped, Evidence, u64)> {
        let tell = self.options.told();
        let (stop_dump, stop_collect) = (CancellationToken::new(), self.options.collect.cancel.child_token());
        let dumping = async {
            let dump = self.dump(&tell);
            let dumped = tokio::select! {
                dumped = self.stop.or(dump.run(&[])) => dumped,
                () = stop_dump.cancelled() => Err(Error::new(ErrorKind::Cancelled, "the baseline failed")),
            };
            if dumped.is_err() {
                stop_collect.cancel();
            }
            dumped
        };
        let collecting = async {
            let collected = self.collect(&tell, stop_collect.clone()).await;
            let whole = collected.and_then(|(evidence, elapsed)| Ok((evidence.whole()?, elapsed)));
            if whole.is_err() {
                stop_dump.cancel();
            }
            whole
        };
        let (dumped, collected) = tokio::join!(dumping, collecting);
        // What one was stopped for is the other's error.
        let stopped = |error: &Error| error.kind() == ErrorKind::Cancelled;
        let error = match (dumped, collected) {
            (Ok(dumped), Ok((evidence, elapsed))) => return Ok((dumped, evidence, elapsed)),
            (Err(error), Err(other)) if stopped(&error) && !stopped(&other) => other,
            (Err(error), _) | (_, Err(error)) => error,
        };
        // pg_dump says the first thing that the role may not read; all of them are wanted.
        let unreadable = match error.kind() {
            ErrorKind::Permission => Unreadable::of(&self.held.session).await.unwrap_or_default(),
            _ => Vec::new(),
        };
        Err(unreadable::explain(error, &unreadable, &self.held.server.role))
    }

    fn dump(&self, tell: &Told) -> Dump<'_> {
        Dump {
            tools: &self.held.tools,
            to: self.source.libpq(&self.held.session),
            snapshot: &self.held.snapshot.id,
            expected: self.held.bytes.unwrap_or_default(),
            running: self.running,
            options: self.options,
            told: Arc::clone(&tell.dump),
        }
    }

    /// The Evidence of the snapshot, as far as it could be read, and how long that took.
    async fn collect(&self, tell: &Told, cancel: CancellationToken) -> Result<(Evidence, u64)> {
        let began = Instant::now();
        let options = CollectOptions {
            snapshot: Some(self.held.snapshot.id.clone()),
            cancel,
            progress: Some(Arc::clone(&tell.collect)),
            store: None,
            ..self.options.collect.clone()
        };
        let evidence = collect(self.source, &self.options.plan, None, &options).await?;
        Ok((evidence.into_baseline(), milliseconds(began)))
    }

    /// Stores what goes with the dump, and in the end the manifest.
    async fn store(
        &self,
        begun_at: Timestamp,
        dumped: Dumped,
        collected: Option<(Evidence, u64)>,
        mut unread: Vec<String>,
    ) -> Result<(Manifest, Vec<String>)> {
        let Self { held, repository, options, running, .. } = *self;
        let mut source = BackupSource::of(&held.server, self.source.dsn());
        source.bytes = held.bytes;
        let (mut baseline, mut sketches) = (None, None);
        if let Some((evidence, _)) = &collected {
            let stored = store_baseline(running, evidence).await?;
            (baseline, sketches) = (Some(stored.0), stored.1);
            let lacking = evidence.unread_for(&options.plan, &options.collect.only);
            unread
                .extend(lacking.iter().map(|unread| format!("{}: {}", unread.object, unread.cause.message)));
        }
        let evidence = collected.as_ref().map(|(evidence, _)| evidence);
        let mut notes = unread.clone();
        notes.extend(dumped.warnings);
        let manifest = Manifest {
            format: Manifest::FORMAT.to_owned(),
            kind: options.kind,
            snapshot_at: held.server.taken_at,
            source,
            content: evidence.is_some_and(|evidence| evidence.run.content.is_some()),
            tables: evidence.map(tables).unwrap_or_default(),
            baseline,
            sketches,
            omitted: dumped.omitted,
            notes,
            run: ManifestRun {
                begun_at,
                finished_at: Timestamp::now(),
                dump_ms: dumped.elapsed_ms,
                baseline_ms: collected.as_ref().map(|(_, elapsed)| *elapsed),
                drcore: env!("CARGO_PKG_VERSION").to_owned(),
                pg_dump: held.tools.version.clone(),
            },
            dump: dumped.dump,
        };
        store_manifest(repository, running, &manifest).await?;
        Ok((manifest, unread))
    }
}

/// Stores the baseline beside the dump, and what tells which rows differ.
async fn store_baseline(
    running: &Running,
    evidence: &Evidence,
) -> Result<(StoredObject, Option<StoredObject>)> {
    let name = running.name();
    // They are files to each other: one names the other.
    let directory = tempfile::Builder::new()
        .prefix("drcore-")
        .tempdir()
        .map_err(|error| Error::new(ErrorKind::Io, "cannot make a temporary directory").caused_by(error))?;
    let mut stored = Vec::new();
    let file = directory.path().join(format!("{}{BASELINE}", layout::file_name(name)));
    evidence.save(&file)?;
    for ending in [BASELINE, SKETCHES] {
        let file = directory.path().join(format!("{}{ending}", layout::file_name(name)));
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) if ending == SKETCHES && error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::unreadable("the baseline", &file, error)),
        };
        stored.push(store_small(running, &format!("{name}{ending}"), bytes).await?);
    }
    let mut stored = stored.into_iter();
    let baseline = stored.next().ok_or_else(|| Error::new(ErrorKind::Internal, "there is no baseline"))?;
    Ok((baseline, stored.next()))
}

async fn store_small(running: &Running, name: &str, bytes: Bytes) -> Result<StoredObject> {
    let stored = StoredObject {
        name: layout::file_name(name).to_owned(),
        bytes: bytes.len() as u64,
        sha256: digest(&bytes),
    };
    running.put(name, bytes).await?;
    Ok(stored)
}

/// Writes the manifest, once everything that it names is seen to be there.
async fn store_manifest(repository: &Repository, running: &Running, manifest: &Manifest) -> Result<()> {
    let above = above(running.name());
    for stored in manifest.objects() {
        let name = format!("{above}{}", stored.name);
        // Another run takes away what it holds for given up, such as that of a machine that slept.
        let found = repository.shelf.size(&name).await?;
        if found != Some(stored.bytes) {
            let found = found.map_or("nothing".to_owned(), |bytes| format!("{bytes} bytes"));
            let message = format!(
                "{name} was stored with {} bytes, and the repository has {found} of it",
                stored.bytes
            );
            return Err(Error::new(ErrorKind::Io, message).hint("Run it again."));
        }
    }
    let text = manifest.to_json()? + "\n";
    let name = format!("{}{MANIFEST}", running.name());
    running.put(&name, text.into()).await
}
