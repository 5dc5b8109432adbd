//! The drill on a backup: passed only where all came back, all of it was verified, and the objectives were met.

use std::path::{Path, PathBuf};
use std::process::Command;

use drcore::backup::{Pick, Repository, TakeOptions, take};
use drcore::drill::{Rehearsal, RehearsalOptions, rehearse};
use drcore::{Against, ErrorKind, Evidence, Verdict, VerifyOptions};
use drcore_tests::{Database, cluster, parse};
use tempfile::TempDir;

const SQL: &str = "create table tenants (id int primary key, name text not null);
    create table notes (id bigint generated always as identity primary key, tenant int references tenants, body text);
    insert into tenants select n, 'tenant ' || n from generate_series(1, 50) n;
    insert into notes (tenant, body) select 1 + n % 50, md5(n::text) from generate_series(1, 5000) n";

async fn taken(database: &Database) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    take(&database.url().await, &repository(&place), &TakeOptions::of(&VerifyOptions::default()))
        .await
        .unwrap();
    place
}

fn repository(place: &TempDir) -> Repository {
    Repository::open(place.path().to_str().unwrap()).unwrap()
}

async fn on(place: &TempDir, options: &RehearsalOptions) -> Rehearsal {
    rehearse(place.path().to_str().unwrap(), options).await.unwrap()
}

/// A dump that nobody stored anywhere.
pub(crate) async fn dump(database: &Database) -> (TempDir, PathBuf) {
    dump_of(&database.url().await).await
}

async fn dump_of(url: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("some.dump");
    let program = cluster().await.tools().directory.join("pg_dump");
    let arguments = ["--format=custom", "--dbname", url, "--file"];
    assert!(Command::new(program).args(arguments).arg(&path).status().unwrap().success());
    (directory, path)
}

pub(crate) async fn baseline(database: &Database) -> Evidence {
    baseline_of(&database.url().await).await
}

async fn baseline_of(url: &str) -> Evidence {
    drcore::baseline(url, &VerifyOptions::default()).await.unwrap()
}

async fn on_dump(path: &Path, baseline: Option<Evidence>) -> Rehearsal {
    let mut options = RehearsalOptions::default();
    options.verify.against = baseline.map(|baseline| Against::Evidence(Box::new(baseline)));
    rehearse(path.to_str().unwrap(), &options).await.unwrap()
}

/// The roles of an API are the cluster's: a database that uses none of them is there with them.
#[tokio::test]
async fn roles_that_only_the_cluster_has_come_back_with_whose_members_they_are() {
    let _api = Database::supabase().await;
    let database =
        Database::with("create table notes (id int primary key); insert into notes values (1)").await;
    let rehearsal = on(&taken(&database).await, &RehearsalOptions::default()).await;
    assert_eq!(
        (rehearsal.verdict, &rehearsal.problems),
        (Verdict::Passed, &vec![]),
        "{}",
        rehearsal.to_text()
    );
    let after = rehearsal.restored.after.as_ref().unwrap();
    let repaired = after.repaired.as_ref().unwrap();
    let made = repaired.plan.statements.iter().map(|statement| statement.sql.as_str());
    let made: Vec<&str> = made.filter(|sql| sql.contains("anon")).collect();
    assert_eq!(made.len(), 2, "{made:?}");
    assert!(made[0].starts_with("create role anon ") && made[1].starts_with("grant anon to authenticator"));
}

#[tokio::test]
async fn a_whole_backup_passes_and_its_times_are_measured() {
    let database = Database::with(
        "do $$ begin create role rehearsal_app login; exception when duplicate_object then null; end $$",
    )
    .await;
    database.execute(SQL).await;
    database
        .execute("alter table notes owner to rehearsal_app; grant select on tenants to rehearsal_app")
        .await;
    let place = taken(&database).await;
    let mut options = RehearsalOptions::default();
    options.verify.plan = parse("[objectives]\nrto = \"1h\"\nrpo = \"1h\"\n");
    options.operator = Some("night shift".to_owned());
    let rehearsal = on(&place, &options).await;
    assert_eq!(
        (rehearsal.verdict, &rehearsal.problems),
        (Verdict::Passed, &vec![]),
        "{}",
        rehearsal.to_text()
    );
    assert_eq!(rehearsal.exit_code(), 0);
    let report = rehearsal.report().unwrap();
    assert_eq!((report.examined["tables"], report.examined["rows"]), (2, 5_050));
    assert!(rehearsal.objectives.iter().all(|outcome| outcome.met) && rehearsal.objectives.len() == 2);
    let steps: u64 = rehearsal.run.steps.iter().map(|time| time.elapsed_ms).sum();
    assert!(rehearsal.run.rto_ms > 0 && rehearsal.run.rto_ms == steps, "{:?}", rehearsal.run);
    assert!(rehearsal.run.rpo_ms.is_some_and(|ms| ms < 3_600_000));
    let text = rehearsal.to_text();
    for needle in ["PASSED ", "the objective of 60 min is met", "night shift", "2 tables and 5,050 rows"] {
        assert!(text.contains(needle), "{needle}: {text}");
    }
    let again: Rehearsal = serde_json::from_str(&rehearsal.to_json().unwrap()).unwrap();
    assert_eq!(again, rehearsal);
}

