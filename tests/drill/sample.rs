use std::collections::BTreeSet;

use drcore::drill::{Damage, Drill, DrillReport, SampleOptions};
use drcore::restore::Tools;
use drcore::{Finding, Severity, Verdict};
use drcore_tests::{Database, ids};
use serde_json::Value;

/// Three in normal runs; as many as `DRCORE_SEEDS` says where that is set.
fn seeds() -> Vec<u64> {
    match std::env::var("DRCORE_SEEDS") {
        Ok(count) => (1..=count.parse().unwrap()).collect(),
        Err(_) => vec![1, 7, 1_000_003],
    }
}

pub(crate) async fn drill(options: impl FnOnce(&mut SampleOptions)) -> Drill {
    let mut sample = SampleOptions::default();
    options(&mut sample);
    drcore::drill::sample(&sample).await.unwrap()
}

/// Damages that no statement undoes.
const LOST: &[&str] = &["fewer_rows", "orphaned_rows", "stale_data", "tenant_gap"];
/// Kinds that may come with a damage that the log calls by another name.
const COMPANIONS: &[&str] = &["definer_function_exposed", "policies_inactive"];

/// The logged ids.
fn logged(report: &DrillReport, wanted: impl Fn(&Damage) -> bool) -> BTreeSet<String> {
    let damage = report.damage.iter().filter(|damage| wanted(damage));
    damage.flat_map(|damage| damage.finding_ids.iter().cloned()).collect()
}

#[tokio::test]
async fn every_damage_is_found_and_what_can_be_repaired_is() {
    for (at, seed) in seeds().into_iter().enumerate() {
        let drill = drill(|options| {
            options.seed = seed;
            options.operator = Some("a | b".to_owned());
        })
        .await;
        let report = &drill.report;
        let all = logged(report, |_| true);
        let found: BTreeSet<String> = ids(&report.before).into_iter().collect();
        assert!(found.is_superset(&all), "seed {seed}, missed: {:?}", all.difference(&found));
        for finding in report.before.findings() {
            let known = all.contains(finding.id()) || COMPANIONS.contains(&finding.kind());
            let known = known || finding.severity() == Severity::Info;
            assert!(known, "seed {seed}, false alarm: {}", finding.id());
        }
        amounts_are_exact(report);

        let lost = logged(report, |damage| LOST.contains(&damage.damage.as_str()));
        let left = report.after.findings().into_iter().filter(|finding| finding.severity() > Severity::Info);
        let left: BTreeSet<String> = left.map(|finding| finding.id().to_owned()).collect();
        assert_eq!(left, lost, "seed {seed}: what only data can bring back");
        assert_eq!(report.comparison.fixed.len(), found.len() - report.after.findings().len());
        let fixes = report.repair.statements.len();
        assert_eq!(report.run.writes.len(), if fixes == 0 { 0 } else { fixes + 1 }, "and the commit");
        assert_eq!(report.problems, [""; 0], "seed {seed}");
        assert!(report.passed);
        assert_eq!(report.gap.rows, 822, "what after_backup.sql says that it writes");
        assert_eq!(report.gap.tables.iter().map(|table| table.tenants.len()).max(), Some(12));
        survives_json(report);
        tells_the_story(report);
        if at == 0 {
            source_was_not_written_to(&drill).await;
        }
    }
}

/// Rows and tenants in the findings are those that the log measured.
fn amounts_are_exact(report: &DrillReport) {
    let (mut counted, mut expected) = (0, 0);
    for damage in &report.damage {
        for finding in report.before.findings() {
            if !damage.finding_ids.iter().any(|id| id == finding.id()) {
                continue;
            }
            let detail = &damage.detail;
            match finding {
                Finding::FewerRows(fewer) => {
                    assert_eq!(
                        (detail["before"].as_u64(), detail["after"].as_u64()),
                        (Some(fewer.were), Some(fewer.rows))
                    );
                    assert_eq!(finding.count(), detail["rows"].as_u64(), "{}", finding.id());
                    counted += 1;
                }
                Finding::EmptiedTable(emptied) => {
                    assert_eq!(Some(emptied.were), detail["rows"].as_u64(), "{}", finding.id());
                    counted += 1;
                }
                _ if finding.kind() == "orphaned_rows" => {
                    let payload: Value = serde_json::to_value(finding).unwrap();
                    assert_eq!(payload["rows"], detail["rows"], "{}", finding.id());
                    counted += 1;
                }
                _ => {}
            }
        }
        let is_counted = damage.damage == "fewer_rows" || damage.damage == "orphaned_rows";
        let is_there = damage.finding_ids.iter().any(|id| ids(&report.before).contains(id));
        expected += usize::from(is_counted && is_there);
    }
    assert_eq!(counted, expected, "every amount was compared");
}

#[tokio::test]
async fn a_restore_that_went_well_passes() {
    let drill = drill(|options| options.damaged = false).await;
    let report = &drill.report;
    assert_eq!(report.before.verdict, Verdict::Passed, "{:#?}", report.before.checks);
    assert_eq!(report.before.count(Severity::Critical) + report.before.count(Severity::Warning), 0);
    assert_eq!(report.problems, [""; 0]);
    assert!(report.passed);
    assert_eq!(report.run.writes, []);
}

/// The source is as it was made.
async fn source_was_not_written_to(drill: &Drill) {
    let sample = Database::empty().await;
    for sql in [
        include_str!("../../crates/drcore/src/drill/sample/supabase.sql"),
        include_str!("../../crates/drcore/src/drill/sample/schema.sql"),
        include_str!("../../crates/drcore/src/drill/sample/data.sql"),
        include_str!("../../crates/drcore/src/drill/sample/after_backup.sql"),
    ] {
        sample.execute(sql).await;
    }
    let fresh = dump(&sample.url().await).await;
    assert!(fresh.len() > 10_000_000, "{} bytes", fresh.len());
    assert!(dump(&drill.source_url()).await == fresh, "the source was written to");
    assert!(dump(&drill.restored_url()).await != fresh, "and the comparison can tell");
}

/// The whole database as SQL text.
async fn dump(url: &str) -> String {
    let program = Tools::find().await.unwrap().directory.join("pg_dump");
    let output = std::process::Command::new(program).arg(url).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    // Newer versions begin and end with a random key.
    text.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_drill_can_be_cancelled() {
    let options = SampleOptions::default();
    let cancel = options.cancel.clone();
    let (result, ()) = tokio::join!(drcore::drill::sample(&options), async {
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        cancel.cancel();
    });
    assert_eq!(result.unwrap_err().kind(), drcore::ErrorKind::Cancelled);
}

fn survives_json(report: &DrillReport) {
    let back: DrillReport = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    assert_eq!(&back, report);
}

fn tells_the_story(report: &DrillReport) {
    assert!(report.row.to_markdown().contains("| a \\| b |"), "{}", report.row.to_markdown());
    let text = report.to_text();
    for word in ["fewer rows ", "verify says FAILED", "RTO observed", "that only data can bring back"] {
        assert!(text.contains(word), "{word}:\n{text}");
    }
}
