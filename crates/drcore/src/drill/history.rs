//! Drills that were recorded: what each came to, and whether the newest took longer than those before it.

mod records;
mod text;
mod trend;

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use records::DrillRecords;
pub use trend::{DrillTrend, TrendOptions, TrendStep, TrendTime};

use super::report::StepTime;
use super::{ObjectiveOutcome, Rehearsal, RehearsedBackup};
use crate::error::Result;
use crate::report::Verdict;

/// All drills that are recorded in one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DrillHistory")]
#[non_exhaustive]
pub struct DrillHistory {
    /// Always `drcore.drills/1`.
    pub format: String,
    /// Where the records lie: never a key.
    pub place: String,
    /// When this was read.
    pub read_at: Timestamp,
    /// Each drill, the newest first.
    pub drills: Vec<PastDrill>,
    /// For everything that was rehearsed on more than once, the newest drill beside those before it.
    pub trends: Vec<DrillTrend>,
    /// What lies there and is no record that counts, and why.
    pub left_out: Vec<LeftOutRecord>,
    /// When the last drill was begun that passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_passed_at: Option<Timestamp>,
}

/// A drill as its record tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "PastDrill")]
#[non_exhaustive]
pub struct PastDrill {
    /// The name of its record, below the place.
    pub record: String,
    /// When it began.
    pub started_at: Timestamp,
    /// What it came to.
    pub verdict: Verdict,
    /// Why it did not pass, one sentence each.
    pub problems: Vec<String>,
    /// Who rehearsed.
    pub operator: String,
    /// What was restored.
    pub backup: RehearsedBackup,
    /// The database that was dumped, where the dump says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The version of the server that it was restored into.
    pub server: String,
    /// The steps, in order, with their times.
    pub steps: Vec<StepTime>,
    /// From the beginning until the restored copy was verified.
    pub rto_ms: u64,
    /// How old the backup was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo_ms: Option<u64>,
    /// The objectives of the plan of that time, and whether they were met.
    pub objectives: Vec<ObjectiveOutcome>,
}

/// Something that lies among the records and does not count as a drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "LeftOutRecord")]
#[non_exhaustive]
pub struct LeftOutRecord {
    /// Its name, below the place.
    pub record: String,
    /// What is wrong with it.
    pub problem: RecordProblem,
    /// In a sentence.
    pub cause: String,
}

/// Why something is no record that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "RecordProblem")]
#[non_exhaustive]
pub enum RecordProblem {
    /// It is not what was written, or says what cannot be.
    Damaged,
    /// The same drill is there under another name.
    Duplicate,
    /// It is something else.
    Foreign,
    /// It could not be read, or was written by a newer version.
    Unreadable,
}

impl RecordProblem {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Duplicate => "duplicate",
            Self::Foreign => "foreign",
            Self::Unreadable => "unreadable",
        }
    }
}

impl DrillHistory {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.drills/1";

    /// Of these records, with what does not count.
    fn new(
        place: String,
        read_at: Timestamp,
        records: Vec<(String, Rehearsal)>,
        mut left_out: Vec<LeftOutRecord>,
        options: TrendOptions,
    ) -> Self {
        let mut drills: Vec<PastDrill> =
            records.into_iter().map(|(record, rehearsal)| PastDrill::new(record, rehearsal)).collect();
        // Of two of one instant, always the same comes first.
        drills.sort_by(|a, b| (b.started_at, &a.record).cmp(&(a.started_at, &b.record)));
        drills.dedup_by(|later, kept| {
            let same = later.is_copy_of(kept);
            if same {
                let cause = format!("the same drill as {}", kept.record);
                let record = std::mem::take(&mut later.record);
                left_out.push(LeftOutRecord { record, problem: RecordProblem::Duplicate, cause });
            }
            same
        });
        left_out.sort_by(|a, b| a.record.cmp(&b.record));
        let mut series: BTreeMap<(String, Option<String>), Vec<&PastDrill>> = BTreeMap::new();
        for drill in &drills {
            series.entry((drill.of(), drill.database.clone())).or_default().push(drill);
        }
        let trends = series
            .into_iter()
            .filter_map(|((of, database), drills)| DrillTrend::new(of, database, &drills, options))
            .collect();
        let last_passed_at =
            drills.iter().find(|drill| drill.verdict == Verdict::Passed).map(|drill| drill.started_at);
        Self { format: Self::FORMAT.to_owned(), place, read_at, drills, trends, left_out, last_passed_at }
    }

    /// The trend whose newest drill is that of this record.
    pub fn trend_of(&self, record: &str) -> Option<&DrillTrend> {
        self.trends.iter().find(|trend| trend.record == record)
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// The exit code of the command: 0 if every record was read and there is one, else 3. What a drill came to is that
    /// drill's own.
    pub fn exit_code(&self) -> u8 {
        let whole = self.left_out.iter().all(|left_out| left_out.problem == RecordProblem::Duplicate);
        if whole && !self.drills.is_empty() { 0 } else { Verdict::Unproven.exit_code() }
    }
}

impl PastDrill {
    fn new(record: String, rehearsal: Rehearsal) -> Self {
        Self {
            record,
            started_at: rehearsal.run.started_at,
            verdict: rehearsal.verdict,
            problems: rehearsal.problems,
            operator: rehearsal.row.operator,
            backup: rehearsal.backup,
            database: rehearsal.restored.plan.archive.database,
            server: rehearsal.server,
            steps: rehearsal.run.steps,
            rto_ms: rehearsal.run.rto_ms,
            rpo_ms: rehearsal.run.rpo_ms,
            objectives: rehearsal.objectives,
        }
    }

    /// Where what it rehearsed on lies: of a file, the directory, since each night's has a name of its own.
    pub(super) fn of(&self) -> String {
        let location = self.backup.location.trim_end_matches('/');
        let above = location.strip_suffix(self.backup.name.as_str()).filter(|above| !above.is_empty());
        match above.map(|above| above.trim_end_matches('/')) {
            Some("") => "/".to_owned(),
            Some(above) => above.to_owned(),
            None if location == self.backup.name => ".".to_owned(),
            None => location.to_owned(),
        }
    }

    fn is_copy_of(&self, other: &Self) -> bool {
        let own = (self.started_at, &self.backup, &self.steps, self.verdict);
        own == (other.started_at, &other.backup, &other.steps, other.verdict)
    }
}
