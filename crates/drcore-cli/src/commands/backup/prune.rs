//! `drcore backup prune`

use drcore::backup::{PruneOptions, PrunePlan};
use drcore::plan::Span;

use super::RepositoryArguments;
use crate::commands::shared::Format;
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::screen::Screen;

/// Print which backups are too old; remove those that were reviewed
///
/// Never removed are the newest that can be restored from, the newest that was
/// verified, salvages, and, unless asked, dumps that others made. What was begun and
/// never finished goes too. Removing needs the digest of the plan that was reviewed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore backup prune s3://paycraft-backups --keep 30d
  drcore backup prune s3://paycraft-backups --keep 30d --apply 7c1e04b2
  drcore backup prune /var/backups/app --keep-last 14")]
pub(crate) struct Arguments {
    #[command(flatten)]
    repository: RepositoryArguments,
    /// Keep what is no older, such as 30d; without any of the two, [backups] keep of
    /// the plan
    #[arg(long, value_name = "TIME", value_parser = Span::parse)]
    keep: Option<Span>,
    /// Keep so many, the newest
    #[arg(long, value_name = "NUMBER")]
    keep_last: Option<usize>,
    /// Let dumps go too that others made
    #[arg(long)]
    foreign: bool,
    /// Remove what the plan of this digest names
    #[arg(long, value_name = "DIGEST")]
    apply: Option<String>,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    let (repository, section) = arguments.repository.open()?;
    let mut options = PruneOptions::default();
    // The plan's, where nothing else says what stays.
    let planned = section.keep.filter(|_| arguments.keep_last.is_none());
    options.keep = arguments.keep.or(planned).map(Into::into);
    options.keep_last = arguments.keep_last;
    options.foreign = arguments.foreign;
    let plan = PrunePlan::of(&repository, &options).await?;
    screen.incident.planned(&plan.digest);
    let mut delivery = Delivery::new(screen);
    let Some(digest) = &arguments.apply else {
        screen.incident.verdict("planned");
        delivery.print(&match arguments.format {
            Format::Json => plan.to_json()? + "\n",
            Format::Text if plan.remove.is_empty() => plan.to_text(),
            Format::Text => {
                format!("{}apply    the same command with --apply {}\n", plan.to_text(), plan.digest)
            }
        });
        return Ok(delivery.end(0));
    };
    plan.expect(digest)?;
    let pruned = plan.execute(&repository).await?;
    screen.incident.verdict("removed");
    delivery.print(&match arguments.format {
        Format::Json => pruned.to_json()? + "\n",
        Format::Text => pruned.to_text(),
    });
    Ok(delivery.end(0))
}
