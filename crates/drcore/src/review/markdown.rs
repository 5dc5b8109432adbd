//! The document.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Review;
use crate::report::markdown::{code, text};
use crate::report::without_commands;
use crate::text::{age, count, instant, plural, seconds};

/// How many of anything are named: tenants, statements.
const NAMED: usize = 30;
/// What stands where a person must write. Nothing else in the document is set so.
const TO_WRITE: &str = "**TO WRITE:**";

impl Review {
    /// The review as Markdown: summary, timeline, impact, cause, actions, what was verified, what is left to do, lessons and
    /// prevention. What records know is filled in; every other place says `TO WRITE`.
    pub fn to_markdown(&self) -> String {
        let mut parts = vec![self.summary(), self.timeline(), self.impact()];
        if !self.is_of_drills() {
            parts.push(section(
                "Root cause",
                &[
                    to_write(
                        "what failed, and why it could: the technical chain, down to what can be changed",
                    ),
                    to_write("why it was not noticed or stopped before"),
                ],
            ));
        }
        parts.extend([self.actions(), self.verified()]);
        parts.extend(self.left());
        parts.extend([self.lessons(), self.prevention()]);
        let body = parts.concat();
        let places = body.matches(TO_WRITE).count() as u64;
        let title = if self.is_of_drills() { "Review of a drill" } else { "Post-incident review" };
        let head = format!(
            "# {title}\n\nWhat records of drcore know is filled in. What only people know is marked, in {}. \
             Blame has no place here: it asks what made it possible, not who did it.\n",
            plural(places, "place")
        );
        without_commands(&(head + &body)).into_owned()
    }

    fn summary(&self) -> String {
        let mut lines = if self.is_of_drills() {
            vec![to_write("what was rehearsed and why, in a sentence")]
        } else {
            vec![
                to_write("name or number of the incident, and its severity"),
                to_write("what happened and what it meant for users, in two or three sentences"),
            ]
        };
        for rehearsal in &self.rehearsals {
            let verdict = rehearsal.verdict.as_str().to_uppercase();
            lines.push(format!(
                "The drill on {} **{verdict}** (RTO {}).",
                code(&rehearsal.backup.name),
                seconds(rehearsal.run.rto_ms)
            ));
        }
        for restored in &self.restored {
            let failed = restored.failures().count() as u64 + restored.missing_rows.len() as u64;
            let came = match failed {
                0 => "everything in it came back".to_owned(),
                _ => format!("**{} did not come back**", plural(failed, "thing")),
            };
            lines.push(format!(
                "{} was restored into {}: {came}.",
                code(&restored.plan.archive.file.display().to_string()),
                code(&restored.plan.target.project)
            ));
        }
        match self.reports().last() {
            Some((_, report)) => lines.push(format!(
                "The newest state that was verified is of {}: **{}**.",
                instant(report.run.evidence.taken_at),
                report.verdict.as_str().to_uppercase()
            )),
            None => lines.push("**Nothing was verified**, as far as these records know.".to_owned()),
        }
        section("Summary", &lines)
    }

    fn timeline(&self) -> String {
        let mut rows = String::from("\n## Timeline\n\n| UTC | what | from |\n| --- | --- | --- |\n");
        let mut by_hand = |what: &str| rows.push_str(&format!("| {TO_WRITE} when | {what} | |\n"));
        if self.is_of_drills() {
            by_hand("the drill was announced, and to whom");
        } else {
            by_hand("it began");
            by_hand("it was noticed, and by what: an alert, a user");
            by_hand("who was told, and who took over");
            by_hand("it was decided to restore");
        }
        for event in self.events() {
            rows.push_str(&format!("| {} | {} | {} |\n", instant(event.at), text(&event.what), event.from));
        }
        if !self.is_of_drills() {
            rows.push_str(&format!("| {TO_WRITE} when | users could work again, and were told | |\n"));
        }
        rows
    }

