//! What a check is, and how its status follows from what it found and could not read.
//!
//! A [`Check`] is one static value: an id, its page of documentation, what it
//! wants to know ([`Check::wanted`]) and a pure function of what is known
//! ([`Check::judge`]). Checks do no I/O and read no clock.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::collect::Wants;
use crate::evidence::{Cause, Evidence};
use crate::finding::{Finding, Severity};
use crate::plan::Plan;

/// What a check may look at.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Context<'a> {
    /// What must hold.
    pub plan: &'a Plan,
    /// The database as it is.
    pub now: &'a Evidence,
    /// The baseline, or the source, that it is compared with.
    pub then: Option<&'a Evidence>,
    /// The checks that run; all where empty.
    only: &'a [String],
}

impl<'a> Context<'a> {
    /// A context of these three.
    pub fn new(plan: &'a Plan, now: &'a Evidence, then: Option<&'a Evidence>) -> Self {
        Self { plan, now, then, only: &[] }
    }

    /// The same where only these checks run, or all where there is none.
    #[must_use]
    pub fn only(self, only: &'a [String]) -> Self {
        Self { only, ..self }
    }

    /// Whether the check runs too. What two checks see, one of them tells: the other, where that one does not run.
    pub fn runs(&self, check: &str) -> bool {
        let selected = self.only.is_empty() || self.only.iter().any(|id| id == check);
        selected && self.plan.skipped(check).is_none()
    }
}

/// One check: a value in [`checks::ALL`](crate::checks::ALL).
#[derive(Debug)]
pub struct Check {
    /// The id, which is public API: file, page and damage script have the same name.
    pub id: &'static str,
    /// What it proves, in one line.
    pub summary: &'static str,
    /// Its page: what it proves, what it cannot prove, when it fails, an example plan.
    pub docs: &'static str,
    /// The kinds of finding that it can report, each with the consequence in one sentence.
    pub kinds: &'static [KindDoc],
    /// Adds what it wants to know, given what is known so far.
    pub wanted: fn(Context<'_>, &mut Wants),
    /// Judges what is known.
    pub judge: fn(Context<'_>) -> Judgement,
}

/// One kind of finding, for `drcore explain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindDoc {
    /// The tag, such as `orphaned_rows`.
    pub kind: &'static str,
    /// What it means for the people who use the database.
    pub meaning: &'static str,
}

/// Something that was wanted and could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Unread")]
#[non_exhaustive]
pub struct Unread {
    /// What it is, as a user would type it.
    pub object: String,
    /// Why it could not be read.
    pub cause: Cause,
}

impl Unread {
    /// `object` could not be read because of `cause`.
    pub fn new(object: impl Into<String>, cause: Cause) -> Self {
        Self { object: object.into(), cause }
    }
}

/// Why a check that found nothing cannot say `passed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "Reason")]
#[non_exhaustive]
pub enum Reason {
    /// An input was guessed, and nothing was found under the guess.
    Assumed,
    /// Neither plan nor baseline says what to expect.
    NoExpectation,
    /// Proved: neither now, nor in the baseline, nor in the plan is there such an object.
    NotApplicable,
    /// Left out by `--only`.
    NotSelected,
    /// Left out by `[[skip]]` in the plan.
    Skipped,
    /// Something that was needed could not be read.
    Unreadable,
}

impl Reason {
    /// The snake-case name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Assumed => "assumed",
            Self::NoExpectation => "no_expectation",
            Self::NotApplicable => "not_applicable",
            Self::NotSelected => "not_selected",
            Self::Skipped => "skipped",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What a check says.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Judgement {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// How much was looked at, by plural noun: `tables`, `rows`, `policies`.
    pub examined: BTreeMap<String, u64>,
    /// Why finding nothing proves nothing, where that is so.
    pub absence: Option<Absence>,
    /// What a reader should know of what was proved, where it is less than it looks like: of a sample, how certain.
    pub remark: Option<String>,
}

/// Why finding nothing proves nothing, and what would settle it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Absence {
    /// The typed reason.
    pub reason: Reason,
    /// One line that says what is missing and what settles it.
    pub note: String,
}

impl Judgement {
    /// Nothing to go on: neither plan nor baseline says what to expect.
    pub fn no_expectation(note: impl Into<String>) -> Self {
        Self::default().absent(Reason::NoExpectation, note)
    }

    /// Proved that there is no such object, now, then or in the plan.
    pub fn not_applicable(note: impl Into<String>) -> Self {
        Self::default().absent(Reason::NotApplicable, note)
    }

    /// One object could not be read, and nothing else is known.
    pub fn unreadable(unread: Unread) -> Self {
        Self { unread: vec![unread], ..Self::default() }
    }

    /// States why finding nothing proves nothing.
    #[must_use]
    pub fn absent(mut self, reason: Reason, note: impl Into<String>) -> Self {
        self.absence = Some(Absence { reason, note: note.into() });
        self
    }

    /// Adds a finding.
    pub fn find(&mut self, finding: impl Into<Finding>) {
        self.findings.push(finding.into());
    }

    /// Adds something that could not be read.
    pub fn could_not_read(&mut self, object: impl Into<String>, cause: Cause) {
        self.unread.push(Unread::new(object, cause));
    }

