//! The rehearsal on a backup, for a person.

use std::time::Duration;

use super::super::report::Step;
use super::super::text::{cut, log_row};
use super::Rehearsal;
use crate::report::{terminal, without_commands};
use crate::text::{age, bytes, instant, plural, seconds};

/// Problems that are shown; `-v` and the JSON have all.
const SHOWN: usize = 12;

impl Rehearsal {
    /// The verdict and why, the steps with their times, the objectives, and the row for the drill log.
    pub fn to_text(&self) -> String {
        let backup = &self.backup;
        let mut text = format!(
            "{:<9}drill on {}\n         {}",
            self.verdict.as_str().to_uppercase(),
            terminal(&backup.name),
            terminal(&backup.location)
        );
        if let Some(at) = backup.at {
            text.push_str(&format!(", of {}", instant(at)));
        }
        text.push('\n');
        for problem in self.problems.iter().take(SHOWN) {
            text.push_str(&format!("         {}\n", terminal(problem)));
        }
        if let Some(more) = self.problems.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            text.push_str(&format!("         + {}\n", plural(more as u64, "more problem")));
        }
        text.push('\n');
        for time in &self.run.steps {
            text.push_str(&cut(&format!("{:>8}  {}", seconds(time.elapsed_ms), self.step(time.step))));
        }
        text.push('\n');
        let span = |ms: u64| age(Duration::from_millis(ms));
        let objective = |name: &str| {
            let outcome = self.objectives.iter().find(|outcome| outcome.objective == name);
            outcome.map_or_else(String::new, |outcome| {
                let met = if outcome.met { "met" } else { "NOT MET" };
                format!(", the objective of {} is {met}", span(outcome.wanted_ms))
            })
        };
        text.push_str(&format!("RTO      {}{}\n", seconds(self.run.rto_ms), objective("rto")));
        let rpo = self.run.rpo_ms.map_or_else(|| "not known: of when it is, nobody says".to_owned(), span);
        text.push_str(&format!("RPO      {rpo}{}\n", objective("rpo")));
        text.push_str(&log_row(&self.row));
        without_commands(&text).into_owned()
    }

    /// What a step did.
    fn step(&self, step: Step) -> String {
        match step {
            Step::Fetch => format!("{}: {}", step.label(), bytes(self.backup.bytes)),
            Step::Start => format!("{}: PostgreSQL {}", step.label(), self.server),
            Step::Restore => {
                let tables = plural(self.restored.plan.archive.tables, "table");
                format!(
                    "{}: {tables}, by {}",
                    step.label(),
                    plural(u64::from(self.restored.plan.jobs), "session")
                )
            }
            Step::Verify => {
                let examined = |what| {
                    self.report().and_then(|report| report.examined.get(what).copied()).unwrap_or_default()
                };
                let (tables, rows) = (plural(examined("tables"), "table"), plural(examined("rows"), "row"));
                let after = self.restored.after.as_ref();
                let right =
                    after.and_then(|after| after.repaired.as_ref()).map_or_else(String::new, |repaired| {
                        format!("; {} put right", plural(repaired.plan.statements.len() as u64, "thing"))
                    });
                format!("{}: {tables} and {rows}{right}", step.label())
            }
            _ => step.label().to_owned(),
        }
    }
}
