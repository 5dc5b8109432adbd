//! However many rows differ they are found exactly, with the columns in which they do.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use drcore::diff::{DiffOutcome, DiffReport, DiffRow, DiffVerdict, RowChange, diff};
use drcore::report::TextOptions;
use drcore::{VerifyOptions, verify};
use drcore_tests::Database;

use super::{SERVER, STREAM, all, compare, keys, live, numbers, options, planted, table, twins};

fn rows(report: &DiffReport) -> Vec<DiffRow> {
    report.rows().unwrap().map(Result::unwrap).collect()
}

fn columns(report: &DiffReport, name: &str) -> Vec<(String, u64)> {
    let columns = table(report, name).changed_columns.iter();
    columns.map(|column| (column.column.clone(), column.rows)).collect()
}

#[tokio::test]
async fn the_columns_that_differ_are_named_with_both_values() {
    let (healthy, damaged) = twins(include_str!("../damage/content_drift.sql")).await;
    for plan in [SERVER, STREAM] {
        let report = compare(&healthy, &damaged, &options(plan)).await;
        assert_eq!(numbers(&report), planted(), "{plan}");
        assert!(report.unread.is_empty(), "{:?}", report.unread);
        let typed: Vec<(String, u64)> = ["d", "m", "ms", "tags"].map(|name| (name.to_owned(), 1)).to_vec();
        let mut found = columns(&report, "public.typed");
        found.sort();
        assert_eq!(found, typed);
        assert_eq!(columns(&report, "public.untouched"), [("v".to_owned(), 2)]);
        let row = |id: &str| {
            let prices = table(&report, "public.prices");
            prices.rows.iter().find(|row| row.key["id"].as_deref() == Some(id)).unwrap().clone()
        };
        let changed = row("14");
        assert_eq!(changed.columns, ["note"]);
        assert_eq!(changed.a.as_ref().unwrap()["note"], None);
        assert_eq!(changed.b.as_ref().unwrap()["note"], Some(String::new()));
        assert_eq!(row("10").a.unwrap()["amount"].as_deref(), Some("11.00"));
        assert_eq!(row("10").b.unwrap()["amount"].as_deref(), Some("11.0"));
        let gone = row("42");
        assert_eq!((gone.change, gone.b.is_none()), (RowChange::OnlyInA, true));
        assert_eq!(gone.a.unwrap()["amount"].as_deref(), Some("46.20"));
        // Ten million characters are not.
        let toast = &table(&report, "public.toast").rows[0];
        assert_eq!(toast.columns, ["body"]);
        assert_eq!(toast.a.as_ref().unwrap()["body"].as_ref().unwrap().chars().count(), 201);
        // Keys that are text are masked; with the values they are told.
        let weird = &table(&report, "public.\"we\"\"ird; DROP\"").rows[0];
        assert!(weird.key["k|ey"].as_ref().unwrap().contains("…("), "{weird:?}");
        assert_eq!(weird.a.as_ref().unwrap()["k|ey"].as_deref(), Some("key 5"));
        let shown = report.to_text_with_values(TextOptions::default());
        assert!(shown.contains("14: note NULL → ''"), "{shown}");
        // Nothing of that where nobody says so.
        for text in [report.to_text(TextOptions::default()), report.to_json().unwrap()] {
            assert!(!text.contains("46.20") && !text.contains("key 5"), "{text}");
            assert!(text.contains("note"), "{text}");
        }
        assert!(report.to_json_with_values().unwrap().contains("46.20"));
    }
}

#[tokio::test]
async fn values_that_nobody_wants_are_not_read_and_secrets_are_masked() {
    let (before, after) = twins(
        "create table t (id int primary key, v text);\n\
         insert into t values (1, 'a'), (2, 'sk_live_0123456789abcdef');\n\
         -- damage\nupdate t set v = v || 'x';\n",
    )
    .await;
    let mut quiet = options(STREAM);
    quiet.values = false;
    let report = compare(&before, &after, &quiet).await;
    assert_eq!(columns(&report, "public.t"), [("v".to_owned(), 2)]);
    assert!(rows(&report).iter().all(|row| row.a.is_none() && row.b.is_none()));
    let report = compare(&before, &after, &options(STREAM)).await;
    let json = report.to_json_with_values().unwrap();
    assert!(json.contains("\"ax\"") && !json.contains("sk_live_0123456789abcdef"), "{json}");
    assert_ne!(rows(&report)[1].a, rows(&report)[1].b, "what differs in a secret is still seen to");
}

