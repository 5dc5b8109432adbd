//! Writing an object of which nobody knows yet how large it becomes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{MultipartId, PutPayload};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use super::cloud::{Cloud, Doing};
use super::directory::{blocking, settle, unwritable};
use crate::error::{Error, ErrorKind, Result};

/// What a file is written by, at least: every write is handed to another thread.
const PIECE: usize = 1 << 20;
/// How many parts are on their way at once.
const AT_ONCE: usize = 3;

/// An object that is being written. It appears when it is finished.
///
/// One that is dropped leaves nothing in a directory; in a bucket, where it takes a request, it must be given up.
pub(crate) struct Upload {
    name: String,
    sink: Sink,
    bytes: u64,
    sum: Sha256,
}

enum Sink {
    File(File),
    Parts(Parts),
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) bytes: u64,
    /// Of all bytes, in hexadecimal digits.
    pub(crate) sha256: String,
}

impl Upload {
    pub(super) fn file(name: &str, file: std::fs::File, part: PathBuf, path: PathBuf) -> Self {
        let file = tokio::fs::File::from_std(file);
        let sink = File { out: file, part, path, waiting: BytesMut::new(), finished: false };
        Self::new(name, Sink::File(sink))
    }

    pub(super) fn parts(name: &str, cloud: Cloud, path: Path, id: MultipartId, size: usize) -> Self {
        let sink = Parts {
            store: cloud.parts(),
            cloud,
            path,
            id,
            size,
            waiting: Vec::new(),
            waiting_bytes: 0,
            running: JoinSet::new(),
            done: BTreeMap::new(),
            next: 0,
        };
        Self::new(name, Sink::Parts(sink))
    }

    fn new(name: &str, sink: Sink) -> Self {
        Self { name: name.to_owned(), sink, bytes: 0, sum: Sha256::new() }
    }

    /// By which another run can take away what is left of it.
    pub(crate) fn id(&self) -> &str {
        match &self.sink {
            Sink::File(_) => "part",
            Sink::Parts(parts) => &parts.id,
        }
    }

    /// How many bytes it was given.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next bytes; waits where they come faster than they can be sent.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        self.sum.update(&bytes);
        self.bytes += bytes.len() as u64;
        match &mut self.sink {
            Sink::File(file) => file.write(&bytes).await,
            Sink::Parts(parts) => parts.write(bytes).await,
        }
    }

    /// Makes it appear, once the store says that it has as many bytes as it was given.
    pub(crate) async fn finish(mut self) -> Result<Stored> {
        match &mut self.sink {
            Sink::File(file) => file.finish().await?,
            Sink::Parts(parts) => parts.finish(&self.name, self.bytes).await?,
        }
        let sha256 = self.sum.finalize_reset().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Stored { bytes: self.bytes, sha256 })
    }

    /// Takes away what there is of it.
    pub(crate) async fn give_up(self) {
        if let Sink::Parts(mut parts) = self.sink {
            parts.running.shutdown().await;
            if let Err(error) = parts.store.abort_multipart(&parts.path, &parts.id).await {
                tracing::warn!(%error, name = self.name, "what was uploaded could not be taken away");
            }
        }
    }
}

struct File {
    out: tokio::fs::File,
    part: PathBuf,
    path: PathBuf,
    waiting: BytesMut,
    finished: bool,
}

impl Drop for File {
    fn drop(&mut self) {
        if !self.finished {
            // The next run takes away what cannot be removed now.
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

impl File {
    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() < PIECE {
            return Ok(());
        }
        self.flush().await
    }

    async fn flush(&mut self) -> Result<()> {
        let waiting = self.waiting.split();
        self.out.write_all(&waiting).await.map_err(|error| unwritable(&self.path, error))
    }

    async fn finish(&mut self) -> Result<()> {
        self.flush().await?;
        let failed = |error| unwritable(&self.path, error);
        self.out.flush().await.map_err(failed)?;
        self.out.sync_all().await.map_err(failed)?;
        let (part, path) = (self.part.clone(), self.path.clone());
        blocking(move || {
            let rename = || -> std::io::Result<()> {
                std::fs::rename(&part, &path)?;
                path.parent().map_or(Ok(()), settle)
            };
            rename().map_err(|error| unwritable(&path, error))
        })
        .await?;
        self.finished = true;
        Ok(())
    }
}

/// All parts but the last have one size, which some stores insist on.
struct Parts {
    cloud: Cloud,
    store: Arc<dyn MultipartStore>,
    path: Path,
    id: MultipartId,
    size: usize,
    waiting: Vec<Bytes>,
    waiting_bytes: usize,
    running: JoinSet<(usize, object_store::Result<PartId>)>,
    done: BTreeMap<usize, PartId>,
    next: usize,
}

impl Parts {
    async fn write(&mut self, mut bytes: Bytes) -> Result<()> {
        while self.waiting_bytes + bytes.len() >= self.size {
            let rest = bytes.split_off(self.size - self.waiting_bytes);
            self.waiting_bytes += bytes.len();
            self.waiting.push(bytes);
            self.send().await?;
            bytes = rest;
        }
        if !bytes.is_empty() {
            self.waiting_bytes += bytes.len();
            self.waiting.push(bytes);
        }
        Ok(())
    }

    /// Sends what waits as the next part.
    async fn send(&mut self) -> Result<()> {
        while self.running.len() >= AT_ONCE {
            self.settle_one().await?;
        }
        let payload: PutPayload = std::mem::take(&mut self.waiting).into_iter().collect();
        self.waiting_bytes = 0;
        let number = self.next;
        self.next += 1;
        let (store, path, id) = (Arc::clone(&self.store), self.path.clone(), self.id.clone());
        self.running.spawn(async move { (number, store.put_part(&path, &id, number, payload).await) });
        Ok(())
    }

    async fn settle_one(&mut self) -> Result<()> {
        let Some(joined) = self.running.join_next().await else { return Ok(()) };
        let (number, result) = joined.map_err(|error| {
            Error::new(ErrorKind::Internal, "uploading came to an unexpected end").caused_by(error)
        })?;
        let part = result.map_err(|error| self.cloud.explain(Doing::Write, &self.path, error))?;
        self.done.insert(number, part);
        Ok(())
    }

    async fn finish(&mut self, name: &str, bytes: u64) -> Result<()> {
        if self.waiting_bytes > 0 || self.next == 0 {
            self.send().await?;
        }
        while !self.running.is_empty() {
            self.settle_one().await?;
        }
        let parts = std::mem::take(&mut self.done).into_values().collect();
        let completed = self.store.complete_multipart(&self.path, &self.id, parts).await;
        completed.map_err(|error| self.cloud.explain(Doing::Write, &self.path, error))?;
        match self.cloud.size(name).await? {
            Some(stored) if stored == bytes => Ok(()),
            found => {
                let found = found.map_or("nothing".to_owned(), |found| format!("{found} bytes"));
                let message = format!("{bytes} bytes of {name} were sent, and the store has {found} of it");
                Err(Error::new(ErrorKind::Connection, message)
                    .hint("Run it again; if it happens again, the store's log may say why."))
            }
        }
    }
}
