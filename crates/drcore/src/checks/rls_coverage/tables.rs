//! Tables: row level security on, forced, with policies.

use super::{Case, ForceRlsLost, PoliciesInactive, RlsDisabled, RlsWithoutPolicies};
use crate::check::Judgement;
use crate::checks::policies;
use crate::evidence::catalog::{Policy, Relation};

pub(super) fn judge(case: &Case<'_>, judgement: &mut Judgement) {
    for table in case.now.relations {
        if table.kind.is_table() && !case.is_buckets(table) && case.looks_at(table) {
            judge_table(case, table, judgement);
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
