//! The incident log: one line a command, for the timeline that is written afterwards.
//!
//! A row of a Markdown table, because that is what runbooks keep their logs in and what goes into the
//! incident's page as it is. Each row is one write to the end of the file, so that several commands
//! can share it. That it cannot be written is told, and changes no verdict and no exit code.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::builder::{NonEmptyStringValueParser, TypedValueParser};
use drcore::connect::Dsn;
use drcore::evidence::Run;
use drcore::report::MarkdownCell::{Code, Text};
use drcore::report::markdown_row;
use drcore::{Error, ErrorKind, Report};
use jiff::Timestamp;

use crate::arguments;
use crate::screen::Screen;

/// The columns of the table.
const COLUMNS: [&str; 9] =
    ["Start (UTC)", "End (UTC)", "Operator", "Command", "Target", "Verdict", "Exit", "Files", "Plan digest"];

/// Where the incident log is.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct IncidentArguments {
    /// Add a row for this command, with its verdict, to a Markdown table
    #[arg(long, global = true, env = NAME, help_heading = "Log", value_name = "FILE")]
    #[arg(value_parser = NonEmptyStringValueParser::new().map(PathBuf::from))]
    incident_log: Option<PathBuf>,
}

/// The variable that names the file.
const NAME: &str = "DRCORE_INCIDENT_LOG";

/// What one command did, until its row is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Incident(Arc<Mutex<Option<Entry>>>);

#[derive(Debug)]
struct Entry {
    file: PathBuf,
    started: Timestamp,
    command: String,
    target: Option<String>,
    verdict: Option<String>,
    files: Vec<PathBuf>,
    digest: Option<String>,
}

impl IncidentArguments {
    /// The arguments as far as they say where the incident log is, for a command that cannot be parsed.
    pub(crate) fn of_raw(arguments: &[OsString]) -> Self {
        let mut file = std::env::var_os(NAME);
        for (at, argument) in arguments.iter().enumerate() {
            match argument.to_str() {
                Some("--") => break,
                Some("--incident-log") => file = arguments.get(at + 1).cloned(),
                Some(text) => {
                    if let Some(value) = text.strip_prefix("--incident-log=") {
                        file = Some(value.into());
                    }
                }
                None => {}
            }
        }
        Self { incident_log: file.filter(|file| !file.is_empty()).map(PathBuf::from) }
    }

    /// Begins the row of a command. That the file cannot be written is told before anything runs.
    pub(crate) fn begin(&self, arguments: &[OsString], screen: &Screen) {
        let Some(file) = &self.incident_log else { return };
        if let Err(error) = open(file) {
            screen.warn(&unwritten(file, error).to_string());
        }
        *screen.incident.lock() = Some(Entry {
            file: file.clone(),
            started: Timestamp::now(),
            command: arguments::shown(arguments),
            target: None,
            verdict: None,
            files: Vec::new(),
            digest: None,
        });
    }
}

impl Incident {
    /// What was read or written to, as its connection string names it.
    pub(crate) fn reached_by(&self, url: &str) {
        let Ok(dsn) = Dsn::parse(url) else { return };
        let place = dsn.project().map_or_else(|| dsn.to_string(), |project| format!("project {project}"));
        self.update(|entry| {
            // What it called itself is better.
            entry.target.get_or_insert_with(|| format!("{place} · db {}", dsn.database().unwrap_or("?")));
        });
    }

    /// What was read, as it named itself; as its connection string does, where it did not answer.
    pub(crate) fn read(&self, run: &Run) {
        let Some(server) = &run.server else { return };
        let name = match (&run.project, server.project()) {
            (Some(project), _) => format!("project {project} · db {}", server.database),
            (None, Some(name)) => name,
            (None, None) => format!("{} · db {}", run.host.as_deref().unwrap_or("?"), server.database),
        };
        self.update(|entry| entry.target = Some(name));
    }

    /// What verifying came to.
    pub(crate) fn judged(&self, report: &Report) {
        self.read(&report.run.evidence);
        self.verdict(report.verdict.as_str());
    }

    /// What the command came to, in a word or two.
    pub(crate) fn verdict(&self, verdict: &str) {
        self.update(|entry| entry.verdict = Some(verdict.to_owned()));
    }

    /// A file that was written.
    pub(crate) fn wrote(&self, file: &Path) {
        self.update(|entry| entry.files.push(file.to_path_buf()));
    }

    /// The digest of the repair plan.
    pub(crate) fn planned(&self, digest: &str) {
        self.update(|entry| entry.digest = Some(digest.to_owned()));
    }

