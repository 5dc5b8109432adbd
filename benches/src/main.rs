//! Benchmarks: what drcore takes against the runbooks' own SQL and against the floor, in one run.
//!
//! `make bench`, or `cargo run --release -p drcore-bench -- [thousands of tasks] [rounds]`:
//! the first number is the scale, 1000 of which is 10 million time logs. The figures that
//! count are the ratios; the machine's speed is in all of them alike.

use std::time::{Duration, Instant};

use drcore::collect::{CollectOptions, ContentChoice, collect};
use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{Plan, Source};
use futures::TryStreamExt;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const DATA: &str = include_str!("data.sql");

const TABLES: [&str; 6] = ["tenants", "clients", "projects", "tasks", "time_logs", "invoices"];

/// The runbook's orphan queries, one a foreign key, its LEFT JOIN as it stands there.
const REFERENCES: [(&str, &str, &str); 8] = [
    ("clients", "tenant_id", "tenants"),
    ("projects", "client_id", "clients"),
    ("tasks", "project_id", "projects"),
    ("time_logs", "tenant_id", "tenants"),
    ("time_logs", "task_id", "tasks"),
    ("time_logs", "project_id", "projects"),
    ("invoices", "tenant_id", "tenants"),
    ("invoices", "project_id", "projects"),
];

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let scale: u64 = arguments.next().map_or(Ok(1000), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(5), |text| text.parse())?;

    let mut options = ScratchOptions::default();
    for (name, value) in
        [("shared_buffers", "1GB"), ("maintenance_work_mem", "256MB"), ("max_wal_size", "8GB")]
    {
        options.settings.push((name.to_owned(), value.to_owned()));
    }
    let cluster = ScratchCluster::start(options).await?;
    cluster.create_database("bench").await?;
    eprintln!("building {} time logs …", scale * 10_000);
    let began = Instant::now();
    cluster.execute("bench", &DATA.replace(":scale", &scale.to_string())).await?;
    cluster.execute("bench", "analyze").await?;
    eprintln!("built in {:.0} s", began.elapsed().as_secs_f64());

    let bench = Bench {
        client: client(&cluster.url("bench")).await?,
        source: Source::connect(&cluster.url("bench")).await?,
        cpu: Cpu::of(&cluster)?,
    };

    println!(
        "{} time logs, {rounds} rounds, median of wall and CPU seconds (server + client)\n",
        scale * 10_000
    );
    println!(
        "| job | drcore | runbook's SQL | floor | wall: drcore / runbook | cpu: drcore / runbook | wall: drcore / floor | goal |"
    );
    println!("|---|---|---|---|---|---|---|---|");

    let counts =
        TABLES.map(|table| format!("select '{table}' as t, count(*) from {table}")).join(" union all ");
    let count_floor = "set max_parallel_workers_per_gather = 1; select count(*) from time_logs; select count(*) from invoices; select count(*) from tasks";
    let count = format!("set max_parallel_workers_per_gather = 0; {counts}");
    bench
        .row(
            "exact counts, all tables",
            &[Work::Collect("row_counts", ""), Work::Sql(&count), Work::Sql(count_floor)],
            "≤ 0.55 wall",
            rounds,
        )
        .await?;

    let orphans = REFERENCES
        .map(|(child, column, parent)| {
            format!("select count(*) from {child} c left join {parent} p on p.id = c.{column} where p.id is null and c.{column} is not null")
        })
        .join("; ");
    let floor = "copy (select tenant_id, task_id, project_id from time_logs) to '/dev/null' (format binary)";
    let orphans = format!("set max_parallel_workers_per_gather = 0; set work_mem = '64MB'; {orphans}");
    bench
        .row(
            "all orphans of all foreign keys",
            &[Work::Collect("orphan_fks", ""), Work::Sql(&orphans), Work::Sql(floor)],
            "≤ 0.40 wall, ≤ 0.60 cpu",
            rounds,
        )
        .await?;

    // As pgcopydb compares tables: it tells that one differs, and not in which rows.
    let hashes = TABLES
        .map(|table| format!("select count(1), sum(hashtext(t::text)::bigint) from only {table} t"))
        .join("; ");
    for (job, plan) in [
        ("content with sketches, hashed here", "[content_drift]\nway = \"stream\"\n"),
        ("content with sketches, hashed by the server", "[content_drift]\nway = \"server\"\n"),
    ] {
        bench
            .row(
                job,
                &[Work::Collect("content_drift", plan), Work::Sql(&hashes), Work::Copy(&TABLES)],
                "≤ 0.45 wall of pgcopydb's SQL, ≤ 1.25 floor",
                rounds,
            )
            .await?;
    }
    drop(bench);
    cluster.stop()?;
    Ok(())
}

/// What is timed.
enum Work<'a> {
    /// Collecting for one check, under a plan.
    Collect(&'a str, &'a str),
    Sql(&'a str),
    /// A binary copy of each of these tables, of which nothing is done.
    Copy(&'a [&'a str]),
}

