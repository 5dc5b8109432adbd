use std::collections::BTreeMap;

use drcore::check::{Outcome, Reason};
use drcore::checks::content_drift::RowsDiffer;
use drcore::collect::{CollectOptions, ContentChoice, collect};
use drcore::evidence::RowKeys;
use drcore::{Against, Evidence, Finding, Plan, Report, Source, VerifyOptions, verify};
use drcore_tests::{Database, check, parse};

const SCRIPT: &str = include_str!("content_drift.sql");

const SERVER: &str = "[content_drift]\nway = \"server\"\n";
const STREAM: &str = "[content_drift]\nway = \"stream\"\n";

/// A baseline with content.
async fn baseline(database: &Database, plan: &str) -> Evidence {
    let mut options = CollectOptions::default();
    options.content = ContentChoice::Always;
    let source = Source::connect(&database.url().await).await.unwrap();
    collect(&source, &parse(plan), None, &options).await.unwrap()
}

/// The differences by table.
fn differing(report: &Report) -> BTreeMap<String, &RowsDiffer> {
    report
        .findings()
        .into_iter()
        .filter_map(|finding| match finding {
            Finding::RowsDiffer(differ) => Some((differ.common.object.clone(), differ)),
            _ => None,
        })
        .collect()
}

fn numbers(differ: &RowsDiffer) -> (u64, u64, u64) {
    (differ.missing.unwrap(), differ.changed.unwrap(), differ.extra.unwrap())
}

fn keys(keys: &RowKeys) -> Vec<String> {
    let mut keys: Vec<String> = keys
        .rows
        .iter()
        .map(|row| row.iter().map(|value| value.as_deref().unwrap_or("?")).collect::<Vec<_>>().join("/"))
        .collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn the_healthy_twin_is_silent_both_ways() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let stored = baseline(&healthy, "").await;
    for plan in [SERVER, STREAM] {
        let report = healthy.report(plan, Some(&stored)).await;
        assert!(differing(&report).is_empty(), "{plan}");
        let result = check(&report, "content_drift");
        assert_eq!(result.outcome, Outcome::Passed, "{plan}: {:?}", result.unread);
        assert_eq!((result.examined["tables"], result.examined["rows"]), (12, 6_775));
    }
}

#[tokio::test]
async fn the_damage_is_found_exactly_both_ways() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("baseline.json");
    baseline(&healthy, STREAM).await.save(&file).unwrap();
    let stored = Evidence::load(&file).unwrap();
    for plan in [SERVER, STREAM] {
        let report = damaged.report(&format!("{plan}exclude = [\"public.audit\"]\n"), Some(&stored)).await;
        let found = differing(&report);
        let all: BTreeMap<&str, (u64, u64, u64)> =
            found.iter().map(|(table, differ)| (table.as_str(), numbers(differ))).collect();
        let expected = [
            ("public.\"we\"\"ird; DROP\"", (0, 1, 0)),
            ("public.empty", (0, 0, 1)),
            ("public.events", (1, 0, 0)),
            ("public.gone", (2, 0, 0)),
            ("public.keyless", (2, 0, 2)),
            ("public.longkeys", (1, 0, 0)),
            ("public.prices", (2, 3, 2)),
            ("public.tenants", (0, 1, 0)),
            ("public.toast", (0, 1, 0)),
            ("public.typed", (0, 4, 0)),
            ("public.untouched", (0, 2, 0)),
        ];
        assert_eq!(all, BTreeMap::from(expected), "{plan}");
        let prices = found["public.prices"];
        assert_eq!(keys(&prices.missing_keys), ["42", "4999"]);
        assert_eq!(keys(&prices.changed_keys), ["10", "11", "14"]);
        assert_eq!(keys(&prices.extra_keys), ["9000", "9001"]);
        assert_eq!(keys(&found["public.untouched"].changed_keys), ["5", "6"]);
        assert_eq!(keys(&found["public.typed"].changed_keys), ["1", "2", "3", "4"]);
        assert_eq!(keys(&found["public.events"].missing_keys), ["1/2026-01-21"]);
        assert_eq!(found["public.longkeys"].missing_keys.rows.len(), 1);
        let weird = keys(&found["public.\"we\"\"ird; DROP\""].changed_keys);
        assert!(weird[0].starts_with("e4da3b7f-bbce-2345-d777-2b0674a318d5/"), "{weird:?}");
        assert!(!weird[0].contains("key 5"), "text keys are masked: {weird:?}");
        // The query shows rows that are there.
        let query = prices.common.query.as_ref().unwrap();
        assert_eq!(damaged.query(&format!("select count(*) from ({query}) q")).await, ["5"]);
    }
}

