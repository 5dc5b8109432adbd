//! Tables of a backup beside what is there: in a schema of their own, all of it or nothing.

use drcore::connect::{RestoreTarget, TargetOptions};
use drcore::restore::{
    ExecuteOptions, RestoreCall, RestoreOptions, RestorePlan, ScratchCluster, ScratchOptions, restore, table,
};
use drcore::{Error, ErrorKind};
use drcore_tests::Database;

use super::round_trip::dump;
use super::target::name_at;

const SQL: &str = "\
    create type mood as enum ('sad', 'ok');
    create table invoices (id int primary key, total numeric(10, 2), mood mood, tags text[], doubled int generated always as (id * 2) stored);
    insert into invoices values (1, 10, 'ok', '{a,NULL}'), (2, 20.5, 'sad', null), (3, 30, null, '{}');
    create table parts (id int, region text) partition by list (region);
    create table parts_de partition of parts for values in ('de');
    create table parts_at partition of parts for values in ('at') partition by range (id);
    create table parts_at_1 partition of parts_at for values from (0) to (100);
    insert into parts values (1, 'de'), (2, 'at'), (3, 'at');
    create table empty (id int);
    create table \"we\"\"ird; DROP\" (\"a\"\"b, (c)\" int, \"select\" text);
    insert into \"we\"\"ird; DROP\" values (7, E'tab\\t\\\\n');
    create schema other; create table other.invoices (id int)";

fn options(tables: &[&str]) -> RestoreOptions {
    let mut options = RestoreOptions::default();
    options.tables = tables.iter().map(|name| table(name).unwrap()).collect();
    options.into_schema = Some("rescued".to_owned());
    options
}

async fn target(database: &Database) -> RestoreTarget {
    let mut options = TargetOptions::default();
    options.beside = true;
    RestoreTarget::connect(&database.url().await, &options).await.unwrap()
}

fn is<T: std::fmt::Debug>(result: Result<T, Error>, kind: ErrorKind, said: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.to_string().contains(said), "{error}");
}

#[tokio::test]
async fn rows_come_beside_what_is_there_in_every_format() {
    let database = Database::with(SQL).await;
    let formats = [
        &["--format=custom"][..],
        &["--format=directory"],
        &["--format=tar"],
        &["--format=custom", "--load-via-partition-root"],
    ];
    for (nth, arguments) in formats.into_iter().enumerate() {
        let (_directory, archive) = dump(&database, arguments).await;
        // What was lost since.
        database.execute("begin; delete from invoices where id = 2; delete from parts; commit").await;
        let target = target(&database).await;
        let names = ["public.invoices", "public.parts", "public.empty", "public.\"we\"\"ird; DROP\""];
        let plan = RestorePlan::of(&archive, &target, &options(&names)).await.unwrap();
        assert!(!plan.needs_review());
        let text = plan.to_text();
        assert!(
            text.contains("make the schema rescued") && text.contains("(from public.invoices)"),
            "{text}"
        );
        let restored = plan.execute(&target, &ExecuteOptions::default()).await.unwrap();
        assert_eq!(restored.exit_code(), 0, "{}", restored.to_text());
        let rows: Vec<u64> = restored.loaded.iter().map(|table| table.rows).collect();
        assert_eq!(rows, [0, 3, 3, 1], "{arguments:?}: {}", restored.to_text());
        // With the types of what is there, so that they can be compared and taken back.
        assert_eq!(
            database.query("select id, total, mood, tags from rescued.invoices r where not exists (select from invoices i where i.id = r.id)").await,
            ["2|20.50|sad|"]
        );
        database.execute("insert into invoices (id, total, mood, tags) select r.id, r.total, r.mood, r.tags from rescued.invoices r where r.id = 2; insert into parts select * from rescued.parts").await;
        assert_eq!(database.query("select * from rescued.parts order by 1").await, ["1|de", "2|at", "3|at"]);
        assert_eq!(
            database.query("select \"a\"\"b, (c)\", \"select\" from rescued.\"we\"\"ird; DROP\"").await,
            database.query("select * from \"we\"\"ird; DROP\"").await
        );
        // Nobody but the owner reads it, and the database is not marked.
        assert_eq!(database.query("select bool_and(relrowsecurity) from pg_class where relnamespace = 'rescued'::regnamespace and relkind = 'r'").await, ["t"]);
        assert_eq!(
            database.query("select nspname from pg_namespace where nspname like 'drcore%'").await,
            [""; 0]
        );
        if nth == 0 {
            // Not twice into the same.
            is(
                plan.execute(&target, &ExecuteOptions::default()).await,
                ErrorKind::Refused,
                "schema rescued already",
            );
            is(
                RestorePlan::of(&archive, &target, &options(&names)).await,
                ErrorKind::Refused,
                "schema rescued already",
            );
        }
        database.execute("drop schema rescued cascade").await;
    }
}

