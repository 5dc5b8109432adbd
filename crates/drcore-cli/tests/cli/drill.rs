//! The drill as a process: what it says, what it writes, and that it leaves nothing behind.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use drcore_tests::process::{
    DIRECTORY, Owned, directory, entries, is_alive, nothing_is_left, server, signal, wait,
};

use drcore_tests::Database;

use super::command::{Place, Ran};

#[test]
fn kept_databases_can_be_tried_on_until_ctrl_c() {
    let (place, scratch) = (Place::new(), directory());
    let arguments = ["drill", "--sample", "--keep", "--seed", "5", "-o", "drill.json", "-o", "drill.md"];
    let mut child = Owned(place.command(&arguments).env(DIRECTORY, scratch.path()).spawn().unwrap());
    let mut text = String::new();
    let mut out = BufReader::new(child.0.stdout.take().unwrap());
    while !text.contains("drcore repair\n") {
        assert!(out.read_line(&mut text).unwrap() > 0, "it ended early: {text}");
    }
    let pid = server(scratch.path()).unwrap();
    assert!(text.contains("\nverify says FAILED: "), "{text}");
    assert!(place.read("drill.json").contains("drcore.drill/1"));
    assert!(place.read("drill.md").starts_with("| Date | Operator | Backup restored | RTO observed |"));
    for line in text.lines().take_while(|line| !line.starts_with("Kept")) {
        assert!(line.chars().count() <= 80, "{line}");
    }

    // What it says can be typed.
    let said = |name: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(name)).unwrap();
        line.split(' ').next_back().unwrap().rsplit('=').next().unwrap().to_owned()
    };
    let (url, baseline) = (said("damaged"), said("baseline"));
    let with = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        command.env("DATABASE_URL", &url).env("DRCORE_AGAINST", &baseline);
        super::command::Ran::of(&mut command)
    };
    assert_eq!(with(&["verify"]).code, 1);
    let plan = with(&["repair"]);
    assert_eq!(plan.code, 0, "{plan:?}");
    let apply = plan.out.lines().find(|line| line.starts_with("apply ")).unwrap();
    let (digest, project) = apply.split_once("--apply ").unwrap().1.split_once(" --project ").unwrap();
    assert!(plan.out.starts_with(&format!("plan {digest} for {project}")), "{plan:?}");
    assert!(plan.out.contains("choose: --with orphan_fks="), "{plan:?}");

    let other = with(&["repair", "--apply", "00000000", "--project", project]);
    assert_eq!(other.code, 2, "{other:?}");
    assert!(other.err.contains("nothing was written"), "{other:?}");
    let elsewhere = project.replacen("damaged@", "restored@", 1);
    let wrong = with(&["repair", "--apply", digest, "--project", &elsewhere]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.err.contains("nothing was written") && wrong.err.contains("compared"), "{wrong:?}");

    let applied = with(&["repair", "--apply", digest, "--project", project]);
    assert_eq!(applied.code, 1, "what only data can bring back is still there: {applied:?}");
    assert!(applied.out.contains("FIXED    rls_coverage:rls_disabled:"), "{applied:?}");
    assert!(applied.out.contains("STILL    row_counts:fewer_rows:"), "{applied:?}");
    assert!(!applied.out.contains("NEW "), "{applied:?}");
    let again = with(&["repair", "--apply", digest, "--project", project]);
    assert_eq!(again.code, 2, "the plan is another one now: {again:?}");

    signal(&child.0, "-INT");
    let status = child.0.wait().unwrap();
    assert!(text.starts_with("PASSED ") && text.contains("\nexit 0\n"), "{text}");
    assert_eq!(status.code(), Some(0), "the drill's own exit code");
    nothing_is_left(scratch.path(), pid);
}

