//! What could not be found out, as loudly as what is wrong.

use super::page::{Page, Tone};
use crate::check::{CheckResult, Outcome, Unread};
use crate::evidence::Cause;
use crate::report::{Report, Verdict};
use crate::text::plural;

/// How many causes of one check, and objects of one cause, are shown without `-v`.
const MOST: usize = 4;

/// Shows every check that could not run and counts, and what failed checks could not read.
/// Gives the width of the column of checks.
pub(super) fn all(page: &mut Page, report: &Report, verbose: bool) -> usize {
    let loud = |check: &&CheckResult| check.counts || !check.unread.is_empty();
    let named = report.checks.iter().filter(|check| verbose || loud(check));
    let column = named.map(|check| check.id.len()).max().unwrap_or_default() + 2;
    for check in report.checks.iter().filter(loud) {
        one(page, check, column, verbose);
    }
    if report.verdict == Verdict::Unproven && !report.checks.iter().any(|check| check.counts) {
        page.labelled(
            "NOT RUN",
            Tone::Unsure,
            "no check had anything to go on: add --against FILE|URL, or a plan",
        );
    }
    column
}

fn one(page: &mut Page, check: &CheckResult, column: usize, verbose: bool) {
    // A check that failed ran, but not on everything.
    let label = if check.outcome == Outcome::Failed { "UNREAD" } else { "NOT RUN" };
    let mut lines: Vec<(String, Option<&str>)> = Vec::new();
    if let Some(note) = &check.note {
        lines.push((note.clone(), None));
    }
    let causes = by_cause(&check.unread);
    let most = if verbose { causes.len() } else { MOST };
    for (cause, objects) in causes.iter().take(most) {
        lines.push((format!("{}: {}", names(objects, verbose), cause.message), cause.hint.as_deref()));
    }
    if causes.len() > most {
        let rest: usize = causes[most..].iter().map(|(_, objects)| objects.len()).sum();
        lines.push((format!("+ {} (-v shows all)", plural(rest as u64, "more object")), None));
    }
    if lines.is_empty() {
        lines.push(("did not say why".to_owned(), None));
    }
    for (at, (text, hint)) in lines.iter().enumerate() {
        if at == 0 {
            page.labelled_column(label, Tone::Unsure, &check.id, column, text);
        } else {
            page.field("", column, text);
        }
        if let Some(hint) = hint {
            page.field("", column, hint);
        }
    }
}

/// Objects that could not be read for one and the same cause, together.
fn by_cause(unread: &[Unread]) -> Vec<(&Cause, Vec<&str>)> {
    let mut causes: Vec<(&Cause, Vec<&str>)> = Vec::new();
    for item in unread {
        match causes.iter_mut().find(|(cause, _)| **cause == item.cause) {
            Some((_, objects)) => objects.push(&item.object),
            None => causes.push((&item.cause, vec![&item.object])),
        }
    }
    causes
}

fn names(objects: &[&str], verbose: bool) -> String {
    let most = if verbose { objects.len() } else { MOST };
    let mut text = objects[..objects.len().min(most)].join(", ");
    if objects.len() > most {
        text.push_str(&format!(" and {} more", objects.len() - most));
    }
    text
}
