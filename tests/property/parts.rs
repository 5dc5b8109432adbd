//! Tables that are read in parts come to what they come to as a whole, whatever is done to them meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use drcore::collect::{CollectOptions, ContentChoice, collect};
use drcore::evidence::CauseKind;
use drcore::sql::QualifiedName;
use drcore::{Evidence, Source};
use drcore_tests::interceptor::{Interceptor, Moment, Plot, Strike};
use drcore_tests::{Database, cluster, major, parse};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio_postgres::NoTls;

pub(super) const WAYS: [&str; 2] =
    ["[content_drift]\nway = \"stream\"\n", "[content_drift]\nway = \"server\"\n"];

/// Reads everything, in parts of so many blocks.
async fn read(url: &str, plan: &str, blocks: Option<u32>, snapshot: Option<&str>) -> Evidence {
    let mut options = CollectOptions::default();
    options.content = ContentChoice::Always;
    options.blocks = blocks;
    options.snapshot = snapshot.map(str::to_owned);
    let source = Source::connect(url).await.unwrap();
    collect(&source, &parse(plan), None, &options).await.unwrap()
}

/// What tells which rows differ, as it is stored.
pub(super) fn sketches(evidence: &Evidence) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    evidence.save(directory.path().join("e.json")).unwrap();
    std::fs::read(directory.path().join("e.sketches")).unwrap()
}

pub(super) fn name(table: &str) -> QualifiedName {
    QualifiedName::new("public", table)
}

pub(super) const TREE: &str = "\
    create table plain (id int primary key, v text, at timestamptz, n int);\n\
    insert into plain select n, repeat(md5(n::text), 1 + n % 9), '2026-01-01Z'::timestamptz + n * interval '1 min', n % 7 \
      from generate_series(1, 3000) n;\n\
    delete from plain where id between 500 and 900;\n\
    create table empty (id int primary key);\n\
    create table \"we\"\"ird; DROP'\" (\"ctid'\" text, \"a b\" int);\n\
    insert into \"we\"\"ird; DROP'\" select md5(n::text), n % 50 from generate_series(1, 2000) n;\n\
    create table tree (id int, at date, v text, primary key (id, at)) partition by range (at);\n\
    create table tree_1 partition of tree for values from ('2026-01-01') to ('2026-02-01');\n\
    create table tree_2 (v text, gone int, at date not null, id int not null);\n\
    alter table tree_2 drop column gone;\n\
    alter table tree attach partition tree_2 for values from ('2026-02-01') to ('2026-03-01');\n\
    create table \"tree; 3\" partition of tree for values from ('2026-03-01') to ('2026-05-01') partition by hash (id);\n\
    create table \"3\"\"a\" partition of \"tree; 3\" for values with (modulus 2, remainder 0);\n\
    create table tree_3b partition of \"tree; 3\" for values with (modulus 2, remainder 1);\n\
    insert into tree select n, date '2026-01-01' + n % 110, repeat('v', n % 700) from generate_series(1, 2500) n;\n\
    create table mother (id int primary key, v text);\n\
    create table child () inherits (mother);\n\
    insert into mother select n, repeat('m', 900) from generate_series(1, 400) n;\n\
    insert into child select n, repeat('c', 900) from generate_series(1, 400) n;\n\
    create table toast (id int primary key, v text);\n\
    alter table toast alter column v set storage external;\n\
    insert into toast select n, repeat(md5(n::text), 400) from generate_series(1, 60) n;\n\
    analyze plain;\n\
    -- After the estimate.\n\
    insert into plain select n, 'grown', null, null from generate_series(3001, 9000) n;\n";

