//! Dumping with a baseline of the same snapshot, and restoring, with PostgreSQL's own programs.

use std::path::Path;

use crate::collect::{CollectOptions, collect};
use crate::connect::{Dsn, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Evidence;
use crate::plan::{Limits, Plan};
use crate::restore::ClientTools;

/// A dump, and the baseline that belongs to it.
#[derive(Debug)]
pub(super) struct Backup {
    /// How large the file is.
    pub(super) bytes: u64,
    /// Of the very snapshot that was dumped: what is restored must match it exactly.
    pub(super) baseline: Evidence,
}

/// Dumps a database into `file`, and collects the baseline from the same snapshot.
pub(super) async fn dump(
    tools: &ClientTools,
    url: &str,
    file: &Path,
    plan: &Plan,
    options: &CollectOptions,
) -> Result<Backup> {
    let source = Source::open(Dsn::parse(url)?, &plan.limits).await?;
    let exporter = source.session(&plan.limits).await?;
    let snapshot = exporter.begin_snapshot(&plan.limits, None).await?.ok_or_else(|| {
        Error::new(
            ErrorKind::Unsupported,
            "the snapshot cannot be shared here, so that dump and baseline would be of two states",
        )
    })?;
    let options = CollectOptions { snapshot: Some(snapshot.id.clone()), ..options.clone() };
    let mut command = tools.command("pg_dump", Some(&source.libpq(&exporter)));
    command.args(["--format=custom", "--compress=1"]).arg(format!("--snapshot={}", snapshot.id));
    command.arg("--file").arg(file);
    let dumping = ClientTools::run("pg_dump", command);
    let collecting = collect(&source, plan, None, &options);
    let (_, baseline) = tokio::try_join!(dumping, collecting)?;
    // The transaction that exported the snapshot was there until the end.
    exporter.simple("commit").await?;
    let baseline = baseline.whole()?.into_baseline();
    Ok(Backup { bytes: std::fs::metadata(file)?.len(), baseline })
}

/// Restores a dump into an empty database. Gives the errors that `pg_restore` went on after.
pub(super) async fn restore(tools: &ClientTools, file: &Path, url: &str, jobs: u32) -> Result<Vec<String>> {
    let source = Source::open(Dsn::parse(url)?, &Limits::default()).await?;
    let session = source.session(&Limits::default()).await?;
    let output = tools
        .command("pg_restore", Some(&source.libpq(&session)))
        .arg(format!("--jobs={jobs}"))
        .arg(file)
        .output()
        .await
        .map_err(|error| Error::new(ErrorKind::Tool, "cannot run pg_restore").caused_by(error))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<String> =
        text.lines().filter_map(|line| line.strip_prefix("pg_restore: error: ")).map(str::to_owned).collect();
    // It exits with 1 both when it gave up and when it went on after errors; then it says how many.
    let went_on = text.contains("errors ignored on restore:");
    if output.status.success() && errors.is_empty() || went_on && !errors.is_empty() {
        return Ok(errors);
    }
    let last = text.lines().last().unwrap_or("it said nothing");
    Err(Error::new(ErrorKind::Tool, format!("pg_restore failed ({}): {last}", output.status)))
}
