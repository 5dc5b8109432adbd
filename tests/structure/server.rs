//! What is the server's and in no copy of a database: replication slots; and labels, which only a module may set.

use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{Evidence, Plan, Source};
use drcore_tests::ids;

async fn evidence(cluster: &ScratchCluster) -> Evidence {
    let source = Source::connect(&cluster.url("app")).await.unwrap();
    drcore::collect::collect(&source, &Plan::default(), None, &drcore::collect::CollectOptions::default())
        .await
        .unwrap()
}

async fn cluster() -> ScratchCluster {
    let mut options = ScratchOptions::default();
    let settings = [("wal_level", "logical"), ("max_wal_senders", "4"), ("max_replication_slots", "4")];
    options.settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let cluster = ScratchCluster::start(options).await.unwrap();
    cluster.create_database("app").await.unwrap();
    cluster
}

#[tokio::test]
async fn slots_are_told_by_what_differs() {
    let cluster = cluster().await;
    let run = |sql: &'static str| cluster.execute("app", sql);
    run("create table t (id int primary key)").await.unwrap();
    run("select pg_create_physical_replication_slot('standby')").await.unwrap();
    run("select pg_create_logical_replication_slot('consumer', 'pgoutput')").await.unwrap();
    // A slot of the platform's own services is theirs only on Supabase.
    let then = evidence(&cluster).await;
    let told = async |then: &Evidence| ids(&Plan::default().judge(&evidence(&cluster).await, Some(then)));
    assert_eq!(told(&then).await, [""; 0]);
    for (change, expected) in [
        ("select pg_drop_replication_slot('standby')", "schema_drift:object_lost:standby:replication_slot"),
        // The same name, another kind.
        (
            "select pg_create_logical_replication_slot('standby', 'pgoutput')",
            "schema_drift:object_changed:standby:replication_slot",
        ),
        (
            "select pg_drop_replication_slot('standby'); select pg_create_physical_replication_slot('standby');
             select pg_drop_replication_slot('consumer');
             select pg_create_logical_replication_slot('consumer', 'test_decoding')",
            "schema_drift:object_changed:consumer:replication_slot",
        ),
        (
            "select pg_drop_replication_slot('consumer');
             select pg_create_logical_replication_slot('consumer', 'pgoutput');
             select pg_create_physical_replication_slot('another')",
            "schema_drift:object_added:another:replication_slot",
        ),
    ] {
        run(change).await.unwrap();
        assert_eq!(told(&then).await, [expected], "{change}");
    }
    cluster.stop().unwrap();
}

/// No module that sets labels comes with PostgreSQL: the rows are written as one would.
#[tokio::test]
async fn labels_are_told_by_what_differs() {
    let cluster = cluster().await;
    let run = |sql: &'static str| cluster.execute("app", sql);
    run("create table t (id int primary key, secret text);
         insert into pg_seclabel (objoid, classoid, objsubid, provider, label) values
           ('t'::regclass, 'pg_class'::regclass, 0, 'anon', 'MASKED'), ('t'::regclass, 'pg_class'::regclass, 2, 'anon', 'NULL')")
        .await
        .unwrap();
    let then = evidence(&cluster).await;
    let told = async |then: &Evidence| ids(&Plan::default().judge(&evidence(&cluster).await, Some(then)));
    assert_eq!(told(&then).await, [""; 0]);
    for (change, expected) in [
        (
            "update pg_seclabel set label = 'CONSTANT' where objsubid = 2",
            "schema_drift:object_changed:table column public.t.secret for anon:security_label",
        ),
        (
            "update pg_seclabel set label = 'NULL' where objsubid = 2; delete from pg_seclabel where objsubid = 0",
            "schema_drift:object_lost:table public.t for anon:security_label",
        ),
        (
            "insert into pg_seclabel (objoid, classoid, objsubid, provider, label) values
             ('t'::regclass, 'pg_class'::regclass, 0, 'anon', 'MASKED'), ('t'::regclass, 'pg_class'::regclass, 1, 'anon', 'X')",
            "schema_drift:object_added:table column public.t.id for anon:security_label",
        ),
    ] {
        run(change).await.unwrap();
        assert_eq!(told(&then).await, [expected], "{change}");
    }
    cluster.stop().unwrap();
}
