//! A backup that is being taken: its name, the marker beside it, and that somebody is at it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::recover::{Recovered, recover};
use crate::backup::layout::{self, BEGUN};
use crate::backup::manifest::BackupKind;
use crate::backup::marker::{Begun, Doing, Marker};
use crate::backup::repository::Repository;
use crate::backup::shelf::{Put, Shelf, Stored, Upload};
use crate::collect::Stop;
use crate::error::{Error, ErrorKind, Result};

/// How often the marker says that somebody is at it.
const BEAT: Duration = Duration::from_secs(60);
/// How many names are tried: others may begin in the same second.
const NAMES: u32 = 10;
/// How long what was stored may take to be taken away again.
const CLEANING: Duration = Duration::from_secs(30);

/// A backup that is being taken.
pub(super) struct Running {
    shelf: Shelf,
    name: String,
    marker: Arc<Mutex<Marker>>,
    stop: CancellationToken,
    heart: Mutex<Option<JoinHandle<()>>>,
    /// What was stored, as the repository names it.
    stored: Arc<Mutex<Vec<String>>>,
    /// What was sent and has not arrived yet: it arrives although nobody waits for it any more.
    sent: TaskTracker,
}

/// Waits for what was sent although it is stopped, for a while: it may arrive all the same, and nobody would know.
async fn to_its_end<T>(stop: &Stop, sending: impl Future<Output = Result<T>>) -> Result<T> {
    let given_up = async {
        stop.stopped().await;
        tokio::time::sleep(CLEANING).await;
    };
    tokio::select! {
        result = sending => result,
        () = given_up => stop.or(std::future::pending()).await,
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Running {
    /// Puts the marker under a name that nobody has, then takes away what runs left that were killed. Where it is
    /// stopped, nothing of it stays.
    pub(super) async fn begin(
        stop: &Stop,
        repository: &Repository,
        kind: BackupKind,
    ) -> Result<(Self, Vec<Recovered>)> {
        let shelf = repository.shelf.clone();
        let marker = Marker::new(kind, Doing::Take);
        let mut name = None;
        for later in 0..NAMES {
            if stop.is_stopped() {
                return stop.or(std::future::pending()).await;
            }
            let at = Timestamp::now() + Duration::from_secs(later.into());
            let candidate = layout::name(kind, at);
            let text = marker.to_json()?;
            let begun = format!("{candidate}{BEGUN}");
            if !to_its_end(stop, shelf.put(&begun, text.into(), Put::New)).await? {
                continue;
            }
            // One of the same second may be finished already, and then its marker is gone: giving up would take
            // away what is whole.
            let finished = shelf.size(&format!("{candidate}{}", layout::MANIFEST)).await;
            if !matches!(finished, Ok(None)) {
                // Beside a manifest it means nothing, and the next run takes it away.
                if let Err(error) = shelf.delete(&begun).await {
                    tracing::warn!(%error, "the marker could not be taken away");
                }
                finished?;
                continue;
            }
            name = Some(candidate);
            break;
        }
        let name = name.ok_or_else(|| {
            Error::new(ErrorKind::Io, "every name of these seconds is taken in the repository")
                .hint("Run it again.")
        })?;
        let running = Self {
            shelf,
            name,
            marker: Arc::new(Mutex::new(marker)),
            stop: CancellationToken::new(),
            heart: Mutex::new(None),
            stored: Arc::default(),
            sent: TaskTracker::new(),
        };
        *running.heart.lock().await = Some(running.beat());
        match stop.or(recover(repository, &running.name)).await {
            Ok(recovered) => Ok((running, recovered)),
            Err(error) => {
                running.give_up().await;
                Err(error)
            }
        }
    }

    /// By which the backup will be picked.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Writes a small object.
    pub(super) async fn put(&self, object: &str, bytes: Bytes) -> Result<()> {
        let (repository, object) = (self.shelf.clone(), object.to_owned());
        self.arrives(async move { repository.put(&object, bytes, Put::Over).await.map(drop) }).await
    }

    /// Begins an upload, and notes it, so that another run could take it away.
    pub(super) async fn upload(&self, object: &str, expected: u64) -> Result<Upload> {
        let (repository, name, object) = (self.shelf.clone(), self.name.clone(), object.to_owned());
        let (marker, stored) = (Arc::clone(&self.marker), Arc::clone(&self.stored));
        self.arrives(async move {
            let upload = repository.upload(&object, expected).await?;
            stored.lock().await.push(object.clone());
            let mut marker = marker.lock().await;
            marker.uploads.push(Begun { name: object, id: upload.id().to_owned() });
            write(&repository, &name, &marker).await?;
            Ok(upload)
        })
        .await
    }

    /// Makes what was uploaded appear.
    pub(super) async fn finish(&self, upload: Upload) -> Result<Stored> {
        let marker = Arc::clone(&self.marker);
        self.arrives(async move {
            let id = upload.id().to_owned();
            let stored = upload.finish().await?;
            // Written with the next beat: taking away what is not there is no error.
            marker.lock().await.uploads.retain(|begun| begun.id != id);
            Ok(stored)
        })
        .await
    }

    /// Does to its end what changes the repository, whoever stops waiting for it: what was sent may arrive later, when
    /// what there was has been taken away.
    async fn arrives<T: Send + 'static>(
        &self,
        sending: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.sent.spawn(sending).await.map_err(|error| {
            Error::new(ErrorKind::Internal, "storing came to an unexpected end").caused_by(error)
        })?
    }

    /// Takes the marker away: there is a manifest now.
    pub(super) async fn end(&self) {
        self.still().await;
        // Beside a manifest it means nothing, and the next run takes it away.
        if let Err(error) = self.shelf.delete(&format!("{}{BEGUN}", self.name)).await {
            tracing::warn!(%error, "the marker could not be taken away");
        }
    }

    /// Takes away what there is of it.
    pub(super) async fn give_up(&self) {
        self.still().await;
        let cleaning = async {
            self.sent.close();
            self.sent.wait().await;
            let (marker, stored) = (self.marker.lock().await.clone(), self.stored.lock().await.clone());
            for Begun { name, id } in &marker.uploads {
                self.shelf.abandon(name, id).await?;
            }
            for name in &stored {
                self.shelf.delete(name).await?;
            }
            for ending in [layout::BASELINE, layout::SKETCHES, layout::MANIFEST, BEGUN] {
                self.shelf.delete(&format!("{}{ending}", self.name)).await?;
            }
            Ok::<_, Error>(())
        };
        match tokio::time::timeout(CLEANING, cleaning).await {
            Ok(Ok(())) => tracing::info!(name = self.name, "what was begun was taken away"),
            Ok(Err(error)) => {
                tracing::warn!(%error, name = self.name, "what was begun stays, and is known by its marker");
            }
            Err(_) => tracing::warn!(name = self.name, "what was begun stays, and is known by its marker"),
        }
    }

    /// Stops the beat, and waits until it has: written once more, the marker would come back.
    async fn still(&self) {
        self.stop.cancel();
        if let Some(heart) = self.heart.lock().await.take() {
            // It cannot panic, and where it did, it writes no more.
            let _ = heart.await;
        }
    }

    fn beat(&self) -> JoinHandle<()> {
        let (place, name) = (self.shelf.clone(), self.name.clone());
        let (marker, stop) = (Arc::clone(&self.marker), self.stop.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = tokio::time::sleep(BEAT) => {}
                    () = stop.cancelled() => return,
                }
                let mut marker = marker.lock().await;
                marker.alive_at = Timestamp::now();
                // The next beat may come through.
                if let Err(error) = write(&place, &name, &marker).await {
                    tracing::warn!(%error, "the marker could not be renewed");
                }
            }
        })
    }
}

