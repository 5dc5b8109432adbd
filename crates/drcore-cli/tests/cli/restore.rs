//! `restore` says what it will do, does it, and refuses what it must.

use drcore_tests::Database;

use super::HEALTHY;
use super::command::{Place, Ran};

/// A dump of a healthy database, and its baseline.
async fn backed_up(place: &Place) {
    let database = Database::with(HEALTHY).await;
    place.baseline(&database).await;
    let tools = drcore_tests::cluster().await.tools();
    let dumped = std::process::Command::new(tools.directory.join("pg_dump"))
        .args(["--format=custom", "--dbname", &database.url().await, "--file"])
        .arg(place.path("backup.dump"))
        .status();
    assert!(dumped.unwrap().success());
}

#[tokio::test]
async fn a_plan_is_printed_and_what_it_says_is_done() {
    let place = Place::new();
    backed_up(&place).await;
    let database = Database::empty().await;
    let url = database.url().await;
    let ran = place.run(&["restore", "backup.dump", "--target", &url, "--plan-only", "-o", "plan.json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let plan: serde_json::Value = serde_json::from_str(&place.read("plan.json")).unwrap();
    let digest = plan["digest"].as_str().unwrap();
    assert!(ran.out.contains(&format!("plan {digest} restores backup.dump\n")), "{ran:?}");
    assert!(ran.out.contains("backup.dump") && ran.out.contains("custom format"), "{ran:?}");
    assert!(database.query("select 1 from pg_class where relname = 'invoices'").await.is_empty());

    let ran = place.run(&["restore", "backup.dump", "--target", &url, "--apply", "00000000"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("nothing was written"), "{ran:?}");
    let arguments =
        ["restore", "backup.dump", "--target", &url, "--apply", digest, "--against", "baseline.json"];
    let ran = place.run(&[&arguments[..], &["-o", "left.md", "-o", "done.json"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("RESTORED backup.dump") && ran.out.contains("PASSED"), "{ran:?}");
    assert!(place.read("left.md").contains("- [ ] "), "{}", place.read("left.md"));
    assert!(place.read("done.json").contains("drcore.restored/1"));
}

#[tokio::test]
async fn what_holds_something_is_restored_over_only_as_it_was_reviewed() {
    let place = Place::new();
    backed_up(&place).await;
    let database = Database::with("create table old (id int)").await;
    let url = database.url().await;
    let ran = place.run(&["restore", "backup.dump", "--target", &url]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("not empty") && ran.err.contains("old"), "{ran:?}");
    let ran = place.run(&["restore", "backup.dump", "--target", &url, "--resume"]);
    assert_eq!(ran.code, 2, "there is nothing to go on with: {ran:?}");
    assert_eq!(database.query("select count(*) from old").await, ["0"]);
    let ran = place.run(&["restore", "backup.dump", "--target", &url, "--replace"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(database.query("select 1 from pg_class where relname = 'old'").await.is_empty());
    let ran = place.run(&["verify", &url, "--against", "baseline.json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[tokio::test]
async fn mistakes_are_refused_before_anything_is_written() {
    let place = Place::new();
    backed_up(&place).await;
    let database = Database::empty().await;
    let url = database.url().await;
    place.write("none.dump", "no dump");
    for (arguments, says) in [
        (&["restore", "nowhere.dump", "--target", &url][..], "nowhere.dump"),
        (&["restore", "none.dump", "--target", &url], "none.dump"),
        (&["restore", "backup.dump", "--target", &url, "--table", "invoice"], "invoices"),
        (&["restore", "backup.dump", "--target", &url, "-o", "plan.sql"], ".json, .md or .txt"),
        (&["restore", "backup.dump", "--target", &url, "--replace", "--resume"], "--resume"),
        (&["restore", "backup.dump", "--target", &url, "--against", &url], "baseline"),
    ] {
        let ran = place.run(arguments);
        assert!([2, 3].contains(&ran.code), "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(says), "{arguments:?}: {ran:?}");
    }
    assert!(database.query("select 1 from pg_namespace where nspname = 'drcore_restore'").await.is_empty());
}

#[tokio::test]
async fn a_backup_is_fetched_reviewed_and_leaves_nothing_behind() {
    let place = Place::new();
    let source = Database::with(HEALTHY).await;
    std::fs::create_dir(place.path("backups")).unwrap();
    let ran = place.run(&["backup", "take", &source.url().await, "--to", "backups"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    std::fs::create_dir(place.path("temporary")).unwrap();
    let run = |arguments: &[&str]| Ran::of(place.command(arguments).env("TMPDIR", place.path("temporary")));
    let database = Database::empty().await;
    let url = database.url().await;
    let ran = run(&["restore", "backups", "--target", &url, "--plan-only", "-o", "plan.json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let plan: serde_json::Value = serde_json::from_str(&place.read("plan.json")).unwrap();
    // Fetched anew, and the same plan.
    let digest = plan["digest"].as_str().unwrap();
    let ran = run(&["restore", "backups", "--pick", "newest", "--target", &url, "--apply", digest]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.starts_with("RESTORED ") && ran.out.contains("/backup-") && ran.out.contains("PASSED"),
        "{ran:?}"
    );
    assert_eq!(std::fs::read_dir(place.path("temporary")).unwrap().count(), 0);
    let ran = run(&["restore", "backups", "--pick", "2001-01-01", "--target", &url]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(std::fs::read_dir(place.path("temporary")).unwrap().count(), 0);
}
