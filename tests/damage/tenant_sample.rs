//! `tenant_isolation` as users that are chosen from the data.

use drcore::check::{Outcome, Reason};
use drcore::collect::{CollectOptions, Shard, collect};
use drcore::{Evidence, Report, Source};
use drcore_tests::{Database, check, ids, parse};

const SCRIPT: &str = include_str!("tenant_isolation.sql");
const ID: &str = "tenant_isolation";

const A: &str = "00000000-0000-4000-8000-00000000000a";
const B: &str = "00000000-0000-4000-8000-00000000000b";

/// What the auth service knows of both, which the policy of `notes` asks for.
const USERS: &str = "
    insert into auth.users (id, email, raw_app_meta_data)
    select user_id, user_id || '@private.example', jsonb_build_object('tenant_id', tenant_id) from memberships;";

const PLAN: &str = "[tenancy]\ncolumn = \"tenant_id\"\n[tenant_isolation.sample]\n\
    query = \"select user_id, tenant_id from memberships;\"\n";

async fn healthy() -> Database {
    let database = Database::supabase().await;
    database.execute(SCRIPT.split_once("-- damage\n").unwrap().0).await;
    database.execute(USERS).await;
    database
}

async fn baseline(database: &Database) -> Evidence {
    database.evidence(&parse(PLAN), None).await
}

fn found(report: &Report) -> Vec<String> {
    let prefix = format!("{ID}:");
    let mut found: Vec<String> =
        ids(report).into_iter().filter_map(|id| id.strip_prefix(&prefix).map(str::to_owned)).collect();
    found.sort();
    found
}

fn unread(report: &Report) -> Vec<&str> {
    check(report, ID).unread.iter().map(|unread| unread.object.as_str()).collect()
}

#[tokio::test]
async fn chosen_users_are_acted_as_with_the_token_that_they_would_have() {
    let database = healthy().await;
    let evidence = baseline(&database).await;
    let report = parse(PLAN).judge(&evidence, None);
    let result = check(&report, ID);
    assert_eq!((found(&report), result.outcome), (vec![], Outcome::Passed), "{:?}", result.unread);
    // The same as with the users named, and their claims written out.
    assert_eq!((result.examined["users"], result.examined["tables"]), (3, 6));
    assert!(result.note.as_ref().unwrap().contains("2 of 2 users were acted as, of 2 tenants"), "{result:?}");
    assert!(!evidence.to_json().unwrap().contains("private.example"), "a token came here");
    assert_eq!(evidence.isolation.keys().collect::<Vec<_>>(), [A, B, "anon"]);
}

#[tokio::test]
async fn the_damage_is_found_as_them() {
    let database = healthy().await;
    database.execute(SCRIPT.split_once("-- damage\n").unwrap().1).await;
    assert_eq!(
        found(&database.report(PLAN, None).await),
        [
            "own_rows_hidden:public.notes",
            "rows_of_others_shown:public.\"Log\"\"s; drop\"",
            "rows_of_others_shown:public.invoices",
            "rows_of_others_shown:public.totals",
            "rows_shown_to_anonymous:public.\"Log\"\"s; drop\"",
        ]
    );
    // Claims of the plan go before those of the auth service.
    let claims = format!("{PLAN}claims = '{{\"app_metadata\": {{}}}}'\n");
    let healthy = healthy().await;
    assert_eq!(found(&healthy.report(&claims, None).await), ["own_rows_hidden:public.notes"]);
}

/// Whoever lost his membership is not among those who are chosen.
#[tokio::test]
async fn a_lost_membership_is_found_against_the_baseline() {
    let database = healthy().await;
    let then = baseline(&database).await;
    assert_eq!(found(&database.report(PLAN, Some(&then)).await), [""; 0]);
    database.execute(&format!("delete from memberships where user_id = '{B}'")).await;
    let report = database.report(PLAN, Some(&then)).await;
    assert!(found(&report).contains(&"tenant_memberships_lost:tenant_isolation.sample".to_owned()));
    let finding =
        check(&report, ID).findings.iter().find(|finding| finding.kind() == "tenant_memberships_lost");
    let drcore::Finding::TenantMembershipsLost(lost) = finding.unwrap() else { panic!("{finding:?}") };
    assert_eq!((lost.memberships, lost.users.as_slice()), (1, &[B.to_owned()][..]));
    database.query(&format!("set search_path = public; {}", lost.common.query.as_ref().unwrap())).await;
    // He is acted as who he was, and shut out.
    assert!(found(&report).contains(&"own_rows_hidden:public.invoices".to_owned()), "{:?}", found(&report));
    // Without a baseline nobody knows of him, and nothing says that this is all.
    let report = database.report(PLAN, None).await;
    assert_eq!(found(&report), [""; 0]);
    assert!(check(&report, ID).note.as_ref().unwrap().contains("1 of 1 user"));
}

