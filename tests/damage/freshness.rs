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
async fn columns_that_are_not_named_meet_no_target_for_those_that_are() {
    let database = Database::with(
        "create table orders (created_at timestamptz); insert into orders values ('2026-11-01T00:00:00Z');
         create table log (created_at timestamptz); insert into log values ('2026-11-20T02:54:00Z');",
    )
    .await;
    let plan = format!("{TARGET}tables = [\"orders.created_at\"]\nrpo = \"1h\"\n");
    let report = database.report(&plan, None).await;
    assert_eq!(found(&report), ["achieved_rpo:database", "rpo_missed:database"]);
    let Some(Finding::AchievedRpo(rpo)) =
        report.findings().into_iter().find(|finding| finding.kind() == "achieved_rpo")
    else {
        panic!()
    };
    assert_eq!(rpo.column, "public.orders.created_at");
    // A column that is not named and cannot be read hides nothing of those that are.
    database.execute("insert into log values ('2099-01-01')").await;
    let report = database.report(&plan, None).await;
    assert_eq!(found(&report), ["achieved_rpo:database", "rpo_missed:database"]);
}

#[tokio::test]
async fn a_column_that_holds_no_instants_any_more_is_unread() {
    let database = Database::with(
        "create table o (created_at timestamptz); insert into o values (now());
         create table l (created_at timestamptz); insert into l values (now());",
    )
    .await;
    let baseline = database.evidence(&parse(""), None).await;
    database.execute("alter table o alter created_at type text").await;
    let report = database.report("", Some(&baseline)).await;
    let result = check(&report, "freshness");
    assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::Unreadable)));
    let unread = &result.unread[0];
    assert_eq!((unread.object.as_str(), unread.cause.kind), ("public.o.created_at", CauseKind::Unsupported));
}

#[tokio::test]
async fn a_baseline_that_has_no_column_in_common_is_no_expectation() {
    let database =
        Database::with("create table o (created_at timestamptz); insert into o values (now())").await;
    let baseline = database.evidence(&parse(""), None).await;
    database
        .execute("drop table o; create table n (created_at timestamptz); insert into n values (now())")
        .await;
    let result = check(&database.report("", Some(&baseline)).await, "freshness").clone();
    assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::NoExpectation)), "{result:?}");
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
