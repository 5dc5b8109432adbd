//! Moving rows and whole databases: beside PostgreSQL's own programs, on the same data, in turn.
//!
//! `cargo run --release -p drcore-bench -- moving [--rows 2000000] [--rounds 3] [--out FILE]`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use drcore::Verdict;
use drcore::backup::TakeCall;
use drcore::connect::{RestoreTarget, TargetOptions};
use drcore::copy::{CopyCall, copy};
use drcore::restore::{ExecuteOptions, RestoreOptions, RestorePlan, ScratchCluster, ScratchOptions};
use tokio::process::Command;

use crate::{DATA, Failure, TABLES};

/// How many sessions move at once, ours and theirs.
const JOBS: u32 = 2;

struct Options {
    rows: u64,
    rounds: usize,
    out: Option<PathBuf>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut options = Self { rows: 2_000_000, rounds: 3, out: None };
        for pair in arguments.chunks(2) {
            let [name, value] = pair else { return Err(format!("{} has no value", pair[0]).into()) };
            match name.as_str() {
                "--rows" => options.rows = value.parse()?,
                "--rounds" => options.rounds = value.parse()?,
                "--out" => options.out = Some(value.into()),
                _ => return Err(format!("no such option: {name}").into()),
            }
        }
        Ok(options)
    }
}

pub async fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = Options::parse(arguments)?;
    let moving = Moving::prepare(options.rows).await?;
    let mut page = head(&options)?;
    for (job, ways) in JOBS_DONE {
        let mut took: Vec<Vec<f64>> = vec![Vec::new(); ways.len()];
        for round in 0..options.rounds {
            for (way, took) in ways.iter().zip(&mut took) {
                eprintln!("{job}, {}, round {} …", way.name(), round + 1);
                took.push(moving.take_time(*way).await?.as_secs_f64());
            }
        }
        let medians: Vec<f64> = took.iter().map(|took| median(took)).collect();
        for (way, median) in ways.iter().zip(&medians) {
            writeln!(page, "| {job} | {} | {median:.2} s | {:.2} |", way.name(), median / medians[0])?;
        }
    }
    moving.cluster.stop()?;
    print!("{page}");
    if let Some(out) = &options.out {
        std::fs::write(out, page)?;
        eprintln!("written to {}", out.display());
    }
    Ok(())
}

fn head(options: &Options) -> Result<String, Failure> {
    let mut page = String::from("# Moving rows and whole databases\n\n");
    writeln!(
        page,
        "{} time logs and what belongs to them, {} round(s) in turn, medians; on {} cores, which the servers use too. What \
         the others are measured by stands first, and the last column is how long each takes in terms of it. Every copy and \
         every restore is counted afterwards, or no figure is written.\n",
        options.rows,
        options.rounds,
        std::thread::available_parallelism()?,
    )?;
    page.push_str("| job | by what | takes | × |\n|---|---|---|---|\n");
    Ok(page)
}

/// One way of moving something.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    TextPipe,
    BinaryPipe,
    DumpPipe,
    Copy,
    CopyVerified,
    PgDump,
    Take,
    TakeWithContent,
    PgRestore,
    Restore,
}

/// What is compared with what: the first of each is what the others are measured by.
const JOBS_DONE: [(&str, &[Way]); 3] = [
    ("copy", &[Way::TextPipe, Way::BinaryPipe, Way::DumpPipe, Way::Copy, Way::CopyVerified]),
    ("take", &[Way::PgDump, Way::Take, Way::TakeWithContent]),
    ("restore", &[Way::PgRestore, Way::Restore]),
];

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::TextPipe => "`psql \\| psql`, text, a table after the other, then `ANALYZE`",
            Self::BinaryPipe => "`psql \\| psql`, binary, a table after the other, then `ANALYZE`",
            Self::DumpPipe => "`pg_dump --data-only \\| psql`, then `ANALYZE`",
            Self::Copy => "`drcore copy`, without the comparison",
            Self::CopyVerified => "`drcore copy`, content compared",
            Self::PgDump => "`pg_dump -Fc -Z6`",
            Self::Take => "`drcore backup take --no-content`",
            Self::TakeWithContent => "`drcore backup take --content`: one more read of every row",
            Self::PgRestore => "`pg_restore -j2`, then `ANALYZE`",
            Self::Restore => "`drcore restore`, without a baseline",
        }
    }
}

struct Moving {
    cluster: ScratchCluster,
    programs: PathBuf,
    directory: tempfile::TempDir,
    rows: String,
}

