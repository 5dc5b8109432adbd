//! `drcore backup verify`

use drcore::backup::{Pick, VerificationOptions, verify};

use super::RepositoryArguments;
use crate::commands::shared::{Format, not_empty};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::interrupt;
use crate::progress::{Display, Style};
use crate::screen::Screen;

/// Look into a backup without restoring it: whether it is whole
///
/// Every byte is read: sums are compared with the manifest's, the dump is read to its
/// end, and the rows of each table are counted in it and compared with the baseline's.
/// Dumps that others made are looked into too. What it shows is recorded beside the
/// backup. Exit code 0 whole, 1 damaged, 3 could not tell.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore backup verify s3://paycraft-backups
  drcore backup verify s3://paycraft-backups --backup 2026-11-20
  drcore backup verify s3://paycraft-backups/2026/11/20/backup-20261120-020000")]
pub(crate) struct Arguments {
    #[command(flatten)]
    repository: RepositoryArguments,
    /// Which: newest, a day, an instant (the newest before it) or a name
    #[arg(long, value_name = "WHICH", value_parser = not_empty)]
    backup: Option<String>,
    /// Write nothing into the repository
    #[arg(long)]
    no_record: bool,
    /// How progress is shown, on standard error
    #[arg(long, value_enum, default_value_t, env = "DRCORE_PROGRESS", hide_possible_values = true)]
    #[arg(value_name = "auto|plain|json|none")]
    progress: Style,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    let pick = arguments.backup.as_deref().map(Pick::parse).transpose().map_err(Fault::usage)?;
    let (repository, entry) = arguments.repository.open()?.0.resolve(pick.as_ref()).await?;
    let display = Display::begin(arguments.progress);
    let mut options = VerificationOptions::default();
    options.record = !arguments.no_record;
    options.cancel = interrupt::token_with(screen, "stopping; Ctrl-C again to kill");
    options.progress = display.listener();
    let verification = verify(&repository, &entry, &options).await?;
    drop(display);
    let code = verification.exit_code();
    screen.incident.verdict(verification.verdict.as_str());
    let mut delivery = Delivery::new(screen);
    delivery.print(&match arguments.format {
        Format::Json => verification.to_json()? + "\n",
        Format::Text => format!("{}exit {code}\n", verification.to_text()),
    });
    Ok(delivery.end(code))
}
