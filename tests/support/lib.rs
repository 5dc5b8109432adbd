//! What the tests share: one scratch cluster a test binary, one database a test.
//!
//! A test that could not run is a failure: without `PostgreSQL` everything here panics.

pub mod app;
pub mod dump;
pub mod fuzz;
pub mod generated;
pub mod interceptor;
mod judged;
pub mod process;
pub mod proxy;
pub mod standby;
mod untouched;

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use drcore::collect::CollectOptions;
use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{Evidence, Plan, Report, Source};
use tokio::sync::OnceCell;

static CLUSTER: OnceCell<ScratchCluster> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The cluster that all tests of this binary share. Its watchdog ends it with the process.
///
/// Roles belong to the whole cluster: give them names that no other test uses.
pub async fn cluster() -> &'static ScratchCluster {
    CLUSTER
        .get_or_init(|| async {
            ScratchCluster::start(ScratchOptions::default())
                .await
                .expect("a scratch cluster starts: is PostgreSQL installed?")
        })
        .await
}

/// The major version of the server that the tests run on, such as 15.
pub async fn major() -> u32 {
    static MAJOR: OnceCell<u32> = OnceCell::const_new();
    *MAJOR
        .get_or_init(|| async {
            let source =
                Source::connect(&cluster().await.url("postgres")).await.expect("the cluster answers");
            let options = CollectOptions::default();
            let evidence = drcore::collect::collect(&source, &Plan::default(), None, &options).await;
            evidence.expect("evidence is collected").major().expect("the server says its version")
        })
        .await
}

/// What a Supabase project has around an application, in the shape of the sample's.
pub const SUPABASE: &str = include_str!("../../crates/drcore/src/drill/sample/supabase.sql");
/// The sample's application.
pub const SAMPLE: &str = include_str!("../../crates/drcore/src/drill/sample/schema.sql");

/// Roles belong to the whole cluster: one creates them at a time.
static ROLES: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A database of its own.
#[derive(Debug)]
pub struct Database {
    /// Its name.
    pub name: String,
}

impl Database {
    /// An empty one.
    pub async fn empty() -> Self {
        let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
        cluster().await.create_database(&name).await.expect("a database is created");
        Self { name }
    }

    /// One in which these statements were run.
    pub async fn with(sql: &str) -> Self {
        let database = Self::empty().await;
        database.execute(sql).await;
        database
    }

    /// One with the roles and schemas of a Supabase project.
    pub async fn supabase() -> Self {
        let database = Self::empty().await;
        let _turn = ROLES.lock().await;
        database.execute(SUPABASE).await;
        database
    }

    /// A copy of it. Nobody may be connected to it.
    pub async fn copy(&self) -> Self {
        let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let sql = format!("create database {name} template {}", self.name);
        // The sessions of a collection end a moment after it.
        for attempt in 0.. {
            match cluster().await.execute("postgres", &sql).await {
                Ok(()) => break,
                Err(error) if attempt < 50 && error.to_string().contains("being accessed") => {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        Self { name }
    }

    /// What `pg_dump` and `pg_restore` make of it.
    pub async fn restored(&self) -> Self {
        let target = Self::empty().await;
        let bin = &cluster().await.tools().directory;
        let (source, target_url) = (self.url().await, target.url().await);
        let mut dump = Command::new(bin.join("pg_dump"))
            .args(["--format=custom", "--dbname", &source])
            .stdout(Stdio::piped())
            .spawn()
            .expect("pg_dump runs");
        let restored = Command::new(bin.join("pg_restore"))
            .args(["--exit-on-error", "--dbname", &target_url])
            .stdin(dump.stdout.take().expect("the dump is piped"))
            .status()
            .expect("pg_restore runs");
        assert!(dump.wait().expect("pg_dump ends").success() && restored.success());
        target
    }

    /// The first column of what a statement answers, as superuser.
    pub async fn query(&self, sql: &str) -> Vec<String> {
        self.try_query(sql).await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The first column of what a statement answers, or the server's error.
    ///
    /// # Errors
    /// What psql says.
    pub async fn try_query(&self, sql: &str) -> Result<Vec<String>, String> {
        let output = Command::new(cluster().await.tools().directory.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"])
            .args(["--command", sql, &self.url().await])
            .output()
            .expect("psql runs");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect())
    }

    /// Runs statements in it, as superuser.
    pub async fn execute(&self, sql: &str) {
        if let Err(error) = cluster().await.execute(&self.name, sql).await {
            panic!("{error:?}\nin: {}", sql.chars().take(2000).collect::<String>());
        }
    }

    /// Its connection string, as superuser.
    pub async fn url(&self) -> String {
        cluster().await.url(&self.name)
    }

    /// Its connection string, as this role.
    pub async fn url_as(&self, role: &str) -> String {
        self.url().await.replacen("postgres@", &format!("{role}@"), 1)
    }

    /// The id of a snapshot that others can join, for as long as the client is there: what other tests write in the same
    /// cluster makes another state of it.
    pub async fn snapshot(&self) -> (tokio_postgres::Client, String) {
        let (client, connection) =
            tokio_postgres::connect(&self.url().await, tokio_postgres::NoTls).await.expect("it answers");
        tokio::spawn(connection);
        client.batch_execute("begin isolation level repeatable read read only").await.expect("it begins");
        let row = client.query_one("select pg_export_snapshot()", &[]).await.expect("it is exported");
        let id = row.get(0);
        (client, id)
    }

    /// Its Evidence.
    pub async fn evidence(&self, plan: &Plan, baseline: Option<&Evidence>) -> Evidence {
        let source = Source::connect(&self.url().await).await.expect("the scratch cluster answers");
        let options = CollectOptions::default();
        let collecting = drcore::collect::collect(&source, plan, baseline, &options);
        self.untouched(collecting).await.expect("evidence is collected")
    }

    /// The report of a plan (as TOML) on it, against a baseline.
    pub async fn report(&self, plan: &str, baseline: Option<&Evidence>) -> Report {
        let plan = parse(plan);
        let evidence = self.evidence(&plan, baseline).await;
        judged::record(&plan, &evidence, baseline);
        plan.judge(&evidence, baseline)
    }
}

impl Database {
    /// The report of a call on it that has no baseline.
    pub async fn judged(&self, options: &drcore::VerifyOptions) -> Report {
        let url = self.url().await;
        let evidence = self.untouched(drcore::collect(&url, options)).await.expect("evidence is collected");
        judged::record(&options.plan, &evidence, None);
        options.plan.judge(&evidence, None)
    }
}

/// Parses a plan, showing its mistakes where it has any.
pub fn parse(plan: &str) -> Plan {
    match Plan::from_toml(plan) {
        Ok(plan) => plan,
        Err(error) => panic!("{error}\n{}", error.detail_text().unwrap_or_default()),
    }
}

/// The ids of all findings, sorted.
pub fn ids(report: &Report) -> Vec<String> {
    let mut ids: Vec<String> = report.findings().iter().map(|finding| finding.id().to_owned()).collect();
    ids.sort();
    ids
}

/// The result of one check.
pub fn check<'r>(report: &'r Report, id: &str) -> &'r drcore::check::CheckResult {
    report.checks.iter().find(|check| check.id == id).unwrap_or_else(|| panic!("no check {id}"))
}
