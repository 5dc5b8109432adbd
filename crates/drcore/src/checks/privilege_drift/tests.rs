use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::check::CheckResult;
use crate::evidence::{Catalog, Run};
use crate::finding::Payload as _;
use crate::plan::Plan;

/// A database, as JSON: tables as `(name, owner, acl)`, roles by name, and whatever else is given.
fn evidence(major: u32, more: &Value) -> Evidence {
    let mut catalog = json!({
        "columns": { "read": [] }, "default_privileges": { "read": [] }, "functions": { "read": [] },
        "owned_objects": { "read": [] }, "policies": { "read": [] }, "relations": { "read": [] },
        "roles": { "read": [role("anon"), role("boss"), role("reader")] },
        "schemas": { "read": [{ "name": "public", "owner": "boss", "acl": ["public=U"] }] },
        "sequences": { "read": [] }, "settings": { "read": [] }, "view_sources": { "read": [] },
        "parameters": { "read": [] },
    });
    for (key, facts) in more.as_object().unwrap() {
        catalog[key] = json!({ "read": facts });
    }
    let mut run = Run::new(Timestamp::UNIX_EPOCH);
    run.server = serde_json::from_value(json!({
        "version": format!("{major}.1"), "version_num": major * 10_000 + 1, "database": "app", "database_oid": 5,
        "system_identifier": "1", "started_at": null, "in_recovery": false, "role": "boss", "superuser": true,
        "bypass_rls": true, "cluster_name": "", "taken_at": "1970-01-01T00:00:00Z",
    }))
    .unwrap();
    let mut evidence = Evidence::new(run);
    let mut catalog: Catalog = serde_json::from_value(catalog).unwrap();
    catalog.sort();
    *evidence.catalog = catalog;
    evidence
}

fn role(name: &str) -> Value {
    json!({
        "name": name, "superuser": false, "login": false, "bypass_rls": false, "inherits": [], "can_become": [],
        "attributes": {
            "inherit": true, "create_role": false, "create_database": false, "replication": false,
            "connections": null, "valid_until": null, "administers": [], "is_first": false,
        },
    })
}

fn with(mut role: Value, changes: &Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        if role.get(key).is_some() { &mut role[key] } else { &mut role["attributes"][key] }.clone_from(value);
    }
    role
}

fn table(name: &str, owner: &str, acl: &[&str]) -> Value {
    json!({
        "name": name, "kind": "table", "persistence": "permanent", "owner": owner, "rls_enabled": true,
        "rls_forced": false, "parents": [], "is_partition": false, "options": [], "acl": acl, "extension": null,
        "estimated_rows": 0,
    })
}

fn found(now: &Evidence, then: &Evidence) -> Vec<Finding> {
    let plan = Plan::default();
    let judgement = judge(Context::new(&plan, now, Some(then)));
    assert_eq!(judgement.unread, []);
    CheckResult::derive(ID, judgement, Vec::new(), false).findings
}

fn ids(now: &Evidence, then: &Evidence) -> Vec<String> {
    found(now, then).iter().map(|finding| finding.id().replacen("privilege_drift:", "", 1)).collect()
}

fn tables(tables: &[(&str, &[&str])]) -> Value {
    let tables: Vec<Value> = tables.iter().map(|(name, acl)| table(name, "boss", acl)).collect();
    json!({ "relations": tables })
}

#[test]
fn without_a_baseline_there_is_nothing_to_compare_with() {
    let plan = Plan::default();
    let now = evidence(15, &json!({}));
    let judgement = judge(Context::new(&plan, &now, None));
    assert_eq!(
        CheckResult::derive(ID, judgement, Vec::new(), false).reason,
        Some(crate::check::Reason::NoExpectation)
    );
}

