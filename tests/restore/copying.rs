//! Rows of one live database, copied into another: all of them, of one state, or it is said.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use drcore::check::Outcome;
use drcore::collect::{Phase, Progress};
use drcore::copy::{Copied, CopyCall, CopyForm, DataCopy, WhyNotCopied, copy};
use drcore::restore::{ExecuteOptions, Onto, RestoreOptions, RestorePlan, ScratchCluster, ScratchOptions};
use drcore::{Error, ErrorKind, Severity, Verdict};
use drcore_tests::Database;
use tokio_util::sync::CancellationToken;

use super::round_trip::{EVERY_KIND, baseline, dump, target as restore_target, verify};
use super::target::name_at;

/// The same schema in a database of its own, without rows.
async fn twin(source: &Database) -> Database {
    let target = Database::empty().await;
    let (_directory, path) = dump(source, &["--schema-only"]).await;
    let output = std::process::Command::new(drcore_tests::cluster().await.tools().directory.join("psql"))
        .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file"])
        .arg(&path)
        .arg(target.url().await)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target
}

/// The dump of a database, in no order, without its large objects.
async fn lines(database: &Database) -> Vec<String> {
    let (_directory, path) = dump(database, &["--format=plain", "--no-blobs"]).await;
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> =
        text.lines().filter(|line| !line.contains("restrict ")).map(str::to_owned).collect();
    lines.sort();
    lines
}

async fn planned(source: &Database, target: &Database, call: &CopyCall) -> Result<DataCopy, Error> {
    copy(&source.url().await, &target.url().await, call).await
}

async fn copied(source: &Database, target: &Database, call: &CopyCall) -> Copied {
    let plan = planned(source, target, call).await.unwrap();
    let mut options = plan.execute_options();
    options.apply = Some(plan.plan.digest.clone());
    plan.execute(&options).await.unwrap()
}

async fn refused(source: &Database, target: &Database, call: &CopyCall) -> Error {
    let error = planned(source, target, call).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    error
}

fn tables(names: &[&str]) -> CopyCall {
    let mut call = CopyCall::default();
    call.options.tables = names.iter().map(|name| drcore::restore::table(name).unwrap()).collect();
    call
}

fn onto(onto: Onto) -> CopyCall {
    let mut call = CopyCall::default();
    call.options.onto = onto;
    call
}

fn passed(copied: &Copied) {
    assert!(copied.errors.is_empty(), "{}", copied.to_text());
    let report = copied.report.as_ref().unwrap();
    assert_eq!(report.verdict, Verdict::Passed, "{}", copied.to_text());
    assert_eq!(copied.exit_code(), 0);
    assert!(copied.to_text().starts_with("COPIED"), "{}", copied.to_text());
}

#[tokio::test]
async fn rows_of_every_kind_of_table_come_as_they_are() {
    let source = Database::with(EVERY_KIND).await;
    let target = twin(&source).await;
    // What the schema alone does not bring: a copy is of rows, and of nothing else.
    let before = baseline(&source).await;
    let plan = planned(&source, &target, &CopyCall::default()).await.unwrap();
    assert!(!plan.plan.needs_review());
    let json: drcore::copy::CopyPlan = serde_json::from_str(&plan.plan.to_json().unwrap()).unwrap();
    assert_eq!(json.digest, plan.plan.digest);
    let copied = plan.execute(&plan.execute_options()).await.unwrap();
    passed(&copied);
    let rows: u64 = copied.tables.iter().map(|table| table.rows).sum();
    assert!(rows > 10, "{}", copied.to_text());
    let content: Vec<_> = copied.report.iter().flat_map(|report| &report.checks).collect();
    assert!(content.iter().any(|check| check.id == "content_drift" && check.outcome == Outcome::Passed));
    // Materialised views hold what was there when they were made.
    let views = source
        .query("select format('refresh materialized view %I.%I', schemaname, matviewname) from pg_matviews where ispopulated")
        .await;
    for refresh in views {
        target.execute(&refresh).await;
    }
    // They are no rows, which the plan says.
    assert!(copied.plan.large_objects > 0);
    assert!(copied.plan.to_text().contains("large object"), "{}", copied.plan.to_text());
    let report = verify(&target, &before).await;
    let found: Vec<_> =
        report.findings().into_iter().filter(|finding| finding.severity() > Severity::Info).collect();
    let found: Vec<&str> = found.iter().map(|finding| finding.id()).collect();
    assert_eq!(found, ["schema_drift:object_changed:large objects:large_objects"]);
    let unread: Vec<_> = report.checks.iter().flat_map(|check| &check.unread).collect();
    assert!(unread.is_empty(), "{unread:#?}");
    assert_eq!(lines(&target).await, lines(&source).await);
    // Nothing is left behind.
    assert_eq!(target.query("select nspname from pg_namespace where nspname like 'drcore%'").await, [""; 0]);
}

