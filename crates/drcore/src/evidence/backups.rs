//! What backups there are of a database: in a repository, and on the platform.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backup::{BackupKind, BackupState, DumpFormat, InstantFrom, VerifiedNote};

/// What a repository of backups holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "RepositoryFacts")]
#[non_exhaustive]
pub struct RepositoryFacts {
    /// Where it is: never a key.
    pub repository: String,
    /// When it was listed, by this machine's clock.
    pub listed_at: Timestamp,
    /// How many backups it holds, of whatever state.
    pub backups: u64,
    /// How many objects belong to none.
    pub other_objects: u64,
    /// What lies next to it, where nothing lies under its prefix.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
    /// The thousand newest, the newest first.
    pub newest: Vec<BackupFact>,
}

/// One backup of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "BackupFact")]
#[non_exhaustive]
pub struct BackupFact {
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
    /// How the dump is written, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<DumpFormat>,
    /// How many bytes the dump has.
    pub dump_bytes: u64,
    /// How many rows the manifest counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Whether nobody is at it any more, where it is unfinished.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// What looking into it showed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<VerifiedNote>,
    /// What is wrong with it, as far as a listing shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

impl BackupFact {
    /// Whether it can be restored from, as far as is known, and was taken for it.
    pub(crate) fn is_usable(&self) -> bool {
        self.kind == BackupKind::Backup && matches!(self.state, BackupState::Complete | BackupState::Foreign)
    }

    /// Whether looking into it showed that all of it is there.
    pub(crate) fn is_verified(&self) -> bool {
        self.is_usable()
            && self
                .verified
                .as_ref()
                .is_some_and(|note| note.verdict == crate::backup::VerificationVerdict::Whole)
    }
}