#[test]
fn nothing_is_left_of_a_drill_that_is_stopped_or_killed_and_another_goes_on() {
    let (place, scratch) = (Place::new(), directory());
    let mut command = place.command(&["drill", "--sample", "--keep"]);
    let mut other = Owned(command.env(DIRECTORY, scratch.path()).spawn().unwrap());
    let others = wait("the other's server starts", || server(scratch.path()));
    for (name, code) in [("-INT", Some(130)), ("-TERM", Some(130)), ("-KILL", None)] {
        for delay in [0, 1500] {
            let scratch = directory();
            let mut child = place
                .command(&["drill", "--sample", "--seed", "2"])
                .env(DIRECTORY, scratch.path())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let pid = wait("the server starts", || server(scratch.path()));
            std::thread::sleep(Duration::from_millis(delay));
            signal(&child, name);
            assert_eq!(child.wait().unwrap().code(), code, "{name} after {delay} ms");
            nothing_is_left(scratch.path(), pid);
        }
    }
    assert!(is_alive(others));
    assert_eq!(entries(scratch.path()), 1);
    signal(&other.0, "-KILL");
    other.0.wait().unwrap();
    nothing_is_left(scratch.path(), others);
}

#[test]
fn what_it_rehearses_on_must_be_said() {
    let place = Place::new();
    let ran = place.run(&["drill"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("--sample"), "{ran:?}");
    let ran = place.run(&["drill", "--sample", "-o", "drill.pdf"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains(".json, .md or .txt"), "{ran:?}");
}

/// A backup is rehearsed on, by its URL, by the plan's and as a file; the log grows by a row each time.
#[tokio::test]
async fn a_backup_is_rehearsed_on_and_written_down() {
    let database = Database::with(
        "create table notes (id int primary key, body text);
         insert into notes select n, 'note ' || n from generate_series(1, 100) n",
    )
    .await;
    let (place, scratch) = (Place::new(), directory());
    std::fs::create_dir(place.path("repo")).unwrap();
    let url = database.url().await;
    let taken = Ran::of(&mut place.command(&["backup", "take", &url, "--to", "repo"]));
    assert_eq!(taken.code, 0, "{taken:?}");
    let plan = "[backups]\nrepository = \"repo\"\n[objectives]\nrto = \"1h\"\nrpo = \"1h\"\n";
    place.write("drcore.toml", plan);
    let drill = |arguments: &[&str]| {
        let mut command = place.command(&[&["drill", "--drill-log", "drills.md"], arguments].concat());
        Ran::of(command.env(DIRECTORY, scratch.path()))
    };
    let ran = drill(&["-o", "drill.json", "--jobs", "2"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("PASSED   drill on ") && ran.out.contains("the objective of 60 min is met"));
    for line in ran.out.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(place.read("drill.json").contains("drcore.rehearsal/1"));
    let json = drill(&["repo", "--format", "json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json.out).unwrap()["verdict"], "passed");
    // A file has no baseline beside it.
    let dump = files(&place.path("repo"))
        .into_iter()
        .find(|file| file.rsplit_once('.').is_some_and(|(_, end)| end == "dump"))
        .unwrap();
    let ran = drill(&[&format!("repo/{dump}"), "-v"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.out.contains("UNPROVEN drill on") && ran.out.contains("no baseline"), "{ran:?}");
    assert_eq!(place.read("drills.md").lines().count(), 2 + 3);
    // What contradicts itself, and what is not there.
    assert_eq!(drill(&["repo", "--sample"]).code, 2);
    assert_eq!(drill(&["--keep"]).code, 2);
    let ran = drill(&["nowhere"]);
    assert!(ran.code == 2 && ran.err.contains("nowhere"), "{ran:?}");
    assert_eq!(entries(scratch.path()), 0);
}

/// The review is begun from records, and never written over what people wrote.
#[tokio::test]
async fn a_review_is_begun_from_records() {
    let database =
        Database::with("create table notes (id int primary key); insert into notes values (1)").await;
    let place = Place::new();
    place.baseline(&database).await;
    database.execute("delete from notes").await;
    let url = database.url().await;
    let ran = place.run(&["verify", &url, "--against", "baseline.json", "-o", "report.json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let ran = place.run(&["review", "report.json"]);
    assert!(ran.code == 0 && ran.out.starts_with("# Post-incident review\n"), "{ran:?}");
    assert_eq!(place.run(&["review", "report.json", "-o", "review.md"]).code, 0);
    assert_eq!(place.read("review.md"), ran.out);
    place.write("review.md", "what people wrote");
    let ran = place.run(&["review", "report.json", "-o", "review.md"]);
    assert!(ran.code == 2 && ran.err.contains("is there already"), "{ran:?}");
    assert_eq!(place.read("review.md"), "what people wrote");
    for (arguments, needle) in [
        (&["review"][..], "<RECORD>"),
        (&["review", "report.json", "-o", "review.json"], "no Markdown"),
        (&["review", "report.json", "baseline.json"], "baseline.json"),
        (&["review", "none.json"], "none.json"),
    ] {
        let ran = place.run(arguments);
        assert!(ran.code == 2 && ran.err.contains(needle), "{ran:?}");
    }
}

/// The record is kept, compared with those before it, and listed; what else lies there is told.
#[tokio::test]
async fn drills_are_recorded_and_listed() {
    let database =
        Database::with("create table notes (id int primary key); insert into notes values (1)").await;
    let (place, scratch) = (Place::new(), directory());
    std::fs::create_dir(place.path("repo")).unwrap();
    let url = database.url().await;
    assert_eq!(Ran::of(&mut place.command(&["backup", "take", &url, "--to", "repo"])).code, 0);
    let drill = |arguments: &[&str]| {
        let mut command = place.command(&[&["drill"], arguments].concat());
        Ran::of(command.env(DIRECTORY, scratch.path()))
    };
    // Not after the drill.
    let ran = drill(&["repo", "--record", "nowhere", "-o", "drill.txt"]);
    assert!(ran.code == 2 && ran.err.contains("nowhere") && ran.out.is_empty(), "{ran:?}");

    let ran = drill(&["repo", "--record", "repo"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("Recorded as drills/drill-2") && ran.out.contains("no earlier drill"),
        "{ran:?}"
    );
    assert!(ran.out.ends_with("exit 0\n"), "{ran:?}");
    let ran = drill(&["repo", "--record", "repo", "--format", "json"]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&ran.out).unwrap()["verdict"], "passed");
    assert!(ran.err.contains("beside the median of 1 earlier drill"), "{ran:?}");

    let list = drill(&["--history", "repo", "-o", "history.json"]);
    assert_eq!(list.code, 0, "{list:?}");
    assert!(list.out.starts_with("DRILLS   2 drills, 2 passed"), "{list:?}");
    for line in list.out.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(place.read("history.json").contains("drcore.drills/1"));
    place.write("repo/drills/notes.txt", "call the night shift");
    let list = drill(&["--history", "repo/drills", "--format", "json", "--slower-by", "10"]);
    assert_eq!(list.code, 3, "{list:?}");
    let json: serde_json::Value = serde_json::from_str(&list.out).unwrap();
    assert_eq!(
        (json["drills"].as_array().unwrap().len(), &json["left_out"][0]["problem"]),
        (2, &"foreign".into())
    );
    for wrong in [
        &["--history", "repo", "--record", "repo"][..],
        &["repo", "--history", "repo"],
        &["--history", "repo", "--slower-by", "0"],
        &["--sample", "--record", "repo"],
        &["--history", "repo", "--pick", "newest"],
        &["--history", "repo", "-o", "history.md"],
    ] {
        assert_eq!(drill(wrong).code, 2, "{wrong:?}");
    }
    assert_eq!(entries(scratch.path()), 0);
}

fn files(root: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|below| format!("{name}/{below}")));
        } else {
            found.push(name);
        }
    }
    found
}