#[test]
fn what_is_held_in_another_way_is_no_change() {
    let own = evidence(15, &tables(&[("public.t", &["reader=r"])]));
    let all = evidence(15, &tables(&[("public.t", &["public=r"])]));
    // Whoever may read because everybody may has not gained it; everybody has.
    assert_eq!(ids(&all, &own), ["privileges_widened:public:tables"]);
    let Finding::PrivilegesWidened(widened) = &found(&all, &own)[0] else { panic!() };
    assert_eq!(widened.common.message, "everybody has gained select");
    assert_eq!(widened.extent(), ["public select on public.t"]);
    assert_eq!(ids(&own, &all), ["privileges_narrowed:public:tables"]);
    // Nor who has it through a group.
    let group = |acl: &[&str], inherits: &[&str]| {
        let roles =
            [role("anon"), role("boss"), role("reader"), with(role("ann"), &json!({ "inherits": inherits }))];
        let mut more = tables(&[("public.t", acl)]);
        more["roles"] = json!(roles);
        evidence(15, &more)
    };
    assert_eq!(ids(&group(&["reader=r"], &["reader"]), &group(&["reader=r", "ann=r"], &["reader"])), [""; 0]);
    assert_eq!(ids(&group(&["reader=r", "ann=r"], &["reader"]), &group(&["reader=r"], &["reader"])), [""; 0]);
    // Where the membership came at the same time, it is what is told.
    assert_eq!(
        ids(&group(&["reader=r"], &["reader"]), &group(&["reader=r"], &[])),
        ["membership_widened:ann:reader"]
    );
    // A superuser may anyway.
    let superuser = |acl: &[&str]| {
        let mut more = tables(&[("public.t", acl)]);
        more["roles"] = json!([role("boss"), with(role("reader"), &json!({ "superuser": true }))]);
        evidence(15, &more)
    };
    assert_eq!(ids(&superuser(&["reader=r"]), &superuser(&[])), [""; 0]);
    assert_eq!(ids(&superuser(&[]), &superuser(&["reader=r"])), [""; 0]);
    // So may the owner.
    assert_eq!(
        ids(
            &evidence(15, &tables(&[("public.t", &["boss=r"])])),
            &evidence(15, &tables(&[("public.t", &[])]))
        ),
        [""; 0]
    );
}

#[test]
fn what_changed_alike_is_told_once() {
    let names: Vec<String> = (1..=31).map(|n| format!("public.t{n:02}")).collect();
    let all = |acl: &'static [&'static str]| {
        let list: Vec<(&str, &[&str])> = names.iter().map(|name| (name.as_str(), acl)).collect();
        let mut more = tables(&list);
        more["roles"] = json!([role("anon"), role("authenticated"), role("boss")]);
        evidence(15, &more)
    };
    let findings = found(&all(&["anon=raw", "authenticated=raw"]), &all(&[]));
    assert_eq!(findings.len(), 1);
    let common = findings[0].common();
    assert_eq!(
        common.sentence(),
        "public: anon and authenticated have gained select, insert, update on 31 tables"
    );
    assert_eq!(common.severity, Severity::Critical);
    assert_eq!(common.hint.as_deref(), Some("Such as public.t01, public.t02 and public.t03."));
    let Some(crate::remedy::Remedy::Sql(remedy)) = &common.remedy else { panic!() };
    assert_eq!(remedy.statements.len(), 2, "{:?}", remedy.statements);
    assert!(remedy.statements[0].starts_with("revoke select, insert, update on public.t01, public.t02,"));
    assert!(remedy.statements[1].ends_with("public.t31 from anon, authenticated"));
}

#[test]
fn what_a_version_does_not_know_was_taken_from_nobody() {
    let old = evidence(13, &tables(&[("public.t", &["boss=arwdDxt", "reader=arwdDxt"])]));
    let new = evidence(17, &tables(&[("public.t", &["boss=arwdDxtm", "reader=arwdDxtm"])]));
    assert_eq!(ids(&new, &old), [""; 0]);
    assert_eq!(ids(&old, &new), [""; 0]);
    let without = evidence(17, &tables(&[("public.t", &["reader=arwdDxt"])]));
    assert_eq!(ids(&new, &without), ["privileges_widened:public:tables"]);
    // Public belongs to whoever owns the database, and not everybody may create in it.
    let schema = |major, owner: &str, acl: &[&str]| {
        let roles = [role("anon"), role("boss"), role("pg_database_owner")];
        let schemas = [json!({ "name": "public", "owner": owner, "acl": acl })];
        evidence(major, &json!({ "roles": roles, "schemas": schemas }))
    };
    let old = schema(14, "boss", &["boss=UC", "public=UC"]);
    let new = schema(15, "pg_database_owner", &["pg_database_owner=UC", "public=U"]);
    assert_eq!(ids(&new, &old), [""; 0]);
    assert_eq!(ids(&old, &new), ["privileges_widened:schemas"]);
    let hint = found(&old, &new)[0].common().hint.clone().unwrap();
    assert!(hint.contains("pg_dump 15"), "{hint}");
}

