use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::evidence::{Catalog, Run};
use crate::plan::Plan;

/// A database with one table that nobody was granted, and these roles.
fn evidence(roles: &Value) -> Evidence {
    let table = json!({
        "name": "public.t", "kind": "table", "persistence": "permanent", "owner": "postgres",
        "rls_enabled": true, "rls_forced": false, "parents": [], "is_partition": false, "options": [],
        "acl": ["staff=r"], "extension": null, "estimated_rows": 0,
    });
    let schema = json!({ "name": "public", "owner": "postgres", "acl": ["public=U"] });
    let mut evidence = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
    let mut catalog: Catalog = serde_json::from_value(json!({
        "columns": { "read": [] }, "functions": { "read": [] }, "policies": { "read": [] },
        "relations": { "read": [table] }, "roles": { "read": roles }, "schemas": { "read": [schema] },
        "sequences": { "read": [] }, "settings": { "read": [] }, "view_sources": { "read": [] },
    }))
    .unwrap();
    catalog.sort();
    *evidence.catalog = catalog;
    evidence
}

fn role(name: &str, bypass_rls: bool, inherits: &[&str], can_become: &[&str]) -> Value {
    json!({
        "name": name, "superuser": false, "login": false, "bypass_rls": bypass_rls,
        "inherits": inherits, "can_become": can_become,
    })
}

fn healthy() -> Value {
    json!([
        role("anon", false, &[], &[]),
        role("authenticator", false, &[], &["anon", "service_role"]),
        role("service_role", true, &[], &[]),
        role("staff", false, &[], &[]),
    ])
}

fn found(now: &Value, then: Option<&Value>) -> Vec<String> {
    let (now, then) = (evidence(now), then.map(evidence));
    let plan = Plan::default();
    let judgement = judge(Context::new(&plan, &now, then.as_ref()));
    judgement.findings.iter().map(|finding| finding.id().replacen("rls_coverage:", "", 1)).collect()
}

#[test]
fn the_roles_of_a_supabase_project_are_no_finding() {
    assert_eq!(found(&healthy(), None), [""; 0]);
    assert_eq!(found(&healthy(), Some(&healthy())), [""; 0]);
}

#[test]
fn an_api_role_that_bypasses_row_level_security_is_never_left_out_in_silence() {
    let mut now = healthy();
    now[0] = role("anon", true, &[], &[]);
    assert_eq!(found(&now, None), ["rls_bypassed:anon"]);
    assert_eq!(found(&now, Some(&healthy())), ["rls_bypassed:anon"]);
}

#[test]
fn a_role_beyond_the_policies_is_found_once() {
    let mut staff = healthy();
    staff[3] = role("staff", true, &[], &[]);
    assert_eq!(found(&staff, Some(&healthy())), ["rls_bypassed:staff"]);
    staff[1] = role("authenticator", false, &[], &["anon", "service_role", "staff"]);
    assert_eq!(found(&staff, Some(&healthy())), ["rls_bypassed:staff"]);
    let mut then = healthy();
    then[1] = role("authenticator", true, &[], &["anon", "service_role"]);
    assert_eq!(found(&then, Some(&healthy())), ["rls_bypassed:authenticator"]);
}

#[test]
fn without_an_api_and_without_policies_there_is_nothing_to_judge() {
    let roles = json!([role("app", false, &[], &[])]);
    let (plan, now) = (Plan::default(), evidence(&roles));
    let absence = |then| judge(Context::new(&plan, &now, then)).absence.map(|absence| absence.reason);
    assert_eq!(absence(None), Some(Reason::NotApplicable));
    assert_eq!(absence(Some(&now)), None, "its row level security is compared");
}

