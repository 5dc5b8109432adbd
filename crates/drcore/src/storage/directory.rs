//! A directory of Supabase's file backend.

use std::io::{ErrorKind as IoKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use md5::{Digest, Md5};
use serde::Deserialize;

use super::layout::{NO_TENANTS, Place, beside};
use super::vantage::{Listed, Listing, Vantage};
use crate::error::{Error, ErrorKind, Result};

/// Files that are handed over at a time.
const CHUNK: usize = 512;
/// How many directories are read at a time.
const WALKERS: usize = 4;
/// How many wait to be read, at most.
const WAITING: usize = 1_024;
/// What an upload in pieces says of itself is no longer than this.
const SIDE_FILE: u64 = 64 << 10;

/// A directory of Supabase's file backend: the name of an object is a directory, its version the file in it.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    root: PathBuf,
    /// Whether the checksum of every file is wanted, for which it is read.
    checksums: bool,
}

impl Directory {
    pub(super) fn new(root: PathBuf, checksums: bool) -> Self {
        Self { root, checksums }
    }

    fn read_tenants(&self) -> Result<Vec<String>> {
        let entries =
            std::fs::read_dir(&self.root).map_err(|error| unreadable("the directory", &self.root, error))?;
        let mut tenants = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| unreadable("the directory", &self.root, error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() && !NO_TENANTS.contains(&name.as_str()) && !name.starts_with('.') {
                tenants.push(name);
            }
        }
        tenants.sort();
        Ok(tenants)
    }

    /// Walks through all of it, in several threads: each directory costs a round trip where it is not on this machine.
    fn walk(&self, tenant: &str, listing: &Listing) -> Result<()> {
        let top = self.root.join(tenant);
        if !top.is_dir() {
            return Ok(());
        }
        let walk = Walk::default();
        walk.leave((top, String::new()));
        std::thread::scope(|scope| {
            let walkers: Vec<_> = (0..WALKERS)
                .map(|_| {
                    scope.spawn(|| {
                        let given_up = GivenUp(&walk);
                        self.walk_on(&walk, listing)?;
                        std::mem::forget(given_up);
                        Ok(())
                    })
                })
                .collect();
            let ended = walkers.into_iter().map(|walker| {
                walker.join().unwrap_or_else(|_| {
                    Err(Error::new(ErrorKind::Internal, "reading the directory came to an unexpected end"))
                })
            });
            // All of them, so that none is left behind.
            let ended: Vec<Result<()>> = ended.collect();
            ended.into_iter().collect()
        })
    }

    /// Takes one directory after the other.
    fn walk_on(&self, walk: &Walk, listing: &Listing) -> Result<()> {
        let mut files = Chunk { listing, files: Vec::with_capacity(CHUNK), wanted: true };
        while let Some((directory, path)) = walk.take() {
            self.read_directory(walk, &directory, &path, &mut files)?;
            walk.one_less();
            if !files.wanted {
                walk.give_up();
            }
        }
        files.send();
        Ok(())
    }

    /// Describes the files in a directory, and leaves those below it to whoever has time. Where there are enough of
    /// these already, goes on itself: a bucket may hold millions, and each object is a directory.
    fn read_directory(&self, walk: &Walk, directory: &Path, path: &str, files: &mut Chunk<'_>) -> Result<()> {
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            // Deleted meanwhile; whether it should have been, whoever looks for it will say.
            Err(error) if error.kind() == IoKind::NotFound && !path.is_empty() => return Ok(()),
            Err(error) => return Err(unreadable("a directory", directory, error)),
        };
        for entry in entries {
            if !files.wanted {
                break;
            }
            let entry = entry.map_err(|error| unreadable("a directory", directory, error))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let below = if path.is_empty() { name.into_owned() } else { format!("{path}/{name}") };
            let kind = entry.file_type().map_err(|error| unreadable("a file", &entry.path(), error))?;
            if kind.is_dir() {
                if let Some((directory, below)) = walk.leave((entry.path(), below)) {
                    self.read_directory(walk, &directory, &below, files)?;
                }
                continue;
            }
            if kind.is_symlink() && entry.path().is_dir() {
                // Followed, it may lead in circles; not followed, what lies there would be missing.
                let message = format!("{} is a link to a directory", entry.path().display());
                return Err(Error::new(ErrorKind::Unsupported, message)
                    .hint("Give the directory itself, or mount what the link leads to in its place."));
            }
            if let Some(listed) = self.describe(&entry.path(), below)? {
                files.push(listed);
            }
        }
        Ok(())
    }

    /// What is known of one file; none where it is gone, or is no file.
    fn describe(&self, file: &Path, path: String) -> Result<Option<Listed>> {
        let metadata = match std::fs::metadata(file) {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => return Ok(None),
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(unreadable("a file", file, error)),
        };
        let etag = match self.checksums.then(|| checksum(file)).transpose() {
            Ok(etag) => etag,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(unreadable("a file", file, error)),
        };
        let unfinished = beside(Place::listed(&path).0.as_bytes()).is_some()
            && metadata.len() <= SIDE_FILE
            && is_unfinished(file);
        // Of the two times, the one that nobody can set.
        let changed = metadata.ctime().saturating_mul(1_000) + metadata.ctime_nsec() / 1_000_000;
        let written = metadata.mtime().saturating_mul(1_000) + metadata.mtime_nsec() / 1_000_000;
        let modified = Some(changed.max(written));
        Ok(Some(Listed { path, size: metadata.len(), etag, modified, unfinished }))
    }

    /// The file of a path, where that is below the tenant.
    fn file(&self, tenant: &str, path: &str) -> Option<PathBuf> {
        let below = Path::new(path);
        let inside = below.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        inside.then(|| self.root.join(tenant).join(below))
    }
}

