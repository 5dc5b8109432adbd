//! `row_counts`: exact counts against the plan, the baseline or a live source.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{Check, Context, Judgement, KindDoc};
use crate::collect::{Request, Wants};
use crate::evidence::catalog::{CatalogFactName, Persistence, Relation};
use crate::evidence::{Affected, Cause, Evidence};
use crate::finding::{Common, Payload, Severity};
use crate::plan::CountExpectation;
use crate::sql::QualifiedName;
use crate::text::{count, plural};

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "every table has the rows that it should have, counted exactly",
    docs: include_str!("row_counts.md"),
    kinds: &[
        KindDoc { kind: "count_mismatch", meaning: "the table has other than the planned number of rows" },
        KindDoc { kind: "emptied_table", meaning: "all rows of the table are gone" },
        KindDoc { kind: "extra_table", meaning: "the table was not there when the baseline was taken" },
        KindDoc { kind: "fewer_rows", meaning: "rows that were there when the baseline was taken are gone" },
        KindDoc { kind: "missing_table", meaning: "the table is gone, with all its rows" },
        KindDoc {
            kind: "more_rows",
            meaning: "rows came in, or deleted rows came back, since the baseline was taken",
        },
    ],
    wanted,
    judge,
};

const ID: &str = "row_counts";

fn wanted(context: Context<'_>, wants: &mut Wants) {
    wants.catalog(&[CatalogFactName::Relation]);
    let Ok(tables) = scope(context, context.now) else { return };
    for table in tables.keys() {
        wants.add(Request::Rows((*table).clone()));
        if let Some(then) = context.then {
            wants.spread(context.now, then, table);
        }
    }
}

/// The tables that are counted: those in scope, and those that the plan names.
fn scope<'e>(
    context: Context<'_>,
    evidence: &'e Evidence,
) -> Result<BTreeMap<&'e QualifiedName, &'e Relation>, Cause> {
    let catalog = &evidence.catalog;
    let mut tables: BTreeMap<_, _> =
        context.plan.scope.tables(catalog)?.into_iter().map(|relation| (&relation.name, relation)).collect();
    for name in context.plan.row_counts.iter().flat_map(|section| section.tables.keys()) {
        if let Ok(Some(relation)) = name.resolve(catalog) {
            tables.insert(&relation.name, relation);
        }
    }
    Ok(tables)
}

fn judge(context: Context<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    let mut now = match scope(context, context.now) {
        Ok(tables) => tables,
        Err(cause) => {
            judgement.could_not_read("the list of tables", cause);
            return judgement;
        }
    };
    let then = match context.then.map(|then| scope(context, then)).transpose() {
        Ok(tables) => tables,
        Err(cause) => {
            judgement.could_not_read("the baseline's list of tables", cause);
            return judgement;
        }
    };
    let planned = planned(context, &mut judgement);
    if let Some((then, counted)) = context.then.zip(then.as_ref()) {
        // What the baseline had and left out is not new: the platform's, by tables that are gone since.
        let left_out = |name: &QualifiedName| {
            !counted.contains_key(name) && then.catalog.relation(name).is_ok_and(|there| there.is_some())
        };
        now.retain(|name, _| planned.contains_key(*name) || !left_out(name));
    }
    if then.is_none() && planned.is_empty() && judgement.findings.is_empty() && judgement.unread.is_empty() {
        return Judgement::no_expectation(
            "no baseline and no [row_counts] in the plan: add --against FILE|URL, or name tables in the plan",
        );
    }
    if now.is_empty() && then.as_ref().is_none_or(BTreeMap::is_empty) && judgement == Judgement::default() {
        return Judgement::not_applicable("there is no table, neither now nor in the baseline");
    }
    for (name, relation) in &now {
        // A view of that name holds none of the rows.
        let was = then.as_ref().and_then(|then| then.get(name));
        if let Some(was) = was.filter(|was| was.kind.is_table() && !relation.kind.is_table()) {
            let rows = rows_of(context.then, name).and_then(Result::ok);
            judgement.find(MissingTable::lost(was, rows));
            continue;
        }
        let expectation = planned.get(*name).copied().or(then.is_some().then_some(CountExpectation::Same));
        let Some(expectation) = expectation else { continue };
        judge_table(context, relation, expectation, then.as_ref(), &mut judgement);
    }
    for (name, relation) in then.iter().flatten().filter(|(name, _)| !now.contains_key(*name)) {
        let rows = rows_of(context.then, name).and_then(Result::ok);
        judgement.find(MissingTable::lost(relation, rows));
    }
    judgement
}

