//! The review of an incident: what records know stands in it, in its place, and what nobody knows is marked.

use std::path::Path;

use drcore::drill::Rehearsal;
use drcore::gap::{GapOptions, gap};
use drcore::restore::{RestoreCall, Restored, restore};
use drcore::{Against, ErrorKind, GapReport, Report, VerifyOptions, review};
use drcore_tests::Database;

use super::history::passed;
use super::rehearsal::{baseline, dump};

const HOSTILE: &str = "a|b <script>**TO WRITE:** @all";
const NONE: [&Path; 0] = [];

/// A project that was restored to two o'clock, what was lost with it, and that something is wrong still.
async fn incident() -> (Restored, GapReport, Report) {
    let source = Database::with(
        "create table clients (id int primary key, tenant text, created_at timestamptz);
         insert into clients select n, 'tenant ' || n % 3, '2026-11-20T01:00:00Z' from generate_series(1, 30) n",
    )
    .await;
    let before = baseline(&source).await;
    let (_directory, path) = dump(&source).await;
    let later = format!(
        "insert into clients select n, '{HOSTILE}', '2026-11-20T02:30:00Z' from generate_series(31, 37) n;
         insert into clients values (38, null, '2026-11-20T02:40:00Z')"
    );
    source.execute(&later).await;
    let mut options = GapOptions::new("2026-11-20T02:00:00Z".parse().unwrap());
    options.tenant_column = Some("tenant".to_owned());
    let lost = gap(&source.url().await, &options).await.unwrap();

    let target = Database::empty().await;
    let mut call = RestoreCall::default();
    call.verify.against = Some(Against::Evidence(Box::new(before.clone())));
    let plan = restore(path.to_str().unwrap(), &target.url().await, &call).await.unwrap();
    let restored = plan.execute(&plan.execute_options()).await.unwrap();
    target.execute("delete from clients where id <= 2").await;
    let mut options = VerifyOptions::default();
    options.against = Some(Against::Evidence(Box::new(before)));
    let report = drcore::verify(&target.url().await, &options).await.unwrap();
    (restored, lost, report)
}

/// The section of this heading, to the next of its level.
fn section<'t>(text: &'t str, heading: &str) -> &'t str {
    let begin = text.find(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("{heading}: {text}"));
    let rest = &text[begin + 4..];
    &rest[..rest.find("\n## ").unwrap_or(rest.len())]
}

#[tokio::test]
async fn what_records_know_stands_in_its_place() {
    let (restored, lost, report) = Box::pin(incident()).await;
    let json = [lost.to_json().unwrap(), report.to_json().unwrap(), restored.to_json().unwrap()];
    let text = review(&json, &NONE).unwrap();
    assert!(text.starts_with("# Post-incident review\n"), "{text}");
    for (heading, needles) in [
        ("Summary", &["everything in it came back", "**FAILED**"][..]),
        (
            "Timeline",
            &[
                "it was noticed",
                "the backup was taken that was restored",
                "ended: everything came back",
                "verify says FAILED",
                "the instant that was gone back to",
            ],
        ),
        (
            "Impact",
            &[
                "8 rows of 1 table were created after 2026-11-20 02:00:00Z",
                "| public.clients | 8 | 1 |",
                "| no tenant | 1 |",
                "RTO, restoring and verifying alone",
                "RPO, from the backup",
            ],
        ),
        ("Root cause", &["**TO WRITE:** what failed"]),
        ("Actions taken", &["1. restore ", &restored.plan.digest]),
        (
            "What was verified",
            &[
                "### By verify",
                "### By restore",
                "(`row_counts:fewer_rows:public.clients`)",
                "**FAILED**",
                "**PASSED**",
            ],
        ),
        ("Left to do by the restore", &["- [ ] "]),
        ("What went well", &["**TO WRITE:**"]),
        ("What went wrong", &["**TO WRITE:**"]),
        ("Prevention", &["ticket, owner"]),
        ("Recovery plan", &["**TO WRITE:**"]),
    ] {
        let section = section(&text, heading);
        for needle in needles {
            assert!(section.contains(needle), "{heading}: {needle}\n{section}");
        }
    }
    // The newest state is the one that was verified last, whatever the order.
    assert!(!section(&text, "Summary").contains("**PASSED**"), "{text}");
    let times: Vec<&str> = section(&text, "Timeline")
        .lines()
        .filter_map(|line| line.strip_prefix("| 20"))
        .map(|line| &line[..17])
        .collect();
    assert!(times.len() >= 6 && times.is_sorted(), "{times:?}");
    let other = [json[2].clone(), json[0].clone(), json[1].clone()];
    assert_eq!(review(&other, &NONE).unwrap(), text);

    // As many places as it says; names of the database add none, and break out of nothing.
    let places = text.matches("**TO WRITE:**").count();
    assert!(places > 12 && text.contains(&format!("marked, in {places} places")), "{places}: {text}");
    assert!(!text.contains("<script>") && !text.contains("| a|b"), "{text}");
    assert!(text.contains(r"| a\|b &lt;script&gt;"), "{text}");
    for line in section(&text, "Timeline").lines().filter(|line| line.starts_with('|')) {
        assert_eq!(line.replace(r"\|", "").matches('|').count(), 4, "{line}");
    }
}

