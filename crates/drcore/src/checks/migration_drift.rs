//! `migration_drift`: the history of migrations is whole, and fits the files.

mod files;
mod findings;
#[cfg(test)]
mod tests;
mod then;

use std::collections::BTreeMap;

use crate::check::{Check, Context, Judgement, KindDoc, Reason};

use crate::collect::{MigrationQuestion, Request, Wants};
use crate::evidence::catalog::CatalogFactName;
use crate::evidence::{AppliedMigration, Cause, Evidence, MigrationHistory};
use crate::migrations::{self, KnownHistory};
pub use findings::*;

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "the history of migrations is whole, and fits the files",
    docs: include_str!("migration_drift.md"),
    kinds: &[
        KindDoc {
            kind: "history_changed",
            meaning: "the history says of migrations that something else was applied than the baseline's says",
        },
        KindDoc { kind: "history_lost", meaning: "the next deployment runs every migration again" },
        KindDoc {
            kind: "migration_versions_shared",
            meaning: "the tool takes several files for one: all but one of them are never applied",
        },
        KindDoc { kind: "migrations_added", meaning: "migrations were applied since the baseline" },
        KindDoc {
            kind: "migrations_edited",
            meaning: "the database has something else than the files would make anew",
        },
        KindDoc { kind: "migrations_failed", meaning: "migrations were begun and did not come to their end" },
        KindDoc {
            kind: "migrations_lost",
            meaning: "the next deployment runs migrations again that were applied",
        },
        KindDoc {
            kind: "migrations_out_of_order",
            meaning: "files are older than what was applied last: tools refuse them, or pass them over",
        },
        KindDoc {
            kind: "migrations_pending",
            meaning: "the code in the repository expects more than the database has",
        },
        KindDoc {
            kind: "migrations_unknown",
            meaning: "the database has migrations of which there is no file: tools refuse to go on",
        },
        KindDoc {
            kind: "service_level_differs",
            meaning: "a service of the platform expects other tables than there are, until it migrates them",
        },
    ],
    wanted,
    judge,
};

const ID: &str = "migration_drift";

const FACTS: &[CatalogFactName] = &[CatalogFactName::Column, CatalogFactName::Relation];

fn wanted(context: Context<'_>, wants: &mut Wants) {
    wants.catalog(FACTS);
    let catalog = &context.now.catalog;
    for KnownHistory { tool, table } in
        migrations::histories(catalog, context.plan.migration_drift.as_ref()).unwrap_or_default()
    {
        wants.add(Request::Migrations(MigrationQuestion::History { tool, table }));
    }
    for (table, column) in migrations::services(catalog).unwrap_or_default() {
        wants.add(Request::Migrations(MigrationQuestion::Service { table, column }));
    }
}

fn judge(context: Context<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    let section = context.plan.migration_drift.as_ref();
    let of = |evidence: &Evidence| migrations::histories(&evidence.catalog, section);
    let is = match of(context.now) {
        Ok(is) => is,
        Err(cause) => {
            judgement.could_not_read("the list of tables and columns", cause);
            return judgement;
        }
    };
    let was = match context.then.map(of).transpose() {
        Ok(was) => was,
        Err(cause) => {
            judgement.could_not_read("the baseline's list of tables and columns", cause);
            return judgement;
        }
    };
    for known in &is {
        match history(context.now, known) {
            Ok(now) => judge_failed(context, known, now, &mut judgement),
            Err(cause) => judgement.could_not_read(known.table.to_string(), cause),
        }
    }
    for known in was.iter().flatten() {
        then::judge(context, known, is.contains(known), &mut judgement);
    }
    // A history that the baseline does not have is looked at by itself alone.
    let has_folder = section.is_some_and(|section| section.folder.is_some());
    if let Some(section) = section {
        match migrations::planned(&context.now.catalog, section) {
            Ok(known) if has_folder => files::judge(context, &known, is.contains(&known), &mut judgement),
            Ok(known) if !is.contains(&known) && !was.iter().flatten().any(|was| *was == known) => {
                judgement.find(HistoryLost::planned(&known));
            }
            Ok(_) => {}
            Err(cause) => judgement.could_not_read("the history that the plan names", cause),
        }
    }
    then::judge_services(context, &mut judgement);
    if context.then.is_none() && !has_folder {
        return nothing_to_compare(context, &is, judgement);
    }
    if is.is_empty() && was.iter().flatten().next().is_none() && section.is_none() {
        return judgement
            .absent(Reason::NotApplicable, "there is no history of migrations of a tool that is known");
    }
    if !judgement.examined.contains_key("migrations") {
        return judgement
            .absent(Reason::NotApplicable, "no migrations were applied, and there are no files of any");
    }
    judgement
}

/// Neither baseline nor files: only what failed can be told.
fn nothing_to_compare(context: Context<'_>, is: &[KnownHistory], judgement: Judgement) -> Judgement {
    if is.is_empty() && context.plan.migration_drift.is_none() {
        return judgement
            .absent(Reason::NotApplicable, "there is no history of migrations of a tool that is known");
    }
    judgement.absent(
        Reason::NoExpectation,
        "which migrations there should be is not known: add --against a baseline, or folder under [migration_drift]",
    )
}

fn history<'e>(evidence: &'e Evidence, known: &KnownHistory) -> Result<&'e MigrationHistory, Cause> {
    evidence.migrations.histories.get(&known.table).map_or_else(
        || Err(Cause::new(crate::evidence::CauseKind::NotCollected, "was not collected")),
        crate::evidence::Fact::get,
    )
}

/// What was applied, by version.
fn by_version(history: &MigrationHistory) -> BTreeMap<&str, &AppliedMigration> {
    history.applied.iter().map(|applied| (applied.version.as_str(), applied)).collect()
}

fn judge_failed(
    context: Context<'_>,
    known: &KnownHistory,
    now: &MigrationHistory,
    judgement: &mut Judgement,
) {
    judgement.examine("migrations", now.applied.len() as u64);
    let failed: Vec<&AppliedMigration> = now.applied.iter().filter(|applied| applied.failed).collect();
    if failed.is_empty() {
        return;
    }
    let had_failed = context.then.and_then(|then| history(then, known).ok()).is_some_and(|then| {
        let then = by_version(then);
        failed.iter().all(|failed| then.get(failed.version.as_str()).is_some_and(|was| was.failed))
    });
    judgement.find(MigrationsFailed::new(known, &failed, had_failed));
}
