//! The repair plan as text.

use super::{Comparison, LeftOut, RepairPlan, Repaired, Why};
use crate::remedy::RemedyClass;
use crate::report::{terminal, terminal_lines, without_commands};
use crate::text::{instant, plural};

impl RepairPlan {
    /// The plan, for reviewing: every statement in full, with the findings that it answers.
    pub fn to_text(&self) -> String {
        let project = self.project.as_deref().unwrap_or("an unknown database");
        let mut text = format!(
            "plan {} for {} · {}, 1 transaction\n",
            self.digest,
            terminal(project),
            plural(self.statements.len() as u64, "statement")
        );
        if self.statements.is_empty() {
            text = format!("plan for {}: no finding has a remedy that may go in\n", terminal(project));
        }
        for (at, statement) in self.statements.iter().enumerate() {
            let head = format!("{:>3} [{}] ", at + 1, statement.class.label());
            let margin = " ".repeat(head.chars().count());
            let sql = terminal_lines(&statement.sql).replace('\n', &format!("\n{margin}"));
            text.push_str(&format!("{head}{sql};\n"));
            for id in &statement.answers {
                text.push_str(&format!("{margin}answers {}\n", terminal(id)));
            }
            for note in &statement.notes {
                text.push_str(&format!("{margin}note: {}\n", terminal(note)));
            }
        }
        if !self.left.is_empty() {
            text.push_str("not in the plan\n");
        }
        for left in &self.left {
            text.push_str(&format!("    {}\n        {}\n", terminal(&left.finding), left.reason()));
        }
        without_commands(&text).into_owned()
    }
}

impl RepairPlan {
    /// The plan as a script for psql: one transaction, the findings as comments.
    pub fn to_sql(&self) -> String {
        let project = self.project.as_deref().unwrap_or("an unknown database");
        let mut text = format!("-- drcore repair plan {} for {}\n", self.digest, terminal(project));
        text.push_str("begin;\n");
        for setting in SETTINGS {
            text.push_str(&format!("set local {setting};\n"));
        }
        for statement in &self.statements {
            text.push_str(&format!("\n-- [{}]\n", statement.class.label()));
            // On one line each, or their text would be SQL.
            for id in &statement.answers {
                text.push_str(&format!("-- answers {}\n", terminal(id)));
            }
            for note in &statement.notes {
                text.push_str(&format!("-- note: {}\n", terminal(note)));
            }
            text.push_str(&format!("{};\n", statement.sql));
        }
        text.push_str("\ncommit;\n");
        text
    }
}

/// Under which a plan is applied, by drcore or by hand.
const SETTINGS: [&str; 4] =
    ["search_path = ''", "row_security = off", "standard_conforming_strings = on", "lock_timeout = '5s'"];

impl Repaired {
    /// What was written, and which findings are fixed, still there or new.
    pub fn to_text(&self) -> String {
        let mut text = format!("plan {} was applied\n", self.plan.digest);
        for write in &self.writes {
            let statement = write.statement.split_whitespace().collect::<Vec<_>>().join(" ");
            let rows = write.rows.filter(|rows| *rows > 0);
            let rows = rows.map_or(String::new(), |rows| format!(" ({})", plural(rows, "row")));
            text.push_str(&format!("  {} {}{rows}\n", instant(write.at), terminal(&statement)));
        }
        text.push('\n');
        text.push_str(&self.comparison.to_text());
        without_commands(&text).into_owned()
    }
}

impl LeftOut {
    fn reason(&self) -> String {
        match self.why {
            Why::NoRemedy => "no statement can put it right".to_owned(),
            Why::Choose => {
                let names: Vec<&str> = self.choices.iter().map(|choice| choice.name.as_str()).collect();
                let check = self.finding.split(':').next().unwrap_or(&self.finding);
                format!("choose: --with {check}={}", names.join("|"))
            }
            Why::NeedsData => {
                let summaries: Vec<_> = self.choices.iter().map(|choice| terminal(&choice.summary)).collect();
                format!("{}: takes data from elsewhere", summaries.join(", "))
            }
            Why::NotAllowed => {
                let (label, word) = match self.class {
                    Some(RemedyClass::AvailabilityRisk) => ("outage risk", "availability-risk"),
                    _ => ("destroys rows", "destructive"),
                };
                format!("{label}: --allow {word} puts it in")
            }
        }
    }
}

impl Comparison {
    /// One line a finding: `FIXED`, `STILL`, `NEW`, `UNKNOWN`.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (word, ids) in [("FIXED", &self.fixed), ("STILL", &self.still), ("NEW", &self.new)] {
            for id in ids {
                text.push_str(&format!("{word:<8} {}\n", terminal(id)));
            }
        }
        for unsettled in &self.unsettled {
            let (id, why) = (terminal(&unsettled.finding), terminal(&unsettled.why));
            text.push_str(&format!("UNKNOWN  {id}\n         {why}\n"));
        }
        without_commands(&text).into_owned()
    }
}