    fn impact(&self) -> String {
        let mut out = String::from("\n## Impact\n\n");
        if self.is_of_drills() {
            out.push_str("None: it was a rehearsal. In earnest it would have cost at least what follows.\n");
        } else {
            out.push_str(&format!(
                "{}\n\n{}\n",
                to_write("which clients were affected, how many users, from when until when"),
                to_write("what they could not do, and what they were told")
            ));
        }
        out.push_str("\n### Objectives\n\n| | observed | objective | met |\n| --- | --- | --- | --- |\n");
        let span = |ms: u64| age(Duration::from_millis(ms));
        for rehearsal in &self.rehearsals {
            for (name, observed) in [("rto", Some(rehearsal.run.rto_ms)), ("rpo", rehearsal.run.rpo_ms)] {
                let outcome = rehearsal.objectives.iter().find(|outcome| outcome.objective == name);
                let wanted = outcome.map_or_else(|| "none in the plan".to_owned(), |of| span(of.wanted_ms));
                let met = outcome.map_or("", |of| if of.met { "yes" } else { "**no**" });
                let observed = observed.map_or_else(|| "not known".to_owned(), span);
                out.push_str(&format!(
                    "| {}, drill | {observed} | {wanted} | {met} |\n",
                    name.to_uppercase()
                ));
            }
        }
        for (until_verified, behind) in self.times() {
            let write = format!("{TO_WRITE} the objective | {TO_WRITE} |");
            out.push_str(&format!(
                "| RTO, restoring and verifying alone | {} | {write}\n",
                seconds(until_verified)
            ));
            let behind = behind.map_or_else(|| "not known: no baseline".to_owned(), age);
            out.push_str(&format!("| RPO, from the backup until the restore began | {behind} | {write}\n"));
        }
        if !self.is_of_drills() {
            out.push_str(&format!(
                "| RTO, from the beginning until users could work | {TO_WRITE} | {TO_WRITE} | {TO_WRITE} |\n"
            ));
        }
        if self.rehearsals.is_empty() {
            return out + &self.lost();
        }
        out.push_str("\nWhat a drill measures begins with the fetching: noticing, deciding and switching over come on top.\n");
        out + &self.lost()
    }

    /// What was lost, by table and tenant.
    fn lost(&self) -> String {
        if self.is_of_drills() {
            return String::new();
        }
        let mut out = String::from("\n### What was lost\n\n");
        if self.gaps.is_empty() {
            return out
                + &to_write(
                    "what was written between the backup and the incident, and for whom: `drcore gap` counts it",
                )
                + "\n";
        }
        for gap in &self.gaps {
            let unproven = if gap.exit_code() == 0 { "" } else { ", **and not all could be counted**" };
            let columns = gap.tables.iter().filter(|table| table.rows > 0).count() as u64;
            out.push_str(&format!(
                "{} of {} were created after {}{unproven}.\n\n",
                plural(gap.rows, "row"),
                plural(columns, "table"),
                instant(gap.since)
            ));
            out.extend(gap.notes.iter().map(|note| format!("> {}\n\n", text(note))));
            out.push_str("| table | rows | tenants |\n| --- | --- | --- |\n");
            for table in gap.tables.iter().filter(|table| table.rows > 0) {
                let tenants =
                    if table.by_tenant { count(table.tenants_total) } else { "not by tenant".to_owned() };
                out.push_str(&format!(
                    "| {} | {} | {tenants} |\n",
                    text(&table.table.to_string()),
                    count(table.rows)
                ));
            }
            let mut tenants: BTreeMap<&str, u64> = BTreeMap::new();
            for row in gap.tables.iter().flat_map(|table| &table.tenants) {
                *tenants.entry(row.tenant.as_deref().unwrap_or("no tenant")).or_default() += row.rows;
            }
            let mut tenants: Vec<(&str, u64)> = tenants.into_iter().collect();
            tenants.sort_by_key(|(tenant, rows)| (std::cmp::Reverse(*rows), *tenant));
            if !tenants.is_empty() {
                out.push_str("\n| tenant | rows |\n| --- | --- |\n");
            }
            for (tenant, rows) in tenants.iter().take(NAMED) {
                out.push_str(&format!("| {} | {} |\n", text(tenant), count(*rows)));
            }
            if let Some(more) = tenants.len().checked_sub(NAMED).filter(|more| *more > 0) {
                out.push_str(&format!("\n{} in the JSON of the gap.\n", plural(more as u64, "more tenant")));
            }
            let uncovered: Vec<String> =
                gap.not_covered.iter().map(|table| text(&table.table.to_string())).collect();
            if !uncovered.is_empty() {
                out.push_str(&format!("\nNothing says when rows were created: {}.\n", uncovered.join(", ")));
            }
            let unread: Vec<String> = gap.unread.iter().map(|unread| text(&unread.object)).collect();
            if !unread.is_empty() {
                out.push_str(&format!("\n**Could not be read**: {}.\n", unread.join(", ")));
            }
        }
        out + "\n" + &to_write("what of it was brought back, and how") + "\n"
    }

