//! Default privileges: what will be granted on what is created from now on.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{ChangedGrant, DefaultPrivilegesNarrowed, DefaultPrivilegesWidened};
use super::grants::Change;
use super::things::Kind;
use super::{Case, before};
use crate::access::{Access, Privileges};
use crate::check::Judgement;
use crate::evidence::Evidence;
use crate::evidence::acl::{Acl, AclItem};
use crate::evidence::catalog::{CreatedObjects, DefaultPrivilege};
use crate::finding::Severity;
use crate::remedy::{Remedy, RemedyClass};
use crate::sql::ident;

/// What objects of a kind are granted as one role creates them: everywhere, and in one schema besides.
struct Defaults {
    everywhere: Acl,
    here: Acl,
}

impl Defaults {
    /// `schema` is the one that is asked about; none for what holds in all of them.
    fn of(all: &[DefaultPrivilege], role: &str, schema: Option<&str>, objects: CreatedObjects) -> Self {
        let entry = |schema: Option<&str>| {
            let fits = |entry: &&DefaultPrivilege| {
                entry.role == role && entry.schema.as_deref() == schema && entry.objects == objects
            };
            all.iter().find(fits).map(|entry| entry.acl.clone())
        };
        Self {
            everywhere: entry(None).unwrap_or_else(|| built_in(objects)),
            here: schema.and_then(|schema| entry(Some(schema))).unwrap_or_default(),
        }
    }

    fn own(acl: &Acl, role: &str) -> Privileges {
        let items = acl.0.iter().filter(|item| item.grantee == role);
        items.fold(Privileges::default(), |all, item| all.and(Privileges::with_options(&item.privileges)))
    }

    /// What the role will be able to do, by whatever way but as the owner.
    fn held(&self, access: &Access<'_>, role: &str) -> Privileges {
        access.on(role, &self.everywhere, "", "").and(access.on(role, &self.here, "", ""))
    }
}

/// What PostgreSQL grants everybody where nothing else is said. The owner's own is left out: it can grant that itself.
fn built_in(objects: CreatedObjects) -> Acl {
    let to_all = match objects {
        CreatedObjects::Functions => "X",
        CreatedObjects::Types => "U",
        _ => return Acl::default(),
    };
    Acl(vec![AclItem { grantee: "public".to_owned(), privileges: to_all.to_owned() }])
}

pub(super) fn judge(case: &Case<'_>, judgement: &mut Judgement) {
    let Some((now, then)) =
        case.both(judgement, "default privileges", |evidence| evidence.catalog.default_privileges.get())
    else {
        return;
    };
    let keys: BTreeSet<(&str, Option<&str>, CreatedObjects)> = now
        .iter()
        .chain(then)
        .map(|entry| (entry.role.as_str(), entry.schema.as_deref(), entry.objects))
        .collect();
    let mut widened: Groups<'_> = BTreeMap::new();
    let mut narrowed: Groups<'_> = BTreeMap::new();
    for (role, schema, objects) in keys {
        if !looks_at(case, role, schema) {
            continue;
        }
        judgement.examine("default privileges", 1);
        let (is, was) = (Defaults::of(now, role, schema, objects), Defaults::of(then, role, schema, objects));
        let side = |of: &Defaults| if schema.is_some() { of.here.clone() } else { of.everywhere.clone() };
        let (own_now, own_then) = (side(&is), side(&was));
        let grantees: BTreeSet<&String> =
            own_now.0.iter().chain(&own_then.0).map(|item| &item.grantee).collect();
        // MAINTAIN came with version 17: a server without it took it from nobody.
        let known = known(case.context.now).only(known(case.baseline));
        for grantee in grantees.into_iter().filter(|grantee| *grantee != role && !case.is_service(grantee)) {
            let gained = Defaults::own(&own_now, grantee).without(was.held(&case.then, grantee)).only(known);
            let lost = Defaults::own(&own_then, grantee).without(is.held(&case.now, grantee)).only(known);
            let there = grantee == "public" || case.now.has_role(grantee);
            let add = |groups: &mut Groups<'_>, privileges: Privileges| {
                if !privileges.is_empty() {
                    let key = (role.to_owned(), schema.map(str::to_owned));
                    let changes = groups.entry(key).or_default();
                    changes.push(DefaultChange { grantee: grantee.clone(), privileges, objects });
                }
            };
            add(&mut widened, gained);
            if there {
                add(&mut narrowed, lost);
            }
        }
    }
    for ((role, schema), changes) in widened {
        let remedy = remedy(&role, schema.as_deref(), &changes, "revoke", "from");
        judgement.find(DefaultPrivilegesWidened::new(&role, schema.as_deref(), told(&changes), remedy));
    }
    for ((role, schema), changes) in narrowed {
        let severity = if changes.iter().all(|change| is_platforms(case, &role, change)) {
            Severity::Info
        } else {
            Severity::Warning
        };
        let remedy = remedy(&role, schema.as_deref(), &changes, "grant", "to");
        judgement.find(DefaultPrivilegesNarrowed::new(
            &role,
            schema.as_deref(),
            told(&changes),
            severity,
            remedy,
        ));
    }
}

/// By whose they are, and in which schema.
type Groups<'a> = BTreeMap<(String, Option<String>), Vec<DefaultChange>>;

struct DefaultChange {
    grantee: String,
    privileges: Privileges,
    objects: CreatedObjects,
}

