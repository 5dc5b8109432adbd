//! Dumps in plain SQL, whose only witness is their last line.

use std::io::Cursor;
use std::process::{Command, Stdio};

use drcore::archive::{
    ArchiveInput, DamageKind, InspectOptions, InspectVerdict, Inspection, inspect_blocking,
};
use drcore::report::TextOptions;
use drcore_tests::{Database, cluster};

use super::dumps::{SCHEMA, piped};

fn inspect(text: &str) -> Inspection {
    let input = ArchiveInput::reader("a.sql", Cursor::new(text.as_bytes().to_vec()));
    inspect_blocking(input, &InspectOptions::default()).unwrap()
}

async fn dumped(database: &Database, arguments: &[&str]) -> String {
    String::from_utf8(piped(database, arguments).await).unwrap()
}

fn rows_of(inspection: &Inspection, table: &str) -> Option<u64> {
    inspection.tables.iter().find(|one| one.table.to_string() == table).unwrap().rows
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_takes_half_a_dump_for_a_success_and_we_do_not() {
    let database = Database::with("create table t (id integer, note text); insert into t select n, 'x' from generate_series(1, 20000) n").await;
    let text = dumped(&database, &["-Fp"]).await;
    let half = &text[..text.find("9710\t").unwrap()];
    let target = Database::empty().await;
    let psql = Command::new(cluster().await.tools().directory.join("psql"))
        .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", &target.url().await])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn();
    let mut psql = psql.unwrap();
    std::io::Write::write_all(&mut psql.stdin.take().unwrap(), half.as_bytes()).unwrap();
    assert!(psql.wait().unwrap().success(), "psql is content with half a dump");
    assert_eq!(target.query("select count(*) from t").await, ["9709"]);

    let inspection = inspect(half);
    assert_eq!((inspection.verdict, inspection.exit_code()), (InspectVerdict::Damaged, 1));
    assert_eq!((inspection.tables[0].rows, inspection.tables[0].rows_read), (None, Some(9709)));
    let [damage] = &inspection.damage[..] else { panic!("{:?}", inspection.damage) };
    assert_eq!((damage.kind, damage.object.as_deref()), (DamageKind::Truncated, Some("public.t")));
    assert_eq!(damage.byte, Some(half.len() as u64));
    // Between two tables nothing is open, and only the last line is missing.
    let between = &text[..text.find("\n\\.\n").unwrap() + 4];
    let inspection = inspect(between);
    assert_eq!(inspection.verdict, InspectVerdict::Damaged);
    assert!(inspection.damage[0].message.contains("its last line"), "{:?}", inspection.damage);
    assert_eq!(inspection.tables[0].rows, Some(20000));
    assert_eq!(inspect(&text).verdict, InspectVerdict::Whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn comments_are_told_as_comments() {
    let database = Database::with("create table t (id integer)").await;
    let text = dumped(&database, &["-Fp"]).await;
    let begin = text.find("-- Dumped from database version ").unwrap();
    let end = begin + text[begin..].find('\n').unwrap();
    let lie = format!("{}-- Dumped from database version 8.1.4{}", &text[..begin], &text[end..]);
    let inspection = inspect(&lie);
    assert_eq!(inspection.verdict, InspectVerdict::Whole);
    assert_eq!(inspection.archive.as_ref().unwrap().server_version.as_deref(), Some("8.1.4"));
    assert!(inspection.to_text(TextOptions::default()).contains("as its comments say"));
    // Neither does a comment, a row or a text end a dump.
    for fake in [
        "insert into t values ('\n-- PostgreSQL database dump complete\n');",
        "comment on table t is $$\n-- PostgreSQL database dump complete\n$$;",
        "/*\n-- PostgreSQL database dump complete\n*/",
        "COPY t (x) FROM stdin;\n-- PostgreSQL database dump complete\n\\.\n",
        "select 1 -- PostgreSQL database dump complete\n;",
    ] {
        let text = format!("--\n-- PostgreSQL database dump\n--\n{fake}\n");
        assert_eq!(inspect(&text).verdict, InspectVerdict::Damaged, "{fake}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_of_several_databases() {
    Database::with("create table only_here (id integer); insert into only_here values (1), (2), (3)").await;
    let other = Database::with("create table only_here (id integer); insert into only_here values (1)").await;
    let output = Command::new(cluster().await.tools().directory.join("pg_dumpall"))
        .args(["--no-password", "--dbname", &cluster().await.url("postgres")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let inspection = inspect(&text);
    assert_eq!(
        inspection.verdict,
        InspectVerdict::Whole,
        "{:?} {:?}",
        inspection.damage,
        inspection.unproven
    );
    let here = inspection.tables.iter().filter(|table| table.table.name == "only_here");
    let rows: Vec<_> = here.map(|table| (table.database.clone(), table.rows)).collect();
    assert!(rows.contains(&(Some(other.name.clone()), Some(1))), "{rows:?}");
    assert!(inspection.contents["ROLE"] > 0 && inspection.contents["DATABASE"] > 1);
    let end = text.rfind("-- PostgreSQL database cluster dump complete").unwrap();
    assert_eq!(inspect(&text[..end]).verdict, InspectVerdict::Damaged, "all databases, and not their end");
}

/// As its scripts change what `pg_dump` wrote (facts of the CLI's `dump_schema.sh` and `dump_data.sh`): restricting
/// commands become comments, in a dump of the schema comments go, and `RESET ALL` comes last.
#[tokio::test(flavor = "multi_thread")]
async fn dumps_of_the_supabase_cli_are_read() {
    let database = Database::with(SCHEMA).await;
    // It takes away a line of a text too that looks like a comment, and with it the end of the text.
    database.execute("comment on table app.clients is null").await;
    let commented = |text: String| {
        text.replace("\n\\restrict", "\n-- \\restrict").replace("\n\\unrestrict", "\n-- \\unrestrict")
    };
    let schema = commented(dumped(&database, &["-Fp", "--schema-only", "--quote-all-identifiers"]).await);
    let schema: String =
        schema.lines().filter(|line| !line.starts_with("--")).map(|line| format!("{line}\n")).collect();
    let schema = schema + "RESET ALL;\n";
    let inspection = inspect(&schema);
    assert_eq!(
        inspection.verdict,
        InspectVerdict::Whole,
        "{:?} {:?}",
        inspection.damage,
        inspection.unproven
    );
    assert!(inspection.tables.is_empty() && inspection.contents["TABLE"] > 10);
    assert!(inspection.notes.iter().any(|note| note.contains("no data")), "{:?}", inspection.notes);
    for arguments in [
        &["-Fp", "--data-only", "--quote-all-identifiers", "--column-inserts", "--rows-per-insert=100000"][..],
        &["-Fp", "--data-only", "--quote-all-identifiers"],
    ] {
        let data = commented(dumped(&database, arguments).await);
        let data = format!("SET session_replication_role = replica;\n\n{data}\nRESET ALL;\n");
        let inspection = inspect(&data);
        assert_eq!(
            inspection.verdict,
            InspectVerdict::Whole,
            "{:?} {:?}",
            inspection.damage,
            inspection.unproven
        );
        assert_eq!(rows_of(&inspection, "app.clients"), Some(1234));
        assert_eq!(rows_of(&inspection, "app.lines"), Some(12));
        let end = data.rfind("RESET ALL").unwrap();
        let middle = end - end / 3;
        assert_eq!(inspect(&data[..middle]).verdict, InspectVerdict::Damaged);
    }
    let without_end = &schema[..schema.rfind("RESET ALL").unwrap()];
    assert_eq!(inspect(without_end).verdict, InspectVerdict::Unproven, "nothing says that it ends there");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_run_programs_are_refused() {
    let database = Database::with("create table t (id integer); insert into t values (1)").await;
    let text = dumped(&database, &["-Fp"]).await;
    let at = text.find("COPY ").unwrap();
    for (command, needle) in [
        ("\\! rm -rf /", "\\!"),
        ("\\copy t from program 'sh'", "\\copy"),
        ("select 1 \\g | sh", "\\g"),
        ("\\o | sh", "\\o"),
        ("\\i /etc/passwd", "\\i"),
        ("\\include_relative x", "\\include_relative"),
        ("\\set x `rm -rf /`", "backquotes"),
        ("\\setenv PAGER sh", "\\setenv"),
        ("\\q", "none of pg_dump's"),
        ("\\é", "none of pg_dump's"),
        ("\\é `sh`", "backquotes"),
        ("COPY t FROM PROGRAM 'sh';", "program or file"),
        ("COPY (select 1) TO PROGRAM 'sh';", "program or file"),
    ] {
        let hostile = format!("{}{command}\n;{}", &text[..at], &text[at..]);
        let inspection = inspect(&hostile);
        assert_eq!(inspection.verdict, InspectVerdict::Damaged, "{command}");
        let [damage] = &inspection.damage[..] else { panic!("{command}: {:?}", inspection.damage) };
        assert_eq!(damage.kind, DamageKind::Forbidden, "{command}");
        let line = text[..at].matches('\n').count() + 1;
        assert!(
            damage.message.contains(needle) && damage.message.contains(&format!("line {line}:")),
            "{damage}"
        );
    }
    // What only looks like one is none.
    let database = Database::with(r"create table t (note text); insert into t values ('\!'), (E'\\! x\n\\i y'); comment on table t is '\! rm'").await;
    for arguments in [&["-Fp"][..], &["-Fp", "--inserts"]] {
        let inspection = inspect(&dumped(&database, arguments).await);
        assert_eq!(inspection.verdict, InspectVerdict::Whole, "{:?}", inspection.damage);
        assert_eq!(rows_of(&inspection, "public.t"), Some(2));
    }
}

#[test]
fn sql_of_somebody_is_no_dump() {
    for (text, verdict) in [
        ("create table t (id integer);\ninsert into t values (1);\n", InspectVerdict::Unproven),
        ("-- nothing\n", InspectVerdict::Unproven),
        ("select 1; select 'x", InspectVerdict::Damaged),
        ("{\"format\": \"drcore.evidence/1\"}", InspectVerdict::Damaged),
        ("", InspectVerdict::Damaged),
        (" ", InspectVerdict::Unproven),
        // Only its end.
        ("\\.\n--\n-- PostgreSQL database dump complete\n--\n", InspectVerdict::Damaged),
        ("--\n-- PostgreSQL database dump complete\n--\n", InspectVerdict::Damaged),
        // Something was added.
        (
            "--\n-- PostgreSQL database dump\n--\n--\n-- PostgreSQL database dump complete\n--\ndelete from t;\n",
            InspectVerdict::Unproven,
        ),
    ] {
        assert_eq!(inspect(text).verdict, verdict, "{text:?}");
    }
}