#[async_trait]
impl Vantage for Directory {
    fn place(&self) -> String {
        format!("file://{}", self.root.display())
    }

    fn sees(&self) -> &'static str {
        if self.checksums {
            "seen in the directory itself: which files are there, their sizes and their bytes; not seen: whether the \
             storage service can read them, and their extended attributes (content type, cache control)"
        } else {
            "seen in the directory itself: which files are there and their sizes; not seen: whether bytes of the same \
             size are the same, whether the storage service can read them, and their extended attributes (content \
             type, cache control)"
        }
    }

    async fn tenants(&self) -> Result<Vec<String>> {
        let own = self.clone();
        blocking(move || own.read_tenants()).await
    }

    fn clock(&self) -> Option<Timestamp> {
        // Of the machine that it is on: elsewhere it may be another by a little.
        Some(Timestamp::now())
    }

    async fn list(&self, tenant: &str, _: &[String], listing: Listing) -> Result<()> {
        let (own, tenant) = (self.clone(), tenant.to_owned());
        blocking(move || own.walk(&tenant, &listing)).await
    }

    async fn look(&self, tenant: &str, path: &str) -> Result<Option<Listed>> {
        let Some(file) = self.file(tenant, path) else { return Ok(None) };
        let (own, path) = (self.clone(), path.to_owned());
        blocking(move || own.describe(&file, path)).await
    }
}

/// Files that are handed over when they are enough.
struct Chunk<'l> {
    listing: &'l Listing,
    files: Vec<Listed>,
    /// Whether somebody still wants them; whoever asked knows why not.
    wanted: bool,
}

impl Chunk<'_> {
    fn push(&mut self, listed: Listed) {
        self.files.push(listed);
        if self.files.len() >= CHUNK {
            self.send();
        }
    }

    fn send(&mut self) {
        self.wanted &= self.listing.blocking_send(std::mem::take(&mut self.files)).is_ok();
    }
}

/// A directory, and its path below the tenant.
type Open = (PathBuf, String);

/// The directories that are still to be read, and how many are being read.
#[derive(Default)]
struct Walk {
    open: Mutex<(Vec<Open>, usize)>,
    changed: Condvar,
}

impl Walk {
    fn lock(&self) -> MutexGuard<'_, (Vec<Open>, usize)> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next one; none when there will be no more.
    fn take(&self) -> Option<Open> {
        let mut state = self.lock();
        loop {
            if let Some(directory) = state.0.pop() {
                state.1 += 1;
                return Some(directory);
            }
            if state.1 == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Leaves one to whoever has time; gives it back where enough wait already.
    fn leave(&self, directory: Open) -> Option<Open> {
        let mut state = self.lock();
        if state.0.len() >= WAITING {
            return Some(directory);
        }
        state.0.push(directory);
        self.changed.notify_one();
        None
    }

    /// One that was taken is read.
    fn one_less(&self) {
        let mut state = self.lock();
        state.1 = state.1.saturating_sub(1);
        self.changed.notify_all();
    }

    /// There is nothing more to be read.
    fn give_up(&self) {
        *self.lock() = (Vec::new(), 0);
        self.changed.notify_all();
    }
}

/// Gives up for all when it goes: nobody waits for one that failed, nor for one that panicked.
struct GivenUp<'w>(&'w Walk);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::new(ErrorKind::Internal, "reading the directory came to an unexpected end").caused_by(error)
    })?
}

/// What an upload in pieces says of itself: source, `FileConfigstore` of tus-node-server.
#[derive(Deserialize)]
struct Upload {
    size: Option<u64>,
}

/// Whether the bytes that this lies beside are fewer than they will be.
fn is_unfinished(side_file: &Path) -> bool {
    let Ok(text) = std::fs::read(side_file) else { return false };
    let Ok(upload) = serde_json::from_slice::<Upload>(&text) else { return false };
    let there = std::fs::metadata(side_file.with_extension("")).map_or(0, |metadata| metadata.len());
    upload.size.is_none_or(|size| there < size)
}

fn checksum(file: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(file)?;
    let mut digest = Md5::new();
    let mut block = vec![0; 256 << 10];
    loop {
        match file.read(&mut block)? {
            0 => break,
            bytes => digest.update(&block[..bytes]),
        }
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn is_gone(error: &std::io::Error) -> bool {
    // A name of the database may be longer than a file's can be, or lead through a file.
    matches!(error.kind(), IoKind::NotFound | IoKind::NotADirectory | IoKind::InvalidFilename)
}

fn unreadable(what: &str, path: &Path, error: std::io::Error) -> Error {
    let kind = if error.kind() == IoKind::PermissionDenied { ErrorKind::Permission } else { ErrorKind::Io };
    let hint = match error.kind() {
        IoKind::PermissionDenied => "Run it as a user who may read the directory and all below it.",
        _ => "Give the directory that holds <tenant>/<bucket>/…, mounted where drcore runs.",
    };
    Error::new(kind, format!("cannot read {what} {}", path.display())).hint(hint).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_for_a_walker_that_panicked() {
        let walk = Walk::default();
        walk.leave((PathBuf::new(), String::new()));
        assert!(walk.take().is_some(), "it is being read");
        let waited = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| walk.take());
            let panicking = scope.spawn(|| {
                let _given_up = GivenUp(&walk);
                panic!("in the middle of a directory");
            });
            assert!(panicking.join().is_err());
            waiting.join().unwrap()
        });
        assert_eq!(waited, None);
    }
}