#[tokio::test]
async fn parts_come_to_the_whole() {
    let database = Database::with(TREE).await;
    let url = database.url().await;
    for plan in WAYS {
        let plan = format!("{plan}[freshness]\ntables = [\"plain.at\", \"tree.at\"]\n");
        let whole = read(&url, &plan, Some(u32::MAX), None).await;
        assert_eq!(whole.scans.tables[&name("plain")].rows.read(), Some(&8_599));
        assert_eq!(whole.scans.tables[&name("tree")].rows.read(), Some(&2_500));
        assert_eq!(whole.scans.tables[&name("mother")].rows.read(), Some(&400));
        for blocks in [1, 2, 7, 50] {
            let parts = database.untouched(read(&url, &plan, Some(blocks), None)).await;
            assert_eq!(parts.scans, whole.scans, "{plan}: {blocks}");
            assert!(sketches(&parts) == sketches(&whole), "{plan}: {blocks}");
        }
        // Against a baseline the server sends sums only.
        let mut options = CollectOptions::default();
        options.blocks = Some(7);
        let source = Source::connect(&url).await.unwrap();
        let sums = collect(&source, &parse(&plan), Some(&whole), &options).await.unwrap();
        for (table, scan) in &whole.scans.tables {
            assert_eq!(sums.scans.tables[table].content, scan.content, "{plan}: {table}");
        }
    }
}

#[test]
fn parts_of_random_tables_come_to_the_whole() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let cases = std::env::var("DRCORE_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(6);
    let rows = prop::collection::vec((0_i32..40, 0_usize..4_000, any::<bool>()), 0..120);
    let strategy = (prop::collection::vec(rows, 1..4), 1_u32..6, any::<bool>(), any::<bool>());
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let result = runner.run(&strategy, |(tables, blocks, vacuumed, far)| {
        runtime.block_on(async {
            let mut sql = String::new();
            for (at, rows) in tables.iter().enumerate() {
                sql += &format!("create table t{at} (k int, v text);\n");
                for (k, length, deleted) in rows {
                    sql += &format!("insert into t{at} values ({k}, (select string_agg(md5(n::text || '{k}'), '') from generate_series(1, {length} / 32) n));\n");
                    if *deleted {
                        sql += &format!("delete from t{at} where k = {};\n", (k + 7) % 40);
                    }
                }
            }
            let database = Database::with(&sql).await;
            if vacuumed {
                for at in 0..tables.len() {
                    database.execute(&format!("vacuum t{at}")).await;
                }
            }
            let (url, plan) = (database.url().await, WAYS[usize::from(far)]);
            let whole = read(&url, plan, Some(u32::MAX), None).await;
            let parts = read(&url, plan, Some(blocks), None).await;
            assert_eq!(parts.scans, whole.scans);
            assert!(sketches(&parts) == sketches(&whole));
        });
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// Rows come, go, change and are vacuumed while the parts are read: what the snapshot sees stays what it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_written_to_meanwhile_is_read_as_the_snapshot_sees_it() {
    let database = Database::with(
        "create table t (id int primary key, v text, n int) with (autovacuum_enabled = off);\n\
         insert into t select n, repeat('x', 200 + n % 300), 0 from generate_series(1, 6000) n;\n\
         create table p (id int, v text) partition by hash (id);\n\
         create table p0 partition of p for values with (modulus 2, remainder 0);\n\
         create table p1 partition of p for values with (modulus 2, remainder 1);\n\
         insert into p select n, repeat('y', 200) from generate_series(1, 3000) n;\n",
    )
    .await;
    let url = database.url().await;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("begin isolation level repeatable read read only").await.unwrap();
    let id: String = client.query_one("select pg_export_snapshot()", &[]).await.unwrap().get(0);
    let whole = read(&url, WAYS[0], Some(u32::MAX), Some(&id)).await;
    let done = Arc::new(AtomicBool::new(false));
    let writing = {
        let (done, url) = (Arc::clone(&done), url.clone());
        tokio::spawn(async move {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            tokio::spawn(connection);
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) {
                rounds += 1;
                for sql in [
                    format!("update t set n = n + 1, v = v || 'more' where id % 17 = {}", rounds % 17),
                    format!("delete from t where id % 23 = {}", rounds % 23),
                    format!(
                        "insert into t select {rounds} * 10000 + n, repeat('z', 500), n from generate_series(1, 300) n"
                    ),
                    format!("delete from p where id % 19 = {}", rounds % 19),
                    format!(
                        "insert into p select {rounds} * 10000 + n, repeat('z', 500) from generate_series(1, 300) n"
                    ),
                    "vacuum t".to_owned(),
                    "vacuum p".to_owned(),
                ] {
                    client.batch_execute(&sql).await.unwrap();
                }
            }
            rounds
        })
    };
    for plan in WAYS {
        for blocks in [1, 3] {
            let parts = read(&url, plan, Some(blocks), Some(&id)).await;
            assert_eq!(parts.scans.tables, whole.scans.tables, "{plan}: {blocks}");
        }
    }
    done.store(true, Ordering::Relaxed);
    assert!(writing.await.unwrap() > 1, "it was written to");
    let now = read(&url, WAYS[0], Some(3), None).await;
    assert_ne!(now.scans.tables[&name("t")], whole.scans.tables[&name("t")]);
}

/// A table that loses its rows between two of its parts is unread, never the sum of what was there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_is_truncated_between_its_parts_is_unread() {
    if major().await < 14 {
        return assert_whole().await;
    }
    for (sql, plan) in
        ["truncate t", "vacuum full t", "cluster t using t_pkey"].iter().zip(WAYS.iter().cycle())
    {
        let database = Database::with(
            "create table t (id int primary key, v text);\n\
             insert into t select n, repeat('x', 500) from generate_series(1, 3000) n;\n\
             create table other (id int primary key);\n\
             insert into other values (1);\n",
        )
        .await;
        let (cluster, done) = (cluster().await, database.name.clone());
        let deed = Strike::Do(Arc::new(move |_| {
            let (sql, done) = (*sql, done.clone());
            Box::pin(async move { cluster.execute(&done, sql).await.unwrap() })
        }));
        let moment = Moment::Statement(|sql| sql.contains("ctid >= '(50,0)'"));
        let socket = cluster.socket_directory().join(".s.PGSQL.5432");
        let interceptor = Interceptor::start(socket, Plot { moment, strike: deed, times: 1 }).await;
        // One session, since another would keep its lock and not be heard.
        let plan = format!("{plan}[limits]\nsessions = 1\n");
        let evidence = read(&interceptor.url("postgres", &database.name), &plan, Some(10), None).await;
        interceptor.settled().await;
        assert_eq!(interceptor.struck(), 1, "it was read in parts");
        let scan = &evidence.scans.tables[&name("t")];
        assert_eq!(scan.content.get().unwrap_err().kind, CauseKind::Rewritten, "{sql}");
        assert_eq!(scan.rows.get().unwrap_err().kind, CauseKind::Rewritten, "{sql}");
        assert_eq!(evidence.scans.tables[&name("other")].rows.read(), Some(&1));
    }
}