#[test]
fn grant_options_are_told_and_taken_back() {
    let with_option = evidence(15, &tables(&[("public.t", &["reader=r*"])]));
    let without = evidence(15, &tables(&[("public.t", &["reader=r"])]));
    let statements = |now: &Evidence, then: &Evidence| {
        let Some(crate::remedy::Remedy::Sql(remedy)) = found(now, then)[0].common().remedy.clone() else {
            panic!()
        };
        remedy.statements
    };
    assert_eq!(
        statements(&with_option, &without),
        ["revoke grant option for select on public.t from reader"]
    );
    assert_eq!(statements(&without, &with_option), ["grant select on public.t to reader with grant option"]);
}

#[test]
fn a_reopened_function_that_acts_with_its_owners_rights_is_critical() {
    let function = |definer: bool, acl: &[&str]| {
        json!({ "functions": [{
            "schema": "public", "name": "purge", "arguments": "uuid", "kind": "function", "owner": "boss",
            "security_definer": definer, "returns": "void", "config": [], "acl": acl, "extension": null,
        }] })
    };
    let shut = evidence(15, &function(true, &["boss=X"]));
    for opened in [&["boss=X", "anon=X"], &["boss=X", "public=X"]] {
        let findings = found(&evidence(15, &function(true, opened)), &shut);
        assert_eq!(findings[0].id(), "privilege_drift:definer_functions_opened:public:functions");
        assert_eq!((findings.len(), findings[0].severity()), (1, Severity::Critical));
        assert_eq!(findings[0].common().object, "public.purge(uuid)");
    }
    // A role that is none of the API's is not everybody.
    let reader = evidence(15, &function(true, &["boss=X", "reader=X"]));
    assert_eq!(ids(&reader, &shut), ["privileges_widened:public:functions"]);
    let plain = evidence(15, &function(false, &["boss=X", "anon=X"]));
    assert_eq!(ids(&plain, &shut), ["privileges_widened:public:functions"]);
}

#[test]
fn default_privileges_are_what_they_amount_to() {
    let defaults = |entries: Value| evidence(15, &json!({ "default_privileges": entries }));
    let entry = |schema: Option<&str>, objects: &str, acl: &[&str]| json!({ "role": "boss", "schema": schema, "objects": objects, "acl": acl });
    let none = defaults(json!([]));
    // To write the built-in default out changes nothing; to lack it does.
    assert_eq!(ids(&defaults(json!([entry(None, "functions", &["boss=X", "public=X"])])), &none), [""; 0]);
    let shut = defaults(json!([entry(None, "functions", &["boss=X"])]));
    assert_eq!(ids(&shut, &none), ["default_privileges_narrowed:boss:everywhere"]);
    let findings = found(&none, &shut);
    assert_eq!(findings[0].id(), "privilege_drift:default_privileges_widened:boss:everywhere");
    let Some(crate::remedy::Remedy::Sql(remedy)) = &findings[0].common().remedy else { panic!() };
    assert_eq!(
        remedy.statements,
        ["alter default privileges for role boss revoke execute on functions from public"]
    );
    // What holds everywhere need not be said of a schema.
    let everywhere = defaults(json!([entry(None, "tables", &["boss=r", "reader=r"])]));
    let both = defaults(json!([
        entry(None, "tables", &["boss=r", "reader=r"]),
        entry(Some("public"), "tables", &["reader=r"])
    ]));
    assert_eq!(ids(&both, &everywhere), [""; 0]);
    assert_eq!(ids(&everywhere, &both), [""; 0]);
    let here = defaults(json!([entry(Some("public"), "tables", &["reader=ra"])]));
    assert_eq!(ids(&here, &none), ["default_privileges_widened:boss:public"]);
}