#[tokio::test]
async fn both_ways_give_the_same_fingerprints() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let there = baseline(&damaged, SERVER).await;
    let here = baseline(&damaged, STREAM).await;
    assert_eq!(there.scans, here.scans);
    // Against a baseline the server sends sums only, where nothing differs.
    let source = Source::connect(&damaged.url().await).await.unwrap();
    let sums = collect(&source, &parse(SERVER), Some(&here), &CollectOptions::default()).await.unwrap();
    for (name, scan) in &here.scans.tables {
        assert_eq!(sums.scans.tables[name].content, scan.content, "{name}");
    }
    assert_ne!(baseline(&healthy, STREAM).await.scans, here.scans);
}

#[tokio::test]
async fn more_than_can_be_told_apart_is_said_and_not_guessed() {
    let (healthy, damaged) = super::twins(
        "create table t (id int primary key, v int);\n\
         insert into t select n, n from generate_series(1, 60000) n;\n\
         -- damage\nupdate t set v = v + 1;\n",
    )
    .await;
    let stored = baseline(&healthy, "").await;
    let report = damaged.report("", Some(&stored)).await;
    let differ = differing(&report)["public.t"];
    assert_eq!((differ.missing, differ.changed, differ.extra), (None, None, None));
    assert!(differ.common.hint.as_ref().unwrap().contains("can tell apart"), "{:?}", differ.common);
    assert!(differ.common.message.contains("60,000"), "{:?}", differ.common);
}

#[tokio::test]
async fn without_its_sketches_a_baseline_still_tells_that_rows_differ() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let stored = Evidence::from_json(&baseline(&healthy, "").await.to_json().unwrap()).unwrap();
    let report = damaged.report("", Some(&stored)).await;
    let found = differing(&report);
    assert_eq!(found["public.tenants"].changed, None);
    assert_eq!(found["public.tenants"].common.message, "as many rows as there were (200), and not the same");
}

#[tokio::test]
async fn a_baseline_without_content_is_no_expectation() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let stored = healthy.evidence(&parse(""), None).await;
    let report = damaged.report("", Some(&stored)).await;
    assert_eq!(check(&report, "content_drift").reason, Some(Reason::NoExpectation));
    let named = damaged.report(STREAM, Some(&stored)).await;
    assert!(check(&named, "content_drift").counts);
}

#[tokio::test]
async fn structure_that_changed_is_unread_and_columns_that_came_make_no_difference() {
    let (healthy, damaged) = super::twins(
        "create table a (id int primary key, v int);\n\
         insert into a values (1, 1);\n\
         create table b (id int primary key, v int);\n\
         insert into b values (1, 1);\n\
         create table c (id int primary key, v int);\n\
         insert into c values (1, 1);\n\
         create table d (v int, id int primary key);\n\
         insert into d values (1, 1);\n\
         -- damage\n\
         alter table a add column w text default 'w';\n\
         alter table b alter column v type bigint;\n\
         alter table c drop column v;\n\
         drop table d;\n\
         create table d (id int primary key, gone text, v int);\n\
         alter table d drop column gone;\n\
         insert into d values (1, 1);\n",
    )
    .await;
    let stored = baseline(&healthy, "").await;
    for plan in [SERVER, STREAM] {
        let report = damaged.report(plan, Some(&stored)).await;
        assert!(differing(&report).is_empty());
        let unread: Vec<(&str, &str)> = check(&report, "content_drift")
            .unread
            .iter()
            .map(|unread| (unread.object.as_str(), unread.cause.message.as_str()))
            .collect();
        assert_eq!(
            unread,
            [("public.b", "column v was compared as int4 and is int8 now"), ("public.c", "column v is gone"),]
        );
        // What can be counted is counted all the same.
        assert_eq!(check(&report, "row_counts").outcome, Outcome::Passed);
    }
}