/// Values whose bytes hold numbers of the server's own travel as text, and the others do not.
#[tokio::test]
async fn what_only_one_server_understands_travels_as_text() {
    let source = Database::with(
        "create type mood as enum ('sad', 'ok');
         create type pair as (a int, b text);
         create domain positive as int check (value > 0);
         create table plain (id bigint, at timestamptz, note text, who uuid, doc jsonb, tags text[], mood mood, p point);
         create table own (id int, pair pair, positive positive, moods mood[], kind regclass);
         insert into plain values (1, '2026-01-01 00:00:00.123456+02', E'a\\\\\\t\\n\\u20ac', gen_random_uuid(), '{\"a\": 1}',
            '{a,NULL,\"b,c\"}', 'sad', '(1,2)'), (null, 'infinity', '', null, 'null', '{}', null, null);
         insert into own values (1, '(1,x)', 2, '{sad,ok}', 'pg_class'), (2, null, null, null, null)",
    )
    .await;
    let target = twin(&source).await;
    // Its types have other numbers there.
    let copied = copied(&source, &target, &CopyCall::default()).await;
    passed(&copied);
    let form = |name: &str| {
        copied.plan.tables.iter().find(|table| table.table.name == name).map(|table| table.form).unwrap()
    };
    assert_eq!((form("plain"), form("own")), (CopyForm::Binary, CopyForm::Text));
    for query in ["select plain::text from plain order by 1", "select own::text from own order by 1"] {
        assert_eq!(target.query(query).await, source.query(query).await);
    }
}

