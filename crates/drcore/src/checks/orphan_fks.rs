//! `orphan_fks`: every reference leads somewhere, whatever the constraints claim.

mod findings;
mod relations;
mod remedies;

pub use findings::{HalfNullKeys, MissingForeignKey, MissingRelation, OrphanedRows};

use crate::check::{Check, Context, Judgement, KindDoc};
use crate::collect::{Request, Wants};
use crate::evidence::catalog::CatalogFactName;
use crate::evidence::{Cause, CauseKind, Evidence, Orphans};
use crate::reference::Reference;
use relations::{Known, Relations};

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "every foreign key leads to a parent that exists, counted row by row",
    docs: include_str!("orphan_fks.md"),
    kinds: &[
        KindDoc {
            kind: "half_null_keys",
            meaning: "rows break a MATCH FULL constraint: a part of their key is NULL, so they refer to nothing",
        },
        KindDoc {
            kind: "missing_foreign_key",
            meaning: "a foreign key of the baseline is gone, so nothing keeps new orphans out",
        },
        KindDoc {
            kind: "missing_relation",
            meaning: "a relation of the plan names a table or column that is nowhere",
        },
        KindDoc {
            kind: "orphaned_rows",
            meaning: "rows refer to a parent that does not exist: joins lose them, and a dump of them cannot be restored whole",
        },
    ],
    wanted,
    judge,
};

const ID: &str = "orphan_fks";

fn wanted(context: Context<'_>, wants: &mut Wants) {
    wants.catalog(&[
        CatalogFactName::Column,
        CatalogFactName::ForeignKey,
        CatalogFactName::Key,
        CatalogFactName::Relation,
    ]);
    for Known { reference, .. } in Relations::of(context).known {
        let orphans = counted(context.now, &reference).is_ok_and(|orphans| orphans.rows > 0);
        if orphans {
            wants.add(Request::OrphanSample(reference.clone()));
        }
        wants.add(Request::Orphans(reference));
    }
}

fn counted<'e>(evidence: &'e Evidence, reference: &Reference) -> Result<&'e Orphans, Cause> {
    match evidence.scans.orphans.get(&reference.key()) {
        Some(fact) => fact.get(),
        None => Err(Cause::new(CauseKind::NotCollected, "was not counted")),
    }
}

fn judge(context: Context<'_>) -> Judgement {
    let relations = Relations::of(context);
    let mut judgement = Judgement { unread: relations.unread, ..Judgement::default() };
    for known in &relations.known {
        let orphans = match counted(context.now, &known.reference) {
            Ok(orphans) => orphans,
            Err(cause) => {
                judgement.could_not_read(known.reference.arrow(), cause);
                continue;
            }
        };
        judgement.examine("references", 1);
        if orphans.rows > 0 {
            judgement.find(OrphanedRows::new(context, known, orphans.rows));
        }
        if orphans.half_null > 0 {
            judgement.find(HalfNullKeys::new(context, &known.reference, orphans.half_null));
        }
    }
    for lost in &relations.lost {
        let orphans = lost.reference.as_ref().and_then(|reference| counted(context.now, reference).ok());
        judgement.find(MissingForeignKey::new(context, lost, orphans));
    }
    for nowhere in &relations.nowhere {
        judgement.find(MissingRelation::new(nowhere));
    }
    let nothing = relations.known.is_empty() && judgement.findings.is_empty() && judgement.unread.is_empty();
    if nothing {
        return Judgement::not_applicable(
            "no foreign key in the tables that are looked at, nor in the baseline, and no relation in the plan; \
             where a restore may have lost them, add --against FILE|URL",
        );
    }
    judgement
}
