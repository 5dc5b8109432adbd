//! Tables: row level security on, forced, with policies.

use super::{Case, ForceRlsLost, PoliciesInactive, RlsDisabled, RlsWithoutPolicies};
use crate::check::Judgement;
use crate::checks::policies::{self, FROM_BASELINE};
use crate::evidence::catalog::{Policy, Relation};
use crate::remedy::{Remedy, RemedyClass};
use crate::text::plural;

pub(super) fn judge(case: &Case<'_>, judgement: &mut Judgement) {
    for table in case.now.relations {
        if table.kind.is_table() && !Case::is_buckets(table) && case.looks_at(table) {
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
            let open = !reached.is_empty() || case.now.api_roles().next().is_none();
            judgement.find(RlsDisabled::new(
                table,
                was_on,
                open,
                &reached,
                rows.copied(),
                remedy(case, table, was_on),
            ));
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

/// Row level security on; with the baseline's policies, where it had them in force.
fn remedy(case: &Case<'_>, table: &Relation, was_on: bool) -> Remedy {
    let enable = format!("alter table {} enable row level security", table.name);
    let now = case.policies.map(|all| policies::of(all, &table.name));
    let then = case.old_policies.map(|all| policies::of(all, &table.name));
    let (Some(now), Some(then), true) = (now, then, was_on) else {
        let note = match now {
            Some([]) => "create policies first: without any, the API sees no row".to_owned(),
            Some(some) => format!(
                "its {} would be in force: see that they let the application in",
                plural(some.len() as u64, "policy")
            ),
            None => "its policies could not be read: see that they let the application in".to_owned(),
        };
        return Remedy::sql(RemedyClass::AvailabilityRisk, [enable]).with_note(note);
    };
    let wrong: Vec<&Policy> = then
        .iter()
        .filter(|old| !now.iter().any(|new| new.name == old.name && policies::same(new, old)))
        .collect();
    let note = match (then.len(), wrong.len()) {
        (0, _) => "it had no policies in the baseline either: the API saw no row".to_owned(),
        (1, 0) => "its policy is in place and equals the baseline's".to_owned(),
        (all, 0) => format!("its {all} policies are in place and equal the baseline's"),
        (all, wrong) => format!(
            "{wrong} of its {} made as in the baseline; {FROM_BASELINE}",
            plural(all as u64, "policy")
        ),
    };
    let mut statements: Vec<String> = wrong.into_iter().flat_map(policies::recreate).collect();
    statements.push(enable);
    Remedy::sql(RemedyClass::Safe, statements).with_note(note)
}