/// 0, 1, 42, 1,000, what the sketch can hold and one more or less, a hundred times as many, and every row.
#[tokio::test]
async fn any_number_of_differences_is_found_exactly() {
    let database = Database::with(
        "create table t (id bigint primary key, v int, w text);\n\
         insert into t select n, n, 'w' || n from generate_series(1, 600000) n;\nanalyze t;\n",
    )
    .await;
    // 4,000 and a 250th of the rows, in four parts of a power of two cells each.
    let capacity: u64 = (4 * 2048) * 7 / 10;
    for plan in [STREAM, SERVER] {
        let all_counts =
            [0, 1, 42, 1_000, capacity / 2 - 1, capacity / 2, capacity / 2 + 1, capacity, 600_000];
        assert!(600_000 > 100 * capacity);
        let counts = if plan == STREAM { &all_counts[..] } else { &[42, capacity] };
        for count in counts {
            let other = database.copy().await;
            other.execute(&format!("update t set v = v + 1 where id <= {count}")).await;
            let report = compare(&database, &other, &options(plan)).await;
            let found = table(&report, "public.t");
            assert_eq!(
                (found.only_in_a, found.only_in_b, found.changed),
                all(0, 0, *count),
                "{plan} {count}"
            );
            let expected = if *count == 0 { DiffOutcome::Same } else { DiffOutcome::Different };
            assert_eq!(found.outcome, expected);
            let mut ids: Vec<u64> =
                rows(&report).iter().map(|row| row.key["id"].as_ref().unwrap().parse().unwrap()).collect();
            ids.sort_unstable();
            assert!(ids.into_iter().eq(1..=*count), "{plan} {count}");
            if *count > 0 {
                let told = (*count).min(100_000);
                let columns = columns(&report, "public.t");
                assert!(columns.len() == 1 && columns[0].0 == "v" && columns[0].1 >= told, "{columns:?}");
            }
        }
    }
}

/// What rivals confuse: separators, NULL and '', rows that collide in a hash of 32 bits, and values that changed places.
#[tokio::test]
async fn twins_that_others_confuse_differ() {
    let colliding =
        "with rows as (select n, hashtext(n::text || '|x') as hash from generate_series(1, 400000) n)
        select min(n) || ' ' || max(n) from rows group by hash having count(*) = 2 order by 1 limit 1";
    let database = Database::empty().await;
    let pair = database.query(colliding).await;
    let (one, other) = pair[0].split_once(' ').unwrap();
    let script = format!(
        "create table separators (id int primary key, a text, b text);
         insert into separators values (1, 'a|b', 'c'), (2, 'a', ''), (3, null, '');
         create table collide (id int primary key, v text);
         insert into collide values (1, '{one}|x');
         create table swapped (id int primary key, v int);
         insert into swapped values (1, 10), (2, 20);
         create table bag (v int);
         insert into bag values (1), (1), (2);
         create table even (v int);
         insert into even values (1), (1), (1), (1), (2);
         -- damage
         update separators set a = 'a', b = 'b|c' where id = 1;
         update separators set b = null where id = 2;
         update separators set a = '', b = null where id = 3;
         update collide set v = '{other}|x';
         update swapped set v = 30 - v;
         truncate bag; insert into bag values (1), (2), (2);
         truncate even; insert into even values (1), (1), (2), (2), (2);
        "
    );
    let (before, after) = twins(&script).await;
    assert_eq!(
        before.query("select hashtext(v) from collide").await,
        after.query("select hashtext(v) from collide").await
    );
    for plan in [SERVER, STREAM] {
        let report = compare(&before, &after, &options(plan)).await;
        let expected = [
            ("public.bag", all(1, 1, 0)),
            ("public.collide", all(0, 0, 1)),
            ("public.even", all(2, 2, 0)),
            ("public.separators", all(0, 0, 3)),
            ("public.swapped", all(0, 0, 2)),
        ];
        assert_eq!(
            numbers(&report),
            expected.map(|(name, numbers)| (name.to_owned(), numbers)).into(),
            "{plan}"
        );
        let even: Vec<(RowChange, u64)> =
            table(&report, "public.even").rows.iter().map(|row| (row.change, row.times)).collect();
        assert_eq!(even.iter().map(|(_, times)| times).sum::<u64>(), 4, "{even:?}");
    }
}