#[tokio::test]
async fn tables_that_hold_rows_are_left_alone_until_somebody_says_so() {
    let sql = "create table a (id int generated always as identity primary key, note text);
               create table b (id int references a);
               create table c (id int);";
    let source = Database::with(&format!(
        "{sql} insert into a (note) select 'source' from generate_series(1, 100); insert into b select 7; insert into c select 1"
    ))
    .await;
    let target =
        Database::with(&format!("{sql} insert into a (note) values ('mine'); insert into c values (9)"))
            .await;
    let error = refused(&source, &target, &CopyCall::default()).await;
    assert!(error.to_string().contains("hold rows: public.a and public.c"), "{error}");
    // The others can be copied.
    passed(
        &copied(&source, &target, &{
            let mut call = tables(&["b"]);
            call.verify.collect.only = vec!["row_counts".to_owned()];
            call
        })
        .await,
    );
    // What others refer to is not emptied under them.
    let mut replace_a = tables(&["a"]);
    replace_a.options.onto = Onto::Replace;
    let error = refused(&source, &target, &replace_a).await;
    assert!(error.to_string().contains("public.b"), "{error}");

    let plan = planned(&source, &target, &onto(Onto::Replace)).await.unwrap();
    let mut options = plan.execute_options();
    options.apply = Some("00000000".to_owned());
    assert_eq!(plan.execute(&options).await.unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(target.query("select note from a").await, ["mine"]);
    options.apply = Some(plan.plan.digest.clone());
    passed(&plan.execute(&options).await.unwrap());
    assert_eq!(target.query("select count(*), min(note) from a").await, ["100|source"]);
    assert_eq!(target.query("insert into a (note) values ('next') returning id").await, ["101"]);
}

#[tokio::test]
async fn what_cannot_come_as_it_is_is_refused() {
    let source = Database::with(
        "create table t (id int primary key, note text); insert into t values (1, 'x');
         create table parts (id int) partition by range (id); create table parts_1 partition of parts for values from (0) to (9);
         create table \"we\"\"ird; DROP\" (\"a\"\"b\" int); insert into \"we\"\"ird; DROP\" values (1)",
    )
    .await;
    let stamp = "create function stamp() returns trigger language plpgsql as $$ begin new.note := 'again'; return new; end $$;";
    for (sql, said) in [
        (
            format!(
                "create table t (id int primary key, note text); {stamp}
                  create trigger stamped before insert on t for each row execute function stamp();
                  alter table t enable always trigger stamped"
            ),
            "stamped of public.t",
        ),
        ("create table t (id int primary key, note text, owner text not null)".to_owned(), "owner"),
        ("create table t (id int primary key, note text); insert into t values (5)".to_owned(), "public.t"),
    ] {
        let target = Database::with(&sql).await;
        let error = refused(&source, &target, &tables(&["t"])).await;
        assert!(error.to_string().contains(said), "{error}");
    }
    // Into itself.
    let error = refused(&source, &source, &CopyCall::default()).await;
    assert!(error.to_string().contains("nothing was written"), "{error}");
    // Of nothing, of what is not there, and of a partition.
    let empty = Database::empty().await;
    for (call, said) in [
        (CopyCall::default(), "nothing to copy"),
        (tables(&["tt"]), "public.t"),
        (tables(&["parts_1"]), "public.parts"),
    ] {
        let error = planned(&source, &empty, &call).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
        assert!(format!("{error} {:?}", error.hint_text()).contains(said), "{error:?}");
    }
    // A trigger that is off while rows come does not run.
    let target = Database::with(&format!(
        "create table t (id int primary key, note text); {stamp}
         create trigger stamped before insert on t for each row execute function stamp();
         create table \"we\"\"ird; DROP\" (\"a\"\"b\" int)"
    ))
    .await;
    let copied = copied(&source, &target, &CopyCall::default()).await;
    passed(&copied);
    assert_eq!(target.query("select note from t").await, ["x"]);
    let left: Vec<_> = copied.plan.left_out.iter().map(|left| (left.table.to_string(), left.why)).collect();
    assert_eq!(left, [("public.parts".to_owned(), WhyNotCopied::NotThere)]);
}

#[tokio::test]
async fn a_column_that_the_target_lacks_is_told_as_lost() {
    let source =
        Database::with("create table t (id int primary key, secret text); insert into t values (1, 'x')")
            .await;
    let target = Database::with("create table t (id int primary key, added int default 3)").await;
    let plan = planned(&source, &target, &CopyCall::default()).await.unwrap();
    assert!(plan.plan.to_text().contains("LOST     secret of public.t"), "{}", plan.plan.to_text());
    let copied = plan.execute(&plan.execute_options()).await.unwrap();
    assert_eq!(copied.tables[0].dropped, ["secret"]);
    assert_eq!(target.query("select id, added from t").await, ["1|3"]);
    // It does not look like all of it.
    assert_ne!(copied.exit_code(), 0, "{}", copied.to_text());
}

/// A role that may not switch off foreign keys copies parents first, and triggers would run.
#[tokio::test]
async fn without_the_right_to_be_a_replica_parents_come_first() {
    let cluster = ScratchCluster::start(ScratchOptions::default()).await.unwrap();
    run(
        &cluster,
        "postgres",
        &["create role plain login", "create database source", "create database target owner plain"],
    )
    .await;
    let sql = "create table z_parent (id int primary key, note text);
               create table a_child (id int primary key, parent_id int references z_parent)";
    run(
        &cluster,
        "source",
        &[
            sql,
            "insert into z_parent select i, 'n' from generate_series(1, 1000) i",
            "insert into a_child select i, i from generate_series(1, 1000) i",
        ],
    )
    .await;
    let target = cluster.url("target").replace("postgres@", "plain@");
    run(&cluster, "target", &["grant all on schema public to plain", &format!("set role plain; {sql}")])
        .await;
    let mut call = CopyCall::default();
    // It may not see whose cluster it is.
    call.project = Some(name_at(&target).await);
    let plan = copy(&cluster.url("source"), &target, &call).await.unwrap();
    assert!(!plan.plan.replica_role && plan.plan.jobs == 1);
    let order: Vec<&str> = plan.plan.tables.iter().map(|table| table.table.name.as_str()).collect();
    assert_eq!(order, ["z_parent", "a_child"]);
    passed(&plan.execute(&plan.execute_options()).await.unwrap());
}

async fn run(cluster: &ScratchCluster, database: &str, statements: &[&str]) {
    for sql in statements {
        cluster.execute(database, sql).await.unwrap();
    }
}

/// Tells the phase of copying to `then`, once.
fn at_first_part(then: impl Fn() + Send + Sync + 'static) -> Arc<dyn Fn(Progress) + Send + Sync> {
    let told = AtomicBool::new(false);
    Arc::new(move |progress: Progress| {
        if progress.phase == Phase::Copy && !told.swap(true, Ordering::SeqCst) {
            then();
        }
    })
}

const TWO: &str = "create table a (id int primary key); create table b (id int primary key, note text);";
const ROWS: &str = "insert into a select generate_series(1, 100); insert into b select i, 'n' from generate_series(1, 100) i;";

#[tokio::test]
async fn an_interrupted_copy_never_verifies_and_begins_anew() {
    let source = Database::with(&format!("{TWO} {ROWS}")).await;
    // Left alone it would take a minute.
    let slow = "create function slow() returns boolean language sql volatile as
                $$ select pg_catalog.current_setting('app.fast', true) = 'on' or pg_catalog.pg_sleep(0.6) is not null $$;";
    let target = Database::with(&format!("{TWO} {slow} alter table b add check (public.slow())")).await;
    let mut one = CopyCall::default();
    one.options.jobs = Some(1);
    let plan = planned(&source, &target, &one).await.unwrap();
    let mut options = plan.execute_options();
    let clock = std::time::Instant::now();
    let cancel = CancellationToken::new();
    options.cancel = cancel.clone();
    options.progress = Some(at_first_part(move || cancel.cancel()));
    let error = plan.execute(&options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error:?}");
    assert!(clock.elapsed() < std::time::Duration::from_secs(20), "{:?}", clock.elapsed());

    let report = drcore::verify(&target.url().await, &drcore::VerifyOptions::default()).await;
    assert_ne!(report.map(|report| report.verdict).ok(), Some(Verdict::Passed));
    for call in [CopyCall::default(), onto(Onto::Replace)] {
        let error = refused(&source, &target, &call).await;
        assert!(error.hint_text().unwrap().contains("--start-over"), "{error:?}");
    }
    // Of another one it is not, nor of a restore.
    let mut other = tables(&["a"]);
    other.options.onto = Onto::StartOver;
    refused(&source, &target, &other).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let reached = restore_target(&target, Onto::StartOver).await;
    let mut begun = RestoreOptions::default();
    begun.onto = Onto::StartOver;
    let error = RestorePlan::of(&archive, &reached, &begun).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert!(error.hint_text().unwrap().contains("drcore copy"), "{error:?}");

    target.execute(&format!("alter database {} set app.fast = 'on'", target.name)).await;
    passed(&copied(&source, &target, &onto(Onto::StartOver)).await);
    assert_eq!(target.query("select count(*) from b").await, ["100"]);
    // And now there is none.
    refused(&source, &target, &onto(Onto::StartOver)).await;
}

/// To the snapshot, a table that was emptied since looks as if it had always been empty.
#[tokio::test]
async fn a_table_that_is_emptied_meanwhile_is_not_copied_as_empty() {
    let source = Database::with(&format!("{TWO} {ROWS}")).await;
    let target = twin(&source).await;
    let mut one = CopyCall::default();
    one.options.jobs = Some(1);
    let plan = planned(&source, &target, &one).await.unwrap();
    let mut options = plan.execute_options();
    let (psql, url) = (drcore_tests::cluster().await.tools().directory.join("psql"), source.url().await);
    options.progress = Some(at_first_part(move || {
        let status = std::process::Command::new(&psql).args(["-Xqc", "truncate b", &url]).status().unwrap();
        assert!(status.success());
    }));
    let copied = plan.execute(&options).await.unwrap();
    assert_eq!(copied.exit_code(), 1, "{}", copied.to_text());
    assert_eq!(copied.errors.len(), 1, "{}", copied.to_text());
    assert_eq!(copied.errors[0].object, "rows of public.b");
    assert!(copied.report.is_none());
    refused(&source, &target, &CopyCall::default()).await;
}

/// What is written to the source meanwhile is of a later state: none of it comes, from any table.
#[tokio::test]
async fn all_rows_are_of_one_state() {
    let source = Database::with(&format!("{TWO} {ROWS}")).await;
    let target = twin(&source).await;
    let mut one = CopyCall::default();
    one.options.jobs = Some(1);
    let plan = planned(&source, &target, &one).await.unwrap();
    let mut options = plan.execute_options();
    let (psql, url) = (drcore_tests::cluster().await.tools().directory.join("psql"), source.url().await);
    options.progress = Some(at_first_part(move || {
        let sql =
            "delete from b where id < 50; insert into b values (1000, 'late'); insert into a values (1000)";
        let status = std::process::Command::new(&psql).args(["-Xqc", sql, &url]).status().unwrap();
        assert!(status.success());
    }));
    passed(&plan.execute(&options).await.unwrap());
    assert_eq!(target.query("select count(*), max(id) from b").await, ["100|100"]);
    assert_eq!(target.query("select count(*), max(id) from a").await, ["100|100"]);
}

/// Several sessions copy parts of it.
#[tokio::test]
async fn a_large_table_is_copied_in_parts() {
    let source = Database::with(
        "create unlogged table large (id int, filler text) with (fillfactor = 10);
         alter table large alter filler set storage plain;
         insert into large select i, repeat('x', 900) from generate_series(1, 20000) i",
    )
    .await;
    let target = Database::with("create unlogged table large (id int, filler text)").await;
    let parts = Arc::new(AtomicU64::new(0));
    let mut call = CopyCall::default();
    call.options.jobs = Some(2);
    let planning = CancellationToken::new();
    call.verify.collect.cancel = planning.clone();
    let plan = planned(&source, &target, &call).await.unwrap();
    // Who planned it is gone by now.
    planning.cancel();
    let mut options = ExecuteOptions::default();
    let seen = Arc::clone(&parts);
    options.progress = Some(Arc::new(move |progress: Progress| {
        if progress.phase == Phase::Copy {
            seen.fetch_max(progress.total, Ordering::SeqCst);
        }
    }));
    let copied = plan.execute(&options).await.unwrap();
    passed(&copied);
    assert_eq!(copied.tables[0].rows, 20_000);
    let expected = if drcore_tests::major().await >= 14 { 2 } else { 1 };
    assert_eq!(parts.load(Ordering::SeqCst), expected);
    assert_eq!(target.query("select count(distinct id), sum(id) from large").await, ["20000|200010000"]);
}

/// Duplicates in the way of a constraint that only the target has: the table did not come, and that is said.
#[tokio::test]
async fn rows_that_the_target_refuses_are_missing_and_the_others_come() {
    let source = Database::with(
        "create table a (id int); insert into a values (1), (1); create table b (id int); insert into b values (2)",
    )
    .await;
    let target = Database::with("create table a (id int primary key); create table b (id int)").await;
    let copied = copied(&source, &target, &CopyCall::default()).await;
    assert_eq!(copied.exit_code(), 1);
    assert!(copied.errors[0].message.contains("a_pkey"), "{}", copied.to_text());
    assert!(copied.to_text().starts_with("PARTLY"), "{}", copied.to_text());
    assert_eq!(target.query("select id from b").await, ["2"]);
    assert_eq!(target.query("select count(*) from a").await, ["0"]);
    // It stays marked.
    refused(&source, &target, &CopyCall::default()).await;
}

#[tokio::test]
async fn what_is_not_a_scratch_cluster_must_be_named() {
    let mut settings = ScratchOptions::default();
    settings.settings.push(("cluster_name".to_owned(), "main".to_owned()));
    let cluster = ScratchCluster::start(settings).await.unwrap();
    let url = cluster.url("postgres");
    let source = Database::with("create table t (id int); insert into t values (1)").await;
    run(&cluster, "postgres", &["create table t (id int)"]).await;
    let mut call = CopyCall::default();
    for project in [None, Some("postgres".to_owned())] {
        call.project = project;
        let error = copy(&source.url().await, &url, &call).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    }
    call.project = Some(name_at(&url).await);
    let plan = copy(&source.url().await, &url, &call).await.unwrap();
    let copied = plan.execute(&ExecuteOptions::default()).await.unwrap();
    passed(&copied);
    // Rows that are there are taken away only by who looked at the plan.
    refused_text(copy(&source.url().await, &url, &call).await, "hold rows: public.t");
    call.options.onto = Onto::Replace;
    let plan = copy(&source.url().await, &url, &call).await.unwrap();
    assert!(plan.plan.needs_review());
    let mut options = ExecuteOptions::default();
    refused_text(plan.execute(&options).await, "nobody reviewed it");
    options.apply = Some(plan.plan.digest.clone());
    passed(&plan.execute(&options).await.unwrap());
}

fn refused_text<T: std::fmt::Debug>(result: Result<T, Error>, said: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert!(error.to_string().contains(said), "{error}");
}
