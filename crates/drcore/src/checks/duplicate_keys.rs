//! `duplicate_keys`: no two rows have a key that only one may have, whatever the indexes claim.

mod findings;
mod known;
mod remedies;

pub use findings::{DuplicatedRows, MissingKeyColumns, MissingUniqueKey};

use crate::check::{Check, Context, Judgement, KindDoc};
use crate::collect::{Request, Wants};
use crate::evidence::catalog::CatalogFactName;
use known::{Implied, Keys};

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "no two rows have a key that is to be unique, counted in the tables and not in their indexes",
    docs: include_str!("duplicate_keys.md"),
    kinds: &[
        KindDoc {
            kind: "duplicated_rows",
            meaning: "several rows have the same key: a lookup finds one of them, and the index cannot be built anew",
        },
        KindDoc {
            kind: "missing_key_columns",
            meaning: "a key of the plan names a table or column that is nowhere",
        },
        KindDoc {
            kind: "missing_unique_key",
            meaning: "a unique key of the baseline is gone or invalid, so nothing keeps new duplicates out",
        },
    ],
    wanted,
    judge,
};

const ID: &str = "duplicate_keys";

fn wanted(context: Context<'_>, wants: &mut Wants) {
    wants.catalog(&[
        CatalogFactName::Column,
        CatalogFactName::ForeignKey,
        CatalogFactName::Relation,
        CatalogFactName::UniqueIndex,
    ]);
    let keys = Keys::of(context);
    for known in &keys.known {
        // A narrower key goes first: where it is unique, so is this one.
        if keys.implied(context.now, &known.key) != Implied::Nothing {
            continue;
        }
        if known::counted(context.now, &known.key).is_ok_and(|duplicates| duplicates.rows > 0) {
            wants.add(Request::DuplicateSample(known.key.clone()));
        }
        wants.add(Request::Duplicates(known.key.clone()));
    }
}

fn judge(context: Context<'_>) -> Judgement {
    let keys = Keys::of(context);
    let mut judgement = Judgement { unread: keys.unread.clone(), ..Judgement::default() };
    for known in &keys.known {
        match keys.count(context.now, &known.key) {
            Ok(duplicates) => {
                judgement.examine("keys", 1);
                if duplicates.rows > 0 {
                    let were = context.then.and_then(|then| keys.count(then, &known.key).ok());
                    judgement.find(DuplicatedRows::new(context, known, &duplicates, were.as_ref()));
                }
            }
            Err(cause) => {
                let object = format!("{} {}", known.key.table, known.key.columns_text());
                judgement.could_not_read(object, cause);
            }
        }
    }
    for lost in &keys.lost {
        let duplicates = lost.key.as_ref().and_then(|key| keys.count(context.now, key).ok());
        judgement.find(MissingUniqueKey::new(context, lost, duplicates.as_ref()));
    }
    for nowhere in &keys.nowhere {
        judgement.find(MissingKeyColumns::new(nowhere));
    }
    let nothing = keys.known.is_empty() && judgement.findings.is_empty() && judgement.unread.is_empty();
    if nothing {
        return Judgement::not_applicable(
            "no unique constraint or index in the tables that are looked at, nor in the baseline, and no key in \
             the plan; where a restore may have lost them, add --against FILE|URL",
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
    use crate::evidence::catalog::{Persistence, Relation, RelationKind, UniqueIndex};
    use crate::evidence::{Cause, CauseKind, Duplicates, Evidence, Fact, Run};

    fn table(name: &str) -> Relation {
        serde_json::from_value(serde_json::json!({
            "name": format!("public.{name}"), "kind": RelationKind::Table, "persistence": Persistence::Permanent,
            "owner": "postgres", "rls_enabled": false, "rls_forced": false, "parents": [], "is_partition": false,
            "options": [], "acl": [], "extension": null, "estimated_rows": 0
        }))
        .unwrap()
    }

    fn index(name: &str, columns: &[&str]) -> UniqueIndex {
        let parts: Vec<_> = columns.iter().map(|column| serde_json::json!({ "column": column })).collect();
        serde_json::from_value(serde_json::json!({
            "relation": "public.t", "name": name, "origin": "index", "parts": parts, "predicate": null,
            "nulls_distinct": true, "valid": true, "definition": ""
        }))
        .unwrap()
    }

    fn evidence(indexes: Vec<UniqueIndex>) -> Evidence {
        let mut evidence = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
        evidence.catalog.relations = Fact::Read(vec![table("t")]);
        evidence.catalog.columns = Fact::Read(Vec::new());
        evidence.catalog.foreign_keys = Fact::Read(Vec::new());
        evidence.catalog.unique_indexes = Fact::Read(indexes);
        evidence
    }

    fn asked(evidence: &Evidence) -> Vec<String> {
        let plan = Plan::default();
        let wants = crate::collect::wanted(&plan, evidence, None, &["duplicate_keys".to_owned()]);
        wants
            .iter()
            .map(|request| match request {
                Request::Duplicates(key) => key.key(),
                Request::DuplicateSample(key) => format!("sample {}", key.key()),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_wider_key_is_asked_for_only_where_the_narrower_one_is_not_unique() {
        let mut now = evidence(vec![index("narrow", &["a"]), index("wide", &["a", "b"])]);
        assert_eq!(asked(&now), ["public.t:narrow"]);
        let mut answer = |fact: Fact<Duplicates>| {
            now.scans.duplicates.insert("public.t:narrow".to_owned(), fact);
            asked(&now)
        };
        assert_eq!(answer(Fact::Read(Duplicates::new(0, 0))), [""; 0]);
        assert_eq!(answer(Fact::Read(Duplicates::new(1, 2))), ["public.t:wide", "sample public.t:narrow"]);
        let unread = Fact::Unread(Cause::new(CauseKind::StatementTimeout, "too slow"));
        assert_eq!(answer(unread), ["public.t:wide"], "what is not known implies nothing");
    }

    #[test]
    fn a_wider_key_is_as_unique_as_the_narrower_one() {
        let plan = Plan::default();
        let mut now = evidence(vec![index("narrow", &["a"]), index("wide", &["a", "b"])]);
        now.scans.duplicates.insert("public.t:narrow".to_owned(), Fact::Read(Duplicates::new(0, 0)));
        let judgement = judge(Context::new(&plan, &now, None));
        assert_eq!((judgement.examined["keys"], judgement.unread.len()), (2, 0));
        now.scans.duplicates.insert("public.t:narrow".to_owned(), Fact::Read(Duplicates::new(1, 1)));
        let judgement = judge(Context::new(&plan, &now, None));
        assert_eq!((judgement.examined["keys"], judgement.unread.len()), (1, 1));
    }

    #[test]
    fn a_list_that_could_not_be_read_is_not_empty() {
        let plan = Plan::default();
        let mut now = evidence(Vec::new());
        now.catalog.unique_indexes = Fact::Unread(Cause::new(CauseKind::StatementTimeout, "too slow"));
        let judgement = judge(Context::new(&plan, &now, None));
        let result = CheckResult::derive(ID, judgement, Vec::new(), false);
        assert_eq!(result.unread[0].object, "the list of unique indexes");
    }
}
