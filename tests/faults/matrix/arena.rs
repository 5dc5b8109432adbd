//! The cluster that everything is done to, and what is verified in it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{Against, Evidence, Report, VerifyOptions, verify};
use drcore_tests::interceptor::{Interceptor, Plot, Strike};
use drcore_tests::{SUPABASE, parse, process};
use tokio_postgres::{Client, NoTls};

use crate::connecting::free_port;
use crate::tls::{Authority, install};

const SCRIPT: &str = include_str!("twins.sql");
const PLAN: &str = include_str!("plan.toml");

/// More than fits into the memory that a join may take.
const LARGE: &str = "
create table parents (id int primary key);
create table children (id int primary key, parent_id int references parents);
alter table parents enable row level security;
alter table children enable row level security;
insert into parents select generate_series(1, 200000);
insert into children select n, 1 + n % 200000 from generate_series(1, 200000) n;
";

/// How many connections there are.
const CONNECTIONS: usize = 100;

/// A healthy database, its damaged twin, and what they are judged by.
pub(super) struct Twins {
    pub(super) healthy: Subject,
    pub(super) damaged: Subject,
    baseline: Evidence,
}

/// One of the two.
pub(super) struct Subject {
    pub(super) name: String,
    plan: String,
    /// What is said of it where nothing goes wrong.
    pub(super) usual: Report,
}

/// A run under a fault.
pub(super) struct Run {
    pub(super) report: Report,
    pub(super) took: Duration,
    pub(super) deadline: Duration,
    /// How many times something was done to it; none where that is not counted.
    pub(super) struck: Option<u32>,
}

pub(super) struct Arena {
    pub(super) cluster: Arc<ScratchCluster>,
    pub(super) port: u16,
    pub(super) twins: Twins,
    authority: Authority,
    files: tempfile::TempDir,
    copies: std::sync::atomic::AtomicU32,
}

impl Arena {
    pub(super) async fn new() -> Self {
        let mut options = ScratchOptions::default();
        let port = free_port().await;
        options.port = Some(port);
        for (name, value) in [
            ("max_connections", CONNECTIONS.to_string()),
            ("superuser_reserved_connections", "0".to_owned()),
            // Where locks are short is found out here, and not by chance.
            ("max_locks_per_transaction", "24".to_owned()),
            // Not what PostgreSQL 13 does by itself.
            ("password_encryption", "scram-sha-256".to_owned()),
            // As in the versions before 15.
            ("hash_mem_multiplier", "1".to_owned()),
        ] {
            options.settings.push((name.to_owned(), value));
        }
        let cluster = Arc::new(ScratchCluster::start(options).await.unwrap());
        cluster.execute("postgres", "create role scram login superuser password 'right'").await.unwrap();
        let (files, authority) = (tempfile::tempdir().unwrap(), Authority::new("ours"));
        let certificate = authority.certify(files.path(), "server", "server", &["localhost"], false);
        crate::tls::hba(
            &cluster,
            "local all scram scram-sha-256\nlocal all all trust\n\
             hostssl all scram 127.0.0.1/32 scram-sha-256\nhostssl all all 127.0.0.1/32 trust",
        );
        install(&cluster, &certificate).await;
        let (healthy, damage) = SCRIPT.split_once("-- damage\n").unwrap();
        for number in 1..=2 {
            let directory = files.path().join(format!("store/stub/documents/{number}.pdf"));
            std::fs::create_dir_all(&directory).unwrap();
            std::fs::write(directory.join(format!("1f9d7a52-3c0e-4b57-9a2e-{number:012}")), "bytes").unwrap();
        }
        // The healthy one has a backup, and the damaged one a directory for them.
        let backups = |of: &str| {
            let directory = files.path().join(of);
            std::fs::create_dir(&directory).unwrap();
            format!("[backups]\nrepository = \"{}\"\n", directory.display())
        };
        let backups = ["there", "gone"].map(backups);
        std::fs::write(files.path().join("there/backup-20261120-023000.dump"), "bytes").unwrap();
        let store = format!(
            "[storage_orphans]\nstore = \"file://{}/store\"\nsettle = \"10ms\"\n",
            files.path().display()
        );
        let plans = backups.map(|backups| format!("{PLAN}\n{store}{backups}"));
        let twins = Twins::new(&cluster, "app", &format!("{SUPABASE}\n{healthy}"), damage, plans).await;
        Self { cluster, port, twins, authority, files, copies: std::sync::atomic::AtomicU32::new(0) }
    }

