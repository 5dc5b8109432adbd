//! A directory of Supabase's file backend.

use std::io::{ErrorKind as IoKind, Read};
use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use md5::{Digest, Md5};
use serde::Deserialize;

use super::layout::{NO_TENANTS, Place};
use super::vantage::{Listed, Listing, Vantage};
use crate::error::{Error, ErrorKind, Result};

/// Files that are handed over at a time.
const CHUNK: usize = 512;
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

    /// Walks through all of it.
    fn walk(&self, tenant: &str, listing: &Listing) -> Result<()> {
        let top = self.root.join(tenant);
        if !top.is_dir() {
            return Ok(());
        }
        let mut chunk = Vec::with_capacity(CHUNK);
        let mut open = vec![(top, String::new())];
        while let Some((directory, path)) = open.pop() {
            let entries = match std::fs::read_dir(&directory) {
                Ok(entries) => entries,
                // Deleted meanwhile; whether it should have been, whoever looks for it will say.
                Err(error) if error.kind() == IoKind::NotFound && !path.is_empty() => continue,
                Err(error) => return Err(unreadable("a directory", &directory, error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| unreadable("a directory", &directory, error))?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                let below = if path.is_empty() { name.into_owned() } else { format!("{path}/{name}") };
                let kind = entry.file_type().map_err(|error| unreadable("a file", &entry.path(), error))?;
                if kind.is_dir() {
                    open.push((entry.path(), below));
                    continue;
                }
                if kind.is_symlink() && entry.path().is_dir() {
                    // Followed, it may lead in circles; not followed, what lies there would be missing.
                    let message = format!("{} is a link to a directory", entry.path().display());
                    return Err(Error::new(ErrorKind::Unsupported, message)
                        .hint("Give the directory itself, or mount what the link leads to in its place."));
                }
                if let Some(listed) = self.describe(&entry.path(), below)? {
                    chunk.push(listed);
                }
                if chunk.len() >= CHUNK && listing.blocking_send(std::mem::take(&mut chunk)).is_err() {
                    return Ok(());
                }
            }
        }
        // Where nobody wants it any more, whoever asked knows why.
        let _ = listing.blocking_send(chunk);
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
        let unfinished =
            Place::listed(&path).0.beside().is_some() && metadata.len() <= SIDE_FILE && is_unfinished(file);
        Ok(Some(Listed { path, size: metadata.len(), etag, unfinished }))
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

    async fn list(&self, tenant: &str, listing: Listing) -> Result<()> {
        let (own, tenant) = (self.clone(), tenant.to_owned());
        blocking(move || own.walk(&tenant, &listing)).await
    }

    async fn look(&self, tenant: &str, path: &str) -> Result<Option<Listed>> {
        let Some(file) = self.file(tenant, path) else { return Ok(None) };
        let (own, path) = (self.clone(), path.to_owned());
        blocking(move || own.describe(&file, path)).await
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