impl Moving {
    async fn prepare(rows: u64) -> Result<Self, Failure> {
        let mut settings = ScratchOptions::default();
        for (name, value) in
            [("shared_buffers", "1GB"), ("maintenance_work_mem", "256MB"), ("max_wal_size", "8GB")]
        {
            settings.settings.push((name.to_owned(), value.to_owned()));
        }
        let cluster = ScratchCluster::start(settings).await?;
        eprintln!("building {rows} time logs …");
        cluster.create_database("source").await?;
        cluster.execute("source", &DATA.replace(":scale", &(rows / 10_000).to_string())).await?;
        cluster.execute("source", "vacuum analyze").await?;
        cluster.create_database("target").await?;
        let programs = cluster.tools().directory.clone();
        let moving = Self { cluster, programs, directory: tempfile::tempdir()?, rows: String::new() };
        moving.shell("$B/pg_dump --schema-only \"$SOURCE\" | $B/psql -Xqo /dev/null -v ON_ERROR_STOP=1 \"$TARGET\"").await?;
        moving.shell("$B/pg_dump -Fc -Z6 \"$SOURCE\" --file \"$D/source.dump\"").await?;
        let rows = moving.count("source").await?;
        Ok(Self { rows, ..moving })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    async fn shell(&self, script: &str) -> Result<(), Failure> {
        let mut command = Command::new("bash");
        command
            .args(["-euo", "pipefail", "-c", script])
            .env("B", &self.programs)
            .env("D", self.directory.path())
            .env("SOURCE", self.cluster.url("source"))
            .env("TARGET", self.cluster.url("target"))
            .env("EMPTY", self.cluster.url("empty"));
        let status = command.status().await?;
        if status.success() { Ok(()) } else { Err(format!("{script}: {status}").into()) }
    }

    /// How many rows each table has.
    async fn count(&self, database: &str) -> Result<String, Failure> {
        let counts =
            TABLES.map(|table| format!("select '{table}', count(*) from {table}")).join(" union all ");
        let output = Command::new(self.programs.join("psql"))
            .args(["-XAtc", &counts, &self.cluster.url(database)])
            .output()
            .await?;
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Does it once, on a target that is as it was in the beginning.
    async fn take_time(&self, way: Way) -> Result<Duration, Failure> {
        let into = match way {
            Way::TextPipe | Way::BinaryPipe | Way::DumpPipe | Way::Copy | Way::CopyVerified => {
                self.cluster.execute("target", &format!("truncate {}", TABLES.join(", "))).await?;
                "target"
            }
            Way::PgRestore | Way::Restore => {
                self.cluster.execute("postgres", "drop database if exists empty").await?;
                self.cluster.create_database("empty").await?;
                "empty"
            }
            Way::PgDump | Way::Take | Way::TakeWithContent => "source",
        };
        self.cluster.execute("postgres", "checkpoint").await?;
        let began = Instant::now();
        let told = match way {
            Way::TextPipe => self.pipe("text").await.map(|()| None)?,
            Way::BinaryPipe => self.pipe("binary").await.map(|()| None)?,
            Way::DumpPipe => {
                let script = "$B/pg_dump --data-only \"$SOURCE\" | $B/psql -Xqo /dev/null -v ON_ERROR_STOP=1 \"$TARGET\"; \
                              $B/psql -Xqc analyze \"$TARGET\"";
                self.shell(script).await.map(|()| None)?
            }
            Way::Copy | Way::CopyVerified => self.copied(way == Way::CopyVerified).await?,
            Way::PgDump => {
                self.shell("$B/pg_dump -Fc -Z6 \"$SOURCE\" --file \"$D/taken.dump\"").await.map(|()| None)?
            }
            Way::Take | Way::TakeWithContent => {
                self.taken(way == Way::TakeWithContent).await.map(|()| None)?
            }
            Way::PgRestore => {
                let script = "$B/pg_restore -j2 --dbname \"$EMPTY\" \"$D/source.dump\"; $B/psql -Xqc analyze \"$EMPTY\"";
                self.shell(script).await.map(|()| None)?
            }
            Way::Restore => self.restored().await.map(|()| None)?,
        };
        let took = told.unwrap_or_else(|| began.elapsed());
        if self.count(into).await? != self.rows {
            return Err(format!("{}: not all rows are there", way.name()).into());
        }
        Ok(took)
    }

    async fn pipe(&self, form: &str) -> Result<(), Failure> {
        let tables = TABLES.join(" ");
        self.shell(&format!(
            "for t in {tables}; do \
               $B/psql -Xqc \"copy $t to stdout (format {form})\" \"$SOURCE\" \
               | $B/psql -Xqc \"copy $t from stdin (format {form})\" \"$TARGET\"; \
             done; $B/psql -Xqc analyze \"$TARGET\""
        ))
        .await
    }

    /// Where it is not compared, planning and copying count.
    async fn copied(&self, compared: bool) -> Result<Option<Duration>, Failure> {
        let began = Instant::now();
        let mut call = CopyCall::default();
        call.options.jobs = Some(JOBS);
        let plan = copy(&self.cluster.url("source"), &self.cluster.url("target"), &call).await?;
        let planned = began.elapsed();
        let copied = plan.execute(&plan.execute_options()).await?;
        if copied.report.as_ref().is_none_or(|report| report.verdict != Verdict::Passed) {
            return Err(copied.to_text().into());
        }
        Ok((!compared).then(|| planned + Duration::from_millis(copied.run.elapsed_ms)))
    }

    async fn taken(&self, content: bool) -> Result<(), Failure> {
        let repository = self.path("repository");
        if repository.exists() {
            std::fs::remove_dir_all(&repository)?;
        }
        std::fs::create_dir(&repository)?;
        let to = repository.display();
        let call =
            TakeCall::from_json(&format!(r#"{{"to": "{to}", "compress": "gzip:6", "content": {content}}}"#))?;
        let taken = call.take(&self.cluster.url("source")).await?;
        if taken.is_whole() { Ok(()) } else { Err("the backup is not whole".into()) }
    }

    async fn restored(&self) -> Result<(), Failure> {
        let target = RestoreTarget::connect(&self.cluster.url("empty"), &TargetOptions::default()).await?;
        let mut options = RestoreOptions::default();
        options.jobs = Some(JOBS);
        let archive: &Path = &self.path("source.dump");
        let plan = RestorePlan::of(archive, &target, &options).await?;
        let restored = plan.execute(&target, &ExecuteOptions::default()).await?;
        match restored.failures().next() {
            None => Ok(()),
            Some(failure) => Err(format!("{failure:?}").into()),
        }
    }
}

fn median(took: &[f64]) -> f64 {
    let mut took = took.to_vec();
    took.sort_by(f64::total_cmp);
    took[took.len() / 2]
}
