//! What a rehearsal came to.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write as _};
use std::path::Path;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SampleOptions;
use crate::check::CheckResult;
use crate::connect::Write;
use crate::error::{Error, Result};
use crate::finding::{Finding, Severity};
use crate::gap::GapReport;
use crate::report::{MarkdownCell, Report, Verdict, markdown_row};
use crate::restore::{Comparison, RepairPlan};
use crate::text::{age, plural, seconds};

/// Kinds that follow from a damage of another kind, and that its log does not name.
const COMPANIONS: &[&str] = &["definer_function_exposed", "policies_inactive"];

/// Damages that no statement can undo: what is lost must come from elsewhere.
const LOST_DATA: &[&str] = &["fewer_rows", "orphaned_rows", "stale_data", "tenant_gap"];

/// A rehearsal on the sample, from the backup to the repaired copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DrillReport")]
#[non_exhaustive]
pub struct DrillReport {
    /// Always `drcore.drill/1`.
    pub format: String,
    /// Whether everything that was damaged was found, and everything repaired that can be.
    pub passed: bool,
    /// Why not, one sentence each.
    pub problems: Vec<String>,
    /// What decided which tables, rows and tenants were hit.
    pub seed: u64,
    /// The backup that was restored.
    pub backup: BackupFacts,
    /// The errors that `pg_restore` went on after.
    pub restore_errors: Vec<String>,
    /// What was damaged, measured afterwards, and whether it was found.
    pub damage: Vec<Damage>,
    /// What `verify` said of the restored copy.
    pub before: Report,
    /// What was done about it, and what could not be.
    pub repair: RepairPlan,
    /// What `verify` said after the repair.
    pub after: Report,
    /// Before and after, by the ids of the findings.
    pub comparison: Comparison,
    /// What the application had written after the backup: lost, and for whom.
    pub gap: GapReport,
    /// The row for the drill log.
    pub row: DrillRow,
    /// All that is volatile.
    pub run: DrillRun,
}

/// The backup that was restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "BackupFacts")]
#[non_exhaustive]
pub struct BackupFacts {
    /// Its file.
    pub file: String,
    /// When it was taken; for the sample, in the sample's own time.
    pub taken_at: Timestamp,
    /// Until when the application went on writing: what it wrote since the backup is lost.
    pub disaster_at: Timestamp,
    /// How large it is.
    pub bytes: u64,
}

/// One line of the damage log: what the disaster left behind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Damage")]
#[non_exhaustive]
pub struct Damage {
    /// What was done, such as `orphaned_rows`.
    pub damage: String,
    /// What it was done to.
    pub object: String,
    /// The findings that must follow from it; empty where others explain it.
    pub finding_ids: Vec<String>,
    /// How much, and to whom.
    pub detail: serde_json::Value,
    /// Whether all its findings were found.
    #[serde(default)]
    pub found: bool,
}

/// One row of a drill log, in the runbook's columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DrillRow")]
#[non_exhaustive]
pub struct DrillRow {
    /// The day.
    pub date: String,
    /// Who rehearsed.
    pub operator: String,
    /// Which backup was restored.
    pub backup_restored: String,
    /// How long it took until the copy could be used.
    pub rto_observed: String,
    /// How many tables were verified.
    pub tables_verified: String,
    /// What came of it.
    pub outcome: String,
    /// What else there is to say.
    pub notes: String,
}

/// All that is volatile about a rehearsal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DrillRun")]
#[non_exhaustive]
pub struct DrillRun {
    /// When it began.
    pub started_at: Timestamp,
    /// The steps, in order, with their times.
    pub steps: Vec<StepTime>,
    /// From the beginning of the restore until the repaired copy was verified.
    pub rto_ms: u64,
    /// Everything that was written to the restored copy by the repair.
    pub writes: Vec<Write>,
}

/// How long a step took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "StepTime")]
#[non_exhaustive]
pub struct StepTime {
    /// The step.
    pub step: Step,
    /// How long it took.
    pub elapsed_ms: u64,
}