    /// Twins with more rows than fit into memory at once.
    pub(super) async fn large(&self) -> Twins {
        let damage = "set session_replication_role = replica; delete from parents where id = 7;";
        let plan = "[rls_coverage]\nexposed_schemas = [\"public\"]\n";
        Twins::new(&self.cluster, "large", LARGE, damage, [plan, plan].map(str::to_owned)).await
    }

    /// A copy of a database, to be spoilt.
    pub(super) async fn copy(&self, of: &str) -> String {
        let number = self.copies.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("copy_{number}");
        self.execute("postgres", &format!("create database {name} template {of}_template")).await;
        name
    }

    pub(super) async fn execute(&self, database: &str, sql: &str) {
        self.cluster.execute(database, sql).await.unwrap_or_else(|error| panic!("{error:?}\nin: {sql}"));
    }

    /// A session beside, whose connection ends with it.
    pub(super) async fn client(&self, database: &str) -> Client {
        connect(&self.cluster, database).await.unwrap()
    }

    /// A certificate of another authority.
    pub(super) fn foreign_root(&self) -> PathBuf {
        Authority::new("another").write(self.files.path(), "theirs.crt")
    }

    pub(super) fn root(&self) -> PathBuf {
        self.authority.write(self.files.path(), "ours.crt")
    }

    /// From now on the server's certificate is one that has expired.
    pub(super) async fn expire(&self) {
        let certificate =
            self.authority.certify(self.files.path(), "expired", "server", &["localhost"], true);
        install(&self.cluster, &certificate).await;
    }

    /// Verifies through an interceptor.
    pub(super) async fn through(
        &self,
        plot: Plot,
        user: &str,
        subject: &Subject,
        database: &str,
        limits: &str,
    ) -> Run {
        let socket = self.cluster.socket_directory().join(format!(".s.PGSQL.{}", self.port));
        let interceptor = Interceptor::start(socket, plot).await;
        let mut run = self.twins.verify(&interceptor.url(user, database), subject, limits).await;
        interceptor.settled().await;
        run.struck = Some(interceptor.struck());
        run
    }