#[test]
fn what_supabase_stopped_granting_is_told_and_fails_nothing() {
    let users = table("auth.users", "supabase_auth_admin", &[]);
    let roles: Vec<Value> =
        ["anon", "authenticated", "postgres", "reader", "supabase_auth_admin"].map(role).into();
    let project = |acl: &[&str], of: &str| {
        let entry = json!({ "role": of, "schema": "public", "objects": "tables", "acl": acl });
        let entries = if acl.is_empty() { json!([]) } else { json!([entry]) };
        evidence(15, &json!({ "relations": [users], "roles": roles, "default_privileges": entries }))
    };
    let classic = project(&["anon=arwd", "authenticated=arwd"], "postgres");
    let findings = found(&project(&[], "postgres"), &classic);
    assert_eq!((findings.len(), findings[0].severity()), (1, Severity::Info));
    assert_eq!(findings[0].common().remedy, None);
    assert_eq!(found(&classic, &project(&[], "postgres"))[0].severity(), Severity::Warning);
    assert_eq!(
        found(&project(&[], "postgres"), &project(&["reader=r"], "postgres"))[0].severity(),
        Severity::Warning
    );
    // What the platform's services create is theirs.
    assert_eq!(ids(&project(&["anon=r"], "supabase_auth_admin"), &project(&[], "postgres")), [""; 0]);
}

#[test]
fn attributes_and_memberships_are_told_in_both_directions() {
    let roles = |role: Value, major| {
        // Where there is row level security, rls_coverage tells who is beyond it.
        let mut known = table("public.t", "boss", &["reader=r", "staff=r"]);
        known["rls_enabled"] = json!(false);
        let roles = [super::tests::role("boss"), super::tests::role("staff"), role];
        evidence(major, &json!({ "roles": roles, "relations": [known] }))
    };
    let plain = || role("reader");
    for (changes, widened, back) in [
        (json!({ "superuser": true }), "superuser", "nosuperuser"),
        (json!({ "bypass_rls": true }), "bypassrls", "nobypassrls"),
        (json!({ "login": true }), "login", "nologin"),
        (json!({ "create_role": true }), "createrole", "nocreaterole"),
        (json!({ "create_database": true }), "createdb", "nocreatedb"),
        (json!({ "replication": true }), "replication", "noreplication"),
    ] {
        let (is, was) = (roles(with(plain(), &changes), 16), roles(plain(), 16));
        let Finding::RoleWidened(finding) = &found(&is, &was)[0] else { panic!("{changes}") };
        assert_eq!(finding.gained, [widened]);
        let Some(crate::remedy::Remedy::Sql(remedy)) = &finding.common.remedy else { panic!() };
        assert_eq!(remedy.statements, [format!("alter role reader {back}")]);
        let Finding::RoleNarrowed(finding) = &found(&was, &is)[0] else { panic!("{changes}") };
        assert_eq!(finding.lost, [back]);
    }
    // Of a role that this database knows nothing of, only what makes it mighty here too is told.
    let unknown = |changes: &Value| evidence(16, &json!({ "roles": [role("boss"), with(plain(), changes)] }));
    let none = unknown(&json!({}));
    assert_eq!(ids(&unknown(&json!({ "superuser": true })), &none), ["role_widened:reader"]);
    assert_eq!(ids(&unknown(&json!({ "bypass_rls": true, "login": true })), &none), [""; 0]);
    assert_eq!(ids(&evidence(16, &json!({ "roles": [role("boss")] })), &none), [""; 0]);
    let limited = json!({ "connections": 5, "valid_until": "2030-01-01T00:00:00Z" });
    let (is, was) = (roles(plain(), 16), roles(with(plain(), &limited), 16));
    let Finding::RoleWidened(finding) = &found(&is, &was)[0] else { panic!() };
    assert_eq!(
        finding.gained,
        ["connection limit none (was 5)", "valid until infinity (was 2030-01-01T00:00:00Z)"]
    );
    assert_eq!(ids(&was, &is), ["role_narrowed:reader"]);

    // Before version 16 CREATEROLE administers every role.
    let creator =
        |administers: &[&str]| with(plain(), &json!({ "create_role": true, "administers": administers }));
    assert_eq!(ids(&roles(creator(&["staff"]), 16), &roles(creator(&[]), 15)), [""; 0]);
    assert_eq!(
        ids(&roles(creator(&["staff"]), 16), &roles(creator(&[]), 16)),
        ["membership_widened:reader:staff"]
    );
    let member = with(plain(), &json!({ "inherits": ["staff"], "can_become": ["staff"] }));
    for (major, back, again) in [
        (15, "revoke staff from reader", "grant staff to reader"),
        (16, "revoke staff from reader", "grant staff to reader with inherit true, set true, admin false"),
    ] {
        let (is, was) = (roles(member.clone(), major), roles(plain(), major));
        for (now, then, kind, statement) in
            [(&is, &was, "membership_widened", back), (&was, &is, "membership_narrowed", again)]
        {
            let findings = found(now, then);
            assert_eq!(findings[0].id(), format!("privilege_drift:{kind}:reader:staff"));
            let Some(crate::remedy::Remedy::Sql(remedy)) = &findings[0].common().remedy else { panic!() };
            assert_eq!(remedy.statements, [statement]);
        }
    }
}

