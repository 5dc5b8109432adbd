//! Benchmarks: what drcore takes against the runbooks' own SQL, the peers and the floor, in one run.
//!
//! `make bench`, or `cargo run --release -p drcore-bench -- [--rows N] [--rounds N] [--peers DIRECTORY] [--out FILE]`:
//! `--rows` says how many time logs there are, the largest of the tables. Everything is done in turn, round by round,
//! so that all see the same machine; the figures that count are the ratios of the medians.

mod archive;
mod compare;
mod cpu;
mod lister;
mod moving;
mod page;
mod planted;
mod storage;
mod work;

use std::path::{Path, PathBuf};
use std::time::Instant;

use drcore::Source;
use drcore::restore::{ScratchCluster, ScratchOptions};

use archive::{Dumps, Hash, Job};
use compare::{Contestant, Pair};
use cpu::{Cost, Cpu};
use page::{Comparison, Goal, Line, Page, Peak};
use planted::Found;
use work::{Place, Work};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const DATA: &str = include_str!("data.sql");

const TABLES: [&str; 11] = [
    "tenants",
    "clients",
    "projects",
    "tasks",
    "time_logs",
    "invoices",
    "documents",
    "collisions",
    "empties",
    "nulls",
    "separators",
];

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

/// What the goals call the whole plan, but for the gap, which is a call of its own.
const WHOLE: &[&str] = &["row_counts", "content_drift", "orphan_fks", "freshness"];

/// All checks that read rows.
const EVERYTHING: &[&str] = &["row_counts", "content_drift", "orphan_fks", "freshness", "duplicate_keys"];

struct Options {
    rows: u64,
    rounds: usize,
    /// The directory of the peers' programs.
    peers: Option<PathBuf>,
    out: Option<PathBuf>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self { rows: 2_000_000, rounds: 3, peers: None, out: None };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} has no value"))?;
            match name.as_str() {
                "--rows" => options.rows = value.parse()?,
                "--rounds" => options.rounds = value.parse()?,
                "--peers" => options.peers = Some(value.into()),
                "--out" => options.out = Some(value.into()),
                _ => return Err(format!("no such option: {name}").into()),
            }
        }
        if options.rows < 100_000 || !options.rows.is_multiple_of(10_000) || options.rounds == 0 {
            return Err("--rows is a multiple of 10000 from 100000 on, --rounds at least 1".into());
        }
        Ok(options)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // This program once more, as a process of its own.
        ["peak", url, checks] => return work::print_peak(url, checks).await,
        ["list", objects, delay] => return lister::serve(objects, delay).await,
        ["audit", url, port, objects] => return storage::print_audit(url, port, objects).await,
        ["moving", ..] => return moving::run(&arguments[1..]).await,
        ["storage", ..] => return storage::run(&arguments[1..]).await,
        _ => {}
    }
    let options = Options::parse(arguments.into_iter())?;
    let bench = Bench::prepare(&options).await?;
    let page = bench.page(&options).await?;
    print!("{page}");
    if let Some(out) = &options.out {
        std::fs::write(out, page.to_string())?;
        eprintln!("written to {}", out.display());
    }
    bench.cluster.stop()?;
    Ok(())
}

struct Bench {
    cluster: ScratchCluster,
    cpu: Cpu,
    place: Place,
    pair: Pair,
    rounds: usize,
}

impl Bench {
    /// The source, its broken copy, and a smaller one.
    async fn prepare(options: &Options) -> Result<Self, Failure> {
        let mut settings = ScratchOptions::default();
        for (name, value) in
            [("shared_buffers", "1GB"), ("maintenance_work_mem", "256MB"), ("max_wal_size", "8GB")]
        {
            settings.settings.push((name.to_owned(), value.to_owned()));
        }
        let cluster = ScratchCluster::start(settings).await?;
        for (database, rows) in [("source", options.rows), ("small", options.rows / 10)] {
            eprintln!("building {rows} time logs …");
            let began = Instant::now();
            cluster.create_database(database).await?;
            cluster.execute(database, &DATA.replace(":scale", &(rows / 10_000).to_string())).await?;
            // As a restored database is: no visibility map, but the planner has looked.
            cluster.execute(database, "analyze").await?;
            eprintln!("built in {:.0} s", began.elapsed().as_secs_f64());
        }
        cluster.execute("postgres", "create database broken template source").await?;
        let urls = ["source", "broken"].map(|database| cluster.url(database));
        planted::plant(&client(&urls[1]).await?).await?;
        cluster.execute("broken", "analyze").await?;
        cluster.execute("postgres", "checkpoint").await?;
        let place = Place {
            url: urls[0].clone(),
            client: client(&urls[0]).await?,
            source: Source::connect(&urls[0]).await?,
        };
        let programs = cluster.tools().directory.clone();
        Ok(Self {
            cpu: Cpu::of(&cluster)?,
            place,
            pair: Pair { urls, programs },
            cluster,
            rounds: options.rounds,
        })
    }

