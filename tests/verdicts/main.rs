//! Not green where it must not be, green where it must be.

mod roles;
mod time;
mod unread;
mod untouched;

use std::time::Duration;

use drcore::check::{Outcome, Reason};
use drcore::collect::{CollectOptions, collect};
use drcore::evidence::CauseKind;
use drcore::{Against, Evidence, Plan, Report, Source, Verdict, VerifyOptions, verify};
use drcore_tests::{Database, check, cluster, ids, parse};

const TABLES: &str = "
create table a (id int primary key); insert into a select generate_series(1, 10);
create table b (id int primary key); insert into b select generate_series(1, 20);
create table c (id int primary key); insert into c select generate_series(1, 30);
";

async fn verify_as(database: &Database, role: &str, baseline: &Evidence) -> Report {
    let mut options = VerifyOptions::default();
    options.against = Some(Against::Evidence(Box::new(baseline.clone())));
    database.untouched(verify(&database.url_as(role).await, &options)).await.unwrap()
}

fn unread<'r>(report: &'r Report, id: &str) -> Vec<(&'r str, CauseKind)> {
    check(report, id).unread.iter().map(|unread| (unread.object.as_str(), unread.cause.kind)).collect()
}

#[tokio::test]
async fn a_plain_database_passes_against_its_own_baseline() {
    let database = Database::with(TABLES).await;
    roles::roles().await;
    let baseline = database.evidence(&Plan::default(), None).await;
    let report = database.report("", Some(&baseline)).await;
    assert_eq!(report.verdict, Verdict::Passed, "{:#?}", report.checks);
    assert_eq!(ids(&report), [""; 0]);
}

#[tokio::test]
async fn the_snapshot_is_shared_by_several_sessions() {
    let database = Database::with(TABLES).await;
    roles::roles().await;
    let run = database.evidence(&parse("[limits]\nsessions = 3\n"), None).await.run;
    assert_eq!((run.sessions, run.one_snapshot), (3, true), "{:?}", run.notes);
}

#[tokio::test]
async fn a_role_without_select_leaves_the_table_unread_and_the_other_findings_stand() {
    let database = Database::with(TABLES).await;
    roles::roles().await;
    let baseline = database.evidence(&Plan::default(), None).await;
    database
        .execute("create role v_blind login; grant select on a, c to v_blind; delete from c where id = 1")
        .await;
    let report = verify_as(&database, "v_blind", &baseline).await;
    assert_eq!(unread(&report, "row_counts"), [("public.b", CauseKind::Permission)]);
    let hint = check(&report, "row_counts").unread[0].cause.hint.clone().unwrap();
    assert!(hint.contains("grant select on public.b"), "{hint}");
    // What was granted since is told too.
    assert_eq!(
        ids(&report),
        ["privilege_drift:privileges_widened:public:tables", "row_counts:fewer_rows:public.c"]
    );
    assert_eq!(report.verdict, Verdict::Failed);

    database.execute("insert into c values (1); revoke all on a, c from v_blind").await;
    let report = verify_as(&database, "v_blind", &baseline).await;
    assert_eq!(check(&report, "row_counts").reason, Some(Reason::Unreadable));
    assert_eq!(report.verdict, Verdict::Unproven);
}

#[tokio::test]
async fn a_role_under_row_level_security_does_not_count_what_it_sees() {
    let database = Database::with(TABLES).await;
    roles::roles().await;
    let baseline = database.evidence(&Plan::default(), None).await;
    database
        .execute(
            "create role v_policy login; grant select on a, b, c to v_policy; \
             alter table b enable row level security; create policy p on b using (id < 5)",
        )
        .await;
    let report = verify_as(&database, "v_policy", &baseline).await;
    assert_eq!(unread(&report, "row_counts"), [("public.b", CauseKind::RowSecurity)]);
    assert_ne!(check(&report, "row_counts").outcome, Outcome::Passed);
}

/// An `SQL_ASCII` database holds whatever bytes it was given.
#[tokio::test]
async fn a_text_that_is_no_utf8_is_unread() {
    let create = "create database latin template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'";
    cluster().await.execute("postgres", create).await.unwrap();
    let database = Database { name: "latin".to_owned() };
    database
        .execute(
            "create table a (id int primary key); insert into a values (1); \
             create table b (name text); insert into b values (convert_from('\\xe9'::bytea, 'SQL_ASCII'))",
        )
        .await;
    let plan = "[[assertions]]\nname = \"a name\"\nsql = \"select name from b\"\nexpect = \"= 'x'\"\n";
    let report = database.report(plan, None).await;
    assert_eq!(unread(&report, "assertions"), [("a name", CauseKind::Error)]);
    database
        .execute("do $$ begin execute 'create table ' || convert_from('\\xe9'::bytea, 'SQL_ASCII') || ' ()'; end $$")
        .await;
    let report = database.report("", None).await;
    assert_eq!(report.verdict, Verdict::Unproven);
    // The server finds it, whatever the names are of.
    let causes =
        report.checks.iter().flat_map(|check| &check.unread).map(|unread| unread.cause.sqlstate.as_deref());
    assert!(
        causes.clone().count() > 0 && causes.clone().all(|code| code == Some("22021")),
        "{:#?}",
        report.checks
    );
}

