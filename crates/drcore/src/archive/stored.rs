//! The dump of a backup in a repository, read as it comes.

use std::io::{self, Read};
use std::sync::{Arc, OnceLock};

use bytes::{Buf, Bytes};
use futures::StreamExt;
use futures::stream::Fuse;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::damage::{ArchiveDamage, DamageKind, Fault};
use super::input::ArchiveInput;
use super::inspection::{Checksums, Inspection};
use crate::backup::{BackupEntry, DumpFormat, Pieces, Repository, StoredObject};
use crate::error::{Error, ErrorKind};
use crate::evidence::Evidence;
use crate::text::plural;

/// A backup whose dump is being read. Holds what was fetched of it.
pub(super) struct Stored {
    repository: Repository,
    entry: BackupEntry,
    sums: Sums,
}

/// How its bytes are compared with what was written.
enum Sums {
    /// As they come: what came in the end, and what should.
    Coming(Arc<OnceLock<Came>>, StoredObject),
    /// They were, when it was fetched into this directory, if it has a manifest.
    Fetched(TempDir),
    /// Nobody says what they were.
    Unknown,
}

/// All bytes that came.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    bytes: u64,
    sha256: String,
}

impl Stored {
    /// Finds the backup that the URL of a repository names and begins to read its dump. That of the directory format is
    /// many objects, and fetched into a temporary directory first.
    pub(super) async fn open(
        repository: Repository,
        cancel: &CancellationToken,
    ) -> Result<(ArchiveInput, Self), Fault> {
        let (repository, entry) = Box::pin(repository.resolve(None)).await.map_err(Fault::Unknown)?;
        let name = format!("{} in {}", entry.name, repository.url());
        if entry.dump == Some(DumpFormat::Directory) {
            let directory = tempfile::Builder::new().prefix("drcore-").tempdir().map_err(|error| {
                Fault::Unknown(
                    Error::new(ErrorKind::Io, "cannot make a temporary directory").caused_by(error),
                )
            })?;
            let fetching = Box::pin(repository.fetch(&entry, directory.path(), |_| {}));
            let Some(fetched) = cancel.run_until_cancelled(fetching).await else {
                return Err(Fault::Unknown(cancelled()));
            };
            let fetched = fetched.map_err(|error| match error.kind() {
                ErrorKind::Format => Fault::broken(error.to_string()),
                _ => Fault::Unknown(error),
            })?;
            let input = ArchiveInput::path(fetched.path).called(name);
            return Ok((input, Self { repository, entry, sums: Sums::Fetched(directory) }));
        }
        let (object, stored, pieces) = repository.open_dump(&entry).await.map_err(Fault::Unknown)?;
        let came = Arc::new(OnceLock::new());
        let reader = Streamed {
            pieces: pieces.fuse(),
            piece: Bytes::new(),
            handle: Handle::current(),
            cancel: cancel.clone(),
            expected: object.bytes,
            bytes: 0,
            sum: Sha256::new(),
            came: Arc::clone(&came),
        };
        let sums = stored.map_or(Sums::Unknown, |stored| Sums::Coming(came, stored));
        Ok((ArchiveInput::reader(name, reader), Self { repository, entry, sums }))
    }

    /// The baseline that lies beside it.
    pub(super) async fn baseline(&self) -> crate::Result<Option<Evidence>> {
        self.repository.baseline(&self.entry).await
    }

    /// Says whether what was read is what was written.
    pub(super) fn compare(&self, inspection: &mut Inspection) {
        match &self.sums {
            Sums::Fetched(directory) if self.entry.manifest().is_some() => {
                tracing::debug!(path = %directory.path().display(), "what was fetched is what was written");
                inspection.checksums = Some(Checksums::Everything);
            }
            Sums::Fetched(_) | Sums::Unknown => {
                let note = "it has no manifest: nobody says what its bytes were";
                inspection.notes.push(note.to_owned());
            }
            Sums::Coming(came, stored) => match came.get() {
                Some(came) if came.bytes == stored.bytes && came.sha256 == stored.sha256 => {
                    inspection.checksums = Some(Checksums::Everything);
                }
                Some(_) => {
                    let message = "it is not what was written: its manifest has another SHA-256";
                    inspection.damage.push(ArchiveDamage::new(DamageKind::Corrupt, message));
                }
                None if inspection.data_read && inspection.damage.is_empty() => {
                    let message = "not all of it was read, so its SHA-256 is not known";
                    inspection.unproven.push(message.to_owned());
                }
                None => {}
            },
        }
    }
}

/// The bytes of an object, for whoever blocks.
struct Streamed {
    pieces: Fuse<Pieces>,
    piece: Bytes,
    handle: Handle,
    cancel: CancellationToken,
    /// How many bytes the store says that it has.
    expected: u64,
    bytes: u64,
    sum: Sha256,
    came: Arc<OnceLock<Came>>,
}

impl Read for Streamed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let next = self.handle.block_on(self.cancel.run_until_cancelled(self.pieces.next()));
            match next {
                None => return Err(io::Error::other(cancelled())),
                Some(Some(Ok(piece))) => {
                    self.bytes += piece.len() as u64;
                    self.sum.update(&piece);
                    self.piece = piece;
                }
                Some(Some(Err(error))) => return Err(io::Error::other(error)),
                Some(None) if self.bytes == self.expected => {
                    let (bytes, sum) = (self.bytes, std::mem::take(&mut self.sum));
                    self.came
                        .get_or_init(|| Came { bytes, sha256: crate::backup::hexadecimal(&sum.finalize()) });
                    return Ok(0);
                }
                Some(None) => {
                    let message =
                        format!("{} came, and it has {}", plural(self.bytes, "byte"), self.expected);
                    return Err(io::Error::other(Error::new(ErrorKind::Connection, message)));
                }
            }
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "reading the archive was cancelled")
}
