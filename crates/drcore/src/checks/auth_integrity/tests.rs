use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::check::{CheckResult, Outcome};
use crate::evidence::{AuthFactors, AuthIdentities, AuthState, AuthStates, Catalog, Run};
use crate::finding::{Finding, Severity};
use crate::plan::Plan;
use crate::remedy::Remedy;

fn uuid(letter: char) -> String {
    format!("00000000-0000-4000-8000-00000000000{letter}")
}

/// A service with these tables, and an application with profiles.
fn catalog(tables: &[&str]) -> Catalog {
    let relation = |name: String| {
        json!({
            "name": name, "kind": "table", "persistence": "permanent", "owner": "supabase_auth_admin",
            "rls_enabled": true, "rls_forced": false, "parents": [], "is_partition": false, "options": [],
            "acl": [], "extension": null, "estimated_rows": 0,
        })
    };
    let column = |relation: String, position: u32, name: &str, of: &str| {
        json!({
            "relation": relation, "position": position, "name": name, "type": of, "not_null": false,
            "default": null, "generated": false, "identity": false, "acl": [],
        })
    };
    let mut columns = vec![column("public.profiles".to_owned(), 1, "id", "uuid")];
    for name in tables {
        columns.push(column(format!("auth.{name}"), 1, "id", "uuid"));
        columns.push(column(format!("auth.{name}"), 2, "user_id", "uuid"));
    }
    let relations: Vec<_> = tables
        .iter()
        .map(|name| relation(format!("auth.{name}")))
        .chain([relation("public.profiles".to_owned())])
        .collect();
    let mut catalog: Catalog = serde_json::from_value(json!({
        "columns": { "read": columns }, "relations": { "read": relations }, "foreign_keys": { "read": [] },
    }))
    .unwrap();
    catalog.sort();
    catalog
}

/// Three users, one of them banned, each with what they need.
fn healthy() -> Evidence {
    let mut evidence = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
    *evidence.catalog = catalog(&["identities", "mfa_factors", "refresh_tokens", "sessions", "users"]);
    let ban = serde_json::from_value(json!({ "user": uuid('a'), "until": "2030-01-01T00:00:00Z" })).unwrap();
    evidence.auth.users = Fact::Read(AuthUsers {
        users: 4,
        deleted: 1,
        banned: 1,
        bans: vec![ban],
        deletions: vec![uuid('d')],
        ..AuthUsers::default()
    });
    evidence.auth.identities = Fact::Read(AuthIdentities { identities: 3, ..AuthIdentities::default() });
    evidence.auth.factors =
        Fact::Read(AuthFactors { factors: 2, verified: 1, users: 1, protected: vec![uuid('b')] });
    evidence.auth.sessions = Fact::Read(5);
    evidence.auth.refresh_tokens = Fact::Read(9);
    evidence.auth.profiles.insert(
        "public.profiles.id".to_owned(),
        Fact::Read(AuthProfiles { profiles: 3, users: 3, ..AuthProfiles::default() }),
    );
    evidence
}

fn state(evidence: &mut Evidence, user: char, there: bool, deleted: bool, until: Option<&str>, factors: u64) {
    if evidence.auth.states.is_not_asked() {
        evidence.auth.states = Fact::Read(AuthStates::default());
    }
    let Fact::Read(states) = &mut evidence.auth.states else { panic!("they are read") };
    let banned_until = until.map(|until| until.parse().unwrap());
    states.users.insert(uuid(user), AuthState { there, deleted, banned_until, factors });
}

/// The same users as in the baseline.
fn unchanged() -> Evidence {
    let mut now = healthy();
    state(&mut now, 'a', true, false, Some("2030-01-01T00:00:00Z"), 0);
    state(&mut now, 'b', true, false, None, 1);
    state(&mut now, 'd', true, true, None, 0);
    now
}

fn plan(text: &str) -> Plan {
    Plan::from_toml(text).unwrap()
}

fn result(plan_text: &str, now: &Evidence, then: Option<&Evidence>) -> CheckResult {
    let plan = plan(plan_text);
    CheckResult::derive(ID, judge(Context::new(&plan, now, then)), Vec::new(), plan.names(ID))
}

fn found(result: &CheckResult) -> Vec<(&str, Severity, Option<u64>)> {
    let found = result.findings.iter();
    found.map(|found| (&found.id()["auth_integrity:".len()..], found.severity(), found.count())).collect()
}