fn known(evidence: &Evidence) -> Privileges {
    let letters = if before(17, evidence) { "arwdDxtUCX" } else { "arwdDxtmUCX" };
    Privileges::of(letters).grantable()
}

fn looks_at(case: &Case<'_>, role: &str, schema: Option<&str>) -> bool {
    // What a role that is not there would create nobody creates.
    !case.is_service(role) && case.now.has_role(role) && case.then.has_role(role) && looks_into(case, schema)
}

/// Nobody creates anything in a schema that is not there.
fn looks_into(case: &Case<'_>, schema: Option<&str>) -> bool {
    schema.is_none_or(|schema| case.exposed.looks_into(schema) && case.now.schema(schema).is_some())
}

/// Supabase stopped granting the API everything on what `postgres` creates.
///
/// Source: Supabase changelog, discussion 45329 (2026): new projects from 2026-05-30, all from 2026-10-30.
fn is_platforms(case: &Case<'_>, role: &str, change: &DefaultChange) -> bool {
    case.is_platform
        && role == "postgres"
        && ["anon", "authenticated", "service_role"].contains(&change.grantee.as_str())
}

fn told(changes: &[DefaultChange]) -> Vec<ChangedGrant> {
    let mut grants: Vec<ChangedGrant> = Vec::new();
    for change in changes {
        let privileges = change.privileges.said();
        let objects = change.objects.as_sql().to_owned();
        match grants.iter_mut().find(|grant| grant.role == change.grantee && grant.privileges == privileges) {
            Some(grant) => grant.objects.push(objects),
            None => grants.push(ChangedGrant::new(&change.grantee, privileges, vec![objects])),
        }
    }
    grants
}

fn remedy(
    role: &str,
    schema: Option<&str>,
    changes: &[DefaultChange],
    verb: &str,
    preposition: &str,
) -> Option<Remedy> {
    let statements = sentences(role, schema, changes, verb, preposition);
    (!statements.is_empty()).then(|| Remedy::sql(RemedyClass::Safe, statements))
}

fn sentences(
    role: &str,
    schema: Option<&str>,
    changes: &[DefaultChange],
    verb: &str,
    preposition: &str,
) -> Vec<String> {
    let place = schema.map_or_else(String::new, |schema| format!(" in schema {}", ident(schema)));
    let mut grantees: BTreeMap<(CreatedObjects, Privileges), Vec<String>> = BTreeMap::new();
    for change in changes {
        grantees.entry((change.objects, change.privileges)).or_default().push(ident(&change.grantee));
    }
    let mut statements = Vec::new();
    for ((objects, privileges), grantees) in grantees {
        for (words, before, after) in privileges.clauses(verb) {
            statements.push(format!(
                "alter default privileges for role {}{place} {verb} {before}{} on {} {preposition} {}{after}",
                ident(role),
                words.join(", "),
                objects.as_sql(),
                grantees.join(", ")
            ));
        }
    }
    statements
}

/// The statements that give a role of the baseline, which is gone, what it was to be granted, and its own default
/// privileges.
pub(super) fn again(case: &Case<'_>, role: &str) -> Vec<String> {
    let Ok(all) = case.baseline.catalog.default_privileges.get() else { return Vec::new() };
    let there = |name: &str| name == role || name == "public" || case.now.has_role(name);
    let mut statements = Vec::new();
    let entries = all.iter().filter(|entry| looks_into(case, entry.schema.as_deref()) && there(&entry.role));
    for DefaultPrivilege { role: of, schema, objects, acl } in entries {
        let everybody = if schema.is_none() { built_in(*objects) } else { Acl::default() };
        let mut say = |grantee: &str, privileges: Privileges, verb: &str, preposition: &str| {
            if !privileges.is_empty() {
                let change = DefaultChange { grantee: grantee.to_owned(), privileges, objects: *objects };
                statements.extend(sentences(of, schema.as_deref(), &[change], verb, preposition));
            }
        };
        if of == role {
            let kept = Defaults::own(acl, "public");
            say("public", Defaults::own(&everybody, "public").without(kept), "revoke", "from");
        }
        for grantee in acl.0.iter().map(|item| item.grantee.as_str()).filter(|grantee| *grantee != of) {
            if there(grantee) && (of == role || grantee == role) {
                let granted = Defaults::own(acl, grantee).without(Defaults::own(&everybody, grantee));
                say(grantee, granted, "grant", "to");
            }
        }
    }
    statements
}

/// Whether default privileges grant the change to whatever the thing's owner creates in its schema.
pub(super) fn grants(case: &Case<'_>, change: &Change<'_, '_>) -> bool {
    let Ok(all) = case.context.now.catalog.default_privileges.get() else { return false };
    let objects = match change.new.kind {
        Kind::Functions => CreatedObjects::Functions,
        Kind::Schemas => CreatedObjects::Schemas,
        Kind::Sequences => CreatedObjects::Sequences,
        Kind::Tables => CreatedObjects::Tables,
        Kind::Types => CreatedObjects::Types,
        _ => return false,
    };
    let entry = |schema: Option<&str>| {
        all.iter()
            .filter(|entry| {
                entry.role == change.new.owner
                    && entry.schema.as_deref() == schema
                    && entry.objects == objects
            })
            .map(|entry| Defaults::own(&entry.acl, change.role))
            .fold(Privileges::default(), Privileges::and)
    };
    change.privileges.without(entry(None).and(entry(change.new.schema))).is_empty()
}
