//! Row level security and policies of the storage tables themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::breadth::Breadth;
use super::{BroadObjectPolicy, ID, StorageRlsDisabled, table};
use crate::access::Access;
use crate::check::{Context, Judgement};
use crate::checks::policies;
use crate::evidence::catalog::{Bucket, Policy, PolicyCommand, Relation};
use crate::finding::Severity;

pub(super) fn judge(context: Context<'_>, judgement: &mut Judgement) {
    let now = match context.now.catalog.policies.get() {
        Ok(policies) => Some(policies.as_slice()),
        Err(cause) => {
            judgement.could_not_read("the policies", cause);
            None
        }
    };
    let then = match context.then.map(|then| then.catalog.policies.get()).transpose() {
        Ok(policies) => policies.map(Vec::as_slice),
        Err(cause) => {
            judgement.could_not_read("the policies of the baseline", cause);
            None
        }
    };
    for name in ["buckets", "objects"] {
        let old = context.then.and_then(|then| table(then, name).ok().flatten());
        let Ok(Some(relation)) = table(context.now, name) else { continue };
        judgement.examine("tables", 1);
        let own = now.map(|all| policies::of(all, &relation.name));
        let old_own = old.and(then).map(|all| policies::of(all, &relation.name));
        judgement.examine("policies", own.map_or(0, <[Policy]>::len) as u64);
        if !relation.rls_enabled {
            let was_on = old.is_some_and(|old| old.rls_enabled);
            let enable = policies::enable(&relation.name, own, old_own.filter(|_| was_on));
            judgement.find(StorageRlsDisabled::new(relation, was_on, enable));
        }
        if let (Some(own), Some(old_own)) = (own, old_own) {
            policies::compare(ID, context, own, old_own, judgement);
        }
        if let (Some(own), "objects") = (own, name) {
            judge_breadth(context, relation, own, old_own, judgement);
        }
    }
}

fn judge_breadth(
    context: Context<'_>,
    objects: &Relation,
    own: &[Policy],
    old_own: Option<&[Policy]>,
    judgement: &mut Judgement,
) {
    let access = match Access::new(&context.now.catalog) {
        Ok(access) => access,
        Err(unread) => return judgement.unread.push(unread),
    };
    // Where buckets could not be read that is told already.
    let Some(buckets) = context.now.catalog.buckets.read() else { return };
    for policy in own.iter().filter(|policy| policy.permissive) {
        let old = old_own
            .filter(|old| old.iter().any(|old| old.name == policy.name && policies::same(policy, old)));
        let mut open = Open { as_in_baseline: true, ..Open::default() };
        for (role, privileges) in access.reached_by(objects) {
            for command in policy.command.each() {
                let may = privileges.has(command.privilege()) && access.is_for(policy, role);
                if !may || policies::is_narrowed(&access, own, role, *command) {
                    continue;
                }
                let text = match command {
                    PolicyCommand::Insert => policy.check.as_ref().or(policy.using.as_ref()),
                    _ => policy.using.as_ref(),
                };
                let Some(breadth) = text.and_then(|text| Breadth::of(text)) else { continue };
                // Whoever is signed in has another role.
                if breadth.signed_in && role == "anon" {
                    continue;
                }
                // What the baseline had just the same, and as open, is the team's choice.
                let same = old.is_some_and(|old| !policies::is_narrowed(&access, old, role, *command));
                for bucket in buckets.iter().filter(|bucket| is_of(&breadth, bucket)) {
                    open.add(bucket, role, *command, same);
                }
            }
        }
        if let Some(severity) = open.severity {
            judgement.find(BroadObjectPolicy::new(policy, severity, open));
        }
    }
}

fn is_of(breadth: &Breadth, bucket: &Bucket) -> bool {
    breadth.buckets.as_ref().is_none_or(|ids| ids.contains(&bucket.id))
}

/// What one policy opens.
#[derive(Default)]
pub(super) struct Open<'e> {
    severity: Option<Severity>,
    pub(super) buckets: BTreeMap<&'e str, bool>,
    pub(super) roles: BTreeSet<&'e str>,
    pub(super) commands: BTreeSet<&'static str>,
    /// Whether all of it was so in the baseline.
    pub(super) as_in_baseline: bool,
}

impl<'e> Open<'e> {
    fn add(&mut self, bucket: &'e Bucket, role: &'e str, command: PolicyCommand, same: bool) {
        let public = bucket.public.unwrap_or(false);
        let everybody = role != "authenticated";
        let severity = match (command, everybody) {
            _ if same => Severity::Info,
            // Its files can be downloaded anyway: this only lists them.
            (PolicyCommand::Select, _) if public => Severity::Info,
            (PolicyCommand::Insert, false) => Severity::Info,
            (PolicyCommand::Insert, true) | (_, false) => Severity::Warning,
            (_, true) => Severity::Critical,
        };
        self.as_in_baseline &= same;
        self.severity = self.severity.max(Some(severity));
        self.buckets.insert(&bucket.id, public);
        self.roles.insert(role);
        self.commands.insert(command.as_sql());
    }
}
