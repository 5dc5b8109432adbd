//! Tables and columns that only one side has.

use drcore::Against;
use drcore::diff::{DiffOutcome, DiffVerdict, diff};
use drcore::plan::TableName;
use drcore::report::TextOptions;
use drcore_tests::Database;

use super::{STREAM, all, baseline, compare, live, numbers, options, table, twins, unread};

const SCRIPT: &str = "
create table added (id int primary key, v int);
insert into added values (1, 1), (2, 2);
create table dropped (id int primary key, v int, w int);
insert into dropped values (1, 1, 1);
create table retyped (id int primary key, v int);
insert into retyped values (1, 1);
create table reordered (v int, id int primary key);
insert into reordered values (1, 1);
create table unkeyed (id int primary key, v int);
insert into unkeyed values (1, 1), (2, 2);
-- damage
alter table added add column w text default 'w';
update added set v = 3 where id = 2;
alter table dropped drop column w;
alter table retyped alter column v type bigint;
drop table reordered;
create table reordered (id int primary key, gone text, v int);
alter table reordered drop column gone;
insert into reordered values (1, 1);
alter table unkeyed drop constraint unkeyed_pkey;
insert into unkeyed values (2, 2);
";

#[tokio::test]
async fn columns_that_differ_are_named_and_their_tables_unread() {
    let (before, after) = twins(SCRIPT).await;
    let report = compare(&before, &after, &options(STREAM)).await;
    assert_eq!(report.verdict, DiffVerdict::Different);
    assert_eq!(
        unread(&report),
        [
            "public.added: its rows were not compared: column w is only in B",
            "public.dropped: its rows were not compared: column w is only in A",
            "public.retyped: its rows were not compared: column v is of another type",
        ]
    );
    assert_eq!(table(&report, "public.added").columns.only_in_b, ["w"]);
    assert_eq!(table(&report, "public.added").rows_a, None, "not compared in silence");
    // The order of columns, and columns that were dropped, make no difference.
    assert_eq!(table(&report, "public.reordered").outcome, DiffOutcome::Same);
    // A key that only one side has still tells rows apart.
    assert_eq!(numbers(&report)["public.unkeyed"], all(0, 1, 0));
    let text = report.to_text(TextOptions::default());
    assert!(text.contains("UNREAD   public.added: its rows were not compared"), "{text}");
    assert!(text.contains("--common-columns"), "{text}");
}

#[tokio::test]
async fn common_columns_are_compared_where_somebody_says_so() {
    let (before, after) = twins(SCRIPT).await;
    let mut options = options(STREAM);
    options.common_columns = true;
    let report = compare(&before, &after, &options).await;
    assert!(report.unread.is_empty(), "{:?}", report.unread);
    assert_eq!(numbers(&report)["public.added"], all(0, 0, 1));
    assert_eq!(table(&report, "public.dropped").outcome, DiffOutcome::Same);
    assert_eq!(table(&report, "public.dropped").columns.only_in_a, ["w"]);
    options.exclude = vec!["added".to_owned(), "public.unkeyed".to_owned()];
    let report = compare(&before, &after, &options).await;
    assert_eq!(report.verdict, DiffVerdict::Same);
    let text = report.to_text(TextOptions::default());
    assert!(text.contains("in the columns that both sides have"), "{text}");
    assert!(text.contains("public.retyped: of another type v"), "{text}");
    assert!(text.contains("public.added (excluded by added)"), "{text}");
}

/// What a baseline holds is of all its columns: they cannot be taken out afterwards.
#[tokio::test]
async fn a_baseline_is_not_compared_by_fewer_columns() {
    let (before, after) = twins(SCRIPT).await;
    let stored = Against::Evidence(Box::new(baseline(&before).await));
    let mut options = options(STREAM);
    options.common_columns = true;
    let report = diff(&stored, &live(&after).await, &options).await.unwrap();
    assert_eq!(
        unread(&report),
        [
            "public.dropped: its rows were not compared: column w is only in A",
            "public.retyped: its rows were not compared: column v is of another type",
        ]
    );
    // One that came since is left out, and said.
    assert_eq!(numbers(&report)["public.added"], all(0, 0, 1));
    assert_eq!(table(&report, "public.added").columns.only_in_b, ["w"]);
}

#[tokio::test]
async fn tables_are_chosen_and_what_is_left_out_is_listed() {
    let sql = "create table a (id int primary key); create table \"B\" (id int primary key);
               create schema audit; create table audit.log (id int primary key);
               create materialized view m as select 1 as one;
               insert into audit.log values (1);";
    let (one, other) = (Database::with(sql).await, Database::with(sql).await);
    other.execute("insert into audit.log values (2)").await;
    let mut chosen = options("");
    chosen.exclude = vec!["audit.*".to_owned()];
    let report = compare(&one, &other, &chosen).await;
    assert_eq!(report.verdict, DiffVerdict::Same);
    let left_out: Vec<String> =
        report.left_out.iter().map(|left| format!("{}: {}", left.table, left.reason)).collect();
    assert_eq!(left_out, ["audit.log: excluded by audit.*", "public.m: a materialized view"]);

    let mut named = options("");
    named.tables = vec![TableName::parse("\"B\"").unwrap()];
    let report = compare(&one, &other, &named).await;
    assert_eq!((report.verdict, report.tables.len()), (DiffVerdict::Same, 1));
    assert!(report.notes[0].contains("3 others are left out"), "{:?}", report.notes);

    named.tables = vec![TableName::parse("nowhere").unwrap()];
    let error = diff(&live(&one).await, &live(&other).await, &named).await.unwrap_err();
    assert!(error.to_string().contains("neither side"), "{error}");

    let planned = options("[content_drift]\nexclude = [\"audit.log\"]\n");
    let report = compare(&one, &other, &planned).await;
    assert_eq!(report.left_out[0].reason, "the plan's [content_drift] leaves it out");
}
