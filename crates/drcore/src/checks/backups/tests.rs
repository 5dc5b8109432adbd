use jiff::Timestamp;

use super::*;
use crate::backup::{BackupKind, InstantFrom, VerificationVerdict, VerifiedNote};
use crate::check::{CheckResult, Outcome};
use crate::evidence::{Evidence, Fact, PlatformFacts, Run};
use crate::finding::Severity;
use crate::plan::Plan;

const CRITICAL: Severity = Severity::Critical;
const WARNING: Severity = Severity::Warning;

const PLAN: &str = "
[backups]
repository = \"/backups\"
schedule = \"24h\"
keep = \"30 days\"
verified = \"7 days\"
[objectives]
rpo = \"25h\"
";

fn now() -> Timestamp {
    "2026-11-30T03:00:00Z".parse().unwrap()
}

/// One of so many hours ago.
fn backup(hours: i64, state: BackupState) -> BackupFact {
    BackupFact {
        name: format!("b{hours}"),
        state,
        kind: BackupKind::Backup,
        at: now() - SignedDuration::from_hours(hours),
        at_from: InstantFrom::Snapshot,
        dump: None,
        dump_bytes: 1_000_000,
        rows: None,
        silent: false,
        verified: None,
        problems: Vec::new(),
    }
}

/// One a day, the newest an hour old and verified.
fn series(days: i64) -> Vec<BackupFact> {
    let mut series: Vec<_> = (0..days).map(|day| backup(1 + 24 * day, BackupState::Complete)).collect();
    series[0].verified = Some(VerifiedNote { at: now(), verdict: VerificationVerdict::Whole });
    series
}

fn facts(newest: Vec<BackupFact>) -> RepositoryFacts {
    RepositoryFacts {
        repository: "/backups".to_owned(),
        listed_at: now(),
        backups: newest.len() as u64,
        other_objects: 0,
        beside: Vec::new(),
        newest,
    }
}

fn judged(plan: &str, evidence: &Evidence) -> CheckResult {
    let plan = Plan::from_toml(plan).unwrap();
    CheckResult::derive(ID, judge(Context::new(&plan, evidence, None)), Vec::new(), false)
}

fn result(plan: &str, facts: RepositoryFacts) -> CheckResult {
    let mut evidence = Evidence::new(Run::new(now()));
    evidence.backups = Fact::Read(facts);
    judged(plan, &evidence)
}

fn found(result: &CheckResult) -> Vec<(&str, Severity)> {
    result.findings.iter().map(|finding| (finding.id(), finding.severity())).collect()
}

#[test]
fn a_series_that_is_as_it_should_be_is_silent() {
    let result = result(PLAN, facts(series(30)));
    assert_eq!((found(&result), result.outcome), (vec![], Outcome::Passed));
    assert_eq!(result.examined["backups"], 30);
}

#[test]
fn without_a_repository_or_an_objective_nothing_is_proved() {
    let evidence = Evidence::new(Run::new(now()));
    let nowhere = judged("", &evidence);
    assert_eq!((nowhere.reason, nowhere.counts), (Some(Reason::NoExpectation), false));
    let no_rpo = result("[backups]\nrepository = \"/backups\"\n", facts(series(3)));
    assert_eq!((no_rpo.outcome, no_rpo.reason), (Outcome::NotRun, Some(Reason::NoExpectation)));
    assert!(no_rpo.note.unwrap().contains("[objectives] rpo"));
    // One that could not be listed is unread, not empty.
    let mut evidence = Evidence::new(Run::new(now()));
    evidence.backups = Fact::Unread(Cause::new(CauseKind::Connection, "the store does not answer"));
    let unread = judged(PLAN, &evidence);
    assert_eq!(
        (unread.outcome, unread.reason, unread.counts),
        (Outcome::NotRun, Some(Reason::Unreadable), true)
    );
    assert!(unread.findings.is_empty());
}

