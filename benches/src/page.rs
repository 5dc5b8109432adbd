//! The figures as one page of Markdown.

use std::fmt;

use tokio_postgres::Client;

use crate::cpu::Cost;
use crate::planted::{self, Score};
use crate::{Failure, Options, TABLES};

/// All figures, and what they were taken on.
pub struct Page {
    began: String,
    machine: String,
    server: String,
    load: (String, String),
    rounds: usize,
    /// Each table: its name, its rows, and its bytes a row with those out of line.
    tables: Vec<(String, u64, u64)>,
    /// An hour before the newest row.
    pub recent: String,
    /// Half of the rows are newer.
    pub wide: String,
    pub lines: Vec<Line>,
    pub comparisons: Vec<Comparison>,
    /// Peers that did not take part, or gave up on a table, and why.
    pub absent: Vec<String>,
    pub peaks: Vec<Peak>,
}

/// One job: ours, what it is compared with, and the floor.
pub struct Line {
    job: String,
    pub ours: Cost,
    pub baseline: Cost,
    pub floor: Cost,
    /// What the two are.
    names: (String, String),
    goals: Vec<Goal>,
}

/// What a job should come to.
pub struct Goal {
    text: String,
    most: f64,
    ratio: fn(&Line) -> f64,
}

/// Who compared two databases.
pub struct Comparison {
    pub name: String,
    pub is_floor: bool,
    pub cost: Cost,
    pub score: Score,
}

/// What a process needed at most.
pub struct Peak {
    pub rows: u64,
    pub checks: String,
    pub mib: f64,
}

impl Line {
    pub fn new(job: &str, baseline: (&str, Cost), floor: (&str, Cost), ours: Cost) -> Self {
        Self {
            job: job.to_owned(),
            ours,
            baseline: baseline.1,
            floor: floor.1,
            names: (baseline.0.to_owned(), floor.0.to_owned()),
            goals: Vec::new(),
        }
    }

    pub fn goals(mut self, goals: Vec<Goal>) -> Self {
        self.goals = goals;
        self
    }
}

impl Goal {
    pub fn at_most(text: &str, most: f64, ratio: fn(&Line) -> f64) -> Self {
        Self { text: text.to_owned(), most, ratio }
    }
}

impl Page {
    pub async fn new(client: &Client, options: &Options) -> Result<Self, Failure> {
        let mut tables = Vec::new();
        for table in TABLES {
            let sql = format!(
                "select count(*), pg_total_relation_size('{table}') - pg_indexes_size('{table}') from {table}"
            );
            let row = client.query_one(&sql, &[]).await?;
            let (rows, bytes): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            tables.push((table.to_owned(), u64::try_from(rows)?, u64::try_from(bytes / rows.max(1))?));
        }
        let text = async |sql: &str| -> Result<String, Failure> {
            Ok(client.query_one(sql, &[]).await?.try_get(0)?)
        };
        let instant = |what: &str| {
            format!(
                "select to_char({what} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from time_logs"
            )
        };
        Ok(Self {
            began: text("select to_char(now() at time zone 'UTC', 'YYYY-MM-DD HH24:MI UTC')").await?,
            machine: machine(),
            server: text("select version()").await?,
            load: (load(), String::new()),
            rounds: options.rounds,
            recent: text(&instant("(max(created_at) - interval '1 hour')")).await?,
            wide: text(&instant("(min(created_at) + (max(created_at) - min(created_at)) / 2)")).await?,
            tables,
            lines: Vec::new(),
            comparisons: Vec::new(),
            absent: Vec::new(),
            peaks: Vec::new(),
        })
    }

    /// Nothing more is measured.
    pub fn end(&mut self) {
        self.load.1 = load();
    }

