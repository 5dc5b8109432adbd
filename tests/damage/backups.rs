use drcore::backup::{Repository, TakeOptions, take};
use drcore::check::{Outcome, Reason};
use drcore::finding::Severity;
use drcore::{Report, VerifyOptions};
use drcore_tests::{Database, check, parse};
use tempfile::TempDir;

const SCRIPT: &str = include_str!("backups.sql");

/// A database, and a repository with so many backups of it.
async fn world(backups: usize) -> (Database, TempDir) {
    let (healthy, _) = SCRIPT.split_once("-- damage\n").unwrap();
    let database = Database::with(healthy).await;
    let directory = TempDir::new().unwrap();
    let repository = Repository::open(directory.path().to_str().unwrap()).unwrap();
    for _ in 0..backups {
        let options = TakeOptions::of(&VerifyOptions::default());
        take(&database.url().await, &repository, &options).await.unwrap();
    }
    (database, directory)
}

async fn report(database: &Database, repository: &str, more: &str) -> Report {
    let plan = format!("[backups]\nrepository = \"{repository}\"\n{more}[objectives]\nrpo = \"1h\"\n");
    let mut options = VerifyOptions::default();
    options.plan = parse(&plan);
    options.collect.only = vec!["backups".to_owned()];
    let url = database.url().await;
    database.untouched(drcore::verify(&url, &options)).await.unwrap()
}

fn found(report: &Report) -> Vec<(String, Severity)> {
    let findings = &check(report, "backups").findings;
    findings.iter().map(|finding| (finding.kind().to_owned(), finding.severity())).collect()
}

#[tokio::test]
async fn backups_that_are_new_and_whole_are_silent() {
    let (database, directory) = world(2).await;
    let place = directory.path().display().to_string();
    let report = report(&database, &place, "schedule = \"24h\"\nkeep = \"30 days\"\n").await;
    let result = check(&report, "backups");
    assert_eq!((found(&report), result.outcome), (vec![], Outcome::Passed), "{result:?}");
    assert_eq!(result.examined["backups"], 2);
}

#[tokio::test]
async fn damage_to_the_repository_is_found() {
    let (database, directory) = world(1).await;
    let place = directory.path().display().to_string();
    let repository = Repository::open(&place).unwrap();
    let name = repository.list().await.unwrap().backups[0].name.clone();
    // Half of the dump is gone; nobody looked into it ever.
    let dump = directory.path().join(format!("{name}.dump"));
    let bytes = std::fs::read(&dump).unwrap();
    std::fs::write(&dump, &bytes[..bytes.len() / 2]).unwrap();
    let critical = Severity::Critical;
    let is = |kinds: &[&str]| kinds.iter().map(|kind| ((*kind).to_owned(), critical)).collect::<Vec<_>>();
    assert_eq!(found(&report(&database, &place, "").await), is(&["damaged_backup", "no_backups"]));
    // And now the whole day.
    std::fs::remove_dir_all(directory.path().join(name.split('/').next().unwrap())).unwrap();
    assert_eq!(found(&report(&database, &place, "").await), is(&["no_backups"]));
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_unread_and_a_misspelt_one_is_told() {
    let (database, directory) = world(1).await;
    let nowhere = directory.path().join("nowhere").display().to_string();
    let report_of = report(&database, &nowhere, "").await;
    let result = check(&report_of, "backups");
    assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::Unreadable)));
    assert!(result.unread[0].cause.message.contains("there is no directory"), "{result:?}");
    std::fs::create_dir(directory.path().join("app")).unwrap();
    let app = directory.path().join("app").display().to_string();
    let report = report(&database, &app, "").await;
    let message = &check(&report, "backups").findings[0].common().message;
    assert!(message.contains("nothing lies under this prefix; next to it: 2"), "{message}");
}
