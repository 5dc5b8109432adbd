//! Who owns what.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::OwnerChanged;
use super::things::{Kind, Thing, before};
use super::{Case, roles};
use crate::check::Judgement;
use crate::remedy::{Remedy, RemedyClass};
use crate::sql::ident;

pub(super) fn judge(case: &Case<'_>, judgement: &mut Judgement) {
    // Whose they were, and whose they are.
    let mut changed: BTreeMap<(&str, &str), Vec<&Thing<'_>>> = BTreeMap::new();
    for (new, old) in &case.pairs {
        let is_told = case.told.contains(&new.name);
        if new.owner != old.owner && new.altered.is_some() && !is_told && is_drift(case, new, old) {
            changed.entry((old.owner, new.owner)).or_default().push(new);
        }
    }
    for ((old, new), things) in changed {
        let mut statements = Vec::new();
        // Nobody can own anything who is not there.
        if !case.now.has_role(old) {
            let Some(create) = roles::create(case, old) else {
                judgement.find(OwnerChanged::new(old, new, &things, None));
                continue;
            };
            statements.push(create);
        }
        let named: BTreeSet<&String> = things.iter().filter_map(|thing| thing.altered.as_ref()).collect();
        statements.extend(named.into_iter().map(|thing| format!("alter {thing} owner to {}", ident(old))));
        let remedy = Remedy::sql(RemedyClass::Safe, statements);
        judgement.find(OwnerChanged::new(old, new, &things, Some(remedy)));
    }
}

fn is_drift(case: &Case<'_>, new: &Thing<'_>, old: &Thing<'_>) -> bool {
    // From version 15 on, public belongs to whoever owns the database.
    let reformed = before(15, case.context.now) != before(15, case.baseline);
    let is_public = new.kind == Kind::Schemas && new.name == "public";
    // The role that initdb made has another name elsewhere, and the platform's services are the platform's.
    let same = case.is_first(new.owner, old.owner);
    let services = case.is_service(new.owner) && case.is_service(old.owner);
    !(same || services || case.is_managed(new) || (reformed && is_public))
}
