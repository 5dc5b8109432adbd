//! Policies that are wrong whatever the baseline says.

use std::collections::BTreeSet;

use super::expression::is_always_true;
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
    if exposed && trusts_user_metadata(policy) && case.now.api_roles().any(|role| is_for(case, policy, role))
    {
        judgement.find(PolicyTrustsUserMetadata::new(policy));
    }
    // The baseline knows the table, and not this policy as always true.
    let new = old.is_some_and(|old| {
        old.is_none_or(|old| {
            commands(policy).iter().any(|command| opens(policy, *command) && !opens(old, *command))
        })
    });
    if !exposed && !new {
        return;
    }
    let open = opened(case, table, policy);
    if open.is_empty() {
        return;
    }
    let narrowed = |(role, command): &(&str, PolicyCommand)| {
        own.iter().any(|other| {
            !other.permissive
                && commands(other).contains(command)
                && is_for(case, other, role)
                && !opens(other, *command)
        })
    };
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
        for command in commands(policy) {
            let letter = match command {
                PolicyCommand::Delete => 'd',
                PolicyCommand::Insert => 'a',
                PolicyCommand::Update => 'w',
                PolicyCommand::All | PolicyCommand::Select => 'r',
            };
            if is_for(case, policy, role) && privileges.has(letter) && opens(policy, command) {
                opened.push((role, command));
            }
        }
    }
    opened
}

/// The commands that it is for, one by one.
fn commands(policy: &Policy) -> Vec<PolicyCommand> {
    match policy.command {
        PolicyCommand::All => {
            vec![PolicyCommand::Delete, PolicyCommand::Insert, PolicyCommand::Select, PolicyCommand::Update]
        }
        one => vec![one],
    }
}

/// Whether it says the same of every row: of those that are seen, or of those that may be written.
fn opens(policy: &Policy, command: PolicyCommand) -> bool {
    let using = policy.using.as_deref().is_some_and(is_always_true);
    // Without WITH CHECK, USING holds for what is written too; without both nothing is allowed.
    let check = policy.check.as_deref().map_or(using, is_always_true);
    match command {
        PolicyCommand::Insert => check,
        PolicyCommand::Update => using || check,
        PolicyCommand::All | PolicyCommand::Delete | PolicyCommand::Select => using,
    }
}

fn is_for(case: &Case<'_>, policy: &Policy, role: &str) -> bool {
    policy.roles.iter().any(|of| case.now.counts_for(role, of))
}

/// Whether it reads what users can set for themselves by `updateUser({ data })`.
fn trusts_user_metadata(policy: &Policy) -> bool {
    [&policy.using, &policy.check]
        .into_iter()
        .flatten()
        .any(|text| text.contains("user_metadata") || text.contains("raw_user_meta_data"))
}
