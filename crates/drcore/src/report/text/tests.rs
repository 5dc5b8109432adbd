//! The screens, as snapshots. A change here is a change that people see.

use insta::assert_snapshot;

use super::*;
use crate::check::{Accepted, CheckResult, Judgement, Reason, Unread};
use crate::evidence::{Access, Cause, CauseKind, Failure, PasswordFrom, Run, Server};
use crate::finding::{Common, Custom, Finding};
use crate::remedy::{Choice, Remedy, RemedyClass};
use crate::report::ReportRun;
use crate::{Error, ErrorKind};

fn custom(common: Common) -> Finding {
    Finding::Custom(Custom { common, count: None, data: serde_json::Map::new() })
}

/// A finding of a kind that has a page.
fn rows_lost(common: &Common) -> Finding {
    let mut value = serde_json::to_value(common).unwrap();
    let fields = serde_json::json!({"kind": "fewer_rows", "rows": 48_210, "were": 48_213, "lost": 3});
    value.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    serde_json::from_value(value).unwrap()
}

fn passed(id: &str) -> CheckResult {
    let mut judgement = Judgement::default();
    judgement.examine("tables", 41);
    CheckResult::derive(id, judgement, Vec::new(), false)
}

fn failed(id: &str, findings: Vec<Finding>) -> CheckResult {
    let mut judgement = Judgement { findings, ..Judgement::default() };
    judgement.examine("tables", 41);
    CheckResult::derive(id, judgement, Vec::new(), false)
}

fn silent(id: &str, reason: Reason) -> CheckResult {
    CheckResult::derive(
        id,
        Judgement::default().absent(reason, "the plan has no section for it"),
        Vec::new(),
        false,
    )
}

fn run() -> Run {
    let mut run = Run::new("2026-11-20T03:10:00Z".parse().unwrap());
    run.host = Some("aws-0-eu-west-1.pooler.supabase.com:5432".to_owned());
    run.project = Some("abcdefghijklmnopqrst".to_owned());
    run.access = Some(Access {
        sslmode: "require".to_owned(),
        password: Some(PasswordFrom::PasswordFile),
        password_place: Some("~/.pgpass line 3".to_owned()),
    });
    run.elapsed_ms = 6_200;
    run
}

fn server() -> Server {
    serde_json::from_value(serde_json::json!({
        "version": "15.18", "version_num": 150_018, "database": "postgres", "database_oid": 5,
        "system_identifier": null, "started_at": null, "in_recovery": false, "role": "postgres",
        "superuser": false, "bypass_rls": true, "cluster_name": "", "taken_at": "2026-11-20T03:10:00Z",
    }))
    .unwrap()
}

/// A report of these checks, on a database that could be read.
fn report(checks: Vec<CheckResult>) -> Report {
    let mut evidence = run();
    evidence.server = Some(server());
    let mut baseline = run();
    baseline.taken_at = "2026-11-19T02:00:03Z".parse().unwrap();
    Report {
        format: Report::FORMAT.to_owned(),
        verdict: crate::report::verdict(&checks),
        examined: [("tables".to_owned(), 41), ("rows".to_owned(), 2_104_332)].into(),
        checks,
        notes: Vec::new(),
        out_of_scope: Vec::new(),
        run: ReportRun { plan: Some("drcore.toml".to_owned()), evidence, baseline: Some(baseline) },
    }
}

/// A report of a database from which nothing could be read.
fn unreachable(error: &Error) -> Report {
    let mut evidence = run();
    evidence.elapsed_ms = 400;
    evidence.failure = Some(Failure::from(error));
    let cause = evidence.failure.as_ref().unwrap().cause();
    let unread = |id| {
        CheckResult::derive(
            id,
            Judgement::unreadable(Unread::new("tables", cause.clone())),
            Vec::new(),
            false,
        )
    };
    let checks = ["bucket_privacy", "orphan_fks", "row_counts"].map(unread).to_vec();
    Report {
        verdict: crate::report::verdict(&checks),
        checks,
        examined: std::collections::BTreeMap::new(),
        run: ReportRun { plan: None, evidence, baseline: None },
        ..report(Vec::new())
    }
}

