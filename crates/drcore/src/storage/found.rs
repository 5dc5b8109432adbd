//! What is wrong, file by file: all of it where somebody wants it, some of it in the Evidence.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layout::Place;
use super::sorted::{Mark, View};
use crate::error::Result;
use crate::spool::{Spool, Writer};

/// A file that something is wrong with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "StorageRow")]
#[non_exhaustive]
pub struct StorageRow {
    /// What is wrong with it.
    pub problem: StorageProblem,
    /// The bucket's id.
    pub bucket: String,
    /// The object's name.
    pub name: String,
    /// Its version, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How many bytes lie there; of one that is missing, how many there were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// When it was written, by the clock of the store; after a restore that is when it was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Timestamp>,
    /// What was expected and found, or why it could not be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl StorageRow {
    /// The JSON form, in one line.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if a value cannot be written as JSON.
    pub fn to_json_line(&self) -> Result<String> {
        crate::wire::to_json_line(self)
    }
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "StorageProblem")]
#[non_exhaustive]
pub enum StorageProblem {
    /// It has the size that its row says, and another checksum.
    Altered,
    /// A row has no bytes.
    Missing,
    /// A row has no bytes, and there are those of another version: it was overwritten since.
    Overwritten,
    /// It has another size than its row says.
    Resized,
    /// It could not be told.
    Unclear,
    /// No row knows it.
    Unreferenced,
}

impl StorageProblem {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Missing => "missing",
            Self::Overwritten => "overwritten",
            Self::Resized => "resized",
            Self::Unclear => "unclear",
            Self::Unreferenced => "unreferenced",
        }
    }

    fn of(mark: Mark) -> Self {
        match mark {
            Mark::Checksum => Self::Altered,
            Mark::Failing | Mark::Missing => Self::Missing,
            Mark::Size => Self::Resized,
            Mark::Superseded => Self::Overwritten,
            Mark::Unreferenced | Mark::UnreferencedSeparated => Self::Unreferenced,
            Mark::None | Mark::Separated | Mark::Unfinished | Mark::Unknown | Mark::Unversioned => {
                Self::Unclear
            }
        }
    }
}

/// Keeps what is found: how many samples of each thing, and whether all of it goes to a file.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) samples: usize,
    writer: Option<Writer>,
}

impl Keeper {
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if there is no room for temporary files.
    pub(super) fn new(samples: usize, all: bool) -> Result<Self> {
        Ok(Self { samples, writer: all.then(Writer::new).transpose()? })
    }

    /// Keeps one that something is wrong with.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be written.
    pub(super) fn wrong(&mut self, place: &Place, seen: View<'_>) -> Result<()> {
        let words = seen.etag.map(|words| String::from_utf8_lossy(words).into_owned());
        let detail = match seen.mark {
            Mark::Failing => Some("the storage service fails to send it".to_owned()),
            _ => words,
        };
        let modified = seen.modified.and_then(|modified| Timestamp::from_millisecond(modified).ok());
        self.write(place, StorageProblem::of(seen.mark), seen.size, modified, detail)
    }

    /// Keeps one of which it could not be told.
    ///
    /// # Errors
    /// As [`Keeper::wrong`].
    pub(super) fn unclear(&mut self, place: &Place, size: Option<u64>, why: &str) -> Result<()> {
        self.write(place, StorageProblem::Unclear, size, None, Some(why.to_owned()))
    }

    fn write(
        &mut self,
        place: &Place,
        problem: StorageProblem,
        bytes: Option<u64>,
        modified: Option<Timestamp>,
        detail: Option<String>,
    ) -> Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let (name, version) = place.name_and_version();
        let row = StorageRow { problem, bucket: place.bucket(), name, version, bytes, modified, detail };
        writer.line(&row.to_json_line()?)
    }

    /// All that was kept.
    ///
    /// # Errors
    /// As [`Keeper::wrong`].
    pub(super) fn finish(self) -> Result<Spool> {
        self.writer.map_or_else(|| Ok(Spool::default()), Writer::finish)
    }
}
