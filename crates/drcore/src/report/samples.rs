//! Reports made by hand, for the tests of the renderers: real ones change with every new check.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Report, ReportRun, verdict};
use crate::check::{Accepted, CheckResult, Judgement, Reason};
use crate::evidence::{Cause, CauseKind, Failure, Run};
use crate::finding::{Common, Custom, Finding, Severity};
use crate::remedy::{Choice, Remedy, RemedyClass};

/// One of everything.
pub(super) fn rich() -> Report {
    let mut buckets = Judgement::default();
    buckets.examine("buckets", 2);
    buckets.find(custom(
        Common::new(
            "bucket_privacy",
            "bucket_public",
            "documents",
            Severity::Critical,
            "public, was private",
        )
        .hint("1,204 files can be downloaded by anyone with a link.")
        .query("select id, public from storage.buckets where id = 'documents'")
        .remedy(Remedy::sql(
            RemedyClass::Safe,
            ["update storage.buckets set public = false where id = 'documents'".to_owned()],
        )),
    ));
    let mut orphans = Judgement::default();
    orphans.examine("relations", 31);
    orphans.find(custom(
        Common::new(
            "orphan_fks",
            "orphaned_rows",
            "public.time_logs",
            Severity::Critical,
            "public.time_logs.task_id → public.tasks.id: 12 orphaned rows",
        )
        .qualified("time_logs_task_id_fkey")
        .query("select c.*\nfrom public.time_logs c\nwhere not exists (select from public.tasks p where p.id = c.task_id)")
        .remedy(Remedy::choose(vec![
            Choice::new(
                "delete",
                "delete the 12 rows",
                RemedyClass::Destructive,
                vec!["delete from public.time_logs where task_id = 9".to_owned()],
            ),
            Choice::new("reinsert", "re-insert 9 parents from a backup", RemedyClass::Safe, Vec::new()),
        ])),
    ));
    orphans.find(custom(Common::new(
        "orphan_fks",
        "not_validated",
        "public.\"User\"",
        Severity::Info,
        "the constraint is NOT VALID",
    )));
    orphans.could_not_read(
        "public.invoices",
        Cause::new(CauseKind::LockTimeout, "canceling statement due to lock timeout")
            .hint("Try again later."),
    );
    let mut rls = Judgement::default();
    rls.examine("tables", 41);
    rls.find(custom(
        Common::new("rls_coverage", "rls_disabled", "public.invoices", Severity::Warning, "off, was on")
            .remedy(
                Remedy::sql(
                    RemedyClass::AvailabilityRisk,
                    [
                        "alter table public.invoices enable row level security".to_owned(),
                        "create policy members on public.invoices using (true);".to_owned(),
                    ],
                )
                .with_note("the text of the policy comes from the baseline"),
            ),
    ));
    let accepted = Accepted::new(
        custom(Common::new("rls_coverage", "rls_disabled", "public.plans", Severity::Critical, "off")),
        "price list, public on purpose",
    );
    let mut rows = Judgement::default();
    rows.examine("tables", 41);
    rows.examine("rows", 2_104_332);
    let mut storage = Judgement::default();
    storage.could_not_read(
        "the object store",
        Cause::new(CauseKind::NotCollected, "none was given").hint("Add --store URL."),
    );
    let mut report = report(vec![
        CheckResult::derive("bucket_privacy", buckets, Vec::new(), false),
        CheckResult::derive(
            "freshness",
            Judgement::no_expectation("no [freshness] in the plan"),
            Vec::new(),
            false,
        ),
        CheckResult::derive("orphan_fks", orphans, Vec::new(), false),
        CheckResult::derive("rls_coverage", rls, vec![accepted], false),
        CheckResult::derive("row_counts", rows, Vec::new(), false),
        CheckResult::left_out("sequence_lag", Reason::Skipped, "sequences are set by the deploy job"),
        CheckResult::derive("storage_orphans", storage, Vec::new(), false),
    ]);
    report.examined = BTreeMap::from([("tables".to_owned(), 41), ("rows".to_owned(), 2_104_332)]);
    report.notes = vec!["[[accept]] row_counts:fewer_rows:public.old accepts nothing now".to_owned()];
    let mut baseline = Run::new(report.run.evidence.taken_at - SignedDuration::from_hours(25));
    baseline.notes = vec!["read in one session".to_owned()];
    report.run.baseline = Some(baseline);
    report
}

/// Names that try to break out of every place that they are put into.
pub(super) const HOSTILE: [&str; 10] = [
    "we\"ird; DROP",
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>",
    "\n::error title=x,y::z%0A",
    "a|b|c",
    "@here #1 http://evil.example www.evil.example ![x](http://evil.example)",
    "\u{1b}[31mred\u{7}\0\u{ffff}",
    "\u{202e}txt.exe\u{200b}",
    "`code` ``` \n```\n# heading",
    "<!-- ]]> --> &amp; {{ 7 * 7 }} {% raw %}",
    "- list\r\n1. item",
];

