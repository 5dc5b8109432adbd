use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::evidence::{ActedAs, Catalog, Run};

fn plan() -> Plan {
    Plan::from_toml(
        "[tenancy]\ncolumn = \"tenant_id\"\n[[tenant_isolation.users]]\nid = \"ann\"\ntenants = [\"1\"]\n\
         [[tenant_isolation.users]]\nid = \"bob\"\ntenants = [\"2\"]\n",
    )
    .unwrap()
}

fn role(name: &str) -> serde_json::Value {
    json!({ "name": name, "superuser": false, "login": false, "bypass_rls": false, "inherits": [], "can_become": [] })
}

/// A table of several tenants, of which `anon` and `ann` see this, and `bob`, where `ann` was asked, what is his.
fn evidence(acl: &[&str], seen: &[(&str, [u64; 3], [bool; 2])]) -> Evidence {
    let mut catalog: Catalog = serde_json::from_value(json!({
        "columns": { "read": [{
            "relation": "public.t", "position": 1, "name": "tenant_id", "type": "integer", "not_null": true,
            "default": null, "generated": false, "identity": false, "acl": [],
        }] },
        "relations": { "read": [{
            "name": "public.t", "kind": "table", "persistence": "permanent", "owner": "postgres",
            "rls_enabled": true, "rls_forced": false, "parents": [], "is_partition": false, "options": [],
            "acl": acl, "extension": null, "estimated_rows": 0,
        }] },
        "roles": { "read": [role("anon"), role("authenticated")] },
        "schemas": { "read": [{ "name": "public", "owner": "postgres", "acl": ["public=U"] }] },
    }))
    .unwrap();
    catalog.sort();
    let mut evidence = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
    *evidence.catalog = catalog;
    let ann = seen.iter().find(|(name, ..)| *name == "ann");
    let bob = ann.map(|(.., [_, has_others])| ("bob", [2, 0, 0], [true, *has_others]));
    for (name, [own, others, other_tenants], [has_own, has_others]) in seen.iter().chain(&bob) {
        let actor = plan().actors(&evidence, None).into_iter().find(|actor| actor.name == *name).unwrap();
        let seen = Seen {
            own: *own,
            others: *others,
            other_tenants: *other_tenants,
            has_own: *has_own,
            has_others: *has_others,
        };
        let mut acted = ActedAs { sha256: actor.sha256, ..ActedAs::default() };
        acted.tables.insert(QualifiedName::new("public", "t"), Fact::Read(seen));
        evidence.isolation.insert(actor.name, acted);
    }
    evidence
}

fn judged(evidence: &Evidence) -> Judgement {
    judge(Context::new(&plan(), evidence, None))
}

fn ids(judgement: &Judgement) -> Vec<&str> {
    judgement.findings.iter().map(|finding| finding.id().strip_prefix("tenant_isolation:").unwrap()).collect()
}

const BOTH: &[&str] = &["anon=r", "authenticated=r"];

#[test]
fn each_sees_what_is_theirs() {
    let healthy = evidence(BOTH, &[("anon", [0, 0, 0], [false, true]), ("ann", [3, 0, 0], [true, true])]);
    let judgement = judged(&healthy);
    assert_eq!(judgement.findings, []);
    assert!(judgement.unread.is_empty() && judgement.absence.is_none(), "{judgement:?}");
    assert_eq!(judgement.examined["tables"], 1);
}

#[test]
fn what_is_shown_or_hidden_is_found() {
    let leak = evidence(BOTH, &[("anon", [0, 9, 2], [false, true]), ("ann", [0, 4, 1], [true, true])]);
    assert_eq!(
        ids(&judged(&leak)),
        ["rows_shown_to_anonymous:public.t", "rows_of_others_shown:public.t", "own_rows_hidden:public.t"]
    );
    let sentences: Vec<String> =
        judged(&leak).findings.iter().map(|finding| finding.common().sentence()).collect();
    assert_eq!(sentences[0], "public.t: whoever has no account sees 9 rows of 2 tenants");
    assert_eq!(sentences[1], "public.t: ann sees 4 rows of 1 other tenant");
}

#[test]
fn where_there_are_no_others_nothing_is_proved() {
    let alone = evidence(BOTH, &[("anon", [0, 0, 0], [false, false]), ("ann", [3, 0, 0], [true, false])]);
    // That there was something to see without a token says nothing of users.
    let anonymous = evidence(BOTH, &[("anon", [0, 0, 0], [false, true]), ("ann", [3, 0, 0], [true, false])]);
    for evidence in [alone, anonymous] {
        assert_eq!(judged(&evidence).absence.unwrap().reason, Reason::Assumed);
    }
}

