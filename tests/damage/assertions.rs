use drcore::check::{Outcome, Reason};
use drcore::evidence::{CauseKind, Evidence};
use drcore::{Finding, Plan, Report, Severity, Verdict};
use drcore_tests::{Database, check, ids, parse};

const SCRIPT: &str = include_str!("assertions.sql");

const PLAN: &str = r#"
[[assertions]]
name = "no invoice is overdue and still marked sent"
sql = "select id from invoices where status = 'sent' and due_date < current_date"
expect = "no rows"
[[assertions]]
name = "three tiers"
sql = "select count(*) from tier_definitions; "
expect = "= 3"
severity = "warning"
[[assertions]]
name = "totals"
sql = "select sum(total) from invoices -- with a comment"
expect = "between 19.75 and 19.750"
[[assertions]]
name = "region"
sql = "select value from configuration where key = 'region'"
expect = "same as baseline"
[[assertions]]
name = "price"
sql = "select price from plans"
search_path = ["billing"]
expect = "same as baseline"
[[assertions]]
name = "plans"
sql = "select * from billing.plans"
expect = "rows"
"#;

fn one(sql: &str, expect: &str) -> String {
    format!("[[assertions]]\nname = \"one\"\nsql = '''{sql}'''\nexpect = '''{expect}'''\n")
}

/// The ids of this check's findings.
fn found(report: &Report) -> Vec<String> {
    ids(report)
        .into_iter()
        .filter_map(|id| id.strip_prefix("assertions:assertion_failed:").map(str::to_owned))
        .collect()
}

/// Why the one assertion is unread.
async fn unread(database: &Database, plan: &str, baseline: Option<&Evidence>) -> (CauseKind, String) {
    let report = database.report(plan, baseline).await;
    let result = check(&report, "assertions");
    assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::Unreadable)), "{result:?}");
    assert_ne!(report.verdict, Verdict::Passed);
    let cause = &result.unread[0].cause;
    (cause.kind, cause.message.clone())
}

#[tokio::test]
async fn the_healthy_twin_is_silent() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let baseline = healthy.evidence(&parse(PLAN), None).await.into_baseline();
    let report = healthy.report(PLAN, Some(&baseline)).await;
    assert_eq!(found(&report), [""; 0]);
    let result = check(&report, "assertions");
    assert_eq!(result.outcome, Outcome::Passed, "{:?}", result.unread);
    assert_eq!(result.examined["assertions"], 6);
}

#[tokio::test]
async fn the_damage_is_found_and_nothing_else() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let baseline = healthy.evidence(&parse(PLAN), None).await.into_baseline();
    let report = damaged.report(PLAN, Some(&baseline)).await;
    assert_eq!(
        found(&report),
        ["no invoice is overdue and still marked sent", "price", "region", "three tiers", "totals"]
    );
    let by_name = |name: &str| {
        report.findings().into_iter().find(|finding| finding.common().object == name).cloned().unwrap()
    };
    assert_eq!(by_name("three tiers").severity(), Severity::Warning);
    assert_eq!(by_name("three tiers").common().message, "expected = 3, found 2");
    let overdue = by_name("no invoice is overdue and still marked sent");
    assert_eq!((overdue.severity(), overdue.count()), (Severity::Critical, Some(2)));
    assert_eq!(overdue.common().message, "expected no rows, found 2 rows");
    let Finding::AssertionFailed(region) = by_name("region") else { panic!() };
    assert_eq!(region.common.message, "expected same as baseline, found another value than in the baseline");
}

