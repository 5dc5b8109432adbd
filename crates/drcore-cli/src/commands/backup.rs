//! `drcore backup`

mod list;
mod prune;
mod take;

use clap::Subcommand;
use drcore::backup::Repository;

use super::shared::not_empty;
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
  drcore explain backups")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Take(Box<take::Arguments>),
    List(list::Arguments),
    Prune(prune::Arguments),
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    match arguments.verb {
        Verb::Take(arguments) => take::run(*arguments, screen).await,
        Verb::List(arguments) => list::run(&arguments, screen).await,
        Verb::Prune(arguments) => prune::run(arguments, screen).await,
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
    #[arg(value_name = "REPOSITORY", env = "DRCORE_REPOSITORY", value_parser = not_empty)]
    repository: String,
}

impl RepositoryArguments {
    /// The repository; nothing is asked of it yet.
    pub(crate) fn open(&self) -> Result<Repository, Fault> {
        Repository::open(&self.repository).map_err(Fault::usage)
    }
}
