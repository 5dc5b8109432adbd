use jiff::Timestamp;

use super::*;
use crate::check::{CheckResult, Judgement};
use crate::evidence::{Cause, CauseKind, Evidence, Run};
use crate::finding::{Common, Custom, Severity};

fn finding(check: &str, kind: &str, object: &str, remedy: impl Into<Option<Remedy>>) -> Finding {
    let mut common = Common::new(check, kind, object, Severity::Critical, "m");
    common.remedy = remedy.into();
    Finding::Custom(Custom { common, count: None, data: serde_json::Map::new() })
}

fn sql(class: RemedyClass, statements: &[&str]) -> Remedy {
    Remedy::sql(class, statements.iter().map(|&s| s.to_owned()))
}

fn safe(statements: &[&str]) -> Remedy {
    sql(RemedyClass::Safe, statements)
}

fn orphans(object: &str) -> Finding {
    let way = |name: &str, statements: &[&str]| {
        let statements = statements.iter().map(|&s| s.to_owned()).collect();
        Choice::new(name, name, RemedyClass::Destructive, statements)
    };
    let delete = format!("delete from {object}");
    let choices = vec![way("delete", &[&delete]), way("reinsert", &[])];
    finding("orphan_fks", "orphaned_rows", object, Remedy::choose(choices))
}

fn report(findings: Vec<Finding>) -> Report {
    let plan = crate::Plan::default();
    let mut report = Report::judge(&plan, &Evidence::new(Run::new(Timestamp::UNIX_EPOCH)), None, &[]);
    report.checks.clear();
    for finding in findings {
        let check = finding.common().check.clone();
        let mut judgement = Judgement::default();
        judgement.find(finding);
        report.checks.push(CheckResult::derive(&check, judgement, Vec::new(), false));
    }
    report
}

fn plan(findings: Vec<Finding>, options: &RepairOptions) -> RepairPlan {
    RepairPlan::of(&report(findings), options).unwrap()
}

fn statements(plan: &RepairPlan) -> Vec<&str> {
    plan.statements.iter().map(|statement| statement.sql.as_str()).collect()
}

#[test]
fn sequences_are_last_and_policies_stand_before_row_security_of_their_table() {
    let findings = vec![
        finding(
            "sequence_lag",
            "sequence_behind",
            "public.a_id_seq",
            safe(&["select setval('public.a_id_seq', 7)"]),
        ),
        orphans("public.c"),
        finding(
            "rls_coverage",
            "rls_disabled",
            "public.b",
            safe(&["alter table public.b enable row level security"]),
        ),
        finding("rls_coverage", "policy_lost", "public.a:p", safe(&["create policy p on public.a"])),
        finding("rls_coverage", "policy_lost", "public.b:p", safe(&["create policy p on public.b"])),
        finding(
            "bucket_privacy",
            "bucket_public",
            "documents",
            safe(&["update storage.buckets set public = false"]),
        ),
    ];
    let options =
        RepairOptions { choices: vec![Chosen::new("orphan_fks", "delete")], ..RepairOptions::default() };
    assert_eq!(
        statements(&plan(findings, &options)),
        [
            "create policy p on public.a",
            "create policy p on public.b",
            "alter table public.b enable row level security",
            "update storage.buckets set public = false",
            "delete from public.c",
            "select setval('public.a_id_seq', 7)",
        ]
    );
}

#[test]
fn a_statement_stands_once_and_a_remedy_keeps_its_order() {
    let findings = vec![
        finding("mine", "k", "a", safe(&["two"])),
        finding("mine", "k", "b", safe(&["one;", "two ;", "three"])),
        finding("mine", "k", "c", sql(RemedyClass::AvailabilityRisk, &["three"])),
    ];
    let options = RepairOptions { allow: RemedyClass::AvailabilityRisk, ..RepairOptions::default() };
    let plan = plan(findings, &options);
    assert_eq!(statements(&plan), ["one", "two", "three"]);
    assert_eq!(plan.statements[1].answers, ["mine:k:a", "mine:k:b"]);
    assert_eq!(plan.statements[2].class, RemedyClass::AvailabilityRisk, "the worse of the two");
}

#[test]
fn remedies_that_contradict_each_other_lose_no_statement() {
    let findings =
        vec![finding("mine", "k", "a", safe(&["x", "y"])), finding("mine", "k", "b", safe(&["y", "x"]))];
    assert_eq!(statements(&plan(findings, &RepairOptions::default())), ["x", "y"]);
}

#[test]
fn what_was_not_chosen_not_allowed_or_has_no_remedy_is_left_with_the_reason() {
    let findings = vec![
        orphans("public.c"),
        finding("mine", "k", "risky", sql(RemedyClass::Destructive, &["drop table x"])),
        finding("row_counts", "fewer_rows", "public.t", None),
    ];
    let plan = plan(findings, &RepairOptions::default());
    assert_eq!(plan.statements, []);
    let why: Vec<Why> = plan.left.iter().map(|left| left.why).collect();
    assert_eq!(why, [Why::Choose, Why::NotAllowed, Why::NoRemedy]);
    assert_eq!(plan.left[0].choices.len(), 2);
    assert_eq!(plan.left[1].class, Some(RemedyClass::Destructive));
    let text = plan.to_text();
    assert!(text.contains("choose: --with orphan_fks=delete|reinsert"), "{text}");
    assert!(text.contains("--allow destructive"), "{text}");
}

