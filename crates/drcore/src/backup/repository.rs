//! A repository of backups: what it holds, and what of it is picked and fetched.

use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::layout::{self, BASELINE, DumpFormat, InstantFrom, SKETCHES, Wrapped};
use super::list::{
    BackupEntry, BackupList, BackupState, EntryObject, Group, VerifiedNote, groups, still_holds,
};
use super::manifest::{BackupKind, Manifest, StoredObject};
use super::marker::Marker;
use super::pick::Pick;
use super::shelf::{Object, Pieces, Shelf};
use super::url::RepositoryUrl;
use super::verification::Verification;
use crate::collect::Progress;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{BackupFact, Evidence, RepositoryFacts};

/// How many backups Evidence names, at most.
const FACTS: usize = 1_000;
/// How many manifests are read at once.
const AT_ONCE: usize = 8;

/// A repository of backups: a directory, or a bucket and a prefix in it.
#[derive(Clone, Debug)]
pub struct Repository {
    url: RepositoryUrl,
    pub(super) shelf: Shelf,
    variables: Vec<(String, String)>,
}

/// A dump that was fetched.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Fetched {
    /// The file, or the directory of the directory format.
    pub path: PathBuf,
    /// How it is written, as far as its name or manifest says.
    pub format: DumpFormat,
    /// What it was packed with by whoever made it.
    pub wrapped: Option<Wrapped>,
}

