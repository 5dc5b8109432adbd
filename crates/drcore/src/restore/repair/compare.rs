//! Before and after: what is fixed, what is still there, what is new.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{Outcome, Reason};
use crate::report::Report;

/// Two reports on one database, by the ids of their findings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Comparison")]
#[non_exhaustive]
pub struct Comparison {
    /// Found before, looked for again, and not there.
    pub fixed: Vec<String>,
    /// Found before, and there.
    pub still: Vec<String>,
    /// Not found before, and there.
    pub new: Vec<String>,
    /// Found before, and not looked for again, or not everywhere: nobody knows.
    pub unsettled: Vec<Unsettled>,
}

/// A finding of before of which nobody knows whether it is still there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Unsettled")]
#[non_exhaustive]
pub struct Unsettled {
    /// The id of the finding.
    pub finding: String,
    /// Why it is not known.
    pub why: String,
}

impl Comparison {
    /// Compares two reports on one database.
    pub fn of(before: &Report, after: &Report) -> Self {
        let ids = |report: &Report| -> BTreeSet<String> {
            report.findings().iter().map(|finding| finding.id().to_owned()).collect()
        };
        let (was, is) = (ids(before), ids(after));
        let mut comparison = Self {
            still: was.intersection(&is).cloned().collect(),
            new: is.difference(&was).cloned().collect(),
            ..Self::default()
        };
        for id in was.difference(&is) {
            match not_looked_for(after, id) {
                None => comparison.fixed.push(id.clone()),
                Some(why) => comparison.unsettled.push(Unsettled { finding: id.clone(), why }),
            }
        }
        comparison
    }
}

/// Why a finding that is not in the report may be there all the same.
fn not_looked_for(report: &Report, id: &str) -> Option<String> {
    let check = id.split(':').next().unwrap_or(id);
    let Some(result) = report.checks.iter().find(|result| result.id == check) else {
        return Some(format!("the report has no {check}"));
    };
    if let Some(accepted) = result.accepted.iter().find(|accepted| accepted.finding.id() == id) {
        return Some(format!("it is accepted: {}", accepted.reason));
    }
    if let Some(unread) = result.unread.first() {
        let others = result.unread.len() - 1;
        let others = if others > 0 { format!(" (and {others} more)") } else { String::new() };
        return Some(format!("{} could not be read{others}: {}", unread.object, unread.cause.message));
    }
    match (result.outcome, result.reason) {
        // What the check is about is proved to be gone.
        (Outcome::NotRun, Some(Reason::NotApplicable)) => None,
        (Outcome::NotRun, reason) => Some(format!("not run: {}", reason.map_or("unknown", Reason::as_str))),
        _ => None,
    }
}