#[tokio::test]
async fn an_objective_that_is_missed_fails_it() {
    let place = taken(&Database::with(SQL).await).await;
    let mut options = RehearsalOptions::default();
    options.verify.plan = parse("[objectives]\nrto = \"1ms\"\nrpo = \"1ms\"\n");
    let rehearsal = on(&place, &options).await;
    assert_eq!(
        (rehearsal.verdict, rehearsal.problems.len()),
        (Verdict::Failed, 2),
        "{:?}",
        rehearsal.problems
    );
    for (problem, name) in rehearsal.problems.iter().zip(["RTO", "RPO"]) {
        assert!(problem.starts_with(name) && problem.contains("over the objective"), "{problem}");
    }
    assert!(rehearsal.to_text().contains("NOT MET"));
}

#[tokio::test]
async fn what_did_not_come_back_fails_it() {
    // Rows that the database of the baseline had.
    let database = Database::with(SQL).await;
    let (_directory, path) = dump(&database).await;
    database.execute("insert into notes (tenant, body) values (1, 'later')").await;
    let rehearsal = on_dump(&path, Some(baseline(&database).await)).await;
    assert_eq!(rehearsal.verdict, Verdict::Failed, "{}", rehearsal.to_text());
    assert!(rehearsal.problems[0].starts_with("verify says FAILED: "), "{:?}", rehearsal.problems);
    assert_eq!(rehearsal.exit_code(), 1);

    // A constraint that the rows do not meet.
    let database = Database::with(SQL).await;
    database
        .execute("set session_replication_role = replica; insert into notes (tenant) values (777); reset session_replication_role")
        .await;
    let (_directory, path) = dump(&database).await;
    let rehearsal = on_dump(&path, Some(baseline(&database).await)).await;
    assert_eq!(rehearsal.verdict, Verdict::Failed);
    let told =
        rehearsal.problems.iter().any(|problem| problem.contains("notes_tenant_fkey could not be restored"));
    assert!(told, "{:?}", rehearsal.problems);
    assert!(rehearsal.row.outcome == "FAILED" && rehearsal.row.notes.contains("could not be restored"));
}

#[tokio::test]
async fn without_a_baseline_nothing_is_proven() {
    let database = Database::with(SQL).await;
    let (_directory, path) = dump(&database).await;
    let rehearsal = on_dump(&path, None).await;
    assert_eq!((rehearsal.verdict, rehearsal.exit_code()), (Verdict::Unproven, 3), "{}", rehearsal.to_text());
    assert!(
        rehearsal.problems.iter().any(|problem| problem.contains("no baseline")),
        "{:?}",
        rehearsal.problems
    );
    assert!(rehearsal.to_text().contains("RPO      not known"), "{}", rehearsal.to_text());
    // What cannot be measured does not meet an objective.
    let mut options = RehearsalOptions::default();
    options.verify.plan = parse("[objectives]\nrpo = \"24h\"\n");
    let rehearsal = rehearse(path.to_str().unwrap(), &options).await.unwrap();
    assert!(rehearsal.problems.iter().any(|problem| problem.starts_with("RPO could not be measured")));
    assert!(!rehearsal.objectives[0].met);
    // With it, it is.
    let rehearsal = on_dump(&path, Some(baseline(&database).await)).await;
    assert_eq!(rehearsal.verdict, Verdict::Passed, "{}", rehearsal.to_text());
}

