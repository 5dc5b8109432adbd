//! The incident log: a row for every command, whatever becomes of it.

use std::time::Duration;

use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore_tests::Database;

use super::command::{Place, Ran};
use super::interrupt::{Lock, send, signal};
use super::{DAMAGE, HEALTHY};

const START: usize = 0;
const END: usize = 1;
const COMMAND: usize = 3;
const TARGET: usize = 4;
const VERDICT: usize = 5;
const EXIT: usize = 6;
const FILES: usize = 7;
const DIGEST: usize = 8;

/// The cells of every row, the head apart.
fn rows(place: &Place) -> Vec<Vec<String>> {
    let text = place.read("incident.md");
    let mut rows: Vec<Vec<String>> = text
        .lines()
        .map(|line| {
            let inner = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")).unwrap();
            let cells = inner.replace("\\|", "\u{1}");
            cells.split(" | ").map(|cell| cell.trim().trim_matches('`').replace('\u{1}', "|")).collect()
        })
        .collect();
    assert_eq!(rows[0][COMMAND], "Command");
    assert!(rows.iter().all(|row| row.len() == 9), "{text}");
    rows.drain(..2);
    rows
}

fn logged(place: &Place, arguments: &[&str]) -> Ran {
    Ran::of(place.command(arguments).env("DRCORE_INCIDENT_LOG", "incident.md").env("USER", "night|shift"))
}

#[tokio::test]
async fn every_command_has_its_row() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    let url = database.url().await;
    let name = &database.name;
    assert_eq!(logged(&place, &["baseline", &url, "-o", "baseline.json"]).code, 0);
    assert_eq!(
        logged(&place, &["verify", &url, "--against", "baseline.json", "-o", "r.json", "-o", "r.md"]).code,
        0
    );
    database.execute(DAMAGE).await;
    assert_eq!(logged(&place, &["verify", &url, "--against", "baseline.json"]).code, 1);
    let with_password = url.replacen("postgres@", "postgres:s3cret@", 1);
    assert_eq!(logged(&place, &["repair", &with_password, "--against", "baseline.json"]).code, 0);
    assert_eq!(logged(&place, &["verify", "postgresql://me:s3cret@127.0.0.1:1/app"]).code, 3);
    assert_eq!(logged(&place, &["verify", "--plan", "nowhere.toml", &url]).code, 2);
    // Not even a command: a connection string in the wrong place is not repeated.
    let ran = logged(&place, &["verify", "--no-such-option", "postgresql://me:s3cret@h/app"]);
    assert_eq!(ran.code, 2);
    let ran = logged(&place, &["gap", "--since", "postgresql://me:s3cret@h/app"]);
    assert_eq!(ran.code, 2);
    assert!(!ran.err.contains("s3cret"), "{}", ran.err);
    assert_eq!(logged(&place, &["scratch", "--", "sh", "-c", "exit 7 # s3cret"]).code, 7);
    assert_eq!(logged(&place, &["--help"]).code, 0);

    let rows = rows(&place);
    let columns = |at: usize| rows.iter().map(|row| row[at].as_str()).collect::<Vec<_>>();
    assert_eq!(
        columns(VERDICT),
        [
            "stored",
            "passed",
            "failed",
            "planned",
            "unproven",
            "none: io",
            "none: usage",
            "none: usage",
            "none"
        ]
    );
    assert_eq!(columns(EXIT), ["0", "0", "1", "0", "3", "2", "2", "2", "7"]);
    assert_eq!(columns(FILES), ["baseline.json", "r.json, r.md", "", "", "", "", "", "", ""]);
    assert_eq!(columns(2), vec!["night|shift"; rows.len()]);
    for row in &rows[..4] {
        assert!(row[TARGET].starts_with(&format!("{name}@")), "{row:?}");
    }
    assert_eq!(rows[4][TARGET], "127.0.0.1:1 · db app");
    assert_eq!(rows[3][DIGEST].len(), 8, "{:?}", rows[3]);
    assert!(rows.iter().enumerate().all(|(at, row)| at == 3 || row[DIGEST].is_empty()));
    assert!(rows[1][COMMAND].ends_with("--against baseline.json -o r.json -o r.md"), "{:?}", rows[1]);
    for row in &rows {
        for at in [START, END] {
            jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", &row[at]).unwrap();
        }
        assert!(row[START] <= row[END]);
    }
    assert!(!place.read("incident.md").contains("s3cret"));
}

