//! The command says what the library says, about stored documents and about a live database.

use std::path::Path;

use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{Against, Evidence, Plan, Report, VerifyOptions};

use crate::command::{Place, Ran};

const DATABASE: &str = include_str!("../../../../tests/fixtures/database.sql");
const PLAN: &str = include_str!("../../../../tests/fixtures/v1/plan.toml");
const REPORT: &str = include_str!("../../../../tests/fixtures/v1/report.json");

#[test]
fn the_stored_evidence_gives_the_stored_report_byte_for_byte() {
    let place = Place::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/v1");
    let judge =
        ["judge", "evidence.json", "--against", "baseline.json", "--plan", "plan.toml", "--format", "json"];
    let ran = Ran::of(place.command(&judge).current_dir(fixtures));
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out == REPORT, "not the stored report");
}

#[tokio::test]
async fn every_collection_of_one_state_is_the_same_without_its_run() {
    // A cluster of its own: the roles of other tests come and go.
    let cluster = ScratchCluster::start(ScratchOptions::default()).await.unwrap();
    cluster.create_database("app").await.unwrap();
    let (healthy, damage) = DATABASE.split_once("-- damage\n").unwrap();
    cluster.execute("app", healthy).await.unwrap();
    let url = cluster.url("app");
    let place = Place::new();
    place.write("plan.toml", PLAN);
    let mut options = VerifyOptions::default();
    options.plan = Plan::from_path(place.path("plan.toml")).unwrap();

    let ran = place.run(&["baseline", &url, "--plan", "plan.toml", "-o", "baseline.json"]);
    // One assertion of the plan divides by nothing.
    assert_eq!(ran.code, 3, "{ran:?}");
    let baseline = Evidence::load(place.path("baseline.json")).unwrap();
    let library = drcore::baseline(&url, &options).await.unwrap();
    assert!(facts(&library) == facts(&baseline), "two baselines of one state differ");

    cluster.execute("app", damage).await.unwrap();
    options.against = Some(Against::Evidence(Box::new(baseline)));
    let first = drcore::collect(&url, &options).await.unwrap();
    let second = drcore::collect(&url, &options).await.unwrap();
    let against = ["--plan", "plan.toml", "--against", "baseline.json"];
    let ran = place.run(&[&["collect", &url, "-o", "evidence.json"], &against[..]].concat());
    assert_eq!(ran.code, 3, "{ran:?}");
    let command = Evidence::load(place.path("evidence.json")).unwrap();
    assert!(facts(&first) == facts(&second), "two collections of one state differ");
    assert!(facts(&first) == facts(&command), "the command reads something else than the library");

    let library = drcore::verify(&url, &options).await.unwrap();
    let live = place.run(&[&["verify", &url, "--format", "json"], &against[..]].concat());
    assert_eq!(live.code, 1, "{}", live.err);
    let live = Report::from_json(&live.out).unwrap();
    assert!(said(&library) == said(&live), "the command judges otherwise than the library");
    // The stored Evidence holds no content of tables: what tells which rows differ is not in its JSON.
    let others = |report: &Report| {
        let mut checks = said(report)["checks"].as_array().unwrap().clone();
        checks.retain(|check| check["id"] != "content_drift");
        checks
    };
    assert!(
        others(&live) == others(&Report::from_json(REPORT).unwrap()),
        "the stored report is of another state"
    );
}

fn facts(evidence: &Evidence) -> serde_json::Value {
    without_run(&evidence.to_json().unwrap())
}

fn said(report: &Report) -> serde_json::Value {
    without_run(&report.to_json().unwrap())
}

fn without_run(json: &str) -> serde_json::Value {
    let mut value: serde_json::Value = serde_json::from_str(json).unwrap();
    assert!(value.as_object_mut().unwrap().remove("run").is_some());
    value
}
