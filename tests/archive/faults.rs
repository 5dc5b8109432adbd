//! Dumps that nobody expects: cut at every byte, of hostile names, of ten thousand tables, of nothing.

use std::collections::BTreeMap;
use std::io::Cursor;

use drcore::archive::{
    ArchiveInput, ArchiveTableState, Compression, DamageKind, InspectOptions, InspectVerdict, Inspection,
    inspect_blocking,
};
use drcore::report::TextOptions;
use drcore::{Against, VerifyOptions};
use drcore_tests::Database;
use drcore_tests::dump::{DumpTable, archive, begin, end, head, piece};

use super::dumps::{directory, dump};
use super::synthetic::compress;

fn inspect(bytes: &[u8]) -> Inspection {
    let input = ArchiveInput::reader("a dump", Cursor::new(bytes.to_vec()));
    inspect_blocking(input, &InspectOptions::default()).unwrap()
}

fn is_whole(inspection: &Inspection, what: &str) {
    let why = (&inspection.damage, &inspection.unproven);
    assert_eq!(inspection.verdict, InspectVerdict::Whole, "{what}: {why:?}");
}

/// The rows of each table that is whole.
fn rows(inspection: &Inspection) -> BTreeMap<String, u64> {
    let whole = inspection.tables.iter().filter(|table| table.state == ArchiveTableState::Whole);
    whole.map(|table| (table.table.to_string(), table.rows.unwrap())).collect()
}

/// Three tables of 3, 0 and 2 rows, as plain SQL.
fn plain() -> String {
    "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n\n\
     CREATE TABLE public.a (\n    id integer\n);\n\n\
     COPY public.a (id) FROM stdin;\n1\n2\n3\n\\.\n\n\n\
     COPY public.b (id) FROM stdin;\n\\.\n\n\n\
     COPY public.c (id) FROM stdin;\n1\n2\n\\.\n\n\n\
     --\n-- PostgreSQL database dump complete\n--\n\n"
        .to_owned()
}

