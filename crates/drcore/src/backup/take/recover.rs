//! What runs left that were killed: told, and taken away.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backup::layout::BEGUN;
use crate::backup::list::{BackupEntry, BackupState};
use crate::backup::repository::Repository;
use crate::error::Result;

/// A run that has not written its marker for so long is over: it would have done so every minute.
const SILENT: Duration = Duration::from_secs(600);

/// What an earlier run left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Recovered")]
#[non_exhaustive]
pub struct Recovered {
    /// The backup that it did not finish.
    pub name: String,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// On which machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// How many bytes lay there; what was on its way is not counted.
    pub bytes: u64,
    /// Why it is still there, where it could not be taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
}

/// Takes away what silent runs left. `own` is the backup that is being taken: its marker tells the store's time.
pub(super) async fn recover(repository: &Repository, own: &str) -> Result<Vec<Recovered>> {
    if let Err(error) = repository.shelf.sweep(SILENT).await {
        tracing::warn!(%error, "what earlier runs left could not be looked for");
    }
    let list = repository.list().await?;
    let now = list.backups.iter().find(|entry| entry.name == own).and_then(|entry| entry.read.marked_at);
    let now = now.unwrap_or_else(Timestamp::now);
    let mut recovered = Vec::new();
    for entry in &list.backups {
        if entry.name == own || !is_silent(entry, now) {
            continue;
        }
        if entry.state != BackupState::Unfinished {
            // It was finished: only the marker was forgotten.
            if let Err(error) = repository.shelf.delete(&format!("{}{BEGUN}", entry.name)).await {
                tracing::warn!(%error, name = entry.name, "a marker could not be taken away");
            }
            continue;
        }
        let left = take_away(repository, entry).await.err().map(|error| error.to_string());
        tracing::warn!(name = entry.name, bytes = entry.bytes, left, "an earlier run did not finish");
        let marker = entry.read.marker.as_ref();
        recovered.push(Recovered {
            name: entry.name.clone(),
            begun_at: marker.map_or(entry.at, |marker| marker.begun_at),
            host: marker.map(|marker| marker.host.clone()),
            bytes: entry.bytes,
            left,
        });
    }
    Ok(recovered)
}

/// Whether nobody is at it any more.
pub(in crate::backup) fn is_silent(entry: &BackupEntry, now: Timestamp) -> bool {
    let Some(marked_at) = entry.read.marked_at else { return false };
    SignedDuration::try_from(SILENT).is_ok_and(|silent| now.duration_since(marked_at) > silent)
}

/// Takes away everything of an entry that is none, its marker last.
pub(in crate::backup) async fn take_away(repository: &Repository, entry: &BackupEntry) -> Result<()> {
    for begun in entry.read.marker.iter().flat_map(|marker| &marker.uploads) {
        repository.shelf.abandon(&begun.name, &begun.id).await?;
    }
    let marker = format!("{}{BEGUN}", entry.name);
    for object in entry.objects().iter().filter(|object| object.name != marker) {
        repository.shelf.delete(&object.name).await?;
    }
    repository.shelf.delete(&marker).await
}