async fn write(shelf: &Shelf, name: &str, marker: &Marker) -> Result<()> {
    shelf.put(&format!("{name}{BEGUN}"), marker.to_json()?.into(), Put::Over).await.map(drop)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn files(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    #[tokio::test]
    async fn what_was_sent_does_not_arrive_after_it_was_given_up() {
        for step in ["upload", "put", "finish"] {
            let directory = tempfile::tempdir().unwrap();
            let repository = Repository::open(directory.path().to_str().unwrap()).unwrap();
            let stop = Stop::new(CancellationToken::new(), None);
            let (running, _) = Running::begin(&stop, &repository, BackupKind::Backup).await.unwrap();
            let name = format!("{}.dump", running.name());
            // Sent, and nobody waits for it any more.
            match step {
                "upload" => assert!(running.upload(&name, 8).now_or_never().is_none()),
                "put" => {
                    let name = format!("{}{}", running.name(), layout::MANIFEST);
                    assert!(running.put(&name, Bytes::from(vec![0; 1 << 22])).now_or_never().is_none());
                }
                _ => {
                    let mut upload = running.upload(&name, 8).await.unwrap();
                    upload.write(Bytes::from(vec![0; 1 << 22])).await.unwrap();
                    assert!(running.finish(upload).now_or_never().is_none());
                }
            }
            running.give_up().await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_eq!(files(directory.path()), Vec::<std::path::PathBuf>::new(), "{step}");
        }
    }
}
