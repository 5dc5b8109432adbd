//! What `sequence_lag` finds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ID;
use super::counter::Counter;
use crate::evidence::catalog::{Column, FedColumn, Sequence};
use crate::evidence::{Catalog, Cause};
use crate::finding::{Common, Payload, Severity};
use crate::remedy::{Remedy, RemedyClass};
use crate::sql::{QualifiedName, ident, literal};
use crate::text::{count, plural};

/// A value of a sequence as people read it.
fn shown(value: i128) -> String {
    let digits = count(u64::try_from(value.unsigned_abs()).unwrap_or(u64::MAX));
    if value < 0 { format!("-{digits}") } else { digits }
}

/// Moves the sequence on so that it hands out `value` next. Applied twice, or late, it never moves it back.
fn set_next(sequence: &Sequence, counter: Counter, value: i128) -> Remedy {
    let further = if counter.step < 0 { ">" } else { "<" };
    let name = &sequence.name;
    Remedy::sql(
        RemedyClass::Safe,
        [format!(
            "select pg_catalog.setval({}, {value}, false) from {name} \
             where last_value + case when is_called then {} else 0 end {further} {value}",
            literal(&name.to_string()).trim_start(),
            counter.step,
        )],
    )
}

fn query(sequence: &Sequence, columns: &[&FedColumn]) -> String {
    let function = if sequence.increment < 0 { "min" } else { "max" };
    let extremes: String = columns
        .iter()
        .map(|feed| format!(", (select {function}({}) from {})", ident(&feed.column), feed.relation))
        .collect();
    format!("select last_value, is_called{extremes} from {}", sequence.name)
}

/// A sequence that was there is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct MissingSequence {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The columns that it fed and that are still there.
    pub columns: Vec<String>,
    /// Whether other sequences feed all of them now.
    pub replaced: bool,
}

impl MissingSequence {
    pub(super) fn new(was: &Sequence, left: &[&FedColumn], replaced: bool) -> Self {
        let columns: Vec<String> = left.iter().map(|feed| feed.name()).collect();
        let message = match columns.as_slice() {
            [] => "the sequence is gone, was there".to_owned(),
            [one] if replaced => format!("the sequence is gone; another one feeds {one}"),
            several if replaced => format!("the sequence is gone; others feed its {} columns", several.len()),
            [one] => format!("the sequence is gone, fed {one}"),
            several => format!("the sequence is gone, fed {} columns", several.len()),
        };
        let severity = if replaced { Severity::Info } else { Severity::Warning };
        let common = Common::new(ID, "missing_sequence", was.name.to_string(), severity, message);
        Self { common, columns, replaced }
    }
}

impl Payload for MissingSequence {
    fn common(&self) -> &Common {
        &self.common
    }
}

/// A sequence hands out values that are already taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct SequenceBehind {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// What it hands out next.
    pub next: String,
    /// The largest value (the smallest, of a descending sequence) of each column that is ahead of it.
    pub columns: BTreeMap<String, String>,
    /// Whether a primary key or unique constraint makes the inserts fail; else numbers double.
    pub inserts_fail: bool,
}

impl SequenceBehind {
    /// None where nothing is wrong.
    pub(super) fn new(
        catalog: &Catalog,
        sequence: &Sequence,
        counter: Counter,
        behind: &[(&FedColumn, i128)],
        was: impl Iterator<Item = i128>,
    ) -> Result<Option<Self>, Cause> {
        let keys = catalog.keys.get()?;
        let unique = |feed: &FedColumn| {
            keys.iter()
                .any(|key| key.relation == feed.relation && key.columns == std::slice::from_ref(&feed.column))
        };
        // The worst column is what the message is about.
        let Some((worst, value)) = behind.iter().copied().reduce(|worst, other| {
            let ahead = (unique(other.0), counter.is_beyond(other.1, worst.1)) > (unique(worst.0), false);
            if ahead { other } else { worst }
        }) else {
            return Ok(None);
        };
        let inserts_fail = unique(worst);
        if counter.cycle && !inserts_fail {
            return Ok(None);
        }
        let furthest = behind
            .iter()
            .map(|(_, value)| *value)
            // Beyond what the baseline had given too: lost rows may be brought back, and others know their numbers.
            .chain(was)
            .reduce(|far, value| if counter.is_beyond(value, far) { value } else { far });
        let certain = !counter.cycle && behind.iter().any(|(_, value)| counter.meets(*value));
        let severity = if inserts_fail && certain { Severity::Critical } else { Severity::Warning };
        let (extreme, goes) = if counter.step < 0 { ("min", "down") } else { ("max", "up") };
        let consequence = match (inserts_fail, certain) {
            (true, true) => "inserts will fail",
            (true, false) => "inserts may fail",
            (false, _) => "numbers will be given twice",
        };
        let others = match behind.len() - 1 {
            0 => String::new(),
            more => format!(", and {} more", plural(more as u64, "column")),
        };
        let message = format!(
            "the next value is {}, {} already goes {goes} to {} ({extreme}{others}): {consequence}",
            shown(counter.next),
            worst.name(),
            shown(value),
        );
        let feeds: Vec<&FedColumn> = behind.iter().map(|(feed, _)| *feed).collect();
        let mut common = Common::new(ID, "sequence_behind", sequence.name.to_string(), severity, message)
            .query(query(sequence, &feeds));
        if !certain {
            common = common.hint(if counter.cycle {
                "The sequence cycles: it meets the values that are there only if their rows stay."
                    .to_owned()
            } else {
                format!(
                    "The sequence steps by {}, and whether it meets the values that are there depends on who wrote them.",
                    counter.step
                )
            });
        }
        match furthest.and_then(|value| counter.after(value)) {
            Some(next) => common = common.remedy(set_next(sequence, counter, next)),
            None => {
                common = common.hint(
                    "No value is left beyond those that are taken: widen the sequence and its columns first.",
                );
            }
        }
        Ok(Some(Self {
            common,
            next: counter.next.to_string(),
            columns: behind.iter().map(|(feed, value)| (feed.name(), value.to_string())).collect(),
            inserts_fail,
        }))
    }
}

