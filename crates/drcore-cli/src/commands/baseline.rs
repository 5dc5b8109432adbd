//! `drcore baseline`

use std::path::PathBuf;

use super::shared::{self, ContentArguments, DatabaseArguments, PlanArguments, Prepared, ShareArguments};
use crate::fault::Fault;
use crate::screen::Screen;

/// Store what a database is like, to verify its restores against
///
/// Take it when the backup is taken, with the same plan, and keep it beside the
/// backup. Results of assertions are stored as hashes. Exit code 3 if something
/// could not be read: the file is written, and says what it lacks.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore baseline -o baseline.json
  drcore baseline postgresql://me@db.example.com/app --plan drcore.toml \\
      -o 2026-11-20.json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: DatabaseArguments,
    #[command(flatten)]
    plan: PlanArguments,
    #[command(flatten)]
    content: ContentArguments,
    #[command(flatten)]
    share: ShareArguments,
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
        arguments.database.prepare(&arguments.plan, None, outputs, screen)?;
    arguments.content.apply(&mut options);
    arguments.share.apply(&mut options)?;
    let evidence = drcore::baseline(&url, &options).await?;
    drop(display);
    evidence.save(&arguments.output).map_err(Fault::unwritten)?;
    shared::stored("baseline", &evidence, &options, &arguments.output, screen)
}