    async fn page(&self, options: &Options) -> Result<Page, Failure> {
        let mut page = Page::new(&self.place.client, options).await?;
        self.lines(&mut page).await?;
        self.archives(&mut page).await?;
        self.comparison(&mut page, options.peers.as_deref()).await?;
        for (database, rows) in [("small", options.rows / 10), ("source", options.rows)] {
            for checks in [WHOLE, &["duplicate_keys"]] {
                eprintln!("memory: {rows} rows, {} …", checks.join(", "));
                let mib = work::peak_of(&self.cluster.url(database), checks).await?;
                page.peaks.push(Peak { rows, checks: checks.join(", "), mib });
            }
        }
        page.end();
        Ok(page)
    }

    async fn lines(&self, page: &mut Page) -> Result<(), Failure> {
        let counts = TABLES.map(|table| format!("select '{table}' as t, count(*) from {table}"));
        let counts = format!("set max_parallel_workers_per_gather = 0; {}", counts.join(" union all "));
        let parallel = "set max_parallel_workers_per_gather = 1; select count(*) from time_logs; \
                        select count(*) from invoices; select count(*) from tasks; select count(*) from documents";
        let job = "exact counts, all tables";
        let works =
            [Work::Collect(&["row_counts"], ""), Work::Sql(counts.clone()), Work::Sql(parallel.to_owned())];
        page.lines.push(self.line(job, "the runbook's UNION ALL", "parallel scan", &works).await?.goals(
            vec![Goal::at_most("≤ 0.55 × baseline", 0.55, |line| line.ours.wall / line.baseline.wall)],
        ));

        let orphans = REFERENCES.map(|(child, column, parent)| {
            format!(
                "select count(*) from {child} c left join {parent} p on p.id = c.{column} \
                 where p.id is null and c.{column} is not null"
            )
        });
        let orphans =
            format!("set max_parallel_workers_per_gather = 0; set work_mem = '64MB'; {}", orphans.join("; "));
        let floor =
            "copy (select tenant_id, task_id, project_id from time_logs) to '/dev/null' (format binary)";
        let works =
            [Work::Collect(&["orphan_fks"], ""), Work::Sql(orphans.clone()), Work::Sql(floor.to_owned())];
        let job = "all orphans of all foreign keys";
        page.lines.push(
            self.line(job, "the runbook's LEFT JOINs", "COPY of the keys of time_logs", &works).await?.goals(
                vec![
                    Goal::at_most("≤ 0.40 × baseline's wall", 0.40, |line| {
                        line.ours.wall / line.baseline.wall
                    }),
                    Goal::at_most("≤ 0.60 × its cpu", 0.60, |line| line.ours.cpu() / line.baseline.cpu()),
                ],
            ),
        );

        let doubles =
            TABLES.map(|table| format!("select id, count(*) from {table} group by id having count(*) > 1"));
        let doubles =
            format!("set enable_indexscan = off; set enable_indexonlyscan = off; {}", doubles.join("; "));
        let works =
            [Work::Collect(&["duplicate_keys"], ""), Work::Sql(doubles), Work::Sql(parallel.to_owned())];
        let job = "duplicates of all unique keys";
        page.lines.push(self.line(job, "GROUP BY, table after table", "parallel scan", &works).await?);

        // As the runbook asks for it: in how many rows, of whom, and when.
        let gap = |since: &str| {
            let ask = |what: &str| {
                ["time_logs", "invoices"]
                    .map(|table| {
                        format!(
                            "select {what}, count(*) from {table} where created_at > '{since}' group by 1"
                        )
                    })
                    .join("; ")
            };
            (ask("1"), [ask("1"), ask("tenant_id"), ask("date_trunc('hour', created_at)")].join("; "))
        };
        // For as long as the program runs.
        let (recent, wide): (&str, &str) = (page.recent.clone().leak(), page.wide.clone().leak());
        let (count, _) = gap(recent);
        let scan = "select count(*) from time_logs; select count(*) from invoices";
        let works = [Work::Gap(recent), Work::Sql(count), Work::Sql(scan.to_owned())];
        let job = "gap of the last hour: per table, tenant and hour";
        page.lines.push(self.line(job, "the count-only query", "one scan", &works).await?.goals(vec![
            Goal::at_most("≤ 1.10 × baseline", 1.10, |line| line.ours.wall / line.baseline.wall),
        ]));
        let (_, three) = gap(wide);
        let works = [Work::Gap(wide), Work::Sql(three.clone()), Work::Sql(scan.to_owned())];
        let job = "gap of half of the rows: per table, tenant and hour";
        page.lines.push(self.line(job, "three queries", "one scan", &works).await?.goals(vec![
            Goal::at_most("≤ 0.60 × baseline", 0.60, |line| line.ours.wall / line.baseline.wall),
        ]));

        let steps = Work::Each(vec![
            Work::Sql(counts),
            Work::Sql(orphans),
            Work::Sql(TABLES.map(pgcopydb).join("; ")),
            Work::Sql(
                "select max(created_at) from time_logs; select max(created_at) from invoices".to_owned(),
            ),
            Work::Sql(three),
        ]);
        for (job, checks, goal) in [
            ("the whole plan: counts, content, orphans, freshness, gap", WHOLE, true),
            ("the same with duplicate_keys", EVERYTHING, false),
        ] {
            let works = [
                Work::Each(vec![
                    Work::Collect(checks, "[content_drift]\nway = \"stream\"\n"),
                    Work::Gap(wide),
                ]),
                steps.clone(),
                Work::Copy,
            ];
            let mut line = self.line(job, "the steps one by one", "binary COPY-out", &works).await?;
            if goal {
                line = line.goals(vec![Goal::at_most("≤ 1.3 × floor", 1.3, |line| {
                    line.ours.wall / line.floor.wall
                })]);
            }
            page.lines.push(line);
        }
        Ok(())
    }

