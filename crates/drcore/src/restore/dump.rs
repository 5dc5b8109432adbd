//! The dump that is restored: a file of this machine, or a backup that is fetched for as long as it is needed.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::backup::{BackupEntry, Pick, Repository, RepositoryUrl};
use crate::collect::Progress;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Evidence;

/// Where a dump is.
#[derive(Debug)]
pub(crate) enum DumpSource {
    /// On this machine.
    File(PathBuf),
    /// In a repository of backups.
    Backup(Box<Repository>, Box<BackupEntry>),
}

/// A dump on this machine.
#[derive(Debug)]
pub(crate) struct Dump {
    pub(crate) path: PathBuf,
    /// Where it was fetched to: gone with this.
    _directory: Option<TempDir>,
}

impl DumpSource {
    /// What a text names: a file or directory of `pg_dump`'s, or a repository, of which the backup is meant that is
    /// picked, that the URL names, or that is the newest.
    ///
    /// # Errors
    /// As [`Repository::open`] and [`Repository::resolve`].
    pub(crate) async fn of(location: &str, pick: Option<&Pick>) -> Result<Self> {
        if pick.is_none() && is_dump(location) {
            return Ok(Self::File(PathBuf::from(location)));
        }
        let (repository, entry) = Box::pin(Repository::open(location)?.resolve(pick)).await?;
        Ok(Self::Backup(Box::new(repository), Box::new(entry)))
    }

    /// Where it is, as people are told: never with a key.
    pub(crate) fn shown(&self) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Backup(repository, entry) => PathBuf::from(format!("{}/{}", repository.url(), entry.name)),
        }
    }

    /// The baseline that lies beside a backup.
    ///
    /// # Errors
    /// As [`Repository::baseline`].
    pub(crate) async fn baseline(&self) -> Result<Option<Evidence>> {
        match self {
            Self::File(_) => Ok(None),
            Self::Backup(repository, entry) => repository.baseline(entry).await,
        }
    }

    /// Brings it to this machine, where it is not. `told` hears how far that is.
    ///
    /// # Errors
    /// As [`Repository::fetch`]; [`ErrorKind::Io`] if there is no place for it.
    pub(crate) async fn fetch(&self, told: impl Fn(Progress) + Send + Sync) -> Result<Dump> {
        let (repository, entry) = match self {
            Self::File(path) => return Ok(Dump { path: path.clone(), _directory: None }),
            Self::Backup(repository, entry) => (repository, entry),
        };
        let directory = tempfile::Builder::new().prefix("drcore-").tempdir().map_err(|error| {
            Error::new(ErrorKind::Io, "cannot make a temporary directory").caused_by(error)
        })?;
        let fetched = repository.fetch(entry, directory.path(), told).await?;
        Ok(Dump { path: fetched.path, _directory: Some(directory) })
    }
}

/// Whether it is meant as a dump on this machine: a file, a directory of `pg_dump`'s, or nothing at all.
fn is_dump(location: &str) -> bool {
    let path = Path::new(location);
    !RepositoryUrl::is_one(location) && (!path.is_dir() || path.join("toc.dat").is_file())
}
