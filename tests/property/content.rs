//! Fingerprints are equal exactly where a dump would write the same: for every built-in type, both ways.

use std::collections::BTreeMap;

use drcore::collect::{CollectOptions, ContentChoice, collect};
use drcore::{Evidence, Source};
use drcore_tests::{Database, check, parse};

/// Types, and values of each that are hard to tell apart, or should not be told apart.
const VALUES: &[(&str, &[&str])] = &[
    ("bool", &["true", "false"]),
    ("bytea", &["''", "'\\x00'", "'\\x0000'"]),
    ("\"char\"", &["'a'", "'b'", "''"]),
    ("name", &["'a'", "''"]),
    ("int8", &["0", "-1", "9223372036854775807"]),
    ("int2", &["0", "-1"]),
    ("int4", &["0", "-1"]),
    ("text", &["''", "' '", "'a'", "'A'", "'ä'", "E'a\\u0308'", "'NULL'", "'\\N'"]),
    ("oid", &["0", "4294967295"]),
    ("json", &["'1'", "'1.0'", "' 1'", "'{\"a\":1,\"b\":2}'", "'{\"b\":2,\"a\":1}'"]),
    ("xml", &["'<a/>'", "'<a></a>'", "'<?xml version=\"1.0\"?><a/>'"]),
    ("cidr", &["'10.0.0.0/8'", "'10.0.0.0/9'"]),
    ("inet", &["'10.0.0.1'", "'10.0.0.1/31'", "'::1'"]),
    (
        "float4",
        &["0", "'-0'", "'NaN'", "'inf'", "'-inf'", "1.1", "1.1000001", "'inf'::float4 - 'inf'::float4"],
    ),
    ("float8", &["0", "'-0'", "'NaN'", "'inf'::float8 - 'inf'::float8", "0.1 + 0.2", "0.3", "5e-324"]),
    ("money", &["1", "-1", "1000"]),
    ("macaddr", &["'08:00:2b:01:02:03'", "'08:00:2b:01:02:04'"]),
    ("macaddr8", &["'08:00:2b:01:02:03:04:05'", "'08:00:2b:01:02:03:04:06'"]),
    ("char(3)", &["'a'", "'a  '", "' a'"]),
    ("bpchar", &["'a'", "'a '"]),
    ("varchar(5)", &["'a'", "'a '"]),
    ("date", &["'2000-01-01'", "'infinity'", "'-infinity'", "'0044-03-15 BC'"]),
    ("time", &["'00:00'", "'24:00'"]),
    ("timestamp", &["'2000-01-01'", "'infinity'", "'2000-01-01 00:00:00.000001'"]),
    ("timestamptz", &["'2000-01-01 00:00+00'", "'2000-01-01 01:00+01'", "'2000-01-01 00:00+01'"]),
    ("interval", &["'1 day'", "'24:00'", "'30 days'", "'1 mon'", "'-1 day +24:00'"]),
    ("timetz", &["'00:00+00'", "'01:00+01'"]),
    ("bit(4)", &["'0000'", "'0001'"]),
    ("varbit", &["'0'", "'00'", "''"]),
    ("numeric", &["1", "1.0", "1.00", "0", "-0.0", "'NaN'", "1e100", "1e-100", "10000", "0.0001"]),
    ("uuid", &["'00000000-0000-0000-0000-000000000000'", "'00000000-0000-0000-0000-000000000001'"]),
    ("pg_lsn", &["'0/0'", "'1/0'"]),
    ("tsvector", &["'a b'", "'a:1 b:2'", "'a'", "''"]),
    ("tsquery", &["'a & b'", "'b & a'", "'a | b'"]),
    ("jsonb", &["'1'", "'1.0'", "'{\"a\": 1}'", "'{\"a\":1}'", "'\"1\"'", "'null'"]),
    ("jsonpath", &["'$.a'", "'$.\"a\"'", "'$.b'"]),
    ("int4range", &["'empty'", "'[1,3)'", "'[1,2]'", "'(,3)'"]),
    ("numrange", &["'[1.0,2)'", "'[1,2)'"]),
    ("tsrange", &["'[2000-01-01,)'", "'[2000-01-01,infinity)'"]),
    ("tstzrange", &["'empty'", "'(,)'"]),
    ("daterange", &["'[2000-01-01,2000-01-02]'", "'[2000-01-01,2000-01-03)'"]),
    ("int8range", &["'[1,1]'", "'[1,2)'"]),
    ("xid8", &["'0'", "'1'"]),
    ("point", &["'(0,0)'", "'(-0,0)'", "'(NaN,0)'"]),
    ("box", &["'(1,1),(0,0)'", "'(0,0),(1,1)'"]),
    ("path", &["'[(0,0),(1,1)]'", "'((0,0),(1,1))'"]),
    ("polygon", &["'((0,0),(1,1),(1,0))'"]),
    ("circle", &["'<(0,0),1>'", "'<(0,0),1.1>'"]),
    ("line", &["'{1,2,3}'"]),
    ("lseg", &["'[(0,0),(1,1)]'"]),
    ("int4[]", &["'{}'", "'{1,2}'", "'{2,1}'", "'[0:1]={1,2}'", "'{{1,2}}'", "'{NULL}'"]),
    ("text[]", &["'{NULL}'", "'{\"NULL\"}'", "'{\"\"}'", "'{}'", "'{\"a,b\"}'", "'{a,b}'"]),
    ("float8[]", &["'{0}'", "'{-0}'", "array['inf'::float8 - 'inf'::float8]", "'{NaN}'"]),
    (
        "timestamptz[]",
        &["array['2000-01-01 00:00+00'::timestamptz]", "array['2000-01-01 01:00+01'::timestamptz]"],
    ),
    ("regclass", &["'pg_class'", "'pg_type'"]),
    ("mood", &["'sad'", "'ok'"]),
    ("pair", &["row(null, null)", "row(1, null)", "row(1, '')", "row(1, 'a b')"]),
    ("email", &["'a@b'", "'A@b'"]),
    ("positive", &["1", "2"]),
    ("\"Odd type\"", &["'x'", "'y'"]),
];

