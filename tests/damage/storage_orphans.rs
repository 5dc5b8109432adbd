use drcore::check::{Outcome, Reason};
use drcore::storage::Store;
use drcore::{Report, VerifyOptions};
use drcore_tests::{Database, check};
use tempfile::TempDir;

const SCRIPT: &str = include_str!("storage_orphans.sql");

/// The healthy twin, the damaged one, and the files that both have.
async fn twins() -> (Database, Database, TempDir) {
    let (healthy, damage) = SCRIPT.split_once("-- damage\n").unwrap();
    let database = Database::supabase().await;
    database.execute(healthy).await;
    let damaged = database.copy().await;
    damaged.execute(damage).await;
    let files = TempDir::new().unwrap();
    for bucket in ["documents", "avatars"] {
        for number in 1..=3 {
            let directory = files.path().join(format!("stub/{bucket}/{number}.pdf"));
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(directory.join(format!("1f9d7a52-3c0e-4b57-9a2e-{number:012}")), "bytes").unwrap();
        }
    }
    (database, damaged, files)
}

async fn report(database: &Database, files: &TempDir) -> Report {
    let mut options = VerifyOptions::default();
    // The files of tests are new.
    options.plan = drcore_tests::parse("[storage_orphans]\nsettle = \"100ms\"\n");
    options.collect.store = Some(Store::parse(&format!("file://{}", files.path().display())).unwrap());
    database.judged(&options).await
}

#[tokio::test]
async fn the_healthy_twin_is_silent() {
    let (healthy, _, files) = twins().await;
    let report = report(&healthy, &files).await;
    let check = check(&report, "storage_orphans");
    assert_eq!((check.outcome, check.findings.len()), (Outcome::Passed, 0));
    assert_eq!((check.examined["rows"], check.examined["files"], check.examined["buckets"]), (6, 6, 2));
}

#[tokio::test]
async fn the_damage_is_found_and_nothing_else() {
    let (_, damaged, files) = twins().await;
    let report = report(&damaged, &files).await;
    let found: Vec<(&str, &str)> = check(&report, "storage_orphans")
        .findings
        .iter()
        .map(|finding| (finding.id(), finding.common().message.as_str()))
        .collect();
    assert_eq!(
        found,
        [
            (
                "storage_orphans:missing_files:documents",
                "1 object of bucket \"documents\" has no bytes in the store (5 bytes)"
            ),
            (
                "storage_orphans:resized_files:documents",
                "1 file of bucket \"documents\" has another size than the database says"
            ),
            (
                "storage_orphans:files_without_bucket:avatars",
                "3 files lie in the store of bucket \"avatars\", which is not in the database (15 bytes)"
            ),
            (
                "storage_orphans:unreferenced_files:documents",
                "2 files lie in the store of bucket \"documents\" that no row knows (10 bytes)"
            ),
        ]
    );
}

#[tokio::test]
async fn without_a_store_it_says_nothing() {
    let (_, damaged, _) = twins().await;
    let report = damaged.report("", None).await;
    let check = check(&report, "storage_orphans");
    assert_eq!(
        (check.outcome, check.reason, check.counts),
        (Outcome::NotRun, Some(Reason::NoExpectation), false)
    );
}