#[tokio::test]
async fn secrets_stay_where_they_are() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let secret = "select value from configuration where key = 'whatsapp'";
    let plan = one(secret, "differs from baseline");
    let baseline = healthy.evidence(&parse(&plan), None).await.into_baseline();
    assert!(!baseline.to_json().unwrap().contains("sk_live"));
    let restored = healthy.copy().await;
    // The key of the source came with the restore.
    let report = restored.report(&plan, Some(&baseline)).await;
    assert_eq!(found(&report), ["one"]);
    assert!(!report.to_json().unwrap().contains("sk_live"));
    restored.execute("update configuration set value = 'sk_live_other' where key = 'whatsapp'").await;
    assert_eq!(check(&restored.report(&plan, Some(&baseline)).await, "assertions").outcome, Outcome::Passed);
    // What the server says of a value is not told either.
    let cast = one("select value::int from configuration where key = 'whatsapp'", "= 1");
    let (kind, message) = unread(&restored, &cast, None).await;
    assert_eq!((kind, message.as_str()), (CauseKind::Error, "invalid input syntax for type integer: \"…\""));
}

#[tokio::test]
async fn no_row_is_neither_another_value_nor_the_same() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let there = "select value from configuration where key = 'whatsapp'";
    let nowhere = "select value from configuration where key = 'whatsap'";
    let baseline_of = async |plan: &str| healthy.evidence(&parse(plan), None).await.into_baseline();
    for expect in ["differs from baseline", "same as baseline"] {
        let never = one(nowhere, expect);
        let report = healthy.report(&never, Some(&baseline_of(&never).await)).await;
        assert_eq!(found(&report), ["one"], "{expect}");
        let plan = one(there, expect);
        let baseline = baseline_of(&plan).await;
        let restored = healthy.copy().await;
        for damage in [
            "alter table configuration alter value drop not null; update configuration set value = null where key = 'whatsapp'",
            "delete from configuration where key = 'whatsapp'",
        ] {
            restored.execute(damage).await;
            assert_eq!(found(&restored.report(&plan, Some(&baseline)).await), ["one"], "{expect}: {damage}");
        }
        // It was not there when the baseline was taken.
        let baseline = restored.evidence(&parse(&plan), None).await.into_baseline();
        assert!(unread(&healthy, &plan, Some(&baseline)).await.1.contains("in the baseline"));
    }
}

#[tokio::test]
async fn only_reading_is_possible() {
    let (healthy, _) = super::twins(SCRIPT).await;
    healthy
        .execute(
            "create function public.write() returns int language sql volatile as 'delete from invoices returning 1'; \
             create sequence public.s",
        )
        .await;
    for sql in [
        "select 1) q; commit; delete from invoices; --",
        "select 1) q limit 1) r; delete from invoices; commit; select 1 from (select 1 from (select 1",
        "delete from invoices",
        "delete from invoices returning id",
        "with gone as (delete from invoices returning id) select * from gone",
        "select 1; delete from invoices",
        "select write()",
        "select nextval('s')",
        "select set_config('transaction_read_only', 'off', false)",
        "select id from invoices for update",
        "commit",
        "select 1 /* never closed",
        "select no_such_column from invoices",
    ] {
        // What a plan refuses at once, a plan that was made in Rust may hold.
        let mut plan = parse(&one("select 1", "rows"));
        plan.assertions[0].sql = sql.to_owned();
        let report = plan.judge(&healthy.evidence(&plan, None).await, None);
        let result = check(&report, "assertions");
        assert_eq!(
            (result.outcome, result.reason),
            (Outcome::NotRun, Some(Reason::Unreadable)),
            "{result:?}"
        );
        let cause = &result.unread[0].cause;
        assert!(matches!(cause.kind, CauseKind::Error | CauseKind::Unsupported), "{sql}: {cause:?}");
        assert!(!cause.message.is_empty() && cause.hint.is_some(), "{sql}: {cause:?}");
    }
    // Nothing was written, and the others are read all the same.
    let plan = format!("{}{PLAN}", one("with x as (delete from invoices returning 1) table x", "no rows"));
    let report = healthy.report(&plan, None).await;
    assert_eq!(check(&report, "assertions").examined["assertions"], 4);
    let intact = "select count(*), (select last_value from s) from invoices";
    assert_eq!(found(&healthy.report(&one(intact, "= 2"), None).await), [""; 0]);
    assert_eq!(
        found(&healthy.report(&one("select last_value from s where not is_called", "= 1"), None).await),
        [""; 0]
    );
}