struct Bench {
    client: tokio_postgres::Client,
    source: Source,
    cpu: Cpu,
}

impl Bench {
    /// One line of the table: ours, the runbook's and the floor in turn, so that all see the same machine.
    async fn row(&self, job: &str, works: &[Work<'_>; 3], goal: &str, rounds: usize) -> Result<(), Failure> {
        let (mut ours, mut theirs, mut least) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=rounds {
            let a = self.cpu.time(self.run(&works[0])).await?;
            let b = self.cpu.time(self.run(&works[1])).await?;
            let c = self.cpu.time(self.run(&works[2])).await?;
            // The first round warms the cache.
            if round > 0 {
                ours.push(a);
                theirs.push(b);
                least.push(c);
            }
        }
        let (ours, theirs, least) = (median(&ours), median(&theirs), median(&least));
        println!(
            "| {job} | {:.2} / {:.2} | {:.2} / {:.2} | {:.2} / {:.2} | {:.2} | {:.2} | {:.2} | {goal} |",
            ours.0,
            ours.1,
            theirs.0,
            theirs.1,
            least.0,
            least.1,
            ours.0 / theirs.0,
            ours.1 / theirs.1,
            ours.0 / least.0,
        );
        Ok(())
    }

    async fn run(&self, work: &Work<'_>) -> Result<(), Failure> {
        match work {
            Work::Collect(check, plan) => {
                let mut options = CollectOptions::default();
                options.only = vec![(*check).to_owned()];
                if *check == "content_drift" {
                    options.content = ContentChoice::Always;
                }
                let evidence = collect(&self.source, &Plan::from_toml(plan)?, None, &options).await?;
                let read =
                    evidence.scans.tables.values().filter(|scan| scan.content.read().is_some()).count();
                if *check == "content_drift" && read != TABLES.len() {
                    return Err(format!("the content of {read} tables was read").into());
                }
            }
            Work::Sql(sql) => {
                self.client.simple_query(sql).await?;
                self.client.simple_query("reset all").await?;
            }
            Work::Copy(tables) => {
                for table in *tables {
                    let sql = format!("copy {table} to stdout (format binary)");
                    let mut copy = std::pin::pin!(self.client.copy_out(&sql).await?);
                    while copy.try_next().await?.is_some() {}
                }
            }
        }
        Ok(())
    }
}

async fn client(url: &str) -> Result<tokio_postgres::Client, Failure> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(async move {
        // Its error reaches whoever is waiting for an answer.
        let _ = connection.await;
    });
    Ok(client)
}

fn median(figures: &[(f64, f64)]) -> (f64, f64) {
    let middle = |pick: fn(&(f64, f64)) -> f64| {
        let mut sorted: Vec<f64> = figures.iter().map(pick).collect();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    };
    (middle(|figure| figure.0), middle(|figure| figure.1))
}

/// CPU time of a scratch cluster's processes and of this one, as Linux counts it.
struct Cpu {
    postmaster: String,
}

impl Cpu {
    fn of(cluster: &ScratchCluster) -> Result<Self, Failure> {
        let file = cluster.socket_directory().join("data/postmaster.pid");
        let text = std::fs::read_to_string(file)?;
        Ok(Self { postmaster: text.lines().next().unwrap_or_default().to_owned() })
    }

    /// Wall and CPU seconds.
    async fn time(&self, work: impl Future<Output = Result<(), Failure>>) -> Result<(f64, f64), Failure> {
        let (cpu, began) = (self.now(), Instant::now());
        work.await?;
        let wall = began.elapsed().as_secs_f64();
        // A backend that ends is counted once the postmaster has reaped it.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok((wall, self.now() - cpu))
    }

    /// CPU seconds so far: the postmaster with those of its children that ended, its living children, and us.
    fn now(&self) -> f64 {
        let mut ticks = ticks("/proc/self/stat", false).unwrap_or(0);
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let path = entry.path().join("stat");
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let Some((head, rest)) = text.rsplit_once(") ") else { continue };
            let is_postmaster = head.split(' ').next() == Some(&self.postmaster);
            let is_child = rest.split(' ').nth(1) == Some(&self.postmaster);
            if is_postmaster || is_child {
                ticks += fields(rest, is_postmaster);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "ticks of a run are few")]
        let ticks = ticks as f64;
        // USER_HZ is 100 on every Linux.
        ticks / 100.0
    }
}

fn ticks(path: &str, with_children: bool) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(fields(text.rsplit_once(") ")?.1, with_children))
}

/// `utime` and `stime`, and those of children that were waited for.
fn fields(rest: &str, with_children: bool) -> u64 {
    let last = if with_children { 15 } else { 13 };
    rest.split(' ')
        .enumerate()
        .filter(|(at, _)| (11..last).contains(at))
        .filter_map(|(_, field)| field.parse::<u64>().ok())
        .sum()
}