/// What the plan expects, by the tables as they are now. Names that stand for nothing are findings.
fn planned(context: Context<'_>, judgement: &mut Judgement) -> BTreeMap<QualifiedName, CountExpectation> {
    let mut planned = BTreeMap::new();
    let Some(section) = &context.plan.row_counts else { return planned };
    for (name, expectation) in &section.tables {
        match name.resolve(&context.now.catalog) {
            Ok(Some(relation)) => {
                planned.insert(relation.name.clone(), *expectation);
            }
            Ok(None) => {
                let in_baseline = context.then.and_then(|then| name.resolve(&then.catalog).ok().flatten());
                // Then it is found missing below, under the name that it had.
                if in_baseline.is_none() {
                    judgement.find(MissingTable::planned(&name.presumed()));
                }
            }
            Err(cause) => judgement.could_not_read(name.to_string(), cause),
        }
    }
    planned
}

fn rows_of(evidence: Option<&Evidence>, name: &QualifiedName) -> Option<Result<u64, Cause>> {
    evidence.map(|evidence| match evidence.scans.tables.get(name) {
        Some(scan) => scan.rows.get().copied(),
        None => Err(Cause::new(crate::evidence::CauseKind::NotCollected, "was not counted")),
    })
}

fn judge_table(
    context: Context<'_>,
    relation: &Relation,
    expectation: CountExpectation,
    then: Option<&BTreeMap<&QualifiedName, &Relation>>,
    judgement: &mut Judgement,
) {
    let name = &relation.name;
    let rows = match rows_of(Some(context.now), name) {
        Some(Ok(rows)) => rows,
        Some(Err(cause)) => return judgement.could_not_read(name.to_string(), cause),
        None => return,
    };
    let against_baseline = matches!(
        expectation,
        CountExpectation::Same | CountExpectation::Within(_) | CountExpectation::Percent(_)
    );
    if against_baseline {
        let Some(then) = then else {
            let cause = Cause::new(
                crate::evidence::CauseKind::NotCollected,
                "the plan compares it with a baseline, and none was given",
            );
            return judgement.could_not_read(name.to_string(), cause.hint("Add --against FILE|URL."));
        };
        if !then.contains_key(name) {
            judgement.examine("tables", 1);
            return judgement.find(ExtraTable::new(relation, rows));
        }
        let were = match rows_of(context.then, name) {
            Some(Ok(rows)) => rows,
            Some(Err(cause)) => return judgement.could_not_read(format!("{name} in the baseline"), cause),
            None => return,
        };
        judgement.examine("tables", 1);
        judgement.examine("rows", rows);
        if !allows(expectation, rows, were) {
            let affected = context.then.and_then(|then| context.now.affected(then, name));
            judgement.findings.push(differs(relation, rows, were, expectation, affected));
        }
        return;
    }
    judgement.examine("tables", 1);
    judgement.examine("rows", rows);
    let (min, max) = match expectation {
        CountExpectation::Exactly(count) => (count, Some(count)),
        CountExpectation::Range { min, max } => (min, max),
        _ => return,
    };
    if rows < min || max.is_some_and(|max| rows > max) {
        judgement.find(CountMismatch::new(relation, rows, min, max));
    }
}

