//! `drcore collect`

use std::path::PathBuf;

use super::shared::{self, CheckArguments, DatabaseArguments, PlanArguments, Prepared};
use crate::fault::Fault;
use crate::output;
use crate::screen::Screen;

/// Store what verify would read, to judge it elsewhere
///
/// Holds the results of assertions as they are: use baseline for what is kept
/// beside a backup. Is written also if the database could not be reached, and
/// says so; the exit code is 3 then.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore collect -o evidence.json
  drcore collect --against baseline.json -o evidence.json
  drcore judge evidence.json --against baseline.json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: DatabaseArguments,
    #[command(flatten)]
    plan: PlanArguments,
    #[command(flatten)]
    check: CheckArguments,
    /// Where it is stored, as .json; replaced whole or not at all
    #[arg(short, long, value_name = "FILE", env = "DRCORE_OUTPUT")]
    output: PathBuf,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    shared::json_file(&arguments.output)?;
    let outputs = std::slice::from_ref(&arguments.output);
    let Prepared { url, options, display } =
        arguments.database.prepare(&arguments.plan, Some(&arguments.check), outputs, screen)?;
    let evidence = drcore::collect(&url, &options).await?;
    drop(display);
    output::write(&arguments.output, &(evidence.to_json()? + "\n")).map_err(Fault::unwritten)?;
    shared::stored("evidence", &evidence, &options, &arguments.output, screen)
}
