//! Running `pg_dump`, and storing what it writes as it writes it.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use futures::{StreamExt, TryStreamExt};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};

use super::options::{Compression, Omit, TakeFormat, TakeOptions, TellDump};
use super::running::Running;
use crate::backup::layout::{self, DIRECTORY, DUMP, DumpFormat};
use crate::backup::manifest::{BackupDump, BackupOmission, StoredObject};
use crate::backup::shelf::{Stored, Upload};
use crate::connect::Libpq;
use crate::error::{Error, ErrorKind, Result};
use crate::restore::ClientTools;
use crate::text::milliseconds;

/// What is read from the pipe at a time, at most.
const PIECE: usize = 256 << 10;
/// Lines of what `pg_dump` says that are kept, at most: the first, which are the cause of the others.
const LINES: usize = 200;
/// Files of the directory format that are stored at once.
const AT_ONCE: usize = 4;
/// How often progress is told.
const TELL: Duration = Duration::from_millis(200);

/// A dump that is to be made.
pub(super) struct Dump<'d> {
    pub(super) tools: &'d ClientTools,
    pub(super) to: Libpq,
    pub(super) snapshot: &'d str,
    /// How many bytes may come.
    pub(super) expected: u64,
    pub(super) running: &'d Running,
    pub(super) options: &'d TakeOptions,
    pub(super) told: TellDump,
}

/// A dump that was made and stored.
pub(super) struct Dumped {
    pub(super) dump: BackupDump,
    pub(super) omitted: Vec<BackupOmission>,
    /// What `pg_dump` warned of.
    pub(super) warnings: Vec<String>,
    pub(super) elapsed_ms: u64,
}

impl Dump<'_> {
    /// Dumps into the repository, without what the options and the caller leave out, who says why.
    pub(super) async fn run(&self, without: &[(Omit, String)]) -> Result<Dumped> {
        let began = Instant::now();
        let compression = match self.options.compression {
            Some(compression) => compression,
            None => usual(self.tools).await,
        };
        let mut command = self.tools.command("pg_dump", Some(&self.to));
        command.arg(format!("--compress={}", compression.argument(self.tools.major)?));
        command.arg(format!("--snapshot={}", self.snapshot));
        command.arg(format!("--lock-wait-timeout={}", self.options.plan.limits.lock_timeout().as_millis()));
        command.args(self.options.omit.iter().map(Omit::argument));
        command.args(without.iter().map(|(omit, _)| omit.argument()));
        let (objects, warnings, format) = match self.options.format {
            TakeFormat::Custom => {
                let (object, warnings) = self.stream(command, began).await?;
                (vec![object], warnings, DumpFormat::Custom)
            }
            TakeFormat::Directory { jobs } => {
                let (objects, warnings) = self.staged(command, jobs, began).await?;
                (objects, warnings, DumpFormat::Directory)
            }
        };
        (self.told)(None);
        let bytes = objects.iter().map(|object| object.bytes).sum();
        let dump = BackupDump { format, compression: compression.to_string(), bytes, objects };
        let on_purpose = self.options.omit.iter().map(|omit| omit.told(super::ON_PURPOSE));
        let omitted = on_purpose.chain(without.iter().map(|(omit, why)| omit.told(why))).collect();
        Ok(Dumped { dump, omitted, warnings, elapsed_ms: milliseconds(began) })
    }

    /// One file, stored as it comes.
    async fn stream(&self, mut command: Command, began: Instant) -> Result<(StoredObject, Vec<String>)> {
        let name = format!("{}{DUMP}", self.running.name());
        let mut upload = self.running.upload(&name, self.expected).await?;
        command.arg("--format=custom").stdout(Stdio::piped());
        let result = self.pump(command, &mut upload, began).await;
        match result {
            Ok(warnings) => {
                let stored = self.running.finish(upload).await?;
                Ok((named(&name, stored), warnings))
            }
            Err(error) => {
                upload.give_up().await;
                Err(error)
            }
        }
    }

    /// Hands over what the program writes, until it ends; only then is it known whether that was all.
    async fn pump(&self, command: Command, upload: &mut Upload, began: Instant) -> Result<Vec<String>> {
        let mut child = spawn(command)?;
        let said = tokio::spawn(said(child.stderr.take()));
        let mut out = child.stdout.take().ok_or_else(|| failed("pg_dump has no output"))?;
        let mut told = began;
        loop {
            let mut piece = BytesMut::with_capacity(PIECE);
            // A pipe gives less at a time than a piece holds.
            while piece.len() < PIECE / 2 {
                let read = out.read_buf(&mut piece).await;
                if read.map_err(|error| failed("pg_dump's output cannot be read").caused_by(error))? == 0 {
                    break;
                }
            }
            if piece.is_empty() {
                break;
            }
            upload.write(piece.freeze()).await?;
            if told.elapsed() > TELL {
                told = Instant::now();
                (self.told)(Some((upload.bytes(), began.elapsed())));
            }
        }
        let status =
            child.wait().await.map_err(|error| failed("cannot wait for pg_dump").caused_by(error))?;
        let said = said.await.map_err(|error| failed("what pg_dump says is lost").caused_by(error))?;
        let warnings = judge(status, &said)?;
        if upload.bytes() == 0 {
            return Err(failed("pg_dump wrote nothing"));
        }
        Ok(warnings)
    }

    /// A file a table, written here first: only `pg_dump` itself can write several at once.
    async fn staged(
        &self,
        mut command: Command,
        jobs: u32,
        began: Instant,
    ) -> Result<(Vec<StoredObject>, Vec<String>)> {
        let staging = tempfile::Builder::new().prefix("drcore-").tempdir().map_err(|error| {
            Error::new(ErrorKind::Io, "cannot make a temporary directory").caused_by(error)
        })?;
        let directory = staging.path().join("dump");
        // What is stored is written out there.
        command.args(["--format=directory", "--no-sync"]).arg(format!("--jobs={jobs}"));
        command.arg("--file").arg(&directory).stdout(Stdio::null());
        let mut child = spawn(command)?;
        let said = tokio::spawn(said(child.stderr.take()));
        let status = loop {
            tokio::select! {
                status = child.wait() => break status,
                () = tokio::time::sleep(TELL) => {
                    (self.told)(Some((size(&directory), began.elapsed())));
                }
            }
        };
        let status = status.map_err(|error| failed("cannot wait for pg_dump").caused_by(error))?;
        let said = said.await.map_err(|error| failed("what pg_dump says is lost").caused_by(error))?;
        let warnings = judge(status, &said).map_err(|error| {
            if error.to_string().contains("No space left") {
                error.hint("The directory format is written to the temporary directory first: set TMPDIR to one with room.")
            } else {
                error
            }
        })?;
        let mut files: Vec<_> = std::fs::read_dir(&directory)
            .and_then(Iterator::collect::<std::io::Result<Vec<_>>>)
            .map_err(|error| Error::unreadable("the dump", &directory, error))?
            .into_iter()
            .map(|entry| entry.path())
            .collect();
        files.sort();
        let mut objects: Vec<StoredObject> = futures::stream::iter(files)
            .map(|file| async move { self.store_file(&file).await })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        objects.sort_by(|a, b| a.name.cmp(&b.name));
        Ok((objects, warnings))
    }

    async fn store_file(&self, file: &Path) -> Result<StoredObject> {
        let unreadable = |error| Error::unreadable("the dump", file, error);
        let file_name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let directory = format!("{}{DIRECTORY}", self.running.name());
        let name = format!("{directory}/{file_name}");
        let mut open = tokio::fs::File::open(file).await.map_err(unreadable)?;
        let expected = open.metadata().await.map_err(unreadable)?.len();
        let mut upload = self.running.upload(&name, expected).await?;
        let mut copy = async || -> Result<()> {
            loop {
                let mut piece = BytesMut::with_capacity(PIECE);
                if open.read_buf(&mut piece).await.map_err(unreadable)? == 0 {
                    return Ok(());
                }
                upload.write(piece.freeze()).await?;
            }
        };
        if let Err(error) = copy().await {
            upload.give_up().await;
            return Err(error);
        }
        let stored = self.running.finish(upload).await?;
        let name = format!("{}/{file_name}", layout::file_name(&directory));
        Ok(StoredObject { name, bytes: stored.bytes, sha256: stored.sha256 })
    }
}

