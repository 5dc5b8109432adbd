//! What differs between two states is found exactly, nothing else is, and what was not read is never the same.

mod hostile;
mod locate;
mod objects;
mod outcomes;
mod rows;
mod structure;

use std::collections::BTreeMap;

use drcore::collect::{CollectOptions, ContentChoice, collect};
use drcore::diff::{DiffOptions, DiffOutcome, DiffReport, DiffTable, RowChange, diff};
use drcore::{Against, Evidence, Source};
use drcore_tests::{Database, parse};

const SERVER: &str = "[content_drift]\nway = \"server\"\n";
const STREAM: &str = "[content_drift]\nway = \"stream\"\n";

/// A healthy database and its damaged twin.
async fn twins(script: &str) -> (Database, Database) {
    let (healthy, damage) = script.split_once("-- damage\n").unwrap();
    let healthy = Database::with(healthy).await;
    let damaged = healthy.copy().await;
    damaged.execute(damage).await;
    (healthy, damaged)
}

/// What the plan says, and nothing else.
fn options(plan: &str) -> DiffOptions {
    let mut options = DiffOptions::default();
    options.plan = parse(plan);
    options
}

async fn live(database: &Database) -> Against {
    Against::Url(database.url().await)
}

/// Compares two live databases; nothing is written to either.
async fn compare(a: &Database, b: &Database, options: &DiffOptions) -> DiffReport {
    let (of_a, of_b) = (live(a).await, live(b).await);
    // Boxed, since a report is large.
    let comparing = Box::pin(diff(&of_a, &of_b, options));
    Box::pin(a.untouched(Box::pin(b.untouched(comparing)))).await.unwrap()
}

/// A baseline with content.
async fn baseline(database: &Database) -> Evidence {
    let mut options = CollectOptions::default();
    options.content = ContentChoice::Always;
    let source = Source::connect(&database.url().await).await.unwrap();
    collect(&source, &parse(STREAM), None, &options).await.unwrap()
}

fn table<'r>(report: &'r DiffReport, name: &str) -> &'r DiffTable {
    report
        .tables
        .iter()
        .find(|table| table.table.to_string() == name)
        .unwrap_or_else(|| panic!("{report:#?}"))
}

/// Rows only in A, only in B, changed.
type Numbers = (Option<u64>, Option<u64>, Option<u64>);

/// Those of each table that differs.
fn numbers(report: &DiffReport) -> BTreeMap<String, Numbers> {
    report
        .tables
        .iter()
        .filter(|table| table.outcome == DiffOutcome::Different)
        .map(|table| (table.table.to_string(), (table.only_in_a, table.only_in_b, table.changed)))
        .collect()
}

fn all(only_in_a: u64, only_in_b: u64, changed: u64) -> Numbers {
    (Some(only_in_a), Some(only_in_b), Some(changed))
}

/// What differs between the twins of `damage/content_drift.sql`.
fn planted() -> BTreeMap<String, Numbers> {
    let planted = [
        ("public.\"we\"\"ird; DROP\"", all(0, 0, 1)),
        ("public.audit", all(0, 0, 1)),
        ("public.empty", all(0, 1, 0)),
        ("public.events", all(1, 0, 0)),
        ("public.keyless", all(2, 2, 0)),
        ("public.longkeys", all(1, 0, 0)),
        ("public.prices", all(2, 2, 3)),
        ("public.tenants", all(0, 0, 1)),
        ("public.toast", all(0, 0, 1)),
        ("public.typed", all(0, 0, 4)),
        ("public.untouched", all(0, 0, 2)),
    ];
    BTreeMap::from(planted.map(|(name, numbers)| (name.to_owned(), numbers)))
}

/// The keys of the rows of one sort, as text.
fn keys(table: &DiffTable, change: RowChange) -> Vec<String> {
    let value = |row: &drcore::diff::DiffRow, name: &String| row.key[name].clone().unwrap_or("?".to_owned());
    let rows = table.rows.iter().filter(|row| row.change == change);
    let mut keys: Vec<String> =
        rows.map(|row| table.key.iter().map(|name| value(row, name)).collect::<Vec<_>>().join("/")).collect();
    keys.sort();
    keys
}

/// What could not be read, and why.
fn unread(report: &DiffReport) -> Vec<String> {
    let side = |side: &Option<String>| side.as_ref().map_or(String::new(), |side| format!(" {side}"));
    report
        .unread
        .iter()
        .map(|unread| format!("{}{}: {}", unread.object, side(&unread.side), unread.cause.message))
        .collect()
}
