//! Where an archive comes from.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::damage::Fault;
use crate::backup::{Repository, RepositoryUrl};
use crate::error::{Error, ErrorKind};

/// Where an archive comes from: a file, a directory, a backup in a repository, or anything that gives its bytes from
/// the beginning.
pub struct ArchiveInput {
    name: String,
    place: Place,
}

enum Place {
    Backup(Box<Repository>),
    Path(PathBuf),
    Reader(Box<dyn Read + Send>),
}

impl ArchiveInput {
    /// As a user writes it: the URL of a repository of backups (`s3://…`, `file:///…`) or of a day in it, of which the
    /// newest backup is meant, or of one backup; else a path.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if it is a URL of a repository that cannot work.
    pub fn parse(text: &str) -> crate::Result<Self> {
        if RepositoryUrl::is_one(text) {
            return Repository::open(text).map(Self::backup);
        }
        Ok(Self::path(text))
    }

    /// The newest backup of a repository, or the one that its URL names.
    pub fn backup(repository: Repository) -> Self {
        Self { name: repository.url().to_string(), place: Place::Backup(Box::new(repository)) }
    }

    /// A file, or the directory that `pg_dump -Fd` wrote.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self { name: path.display().to_string(), place: Place::Path(path) }
    }

    /// Anything that gives its bytes, such as an object of a store; `name` is what it is called in messages.
    pub fn reader(name: impl Into<String>, reader: impl Read + Send + 'static) -> Self {
        Self { name: name.into(), place: Place::Reader(Box::new(reader)) }
    }

    /// Standard input.
    pub fn stdin() -> Self {
        Self::reader("standard input", io::stdin())
    }

    /// The same, called something else.
    pub(super) fn called(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// The repository that it is in, if it is a backup.
    pub(super) fn repository(&self) -> Option<&Repository> {
        match &self.place {
            Place::Backup(repository) => Some(repository),
            Place::Path(_) | Place::Reader(_) => None,
        }
    }

    /// What it is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its bytes; what it is if it is a directory.
    pub(super) fn open(self) -> Result<Opened, Fault> {
        match self.place {
            Place::Backup(_) => {
                let message = format!("{}: a repository of backups takes waiting", self.name);
                Err(Fault::Unknown(Error::new(ErrorKind::Usage, message).hint("Call inspect().await.")))
            }
            Place::Path(path) if path.is_dir() => Ok(Opened::Directory(path)),
            Place::Path(path) => Ok(Opened::Bytes(Bottom::open(&path)?)),
            Place::Reader(reader) => Ok(Opened::Bytes(Bottom::new(self.name, reader))),
        }
    }
}

impl fmt::Debug for ArchiveInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ArchiveInput").field(&self.name).finish()
    }
}

/// What an input turned out to be.
pub(super) enum Opened {
    Bytes(Bottom),
    Directory(PathBuf),
}

/// The lowest reader: an error of it is none of the archive.
pub(super) struct Bottom {
    name: String,
    reader: Box<dyn Read + Send>,
    at: u64,
}

impl Bottom {
    pub(super) fn new(name: String, reader: Box<dyn Read + Send>) -> Self {
        Self { name, reader, at: 0 }
    }

    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        let file = File::open(path)
            .map_err(|error| Fault::Unknown(Error::unreadable("the archive", path, error)))?;
        Ok(Self::new(path.display().to_string(), Box::new(file)))
    }

    /// How many bytes were read.
    pub(super) fn at(&self) -> u64 {
        self.at
    }
}

impl Read for Bottom {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.reader.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let error = Error::unreadable("the archive", Path::new(&self.name), error);
                Err(Fault::Unknown(error).into())
            }
            read => read.inspect(|count| self.at += *count as u64),
        }
    }
}
