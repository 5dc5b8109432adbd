use std::fs;
use std::path::Path;

use drcore::check::{Outcome, Reason};
use drcore::remedy::Remedy;
use drcore::{Against, Evidence, Finding, Report, Severity, VerifyOptions};
use drcore_tests::{Database, check, parse};

const SCRIPT: &str = include_str!("migration_drift.sql");
const ID: &str = "migration_drift";

async fn healthy() -> Database {
    let database = Database::supabase().await;
    database.execute(SCRIPT.split_once("-- damage\n").unwrap().0).await;
    database
}

async fn damage(database: &Database) {
    database.execute(SCRIPT.split_once("-- damage\n").unwrap().1).await;
}

async fn baseline(database: &Database) -> Evidence {
    database.evidence(&parse(""), None).await
}

fn found(report: &Report) -> Vec<(String, Severity)> {
    let findings = check(report, ID).findings.iter();
    let mut found: Vec<(String, Severity)> = findings
        .map(|finding| {
            (finding.id().strip_prefix("migration_drift:").unwrap().to_owned(), finding.severity())
        })
        .collect();
    found.sort();
    found
}

fn expected(all: &[(&str, Severity)]) -> Vec<(String, Severity)> {
    all.iter().map(|(id, severity)| ((*id).to_owned(), *severity)).collect()
}

