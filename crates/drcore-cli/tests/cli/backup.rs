//! `drcore backup` and `drcore salvage`: what they say, and that nothing half-done looks done, whenever they are killed.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use drcore_tests::{Database, cluster};

use super::HEALTHY;
use super::command::{Place, Ran};

/// The command, with the programs that the tests run on.
async fn drcore(place: &Place, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    command.env("DRCORE_PG_BIN", &cluster().await.tools().directory);
    command
}

async fn run(place: &Place, arguments: &[&str]) -> Ran {
    Ran::of(&mut drcore(place, arguments).await)
}

/// The names of all files below it.
fn files(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path.file_name().unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

#[tokio::test]
async fn a_backup_is_taken_listed_compared_with_and_pruned() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    let url = database.url().await;
    std::fs::create_dir(place.path("backups")).unwrap();

    let ran = run(&place, &["backup", "list", "backups"]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.starts_with("EMPTY    "), "{}", ran.out);

    let ran = run(&place, &["backup", "take", &url, "--to", "backups"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("STORED   backup of "), "{}", ran.out);
    assert!(
        ran.out.contains("2 tables, 43 rows") && ran.out.contains("with the content of tables"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("next     drcore backup verify backups"), "{}", ran.out);

    let ran = run(&place, &["backup", "list", "backups"]).await;
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("1 backup, ") && ran.out.contains("  complete\n"), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);

    // What is restored is compared with the baseline that lies there, by the URL of the repository.
    let repository = format!("file://{}", place.path("backups").display());
    let ran = run(&place, &["verify", &url, "--against", &repository]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    database.execute("delete from invoices where id = 7").await;
    let ran = run(&place, &["verify", &url, "--against", &repository]).await;
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("1 row lost"), "{}", ran.out);
    let ran = run(&place, &["diff", &repository, &url]).await;
    assert_eq!(ran.code, 1, "{ran:?}");

    // Another one, of the next second.
    std::thread::sleep(Duration::from_millis(1_100));
    let ran = run(&place, &["backup", "take", &url, "--to", "backups", "--format", "json"]).await;
    assert!(ran.out.contains("\"format\": \"drcore.taken/1\""), "{}", ran.out);
    let ran = run(&place, &["backup", "prune", "backups", "--keep-last", "1"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("1 to remove") && ran.out.contains("apply    "), "{}", ran.out);
    let digest = ran.out.split_whitespace().nth(1).unwrap().to_owned();
    assert_eq!(files(&place.path("backups")).iter().filter(|file| file.contains(".dump")).count(), 2);
    let refused =
        run(&place, &["backup", "prune", "backups", "--keep-last", "1", "--apply", "00000000"]).await;
    assert!(refused.code != 0 && refused.err.contains("nothing was removed"), "{refused:?}");
    let ran = run(&place, &["backup", "prune", "backups", "--keep-last", "1", "--apply", &digest]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("REMOVED  1 backup of"), "{}", ran.out);
    let left = files(&place.path("backups"));
    assert_eq!(left.iter().filter(|file| file.ends_with(".manifest.json")).count(), 1, "{left:?}");
    assert_eq!(left.len(), 4, "{left:?}");

    let ran = run(&place, &["salvage", &url, "--to", "somewhere/new"]).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("STORED   salvage of "), "{}", ran.out);
    assert_eq!(run(&place, &["backup", "list", "somewhere/new"]).await.code, 1, "it is no backup");
}

#[tokio::test]
async fn what_cannot_work_is_said_before_anything_is_asked() {
    let place = Place::new();
    let url = "postgresql://me@127.0.0.1:1/app";
    for (arguments, needle) in [
        (&["backup", "take", url, "--to", "s3://key:word@b"][..], "holds a user, a key"),
        (&["backup", "take", url, "--to", ""], "it is empty"),
        (&["backup", "take", url], "no repository was named"),
        (&["backup", "take", url, "--to", "x", "--compress", "lzma"], "is no compression"),
        (&["backup", "take", url, "--to", "x", "--jobs", "2"], "add --dump directory"),
        (&["backup", "list", "https://b"], "only s3://"),
        (&["backup", "list"], "no repository was named"),
        (&["backup", "prune", ".", "--keep", "soon"], "not a duration"),
        (&["backup"], "Usage: drcore backup"),
    ] {
        let ran = run(&place, arguments).await;
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(ran.err.to_lowercase().contains(&needle.to_lowercase()), "{arguments:?}: {}", ran.err);
        assert!(!ran.err.contains("word"), "{}", ran.err);
    }
    let ran = run(&place, &["backup", "prune", "."]).await;
    assert!(ran.code == 2 && ran.err.contains("nothing says which backups stay"), "{ran:?}");
}

/// Enough to take a while.
const LARGE: &str = "
create table large (id int primary key, body text not null);
insert into large select n, md5(n::text) || md5((n * 7)::text) || repeat('x', 200) from generate_series(1, 60000) n;
";

#[tokio::test]
async fn killed_at_any_moment_nothing_looks_done_and_the_next_run_recovers() {
    let (place, database) = (Place::new(), Database::with(LARGE).await);
    let url = database.url().await;
    let root = place.path("backups");
    std::fs::create_dir(&root).unwrap();
    let arguments = ["backup", "take", &url, "--to", "backups", "--compress", "gzip:6"];
    let began = Instant::now();
    assert_eq!(run(&place, &arguments).await.code, 0);
    let whole = began.elapsed();
    let mut killed = 0;
    for attempt in 0..12_u32 {
        let mut child = drcore(&place, &arguments).await.spawn().unwrap();
        std::thread::sleep(whole * attempt / 12);
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        // What is called complete is whole: everything lies there with the sums that the manifest says.
        let list = run(&place, &["backup", "list", "backups", "--format", "json"]).await;
        let list: serde_json::Value = serde_json::from_str(&list.out).unwrap();
        for entry in list["backups"].as_array().unwrap() {
            let name = entry["name"].as_str().unwrap();
            let manifest = root.join(format!("{name}.manifest.json"));
            assert_eq!(entry["state"] == "complete", manifest.exists(), "{entry}");
            assert!(["complete", "unfinished"].contains(&entry["state"].as_str().unwrap()), "{entry}");
            if entry["state"] == "complete" {
                let manifest: serde_json::Value =
                    serde_json::from_str(&std::fs::read_to_string(manifest).unwrap()).unwrap();
                let dump = &manifest["dump"]["objects"][0];
                let bytes = std::fs::read(root.join(format!("{name}.dump"))).unwrap();
                assert_eq!(dump["bytes"], bytes.len());
                assert!(bytes.starts_with(b"PGDMP"));
            }
        }
    }
    assert!(killed >= 6, "most runs were killed before they ended: {killed}");
    let markers = || files(&root).into_iter().filter(|file| file.ends_with(".begun.json")).count();
    let left = markers();
    assert!(left >= 3, "runs that were killed left their markers: {left}");
    // One that may still be at it is left alone.
    let ran = run(&place, &arguments).await;
    assert!(ran.code == 0 && !ran.out.contains("never finished"), "{ran:?}");
    assert_eq!(markers(), left);
    // One that was silent for ten minutes is not.
    let find = [
        "-c",
        "find backups -type f \\( -name '*.begun.json' -o -name '.drcore-*' \\) -exec touch -d '11 minutes ago' {} +",
    ];
    assert!(Command::new("sh").args(find).current_dir(place.path("")).status().unwrap().success());
    let ran = run(&place, &arguments).await;
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.out.matches("was begun").count(), left, "{}", ran.out);
    assert!(ran.out.contains("never finished") && ran.out.contains("was removed"), "{}", ran.out);
    let all = files(&root);
    assert_eq!(markers(), 0, "{all:?}");
    let manifests = all.iter().filter(|file| file.ends_with(".manifest.json")).count();
    assert_eq!(all.len(), 4 * manifests, "nothing else is left: {all:?}");
}