fn the_morning_after() -> Report {
    let bucket = Common::new(
        "bucket_privacy",
        "bucket_public",
        "documents",
        Severity::Critical,
        "bucket \"documents\" is public, was private",
    )
    .hint("1,204 files can be downloaded by anyone with a link.")
    .query("select id, public from storage.buckets where id = 'documents'")
    .remedy(Remedy::sql(
        RemedyClass::Safe,
        ["update storage.buckets set public = false where id = 'documents'".to_owned()],
    ));
    let rls = Common::new(
        "rls_coverage",
        "rls_disabled",
        "public.invoices",
        Severity::Critical,
        "row level security is off, was on",
    )
    .hint("anon can read and write all 48,210 rows.")
    .remedy(
        Remedy::sql(
            RemedyClass::AvailabilityRisk,
            ["alter table public.invoices enable row level security;".to_owned()],
        )
        .with_note("its 4 policies are in place and equal the baseline's"),
    );
    let orphans = Common::new(
        "orphan_fks",
        "orphaned_rows",
        "public.time_logs",
        Severity::Critical,
        "12 orphaned rows (task_id → public.tasks.id)",
    )
    .qualified("time_logs_task_id_fkey")
    .hint(
        "The constraint says valid: the rows were loaded with triggers off. 2 tenants, e.g. id 88120, 88121.",
    )
    .remedy(Remedy::choose(vec![
        Choice::new("delete", "delete the 12 rows", RemedyClass::Destructive, Vec::new()),
        Choice::new("set-null", "set null", RemedyClass::Destructive, Vec::new()),
        Choice::new("reinsert", "re-insert 9 parents", RemedyClass::Safe, Vec::new()),
    ]));
    let rows = Common::new(
        "row_counts",
        "fewer_rows",
        "public.invoices",
        Severity::Warning,
        "3 rows lost (48,210, were 48,213)",
    );
    let mut counts = failed("row_counts", vec![rows_lost(&rows)]);
    counts.unread.push(Unread::new(
        "public.secrets",
        Cause::new(CauseKind::Permission, "permission denied for table secrets")
            .hint("grant select on public.secrets to the role that verifies, and usage on its schema."),
    ));
    let accepted =
        Common::new("privilege_drift", "grant_added", "public.plans", Severity::Warning, "anon may select");
    let mut drift = passed("privilege_drift");
    drift.accepted.push(Accepted::new(custom(accepted), "price list, public on purpose"));
    let cause = Cause::new(CauseKind::LockTimeout, "canceling statement due to lock timeout");
    let mut tenant = Judgement::default();
    for table in ["public.a", "public.b", "public.c", "public.d", "public.e", "public.f"] {
        tenant.could_not_read(table, cause.clone());
    }
    report(vec![
        counts,
        failed("orphan_fks", vec![custom(orphans)]),
        failed("rls_coverage", vec![custom(rls)]),
        failed("bucket_privacy", vec![custom(bucket)]),
        passed("sequence_lag"),
        drift,
        silent("freshness", Reason::NoExpectation),
        CheckResult::derive(
            "storage_orphans",
            Judgement::default().absent(Reason::Assumed, "no object store: add --store URL or [storage]"),
            Vec::new(),
            false,
        ),
        CheckResult::derive("tenant_isolation", tenant, Vec::new(), false),
    ])
}

#[test]
fn failed_screen() {
    assert_snapshot!(the_morning_after().to_text(TextOptions::default()));
}

#[test]
fn failed_screen_in_full() {
    let options = TextOptions { verbose: true, ..TextOptions::default() };
    let mut report = the_morning_after();
    report.notes.push("[[accept]] row_counts:fewer_rows:public.a accepts nothing now".to_owned());
    assert_snapshot!(report.to_text(options));
}

#[test]
fn failed_screen_in_a_pipe() {
    let options = TextOptions { width: None, ..TextOptions::default() };
    assert_snapshot!(the_morning_after().to_text(options));
}

