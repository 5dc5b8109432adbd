use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::check::{CheckResult, Outcome};
use crate::evidence::{Catalog, CauseKind, Fact, MigrationFile, MigrationFolder, Run, ServiceLevel};
use crate::finding::{Finding, Severity};
use crate::migrations::MigrationTool;
use crate::plan::Plan;
use crate::sql::QualifiedName;

const PLAN: &str = "[migration_drift]\nfolder = \"supabase/migrations\"\n";

fn table() -> QualifiedName {
    MigrationTool::Supabase.usual()
}

fn service() -> QualifiedName {
    QualifiedName::new("auth", "schema_migrations")
}

/// These tables of a Supabase project, each with a version.
fn catalog(tables: &[&QualifiedName]) -> Catalog {
    let relation = |name: String| {
        json!({
            "name": name, "kind": "table", "persistence": "permanent", "owner": "postgres",
            "rls_enabled": false, "rls_forced": false, "parents": [], "is_partition": false, "options": [],
            "acl": [], "extension": null, "estimated_rows": 0,
        })
    };
    let column = |relation: String| {
        json!({
            "relation": relation, "position": 1, "name": "version", "type": "text", "not_null": false,
            "default": null, "generated": false, "identity": false, "acl": [],
        })
    };
    // By these a project of Supabase's is known.
    let users = ["auth.users", "storage.objects", "storage.buckets"].map(str::to_owned);
    let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
    let mut catalog: Catalog = serde_json::from_value(json!({
        "columns": { "read": names.iter().cloned().map(column).collect::<Vec<_>>() },
        "relations": { "read": names.iter().cloned().chain(users).map(relation).collect::<Vec<_>>() },
    }))
    .unwrap();
    catalog.sort();
    catalog
}

fn applied(version: &str, content: Option<&str>) -> AppliedMigration {
    let content = content.map(str::to_owned);
    AppliedMigration { version: version.to_owned(), name: None, content, failed: false }
}

fn file(version: &str, content: &str) -> MigrationFile {
    MigrationFile {
        version: version.to_owned(),
        name: None,
        file: format!("{version}_x.sql"),
        contents: vec![content.to_owned()],
    }
}

/// Two migrations, and their files.
fn healthy() -> Evidence {
    let mut evidence = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
    *evidence.catalog = catalog(&[&table(), &service()]);
    let history = MigrationHistory {
        tool: MigrationTool::Supabase,
        applied: vec![applied("1", Some("1:a")), applied("2", Some("1:b"))],
    };
    evidence.migrations.histories.insert(table(), Fact::Read(history));
    evidence.migrations.folder = Fact::Read(MigrationFolder {
        path: "supabase/migrations".to_owned(),
        tool: MigrationTool::Supabase,
        files: vec![file("1", "1:a"), file("2", "1:b")],
        passed_over: Vec::new(),
    });
    let level = ServiceLevel { applied: 2, last: Some("20250101".to_owned()) };
    evidence.migrations.services.insert(service(), Fact::Read(level));
    evidence
}

fn history_of(evidence: &mut Evidence) -> &mut MigrationHistory {
    let Some(Fact::Read(history)) = evidence.migrations.histories.get_mut(&table()) else {
        panic!("it is read")
    };
    history
}

fn folder_of(evidence: &mut Evidence) -> &mut MigrationFolder {
    let Fact::Read(folder) = &mut evidence.migrations.folder else { panic!("it is read") };
    folder
}

fn judged(plan: &str, now: &Evidence, then: Option<&Evidence>) -> CheckResult {
    let plan = Plan::from_toml(plan).unwrap();
    let judgement = judge(Context::new(&plan, now, then));
    CheckResult::derive(ID, judgement, Vec::new(), plan.names(ID))
}

fn kinds(result: &CheckResult) -> Vec<(&'static str, Severity)> {
    result.findings.iter().map(|finding: &Finding| (finding.kind(), finding.severity())).collect()
}

#[test]
fn what_is_as_it_was_is_silent() {
    let now = healthy();
    for (plan, then) in [(PLAN, None), (PLAN, Some(&now)), ("", Some(&now))] {
        let result = judged(plan, &now, then);
        assert_eq!((result.outcome, kinds(&result)), (Outcome::Passed, vec![]), "{plan}: {result:?}");
    }
    assert_eq!(judged("", &now, None).reason, Some(Reason::NoExpectation));
}

type Spoil = fn(&mut Evidence, Cause);

#[test]
fn a_cause_for_each_fact_leaves_it_unread() {
    let cause = || Cause::new(CauseKind::StatementTimeout, "took too long");
    let spoils: [Spoil; 4] = [
        |evidence, cause| drop(evidence.migrations.histories.insert(table(), Fact::Unread(cause))),
        |evidence, cause| evidence.migrations.folder = Fact::Unread(cause),
        |evidence, cause| drop(evidence.migrations.services.insert(service(), Fact::Unread(cause))),
        |evidence, cause| evidence.catalog.relations = Fact::Unread(cause),
    ];
    let whole = healthy();
    for (at, spoil) in spoils.iter().enumerate() {
        let mut broken = healthy();
        spoil(&mut broken, cause());
        let result = judged(PLAN, &broken, Some(&whole));
        assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::Unreadable)), "now {at}");
        let result = judged(PLAN, &whole, Some(&broken));
        // The files of the baseline's time are not looked at.
        assert_eq!(result.outcome == Outcome::Passed, at == 1, "then {at}: {result:?}");
    }
    for forget in [
        (|evidence: &mut Evidence| drop(evidence.migrations.histories.remove(&table()))) as fn(&mut Evidence),
        |evidence| evidence.migrations.folder = Fact::NotAsked,
        |evidence| drop(evidence.migrations.services.remove(&service())),
    ] {
        let mut forgotten = healthy();
        forget(&mut forgotten);
        assert_eq!(judged(PLAN, &forgotten, Some(&whole)).outcome, Outcome::NotRun);
    }
}

