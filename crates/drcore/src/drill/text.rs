//! The rehearsal as a story that a tired person can read.

use std::collections::BTreeMap;

use super::report::{Damage, DrillReport, DrillRow};
use crate::finding::{Finding, Severity};
use crate::remedy::Remedy;
use crate::report::{terminal, without_commands};
use crate::restore::RepairPlan;
use crate::text::{count, plural, seconds};

/// Columns; what is longer is cut, and told in full by `-v` and by the reports.
const WIDTH: usize = 79;

impl DrillReport {
    /// The story: what was made, what broke, what `verify` says, what was repaired, what only data can
    /// bring back, and the row for the drill log.
    pub fn to_text(&self) -> String {
        let mut text = self.verdict();
        text.push_str(&self.steps());
        if !self.damage.is_empty() {
            text.push_str(&self.broken());
            text.push_str(&self.found());
            text.push_str(&planned(&self.repair));
            text.push_str(&self.left());
        }
        text.push_str(&self.lost());
        text.push_str(&log_row(&self.row));
        without_commands(&text).into_owned()
    }

    fn verdict(&self) -> String {
        let mut text = match (self.passed, self.damage.is_empty()) {
            (true, false) => {
                "PASSED   drill on the sample: verify FAILED the broken restore, as it should;\n         \
                 all that was broken was found, and all that SQL can repair is repaired\n"
            }
            (true, true) => "PASSED   drill on the sample: verify PASSED the healthy restore, as it should\n",
            (false, _) => {
                "FAILED   drill on the sample: drcore itself is at fault, not a database of yours\n"
            }
        }
        .to_owned();
        for problem in &self.problems {
            text.push_str(&format!("         {}\n", terminal(problem)));
        }
        text
    }

    fn steps(&self) -> String {
        let mut text = String::from("\n");
        for time in &self.run.steps {
            text.push_str(&format!("{:>8}  {}\n", seconds(time.elapsed_ms), self.step(time.step)));
        }
        text
    }

    /// What a step did.
    fn step(&self, step: super::Step) -> String {
        use super::Step;
        let examined = |report: &crate::Report, what| report.examined.get(what).copied().unwrap_or_default();
        let (tables, rows) = (examined(&self.before, "tables"), examined(&self.before, "rows"));
        match step {
            Step::BackUp => format!("{}: {} kB", step.label(), count(self.backup.bytes / 1000)),
            Step::Verify => {
                format!("{}: {} and {}", step.label(), plural(tables, "table"), plural(rows, "row"))
            }
            Step::Repair => {
                let statements = plural(self.repair.statements.len() as u64, "statement");
                format!("{}: {statements} in one transaction", step.label())
            }
            _ => step.label().to_owned(),
        }
    }

    fn broken(&self) -> String {
        let mut kinds: BTreeMap<&str, Vec<&Damage>> = BTreeMap::new();
        for damage in &self.damage {
            kinds.entry(&damage.damage).or_default().push(damage);
        }
        let mut text = format!("\nWhat went wrong with the restore, by seed {}\n", self.seed);
        for (kind, damages) in kinds {
            let rows: u64 = damages.iter().filter_map(|damage| damage.detail["rows"].as_u64()).sum();
            let rows = if rows > 0 { format!("{}: ", plural(rows, "row")) } else { String::new() };
            let missed = if damages.iter().all(|damage| damage.found) { "" } else { "MISSED: " };
            let objects: Vec<&str> = damages.iter().map(|damage| name(damage)).collect();
            let line = format!("  {:<19}{missed}{rows}{}", kind.replace('_', " "), objects.join(", "));
            text.push_str(&cut(&line));
        }
        text
    }

    fn found(&self) -> String {
        let findings = self.before.findings();
        let critical = self.before.count(Severity::Critical);
        let warnings = self.before.count(Severity::Warning);
        let mut text = format!(
            "\nverify says {}: {} critical, {}\n",
            self.before.verdict.as_str().to_uppercase(),
            count(critical as u64),
            plural(warnings as u64, "warning")
        );
        for finding in findings.into_iter().filter(|finding| finding.severity() == Severity::Critical) {
            text.push_str(&line(finding));
        }
        if warnings > 0 {
            text.push_str(&format!(
                "+ {}: -v shows the reports in full\n",
                plural(warnings as u64, "warning")
            ));
        }
        text
    }

