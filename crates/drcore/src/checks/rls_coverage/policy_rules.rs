//! Policies that are wrong whatever the baseline says.

use std::collections::BTreeSet;

use super::{Case, PolicyAlwaysTrue, PolicyTrustsUserMetadata};
use crate::check::Judgement;
use crate::checks::policies;
use crate::evidence::catalog::{Policy, PolicyCommand, Relation};
use crate::finding::Severity;

pub(super) fn judge(case: &Case<'_>, judgement: &mut Judgement) {
    let Some(all) = case.policies else { return };
    for table in case.now.relations {
        if Case::is_buckets(table) || !case.looks_at(table) {
            continue;
        }
        let own = policies::of(all, &table.name);
        let exposed = case.is_exposed(&table.name.schema);
        if exposed || case.old(table).is_some() {
            judgement.examine("policies", own.len() as u64);
        }
        for policy in own {
            judge_policy(case, table, policy, own, exposed, judgement);
        }
    }
}

fn judge_policy(
    case: &Case<'_>,
    table: &Relation,
    policy: &Policy,
    own: &[Policy],
    exposed: bool,
    judgement: &mut Judgement,
) {
    let old = case
        .old(table)
        .and(case.old_policies)
        .map(|all| policies::of(all, &table.name).iter().find(|old| old.name == policy.name));
    if exposed
        && trusts_user_metadata(policy)
        && case.now.api_roles().any(|role| case.now.is_for(policy, role))
    {
        judgement.find(PolicyTrustsUserMetadata::new(policy));
    }
    // The baseline knows the table, and not this policy as always true.
    let new = old.is_some_and(|old| {
        old.is_none_or(|old| {
            let each = policy.command.each();
            each.iter().any(|command| policies::opens(policy, *command) && !policies::opens(old, *command))
        })
    });
    if !exposed && !new {
        return;
    }
    let open = opened(case, table, policy);
    if open.is_empty() {
        return;
    }
    let narrowed =
        |(role, command): &(&str, PolicyCommand)| policies::is_narrowed(&case.now, own, role, *command);
    let writes =
        open.iter().any(|(role, command)| *command != PolicyCommand::Select && !narrowed(&(*role, *command)));
    let severity = if new || writes { Severity::Critical } else { Severity::Info };
    let roles: BTreeSet<&str> = open.iter().map(|(role, _)| *role).collect();
    let commands: BTreeSet<&str> = open.iter().map(|(_, command)| command.as_sql()).collect();
    judgement.find(PolicyAlwaysTrue::new(policy, severity, &roles, &commands, old.flatten()));
}

/// Which API role may do what to every row, because of this policy and what is granted.
fn opened<'e>(case: &Case<'e>, table: &Relation, policy: &Policy) -> Vec<(&'e str, PolicyCommand)> {
    let mut opened = Vec::new();
    if !policy.permissive {
        return opened;
    }
    for (role, privileges) in case.now.reached_by(table) {
        for command in policy.command.each() {
            let may = privileges.has(command.privilege()) && case.now.is_for(policy, role);
            if may && policies::opens(policy, *command) {
                opened.push((role, *command));
            }
        }
    }
    opened
}

/// Whether it reads what users can set for themselves by `updateUser({ data })`.
fn trusts_user_metadata(policy: &Policy) -> bool {
    [&policy.using, &policy.check]
        .into_iter()
        .flatten()
        .any(|text| text.contains("user_metadata") || text.contains("raw_user_meta_data"))
}
