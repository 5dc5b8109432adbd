//! Rows of each table, against what the server says.

use std::collections::BTreeMap;
use std::io::Cursor;

use drcore::archive::{
    ArchiveInput, ArchiveTableState, Compression, InspectOptions, InspectVerdict, Inspection,
    inspect_blocking,
};
use drcore_tests::Database;

use super::dumps::{SCHEMA, directory, dump, piped};
use super::synthetic::{recompress_directory, recompressed};

/// How many rows each table has, as the server counts them: with data of its own only.
async fn counted(database: &Database) -> BTreeMap<String, u64> {
    let tables = database
        .query(
            "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
             where c.relkind = 'r' and n.nspname in ('app', 'public')",
        )
        .await;
    let mut rows = BTreeMap::new();
    for table in tables {
        let count = database.query(&format!("select count(*) from only {table}")).await;
        rows.insert(table, count[0].parse().unwrap());
    }
    rows
}

fn rows(inspection: &Inspection) -> BTreeMap<String, u64> {
    inspection.tables.iter().map(|table| (table.table.to_string(), table.rows.unwrap())).collect()
}

fn inspect(input: ArchiveInput) -> Inspection {
    let mut options = InspectOptions::default();
    options.fingerprints = true;
    inspect_blocking(input, &options).unwrap()
}

fn is_whole(inspection: &Inspection, what: &str) {
    assert_eq!(
        inspection.verdict,
        InspectVerdict::Whole,
        "{what}: {:?} {:?}",
        inspection.damage,
        inspection.unproven
    );
    assert!(inspection.tables.iter().all(|table| table.state == ArchiveTableState::Whole), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_every_form_are_those_of_the_server() {
    let database = Database::with(SCHEMA).await;
    let rows_there = counted(&database).await;
    assert_eq!(rows_there["app.lines"], 12);
    let directory = directory();
    let mut fingerprints = None;
    for (name, arguments) in [
        ("c.dump", &["-Fc"][..]),
        ("c0.dump", &["-Fc", "-Z0"]),
        ("c1.dump", &["-Fc", "-Z1"]),
        ("c9.dump", &["-Fc", "-Z9"]),
        ("d", &["-Fd"]),
        ("d0", &["-Fd", "-Z0"]),
        ("t.tar", &["-Ft"]),
        ("p.sql", &["-Fp", "--blobs"]),
        ("p.sql.gz", &["-Fp", "-Z6"]),
        ("q.sql", &["-Fp", "--quote-all-identifiers"]),
    ] {
        let path = dump(&database, directory.path(), name, arguments).await;
        let inspection = inspect(ArchiveInput::path(&path));
        is_whole(&inspection, name);
        assert_eq!(rows(&inspection), rows_there, "{name}");
        assert_eq!(inspection.large_objects.count, 3, "{name}");
        if !name.contains(".sql") {
            assert_eq!(inspection.large_objects.bytes, Some(3 + 20_000), "{name}");
        }
        assert_eq!(inspection.without_data, Vec::<String>::new(), "{name}");
        let hashes: BTreeMap<_, _> =
            inspection.tables.iter().map(|table| (table.table.clone(), table.fingerprint)).collect();
        assert_eq!(
            *fingerprints.get_or_insert(hashes.clone()),
            hashes,
            "{name}: every form holds the same rows"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inserts_are_counted_as_rows() {
    let database = Database::with(SCHEMA).await;
    let rows_there = counted(&database).await;
    let directory = directory();
    for (name, arguments) in [
        ("c.dump", &["-Fc", "--inserts"][..]),
        ("d", &["-Fd", "--column-inserts", "--rows-per-insert=100"]),
        ("t.tar", &["-Ft", "--inserts", "--on-conflict-do-nothing"]),
        ("p.sql", &["-Fp", "--inserts"]),
        (
            "q.sql",
            &[
                "-Fp",
                "--column-inserts",
                "--rows-per-insert=100",
                "--on-conflict-do-nothing",
                "--quote-all-identifiers",
            ],
        ),
    ] {
        let path = dump(&database, directory.path(), name, arguments).await;
        let inspection = inspect(ArchiveInput::path(&path));
        is_whole(&inspection, name);
        let mut rows = rows(&inspection);
        if arguments[0] == "-Fp" {
            // Of a table without rows there is no statement.
            rows.insert("app.empty".to_owned(), 0);
        }
        assert_eq!(rows, rows_there, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_went_through_a_pipe_is_counted() {
    let database = Database::with(SCHEMA).await;
    let rows_there = counted(&database).await;
    for arguments in [&["-Fc"][..], &["-Fc", "-Z0"], &["-Ft"], &["-Fp"]] {
        let bytes = piped(&database, arguments).await;
        let inspection = inspect(ArchiveInput::reader("a pipe", Cursor::new(bytes)));
        is_whole(&inspection, arguments[0]);
        assert_eq!(rows(&inspection), rows_there, "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lz4_and_zstandard_are_read() {
    let database = Database::with(SCHEMA).await;
    let rows_there = counted(&database).await;
    let raw = piped(&database, &["-Fc", "-Z0"]).await;
    let directory = directory();
    for (by, suffix) in [(Compression::Lz4, ".lz4"), (Compression::Zstd, ".zst"), (Compression::Gzip, ".gz")]
    {
        let inspection = inspect(ArchiveInput::reader("a pipe", Cursor::new(recompressed(&raw, by))));
        is_whole(&inspection, suffix);
        assert_eq!(rows(&inspection), rows_there, "{suffix}");
        assert_eq!(inspection.archive.unwrap().compression, by);
        let path = dump(&database, directory.path(), &format!("d{suffix}"), &["-Fd", "-Z0"]).await;
        recompress_directory(&path, by, suffix);
        let inspection = inspect(ArchiveInput::path(&path));
        is_whole(&inspection, suffix);
        assert_eq!(rows(&inspection), rows_there, "{suffix}");
        assert_eq!(inspection.large_objects.count, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_tables_are_counted() {
    let sql = "do $$ begin for n in 1..1000 loop                execute format('create table t%s (id integer)', n);                execute format('insert into t%s select generate_series(1, %s)', n, n % 7); end loop; end $$";
    let database = Database::with(sql).await;
    let directory = directory();
    for (name, arguments) in
        [("c.dump", &["-Fc"][..]), ("d", &["-Fd", "-j2"]), ("t.tar", &["-Ft"]), ("p.sql", &["-Fp"])]
    {
        let path = dump(&database, directory.path(), name, arguments).await;
        let inspection = inspect(ArchiveInput::path(&path));
        is_whole(&inspection, name);
        assert_eq!((inspection.tables.len(), inspection.rows), (1000, (1..=1000).map(|n| n % 7).sum()));
    }
}
