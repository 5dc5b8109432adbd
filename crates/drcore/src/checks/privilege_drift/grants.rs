//! What roles may do with things: gained and lost, told together.

use std::collections::{BTreeMap, BTreeSet};

use super::things::{Kind, Thing};
use super::{Case, DefinerFunctionsOpened, PrivilegesNarrowed, PrivilegesWidened, remedies};
use crate::access::Privileges;
use crate::check::Judgement;
use crate::checks::platform::is_project_role;
use crate::finding::Severity;
use crate::text::list;

/// What one role may do with one thing, and could not, or the other way round.
#[derive(Clone, Debug)]
pub(super) struct Change<'c, 'e> {
    /// As it is now.
    pub(super) new: &'c Thing<'e>,
    /// The role, or `public`.
    pub(super) role: &'e str,
    pub(super) privileges: Privileges,
}

/// What is told together.
type Groups<'c, 'e> = BTreeMap<(Kind, Option<&'e str>), Vec<Change<'c, 'e>>>;

pub(super) fn judge(case: &Case<'_>, judgement: &mut Judgement) {
    let (mut widened, mut narrowed, mut opened) = (Groups::new(), Groups::new(), Groups::new());
    for (new, old) in &case.pairs {
        judgement.examine(if new.kind == Kind::Columns { "columns" } else { "objects" }, 1);
        // Schemas are told together, not each by itself.
        let schema = new.schema.filter(|_| new.kind != Kind::Schemas);
        let group = (new.kind, schema);
        for role in roles_of(case, new, old) {
            let (is, was) = (new.granted(role), old.granted(role));
            let gained = is.without(old.held(&case.then, role));
            let lost = was.without(new.held(&case.now, role));
            let change = |privileges| Change { new, role, privileges };
            if !gained.is_empty() {
                let opens = new.is_definer && (case.reaches_api(role) || role == "public");
                let groups = if opens { &mut opened } else { &mut widened };
                groups.entry(group).or_default().push(change(gained));
            }
            // Of a role that is gone, all is told with it.
            if !lost.is_empty() && (role == "public" || case.now.has_role(role)) {
                narrowed.entry(group).or_default().push(change(lost));
            }
        }
    }
    for ((kind, schema), changes) in &widened {
        let to_api = changes.iter().any(|change| case.reaches_api(change.role));
        let severity = if to_api { Severity::Critical } else { Severity::Warning };
        let remedy = remedies::revoke(case, changes);
        judgement.find(PrivilegesWidened::new(
            *kind,
            *schema,
            changes,
            severity,
            &how(case, changes),
            remedy,
        ));
    }
    for ((_, schema), changes) in &opened {
        let remedy = remedies::revoke(case, changes);
        judgement.find(DefinerFunctionsOpened::new(*schema, changes, &how(case, changes), remedy));
    }
    for ((kind, schema), changes) in &narrowed {
        let remedy = remedies::grant(changes);
        judgement.find(PrivilegesNarrowed::new(*kind, *schema, changes, remedy));
    }
}

/// Who was granted something on it, then or now, and is no matter of the platform's.
fn roles_of<'e>(case: &Case<'e>, new: &Thing<'e>, old: &Thing<'e>) -> Vec<&'e str> {
    let managed = case.is_managed(new);
    let mut roles: Vec<&str> = new.acl.0.iter().chain(&old.acl.0).map(|item| item.grantee.as_str()).collect();
    roles.sort_unstable();
    roles.dedup();
    roles.retain(|role| {
        let api = || case.reaches_api(role) || case.then.is_api_role(role) || *role == "public";
        // What somebody may do as the owner comes and goes with that.
        let owns = new.owner != old.owner && [new.owner, old.owner].contains(role);
        // What services and the project's own roles may do with the platform's objects is the platform's.
        !owns && !case.is_service(role) && (!managed || (api() || !is_project_role(role)))
    });
    roles
}

/// How it came about, as far as that is known, as full sentences.
fn how(case: &Case<'_>, changes: &[Change<'_, '_>]) -> String {
    let by_default = |change: &Change<'_, '_>| super::defaults::grants(case, change);
    if changes.iter().all(by_default) {
        let owners: BTreeSet<&str> = changes.iter().map(|change| change.new.owner).collect();
        let owners: Vec<&str> = owners.into_iter().collect();
        return format!(
            "The default privileges of {} grant it whenever such an object is created, and a dump does not revoke it.",
            list(&owners)
        );
    }
    let in_public = |change: &Change<'_, '_>| {
        change.new.kind == Kind::Schemas && change.new.name == "public" && change.role == "public"
    };
    if changes.iter().any(in_public) && super::before(15, case.context.now) {
        return "pg_dump 15 and later leaves out a REVOKE that is the rule from PostgreSQL 15 on, and here it is not."
            .to_owned();
    }
    let anew = |change: &Change<'_, '_>| {
        change.role == "public" && matches!(change.new.kind, Kind::Functions | Kind::Types | Kind::Database)
    };
    if changes.iter().all(anew) {
        return "PostgreSQL itself grants it to everybody when such an object is created.".to_owned();
    }
    String::new()
}