#[test]
fn an_empty_repository_and_a_misspelt_prefix_are_findings() {
    let mut empty = facts(Vec::new());
    let of = result(PLAN, empty.clone());
    assert_eq!(found(&of), [("backups:no_backups:/backups", CRITICAL)]);
    assert!(of.findings[0].common().message.contains("nothing lies there at all"));
    empty.beside = vec!["app-prod/".to_owned()];
    let of = result(PLAN, empty.clone());
    assert_eq!(
        of.findings[0].common().message,
        "no backup: nothing lies under this prefix; next to it: app-prod/"
    );
    // Begun, salvaged, damaged: nothing that is restored from by itself.
    let mut salvage = backup(1, BackupState::Complete);
    salvage.kind = BackupKind::Salvage;
    let of = result(PLAN, facts(vec![salvage, backup(2, BackupState::Unfinished)]));
    assert_eq!(found(&of), [("backups:no_backups:/backups", CRITICAL)]);
}

/// What is done to the facts, and what is found then.
type Case = (fn(&mut Vec<BackupFact>), &'static [(&'static str, Severity)]);

#[test]
fn each_damage_is_found_by_itself() {
    let changed = |change: fn(&mut Vec<BackupFact>)| {
        let mut series = series(30);
        change(&mut series);
        result(PLAN, facts(series))
    };
    let cases: [Case; 8] = [
        (
            |series| {
                series.remove(0);
                series[0].at -= SignedDuration::from_mins(61);
                series[0].verified = Some(VerifiedNote { at: now(), verdict: VerificationVerdict::Whole });
            },
            &[("backups:backup_too_old:/backups", CRITICAL)],
        ),
        (
            |series| series[3].state = BackupState::Damaged,
            &[("backups:backup_gap:/backups", WARNING), ("backups:damaged_backup:b73", WARNING)],
        ),
        (
            |series| {
                series.insert(0, backup(0, BackupState::Damaged));
            },
            &[("backups:damaged_backup:b0", CRITICAL)],
        ),
        (|series| series[0].dump_bytes = 400_000, &[("backups:backup_shrunk:b1", WARNING)]),
        (|series| drop(series.remove(10)), &[("backups:backup_gap:/backups", WARNING)]),
        (
            |series| series.push(backup(24 * 32, BackupState::Complete)),
            &[("backups:backup_gap:/backups", WARNING), ("backups:backups_kept_too_long:/backups", WARNING)],
        ),
        (|series| series[0].verified = None, &[("backups:unverified_backups:/backups", WARNING)]),
        (
            |series| {
                let mut killed = backup(5, BackupState::Unfinished);
                killed.silent = true;
                series.insert(1, killed);
                // One that is being taken is nobody's leftover.
                series.insert(0, backup(0, BackupState::Unfinished));
            },
            &[("backups:unfinished_backup:b5", WARNING)],
        ),
    ];
    for (change, is) in cases {
        let result = changed(change);
        assert_eq!(found(&result), is);
        assert_eq!(result.outcome, Outcome::Failed);
    }
}

#[test]
fn what_prune_never_removes_may_be_old_and_what_cannot_be_read_is_unread() {
    let plan = "[backups]\nrepository = \"/backups\"\nkeep = \"1 day\"\n[objectives]\nrpo = \"90 days\"\n";
    let mut old = vec![backup(24 * 40, BackupState::Complete), backup(24 * 50, BackupState::Complete)];
    old[1].verified = Some(VerifiedNote { at: now(), verdict: VerificationVerdict::Whole });
    let mut salvage = backup(24 * 60, BackupState::Complete);
    salvage.kind = BackupKind::Salvage;
    old.push(salvage);
    assert_eq!(result(plan, facts(old.clone())).outcome, Outcome::Passed);
    old.push(backup(24 * 70, BackupState::Complete));
    let of = result(plan, facts(old));
    assert_eq!(found(&of), [("backups:backups_kept_too_long:/backups", Severity::Warning)]);
    assert_eq!(of.findings[0].count(), Some(1));

    let mut series = series(2);
    series[1].state = BackupState::Unreadable;
    let of = result(plan, facts(series));
    assert_eq!((of.outcome, of.reason), (Outcome::NotRun, Some(Reason::Unreadable)));
}

