//! Histories and levels of services, against the baseline's.

use std::collections::BTreeMap;

use super::findings::{HistoryChanged, HistoryLost, MigrationsAdded, MigrationsLost, ServiceLevelDiffers};
use super::{by_version, history};
use crate::check::{Context, Judgement};
use crate::evidence::{AppliedMigration, Cause, CauseKind, Evidence, Fact, ServiceLevel};
use crate::migrations::{self, KnownHistory};
use crate::sql::QualifiedName;

const AGAIN: &str = "Take the baseline again, with a role that may read the histories of migrations.";

fn again(cause: Cause) -> Cause {
    if cause.hint.is_some() { cause } else { cause.hint(AGAIN) }
}

/// Compares a history that the baseline has.
pub(super) fn judge(context: Context<'_>, known: &KnownHistory, is_there: bool, judgement: &mut Judgement) {
    let Some(then) = context.then else { return };
    let was = match history(then, known) {
        Ok(was) => was,
        Err(cause) => {
            return judgement.could_not_read(format!("{} in the baseline", known.table), again(cause));
        }
    };
    if was.applied.is_empty() {
        return;
    }
    if !is_there {
        judgement.examine("migrations", was.applied.len() as u64);
        return judgement.find(HistoryLost::gone(known, was));
    }
    // Where it cannot be read now, that was told.
    let Ok(now) = history(context.now, known) else { return };
    if now.applied.is_empty() {
        judgement.examine("migrations", was.applied.len() as u64);
        return judgement.find(HistoryLost::emptied(known, was));
    }
    let (is, were) = (by_version(now), by_version(was));
    let lost = without(&was.applied, &is);
    if !lost.is_empty() {
        judgement.find(MigrationsLost::new(known, &lost));
    }
    let added = without(&now.applied, &were);
    if !added.is_empty() {
        judgement.find(MigrationsAdded::new(known, &added));
    }
    let is_changed = |applied: &&AppliedMigration| {
        let before = were.get(applied.version.as_str()).and_then(|was| was.content.as_ref());
        // A text that went or came, as by repairing the history, is no other text.
        before.zip(applied.content.as_ref()).is_some_and(|(was, is)| is_comparable(was, is) && was != is)
    };
    let changed: Vec<&AppliedMigration> = now.applied.iter().filter(is_changed).collect();
    if !changed.is_empty() {
        judgement.find(HistoryChanged::new(known, &changed));
    }
}

/// Those of these migrations that a history does not have.
fn without<'e>(
    of: &'e [AppliedMigration],
    history: &BTreeMap<&str, &AppliedMigration>,
) -> Vec<&'e AppliedMigration> {
    of.iter().filter(|applied| !history.contains_key(applied.version.as_str())).collect()
}

/// Whether two hashes were made in the same way: `1:…` says how drcore made one.
pub(super) fn is_comparable(one: &str, other: &str) -> bool {
    let way = |hash: &str| hash.split_once(':').map(|(way, _)| way.to_owned());
    way(one) == way(other)
}

/// Compares how far the platform's services are.
pub(super) fn judge_services(context: Context<'_>, judgement: &mut Judgement) {
    let Some(then) = context.then else { return };
    let of = |evidence: &Evidence| migrations::services(&evidence.catalog);
    // Of these catalogs the lists of tables were read, or the check had ended.
    let (Ok(is), Ok(was)) = (of(context.now), of(then)) else { return };
    let mut shut = Vec::new();
    for (table, _) in was {
        let before = match level(then, &table) {
            Ok(before) => before,
            Err(cause) if cause.kind == CauseKind::Permission => {
                shut.push(table.to_string());
                continue;
            }
            Err(cause) => {
                judgement.could_not_read(format!("{table} in the baseline"), again(cause));
                continue;
            }
        };
        if before.applied == 0 {
            continue;
        }
        judgement.examine("services", 1);
        if !is.iter().any(|(there, _)| *there == table) {
            judgement.find(ServiceLevelDiffers::gone(&table, &before));
            continue;
        }
        match level(context.now, &table) {
            Ok(now) if now == before => {}
            Ok(now) => judgement.find(ServiceLevelDiffers::new(&table, &before, &now)),
            Err(cause) if cause.kind == CauseKind::Permission => shut.push(table.to_string()),
            Err(cause) => judgement.could_not_read(table.to_string(), cause),
        }
    }
    // The platform shuts some of them, and its services bring their tables up to date by themselves.
    if !shut.is_empty() {
        judgement.remark(format!("not compared, for lack of the right to read: {}", shut.join(", ")));
    }
}

fn level(evidence: &Evidence, table: &QualifiedName) -> Result<ServiceLevel, Cause> {
    evidence.migrations.services.get(table).unwrap_or(&Fact::NotAsked).get().cloned()
}
