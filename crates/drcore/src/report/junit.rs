//! The report as `JUnit` XML: one case for every check, always.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use super::escape::terminal;
use super::view::{Card, Gap, View};
use super::{Report, Verdict};
use crate::check::{CheckResult, Outcome};
use crate::error::{Error, ErrorKind, Result};

impl Report {
    /// The report as `JUnit` XML.
    ///
    /// A failed check is a failure with all its findings. A `not_run` that
    /// keeps the verdict from `passed` is an error, since dashboards wave skipped
    /// cases through; any other `not_run` is skipped.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if the XML cannot be written.
    pub fn to_junit(&self) -> Result<String> {
        let view = View::new(self);
        let mut suite = TestSuite::new("drcore");
        for (name, value) in [("verdict", view.verdict), ("checks", &view.sums), ("findings", &view.found)] {
            suite.add_property(Property::new(name, value));
        }
        for part in view.subject.iter().chain(&view.compared).chain(&view.failures).chain(&view.notes) {
            suite.add_property(Property::new("note", part));
        }
        // Where nothing was examined and nobody asked for more, no case would be red though nothing is proved.
        let nothing_proved =
            self.verdict == Verdict::Unproven && !self.checks.iter().any(|check| check.counts);
        for check in &self.checks {
            suite.add_test_case(case(check, &view, nothing_proved));
        }
        let mut report = quick_junit::Report::new("drcore");
        report.set_time(Duration::from_millis(self.run.evidence.elapsed_ms));
        report.add_test_suite(suite);
        report
            .to_string()
            .map_err(|error| Error::new(ErrorKind::Internal, "cannot write JUnit XML").caused_by(error))
    }
}

fn case(check: &CheckResult, view: &View, nothing_proved: bool) -> TestCase {
    // As the view has it: an embedder's check may be called as it likes.
    let id = terminal(&check.id);
    let cards: Vec<&Card> = view.findings.iter().filter(|card| card.check == id).collect();
    let gap = view.gaps.iter().find(|gap| gap.check == id);
    let mut status = match check.outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Outcome::NotRun if check.counts || nothing_proved => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
        Outcome::NotRun => TestCaseStatus::skipped(),
    };
    if check.outcome == Outcome::Failed {
        status.set_type("failed");
        status.set_message(cards.first().map_or_else(String::new, |worst| headline(worst, cards.len())));
        let mut text: String = cards.iter().map(|card| finding(card)).collect();
        text.extend(gap.map(unread));
        status.set_description(text);
    } else if let Some(gap) = gap {
        status.set_type(check.reason.map_or("unreadable", crate::check::Reason::as_str));
        status.set_message(gap.why.clone());
        status.set_description(unread(gap));
    }
    let mut case = TestCase::new(id.as_ref(), status);
    case.set_classname(format!("drcore.{id}"));
    let mut out = String::new();
    if check.outcome != Outcome::Failed {
        out.extend(cards.iter().map(|card| finding(card)));
    }
    for (card, reason) in view.accepted.iter().filter(|(card, _)| card.check == id) {
        out.push_str(&format!("ACCEPTED ({reason})\n{}", finding(card)));
    }
    if !out.is_empty() {
        case.set_system_out(out);
    }
    case
}

fn headline(card: &Card, of: usize) -> String {
    let more = if of > 1 { format!(" (and {} more)", of - 1) } else { String::new() };
    format!("{} {}{more}", card.word(), card.sentence)
}

fn finding(card: &Card) -> String {
    let mut out = format!("{} {}\n", card.word(), card.sentence);
    let mut add = |text: &str| {
        for line in text.lines() {
            out.push_str(&format!("    {line}\n"));
        }
    };
    card.hint.iter().for_each(|hint| add(hint));
    for fix in &card.fixes {
        add(&match &fix.note {
            Some(note) => format!("{}: {note}", fix.label),
            None => fix.label.clone(),
        });
        fix.sql.iter().for_each(|sql| add(sql));
    }
    add(&card.id);
    out.push('\n');
    out
}

fn unread(gap: &Gap) -> String {
    let mut out = format!("{} {}: {}\n", gap.word, gap.check, gap.why);
    for unread in &gap.unread {
        out.push_str(&format!("    {unread}\n"));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::samples;

    #[test]
    fn rich() {
        insta::assert_snapshot!(samples::rich().to_junit().unwrap());
    }

    #[test]
    fn one_case_for_every_check_under_its_own_name() {
        for report in [samples::rich(), samples::hostile(), samples::unreachable()] {
            let xml = report.to_junit().unwrap();
            assert_eq!(xml.matches("<testcase ").count(), report.checks.len());
            for check in &report.checks {
                assert_eq!(xml.matches(&format!("name=\"{}\"", check.id)).count(), 1, "{}", check.id);
            }
        }
    }

    #[test]
    fn what_proves_nothing_is_never_all_green() {
        for report in [samples::unreachable(), samples::nothing_selected()] {
            let xml = report.to_junit().unwrap();
            assert!(xml.contains("<error "), "{xml}");
        }
    }

    #[test]
    fn names_stay_in_their_place() {
        let xml = samples::hostile().to_junit().unwrap();
        assert!(!xml.contains("<script"), "{xml}");
        let legal =
            |c: char| matches!(c, '\n' | '\t' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(xml.chars().all(legal), "{xml}");
        assert!(!xml.contains('\u{202e}'));
    }
}