const TYPES: &str = "\
    create type mood as enum ('sad', 'ok');\n\
    create type pair as (a int, b text);\n\
    create type \"Odd type\" as enum ('x', 'y');\n\
    create domain email as text check (value like '%@%');\n\
    create domain counted as numeric(10, 2);\n\
    create domain positive as counted check (value > 0);\n\
    -- Somebody's own idea of a cast, which says nothing about the value.\n\
    create function say(pair) returns text language sql immutable as $$ select 'a pair' $$;\n\
    create cast (pair as text) with function say(pair);\n";

async fn content(database: &Database, plan: &str) -> Evidence {
    let mut options = CollectOptions::default();
    options.content = ContentChoice::Always;
    let source = Source::connect(&database.url().await).await.unwrap();
    collect(&source, &parse(plan), None, &options).await.unwrap()
}

#[tokio::test]
async fn equal_is_what_a_dump_would_write_the_same() {
    // One table of one row for each value, and one without.
    let mut sql = TYPES.to_owned();
    for (at, (name, values)) in VALUES.iter().enumerate() {
        for (number, value) in values.iter().chain(&["null"]).enumerate() {
            sql += &format!(
                "create table t{at}_{number} (v {name}); insert into t{at}_{number} values ({value});\n"
            );
        }
    }
    let database = Database::with(&sql).await;
    // As a dump would write them: the output functions, under the settings of pg_dump.
    let mut texts = "set extra_float_digits = 3; set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres';\n".to_owned();
    let mut parts = Vec::new();
    for (at, (_, values)) in VALUES.iter().enumerate() {
        for number in 0..=values.len() {
            parts.push(format!(
                "select 't{at}_{number}' || ' ' || case when num_nulls(v) = 1 then 'NULL' else '=' || format('%s', v) end from t{at}_{number}"
            ));
        }
    }
    texts += &parts.join("\nunion all\n");
    let written: BTreeMap<String, String> = database
        .query(&texts)
        .await
        .into_iter()
        .filter_map(|line| line.split_once(' ').map(|(table, text)| (table.to_owned(), text.to_owned())))
        .collect();
    let stream = content(&database, "[content_drift]\nway = \"stream\"\n").await;
    let server = content(&database, "[content_drift]\nway = \"server\"\n").await;
    assert_eq!(stream.scans, server.scans);
    let fingerprint = |table: &str| {
        let name = drcore::sql::QualifiedName::new("public", table);
        stream.scans.tables[&name].content.get().unwrap().fingerprint
    };
    let mut compared = 0;
    for (at, (name, values)) in VALUES.iter().enumerate() {
        for a in 0..=values.len() {
            for b in 0..a {
                let (one, other) = (format!("t{at}_{a}"), format!("t{at}_{b}"));
                assert_eq!(
                    written[&one] == written[&other],
                    fingerprint(&one) == fingerprint(&other),
                    "{name}: {} and {}",
                    written[&one],
                    written[&other]
                );
                compared += 1;
            }
        }
    }
    assert!(compared > 400, "{compared}");
    // And what is restored from a dump is equal, both ways.
    let restored = database.restored().await;
    for plan in ["[content_drift]\nway = \"stream\"\n", "[content_drift]\nway = \"server\"\n"] {
        let report = restored.report(plan, Some(&stream)).await;
        let result = check(&report, "content_drift");
        assert_eq!(
            result.outcome,
            drcore::check::Outcome::Passed,
            "{:?} {:?}",
            result.findings,
            result.unread
        );
    }
}

