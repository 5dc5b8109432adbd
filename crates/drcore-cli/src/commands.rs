//! The commands, one file each.
//!
//! Adding one: `commands/<verb>.rs` with `Arguments` and `run`, a `mod` line, and a line in [`Command`].

mod backup;
mod baseline;
mod collect;
mod copy;
mod diff;
mod drill;
mod explain;
mod gap;
mod init;
mod inspect;
mod judge;
mod limits;
mod markdown;
mod merge;
mod platform;
mod repair;
mod restore;
mod review;
mod salvage;
mod schema;
mod scratch;
mod shared;
mod storage;
mod verify;

use std::ffi::OsString;

pub(crate) use explain::explain;

use clap::{Parser, Subcommand};
use drcore::connect::Dsn;
use drcore::evidence::PasswordFrom;

use crate::fault::Fault;
use crate::incident::IncidentArguments;
use crate::log::LogArguments;
use crate::screen::{STYLES, Screen};

/// Proves that a PostgreSQL or Supabase restore is good, tells what was lost
/// and for whom, and puts it right.
#[derive(Debug, Parser)]
#[command(
    name = "drcore",
    version,
    styles = STYLES,
    max_term_width = 80,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Exit codes: 0 passed, 1 failed, 2 wrong usage or plan, 3 unproven,
            130 interrupted. Treat any other as failed.

Examples:
  drcore baseline -o baseline.json         before, beside the backup
  drcore verify --against baseline.json    after the restore
  drcore repair --against baseline.json    what puts it right, for review
  drcore drill --sample                    see all of it on a sample
  drcore explain row_counts"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) log: LogArguments,
    #[command(flatten)]
    pub(crate) incident: IncidentArguments,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Verify(Box<verify::Arguments>),
    Baseline(baseline::Arguments),
    Backup(backup::Arguments),
    Explain(explain::Arguments),
    Copy(Box<copy::Arguments>),
    Diff(Box<diff::Arguments>),
    Gap(Box<gap::Arguments>),
    Init(init::Arguments),
    Inspect(inspect::Arguments),
    Judge(judge::Arguments),
    Collect(collect::Arguments),
    Merge(merge::Arguments),
    Schema(schema::Arguments),
    Platform(Box<platform::Arguments>),
    Repair(Box<repair::Arguments>),
    Restore(Box<restore::Arguments>),
    Review(review::Arguments),
    Salvage(Box<salvage::Arguments>),
    Drill(drill::Arguments),
    Scratch(scratch::Arguments),
    Storage(storage::Arguments),
}

impl Command {
    /// Runs it. Gives the exit code.
    pub(crate) async fn run(self, screen: &Screen) -> Result<u8, Fault> {
        match self {
            Self::Verify(arguments) => verify::run(*arguments, screen).await,
            Self::Baseline(arguments) => baseline::run(arguments, screen).await,
            Self::Backup(arguments) => backup::run(arguments, screen).await,
            Self::Explain(arguments) => explain::run(&arguments, screen),
            Self::Copy(arguments) => copy::run(*arguments, screen).await,
            Self::Diff(arguments) => diff::run(*arguments, screen).await,
            Self::Gap(arguments) => gap::run(*arguments, screen).await,
            Self::Init(arguments) => init::run(arguments, screen).await,
            Self::Inspect(arguments) => inspect::run(arguments, screen).await,
            Self::Judge(arguments) => judge::run(arguments, screen).await,
            Self::Collect(arguments) => collect::run(arguments, screen).await,
            Self::Merge(arguments) => merge::run(&arguments, screen),
            Self::Schema(arguments) => schema::run(&arguments, screen),
            Self::Platform(arguments) => platform::run(*arguments, screen).await,
            Self::Repair(arguments) => repair::run(*arguments, screen).await,
            Self::Restore(arguments) => restore::run(*arguments, screen).await,
            Self::Review(arguments) => review::run(&arguments, screen),
            Self::Salvage(arguments) => salvage::run(*arguments, screen).await,
            Self::Drill(arguments) => drill::run(arguments, screen).await,
            Self::Scratch(arguments) => scratch::run(arguments).await,
            Self::Storage(arguments) => storage::run(arguments, screen).await,
        }
    }
}

/// Warns, once, of a password that everybody on the machine can read.
pub(crate) fn warn_of_passwords(arguments: &[OsString], screen: &Screen) {
    let has_password = |argument: &OsString| {
        let text = argument.to_str().unwrap_or_default();
        let text = text.strip_prefix("--against=").unwrap_or(text);
        let may_be_dsn = text.contains("://") || text.contains('=');
        let dsn = may_be_dsn.then(|| Dsn::parse(text).ok()).flatten();
        dsn.is_some_and(|dsn| dsn.password_from() == Some(PasswordFrom::ConnectionString))
    };
    if arguments.iter().skip(1).any(has_password) {
        screen.warn(
            "every user of this machine can read the password on the command line; \
             set DATABASE_URL or PGPASSWORD instead",
        );
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_fits_80_columns_and_every_command_has_an_example() {
        let mut cli = Cli::command();
        cli.build();
        let mut pages = vec![("drcore".to_owned(), cli.render_long_help().to_string())];
        for command in cli.get_subcommands_mut() {
            pages.push((command.get_name().to_owned(), command.render_long_help().to_string()));
        }
        for (name, help) in pages {
            assert!(help.contains("Examples:\n  "), "{name} has no example:\n{help}");
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{name}: {line:?}");
            }
        }
    }
}