/// A step of a rehearsal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "Step")]
#[non_exhaustive]
pub enum Step {
    /// Fetches the backup, and compares it with its sums.
    Fetch,
    /// Starts a scratch cluster.
    Start,
    /// Starts a scratch cluster and makes the sample in it.
    Build,
    /// Dumps it, with a baseline of the same snapshot.
    BackUp,
    /// The application goes on writing, until the disaster.
    WriteOn,
    /// Restores the dump into a second database.
    Restore,
    /// Damages the restored copy, as a restore that goes wrong does.
    Damage,
    /// Verifies the restored copy against the baseline.
    Verify,
    /// Applies what the remedies say.
    Repair,
    /// Verifies again.
    VerifyAgain,
    /// Counts what was written after the backup.
    Gap,
}

impl Step {
    /// What it is called on screens.
    pub fn label(self) -> &'static str {
        match self {
            Self::Fetch => "fetch the backup",
            Self::Start => "start a scratch cluster",
            Self::Build => "build the sample",
            Self::BackUp => "back up, with a baseline",
            Self::WriteOn => "go on writing, until the disaster",
            Self::Restore => "restore",
            Self::Damage => "damage the restored copy",
            Self::Verify => "verify",
            Self::Repair => "repair",
            Self::VerifyAgain => "verify again",
            Self::Gap => "count what was written after the backup",
        }
    }

    /// Whether it is part of getting back to work.
    fn counts_towards_rto(self) -> bool {
        matches!(self, Self::Restore | Self::Verify | Self::Repair | Self::VerifyAgain)
    }
}

/// What a rehearsal is reported from.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) backup: BackupFacts,
    pub(super) restore_errors: Vec<String>,
    pub(super) damage: Vec<Damage>,
    pub(super) before: Report,
    pub(super) repair: RepairPlan,
    pub(super) writes: Vec<Write>,
    pub(super) after: Report,
    pub(super) gap: GapReport,
}

impl DrillReport {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.drill/1";

    pub(super) fn new(
        options: &SampleOptions,
        parts: Parts,
        started_at: Timestamp,
        steps: Vec<StepTime>,
    ) -> Self {
        let Parts { backup, restore_errors, mut damage, before, repair, writes, after, gap } = parts;
        let found: BTreeSet<&str> = before.findings().into_iter().map(Finding::id).collect();
        for line in &mut damage {
            line.found = line.finding_ids.iter().all(|id| found.contains(id.as_str()));
        }
        let comparison = Comparison::of(&before, &after);
        let rto_ms =
            steps.iter().filter(|time| time.step.counts_towards_rto()).map(|time| time.elapsed_ms).sum();
        let row = DrillRow {
            date: started_at.strftime("%F").to_string(),
            operator: options.operator.clone().unwrap_or_else(|| "drcore".to_owned()),
            backup_restored: format!("{} (sample, seed {})", backup.file, options.seed),
            rto_observed: seconds(rto_ms),
            tables_verified: after.examined.get("tables").copied().unwrap_or_default().to_string(),
            outcome: String::new(),
            notes: String::new(),
        };
        let mut report = Self {
            format: Self::FORMAT.to_owned(),
            passed: false,
            problems: Vec::new(),
            seed: options.seed,
            backup,
            restore_errors,
            damage,
            before,
            repair,
            after,
            comparison,
            gap,
            row,
            run: DrillRun { started_at, steps, rto_ms, writes },
        };
        report.problems = report.judge(options.damaged);
        report.passed = report.problems.is_empty();
        let fixed = report.comparison.fixed.len() as u64;
        let left = report.after.findings().into_iter().filter(|f| f.severity() > Severity::Info).count();
        let outcome = match (fixed, left) {
            (0, 0) => "nothing to repair".to_owned(),
            (_, 0) => format!("{} fixed", plural(fixed, "finding")),
            (_, left) => format!("{} fixed, {left} need data", plural(fixed, "finding")),
        };
        report.row.outcome = if report.passed { outcome } else { format!("DRILL FAILED: {outcome}") };
        let lost = format!("RPO {}, {} lost", report.rpo(), plural(report.gap.rows, "row"));
        report.row.notes = report.problems.first().cloned().unwrap_or(lost);
        report
    }

