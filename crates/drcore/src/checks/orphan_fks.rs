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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::Plan;
    use crate::check::CheckResult;
    use crate::evidence::catalog::{ForeignKey, Persistence, Relation, RelationKind};
    use crate::evidence::{Fact, Run};
    use crate::sql::QualifiedName;

    fn table(name: &str) -> Relation {
        serde_json::from_value(serde_json::json!({
            "name": format!("public.{name}"), "kind": RelationKind::Table, "persistence": Persistence::Permanent,
            "owner": "postgres", "rls_enabled": false, "rls_forced": false, "parents": [], "is_partition": false,
            "options": [], "acl": [], "extension": null, "estimated_rows": 0
        }))
        .unwrap()
    }

    fn evidence() -> Evidence {
        let mut evidence = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
        evidence.catalog.relations = Fact::Read(vec![table("rents"), table("rooms")]);
        evidence.catalog.columns = Fact::Read(Vec::new());
        evidence.catalog.foreign_keys = Fact::Read(vec![ForeignKey {
            child: QualifiedName::new("public", "rents"),
            name: "rents_room_fkey".to_owned(),
            child_columns: vec!["room".to_owned()],
            parent: QualifiedName::new("public", "rooms"),
            parent_columns: vec!["id".to_owned()],
            operators: vec!["\"pg_catalog\".=".to_owned()],
            match_full: false,
            temporal: false,
            validated: true,
            definition: String::new(),
        }]);
        evidence
    }

    #[test]
    fn a_list_that_could_not_be_read_is_not_empty() {
        let plan = Plan::default();
        let mut now = evidence();
        now.catalog.foreign_keys = Fact::Unread(Cause::new(CauseKind::StatementTimeout, "too slow"));
        let judgement = judge(Context::new(&plan, &now, None));
        let result = CheckResult::derive(ID, judgement, Vec::new(), false);
        assert_eq!(result.unread[0].object, "the list of foreign keys");
    }
}
