//! Running `pg_restore` and `psql` on an archive, and hearing what they say.

use std::collections::HashMap;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::process::{Child, Command};

use super::clients::ClientTools;
use super::messages::{Listener, ObjectError, Said, ignored, is_out_of_room};
use super::voices::{APART, Speaker, Voices};
use crate::connect::Libpq;
use crate::error::{Error, ErrorKind, Result};

/// How our programs name themselves to the server: what an interrupted run left there is known by it.
pub(crate) const APPLICATION: &str = "drcore restore";

/// What is asked of `pg_restore`.
#[derive(Debug)]
pub(super) struct PgRestore<'a> {
    pub(super) tools: &'a ClientTools,
    pub(super) to: &'a Libpq,
    pub(super) archive: &'a Path,
    pub(super) jobs: u32,
    pub(super) no_owner: bool,
    /// The entries, by their numbers.
    pub(super) entries: &'a [u32],
}

/// What is told while it works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Began(u32),
    Finished(u32),
    Rows(String),
    Error(ObjectError),
}

impl PgRestore<'_> {
    /// Runs it to its end. What it goes on after is told; what ends it is an error.
    pub(super) async fn run(&self, listener: Listener, tell: &mut (dyn FnMut(Told) + Send)) -> Result<()> {
        let list = list(self.entries)?;
        let mut command = self.tools.command("pg_restore", Some(&named(self.to)));
        command.arg("--verbose").arg("--use-list").arg(list.path());
        // An error that is held against another table, or not heard, would be worse than waiting.
        command.arg(format!("--jobs={}", if APART { self.jobs } else { 1 }));
        if self.no_owner {
            command.arg("--no-owner");
        }
        command.arg(self.archive).stdout(Stdio::null());
        let mut running = Running::start("pg_restore", command)?;
        let heard = running.hear(&listener, tell).await?;
        let status = running.end().await?;
        // It exits with 1 both when it gave up and when it went on after errors; then it says how many.
        if !status.success() && heard.ignored.is_none() {
            return Err(failed("pg_restore", status, &heard.line));
        }
        // It was asked to tell all that it does.
        if heard.line.is_empty() {
            return Err(failed("pg_restore", status, ""));
        }
        // What a worker fails at counts twice.
        if let Some(ignored) = heard.ignored.filter(|ignored| *ignored > 2 * heard.errors) {
            tell(Told::Error(ObjectError::unheard(ignored - heard.errors)));
        }
        Ok(())
    }

    /// Starts it on the rows of one table, as SQL text.
    pub(super) fn rows(&self) -> Result<(Running, tempfile::NamedTempFile)> {
        let list = list(self.entries)?;
        let mut command = self.tools.command("pg_restore", None);
        command.args(["--data-only", "--file=-", "--use-list"]).arg(list.path()).arg(self.archive);
        command.stdout(Stdio::piped());
        Ok((Running::start("pg_restore", command)?, list))
    }
}

/// Runs a script with `psql`, stopping at the first error.
pub(super) async fn psql(
    tools: &ClientTools,
    to: &Libpq,
    script: &Path,
    single_transaction: bool,
) -> Result<()> {
    let mut command = tools.command("psql", Some(&named(to)));
    command.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--set=VERBOSITY=terse"]);
    if single_transaction {
        command.arg("--single-transaction");
    }
    command.arg("--file").arg(script).stdout(Stdio::null());
    let mut running = Running::start("psql", command)?;
    let heard = running.hear(&Listener::new(0, false), &mut |_| {}).await?;
    let status = running.end().await?;
    if status.success() { Ok(()) } else { Err(failed("psql", status, &heard.line)) }
}

/// The connection, by a name of ours.
fn named(to: &Libpq) -> Libpq {
    Libpq {
        conninfo: format!("{} application_name='{APPLICATION}'", to.conninfo),
        password: to.password.clone(),
    }
}

/// The file that `pg_restore -L` reads: a number a line.
fn list(entries: &[u32]) -> Result<tempfile::NamedTempFile> {
    use std::io::Write;
    let mut file = tempfile::Builder::new().prefix("drcore-list-").tempfile()?;
    let text: String = entries.iter().map(|entry| format!("{entry};\n")).collect();
    file.write_all(text.as_bytes())?;
    Ok(file)
}

fn failed(program: &str, status: ExitStatus, last: &str) -> Error {
    let last = if last.is_empty() { "it said nothing" } else { last };
    Error::new(ErrorKind::Tool, format!("{program} failed ({status}): {last}"))
}

