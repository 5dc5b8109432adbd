//! `freshness`: the newest row of each table, against the restore target and the baseline.

mod findings;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::check::{Check, Context, Judgement, KindDoc, Reason};
use crate::collect::{Request, Wants};
use crate::evidence::catalog::{self, CatalogFactName};
use crate::evidence::{Cause, CauseKind, Evidence};
use crate::plan::ColumnName;
use crate::sql::{QualifiedName, ident};
use findings::Column;
pub use findings::*;

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "the newest rows are at or just before the restore target, and no older than in the baseline",
    docs: include_str!("freshness.md"),
    kinds: &[
        KindDoc {
            kind: "achieved_rpo",
            meaning: "how long before the restore target the newest row of all was written",
        },
        KindDoc {
            kind: "missing_column",
            meaning: "a timestamp column that the plan or the baseline names is nowhere",
        },
        KindDoc { kind: "newer_than_baseline", meaning: "rows were written after the baseline was taken" },
        KindDoc {
            kind: "newer_than_target",
            meaning: "the restore stopped at another instant, or rows were written since",
        },
        KindDoc { kind: "no_rows", meaning: "a table that should have a newest row has none" },
        KindDoc { kind: "rpo_missed", meaning: "more of the last writes is lost than the plan allows" },
        KindDoc {
            kind: "stale_data",
            meaning: "the newest rows that were there when the baseline was taken are gone",
        },
    ],
    wanted,
    judge,
};

const ID: &str = "freshness";

/// A newest row later than the instant of reading by more than this (any time
/// zone, and then some) says nothing about when rows were last written.
const FUTURE: SignedDuration = SignedDuration::from_hours(24);

/// A timestamp column that is looked at.
#[derive(Clone, Copy, Debug)]
struct Examined {
    /// Whether the plan names it.
    named: bool,
    /// Whether its values lack a time zone, and were taken as UTC.
    zoneless: bool,
}

type Columns = BTreeMap<(QualifiedName, String), Examined>;

fn wanted(context: Context<'_>, wants: &mut Wants) {
    wants.catalog(&[CatalogFactName::Column, CatalogFactName::Relation]);
    let Ok(columns) = columns(context, context.now, None) else { return };
    for (table, column) in columns.into_keys() {
        wants.add(Request::Extremes(table, column));
    }
}

/// The columns that are looked at: those that the plan names, and of every
/// other table in scope the one that says when a row was created.
///
/// Names that stand for nothing are told to the judgement, where there is one.
fn columns(
    context: Context<'_>,
    evidence: &Evidence,
    mut judgement: Option<&mut Judgement>,
) -> Result<Columns, Cause> {
    let catalog = &evidence.catalog;
    let mut columns = Columns::new();
    for name in context.plan.freshness.iter().flat_map(|section| &section.tables) {
        let object = name.to_string();
        let found = match resolve(name, evidence) {
            Ok(found) => found,
            Err(cause) if cause.kind == CauseKind::Ambiguous => {
                if let Some(judgement) = &mut judgement {
                    judgement.could_not_read(object, cause);
                }
                continue;
            }
            Err(cause) => return Err(cause),
        };
        match (found, &mut judgement) {
            (Some((table, column)), judgement) => {
                let found = catalog.column(&table, &column)?;
                let type_name = found.map_or("", catalog::Column::plain_type);
                if found.is_some_and(holds_instants) {
                    let zoneless = !type_name.contains("with time zone");
                    columns.insert((table, column), Examined { named: true, zoneless });
                } else if let Some(judgement) = judgement {
                    let cause = Cause::new(
                        CauseKind::Unsupported,
                        format!("the column is {type_name}, which holds no instants"),
                    );
                    judgement.could_not_read(object, cause);
                }
            }
            (None, Some(judgement)) => judgement.find(MissingColumn::planned(name)),
            (None, None) => {}
        }
    }
    for table in context.plan.scope.tables(catalog)? {
        if columns.keys().any(|(named, _)| named == &table.name) {
            continue;
        }
        if let Some(column) = catalog.created_column(&table.name)? {
            let zoneless = !column.plain_type().contains("with time zone");
            columns.insert((table.name.clone(), column.name.clone()), Examined { named: false, zoneless });
        }
    }
    Ok(columns)
}