fn named(name: &str, stored: Stored) -> StoredObject {
    StoredObject { name: layout::file_name(name).to_owned(), bytes: stored.bytes, sha256: stored.sha256 }
}

/// zstd, where `pg_dump` was built with it; else gzip at its lowest level, whose archives are a few percent larger than
/// those of the usual level and take half the time.
async fn usual(tools: &ClientTools) -> Compression {
    if tools.major < 16 {
        return Compression::Gzip(1);
    }
    // It looks at how to compress before it connects; nobody is there.
    let mut probe = tools.command("pg_dump", None);
    probe.args(["--format=custom", "--compress=zstd:3", "--no-password", "--file=/dev/null"]);
    probe.args(["--dbname", "host=/nonexistent dbname=none"]);
    match probe.output().await {
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains("does not support compression") => {
            Compression::Gzip(1)
        }
        Ok(_) => Compression::Zstd(3),
        Err(_) => Compression::Gzip(1),
    }
}

fn spawn(mut command: Command) -> Result<Child> {
    command.stderr(Stdio::piped());
    command.spawn().map_err(|error| failed("cannot run pg_dump").caused_by(error))
}

/// What it says, as long as there is anything.
async fn said(stderr: Option<ChildStderr>) -> Vec<String> {
    let Some(stderr) = stderr else { return Vec::new() };
    let mut lines = BufReader::new(stderr).split(b'\n');
    let mut said = Vec::new();
    while let Ok(Some(line)) = lines.next_segment().await {
        if said.len() < LINES && !line.is_empty() {
            said.push(String::from_utf8_lossy(&line).into_owned());
        }
    }
    said
}

/// Whether it did its work: gives what it warned of.
fn judge(status: ExitStatus, said: &[String]) -> Result<Vec<String>> {
    let of = |word: &str| {
        let beginning = format!("pg_dump: {word}: ");
        said.iter().filter_map(|line| line.strip_prefix(&beginning).map(str::to_owned)).collect::<Vec<_>>()
    };
    let errors = of("error");
    if status.success() && errors.is_empty() {
        return Ok(of("warning"));
    }
    let details = of("detail");
    let mut message: Vec<&str> = errors.iter().chain(&details).map(String::as_str).take(4).collect();
    if message.is_empty() {
        message = said.iter().map(String::as_str).take(3).collect();
    }
    let text = if message.is_empty() { "it said nothing".to_owned() } else { message.join("; ") };
    let denied = text.contains("permission denied") || text.contains("row-level security");
    let kind = if denied { ErrorKind::Permission } else { ErrorKind::Tool };
    Err(Error::new(kind, format!("pg_dump failed ({status}): {text}")))
}

fn size(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

fn failed(message: &str) -> Error {
    Error::new(ErrorKind::Tool, message)
}
