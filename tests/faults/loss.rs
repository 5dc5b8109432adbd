//! Sessions that are lost: what is left goes on, and nothing is taken for read that was not.

use std::sync::{Arc, Mutex};

use drcore::check::Outcome;
use drcore::evidence::CauseKind;
use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{Against, Evidence, Plan, Report, Verdict, VerifyOptions, verify};
use drcore_tests::interceptor::{Interceptor, Moment, Plot, Strike};
use drcore_tests::{Database, check, cluster, ids, process};
use tokio_postgres::{Client, NoTls};

const TABLES: &str = "
create table parents (id int primary key);
insert into parents select generate_series(1, 100);
create table children (id int primary key, parent_id int references parents);
insert into children select n, 1 + n % 100 from generate_series(1, 500) n;
";

const ALWAYS: u32 = u32::MAX;

fn is_scan(sql: &str) -> bool {
    sql.starts_with("select pg_catalog.count(*)")
}

/// The keys of the parents.
fn is_keys(sql: &str) -> bool {
    sql.starts_with("copy ") && !sql.contains("parent_id")
}

/// The rows whose parents are looked up.
fn is_pass(sql: &str) -> bool {
    sql.starts_with("copy ") && sql.contains("parent_id")
}

fn is_join(sql: &str) -> bool {
    sql.contains("set transaction snapshot")
}

fn is_catalog(sql: &str) -> bool {
    sql.contains("to_json(f)") && !sql.contains("cluster_name")
}

fn is_snapshot(sql: &str) -> bool {
    sql.contains("pg_export_snapshot")
}

/// Verifies through an interceptor that does this; gives how many times it did, too.
async fn with(
    database: &Database,
    baseline: &Evidence,
    moment: fn(&str) -> bool,
    strike: Strike,
    times: u32,
) -> (Report, u32) {
    with_plan(database, baseline, moment, strike, times, "[orphan_fks]\nway = \"server\"\n").await
}

async fn with_plan(
    database: &Database,
    baseline: &Evidence,
    moment: fn(&str) -> bool,
    strike: Strike,
    times: u32,
    plan: &str,
) -> (Report, u32) {
    let socket = cluster().await.socket_directory().join(".s.PGSQL.5432");
    let interceptor =
        Interceptor::start(socket, Plot { moment: Moment::Statement(moment), strike, times }).await;
    let mut options = VerifyOptions::default();
    options.plan = drcore_tests::parse(&format!("[limits]\nconnect_timeout = \"2s\"\n{plan}"));
    options.against = Some(Against::Evidence(Box::new(baseline.clone())));
    let report = verify(&interceptor.url("postgres", &database.name), &options).await.unwrap();
    (report, interceptor.struck())
}

fn causes(report: &Report, id: &str) -> Vec<CauseKind> {
    let mut causes: Vec<_> = check(report, id).unread.iter().map(|unread| unread.cause.kind).collect();
    causes.dedup();
    causes
}

#[tokio::test]
async fn those_that_joined_the_snapshot_read_on_without_its_holder() {
    let database = Database::with(TABLES).await;
    let baseline = database.evidence(&Plan::default(), None).await;
    let kill: Strike = Strike::Do(Arc::new(|backends| {
        Box::pin(async move {
            assert_ne!(backends.exporter, backends.this, "the one that holds the snapshot reads no table");
            cluster()
                .await
                .execute("postgres", &format!("select pg_terminate_backend({})", backends.exporter))
                .await
                .unwrap();
        })
    }));
    let (report, struck) = with(&database, &baseline, is_scan, kill, 1).await;
    assert_eq!((report.verdict, struck), (Verdict::Passed, 1), "{:#?}", report.checks);
    assert_eq!(report.run.evidence.notes, [""; 0], "nothing was read twice");
}

/// Half an answer taken for a whole one would be a table that has no rows, or a catalog that lacks one.
#[tokio::test]
async fn a_server_that_answers_less_than_it_was_asked_is_not_believed() {
    let database = Database::with(TABLES).await;
    let baseline = database.evidence(&Plan::default(), None).await;
    // The end of one statement's answer, and a row: both are counted.
    for (kind, moment, what) in [
        (b'C', is_scan as fn(&str) -> bool, "the end of a count"),
        (b'D', is_scan, "a count"),
        (b'C', is_catalog, "the end of a catalog"),
        (b'D', is_catalog, "a row of a catalog"),
        (b'C', is_join, "the end of joining"),
        (b'C', is_snapshot, "the end of beginning"),
    ] {
        let (report, struck) = with(&database, &baseline, moment, Strike::Swallow(kind), 1).await;
        assert_eq!((report.verdict, struck), (Verdict::Passed, 1), "{what} once: {:#?}", report.checks);
        let (report, struck) = with(&database, &baseline, moment, Strike::Swallow(kind), ALWAYS).await;
        assert!(struck > 1, "{what}: tried once more");
        assert_eq!(ids(&report), [""; 0], "{what}: nothing is wrong with the database");
        if what == "the end of joining" {
            // The one that begins the snapshot reads alone.
            assert_eq!((report.verdict, report.run.evidence.sessions), (Verdict::Passed, 1), "{what}");
            continue;
        }
        assert_eq!(report.verdict, Verdict::Unproven, "{what}");
        for id in ["row_counts", "orphan_fks"] {
            assert_eq!(check(&report, id).outcome, Outcome::NotRun, "{what}: {id}");
            assert_eq!(causes(&report, id), [CauseKind::Connection], "{what}: {id}");
        }
    }
}