pub(super) fn hostile() -> Report {
    let mut judgement = Judgement::default();
    judgement.examine("tables", HOSTILE.len() as u64);
    let mut accepted = Vec::new();
    for (at, name) in HOSTILE.into_iter().enumerate() {
        let common = Common::new("names", "custom", name, Severity::Critical, name)
            .hint(name)
            .query(name)
            .remedy(if at % 2 == 0 {
                Remedy::sql(RemedyClass::Safe, [name.to_owned()]).with_note(name)
            } else {
                Remedy::choose(vec![Choice::new(name, name, RemedyClass::Destructive, vec![name.to_owned()])])
            });
        accepted.push(Accepted::new(custom(common.clone()), name));
        judgement.find(custom(common));
        judgement.could_not_read(name, Cause::new(CauseKind::Error, name).hint(name));
    }
    let mut report = report(vec![
        CheckResult::derive("names", judgement, accepted, false),
        CheckResult::derive("notes", Judgement::no_expectation(HOSTILE.join(" ")), Vec::new(), true),
    ]);
    report.notes = HOSTILE.map(str::to_owned).to_vec();
    report.run.evidence.host = Some(HOSTILE.concat());
    report.run.evidence.failure =
        Some(Failure::from(&crate::Error::new(crate::ErrorKind::Query, HOSTILE.concat())));
    report
}

/// So many critical findings.
pub(super) fn big(findings: usize) -> Report {
    let mut judgement = Judgement::default();
    judgement.examine("tables", findings as u64);
    for at in 0..findings {
        let table = format!("public.table_{at:05}");
        let sql = format!("alter table {table} enable row level security");
        judgement.find(custom(
            Common::new(
                "rls_coverage",
                "rls_disabled",
                table,
                Severity::Critical,
                "row level security is off, was on",
            )
            .hint("Anybody with the public key of the project can read and write all rows.")
            .remedy(Remedy::sql(RemedyClass::Safe, [sql])),
        ));
    }
    report(vec![CheckResult::derive("rls_coverage", judgement, Vec::new(), false)])
}

/// So many objects that could not be read, in each of thirty checks.
pub(super) fn big_unread(objects: usize) -> Report {
    let checks = (0..30).map(|check| {
        let mut judgement = Judgement::default();
        for at in 0..objects {
            let cause =
                Cause::new(CauseKind::Permission, format!("permission denied for table table_{at:05}"));
            judgement.could_not_read(format!("public.table_{at:05}"), cause.hint("Grant SELECT on it."));
        }
        CheckResult::derive(&format!("check_{check}"), judgement, Vec::new(), false)
    });
    report(checks.collect())
}

/// Texts without end, of characters that need escapes.
pub(super) fn long_texts() -> Report {
    let long = "<&\"'".repeat(2_000);
    let checks = (0..30).map(|check| {
        let mut judgement = Judgement::default();
        let mut accepted = Vec::new();
        for _ in 0..4 {
            let common = Common::new("long", "custom", &long, Severity::Critical, &long)
                .hint(&long)
                .query(&long)
                .remedy(Remedy::sql(RemedyClass::Safe, [long.clone()]).with_note(&long));
            accepted.push(Accepted::new(custom(common.clone()), &long));
            judgement.find(custom(common));
            judgement.could_not_read(&long, Cause::new(CauseKind::Error, &long));
        }
        CheckResult::derive(&format!("check_{check}"), judgement, accepted, false)
    });
    let mut report = report(checks.collect());
    report.notes = vec![long; 50];
    report
}

/// No connection.
pub(super) fn unreachable() -> Report {
    let error = crate::Error::new(
        crate::ErrorKind::Authentication,
        "password authentication failed for user \"postgres.abcdefghijklmnopqrst\"",
    )
    .hint("Reset it in the settings of the database, or set PGPASSWORD.");
    let failure = Failure::from(&error);
    let mut judgement = Judgement::default();
    judgement.could_not_read("the list of tables", failure.cause());
    let mut report = report(vec![CheckResult::derive("row_counts", judgement, Vec::new(), false)]);
    report.run.evidence.failure = Some(failure);
    report.run.evidence.server = None;
    report
}

/// Nothing to go on, and nothing that counts.
pub(super) fn nothing_selected() -> Report {
    report(vec![
        CheckResult::derive("row_counts", Judgement::no_expectation("no baseline"), Vec::new(), false),
        CheckResult::left_out("orphan_fks", Reason::NotSelected, "left out by --only"),
    ])
}

fn custom(common: Common) -> Finding {
    Finding::Custom(Custom { common, count: None, data: serde_json::Map::new() })
}

fn report(checks: Vec<CheckResult>) -> Report {
    let taken_at: Timestamp = "2026-11-20T03:00:03Z".parse().unwrap();
    let mut run = Run::new(taken_at);
    run.drcore = "0.0.0".to_owned();
    run.host = Some("db.example.com:5432".to_owned());
    run.elapsed_ms = 6_240;
    Report {
        format: Report::FORMAT.to_owned(),
        verdict: verdict(&checks),
        examined: BTreeMap::new(),
        checks,
        notes: Vec::new(),
        out_of_scope: Vec::new(),
        run: ReportRun { evidence: run, baseline: None, plan: None },
    }
}
