//! What a repository holds: its objects, put together to backups.

mod group;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(super) use group::{Group, groups};

use super::layout::{self, DumpFormat, InstantFrom, Wrapped};
use super::manifest::{BackupKind, BackupSource, Manifest, StoredObject};
use super::repository::above;
use super::verification::{Verification, VerificationVerdict};
use crate::error::Result;

/// What a repository holds. `drcore.backups/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "BackupList")]
#[non_exhaustive]
pub struct BackupList {
    /// Always `drcore.backups/1`.
    pub format: String,
    /// The repository: never a key.
    pub repository: String,
    /// Every backup, the newest first.
    pub backups: Vec<BackupEntry>,
    /// How many objects lie there that belong to no backup.
    pub other_objects: u64,
    /// When it was listed.
    pub listed_at: Timestamp,
}

/// One backup of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "BackupEntry")]
#[non_exhaustive]
pub struct BackupEntry {
    /// By which it is picked.
    pub name: String,
    /// What it is.
    pub state: BackupState,
    /// What it was taken for.
    pub kind: BackupKind,
    /// The instant that it is of.
    pub at: Timestamp,
    /// From what that is known.
    pub at_from: InstantFrom,
    /// How many bytes its objects have.
    pub bytes: u64,
    /// How many bytes the dump has.
    pub dump_bytes: u64,
    /// How the dump is written, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<DumpFormat>,
    /// What the dump was packed with by whoever made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrapped: Option<Wrapped>,
    /// The database that it is of, where a manifest says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<BackupSource>,
    /// How many tables the manifest names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tables: Option<u64>,
    /// How many rows these have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Whether a baseline lies beside it.
    pub baseline: bool,
    /// What looking into it showed, if somebody looked and it is the same since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<VerifiedNote>,
    /// What is wrong with it, as far as a listing shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// Its objects.
    pub(crate) objects: Vec<EntryObject>,
    /// What was read of it.
    #[serde(skip)]
    pub(super) read: ReadParts,
}

/// An object of a backup, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "EntryObject")]
#[non_exhaustive]
pub struct EntryObject {
    /// Its name, from the repository on.
    pub name: String,
    /// How many bytes it has.
    pub bytes: u64,
}

/// What of a backup was read when it was listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ReadParts {
    pub(super) manifest: Option<Manifest>,
    pub(super) marker: Option<super::marker::Marker>,
    /// When the marker was written, by the store's clock.
    pub(super) marked_at: Option<Timestamp>,
}

/// What an entry of a repository is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "BackupState")]
#[non_exhaustive]
pub enum BackupState {
    /// Taken by drcore to the end, and all of it is there.
    Complete,
    /// Taken by drcore, and some of it is missing or of another size; or looking into it showed damage.
    Damaged,
    /// A dump that somebody else made, of which nothing says whether it is whole.
    Foreign,
    /// Begun by drcore and not finished, or being removed. Never picked.
    Unfinished,
    /// Its manifest cannot be read, such as that of a newer version.
    Unreadable,
}

/// That somebody looked into a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "VerifiedNote")]
#[non_exhaustive]
pub struct VerifiedNote {
    /// When.
    pub at: Timestamp,
    /// What it came to.
    pub verdict: VerificationVerdict,
}

impl BackupState {
    /// The word in JSON and on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Damaged => "damaged",
            Self::Foreign => "foreign",
            Self::Unfinished => "unfinished",
            Self::Unreadable => "unreadable",
        }
    }
}

impl BackupEntry {
    /// Whether it can be restored from, as far as is known: it is whole by its sizes, or somebody else's, and nobody
    /// found damage in it.
    pub fn is_usable(&self) -> bool {
        matches!(self.state, BackupState::Complete | BackupState::Foreign)
    }

    /// Whether looking into it showed that all of it is there.
    pub fn is_verified(&self) -> bool {
        self.is_usable()
            && self.verified.as_ref().is_some_and(|note| note.verdict == VerificationVerdict::Whole)
    }

    /// Its objects, as they are listed.
    pub fn objects(&self) -> &[EntryObject] {
        &self.objects
    }

    /// Its manifest, where it has one that could be read.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.read.manifest.as_ref()
    }

    /// The objects of its dump, with what its manifest says of them, where it has one.
    pub(super) fn dump_objects(&self) -> Vec<(&EntryObject, Option<&StoredObject>)> {
        let Some(manifest) = self.manifest() else {
            let is_dump = |object: &&EntryObject| {
                !matches!(layout::read(&object.name), layout::Named::Part(..))
                    || object.name.contains(".dir/")
            };
            return self.objects.iter().filter(is_dump).map(|object| (object, None)).collect();
        };
        let above = above(&self.name);
        let listed = |stored: &StoredObject| {
            let name = format!("{above}{}", stored.name);
            self.objects.iter().find(|object| object.name == name)
        };
        manifest.dump.objects.iter().filter_map(|stored| Some((listed(stored)?, Some(stored)))).collect()
    }

    /// How old it was at an instant.
    pub(crate) fn age_at(&self, now: Timestamp) -> Duration {
        now.duration_since(self.at).try_into().unwrap_or_default()
    }
}

impl BackupList {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.backups/1";

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// The exit code that the command ends with: 0, or 1 where nothing of it could be restored from.
    pub fn exit_code(&self) -> u8 {
        u8::from(self.usable().next().is_none())
    }

    /// Backups that can be restored from and were taken for it, the newest first.
    pub fn usable(&self) -> impl Iterator<Item = &BackupEntry> {
        self.backups.iter().filter(|entry| entry.is_usable() && entry.kind == BackupKind::Backup)
    }

    /// Pairs of one after the other between which more than one and a half times `every` lies; where nobody says how
    /// often, the usual distance of the series counts. The newest pair first.
    pub fn gaps(&self, every: Option<Duration>) -> Vec<(&BackupEntry, &BackupEntry)> {
        let series: Vec<&BackupEntry> = self.usable().collect();
        let distance = |pair: &[&BackupEntry]| pair[0].at.duration_since(pair[1].at);
        let every = every.and_then(signed).or_else(|| {
            let mut distances: Vec<SignedDuration> = series.windows(2).map(distance).collect();
            distances.sort_unstable();
            // Of three or fewer, none is the usual one.
            (distances.len() > 3).then(|| distances[distances.len() / 2])
        });
        let Some(every) = every.filter(SignedDuration::is_positive) else { return Vec::new() };
        let long = every + every / 2;
        series.windows(2).filter(|pair| distance(pair) > long).map(|pair| (pair[1], pair[0])).collect()
    }
}

fn signed(every: Duration) -> Option<SignedDuration> {
    SignedDuration::try_from(every).ok()
}

/// Whether a record of a verification is of what is listed now.
pub(super) fn still_holds(verification: &Verification, objects: &[EntryObject], above: &str) -> bool {
    verification.objects.iter().all(|read| {
        let name = format!("{above}{}", read.name);
        objects.iter().any(|object| object.name == name && object.bytes == read.bytes)
    })
}
