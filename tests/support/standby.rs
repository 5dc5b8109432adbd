//! A streaming standby, beside a primary of its own.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use drcore::restore::{ScratchCluster, ScratchOptions};
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::process::{self, Owned};

/// A primary that lets itself be followed, and the standby that follows it.
#[derive(Debug)]
pub struct Pair {
    /// Ends before the primary does.
    pub standby: Standby,
    /// The primary.
    pub primary: ScratchCluster,
}

impl Pair {
    /// Starts both, the primary with what these statements make of its database `app`.
    ///
    /// The settings are the standby's, such as `("max_standby_streaming_delay", "0")`.
    pub async fn start(sql: &str, settings: &[(&str, &str)]) -> Self {
        let mut options = ScratchOptions::default();
        for (name, value) in [("wal_level", "replica"), ("max_wal_senders", "4"), ("wal_keep_size", "512MB")]
        {
            options.settings.push((name.to_owned(), value.to_owned()));
        }
        let primary = ScratchCluster::start(options).await.expect("the primary starts");
        primary.create_database("app").await.unwrap();
        primary.execute("app", sql).await.unwrap_or_else(|error| panic!("{error:?}"));
        let standby = Standby::of(&primary, settings).await;
        Self { standby, primary }
    }

    /// Runs statements on the primary, and waits until the standby has replayed them.
    pub async fn execute(&self, sql: &str) {
        self.primary.execute("app", sql).await.unwrap_or_else(|error| panic!("{error:?}\nin: {sql}"));
        self.catch_up().await;
    }

    /// Waits until the standby has replayed all that the primary wrote.
    pub async fn catch_up(&self) {
        let primary = connect(&self.primary.url("app")).await;
        // What is committed without waiting is written a little later.
        let written = cell(&primary, "select pg_catalog.pg_current_wal_insert_lsn()").await;
        cell(&primary, "select pg_catalog.pg_switch_wal()").await;
        let standby = connect(&self.standby.url("app")).await;
        for _ in 0..600 {
            let replayed = format!("select pg_catalog.pg_last_wal_replay_lsn() >= '{written}'");
            if cell(&standby, &replayed).await == "t" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the standby does not follow\n{}", self.standby.log());
    }
}

/// A standby.
#[derive(Debug)]
pub struct Standby {
    // In this order: the server ends before its directory goes.
    _server: Server,
    root: TempDir,
}

/// A postmaster that is asked to end, so that it leaves no shared memory behind.
#[derive(Debug)]
struct Server(Owned);

impl Drop for Server {
    fn drop(&mut self) {
        process::signal(&self.0.0, "-QUIT");
        let _ = self.0.0.wait();
    }
}

impl Standby {
    async fn of(primary: &ScratchCluster, settings: &[(&str, &str)]) -> Self {
        let root = process::directory();
        let data = root.path().join("data");
        copy(primary, &data).await;
        let mut server = Command::new(primary.tools().directory.join("postgres"));
        server.arg("-D").arg(&data);
        let sockets = root.path().display().to_string();
        let follow = format!("host={} port=5432 user=postgres", primary.socket_directory().display());
        let own = [("unix_socket_directories", sockets.as_str()), ("primary_conninfo", &follow)];
        for (name, value) in own.iter().chain(settings) {
            server.arg("-c").arg(format!("{name}={value}"));
        }
        let log = std::fs::File::create(root.path().join("log")).unwrap();
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        // PostgreSQL refuses to run as root.
        let owner = std::fs::metadata(primary.socket_directory()).unwrap();
        if owner.uid() != std::fs::metadata(root.path()).unwrap().uid() {
            use std::os::unix::process::CommandExt;
            chown(root.path(), Some(owner.uid()), Some(owner.gid())).unwrap();
            server.uid(owner.uid()).gid(owner.gid()).current_dir("/");
        }
        let server = Server(Owned(server.spawn().expect("the standby starts")));
        let standby = Self { _server: server, root };
        for _ in 0..600 {
            if tokio_postgres::connect(&standby.url("app"), NoTls).await.is_ok() {
                return standby;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the standby lets nobody in\n{}", standby.log());
    }

    /// The connection string of a database on it, as superuser.
    pub fn url(&self, database: &str) -> String {
        self.url_as("postgres", database)
    }

    /// The connection string of a database on it, as this role.
    pub fn url_as(&self, role: &str, database: &str) -> String {
        format!("host={} port=5432 user={role} dbname={database}", self.root.path().display())
    }

    /// Runs a statement on it; gives the first cell of its answer.
    pub async fn query(&self, sql: &str) -> String {
        cell(&connect(&self.url("app")).await, sql).await
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.root.path().join("log")).unwrap_or_default()
    }
}

/// Copies the data of a running server, by the interface that `pg_basebackup` uses too: not everybody
/// who has the server's programs has that one.
async fn copy(primary: &ScratchCluster, to: &Path) {
    let session = connect(&primary.url("postgres")).await;
    let version: u32 = cell(&session, "show server_version_num").await.parse().unwrap();
    let (start, stop) = if version < 150_000 {
        (
            "select pg_start_backup('standby', true, false)",
            "select labelfile from pg_stop_backup(false, false)",
        )
    } else {
        ("select pg_backup_start('standby', true)", "select labelfile from pg_backup_stop(false)")
    };
    cell(&session, start).await;
    // Files that vanish meanwhile are WAL's business.
    let status = Command::new("cp")
        .arg("-a")
        .arg(primary.socket_directory().join("data"))
        .arg(to)
        .stderr(Stdio::null())
        .status()
        .expect("cp runs");
    assert!(status.code().is_some());
    let label = cell(&session, stop).await;
    for left in ["postmaster.pid", "postmaster.opts"] {
        let _ = std::fs::remove_file(to.join(left));
    }
    let owner = std::fs::metadata(to).unwrap();
    for (name, text) in [("backup_label", label.as_str()), ("standby.signal", "")] {
        let path = to.join(name);
        std::fs::write(&path, text).unwrap();
        chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the server answers");
    // Ends with the client.
    tokio::spawn(connection);
    client
}

/// The first cell of an answer.
async fn cell(client: &Client, sql: &str) -> String {
    let messages = client.simple_query(sql).await.unwrap_or_else(|error| panic!("{error:?}\nin: {sql}"));
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    row.and_then(|row| row.get(0)).unwrap_or_default().to_owned()
}