/// The files that Supabase's history was made from, written otherwise than it keeps them.
fn write(folder: &Path) {
    for (name, text) in [
        (
            "20240101000000_tenants.sql",
            "create table tenants\r\n  (id int primary key);\r\n\r\ncomment on table tenants is 'a;  b';\r\n",
        ),
        (
            "20240201000000_it's.sql",
            "create function f() returns int language sql as $$ select 1; -- 'one\n $$;\n-- the end\n",
        ),
        ("20240301000000_textless.sql", "select 1;\n"),
        ("20240401000000_secret.sql", "select /* it */ 'S3CRET'"),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
}

fn plan(folder: &Path) -> String {
    format!("[migration_drift]\ntool = \"supabase\"\nfolder = {:?}\n", folder.to_str().unwrap())
}

fn options(plan: &str, baseline: Option<&Evidence>) -> VerifyOptions {
    let mut options = VerifyOptions::default();
    options.plan = parse(plan);
    options.against = baseline.cloned().map(|baseline| Against::Evidence(Box::new(baseline)));
    options
}

async fn verified(database: &Database, plan: &str, baseline: Option<&Evidence>) -> Report {
    let url = database.url().await;
    database.untouched(drcore::verify(&url, &options(plan, baseline))).await.unwrap()
}

#[tokio::test]
async fn the_healthy_twin_is_silent() {
    let database = healthy().await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    fs::write(folder.path().join("README.md"), "").unwrap();
    let then = baseline(&database).await;
    assert_eq!(then.migrations.histories.len(), 5, "{:?}", then.migrations.histories.keys());
    for then in [None, Some(&then)] {
        let report = verified(&database, &plan(folder.path()), then).await;
        let check = check(&report, ID);
        assert_eq!((check.outcome, found(&report)), (Outcome::Passed, vec![]), "{:?}", check.unread);
        assert_eq!((check.examined["migrations"], check.examined["files"]), (4 + 2 + 2 + 2 + 2, 4));
        // Without a text nothing is compared, and that is said.
        let note = check.note.as_deref().unwrap();
        assert!(note.contains("not known of 1 migration, whose text"), "{note}");
    }
    let report = verified(&database, "", Some(&then)).await;
    assert_eq!(check(&report, ID).outcome, Outcome::Passed);
    assert_eq!(check(&report, ID).examined["services"], 2);
    // No text of a migration is kept.
    let kept = serde_json::to_string(&then.migrations).unwrap();
    assert!(!kept.contains("S3CRET") && !kept.contains("create table"), "{kept}");
}

#[tokio::test]
async fn the_damage_is_found_and_nothing_else() {
    let database = healthy().await;
    let then = baseline(&database).await;
    damage(&database).await;
    let report = verified(&database, "", Some(&then)).await;
    let (info, warning, critical) = (Severity::Info, Severity::Warning, Severity::Critical);
    let against = expected(&[
        ("history_changed:drizzle.__drizzle_migrations", warning),
        ("history_lost:public._sqlx_migrations", critical),
        ("history_lost:supabase_migrations.schema_migrations", critical),
        ("migrations_added:app.schema_migrations", info),
        ("migrations_added:public._prisma_migrations", info),
        ("migrations_failed:public._prisma_migrations", warning),
        ("migrations_lost:public._prisma_migrations", critical),
        ("service_level_differs:auth.schema_migrations", warning),
        ("service_level_differs:storage.migrations", info),
    ]);
    assert_eq!(found(&report), against);
    for finding in &check(&report, ID).findings {
        match finding {
            Finding::HistoryLost(lost) if finding.id().contains("sqlx") => assert_eq!(lost.migrations, 2),
            Finding::HistoryLost(lost) => {
                assert_eq!((lost.migrations, lost.newest.as_deref()), (4, Some("20240401000000")));
            }
            Finding::MigrationsLost(lost) => assert_eq!(lost.versions, ["2_b"]),
            Finding::MigrationsFailed(failed) => assert_eq!(failed.versions, ["3_c"]),
            Finding::HistoryChanged(changed) => assert_eq!(changed.versions, ["1710000000000"]),
            _ => {}
        }
        if let Some(query) = &finding.common().query {
            assert!(!database.query(query).await.is_empty(), "{query}");
        }
    }
    // Nothing but what failed is known without a baseline.
    let report = verified(&database, "", None).await;
    assert_eq!(found(&report), expected(&[("migrations_failed:public._prisma_migrations", warning)]));
}

#[tokio::test]
async fn without_baseline_and_files_nothing_is_proved() {
    let database = healthy().await;
    let report = verified(&database, "", None).await;
    let result = check(&report, ID);
    assert_eq!(
        (result.outcome, result.reason, result.counts),
        (Outcome::NotRun, Some(Reason::NoExpectation), false)
    );
    let bare = Database::empty().await;
    for plan in ["", "[migration_drift]\ntool = \"prisma\"\n"] {
        let report = verified(&bare, plan, None).await;
        assert_eq!(check(&report, ID).outcome == Outcome::Failed, !plan.is_empty(), "{plan}");
    }
    let then = baseline(&bare).await;
    let report = verified(&bare, "", Some(&then)).await;
    assert_eq!(check(&report, ID).reason, Some(Reason::NotApplicable));
}

#[tokio::test]
async fn a_lost_history_comes_back_by_its_remedy() {
    let database = healthy().await;
    let then = baseline(&database).await;
    for loss in [
        "drop schema supabase_migrations cascade",
        "truncate supabase_migrations.schema_migrations",
        "delete from supabase_migrations.schema_migrations where version >= '20240201000000'",
    ] {
        let database = database.copy().await;
        database.execute(loss).await;
        let report = verified(&database, "", Some(&then)).await;
        let [finding] = check(&report, ID).findings.as_slice() else {
            panic!("{loss}: {:?}", found(&report))
        };
        let statements = match finding.common().remedy.as_ref().unwrap() {
            Remedy::Sql(remedy) if !loss.starts_with("delete") => &remedy.statements,
            // The restore may be of a time before them: somebody must say that it is not.
            Remedy::Choose(choose) if loss.starts_with("delete") => &choose.choices[0].statements,
            other => panic!("{loss}: {other:?}"),
        };
        for _ in 0..2 {
            database.execute(&statements.join(";\n")).await;
        }
        let report = verified(&database, "", Some(&then)).await;
        assert_eq!((check(&report, ID).outcome, found(&report)), (Outcome::Passed, vec![]), "{loss}");
        let names =
            database.query("select name from supabase_migrations.schema_migrations order by version").await;
        assert_eq!(names, ["tenants", "it's", "textless", "secret"]);
    }
}

#[tokio::test]
async fn files_are_told_that_do_not_fit() {
    let database = healthy().await;
    let then = baseline(&database).await;
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let of = |name: &str| folder.path().join(name);
    fs::write(of("20240401000000_secret.sql"), "select 'other'").unwrap();
    fs::remove_file(of("20240201000000_it's.sql")).unwrap();
    fs::write(of("20240215000000_between.sql"), "select 2").unwrap();
    fs::write(of("20240501000000_new.sql"), "select 3").unwrap();
    fs::write(of("20240501000000_twice.sql"), "select 4").unwrap();
    fs::write(of("20240601000000-misnamed.sql"), "select 5").unwrap();
    let table = "supabase_migrations.schema_migrations";
    let of_table = |kind: &str| format!("{kind}:{table}");
    let shared = format!("migration_versions_shared:{}:20240501000000", folder.path().display());
    for (then, severity) in [(None, Severity::Warning), (Some(&then), Severity::Info)] {
        let report = verified(&database, &plan(folder.path()), then).await;
        let mut expected = vec![
            (shared.clone(), Severity::Warning),
            (of_table("migrations_edited"), Severity::Warning),
            (of_table("migrations_out_of_order"), severity),
            (of_table("migrations_pending"), severity),
            (of_table("migrations_unknown"), severity),
        ];
        expected.sort();
        assert_eq!(found(&report), expected);
        for finding in &check(&report, ID).findings {
            match finding {
                Finding::MigrationsEdited(edited) => assert_eq!(edited.files, ["20240401000000_secret.sql"]),
                Finding::MigrationsOutOfOrder(passed) => assert_eq!(passed.versions, ["20240215000000"]),
                Finding::MigrationsPending(pending) => assert_eq!(pending.files.len(), 2),
                Finding::MigrationsUnknown(unknown) => assert_eq!(unknown.versions, ["20240201000000"]),
                _ => {}
            }
            assert!(!finding.common().message.contains("other"), "{}", finding.common().message);
        }
    }
    // The dump left the history out, and nobody took a baseline.
    database.execute("drop schema supabase_migrations cascade").await;
    let report = verified(&database, &plan(folder.path()), None).await;
    assert!(found(&report).contains(&(of_table("history_lost"), Severity::Critical)), "{:?}", found(&report));
}

#[tokio::test]
async fn files_of_each_tool_are_compared_with_its_history() {
    let database = healthy().await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("prisma/1_a/migration.sql", "create table a (id int);");
    write("prisma/2_b/migration.sql", "create table b (id int);");
    write("prisma/migration_lock.toml", "");
    write(
        "drizzle/meta/_journal.json",
        "{\"entries\": [{\"idx\": 0, \"when\": 1700000000000, \"tag\": \"0000_c\", \"breakpoints\": true},
          {\"idx\": 1, \"when\": 1710000000000, \"tag\": \"0001_d\", \"breakpoints\": true}]}",
    );
    write("drizzle/0000_c.sql", "create table c (id int);");
    write("drizzle/0001_d.sql", "create table d (id int);");
    write("sqlx/1_e.up.sql", "create table e1 (id int);");
    write("sqlx/1_e.down.sql", "drop table e1;");
    write("sqlx/0002_e.sql", "create table e2 (id int);");
    write("dbmate/20240101_a.sql", "");
    write("dbmate/20240102_b.sql", "");
    for (tool, edited) in [
        ("prisma", Some("prisma/2_b/migration.sql")),
        ("drizzle", Some("drizzle/0001_d.sql")),
        ("sqlx", Some("sqlx/1_e.up.sql")),
        ("dbmate", None),
    ] {
        let path = folder.path().join(tool);
        let plan = format!("[migration_drift]\ntool = {tool:?}\nfolder = {:?}\n", path.to_str().unwrap());
        let report = verified(&database, &plan, None).await;
        let result = check(&report, ID);
        assert_eq!(
            (result.outcome, found(&report)),
            (Outcome::Passed, vec![]),
            "{tool}: {:?}",
            result.unread
        );
        if let Some(edited) = edited {
            write(edited, "select 1");
            let report = verified(&database, &plan, None).await;
            let [Finding::MigrationsEdited(finding)] = check(&report, ID).findings.as_slice() else {
                panic!("{tool}: {:?}", found(&report));
            };
            assert!(edited.ends_with(&finding.files[0]), "{finding:?}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_never_whole() {
    let database = healthy().await;
    let then = baseline(&database).await;
    let unread = |report: &Report| -> Vec<String> {
        check(report, ID).unread.iter().map(|unread| unread.object.clone()).collect()
    };
    // Several tools, and nobody says whose files these are.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let whose = format!("[migration_drift]\nfolder = {:?}\n", folder.path().to_str().unwrap());
    let report = verified(&database, &whose, Some(&then)).await;
    assert_eq!(check(&report, ID).outcome, Outcome::NotRun);
    assert_eq!(unread(&report), ["the history that the plan names"]);

    let missing = "[migration_drift]\ntool = \"supabase\"\nfolder = \"/no/such/folder\"\n";
    let report = verified(&database, missing, Some(&then)).await;
    assert_eq!(unread(&report), ["the folder of migrations"]);
    let cause = &check(&report, ID).unread[0].cause;
    assert!(cause.message.contains("/no/such/folder"), "{cause:?}");

    // A role that may read nothing of it.
    database
        .execute(
            "do $$ begin create role migration_reader login; exception when duplicate_object then null; end $$",
        )
        .await;
    let options = options(&plan(folder.path()), Some(&then));
    let report = drcore::verify(&database.url_as("migration_reader").await, &options).await.unwrap();
    assert_eq!(check(&report, ID).outcome, Outcome::NotRun, "{:?}", found(&report));
    assert!(
        unread(&report).contains(&"supabase_migrations.schema_migrations".to_owned()),
        "{:?}",
        unread(&report)
    );

    // A baseline of before drcore knew of it.
    let mut old = then.clone();
    *old.migrations = drcore::evidence::MigrationFacts::default();
    let report = verified(&database, "", Some(&old)).await;
    assert_eq!(check(&report, ID).outcome, Outcome::NotRun);
    assert!(
        unread(&report).iter().all(|object| object.ends_with("in the baseline")),
        "{:?}",
        unread(&report)
    );
}

#[tokio::test]
async fn init_proposes_the_folder() {
    let database = healthy().await;
    let url = database.url().await;
    let proposed = async || {
        let text = database.untouched(drcore::init(&url, &VerifyOptions::default())).await.unwrap();
        let lines = text.lines().skip_while(|line| *line != "#[migration_drift]");
        lines.take_while(|line| line.starts_with('#')).map(|line| &line[1..]).collect::<Vec<_>>().join("\n")
    };
    // Several tools: somebody must say whose files these are.
    let all = proposed().await;
    assert_eq!(
        parse(&all).migration_drift.unwrap().table.unwrap().to_string(),
        "app.schema_migrations",
        "{all}"
    );
    database
        .execute(
            "drop schema app cascade; drop schema drizzle cascade; drop table _prisma_migrations, _sqlx_migrations",
        )
        .await;
    let one = parse(&proposed().await).migration_drift.unwrap();
    assert_eq!((one.folder.as_deref(), one.table), (Some("supabase/migrations"), None));
}
