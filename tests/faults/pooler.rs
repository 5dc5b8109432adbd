use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use drcore::{Against, Evidence, Plan, Report, Verdict, VerifyOptions, verify};
use drcore_tests::{Database, check, cluster, ids};
use tokio::process::{Child, Command};

/// A pgbouncer of our own in front of the cluster, on a socket in a directory of its own.
struct Pooler {
    directory: tempfile::TempDir,
    _process: Child,
}

impl Pooler {
    async fn start(mode: &str, pool_size: u32) -> Self {
        let directory = tempfile::Builder::new().prefix("pool").tempdir_in("/tmp").unwrap();
        let sockets = cluster().await.socket_directory();
        let root = directory.path();
        std::fs::write(root.join("users"), "\"postgres\" \"\"\n").unwrap();
        std::fs::write(
            root.join("ini"),
            format!(
                "[databases]\n* = host={} port=5432\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {}\n\
                 auth_type = any\nauth_file = {}\npool_mode = {mode}\ndefault_pool_size = {pool_size}\nmax_client_conn = 100\n\
                 query_wait_timeout = 60\nserver_check_delay = 0\nlogfile = {}\n",
                sockets.display(),
                root.display(),
                root.join("users").display(),
                root.join("log").display(),
            )
            // `any` needs one user to be everybody.
            .replace("port=5432\n", "port=5432 user=postgres\n"),
        )
        .unwrap();
        let mut command = Command::new(program());
        command
            .arg(root.join("ini"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        // It refuses to run as root, and may read only the socket's owner's directory.
        let owner = std::fs::metadata(sockets).unwrap();
        if owner.uid() != std::fs::metadata(root).unwrap().uid() {
            for path in [root.to_path_buf(), root.join("ini"), root.join("users")] {
                chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
            }
            command.uid(owner.uid()).gid(owner.gid());
        }
        let process = command.spawn().expect("pgbouncer starts: is it installed?");
        let socket = root.join(".s.PGSQL.6432");
        for _ in 0..100 {
            if socket.exists() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(socket.exists(), "{}", std::fs::read_to_string(root.join("log")).unwrap_or_default());
        Self { directory, _process: process }
    }

    fn url(&self, database: &Database) -> String {
        format!("host={} port=6432 user=postgres dbname={}", self.directory.path().display(), database.name)
    }
}

fn program() -> &'static str {
    ["/usr/sbin/pgbouncer", "/usr/local/sbin/pgbouncer"]
        .into_iter()
        .find(|path| Path::new(path).exists())
        .unwrap_or("pgbouncer")
}

const TABLES: &str = "
create table parents (id int primary key);
insert into parents select generate_series(1, 100);
create table children (id int primary key, parent_id int references parents, created_at timestamptz default now());
insert into children select n, 1 + n % 100 from generate_series(1, 500) n;
create table numbered (id bigint generated always as identity primary key);
insert into numbered select from generate_series(1, 5) n;
";

async fn through(url: &str, baseline: &Evidence) -> Report {
    let mut options = VerifyOptions::default();
    options.plan = drcore_tests::parse("[limits]\nconnect_timeout = \"3s\"\n");
    options.against = Some(Against::Evidence(Box::new(baseline.clone())));
    verify(url, &options).await.unwrap()
}

#[tokio::test]
async fn verifying_through_a_pooler_gives_what_verifying_directly_gives() {
    // Roles are the cluster's: another test would make them in the middle of this one.
    Database::supabase().await;
    let database = Database::with(TABLES).await;
    // With the content of tables, which is a copy and not a query.
    let baseline =
        database.untouched(drcore::baseline(&database.url().await, &VerifyOptions::default())).await.unwrap();
    database.execute("delete from children where id = 7").await;
    let direct = through(&database.url().await, &baseline).await;
    assert!(ids(&direct).contains(&"content_drift:rows_differ:public.children".to_owned()));
    for (mode, pool_size) in [("transaction", 10), ("session", 10), ("transaction", 2), ("transaction", 1)] {
        let pooler = Pooler::start(mode, pool_size).await;
        if mode == "transaction" {
            // Another client has left statements on the server, under names that drivers give.
            let (client, connection) =
                tokio_postgres::connect(&pooler.url(&database), tokio_postgres::NoTls).await.unwrap();
            let driver = tokio::spawn(connection);
            let left: String = (0..500).map(|number| format!("prepare s{number} as select 1;")).collect();
            client.batch_execute(&left).await.unwrap();
            drop(client);
            let _ = driver.await;
        }
        let report = through(&pooler.url(&database), &baseline).await;
        assert_eq!(ids(&report), ids(&direct), "{mode} {pool_size}");
        assert_eq!(report.checks, direct.checks, "{mode} {pool_size}");
        let run = &report.run.evidence;
        if pool_size == 1 {
            assert_eq!(run.sessions, 1);
            assert!(run.notes.iter().any(|note| note.contains("one session only")), "{:?}", run.notes);
        }
        // Whoever comes next on the pooled connection finds none of our settings.
        let (client, connection) =
            tokio_postgres::connect(&pooler.url(&database), tokio_postgres::NoTls).await.unwrap();
        let driver = tokio::spawn(connection);
        for message in client.simple_query("show search_path; show transaction_read_only").await.unwrap() {
            if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
                assert!(matches!(row.get(0), Some("\"$user\", public" | "off")), "{:?}", row.get(0));
            }
        }
        drop(client);
        let _ = driver.await;
    }
}

#[tokio::test]
async fn a_pooler_without_its_server_is_unproven() {
    let database = Database::with(TABLES).await;
    let baseline = database.evidence(&Plan::default(), None).await;
    let pooler = Pooler::start("transaction", 5).await;
    let url = pooler.url(&database).replace(&format!("dbname={}", database.name), "dbname=nowhere");
    let report = through(&url, &baseline).await;
    assert_eq!(report.verdict, Verdict::Unproven);
    assert!(!check(&report, "row_counts").unread.is_empty());
}
