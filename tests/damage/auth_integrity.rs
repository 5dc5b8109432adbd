use drcore::check::{Outcome, Reason};
use drcore::evidence::CauseKind;
use drcore::remedy::Remedy;
use drcore::{Evidence, Finding, Report, Severity, VerifyOptions};
use drcore_tests::{Database, check, ids};

const SCRIPT: &str = include_str!("auth_integrity.sql");
const ID: &str = "auth_integrity";
const PLAN: &str = "[auth_integrity]\nminimum_users = 9\nprofiles = [{ column = \"profiles.id\" }, \
                    { column = '\"Mem\"\"bers\".\"user Id\"', every_user = false }]\n";

fn user(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

async fn healthy() -> Database {
    let database = Database::supabase().await;
    database.execute(SCRIPT.split_once("-- damage\n").unwrap().0).await;
    database
}

async fn baseline(database: &Database) -> Evidence {
    database.evidence(&drcore_tests::parse(PLAN), None).await
}

async fn damage(database: &Database) {
    database.execute(SCRIPT.split_once("-- damage\n").unwrap().1).await;
}

fn found(report: &Report) -> Vec<(String, Severity, Option<u64>)> {
    let all = check(report, ID).findings.iter();
    let mut found: Vec<_> = all
        .map(|finding| {
            let id = finding.id().strip_prefix("auth_integrity:").unwrap().to_owned();
            (id, finding.severity(), finding.count())
        })
        .collect();
    found.sort();
    found
}

fn expected(all: &[(&str, Severity, Option<u64>)]) -> Vec<(String, Severity, Option<u64>)> {
    all.iter().map(|(id, severity, count)| ((*id).to_owned(), *severity, *count)).collect()
}

#[tokio::test]
async fn the_healthy_twin_is_silent() {
    let database = healthy().await;
    let then = baseline(&database).await;
    for then in [None, Some(&then)] {
        let report = database.report(PLAN, then).await;
        let check = check(&report, ID);
        assert_eq!((check.outcome, found(&report)), (Outcome::Passed, vec![]), "{:?}", check.unread);
        assert_eq!((check.examined["users"], check.examined["identities"]), (10, 8));
        assert_eq!(check.examined["profiles"], 8 + 3);
    }
    // No name, address or token is in what is kept.
    let kept = serde_json::to_string(&then.auth).unwrap();
    assert!(!kept.contains("example") && !kept.contains("S3CRET"), "{kept}");
    assert_eq!(then.auth.users.read().unwrap().bans.len(), 3);
}

#[tokio::test]
async fn the_damage_is_found_and_nothing_else() {
    let database = healthy().await;
    let then = baseline(&database).await;
    damage(&database).await;
    let (warning, critical) = (Severity::Warning, Severity::Critical);
    let alone = expected(&[
        ("emails_shared:auth.users", warning, Some(2)),
        ("identities_without_user:auth.identities", warning, Some(1)),
        ("login_columns_null:auth.users", critical, Some(2)),
        ("profiles_without_user:public.\"Mem\"\"bers\":\"user Id\"", critical, Some(1)),
        ("profiles_without_user:public.profiles:id", critical, Some(1)),
        ("users_without_identity:auth.users", warning, Some(2)),
        ("users_without_profile:public.profiles:id", warning, Some(2)),
    ]);
    // Nine of ten, one of them deleted no more.
    let report = database.report(PLAN, None).await;
    assert_eq!(found(&report), alone);
    let report = database.report(PLAN, Some(&then)).await;
    let against = expected(&[
        ("bans_lost:auth.users", critical, Some(2)),
        ("deletions_undone:auth.users", critical, Some(1)),
        ("emails_shared:auth.users", warning, Some(2)),
        ("login_columns_null:auth.users", critical, Some(2)),
        ("logins_differ:auth", Severity::Info, None),
        ("profiles_without_user:public.\"Mem\"\"bers\":\"user Id\"", critical, Some(1)),
        ("profiles_without_user:public.profiles:id", critical, Some(1)),
        ("second_factors_lost:auth.mfa_factors", critical, Some(1)),
        ("users_without_identity:auth.users", critical, Some(2)),
        ("users_without_profile:public.profiles:id", critical, Some(2)),
    ]);
    assert_eq!(found(&report), against);
    // By the foreign key that the baseline has.
    assert!(ids(&report).iter().any(|id| id.starts_with("orphan_fks:orphaned_rows:auth.identities")));
    for finding in &check(&report, ID).findings {
        match finding {
            Finding::BansLost(lost) => assert_eq!(lost.samples, [user(2), user(3)]),
            Finding::DeletionsUndone(undone) => assert_eq!(undone.samples, [user(9)]),
            Finding::LoginColumnsNull(null) => assert_eq!(null.columns, ["aud", "recovery_token"]),
            Finding::SecondFactorsLost(lost) => assert_eq!(lost.samples, [user(6)]),
            Finding::UsersWithoutIdentity(bare) => assert_eq!((bare.users, bare.by_email), (2, 1)),
            _ => {}
        }
        if let Some(query) = &finding.common().query {
            assert!(!database.query(query).await.is_empty(), "{query}");
        }
    }
}

#[tokio::test]
async fn the_remedies_put_right_what_they_are_for() {
    let database = healthy().await;
    let then = baseline(&database).await;
    damage(&database).await;
    for finding in &check(&database.report(PLAN, Some(&then)).await, ID).findings {
        match &finding.common().remedy {
            Some(Remedy::Sql(remedy)) => {
                for statement in &remedy.statements {
                    database.execute(statement).await;
                }
            }
            Some(Remedy::Choose(choose)) => {
                for statement in &choose.choices[0].statements {
                    database.execute(statement).await;
                }
            }
            _ => {}
        }
    }
    let left = found(&database.report(PLAN, Some(&then)).await);
    let left: Vec<&str> = left.iter().map(|(id, ..)| id.split(':').next().unwrap()).collect();
    assert_eq!(
        left,
        [
            "deletions_undone",
            "emails_shared",
            "logins_differ",
            "second_factors_lost",
            // Whom the restore brought back has no address to sign in with.
            "users_without_identity",
            "users_without_profile",
        ]
    );
}

#[tokio::test]
async fn no_users_are_a_loss_or_unproven() {
    let database = healthy().await;
    let then = baseline(&database).await;
    database.execute("delete from auth.users").await;
    let report = database.report("", None).await;
    let alone = check(&report, ID);
    assert_eq!((alone.outcome, alone.reason, alone.counts), (Outcome::NotRun, Some(Reason::Assumed), true));
    for (plan, then) in [("", Some(&then)), ("[auth_integrity]\nminimum_users = 1\n", None)] {
        let report = database.report(plan, then).await;
        let ids: Vec<&str> = check(&report, ID).findings.iter().map(Finding::id).collect();
        assert!(ids.contains(&"auth_integrity:no_users:auth.users"), "{ids:?}");
    }
    // The whole table, while the rest of the service is there.
    database.execute("drop table auth.users cascade").await;
    let report = database.report("", None).await;
    assert_eq!(found(&report), expected(&[("no_users:auth.users", Severity::Critical, None)]));
}

#[tokio::test]
async fn a_database_without_the_service_has_nothing_to_look_at() {
    let database = Database::with(
        "create schema auth; create table auth.users (id int primary key, email text); insert into auth.users values (1)",
    )
    .await;
    let report = database.report("", None).await;
    let check = check(&report, ID);
    assert_eq!((check.outcome, check.reason), (Outcome::NotRun, Some(Reason::NotApplicable)));
    assert!(!check.counts);
}

#[tokio::test]
async fn an_old_schema_is_judged_by_what_it_has() {
    let database = healthy().await;
    database
        .execute(
            "delete from auth.users where is_anonymous or is_sso_user or deleted_at is not null;
             drop table auth.mfa_factors;
             alter table auth.users drop column is_anonymous, drop column is_sso_user, drop column deleted_at,
               drop column banned_until, drop column reauthentication_token, drop column raw_app_meta_data",
        )
        .await;
    let then = baseline(&database).await;
    for then in [None, Some(&then)] {
        let report = database.report("", then).await;
        assert_eq!(check(&report, ID).outcome, Outcome::Passed, "{:?}", check(&report, ID));
    }
    // Before 2021 there were no identities: nobody can say that each user has one.
    database.execute("drop table auth.identities").await;
    let report = database.report("", None).await;
    let check = check(&report, ID);
    let unread: Vec<&str> = check.unread.iter().map(|unread| unread.object.as_str()).collect();
    assert_eq!((check.outcome, unread), (Outcome::NotRun, vec!["auth.identities"]));
}

/// What is shut to whoever verifies is unread, and never "all is well".
#[tokio::test]
async fn without_permission_it_is_unread() {
    let database = healthy().await;
    let then = baseline(&database).await;
    damage(&database).await;
    database
        .execute(
            "do $$ begin create role ai_reader login bypassrls; exception when duplicate_object then null; end $$;
             grant usage on schema auth to ai_reader; grant select on profiles, \"Mem\"\"bers\" to ai_reader;
             grant select on auth.identities to ai_reader",
        )
        .await;
    let mut options = VerifyOptions::default();
    options.plan = drcore_tests::parse(PLAN);
    options.against = Some(drcore::Against::Evidence(Box::new(then)));
    let report = drcore::verify(&database.url_as("ai_reader").await, &options).await.unwrap();
    let shut = check(&report, ID);
    assert_eq!((shut.outcome, shut.reason), (Outcome::NotRun, Some(Reason::Unreadable)), "{shut:?}");
    assert!(shut.findings.is_empty() && shut.examined.is_empty());
    for unread in &shut.unread {
        assert_eq!(unread.cause.kind, CauseKind::Permission, "{unread:?}");
        assert!(unread.cause.hint.as_ref().unwrap().contains("grant select on auth."), "{unread:?}");
    }
    assert!(shut.unread.len() >= 6, "{:?}", shut.unread);
}

/// A table that is held, and a statement that takes too long.
#[tokio::test]
async fn what_takes_too_long_is_unread_and_the_rest_is_judged() {
    let database = healthy().await;
    let plan = drcore_tests::parse(&format!("[limits]\nlock_timeout = \"300ms\"\n{PLAN}"));
    let (holder, connection) =
        tokio_postgres::connect(&database.url().await, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    holder.batch_execute("begin; lock table profiles in access exclusive mode").await.unwrap();
    let evidence = database.evidence(&plan, None).await;
    drop(holder);
    driver.await.unwrap().unwrap();
    let report = plan.judge(&evidence, None);
    let held = check(&report, ID);
    let unread: Vec<_> =
        held.unread.iter().map(|unread| (unread.object.as_str(), unread.cause.kind)).collect();
    assert_eq!(unread, [("profiles.id", CauseKind::LockTimeout)]);
    assert_eq!((held.outcome, held.examined["users"]), (Outcome::NotRun, 10));

    // Half of the ids that the application keeps need seconds each.
    database
        .execute(
            "create function slow(id text) returns text language plpgsql volatile as
             $$ begin perform pg_sleep(60); return id; end $$;
             create view slowly as select slow(\"user Id\") as id from \"Mem\"\"bers\"",
        )
        .await;
    let slow =
        "[limits]\nstatement_timeout = \"2s\"\n[auth_integrity]\nprofiles = [{ column = \"slowly.id\" }]\n";
    let plan = drcore_tests::parse(slow);
    let report = plan.judge(&database.evidence(&plan, None).await, None);
    let slow = check(&report, ID);
    let unread: Vec<_> =
        slow.unread.iter().map(|unread| (unread.object.as_str(), unread.cause.kind)).collect();
    assert_eq!((slow.outcome, unread), (Outcome::NotRun, vec![("slowly.id", CauseKind::StatementTimeout)]));
}