fn allows(expectation: CountExpectation, rows: u64, were: u64) -> bool {
    let off = rows.abs_diff(were);
    match expectation {
        CountExpectation::Within(within) => off <= within,
        #[expect(clippy::cast_precision_loss, reason = "a percentage of counts below 2^53")]
        CountExpectation::Percent(percent) => off as f64 <= were as f64 * percent / 100.0,
        _ => off == 0,
    }
}

fn differs(
    relation: &Relation,
    rows: u64,
    were: u64,
    expectation: CountExpectation,
    affected: Option<Affected>,
) -> crate::Finding {
    let tolerance = match expectation {
        CountExpectation::Within(within) => format!(", {} allowed", count(within)),
        CountExpectation::Percent(percent) => format!(", {percent} % allowed"),
        _ => String::new(),
    };
    if rows == 0 {
        EmptiedTable::new(relation, were).into()
    } else if rows < were {
        FewerRows::new(relation, rows, were, &tolerance, affected).into()
    } else {
        MoreRows::new(relation, rows, were, &tolerance).into()
    }
}

fn query(relation: &Relation) -> String {
    format!(
        "select count(*) from {}{}",
        if relation.from_sql().starts_with("only") { "only " } else { "" },
        relation.name
    )
}

macro_rules! payload {
    ($type:ty, $self:ident => $count:expr) => {
        impl Payload for $type {
            fn common(&self) -> &Common {
                &self.common
            }

            fn count(&$self) -> Option<u64> {
                $count
            }
        }
    };
}

/// A table has other than the planned number of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct CountMismatch {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// How many rows there are.
    pub rows: u64,
    /// The fewest that the plan allows.
    pub min: u64,
    /// The most that the plan allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
}

impl CountMismatch {
    fn new(relation: &Relation, rows: u64, min: u64, max: Option<u64>) -> Self {
        let expected = match max {
            Some(max) if max == min => count(min),
            Some(max) => format!("{} to {}", count(min), count(max)),
            None => format!("at least {}", count(min)),
        };
        let message = format!("{} rows, planned {expected}", count(rows));
        let common = Common::new(ID, "count_mismatch", relation.name.to_string(), Severity::Warning, message);
        Self { common: common.query(query(relation)), rows, min, max }
    }
}

payload!(CountMismatch, self => Some(if self.rows < self.min {
    self.min - self.rows
} else {
    self.rows - self.max.unwrap_or(self.rows)
}));

/// A table had rows and now has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct EmptiedTable {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// How many rows there were.
    pub were: u64,
    /// Whether it is UNLOGGED: a crash or a physical restore empties it by design.
    pub unlogged: bool,
}

impl EmptiedTable {
    fn new(relation: &Relation, were: u64) -> Self {
        let unlogged = relation.persistence == Persistence::Unlogged;
        let message = format!("empty, had {}", plural(were, "row"));
        let mut common =
            Common::new(ID, "emptied_table", relation.name.to_string(), Severity::Critical, message)
                .query(query(relation));
        if unlogged {
            common =
                common.hint("The table is UNLOGGED: a crash or a physical restore empties it by design.");
        }
        Self { common, were, unlogged }
    }
}

payload!(EmptiedTable, self => Some(self.were));

/// A table is there now and was not in the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct ExtraTable {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// How many rows there are.
    pub rows: u64,
}

impl ExtraTable {
    fn new(relation: &Relation, rows: u64) -> Self {
        let message = format!("not in the baseline, has {}", plural(rows, "row"));
        let common = Common::new(ID, "extra_table", relation.name.to_string(), Severity::Warning, message)
            .hint("Created after the baseline was taken, or left over in the target of the restore.");
        Self { common: common.query(query(relation)), rows }
    }
}

payload!(ExtraTable, self => None);

