//! `schema_drift`: every object of the database is what it was.

mod causes;
mod findings;
mod groups;
mod severity;
mod told;

pub use findings::{FunctionLinesLost, ObjectAdded, ObjectChanged, ObjectLost, ObjectsAdded, ObjectsLost};

use crate::check::{Check, Context, Judgement, KindDoc};
use crate::collect::Wants;
use crate::evidence::catalog::CatalogFactName;
use crate::structure::{Comparison, FACTS, MissingList, Sides, looks_at};
use told::Told;

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "tables, columns, constraints, functions, triggers and every other object are what they were",
    docs: include_str!("schema_drift.md"),
    kinds: &[
        KindDoc {
            kind: "function_lines_lost",
            meaning: "functions lost the lines of their text that begin with --, which a tool took for comments of the dump",
        },
        KindDoc { kind: "object_added", meaning: "an object came in since the baseline was taken" },
        KindDoc {
            kind: "object_changed",
            meaning: "an object is not what it was: it does something else, or takes and gives something else",
        },
        KindDoc {
            kind: "object_lost",
            meaning: "an object is gone: what uses it fails, or is not done any more",
        },
        KindDoc {
            kind: "objects_added",
            meaning: "several objects of one kind came in since the baseline was taken",
        },
        KindDoc { kind: "objects_lost", meaning: "several objects of one kind are gone" },
    ],
    wanted,
    judge,
};

const ID: &str = "schema_drift";

fn wanted(_: Context<'_>, wants: &mut Wants) {
    wants.catalog(FACTS);
    // Privileges of what is created again go to roles that are there.
    wants.catalog(&[CatalogFactName::Role]);
}

fn judge(context: Context<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    if let Err(cause) = context.now.catalog.relations.get() {
        judgement.could_not_read("the list of relations", cause);
        return judgement;
    }
    let Some(then) = context.then else {
        return Judgement::no_expectation("what the structure was is not known: add --against FILE|URL");
    };
    if let Err(cause) = then.catalog.relations.get() {
        judgement.could_not_read("the baseline's list of relations", cause);
        return judgement;
    }
    let is_older = then.catalog.triggers.is_not_asked() && then.catalog.types.is_not_asked();
    if is_older && context.now.catalog.triggers.read().is_some() {
        return Judgement::no_expectation(
            "the baseline was taken without the structure, by an older version or for some checks only: take it again",
        );
    }
    let sides = Sides { now: context.now, then };
    let scope = &context.plan.scope;
    // Without the list of relations, which both have, nothing is known to be the platform's.
    let Comparison { drifts, unread, compared } =
        sides.compare(|part, catalog| looks_at(part, catalog, scope).unwrap_or(true));
    for MissingList { list, of_then, cause } in unread {
        let whose = if of_then { " of the baseline" } else { "" };
        judgement.could_not_read(format!("the list of {list}{whose}"), cause);
    }
    for (kind, count) in compared {
        judgement.examine(&kind.plural(), count);
    }
    let drifts = Told::by_others(context).leave(drifts);
    for finding in groups::findings(drifts, sides) {
        judgement.find(finding);
    }
    if judgement.examined.is_empty() && judgement.findings.is_empty() && judgement.unread.is_empty() {
        return Judgement::not_applicable(
            "there is no object in the schemas that are looked at, and there was none",
        );
    }
    judgement
}