    /// Counting rows in a dump, without a server.
    async fn archives(&self, page: &mut Page) -> Result<(), Failure> {
        let into = tempfile::tempdir()?;
        let dumps = Dumps::of(&self.cluster, "source", into.path()).await?;
        let floor = "inflating alone";
        for name in ["custom", "directory"] {
            let awk = Job::Awk(dumps.clone(), name);
            let restore = Job::Restore(dumps.clone(), name);
            for (job, hash, baseline, against) in [
                ("hashed", Hash::Yes, "pg_restore \\| awk", awk),
                ("counted", Hash::No, "pg_restore -f /dev/null", restore),
            ] {
                let works = [Job::Count(dumps.clone(), name, hash), against, Job::Inflate(dumps.clone())];
                let job = format!("rows of a {name} archive, {job}");
                let mut line = self.line(&job, baseline, floor, &works.map(Work::Archive)).await?;
                if hash == Hash::Yes {
                    line = line.goals(vec![
                        Goal::at_most("≤ 0.73 × baseline", 0.73, |line| {
                            line.ours.wall / line.baseline.wall
                        }),
                        Goal::at_most("≥ 0.85 × the inflater's speed", 1.0 / 0.85, |line| {
                            line.ours.wall / line.floor.wall
                        }),
                    ]);
                }
                page.lines.push(line);
            }
        }
        Ok(())
    }

    /// Ours, what it is compared with, and the floor in turn, so that all see the same machine.
    async fn line(&self, job: &str, baseline: &str, floor: &str, works: &[Work; 3]) -> Result<Line, Failure> {
        eprintln!("{job} …");
        let mut costs: [Vec<Cost>; 3] = Default::default();
        for round in 0..=self.rounds {
            for (work, costs) in works.iter().zip(&mut costs) {
                let (cost, ()) = self.cpu.time(self.place.run(work)).await?;
                // The first round warms the cache.
                if round > 0 {
                    costs.push(cost);
                }
            }
        }
        let [ours, against, least] = costs.map(|costs| Cost::median(&costs));
        Ok(Line::new(job, (baseline, against), (floor, least), ours))
    }

    /// Who finds what is different in the broken copy, and how fast.
    async fn comparison(&self, page: &mut Page, peers: Option<&Path>) -> Result<(), Failure> {
        let mut contestants = vec![
            Contestant::Drcore("stream"),
            Contestant::Drcore("server"),
            Contestant::Copies,
            Contestant::Pgcopydb,
            Contestant::Counts,
            Contestant::Md5sum,
        ];
        for name in ["reladiff", "data-diff"] {
            let program = peers.map(|directory| directory.join(name)).filter(|program| program.exists());
            match program {
                Some(program) => contestants.push(Contestant::Python(name, program)),
                None => page
                    .absent
                    .push(format!("{name} did not take part: not installed here (scripts/peers says why)")),
            }
        }
        let mut runs: Vec<(Vec<Cost>, Found)> =
            contestants.iter().map(|_| (Vec::new(), Found::default())).collect();
        for round in 0..=self.rounds {
            for (contestant, (costs, found)) in contestants.iter().zip(&mut runs) {
                eprintln!("round {round} of {}: {} …", self.rounds, contestant.name());
                let (cost, rows) = self.cpu.time(contestant.run(&self.pair)).await?;
                *found = rows;
                if round > 0 {
                    costs.push(cost);
                }
            }
        }
        for (contestant, (costs, found)) in contestants.iter().zip(runs) {
            for table in &found.gave_up {
                page.absent.push(format!("{} gave up on {table}", contestant.name()));
            }
            page.comparisons.push(Comparison {
                name: contestant.name(),
                is_floor: matches!(contestant, Contestant::Copies),
                cost: Cost::median(&costs),
                score: found.score(),
            });
        }
        Ok(())
    }
}

/// As pgcopydb compares tables: it tells that one differs, and not in which rows.
fn pgcopydb(table: &str) -> String {
    format!("select count(1), sum(hashtext(t::text)::bigint) from only {table} t")
}

async fn client(url: &str) -> Result<tokio_postgres::Client, Failure> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    tokio::spawn(async move {
        // Its error reaches whoever is waiting for an answer.
        let _ = connection.await;
    });
    Ok(client)
}