impl Payload for SequenceBehind {
    fn common(&self) -> &Common {
        &self.common
    }
}

/// A sequence, or the type of its column, has few values left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct SequenceNearExhaustion {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// How many values are left.
    pub left: String,
    /// The last value that sequence and columns can hold.
    pub last: String,
}

impl SequenceNearExhaustion {
    pub(super) fn new(sequence: &Sequence, counter: Counter, feeds: &[&FedColumn]) -> Self {
        let left = counter.left();
        let last = shown(counter.last);
        let message = match left {
            0 => format!("no value is left, the last is {last}: inserts will fail"),
            left => format!(
                "{} left up to {last}, {:.1} % used",
                plural(u64::try_from(left).unwrap_or(u64::MAX), "value"),
                // Not rounded up to 100 while some are left.
                (counter.used_percent() * 10.0).floor() / 10.0
            ),
        };
        let severity = if left == 0 { Severity::Critical } else { Severity::Warning };
        let common =
            Common::new(ID, "sequence_near_exhaustion", sequence.name.to_string(), severity, message)
                .query(query(sequence, feeds))
                .hint("Change the columns, and the foreign keys to them, to bigint, then the sequence.");
        Self { common, left: left.to_string(), last: counter.last.to_string() }
    }
}

impl Payload for SequenceNearExhaustion {
    fn common(&self) -> &Common {
        &self.common
    }
}

/// A sequence will hand out again what it had handed out when the baseline was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct SequenceWentBack {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// What it hands out next.
    pub next: String,
    /// How far it (or the column that it feeds) had come when the baseline was taken.
    pub was: String,
}

impl SequenceWentBack {
    /// Rows that the baseline had are gone, and others will get their numbers; `beyond` is how far it had come.
    pub(super) fn of_rows(
        sequence: &Sequence,
        counter: Counter,
        feed: &FedColumn,
        was: i128,
        beyond: i128,
    ) -> Self {
        let message = format!(
            "{} went to {} when the baseline was taken; from {} on they go to other rows",
            feed.name(),
            shown(was),
            shown(counter.next)
        );
        let hint = "Files, links and other systems that know the old numbers would mean the wrong rows.";
        let common =
            Common::new(ID, "sequence_went_back", sequence.name.to_string(), Severity::Warning, message)
                .hint(hint)
                .query(query(sequence, &[feed]));
        Self::with_remedy(common, sequence, counter, was, beyond)
    }

    /// It had handed out more when the baseline was taken.
    pub(super) fn of_state(sequence: &Sequence, counter: Counter, was: i128, severity: Severity) -> Self {
        let message = format!(
            "had handed out values to {}; goes on from {}, so they come again",
            shown(was),
            shown(counter.next)
        );
        let hint = if severity == Severity::Info {
            "No row of the baseline had these numbers: their rows were deleted before, or written while it was taken."
        } else {
            "Files, links and other systems that know the old numbers would mean the wrong rows."
        };
        let common = Common::new(ID, "sequence_went_back", sequence.name.to_string(), severity, message)
            .hint(hint)
            .query(query(sequence, &[]));
        Self::with_remedy(common, sequence, counter, was, was)
    }

    fn with_remedy(
        mut common: Common,
        sequence: &Sequence,
        counter: Counter,
        was: i128,
        beyond: i128,
    ) -> Self {
        if let Some(next) = counter.after(beyond) {
            common = common.remedy(set_next(sequence, counter, next));
        }
        Self { common, next: counter.next.to_string(), was: was.to_string() }
    }
}

impl Payload for SequenceWentBack {
    fn common(&self) -> &Common {
        &self.common
    }
}

/// A column drew its values from a sequence, and has no default now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct UnfedColumn {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The sequence that fed it.
    pub sequence: QualifiedName,
    /// How: `owned`, `identity` or `default`.
    pub link: String,
}

impl UnfedColumn {
    pub(super) fn new(was: &Sequence, feed: &FedColumn, column: &Column, sequence_is_there: bool) -> Self {
        let consequence = match (column.has_constant(), column.not_null) {
            (true, _) => "has a constant as its default now: all new rows get the same",
            (false, true) => "has no default now: inserts will fail",
            (false, false) => "has no default now: new rows get NULL",
        };
        let message = format!("was fed by {}, {consequence}", was.name);
        let severity = if column.not_null { Severity::Critical } else { Severity::Warning };
        let mut common = Common::new(ID, "unfed_column", feed.name(), severity, message);
        let alter = format!("alter table {} alter column {}", feed.relation, ident(&feed.column));
        if feed.link != "identity" && sequence_is_there {
            common = common.remedy(Remedy::sql(
                RemedyClass::Safe,
                [format!(
                    "{alter} set default nextval({}::regclass)",
                    literal(&was.name.to_string()).trim_start()
                )],
            ));
        } else {
            common = common
                .hint("Create the sequence or identity again, beyond the values that are there already.");
        }
        Self { common, sequence: was.name.clone(), link: feed.link.clone() }
    }
}

impl Payload for UnfedColumn {
    fn common(&self) -> &Common {
        &self.common
    }
}
