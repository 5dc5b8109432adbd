//! What all documents made of a report say, in the same words: put together once.
//!
//! Every text in here went through [`terminal`], so that a name from a database
//! cannot break out of its line; each renderer adds the escapes of its own syntax.

use std::collections::BTreeMap;

use super::escape::{terminal, terminal_lines};
use super::text::severities;
use super::{Report, Verdict};
use crate::check::{CheckResult, Outcome, Reason, Unread};
use crate::checks;
use crate::evidence::Run;
use crate::finding::{Finding, Severity};
use crate::remedy::Remedy;
use crate::text::{count, instant, plural, seconds};

/// Longer texts are cut, and say so.
const LONGEST_TEXT: usize = 1_000;
/// The same for lines in lists.
const LONGEST_LINE: usize = 300;
/// Longer statements are left out whole, and say so: half a statement must not be run.
const LONGEST_SQL: usize = 8_000;
/// How many unread objects of one check are named.
const MOST_UNREAD: usize = 50;

/// A report, put into words.
pub(super) struct View {
    /// `FAILED`, `PASSED` or `UNPROVEN`.
    pub(super) verdict: &'static str,
    /// What the verdict means, in one sentence without a full stop.
    pub(super) sentence: String,
    /// Which database, and how much of it was read.
    pub(super) subject: Vec<String>,
    /// When it was read, and what it was compared with.
    pub(super) compared: Vec<String>,
    /// Why a run as a whole failed, and what to do.
    pub(super) failures: Vec<String>,
    /// What is wrong, worst first.
    pub(super) findings: Vec<Card>,
    /// What could not be found out; what counts goes first.
    pub(super) gaps: Vec<Gap>,
    /// What is wrong and accepted, with the reason.
    pub(super) accepted: Vec<(Card, String)>,
    /// Every check.
    pub(super) checks: Vec<Row>,
    /// What a reader should know that is no finding.
    pub(super) notes: Vec<String>,
    /// `22 checks: 4 failed · 2 could not run · …`, which adds up.
    pub(super) sums: String,
    /// `4 findings: 3 critical, 1 warning · 1 accepted`.
    pub(super) found: String,
}

/// One finding.
pub(super) struct Card {
    /// Its place, from 1.
    pub(super) number: usize,
    pub(super) severity: Severity,
    pub(super) check: String,
    pub(super) id: String,
    pub(super) object: String,
    pub(super) message: String,
    /// The message, naming the object.
    pub(super) sentence: String,
    /// The consequence, or advice.
    pub(super) hint: Option<String>,
    /// Read-only SQL that shows it.
    pub(super) query: Option<String>,
    /// What puts it right: one fix, or several to choose from.
    pub(super) fixes: Vec<Fix>,
}

/// One way to put a finding right.
pub(super) struct Fix {
    /// `fix 1 [safe]`, or `choose delete [destroys rows]`.
    pub(super) label: String,
    pub(super) note: Option<String>,
    /// Statements in one transaction; none where only other data can help.
    pub(super) sql: Option<String>,
}

/// A check that could not find out all that it should.
pub(super) struct Gap {
    pub(super) check: String,
    /// `NOT RUN`, or `PART READ` of a check that failed on what it did read.
    pub(super) word: &'static str,
    pub(super) why: String,
    /// Whether it keeps the verdict from being `passed`.
    pub(super) counts: bool,
    /// What could not be read, and why.
    pub(super) unread: Vec<String>,
}

/// One line of the table of all checks.
pub(super) struct Row {
    pub(super) check: String,
    pub(super) result: &'static str,
    /// What was looked at, or why nothing was.
    pub(super) detail: String,
}

impl Card {
    /// `CRITICAL`, `WARNING` or `INFO`.
    pub(super) fn word(&self) -> &'static str {
        word(self.severity)
    }

    fn new(number: usize, check: &CheckResult, finding: &Finding, fix_number: Option<usize>) -> Self {
        let common = finding.common();
        Self {
            number,
            severity: common.severity,
            check: visible(&check.id),
            id: line(&common.id),
            object: line(&common.object),
            message: clip(&visible(&common.message)),
            sentence: clip(&visible(&common.sentence())),
            hint: common.hint.clone().or_else(|| meaning(finding)).map(|text| clip(&visible(&text))),
            query: common.query.as_deref().map(sql),
            fixes: common.remedy.as_ref().map(|remedy| fixes(remedy, fix_number)).unwrap_or_default(),
        }
    }
}

