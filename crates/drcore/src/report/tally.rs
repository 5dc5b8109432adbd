//! Sums that add up by construction: every check is in exactly one group.

use crate::check::{CheckResult, Outcome, Reason};
use crate::report::Report;

/// How a check came out, for the sums on every screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Group {
    /// It found something that is wrong and not accepted.
    Failed,
    /// Something that it needs could not be read, or was guessed.
    CouldNotRun,
    /// It looked at everything that it should, and found nothing.
    Passed,
    /// Neither plan nor baseline says what to expect.
    NoExpectation,
    /// There is no such object, which was proved.
    NotApplicable,
    /// Left out by the plan, with a reason.
    Skipped,
    /// Left out by `--only`.
    NotSelected,
}

impl Group {
    /// Every group, in the order of the screens.
    pub const ALL: [Self; 7] = [
        Self::Failed,
        Self::CouldNotRun,
        Self::Passed,
        Self::NoExpectation,
        Self::NotApplicable,
        Self::Skipped,
        Self::NotSelected,
    ];

    /// The one group that a check is in.
    pub fn of(check: &CheckResult) -> Self {
        match (check.outcome, check.reason) {
            (Outcome::Failed, _) => Self::Failed,
            (Outcome::Passed, _) => Self::Passed,
            (Outcome::NotRun, Some(Reason::NoExpectation)) => Self::NoExpectation,
            (Outcome::NotRun, Some(Reason::NotApplicable)) => Self::NotApplicable,
            (Outcome::NotRun, Some(Reason::Skipped)) => Self::Skipped,
            (Outcome::NotRun, Some(Reason::NotSelected)) => Self::NotSelected,
            (Outcome::NotRun, Some(Reason::Assumed | Reason::Unreadable) | None) => Self::CouldNotRun,
        }
    }

    /// What follows the number: `2 could not run`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::CouldNotRun => "could not run",
            Self::Passed => "passed",
            Self::NoExpectation => "had no expectation",
            Self::NotApplicable => "not applicable",
            Self::Skipped => "skipped",
            Self::NotSelected => "not selected",
        }
    }
}

impl Report {
    /// How many checks are in each group, without the empty groups. They add up to the number of checks.
    pub fn tally(&self) -> Vec<(Group, usize)> {
        let size = |group| self.checks.iter().filter(|check| Group::of(check) == group).count();
        Group::ALL.into_iter().map(|group| (group, size(group))).filter(|(_, count)| *count > 0).collect()
    }

    /// `22 checks: 4 failed · 2 could not run · 12 passed · 4 had no expectation`.
    pub fn tally_line(&self) -> String {
        let groups = self.tally();
        let total: usize = groups.iter().map(|(_, count)| count).sum();
        let parts: Vec<String> =
            groups.iter().map(|(group, count)| format!("{count} {}", group.label())).collect();
        format!("{}: {}", crate::text::plural(total as u64, "check"), parts.join(" · "))
    }
}