#[test]
fn a_dump_that_is_cut_at_any_byte_is_half_a_dump() {
    let tables = ["a", "b", "c"].map(DumpTable::new);
    let [a, b, c] = tables.clone();
    let custom = archive(&[(a, "1\n2\n3\n"), (b, ""), (c, "1\n2\n")]);
    let plain = plain();
    // What follows the last line of a plain dump is nothing that was dumped.
    let end = plain.find("dump complete").unwrap() + "dump complete".len();
    for (form, bytes, end) in [("custom", custom.as_slice(), custom.len()), ("plain", plain.as_bytes(), end)]
    {
        let whole = inspect(bytes);
        is_whole(&whole, form);
        let all = rows(&whole);
        assert_eq!(all.values().copied().collect::<Vec<_>>(), [3, 0, 2], "{form}");
        for length in 0..end {
            let cut = inspect(&bytes[..length]);
            let what = format!("{form}, {length} of {} bytes", bytes.len());
            assert!(!matches!(cut.verdict, InspectVerdict::Whole | InspectVerdict::Differs), "{what}");
            assert_ne!(cut.exit_code(), 0, "{what}");
            // What is said to be whole is.
            for (table, rows) in rows(&cut) {
                assert_eq!(all.get(&table), Some(&rows), "{what}: {table}");
            }
            let missing = cut.damage.iter().all(|damage| !damage.message.is_empty());
            assert!(missing && !(cut.damage.is_empty() && cut.unproven.is_empty()), "{what}");
            if form == "custom" && length >= 5 {
                assert_eq!(cut.verdict, InspectVerdict::Damaged, "{what}");
            }
        }
        // Compressed as a whole it says so by itself.
        let gzip = compress(bytes, Compression::Gzip, true);
        for length in 2..gzip.len() {
            assert_eq!(inspect(&gzip[..length]).verdict, InspectVerdict::Damaged, "{form}: {length}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_every_kind_are_read_and_shown_without_harm() {
    let names = [
        "we\"ird; DROP",
        "a.b",
        "Größe",
        "tab\there",
        "line\nbreak",
        "\\.",
        "--",
        "$$",
        "\u{1b}[31mred",
        "COPY x (y) FROM stdin;",
        "|<b>|`",
    ];
    let database = Database::empty().await;
    for (name, number) in names.iter().zip(1..) {
        let name = format!("\"{}\"", name.replace('"', "\"\""));
        let sql = format!(
            "create table {name} ({name} integer); insert into {name} select generate_series(1, {number})"
        );
        database.execute(&sql).await;
    }
    let directory = directory();
    for (file, arguments) in [
        ("c.dump", &["-Fc"][..]),
        ("d", &["-Fd"]),
        ("t.tar", &["-Ft"]),
        ("p.sql", &["-Fp"]),
        ("i.sql", &["-Fp", "--column-inserts"]),
    ] {
        let path = dump(&database, directory.path(), file, arguments).await;
        let mut options = InspectOptions::default();
        options.list = true;
        let inspection = inspect_blocking(ArchiveInput::path(&path), &options).unwrap();
        is_whole(&inspection, file);
        let found: BTreeMap<&str, u64> =
            inspection.tables.iter().map(|table| (table.table.name.as_str(), table.rows.unwrap())).collect();
        let expected: BTreeMap<&str, u64> = names.iter().copied().zip(1..).collect();
        assert_eq!(found, expected, "{file}");
        let mut text = TextOptions::default();
        text.verbose = true;
        for shown in [inspection.to_text(text), inspection.to_markdown()] {
            assert!(!shown.contains('\u{1b}') && !shown.contains('\t'), "{file}: {shown:?}");
            assert!(!shown.contains("line\nbreak"), "{file}: {shown:?}");
        }
        assert_eq!(Inspection::from_json(&inspection.to_json().unwrap()).unwrap(), inspection);
    }
}

#[test]
fn ten_thousand_tables_are_counted() {
    let row = "1\n";
    let tables: Vec<(DumpTable, String)> =
        (0..10_000).map(|n| (DumpTable::new(format!("t{n:05}")), row.repeat(n % 7))).collect();
    let given: Vec<(DumpTable, &str)> =
        tables.iter().map(|(table, rows)| (table.clone(), rows.as_str())).collect();
    let custom = archive(&given);
    let mut sql = "--\n-- PostgreSQL database dump\n--\n\n".to_owned();
    for (table, rows) in &tables {
        sql += &format!(
            "CREATE TABLE public.{0} (\n    id integer\n);\n\nCOPY public.{0} (id) FROM stdin;\n{rows}\\.\n\n\n",
            table.name
        );
    }
    sql += "--\n-- PostgreSQL database dump complete\n--\n\n";
    let sum: usize = (0..10_000).map(|n| n % 7).sum();
    for (form, bytes) in [("custom", custom), ("plain", sql.into_bytes())] {
        let whole = inspect(&bytes);
        is_whole(&whole, form);
        assert_eq!((whole.tables.len(), whole.rows), (10_000, sum as u64), "{form}");
        assert!(whole.to_text(TextOptions::default()).lines().count() < 60, "a screen, not a list");
        let half = inspect(&bytes[..bytes.len() - bytes.len() / 16]);
        assert_eq!(half.verdict, InspectVerdict::Damaged, "{form}");
        let known = rows(&half);
        assert!(known.len() > 1_000, "what was there before is known: {}", known.len());
        assert!(known.iter().all(|(table, rows)| {
            let number: u64 = table.trim_start_matches("public.t").parse().unwrap();
            *rows == number % 7
        }));
        assert!(half.to_text(TextOptions::default()).lines().count() < 80, "a screen, not a list");
    }
}

/// What is read on while nobody counts any more must not wait for who does.
#[test]
fn reading_that_is_cancelled_ends() {
    let rows = "1\n".repeat(8 << 20);
    let custom = archive(&[(DumpTable::new("t"), &rows)]);
    let plain =
        format!("-- PostgreSQL database dump\n\nCOPY public.t (id) FROM stdin;\n{rows}\\.\n").into_bytes();
    for (form, bytes) in [("custom", custom), ("plain", plain)] {
        let (done, heard) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let options = InspectOptions::default();
            options.cancel.cancel();
            let _ = done.send(inspect_blocking(ArchiveInput::reader(form, Cursor::new(bytes)), &options));
        });
        let ended = heard.recv_timeout(std::time::Duration::from_secs(30));
        let error = ended.expect("it ends").expect_err("it was cancelled");
        assert_eq!(error.kind(), drcore::ErrorKind::Cancelled, "{form}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_an_empty_database_nothing_is_missing_and_nothing_is_proven() {
    let database = Database::empty().await;
    let baseline = drcore::baseline(&database.url().await, &VerifyOptions::default()).await.unwrap();
    let directory = directory();
    for (name, arguments) in
        [("c.dump", &["-Fc"][..]), ("d", &["-Fd"]), ("t.tar", &["-Ft"]), ("p.sql", &["-Fp"])]
    {
        let path = dump(&database, directory.path(), name, arguments).await;
        let mut options = InspectOptions::default();
        let inspection = inspect_blocking(ArchiveInput::path(&path), &options).unwrap();
        is_whole(&inspection, name);
        assert_eq!((inspection.tables.len(), inspection.rows), (0, 0), "{name}");
        // A baseline without tables is met by anything.
        options.against = Some(Against::Evidence(Box::new(baseline.clone())));
        let inspection = inspect_blocking(ArchiveInput::path(&path), &options).unwrap();
        assert_eq!(inspection.verdict, InspectVerdict::Unproven, "{name}: {:?}", inspection.unproven);
    }
}

#[test]
fn numbers_are_not_believed_before_the_bytes_are_there() {
    let tables = [DumpTable::new("a")];
    let head = head(&tables);
    let int = |number: u32| [&[0][..], &number.to_le_bytes()].concat();
    let count = head.windows(5).position(|five| five == int(3)).unwrap();
    let with = |at: usize, bytes: &[u8]| [&head[..at], bytes, &head[at + bytes.len()..]].concat();
    for (what, bytes) in [
        ("two billion entries", with(count, &int(0x7fff_ffff))),
        ("a text of two billion bytes", with(count + 15, &int(0x7fff_ffff))),
        ("no entries, and then some", with(count, &int(0))),
        ("a piece of two billion bytes", [&head[..], &begin(1), &int(0x7fff_ffff), b"1\n"].concat()),
        ("data of an entry that is nowhere", [&head[..], &begin(7), &end()].concat()),
        ("the same data twice", [&head[..], &begin(1), &end(), &begin(1), &end()].concat()),
        ("rows behind their end", [&head[..], &begin(1), &piece(b"1\n\\.\n2\n"), &end()].concat()),
        ("rows without their end", [&head[..], &begin(1), &piece(b"1\n2\n"), &int(0)].concat()),
        ("a row that does not end", [&head[..], &begin(1), &piece(b"1\n2"), &int(0)].concat()),
        ("bytes behind all data", [&head[..], &begin(1), &end(), b"more"].concat()),
    ] {
        let inspection = inspect(&bytes);
        assert_eq!(inspection.verdict, InspectVerdict::Damaged, "{what}");
        assert!(inspection.damage.iter().all(|damage| damage.kind != DamageKind::Forbidden), "{what}");
        let text = inspection.to_text(TextOptions::default());
        assert!(text.starts_with("DAMAGED"), "{what}: {text}");
    }
}