/// Before 14 each range would read the whole table.
async fn assert_whole() {
    let database =
        Database::with("create table t (id int); insert into t select generate_series(1, 9000)").await;
    let moment = Moment::Statement(|sql| sql.contains("ctid"));
    let strike = Strike::Refuse { severity: "ERROR", code: "XX000" };
    let socket = cluster().await.socket_directory().join(".s.PGSQL.5432");
    let interceptor = Interceptor::start(socket, Plot { moment, strike, times: u32::MAX }).await;
    let evidence = read(&interceptor.url("postgres", &database.name), WAYS[0], Some(1), None).await;
    assert_eq!(evidence.scans.tables[&name("t")].rows.read(), Some(&9_000));
    assert_eq!(interceptor.struck(), 0);
}

/// One part that cannot be read: its table is unread, the others are not.
#[tokio::test]
async fn one_part_that_fails_leaves_the_table_unread() {
    if major().await < 14 {
        return assert_whole().await;
    }
    let database = Database::with(TREE).await;
    for plan in WAYS {
        let moment = Moment::Statement(|sql| sql.contains("plain") && sql.contains("ctid >= '(30,0)'"));
        let strike = Strike::Refuse { severity: "ERROR", code: "XX001" };
        let socket = cluster().await.socket_directory().join(".s.PGSQL.5432");
        let interceptor = Interceptor::start(socket, Plot { moment, strike, times: u32::MAX }).await;
        let evidence = read(&interceptor.url("postgres", &database.name), plan, Some(10), None).await;
        let unread = evidence.scans.tables[&name("plain")].content.get().unwrap_err();
        assert_eq!(unread.sqlstate.as_deref(), Some("XX001"), "{plan}");
        assert_eq!(evidence.scans.tables[&name("tree")].rows.read(), Some(&2_500));
        // The number of rows is asked for by itself, and is not a sum of parts.
        assert_eq!(evidence.scans.tables[&name("plain")].rows.read(), Some(&8_599), "{plan}");
    }
}