impl View {
    pub(super) fn new(report: &Report) -> Self {
        let numbers: BTreeMap<&str, usize> =
            report.fixes().into_iter().map(|(number, finding, _)| (finding.id(), number)).collect();
        let mut findings: Vec<(&CheckResult, &Finding)> = report
            .checks
            .iter()
            .flat_map(|check| check.findings.iter().map(move |finding| (check, finding)))
            .collect();
        // In the order of `Report::findings`: the number of a finding is the same everywhere.
        findings.sort_by_key(|(_, finding)| std::cmp::Reverse(finding.severity()));
        let findings: Vec<Card> = findings
            .into_iter()
            .zip(1..)
            .map(|((check, finding), number)| {
                Card::new(number, check, finding, numbers.get(finding.id()).copied())
            })
            .collect();
        let mut gaps: Vec<Gap> = report.checks.iter().filter_map(Gap::of).collect();
        gaps.sort_by_key(|gap| !gap.counts);
        let accepted: Vec<(Card, String)> = report
            .checks
            .iter()
            .flat_map(|check| check.accepted.iter().map(move |accepted| (check, accepted)))
            .map(|(check, accepted)| {
                // What is accepted needs no fix, and so has no number.
                let card = Card { fixes: Vec::new(), ..Card::new(0, check, &accepted.finding, None) };
                (card, line(&accepted.reason))
            })
            .collect();
        let run = &report.run;
        let mut failures = Vec::new();
        failures.extend(failure(&run.evidence, ""));
        failures.extend(run.baseline.as_ref().and_then(|run| failure(run, "the baseline: ")));
        let own = report.notes.iter().chain(&run.evidence.notes).map(String::as_str);
        let notes = own.chain(run.evidence.standby_warning()).map(line).chain(
            run.baseline.iter().flat_map(|run| &run.notes).map(|note| line(&format!("the baseline: {note}"))),
        );
        Self {
            verdict: verdict(report.verdict),
            sentence: sentence(report),
            subject: subject(report),
            compared: compared(report),
            failures,
            found: found(report, accepted.len()),
            findings,
            gaps,
            accepted,
            checks: report.checks.iter().map(Row::new).collect(),
            notes: notes.collect(),
            sums: report.tally_line(),
        }
    }
}

impl Gap {
    fn of(check: &CheckResult) -> Option<Self> {
        let (word, why) = match check.outcome {
            Outcome::Passed => return None,
            Outcome::Failed if check.unread.is_empty() => return None,
            Outcome::Failed => {
                ("PART READ", format!("could not read {}", plural(check.unread.len() as u64, "object")))
            }
            Outcome::NotRun => ("NOT RUN", why(check)),
        };
        let counts = check.counts || check.outcome == Outcome::Failed;
        let mut unread: Vec<String> = check.unread.iter().take(MOST_UNREAD).map(unread).collect();
        if let ([one], None) = (unread.as_slice(), &check.note) {
            return Some(Self {
                check: visible(&check.id),
                word,
                why: one.clone(),
                counts,
                unread: Vec::new(),
            });
        }
        if check.unread.len() > MOST_UNREAD {
            let more = check.unread.len() - MOST_UNREAD;
            unread.push(format!("+ {} more, in the JSON report", count(more as u64)));
        }
        Some(Self { check: visible(&check.id), word, why, counts, unread })
    }
}

impl Row {
    fn new(check: &CheckResult) -> Self {
        let examined: Vec<String> =
            check.examined.iter().map(|(what, number)| format!("{} {what}", count(*number))).collect();
        let (result, detail) = match check.outcome {
            Outcome::Failed => ("FAILED", examined.join(", ")),
            Outcome::Passed => ("passed", examined.join(", ")),
            Outcome::NotRun => (if check.counts { "NOT RUN" } else { "not run" }, why(check)),
        };
        Self { check: visible(&check.id), result, detail: line(&detail) }
    }
}

