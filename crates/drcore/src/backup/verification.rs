//! What looking into a backup showed, in a file beside it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::manifest::StoredObject;
use crate::error::Result;

/// What looking into a backup showed, without restoring it. `drcore.verification/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Verification")]
#[non_exhaustive]
pub struct Verification {
    /// Always `drcore.verification/1`.
    pub format: String,
    /// Which backup.
    pub backup: String,
    /// What it comes to.
    pub verdict: VerificationVerdict,
    /// What is wrong with it, the worst first.
    pub problems: Vec<String>,
    /// What could not be found out.
    pub unread: Vec<String>,
    /// What it proves and what not, in sentences.
    pub notes: Vec<String>,
    /// The objects as they were read: the record holds for these bytes and no others.
    pub objects: Vec<StoredObject>,
    /// How many tables' rows were counted in the dump itself.
    pub tables: u64,
    /// How many rows they have.
    pub rows: u64,
    /// When, and with what.
    pub run: VerificationRun,
}

/// What a verification comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "VerificationVerdict")]
#[non_exhaustive]
pub enum VerificationVerdict {
    /// Something is missing, or is not what was written.
    Damaged,
    /// Nothing wrong was found, and not everything could be found out.
    Unproven,
    /// All of it is there, and is what was written.
    Whole,
}

/// When something was verified, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "VerificationRun")]
#[non_exhaustive]
pub struct VerificationRun {
    /// When it was begun.
    pub verified_at: Timestamp,
    /// How long it took.
    pub elapsed_ms: u64,
    /// The version of drcore.
    pub drcore: String,
}

impl Verification {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.verification/1";

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Format`](crate::ErrorKind::Format) if the text is none, or of a newer major version.
    pub fn from_json(text: &str) -> Result<Self> {
        crate::wire::from_json(text, Self::FORMAT, "verification")
    }

    /// The exit code that the command ends with: 0 whole, 1 damaged, 3 unproven.
    pub fn exit_code(&self) -> u8 {
        match self.verdict {
            VerificationVerdict::Whole => 0,
            VerificationVerdict::Damaged => 1,
            VerificationVerdict::Unproven => 3,
        }
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }
}

impl VerificationVerdict {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Unproven => "unproven",
            Self::Whole => "whole",
        }
    }
}