#[test]
fn color_only_adds_codes() {
    let plain = the_morning_after().to_text(TextOptions::default());
    let colored = the_morning_after().to_text(TextOptions { color: true, ..TextOptions::default() });
    assert!(colored.contains('\u{1b}'));
    let mut stripped = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    assert_eq!(stripped + rest, plain);
    assert!(!plain.contains('\u{1b}'));
}

#[test]
fn wrong_password_screen() {
    let error = Error::new(
        ErrorKind::Authentication,
        "password authentication failed for user \"postgres.abcdefghijklmnopqrst\"",
    )
    .with_sqlstate("28P01")
    .hint("Reset the password (Supabase: Settings → Database), or set PGPASSWORD.");
    assert_snapshot!(unreachable(&error).to_text(TextOptions::default()));
}

#[test]
fn unreachable_screen() {
    let error =
        Error::new(ErrorKind::Connection, "error connecting to server: Connection refused (os error 111)")
            .hint("Check host and port, and that the database is not paused or still restoring.");
    let mut report = unreachable(&error);
    let access = report.run.evidence.access.as_mut().unwrap();
    (access.password, access.password_place) = (None, None);
    assert_snapshot!(report.to_text(TextOptions::default()));
}

#[test]
fn unproven_screen() {
    let mut counts = Judgement::default();
    counts.examine("tables", 40);
    counts.could_not_read("public.a", Cause::new(CauseKind::Permission, "permission denied for table a"));
    let counts = CheckResult::derive("row_counts", counts, Vec::new(), false);
    assert_snapshot!(report(vec![counts, passed("orphan_fks")]).to_text(TextOptions::default()));
}

#[test]
fn nothing_to_go_on_screen() {
    let mut report =
        report(vec![silent("freshness", Reason::NoExpectation), silent("row_counts", Reason::NoExpectation)]);
    report.run.baseline = None;
    report.examined.clear();
    assert_eq!(report.verdict, Verdict::Unproven);
    assert_snapshot!(report.to_text(TextOptions::default()));
}

#[test]
fn interrupted_screen() {
    let mut report = the_morning_after();
    report.run.evidence.failure = Some(Failure::from(&Error::new(ErrorKind::Cancelled, "interrupted")));
    assert!(report.to_text(TextOptions::default()).contains("· exit 130"));
    let mut report = self::report(vec![passed("orphan_fks"), silent("row_counts", Reason::Unreadable)]);
    report.run.evidence.failure = Some(Failure::from(&Error::new(ErrorKind::Cancelled, "interrupted")));
    assert_snapshot!(report.to_text(TextOptions::default()));
}

#[test]
fn all_well_screen() {
    let checks = vec![passed("row_counts"), passed("orphan_fks"), silent("freshness", Reason::NoExpectation)];
    let text = report(checks).to_text(TextOptions::default());
    assert_snapshot!(text);
}

#[test]
fn what_the_plan_leaves_out_is_seen_on_a_green_screen() {
    let skipped = CheckResult::left_out("storage_orphans", Reason::Skipped, "another job verifies the files");
    for verbose in [false, true] {
        let options = TextOptions { verbose, ..TextOptions::default() };
        let text = report(vec![passed("row_counts"), skipped.clone()]).to_text(options);
        assert_eq!(
            text.matches("SKIPPED  storage_orphans: another job verifies the files").count(),
            1,
            "{text}"
        );
        assert!(text.contains("2 checks: 1 passed · 1 skipped"), "{text}");
    }
}

