//! What came of a restore.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::after::AfterRestore;
use super::cutover::CutOver;
use super::messages::ObjectError;
use super::plan::RestorePlan;
use crate::connect::Write;
use crate::error::Result;
use crate::finding::Severity;
use crate::sql::QualifiedName;

/// A restore that came to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Restored")]
#[non_exhaustive]
pub struct Restored {
    /// Always `drcore.restored/1`.
    pub format: String,
    /// What was done.
    pub plan: RestorePlan,
    /// What could not be restored, and what only looks like it.
    pub errors: Vec<ObjectError>,
    /// Data that could not be restored: as long as it is missing, the target stays marked as half restored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_rows: Vec<String>,
    /// The tables that were loaded by the columns that both sides have, with their rows.
    pub loaded: Vec<LoadedTable>,
    /// What verifying said, and what was put right; none without a baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Box<AfterRestore>>,
    /// What is left to do until the application runs on it.
    #[serde(default)]
    pub cut_over: CutOver,
    /// All that is volatile.
    pub run: RestoreRun,
}

/// A table that was loaded by the columns that both sides have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "LoadedTable")]
#[non_exhaustive]
pub struct LoadedTable {
    /// The table.
    pub table: QualifiedName,
    /// How many rows.
    pub rows: u64,
    /// Columns of the archive that the target lacks: their values are lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
}

/// All that is volatile about a restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "RestoreRun")]
#[non_exhaustive]
pub struct RestoreRun {
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub elapsed_ms: u64,
    /// The version of the programs that restored, such as `17.4`.
    pub tools: String,
    /// Whether triggers and foreign keys of loaded tables could be left out of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replica_role: Option<bool>,
    /// Every statement that was sent besides what the programs did.
    pub writes: Vec<Write>,
}

impl Restored {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.restored/1";

    /// What could not be restored.
    pub fn failures(&self) -> impl Iterator<Item = &ObjectError> {
        self.errors.iter().filter(|error| error.harmless.is_none())
    }

    /// The exit code of the command: 1 if something could not be restored, else what verifying came to.
    pub fn exit_code(&self) -> u8 {
        let verified = self.after.as_ref().map_or(0, |after| after.report().exit_code(Severity::Warning));
        if self.failures().next().is_some() { 1 } else { verified }
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }
}
