//! The server of a scratch cluster: `initdb`, starting, waiting until it is ready, shutting down.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{CLUSTER_NAME, DATA, ScratchCluster};
use crate::error::{Error, ErrorKind, Result};
use crate::restore::tools::Tools;

/// How long it may take until it takes connections; a busy machine needs time.
const LONGEST: Duration = Duration::from_secs(60);
/// How often to look whether it does.
const ASK_AGAIN: Duration = Duration::from_millis(5);

/// A server that runs.
#[derive(Debug)]
pub(super) struct Server {
    /// Waits for it, so that none is left behind as a zombie.
    waiting: Option<std::thread::JoinHandle<()>>,
}

impl ScratchCluster {
    pub(super) async fn initialise(&self) -> Result<()> {
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
}

impl Server {
    /// Starts the server on the data below `root`, and waits until it takes connections.
    pub(super) async fn start(
        tools: &Tools,
        root: &Path,
        port: Option<u16>,
        settings: &[(String, String)],
    ) -> Result<Self> {
        let data = root.join(DATA);
        configure(root, &data, port, settings)?;
        let log = std::fs::OpenOptions::new().create(true).append(true).open(root.join("log"))?;
        if let Some(user) = tools.run_as() {
            // Whoever starts it again does so as its user.
            std::os::unix::fs::fchown(&log, Some(user.uid), Some(user.gid))?;
        }
        let mut command = tools.command("postgres").into_std();
        command.arg("-D").arg(&data).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // Ctrl-C goes to the terminal's process group: the watchdog ends it, when its owner is gone.
        command.process_group(0);
        let failed = |error| Error::new(ErrorKind::Tool, "cannot run postgres").caused_by(error);
        let mut child = command.spawn().map_err(failed)?;
        let pid = child.id();
        // Until it has a file of its own, nobody else knows of it.
        std::fs::write(root.join("server.pid"), pid.to_string())?;
        let waiting = std::thread::spawn(move || {
            // When it is over, it is over.
            let _ = child.wait();
        });
        let server = Self { waiting: Some(waiting) };
        server.ready(root, pid).await?;
        std::fs::remove_file(root.join("server.pid"))?;
        Ok(server)
    }

    async fn ready(&self, root: &Path, pid: u32) -> Result<()> {
        let began = Instant::now();
        let file = root.join(DATA).join("postmaster.pid");
        loop {
            // The first line says whose it is, the eighth what it is at.
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let mut lines = text.lines();
            let is_its = lines.next().is_some_and(|line| line.trim() == pid.to_string());
            if is_its && lines.nth(6).is_some_and(|status| status.trim() == "ready") {
                return Ok(());
            }
            let is_over = self.waiting.as_ref().is_none_or(std::thread::JoinHandle::is_finished);
            if is_over || began.elapsed() > LONGEST {
                let text = std::fs::read_to_string(root.join("log")).unwrap_or_default();
                let last: Vec<&str> = text.lines().rev().take(5).collect();
                let message = format!("the scratch cluster did not start: {}", last.join("; "));
                return Err(Error::new(ErrorKind::Tool, message));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Shuts it down, so that its data can be copied.
    pub(super) async fn shut_down(mut self, tools: &Tools, data: &Path) -> Result<()> {
        let arguments: [&OsStr; 6] = [
            "stop".as_ref(),
            "--wait".as_ref(),
            "--silent".as_ref(),
            "--mode=fast".as_ref(),
            "-D".as_ref(),
            data.as_os_str(),
        ];
        let failed = |error| Error::new(ErrorKind::Tool, "cannot run pg_ctl").caused_by(error);
        Tools::check("pg_ctl", tools.command("pg_ctl").args(arguments).output().await.map_err(failed)?)?;
        if let Some(waiting) = self.waiting.take() {
            // It has ended: the thread does, too.
            let _ = waiting.join();
        }
        Ok(())
    }
}

/// Writes the settings after those of `initdb`; where they were written before, these go.
fn configure(root: &Path, data: &Path, port: Option<u16>, settings: &[(String, String)]) -> Result<()> {
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
        if port.is_some() { "127.0.0.1" } else { "" },
        port.unwrap_or(5432),
        root.display()
    );
    for (name, value) in settings {
        text.push_str(&format!("{name} = '{}'\n", value.replace('\'', "''")));
    }
    let mut file = std::fs::OpenOptions::new().append(true).open(data.join("postgresql.conf"))?;
    file.write_all(text.as_bytes())?;
    Ok(())
}