/// Arrays from which a NULL was taken still have the bitmap of NULLs, until they are dumped.
#[tokio::test]
async fn what_only_the_storage_knows_makes_no_difference() {
    let database = Database::with(
        "create table a (id int primary key, v int[], d text);\n\
         insert into a select n, array[1, null, 3], 'x' from generate_series(1, 500) n;\n\
         update a set v[2] = 2;\n\
         alter table a drop column d;\n\
         create table b (id int primary key, v text);\n\
         insert into b select n, repeat('long', 3000) from generate_series(1, 20) n;\n\
         alter table b alter column v set storage external;\n\
         insert into b select n, repeat('long', 3000) from generate_series(21, 40) n;\n\
         alter table b add column later int default 7;\n",
    )
    .await;
    let stored = content(&database, "").await;
    let restored = database.restored().await;
    restored.execute("create table shuffled as select * from a order by random(); truncate a; insert into a select * from shuffled; drop table shuffled").await;
    let report = restored.report("", Some(&stored)).await;
    assert_eq!(check(&report, "content_drift").outcome, drcore::check::Outcome::Passed);
}

/// A row in any order, in any parts, sums up to the same.
#[tokio::test]
async fn values_that_run_into_each_other_differ() {
    let pairs = [
        ("'a', null", "null, 'a'"),
        ("'', null", "null, ''"),
        ("'ab', 'c'", "'a', 'bc'"),
        ("null, null", "'', ''"),
        ("'a,b', ''", "'a', 'b'"),
    ];
    let mut sql = String::new();
    for (at, (one, other)) in pairs.iter().enumerate() {
        for (side, row) in [("x", one), ("y", other)] {
            sql += &format!(
                "create table {side}{at} (a text, b text); insert into {side}{at} values ({row});\n"
            );
        }
    }
    // Two rows whose values are swapped, and rows that a 32-bit hash confuses.
    sql += "create table x9 (a int, b text); insert into x9 values (1, 'p'), (2, 'q');\n\
            create table y9 (a int, b text); insert into y9 values (1, 'q'), (2, 'p');\n\
            create table x8 (a text, b text); insert into x8 values ('z', 'z'), ('z', 'z');\n\
            create table y8 (a text, b text);\n";
    let database = Database::with(&sql).await;
    let evidence = content(&database, "").await;
    let of = |table: String| {
        let scan = &evidence.scans.tables[&drcore::sql::QualifiedName::new("public", table)];
        scan.content.get().unwrap().fingerprint
    };
    for at in [0, 1, 2, 3, 4, 8, 9] {
        assert_ne!(of(format!("x{at}")), of(format!("y{at}")), "{at}");
    }
}