/// `CRITICAL`, `WARNING` or `INFO`.
fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "CRITICAL",
        Severity::Info => "INFO",
        Severity::Warning => "WARNING",
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Failed => "FAILED",
        Verdict::Passed => "PASSED",
        Verdict::Unproven => "UNPROVEN",
    }
}

fn sentence(report: &Report) -> String {
    let checks = |outcome| report.checks.iter().filter(|check| check.outcome == outcome).count();
    match report.verdict {
        Verdict::Failed => format!(
            "{} of {} found damage",
            count(checks(Outcome::Failed) as u64),
            plural(report.checks.len() as u64, "check")
        ),
        Verdict::Unproven if checks(Outcome::Passed) == 0 => "nothing was proved".to_owned(),
        Verdict::Unproven => "what was read is well, and not everything could be read".to_owned(),
        Verdict::Passed => "every check that had something to go on passed".to_owned(),
    }
}

fn subject(report: &Report) -> Vec<String> {
    let run = &report.run.evidence;
    let mut subject = Vec::new();
    subject.extend(run.project.as_deref().map(|project| format!("project {}", line(project))));
    subject.extend(run.server.as_ref().map(|server| format!("db {}", line(&server.database))));
    subject.extend(run.host.as_deref().map(line));
    subject.extend(run.standby_sentence());
    let mut examined = Vec::new();
    for (what, noun) in [("tables", "table"), ("rows", "row")] {
        examined.extend(report.examined.get(what).map(|number| plural(*number, noun)));
    }
    subject.push(if examined.is_empty() { "no table was counted".to_owned() } else { examined.join(", ") });
    subject
}

fn compared(report: &Report) -> Vec<String> {
    let run = &report.run.evidence;
    let mut compared = vec![format!("read at {} in {}", instant(run.taken_at), seconds(run.elapsed_ms))];
    let with = report.compared_with();
    compared.push(with.map_or("without a baseline".to_owned(), |with| line(&format!("against {with}"))));
    compared.extend(report.run.plan.as_deref().map(|plan| format!("plan {}", line(plan))));
    compared
}

fn failure(run: &Run, whose: &str) -> Option<String> {
    let failure = run.failure.as_ref()?;
    let hint = failure.hint.as_ref().map_or_else(String::new, |hint| format!(". {hint}"));
    Some(clip(&visible(&format!("{whose}{}{hint}", failure.message))))
}

/// What could not be read, why, and what would make it readable.
fn unread(unread: &Unread) -> String {
    let hint = unread.cause.hint.as_ref().map_or_else(String::new, |hint| format!(". {hint}"));
    line(&format!("{}: {}{hint}", unread.object, unread.cause.message))
}

/// Why a check is `not_run`, in one line.
fn why(check: &CheckResult) -> String {
    let why = match (&check.note, check.unread.as_slice()) {
        (Some(note), _) => note.clone(),
        (None, []) => check.reason.map_or("it did not say why", reason_words).to_owned(),
        (None, [one]) => unread(one),
        (None, several) => format!("could not read {}", plural(several.len() as u64, "object")),
    };
    line(&why)
}

fn reason_words(reason: Reason) -> &'static str {
    match reason {
        Reason::Assumed => "an input was guessed, and nothing was found under the guess",
        Reason::NoExpectation => "nothing says what to expect",
        Reason::NotApplicable => "there is no such object",
        Reason::NotSelected => "left out by --only",
        Reason::Skipped => "left out by the plan",
        Reason::Unreadable => "something that it needs could not be read",
    }
}

fn found(report: &Report, accepted: usize) -> String {
    let findings = report.findings();
    let mut found = if findings.is_empty() {
        "no findings".to_owned()
    } else {
        format!("{}: {}", plural(findings.len() as u64, "finding"), severities(&findings))
    };
    if accepted > 0 {
        found.push_str(&format!(" · {} accepted", count(accepted as u64)));
    }
    found
}

