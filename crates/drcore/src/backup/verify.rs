//! Looking into a backup without restoring it: every byte is read once, its sums are compared with the manifest's, and the
//! rows that the dump holds with the baseline's.

mod feed;
mod omitted;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures::TryStreamExt;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::layout::{self, DumpFormat, VERIFIED};
use super::list::{BackupEntry, BackupState, EntryObject};
use super::manifest::StoredObject;
use super::repository::{Repository, above, hexadecimal, unlike};
use super::shelf::Put;
use super::url::RepositoryUrl;
use super::verification::{Verification, VerificationRun, VerificationVerdict};
use crate::archive::{ArchiveInput, Checksums, InspectOptions, Inspection, inspect};
use crate::collect::{Progress, Stop};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Evidence;
use crate::text::{milliseconds, plural};
use crate::verify::Against;
use feed::feed;

/// Of a list of what is wrong, so much is kept.
const MOST: usize = 100;

/// How a backup is looked into.
#[derive(Clone)]
#[non_exhaustive]
pub struct VerificationOptions {
    /// Whether what it shows is written beside the backup, for lists, pruning and the check.
    pub record: bool,
    /// Ends it early.
    pub cancel: CancellationToken,
    /// Told how far it is.
    pub progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
}

impl Default for VerificationOptions {
    fn default() -> Self {
        Self { record: true, cancel: CancellationToken::new(), progress: None }
    }
}

impl fmt::Debug for VerificationOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationOptions").field("record", &self.record).finish_non_exhaustive()
    }
}

/// Reads all of a backup and says whether it is whole: each object is what the manifest says, the dump is read to its end,
/// and every table in it has the rows that the baseline counted. Nothing is restored.
///
/// A dump of the directory format in a bucket is fetched into the temporary directory for it; all others are read as they
/// come.
///
/// # Errors
/// Why that could not be found out: [`ErrorKind::Usage`] for one that was never finished, [`ErrorKind::Unsupported`] for
/// one of a newer version, [`ErrorKind::Cancelled`], and what the repository says. A backup that is damaged is no error.
#[tracing::instrument(name = "verify", skip_all, fields(backup = %entry.name))]
pub async fn verify(
    repository: &Repository,
    entry: &BackupEntry,
    options: &VerificationOptions,
) -> Result<Verification> {
    refuse(entry)?;
    let stop = Stop::new(options.cancel.clone(), None);
    let verified_at = Timestamp::now();
    let mut looking = Looking::new(repository, entry, options);
    // Boxed: it holds the futures of all steps.
    let looked = stop.or(Box::pin(looking.run())).await;
    stop.finish();
    looked?;
    let mut verification = looking.conclude(verified_at);
    if options.record {
        let text = verification.to_json()? + "\n";
        let name = format!("{}{VERIFIED}", entry.name);
        if let Err(error) = repository.shelf.put(&name, text.into(), Put::Over).await {
            tracing::warn!(%error, name, "a verification could not be recorded");
            verification.notes.push(format!("not recorded in the repository: {error}"));
        }
    }
    Ok(verification)
}

/// What nobody can look into.
fn refuse(entry: &BackupEntry) -> Result<()> {
    let name = &entry.name;
    match entry.state {
        BackupState::Unfinished => {
            Err(Error::new(ErrorKind::Usage, format!("{name} was begun and never finished"))
                .hint("There is nothing to look into; drcore backup list shows the others."))
        }
        BackupState::Unreadable => {
            let why = entry.problems.first().map_or("its manifest cannot be read", String::as_str);
            Err(Error::new(ErrorKind::Unsupported, format!("{name}: {why}"))
                .hint("Use the version of drcore that took it, or a newer one."))
        }
        BackupState::Complete | BackupState::Damaged | BackupState::Foreign => Ok(()),
    }
}

struct Looking<'l> {
    repository: &'l Repository,
    entry: &'l BackupEntry,
    options: &'l VerificationOptions,
    began: Instant,
    /// Bytes that were read.
    came: u64,
    objects: Vec<StoredObject>,
    problems: Vec<String>,
    unread: Vec<String>,
    notes: Vec<String>,
    /// Tables of the dump whose rows were counted, and how many these are.
    tables: u64,
    rows: u64,
}

/// Where the bytes of an object go besides into its sum.
enum Sink {
    Feed(mpsc::Sender<Bytes>),
    File(tokio::fs::File, PathBuf),
    Nowhere,
}