    /// What is left, by object: what only data can bring back.
    fn left(&self) -> String {
        let mut text =
            format!("\nverify again: {} fixed", plural(self.comparison.fixed.len() as u64, "finding"));
        let left: Vec<&Finding> =
            self.after.findings().into_iter().filter(|finding| finding.severity() > Severity::Info).collect();
        if left.is_empty() {
            text.push_str(", nothing is left\n");
            return text;
        }
        // Deleting orphans, or letting them refer to nothing, is a person's to choose.
        let choose = |finding: &&Finding| match &finding.common().remedy {
            Some(Remedy::Choose(ways)) => ways.choices.iter().any(|way| !way.statements.is_empty()),
            _ => false,
        };
        let (choices, lost) = left.iter().copied().partition::<Vec<&Finding>, _>(choose);
        let mut parts = Vec::new();
        if !lost.is_empty() {
            parts.push(format!("{} that only data can bring back", count(lost.len() as u64)));
        }
        if !choices.is_empty() {
            parts.push(format!("{} to choose", count(choices.len() as u64)));
        }
        text.push_str(&format!(", {}\n", parts.join(", ")));
        let mut kinds: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in left {
            kinds.entry(finding.kind()).or_default().push(finding);
        }
        for (kind, findings) in kinds {
            let objects: Vec<&str> = findings.iter().map(|finding| bare(&finding.common().object)).collect();
            text.push_str(&cut(&format!("  {:<19}{}", kind.replace('_', " "), objects.join(", "))));
        }
        text
    }

    /// What was written after the backup, and whose it was.
    fn lost(&self) -> String {
        let mut tenants: BTreeMap<&str, u64> = BTreeMap::new();
        for row in self.gap.tables.iter().flat_map(|table| &table.tenants) {
            *tenants.entry(row.tenant.as_deref().unwrap_or("no tenant")).or_default() += row.rows;
        }
        let mut text = format!(
            "\ngap: {} of {} written in the {} after the backup are lost\n",
            plural(self.gap.rows, "row"),
            plural(tenants.len() as u64, "tenant"),
            self.rpo()
        );
        let tables: Vec<String> = self
            .gap
            .tables
            .iter()
            .filter(|table| table.rows > 0)
            .map(|table| format!("{} {}", table.table.name, count(table.rows)))
            .collect();
        text.push_str(&cut(&format!("  {}", tables.join(", "))));
        let mut tenants: Vec<(&str, u64)> = tenants.into_iter().collect();
        tenants.sort_by_key(|(tenant, rows)| (std::cmp::Reverse(*rows), *tenant));
        let worst: Vec<String> =
            tenants.iter().take(2).map(|(t, rows)| format!("{t} {}", count(*rows))).collect();
        text.push_str(&cut(&format!("  most of {}", worst.join(", "))));
        text
    }
}

/// The row as it would stand in the drill log.
pub(super) fn log_row(row: &DrillRow) -> String {
    let mut text = String::from("\nFor the drill log (--drill-log FILE)\n");
    for (name, value) in DrillRow::COLUMNS.iter().zip(row.values()) {
        if !value.is_empty() {
            text.push_str(&cut(&format!("  {name:<17}{value}")));
        }
    }
    text
}

fn planned(plan: &RepairPlan) -> String {
    let mut text = format!("\nrepair, plan {}, in one transaction\n", plan.digest);
    for statement in &plan.statements {
        let sql = statement.sql.split_whitespace().collect::<Vec<_>>().join(" ");
        text.push_str(&cut(&format!("  [{}] {sql}", statement.class.label())));
    }
    text
}

fn line(finding: &Finding) -> String {
    let common = finding.common();
    let word = common.severity.as_str().to_uppercase();
    if common.message.contains(&common.object) {
        return cut(&format!("{word:<8} {}", common.message));
    }
    cut(&format!("{word:<8} {}: {}", common.object, common.message))
}

/// What was damaged, as short as it can be told.
fn name(damage: &Damage) -> &str {
    match damage.damage.as_str() {
        "tenant_gap" => damage.detail["slug"].as_str().unwrap_or(&damage.object),
        _ => bare(&damage.object),
    }
}

/// Without the schema that goes without saying.
fn bare(object: &str) -> &str {
    object.strip_prefix("public.").unwrap_or(object)
}

/// One line, as wide as the screen.
pub(super) fn cut(line: &str) -> String {
    let line = terminal(line);
    if line.chars().count() <= WIDTH {
        return format!("{line}\n");
    }
    let cut: String = line.chars().take(WIDTH - 1).collect();
    format!("{cut}…\n")
}