fn unread(result: &CheckResult) -> Vec<&str> {
    result.unread.iter().map(|unread| unread.object.as_str()).collect()
}

const PROFILES: &str = "[auth_integrity]\nprofiles = [{ column = \"profiles.id\" }]\n";

#[test]
fn users_who_are_whole_pass_with_and_without_a_baseline() {
    for plan in ["", PROFILES, "[auth_integrity]\nminimum_users = 3\n"] {
        for (now, then) in [(healthy(), None), (unchanged(), Some(healthy()))] {
            let result = result(plan, &now, then.as_ref());
            assert_eq!(
                (result.outcome, found(&result)),
                (Outcome::Passed, vec![]),
                "{plan}: {:?}",
                result.unread
            );
            assert_eq!(result.examined["users"], 4);
        }
    }
}

#[test]
fn users_who_cannot_sign_in_are_found_with_what_lets_them() {
    let mut now = healthy();
    now.auth.users = Fact::Read(AuthUsers {
        users: 4,
        unreadable: 2,
        null_columns: [("aud".to_owned(), 1), ("recovery_token".to_owned(), 2)].into(),
        sharing_email: 2,
        ..AuthUsers::default()
    });
    now.auth.identities = Fact::Read(AuthIdentities {
        identities: 3,
        without_user: 1,
        users_without: 3,
        ..AuthIdentities::default()
    });
    let result = result("", &now, None);
    assert_eq!(
        found(&result),
        [
            ("login_columns_null:auth.users", Severity::Critical, Some(2)),
            ("emails_shared:auth.users", Severity::Warning, Some(2)),
            ("identities_without_user:auth.identities", Severity::Warning, Some(1)),
            ("users_without_identity:auth.users", Severity::Warning, Some(3)),
        ]
    );
    let login = &result.findings[0];
    assert_eq!(login.extent(), ["aud", "recovery_token"]);
    let Some(Remedy::Sql(remedy)) = &login.common().remedy else { panic!("{login:?}") };
    assert_eq!(
        remedy.statements,
        [
            "update auth.users set aud = 'authenticated' where aud is null",
            "update auth.users set recovery_token = '' where recovery_token is null",
        ]
    );
    assert_eq!(login.common().message, "2 users with NULL in aud and recovery_token");
}

#[test]
fn what_was_so_in_the_baseline_is_less_bad_than_what_was_not() {
    let bare = |users_without: u64| {
        let mut evidence = healthy();
        evidence.auth.identities = Fact::Read(AuthIdentities { users_without, ..AuthIdentities::default() });
        evidence
    };
    let mut now = unchanged();
    now.auth.identities = bare(2).auth.identities;
    for (were, severity) in [(0, Severity::Critical), (1, Severity::Critical), (2, Severity::Warning)] {
        let result = result("", &now, Some(&bare(were)));
        assert_eq!(found(&result), [("users_without_identity:auth.users", severity, Some(2))], "{were}");
    }
}

#[test]
fn no_users_never_pass() {
    let mut now = healthy();
    now.auth.users = Fact::Read(AuthUsers::default());
    now.auth.identities = Fact::Read(AuthIdentities::default());
    let alone = result("", &now, None);
    assert_eq!((alone.outcome, alone.reason, alone.counts), (Outcome::NotRun, Some(Reason::Assumed), true));
    // Who is deleted cannot sign in.
    now.auth.users = Fact::Read(AuthUsers { users: 2, deleted: 2, ..AuthUsers::default() });
    assert_eq!(result("", &now, None).reason, Some(Reason::Assumed));
    for (text, then) in [("", Some(healthy())), ("[auth_integrity]\nminimum_users = 1\n", None)] {
        let mut now = unchanged();
        now.auth.users = Fact::Read(AuthUsers::default());
        let result = result(text, &now, then.as_ref());
        assert_eq!(found(&result), [("no_users:auth.users", Severity::Critical, None)]);
    }
    // The baseline had none, and the plan says that there may be none.
    let mut then = healthy();
    then.auth.users = Fact::Read(AuthUsers::default());
    then.auth.factors = Fact::Read(AuthFactors::default());
    let same = result("[auth_integrity]\ncompare = [\"users\"]\n", &now, Some(&then));
    assert_eq!(
        (same.outcome, same.reason, same.counts),
        (Outcome::NotRun, Some(Reason::NotApplicable), true)
    );
    assert_eq!(result("[auth_integrity]\nminimum_users = 0\n", &now, None).outcome, Outcome::Passed);
}