/// The same with these rows of a fact, and a server of this version.
fn with(mut evidence: Evidence, version: u32, facts: &Value) -> Evidence {
    let mut catalog = serde_json::to_value(&evidence.catalog).unwrap();
    for (fact, rows) in facts.as_object().unwrap() {
        catalog[fact] = json!({ "read": rows });
    }
    *evidence.catalog = serde_json::from_value(catalog).unwrap();
    evidence.catalog.sort();
    evidence.run.server = Some(
        serde_json::from_value(json!({
            "version": "", "version_num": version * 10_000, "database": "app", "database_oid": 5,
            "system_identifier": null, "started_at": null, "in_recovery": false, "role": "postgres",
            "superuser": true, "bypass_rls": true, "cluster_name": "", "taken_at": "2026-11-20T03:10:00Z",
        }))
        .unwrap(),
    );
    evidence
}

fn relation(name: &str, kind: &str, owner: &str, acl: &[&str], rls: (bool, bool), options: &[&str]) -> Value {
    json!({
        "name": name, "kind": kind, "persistence": "permanent", "owner": owner, "rls_enabled": rls.0,
        "rls_forced": rls.1, "parents": [], "is_partition": false, "options": options, "acl": acl,
        "extension": null, "estimated_rows": 0,
    })
}

fn ids(now: &Evidence, then: Option<&Evidence>) -> Vec<String> {
    let plan = Plan::from_toml("[rls_coverage]\nexposed_schemas = [\"public\"]\n").unwrap();
    let judgement = judge(Context::new(&plan, now, then));
    judgement.findings.iter().map(|finding| finding.id().replacen("rls_coverage:", "", 1)).collect()
}

#[test]
fn a_changed_policy_says_where_the_servers_differ() {
    let policy = |using: &str| {
        json!({ "policies": [{
            "relation": "public.t", "name": "p", "permissive": true, "command": "select", "roles": ["anon"],
            "using": using, "check": null,
        }] })
    };
    let now = with(evidence(&healthy()), 17, &policy("(a = 1)"));
    for (version, differs) in [(15, true), (17, false)] {
        let then = with(evidence(&healthy()), version, &policy("(a = 2)"));
        let plan = Plan::default();
        let judgement = judge(Context::new(&plan, &now, Some(&then)));
        let changed = judgement.findings.iter().find(|finding| finding.kind() == "policy_changed").unwrap();
        let hint = changed.common().hint.as_ref().unwrap();
        assert_eq!(hint.contains("versions differ"), differs, "{hint}");
    }
}

#[test]
fn a_view_lends_what_its_owner_may_and_forced_policies_hold_for_owners() {
    let mut roles = healthy();
    roles.as_array_mut().unwrap().push(role("weak", false, &[], &[]));
    let found = |forced: bool, owner: &str| {
        let relations = json!({
            "relations": [
                relation("public.t", "table", "weak", &[], (true, forced), &[]),
                relation("public.v", "view", owner, &["anon=r"], (false, false), &[]),
            ],
            "view_sources": [{ "view": "public.v", "source": "public.t" }],
        });
        ids(&with(evidence(&roles), 17, &relations), None)
    };
    assert_eq!(found(false, "weak"), ["definer_view:public.v"]);
    assert_eq!(found(true, "weak"), [""; 0]);
    assert_eq!(found(false, "staff"), [""; 0], "its owner may not read the table");
    assert_eq!(found(false, "gone"), ["definer_view:public.v"], "who is not known may be anybody");
}

#[test]
fn auth_users_are_shown_where_no_policy_stands_before_them() {
    let found = |rls: bool, options: &[&str], acl: &[&str]| {
        let relations = json!({
            "relations": [
                relation("auth.users", "table", "postgres", acl, (rls, false), &[]),
                relation("public.u", "view", "postgres", &["anon=r"], (false, false), options),
            ],
            "view_sources": [{ "view": "public.u", "source": "auth.users" }],
        });
        let mut roles = healthy();
        roles.as_array_mut().unwrap().push(role("postgres", true, &[], &[]));
        ids(&with(evidence(&roles), 17, &relations), None)
    };
    let shown = "auth_users_exposed:public.u";
    assert_eq!(found(true, &[], &[]), [shown]);
    assert_eq!(found(false, &["security_invoker=on"], &["anon=r"]), [shown]);
    assert_eq!(found(true, &["security_invoker=on"], &["anon=r"]), [""; 0]);
    assert_eq!(found(false, &["security_invoker=on"], &[]), [""; 0]);
}
