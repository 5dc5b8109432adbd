//! `drcore scratch`

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;

use drcore::drill;
use drcore::restore::{Recipe, ScratchCluster, ScratchOptions};
use drcore::{Error, ErrorKind};

use crate::fault::Fault;

/// The database that a command without --sample gets.
const EMPTY: &str = "scratch";

/// Run a command with a throw-away database (in `DATABASE_URL`)
///
/// The database has a PostgreSQL server of its own, which listens on a private
/// socket and is gone when the command ends, however it ends. The exit code is
/// the command's.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore scratch --sample -- drcore verify
  drcore scratch --supabase -- drcore restore backup.dump --against baseline.json
  drcore scratch -- sh -c 'pg_restore -d \"$DATABASE_URL\" backup.dump;
      drcore verify --against baseline.json'")]
pub(crate) struct Arguments {
    /// The sample: a small software business on Supabase; else an empty database
    #[arg(long)]
    sample: bool,
    /// A fresh Supabase project: its roles, login and storage, and what stands in for
    /// its extensions
    #[arg(long, conflicts_with = "sample")]
    supabase: bool,
    /// The major version of PostgreSQL, such as 17; else whichever is found
    #[arg(long, value_name = "N", conflicts_with = "sample")]
    major: Option<u32>,
    /// What to run
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments) -> Result<u8, Fault> {
    let (url, cluster) =
        if arguments.sample { drill::sample_database().await? } else { empty(&arguments).await? };
    let code = command(&arguments.command, &url).await?;
    cluster.stop()?;
    Ok(code)
}

async fn empty(arguments: &Arguments) -> Result<(String, ScratchCluster), Error> {
    let mut options = ScratchOptions::default();
    options.major = arguments.major;
    options.recipe = if arguments.supabase { Recipe::Supabase } else { Recipe::Plain };
    let cluster = ScratchCluster::start(options).await?;
    cluster.create_database(EMPTY).await?;
    Ok((cluster.url(EMPTY), cluster))
}

async fn command(command: &[OsString], url: &str) -> Result<u8, Error> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Error::new(ErrorKind::Usage, "no command was given"));
    };
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .env("DATABASE_URL", url)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            Error::new(ErrorKind::Tool, "cannot run the command")
                .context("command", program.to_string_lossy())
                .caused_by(error)
        })?;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            // The command hears a Ctrl-C itself, and decides.
            Ok(()) = tokio::signal::ctrl_c() => {}
        }
    };
    // As a shell says it: 128 and the signal that ended the command.
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    Ok(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}