#[test]
fn what_a_service_shuts_is_named_and_no_more() {
    let whole = healthy();
    let mut shut = healthy();
    let cause = Cause::new(CauseKind::Permission, "permission denied");
    shut.migrations.services.insert(service(), Fact::Unread(cause));
    for (now, then) in [(&shut, &whole), (&whole, &shut), (&shut, &shut)] {
        let result = judged(PLAN, now, Some(then));
        assert_eq!(result.outcome, Outcome::Passed, "{result:?}");
        assert!(result.note.unwrap().contains("auth.schema_migrations"));
    }
}

#[test]
fn each_loss_is_told_once() {
    let then = healthy();
    let mut gone = healthy();
    *gone.catalog = catalog(&[&service()]);
    gone.migrations.histories.clear();
    let mut empty = healthy();
    history_of(&mut empty).applied.clear();
    for now in [&gone, &empty] {
        for (plan, then) in [(PLAN, None), (PLAN, Some(&then)), ("", Some(&then))] {
            let result = judged(plan, now, then);
            assert_eq!(kinds(&result), [("history_lost", Severity::Critical)], "{plan}");
            // Rows of the baseline's can be put back, those of files are the tool's to write.
            assert_eq!(result.findings[0].common().remedy.is_some(), then.is_some());
        }
    }
    let mut behind = healthy();
    history_of(&mut behind).applied.pop();
    let result = judged(PLAN, &behind, Some(&then));
    assert_eq!(kinds(&result), [("migrations_lost", Severity::Critical)]);
    // Perhaps the schema lacks them too: that they were applied is never written unasked.
    assert!(matches!(result.findings[0].common().remedy, Some(crate::remedy::Remedy::Choose(_))));
    assert_eq!(kinds(&judged(PLAN, &behind, None)), [("migrations_pending", Severity::Warning)]);
    assert_eq!(kinds(&judged(PLAN, &then, Some(&behind))), [("migrations_added", Severity::Info)]);
    // So it was: nothing was lost.
    let result = judged(PLAN, &behind, Some(&behind));
    assert_eq!(
        (result.outcome, kinds(&result)),
        (Outcome::Passed, vec![("migrations_pending", Severity::Info)])
    );
}

#[test]
fn hashes_of_different_ways_are_not_compared() {
    let then = healthy();
    let mut now = healthy();
    history_of(&mut now).applied[0].content = Some("2:other".to_owned());
    let result = judged(PLAN, &now, Some(&then));
    assert_eq!((result.outcome, kinds(&result)), (Outcome::Passed, vec![]));
    assert!(result.note.unwrap().contains("not known of 1 migration"));
    history_of(&mut now).applied[0].content = Some("1:other".to_owned());
    assert_eq!(
        kinds(&judged(PLAN, &now, Some(&then))),
        [("history_changed", Severity::Warning), ("migrations_edited", Severity::Warning)]
    );
}

#[test]
fn files_of_one_version_hide_each_other() {
    let mut now = healthy();
    folder_of(&mut now).files.push(file("2", "1:b"));
    let result = judged(PLAN, &now, None);
    assert_eq!(kinds(&result), [("migration_versions_shared", Severity::Warning)]);
}

#[test]
fn what_failed_fails() {
    let mut now = healthy();
    history_of(&mut now).applied[1].failed = true;
    assert_eq!(kinds(&judged(PLAN, &now, None)), [("migrations_failed", Severity::Warning)]);
    assert_eq!(kinds(&judged(PLAN, &now, Some(&now))), [("migrations_failed", Severity::Info)]);
    assert_eq!(kinds(&judged(PLAN, &now, Some(&healthy()))), [("migrations_failed", Severity::Warning)]);
}

#[test]
fn a_service_may_be_ahead_and_not_behind() {
    let then = healthy();
    for (last, applied, severity) in
        [("20250102", 3, Severity::Info), ("20241231", 2, Severity::Warning), ("9", 1, Severity::Warning)]
    {
        let mut now = healthy();
        let level = ServiceLevel { applied, last: Some(last.to_owned()) };
        now.migrations.services.insert(service(), Fact::Read(level));
        assert_eq!(kinds(&judged("", &now, Some(&then))), [("service_level_differs", severity)], "{last}");
    }
    let mut now = healthy();
    *now.catalog = catalog(&[&table()]);
    assert_eq!(kinds(&judged("", &now, Some(&then))), [("service_level_differs", Severity::Warning)]);
}