#[tokio::test]
async fn what_does_not_fit_comes_as_text_and_that_is_said() {
    let source = Database::with(SQL).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    // Since then a label went, a column too, and one table is not there.
    let database =
        Database::with("create type mood as enum ('ok'); create table invoices (id int, mood mood)").await;
    let target = target(&database).await;
    let plan =
        RestorePlan::of(&archive, &target, &options(&["public.invoices", "public.parts"])).await.unwrap();
    let text = plan.to_text();
    assert!(text.contains("; total and tags as text") && text.contains("; all columns as text"), "{text}");
    let restored = plan.execute(&target, &ExecuteOptions::default()).await.unwrap();
    assert_eq!(restored.exit_code(), 0);
    let told = restored.to_text();
    assert!(told.contains("harmless") && told.contains("mood") && told.contains("text instead"), "{told}");
    assert_eq!(
        database.query("select id, mood, total from rescued.invoices order by 1").await,
        ["1|ok|10.00", "2|sad|20.50", "3||30.00"]
    );
}

#[tokio::test]
async fn what_cannot_come_is_refused_and_leaves_nothing() {
    let database = Database::with(SQL).await;
    let target = target(&database).await;
    let (_one, custom) = dump(&database, &["--format=custom"]).await;
    let (_two, plain) = dump(&database, &["--format=plain"]).await;
    let (_three, inserts) = dump(&database, &["--format=custom", "--inserts"]).await;
    let (_four, schema) = dump(&database, &["--format=custom", "--schema-only"]).await;
    let wanted = options(&["public.invoices"]);
    for (archive, options, kind, said) in [
        (&custom, options(&[]), ErrorKind::Usage, "which tables"),
        (&custom, options(&["public.invoice"]), ErrorKind::Usage, "invoice"),
        (&custom, options(&["public.invoices", "other.invoices"]), ErrorKind::Usage, "both"),
        (&plain, wanted.clone(), ErrorKind::Unsupported, "script"),
        (&inserts, wanted.clone(), ErrorKind::Unsupported, "INSERT"),
        (&schema, wanted.clone(), ErrorKind::Unsupported, "holds no rows of public.invoices"),
    ] {
        is(RestorePlan::of(archive, &target, &options).await, kind, said);
    }
    // One that is cut off in the middle of the rows.
    let large =
        Database::with("create table large as select i, md5(i::text) from generate_series(1, 50000) i").await;
    let (_five, cut) = dump(&large, &["--format=custom"]).await;
    let wanted = options(&["public.large"]);
    let planned = RestorePlan::of(&cut, &target, &wanted).await.unwrap();
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    assert!(planned.execute(&target, &ExecuteOptions::default()).await.is_err());
    assert_eq!(database.query("select 1 from pg_namespace where nspname = 'rescued'").await, [""; 0]);
}

/// Into a database that is in use, if it is named: it may be what the backup is of.
#[tokio::test]
async fn what_is_not_a_scratch_cluster_must_be_named() {
    let mut settings = ScratchOptions::default();
    settings.settings.push(("cluster_name".to_owned(), "main".to_owned()));
    let cluster = ScratchCluster::start(settings).await.unwrap();
    let url = cluster.url("postgres");
    let source = Database::with(SQL).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let archive = archive.to_str().unwrap();
    let mut call = RestoreCall::from_json(r#"{"into_schema": "rescued", "tables": ["invoices"]}"#).unwrap();
    is(restore(archive, &url, &call).await, ErrorKind::Refused, "nothing was written");
    call.project = Some(name_at(&url).await);
    let plan = restore(archive, &url, &call).await.unwrap();
    let restored = plan.execute(&plan.execute_options()).await.unwrap();
    assert_eq!(restored.loaded[0].rows, 3);
    assert!(restored.after.is_none() && restored.cut_over.steps.is_empty());
    assert!(restored.to_text().contains("loaded   3 rows into rescued.invoices"), "{}", restored.to_text());
}