/// What the kind of finding means for people, where the finding itself does not say.
fn meaning(finding: &Finding) -> Option<String> {
    let check = checks::by_id(&finding.common().check)?;
    let doc = check.kinds.iter().find(|doc| doc.kind == finding.kind())?;
    let mut chars = doc.meaning.chars();
    let first = chars.next()?;
    Some(format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

fn fixes(remedy: &Remedy, number: Option<usize>) -> Vec<Fix> {
    match remedy {
        Remedy::Sql(fix) => {
            vec![Fix {
                label: format!("fix {} [{}]", number.unwrap_or_default(), fix.class.label()),
                note: fix.note.as_deref().map(|note| clip(&visible(note))),
                sql: statements(&fix.statements),
            }]
        }
        Remedy::Choose(choose) => choose
            .choices
            .iter()
            .map(|choice| Fix {
                label: format!("choose {} [{}]", visible(&choice.name), choice.class.label()),
                note: Some(clip(&visible(&choice.summary))),
                sql: statements(&choice.statements),
            })
            .collect(),
    }
}

fn statements(statements: &[String]) -> Option<String> {
    if statements.is_empty() {
        return None;
    }
    let mut all: String =
        statements.iter().map(|one| format!("{};\n", one.trim_end().trim_end_matches(';'))).collect();
    all.pop();
    Some(sql(&all))
}

fn sql(text: &str) -> String {
    let text = terminal_lines(text.trim_end()).into_owned();
    let length = text.chars().count();
    if length > LONGEST_SQL {
        format!("-- {} characters: see the JSON report", count(length as u64))
    } else {
        text
    }
}

/// One line without characters that steer, reorder or hide.
fn visible(text: &str) -> String {
    terminal(text).into_owned()
}

/// Cuts a text that is too long, and says so.
fn clip(text: &str) -> String {
    cut(text, LONGEST_TEXT)
}

/// The same for one line of a list.
fn line(text: &str) -> String {
    cut(&visible(text), LONGEST_LINE)
}

fn cut(text: &str, longest: usize) -> String {
    let length = text.chars().count();
    if length <= longest {
        return text.to_owned();
    }
    let kept: String = text.chars().take(longest).collect();
    format!("{kept}… ({} more characters)", count((length - longest) as u64))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn fixes_have_the_numbers_of_the_report() {
        let report = samples::rich();
        let numbered: Vec<String> = report
            .fixes()
            .into_iter()
            .map(|(number, finding, fix)| format!("{} fix {number} [{}]", finding.id(), fix.class.label()))
            .collect();
        let view = View::new(&report);
        let shown: Vec<String> = view
            .findings
            .iter()
            .flat_map(|card| card.fixes.iter().map(move |fix| format!("{} {}", card.id, fix.label)))
            .filter(|text| !text.contains("choose"))
            .collect();
        assert_eq!(shown, numbered);
        assert_eq!(numbered.len(), 2);
    }

    #[test]
    fn findings_are_in_the_order_of_the_report() {
        let report = samples::rich();
        let ids: Vec<&str> = report.findings().into_iter().map(Finding::id).collect();
        let view = View::new(&report);
        assert_eq!(view.findings.iter().map(|card| card.id.as_str()).collect::<Vec<_>>(), ids);
    }

    #[test]
    fn what_a_failed_check_could_not_read_stays_listed() {
        let view = View::new(&samples::rich());
        let part: Vec<&str> =
            view.gaps.iter().filter(|gap| gap.word == "PART READ").map(|gap| gap.check.as_str()).collect();
        assert_eq!(part, ["orphan_fks"]);
    }

    #[test]
    fn a_statement_is_shown_whole_or_not_at_all() {
        assert_eq!(sql("select 1\n"), "select 1");
        assert!(sql(&"x".repeat(LONGEST_SQL + 1)).starts_with("-- 8,001 characters"));
        assert!(line(&"x".repeat(400)).ends_with("… (100 more characters)"));
    }
}
