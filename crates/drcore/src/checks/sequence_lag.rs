//! `sequence_lag`: what each sequence hands out next, against what its columns already hold.

mod counter;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{Check, Context, Judgement, KindDoc, Reason};
use crate::collect::{Request, Wants};
use crate::evidence::catalog::{CatalogFactName, Column, FedColumn, Sequence};
use crate::evidence::{Catalog, Cause, CauseKind, Evidence, SequenceState};
use crate::finding::{Common, Payload, Severity};
use crate::remedy::{Remedy, RemedyClass};
use crate::sql::{QualifiedName, ident, literal};
use crate::text::{count, plural};
use counter::Counter;

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

/// `nextval('…')`, and at most a cast around it.
static PLAIN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"^\(?nextval\('((?:[^']|'')+)'::(?:pg_catalog\.)?regclass\)\)?(?:::[a-z0-9 (),_.]+)?$").ok()
});

impl FedColumn {
    /// The column, where its values are the sequence's own; else why they cannot be compared.
    fn column<'c>(&self, catalog: &'c Catalog) -> Result<Result<&'c Column, Cause>, Cause> {
        let unsupported = |message: String| Cause::new(CauseKind::Unsupported, message);
        let relation = catalog.relation(&self.relation)?;
        if !relation.is_some_and(|relation| relation.kind.is_table()) {
            return Ok(Err(unsupported("it is not a table whose rows are here".to_owned())));
        }
        let Some(column) = catalog.column(&self.relation, &self.column)? else {
            return Ok(Err(Cause::new(CauseKind::Error, "the column is not there")));
        };
        let plain = column
            .default
            .as_ref()
            .is_none_or(|default| PLAIN.as_ref().is_some_and(|plain| plain.is_match(default)));
        let number = column.is_integer() || column.type_name.starts_with("numeric");
        Ok(if plain && number {
            Ok(column)
        } else {
            Err(unsupported(format!(
                "the sequence feeds it through an expression ({}), so its values are not the sequence's own",
                column.default.as_deref().unwrap_or(&column.type_name)
            ))
            .hint("Compare it with an [[assertions]] of the plan."))
        })
    }

    /// Whether the sequence only belongs to the column: inserts draw on another one, or on none.
    fn is_left_over(&self, sequence: &Sequence, catalog: &Catalog) -> Result<bool, Cause> {
        if self.link != "owned" {
            return Ok(false);
        }
        let Some(column) = catalog.column(&self.relation, &self.column)? else { return Ok(false) };
        let Some(default) = &column.default else { return Ok(true) };
        let called = PLAIN.as_ref().and_then(|plain| plain.captures(default)).map(|found| {
            // What cannot be told apart counts as this one, which is then compared.
            QualifiedName::parse(&found[1].replace("''", "'")).is_ok_and(|name| name != sequence.name)
        });
        // A function that the default calls may still draw on it.
        Ok(column.identity || called.unwrap_or_else(|| column.has_constant()))
    }

    fn name(&self) -> String {
        format!("{}.{}", self.relation, ident(&self.column))
    }
}

impl Column {
    /// Whether its default calls nothing, so that every row gets the same.
    fn has_constant(&self) -> bool {
        self.default.as_ref().is_some_and(|default| !default.contains('('))
    }

    /// Whether rows get their values without being told.
    fn is_fed(&self) -> bool {
        self.identity || (self.default.is_some() && !self.has_constant())
    }
}

impl Sequence {
    /// Whether it feeds the same column, however it is linked.
    fn has_fed(&self, feed: &FedColumn) -> bool {
        self.feeds.iter().any(|fed| fed.relation == feed.relation && fed.column == feed.column)
    }
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

/// What an integer type holds.
fn range(type_name: &str) -> Option<(i128, i128)> {
    match type_name {
        "smallint" => Some((i128::from(i16::MIN), i128::from(i16::MAX))),
        "integer" => Some((i128::from(i32::MIN), i128::from(i32::MAX))),
        "bigint" => Some((i128::from(i64::MIN), i128::from(i64::MAX))),
        _ => None,
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
                let range = range(&column.type_name);
                narrowest = narrowest.into_iter().chain(range).min_by_key(|(_, high)| *high);
                comparable.push(*feed);
            }
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
    if !comparable.is_empty() || in_baseline(context, sequence).is_some() {
        judgement.examine("sequences", 1);
    }
    let behind: Vec<(&FedColumn, i128)> =
        columns.iter().copied().filter(|(_, value)| counter.is_behind(*value)).collect();
    let was = furthest_then(context, sequence, counter, &comparable, judgement);
    match SequenceBehind::new(catalog, sequence, counter, &behind, was.map(|(_, value)| value)) {
        Ok(Some(finding)) => judgement.find(finding),
        Ok(None) => judge_back(context, sequence, counter, comparable.is_empty(), was, judgement),
        Err(cause) => judgement.could_not_read(format!("the keys of {}", sequence.name), cause),
    }
    let allowed = context.plan.sequence_lag.clone().unwrap_or_default().max_used_percent;
    if !sequence.cycle && counter.used_percent() >= allowed {
        judgement.find(SequenceNearExhaustion::new(sequence, counter, feeds));
    }
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

/// Whether it hands out again what the baseline had already handed out.
fn judge_back(
    context: Context<'_>,
    sequence: &Sequence,
    counter: Counter,
    feeds_nothing: bool,
    furthest: Option<(&FedColumn, i128)>,
    judgement: &mut Judgement,
) {
    if let Some((feed, value)) = furthest.filter(|(_, value)| counter.is_behind(*value)) {
        judgement.find(SequenceWentBack::new(sequence, counter, value, Some(feed)));
    }
    if !feeds_nothing {
        return;
    }
    let Some((then, was)) = in_baseline(context, sequence) else { return };
    let before = match state(then, &was.name) {
        Ok(state) => Counter::new(was, state, None).next,
        Err(cause) => return judgement.could_not_read(format!("{} in the baseline", was.name), cause),
    };
    let standby = then.run.server.as_ref().is_some_and(|server| server.in_recovery);
    let slack = if standby { (READ_AHEAD + i128::from(was.cache)) * counter.step } else { 0 };
    if counter.is_beyond(before - slack, counter.next) {
        // The last value that it had handed out is one step before its next.
        judgement.find(SequenceWentBack::new(sequence, counter, before - counter.step, None));
    }
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
    fn new(was: &Sequence, left: &[&FedColumn], replaced: bool) -> Self {
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
    fn new(
        catalog: &Catalog,
        sequence: &Sequence,
        counter: Counter,
        behind: &[(&FedColumn, i128)],
        was: Option<i128>,
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
            // Beyond the rows that are lost too: they may be brought back, and others know their numbers.
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
    fn new(sequence: &Sequence, counter: Counter, feeds: &[&FedColumn]) -> Self {
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
    fn new(sequence: &Sequence, counter: Counter, was: i128, feed: Option<&FedColumn>) -> Self {
        let (next, far) = (shown(counter.next), shown(was));
        let message = match feed {
            Some(feed) => format!(
                "{} went to {far} when the baseline was taken; from {next} on they go to other rows",
                feed.name()
            ),
            None => format!("had handed out values to {far}; goes on from {next}, so they come again"),
        };
        let mut common =
            Common::new(ID, "sequence_went_back", sequence.name.to_string(), Severity::Warning, message)
                .hint("Files, links and other systems that know the old numbers would mean the wrong rows.")
                .query(query(sequence, feed.as_slice()));
        if let Some(next) = counter.after(was) {
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
    fn new(was: &Sequence, feed: &FedColumn, column: &Column, sequence_is_there: bool) -> Self {
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
