//! Against the baseline: policies, and what every API role may do.

use std::collections::{BTreeMap, BTreeSet};

use super::exposure::{Grantable, compare};
use super::{Case, of_baseline};
use crate::access::Access;
use crate::check::{Judgement, Unread};
use crate::checks::policies;
use crate::evidence::catalog::Function;
use crate::evidence::{Catalog, Evidence, Fact};
use crate::sql::{QualifiedName, ident};

pub(super) fn judge(case: &Case<'_>, judgement: &mut Judgement) {
    let Some(then) = &case.then else { return };
    judge_policies(case, judgement);
    judge_schemas(case, then, judgement);
    judge_relations(case, then, judgement);
    judge_columns(case, then, judgement);
    judge_sequences(case, then, judgement);
    judge_functions(case, then, judgement);
}

fn judge_policies(case: &Case<'_>, judgement: &mut Judgement) {
    let (Some(now), Some(then)) = (case.policies, case.old_policies) else { return };
    for table in case.now.relations {
        if case.old(table).is_some() && case.looks_at(table) && !case.is_buckets(table) {
            let (now, then) = (policies::of(now, &table.name), policies::of(then, &table.name));
            policies::compare(super::ID, case.context, now, then, judgement);
        }
    }
}

fn judge_schemas(case: &Case<'_>, then: &Access<'_>, judgement: &mut Judgement) {
    // From version 15 on not everybody may create in public, on purpose.
    let reformed = before(15, case.context.then) && !before(15, Some(case.context.now));
    for schema in case.now.schemas() {
        let name = schema.name.as_str();
        let looked_at = case.looks_into(name) || ["auth", "storage"].contains(&name);
        let Some(old) = then.schema(name).filter(|_| looked_at) else { continue };
        let all = if name == "public" && reformed { "U" } else { "UC" };
        let target = format!("schema {}", ident(name));
        let mut new = Grantable::new(&target, &ident(name), &schema.acl, &schema.owner, all);
        if name == "public" && before(15, Some(case.context.now)) {
            new = new.open_to_all();
        }
        let old = Grantable::new(&target, &ident(name), &old.acl, &old.owner, all);
        compare(case, then, &new, &old, judgement);
    }
}

fn judge_relations(case: &Case<'_>, then: &Access<'_>, judgement: &mut Judgement) {
    // MAINTAIN came with version 17: a server without it took it from nobody.
    let both_know = !before(17, Some(case.context.now)) && !before(17, case.context.then);
    let all = if both_know { "arwdDxtm" } else { "arwdDxt" };
    for relation in case.now.relations.iter().filter(|relation| case.looks_at(relation)) {
        // What is new is judged for itself.
        let Some(old) = case.old(relation) else { continue };
        let name = relation.name.to_string();
        let new = Grantable::new(&name, &name, &relation.acl, &relation.owner, all);
        let old = Grantable::new(&name, &name, &old.acl, &old.owner, all);
        compare(case, then, &new, &old, judgement);
    }
}

/// What a role may do with a column and not with the whole table, on either side.
fn judge_columns(case: &Case<'_>, then: &Access<'_>, judgement: &mut Judgement) {
    let granted: BTreeSet<(&QualifiedName, &str)> = [&case.now, then]
        .into_iter()
        .flat_map(Access::granted_columns)
        .map(|column| (&column.relation, column.name.as_str()))
        .collect();
    for (name, column) in granted {
        let Some(table) = case.now.relation(name).filter(|table| case.looks_at(table)) else { continue };
        let Some(old_table) = then.relation(name) else { continue };
        let new = case.now.column_acl(name, column);
        // A column that is gone was taken from nobody; partitions list only those that have grants.
        if new.is_none() && !table.is_partition {
            continue;
        }
        let object = format!("{name}.{}", ident(column));
        let side = |table, acl| Grantable::column(table, column, &object, acl);
        let (new, old) = (side(table, new), side(old_table, then.column_acl(name, column)));
        compare(case, then, &new, &old, judgement);
    }
}

fn judge_sequences(case: &Case<'_>, then: &Access<'_>, judgement: &mut Judgement) {
    let Some((now, then_all)) = both(judgement, "the list of sequences", case, then, |c| &c.sequences) else {
        return;
    };
    for sequence in now {
        let name = &sequence.name;
        let old = then_all.binary_search_by(|old| old.name.cmp(name)).ok().map(|at| &then_all[at]);
        let Some(old) = old.filter(|_| case.looks_into(&name.schema)) else { continue };
        let target = format!("sequence {name}");
        let new = Grantable::new(&target, &name.to_string(), &sequence.acl, &sequence.owner, "rwU");
        let old = Grantable::new(&target, &name.to_string(), &old.acl, &old.owner, "rwU");
        compare(case, then, &new, &old, judgement);
    }
}

fn judge_functions(case: &Case<'_>, then: &Access<'_>, judgement: &mut Judgement) {
    let Some((now, then_all)) = both(judgement, "the list of functions", case, then, |c| &c.functions) else {
        return;
    };
    let then_all: BTreeMap<String, &Function> = then_all.iter().map(|old| (old.signature(), old)).collect();
    for function in now {
        if function.extension.is_some() || !case.looks_into(&function.schema) {
            continue;
        }
        let object = function.signature();
        let Some(old) = then_all.get(&object) else { continue };
        let target =
            format!("{} {object}", if function.kind == "procedure" { "procedure" } else { "function" });
        let new = Grantable::new(&target, &object, &function.acl, &function.owner, "X");
        let old = Grantable::new(&target, &object, &old.acl, &old.owner, "X");
        compare(case, then, &new, &old, judgement);
    }
}

/// A fact of both sides, or what could not be read.
fn both<'e, T>(
    judgement: &mut Judgement,
    object: &str,
    case: &Case<'e>,
    then: &Access<'e>,
    fact: impl Fn(&Catalog) -> &Fact<Vec<T>>,
) -> Option<(&'e [T], &'e [T])> {
    let now = fact(case.now.catalog).get().map_err(|cause| Unread::new(object, cause));
    let then = fact(then.catalog).get().map_err(|cause| of_baseline(Unread::new(object, cause)));
    match (now, then) {
        (Ok(now), Ok(then)) => Some((now, then)),
        (now, then) => {
            judgement.unread.extend(now.err());
            judgement.unread.extend(then.err());
            None
        }
    }
}

/// Whether its server is of an older major version than this, or not known.
fn before(major: u32, evidence: Option<&Evidence>) -> bool {
    evidence.and_then(Evidence::major).is_none_or(|own| own < major)
}