fn holds_instants(column: &catalog::Column) -> bool {
    column.plain_type() == "date" || column.plain_type().starts_with("timestamp")
}

fn resolve(name: &ColumnName, evidence: &Evidence) -> Result<Option<(QualifiedName, String)>, Cause> {
    let catalog = &evidence.catalog;
    let Some(relation) = name.table.resolve(catalog)? else { return Ok(None) };
    let column = name.resolve_in(catalog, &relation.name)?;
    Ok(column.map(|column| (relation.name.clone(), column.to_owned())))
}

/// The newest instant in a column; none where it has no values.
fn newest(
    evidence: &Evidence,
    (table, column): &(QualifiedName, String),
) -> Result<Option<Timestamp>, Cause> {
    let fact = evidence.scans.tables.get(table).and_then(|scan| scan.extremes.get(column));
    let Some(fact) = fact else {
        return Err(Cause::new(CauseKind::NotCollected, "was not collected"));
    };
    let Some(text) = &fact.get()?.max else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        Cause::new(
            CauseKind::Unsupported,
            format!("its newest value, {text}, is out of the range of instants"),
        )
    })
}

fn judge(context: Context<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    let now = match columns(context, context.now, Some(&mut judgement)) {
        Ok(columns) => columns,
        Err(cause) => {
            judgement.could_not_read("the list of columns", cause);
            return judgement;
        }
    };
    let then = match context.then.map(|then| columns(context, then, None)).transpose() {
        Ok(then) => then,
        Err(cause) => {
            judgement.could_not_read("the baseline's list of columns", cause);
            None
        }
    };
    let section = context.plan.freshness.as_ref();
    if section.is_none() && context.then.is_none() {
        return Judgement::no_expectation(
            "no baseline and no [freshness] in the plan: add --against FILE|URL, or a restore target to the plan",
        );
    }
    let mut summary = Summary::default();
    for (key, examined) in &now {
        judge_column(context, key, *examined, then.as_ref(), &mut summary, &mut judgement);
    }
    for (table, column) in then.iter().flatten().map(|(key, _)| key).filter(|key| !now.contains_key(*key)) {
        if let Err(cause) = judge_gone(context, table, column, &mut judgement) {
            judgement.could_not_read(format!("{table}.{}", ident(column)), cause);
        }
    }
    judge_all(context, &summary, &mut judgement);
    let nothing = judgement.findings.is_empty() && judgement.unread.is_empty();
    if now.is_empty() && then.is_none_or(|then| then.is_empty()) && nothing {
        return Judgement::not_applicable(
            "no table has a column that says when its rows were created: name columns in [freshness]",
        );
    }
    let expects = section.is_some_and(|section| section.target.is_some() || section.rpo.is_some());
    if context.then.is_some() && !expects && !summary.compared {
        judgement = judgement.absent(
            Reason::NoExpectation,
            "no column that is looked at has a newest row in the baseline: is it of the same database?",
        );
    } else if context.then.is_none() && !expects {
        judgement = judgement.absent(
            Reason::NoExpectation,
            "[freshness] names tables, and nothing says how new their rows must be: add target, rpo or --against",
        );
    }
    judgement
}

/// What all columns together showed.
#[derive(Debug, Default)]
struct Summary {
    /// The newest instant that is not after the target, and where it is.
    newest: Option<(Timestamp, String)>,
    /// Whether one of them could be held against the baseline.
    compared: bool,
    /// Whether one of them was not read, so that there may be a newer one.
    incomplete: bool,
}

