//! `sequence_lag`: what each sequence hands out next, against what its columns already hold.

mod counter;
mod feeds;
mod findings;

use crate::check::{Check, Context, Judgement, KindDoc, Reason};
use crate::collect::{Request, Wants};
use crate::evidence::catalog::{CatalogFactName, Column, FedColumn, Sequence};
use crate::evidence::{Catalog, Cause, CauseKind, Evidence, SequenceState};
use crate::finding::Severity;
use crate::sql::QualifiedName;
use counter::Counter;
pub use findings::*;

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "every sequence is ahead of the columns that it feeds, and has values left",
    docs: include_str!("sequence_lag.md"),
    kinds: &[
        KindDoc {
            kind: "missing_sequence",
            meaning: "a sequence that was there is gone: rows get no number",
        },
        KindDoc {
            kind: "sequence_behind",
            meaning: "the sequence hands out values that are already taken: inserts fail, or numbers double",
        },
        KindDoc {
            kind: "sequence_near_exhaustion",
            meaning: "the sequence, or the type of its column, has few values left: then inserts fail",
        },
        KindDoc {
            kind: "sequence_went_back",
            meaning: "values that were given to rows that are now gone will be given to other rows",
        },
        KindDoc {
            kind: "unfed_column",
            meaning: "a column drew its values from a sequence and has no default now: inserts fail",
        },
    ],
    wanted,
    judge,
};

const ID: &str = "sequence_lag";

/// A standby (and a server after a crash) may show a sequence this many values ahead of what was handed out.
/// Source: `SEQ_LOG_VALS` in PostgreSQL's `src/backend/commands/sequence.c`.
const READ_AHEAD: i128 = 32;

fn wanted(context: Context<'_>, wants: &mut Wants) {
    wants.catalog(&[
        CatalogFactName::Column,
        CatalogFactName::Key,
        CatalogFactName::Relation,
        CatalogFactName::Sequence,
    ]);
    let catalog = &context.now.catalog;
    let Ok(sequences) = context.plan.scope.sequences(catalog) else { return };
    for sequence in sequences {
        wants.add(Request::Sequence(sequence.name.clone()));
        let Ok(feeds) = feeds(context, catalog, sequence) else { continue };
        for feed in feeds {
            if matches!(feed.column(catalog), Ok(Ok(_))) {
                wants.add(Request::Extremes(feed.relation.clone(), feed.column.clone()));
            }
        }
    }
}

fn judge(context: Context<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    let now = match context.plan.scope.sequences(&context.now.catalog) {
        Ok(sequences) => sequences,
        Err(cause) => {
            judgement.could_not_read("the list of sequences", cause);
            return judgement;
        }
    };
    let then = match context.then.map(|then| context.plan.scope.sequences(&then.catalog)).transpose() {
        Ok(sequences) => sequences.unwrap_or_default(),
        Err(cause) => {
            judgement.could_not_read("the baseline's list of sequences", cause);
            Vec::new()
        }
    };
    if now.is_empty() && then.is_empty() && judgement.unread.is_empty() {
        return Judgement::not_applicable("there are no sequences");
    }
    for sequence in &now {
        match feeds(context, &context.now.catalog, sequence) {
            Ok(feeds) => judge_sequence(context, sequence, &feeds, &mut judgement),
            Err(cause) => judgement.could_not_read(sequence.name.to_string(), cause),
        }
    }
    for was in then {
        if let Err(cause) = judge_links(context, was, &mut judgement) {
            judgement.could_not_read(was.name.to_string(), cause);
        }
    }
    let nothing = judgement.examined.is_empty() && judgement.unread.is_empty();
    if context.then.is_none() && nothing {
        judgement = judgement.absent(
            Reason::NoExpectation,
            "no sequence feeds a column that is looked at, and no baseline says how far they had come: add --against FILE|URL",
        );
    }
    judgement
}

/// The columns that a sequence feeds now and that are looked at.
fn feeds<'c>(
    context: Context<'_>,
    catalog: &Catalog,
    sequence: &'c Sequence,
) -> Result<Vec<&'c FedColumn>, Cause> {
    let mut feeds = Vec::new();
    for feed in &sequence.feeds {
        if context.plan.scope.has_fed(&feed.relation, catalog)? && !feed.is_left_over(sequence, catalog)? {
            feeds.push(feed);
        }
    }
    Ok(feeds)
}