#[test]
fn what_was_not_tried_is_unread_and_what_is_shut_needs_no_trying() {
    let untried = judged(&evidence(BOTH, &[]));
    assert_eq!(untried.unread.len(), 3, "{untried:?}");
    let mut other = evidence(BOTH, &[("anon", [0, 0, 0], [false, true]), ("ann", [3, 0, 0], [true, true])]);
    other.isolation.get_mut("ann").unwrap().sha256.clear();
    assert_eq!(judged(&other).unread[0].object, "public.t as ann");
    // What is shut to whoever has no token is not asked as them.
    let shut = judged(&evidence(&["authenticated=r"], &[("ann", [3, 0, 0], [true, true])]));
    assert!(shut.unread.is_empty() && shut.examined["tables"] == 1, "{shut:?}");
}

#[test]
fn a_user_who_sees_nothing_of_their_own_is_a_stranger() {
    let anonymous = ("anon", [0, 0, 0], [false, true]);
    for (acl, seen, strangers) in [
        // No row is theirs: the plan's tenant may be misspelt.
        (BOTH, ("ann", [0, 0, 0], [false, true]), &["ann"][..]),
        // No grant lets them at any table.
        (&["anon=r"], ("ann", [0, 0, 0], [false, true]), &["ann", "bob"]),
    ] {
        let judgement = judged(&evidence(acl, &[anonymous, seen]));
        assert_eq!(judgement.findings, []);
        let unread: Vec<&str> = judgement.unread.iter().map(|unread| unread.object.as_str()).collect();
        assert_eq!(unread, strangers);
    }
}

#[test]
fn a_user_of_every_tenant_proves_nothing() {
    let mut evidence =
        evidence(BOTH, &[("anon", [0, 0, 0], [false, true]), ("ann", [3, 0, 0], [true, true])]);
    assert!(judged(&evidence).unread.is_empty());
    let table = QualifiedName::new("public", "t");
    let tables = &mut evidence.isolation.get_mut("ann").unwrap().tables;
    let Some(Fact::Read(seen)) = tables.get_mut(&table) else { panic!() };
    seen.has_others = false;
    let judgement = judged(&evidence);
    assert_eq!(judgement.unread[0].object, "what ann sees of others");
    assert_eq!((judgement.unread.len(), judgement.findings.len()), (1, 0));
}

/// What a policy lets a role read, by the catalog of this.
fn with_policy(mut evidence: Evidence, roles: &[&str], command: &str) -> Evidence {
    evidence.catalog.policies = serde_json::from_value(json!({ "read": [{
        "relation": "public.t", "name": "own", "command": command, "permissive": true, "roles": roles,
        "using": "(tenant_id = 1)", "check": null,
    }] }))
    .unwrap();
    evidence
}

#[test]
fn rows_that_were_never_meant_to_be_seen_are_told_and_fail_nothing() {
    let hidden = || evidence(BOTH, &[("anon", [0, 0, 0], [false, true]), ("ann", [0, 0, 0], [true, true])]);
    let seen = || evidence(BOTH, &[("anon", [0, 0, 0], [false, true]), ("ann", [3, 0, 0], [true, true])]);
    let mut locked = hidden();
    locked.catalog.policies = Fact::Read(Vec::new());
    let severity = |now: &Evidence, then: Option<&Evidence>| {
        judge(Context::new(&plan(), now, then)).findings[0].severity()
    };
    assert_eq!(severity(&hidden(), None), Severity::Warning, "nobody read the policies");
    assert_eq!(severity(&locked, None), Severity::Info);
    assert_eq!(severity(&locked, Some(&seen())), Severity::Warning, "they saw them then");
    assert_eq!(severity(&with_policy(hidden(), &["authenticated"], "select"), None), Severity::Warning);
    assert_eq!(severity(&with_policy(hidden(), &["public"], "all"), None), Severity::Warning);
    assert_eq!(severity(&with_policy(hidden(), &["anon"], "all"), None), Severity::Info);
    assert_eq!(severity(&with_policy(hidden(), &["public"], "insert"), None), Severity::Info);
    let then = with_policy(hidden(), &["public"], "all");
    assert_eq!(severity(&then, Some(&then)), Severity::Info, "it was so");
    let mut untried = then.clone();
    untried.isolation.clear();
    assert_eq!(severity(&locked, Some(&untried)), Severity::Warning, "a policy is gone");
    // That nobody is let in proves nothing of who they are.
    assert_eq!(judged(&locked).unread.len(), 1);
}

#[test]
fn a_role_that_is_not_there_is_unread() {
    let mut evidence = evidence(BOTH, &[("anon", [0, 0, 0], [false, true])]);
    let mut catalog = serde_json::to_value(&evidence.catalog).unwrap();
    catalog["roles"]["read"].as_array_mut().unwrap().pop();
    *evidence.catalog = serde_json::from_value(catalog).unwrap();
    let judgement = judged(&evidence);
    assert_eq!(judgement.unread[0].object, "ann");
    assert!(judgement.unread[0].cause.message.contains("is not on this server"));
}
