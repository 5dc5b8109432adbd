//! Deadlines and ages: what is not read by then is unread, and what exposes most is read first.

use drcore::check::Outcome;
use drcore::evidence::CauseKind;
use drcore::{Plan, Verdict};
use drcore_tests::{Database, check};

use super::{TABLES, unread};

#[tokio::test]
async fn nothing_more_is_begun_on_a_snapshot_that_is_too_old() {
    let database = Database::with(TABLES).await;
    let baseline = database.evidence(&Plan::default(), None).await;
    let slow = "expect = \"rows\"\nsql = \"select pg_sleep(0.7)\"\n";
    let plan = format!(
        "[limits]\nsessions = 1\nsnapshot_age = \"500ms\"\n\
         [[assertions]]\nname = \"first\"\n{slow}[[assertions]]\nname = \"second\"\n{slow}"
    );
    let report = database.report(&plan, Some(&baseline)).await;
    // What was begun is done.
    assert_eq!(check(&report, "assertions").examined["assertions"], 1);
    assert_eq!(unread(&report, "assertions"), [("second", CauseKind::SnapshotAge)]);
    let cause = &check(&report, "assertions").unread[0].cause;
    assert!(cause.message.contains("(500ms)"), "{}", cause.message);
    assert!(cause.hint.as_ref().unwrap().contains("limits.snapshot_age"));
    assert_eq!(report.verdict, Verdict::Unproven);

    let report = database.report(&plan.replace("500ms", "1m"), Some(&baseline)).await;
    assert_eq!(report.verdict, Verdict::Passed);

    let report = database.report("[limits]\nsnapshot_age = \"1ms\"\n", Some(&baseline)).await;
    assert_eq!(check(&report, "row_counts").outcome, Outcome::NotRun);
    assert_eq!(report.verdict, Verdict::Unproven);
}
