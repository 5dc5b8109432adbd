//! Tables: row level security on, forced, with policies.

use std::collections::BTreeSet;

use super::{Case, ForceRlsLost, PoliciesInactive, RlsBypassed, RlsDisabled, RlsWithoutPolicies};
use crate::access::Access;
use crate::check::Judgement;
use crate::checks::policies;
use crate::evidence::catalog::{Policy, Relation};
use crate::finding::{Finding, Severity};

pub(super) fn judge(case: &Case<'_>, judgement: &mut Judgement) {
    let mut everywhere = BTreeSet::new();
    for table in case.now.relations {
        if table.kind.is_table() && !case.is_buckets(table) && case.looks_at(table) {
            judge_table(case, table, judgement);
            judge_owner(case, table, judgement);
            everywhere.extend(escaped(case, table));
        }
    }
    for role in everywhere {
        // Not once more where it was found for a role of the API.
        let finding = Finding::from(RlsBypassed::of_application(role));
        if judgement.findings.iter().all(|found| found.id() != finding.id()) {
            judgement.find(finding);
        }
    }
}

fn judge_table(case: &Case<'_>, table: &Relation, judgement: &mut Judgement) {
    let old = case.old(table).filter(|old| old.kind.is_table());
    let exposed = case.is_exposed(&table.name.schema);
    if !exposed && old.is_none() {
        return;
    }
    judgement.examine("tables", 1);
    if old.is_some_and(|old| old.rls_forced) && !table.rls_forced {
        judgement.find(ForceRlsLost::new(table));
    }
    let reached = case.now.reached_by(table);
    let policies = case.policies.map(|all| policies::of(all, &table.name));
    let was_on = old.is_some_and(|old| old.rls_enabled);
    if !table.rls_enabled {
        if was_on || (exposed && !reached.is_empty()) {
            let rows = case.context.now.scans.tables.get(&table.name).and_then(|scan| scan.rows.read());
            // Without an API it is some other role's rows that everybody with a grant sees now.
            let old_policies = case.old_policies.filter(|_| was_on).map(|all| policies::of(all, &table.name));
            let enable = policies::enable(&table.name, policies, old_policies);
            let open = !reached.is_empty() || case.now.api_roles().next().is_none();
            judgement.find(RlsDisabled::new(table, was_on, open, &reached, rows.copied(), enable));
        } else if policies.is_some_and(|policies| !policies.is_empty()) {
            judgement.find(PoliciesInactive::new(table, policies.map_or(0, <[Policy]>::len)));
        }
    } else if exposed
        && !reached.is_empty()
        && !table.is_partition
        && policies.is_some_and(<[Policy]>::is_empty)
    {
        let lost = case.old_policies.is_some_and(|all| !policies::of(all, &table.name).is_empty());
        // Where the baseline had some, each is found lost by itself.
        if !lost {
            judgement.find(RlsWithoutPolicies::new(table, &reached));
        }
    }
}

/// Policies do not hold for who has the rights of the table's owner, unless they are forced.
fn judge_owner(case: &Case<'_>, table: &Relation, judgement: &mut Judgement) {
    // The platform's own roles own what is the platform's.
    let managed = case.now.catalog.is_managed(&table.name.schema).unwrap_or(false);
    if managed || !table.rls_enabled || table.rls_forced {
        return;
    }
    let old = case.old(table).filter(|old| old.kind.is_table() && old.rls_enabled);
    let old = case.then.as_ref().zip(old);
    let mut roles: BTreeSet<&str> = case.now.reached_by(table).into_iter().map(|(role, _)| role).collect();
    if let Some((then, old)) = old {
        roles.insert(&table.owner);
        roles.extend(named(&case.now, case.policies, table));
        roles.extend(named(then, case.old_policies, old));
    } else if !case.is_exposed(&table.name.schema) {
        return;
    }
    for role in roles {
        if case.now.bypasses(role) || !case.now.has_rights_of(role, &table.owner) {
            continue;
        }
        let of_api = case.now.is_api_role(role) && !case.now.reach(role, table).is_empty();
        let (severity, was) = match old {
            Some((then, old)) if was_free(then, old, role) => {
                // What the team chose before the restore is no damage of the restore.
                if of_api { (Severity::Info, ", as in the baseline") } else { continue }
            }
            Some((then, old)) => {
                let held = of_api || named(then, case.old_policies, old).contains(role);
                (if held { Severity::Critical } else { Severity::Warning }, ", who did not own it")
            }
            None if of_api => (Severity::Critical, ""),
            None => continue,
        };
        let given_back = old
            .map(|(_, old)| old.owner.as_str())
            .filter(|owner| *owner != table.owner && case.now.has_role(owner));
        judgement.find(RlsBypassed::as_owner(table, role, severity, was, given_back));
    }
}

/// The roles outside the API that the table's policies held, and that are beyond all policies now.
fn escaped<'e>(case: &Case<'e>, table: &'e Relation) -> BTreeSet<&'e str> {
    let old = case.old(table).filter(|old| old.kind.is_table() && old.rls_enabled && table.rls_enabled);
    let Some((then, old)) = case.then.as_ref().zip(old) else { return BTreeSet::new() };
    let mut roles = named(&case.now, case.policies, table);
    roles.extend(named(then, case.old_policies, old));
    roles.retain(|role| {
        case.now.has_role(role)
            && case.now.bypasses(role)
            && then.has_role(role)
            && !was_free(then, old, role)
            // These are told as roles of the API.
            && !then.is_api_role(role)
            && !["anon", "authenticated"].contains(role)
    });
    roles
}

/// Whether the table's policies did not hold for the role.
fn was_free(then: &Access<'_>, old: &Relation, role: &str) -> bool {
    let bypassed = then.has_role(role) && then.bypasses(role);
    bypassed || (!old.rls_forced && then.has_rights_of(role, &old.owner))
}

/// The roles that the table's grants and policies name.
fn named<'e>(access: &Access<'e>, all: Option<&'e [Policy]>, table: &'e Relation) -> BTreeSet<&'e str> {
    let policies = all.map_or(&[][..], |all| policies::of(all, &table.name));
    let by_policies = policies.iter().flat_map(|policy| &policy.roles);
    let by_grants = table.acl.0.iter().map(|item| &item.grantee);
    by_policies.chain(by_grants).map(String::as_str).filter(|role| access.has_role(role)).collect()
}