#[tokio::test]
async fn a_repair_that_was_applied_says_so() {
    let place = Place::new();
    let cluster = ScratchCluster::start(ScratchOptions::default()).await.unwrap();
    cluster.create_database("app").await.unwrap();
    cluster.execute("app", "create table t (id serial primary key); insert into t default values; select setval('t_id_seq', 1, false)").await.unwrap();
    let url = cluster.url("app");
    let planned = logged(&place, &["repair", &url, "--only", "sequence_lag", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_str(&planned.out).unwrap();
    let (digest, project) = (plan["digest"].as_str().unwrap(), plan["project"].as_str().unwrap());
    let wrong = ["repair", &url, "--only", "sequence_lag", "--apply", "00000000", "--project", project];
    assert_eq!(logged(&place, &wrong).code, 2);
    let right = ["repair", &url, "--only", "sequence_lag", "--apply", digest, "--project", project];
    assert_eq!(logged(&place, &right).code, 0);
    let rows = rows(&place);
    assert_eq!(rows[1][VERDICT], "none: refused");
    assert_eq!(rows[2][VERDICT], "applied; verified again: passed");
    assert!(rows.iter().all(|row| row[DIGEST] == digest && row[TARGET] == project), "{rows:?}");
    cluster.stop().unwrap();
}

#[tokio::test]
async fn what_is_interrupted_has_its_row_too() {
    let place = Place::new();
    let cluster = ScratchCluster::start(ScratchOptions::default()).await.unwrap();
    cluster.create_database("app").await.unwrap();
    cluster.execute("app", HEALTHY).await.unwrap();
    let url = cluster.url("app");
    place.write("drcore.toml", "[row_counts.tables]\ninvoices = 40\n[limits]\nlock_timeout = \"600s\"\n");
    for twice in [false, true] {
        let lock = Lock::at(&url, "invoices").await;
        let child = place.command(&["verify", &url, "--incident-log", "incident.md"]).spawn().unwrap();
        lock.wait(true).await;
        let file = std::fs::read_to_string(cluster.socket_directory().join("data/postmaster.pid")).unwrap();
        let postmaster: u32 = file.lines().next().unwrap().parse().unwrap();
        if twice {
            // A server that takes no cancel request: the first Ctrl-C waits for it.
            send(postmaster, "-STOP");
        }
        signal(&child, "-INT");
        if twice {
            tokio::time::sleep(Duration::from_millis(150)).await;
            signal(&child, "-INT");
        }
        let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
        send(postmaster, "-CONT");
        assert_eq!(output.status.code(), Some(130), "{output:?}");
    }
    let rows = rows(&place);
    assert_eq!((rows[0][VERDICT].as_str(), rows[0][EXIT].as_str()), ("unproven", "130"));
    assert_eq!((rows[1][VERDICT].as_str(), rows[1][EXIT].as_str()), ("none: cancelled", "130"));
    cluster.stop().unwrap();
}

#[tokio::test]
async fn that_it_cannot_be_written_is_told_and_changes_nothing() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    let url = database.url().await;
    for (file, warnings) in [("/nonexistent/incident.md", 2), ("/dev/full", 1), (".", 2)] {
        let verify = ["verify", &url, "--against", "baseline.json", "--incident-log", file];
        let ran = place.run(&verify);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.starts_with("PASSED "), "{ran:?}");
        assert_eq!(
            ran.err.matches("warning: the incident log cannot be written").count(),
            warnings,
            "{ran:?}"
        );
        assert!(ran.err.contains(file), "{ran:?}");
    }
    assert_eq!(place.files(), ["baseline.json", "baseline.sketches"]);
}
