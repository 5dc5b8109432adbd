//! Databases with many tables and constraints: correct, quick, and in little memory.
//!
//! The large one is ignored by `make test` and run by `make soak`.

mod isolation;

use std::time::Instant;

use drcore::check::Outcome;
use drcore::{Against, Verdict, VerifyOptions};
use drcore_tests::{Database, check};

/// Foreign keys a table.
const KEYS: u64 = 5;

/// Megabytes that the process may hold at most, whatever is read.
const BASE_MB: u64 = 60;
/// Kilobytes that it may hold for each constraint, with the baseline in memory too.
const KB_A_CONSTRAINT: u64 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_tables_and_five_thousand_constraints() {
    Box::pin(verifies(1_000)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: make soak"]
async fn ten_thousand_tables_and_fifty_thousand_constraints() {
    Box::pin(verifies(10_000)).await;
}

/// The whole of `verify` against the database's own baseline, and again: it must pass and not grow.
async fn verifies(tables: u64) {
    let started = Instant::now();
    let database = build(tables).await;
    println!("{tables} tables, {} constraints: built in {:.1?}", tables * KEYS, started.elapsed());
    let url = database.url().await;

    let started = Instant::now();
    let baseline = drcore::baseline(&url, &VerifyOptions::default()).await.unwrap();
    println!("baseline in {:.1?}, peak {} MB", started.elapsed(), peak_mb());
    let started = Instant::now();
    let _ = drcore::Plan::default().judge(&baseline, Some(&baseline));
    println!("judged in {:.1?}", started.elapsed());

    let mut options = VerifyOptions::default();
    options.against = Some(Against::Evidence(Box::new(baseline)));
    let mut peaks = Vec::new();
    for _ in 0..2 {
        let started = Instant::now();
        let report = drcore::verify(&url, &options).await.unwrap();
        peaks.push(peak_mb());
        println!("verified in {:.1?}, peak {} MB", started.elapsed(), peak_mb());
        assert_eq!(report.verdict, Verdict::Passed, "{:?}", drcore_tests::ids(&report));
        let result = check(&report, "orphan_fks");
        assert_eq!((result.outcome, result.examined["references"]), (Outcome::Passed, tables * KEYS));
        assert_eq!(check(&report, "row_counts").examined["tables"], tables);
    }
    let allowed = BASE_MB + tables * KEYS * KB_A_CONSTRAINT / 1024;
    assert!(peaks[0] <= allowed, "{} MB, {allowed} MB allowed", peaks[0]);
    assert!(peaks[1] <= peaks[0] + peaks[0] / 10 + 5, "it grows from run to run: {peaks:?} MB");

    // One orphan among all of them is still found.
    database.execute("set session_replication_role = replica; update t_7 set r_3 = -1 where id = 1").await;
    let report = drcore::verify(&url, &options).await.unwrap();
    assert_eq!(
        drcore_tests::ids(&report),
        ["content_drift:rows_differ:public.t_7", "orphan_fks:orphaned_rows:public.t_7:t_7_r_3_fkey"]
    );
}

/// Each table has a few rows, and refers to others and to itself.
async fn build(tables: u64) -> Database {
    let database = Database::empty().await;
    // In transactions of a hundred tables: a lock for each would be too many.
    let statements = [
        format!(
            "create table t_%1$s (id int primary key, {});
             insert into t_%1$s select n, {} from generate_series(1, 3) n;",
            columns(|key| format!("r_{key} int")),
            columns(|_| "n".to_owned())
        ),
        format!(
            "alter table t_%1$s {};",
            columns(|key| format!(
                "add constraint t_%1$s_r_{key}_fkey foreign key (r_{key}) references t_%{}$s",
                key + 1
            ))
        ),
    ];
    for statement in statements {
        let others = columns(|key| format!("1 + (n * {key} + {}) %% {tables}", key - 1)).replace("%%", "%");
        let sql = format!(
            "do $$ begin for n in 1..{tables} loop
               execute format($f${statement}$f$, n, {others});
               if n % 100 = 0 then commit; end if;
             end loop; end $$"
        );
        database.execute(&sql).await;
    }
    database
}

fn columns(each: impl Fn(u64) -> String) -> String {
    (1..=KEYS).map(each).collect::<Vec<_>>().join(", ")
}

/// The most memory that this process ever held.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