/// A statement that may not take long enough for the table is asked for less at a time.
#[tokio::test]
async fn a_statement_timeout_is_no_obstacle() {
    let database = Database::with(
        "create table t (id int primary key, v text);\n\
         insert into t select n, repeat(md5(n::text), 2) from generate_series(1, 600000) n;\n\
         create table p (id int, v text) partition by hash (id);\n\
         create table p0 partition of p for values with (modulus 2, remainder 0);\n\
         create table p1 partition of p for values with (modulus 2, remainder 1);\n\
         insert into p select * from t;\n\
         create role hurried login superuser;\n",
    )
    .await;
    // Half of what the whole table takes here and now, however fast the machine is.
    let hashes = "select count(sha256(record_send(row(id, v)))) from t";
    let mut quickest = std::time::Duration::MAX;
    for _ in 0..3 {
        let began = std::time::Instant::now();
        database.query(hashes).await;
        quickest = quickest.min(began.elapsed());
    }
    let timeout = (quickest / 2).as_millis();
    database.execute(&format!("alter role hurried set statement_timeout = '{timeout}ms'")).await;
    let error =
        database.try_query(&format!("set statement_timeout = '{timeout}ms'; {hashes}")).await.unwrap_err();
    assert!(error.contains("statement timeout"), "{error}");
    let whole = read(&database.url().await, WAYS[0], Some(u32::MAX), None).await;
    let hurried = database.url_as("hurried").await;
    for plan in WAYS {
        let parts = read(&hurried, plan, None, None).await;
        let (now, then) = (&parts.scans.tables[&name("t")], &whole.scans.tables[&name("t")]);
        if major().await < 14 {
            continue;
        }
        assert_eq!(now.content, then.content, "{plan}");
        assert_eq!(parts.scans.tables[&name("p")].content, whole.scans.tables[&name("p")].content, "{plan}");
        assert!(sketches(&parts) == sketches(&whole), "{plan}");
    }
}

/// A single row that takes longer than a statement may is said, and its table is not taken for less.
#[tokio::test]
async fn what_cannot_be_divided_any_further_is_unread() {
    let database = Database::with(
        "create table t (id int primary key, v text);\n\
         insert into t select n, 'small' from generate_series(1, 5000) n;\n\
         alter table t alter column v set storage external;\n\
         insert into t values (0, repeat('x', 300000000));\n\
         create table other (id int primary key);\n\
         insert into other values (1);\n",
    )
    .await;
    let plan = "[limits]\nstatement_timeout = \"150ms\"\n";
    for way in WAYS {
        let evidence = read(&database.url().await, &format!("{plan}{way}"), None, None).await;
        let cause = evidence.scans.tables[&name("t")].content.get().unwrap_err();
        assert_eq!(cause.kind, CauseKind::StatementTimeout, "{way}: {cause:?}");
        assert_eq!(evidence.scans.tables[&name("other")].rows.read(), Some(&1));
    }
}

/// A role that may read only some columns, or a partitioned table and not its partitions, reads the whole.
#[tokio::test]
async fn parts_need_no_more_privileges_than_the_whole() {
    let database = Database::with(
        "create role narrow login;\n\
         create table partly (id int primary key, v text);\n\
         insert into partly select n, repeat('x', 500) from generate_series(1, 500) n;\n\
         grant select (id, v) on partly to narrow;\n\
         create table tree (id int, v text) partition by hash (id);\n\
         create table tree_0 partition of tree for values with (modulus 1, remainder 0);\n\
         insert into tree select n, repeat('x', 500) from generate_series(1, 500) n;\n\
         grant select on tree to narrow;\n\
         create table guarded (id int primary key, v text);\n\
         insert into guarded select n, repeat('x', 500) from generate_series(1, 500) n;\n\
         alter table guarded enable row level security;\n\
         create policy p on guarded using (id < 10);\n\
         grant select on guarded to narrow;\n",
    )
    .await;
    for plan in WAYS {
        let evidence = read(&database.url_as("narrow").await, plan, Some(1), None).await;
        for table in ["partly", "tree"] {
            assert_eq!(evidence.scans.tables[&name(table)].content.get().unwrap().rows, 500, "{table}");
        }
        let cause = evidence.scans.tables[&name("guarded")].content.get().unwrap_err();
        assert_eq!(cause.kind, CauseKind::RowSecurity);
    }
}