impl Repository {
    /// The repository at this URL: `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, `file:///dir` or
    /// a directory. Keys come from the environment. Nothing is asked yet.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if it is none of these, holds a key, or the variables cannot work.
    pub fn open(url: &str) -> Result<Self> {
        let known = ["AWS_", "AZURE_", "GOOGLE_"];
        let variables = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(key, _)| known.iter().any(|beginning| key.starts_with(beginning)));
        Self::open_with(url, variables)
    }

    /// The same, with these variables instead of the environment's, such as `AWS_ENDPOINT_URL`.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub fn open_with(url: &str, variables: impl IntoIterator<Item = (String, String)>) -> Result<Self> {
        Self::at(RepositoryUrl::parse(url)?, variables.into_iter().collect())
    }

    fn at(url: RepositoryUrl, variables: Vec<(String, String)>) -> Result<Self> {
        Ok(Self { shelf: Shelf::open(&url, &variables)?, url, variables })
    }

    /// The repository that a directory of this name lies in, where this is one: what is in it is named from there.
    pub(crate) fn above(self, name: &str) -> Result<Self> {
        match self.url.parent() {
            Some((above, last)) if last == name => Self::at(above, self.variables),
            _ => Ok(self),
        }
    }

    /// Where its objects lie.
    pub(crate) fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Where it is.
    pub fn url(&self) -> &RepositoryUrl {
        &self.url
    }

    /// What it holds.
    ///
    /// # Errors
    /// Why not all of it could be found out: half a list is none. A repository that is not there is an error, an empty
    /// one is a list of nothing.
    pub async fn list(&self) -> Result<BackupList> {
        self.list_below("").await
    }

    async fn list_below(&self, below: &str) -> Result<BackupList> {
        let listed_at = Timestamp::now();
        let mut objects = self.shelf.list(below).await?;
        objects.retain(|object| !layout::is_record(&object.name));
        let (groups, other_objects) = groups(objects);
        let entries = futures::stream::iter(groups)
            .map(|(name, group)| async move { self.entry(name, group).await })
            .buffer_unordered(AT_ONCE);
        let mut backups: Vec<BackupEntry> = entries.try_collect().await?;
        // Of one instant, the one whose name comes last was begun last.
        backups.sort_by(|a, b| (b.at, &b.name).cmp(&(a.at, &a.name)));
        tracing::debug!(backups = backups.len(), other_objects, "listed the repository");
        Ok(BackupList {
            format: BackupList::FORMAT.to_owned(),
            repository: self.url.to_string(),
            backups,
            other_objects,
            listed_at,
        })
    }

    /// What it holds, as Evidence.
    pub(crate) async fn facts(&self) -> Result<RepositoryFacts> {
        let list = self.list().await?;
        let nothing = list.backups.is_empty() && list.other_objects == 0;
        // That nothing lies there is known; what lies beside it is only help.
        let beside = if nothing { self.shelf.beside().await.unwrap_or_default() } else { Vec::new() };
        let now = list.listed_at;
        Ok(RepositoryFacts {
            repository: list.repository,
            listed_at: now,
            backups: list.backups.len() as u64,
            other_objects: list.other_objects,
            beside,
            newest: list.backups.into_iter().take(FACTS).map(|entry| fact(entry, now)).collect(),
        })
    }

    /// The backup that this asks for.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if there is none, with what there is; else as [`Repository::list`].
    pub async fn pick(&self, pick: &Pick) -> Result<BackupEntry> {
        pick.of(&self.list().await?).cloned()
    }

    /// The repository and the backup in it that a URL names: that of a repository or of a day in it, of which the newest
    /// backup is meant, or of one backup, by its name or by that of one of its objects.
    ///
    /// # Errors
    /// As [`Repository::pick`].
    pub async fn find(location: &str) -> Result<(Self, BackupEntry)> {
        Self::open(location)?.resolve(None).await
    }

    /// What [`Repository::find`] finds, from here on; where `pick` says which, this is a repository in any case.
    ///
    /// # Errors
    /// As [`Repository::pick`].
    pub async fn resolve(self, pick: Option<&Pick>) -> Result<(Self, BackupEntry)> {
        if let Some(pick) = pick {
            let entry = self.pick(pick).await?;
            return Ok((self, entry));
        }
        let above = self.url.parent().filter(|(_, name)| self.is_one_backup(name));
        if let Some((url, name)) = above {
            let above = Self::at(url, self.variables)?;
            // What lies beside it is looked at too: its manifest does.
            let entry = above.pick(&Pick::Name(name)).await?;
            return Ok((above, entry));
        }
        let entry = self.pick(&Pick::Newest).await?;
        Ok((self, entry))
    }

    /// Whether the last name of a URL is that of a backup rather than of a repository.
    fn is_one_backup(&self, name: &str) -> bool {
        let is_directory_of_files = match &self.url {
            RepositoryUrl::Directory(path) => path.is_dir() && !path.join("toc.dat").exists(),
            _ => false,
        };
        !is_directory_of_files && layout::is_backup(name)
    }

    /// The baseline that lies beside a backup; none where there is none.
    ///
    /// # Errors
    /// [`ErrorKind::Format`] if it is not what its manifest says, or no baseline; else why it could not be read.
    pub async fn baseline(&self, entry: &BackupEntry) -> Result<Option<Evidence>> {
        let find = |ending: &str| entry.objects.iter().find(|object| object.name.ends_with(ending));
        let Some(object) = find(BASELINE) else { return Ok(None) };
        // The two are read as the files that they are: one names the other.
        let directory = tempfile::Builder::new().prefix("drcore-").tempdir().map_err(|error| {
            Error::new(ErrorKind::Io, "cannot make a temporary directory").caused_by(error)
        })?;
        let mut path = None;
        for object in [Some(object), find(SKETCHES)].into_iter().flatten() {
            let text = self.small(&object.name).await?;
            if let Some(manifest) = entry.manifest() {
                let named = layout::file_name(&object.name);
                let stored = manifest.objects().find(|stored| stored.name == named);
                compare(&object.name, stored, text.len() as u64, &digest(&text))?;
            }
            let file = directory.path().join(layout::file_name(&object.name));
            std::fs::write(&file, &text).map_err(|error| Error::unwritable("the baseline", &file, error))?;
            path.get_or_insert(file);
        }
        path.map(Evidence::load).transpose()
    }

    /// The baseline of a backup that must have one.
    pub(crate) async fn expect_baseline(&self, entry: &BackupEntry) -> Result<Evidence> {
        self.baseline(entry).await?.ok_or_else(|| {
            let message = format!("{} in {} has no baseline", entry.name, self.url);
            Error::new(ErrorKind::Usage, message)
                .hint("Pick a backup that drcore took, or give a baseline that was stored elsewhere.")
        })
    }

    /// Fetches the dump of a backup into a directory, whole, and compares its sums with the manifest's as it comes.
    /// `told` hears how far it is.
    ///
    /// # Errors
    /// [`ErrorKind::Format`] if what comes is not what the manifest says; nothing of it is left then.
    pub async fn fetch(
        &self,
        entry: &BackupEntry,
        into: &Path,
        told: impl Fn(Progress) + Send + Sync,
    ) -> Result<Fetched> {
        let began = Instant::now();
        let told = |came: u64| told(Progress::transferring(came, entry.dump_bytes, began.elapsed()));
        let Some(format) = entry.dump else {
            return Err(Error::new(ErrorKind::Format, format!("{} has no dump", entry.name)));
        };
        let objects = entry.dump_objects();
        let mut came = 0;
        let file = objects.first().filter(|_| format != DumpFormat::Directory);
        let name = file.map_or(entry.name.as_str(), |(object, _)| object.name.as_str());
        let target = into.join(layout::file_name(name));
        if format == DumpFormat::Directory {
            std::fs::create_dir(&target).map_err(|error| Error::unwritable("the dump", &target, error))?;
        }
        for (object, stored) in objects {
            let path = match format {
                DumpFormat::Directory => target.join(layout::file_name(&object.name)),
                _ => target.clone(),
            };
            let fetched = self.fetch_one(object, stored, &path, &mut came, &told).await;
            if let Err(error) = fetched {
                let gone = if format == DumpFormat::Directory {
                    std::fs::remove_dir_all(&target)
                } else {
                    std::fs::remove_file(&path)
                };
                if let Err(error) = gone {
                    tracing::warn!(%error, path = %target.display(), "half a dump is left");
                }
                return Err(error);
            }
        }
        Ok(Fetched { path: target, format, wrapped: entry.wrapped })
    }

    /// The dump of a backup as it comes, where it is one object, with what its manifest says of that.
    ///
    /// # Errors
    /// [`ErrorKind::Format`] if there is none, or it is many objects; else why it cannot be read.
    pub(crate) async fn open_dump(
        &self,
        entry: &BackupEntry,
    ) -> Result<(EntryObject, Option<StoredObject>, Pieces)> {
        let objects = entry.dump_objects();
        let [(object, stored)] = objects[..] else {
            let message = match objects.len() {
                0 => format!("{} has no dump", entry.name),
                many => format!("the dump of {} is {many} objects", entry.name),
            };
            return Err(Error::new(ErrorKind::Format, message));
        };
        let pieces = self.shelf.read(&object.name, None).await?;
        Ok((object.clone(), stored.cloned(), pieces))
    }

    async fn fetch_one(
        &self,
        object: &EntryObject,
        stored: Option<&StoredObject>,
        path: &Path,
        came: &mut u64,
        told: &(impl Fn(u64) + Send + Sync),
    ) -> Result<()> {
        let unwritable = |error| Error::unwritable("the dump", path, error);
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(path).await.map_err(unwritable)?;
        let mut pieces = self.shelf.read(&object.name, None).await?;
        let (mut bytes, mut sum) = (0, Sha256::new());
        while let Some(piece) = pieces.try_next().await? {
            sum.update(&piece);
            bytes += piece.len() as u64;
            file.write_all(&piece).await.map_err(unwritable)?;
            *came += piece.len() as u64;
            told(*came);
        }
        file.flush().await.map_err(unwritable)?;
        if bytes != object.bytes {
            let message = format!("{} has {} bytes, and {bytes} came", object.name, object.bytes);
            return Err(Error::new(ErrorKind::Connection, message).hint("Run it again."));
        }
        match stored {
            Some(_) => compare(&object.name, stored, bytes, &hexadecimal(&sum.finalize())),
            None => Ok(()),
        }
    }

    /// An object that must be there.
    pub(super) async fn small(&self, name: &str) -> Result<Bytes> {
        self.shelf.get(name).await?.ok_or_else(|| {
            Error::new(ErrorKind::Io, format!("{name} is gone")).hint("List the repository again.")
        })
    }

    async fn entry(&self, name: String, group: Group) -> Result<BackupEntry> {
        let objects: Vec<EntryObject> = group
            .objects()
            .map(|object| EntryObject { name: object.name.clone(), bytes: object.bytes })
            .collect();
        let sum = |objects: &[Object]| objects.iter().map(|object| object.bytes).sum::<u64>();
        let newest = group.objects().filter_map(|object| object.modified).max();
        let in_name = layout::instant_in(&name);
        let mut entry = BackupEntry {
            state: BackupState::Foreign,
            kind: BackupKind::Backup,
            at: in_name.or(newest).unwrap_or(Timestamp::UNIX_EPOCH),
            at_from: if in_name.is_some() { InstantFrom::Name } else { InstantFrom::Modified },
            bytes: objects.iter().map(|object| object.bytes).sum(),
            dump_bytes: sum(&group.data),
            dump: group.foreign.as_ref().map(|foreign| foreign.format),
            wrapped: group.foreign.as_ref().and_then(|foreign| foreign.wrapped),
            source: None,
            tables: None,
            rows: None,
            baseline: group.baseline.iter().any(|object| object.name.ends_with(BASELINE)),
            verified: None,
            problems: Vec::new(),
            objects,
            read: super::list::ReadParts::default(),
            name,
        };
        if let Some(begun) = &group.begun {
            entry.read.marked_at = begun.modified;
            let text = self.shelf.get(&begun.name).await?;
            entry.read.marker = text.and_then(|text| Marker::from_json(&String::from_utf8_lossy(&text)).ok());
        }
        match &group.manifest {
            Some(manifest) => self.add_manifest(&mut entry, manifest).await?,
            None if group.begun.is_some() => {
                entry.state = BackupState::Unfinished;
                entry.kind = entry.read.marker.as_ref().map_or(BackupKind::Backup, |marker| marker.kind);
            }
            None => {}
        }
        if let Some(verified) = &group.verified {
            // By the store's clock, for both: a dump that took the place of the one that was looked into.
            let is_newer = group.data.iter().any(|object| object.modified > verified.modified);
            self.add_verification(&mut entry, verified, is_newer).await?;
        }
        Ok(entry)
    }

    async fn add_manifest(&self, entry: &mut BackupEntry, object: &Object) -> Result<()> {
        let Some(text) = self.shelf.get(&object.name).await? else {
            // Removed since it was listed.
            entry.state = BackupState::Unfinished;
            return Ok(());
        };
        let manifest = match Manifest::from_json(&String::from_utf8_lossy(&text)) {
            Ok(manifest) => manifest,
            Err(error) => {
                entry.state = BackupState::Unreadable;
                entry.problems.push(format!("its manifest cannot be read: {error}"));
                return Ok(());
            }
        };
        entry.state = BackupState::Complete;
        entry.kind = manifest.kind;
        (entry.at, entry.at_from) = (manifest.snapshot_at, InstantFrom::Snapshot);
        entry.dump = Some(manifest.dump.format);
        entry.source = Some(manifest.source.clone());
        entry.tables = Some(manifest.tables.len() as u64);
        entry.rows = Some(manifest.rows());
        let above = above(&entry.name);
        for stored in manifest.objects() {
            if let Some(problem) = unlike(stored, above, &entry.objects) {
                entry.state = BackupState::Damaged;
                entry.problems.push(problem);
            }
        }
        entry.read.manifest = Some(manifest);
        Ok(())
    }

    async fn add_verification(&self, entry: &mut BackupEntry, object: &Object, is_newer: bool) -> Result<()> {
        let Some(text) = self.shelf.get(&object.name).await? else { return Ok(()) };
        // A record that cannot be read, or is of other bytes, says nothing: it is as if nobody had looked.
        let Ok(record) = Verification::from_json(&String::from_utf8_lossy(&text)) else { return Ok(()) };
        if !still_holds(&record, &entry.objects, above(&entry.name)) {
            return Ok(());
        }
        // What was damaged is so until somebody looks again; a copy of a repository may be written in any order.
        if is_newer && record.verdict != super::VerificationVerdict::Damaged {
            return Ok(());
        }
        if record.verdict == super::VerificationVerdict::Damaged && entry.is_usable() {
            entry.state = BackupState::Damaged;
            entry.problems.extend(record.problems.iter().take(3).cloned());
        }
        entry.verified = Some(VerifiedNote { at: record.run.verified_at, verdict: record.verdict });
        Ok(())
    }
}

