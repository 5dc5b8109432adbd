use drcore::check::{Outcome, Reason};
use drcore::evidence::CauseKind;
use drcore::{Finding, Report, Severity};
use drcore_tests::{Database, check, ids, parse};

const SCRIPT: &str = include_str!("freshness.sql");
const TARGET: &str = "[freshness]\ntarget = \"2026-11-20T02:55:00Z\"\n";

/// The ids of this check's findings.
fn found(report: &Report) -> Vec<String> {
    ids(report).into_iter().filter_map(|id| id.strip_prefix("freshness:").map(str::to_owned)).collect()
}

#[tokio::test]
async fn the_healthy_twin_is_silent() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let baseline = healthy.evidence(&parse(""), None).await;
    let report = healthy.report("", Some(&baseline)).await;
    assert_eq!(found(&report), [""; 0]);
    let result = check(&report, "freshness");
    assert_eq!(result.outcome, Outcome::Passed, "{:?}", result.unread);
    assert_eq!(result.examined["columns"], 8);

    let report = healthy.report(TARGET, Some(&baseline)).await;
    assert_eq!(found(&report), ["achieved_rpo:database"]);
    assert_eq!(check(&report, "freshness").outcome, Outcome::Passed);
    let Some(Finding::AchievedRpo(rpo)) = report.findings().into_iter().next() else { panic!() };
    assert_eq!((rpo.lost_seconds, rpo.column.as_str()), (0, "public.events.inserted_at"));
}

#[tokio::test]
async fn the_damage_is_found_and_nothing_else() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let baseline = healthy.evidence(&parse(""), None).await;
    let report = damaged.report("", Some(&baseline)).await;
    assert_eq!(
        found(&report),
        [
            "missing_column:public.renamed.created_at",
            "newer_than_baseline:public.invoices.created_at",
            "no_rows:public.sessions.created_at",
            "stale_data:public.\"User\".\"createdAt\"",
            "stale_data:public.clients.created_at",
        ]
    );
    let stale = report.findings().into_iter().find_map(|finding| match finding {
        Finding::StaleData(stale) if stale.common.object == "public.clients.created_at" => Some(stale),
        _ => None,
    });
    let stale = stale.unwrap();
    assert_eq!(stale.lost_seconds, 3 * 3600);
    assert_eq!(
        stale.common.message,
        "the newest is of 2026-11-19 23:54:40Z, was 2026-11-20 02:54:40Z: the last 3 h are gone"
    );
    // Written after the baseline was taken: worth knowing, and no failure.
    let newer = report.findings().into_iter().find(|finding| finding.kind() == "newer_than_baseline");
    assert_eq!(newer.unwrap().severity(), Severity::Info);
}

#[tokio::test]
async fn the_target_is_meant_for_the_columns_that_are_named() {
    let (_, damaged) = super::twins(SCRIPT).await;
    let report = damaged.report(TARGET, None).await;
    assert_eq!(found(&report), ["achieved_rpo:database", "newer_than_target:public.invoices.created_at"]);
    let named = format!("{TARGET}tables = [\"clients.created_at\", 'User.createdAt']\n");
    let report = damaged.report(&named, None).await;
    assert_eq!(found(&report), ["achieved_rpo:database"]);
    assert_eq!(check(&report, "freshness").outcome, Outcome::Passed);
    let nowhere = format!(
        "{TARGET}tables = [\"clients.made_at\", \"nowhere.created_at\", \"sessions.created_at\", \"settings.key\"]\n"
    );
    let report = damaged.report(&nowhere, None).await;
    assert_eq!(
        found(&report),
        [
            "achieved_rpo:database",
            "missing_column:public.clients.made_at",
            "missing_column:public.nowhere.created_at",
            "no_rows:public.sessions.created_at",
        ]
    );
    assert_eq!(check(&report, "freshness").unread[0].object, "settings.key");
}

#[tokio::test]
async fn the_rpo_is_of_the_newest_row_of_all() {
    let database = Database::with(
        "create table a (created_at timestamptz); insert into a values ('2026-11-20T00:55:00Z');
         create table b (created_at timestamptz); insert into b values ('2026-11-19T00:00:00Z');",
    )
    .await;
    assert_eq!(
        found(&database.report(&format!("{TARGET}rpo = \"2h\""), None).await),
        ["achieved_rpo:database"]
    );
    let report = database.report(&format!("{TARGET}rpo = \"119m\""), None).await;
    assert_eq!(found(&report), ["achieved_rpo:database", "rpo_missed:database"]);
    let missed = report.findings().into_iter().find(|finding| finding.kind() == "rpo_missed").unwrap();
    assert!(missed.common().message.contains("2 h before the target"), "{}", missed.common().message);
    // Against the instant of reading, by the server's clock.
    database.execute("insert into a values (now() - interval '3 hours')").await;
    let found_by = |rpo: &str| format!("[freshness]\nrpo = \"{rpo}\"");
    assert_eq!(found(&database.report(&found_by("2h"), None).await), ["rpo_missed:database"]);
    assert_eq!(found(&database.report(&found_by("4h"), None).await), [""; 0]);
}

#[tokio::test]
async fn what_proves_nothing_is_not_passed() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let reason = |report: &Report| check(report, "freshness").reason;
    assert_eq!(reason(&healthy.report("", None).await), Some(Reason::NoExpectation));
    let only_tables = "[freshness]\ntables = [\"clients.created_at\"]\n";
    assert_eq!(reason(&healthy.report(only_tables, None).await), Some(Reason::NoExpectation));

    // The baseline was taken without the plan, and does not know the column that the plan names.
    let baseline = healthy.evidence(&parse(""), None).await;
    let report = healthy.report("[freshness]\ntables = [\"invoices.issued_on\"]\n", Some(&baseline)).await;
    assert_eq!(reason(&report), Some(Reason::Unreadable));
    assert_eq!(check(&report, "freshness").unread[0].cause.kind, CauseKind::NotCollected);

    // One row in the future, and the newest of the others cannot be seen.
    let skewed = healthy.copy().await;
    skewed.execute("insert into clients values (1000, '2099-01-01')").await;
    let baseline = skewed.evidence(&parse(""), None).await;
    skewed.execute("delete from clients where id < 50").await;
    let report = skewed.report("", Some(&baseline)).await;
    assert_eq!(reason(&report), Some(Reason::Unreadable));
    assert_eq!(check(&report, "freshness").unread[0].object, "public.clients.created_at");

    // Nothing is there, so nothing is at or just before the target.
    let empty = Database::with("create table t (created_at timestamptz)").await;
    assert_eq!(reason(&empty.report(TARGET, None).await), Some(Reason::Unreadable));

    let plain = Database::with("create table t (id int)").await;
    let baseline = plain.evidence(&parse(""), None).await;
    assert_eq!(reason(&plain.report("", Some(&baseline)).await), Some(Reason::NotApplicable));
}
