//! `drcore salvage`

use drcore::backup::TakeOptions;

use super::shared::{ContentArguments, DatabaseArguments, Format, PlanArguments, Prepared, not_empty};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::screen::Screen;

/// Hold on to what there is, before anything is done to a database in place
///
/// A dump and a baseline, as of a backup, of whatever can be read: what is broken, and
/// what the role may not read, is left out and told. It is never picked as a backup by
/// itself, and never pruned. Exit code 3 if something could not be had.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore salvage --to salvage/
  drcore salvage --to s3://paycraft-backups")]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: DatabaseArguments,
    #[command(flatten)]
    plan: PlanArguments,
    #[command(flatten)]
    content: ContentArguments,
    /// A directory, which is made if it is not there, or a repository of backups
    #[arg(long, value_name = "DIRECTORY|REPOSITORY", env = "DRCORE_REPOSITORY", value_parser = not_empty)]
    to: String,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    let Prepared { url, mut options, display } =
        arguments.database.prepare(&arguments.plan, None, &[], screen)?;
    arguments.content.apply(&mut options);
    let taken = Box::pin(drcore::backup::salvage(&url, &arguments.to, &TakeOptions::of(&options))).await?;
    drop(display);
    let code = taken.exit_code();
    screen.incident.verdict(if code == 0 { "salvaged" } else { "salvaged in part" });
    let mut delivery = Delivery::new(screen);
    delivery.print(&match arguments.format {
        Format::Json => taken.to_json()? + "\n",
        Format::Text => format!("{}exit {code}\n", taken.to_text()),
    });
    Ok(delivery.end(code))
}
