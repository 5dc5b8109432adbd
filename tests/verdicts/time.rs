//! Deadlines and ages: what is not read by then is unread, and what exposes most is read first.

use std::time::{Duration, Instant};

use drcore::check::Outcome;
use drcore::evidence::CauseKind;
use drcore::{Against, Evidence, Plan, Report, Verdict, VerifyOptions, verify};
use drcore_tests::app::{APP, DAMAGE, FOUND, PLAN};
use drcore_tests::proxy::{Fault, Proxy};
use drcore_tests::{Database, check, cluster, ids, parse};

use super::{TABLES, unread};

/// Without what reads the whole catalog, which takes its time where the machine is busy.
const SHORT: &str = "
[[skip]]
check = \"invalid_objects\"
reason = \"takes its time\"
[[skip]]
check = \"schema_drift\"
reason = \"takes its time\"
";

#[tokio::test]
async fn nothing_more_is_begun_on_a_snapshot_that_is_too_old() {
    let database = Database::with(TABLES).await;
    let baseline = database.evidence(&Plan::default(), None).await;
    let slow = "expect = \"rows\"\nsql = \"select pg_sleep(0.7)\"\n";
    let plan = format!(
        "[limits]\nsessions = 1\nsnapshot_age = \"500ms\"\n\
         [[assertions]]\nname = \"first\"\n{slow}[[assertions]]\nname = \"second\"\n{slow}{SHORT}"
    );
    let report = database.report(&plan, Some(&baseline)).await;
    // What was begun is done.
    assert_eq!(check(&report, "assertions").examined["assertions"], 1);
    assert_eq!(unread(&report, "assertions"), [("second", CauseKind::SnapshotAge)]);
    let cause = &check(&report, "assertions").unread[0].cause;
    assert!(cause.message.contains("(500ms)"), "{}", cause.message);
    assert!(cause.hint.as_ref().unwrap().contains("limits.snapshot_age"));
    assert_eq!(report.verdict, Verdict::Unproven);

    let report = database.report(&plan.replace("500ms", "1m"), Some(&baseline)).await;
    assert_eq!(report.verdict, Verdict::Passed);

    let report = database.report("[limits]\nsnapshot_age = \"1ms\"\n", Some(&baseline)).await;
    assert_eq!(check(&report, "row_counts").outcome, Outcome::NotRun);
    assert_eq!(report.verdict, Verdict::Unproven);
}

/// An assertion that would take half a minute.
const SLOW: &str = "
[[assertions]]
name = \"slow\"
sql = \"select 1 from pg_sleep(30)\"
expect = \"rows\"
";

async fn against(url: &str, plan: &str, then: &Evidence) -> Report {
    let mut options = VerifyOptions::default();
    options.plan = parse(plan);
    options.against = Some(Against::Evidence(Box::new(then.clone())));
    verify(url, &options).await.unwrap()
}

#[tokio::test]
async fn one_slow_statement_keeps_nothing_else_from_being_known_at_the_deadline() {
    let database = Database::supabase().await;
    database.execute(APP).await;
    let then =
        database.untouched(drcore::baseline(&database.url().await, &VerifyOptions::default())).await.unwrap();
    database.execute(DAMAGE).await;
    for sessions in [1, 2, 3] {
        let plan = format!("[limits]\nsessions = {sessions}\ndeadline = \"3s\"\n{SLOW}{PLAN}");
        let began = Instant::now();
        let report = against(&database.url().await, &plan, &then).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(unread(&report, "assertions")[0], ("slow", CauseKind::Deadline));
        let mut found: Vec<&str> = FOUND.to_vec();
        // As large as it, for all that is known: it waits behind it, where nobody else reads.
        found.retain(|id| !id.starts_with("assertions") || ids(&report).iter().any(|known| known == id));
        assert_eq!(ids(&report), found, "{sessions}");
        for check in report.checks.iter().filter(|check| check.id != "assertions") {
            assert!(check.unread.is_empty(), "{sessions} {}: {:?}", check.id, check.unread);
        }
    }
}