#[test]
fn dumps_of_others_are_a_series_too_and_are_compared_with_their_like() {
    let mut foreign: Vec<_> = (0..6).map(|day| backup(1 + 24 * day, BackupState::Foreign)).collect();
    let plan = "[backups]\nrepository = \"/backups\"\nschedule = \"24h\"\n[objectives]\nrpo = \"25h\"\n";
    assert_eq!(result(plan, facts(foreign.clone())).outcome, Outcome::Passed);
    // The first of ours is smaller than theirs, and of another kind.
    let mut ours = backup(0, BackupState::Complete);
    ours.dump_bytes = 10;
    foreign.insert(0, ours);
    assert_eq!(result(plan, facts(foreign)).outcome, Outcome::Passed);
}

fn platform(change: impl FnOnce(&mut PlatformFacts)) -> CheckResult {
    let hour = |hours: i64| (now() - SignedDuration::from_hours(hours)).to_string();
    let mut facts: PlatformFacts = serde_json::from_value(serde_json::json!({
        "format": "drcore.platform/1", "project": "abcdefghijklmnopqrst", "read_at": now(), "region": "eu-central-1",
        "walg_enabled": true, "pitr_enabled": false, "backups": [
            {"id": 2, "at": hour(5), "status": "COMPLETED", "physical": true},
            {"id": 1, "at": hour(29), "status": "COMPLETED", "physical": true},
        ]
    }))
    .unwrap();
    change(&mut facts);
    let plan =
        "[backups]\nplatform = \"abcdefghijklmnopqrst\"\npitr = \"7 days\"\n[objectives]\nrpo = \"25h\"\n";
    let plan = if facts.pitr_enabled { plan.to_owned() } else { plan.replace("pitr = \"7 days\"\n", "") };
    let mut evidence = Evidence::new(Run::new(now()));
    evidence.platform = Fact::Read(facts);
    judged(&plan, &evidence)
}

#[test]
fn the_platforms_backups_are_held_against_the_same_objectives() {
    let id = |kind: &str| format!("backups:{kind}:abcdefghijklmnopqrst");
    let window = |earliest: i64, latest: i64| {
        let hour = |hours: i64| now() - SignedDuration::from_hours(hours);
        serde_json::from_value(serde_json::json!({"earliest": hour(earliest), "latest": hour(latest)}))
            .unwrap()
    };
    assert_eq!(platform(|_| {}).outcome, Outcome::Passed);
    assert_eq!(
        found(&platform(|facts| drop(facts.backups.remove(0)))),
        [(&*id("platform_backup_too_old"), CRITICAL)]
    );
    assert_eq!(
        found(&platform(|facts| facts.backups.clear())),
        [(&*id("platform_backup_too_old"), CRITICAL)]
    );
    // A newest one that failed is told, also where the one before is new enough.
    let of = platform(|facts| facts.backups[0].status = "FAILED".into());
    assert_eq!(
        found(&of),
        [(&*id("platform_backup_too_old"), CRITICAL), (&*id("platform_backup_failed"), WARNING)]
    );
    // With point-in-time recovery there are no backups, and the window counts.
    let pitr = |earliest: i64, latest: i64| {
        platform(move |facts| {
            facts.pitr_enabled = true;
            facts.backups.clear();
            facts.window = Some(window(earliest, latest));
        })
    };
    assert_eq!(pitr(24 * 7, 0).outcome, Outcome::Passed);
    assert_eq!(found(&pitr(24 * 3, 0)), [(&*id("pitr_unavailable"), WARNING)]);
    assert_eq!(found(&pitr(24 * 7, 30)), [(&*id("platform_backup_too_old"), WARNING)]);
}
