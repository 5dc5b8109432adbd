//! `content_drift`: the same rows as in the baseline, not only as many.

mod located;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::check::{Check, Context, Judgement, KindDoc};
use crate::collect::{Request, Wants};
use crate::content::{Content, METHOD};
use crate::diff::ChangedColumn;
use crate::evidence::catalog::{CatalogFactName, Relation};
use crate::evidence::{Affected, Cause, CauseKind, Evidence, RowKeys};
use crate::finding::{Common, Payload, Severity};
use crate::sql::QualifiedName;
use crate::text::{count, plural};
use located::Located;

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "every row holds what it held when the baseline was taken",
    docs: include_str!("content_drift.md"),
    kinds: &[KindDoc {
        kind: "rows_differ",
        meaning: "rows are missing, changed or more than they were, even where there are as many as before",
    }],
    wanted,
    judge,
};

const ID: &str = "content_drift";

fn wanted(context: Context<'_>, wants: &mut Wants) {
    let Some(then) = context.then.filter(|then| holds_content(then)) else { return };
    wants.catalog(&[CatalogFactName::Column, CatalogFactName::Key, CatalogFactName::Relation]);
    let catalog = &context.now.catalog;
    if catalog.columns.is_not_asked() || catalog.relations.is_not_asked() {
        return;
    }
    for name in tables(context, then).unwrap_or_default().into_keys() {
        if !matches!(catalog.relation(name), Ok(Some(relation)) if relation.kind.is_table()) {
            continue;
        }
        wants.add(Request::Content(name.clone()));
        wants.spread(context.now, then, name);
        if let (Some(Ok(now)), Some(Ok(was))) = (content(context.now, name), content(then, name))
            && comparable(now, was).is_ok()
            && differ(now, was)
            && then.sketched.get(name).is_some()
        {
            wants.add(Request::Sketch(name.clone()));
        }
    }
}

/// Whether the content of any table was asked for when this was collected.
fn holds_content(evidence: &Evidence) -> bool {
    evidence.scans.tables.values().any(|scan| !scan.content.is_not_asked())
}

/// The baseline's tables that are compared.
fn tables<'e>(
    context: Context<'_>,
    then: &'e Evidence,
) -> Result<BTreeMap<&'e QualifiedName, &'e Relation>, Cause> {
    let tables = context.plan.compared_tables(&then.catalog)?;
    Ok(tables.into_iter().map(|relation| (&relation.name, relation)).collect())
}

fn content<'e>(evidence: &'e Evidence, name: &QualifiedName) -> Option<Result<&'e Content, Cause>> {
    evidence.scans.tables.get(name).map(|scan| scan.content.get())
}

fn differ(now: &Content, was: &Content) -> bool {
    (now.rows, now.fingerprint) != (was.rows, was.fingerprint)
}

fn judge(context: Context<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    if let Err(cause) = context.now.catalog.relations.get() {
        judgement.could_not_read("the list of tables", cause);
        return judgement;
    }
    let Some(then) = context.then else {
        return Judgement::no_expectation(
            "no baseline: add --against FILE|URL, of a baseline that holds content (drcore baseline --content)",
        );
    };
    let tables = match tables(context, then) {
        Ok(tables) => tables,
        Err(cause) => {
            judgement.could_not_read("the baseline's list of tables", cause);
            return judgement;
        }
    };
    if !holds_content(then) {
        return Judgement::no_expectation(
            "the baseline does not hold the content of tables: take it with drcore baseline --content",
        );
    }
    if tables.is_empty() {
        return Judgement::not_applicable("the baseline has no table whose rows are compared");
    }
    for (name, relation) in tables {
        judge_table(context, then, name, relation, &mut judgement);
    }
    judgement
}

fn judge_table(
    context: Context<'_>,
    then: &Evidence,
    name: &QualifiedName,
    was_relation: &Relation,
    judgement: &mut Judgement,
) {
    let not_collected = || Err(Cause::new(CauseKind::NotCollected, "its content was not collected"));
    let was = match content(then, name).unwrap_or_else(not_collected) {
        Ok(was) => was,
        Err(cause) => return judgement.could_not_read(format!("{name} in the baseline"), cause),
    };
    if !matches!(context.now.catalog.relation(name), Ok(Some(relation)) if relation.kind.is_table()) {
        judgement.examine("tables", 1);
        return judgement.find(RowsDiffer::gone(was_relation, was));
    }
    let now = match content(context.now, name).unwrap_or_else(not_collected) {
        Ok(now) => now,
        Err(cause) => return judgement.could_not_read(name.to_string(), cause),
    };
    if let Err(cause) = comparable(now, was) {
        return judgement.could_not_read(name.to_string(), cause);
    }
    judgement.examine("tables", 1);
    judgement.examine("rows", now.rows);
    if !differ(now, was) {
        return;
    }
    let affected = || context.now.affected(then, name);
    let Some(again) = context.now.scans.located.get(name) else {
        let located = Located::find(context.now, then, name, was);
        return judgement.find(RowsDiffer::new(name, now, was, located, affected()));
    };
    if again.missing + again.extra + again.changed > 0 {
        return judgement.find(RowsDiffer::new(name, now, was, Ok(Located::again(again, was)), affected()));
    }
    // All of it was the same when it was read again, or is being written to.
    if again.in_motion > 0 {
        let message = format!(
            "{} differed from the source another way at each reading: somebody writes to them",
            plural(again.in_motion, "row")
        );
        let cause = Cause::new(CauseKind::Unsupported, message)
            .hint("Verify while nobody writes, or against a baseline from the backup's own snapshot.");
        judgement.could_not_read(name.to_string(), cause);
    }
}

