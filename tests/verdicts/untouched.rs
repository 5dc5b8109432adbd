//! Nothing is written to a database that is read, and the proof of that would notice if it were.

use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{Against, GapOptions, VerifyOptions};
use drcore_tests::app::{APP, DAMAGE, PLAN};
use drcore_tests::{Database, SUPABASE, parse};
use tokio_postgres::NoTls;

#[tokio::test]
async fn the_proof_notices_whatever_is_written() {
    let database = Database::with(
        "create table t (id int primary key); insert into t values (1); create unlogged table u (id int); create sequence s",
    )
    .await;
    database.untouched(database.query("select * from t")).await;
    let counted = drcore_tests::major().await >= 15;
    for (sql, always) in [
        ("insert into t values (2)", false),
        ("update t set id = id", false),
        ("insert into u values (1)", false),
        // Rolled back, it was written nevertheless.
        ("begin; insert into t values (3); rollback", false),
        ("begin; create temporary table gone (id int); rollback", false),
        ("begin read only; select lo_create(0); rollback", false),
        ("analyze t", false),
        ("create table more ()", true),
        ("select nextval('s')", true),
        ("select setval('s', 9)", true),
    ] {
        let before = database.written().await;
        // From PostgreSQL 16 on, a read-only transaction creates no large object.
        let done = database.try_query(sql).await;
        let differs = before != database.written().await;
        assert_eq!(differs, done.is_ok() && (always || counted), "{sql}: {done:?}");
    }
}

/// Not a byte of WAL, in a cluster where nobody else writes any.
#[tokio::test]
async fn no_verb_writes_wal() {
    let mut options = ScratchOptions::default();
    // Checkpoints write; so does the writer in the background, of what is running.
    options.settings.push(("checkpoint_timeout".to_owned(), "1d".to_owned()));
    let cluster = ScratchCluster::start(options).await.unwrap();
    cluster.create_database("app").await.unwrap();
    cluster.execute("app", &format!("{SUPABASE}\n{APP}")).await.unwrap();
    let url = cluster.url("app");
    let mut options = VerifyOptions::default();
    options.plan = parse(PLAN);
    let baseline = drcore::baseline(&url, &options).await.unwrap();
    cluster.execute("app", DAMAGE).await.unwrap();
    // What reading alone would set and prune is set and pruned by this.
    cluster.execute("app", "vacuum (freeze, analyze)").await.unwrap();
    cluster.execute("app", "checkpoint").await.unwrap();
    options.against = Some(Against::Evidence(Box::new(baseline)));

    let (client, connection) = tokio_postgres::connect(&cluster.url("postgres"), NoTls).await.unwrap();
    tokio::spawn(connection);
    let now = async || {
        let state = "select pg_current_wal_insert_lsn()::text, pg_snapshot_xmax(pg_current_snapshot())::text";
        let row = client.query_one(state, &[]).await.unwrap();
        (row.get::<_, String>(0), row.get::<_, String>(1))
    };
    // Connecting for the first time may still write: relation caches are files, not WAL, but pages are pruned.
    drcore::verify(&url, &options).await.unwrap();
    let before = now().await;
    drcore::verify(&url, &options).await.unwrap();
    assert_eq!(before, now().await, "verify");
    drcore::baseline(&url, &options).await.unwrap();
    assert_eq!(before, now().await, "baseline");
    drcore::collect(&url, &options).await.unwrap();
    assert_eq!(before, now().await, "collect");
    drcore::gap(&url, &GapOptions::new("2026-11-20T00:00:00Z".parse().unwrap())).await.unwrap();
    assert_eq!(before, now().await, "gap");
    drcore::init(&url, &VerifyOptions::default()).await.unwrap();
    assert_eq!(before, now().await, "init");

    cluster.execute("app", "insert into tenants values (99, now())").await.unwrap();
    assert_ne!(before, now().await, "and it would be noticed");
}
