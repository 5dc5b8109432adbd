//! Stored documents stay readable, and are judged alike: `tests/fixtures/`.

use std::path::{Path, PathBuf};

use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{ErrorKind, Evidence, Plan, Report, Verdict, VerifyOptions};
use drcore_tests::{check, ids};
use tokio::sync::OnceCell;

const DATABASE: &str = include_str!("../fixtures/database.sql");

static WRITTEN: OnceCell<()> = OnceCell::const_new();

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

/// Writes them again first, where the environment asks for it.
async fn written() {
    WRITTEN
        .get_or_init(|| async {
            match std::env::var("DRCORE_WRITE_FIXTURES").as_deref() {
                Err(_) => {}
                Ok("report") => write_report(),
                Ok("all") => {
                    Box::pin(write_evidence()).await;
                    write_report();
                }
                Ok(other) => panic!("DRCORE_WRITE_FIXTURES is report or all, not {other}"),
            }
        })
        .await;
}

fn write_report() {
    std::fs::write(path("report.json"), judged().to_json().unwrap() + "\n").unwrap();
}

/// A cluster of its own: the roles of other tests must not be in it.
async fn write_evidence() {
    let cluster = ScratchCluster::start(ScratchOptions::default()).await.unwrap();
    cluster.create_database("app").await.unwrap();
    let (healthy, damage) = DATABASE.split_once("-- damage\n").unwrap();
    let url = cluster.url("app");
    let mut options = VerifyOptions::default();
    options.plan = Plan::from_path(path("plan.toml")).unwrap();

    cluster.execute("app", healthy).await.unwrap();
    let baseline = still(drcore::baseline(&url, &options).await.unwrap(), "2026-11-19T02:00:03Z");
    std::fs::write(path("baseline.json"), baseline.to_json().unwrap() + "\n").unwrap();

    cluster.execute("app", damage).await.unwrap();
    options.against = Some(drcore::Against::Evidence(Box::new(baseline)));
    let evidence = still(drcore::collect(&url, &options).await.unwrap(), "2026-11-20T03:00:03Z");
    std::fs::write(path("evidence.json"), evidence.to_json().unwrap() + "\n").unwrap();
}

/// Without what is of the machine that wrote it.
fn still(mut evidence: Evidence, taken_at: &str) -> Evidence {
    let run = &mut evidence.run;
    run.taken_at = taken_at.parse().unwrap();
    run.host = Some("db.example.com:5432".to_owned());
    run.elapsed_ms = 1_234;
    let server = run.server.as_mut().unwrap();
    server.taken_at = run.taken_at;
    server.started_at = Some("2026-11-01 00:00:00+00".to_owned());
    server.system_identifier = Some("7000000000000000001".to_owned());
    server.cluster_name = String::new();
    evidence
}

fn judged() -> Report {
    let plan = Plan::from_path(path("plan.toml")).unwrap();
    let evidence = Evidence::load(path("evidence.json")).unwrap();
    let baseline = Evidence::load(path("baseline.json")).unwrap();
    let mut report = plan.judge(&evidence, Some(&baseline));
    // As it is called from the directory that it lies in.
    report.run.plan = Some("plan.toml".to_owned());
    report
}

#[tokio::test]
async fn judging_the_stored_evidence_gives_the_stored_report() {
    written().await;
    let json = judged().to_json().unwrap() + "\n";
    let stored = read("report.json");
    if json != stored {
        let at = json.lines().zip(stored.lines()).position(|(now, then)| now != then).unwrap_or_default();
        let around =
            |text: &str| text.lines().skip(at.saturating_sub(8)).take(16).collect::<Vec<_>>().join("\n");
        panic!("line {at} differs\nnow:\n{}\nstored:\n{}", around(&json), around(&stored));
    }
}

#[tokio::test]
async fn what_was_stored_is_written_again_as_it_was() {
    written().await;
    for name in ["baseline.json", "evidence.json"] {
        let evidence = Evidence::load(path(name)).unwrap();
        assert!(evidence.to_json().unwrap() + "\n" == read(name), "{name} lost something when it was read");
    }
    let report = Report::load(path("report.json")).unwrap();
    assert!(report.to_json().unwrap() + "\n" == read("report.json"));
    let plan = Plan::from_path(path("plan.toml")).unwrap();
    assert_eq!(
        Plan::from_json(&plan.to_json().unwrap()).unwrap().to_json().unwrap(),
        plan.to_json().unwrap()
    );
}

#[tokio::test]
async fn the_stored_report_is_worth_comparing() {
    written().await;
    let report = Report::load(path("report.json")).unwrap();
    assert_eq!(report.verdict, Verdict::Failed);
    let ids = ids(&report);
    for id in [
        "orphan_fks:missing_foreign_key:public.invoice_lines:invoice_lines_tenant_id_number_fkey",
        "orphan_fks:orphaned_rows:public.time_logs:time_logs_task_id_fkey",
        "rls_coverage:rls_disabled:public.tasks",
        "row_counts:count_mismatch:public.plans",
        "row_counts:emptied_table:\"we.ird\".\"::error title=x::y%0A#1\"",
        "row_counts:fewer_rows:\"we.ird\".\"we\"\"ird; DROP TABLE tenants --\"",
        "row_counts:missing_table:public.old_imports",
        "sequence_lag:sequence_behind:public.time_logs_id_seq",
    ] {
        assert!(ids.iter().any(|found| found == id), "{id} is not among {ids:#?}");
    }
    assert_eq!(check(&report, "row_counts").accepted.len(), 1);
    assert_eq!(report.notes.len(), 1, "one acceptance accepts nothing");
}

#[tokio::test]
async fn newer_documents_are_refused_by_name() {
    written().await;
    let newer = read("evidence.json").replace("drcore.evidence/1", "drcore.evidence/2");
    let error = Evidence::from_json(&newer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format);
    assert!(error.to_string().contains("this is drcore.evidence/2"), "{error}");
    let newer = read("report.json").replace("drcore.report/1", "drcore.report/2");
    assert_eq!(Report::from_json(&newer).unwrap_err().kind(), ErrorKind::Format);
    let newer = read("plan.toml").replace("drcore.plan/1", "drcore.plan/2");
    assert_eq!(Plan::from_toml(&newer).unwrap_err().kind(), ErrorKind::Plan);
    assert!(Evidence::from_json(&read("report.json")).is_err(), "a report is no evidence");
}