#[tokio::test]
async fn a_membership_that_the_baseline_has_not_is_found() {
    let database = healthy().await;
    let then = baseline(&database).await;
    database
        .execute(&format!("insert into memberships values ('{A}', 'b0000000-0000-4000-8000-000000000000')"))
        .await;
    let report = database.report(PLAN, Some(&then)).await;
    assert_eq!(found(&report), ["tenant_memberships_gained:tenant_isolation.sample"]);
    assert_eq!(check(&report, ID).outcome, Outcome::Failed);
}

#[tokio::test]
async fn a_baseline_that_chose_nobody_is_told() {
    let database = healthy().await;
    let other = PLAN.replace("from memberships", "from public.memberships");
    let then = database.evidence(&parse(&other), None).await;
    let report = database.report(PLAN, Some(&then)).await;
    let result = check(&report, ID);
    assert_eq!(result.outcome, Outcome::Passed);
    assert!(result.note.as_ref().unwrap().contains("the baseline chose nobody"), "{:?}", result.note);
}

#[tokio::test]
async fn nobody_chosen_is_no_pass() {
    let database = healthy().await;
    let then = baseline(&database).await;
    database.execute("truncate memberships").await;
    let report = database.report(PLAN, None).await;
    let result = check(&report, ID);
    assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::Unreadable)));
    assert_eq!(unread(&report), ["tenant_isolation.sample"]);
    let report = database.report(PLAN, Some(&then)).await;
    assert_eq!(check(&report, ID).outcome, Outcome::Failed);
    assert!(found(&report).contains(&"tenant_memberships_lost:tenant_isolation.sample".to_owned()));
    // One who belongs to everything, beside nobody else.
    database
        .execute(&format!(
            "insert into memberships select '{A}', ('a0000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid
             from generate_series(0, 100) n"
        ))
        .await;
    let report = database.report(PLAN, None).await;
    assert_eq!(
        (check(&report, ID).outcome, unread(&report)),
        (Outcome::NotRun, vec!["tenant_isolation.sample"])
    );
    assert!(check(&report, ID).unread[0].cause.message.contains("too many tenants"));
}

#[tokio::test]
async fn a_statement_that_fails_is_unread_with_its_cause() {
    let database = healthy().await;
    let query = "select user_id, tenant_id from memberships;";
    for (instead, message) in [
        ("select user_id from memberships", "column"),
        ("select user_id, tenant_id from membership", "membership"),
        ("select 1, 2) q (u, t); delete from memberships; select (1", "syntax"),
        ("select 1 / 0, 2", "division"),
        ("with d as (delete from memberships returning *) select * from d", "data-modifying"),
    ] {
        let report = database.report(&PLAN.replace(query, instead), None).await;
        let result = check(&report, ID);
        assert_eq!((result.outcome, unread(&report)), (Outcome::NotRun, vec!["tenant_isolation.sample"]));
        let message_found = &result.unread[0].cause.message;
        assert!(message_found.contains(message), "{instead}: {message_found}");
    }
    assert_eq!(database.query("select count(*) from memberships").await, ["2"]);
}

/// The same rows give the same users, in whatever order they were written, of as many tenants as there can be.
#[tokio::test]
async fn the_same_data_gives_the_same_users() {
    let database = healthy().await;
    let plan = format!("{PLAN}users = 4\n");
    let mut all = Vec::new();
    for order in ["asc", "desc"] {
        // 40 users, most of them of one tenant.
        database
            .execute(&format!(
                "truncate memberships;
                 insert into memberships
                 select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
                   ((case when n > 37 then n - 37 else 0 end) || '0000000-0000-4000-8000-000000000000')::uuid
                 from generate_series(1, 40) n order by n {order}"
            ))
            .await;
        let evidence = database.evidence(&parse(&plan), None).await;
        all.push(evidence.sampled_users.unwrap().sample.get().unwrap().clone());
    }
    assert_eq!(all[0], all[1]);
    let tenants: std::collections::BTreeSet<&String> = all[0].chosen.values().flatten().collect();
    assert_eq!((all[0].users, all[0].tenants, all[0].chosen.len(), tenants.len()), (40, 4, 4, 4));
}

#[tokio::test]
async fn shards_choose_the_same_and_come_to_the_whole() {
    let database = healthy().await;
    let plan = parse(PLAN);
    let then = baseline(&database).await;
    let source = Source::connect(&database.url().await).await.unwrap();
    let (_held, id) = database.snapshot().await;
    let mut shards = Vec::new();
    for number in [1, 2] {
        let mut options = CollectOptions::default();
        options.snapshot = Some(id.clone());
        options.shard = Some(Shard::new(number, 2).unwrap());
        shards.push(collect(&source, &plan, Some(&then), &options).await.unwrap());
    }
    let merged = Evidence::merge(shards).unwrap();
    assert_eq!((&merged.isolation, &merged.sampled_users), (&then.isolation, &then.sampled_users));
    let report = plan.judge(&merged, Some(&then));
    assert_eq!((check(&report, ID).outcome, found(&report)), (Outcome::Passed, vec![]));
}
