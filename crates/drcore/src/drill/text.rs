//! The rehearsal as a story that a tired person can read.

use super::report::{Damage, DrillReport, DrillRow};
use crate::finding::{Finding, Severity};
use crate::report::terminal;
use crate::restore::RepairPlan;
use crate::text::{count, plural, seconds};

impl DrillReport {
    /// The story: what was built, what broke, what `verify` says, what was repaired, what only data can
    /// bring back, and the row for the drill log.
    pub fn to_text(&self) -> String {
        let mut text = self.verdict();
        text.push_str(&self.story());
        if !self.damage.is_empty() {
            text.push_str(&self.broken());
            text.push_str(&self.found());
            text.push_str(&planned(&self.repair));
            text.push_str(&self.repaired());
        }
        text.push_str(&self.log_row());
        text
    }

    fn verdict(&self) -> String {
        let mut text = match (self.passed, self.damage.is_empty()) {
            (true, false) => "PASSED   drill on the sample: the broken restore was FAILED, as it should be\n",
            (true, true) => "PASSED   drill on the sample: the healthy restore was PASSED, as it should be\n",
            (false, _) => {
                "FAILED   drill on the sample: this is a fault of drcore, not of a database of yours\n"
            }
        }
        .to_owned();
        for problem in &self.problems {
            text.push_str(&format!("         {}\n", terminal(problem)));
        }
        text
    }

    fn story(&self) -> String {
        let rows = self.before.run.baseline.as_ref().map_or(0, |_| 0);
        let _ = rows;
        let mut text = String::from("\n");
        for time in &self.run.steps {
            text.push_str(&format!("{:>9}  {}\n", seconds(time.elapsed_ms), time.step.label()));
        }
        text
    }

    fn broken(&self) -> String {
        let mut text = format!("\nWhat went wrong with the restore (seed {})\n", self.seed);
        for damage in &self.damage {
            let found = match (damage.found, damage.finding_ids.is_empty()) {
                (_, true) => "     ",
                (true, _) => "found",
                (false, _) => "MISSED",
            };
            text.push_str(&format!("  {found}  {}\n", terminal(&describe(damage))));
        }
        text
    }

    fn found(&self) -> String {
        let findings = self.before.findings();
        let critical = self.before.count(Severity::Critical) as u64;
        let mut text = format!(
            "\nverify says {}: {}, {} of them critical\n",
            self.before.verdict.as_str().to_uppercase(),
            plural(findings.len() as u64, "finding"),
            count(critical)
        );
        for finding in findings {
            text.push_str(&line(finding));
        }
        text
    }

    fn repaired(&self) -> String {
        let mut text = format!("\nAfterwards: {} fixed\n", count(self.comparison.fixed.len() as u64));
        if !self.comparison.still.is_empty() {
            text.push_str("Only data can bring back\n");
        }
        for finding in self.after.findings() {
            text.push_str(&line(finding));
        }
        text
    }

    fn log_row(&self) -> String {
        let mut text = String::from("\nFor the drill log\n");
        for (name, value) in DrillRow::COLUMNS.iter().zip(self.row.values()) {
            if !value.is_empty() {
                text.push_str(&format!("  {name:<16} {}\n", terminal(value)));
            }
        }
        text
    }
}

fn planned(plan: &RepairPlan) -> String {
    let mut text = format!("\nRepaired by plan {}, in one transaction\n", plan.digest);
    for statement in &plan.statements {
        let sql = statement.sql.split_whitespace().collect::<Vec<_>>().join(" ");
        text.push_str(&format!("  {}\n", shorten(&terminal(&sql), 76)));
    }
    text
}

fn line(finding: &Finding) -> String {
    let common = finding.common();
    let word = common.severity.as_str().to_uppercase();
    format!("{word:<8} {}: {}\n", terminal(&common.object), terminal(&common.message))
}

/// What was done, in a few words.
fn describe(damage: &Damage) -> String {
    let words = damage.damage.replace('_', " ");
    match damage.detail.get("rows").and_then(serde_json::Value::as_u64) {
        Some(rows) => format!("{words}: {} ({})", damage.object, plural(rows, "row")),
        None => format!("{words}: {}", damage.object),
    }
}

fn shorten(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let cut: String = text.chars().take(width - 1).collect();
    format!("{cut}…")
}
