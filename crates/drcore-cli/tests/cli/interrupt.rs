//! Ctrl-C: the server is told, and what was read is reported.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore_tests::Database;
use tokio_postgres::{Client, NoTls};

use super::HEALTHY;
use super::command::Place;

/// A lock that nobody can read past.
pub struct Lock {
    client: Client,
}

impl Lock {
    pub async fn on(database: &Database, table: &str) -> Self {
        Self::at(&database.url().await, table).await
    }

    pub async fn at(url: &str, table: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("begin; lock table {table} in access exclusive mode")).await.unwrap();
        Self { client }
    }

    /// How many statements wait for it.
    async fn waiting(&self) -> i64 {
        // Inside a transaction the view is read once and kept.
        self.client.batch_execute("select pg_stat_clear_snapshot()").await.unwrap();
        let sql = "select count(*) from pg_stat_activity \
                   where datname = current_database() and wait_event_type = 'Lock'";
        self.client.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// Waits until some wait for it, or none.
    pub async fn wait(&self, some: bool) {
        let began = Instant::now();
        while (self.waiting().await > 0) != some {
            assert!(began.elapsed() < Duration::from_secs(10), "somebody waits for the lock: {}", !some);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub fn signal(child: &Child, name: &str) {
    send(child.id(), name);
}

pub fn send(process: u32, name: &str) {
    let status = Command::new("kill").args([name, &process.to_string()]).status().unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn the_first_ctrl_c_cancels_on_the_server_and_reports() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    place.write("drcore.toml", "[limits]\nlock_timeout = \"600s\"\n");
    let url = database.url().await;
    for name in ["-INT", "-TERM"] {
        let lock = Lock::on(&database, "invoices").await;
        let arguments =
            ["verify", &url, "--against", "baseline.json", "--only", "row_counts", "-o", "r.json"];
        let child = place.command(&arguments).spawn().unwrap();
        lock.wait(true).await;
        signal(&child, name);
        let began = Instant::now();
        let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        // The lock is still held: only a cancel can have ended the statement.
        lock.wait(false).await;
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with("UNPROVEN "), "{text}");
        assert!(text.contains("ended early: interrupted"), "{text}");
        assert!(text.contains("NOT RUN  row_counts  public.invoices"), "{text}");
        assert!(text.contains("exit 130"), "{text}");
        assert!(place.read("r.json").contains("\"verdict\": \"unproven\""));
        assert!(String::from_utf8(output.stderr).unwrap().contains("Ctrl-C again to kill"));
    }
}

#[tokio::test]
async fn a_baseline_that_was_interrupted_is_not_stored() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.write("drcore.toml", "[limits]\nlock_timeout = \"600s\"\n");
    let lock = Lock::on(&database, "invoices").await;
    let child = place.command(&["baseline", &database.url().await, "-o", "b.json"]).spawn().unwrap();
    lock.wait(true).await;
    signal(&child, "-INT");
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(place.files(), ["drcore.toml"]);
}

#[tokio::test]
async fn whenever_ctrl_c_comes_no_statement_is_left_behind() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    place.write("drcore.toml", "[limits]\nlock_timeout = \"600s\"\n");
    let url = database.url().await;
    let lock = Lock::on(&database, "invoices").await;
    for delay in [10, 20, 30, 40, 50, 60, 80, 100, 130, 160] {
        let child = place.command(&["verify", &url, "--against", "baseline.json"]).spawn().unwrap();
        tokio::time::sleep(Duration::from_millis(delay)).await;
        // Not SIGINT, which shells ignore for what they run in the background: until somebody listens,
        // it would be lost.
        signal(&child, "-TERM");
        let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
        // None: so early that nobody listened yet, and nothing was asked.
        assert!([Some(130), None].contains(&output.status.code()), "after {delay} ms: {output:?}");
        lock.wait(false).await;
    }
}

#[tokio::test]
async fn the_second_ctrl_c_kills() {
    let place = Place::new();
    let cluster = ScratchCluster::start(ScratchOptions::default()).await.unwrap();
    cluster.create_database("app").await.unwrap();
    cluster.execute("app", HEALTHY).await.unwrap();
    let url = cluster.url("app");
    let lock = Lock::at(&url, "invoices").await;
    place.write("drcore.toml", "[row_counts.tables]\ninvoices = 40\n[limits]\nlock_timeout = \"600s\"\n");
    let child = place.command(&["verify", &url]).spawn().unwrap();
    lock.wait(true).await;
    // A server that takes no cancel request: the first Ctrl-C waits for it.
    let file = std::fs::read_to_string(cluster.socket_directory().join("data/postmaster.pid")).unwrap();
    let postmaster: u32 = file.lines().next().unwrap().parse().unwrap();
    send(postmaster, "-STOP");
    signal(&child, "-INT");
    tokio::time::sleep(Duration::from_millis(150)).await;
    signal(&child, "-INT");
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
    send(postmaster, "-CONT");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert!(output.stdout.is_empty(), "no report: {output:?}");
    cluster.stop().unwrap();
}