    /// Ends or starts the server, and waits until that is done.
    pub(super) fn control(&self, arguments: &'static [&'static str]) -> Strike {
        let (cluster, arguments) = (Arc::clone(&self.cluster), arguments.to_vec());
        deed(move || {
            let (cluster, arguments) = (Arc::clone(&cluster), arguments.clone());
            async move { process::control(&cluster, &arguments).await }
        })
    }

    /// Starts the server again.
    pub(super) async fn start(&self) {
        process::control(&self.cluster, &["start"]).await;
    }

    /// Takes all connections but so many.
    pub(super) async fn leave_connections(&self, free: usize) -> Vec<Client> {
        let mut held = Vec::new();
        while held.len() < CONNECTIONS {
            match connect(&self.cluster, "postgres").await {
                Ok(client) => held.push(client),
                // Those of the last run take a moment to go.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
        held.truncate(CONNECTIONS - free);
        for _ in 0..500 {
            let taken = "select count(*) from pg_stat_activity where backend_type = 'client backend'";
            let rows = held[0].query(taken, &[]).await.unwrap();
            if rows[0].get::<_, i64>(0) == i64::try_from(CONNECTIONS - free).unwrap() {
                return held;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the connections that were let go are still there");
    }

    /// Takes all entries of the lock table but so many.
    pub(super) async fn leave_locks(&self, free: usize) -> Client {
        let client = self.client("postgres").await;
        let all = "select pg_advisory_lock(n) from generate_series(1, 1000000) n";
        let error = client.batch_execute(all).await.unwrap_err();
        assert_eq!(error.code().map(tokio_postgres::error::SqlState::code), Some("53200"), "{error:?}");
        client
            .batch_execute(&format!("select pg_advisory_unlock(n) from generate_series(1, {free}) n"))
            .await
            .unwrap();
        client
    }
}

impl Twins {
    async fn new(
        cluster: &ScratchCluster,
        name: &str,
        healthy: &str,
        damage: &str,
        plans: [String; 2],
    ) -> Self {
        let execute = async |database: &str, sql: &str| {
            cluster.execute(database, sql).await.unwrap_or_else(|error| panic!("{error:?}\nin: {sql}"));
        };
        // Nobody connects to the templates again, so that they can be copied at any time.
        let names = [name.to_owned(), format!("{name}_damaged")];
        let templates = names.clone().map(|name| format!("{name}_template"));
        cluster.create_database(&templates[0]).await.unwrap();
        execute(&templates[0], healthy).await;
        wait_until_gone(cluster, &templates[0]).await;
        execute("postgres", &format!("create database {} template {}", templates[1], templates[0])).await;
        execute(&templates[1], damage).await;
        wait_until_gone(cluster, &templates[1]).await;
        for (name, template) in names.iter().zip(&templates) {
            execute("postgres", &format!("create database {name} template {template}")).await;
        }
        let mut options = VerifyOptions::default();
        options.plan = parse(&plans[0]);
        let baseline = drcore::baseline(&cluster.url(name), &options).await.unwrap();
        options.against = Some(Against::Evidence(Box::new(baseline.clone())));
        let subject = async |name: &str, plan: &str| {
            let mut options = options.clone();
            options.plan = parse(plan);
            let usual = verify(&cluster.url(name), &options).await.unwrap();
            Subject { name: name.to_owned(), plan: plan.to_owned(), usual }
        };
        let healthy = subject(&names[0], &plans[0]).await;
        let damaged = subject(&names[1], &plans[1]).await;
        Self { healthy, damaged, baseline }
    }

    /// Verifies at this address.
    pub(super) async fn verify(&self, url: &str, subject: &Subject, limits: &str) -> Run {
        let mut options = VerifyOptions::default();
        options.plan = parse(&format!("[limits]\n{limits}\n{}", subject.plan));
        options.against = Some(Against::Evidence(Box::new(self.baseline.clone())));
        let deadline = options.plan.limits.deadline.expect("every run has an end").into();
        let began = Instant::now();
        let report = verify(url, &options).await.unwrap();
        Run { report, took: began.elapsed(), deadline, struck: None }
    }
}

async fn wait_until_gone(cluster: &ScratchCluster, database: &str) {
    let client = connect(cluster, "postgres").await.unwrap();
    let there = "select count(*) from pg_stat_activity where datname = $1";
    while client.query(there, &[&database]).await.unwrap()[0].get::<_, i64>(0) > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Something that is done at the moment, whoever speaks.
pub(super) fn deed<F>(act: impl Fn() -> F + Send + Sync + 'static) -> Strike
where
    F: Future<Output = ()> + Send + 'static,
{
    Strike::Do(Arc::new(move |_| Box::pin(act())))
}

async fn connect(cluster: &ScratchCluster, database: &str) -> Result<Client, tokio_postgres::Error> {
    let sockets = cluster.socket_directory();
    let socket = std::fs::read_dir(sockets).unwrap().find_map(|entry| {
        let name = entry.ok()?.file_name().into_string().ok()?;
        name.strip_prefix(".s.PGSQL.")?.parse::<u16>().ok()
    });
    let url = format!(
        "host={} port={} user=postgres dbname={database}",
        sockets.display(),
        socket.expect("the server has a socket")
    );
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
    // Ends with the client.
    tokio::spawn(connection);
    Ok(client)
}