/// Half a copy taken for a whole one would be parents that are missing, or rows that are not.
#[tokio::test]
async fn a_copy_that_lacks_something_is_not_believed() {
    let database = Database::with(TABLES).await;
    let baseline = database.evidence(&Plan::default(), None).await;
    for (moment, what) in [(is_keys as fn(&str) -> bool, "keys"), (is_pass, "rows")] {
        for strike in [Strike::Cut(10), Strike::Reset(10)] {
            let what = format!("{what}: {strike:?}");
            let (report, struck) = with_plan(&database, &baseline, moment, strike.clone(), 1, "").await;
            assert_eq!((report.verdict, struck), (Verdict::Passed, 1), "{what} once: {:#?}", report.checks);
            let (report, struck) = with_plan(&database, &baseline, moment, strike, ALWAYS, "").await;
            assert!(struck > 1, "{what}: tried once more");
            assert_eq!(ids(&report), [""; 0], "{what}: nothing is wrong with the database");
            // Without the keys, the server joins.
            if what.starts_with("keys") {
                assert_eq!(report.verdict, Verdict::Passed, "{what}: {:#?}", report.checks);
                assert!(report.run.evidence.counted_here.is_empty());
                continue;
            }
            assert_eq!(check(&report, "orphan_fks").outcome, Outcome::NotRun, "{what}");
            assert_eq!(causes(&report, "orphan_fks"), [CauseKind::Connection], "{what}");
        }
    }
}

/// Exports a snapshot of this name in another run of the server, and gives who holds it; nobody where another session
/// took its place.
async fn export(cluster: &ScratchCluster, database: &str, id: &str) -> Vec<Client> {
    let url =
        format!("host={} port=5432 user=postgres dbname={database}", cluster.socket_directory().display());
    let backend = |id: &str| id.split('-').next().unwrap().to_owned();
    let mut clients = Vec::new();
    // A snapshot is named after the place of its backend and the number of its transaction there.
    for _ in 0..20 {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        for _ in 0..2000 {
            client.batch_execute("begin isolation level repeatable read").await.unwrap();
            let rows = client.query("select pg_export_snapshot()", &[]).await.unwrap();
            let ours: String = rows[0].get(0);
            if ours == id {
                clients.push(client);
                return clients;
            }
            client.batch_execute("rollback").await.unwrap();
            if backend(&ours) != backend(id) {
                break;
            }
        }
        clients.push(client);
    }
    Vec::new()
}

/// Ids of snapshots are small numbers: after a restart, or on another server, they mean another state.
#[tokio::test]
async fn a_snapshot_of_the_same_name_is_not_the_same_snapshot() {
    for _ in 0..5 {
        if another_state_is_told().await {
            return;
        }
    }
    panic!("no snapshot was ever called the same again");
}

/// Whether it came to that: a session that connects again at the wrong moment may take the name's place.
async fn another_state_is_told() -> bool {
    let cluster = Arc::new(ScratchCluster::start(ScratchOptions::default()).await.unwrap());
    cluster.create_database("app").await.unwrap();
    cluster.execute("app", TABLES).await.unwrap();
    let url = cluster.url("app");
    let baseline = drcore::baseline(&url, &VerifyOptions::default()).await.unwrap();
    // So that the number is not one that a backend passes while it starts.
    cluster.execute("app", &"select 1; commit; ".repeat(300)).await.unwrap();

    let held = Arc::new(Mutex::new(Vec::new()));
    let (of, kept) = (Arc::clone(&cluster), Arc::clone(&held));
    let strike = Strike::Do(Arc::new(move |_| {
        let (cluster, kept) = (Arc::clone(&of), Arc::clone(&kept));
        Box::pin(async move {
            let snapshots = std::fs::read_dir(cluster.socket_directory().join("data/pg_snapshots")).unwrap();
            let names: Vec<_> = snapshots.map(|entry| entry.unwrap().file_name()).collect();
            let [name] = names.as_slice() else { panic!("{names:?}") };
            process::control(&cluster, &["restart", "-m", "fast"]).await;
            cluster.execute("app", "delete from children").await.unwrap();
            let clients = export(&cluster, "app", name.to_str().unwrap()).await;
            kept.lock().unwrap().extend(clients);
        })
    }));
    let plot = Plot { moment: Moment::Statement(is_keys), strike, times: 1 };
    let interceptor = Interceptor::start(cluster.socket_directory().join(".s.PGSQL.5432"), plot).await;
    let mut options = VerifyOptions::default();
    options.against = Some(Against::Evidence(Box::new(baseline)));
    let report = verify(&interceptor.url("postgres", "app"), &options).await.unwrap();
    interceptor.settled().await;
    if held.lock().unwrap().is_empty() {
        return false;
    }
    let notes = &report.run.evidence.notes;
    assert!(notes.iter().any(|note| note.contains("everything was read again")), "{notes:?}");
    assert!(!ids(&report).is_empty(), "what is there now is what was read");
    true
}
