//! What `examples/schedule` has run every night is run as it stands there, against a database and a repository of our own.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use drcore_tests::{Database, cluster};

use super::HEALTHY;
use super::command::{Place, Ran};

const WORKFLOW: &str = include_str!("../../../../examples/schedule/backup.yml");
const CRONTAB: &str = include_str!("../../../../examples/schedule/crontab");

/// What the backups must be like.
const PLAN: &str =
    "[backups]\nrepository = \"REPOSITORY\"\nverified = \"7 days\"\n\n[objectives]\nrpo = \"25h\"\n";

/// GitHub's machines have jq; this reads what it is asked for there, and nothing else.
const JQ: &str =
    "#!/bin/sh\n[ \"$*\" = '-r .digest' ] || exit 2\nsed -n 's/^ *\"digest\": *\"\\([^\"]*\\)\".*/\\1/p'\n";

/// A directory as somebody has it who follows the example.
async fn prepared(database: &Database) -> Place {
    let place = Place::new();
    for directory in ["backups", "bin", "log"] {
        std::fs::create_dir(place.path(directory)).unwrap();
    }
    let repository = place.path("backups").display().to_string();
    place.write("drcore.toml", &PLAN.replace("REPOSITORY", &repository));
    place.write("bin/jq", JQ);
    std::fs::set_permissions(place.path("bin/jq"), std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink(env!("CARGO_BIN_EXE_drcore"), place.path("bin/drcore")).unwrap();
    let programs = cluster().await.tools().directory.display().to_string();
    let variables = [
        ("DATABASE_URL", database.url().await),
        ("DRCORE_REPOSITORY", repository),
        ("DRCORE_PLAN", place.path("drcore.toml").display().to_string()),
        ("DRCORE_PG_BIN", programs),
    ];
    let lines = variables.map(|(name, value)| format!("export {name}='{value}'\n"));
    place.write("env", &lines.concat());
    place
}

/// Runs a line of it, with nothing in the environment but what cron or GitHub gives.
fn shell(place: &Place, shell: &[&str], line: &str) -> Ran {
    let path = format!("{}:/usr/bin:/bin", place.path("bin").display());
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg("-c").arg(line).env_clear().env("PATH", path);
    command.env("HOME", place.path("")).current_dir(place.path(""));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ran::of(&mut command)
}

/// The scripts of the steps that call drcore, in order.
fn steps() -> Vec<String> {
    let mut scripts = Vec::new();
    let mut lines = WORKFLOW.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((before, script)) = line.split_once("run: ") else { continue };
        if script != "|" {
            scripts.push(script.to_owned());
            continue;
        }
        let mut block = String::new();
        while let Some(line) = lines.next_if(|line| line.len() - line.trim_start().len() > before.len()) {
            block.push_str(line.trim_start());
            block.push('\n');
        }
        scripts.push(block);
    }
    let is_set_up = |script: &String| script.contains("npm install") || script.contains("apt-get");
    scripts.retain(|script| !is_set_up(script));
    scripts
}

/// The commands of the crontab, in order, for a machine whose files are here.
fn commands(place: &Place) -> Vec<String> {
    let here = |name: &str| place.path(name).display().to_string();
    let is_entry = |line: &&str| line.starts_with(|first: char| first.is_ascii_digit());
    let command = |line: &str| line.splitn(6, ' ').nth(5).unwrap().trim_start().to_owned();
    CRONTAB
        .lines()
        .filter(is_entry)
        .map(command)
        .map(|line| line.replace("/etc/drcore/env", &here("env")).replace("/var/log/drcore", &here("log")))
        .collect()
}

fn is_there(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

#[tokio::test]
async fn the_workflow_takes_looks_prunes_and_judges() {
    let database = Database::with(HEALTHY).await;
    let place = prepared(&database).await;
    let steps = steps();
    assert_eq!(steps.len(), 4, "{steps:#?}");
    for step in &steps {
        let ran = shell(&place, &["bash", "-e"], &format!(". ./env\n{step}"));
        assert_eq!(ran.code, 0, "{step}: {ran:?}");
    }
    assert!(place.read("backups.md").contains("PASSED"), "{}", place.read("backups.md"));
    // Where nothing was taken, the last step says so.
    let nothing = prepared(&database).await;
    let ran = shell(&nothing, &["bash", "-e"], &format!(". ./env\n{}", steps[3]));
    assert_eq!(ran.code, 1, "{ran:?}");
}

#[tokio::test]
async fn the_crontab_takes_and_looks_and_says_only_what_is_wrong() {
    let database = Database::with(HEALTHY).await;
    let place = prepared(&database).await;
    let commands = commands(&place);
    assert_eq!(commands.len(), 2, "{commands:#?}");
    // Before the first night there is something to mail.
    let ran = shell(&place, &["/bin/sh"], &commands[1]);
    assert!(ran.out.contains("FAILED"), "{ran:?}");
    for command in &commands {
        // In a crontab it would end the command.
        assert!(!command.contains('%'), "{command}");
        let ran = shell(&place, &["/bin/sh"], command);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "", ""), "{command}");
    }
    for file in ["log/take.json", "log/looked.json", "log/backups.txt"] {
        assert!(is_there(&place.path(file)), "{file}");
    }
    assert!(place.read("log/looked.json").contains("\"whole\""));
    // What fails is mailed.
    std::fs::remove_dir_all(place.path("backups")).unwrap();
    let ran = shell(&place, &["/bin/sh"], &commands[0]);
    assert!(ran.code != 0 && !ran.err.is_empty(), "{ran:?}");
}
