//! `drcore backup list`

use super::RepositoryArguments;
use crate::commands::shared::Format;
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::screen::Screen;

/// What a repository holds: ages, sizes, gaps, and what is wrong
///
/// Exit code 1 if nothing of it could be restored from.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore backup list s3://paycraft-backups
  drcore backup list /var/backups/app --format json")]
pub(crate) struct Arguments {
    #[command(flatten)]
    repository: RepositoryArguments,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: &Arguments, screen: &Screen) -> Result<u8, Fault> {
    let list = arguments.repository.open()?.0.list().await?;
    let code = list.exit_code();
    let mut delivery = Delivery::new(screen);
    delivery.print(&match arguments.format {
        Format::Json => list.to_json()? + "\n",
        Format::Text => list.to_text(),
    });
    Ok(delivery.end(code))
}