/// What a dump and restore reproduces is equal: of every built-in type, and under other settings.
#[tokio::test]
async fn a_restored_dump_is_equal() {
    let (_, damaged) = super::twins(SCRIPT).await;
    let stored = baseline(&damaged, "").await;
    let restored = damaged.restored().await;
    restored
        .execute(
            "do $$ begin \
             execute format('alter database %I set timezone = ''Asia/Kathmandu''', current_database()); \
             execute format('alter database %I set datestyle = ''German''', current_database()); \
             execute format('alter database %I set bytea_output = ''escape''', current_database()); \
             execute format('alter database %I set extra_float_digits = -10', current_database()); \
             execute format('alter database %I set intervalstyle = ''sql_standard''', current_database()); \
             end $$",
        )
        .await;
    for plan in [SERVER, STREAM] {
        let report = restored.report(plan, Some(&stored)).await;
        let result = check(&report, "content_drift");
        assert_eq!(result.outcome, Outcome::Passed, "{plan}: {:?}", result.findings);
    }
}

#[tokio::test]
async fn a_plan_that_skips_it_costs_nothing() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let stored = baseline(&healthy, "").await;
    let source = Source::connect(&healthy.url().await).await.unwrap();
    let plan = Plan::from_toml("[[skip]]\ncheck = \"content_drift\"\nreason = \"no time\"\n").unwrap();
    let evidence = collect(&source, &plan, Some(&stored), &CollectOptions::default()).await.unwrap();
    assert!(evidence.run.content.is_none());
    assert!(evidence.scans.tables.values().all(|scan| scan.content.is_not_asked()));
}

#[tokio::test]
async fn a_live_source_tells_which_rows_differ_too() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let mut options = VerifyOptions::default();
    options.against = Some(Against::Url(healthy.url().await));
    let report = damaged.untouched(verify(&damaged.url().await, &options)).await.unwrap();
    let found = differing(&report);
    let prices = found["public.prices"];
    assert_eq!(keys(&prices.missing_keys), ["42", "4999"]);
    assert_eq!(numbers(prices), (2, 3, 2));
    let columns: Vec<(&str, u64)> =
        prices.changed_columns.iter().map(|column| (column.column.as_str(), column.rows)).collect();
    assert_eq!(columns.len(), 3, "{columns:?}");
    assert!(prices.common.hint.as_ref().unwrap().contains("columns that differ: "), "{prices:?}");
    let query = prices.common.query.as_ref().unwrap();
    assert_eq!(damaged.query(&format!("select count(*) from ({query}) q")).await, ["5"]);
    // More than the sketches tell apart are told all the same.
    let (many, others) = super::twins(
        "create table t (id int primary key, v int);\n\
         insert into t select n, n from generate_series(1, 60000) n;\n\
         -- damage\nupdate t set v = v + 1;\n",
    )
    .await;
    let mut of_many = VerifyOptions::default();
    of_many.against = Some(Against::Url(many.url().await));
    let report = others.untouched(verify(&others.url().await, &of_many)).await.unwrap();
    assert_eq!(numbers(differing(&report)["public.t"]), (0, 60_000, 0));
    options.content(false);
    let report = damaged.untouched(verify(&damaged.url().await, &options)).await.unwrap();
    assert!(differing(&report).is_empty());
    assert_eq!(check(&report, "content_drift").reason, Some(Reason::Skipped));
}
