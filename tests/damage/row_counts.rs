use drcore::check::{Outcome, Reason};
use drcore::{Finding, Verdict};
use drcore_tests::{Database, check, ids, parse};

const SCRIPT: &str = include_str!("row_counts.sql");

#[tokio::test]
async fn the_healthy_twin_is_silent() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let baseline = healthy.evidence(&parse(""), None).await;
    let report = healthy.report("", Some(&baseline)).await;
    assert_eq!(ids(&report), [""; 0]);
    assert_eq!(check(&report, "row_counts").outcome, Outcome::Passed);
    assert_eq!(check(&report, "row_counts").examined["tables"], 9);
}

#[tokio::test]
async fn the_damage_is_found_and_nothing_else() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let baseline = healthy.evidence(&parse(""), None).await;
    let report = damaged.report("", Some(&baseline)).await;
    assert_eq!(
        ids(&report).into_iter().filter(|id| id.starts_with("row_counts:")).collect::<Vec<_>>(),
        [
            "row_counts:emptied_table:public.cache",
            "row_counts:extra_table:public.leftover",
            "row_counts:fewer_rows:\"we.ird\".\"we\"\"ird; DROP\"",
            "row_counts:fewer_rows:public.dogs",
            "row_counts:fewer_rows:public.events",
            "row_counts:fewer_rows:public.subscriptions",
            "row_counts:fewer_rows:public.tenants",
            "row_counts:missing_table:public.gone",
            "row_counts:more_rows:public.\"User\"",
        ]
    );
    let Some(Finding::EmptiedTable(cache)) =
        report.findings().into_iter().find(|f| f.kind() == "emptied_table")
    else {
        panic!("no emptied table")
    };
    assert!(cache.unlogged);
    assert_eq!(cache.were, 3);
    assert_eq!(report.verdict, Verdict::Failed);
}

#[tokio::test]
async fn the_plan_goes_before_the_baseline() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let baseline = healthy.evidence(&parse(""), None).await;
    let plan = "[row_counts.tables]\nsubscriptions = { within = 1 }\nUser = 3\ntenants = { percent = 10 }\nnowhere = 1\n";
    let found = ids(&damaged.report(plan, Some(&baseline)).await);
    for id in ["fewer_rows:public.subscriptions", "more_rows:public.\"User\"", "fewer_rows:public.tenants"] {
        assert!(!found.contains(&format!("row_counts:{id}")), "{id} is within what the plan allows");
    }
    assert!(found.contains(&"row_counts:missing_table:public.nowhere".to_owned()));
}

#[tokio::test]
async fn without_plan_or_baseline_there_is_no_expectation() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let report = healthy.report("", None).await;
    assert_eq!(check(&report, "row_counts").reason, Some(Reason::NoExpectation));
    let named = healthy.report("[row_counts.tables]\ntenants = \"same\"\n", None).await;
    assert_eq!(check(&named, "row_counts").reason, Some(Reason::Unreadable));
    assert_eq!(named.verdict, Verdict::Unproven);
}

#[tokio::test]
async fn an_acceptance_holds_up_to_its_bound() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let baseline = healthy.evidence(&parse(""), None).await;
    let accept = |up_to: &str| {
        format!("[[accept]]\nfinding = \"row_counts:fewer_rows:public.tenants\"\nreason = \"known\"\n{up_to}")
    };
    let fails = |found: Vec<String>| found.contains(&"row_counts:fewer_rows:public.tenants".to_owned());
    assert!(!fails(ids(&damaged.report(&accept("up_to = 1"), Some(&baseline)).await)));
    assert!(fails(ids(&damaged.report(&accept("up_to = 0"), Some(&baseline)).await)));
    assert!(fails(ids(&damaged.report(&accept(""), Some(&baseline)).await)), "a counted kind needs a bound");
    let expired = accept("up_to = 1\nuntil = \"2020-01-01T00:00:00Z\"");
    assert!(fails(ids(&damaged.report(&expired, Some(&baseline)).await)));
}

#[tokio::test]
async fn a_view_in_the_place_of_a_table_is_no_table() {
    let plan = "[row_counts.tables]\n'\"User\"' = \"same\"\n";
    let database = Database::with(
        "create table \"User\" (id int primary key); insert into \"User\" values (1), (2); create table t (id int)",
    )
    .await;
    let baseline = database.evidence(&parse(plan), None).await;
    database
        .execute("drop table \"User\"; create view \"User\" as select * from (values (1), (2)) x (id)")
        .await;
    for plan in [plan, ""] {
        let report = database.report(plan, Some(&baseline)).await;
        assert_eq!(
            ids(&report).into_iter().filter(|id| id.starts_with("row_counts:")).collect::<Vec<_>>(),
            ["row_counts:missing_table:public.\"User\""]
        );
    }
}

#[tokio::test]
async fn a_supabase_database_that_lost_its_tables_is_still_one() {
    let healthy = Database::supabase().await;
    let baseline = healthy.evidence(&parse(""), None).await;
    for (lost, missing) in [
        ("drop table storage.objects, storage.buckets cascade", vec!["storage.buckets", "storage.objects"]),
        ("drop table auth.users cascade", vec!["auth.users"]),
    ] {
        let damaged = healthy.copy().await;
        damaged.execute(lost).await;
        let found: Vec<String> = ids(&damaged.report("", Some(&baseline)).await);
        let counts: Vec<&String> = found.iter().filter(|id| id.starts_with("row_counts:")).collect();
        let expected: Vec<String> =
            missing.iter().map(|name| format!("row_counts:missing_table:{name}")).collect();
        assert_eq!(counts, expected.iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn what_is_out_of_scope_is_named() {
    let database = Database::supabase().await;
    database
        .execute(
            "create table storage.own (id int); create table storage.more (id int);
             create table kept (id int); create table parts (id int) partition by list (id);
             create table part partition of parts for values in (1)",
        )
        .await;
    let report = database.report("", None).await;
    let names: Vec<String> = report.out_of_scope.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["auth.refresh_tokens", "auth.sessions", "storage.more", "storage.own"]);
    // One that the plan names is counted all the same.
    let plan = "[scope]\nschemas = [\"public\"]\nexclude = [\"public.kept\"]\n[row_counts.tables]\nstorage.own = 0\n";
    assert_eq!(
        database.report(plan, None).await.notes,
        ["out of scope, rows not counted: auth (4 tables), public.kept, storage (3 tables)"]
    );
}