#[tokio::test]
async fn what_cannot_be_found_out_is_unread() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let timeout = format!("[limits]\nstatement_timeout = \"100ms\"\n{}", one("select pg_sleep(5)", "rows"));
    assert_eq!(unread(&healthy, &timeout, None).await.0, CauseKind::StatementTimeout);

    // A role that row level security would show fewer rows gets an error, and never "no rows".
    healthy
        .execute(
            "create role assertion_reader login; grant usage on schema public to assertion_reader; \
             grant select on invoices to assertion_reader; alter table invoices enable row level security",
        )
        .await;
    let plan: Plan = parse(&one("select id from invoices", "no rows"));
    let source = drcore::Source::connect(&healthy.url_as("assertion_reader").await).await.unwrap();
    let evidence =
        drcore::collect::collect(&source, &plan, None, &drcore::collect::CollectOptions::default())
            .await
            .unwrap();
    let report = plan.judge(&evidence, None);
    assert_eq!(check(&report, "assertions").unread[0].cause.kind, CauseKind::RowSecurity);
    assert_eq!(report.verdict, Verdict::Unproven);

    let unplanned = healthy.report("", None).await;
    assert_eq!(check(&unplanned, "assertions").reason, Some(Reason::NoExpectation));
    let (kind, _) = unread(&healthy, &one("select 1", "same as baseline"), None).await;
    assert_eq!(kind, CauseKind::NotCollected);
    let other = healthy.evidence(&parse(&one("select 2", "same as baseline")), None).await;
    let (kind, message) = unread(&healthy, &one("select 1", "same as baseline"), Some(&other)).await;
    assert_eq!(kind, CauseKind::NotCollected);
    assert!(message.contains("another statement"), "{message}");
}

#[tokio::test]
async fn values_are_what_the_server_says() {
    let (healthy, _) = super::twins(SCRIPT).await;
    for (sql, expect) in [
        ("select 12345678901234567890.10::numeric", "= 12345678901234567890.1"),
        ("select 0.1::float8 + 0.2::float8", "= 0.30000000000000004"),
        ("select true", "= true"),
        ("select 'a' || chr(10) || '\"b\"', 'other'", "matches ^a\\n\"b\"$"),
        ("select 1 as a, 2 as a", "= 1"),
        ("select date '2026-01-31'", "< 2026-02-01"),
        ("select array[1, 2]", "= [1,2]"),
        ("values ('x')", "= x"),
        ("select from invoices where false", "no rows"),
        ("select from invoices", "rows"),
        ("select generate_series(1, 1000000)", "rows"),
        ("with x as (select 3 as n) select n from x order by n limit 1", "= 3"),
    ] {
        let report = healthy.report(&one(sql, expect), None).await;
        let result = check(&report, "assertions");
        assert_eq!(
            result.outcome,
            Outcome::Passed,
            "{sql} {expect}: {:?} {:?}",
            result.findings,
            result.unread
        );
    }
    let report =
        healthy.report(&one("select value from configuration where key = 'empty'", "<> x"), None).await;
    assert_eq!(report.findings()[0].common().message, "expected <> the planned text, found NULL");
}

#[tokio::test]
async fn a_table_that_is_emptied_meanwhile_has_no_rows_to_prove_anything() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let (_held, id) = healthy.snapshot().await;
    healthy.execute("truncate invoices").await;
    // As of the snapshot the table has rows, and reads as empty all the same.
    let plan = parse(&one("select id from invoices", "no rows"));
    let source = drcore::Source::connect(&healthy.url().await).await.unwrap();
    let mut options = drcore::collect::CollectOptions::default();
    options.snapshot = Some(id);
    let evidence = drcore::collect::collect(&source, &plan, None, &options).await.unwrap();
    let report = plan.judge(&evidence, None);
    assert_eq!(check(&report, "assertions").unread[0].cause.kind, CauseKind::Rewritten);
}
