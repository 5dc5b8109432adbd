//! Throw-away clusters: the embedded default, without Docker and without an account.
//!
//! A scratch cluster has its own data directory (in memory where that can be),
//! listens on a private socket only, and is gone afterwards: on drop, after
//! Ctrl-C, after a panic and after SIGKILL. A watchdog in a session of its own
//! waits on a pipe that nobody writes to; when the owner is gone, however it
//! went, the pipe closes, and the watchdog ends the server and removes the directory.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Instant;

use super::tools::Tools;
use crate::connect::{Dsn, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Limits;
use crate::sql::quote;
use crate::text::milliseconds;

/// How to start a scratch cluster.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ScratchOptions {
    /// The programs to use; found where none are given.
    pub tools: Option<Tools>,
    /// Listens on 127.0.0.1 at this port too, where everybody on this machine may connect; only on
    /// the private socket where none is given.
    pub port: Option<u16>,
    /// Further settings of the server, such as `("max_connections", "20")`.
    pub settings: Vec<(String, String)>,
}

/// A throw-away cluster.
#[derive(Debug)]
pub struct ScratchCluster {
    tools: Tools,
    root: PathBuf,
    port: Option<u16>,
    watchdog: Child,
}

/// The watchdog: waits until the pipe closes, ends the server at once, removes the directory.
const WATCHDOG: &str = r#"
cat >/dev/null
# Waits, five seconds at most, until a process is gone; one that nobody has waited for is.
gone() {
  n=0
  while kill -0 "$1" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null && [ "$n" -lt 100 ]; do
    n=$((n + 1))
    sleep 0.05
  done
}
# initdb cleans up after itself, shared memory included, if it is asked; pulled from under it, it does not.
pid=$(cat "$1/initdb.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -TERM "$pid" 2>/dev/null
  gone "$pid"
fi
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -QUIT "$pid" 2>/dev/null
  gone "$pid"
  kill -KILL "$pid" 2>/dev/null
fi
# A program that was still working in it, such as initdb, may put files back once.
n=0
while [ -e "$1" ] && [ "$n" -lt 100 ]; do rm -rf "$1" 2>/dev/null; n=$((n + 1)); sleep 0.05; done
"#;

/// How a scratch cluster names itself to its clients.
pub(crate) const CLUSTER_NAME: &str = "drcore-scratch";

/// The file in its directory that holds the system identifier of the cluster that drcore made there.
pub(crate) const MARKER: &str = "drcore-scratch";

/// Where in its directory the data is.
pub(crate) const DATA: &str = "data";

impl ScratchCluster {
    /// Starts one; takes about a second.
    ///
    /// # Errors
    /// [`ErrorKind::Tool`] if PostgreSQL is not there or does not start; [`ErrorKind::Io`] if there is no room.
    #[tracing::instrument(name = "scratch", skip_all)]
    pub async fn start(options: ScratchOptions) -> Result<Self> {
        let started = Instant::now();
        let tools = match options.tools {
            Some(tools) => tools,
            None => Tools::find().await?,
        };
        let root = directory(&tools)?;
        // From here on the directory goes away with us.
        let cluster = Self { watchdog: watchdog(&root)?, root, port: options.port, tools };
        cluster.initialise().await?;
        cluster.configure(&options.settings)?;
        cluster.run().await?;
        cluster.mark().await?;
        tracing::info!(directory = %cluster.root.display(), elapsed_ms = milliseconds(started), "scratch cluster started");
        Ok(cluster)
    }

    /// The connection string of a database in it, as its superuser.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgresql://postgres@{}:5432/{}",
            percent_encode(&self.socket_directory().to_string_lossy()),
            percent_encode(database)
        ) + &self.port.map_or_else(String::new, |port| format!("?port={port}"))
    }

    /// The directory of its socket.
    pub fn socket_directory(&self) -> &Path {
        &self.root
    }

    /// The programs that it was started with.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Creates an empty database.
    ///
    /// # Errors
    /// [`ErrorKind::Query`] if the server refuses.
    pub async fn create_database(&self, name: &str) -> Result<()> {
        self.execute(
            "postgres",
            &format!("create database {} template template0 encoding 'UTF8'", quote(name)),
        )
        .await
    }

    /// Runs statements in one of its databases, as its superuser.
    ///
    /// # Errors
    /// [`ErrorKind::Query`] if the server refuses one.
    pub async fn execute(&self, database: &str, sql: &str) -> Result<()> {
        let source = Source::open(Dsn::parse(&self.url(database))?, &Limits::default()).await?;
        source.session(&Limits::default()).await?.simple(sql).await.map(drop)
    }

    /// Ends it and removes its directory.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the watchdog could not be waited for.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        drop(self.watchdog.stdin.take());
        self.watchdog.wait()?;
        tracing::info!(directory = %self.root.display(), "scratch cluster removed");
        Ok(())
    }

    /// Leaves word of which cluster this is, for [`Target`](crate::Target) to compare.
    async fn mark(&self) -> Result<()> {
        let source = Source::open(Dsn::parse(&self.url("postgres"))?, &Limits::default()).await?;
        let server = source.session(&Limits::default()).await?.server().await?;
        let identifier = server.system_identifier.unwrap_or_default();
        std::fs::write(self.root.join(MARKER), identifier + "\n")?;
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.root.join(DATA)
    }

    async fn initialise(&self) -> Result<()> {
        let data = self.data();
        let arguments: [&OsStr; 8] = [
            "--no-sync".as_ref(),
            "--auth=trust".as_ref(),
            "--username=postgres".as_ref(),
            "--encoding=UTF8".as_ref(),
            "--locale=C".as_ref(),
            "--data-checksums".as_ref(),
            "-D".as_ref(),
            data.as_os_str(),
        ];
        let mut command = self.tools.command("initdb");
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
        // The watchdog asks it to end, and waits until it has: a kill would leave its shared memory.
        command.kill_on_drop(false);
        let failed = |error| Error::new(ErrorKind::Tool, "cannot run initdb").caused_by(error);
        let child = command.spawn().map_err(failed)?;
        let file = self.root.join("initdb.pid");
        std::fs::write(&file, child.id().map_or_else(String::new, |id| id.to_string()))?;
        let output = child.wait_with_output().await.map_err(failed)?;
        // Its number may be another process's from now on.
        std::fs::remove_file(file)?;
        Tools::check("initdb", output).map(drop)
    }

    fn configure(&self, settings: &[(String, String)]) -> Result<()> {
        let mut text = format!(
            "cluster_name = '{CLUSTER_NAME}'\n\
             listen_addresses = '{}'\n\
             port = {}\n\
             unix_socket_directories = '{}'\n\
             unix_socket_permissions = 0700\n\
             fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n\
             wal_level = minimal\nmax_wal_senders = 0\n\
             shared_buffers = '128MB'\nmax_locks_per_transaction = 512\n\
             autovacuum = off\njit = off\n\
             dynamic_shared_memory_type = mmap\n\
             log_min_messages = fatal\nlogging_collector = off\n",
            if self.port.is_some() { "127.0.0.1" } else { "" },
            self.port.unwrap_or(5432),
            self.root.display()
        );
        for (name, value) in settings {
            text.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
        }
        let mut file = std::fs::OpenOptions::new().append(true).open(self.data().join("postgresql.conf"))?;
        file.write_all(text.as_bytes())?;
        Ok(())
    }

    async fn run(&self) -> Result<()> {
        let data = self.data();
        let log = self.root.join("log");
        let arguments: [&OsStr; 8] = [
            "start".as_ref(),
            "--wait".as_ref(),
            "--silent".as_ref(),
            "--timeout=60".as_ref(),
            "-D".as_ref(),
            data.as_os_str(),
            "-l".as_ref(),
            log.as_os_str(),
        ];
        // Its output goes to the log; an inherited pipe would never close.
        let status = self
            .tools
            .command("pg_ctl")
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .await
            .map_err(|error| Error::new(ErrorKind::Tool, "cannot run pg_ctl").caused_by(error))?;
        if status.success() {
            return Ok(());
        }
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let last: Vec<&str> = text.lines().rev().take(5).collect();
        Err(Error::new(ErrorKind::Tool, format!("the scratch cluster did not start: {}", last.join("; "))))
    }
}

