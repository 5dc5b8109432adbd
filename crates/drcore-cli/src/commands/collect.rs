//! `drcore collect`

use std::path::PathBuf;

use super::shared::{
    self, CheckArguments, ContentArguments, DatabaseArguments, PlanArguments, Prepared, ShareArguments,
    StoreArguments, WriteArguments,
};
use crate::fault::Fault;
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
  drcore judge evidence.json --against baseline.json
  drcore collect --shard 1/2 -o 1.json    with --shard 2/2, as 2.json")]
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
    share: ShareArguments,
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    writes: WriteArguments,
    /// Where it is stored, as .json; replaced whole or not at all. What tells
    /// which rows differ goes beside it, as .sketches: keep both
    #[arg(short, long, value_name = "FILE", env = "DRCORE_OUTPUT")]
    output: PathBuf,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    shared::json_file(&arguments.output)?;
    let outputs = std::slice::from_ref(&arguments.output);
    let Prepared { url, mut options, display } =
        arguments.database.prepare(&arguments.plan, Some(&arguments.check), outputs, screen)?;
    arguments.content.apply(&mut options);
    arguments.share.apply(&mut options)?;
    arguments.store.apply(&mut options)?;
    arguments.writes.apply(&mut options);
    let evidence = drcore::collect(&url, &options).await?;
    drop(display);
    evidence.save(&arguments.output).map_err(Fault::unwritten)?;
    shared::stored("evidence", &evidence, &options, &arguments.output, screen)
}