    /// Why there is no verdict.
    pub(crate) fn failed(&self, kind: ErrorKind) {
        self.update(|entry| {
            // A verdict that was reached stays, whatever went wrong with its files.
            entry.verdict.get_or_insert_with(|| format!("none: {kind}"));
        });
    }

    /// Writes the row, once.
    pub(crate) fn finish(&self, exit: &str, screen: &Screen) {
        let Some(entry) = self.lock().take() else { return };
        if let Err(error) = append(&entry.file, &entry.row(exit)) {
            screen.warn(&unwritten(&entry.file, error).to_string());
        }
    }

    fn update(&self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.lock().as_mut() {
            change(entry);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn row(&self, exit: &str) -> String {
        let operator = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_default();
        let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
        let instant = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M:%S").to_string();
        markdown_row([
            Text(&instant(self.started)),
            Text(&instant(Timestamp::now())),
            Text(&operator),
            Code(&self.command),
            Code(self.target.as_deref().unwrap_or_default()),
            Text(self.verdict.as_deref().unwrap_or("none")),
            Text(exit),
            Code(&files.join(", ")),
            Code(self.digest.as_deref().unwrap_or_default()),
        ])
    }
}

/// Writes the row if the command panics; it would otherwise be the one that is missing.
pub(crate) struct Guard<'s>(pub(crate) &'s Screen);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.incident.failed(ErrorKind::Internal);
        self.0.incident.finish("101", self.0);
    }
}

fn unwritten(file: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, "the incident log cannot be written; the command goes on without it")
        .context("file", file.display().to_string())
        .caused_by(error)
}

/// The file at its end, made with the head of the table where it is not there.
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    match options.open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        result => return result,
    }
    // Put in its place whole, so that no row of somebody else's comes before the head.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // As any new file, for the team: it is theirs, and holds no secret.
    let permissions = std::fs::Permissions::from_mode(0o666);
    let mut new =
        tempfile::Builder::new().prefix(".drcore-").permissions(permissions).tempfile_in(directory)?;
    let rule = COLUMNS.map(|_| "---").join(" | ");
    new.write_all(format!("{}| {rule} |\n", markdown_row(COLUMNS.map(Text))).as_bytes())?;
    match new.persist_noclobber(path) {
        // Somebody was quicker.
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error),
        Ok(_) => {}
    }
    options.open(path)
}

/// Adds a row in one write: what others add at the same time comes before or after it.
fn append(path: &Path, row: &str) -> std::io::Result<()> {
    let mut file = open(path)?;
    if file.metadata()?.is_file() {
        // Half of what another one is just writing would look torn. Not every file system has locks; there it may.
        let _ = file.lock();
    }
    let torn = ends_amid_a_line(&mut file)?;
    let row = if torn { format!("\n{row}") } else { row.to_owned() };
    match file.write(row.as_bytes())? {
        written if written < row.len() => {
            Err(std::io::Error::new(std::io::ErrorKind::StorageFull, "the disk is full"))
        }
        // A pipe cannot be flushed.
        _ if !file.metadata()?.is_file() => Ok(()),
        _ => file.sync_data(),
    }
}

/// Whether a full disk cut off the last row, which ours must not continue.
fn ends_amid_a_line(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_the_head_and_a_torn_row_is_not_continued() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("incident.md");
        append(&path, "| a |\n").unwrap();
        append(&path, "| b |").unwrap();
        append(&path, "| c |\n").unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("| Start (UTC) | End (UTC) | Operator |"), "{text}");
        assert!(lines[1].starts_with("| --- | --- |"), "{text}");
        assert_eq!(lines[2..], ["| a |", "| b |", "| c |"]);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_command_that_panics_has_its_row() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("incident.md");
        let screen = Screen::of_process(false, &[]);
        let arguments = IncidentArguments { incident_log: Some(path.clone()) };
        arguments.begin(&["drcore".into(), "verify".into()], &screen);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _guard = Guard(&screen);
            panic!("a defect");
        }));
        assert!(panicked.is_err());
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("| `drcore verify` |  | none: internal | 101 |"), "{text}");
    }

    #[test]
    fn rows_of_many_do_not_mix() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("incident.md");
        let row = |at: usize| format!("| {} |\n", at.to_string().repeat(4_000));
        std::thread::scope(|scope| {
            for at in 0..16 {
                let (path, row) = (&path, row(at));
                scope.spawn(move || append(path, &row).unwrap());
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        let mut found: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        assert_eq!(
            found.drain(..2).filter(|line| line.contains("Operator")).count(),
            1,
            "one head, at the top"
        );
        found.sort();
        let mut expected: Vec<String> = (0..16).map(row).collect();
        expected.sort();
        assert_eq!(found, expected);
    }
}