/// A table has fewer rows than the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct FewerRows {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// How many rows there are.
    pub rows: u64,
    /// How many rows there were.
    pub were: u64,
    /// Whose they were, and of when, where the baseline knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affected: Option<Affected>,
}

impl FewerRows {
    fn new(relation: &Relation, rows: u64, were: u64, tolerance: &str, affected: Option<Affected>) -> Self {
        let message = format!(
            "{} lost ({}, were {}{tolerance}){}",
            plural(were - rows, "row"),
            count(rows),
            count(were),
            affected.as_ref().map(Affected::clause).unwrap_or_default()
        );
        let common = Common::new(ID, "fewer_rows", relation.name.to_string(), Severity::Warning, message);
        Self { common: common.query(query(relation)), rows, were, affected }
    }
}

payload!(FewerRows, self => Some(self.were - self.rows));

/// A table that the plan or the baseline names is nowhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct MissingTable {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// How many rows there were, where the baseline knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub were: Option<u64>,
}

impl MissingTable {
    fn lost(relation: &Relation, were: Option<u64>) -> Self {
        let rows = were.map_or_else(String::new, |were| format!(" with {}", plural(were, "row")));
        let message = format!("the table is gone, was there{rows}");
        Self {
            common: Common::new(ID, "missing_table", relation.name.to_string(), Severity::Critical, message),
            were,
        }
    }

    fn planned(name: &QualifiedName) -> Self {
        let message = "the plan names this table, and it is nowhere";
        Self {
            common: Common::new(ID, "missing_table", name.to_string(), Severity::Critical, message),
            were: None,
        }
    }
}

payload!(MissingTable, self => self.were);

/// A table has more rows than the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct MoreRows {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// How many rows there are.
    pub rows: u64,
    /// How many rows there were.
    pub were: u64,
}

impl MoreRows {
    fn new(relation: &Relation, rows: u64, were: u64, tolerance: &str) -> Self {
        let message =
            format!("{} more ({}, were {}{tolerance})", plural(rows - were, "row"), count(rows), count(were));
        let common = Common::new(ID, "more_rows", relation.name.to_string(), Severity::Warning, message)
            .hint("Written since the baseline was taken, or deleted rows that the restore brought back.");
        Self { common: common.query(query(relation)), rows, were }
    }
}

payload!(MoreRows, self => Some(self.rows - self.were));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerances_hold_in_both_directions_and_no_further() {
        for (expectation, allowed, beyond) in [
            (CountExpectation::Same, [200, 200], [199, 201]),
            (CountExpectation::Within(3), [197, 203], [196, 204]),
            (CountExpectation::Percent(1.5), [197, 203], [196, 204]),
        ] {
            for rows in allowed {
                assert!(allows(expectation, rows, 200), "{expectation:?}: {rows}");
            }
            for rows in beyond {
                assert!(!allows(expectation, rows, 200), "{expectation:?}: {rows}");
            }
        }
    }

    #[test]
    fn the_message_says_how_much_was_allowed() {
        let relation: Relation = serde_json::from_value(serde_json::json!({
            "name": "public.t", "kind": "table", "persistence": "permanent", "owner": "postgres",
            "rls_enabled": false, "rls_forced": false, "parents": [], "is_partition": false, "options": [],
            "acl": [], "extension": null, "estimated_rows": 0,
        }))
        .unwrap();
        let message = |rows, expectation| {
            let finding = differs(&relation, rows, 200, expectation, None);
            (finding.kind(), finding.common().message.clone())
        };
        let fewer = message(190, CountExpectation::Within(3));
        assert_eq!(fewer, ("fewer_rows", "10 rows lost (190, were 200, 3 allowed)".to_owned()));
        let more = message(210, CountExpectation::Percent(1.5));
        assert_eq!(more, ("more_rows", "10 rows more (210, were 200, 1.5 % allowed)".to_owned()));
        assert_eq!(message(0, CountExpectation::Same).0, "emptied_table");
    }
}