/// Keys of types whose values no one can write down without asking the server.
#[tokio::test]
async fn keys_of_every_sort_are_read_again() {
    let (before, after) = twins(
        "create type mood as enum ('sad', 'ok');
         create domain code as text;
         create table by_inet (k inet primary key, v int); insert into by_inet values ('10.0.0.1/8', 1), ('::1', 1);
         create table by_float (k float8 primary key, v int); insert into by_float values (0.1, 1), ('NaN', 1), ('-0', 1);
         create table by_numeric (k numeric primary key, v int); insert into by_numeric values (1.10, 1), (2, 1);
         create table by_bytea (k bytea primary key, v int); insert into by_bytea values ('\\x00ff5c', 1), ('', 1);
         create table by_time (k timestamptz primary key, v int);
         insert into by_time values ('infinity', 1), ('2026-01-01 00:00:00.000001+05', 1), ('0044-03-15 BC', 1);
         create table by_text (k text, l varchar(9), m char(5), primary key (k, l, m));
         alter table by_text add v int; insert into by_text values (e'it''s\\n\\\\ \"q\"', '', 'x', 1), (repeat('y', 900), 'l', '', 1);
         create table by_enum (k mood, l code, m int[], primary key (k, l, m)); alter table by_enum add v int;
         insert into by_enum values ('sad', 'c', '{1,null}', 1), ('ok', '', '{}', 1);
         -- damage
         update by_inet set v = 2; update by_float set v = 2; update by_numeric set v = 2; update by_bytea set v = 2;
         update by_time set v = 2; update by_text set v = 2; update by_enum set v = 2;
        ",
    )
    .await;
    for plan in [SERVER, STREAM] {
        let report = compare(&before, &after, &options(plan)).await;
        assert!(report.unread.is_empty(), "{:?}", report.unread);
        for (name, count) in
            [("bytea", 2), ("enum", 2), ("float", 3), ("inet", 2), ("numeric", 2), ("text", 2), ("time", 3)]
        {
            let name = format!("public.by_{name}");
            assert_eq!(numbers(&report)[&name], all(0, 0, count), "{plan} {name}");
            assert_eq!(columns(&report, &name), [("v".to_owned(), count)], "{plan} {name}");
        }
    }
}

/// One byte of a value of 100 MB.
#[tokio::test]
async fn a_byte_in_a_large_value_is_found_within_bounds() {
    let before = Database::with(
        "create table big (id int primary key, body text);
         alter table big alter column body set storage external;
         insert into big values (1, repeat('abcdefghij', 10000000)), (2, 'small');",
    )
    .await;
    let after = before.copy().await;
    after.execute("update big set body = overlay(body placing 'X' from 77777777 for 1) where id = 1").await;
    let began = Instant::now();
    let report = compare(&before, &after, &options(STREAM)).await;
    assert_eq!(numbers(&report)["public.big"], all(0, 0, 1));
    assert_eq!(columns(&report, "public.big"), [("body".to_owned(), 1)]);
    assert_eq!(keys(table(&report, "public.big"), RowChange::Changed), ["1"]);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

/// Both sides are the same database, which somebody writes to all the time: nothing may be said to differ.
#[tokio::test]
async fn a_source_that_is_written_to_gives_nothing_false() {
    let database = Database::with(
        "create table accounts (id int primary key, v int);
         insert into accounts select n, 0 from generate_series(1, 5000) n;
         create table log (line text);
         create table hot (id int primary key, v int); insert into hot values (1, 0), (2, 0);",
    )
    .await;
    let stop = tokio_util::sync::CancellationToken::new();
    let (client, connection) =
        tokio_postgres::connect(&database.url().await, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let writing = tokio::spawn({
        let stop = stop.clone();
        async move {
            let mut rounds = 0_u64;
            while !stop.is_cancelled() {
                let sql = format!(
                    "update accounts set v = v + 1 where id % 50 = {};
                     insert into log values ('round {rounds}'), ('again');
                     insert into accounts values (100000 + {rounds}, 1);
                     update hot set v = v + 1 where id = 1",
                    rounds % 50
                );
                client.batch_execute(&sql).await.unwrap();
                rounds += 1;
            }
            rounds
        }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (a, b) = (live(&database).await, live(&database).await);
    let mut passing = 0;
    for plan in [STREAM, SERVER] {
        for _ in 0..3 {
            let report = diff(&a, &b, &options(plan)).await.unwrap();
            assert_eq!(numbers(&report), BTreeMap::new(), "{report:#?}");
            // What changed too fast to be told is unread, and never the same.
            let moving: u64 = report.tables.iter().map(|table| table.in_motion).sum();
            passing += moving + report.tables.iter().map(|table| table.settled).sum::<u64>();
            let expected = if moving > 0 { DiffVerdict::Unproven } else { DiffVerdict::Same };
            assert_eq!(report.verdict, expected, "{report:#?}");
        }
    }
    // Verifying against a live source is no different.
    let mut against = VerifyOptions::default();
    against.against = Some(a.clone());
    let report = verify(&database.url().await, &against).await.unwrap();
    let found = report.findings().into_iter().filter(|finding| finding.kind() == "rows_differ").count();
    assert_eq!(found, 0, "{report:#?}");
    assert!(passing > 0, "nobody wrote between the two readings: the test shows nothing");
    // What really differs is found all the same.
    let other = Database::with(
        "create table accounts (id int primary key, v int);
         insert into accounts select n, -1 from generate_series(1, 100) n where n % 50 = 51;
         create table log (line text); create table hot (id int primary key, v int); insert into hot values (2, 7);",
    )
    .await;
    let report = diff(&a, &live(&other).await, &options(STREAM)).await.unwrap();
    let hot = table(&report, "public.hot");
    assert_eq!((hot.only_in_a, hot.changed), (Some(1), Some(1)), "{report:#?}");
    assert!(table(&report, "public.accounts").only_in_a >= Some(5000), "{report:#?}");
    stop.cancel();
    assert!(writing.await.unwrap() > 10);
}