    fn actions(&self) -> String {
        let mut out = String::from("\n## Actions taken\n\n");
        out.push_str(&to_write(
            "what people did, step by step, with times: writing paths closed, deployments, keys rotated",
        ));
        out.push('\n');
        let plans = self.restored.iter().map(|restored| &restored.plan);
        for plan in plans.chain(self.rehearsals.iter().map(|rehearsal| &rehearsal.restored.plan)) {
            out.push_str(&format!(
                "\nRestored {} into {}, plan {}:\n\n",
                code(&plan.archive.file.display().to_string()),
                code(&plan.target.project),
                code(&plan.digest)
            ));
            out.extend(plan.steps.iter().map(|step| format!("1. {}\n", text(&step.sentence()))));
            let left_out: u64 = plan.left_out.iter().map(|omitted| omitted.count).sum();
            if left_out > 0 {
                out.push_str(&format!("\nLeft out by the plan: {}.\n", plural(left_out, "object")));
            }
        }
        for (from, writes) in self.writes() {
            if writes.is_empty() {
                continue;
            }
            out.push_str(&format!("\nWritten by {from}, {}:\n\n", plural(writes.len() as u64, "statement")));
            for write in writes.iter().take(NAMED) {
                let sql = write.statement.split_whitespace().collect::<Vec<_>>().join(" ");
                out.push_str(&format!("1. {} {}\n", instant(write.at), code(&sql)));
            }
            if let Some(more) = writes.len().checked_sub(NAMED).filter(|more| *more > 0) {
                out.push_str(&format!("\n{} in the JSON.\n", plural(more as u64, "more statement")));
            }
        }
        out
    }

    fn verified(&self) -> String {
        let mut out = String::from("\n## What was verified\n");
        let reports = self.reports();
        if reports.is_empty() {
            out.push_str(
                "\n**Nothing**, as far as these records know: `drcore verify` tells what is so now.\n",
            );
        }
        for (from, report) in reports.iter().rev() {
            out.push_str(&format!("\n### By {from}, {}\n\n", instant(report.run.evidence.taken_at)));
            out.push_str(&report.outline());
        }
        if !self.is_of_drills() {
            out.push('\n');
            out.push_str(&to_write(
                "what people tried: signing in, a request to the API, a file up and down, error rates",
            ));
            out.push('\n');
        }
        out
    }

    /// What the restore leaves to people.
    fn left(&self) -> Option<String> {
        let lists: Vec<String> = self
            .restored
            .iter()
            .filter(|restored| !restored.cut_over.steps.is_empty())
            .map(|restored| restored.cut_over.to_markdown().replace("## ", "### "))
            .collect();
        (!lists.is_empty()).then(|| {
            format!("\n## Left to do by the restore\n\nTick off what was done.\n\n{}", lists.join("\n"))
        })
    }

    fn lessons(&self) -> String {
        let mut out = format!(
            "\n## What went well\n\n{}\n\n## What went wrong\n\n",
            to_write("which tools, pages and decisions helped")
        );
        let troubles = self.troubles();
        for trouble in troubles.iter().take(NAMED) {
            out.push_str(&format!("- {}\n", text(trouble)));
        }
        if let Some(more) = troubles.len().checked_sub(NAMED).filter(|more| *more > 0) {
            out.push_str(&format!("- {} in the records\n", plural(more as u64, "more thing")));
        }
        if troubles.is_empty() {
            out.push_str("Records know of nothing. ");
        } else {
            out.push('\n');
        }
        out + &to_write("what was missing, slow or misleading: tools, access, documents, people") + "\n"
    }

    fn prevention(&self) -> String {
        let mut out = String::from("\n## Prevention\n\n");
        for what in [
            "what would have kept it from happening",
            "what would have shown it earlier",
            "what would have made it shorter",
        ] {
            out.push_str(&format!("- [ ] {} (ticket, owner, by when)\n", to_write(what)));
        }
        out.push_str("\n## Recovery plan\n\n");
        out.push_str(&format!(
            "- [ ] {}\n",
            to_write("which pages of the plan were wrong or missing, and were changed")
        ));
        if !self.is_of_drills() {
            out.push_str(&format!("- [ ] {}\n", to_write("when the next drill tries what failed this time")));
        }
        out + "\n" + &to_write("written by, read by, date") + "\n"
    }
}

fn to_write(what: &str) -> String {
    format!("{TO_WRITE} {what}")
}

fn section(title: &str, paragraphs: &[String]) -> String {
    format!("\n## {title}\n\n{}\n", paragraphs.join("\n\n"))
}
