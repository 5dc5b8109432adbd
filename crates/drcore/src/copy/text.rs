//! A copy plan, and what came of it, as text.

use super::form::CopyForm;
use super::plan::{CopyPlan, CopySide};
use super::run::Copied;
use super::tables::{NotCopied, TableCopy, WhyNotCopied};
use crate::report::{TextOptions, terminal, without_commands};
use crate::restore::Onto;
use crate::text::{count, list, plural, seconds};

/// How many names of one kind are shown.
const SHOWN: usize = 6;

impl CopyPlan {
    /// The plan, for reviewing: what is copied into what, in which order, and what is left out.
    pub fn to_text(&self) -> String {
        let mut text = format!("plan {} copies rows\n", self.digest);
        text.push_str(&format!("from     {}\n", self.source.line()));
        text.push_str(&format!(
            "into     {} · {}\n",
            self.target.line(),
            plural(self.jobs.into(), "session")
        ));
        let mut step = 0;
        let mut add = |sentence: String| {
            step += 1;
            text.push_str(&format!("{step:>3} {}\n", terminal(&sentence)));
        };
        if self.empties() {
            let of =
                if self.onto == Onto::StartOver { "what an unfinished copy left in" } else { "all rows of" };
            add(format!("take away {of} {}", plural(self.tables.len() as u64, "table")));
        }
        add(self.sentence());
        if !self.sequences.is_empty() {
            add(format!("set {} to where the source's are", plural(self.sequences.len() as u64, "sequence")));
        }
        add("collect statistics, and take away the marker of a half-copied database".to_owned());
        add("compare the copied tables with the snapshot that was copied".to_owned());
        if !self.replica_role {
            text.push_str(
                "the role may not switch off foreign keys: tables come one after the other, parents first\n",
            );
        }
        text.push_str(&self.losses());
        text.push_str(&self.left_out());
        without_commands(&text).into_owned()
    }

    fn sentence(&self) -> String {
        let names: Vec<String> =
            self.tables.iter().take(SHOWN).map(|table| table.table.to_string()).collect();
        let more = self.tables.len().saturating_sub(SHOWN) as u64;
        let more = if more > 0 { format!(" and {} more", count(more)) } else { String::new() };
        let in_text = self.tables.iter().filter(|table| table.form == CopyForm::Text).count() as u64;
        let in_text =
            if in_text > 0 { format!("; {} as text", plural(in_text, "table")) } else { String::new() };
        format!("copy the rows of {}{more}{in_text}", names.join(", "))
    }

    fn losses(&self) -> String {
        let lossy = self.tables.iter().filter(|table| !table.dropped.is_empty());
        lossy.map(TableCopy::loss).collect()
    }

    fn left_out(&self) -> String {
        let mut text = String::new();
        for left in self.left_out.iter().filter(|left| !left.children.is_empty()) {
            let children: Vec<String> = left.children.iter().map(ToString::to_string).collect();
            text.push_str(&terminal(&format!(
                "LEFT OUT {}, to which rows of {} refer: {}\n",
                left.table,
                list(&children),
                left.why.reason()
            )));
        }
        for why in [
            WhyNotCopied::NotThere,
            WhyNotCopied::Platform,
            WhyNotCopied::Foreign,
            WhyNotCopied::Extension,
            WhyNotCopied::NotChosen,
        ] {
            let of_why = |left: &&NotCopied| left.why == why && left.children.is_empty();
            let names: Vec<String> =
                self.left_out.iter().filter(of_why).map(|left| left.table.to_string()).collect();
            if names.is_empty() {
                continue;
            }
            if why == WhyNotCopied::NotChosen {
                text.push_str(&format!("left out {}: not named\n", plural(names.len() as u64, "table")));
                continue;
            }
            let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
            let more = names.len().saturating_sub(SHOWN) as u64;
            let more = if more > 0 { format!(" and {} more", count(more)) } else { String::new() };
            text.push_str(&terminal(&format!("LEFT OUT {shown}{more}: {}\n", why.reason())));
        }
        if self.large_objects > 0 {
            let objects = plural(self.large_objects, "large object");
            text.push_str(&format!("LEFT OUT {objects}: no rows of a table\n"));
        }
        text
    }
}

impl CopySide {
    fn line(&self) -> String {
        let name = self.name();
        let kind = if self.scratch { ", a scratch cluster" } else { "" };
        let line =
            format!("{name} · db {} · PostgreSQL {}{kind} · as {}", self.database, self.version, self.role);
        terminal(&line).into_owned()
    }
}

impl TableCopy {
    fn loss(&self) -> String {
        let line =
            format!("LOST     {} of {}: the target does not have it\n", list(&self.dropped), self.table);
        terminal(&line).into_owned()
    }
}

impl Copied {
    /// What was copied, what could not be, and what comparing it said.
    pub fn to_text(&self) -> String {
        let word = if self.errors.is_empty() { "COPIED  " } else { "PARTLY  " };
        let rows: u64 = self.tables.iter().map(|table| table.rows).sum();
        let target = self.plan.target.name();
        let mut text = format!(
            "{word} {} of {} into {} · took {}\n",
            plural(rows, "row"),
            plural(self.tables.len() as u64, "table"),
            terminal(target),
            seconds(self.run.elapsed_ms)
        );
        for error in &self.errors {
            text.push_str(&format!(
                "FAILED   {}\n         {}\n",
                terminal(&error.object),
                terminal(&error.message)
            ));
        }
        if !self.errors.is_empty() {
            text.push_str(
                "         the database stays marked as half copied, and does not verify\n         do: once the \
                 reason is gone, the same command with --start-over\n",
            );
        }
        text.push_str(&self.plan.losses());
        if let Some(report) = &self.report {
            text.push_str(&format!("\n{}", report.to_text(TextOptions::default())));
        }
        without_commands(&text).into_owned()
    }
}
