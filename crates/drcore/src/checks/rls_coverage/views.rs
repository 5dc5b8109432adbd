//! Views, materialised views, foreign tables and functions: what goes past the policies.

use std::collections::BTreeSet;

use super::{
    AuthUsersExposed, Case, DefinerFunctionExposed, DefinerView, UnprotectableRelation, of_baseline,
};
use crate::access::Access;
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

fn judge_views(case: &Case<'_>, sources: &[ViewSource], judgement: &mut Judgement) {
    for relation in case.now.relations {
        let exposed = case.is_exposed(&relation.name.schema);
        let compared = exposed || case.old(relation).is_some();
        if relation.kind.is_table() || !compared || !case.looks_at(relation) {
            continue;
        }
        judgement.examine("views", 1);
        let readers: Vec<&str> = case
            .now
            .reached_by(relation)
            .into_iter()
            .filter(|(_, p)| p.has('r'))
            .map(|(role, _)| role)
            .collect();
        if readers.is_empty() {
            continue;
        }
        let under = sources_of(&case.now, sources, relation);
        let users = under.iter().find(|table| table.name == QualifiedName::new("auth", "users"));
        if let Some(users) = users.filter(|_| exposed) {
            let shown: Vec<&str> =
                readers.iter().copied().filter(|role| shows(&case.now, relation, users, role)).collect();
            if !shown.is_empty() {
                judgement.find(AuthUsersExposed::new(relation, &shown));
                continue;
            }
        }
        let old = case.old(relation).filter(|old| old.kind == relation.kind);
        let was_invoker = old.is_some_and(|old| invokes(old) && !invokes(relation));
        // What the baseline let the same roles read in the same way is no damage of the restore.
        let same = old
            .zip(case.then.as_ref())
            .filter(|(_, then)| readers.iter().all(|role| then.is_api_role(role)))
            .map(|(old, then)| readers.iter().all(|role| then.reach(role, old).has('r')));
        // Outside what is exposed only what changed is told.
        if (same == Some(false) || !exposed) && !was_invoker {
            // Told as exposure_widened.
            continue;
        }
        let same = same == Some(true) && !was_invoker;
        match relation.kind {
            RelationKind::View if !invokes(relation) => {
                let past: Vec<&QualifiedName> = under
                    .iter()
                    .filter(|table| {
                        let on = table.rls_enabled || case.old(table).is_some_and(|old| old.rls_enabled);
                        on && goes_past(&case.now, relation, table)
                    })
                    .map(|table| &table.name)
                    .collect();
                if !past.is_empty() {
                    judgement.find(DefinerView::new(relation, &readers, &past, was_invoker, same));
                }
            }
            RelationKind::MaterializedView | RelationKind::ForeignTable => {
                judgement.find(UnprotectableRelation::new(relation, &readers, same));
            }
            _ => {}
        }
    }
}

/// Whether the view reads with the eyes of who asks. An option of PostgreSQL 15 and later.
fn invokes(view: &Relation) -> bool {
    view.options.iter().any(|option| {
        option.strip_prefix("security_invoker=").is_some_and(|value| {
            matches!(
                value.to_lowercase().as_str(),
                "1" | "on" | "true" | "yes" | "t" | "y" | "tr" | "tru" | "ye"
            )
        })
    })
}

/// Whether this role sees rows of the table through the view.
fn shows(access: &Access<'_>, view: &Relation, table: &Relation, role: &str) -> bool {
    match view.kind {
        RelationKind::View if invokes(view) => !table.rls_enabled && access.reach(role, table).has('r'),
        _ => true,
    }
}

/// Whether the table's policies do not hold for the view's owner.
fn goes_past(access: &Access<'_>, view: &Relation, table: &Relation) -> bool {
    access.bypasses(&view.owner) || (!table.rls_forced && access.has_rights_of(&view.owner, &table.owner))
}

/// The tables that the view reads from, also through other views.
fn sources_of<'e>(access: &Access<'e>, sources: &[ViewSource], view: &Relation) -> Vec<&'e Relation> {
    let mut seen = BTreeSet::from([&view.name]);
    let mut left = vec![&view.name];
    let mut tables = Vec::new();
    while let Some(name) = left.pop() {
        let from = sources.partition_point(|source| source.view < *name);
        for ViewSource { source, .. } in sources[from..].iter().take_while(|source| source.view == *name) {
            if seen.insert(source) {
                left.push(source);
                if let Ok(Some(relation)) = access.catalog.relation(source)
                    && relation.kind.is_table()
                {
                    tables.push(relation);
                }
            }
        }
    }
    tables.sort();
    tables
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
        // Who can call it now and could not is told as exposure_widened.
        if same != Some(false) {
            judgement.find(DefinerFunctionExposed::new(function, &callers, same == Some(true)));
        }
    }
}
