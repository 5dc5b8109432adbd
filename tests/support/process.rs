//! Processes that own scratch clusters, and what they leave behind.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use drcore::restore::ScratchCluster;

/// Where scratch clusters are made.
pub const DIRECTORY: &str = "DRCORE_SCRATCH_DIR";

/// A process that does not outlive its test, however that ends.
#[derive(Debug)]
pub struct Owned(pub Child);

impl Drop for Owned {
    fn drop(&mut self) {
        // It may be over, and waited for: then there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A directory of its own that the server's user can reach.
pub fn directory() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

/// Waits until it gives something, half a minute at most.
pub fn wait<T>(what: &str, mut ready: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How much is in it.
pub fn entries(directory: &Path) -> usize {
    std::fs::read_dir(directory).unwrap().count()
}

/// The process id of the server that runs below the directory, once it is ready.
pub fn server(directory: &Path) -> Option<u32> {
    let root = std::fs::read_dir(directory).unwrap().next()?.ok()?.path();
    let text = std::fs::read_to_string(root.join("data/postmaster.pid")).ok()?;
    // The last line says what it is at.
    text.lines().nth(7).filter(|status| status.trim() == "ready")?;
    text.lines().next()?.parse().ok()
}

/// Whether the process runs.
pub fn is_alive(pid: u32) -> bool {
    // A process that nobody waited for is a zombie, not alive.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

/// Runs `pg_ctl` on a cluster, with arguments such as `["restart", "-m", "fast"]`, and waits until it is done.
pub async fn control(cluster: &ScratchCluster, arguments: &[&str]) {
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::process::CommandExt;
    let root = cluster.socket_directory();
    let (data, log) = (root.join("data"), root.join("log"));
    let mut command = Command::new(cluster.tools().directory.join("pg_ctl"));
    command.args(arguments).args(["--wait", "--silent", "-D"]).arg(&data).arg("-l").arg(&log);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).env("LC_ALL", "C");
    let owner = std::fs::metadata(&data).unwrap();
    if owner.uid() != std::fs::metadata("/proc/self").unwrap().uid() {
        // PostgreSQL refuses to run as root.
        command.uid(owner.uid()).gid(owner.gid());
    }
    command.current_dir("/");
    let status = tokio::process::Command::from(command).status().await.expect("pg_ctl runs");
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    let last: Vec<&str> = text.lines().rev().take(10).collect();
    assert!(status.success(), "pg_ctl {arguments:?}: {last:#?}");
}

/// Sends a signal, such as `-INT`.
pub fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").arg(name).arg(child.id().to_string()).status().unwrap();
    assert!(status.success());
}

/// Server and directory go away, soon.
pub fn nothing_is_left(directory: &Path, pid: u32) {
    wait("the server ends", || (!is_alive(pid)).then_some(()));
    wait("the directory goes", || (entries(directory) == 0).then_some(()));
}