impl Sink {
    /// A new file, which nobody else on this machine reads.
    async fn create(path: PathBuf) -> Result<Self> {
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let file = options.open(&path).await.map_err(|error| unwritable(&path, error))?;
        Ok(Self::File(file, path))
    }

    async fn take(&mut self, piece: Bytes) -> Result<()> {
        match self {
            Self::Feed(feed) => {
                // Who reads stops where the dump breaks; the sum is of all of it.
                if feed.send(piece).await.is_err() {
                    *self = Self::Nowhere;
                }
                Ok(())
            }
            Self::File(file, path) => file.write_all(&piece).await.map_err(|error| unwritable(path, error)),
            Self::Nowhere => Ok(()),
        }
    }

    async fn end(self) -> Result<()> {
        match self {
            Self::File(mut file, path) => file.flush().await.map_err(|error| unwritable(&path, error)),
            Self::Feed(_) | Self::Nowhere => Ok(()),
        }
    }
}

impl<'l> Looking<'l> {
    fn new(repository: &'l Repository, entry: &'l BackupEntry, options: &'l VerificationOptions) -> Self {
        Self {
            repository,
            entry,
            options,
            began: Instant::now(),
            came: 0,
            objects: Vec::new(),
            problems: Vec::new(),
            unread: Vec::new(),
            notes: Vec::new(),
            tables: 0,
            rows: 0,
        }
    }

    async fn run(&mut self) -> Result<()> {
        let entry = self.entry;
        let above = above(&entry.name);
        if let Some(manifest) = entry.manifest() {
            self.problems
                .extend(manifest.objects().filter_map(|stored| unlike(stored, above, &entry.objects)));
        }
        let baseline = self.baseline().await?;
        self.dump(baseline.as_ref()).await?;
        if entry.manifest().is_none() {
            self.notes.push("no manifest: nothing says which bytes were written".to_owned());
        }
        Ok(())
    }

