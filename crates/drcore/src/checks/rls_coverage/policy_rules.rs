//! Policies that are wrong whatever the baseline says.

use std::collections::BTreeSet;

use super::policy_text::{self, calls, code, texts, words};
use super::{
    Case, PolicyAlwaysTrue, PolicyCallsVolatile, PolicyIgnoresTenant, PolicyNeverTrue,
    PolicyTrustsUserMetadata,
};
use crate::check::Judgement;
use crate::checks::policies;
use crate::evidence::catalog::{Function, Policy, PolicyCommand, Relation};
use crate::finding::Severity;

pub(super) fn judge(case: &Case<'_>, judgement: &mut Judgement) {
    let Some(all) = case.policies else { return };
    // Where they could not be read, views.rs says so.
    let functions = case.now.catalog.functions.read().map_or(&[][..], Vec::as_slice);
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
            if exposed {
                judge_text(case, table, policy, own, functions, judgement);
            }
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

/// What an exposed table's policy says of whole tenants, of nobody, and what it asks for that.
fn judge_text(
    case: &Case<'_>,
    table: &Relation,
    policy: &Policy,
    own: &[Policy],
    functions: &[Function],
    judgement: &mut Judgement,
) {
    let used = used(case, table, policy);
    if used.is_empty() {
        return;
    }
    let old = case.old(table).and(case.old_policies).map(|all| policies::of(all, &table.name));
    let same =
        old.is_some_and(|old| old.iter().any(|old| old.name == policy.name && policies::same(policy, old)));
    if used.iter().all(|(_, command)| policies::closes(policy, *command)) {
        judgement.find(PolicyNeverTrue::new(policy, &names(&used)));
    }
    let volatile: Vec<&Function> = policy_calls(policy)
        .iter()
        .flat_map(|(schema, name)| functions.iter().filter(move |f| &f.schema == schema && &f.name == name))
        .filter(|function| function.volatility.as_deref() == Some("volatile"))
        .collect();
    if let Some(function) = volatile.first() {
        judgement.find(PolicyCallsVolatile::new(policy, function));
    }
    let Some(column) = ignored_tenant(case, table) else { return };
    let blind: Vec<(&str, PolicyCommand)> = used
        .into_iter()
        .filter(|(_, command)| {
            !policies::opens(policy, *command)
                && !policies::closes(policy, *command)
                && sides(policy, *command).any(|text| !names_the_row(case, table, text))
        })
        .collect();
    if blind.is_empty() {
        return;
    }
    let mut blind_texts = blind
        .iter()
        .flat_map(|(_, command)| sides(policy, *command))
        .filter(|text| !names_the_row(case, table, text));
    let fenced = blind.iter().all(|(role, command)| policies::is_narrowed(&case.now, own, role, *command));
    // What an application's own function, a subquery or a claim decides on cannot be read off the text: staff, perhaps.
    let decided = blind_texts.all(|text| {
        calls(text).iter().any(|(schema, _)| schema != "auth")
            || code(text).contains(" FROM ")
            || texts(text).any(|text| !OF_EVERYBODY.contains(&text))
    });
    let severity = if same || fenced || decided { Severity::Info } else { Severity::Warning };
    judgement.find(PolicyIgnoresTenant::new(policy, column, &names(&blind), severity));
}

/// What policies ask for that holds for every user alike.
const OF_EVERYBODY: &[&str] = &["anon", "authenticated"];

/// The column of `[tenancy]`, where the table has it.
fn ignored_tenant<'e>(case: &Case<'e>, table: &Relation) -> Option<&'e str> {
    let column = &case.context.plan.tenancy.as_ref()?.column;
    case.now.catalog.column(&table.name, column).ok().flatten().map(|column| column.name.as_str())
}

/// Whether the expression reads anything of the row: one of the table's columns, or the row as a whole.
fn names_the_row(case: &Case<'_>, table: &Relation, text: &str) -> bool {
    let code = code(text);
    let columns = case.now.catalog.columns_of(&table.name).unwrap_or_default();
    let mut names = columns.iter().map(|column| column.name.as_str()).chain([table.name.name.as_str()]);
    // A name that is written with quotes in it is not looked for twice over.
    names.any(|name| policy_text::names(&code, &name.replace('"', "\"\"")))
}

/// The expressions that decide on a command.
fn sides(policy: &Policy, command: PolicyCommand) -> impl Iterator<Item = &String> {
    let check = policy.check.as_ref().or(policy.using.as_ref());
    let (using, check) = match command {
        PolicyCommand::Insert => (None, check),
        PolicyCommand::Update => (policy.using.as_ref(), check),
        PolicyCommand::All | PolicyCommand::Delete | PolicyCommand::Select => (policy.using.as_ref(), None),
    };
    using.into_iter().chain(check)
}

fn policy_calls(policy: &Policy) -> Vec<(String, String)> {
    [&policy.using, &policy.check].into_iter().flatten().flat_map(|text| calls(text)).collect()
}

fn names<'e>(used: &[(&'e str, PolicyCommand)]) -> BTreeSet<&'e str> {
    used.iter().map(|(role, _)| *role).collect()
}

/// Which API role may do what to every row, because of this policy and what is granted.
fn opened<'e>(case: &Case<'e>, table: &Relation, policy: &Policy) -> Vec<(&'e str, PolicyCommand)> {
    let mut opened = used(case, table, policy);
    opened.retain(|(_, command)| policies::opens(policy, *command));
    opened
}

/// Which API role may do what, to some row, because of this policy and what is granted.
fn used<'e>(case: &Case<'e>, table: &Relation, policy: &Policy) -> Vec<(&'e str, PolicyCommand)> {
    let mut used = Vec::new();
    if !policy.permissive {
        return used;
    }
    for (role, privileges) in case.now.reached_by(table) {
        for command in policy.command.each() {
            if privileges.has(command.privilege()) && case.now.is_for(policy, role) {
                used.push((role, *command));
            }
        }
    }
    used
}

/// Whether it reads what users can set for themselves by `updateUser({ data })`: the key of the token, or the
/// column of `auth.users`.
fn trusts_user_metadata(policy: &Policy) -> bool {
    [&policy.using, &policy.check].into_iter().flatten().any(|text| {
        let key = |at: usize| text[..at].matches('\'').count() % 2 == 1;
        words(text, "user_metadata").any(key) || words(text, "raw_user_meta_data").next().is_some()
    })
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