/// What is not known is never told as well.
#[tokio::test]
async fn what_was_not_verified_or_counted_is_told() {
    let (mut restored, mut lost, report) = Box::pin(incident()).await;
    restored.after = None;
    restored.missing_rows = vec!["the rows of public.clients".to_owned()];
    let text = review(&[restored.to_json().unwrap()], &NONE).unwrap();
    for needle in [
        "**Nothing was verified**",
        "**1 thing did not come back**",
        "- the rows of public.clients did not come back",
        "- there was no baseline: the restored database was not verified",
        "not known: no baseline",
        "`drcore gap` counts it",
    ] {
        assert!(text.contains(needle), "{needle}: {text}");
    }
    lost.verdict = drcore::gap::GapVerdict::Unproven;
    let text = review(&[lost.to_json().unwrap()], &NONE).unwrap();
    assert!(
        text.contains("not all could be counted") && text.contains("could not be counted as a whole"),
        "{text}"
    );
    let text = review(&[report.to_json().unwrap()], &NONE).unwrap();
    assert!(text.contains("### By verify") && !text.contains("Left to do by the restore"), "{text}");
}

#[tokio::test]
async fn a_drill_is_told_as_one() {
    let rehearsal = passed().await;
    let text = review(&[rehearsal.to_json().unwrap()], &NONE).unwrap();
    assert!(text.starts_with("# Review of a drill\n"), "{text}");
    for needle in [
        "**PASSED**",
        "| RTO, drill | ",
        "| RPO, drill | ",
        "None: it was a rehearsal",
        "done: restore, in ",
        "the drill ended: PASSED",
        "none in the plan",
    ] {
        assert!(text.contains(needle), "{needle}: {text}");
    }
    assert!(!text.contains("Root cause") && !text.contains("What was lost"), "{text}");
    // Beside what happened in earnest it is one record among others.
    let mut failed: Rehearsal = rehearsal.clone();
    failed.problems = vec!["RTO 3 h is over the objective of 60 min".to_owned()];
    let records = [failed.to_json().unwrap(), rehearsal.report().unwrap().to_json().unwrap()];
    let text = review(&records, &NONE).unwrap();
    assert!(
        text.starts_with("# Post-incident review\n") && text.contains("- RTO 3 h is over the objective"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_no_record_is_refused() {
    let report = passed().await.report().unwrap().to_json().unwrap();
    for (records, kind, needle) in [
        (vec![], ErrorKind::Usage, "at least one record"),
        (vec![report.clone(), "no JSON".to_owned()], ErrorKind::Format, "not JSON"),
        (vec!["{}".to_owned()], ErrorKind::Format, "no format"),
        (vec![r#"{"format": "drcore.plan/1"}"#.to_owned()], ErrorKind::Format, "drcore.plan/1"),
        (vec![report.replacen("report/1", "report/2", 1)], ErrorKind::Format, "drcore.report/2"),
    ] {
        let error = review(&records, &NONE).unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(needle), "{error}");
    }
    let error = review(&[report], &[Path::new("/nowhere/at/all.json")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
}