    /// The baseline beside it, whose objects are read for their sums too.
    async fn baseline(&mut self) -> Result<Option<Evidence>> {
        let entry = self.entry;
        let above = above(&entry.name);
        if let Some(manifest) = entry.manifest() {
            for stored in manifest.baseline.iter().chain(&manifest.sketches) {
                let name = format!("{above}{}", stored.name);
                if let Some(object) = entry.objects.iter().find(|object| object.name == name) {
                    self.read(object, Some(stored), Sink::Nowhere).await?;
                }
            }
        }
        // Where something is missing or is not what was written, that is told; what is left may not even be readable.
        if !entry.baseline || !self.problems.is_empty() {
            return Ok(None);
        }
        match self.repository.baseline(entry).await {
            Ok(baseline) => Ok(baseline),
            Err(error) if error.kind() == ErrorKind::Format => {
                self.unread.push(format!("the baseline cannot be read: {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn dump(&mut self, baseline: Option<&Evidence>) -> Result<()> {
        let entry = self.entry;
        let objects = entry.dump_objects();
        if objects.is_empty() {
            self.problems.push("it has no dump".to_owned());
            return Ok(());
        }
        let mut options = InspectOptions::default();
        options.cancel = self.options.cancel.clone();
        options.against = baseline.cloned().map(|evidence| Against::Evidence(Box::new(evidence)));
        let inspection = match (entry.dump, self.repository.url()) {
            (Some(DumpFormat::Directory), RepositoryUrl::Directory(root)) => {
                for (object, stored) in objects {
                    self.read(object, stored, Sink::Nowhere).await?;
                }
                let path = entry.dump_objects().first().map(|(object, _)| root.join(&object.name));
                let directory = path.as_deref().and_then(Path::parent).unwrap_or(root).to_owned();
                inspect(ArchiveInput::path(directory), &options).await?
            }
            (Some(DumpFormat::Directory), _) => {
                let directory = tempfile::Builder::new().prefix("drcore-").tempdir().map_err(|error| {
                    Error::new(ErrorKind::Io, "cannot make a temporary directory").caused_by(error)
                })?;
                for (object, stored) in objects {
                    let path = directory.path().join(layout::file_name(&object.name));
                    self.read(object, stored, Sink::create(path).await?).await?;
                }
                inspect(ArchiveInput::path(directory.path()), &options).await?
            }
            _ => {
                let (object, stored) = objects[0];
                let (pieces, input) = feed();
                let input = ArchiveInput::reader(layout::file_name(&object.name), input);
                let (read, inspected) =
                    tokio::join!(self.read(object, stored, Sink::Feed(pieces)), inspect(input, &options));
                // An object that did not come to its end is no dump that ends too early.
                read?;
                inspected?
            }
        };
        self.describe(&inspection, baseline);
        Ok(())
    }

    /// Takes over what the dump showed.
    fn describe(&mut self, inspection: &Inspection, baseline: Option<&Evidence>) {
        self.problems.extend(inspection.damage.iter().map(ToString::to_string));
        let omitted = self.entry.manifest().map_or(&[][..], |manifest| manifest.omitted.as_slice());
        let mut left_out = 0;
        for difference in &inspection.differences {
            let told = format!("{}: {}", difference.object, difference.message);
            match omitted::covers(omitted, &difference.object, baseline) {
                Some(true) => left_out += 1,
                Some(false) => self.problems.push(told),
                None => self.unread.push(format!("{told}; it may be one that was left out")),
            }
        }
        self.unread.extend(inspection.unproven.iter().cloned());
        self.notes.extend(inspection.notes.iter().cloned());
        for omission in omitted {
            self.notes.push(format!("not in it: {} ({})", omission.object, omission.why));
        }
        let counted = inspection.tables.iter().filter(|table| table.rows.is_some());
        self.tables = counted.count() as u64;
        self.rows = inspection.rows;
        match &inspection.against {
            Some(against) if left_out == 0 && inspection.differences.is_empty() => {
                self.notes.push(format!(
                    "the rows of {} are as many as the baseline counted",
                    plural(against.tables, "table")
                ));
            }
            None if !self.entry.baseline => {
                self.notes.push("no baseline: nothing says which rows it should hold".to_owned());
            }
            Some(_) | None => {}
        }
        if inspection.checksums == Some(Checksums::Nothing) && self.entry.manifest().is_none() {
            self.notes.push(
                "nothing in it is under a checksum: a bit that flipped inside a value shows nowhere"
                    .to_owned(),
            );
        }
    }

    /// Reads an object to its end.
    async fn read(
        &mut self,
        object: &EntryObject,
        stored: Option<&StoredObject>,
        mut sink: Sink,
    ) -> Result<()> {
        let mut pieces = self.repository.shelf.read(&object.name, None).await?;
        let (mut bytes, mut sum) = (0, Sha256::new());
        while let Some(piece) = pieces.try_next().await? {
            sum.update(&piece);
            bytes += piece.len() as u64;
            self.came += piece.len() as u64;
            self.tell();
            sink.take(piece).await?;
        }
        sink.end().await?;
        if bytes != object.bytes {
            let message = format!("{} has {} bytes, and {bytes} came", object.name, object.bytes);
            return Err(Error::new(ErrorKind::Connection, message).hint("Run it again."));
        }
        let sha256 = hexadecimal(&sum.finalize());
        let name = object.name[above(&self.entry.name).len()..].to_owned();
        // Of another size, it was told already.
        if stored.is_some_and(|stored| stored.bytes == bytes && stored.sha256 != sha256) {
            self.problems.push(format!("{name} is not what was written: its SHA-256 is another"));
        }
        self.objects.push(StoredObject { name, bytes, sha256 });
        Ok(())
    }

    fn tell(&self) {
        if let Some(progress) = &self.options.progress {
            progress(Progress::transferring(
                self.came,
                self.entry.bytes.max(self.came),
                self.began.elapsed(),
            ));
        }
    }

    fn conclude(self, verified_at: Timestamp) -> Verification {
        let Self { entry, began, objects, mut problems, mut unread, notes, tables, rows, .. } = self;
        let verdict = match (problems.is_empty(), unread.is_empty()) {
            (false, _) => VerificationVerdict::Damaged,
            (true, false) => VerificationVerdict::Unproven,
            (true, true) => VerificationVerdict::Whole,
        };
        for list in [&mut problems, &mut unread] {
            let more = list.len().saturating_sub(MOST);
            if more > 0 {
                list.truncate(MOST);
                list.push(format!("{more} more of them"));
            }
        }
        Verification {
            format: Verification::FORMAT.to_owned(),
            backup: entry.name.clone(),
            verdict,
            problems,
            unread,
            notes,
            objects,
            tables,
            rows,
            run: VerificationRun {
                verified_at,
                elapsed_ms: milliseconds(began),
                drcore: env!("CARGO_PKG_VERSION").to_owned(),
            },
        }
    }
}

fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::unwritable("the dump", path, error)
}