#[test]
fn all_well_is_three_lines_where_they_need_not_wrap() {
    let text =
        report(vec![passed("row_counts")]).to_text(TextOptions { width: None, ..TextOptions::default() });
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[test]
fn many_findings_screen() {
    let warning = |n: usize| {
        let object = format!("public.t{}", n % 6);
        custom(
            Common::new("row_counts", "fewer_rows", &object, Severity::Warning, format!("{n} rows lost"))
                .qualified(&format!("{n:02}")),
        )
    };
    let critical =
        Common::new("orphan_fks", "orphaned_rows", "public.z", Severity::Critical, "1 orphaned row");
    let checks = vec![
        failed("row_counts", (1..=33).map(warning).collect()),
        failed("orphan_fks", vec![custom(critical)]),
    ];
    assert_snapshot!(report(checks).to_text(TextOptions::default()));
}

#[test]
fn hostile_names_screen() {
    let evil = "public.\"x\u{1b}[2J\u{1b}]0;owned\u{7}\nPASSED   all is well\u{202e}\"";
    let finding = Common::new("row_counts", "fewer_rows", evil, Severity::Warning, "1 row lost")
        .hint(format!("Look at {evil}."))
        .query(format!("select count(*) from {evil}"))
        .remedy(Remedy::sql(RemedyClass::Safe, [format!("analyze {evil}")]));
    let mut counts = failed("row_counts", vec![custom(finding)]);
    counts.unread.push(Unread::new(evil, Cause::new(CauseKind::Error, format!("no {evil}")).hint(evil)));
    let mut report = report(vec![counts]);
    report.run.evidence.server.as_mut().unwrap().database = evil.to_owned();
    report.run.evidence.notes.push(evil.to_owned());
    report.run.plan = Some(evil.to_owned());
    report.notes.push(evil.to_owned());
    // Nothing of it stands in the margin, where the verdict and the severities are.
    for verbose in [false, true] {
        let text = report.to_text(TextOptions { verbose, ..TextOptions::default() });
        assert!(!text.contains(|c: char| c != '\n' && crate::report::escape::is_hostile(c)), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("PASSED")), "{text}");
    }
    assert_snapshot!(report.to_text(TextOptions::default()));
}

#[test]
fn fail_on_critical_says_so_and_changes_nothing_else() {
    let warning = custom(Common::new("row_counts", "more_rows", "public.a", Severity::Warning, "1 more row"));
    let options = TextOptions { fail_on: Severity::Critical, ..TextOptions::default() };
    let text = report(vec![failed("row_counts", vec![warning])]).to_text(options);
    assert!(text.starts_with("FAILED"), "{text}");
    assert!(text.contains("exit 0 by --fail-on critical"), "{text}");
}

#[test]
fn no_line_is_longer_than_the_terminal_but_ids() {
    let text =
        the_morning_after().to_text(TextOptions { width: Some(60), verbose: true, ..TextOptions::default() });
    for line in text.lines() {
        assert!(
            line.chars().count() <= 60 || line.trim().contains(':') && !line.trim().contains(' '),
            "{line:?}"
        );
    }
}

#[test]
fn the_baseline_is_named_where_it_is_of_another_database_or_was_not_read() {
    let with = |change: fn(&mut Run)| {
        let mut report = report(vec![passed("row_counts")]);
        change(report.run.baseline.as_mut().unwrap());
        report.compared_with()
    };
    let own = Some("the baseline of 2026-11-19 02:00:03Z (25 h old)".to_owned());
    assert_eq!(with(|_| {}), own);
    let other = Some("the baseline of zyxwvutsrqponmlkjihg, 2026-11-19 02:00:03Z (25 h old)".to_owned());
    assert_eq!(with(|run| run.project = Some("zyxwvutsrqponmlkjihg".to_owned())), other);
    let unread =
        |run: &mut Run| run.failure = Some(Failure::from(&Error::new(ErrorKind::Connection, "refused")));
    assert_eq!(with(unread), Some("a baseline of which nothing was read".to_owned()));
    let mut without = report(Vec::new());
    without.run.baseline = None;
    assert_eq!(without.compared_with(), None);
}

#[test]
fn one_fix_for_two_findings_is_shown_once() {
    let finding = |object: &str, statement: &str| {
        let remedy = Remedy::sql(RemedyClass::Safe, [statement.to_owned()]);
        custom(Common::new("rls_coverage", "custom", object, Severity::Critical, "changed").remedy(remedy))
    };
    let findings = vec![finding("a", "select 1"), finding("b", "select 2"), finding("c", "select 1")];
    let report = report(vec![failed("rls_coverage", findings)]);
    let numbers: Vec<usize> = report.fixes().iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, [1, 2, 1]);
    let text = report.to_text(TextOptions::default());
    assert_eq!(text.matches("select 1;").count(), 1, "{text}");
    assert!(text.contains("fix 1, as above") && text.contains("fixes 1 and 2"), "{text}");
}
