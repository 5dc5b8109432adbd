//! Views, materialised views, foreign tables and functions: what goes past the policies.

use std::collections::{BTreeMap, BTreeSet};

use super::sight::{Past, Sight, through};
use super::{
    AuthUsersExposed, Case, DefinerFunctionExposed, DefinerView, Since, UnprotectableRelation, of_baseline,
};
use crate::check::{Judgement, Unread};
use crate::evidence::catalog::{Relation, RelationKind, ViewSource};
use crate::sql::QualifiedName;

pub(super) fn judge(case: &Case<'_>, judgement: &mut Judgement) {
    match case.now.catalog.view_sources.get() {
        Ok(sources) => judge_views(case, sources, judgement),
        Err(why) => judgement.could_not_read("what views read from", why),
    }
    judge_functions(case, judgement);
}

fn judge_views<'e>(case: &Case<'e>, sources: &'e [ViewSource], judgement: &mut Judgement) {
    let old_sources = match case.then.as_ref().map(|then| then.catalog.view_sources.get()).transpose() {
        Ok(sources) => sources.map(Vec::as_slice),
        Err(why) => {
            judgement.unread.push(of_baseline(Unread::new("what views read from", why)));
            None
        }
    };
    for relation in case.now.relations {
        let exposed = case.is_exposed(&relation.name.schema);
        let compared = exposed || case.old(relation).is_some();
        if relation.kind.is_table() || !compared || !case.looks_at(relation) {
            continue;
        }
        judgement.examine("views", 1);
        let readers: Vec<&'e str> = case
            .now
            .reached_by(relation)
            .into_iter()
            .filter(|(_, p)| p.has('r'))
            .map(|(role, _)| role)
            .collect();
        if readers.is_empty() {
            continue;
        }
        let seen: BTreeMap<&'e str, Vec<Sight<'e>>> =
            readers.iter().map(|role| (*role, through(&case.now, sources, relation, role))).collect();
        let shown: Vec<&str> =
            readers.iter().copied().filter(|role| seen[role].iter().any(shows_users)).collect();
        if exposed && !shown.is_empty() {
            judgement.find(AuthUsersExposed::new(relation, &shown));
            continue;
        }
        let old = case.old(relation).filter(|old| old.kind == relation.kind);
        // What the baseline let the same roles read in the same way is no damage of the restore.
        let could = old
            .zip(case.then.as_ref())
            .filter(|(_, then)| readers.iter().all(|role| then.is_api_role(role)))
            .map(|(old, then)| readers.iter().all(|role| then.reach(role, old).has('r')));
        match relation.kind {
            RelationKind::View => {
                let past = goes_past(case, relation, &seen);
                if past.roles.is_empty() {
                    continue;
                }
                let was =
                    old.zip(old_sources).and_then(|(old, sources)| went_past(case, sources, old, &past));
                // Outside what is exposed only what changed is told, and who can read it now and could not is
                // told by privilege_drift.
                let since = match (was, could) {
                    (Some(false), _) => Since::Restore,
                    (_, Some(false)) if case.widened_is_told() => continue,
                    _ if !exposed => continue,
                    (Some(true), Some(true)) => Since::Baseline,
                    _ => Since::Unknown,
                };
                judgement.find(DefinerView::new(case, relation, &past, since));
            }
            RelationKind::MaterializedView | RelationKind::ForeignTable => {
                if exposed && !(could == Some(false) && case.widened_is_told()) {
                    judgement.find(UnprotectableRelation::new(relation, &readers, could == Some(true)));
                }
            }
            RelationKind::PartitionedTable | RelationKind::Table => {}
        }
    }
}

/// What the view itself shows past the policies, or what is under it and not told for itself.
fn goes_past<'e>(case: &Case<'e>, view: &Relation, seen: &BTreeMap<&'e str, Vec<Sight<'e>>>) -> Past<'e> {
    let mut past = Past::default();
    for (role, sights) in seen {
        for sight in sights {
            let on = sight.table.rls_enabled || case.old(sight.table).is_some_and(|old| old.rls_enabled);
            let lender = sight.past(&case.now).filter(|_| on);
            let told = |lender: &Relation| {
                lender.name != view.name
                    && case.is_exposed(&lender.name.schema)
                    && case.looks_at(lender)
                    && case.now.reach(role, lender).has('r')
            };
            if lender.is_some_and(|lender| !told(lender)) {
                past.add(role, sight);
            }
        }
    }
    past
}

/// Whether rows of `auth.users` are seen: past its policies, or where there are none to stand before them.
fn shows_users(sight: &Sight<'_>) -> bool {
    sight.table.name == QualifiedName::new("auth", "users")
        && (sight.lender.is_some() || !sight.table.rls_enabled)
}

/// Whether the view showed the same tables to the same roles past their policies in the baseline; none where the
/// baseline knows only some of the roles.
fn went_past<'e>(
    case: &Case<'e>,
    sources: &'e [ViewSource],
    old: &'e Relation,
    past: &Past<'_>,
) -> Option<bool> {
    let then = case.then.as_ref()?;
    let known: Vec<&str> = then.api_roles().filter(|role| past.roles.contains(role)).collect();
    let went = known.iter().all(|role| {
        let tables: BTreeSet<&QualifiedName> = through(then, sources, old, role)
            .iter()
            .filter(|sight| sight.past(then).is_some())
            .map(|sight| &sight.table.name)
            .collect();
        past.tables.is_subset(&tables)
    });
    if went && known.len() < past.roles.len() { None } else { Some(went) }
}

fn judge_functions(case: &Case<'_>, judgement: &mut Judgement) {
    let functions = match case.now.catalog.functions.get() {
        Ok(functions) => functions,
        Err(why) => return judgement.could_not_read("the list of functions", why),
    };
    let old = match case.then.as_ref().map(|then| then.catalog.functions.get()).transpose() {
        Ok(old) => old,
        Err(why) => {
            let unread = of_baseline(Unread::new("the list of functions", why));
            judgement.unread.push(unread);
            None
        }
    };
    for function in functions {
        // Outside what is exposed only what changed is told.
        let exposed = case.is_exposed(&function.schema);
        let was = old.and_then(|old| old.iter().find(|old| old.is_same(function)));
        let compared = exposed || was.is_some();
        if function.extension.is_some() || !compared || !case.looks_into(&function.schema) {
            continue;
        }
        judgement.examine("functions", 1);
        // The API cannot call what only triggers can.
        let callers = case.now.callers(function);
        if !function.security_definer || function.is_trigger() || callers.is_empty() {
            continue;
        }
        if !exposed && was.is_some_and(|was| was.security_definer) {
            continue;
        }
        let same = case.then.as_ref().and_then(|then| {
            let old = was.filter(|old| old.security_definer)?;
            let could = then.callers(old);
            if !callers.iter().all(|role| then.is_api_role(role)) {
                return None;
            }
            Some(callers.iter().all(|role| could.contains(role)))
        });
        if !(same == Some(false) && case.widened_is_told()) {
            judgement.find(DefinerFunctionExposed::new(function, &callers, same == Some(true)));
        }
    }
}