#[tokio::test]
async fn what_is_no_whole_backup_is_never_restored() {
    let mut live = RehearsalOptions::default();
    live.verify.against = Some(Against::parse("postgresql://somewhere/else"));
    let error = rehearse("nowhere.dump", &live).await.unwrap_err();
    assert!(error.to_string().contains("compared with its baseline"), "{error:?}");
    let place = tempfile::tempdir().unwrap();
    let error = rehearse(place.path().to_str().unwrap(), &RehearsalOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");

    let place = taken(&Database::with(SQL).await).await;
    let entry = repository(&place).pick(&Pick::Newest).await.unwrap();
    let mut options = RehearsalOptions::default();
    options.pick = Some(Pick::Name(entry.name.clone()));
    assert_eq!(on(&place, &options).await.verdict, Verdict::Passed);
    let dump = entry
        .objects()
        .iter()
        .find(|object| Path::new(&object.name).extension().is_some_and(|end| end == "dump"))
        .unwrap();
    let path = place.path().join(&dump.name);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = rehearse(place.path().to_str().unwrap(), &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format, "{error:?}");

    // Half of a dump that has no sums.
    let (_directory, path) = self::dump(&Database::with(SQL).await).await;
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - bytes.len() / 4]).unwrap();
    match rehearse(path.to_str().unwrap(), &RehearsalOptions::default()).await {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(rehearsal) => assert_eq!(rehearsal.verdict, Verdict::Failed, "{}", rehearsal.to_text()),
    }
}

#[tokio::test]
async fn rows_are_added_to_the_log_of_drills() {
    let (_directory, path) = dump(&Database::with(SQL).await).await;
    let row = on_dump(&path, None).await.row;
    let place = tempfile::tempdir().unwrap();
    let lines = |name: &str| -> Vec<String> {
        let text = std::fs::read_to_string(place.path().join(name)).unwrap();
        text.lines().map(str::to_owned).collect()
    };
    for (name, before, expected) in [
        ("new.md", None, 4),
        ("text.md", Some("# Drills\n"), 6),
        ("unended.md", Some("# Drills"), 6),
        ("table.md", Some("| Date |\n| --- |\n| 2026 |"), 5),
    ] {
        let log = place.path().join(name);
        if let Some(before) = before {
            std::fs::write(&log, before).unwrap();
        }
        row.append_to(&log).unwrap();
        row.append_to(&log).unwrap();
        let lines = lines(name);
        assert_eq!(lines.len(), expected, "{name}: {lines:#?}");
        assert_eq!(
            lines[expected - 2..],
            [row.to_markdown().trim_end(), row.to_markdown().trim_end()],
            "{name}"
        );
        assert!(before.is_none_or(|before| lines[0] == before.lines().next().unwrap()));
    }
    assert!(row.append_to(place.path().join("nowhere/log.md")).is_err());
}

/// As it would be in earnest: a project into a project, and an application's own `auth` into nothing.
#[tokio::test]
async fn a_project_is_restored_into_a_project_and_nothing_else_is() {
    // On a cluster of its own: its roles would be everybody's.
    let (project, _cluster) = drcore::drill::sample_database().await.unwrap();
    let own =
        Database::with("create schema auth; create table auth.users (id int primary key, name text)").await;
    own.execute("insert into auth.users values (1, 'somebody')").await;
    for (url, is_project) in [(project, true), (own.url().await, false)] {
        let (_directory, path) = dump_of(&url).await;
        for baseline in [None, Some(baseline_of(&url).await)] {
            let what = format!("{is_project}, {}", baseline.is_some());
            let rehearsal = on_dump(&path, baseline).await;
            assert_eq!(rehearsal.restored.plan.target.supabase, is_project, "{what}");
            assert_eq!(rehearsal.restored.failures().count(), 0, "{what}: {}", rehearsal.to_text());
            if !is_project {
                let rows = rehearsal.report().unwrap().examined["rows"];
                assert_eq!(rows, 1, "{what}: {}", rehearsal.to_text());
            }
        }
    }
}

/// When a copy was written says nothing of when it was taken.
#[tokio::test]
async fn the_time_of_a_copy_is_not_taken_for_that_of_the_backup() {
    let (_directory, path) = dump(&Database::with(SQL).await).await;
    let place = tempfile::tempdir().unwrap();
    std::fs::copy(&path, place.path().join("nightly.dump")).unwrap();
    let mut options = RehearsalOptions::default();
    options.verify.plan = parse("[objectives]\nrpo = \"24h\"\n");
    let rehearsal = on(&place, &options).await;
    assert_eq!(rehearsal.backup.at, None);
    assert!(!rehearsal.objectives[0].met, "{}", rehearsal.to_text());
}
