//! One database, and what is timed on it.

use std::path::PathBuf;
use std::process::Stdio;

use drcore::collect::{CollectOptions, ContentChoice, collect};
use drcore::gap::{GapOptions, gap};
use drcore::{Plan, Source};
use futures::TryStreamExt;
use tokio_postgres::Client;

use crate::archive::Job;
use crate::{Failure, TABLES};

/// What is timed.
#[derive(Clone, Debug)]
pub enum Work {
    /// Something that is done with a dump, without the server.
    Archive(Job),
    /// Collecting for these checks, under a plan.
    Collect(&'static [&'static str], &'static str),
    /// What was created after this instant, per table, tenant and hour.
    Gap(&'static str),
    /// Several of these, one after the other.
    Each(Vec<Work>),
    /// Statements, on one session.
    Sql(String),
    /// A binary copy of each table, of which nothing is done.
    Copy,
}

/// Where it is done.
pub struct Place {
    pub url: String,
    pub client: Client,
    pub source: Source,
}

impl Place {
    pub fn run<'a>(&'a self, work: &'a Work) -> futures::future::BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            match work {
                Work::Archive(job) => job.run().await?,
                Work::Collect(checks, plan) => collect_for(&self.source, checks, plan).await?,
                Work::Gap(since) => {
                    let mut options = GapOptions::new(since.parse()?);
                    options.tenant_column = Some("tenant_id".to_owned());
                    let report = gap(&self.url, &options).await?;
                    if report.tables.is_empty() || !report.unread.is_empty() {
                        return Err(format!("gap read {} tables", report.tables.len()).into());
                    }
                }
                Work::Each(works) => {
                    for work in works {
                        self.run(work).await?;
                    }
                }
                Work::Sql(sql) => {
                    self.client.simple_query(sql).await?;
                    self.client.simple_query("reset all").await?;
                }
                Work::Copy => {
                    for table in TABLES {
                        let sql = format!("copy {table} to stdout (format binary)");
                        let mut copy = std::pin::pin!(self.client.copy_out(&sql).await?);
                        while copy.try_next().await?.is_some() {}
                    }
                }
            }
            Ok(())
        })
    }
}

async fn collect_for(source: &Source, checks: &[&str], plan: &str) -> Result<(), Failure> {
    let mut options = CollectOptions::default();
    options.only = checks.iter().map(|&check| check.to_owned()).collect();
    let content = checks.contains(&"content_drift");
    if content {
        options.content = ContentChoice::Always;
    }
    let evidence = collect(source, &Plan::from_toml(plan)?, None, &options).await?;
    let read = evidence.scans.tables.values().filter(|scan| scan.content.read().is_some()).count();
    if content && read != TABLES.len() {
        return Err(format!("the content of {read} tables was read").into());
    }
    let duplicates = evidence.scans.duplicates.values().filter(|fact| fact.read().is_some()).count();
    if checks.contains(&"duplicate_keys") && duplicates == 0 {
        return Err("no key was counted".into());
    }
    Ok(())
}

/// What a process of its own needs at most to collect for these checks, in MiB: this program once more.
pub async fn peak_of(url: &str, checks: &[&str]) -> Result<f64, Failure> {
    let program: PathBuf = std::env::current_exe()?;
    let output = tokio::process::Command::new(program)
        .args(["peak", url, &checks.join(",")])
        .stderr(Stdio::inherit())
        .output()
        .await?;
    if !output.status.success() {
        return Err(format!("the process of its own failed: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// The process of its own.
pub async fn print_peak(url: &str, checks: &str) -> Result<(), Failure> {
    let source = Source::connect(url).await?;
    let checks: Vec<&str> = checks.split(',').collect();
    collect_for(&source, &checks, "").await?;
    println!(
        "{}",
        crate::cpu::peak_mib(std::process::id()).ok_or("this system does not say what a process needs")?
    );
    Ok(())
}