/// How far a fed column goes in the direction of the sequence; none where it has no values.
fn extreme(evidence: &Evidence, feed: &FedColumn, descending: bool) -> Result<Option<i128>, Cause> {
    let Some(fact) =
        evidence.scans.tables.get(&feed.relation).and_then(|scan| scan.extremes.get(&feed.column))
    else {
        return Err(Cause::new(CauseKind::NotCollected, "was not collected"));
    };
    let extremes = fact.get()?;
    let Some(text) = (if descending { &extremes.min } else { &extremes.max }) else { return Ok(None) };
    let whole = text.split('.').next().unwrap_or_default();
    whole.parse().map(Some).map_err(|_| {
        Cause::new(CauseKind::Unsupported, "its largest or smallest value is no number that a sequence gives")
    })
}

fn state<'e>(evidence: &'e Evidence, name: &QualifiedName) -> Result<&'e SequenceState, Cause> {
    match evidence.scans.sequences.get(name) {
        Some(fact) => fact.get(),
        None => Err(Cause::new(CauseKind::NotCollected, "was not collected")),
    }
}

fn judge_sequence(
    context: Context<'_>,
    sequence: &Sequence,
    feeds: &[&FedColumn],
    judgement: &mut Judgement,
) {
    let catalog = &context.now.catalog;
    let mut columns: Vec<(&FedColumn, i128)> = Vec::new();
    let mut narrowest = None;
    let mut comparable = Vec::new();
    for feed in feeds {
        match feed.column(catalog).and_then(|column| column) {
            Ok(column) => {
                narrowest = narrowest.into_iter().chain(column.range()).min_by_key(|(_, high)| *high);
                comparable.push(*feed);
            }
            // What it makes of a value is not known; that the value was not handed out before is, from a baseline.
            Err(cause)
                if cause.kind == CauseKind::Unsupported && in_baseline(context, sequence).is_some() => {}
            Err(cause) => {
                judgement.could_not_read(format!("{} (fed by {})", feed.name(), sequence.name), cause);
            }
        }
    }
    let state = match state(context.now, &sequence.name) {
        Ok(state) => state,
        Err(cause) => return judgement.could_not_read(sequence.name.to_string(), cause),
    };
    let counter = Counter::new(sequence, state, narrowest);
    for feed in &comparable {
        match extreme(context.now, feed, sequence.increment < 0) {
            Ok(value) => {
                judgement.examine("columns", 1);
                columns.extend(value.map(|value| (*feed, value)));
            }
            Err(cause) => judgement.could_not_read(feed.name(), cause),
        }
    }
    // Without a column and without a baseline, there is nothing that it could be behind.
    if !context.now.run.in_recovery() && (!comparable.is_empty() || in_baseline(context, sequence).is_some())
    {
        judgement.examine("sequences", 1);
    }
    let found = judgement.findings.len();
    let behind: Vec<(&FedColumn, i128)> =
        columns.iter().copied().filter(|(_, value)| counter.is_behind(*value)).collect();
    let row = furthest_then(context, sequence, counter, &comparable, judgement);
    let given = given_then(context, sequence, judgement);
    let was = row.map(|(_, value)| value).into_iter().chain(given);
    match SequenceBehind::new(catalog, sequence, counter, &behind, was) {
        Ok(Some(finding)) => judgement.find(finding),
        Ok(None) => {
            let alone = comparable.is_empty() || counter.next == i128::from(sequence.start);
            judgement.findings.extend(went_back(sequence, counter, row, given, alone).map(Into::into));
        }
        Err(cause) => judgement.could_not_read(format!("the keys of {}", sequence.name), cause),
    }
    if context.now.run.in_recovery() {
        // What is behind even where it is shown ahead is behind; of all others nothing is known.
        if judgement.findings.len() == found {
            judgement.could_not_read(sequence.name.to_string(), shown_ahead());
        }
        return;
    }
    let allowed = context.plan.sequence_lag.clone().unwrap_or_default().max_used_percent;
    if !sequence.cycle && counter.used_percent() >= allowed {
        judgement.find(SequenceNearExhaustion::new(sequence, counter, feeds));
    }
}

/// Why a sequence that a standby shows is not known to be ahead of its columns.
fn shown_ahead() -> Cause {
    let message =
        format!("a standby shows a sequence up to {READ_AHEAD} values ahead of what was handed out");
    Cause::new(CauseKind::Standby, message)
        .hint("Run it on the primary, or here once this server is promoted.")
}

