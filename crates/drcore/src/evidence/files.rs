//! What the files in Supabase Storage are, against the rows that know of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Cause;

/// The files of one tenant in a store, against the rows of `storage.objects`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Files")]
#[non_exhaustive]
pub struct Files {
    /// Where they were looked for: never a key.
    pub store: String,
    /// Whose they are.
    pub tenant: String,
    /// What can be seen from there and what cannot, in a sentence.
    pub vantage: String,
    /// Whether checksums were compared.
    pub checksums: bool,
    /// How many rows of `storage.objects` were read.
    pub rows: u64,
    /// How many files were listed.
    pub objects: u64,
    /// How many bytes they are.
    pub bytes: u64,
    /// By bucket: those of the database, and those that only the store knows.
    pub buckets: BTreeMap<String, BucketFiles>,
    /// How many rows were asked for one by one, where the files cannot be listed. Fewer than there are were chosen
    /// at random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<u64>,
    /// Rows of which it could not be told whether their bytes are there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unclear: Vec<UnclearFiles>,
}

impl Files {
    /// Whether nothing is wrong with them, and of all of them it could be told.
    pub(crate) fn is_whole(&self) -> bool {
        let is_whole = |bucket: &BucketFiles| {
            [&bucket.missing, &bucket.size_differs, &bucket.checksum_differs, &bucket.unreferenced]
                .iter()
                .all(|odd| odd.is_none())
        };
        self.unclear.is_empty() && self.buckets.values().all(is_whole)
    }

    /// Whether only some of the rows were looked at, chosen at random.
    pub(crate) fn is_sampled(&self) -> bool {
        self.asked.is_some_and(|asked| asked < self.rows)
    }
}

/// Rows of which it could not be told whether their bytes are there, for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "UnclearFiles")]
#[non_exhaustive]
pub struct UnclearFiles {
    /// Why.
    pub cause: Cause,
    /// How many.
    pub files: u64,
    /// The first of them: bucket and name.
    pub samples: Vec<String>,
}

/// The files of one bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "BucketFiles")]
#[non_exhaustive]
pub struct BucketFiles {
    /// What the database says of the bucket.
    pub bucket: BucketState,
    /// How many rows.
    pub rows: u64,
    /// How many rows were asked for one by one, where the files cannot be listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub asked: u64,
    /// How many files.
    pub objects: u64,
    /// How many bytes they are.
    pub bytes: u64,
    /// Rows whose bytes are not there.
    #[serde(default, skip_serializing_if = "OddFiles::is_none")]
    pub missing: OddFiles,
    /// Of these, those of which another version is there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub superseded: u64,
    /// Of these, those that the storage service failed to send: without their bytes it does, and for other reasons too.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failing: u64,
    /// Files that no row knows.
    #[serde(default, skip_serializing_if = "OddFiles::is_none")]
    pub unreferenced: OddFiles,
    /// Files of another size than their rows say.
    #[serde(default, skip_serializing_if = "OddFiles::is_none")]
    pub size_differs: OddFiles,
    /// Files of the same size and another checksum than their rows say.
    #[serde(default, skip_serializing_if = "OddFiles::is_none")]
    pub checksum_differs: OddFiles,
    /// Rows from before objects had versions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unversioned: u64,
    /// Rows that do not say how large their object is, of which only the presence was compared.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsized_rows: u64,
    /// Rows whose checksum was compared.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub summed: u64,
    /// Rows whose checksum, or whose file's, is of a kind that says nothing about the bytes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsummed: u64,
    /// What uploads in pieces left beside the bytes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub side_files: u64,
    /// Uploads that go on, or were given up.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unfinished: u64,
}

/// What the database says of a bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "BucketState")]
#[non_exhaustive]
pub enum BucketState {
    /// It is there.
    #[default]
    There,
    /// There is no such bucket.
    Gone,
    /// It holds something else than objects (`ANALYTICS`, `VECTOR`), which no row of `storage.objects` knows.
    Other,
}

/// How many files something is wrong with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "OddFiles")]
#[non_exhaustive]
pub struct OddFiles {
    /// How many: exact.
    pub files: u64,
    /// How many bytes they are, or were, where that is known.
    pub bytes: u64,
    /// When the oldest of them was written, by the clock of the store; after a restore that is when it was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// When the newest was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
    /// The first of them: name and version, and what was expected and found.
    pub samples: Vec<String>,
}

impl OddFiles {
    pub(crate) fn is_none(&self) -> bool {
        self.files == 0
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