#[test]
fn what_another_check_tells_is_told_once_and_never_nowhere() {
    let state = |bypass: bool| {
        let mut more = tables(&[("public.t", &["anon=r"])]);
        more["roles"] = json!([with(role("anon"), &json!({ "bypass_rls": bypass })), role("boss")]);
        evidence(15, &more)
    };
    let (now, then) = (state(true), state(false));
    assert_eq!(ids(&now, &then), [""; 0]);
    let plan = Plan::default();
    let context = Context::new(&plan, &now, Some(&then));
    let told = (rls_coverage::CHECK.judge)(context).findings;
    assert!(told.iter().any(|finding| finding.id() == "rls_coverage:rls_bypassed:anon"));
    let alone = [ID.to_owned()];
    let findings = judge(context.only(&alone)).findings;
    assert_eq!(findings[0].id(), "privilege_drift:role_widened:anon");
    let skip = Plan::from_toml("[[skip]]\ncheck = \"rls_coverage\"\nreason = \"later\"\n").unwrap();
    let findings = judge(Context::new(&skip, &now, Some(&then))).findings;
    assert_eq!(findings[0].id(), "privilege_drift:role_widened:anon");
    // The other way round: what privilege_drift tells of views and functions.
    let other = [rls_coverage::CHECK.id.to_owned()];
    assert!(!context.only(&other).runs(ID));
}

#[test]
fn a_role_that_is_gone_is_made_again_with_all_that_it_had() {
    let mut then = tables(&[("public.t", &["reader=r", "boss=r"]), ("public.u", &["reader=a"])]);
    let reader = json!({ "login": true, "inherits": ["staff"], "can_become": ["staff"], "connections": 3 });
    then["roles"] = json!([role("boss"), role("staff"), with(role("reader"), &reader), role("unrelated")]);
    let mut now = tables(&[("public.t", &["boss=r"]), ("public.u", &[])]);
    now["roles"] = json!([role("boss"), role("staff")]);
    let findings = found(&evidence(15, &now), &evidence(15, &then));
    assert_eq!(findings[0].id(), "privilege_drift:missing_role:reader");
    assert_eq!((findings.len(), findings[0].severity()), (1, Severity::Warning));
    let Some(crate::remedy::Remedy::Sql(remedy)) = &findings[0].common().remedy else { panic!() };
    assert_eq!(
        remedy.statements,
        [
            "create role reader login connection limit 3",
            "grant staff to reader",
            "grant insert on public.u to reader",
            "grant select on public.t to reader",
        ]
    );
}

#[test]
fn what_a_baseline_does_not_hold_is_unread() {
    let now = evidence(15, &json!({}));
    let plan = Plan::default();
    let unread = |then: &Evidence| {
        let judgement = judge(Context::new(&plan, &now, Some(then)));
        judgement.unread.into_iter().map(|unread| unread.object).collect::<Vec<_>>()
    };
    let mut then = evidence(15, &json!({}));
    then.catalog.default_privileges = crate::evidence::Fact::NotAsked;
    assert_eq!(unread(&then), ["default privileges of the baseline"]);
    let mut then = evidence(15, &json!({}));
    then.catalog.owned_objects = crate::evidence::Fact::NotAsked;
    assert_eq!(unread(&then), ["types, languages and the like of the baseline"]);
    let old = |name: &str| {
        let mut role = role(name);
        role.as_object_mut().unwrap().remove("attributes");
        role
    };
    let then = evidence(15, &json!({ "roles": [old("boss"), role("anon"), role("reader")] }));
    assert_eq!(unread(&then), ["what the role boss is of the baseline"]);
}