/// Whether the two were made in the same way, of the same columns.
fn comparable(now: &Content, was: &Content) -> Result<(), Cause> {
    let other = |message: String| Err(Cause::new(CauseKind::Unsupported, message));
    if was.method != METHOD || now.method != METHOD {
        return other(format!(
            "the fingerprints are of method {} and {}; this version of drcore compares method {METHOD}",
            was.method, now.method
        ));
    }
    if was.columns != now.columns {
        return other("the fingerprints are of other columns".to_owned());
    }
    Ok(())
}

/// A table holds other rows than the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct RowsDiffer {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// How many rows there are.
    pub rows: u64,
    /// How many rows there were.
    pub were: u64,
    /// How many rows are not there any more; none where the differences could not be told apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<u64>,
    /// How many rows were not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra: Option<u64>,
    /// How many rows are there under the same key and hold something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<u64>,
    /// In how many of the changed rows each column differs, where a live source was at hand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_columns: Vec<ChangedColumn>,
    /// Keys of some of the missing rows.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub missing_keys: RowKeys,
    /// Keys of some of the rows that were not there.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub extra_keys: RowKeys,
    /// Keys of some of the rows that hold something else.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub changed_keys: RowKeys,
    /// Which tenants and hours have fewer or more rows than they had, where the baseline knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affected: Option<Affected>,
}

fn is_empty(keys: &RowKeys) -> bool {
    keys.rows.is_empty()
}

impl Payload for RowsDiffer {
    fn common(&self) -> &Common {
        &self.common
    }

    fn count(&self) -> Option<u64> {
        match (self.missing, self.extra, self.changed) {
            (Some(missing), Some(extra), Some(changed)) => Some(missing + extra + changed),
            // Nobody knows how many: no bound can hold.
            _ => Some(u64::MAX),
        }
    }
}

impl RowsDiffer {
    fn new(
        name: &QualifiedName,
        now: &Content,
        was: &Content,
        located: Result<Located, String>,
        affected: Option<Affected>,
    ) -> Self {
        let message = match &located {
            Ok(located) => located.message(now, was),
            Err(_) if now.rows == was.rows => {
                format!("as many rows as there were ({}), and not the same", count(now.rows))
            }
            Err(_) => format!("not the rows that there were ({}, were {})", count(now.rows), count(was.rows)),
        };
        let message = message + &affected.as_ref().map(Affected::clause).unwrap_or_default();
        let mut common = Common::new(ID, "rows_differ", name.to_string(), Severity::Warning, message);
        match &located {
            Ok(located) => {
                if let Some(hint) = located.hint() {
                    common = common.hint(hint);
                }
                if let Some(query) = located.query(name) {
                    common = common.query(query);
                }
            }
            Err(why) => common = common.hint(format!("which rows they are could not be told: {why}")),
        }
        let located = located.ok();
        let numbers = located.as_ref().map(|located| &located.numbers);
        Self {
            common,
            rows: now.rows,
            were: was.rows,
            missing: numbers.map(|numbers| numbers.missing),
            extra: numbers.map(|numbers| numbers.extra),
            changed: numbers.map(|numbers| numbers.changed),
            changed_columns: located.as_ref().map(|located| located.columns.clone()).unwrap_or_default(),
            missing_keys: located.as_ref().map(|located| located.missing.clone()).unwrap_or_default(),
            extra_keys: located.as_ref().map(|located| located.extra.clone()).unwrap_or_default(),
            changed_keys: located.map(|located| located.changed).unwrap_or_default(),
            affected,
        }
    }

    fn gone(relation: &Relation, was: &Content) -> Self {
        let message = format!("the table is gone, with its {}", plural(was.rows, "row"));
        Self {
            common: Common::new(ID, "rows_differ", relation.name.to_string(), Severity::Critical, message),
            rows: 0,
            were: was.rows,
            missing: Some(was.rows),
            extra: Some(0),
            changed: Some(0),
            changed_columns: Vec::new(),
            missing_keys: RowKeys::default(),
            extra_keys: RowKeys::default(),
            changed_keys: RowKeys::default(),
            affected: None,
        }
    }
}
