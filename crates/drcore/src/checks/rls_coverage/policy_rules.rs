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
        if case.is_buckets(table) || !case.looks_at(table) {
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
    // What the team chose before the restore is no damage of the restore.
    let same = old.flatten().is_some_and(|old| policies::same(policy, old));
    if exposed
        && trusts_user_metadata(policy)
        && case.now.api_roles().any(|role| case.now.is_for(policy, role))
    {
        judgement.find(PolicyTrustsUserMetadata::new(policy, same));
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
    // A restrictive policy that stood before it, and does not.
    let unfenced = case.then.as_ref().zip(case.old_policies).is_some_and(|(then, all)| {
        let old = policies::of(all, &table.name);
        open.iter().any(|at| !narrowed(at) && policies::is_narrowed(then, old, at.0, at.1))
    });
    let does = |commands: &[PolicyCommand]| open.iter().any(|at| commands.contains(&at.1) && !narrowed(at));
    let severity = if new || unfenced {
        Severity::Critical
    } else if same {
        Severity::Info
    } else if does(&[PolicyCommand::All, PolicyCommand::Delete, PolicyCommand::Update]) {
        Severity::Critical
    } else if does(&[PolicyCommand::Insert]) {
        // A form that everybody may fill in; what is in the table stays as it is.
        Severity::Warning
    } else {
        Severity::Info
    };
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

/// Whether it reads what users can set for themselves by `updateUser({ data })`: the key of the token, or the
/// column of `auth.users`.
fn trusts_user_metadata(policy: &Policy) -> bool {
    [&policy.using, &policy.check].into_iter().flatten().any(|text| {
        let key = |at: usize| text[..at].matches('\'').count() % 2 == 1;
        words(text, "user_metadata").any(key) || words(text, "raw_user_meta_data").next().is_some()
    })
}

/// Where the word stands by itself, and is no part of a longer name.
fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let of_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| !text[..*at].ends_with(of_name) && !text[*at + word.len()..].starts_with(of_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_metadata_is_a_key_or_the_column_and_no_part_of_a_name() {
        let trusts = |using: &str| {
            let policy = serde_json::json!({
                "relation": "public.t", "name": "p", "permissive": true, "command": "select", "roles": ["anon"],
                "using": using, "check": null,
            });
            trusts_user_metadata(&serde_json::from_value(policy).unwrap())
        };
        assert!(trusts("((auth.jwt() -> 'user_metadata'::text) ->> 'role'::text) = 'staff'::text"));
        assert!(trusts("(auth.jwt() #>> '{user_metadata,role}'::text[]) = 'staff'::text"));
        assert!(trusts("(users.raw_user_meta_data ->> 'role'::text) = 'staff'::text"));
        assert!(!trusts("user_metadata_id = 3"));
        assert!(!trusts("user_metadata = 'a'::text"));
        assert!(!trusts("raw_user_meta_data_id = 3"));
    }
}