#[tokio::test]
async fn a_locked_table_is_unread_by_either_timeout() {
    let database = Database::with(TABLES).await;
    roles::roles().await;
    let baseline = database.evidence(&Plan::default(), None).await;
    let (holder, connection) =
        tokio_postgres::connect(&database.url().await, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    holder.batch_execute("begin; lock table b in access exclusive mode").await.unwrap();
    for (limits, kind) in [
        ("lock_timeout = \"200ms\"", CauseKind::LockTimeout),
        ("lock_timeout = \"1m\"\nstatement_timeout = \"700ms\"", CauseKind::StatementTimeout),
    ] {
        let report = database.report(&format!("[limits]\n{limits}\n"), Some(&baseline)).await;
        assert_eq!(unread(&report, "row_counts"), [("public.b", kind)], "{limits}");
        assert_eq!(report.verdict, Verdict::Unproven);
    }
    drop(holder);
    let _ = driver.await;
}

#[tokio::test]
async fn a_table_that_is_truncated_meanwhile_is_not_an_empty_table() {
    let database = Database::with(TABLES).await;
    roles::roles().await;
    let baseline = database.evidence(&Plan::default(), None).await;
    let (holder, connection) =
        tokio_postgres::connect(&database.url().await, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    holder.batch_execute("begin isolation level repeatable read").await.unwrap();
    let rows = holder.query("select pg_export_snapshot()", &[]).await.unwrap();
    let snapshot: String = rows[0].get(0);
    database.execute("truncate b").await;
    database.execute("vacuum full c").await;

    let source = Source::connect(&database.url().await).await.unwrap();
    let mut options = CollectOptions::default();
    options.snapshot = Some(snapshot);
    let plan = Plan::default();
    let evidence = collect(&source, &plan, Some(&baseline), &options).await.unwrap();
    let report = plan.judge(&evidence, Some(&baseline));
    let unread = unread(&report, "row_counts");
    assert!(unread.contains(&("public.b", CauseKind::Rewritten)), "{unread:?}");
    assert_ne!(check(&report, "row_counts").outcome, Outcome::Passed);
    drop(holder);
    let _ = driver.await;
}

#[tokio::test]
async fn no_connection_is_a_report_in_which_nothing_was_read() {
    let options = VerifyOptions::default();
    for url in ["postgresql://nobody@127.0.0.1:1/none", "postgresql://nobody@%2Fnonexistent/none"] {
        let report = verify(url, &options).await.unwrap();
        assert_eq!(report.verdict, Verdict::Unproven);
        // A repository of backups is no part of the database, and none was named.
        for check in report.checks.iter().filter(|check| check.id != "backups") {
            assert_eq!(
                (check.outcome, check.reason),
                (Outcome::NotRun, Some(Reason::Unreadable)),
                "{}",
                check.id
            );
            assert!(
                check.unread.iter().all(|unread| unread.cause.kind == CauseKind::Connection),
                "{:?}",
                check.unread
            );
        }
    }
}

#[tokio::test]
async fn a_plan_that_leaves_everything_out_proves_nothing() {
    let database = Database::with(TABLES).await;
    roles::roles().await;
    let skips: String = drcore::checks::ALL
        .iter()
        .map(|check| format!("[[skip]]\ncheck = \"{}\"\nreason = \"test\"\n", check.id))
        .collect();
    let report = database.report(&skips, None).await;
    assert_eq!(report.verdict, Verdict::Unproven);
    assert!(
        report
            .checks
            .iter()
            .all(|check| check.reason == Some(Reason::Skipped) && check.note.as_deref() == Some("test"))
    );
}

#[tokio::test]
async fn an_empty_database_proves_nothing() {
    let database = Database::empty().await;
    let baseline = database.evidence(&Plan::default(), None).await;
    for then in [None, Some(&baseline)] {
        let report = database.report("", then).await;
        assert_eq!(report.verdict, Verdict::Unproven);
        assert_eq!(ids(&report), [""; 0]);
    }
}

#[tokio::test]
async fn a_scope_that_fits_nothing_proves_nothing_and_says_so() {
    let database = Database::with(TABLES).await;
    roles::roles().await;
    for (scope, said) in [
        ("[scope]\nschemas = [\"Public\"]\n", "no schema \"Public\""),
        ("[scope]\nexclude = [\"*\"]\n", "leaves no table"),
    ] {
        let baseline = database.evidence(&parse(scope), None).await;
        let report = database.report(scope, Some(&baseline)).await;
        assert_eq!(report.verdict, Verdict::Unproven, "{scope}");
        assert!(report.notes.iter().any(|note| note.contains(said)), "{:?}", report.notes);
    }
}

#[tokio::test]
async fn a_tenant_column_that_no_table_has_is_told() {
    let database = Database::with("create table a (id int, tenant_id int)").await;
    let report = database.report("[tenancy]\ncolumn = \"tenantid\"\n", None).await;
    assert!(report.notes.iter().any(|note| note.contains("did you mean tenant_id?")), "{:?}", report.notes);
}

#[tokio::test]
async fn a_guess_is_never_exit_0_whatever_fails_the_run() {
    let database = Database::supabase().await;
    database
        .execute(
            "create table t (id int primary key); insert into t values (1); alter table t enable row level security; \
             create view v as select * from t; grant select on v to anon",
        )
        .await;
    let report = database.report("", None).await;
    assert_eq!(report.verdict, Verdict::Failed, "{:?}", ids(&report));
    assert_eq!(report.exit_code(drcore::Severity::Critical), 3, "which schemas are exposed was assumed");
}

#[tokio::test]
async fn a_deadline_keeps_what_was_read_and_leaves_the_rest_unread() {
    let database = Database::with(TABLES).await;
    roles::roles().await;
    let baseline = database.evidence(&Plan::default(), None).await;
    let (holder, connection) =
        tokio_postgres::connect(&database.url().await, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    holder.batch_execute("begin; lock table b in access exclusive mode").await.unwrap();
    let plan = "[limits]\nsessions = 4\nlock_timeout = \"1m\"\ndeadline = \"1500ms\"\n";
    let began = std::time::Instant::now();
    let report = database.report(plan, Some(&baseline)).await;
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(
        unread(&report, "row_counts").contains(&("public.b", CauseKind::Deadline)),
        "{:?}",
        unread(&report, "row_counts")
    );
    assert_eq!(report.verdict, Verdict::Unproven);
    // The statement that waited is gone from the server.
    let rows = holder
        .query("select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'", &[])
        .await
        .unwrap();
    assert_eq!(rows[0].get::<_, i64>(0), 0);
    drop(holder);
    let _ = driver.await;
}

#[tokio::test]
async fn sessions_that_are_killed_never_turn_into_wrong_counts() {
    let mut sql = String::new();
    for n in 0..150 {
        sql.push_str(&format!("create table t{n} as select generate_series(1, 2000) as id;\n"));
    }
    let database = Database::with(&sql).await;
    let baseline = database.evidence(&Plan::default(), None).await;
    let kill = format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}' and application_name = 'drcore'",
        database.name
    );
    for delay in [5, 15, 40, 80] {
        let killer = tokio::spawn({
            let kill = kill.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(delay)).await;
                cluster().await.execute("postgres", &kill).await.unwrap();
            }
        });
        let mut options = VerifyOptions::default();
        options.against = Some(Against::Evidence(Box::new(baseline.clone())));
        let report = database.untouched(verify(&database.url().await, &options)).await.unwrap();
        killer.await.unwrap();
        assert_eq!(ids(&report), [""; 0], "killed after {delay} ms");
        let counts = check(&report, "row_counts");
        match counts.outcome {
            Outcome::Passed => assert_eq!(counts.examined["tables"], 150),
            Outcome::NotRun => assert!(!counts.unread.is_empty()),
            Outcome::Failed => panic!("nothing is wrong with the database"),
        }
    }
}

#[tokio::test]
async fn only_selects_and_says_so() {
    let database = Database::with(TABLES).await;
    roles::roles().await;
    let mut options = VerifyOptions::default();
    options.plan = parse("[row_counts.tables]\na = 10\n");
    options.collect.only = vec!["row_counts".to_owned()];
    let report = database.untouched(verify(&database.url().await, &options)).await.unwrap();
    assert_eq!(report.verdict, Verdict::Passed);
    for check in report.checks.iter().filter(|check| check.id != "row_counts") {
        assert_eq!(check.reason, Some(Reason::NotSelected));
    }
    options.collect.only = vec!["row_count".to_owned()];
    let error = database.untouched(verify(&database.url().await, &options)).await.unwrap_err();
    assert!(error.hint_text().unwrap().contains("row_counts"), "{error:?}");
}
