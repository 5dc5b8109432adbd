//! Restoring a backup of a repository: fetched, put right from its own baseline, and gone from this machine afterwards.

use std::path::Path;

use drcore::backup::{Pick, Repository, TakeOptions, take};
use drcore::restore::{Restore, RestoreCall, restore};
use drcore::{ErrorKind, Result, Verdict, VerifyOptions};
use drcore_tests::Database;
use tempfile::TempDir;

const SQL: &str = "create table a (id int primary key); insert into a select generate_series(1, 500)";

/// Two backups, of 500 rows and of 501.
async fn repository() -> (Database, TempDir) {
    let database = Database::with(SQL).await;
    let place = tempfile::tempdir().unwrap();
    let repository = Repository::open(place.path().to_str().unwrap()).unwrap();
    let options = TakeOptions::of(&VerifyOptions::default());
    take(&database.url().await, &repository, &options).await.unwrap();
    // Backups are called by the second.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    database.execute("insert into a values (501)").await;
    take(&database.url().await, &repository, &options).await.unwrap();
    (database, place)
}

async fn planned(location: &str, pick: Option<&str>, database: &Database) -> Result<Restore> {
    let mut call = RestoreCall::default();
    call.pick = pick.map(|pick| Pick::parse(pick).unwrap());
    restore(location, &database.url().await, &call).await
}

async fn rows(database: &Database) -> String {
    database.query("select count(*) from a").await.remove(0)
}

#[tokio::test]
async fn the_backup_that_is_picked_comes_back_and_is_verified() {
    let (_source, place) = repository().await;
    let location = place.path().to_str().unwrap();
    let list = Repository::open(location).unwrap().list().await.unwrap();
    let names: Vec<&str> = list.backups.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let (oldest, newest) = (names.iter().min().unwrap(), names.iter().max().unwrap());
    for (pick, expected) in
        [(None, "501"), (Some("newest"), "501"), (Some(*oldest), "500"), (Some(*newest), "501")]
    {
        let database = Database::empty().await;
        let plan = planned(location, pick, &database).await.unwrap();
        let shown = plan.plan.archive.file.display().to_string();
        assert!(shown.starts_with(&format!("file://{location}")) || shown.starts_with(location), "{shown}");
        let restored = plan.execute(&plan.execute_options()).await.unwrap();
        assert_eq!(restored.plan.archive.file, plan.plan.archive.file);
        assert_eq!(rows(&database).await, expected, "{pick:?}");
        // Nobody gave a baseline: the backup's own.
        let after = restored.after.as_ref().unwrap();
        assert_eq!(after.report().verdict, Verdict::Passed, "{}", restored.to_text());
    }
    // A file of the same repository is a file.
    let database = Database::empty().await;
    let error = planned("/no/such/backup.dump", None, &database).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error:?}");
    let error = planned(location, Some("2001-01-01"), &database).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error:?}");
}

#[tokio::test]
async fn a_backup_that_is_not_what_was_written_is_never_begun() {
    let (_source, place) = repository().await;
    let location = place.path().to_str().unwrap();
    // One byte of the newest dump.
    let newest = newest_dump(place.path());
    let mut bytes = std::fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&newest, bytes).unwrap();
    let database = Database::empty().await;
    let error = planned(location, None, &database).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format, "{error:?}");
    assert_eq!(
        database.query("select count(*) from pg_namespace where nspname = 'drcore_restore'").await,
        ["0"]
    );
}

fn newest_dump(place: &Path) -> std::path::PathBuf {
    let mut dumps = Vec::new();
    let mut left = vec![place.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if path.file_name().unwrap().to_string_lossy().contains(".dump") {
                dumps.push(path);
            }
        }
    }
    dumps.sort();
    dumps.pop().unwrap()
}
