//! The report as text for a terminal, a log or a pipe: verdict first, worst
//! first, what to do, and sums that add up.

mod finding;
mod headline;
mod not_run;
pub(crate) mod page;
#[cfg(test)]
mod tests;

pub(super) use finding::severities;

use super::Report;
use super::tally::Group;
use crate::finding::Severity;
use crate::report::Verdict;
use crate::text::{count, plural};
use page::{Page, Tone};

/// The width of the column of commands to type next.
const NEXT: usize = 19;

/// How the text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextOptions {
    /// Columns to wrap at; none in a pipe.
    pub width: Option<usize>,
    /// Colour, by ANSI codes. Words carry the severity; colour only helps.
    pub color: bool,
    /// Every finding with the query that shows its rows, and every check.
    pub verbose: bool,
    /// The severity from which findings make the exit code 1.
    pub fail_on: Severity,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { width: Some(80), color: false, verbose: false, fail_on: Severity::Warning }
    }
}

impl Report {
    /// The report as text.
    ///
    /// Names and messages are escaped for a terminal, whoever wrote them.
    pub fn to_text(&self, options: TextOptions) -> String {
        let mut page = Page::new(options.width, options.color);
        if let Some(failure) = self.unreachable() {
            headline::nothing_read(&mut page, &self.run.evidence, failure);
            self.sums(&mut page, options, "");
            return page.finish();
        }
        headline::subject(&mut page, self);
        let mut body = Page::new(options.width, options.color);
        let complete = finding::all(&mut body, self, options.verbose);
        let column = not_run::all(&mut body, self, options.verbose);
        if options.verbose {
            self.other_checks(&mut body, column);
        }
        self.left_out(&mut body);
        self.notes(&mut body, options.verbose);
        page.section(&body, self.verdict != Verdict::Passed);
        self.sums(&mut page, options, if complete && self.accepted() == 0 { "" } else { "(-v for all)" });
        if self.verdict == Verdict::Passed {
            self.limits_of_proof(&mut page);
        }
        self.next(&mut page);
        page.finish()
    }

    /// Why nothing at all was read.
    fn unreachable(&self) -> Option<&crate::evidence::Failure> {
        let unread = self.run.evidence.server.is_none() && self.verdict == Verdict::Unproven;
        self.run.evidence.failure.as_ref().filter(|_| unread)
    }

    fn accepted(&self) -> usize {
        self.checks.iter().map(|check| check.accepted.len()).sum()
    }

    /// Two lines in which every check, and every finding, stands once.
    fn sums(&self, page: &mut Page, options: TextOptions, more: &str) {
        let mut exit = format!("exit {}", self.exit_code(options.fail_on));
        if self.exit_code(options.fail_on) != self.exit_code(Severity::Warning) {
            exit.push_str(" by --fail-on critical");
        }
        let mut parts = Vec::new();
        let findings = self.findings().len();
        if findings > 0 {
            let total = plural(findings as u64, "finding");
            parts.push(format!("{total}: {}", finding::severities(&self.findings())));
        }
        if self.accepted() > 0 {
            parts.push(format!("{} accepted", count(self.accepted() as u64)));
        }
        if parts.is_empty() {
            return page.plain(&format!("{} · {exit}", self.tally_line()));
        }
        page.plain(&self.tally_line());
        parts.push(exit);
        let more = if options.verbose || more.is_empty() { String::new() } else { format!("  {more}") };
        page.plain(&format!("{}{more}", parts.join(" · ")));
    }

    /// What a green screen does not say.
    fn limits_of_proof(&self, page: &mut Page) {
        let silent: Vec<&str> = self
            .checks
            .iter()
            .filter(|check| {
                matches!(Group::of(check), Group::NoExpectation | Group::Skipped | Group::NotSelected)
            })
            .map(|check| check.id.as_str())
            .collect();
        let mut text = String::from("does not prove ");
        if !silent.is_empty() {
            text.push_str(&format!("{} (no expectation, or left out: -v says why), nor ", silent.join(", ")));
        }
        text.push_str("what no check looks at: drcore explain CHECK");
        page.plain(&text);
    }

    /// With `-v`: every check that passed or had nothing to go on, and what is accepted.
    fn other_checks(&self, page: &mut Page, column: usize) {
        for check in &self.checks {
            let examined: Vec<String> =
                check.examined.iter().map(|(what, number)| format!("{} {what}", count(*number))).collect();
            let (label, tone) = match Group::of(check) {
                Group::Passed => ("PASSED", Tone::Good),
                Group::Failed | Group::Skipped => continue,
                _ if check.counts => continue,
                _ => ("not run", Tone::Quiet),
            };
            let text = match &check.note {
                Some(note) => format!("{}: {note}", Group::of(check).label()),
                None => examined.join(", "),
            };
            page.labelled_column(label, tone, &check.id, column, &text);
        }
        for accepted in self.checks.iter().flat_map(|check| &check.accepted) {
            page.labelled("ACCEPTED", Tone::Quiet, &accepted.finding.common().sentence());
            page.more(&accepted.reason);
            page.id(accepted.finding.id());
        }
    }

    /// What the plan leaves out, and why: as visible as what it is about.
    fn left_out(&self, page: &mut Page) {
        for check in self.checks.iter().filter(|check| Group::of(check) == Group::Skipped) {
            let reason = check.note.as_deref().unwrap_or("no reason is given");
            page.labelled("SKIPPED", Tone::Quiet, &format!("{}: {reason}", check.id));
        }
    }

    fn notes(&self, page: &mut Page, verbose: bool) {
        for note in &self.notes {
            page.labelled("NOTE", Tone::Quiet, note);
        }
        if verbose {
            for note in &self.run.evidence.notes {
                page.labelled("NOTE", Tone::Quiet, note);
            }
        }
    }

    /// What to type next.
    fn next(&self, page: &mut Page) {
        let topic = match self.verdict {
            // An embedder's own kinds have no page of ours.
            Verdict::Failed => {
                self.findings().iter().map(|finding| finding.kind()).find(|kind| *kind != "custom")
            }
            Verdict::Unproven => self.checks.iter().find(|check| check.counts).map(|check| check.id.as_str()),
            Verdict::Passed => None,
        };
        let explain = topic.map(|topic| (format!("drcore explain {topic}"), String::new()));
        let repair = match self.fixes().iter().map(|(number, ..)| *number).max().unwrap_or_default() {
            0 => None,
            1 => Some("fix 1".to_owned()),
            2 => Some("fixes 1 and 2".to_owned()),
            many => Some(format!("fixes 1 to {many}")),
        };
        let repair = repair
            .map(|fixes| ("drcore repair".to_owned(), format!("{fixes} to review, with the same arguments")));
        let lost = ["fewer_rows", "emptied_table", "stale_data"];
        let gap =
            self.findings().iter().any(|finding| lost.contains(&finding.kind())).then(|| {
                ("drcore gap".to_owned(), "what was lost and whose: ask the old database".to_owned())
            });
        for (at, (command, what)) in repair.into_iter().chain(gap).chain(explain).enumerate() {
            let label = if at == 0 { "next" } else { "" };
            page.labelled_column(label, Tone::Plain, &command, NEXT, &what);
        }
    }
}