#[test]
fn the_most_exact_choice_goes_and_one_that_fits_nothing_is_a_mistake() {
    let chosen = |texts: &[&str]| {
        let choices = texts.iter().map(|text| Chosen::parse(text).unwrap()).collect();
        let options = RepairOptions { choices, ..RepairOptions::default() };
        RepairPlan::of(&report(vec![orphans("public.c"), orphans("public.cc")]), &options)
    };
    let plan = chosen(&["orphan_fks:orphaned_rows:public.c=reinsert", "orphan_fks=delete"]).unwrap();
    assert_eq!(statements(&plan), ["delete from public.cc"]);
    assert!(matches!(plan.left[..], [LeftOut { why: Why::NeedsData, .. }]));
    for (texts, says) in [
        (&["orphan_fk=delete"][..], "no finding takes"),
        (&["orphan_fks:orphaned_rows:public.=delete"], "no finding takes"),
        (&["orphan_fks=remove"], "no finding takes"),
        (&["orphan_fks:orphaned_rows:public.c=remove"], "cannot be put right"),
    ] {
        let error = chosen(texts).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains(says), "{error}");
    }
    assert!(Chosen::parse("orphan_fks").is_err());
    assert!(Chosen::parse("=delete").is_err());
}

#[test]
fn a_script_is_one_transaction_and_names_cannot_leave_their_comment() {
    let finding = finding("mine", "k", "public.\"a\ndrop table b; --\"", safe(&["one"]));
    let script = plan(vec![finding], &RepairOptions::default()).to_sql();
    let sql: Vec<&str> = script.lines().filter(|line| !line.starts_with("--") && !line.is_empty()).collect();
    assert_eq!(sql.first(), Some(&"begin;"));
    assert_eq!(sql[sql.len() - 2..], ["one;", "commit;"]);
    assert!(sql.iter().all(|line| !line.contains("drop")), "{script}");
}

#[test]
fn the_digest_changes_with_statements_and_database_and_with_nothing_else() {
    let findings = |sql: &str| vec![finding("mine", "k", "a", safe(&[sql])), finding("mine", "k", "b", None)];
    let digest = |findings| plan(findings, &RepairOptions::default()).digest;
    let first = digest(findings("one"));
    assert_eq!(first.len(), 8);
    assert_eq!(first, digest(findings("one")));
    assert_eq!(first, digest(findings("one").into_iter().rev().collect()));
    assert_ne!(first, digest(findings("two")));

    let mut elsewhere = report(findings("one"));
    elsewhere.run.evidence.server = serde_json::from_value(serde_json::json!({
        "version": "15.18", "version_num": 150_018, "database": "d", "database_oid": 5,
        "system_identifier": "7", "started_at": null, "in_recovery": false, "role": "postgres",
        "superuser": true, "bypass_rls": true, "cluster_name": "", "taken_at": "2026-11-20T02:00:00Z",
    }))
    .unwrap();
    let elsewhere = RepairPlan::of(&elsewhere, &RepairOptions::default()).unwrap();
    assert_eq!(elsewhere.project.as_deref(), Some("d@7"));
    assert_ne!(first, elsewhere.digest);
    assert!(elsewhere.expect(&elsewhere.digest).is_ok());
    assert_eq!(elsewhere.expect(&first).unwrap_err().kind(), ErrorKind::Refused);
}

#[test]
fn fixed_is_only_what_was_looked_for_again() {
    let found =
        || ["a", "b", "c"].map(|check| finding(check, "k", "x", None)).into_iter().collect::<Vec<_>>();
    let before = report(found());
    let mut after = report(vec![finding("d", "k", "x", None)]);
    let mut clean = Judgement::default();
    clean.examine("tables", 1);
    after.checks.push(CheckResult::derive("a", clean.clone(), Vec::new(), false));
    clean.could_not_read("public.t", Cause::new(CauseKind::Permission, "permission denied"));
    after.checks.push(CheckResult::derive("b", clean, Vec::new(), false));
    after.checks.push(CheckResult::derive("c", Judgement::no_expectation("n"), Vec::new(), false));
    let comparison = Comparison::of(&before, &after);
    assert_eq!(comparison.fixed, ["a:k:x"]);
    assert_eq!(comparison.new, ["d:k:x"]);
    let unsettled: Vec<&str> = comparison.unsettled.iter().map(|u| u.finding.as_str()).collect();
    assert_eq!(unsettled, ["b:k:x", "c:k:x"]);
}

#[test]
fn what_is_only_told_needs_no_repair() {
    let told = |severity| {
        let common = Common::new("mine", "custom", "t", severity, "m");
        Finding::Custom(crate::finding::Custom { common, count: None, data: serde_json::Map::new() })
    };
    let left = |severity| plan(vec![told(severity)], &RepairOptions::default()).left.len();
    assert_eq!((left(Severity::Info), left(Severity::Warning)), (0, 1));
}
