//! Runs the command in a directory of its own, without whatever the environment holds.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use drcore_tests::Database;

/// A directory to run the command in.
pub struct Place {
    directory: tempfile::TempDir,
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names of the files in it.
    pub fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The command, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_drcore"));
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let ours = ["DRCORE_", "PG", "GITHUB_", "CLICOLOR"].iter().any(|prefix| text.starts_with(prefix));
            if ours || ["DATABASE_URL", "CI", "NO_COLOR"].contains(&text.as_ref()) {
                command.env_remove(&name);
            }
        }
        command
            .args(arguments)
            .env("HOME", self.directory.path())
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the command.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// Stores the baseline of a database here, as `baseline.json`.
    pub async fn baseline(&self, database: &Database) {
        let ran = self.run(&["baseline", &database.url().await, "-o", "baseline.json"]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

impl Ran {
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output without what differs from run to run.
    pub fn steady(&self) -> String {
        let mut lines = Vec::new();
        for line in self.out.lines() {
            let words: Vec<String> = line
                .split(' ')
                .map(|word| {
                    if word.starts_with("/dev/shm/") || word.starts_with("/tmp/") { "SOCKET" } else { word }
                        .to_owned()
                })
                .collect();
            let mut line = words.join(" ");
            for (before, after) in [
                ("took ", " s"),
                ("baseline of ", "Z"),
                ("Z (", " s old)"),
                ("1 time, ", " s"),
                ("db t", " "),
            ] {
                if let Some(at) = line.find(before).map(|at| at + before.len())
                    && let Some(length) = line[at..].find(after)
                {
                    line.replace_range(at..at + length, "…");
                }
            }
            lines.push(line);
        }
        lines.join("\n")
    }
}