/// A program at work, which does not outlive us.
#[derive(Debug)]
pub(super) struct Running {
    program: &'static str,
    pub(super) child: Child,
    voices: Voices,
    /// Ends its whole group when we are gone, however we went.
    watchdog: Option<Child>,
}

/// What was heard last.
#[derive(Debug, Default)]
pub(super) struct Heard {
    line: String,
    /// How many errors were told.
    errors: u64,
    /// How many it says that it went on after.
    ignored: Option<u64>,
}

/// Waits until the pipe closes; unless it was told that all is well, it ends the group. First as Ctrl-C does: then the
/// programs cancel on the server what they are at, which would go on without them.
const WATCHDOG: &str = r#"read -r well; [ "$well" = done ] && exit
kill -s INT -- "-$1" 2>/dev/null && sleep 1 && kill -s TERM -- "-$1" 2>/dev/null"#;

impl Running {
    fn start(program: &'static str, mut command: Command) -> Result<Self> {
        let cannot = |error| Error::new(ErrorKind::Tool, format!("cannot run {program}")).caused_by(error);
        // Its workers are in its group, and Ctrl-C, which is ours to hear, is not.
        command.process_group(0);
        // Killed, it could not cancel on the server what it is at: the watchdog ends it.
        command.kill_on_drop(false);
        let (voices, mouth) = Voices::new()?;
        let mut child = command.stderr(mouth).spawn().map_err(cannot)?;
        // With what the child holds of the pipe, which would never close.
        drop(command);
        let mut watchdog = Command::new("sh");
        watchdog.args(["-c", WATCHDOG, "drcore-watchdog", &child.id().unwrap_or_default().to_string()]);
        watchdog.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let watchdog = watchdog.spawn().map_err(|error| {
            // Nobody would end it.
            let _ = child.start_kill();
            cannot(error)
        })?;
        Ok(Self { program, child, voices, watchdog: Some(watchdog) })
    }

    /// Hears all that it and its workers say on standard error: each of them in the listener's words.
    pub(super) async fn hear(
        &mut self,
        listener: &Listener,
        tell: &mut (dyn FnMut(Told) + Send),
    ) -> Result<Heard> {
        let mut heard = Heard::default();
        let mut listeners: HashMap<Speaker, Listener> = HashMap::new();
        while let Some((speaker, line)) = self.voices.next().await? {
            tracing::trace!(program = self.program, speaker, line);
            heard.ignored = ignored(&line).or(heard.ignored);
            match listeners.entry(speaker).or_insert_with(|| listener.clone()).hear(&line) {
                Some(Said::Began(entry)) => tell(Told::Began(entry)),
                Some(Said::Finished(entry)) => tell(Told::Finished(entry)),
                Some(Said::Rows(table)) => tell(Told::Rows(table)),
                Some(Said::Error(error)) if is_out_of_room(&error.message) => {
                    return Err(out_of_room(&error));
                }
                Some(Said::Error(error)) => {
                    heard.errors += 1;
                    tell(Told::Error(error));
                }
                Some(Said::Fatal(message)) => {
                    return Err(Error::new(ErrorKind::Connection, message).hint(
                        "When the server answers again, go on with --resume, or begin anew with --start-over.",
                    ));
                }
                None => {}
            }
            if !line.is_empty() {
                heard.line = line;
            }
        }
        Ok(heard)
    }

    /// Waits for its end.
    pub(super) async fn end(mut self) -> Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.release().await;
        Ok(status)
    }

    async fn release(&mut self) {
        use tokio::io::AsyncWriteExt;
        let Some(mut watchdog) = self.watchdog.take() else { return };
        if let Some(mut stdin) = watchdog.stdin.take() {
            // If it is gone there is nobody to tell.
            let _ = stdin.write_all(b"done\n").await;
        }
        let _ = watchdog.wait().await;
    }
}

/// Dropped before its end: the watchdog's pipe closes, and it ends the group.
impl Drop for Running {
    fn drop(&mut self) {
        if let Some(watchdog) = &mut self.watchdog {
            drop(watchdog.stdin.take());
        }
    }
}

fn out_of_room(error: &ObjectError) -> Error {
    Error::new(ErrorKind::Query, format!("the target has no room left: {}", error.message))
        .context("object", error.object.clone())
        .hint("Make room on the target, then go on with --resume, or begin anew with --start-over.")
}