    /// How much time the backup was behind: what was written in it is lost.
    pub(super) fn rpo(&self) -> String {
        let behind = self.backup.disaster_at.duration_since(self.backup.taken_at);
        age(behind.unsigned_abs())
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// The exit code of the command: 0 if it passed, else 1.
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.passed)
    }

    /// What went otherwise than it must.
    fn judge(&self, damaged: bool) -> Vec<String> {
        let mut problems = Vec::new();
        for error in &self.restore_errors {
            problems.push(format!("pg_restore went on after an error: {error}"));
        }
        let expected = if damaged { Verdict::Failed } else { Verdict::Passed };
        if self.before.verdict != expected {
            let (is, must) = (self.before.verdict.as_str(), expected.as_str());
            problems.push(format!("verify said {is} of the restored copy, and must say {must}"));
        }
        for (when, report) in [("first", &self.before), ("second", &self.after)] {
            // A drill whose checks did not all run is not a success.
            for check in report.checks.iter().filter(|check| is_incomplete(check)) {
                problems
                    .push(format!("{} could not find out everything when it ran the {when} time", check.id));
            }
        }
        if self.gap.exit_code() != 0 {
            problems.push("gap could not count everything that was written after the backup".to_owned());
        }
        let found: BTreeSet<&str> = self.before.findings().into_iter().map(Finding::id).collect();
        let logged: BTreeSet<&str> =
            self.damage.iter().flat_map(|damage| &damage.finding_ids).map(String::as_str).collect();
        for id in logged.difference(&found) {
            problems.push(format!("missed: {id}"));
        }
        for finding in self.before.findings() {
            let is_companion = damaged && COMPANIONS.contains(&finding.kind());
            if finding.severity() > Severity::Info && !logged.contains(finding.id()) && !is_companion {
                problems.push(format!("false alarm: {}", finding.id()));
            }
        }
        let has = |ids: &[String], id: &String| ids.contains(id);
        for damage in self.damage.iter().filter(|damage| damage.found) {
            let is_lost = LOST_DATA.contains(&damage.damage.as_str());
            for id in &damage.finding_ids {
                if is_lost && !has(&self.comparison.still, id) {
                    problems
                        .push(format!("nothing brought the data back, and it is not found any more: {id}"));
                } else if !is_lost && !has(&self.comparison.fixed, id) {
                    problems.push(format!("not repaired: {id}"));
                }
            }
        }
        problems.extend(self.comparison.new.iter().map(|id| format!("new after the repair: {id}")));
        problems
    }
}

impl DrillRow {
    /// The names of the columns.
    pub const COLUMNS: [&'static str; 7] =
        ["Date", "Operator", "Backup restored", "RTO observed", "Tables verified", "Outcome", "Notes"];

    /// The values, in the order of the columns.
    pub fn values(&self) -> [&str; 7] {
        [
            &self.date,
            &self.operator,
            &self.backup_restored,
            &self.rto_observed,
            &self.tables_verified,
            &self.outcome,
            &self.notes,
        ]
    }

    /// A Markdown table of this row: the beginning of a drill log.
    pub fn to_markdown_table(&self) -> String {
        let rule = Self::COLUMNS.map(|_| "---").join(" | ");
        format!("| {} |\n| {rule} |\n{}", Self::COLUMNS.join(" | "), self.to_markdown())
    }

    /// Writes the row behind those of a drill log; a log that is not there begins with it.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be written.
    pub fn append_to(&self, log: impl AsRef<Path>) -> Result<()> {
        let path = log.as_ref();
        let append = || {
            let mut file = File::options().read(true).append(true).create(true).open(path)?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            let row = match text.lines().last() {
                Some(last) if last.starts_with('|') => self.to_markdown(),
                _ => self.to_markdown_table(),
            };
            // A table that follows text is parted from it, and a row from one whose line nobody ended.
            let gap = match (text.is_empty(), text.ends_with('\n'), row.lines().count()) {
                (true, ..) | (_, true, 1) => "",
                (_, true, _) | (_, false, 1) => "\n",
                (_, false, _) => "\n\n",
            };
            file.write_all(format!("{gap}{row}").as_bytes())
        };
        append().map_err(|error| Error::unwritable("the drill log", path, error))
    }

    /// The row of a Markdown table, as a line.
    pub fn to_markdown(&self) -> String {
        markdown_row(self.values().map(MarkdownCell::Text))
    }
}

fn is_incomplete(check: &CheckResult) -> bool {
    check.counts || !check.unread.is_empty()
}