#[tokio::test]
async fn the_largest_table_keeps_no_other_from_being_read() {
    let database = Database::with(
        "create table giant (id int primary key); insert into giant select generate_series(1, 200000);
         create table parts (id int, at date) partition by range (at);
         create table parts_1 partition of parts for values from ('2026-01-01') to ('2027-01-01');
         insert into parts select n, '2026-06-01' from generate_series(1, 100000) n;",
    )
    .await;
    for number in 0..40 {
        let table = format!(
            "create table a{number} (id int primary key references giant); insert into a{number} values (1), (2)"
        );
        database.execute(&table).await;
    }
    database.execute("analyze").await;
    let then = database.evidence(&Plan::default(), None).await;
    let (holder, connection) =
        tokio_postgres::connect(&database.url().await, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    // Locked, they take for ever.
    holder.batch_execute("begin; lock table giant, parts in access exclusive mode").await.unwrap();
    for sessions in [1, 2] {
        let limits =
            format!("[limits]\nsessions = {sessions}\nlock_timeout = \"1m\"\ndeadline = \"2s\"\n{SHORT}");
        let report = against(&database.url().await, &limits, &then).await;
        assert_eq!(
            unread(&report, "row_counts"),
            [("public.giant", CauseKind::Deadline), ("public.parts", CauseKind::Deadline)],
            "{sessions}"
        );
        assert_eq!(check(&report, "row_counts").examined["tables"], 40);
    }
    drop(holder);
    let _ = driver.await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_slow_network_what_exposes_is_known_first() {
    let database = Database::supabase().await;
    database.execute(APP).await;
    for number in 0..150 {
        database
            .execute(&format!("create schema if not exists data; create table data.a{number} (id int)"))
            .await;
    }
    let then = database.evidence(&parse(PLAN), None).await;
    database.execute(DAMAGE).await;
    let socket = cluster().await.socket_directory().join(".s.PGSQL.5432");
    let proxy = Proxy::start(socket, Fault::Latency(Duration::from_millis(60))).await;
    let report = against(&proxy.url(&database.name), "[limits]\ndeadline = \"4s\"\n", &then).await;
    for id in ["rls_coverage", "bucket_privacy"] {
        assert_eq!(check(&report, id).outcome, Outcome::Failed, "{id}");
        assert!(check(&report, id).unread.is_empty(), "{id}: {:?}", check(&report, id).unread);
    }
    let counts = check(&report, "row_counts");
    let left = unread(&report, "row_counts");
    assert!(counts.examined["tables"] > 5 && left.len() > 5, "{:?}, {} left", counts.examined, left.len());
    assert!(left.iter().all(|(_, kind)| *kind == CauseKind::Deadline), "{left:?}");
}

/// Two databases on one cluster: the one, and what it is compared with.
async fn live(url: &str, source: &str, limits: &str) -> Report {
    let mut options = VerifyOptions::default();
    options.plan = parse(limits);
    options.against = Some(Against::Url(source.to_owned()));
    verify(url, &options).await.unwrap()
}

#[tokio::test]
async fn a_live_source_and_the_database_are_read_at_the_same_time_within_one_deadline() {
    let source = Database::with(
        "create table parents (id int primary key); insert into parents select generate_series(1, 3);
         create table children (id int primary key, parent_id int references parents);
         insert into children select n, 1 + n % 3 from generate_series(1, 30) n; create table busy (id int)",
    )
    .await;
    crate::roles::roles().await;
    let copy = source.copy().await;
    let (url, source_url) = (copy.url().await, source.url().await);
    let report = live(&url, &source_url, "").await;
    assert_eq!((report.verdict, ids(&report)), (Verdict::Passed, Vec::new()));
    let runs = (&report.run.evidence, report.run.baseline.as_ref().unwrap());
    assert!(runs.0.taken_at.duration_since(runs.1.taken_at).unsigned_abs() < Duration::from_secs(1));

    // A foreign key that only the source has is asked about in the copy, however late the source tells.
    copy.execute(
        "alter table children drop constraint children_parent_id_fkey; delete from parents where id = 1",
    )
    .await;
    let (holder, connection) = tokio_postgres::connect(&source_url, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    holder.batch_execute("begin; lock table busy in access exclusive mode").await.unwrap();
    let (report, ()) = tokio::join!(live(&url, &source_url, "[limits]\nlock_timeout = \"1m\"\n"), async {
        tokio::time::sleep(Duration::from_millis(800)).await;
        holder.batch_execute("rollback").await.unwrap();
    });
    assert_eq!(
        ids(&report),
        [
            "content_drift:rows_differ:public.parents",
            "orphan_fks:missing_foreign_key:public.children:children_parent_id_fkey",
            "orphan_fks:orphaned_rows:public.children:children_parent_id_fkey",
            "row_counts:fewer_rows:public.parents",
        ]
    );

    // One deadline for both: the source hangs, and the copy is read all the same.
    holder.batch_execute("begin; lock table busy in access exclusive mode").await.unwrap();
    let began = Instant::now();
    let report = live(&url, &source_url, "[limits]\nlock_timeout = \"1m\"\ndeadline = \"2s\"\n").await;
    assert!(began.elapsed() < Duration::from_millis(3_500), "{:?}", began.elapsed());
    assert_eq!(report.examined["tables"], 3, "the database itself was read");
    assert_eq!(unread(&report, "row_counts"), [("public.busy in the baseline", CauseKind::Deadline)]);
    assert!(report.verdict != Verdict::Passed && report.run.baseline.unwrap().failure.is_some());
    drop(holder);
    let _ = driver.await;
}

#[tokio::test]
async fn where_connections_are_few_both_are_read_one_after_the_other() {
    let source = Database::with("create table t (id int); create table busy (id int)").await;
    crate::roles::roles().await;
    let copy = source.copy().await;
    let role = "create role v_few login connection limit 1";
    source.execute(&format!("{role}; grant select on t, busy to v_few")).await;
    copy.execute("grant select on t, busy to v_few").await;
    let (holder, connection) =
        tokio_postgres::connect(&source.url().await, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    // The source holds the one connection for longer than the copy waits for it.
    holder.batch_execute("begin; lock table busy in access exclusive mode").await.unwrap();
    let (url, of_source) = (copy.url_as("v_few").await, source.url_as("v_few").await);
    let limits = "[limits]\nconnect_timeout = \"400ms\"\nlock_timeout = \"1m\"\n";
    let (report, ()) = tokio::join!(live(&url, &of_source, limits), async {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        holder.batch_execute("rollback").await.unwrap();
    });
    // Only superusers read the list of subscriptions before 14.
    let verdict = if drcore_tests::major().await < 14 { Verdict::Unproven } else { Verdict::Passed };
    assert_eq!((report.verdict, ids(&report)), (verdict, Vec::new()), "{:#?}", report.run);
    drop(holder);
    let _ = driver.await;
}

#[tokio::test]
async fn a_snapshot_to_join_is_the_databases_and_not_the_sources() {
    let source = Database::with("create table t (id int)").await;
    crate::roles::roles().await;
    let copy = source.copy().await;
    let (holder, connection) =
        tokio_postgres::connect(&copy.url().await, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    holder.batch_execute("begin isolation level repeatable read").await.unwrap();
    let rows = holder.query("select pg_export_snapshot()", &[]).await.unwrap();
    let mut options = VerifyOptions::default();
    options.collect.snapshot = Some(rows[0].get(0));
    options.against = Some(Against::Url(source.url().await));
    let report = copy.untouched(verify(&copy.url().await, &options)).await.unwrap();
    assert!(report.run.baseline.as_ref().unwrap().failure.is_none(), "{:?}", report.run.baseline);
    assert_eq!(report.verdict, Verdict::Passed);
    drop(holder);
    let _ = driver.await;
}