    fn lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## Jobs\n")?;
        writeln!(
            f,
            "Wall / CPU seconds, the CPU's of server and client together. The baseline is what stands in its column.\n"
        )?;
        writeln!(
            f,
            "| job | drcore | baseline | floor | drcore / baseline: wall, cpu | drcore / floor: wall | goal | met |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|")?;
        for line in &self.lines {
            let goals: Vec<&str> = line.goals.iter().map(|goal| goal.text.as_str()).collect();
            let met: Vec<&str> = line.goals.iter().map(|goal| yes((goal.ratio)(line) <= goal.most)).collect();
            writeln!(
                f,
                "| {} | {} | {} ({}) | {} ({}) | {:.2}, {:.2} | {:.2} | {} | {} |",
                line.job,
                figures(line.ours),
                figures(line.baseline),
                line.names.0,
                figures(line.floor),
                line.names.1,
                line.ours.wall / line.baseline.wall,
                line.ours.cpu() / line.baseline.cpu(),
                line.ours.wall / line.floor.wall,
                none(&goals.join(", ")),
                none(&met.join(", ")),
            )?;
        }
        writeln!(f)
    }

    fn comparison(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let planted = planted::rows().len();
        writeln!(f, "## A broken copy: {planted} rows differ\n")?;
        for kind in planted::kinds() {
            writeln!(f, "- {kind}")?;
        }
        writeln!(
            f,
            "\nLocated: rows that are named, by their keys. Flagged: in tables that are said to differ, without a word on \
             which rows. Wrong: rows and tables that are named and do not differ. How many times as long as drcore \
             (the faster of its two ways) each took is in the last column.\n"
        )?;
        writeln!(
            f,
            "| who | wall | cpu: server + client | located | flagged only | missed | wrong | wall / drcore |"
        )?;
        writeln!(f, "|---|---|---|---|---|---|---|---|")?;
        let ours = self.ours();
        for of in &self.comparisons {
            let Score { located, flagged, missed, wrong } = of.score;
            let found = if of.is_floor {
                "– | – | – | –".to_owned()
            } else {
                format!("{located} | {flagged} | {missed} | {wrong}")
            };
            writeln!(
                f,
                "| {} | {:.2} | {:.2} + {:.2} | {found} | {:.2} |",
                of.name,
                of.cost.wall,
                of.cost.server,
                of.cost.client,
                of.cost.wall / ours.map_or(f64::NAN, |ours| ours.cost.wall),
            )?;
        }
        writeln!(f)?;
        for absent in &self.absent {
            writeln!(f, "{absent}.\n")?;
        }
        self.comparison_goals(f)
    }

    /// The faster of our two ways.
    fn ours(&self) -> Option<&Comparison> {
        let ours = self.comparisons.iter().filter(|of| of.name.starts_with("drcore"));
        ours.min_by(|a, b| a.cost.wall.total_cmp(&b.cost.wall))
    }

    fn comparison_goals(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(ours) = self.ours() else { return Ok(()) };
        let named = |name: &str| self.comparisons.iter().find(|of| of.name.starts_with(name));
        // From 10 million rows on there is another goal.
        let large = self.tables.iter().any(|(_, rows, _)| *rows >= 10_000_000);
        let times = if large { 12.0 } else { 7.0 };
        writeln!(f, "| goal of comparing | measured | met |\n|---|---|---|")?;
        let mut row =
            |goal: String, measured: Option<f64>, met: fn(f64, f64) -> bool, bound: f64| match measured {
                Some(measured) => writeln!(f, "| {goal} | {measured:.2} | {} |", yes(met(measured, bound))),
                None => writeln!(f, "| {goal} | did not take part | not known |"),
            };
        let least = |measured: f64, bound: f64| measured >= bound;
        let most = |measured: f64, bound: f64| measured <= bound;
        let reladiff = named("reladiff").map(|of| of.cost.wall / ours.cost.wall);
        row(format!("≥ {times} × as fast as reladiff"), reladiff, least, times)?;
        let formula = named("pgcopydb").map(|of| ours.cost.wall / of.cost.wall);
        row("≤ 0.45 × pgcopydb's SQL, which only flags".to_owned(), formula, most, 0.45)?;
        let floor = named("floor").map(|of| ours.cost.wall / of.cost.wall);
        row("≤ 1.25 × the floor, where client cores are free".to_owned(), floor, most, 1.25)?;
        let cpu = ours.cost.client / ours.cost.server;
        row("on 2 cores client cpu ≤ 1.0 × the server's".to_owned(), Some(cpu), most, 1.0)?;
        #[expect(clippy::cast_precision_loss, reason = "42")]
        let located = ours.score.located as f64;
        #[expect(clippy::cast_precision_loss, reason = "42")]
        let planted = planted::rows().len() as f64;
        row("all differences located".to_owned(), Some(located), least, planted)?;
        writeln!(f)
    }

    fn memory(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## Memory\n\nThe largest resident set of a process that collects for these checks.\n")?;
        writeln!(f, "| checks | time logs | MiB |\n|---|---|---|")?;
        let mut peaks: Vec<&Peak> = self.peaks.iter().collect();
        peaks.sort_by(|a, b| a.checks.cmp(&b.checks).then(a.rows.cmp(&b.rows)));
        for peak in &peaks {
            writeln!(f, "| {} | {} | {:.0} |", peak.checks, grouped(peak.rows), peak.mib)?;
        }
        writeln!(f, "\n| goal | measured | met |\n|---|---|---|")?;
        for pair in peaks.chunks(2) {
            let [small, large] = pair else { continue };
            let grown = large.mib / small.mib;
            writeln!(
                f,
                "| flat in rows: {} | × {grown:.2} for 10 times the rows | {} |",
                small.checks,
                // What an allocator keeps is not the same twice.
                yes(grown <= 1.25)
            )?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Measured\n")?;
        writeln!(
            f,
            "Written by `make bench`; one run, everything in turn, medians of {} rounds after one that warms the cache. Figures of one machine on one day: what counts are the ratios.\n",
            self.rounds
        )?;
        writeln!(f, "- {}, {}", self.began, self.machine)?;
        writeln!(
            f,
            "- load average before {}, after {} (the benchmark itself is 1 to 3 of it)",
            self.load.0, self.load.1
        )?;
        writeln!(
            f,
            "- {}, fsync off, shared_buffers 1 GB, over a Unix socket; drcore {}",
            self.server,
            env!("CARGO_PKG_VERSION")
        )?;
        writeln!(f, "- cache: warm; tables analysed and never vacuumed, as after a restore")?;
        let tables: Vec<String> = self
            .tables
            .iter()
            .map(|(table, rows, width)| format!("{table} {} × {width} B", grouped(*rows)))
            .collect();
        writeln!(f, "- rows × width with what is out of line: {}\n", tables.join(", "))?;
        self.lines(f)?;
        self.comparison(f)?;
        self.memory(f)?;
        writeln!(
            f,
            "## Not measured\n\nFiles against their rows are in STORAGE.md. A cold disk, a network, and PostgreSQL other than the above."
        )
    }
}

fn figures(cost: Cost) -> String {
    format!("{:.2} / {:.2}", cost.wall, cost.cpu())
}

fn yes(met: bool) -> &'static str {
    if met { "yes" } else { "**no**" }
}

fn none(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

/// `2000000` as `2,000,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

/// Cores, memory, and what the processor calls itself.
fn machine() -> String {
    let value = |path: &str, name: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kib: u64 =
        value("/proc/meminfo", "MemTotal").split(' ').next().and_then(|text| text.parse().ok()).unwrap_or(0);
    format!("{cores} cores ({}), {} GiB", value("/proc/cpuinfo", "model name"), kib >> 20)
}