#[test]
fn a_service_whose_users_are_gone_is_told_from_a_database_without_one() {
    let with = |tables: &[&str]| {
        let mut evidence = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
        *evidence.catalog = catalog(tables);
        evidence
    };
    let gone = with(&["identities", "sessions"]);
    assert_eq!(found(&result("", &gone, None)), [("no_users:auth.users", Severity::Critical, None)]);
    let nothing = with(&[]);
    let absent = result("", &nothing, None);
    assert_eq!((absent.outcome, absent.reason), (Outcome::NotRun, Some(Reason::NotApplicable)));
    assert!(!absent.counts);
    for (text, then) in [("", Some(healthy())), (PROFILES, None)] {
        let result = result(text, &nothing, then.as_ref());
        assert_eq!(found(&result), [("no_users:auth.users", Severity::Critical, None)], "{text}");
    }
}

#[test]
fn fewer_users_are_told_by_one_check() {
    let mut now = unchanged();
    now.auth.users = Fact::Read(AuthUsers { users: 2, ..AuthUsers::default() });
    let then = healthy();
    assert_eq!(found(&result("", &now, Some(&then))), []);
    let alone = [ID.to_owned()];
    let plan = plan("");
    let judgement = judge(Context::new(&plan, &now, Some(&then)).only(&alone));
    let [Finding::UsersMissing(missing)] = judgement.findings.as_slice() else { panic!("{judgement:?}") };
    assert_eq!((missing.users, missing.expected, missing.missing), (2, 3, 1));
    let planned = result("[auth_integrity]\nminimum_users = 9\n", &now, None);
    assert_eq!(found(&planned), [("users_missing:auth.users", Severity::Warning, Some(7))]);
    let left = "[auth_integrity]\ncompare = [\"bans\"]\n[[skip]]\ncheck = \"row_counts\"\nreason = \"r\"\n";
    assert_eq!(found(&result(left, &now, Some(&then))), []);
}

#[test]
fn what_the_restore_turned_back_is_found() {
    let mut now = healthy();
    state(&mut now, 'a', true, false, None, 0);
    state(&mut now, 'b', true, false, None, 0);
    state(&mut now, 'd', true, false, None, 0);
    now.auth.sessions = Fact::Read(1);
    let then = healthy();
    let all = result("", &now, Some(&then));
    assert_eq!(
        found(&all),
        [
            ("bans_lost:auth.users", Severity::Critical, Some(1)),
            ("deletions_undone:auth.users", Severity::Critical, Some(1)),
            ("second_factors_lost:auth.mfa_factors", Severity::Critical, Some(1)),
            ("logins_differ:auth", Severity::Info, None),
        ]
    );
    assert_eq!(all.findings[3].common().message, "1 sessions, were 5");
    let Some(Remedy::Sql(remedy)) = &all.findings[0].common().remedy else { panic!("{all:?}") };
    assert!(remedy.statements[0].contains(&uuid('a')) && remedy.statements[0].contains("2030-01-01"));
    // A shorter ban is none of that length; who is gone, or deleted, signs in no more.
    for (there, deleted, until, lost) in [
        (true, false, Some("2029-12-31T23:59:59Z"), true),
        (true, false, Some("2031-01-01T00:00:00Z"), false),
        (false, false, None, false),
        (true, true, None, false),
    ] {
        let mut now = unchanged();
        state(&mut now, 'a', there, deleted, until, 0);
        let result = result("", &now, Some(&then));
        assert_eq!(result.findings.iter().any(|finding| finding.kind() == "bans_lost"), lost, "{until:?}");
    }
    // What is not compared is neither asked for nor told.
    let plan = plan("[auth_integrity]\ncompare = [\"deletions\"]\n");
    let context = Context::new(&plan, &now, Some(&then));
    assert_eq!(drift::marked(context), [uuid('d')]);
    let judgement = judge(context);
    assert_eq!(judgement.findings.iter().map(Finding::kind).collect::<Vec<_>>(), ["deletions_undone"]);
}