fn fact(entry: BackupEntry, now: Timestamp) -> BackupFact {
    BackupFact {
        silent: entry.state == BackupState::Unfinished && super::take::is_silent(&entry, now),
        name: entry.name,
        state: entry.state,
        kind: entry.kind,
        at: entry.at,
        at_from: entry.at_from,
        dump: entry.dump,
        dump_bytes: entry.dump_bytes,
        rows: entry.rows,
        verified: entry.verified,
        problems: entry.problems,
    }
}

/// What a listing shows of an object that is not as its manifest says.
pub(super) fn unlike(stored: &StoredObject, above: &str, objects: &[EntryObject]) -> Option<String> {
    let name = format!("{above}{}", stored.name);
    match objects.iter().find(|object| object.name == name) {
        None => Some(format!("{} is missing", stored.name)),
        Some(found) if found.bytes != stored.bytes => {
            Some(format!("{} has {} bytes, and had {}", stored.name, found.bytes, stored.bytes))
        }
        Some(_) => None,
    }
}

/// Whether an object is what the manifest says.
fn compare(name: &str, stored: Option<&StoredObject>, bytes: u64, sha256: &str) -> Result<()> {
    let differs = |what: String| {
        Err(Error::new(ErrorKind::Format, format!("{name} is not what was stored: {what}"))
            .hint("Pick another backup; drcore backup verify looks into each."))
    };
    match stored {
        None => differs("the manifest does not know it".to_owned()),
        Some(stored) if stored.bytes != bytes => {
            differs(format!("it has {bytes} bytes, and had {}", stored.bytes))
        }
        Some(stored) if stored.sha256 != sha256 => differs("its SHA-256 is another".to_owned()),
        Some(_) => Ok(()),
    }
}

/// What stands before the last part of a name, with its slash.
pub(super) fn above(name: &str) -> &str {
    name.rfind('/').map_or("", |at| &name[..=at])
}

pub(super) fn digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
