//! What an archive was found to be.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::damage::ArchiveDamage;
use super::entry::ArchiveEntry;
use super::header::{ArchiveForm, ArchiveHeader, Compression};
use super::table::{ArchiveLargeObjects, ArchiveTable};
use crate::error::Result;

/// What an inspection comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "InspectVerdict")]
#[non_exhaustive]
pub enum InspectVerdict {
    /// It breaks somewhere, or something in it must not be restored.
    Damaged,
    /// It is whole, and not what the baseline or the other dump says.
    Differs,
    /// Nobody can tell whether it is whole.
    Unproven,
    /// All that it says it holds is there.
    Whole,
}

impl InspectVerdict {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Differs => "differs",
            Self::Unproven => "unproven",
            Self::Whole => "whole",
        }
    }
}

/// How much of an archive is under a checksum, which shows bits that flipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "Checksums")]
#[non_exhaustive]
pub enum Checksums {
    /// The data, and not the table of contents.
    Data,
    /// All of it.
    Everything,
    /// Nothing: a bit that flipped inside a value shows nowhere.
    Nothing,
}

impl Checksums {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Everything => "everything",
            Self::Nothing => "nothing",
        }
    }

    pub(super) fn of(header: &ArchiveHeader) -> Self {
        if header.wrapped.contains(&Compression::Gzip) {
            Self::Everything
        } else if header.form != ArchiveForm::Plain && header.compression == Compression::Gzip {
            Self::Data
        } else {
            Self::Nothing
        }
    }
}

/// What an archive holds, and whether it is whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Inspection")]
#[non_exhaustive]
pub struct Inspection {
    /// Always `drcore.inspect/1`.
    pub format: String,
    /// What it comes to.
    pub verdict: InspectVerdict,
    /// What it is called: a path, or where it was read from.
    pub name: String,
    /// What it says of itself; none where it could not be understood so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveHeader>,
    /// How much of it is under a checksum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksums: Option<Checksums>,
    /// Whether its data was read, to the end or to where it breaks.
    pub data_read: bool,
    /// All that is damaged.
    pub damage: Vec<ArchiveDamage>,
    /// What is other than the baseline says, or than in the other dump.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<ArchiveDifference>,
    /// Why nobody can tell whether it is whole.
    pub unproven: Vec<String>,
    /// What a reader should know.
    pub notes: Vec<String>,
    /// Rows of all tables that are whole.
    pub rows: u64,
    /// Each table whose data is in it.
    pub tables: Vec<ArchiveTable>,
    /// The large objects in it.
    pub large_objects: ArchiveLargeObjects,
    /// Tables that it makes, and holds no data of.
    pub without_data: Vec<String>,
    /// How many things it makes, by their kinds in the words of `pg_dump`.
    pub contents: BTreeMap<String, u64>,
    /// The schemas that it makes.
    pub schemas: Vec<String>,
    /// The extensions that it makes.
    pub extensions: Vec<String>,
    /// The roles that own something in it: who restores it needs them.
    pub owners: Vec<String>,
    /// The table of contents, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<ArchiveEntry>>,
    /// What it was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<InspectAgainst>,
    /// What is volatile about it.
    pub run: InspectRun,
}

/// What an archive was compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "InspectAgainst")]
#[non_exhaustive]
pub struct InspectAgainst {
    /// When the baseline's snapshot was taken, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<Timestamp>,
    /// What the other dump is called, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump: Option<String>,
    /// How many tables were compared.
    pub tables: u64,
}

/// A table of which an archive does not hold what a baseline says, or another dump.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ArchiveDifference")]
#[non_exhaustive]
pub struct ArchiveDifference {
    /// The table, as a user would type it.
    pub object: String,
    /// How many rows are in the archive; none where it has no data of the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How many rows the baseline or the other dump has; none where it has no such table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<u64>,
    /// Expected and found.
    pub message: String,
}

/// What is volatile about an inspection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "InspectRun")]
#[non_exhaustive]
pub struct InspectRun {
    /// The version of drcore that made it.
    pub drcore: String,
    /// How long it took.
    pub elapsed_ms: u64,
}

impl Inspection {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.inspect/1";

    /// Of something of which nothing is known yet.
    pub(super) fn new(name: String) -> Self {
        Self {
            format: Self::FORMAT.to_owned(),
            verdict: InspectVerdict::Unproven,
            name,
            archive: None,
            checksums: None,
            data_read: false,
            damage: Vec::new(),
            differences: Vec::new(),
            unproven: Vec::new(),
            notes: Vec::new(),
            rows: 0,
            tables: Vec::new(),
            large_objects: ArchiveLargeObjects::default(),
            without_data: Vec::new(),
            contents: BTreeMap::new(),
            schemas: Vec::new(),
            extensions: Vec::new(),
            owners: Vec::new(),
            entries: None,
            against: None,
            run: InspectRun { drcore: env!("CARGO_PKG_VERSION").to_owned(), elapsed_ms: 0 },
        }
    }

    /// Says what it comes to.
    pub(super) fn conclude(&mut self) {
        self.verdict = if !self.damage.is_empty() {
            InspectVerdict::Damaged
        } else if !self.differences.is_empty() {
            InspectVerdict::Differs
        } else if !self.data_read || !self.unproven.is_empty() {
            InspectVerdict::Unproven
        } else {
            InspectVerdict::Whole
        };
    }

    /// The exit code that the command would end with: 0 whole, 1 damaged or other than the baseline, 3 unproven.
    pub fn exit_code(&self) -> u8 {
        match self.verdict {
            InspectVerdict::Whole => 0,
            InspectVerdict::Damaged | InspectVerdict::Differs => 1,
            InspectVerdict::Unproven => 3,
        }
    }

    /// The JSON form, the same bytes in every language.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Format`](crate::ErrorKind::Format) if the text is no inspection, or of a newer major version.
    pub fn from_json(text: &str) -> Result<Self> {
        crate::wire::from_json(text, Self::FORMAT, "an inspection")
    }
}