    /// Adds what a reader should know of what was proved.
    pub(crate) fn remark(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.remark = Some(match self.remark.take() {
            Some(before) => format!("{before}; {text}"),
            None => text,
        });
    }

    /// Counts what was looked at.
    pub fn examine(&mut self, what: &str, count: u64) {
        if count > 0 {
            *self.examined.entry(what.to_owned()).or_default() += count;
        }
    }

    /// Adds the other judgement's findings, unread objects and counts; its absence, where this has none.
    pub fn extend(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.unread.extend(other.unread);
        for (what, count) in other.examined {
            *self.examined.entry(what).or_default() += count;
        }
        self.absence = self.absence.take().or(other.absence);
        self.remark = self.remark.take().or(other.remark);
    }
}

/// The status of a check, derived in the same way for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "Outcome")]
pub enum Outcome {
    /// At least one finding of `warning` or `critical` that is not accepted.
    Failed,
    /// Could not find out, or had nothing to go on: see the reason.
    NotRun,
    /// Looked at everything that it should, and found nothing.
    Passed,
}

/// What one check came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "CheckResult")]
#[non_exhaustive]
pub struct CheckResult {
    /// The check's id.
    pub id: String,
    /// Its status.
    pub outcome: Outcome,
    /// Why it is `not_run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What is missing and what would settle it; where it passed, what it proves less than it looks like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether a `not_run` makes the verdict `unproven`.
    pub counts: bool,
    /// How much was looked at, by plural noun.
    pub examined: BTreeMap<String, u64>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// What is wrong, worst first.
    pub findings: Vec<Finding>,
    /// What is wrong and accepted in the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Accepted>,
}

/// A finding that the plan accepts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Accepted")]
#[non_exhaustive]
pub struct Accepted {
    /// The finding.
    pub finding: Finding,
    /// Why it is accepted.
    pub reason: String,
}

impl Accepted {
    pub(crate) fn new(finding: Finding, reason: &str) -> Self {
        Self { finding, reason: reason.to_owned() }
    }
}

impl CheckResult {
    /// Derives the status: the one place where it is decided.
    ///
    /// `named` says that a section of the plan names the check, so that having
    /// nothing to go on counts.
    pub(crate) fn derive(id: &str, judgement: Judgement, accepted: Vec<Accepted>, named: bool) -> Self {
        let Judgement { mut findings, mut unread, examined, absence, remark } = judgement;
        findings.sort_by(|a, b| b.severity().cmp(&a.severity()).then_with(|| a.id().cmp(b.id())));
        unread.sort();
        unread.dedup();
        let failed = findings.iter().any(|finding| finding.severity() > Severity::Info);
        let (outcome, reason, note) = if failed {
            // Findings settle that it failed; that finding no more rests on a guess is still so.
            let guessed = absence.filter(|absence| absence.reason == Reason::Assumed);
            (Outcome::Failed, None, guessed.map(|absence| absence.note))
        } else if !unread.is_empty() {
            (Outcome::NotRun, Some(Reason::Unreadable), None)
        } else if let Some(absence) = absence {
            (Outcome::NotRun, Some(absence.reason), Some(absence.note))
        } else if examined.values().sum::<u64>() == 0 {
            let note = "nothing was examined, and the check did not say why".to_owned();
            (Outcome::NotRun, Some(Reason::Unreadable), Some(note))
        } else {
            (Outcome::Passed, None, remark)
        };
        let counts = match reason {
            Some(Reason::Assumed | Reason::Unreadable) => true,
            Some(Reason::NoExpectation | Reason::NotApplicable) => named,
            None | Some(Reason::NotSelected | Reason::Skipped) => false,
        };
        Self { id: id.to_owned(), outcome, reason, note, counts, examined, unread, findings, accepted }
    }

    /// A check that was left out on purpose.
    pub(crate) fn left_out(id: &str, reason: Reason, note: impl Into<String>) -> Self {
        Self {
            id: id.to_owned(),
            outcome: Outcome::NotRun,
            reason: Some(reason),
            note: Some(note.into()),
            counts: false,
            examined: BTreeMap::new(),
            unread: Vec::new(),
            findings: Vec::new(),
            accepted: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::CauseKind;

    fn derive(judgement: Judgement, named: bool) -> CheckResult {
        CheckResult::derive("row_counts", judgement, Vec::new(), named)
    }

    #[test]
    fn nothing_examined_is_never_passed() {
        let result = derive(Judgement::default(), false);
        assert_eq!(result.outcome, Outcome::NotRun);
        assert!(result.counts);
    }

    #[test]
    fn one_unread_object_is_enough_for_not_run() {
        let mut judgement = Judgement::default();
        judgement.examine("tables", 40);
        judgement.could_not_read("public.a", Cause::new(CauseKind::Permission, "permission denied"));
        let result = derive(judgement, false);
        assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::Unreadable)));
    }

    #[test]
    fn no_expectation_counts_only_where_the_plan_names_the_check() {
        assert!(!derive(Judgement::no_expectation("n"), false).counts);
        assert!(derive(Judgement::no_expectation("n"), true).counts);
        assert!(derive(Judgement::default().absent(Reason::Assumed, "n"), false).counts);
    }
}