#[test]
fn a_ban_that_has_run_out_is_none() {
    let mut now = unchanged();
    now.run.taken_at = "2030-01-01T00:00:01Z".parse().unwrap();
    state(&mut now, 'a', true, false, None, 0);
    assert_eq!(found(&result("", &now, Some(&healthy()))), []);
}

#[test]
fn what_nobody_asked_or_the_baseline_does_not_name_is_unread() {
    let then = healthy();
    // Collected without a baseline.
    let other = result("", &healthy(), Some(&then));
    assert_eq!(unread(&other), ["users who were banned, deleted or had a second factor"]);
    // Collected against another one.
    let mut now = unchanged();
    let Fact::Read(states) = &mut now.auth.states else { panic!("they are read") };
    states.users.remove(&uuid('a'));
    assert_eq!(unread(&result("", &now, Some(&then))), ["1 of the baseline's bans"]);
    // More than a baseline names.
    let mut many = healthy();
    let Fact::Read(users) = &mut many.auth.users else { panic!("they are read") };
    (users.banned, users.deleted, users.users) = (7, 3, 6);
    let result = result("", &unchanged(), Some(&many));
    assert_eq!(unread(&result), ["the baseline's other bans", "the baseline's other deletions"]);
}

#[test]
fn what_could_not_be_read_is_no_empty_table() {
    let refused = || Cause::new(CauseKind::Permission, "permission denied");
    let spoil = |spoil: fn(&mut Evidence, Cause), unread_object: &str| {
        let mut now = unchanged();
        spoil(&mut now, refused());
        let result = result(PROFILES, &now, Some(&healthy()));
        assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::Unreadable)));
        assert_eq!((found(&result), unread(&result)), (vec![], vec![unread_object]));
    };
    spoil(|now, cause| now.auth.users = Fact::Unread(cause), "auth.users");
    spoil(|now, cause| now.auth.identities = Fact::Unread(cause), "auth.identities");
    spoil(|now, cause| now.auth.sessions = Fact::Unread(cause), "auth.sessions");
    spoil(|now, cause| now.auth.factors = Fact::Unread(cause), "auth.mfa_factors");
    spoil(|now, _| now.auth.profiles.clear(), "profiles.id");
    spoil(
        |now, cause| now.auth.states = Fact::Unread(cause),
        "users who were banned, deleted or had a second factor",
    );
    // A baseline of before this check.
    let mut old = healthy();
    *old.auth = crate::evidence::AuthFacts::default();
    let result = result("", &unchanged(), Some(&old));
    assert_eq!(
        unread(&result),
        [
            "auth.mfa_factors in the baseline",
            "auth.refresh_tokens in the baseline",
            "auth.sessions in the baseline",
            "auth.users in the baseline",
        ]
    );
    assert!(result.unread.iter().all(|unread| unread.cause.hint.is_some()));
}

#[test]
fn an_old_schema_is_judged_by_what_it_has() {
    let mut now = healthy();
    *now.catalog = catalog(&["refresh_tokens", "users"]);
    let result = result("", &now, None);
    assert_eq!((result.outcome, unread(&result)), (Outcome::NotRun, vec!["auth.identities"]));
    let mut wants = Wants::default();
    wanted(Context::new(&Plan::default(), &now, None), &mut wants);
    assert!(
        !wants
            .iter()
            .any(|request| matches!(request, Request::Auth(AuthQuestion::Factors | AuthQuestion::Sessions)))
    );
}

#[test]
fn profiles_are_compared_both_ways() {
    let mut now = healthy();
    let broken =
        AuthProfiles { profiles: 3, without_user: 2, users: 3, users_without: 1, ..AuthProfiles::default() };
    now.auth.profiles.insert("public.profiles.id".to_owned(), Fact::Read(broken));
    assert_eq!(
        found(&result(PROFILES, &now, None)),
        [
            ("profiles_without_user:public.profiles:id", Severity::Critical, Some(2)),
            ("users_without_profile:public.profiles:id", Severity::Warning, Some(1)),
        ]
    );
    let some = PROFILES.replace(" }", ", every_user = false }");
    assert_eq!(found(&result(&some, &now, None)).len(), 1);
    // A table or column that is not there is no table without rows.
    for name in ["profile.id", "profiles.user_id"] {
        let result = result(&PROFILES.replace("profiles.id", name), &healthy(), None);
        assert_eq!((result.outcome, unread(&result)), (Outcome::NotRun, vec![name]));
    }
}
