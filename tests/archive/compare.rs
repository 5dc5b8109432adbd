//! A dump against another one: the same rows, or which tables differ.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use drcore::archive::{ArchiveInput, InspectOptions, InspectVerdict, Inspection, inspect_blocking};
use drcore::report::TextOptions;
use drcore::{Against, ErrorKind, Evidence};
use drcore_tests::Database;

use super::dumps::{directory, dump};

const SQL: &str = "
create table clients (id int primary key, name text);
insert into clients select n, 'client ' || n from generate_series(1, 500) n;
create table invoices (id int primary key, sum numeric);
insert into invoices select n, n * 1.5 from generate_series(1, 300) n;
create table empty (id int);
";

fn compared(path: &Path, other: &Path) -> Inspection {
    let mut options = InspectOptions::default();
    options.against = Some(Against::File(other.to_path_buf()));
    inspect_blocking(ArchiveInput::path(path), &options).unwrap()
}

fn differences(inspection: &Inspection) -> Vec<(&str, Option<u64>, Option<u64>)> {
    let differences = inspection.differences.iter();
    differences.map(|found| (found.object.as_str(), found.rows, found.baseline)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dumps_of_the_same_rows_are_the_same_in_every_form() {
    let database = Database::with(SQL).await;
    let directory = directory();
    let mut paths: Vec<PathBuf> = Vec::new();
    for (name, arguments) in [
        ("c.dump", &["-Fc"][..]),
        ("d", &["-Fd", "-Z0"]),
        ("t.tar", &["-Ft"]),
        ("p.sql", &["-Fp"]),
        ("p.sql.gz", &["-Fp", "-Z6"]),
    ] {
        paths.push(dump(&database, directory.path(), name, arguments).await);
    }
    for path in &paths {
        for other in &paths {
            let inspection = compared(path, other);
            let what = format!("{} against {}", path.display(), other.display());
            assert_eq!(inspection.verdict, InspectVerdict::Whole, "{what}: {:?}", inspection.unproven);
            let against = inspection.against.as_ref().unwrap();
            assert_eq!((against.tables, against.taken_at), (3, None), "{what}");
            assert!(inspection.to_text(TextOptions::default()).contains("against the dump"), "{what}");
        }
    }
    // Of INSERT statements the rows are counted, and not compared.
    let inserts = dump(&database, directory.path(), "i.sql", &["-Fp", "--inserts"]).await;
    for (path, other) in [(&paths[0], &inserts), (&inserts, &paths[0])] {
        let inspection = compared(path, other);
        assert_eq!(inspection.verdict, InspectVerdict::Unproven, "{:?}", inspection.differences);
        assert!(inspection.unproven.iter().any(|why| why.contains("INSERT")), "{:?}", inspection.unproven);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_told_by_table() {
    let database = Database::with(SQL).await;
    let directory = directory();
    let before = dump(&database, directory.path(), "before.dump", &["-Fc"]).await;
    database.execute("update clients set name = 'another' where id = 7").await;
    database.execute("delete from invoices where id > 290").await;
    database.execute("drop table empty; create table late (id int); insert into late values (1)").await;
    let after = dump(&database, directory.path(), "after.dump", &["-Fc"]).await;
    let inspection = compared(&after, &before);
    assert_eq!((inspection.verdict, inspection.exit_code()), (InspectVerdict::Differs, 1));
    assert_eq!(
        differences(&inspection),
        [
            ("public.clients", Some(500), Some(500)),
            ("public.empty", None, Some(0)),
            ("public.invoices", Some(290), Some(300)),
            ("public.late", Some(1), None),
        ]
    );
    let text = inspection.to_text(TextOptions::default());
    assert!(text.contains("10 rows too few (290, the other dump has 300)"), "{text}");
    assert!(text.contains("of another text"), "{text}");
    assert_eq!(differences(&compared(&before, &after)).len(), 4, "the other way round too");
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_dump_proves_nothing_of_another_one() {
    let database = Database::with(SQL).await;
    let directory = directory();
    let whole = dump(&database, directory.path(), "whole.dump", &["-Fc"]).await;
    let bytes = std::fs::read(&whole).unwrap();
    let half = directory.path().join("half.dump");
    for length in [bytes.len() - 3, bytes.len() / 2, 40] {
        std::fs::write(&half, &bytes[..length]).unwrap();
        let inspection = compared(&whole, &half);
        assert_eq!(inspection.verdict, InspectVerdict::Unproven, "{length}: {:?}", inspection.differences);
        assert!(inspection.unproven.iter().any(|why| why.contains("half.dump")), "{:?}", inspection.unproven);
        assert_eq!(compared(&half, &whole).verdict, InspectVerdict::Damaged, "{length}");
    }
    // Without its data nobody can tell.
    let mut options = InspectOptions::default();
    (options.data, options.against) = (false, Some(Against::File(whole.clone())));
    let inspection = inspect_blocking(ArchiveInput::path(&whole), &options).unwrap();
    assert_eq!((inspection.verdict, inspection.differences.len()), (InspectVerdict::Unproven, 0));
    let error = Evidence::load(&whole).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "a dump is no baseline: {error}");
    assert!(error.hint_text().unwrap().contains("drcore inspect"), "{error:?}");
}

#[test]
fn rows_by_copy_and_by_insert_have_no_fingerprint_together() {
    let sql = |more: &str| {
        format!(
            "--\n-- PostgreSQL database dump\n--\n\nCOPY public.t (id) FROM stdin;\n1\n2\n\\.\n\n\n{more}\
             --\n-- PostgreSQL database dump complete\n--\n\n"
        )
    };
    let of = |more: &str| {
        let mut options = InspectOptions::default();
        options.fingerprints = true;
        let input = ArchiveInput::reader("a dump", Cursor::new(sql(more).into_bytes()));
        let inspection = inspect_blocking(input, &options).unwrap();
        (inspection.tables[0].rows, inspection.tables[0].fingerprint.is_some())
    };
    assert_eq!(of(""), (Some(2), true));
    assert_eq!(of("INSERT INTO public.t VALUES (3);\n"), (Some(3), false));
    let copied = "COPY public.t (id) FROM stdin;\n4\n\\.\n\n\n";
    assert_eq!(of(copied), (Some(3), true));
    assert_eq!(of(&format!("INSERT INTO public.t VALUES (3);\n{copied}")), (Some(4), false));
}
