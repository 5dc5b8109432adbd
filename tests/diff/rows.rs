//! Rows that differ.

use drcore::Against;
use drcore::diff::{DiffVerdict, RowChange, diff};
use drcore::report::TextOptions;

use super::{SERVER, STREAM, all, baseline, compare, keys, live, numbers, options, planted, table, twins};

const SCRIPT: &str = include_str!("../damage/content_drift.sql");

#[tokio::test]
async fn a_twin_is_the_same_both_ways() {
    let (healthy, _) = twins(SCRIPT).await;
    let twin = healthy.copy().await;
    for plan in [SERVER, STREAM] {
        let report = compare(&healthy, &twin, &options(plan)).await;
        assert_eq!(report.verdict, DiffVerdict::Same, "{report:#?}");
        assert_eq!((report.exit_code(), report.tables.len()), (0, 12));
        let text = report.to_text(TextOptions::default());
        assert!(text.starts_with("SAME     12 tables, 6,775 rows\n"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}

#[tokio::test]
async fn planted_differences_are_found_exactly() {
    let (healthy, damaged) = twins(SCRIPT).await;
    let report = compare(&healthy, &damaged, &options(STREAM)).await;
    assert_eq!((report.verdict, report.exit_code()), (DiffVerdict::Different, 1));
    assert_eq!(numbers(&report), planted());
    let prices = table(&report, "public.prices");
    assert_eq!(keys(prices, RowChange::OnlyInA), ["42", "4999"]);
    assert_eq!(keys(prices, RowChange::OnlyInB), ["9000", "9001"]);
    assert_eq!(keys(prices, RowChange::Changed), ["10", "11", "14"]);
    // Two rows whose values were swapped.
    assert_eq!(keys(table(&report, "public.untouched"), RowChange::Changed), ["5", "6"]);
    assert_eq!(keys(table(&report, "public.events"), RowChange::OnlyInA), ["1/2026-01-21"]);
    let gone: Vec<String> = report.only_in_a.iter().map(|lone| lone.table.to_string()).collect();
    assert_eq!((gone, report.only_in_a[0].rows), (vec!["public.gone".to_owned()], Some(2)));
    assert!(report.only_in_b.is_empty() && report.unread.is_empty());
    let text = report.to_text(TextOptions::default());
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("DIFFERS  public.prices: 2 rows only in A, 2 only in B, 3 changed"), "{text}");
    assert!(!text.contains("key 5"), "text keys are masked: {text}");
    // The other way round, the sides are the other ones.
    let turned = compare(&damaged, &healthy, &options(STREAM)).await;
    assert_eq!(keys(table(&turned, "public.prices"), RowChange::OnlyInA), ["9000", "9001"]);
    assert_eq!(turned.only_in_b[0].table.to_string(), "public.gone");
}

#[tokio::test]
async fn a_baseline_is_a_side() {
    let (healthy, damaged) = twins(SCRIPT).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("before.json");
    baseline(&healthy).await.save(&file).unwrap();
    let stored = Against::File(file.clone());
    for plan in [SERVER, STREAM] {
        let same = diff(&stored, &live(&healthy).await, &options(plan)).await.unwrap();
        assert_eq!(same.verdict, DiffVerdict::Same, "{same:#?}");
        let report = diff(&stored, &live(&damaged).await, &options(plan)).await.unwrap();
        let prices = table(&report, "public.prices");
        assert_eq!(keys(prices, RowChange::Changed), ["10", "11", "14"], "{plan}");
        assert_eq!(keys(prices, RowChange::OnlyInA), ["42", "4999"]);
        let turned = diff(&live(&damaged).await, &stored, &options(plan)).await.unwrap();
        assert_eq!(keys(table(&turned, "public.prices"), RowChange::OnlyInB), ["42", "4999"]);
        let text = report.to_text(TextOptions::default());
        assert!(text.contains("A  baseline ") && text.contains("before.json"), "{text}");
    }
    let other = directory.path().join("after.json");
    baseline(&damaged).await.save(&other).unwrap();
    let report = diff(&stored, &Against::File(other), &options("")).await.unwrap();
    assert_eq!(numbers(&report)["public.prices"], all(2, 2, 3));
    let itself = diff(&stored, &stored, &options("")).await.unwrap();
    assert_eq!(itself.verdict, DiffVerdict::Same);
}

#[tokio::test]
async fn what_is_shown_is_limited_and_what_is_counted_is_not() {
    let (healthy, damaged) = twins(
        "create table t (id int primary key, v int);\n\
         insert into t select n, n from generate_series(1, 500) n;\n\
         -- damage\nupdate t set v = 0 where id <= 60;\ndelete from t where id > 490;\n",
    )
    .await;
    let mut options = options(STREAM);
    options.limit = 3;
    let report = compare(&healthy, &damaged, &options).await;
    let found = table(&report, "public.t");
    assert_eq!((found.only_in_a, found.changed, found.rows.len()), (Some(10), Some(60), 6));
    let text = report.to_text(TextOptions::default());
    assert!(text.contains(" and 57 more"), "{text}");
    assert_eq!(drcore::DiffReport::from_json(&report.to_json_with_values().unwrap()).unwrap(), report);
}
