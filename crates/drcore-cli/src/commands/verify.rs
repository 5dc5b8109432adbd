//! `drcore verify`

use super::shared::{
    CheckArguments, ContentArguments, DatabaseArguments, PlanArguments, Prepared, ReportArguments,
    StoreArguments, WriteArguments,
};
use crate::fault::Fault;
use crate::screen::Screen;

/// Verify a database: what is wrong, how bad, and what puts it right
///
/// Reads one snapshot, and writes nothing, unless --attempt-writes says where. Compares with the plan and with a baseline
/// or a source. What could not be read is told, and never passes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore verify --against baseline.json
  drcore verify postgresql://me@localhost/restored --only row_counts -v
  drcore verify --against baseline.json -o report.json --fail-on critical
  drcore verify --store s3://storage-backend --tenant stub --only storage_orphans
  drcore verify --format json --deadline 10m | jq .verdict")]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: DatabaseArguments,
    #[command(flatten)]
    plan: PlanArguments,
    #[command(flatten)]
    check: CheckArguments,
    #[command(flatten)]
    content: ContentArguments,
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    writes: WriteArguments,
    #[command(flatten)]
    report: ReportArguments,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    let outputs = arguments.report.outputs()?;
    let Prepared { url, mut options, display } = arguments.database.prepare(
        &arguments.plan,
        Some(&arguments.check),
        &arguments.report.output,
        screen,
    )?;
    arguments.content.apply(&mut options);
    arguments.store.apply(&mut options)?;
    arguments.writes.apply(&mut options);
    let report = drcore::verify(&url, &options).await?;
    drop(display);
    arguments.report.conclude(&report, &outputs, screen)
}
