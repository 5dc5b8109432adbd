use std::time::Duration;

use drcore::check::Outcome;
use drcore::{Against, Evidence, Plan, Report, Verdict, VerifyOptions, verify};
use drcore_tests::proxy::{Fault, Proxy};
use drcore_tests::{Database, check, cluster, ids};

const TABLES: &str = "
create table parents (id int primary key);
insert into parents select generate_series(1, 100);
create table children (id int primary key, parent_id int references parents);
insert into children select n, 1 + n % 100 from generate_series(1, 500) n;
create table others (id bigint generated always as identity primary key, created_at timestamptz default now());
insert into others (created_at) select timestamptz '2026-01-01' + n * interval '1 minute' from generate_series(1, 50) n;
";

async fn through(proxy: &Proxy, database: &Database, baseline: &Evidence, deadline: &str) -> Report {
    let mut options = VerifyOptions::default();
    options.plan =
        drcore_tests::parse(&format!("[limits]\nconnect_timeout = \"2s\"\ndeadline = \"{deadline}\"\n"));
    options.against = Some(Against::Evidence(Box::new(baseline.clone())));
    verify(&proxy.url(&database.name), &options).await.unwrap()
}

async fn socket() -> std::path::PathBuf {
    cluster().await.socket_directory().join(".s.PGSQL.5432")
}

/// Not one check may say passed unless it read all that it reads when nothing goes wrong.
fn assert_honest(report: &Report, healthy: &Report, what: &str) {
    assert_eq!(ids(report), [""; 0], "{what}: nothing is wrong with the database");
    for (now, then) in report.checks.iter().zip(&healthy.checks) {
        match now.outcome {
            Outcome::Passed => assert_eq!(now.examined, then.examined, "{what}: {}", now.id),
            Outcome::NotRun => {
                assert!(
                    then.outcome == Outcome::NotRun || now.counts,
                    "{what}: {} hides that it was not run",
                    now.id
                );
            }
            Outcome::Failed => panic!("{what}: {} failed", now.id),
        }
    }
    let all_ran = report.checks.iter().zip(&healthy.checks).all(|(now, then)| now.outcome == then.outcome);
    if !all_ran {
        assert_eq!(report.verdict, Verdict::Unproven, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_ends_anywhere_is_never_green() {
    let database = Database::with(TABLES).await;
    let baseline = database.evidence(&Plan::default(), None).await;
    let proxy = Proxy::start(socket().await, Fault::None).await;
    let healthy = through(&proxy, &database, &baseline, "1m").await;
    assert_eq!(healthy.verdict, Verdict::Passed, "{:#?}", healthy.checks);
    let bytes = proxy.seen();
    assert!(bytes > 1000);
    // What is cut once stays cut, and a server that was there is waited for: all at once.
    let faults = (0..12).map(|step| bytes * step / 11).flat_map(|at| [Fault::Cut(at), Fault::Reset(at)]);
    let runs = faults.map(|fault| {
        let (database, baseline, healthy) = (&database, &baseline, &healthy);
        async move {
            let proxy = Proxy::start(socket().await, fault).await;
            let report = through(&proxy, database, baseline, "20s").await;
            assert_honest(&report, healthy, &format!("{fault:?} of {bytes}"));
        }
    });
    futures::future::join_all(runs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_black_hole_ends_with_the_deadline() {
    let database = Database::with(TABLES).await;
    let baseline = database.evidence(&Plan::default(), None).await;
    let proxy = Proxy::start(socket().await, Fault::None).await;
    let healthy = through(&proxy, &database, &baseline, "1m").await;
    let bytes = proxy.seen();
    for at in [0, bytes / 3, bytes * 2 / 3] {
        let proxy = Proxy::start(socket().await, Fault::BlackHole(at)).await;
        let began = std::time::Instant::now();
        let report = through(&proxy, &database, &baseline, "3s").await;
        assert!(began.elapsed() < Duration::from_secs(8), "{:?} after {at} bytes", began.elapsed());
        assert_honest(&report, &healthy, &format!("black hole after {at} bytes"));
        assert_eq!(report.verdict, Verdict::Unproven);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_network_is_only_slow() {
    let database = Database::with(TABLES).await;
    let baseline = database.evidence(&Plan::default(), None).await;
    let proxy = Proxy::start(socket().await, Fault::Latency(Duration::from_millis(20))).await;
    let report = through(&proxy, &database, &baseline, "1m").await;
    assert_eq!(report.verdict, Verdict::Passed);
    assert_eq!(check(&report, "row_counts").examined["rows"], 650);
}