/// The sequence as it was in the baseline, unless its values come round by design.
fn in_baseline<'e>(context: Context<'e>, sequence: &Sequence) -> Option<(&'e Evidence, &'e Sequence)> {
    let then = context.then.filter(|_| !sequence.cycle)?;
    let sequences = context.plan.scope.sequences(&then.catalog).ok()?;
    sequences.into_iter().find(|was| was.name == sequence.name).map(|was| (then, was))
}

/// How far the columns that it feeds went in the baseline, and which of them went furthest.
fn furthest_then<'f>(
    context: Context<'_>,
    sequence: &Sequence,
    counter: Counter,
    comparable: &[&'f FedColumn],
    judgement: &mut Judgement,
) -> Option<(&'f FedColumn, i128)> {
    let (then, was) = in_baseline(context, sequence)?;
    let mut furthest: Option<(&FedColumn, i128)> = None;
    for feed in comparable.iter().filter(|feed| was.has_fed(feed)) {
        match extreme(then, feed, sequence.increment < 0) {
            Ok(Some(value)) if furthest.is_none_or(|(_, far)| counter.is_beyond(value, far)) => {
                furthest = Some((feed, value));
            }
            Ok(_) => {}
            Err(cause) => judgement.could_not_read(format!("{} in the baseline", feed.name()), cause),
        }
    }
    furthest
}

/// The last value that it had surely handed out in the baseline; none where that was none, or is not comparable.
fn given_then(context: Context<'_>, sequence: &Sequence, judgement: &mut Judgement) -> Option<i128> {
    let (then, was) = in_baseline(context, sequence)?;
    if was.increment.signum() != sequence.increment.signum() {
        return None;
    }
    let before = match state(then, &was.name) {
        Ok(state) => Counter::new(was, state, None),
        Err(cause) => {
            judgement.could_not_read(format!("{} in the baseline", was.name), cause);
            return None;
        }
    };
    let standby = then.run.server.as_ref().is_some_and(|server| server.in_recovery);
    let slack = if standby { READ_AHEAD + i128::from(was.cache) } else { 0 };
    let last = before.next - (1 + slack) * before.step;
    (!before.is_beyond(i128::from(was.start), last)).then_some(last)
}

/// What it hands out again: numbers of rows that are gone since the baseline, or others that were handed out then.
///
/// `alone`: no row shows how far it must be, so that the baseline's state alone says it.
fn went_back(
    sequence: &Sequence,
    counter: Counter,
    row: Option<(&FedColumn, i128)>,
    given: Option<i128>,
    alone: bool,
) -> Option<SequenceWentBack> {
    if let Some((feed, value)) = row.filter(|(_, value)| counter.is_behind(*value)) {
        // Beyond what was handed out later, too.
        let beyond = given.filter(|given| counter.is_beyond(*given, value)).unwrap_or(value);
        return Some(SequenceWentBack::of_rows(sequence, counter, feed, value, beyond));
    }
    let given = given.filter(|given| counter.is_behind(*given))?;
    // Between the baseline's snapshot and the reading of its sequences a busy source hands out more.
    let severity = if alone { Severity::Warning } else { Severity::Info };
    Some(SequenceWentBack::of_state(sequence, counter, given, severity))
}

/// Whether a sequence of the baseline is still there, and feeds what it fed.
fn judge_links(context: Context<'_>, was: &Sequence, judgement: &mut Judgement) -> Result<(), Cause> {
    let catalog = &context.now.catalog;
    let sequences = catalog.sequences.get()?;
    let is_there = sequences.iter().any(|sequence| sequence.name == was.name);
    let mut left = Vec::new();
    let mut unfed = Vec::new();
    for feed in &was.feeds {
        // A table or column that is gone is the finding of another check.
        let Some(column) = catalog.column(&feed.relation, &feed.column)? else { continue };
        left.push(feed);
        if !column.is_fed() {
            unfed.push((feed, column));
        }
    }
    if !is_there && (was.feeds.is_empty() || !left.is_empty()) {
        let replaced = !left.is_empty()
            && left.iter().all(|feed| sequences.iter().any(|sequence| sequence.has_fed(feed)));
        judgement.examine("sequences", 1);
        judgement.find(MissingSequence::new(was, &left, replaced));
    }
    for (feed, column) in unfed {
        // Owned and never linked by a default: fed by the application or a trigger, then as now.
        let was_linked = context
            .then
            .map(|then| then.catalog.column(&feed.relation, &feed.column))
            .transpose()?
            .flatten()
            .is_some_and(Column::is_fed);
        if was_linked {
            judgement.examine("columns", 1);
            judgement.find(UnfedColumn::new(was, feed, column, is_there));
        }
    }
    Ok(())
}
