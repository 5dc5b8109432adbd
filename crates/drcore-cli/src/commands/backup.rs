//! `drcore backup`

mod list;
mod prune;
mod take;
mod verify;

use clap::Subcommand;
use drcore::backup::Repository;
use drcore::plan::Backups;
use drcore::{Error, ErrorKind};

use super::shared::{PlanArguments, not_empty};
use crate::fault::Fault;
use crate::screen::Screen;

/// A repository of backups: take, list, verify, prune
///
/// A backup is a dump, the baseline of the same snapshot, and a manifest that is
/// written last: without it there is no backup. Dumps that others made are listed
/// too, and can be picked.
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  drcore backup take --to s3://paycraft-backups
  drcore backup list s3://paycraft-backups
  drcore backup verify s3://paycraft-backups
  drcore explain repository")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Take(Box<take::Arguments>),
    List(list::Arguments),
    Prune(prune::Arguments),
    Verify(verify::Arguments),
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    match arguments.verb {
        Verb::Take(arguments) => take::run(*arguments, screen).await,
        Verb::List(arguments) => list::run(&arguments, screen).await,
        Verb::Prune(arguments) => prune::run(arguments, screen).await,
        Verb::Verify(arguments) => verify::run(arguments, screen).await,
    }
}

/// Which repository.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, clap::Args)]
pub(crate) struct RepositoryArguments {
    /// s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or a directory
    ///
    /// Keys are read from the environment: AWS_ENDPOINT_URL, AWS_REGION,
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for s3 (R2 and others too),
    /// GOOGLE_APPLICATION_CREDENTIALS, AZURE_STORAGE_ACCOUNT_NAME and _KEY.
    ///
    /// Without it, that of [backups] in the plan.
    #[arg(value_name = "REPOSITORY", env = "DRCORE_REPOSITORY", value_parser = not_empty)]
    repository: Option<String>,
    #[command(flatten)]
    plan: PlanArguments,
}

impl RepositoryArguments {
    /// The repository, of which nothing is asked yet; and the section of the plan about it.
    pub(crate) fn open(&self) -> Result<(Repository, Backups), Fault> {
        let section = self.plan.load()?.backups.unwrap_or_default();
        let url = repository(self.repository.as_deref(), &section)?;
        Ok((Repository::open(&url).map_err(Fault::usage)?, section))
    }
}

/// The repository that was named, else the plan's.
pub(crate) fn repository(named: Option<&str>, section: &Backups) -> Result<String, Fault> {
    named.map(str::to_owned).or_else(|| section.repository.clone()).ok_or_else(|| {
        let error = Error::new(ErrorKind::Usage, "no repository was named");
        Fault::usage(
            error.hint("Give its URL, set DRCORE_REPOSITORY, or write [backups] repository into the plan."),
        )
    })
}