fn judge_column(
    context: Context<'_>,
    key: &(QualifiedName, String),
    examined: Examined,
    then: Option<&Columns>,
    summary: &mut Summary,
    judgement: &mut Judgement,
) {
    let section = context.plan.freshness.as_ref();
    let column = Column::new(key, examined);
    // Where the plan names columns, target and rpo are meant for these.
    let is_meant = examined.named || section.is_none_or(|section| section.tables.is_empty());
    let newest_now = match newest(context.now, key) {
        Ok(newest) => newest,
        Err(cause) => {
            summary.incomplete |= is_meant;
            return judgement.could_not_read(column.name, cause);
        }
    };
    let was = match context.then.zip(then).filter(|(_, then)| then.contains_key(key)) {
        Some((then, _)) => match newest(then, key) {
            Ok(was) => was,
            Err(cause) => {
                let cause = match cause.kind {
                    CauseKind::NotCollected => cause.hint("Take the baseline with the same plan."),
                    _ => cause,
                };
                judgement.could_not_read(format!("{} in the baseline", column.name), cause);
                None
            }
        },
        None => None,
    };
    judgement.examine("columns", 1);
    summary.compared |= was.is_some();
    let Some(newest) = newest_now else {
        if examined.named || was.is_some() {
            judgement.find(NoRows::new(&column, was));
        }
        return;
    };
    let target = section.and_then(|section| section.target).filter(|_| is_meant);
    let is_future = newest > later(context.now.run.taken_at, FUTURE);
    if let Some(target) = target
        && newest > target
    {
        judgement.find(NewerThanTarget::new(&column, newest, target));
    } else if is_future {
        let cause = Cause::new(
            CauseKind::Unsupported,
            format!("its newest value, {}, lies in the future and says nothing", instant(newest)),
        );
        summary.incomplete |= is_meant;
        judgement
            .could_not_read(&column.name, cause.hint("Name another column of the table in [freshness]."));
    } else if is_meant && summary.newest.as_ref().is_none_or(|(other, _)| *other < newest) {
        summary.newest = Some((newest, column.name.clone()));
    }
    match was {
        Some(was) if newest < was => judgement.find(StaleData::new(&column, newest, was)),
        Some(was) if newest > was => judgement.find(NewerThanBaseline::new(&column, newest, was)),
        _ => {}
    }
}

/// A column of the baseline that is not looked at now: gone, or another column took its place.
fn judge_gone(
    context: Context<'_>,
    table: &QualifiedName,
    column: &str,
    judgement: &mut Judgement,
) -> Result<(), Cause> {
    let catalog = &context.now.catalog;
    // A table that is gone is the finding of another check.
    if catalog.relation(table)?.is_none() {
        return Ok(());
    }
    let Some(column) = catalog.column(table, column)? else {
        judgement.find(MissingColumn::lost(table, column));
        return Ok(());
    };
    if holds_instants(column) {
        return Ok(());
    }
    Err(Cause::new(
        CauseKind::Unsupported,
        format!("the column is {} now, which holds no instants", column.type_name),
    ))
}

fn judge_all(context: Context<'_>, summary: &Summary, judgement: &mut Judgement) {
    let Some(section) = &context.plan.freshness else { return };
    let reference = section.target.unwrap_or(context.now.run.taken_at);
    match &summary.newest {
        Some((newest, column)) => {
            let missed = section.rpo.filter(|rpo| {
                let allowed = SignedDuration::try_from(std::time::Duration::from(*rpo));
                allowed.is_ok_and(|allowed| later(*newest, allowed) < reference)
            });
            match missed {
                // A newer row may be where nothing could be read: that is unread already.
                Some(_) if summary.incomplete => {}
                Some(rpo) => {
                    judgement.find(RpoMissed::new(*newest, column, section.target, rpo));
                }
                None => {}
            }
            if let Some(target) = section.target {
                judgement.find(AchievedRpo::new(*newest, column, target));
            }
        }
        // A database that is empty is not at its target.
        None if (section.rpo.is_some() || section.target.is_some())
            && !summary.incomplete
            && judgement.findings.is_empty()
            && judgement.examined.contains_key("columns") =>
        {
            let cause = Cause::new(CauseKind::Error, "no column that is looked at has one");
            judgement.could_not_read("the newest row of all", cause);
        }
        None => {}
    }
}

/// Unlike elsewhere with the fraction of the second, by which two instants may differ.
fn instant(at: Timestamp) -> String {
    at.to_string().replacen('T', " ", 1)
}

fn later(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.checked_add(by).unwrap_or(Timestamp::MAX)
}