impl Drop for ScratchCluster {
    fn drop(&mut self) {
        // The watchdog does its work even if we do not wait for it.
        let _ = self.end();
    }
}

/// A directory of its own, in memory where that can be, that the server's user owns.
fn directory(tools: &Tools) -> Result<PathBuf> {
    let base = match std::env::var_os("DRCORE_SCRATCH_DIR") {
        Some(base) => PathBuf::from(base),
        None if Path::new("/dev/shm").is_dir() => PathBuf::from("/dev/shm"),
        None => std::env::temp_dir(),
    };
    let root = tempfile::Builder::new().prefix("drcore-").tempdir_in(&base).map_err(|error| {
        Error::new(ErrorKind::Io, "cannot make a directory for the scratch cluster")
            .context("directory", base.display().to_string())
            .hint("Set DRCORE_SCRATCH_DIR to a directory that can be written.")
            .caused_by(error)
    })?;
    // The watchdog removes it.
    let root = root.keep();
    if let Some(user) = tools.run_as() {
        std::os::unix::fs::chown(&root, Some(user.uid), Some(user.gid))?;
    }
    Ok(root)
}

fn watchdog(root: &Path) -> Result<Child> {
    let setsid = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|directory| directory.join("setsid").is_file()));
    let mut command = if setsid {
        let mut command = std::process::Command::new("setsid");
        command.arg("sh");
        command
    } else {
        std::process::Command::new("sh")
    };
    command
        .args(["-c", WATCHDOG, "drcore-watchdog"])
        .arg(root)
        // Ctrl-C goes to the terminal's process group, which must not be the watchdog's.
        .process_group(0)
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .spawn()
        .map_err(|error| Error::new(ErrorKind::Tool, "cannot start the watchdog (sh)").caused_by(error))
}

fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
