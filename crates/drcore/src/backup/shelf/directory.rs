//! A repository in a directory.

use std::io::{ErrorKind as IoKind, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::Stream;
use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::{Object, Put, Upload};
use crate::error::{Error, ErrorKind, Result};

/// What is read at a time.
const PIECE: usize = 1 << 20;
/// How the name of a file begins that is being written, and how it ends: nobody takes it for anything else.
const UNFINISHED: &str = ".drcore-";
const PART: &str = ".part";

/// A repository in a directory, which must be there: what should be mounted and is not is no empty repository.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    root: PathBuf,
}

impl Directory {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) async fn list(&self, below: &str) -> Result<Vec<Object>> {
        let (own, below) = (self.clone(), below.to_owned());
        blocking(move || own.walk(&below)).await
    }

    fn walk(&self, below: &str) -> Result<Vec<Object>> {
        self.is_there()?;
        let below = below.trim_end_matches('/');
        let mut objects = Vec::new();
        let mut open = vec![below.to_owned()];
        while let Some(directory) = open.pop() {
            let entries = match std::fs::read_dir(self.path(&directory)) {
                Ok(entries) => entries,
                // Removed meanwhile, or nobody ever put anything there.
                Err(error) if error.kind() == IoKind::NotFound => continue,
                Err(error) => return Err(unreadable(&self.path(&directory), error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| unreadable(&self.path(&directory), error))?;
                let file_name = entry.file_name();
                // A name that is not UTF-8 is none that could be picked.
                let Some(file_name) = file_name.to_str() else { continue };
                if file_name.starts_with(UNFINISHED) && file_name.ends_with(PART) {
                    continue;
                }
                let name = if directory.is_empty() {
                    file_name.to_owned()
                } else {
                    format!("{directory}/{file_name}")
                };
                // Links are followed to files and not to directories, which may lead in circles.
                let kind = entry.file_type().map_err(|error| unreadable(&entry.path(), error))?;
                if kind.is_dir() {
                    open.push(name);
                    continue;
                }
                let metadata = match std::fs::metadata(entry.path()) {
                    Ok(metadata) if metadata.is_file() => metadata,
                    Ok(_) => continue,
                    Err(error) if error.kind() == IoKind::NotFound => continue,
                    Err(error) => return Err(unreadable(&entry.path(), error)),
                };
                let modified = metadata.modified().ok().and_then(|at| Timestamp::try_from(at).ok());
                objects.push(Object { name, bytes: metadata.len(), modified, etag: None });
            }
        }
        Ok(objects)
    }

    pub(super) async fn beside(&self, most: usize) -> Result<Vec<String>> {
        let root = self.root.clone();
        blocking(move || {
            let Some(above) = root.parent() else { return Ok(Vec::new()) };
            let entries = std::fs::read_dir(above).map_err(|error| unreadable(above, error))?;
            let mut names: Vec<String> = entries
                .flatten()
                .filter(|entry| entry.path() != root)
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .filter(|name| !name.starts_with('.'))
                .collect();
            names.sort();
            names.truncate(most);
            Ok(names)
        })
        .await
    }

    pub(super) async fn size(&self, name: &str) -> Result<Option<u64>> {
        let path = self.path(name);
        match tokio::fs::metadata(&path).await {
            Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
            Ok(_) => Ok(None),
            Err(error) if matches!(error.kind(), IoKind::NotFound | IoKind::NotADirectory) => {
                self.is_there().map(|()| None)
            }
            Err(error) => Err(unreadable(&path, error)),
        }
    }

    pub(super) async fn read(
        &self,
        name: &str,
        range: Option<Range<u64>>,
    ) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let path = self.path(name);
        let mut file = tokio::fs::File::open(&path).await.map_err(|error| unreadable(&path, error))?;
        let mut left = u64::MAX;
        if let Some(range) = range {
            file.seek(SeekFrom::Start(range.start)).await.map_err(|error| unreadable(&path, error))?;
            left = range.end.saturating_sub(range.start);
        }
        Ok(futures::stream::try_unfold((file, left), move |(mut file, left)| {
            let path = path.clone();
            async move {
                let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
                if most == 0 {
                    return Ok(None);
                }
                let mut piece = BytesMut::with_capacity(most);
                let count = (&mut file)
                    .take(most as u64)
                    .read_buf(&mut piece)
                    .await
                    .map_err(|error| unreadable(&path, error))?;
                if count == 0 {
                    return Ok(None);
                }
                Ok(Some((piece.freeze(), (file, left - count as u64))))
            }
        }))
    }

    pub(super) async fn put(&self, name: &str, bytes: Bytes, how: Put) -> Result<bool> {
        self.is_there()?;
        let path = self.path(name);
        blocking(move || {
            let directory = above(&path)?;
            let write = || -> std::io::Result<bool> {
                let mut file =
                    tempfile::Builder::new().prefix(UNFINISHED).suffix(PART).tempfile_in(directory)?;
                file.write_all(&bytes)?;
                file.as_file().sync_all()?;
                let persisted = match how {
                    Put::New => file.persist_noclobber(&path),
                    Put::Over => file.persist(&path),
                };
                match persisted {
                    Ok(_) => {}
                    Err(error) if how == Put::New && error.error.kind() == IoKind::AlreadyExists => {
                        return Ok(false);
                    }
                    Err(error) => return Err(error.error),
                }
                settle(directory)?;
                Ok(true)
            };
            write().map_err(|error| unwritable(&path, error))
        })
        .await
    }

    pub(super) async fn delete(&self, name: &str) -> Result<()> {
        let (root, path) = (self.root.clone(), self.path(name));
        blocking(move || {
            match std::fs::remove_file(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == IoKind::NotFound => {}
                Err(error) => return Err(unwritable(&path, error)),
            }
            // Days that nothing is left of go too.
            let mut directory = path.parent();
            while let Some(empty) =
                directory.filter(|directory| *directory != root && directory.starts_with(&root))
            {
                if std::fs::remove_dir(empty).is_err() {
                    break;
                }
                directory = empty.parent();
            }
            Ok(())
        })
        .await
    }

    pub(super) async fn upload(&self, name: &str) -> Result<Upload> {
        self.is_there()?;
        let path = self.path(name);
        let begun = path.clone();
        let (file, part) = blocking(move || {
            above(&begun)?;
            let part = part_of(&begun);
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(&part).map_err(|error| unwritable(&part, error))?;
            Ok((file, part))
        })
        .await?;
        Ok(Upload::file(name, file, part, path))
    }

    pub(super) async fn abandon(&self, name: &str, _: &str) -> Result<()> {
        let part = part_of(&self.path(name));
        blocking(move || match std::fs::remove_file(&part) {
            Err(error) if error.kind() != IoKind::NotFound => Err(unwritable(&part, error)),
            _ => Ok(()),
        })
        .await
    }

    /// Removes what runs left that were killed while they wrote something small, if it is older than this.
    pub(super) async fn sweep(&self, age: Duration) -> Result<()> {
        let root = self.root.clone();
        blocking(move || {
            let mut open = vec![root];
            while let Some(directory) = open.pop() {
                let entries = std::fs::read_dir(&directory).map_err(|error| unreadable(&directory, error))?;
                for entry in entries.flatten() {
                    let name = entry.file_name().to_string_lossy().into_owned();
                    let Ok(metadata) = entry.metadata() else { continue };
                    if metadata.is_dir() {
                        open.push(entry.path());
                        continue;
                    }
                    let inner = name.strip_prefix(UNFINISHED).and_then(|name| name.strip_suffix(PART));
                    // What is written for long has the name of what it becomes, and a marker that knows it.
                    let is_small = inner.is_some_and(|inner| !inner.contains('.'));
                    let is_old = metadata.modified().is_ok_and(|at| at.elapsed().is_ok_and(|old| old > age));
                    if is_small && is_old {
                        std::fs::remove_file(entry.path())
                            .map_err(|error| unwritable(&entry.path(), error))?;
                    }
                }
            }
            Ok(())
        })
        .await
    }

    /// A repository that is not there is not an empty one.
    fn is_there(&self) -> Result<()> {
        let message = match std::fs::metadata(&self.root) {
            Ok(metadata) if metadata.is_dir() => return Ok(()),
            Ok(_) => format!("{} is no directory", self.root.display()),
            Err(error) if error.kind() == IoKind::NotFound => {
                format!("there is no directory {}", self.root.display())
            }
            Err(error) => return Err(unreadable(&self.root, error)),
        };
        Err(Error::new(ErrorKind::Usage, message).hint(
            "Create the directory first, or mount what belongs there: a repository is not made by chance.",
        ))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

/// What stands for a file while it is written.
fn part_of(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!("{UNFINISHED}{name}{PART}"))
}

/// The directory of a file, which is made where it is not there yet.
fn above(path: &Path) -> Result<&Path> {
    let directory = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory).map_err(|error| unwritable(path, error))?;
    Ok(directory)
}

/// Lets a name outlive a power cut, like what it stands for.
pub(super) fn settle(directory: &Path) -> std::io::Result<()> {
    std::fs::File::open(directory)?.sync_all()
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::new(ErrorKind::Internal, "working on the directory came to an unexpected end").caused_by(error)
    })?
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::unreadable("from the repository", path, error)
}

pub(super) fn unwritable(path: &Path, error: std::io::Error) -> Error {
    Error::unwritable("to the repository", path, error)
}
