//! `drcore init`

use std::path::PathBuf;

use drcore::{Error, ErrorKind, VerifyOptions};

use super::shared::DatabaseArguments;
use crate::fault::Fault;
use crate::output;
use crate::screen::Screen;

/// Write a commented plan from what a database is like
///
/// Looks at the catalog only. The plan writes down what it sees, damage
/// included: begin with a database that is well, and read every line.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore init > drcore.toml
  drcore init postgresql://me@db.example.com/app -o drcore.toml")]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: DatabaseArguments,
    /// Where it is written, instead of standard output; must not be there yet
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    if let Some(path) = &arguments.output {
        if path.try_exists().unwrap_or(true) {
            let error = Error::new(ErrorKind::Usage, format!("{} is there already", path.display()));
            return Err(Fault::usage(
                error.hint("A plan that somebody wrote is not replaced: choose another name."),
            ));
        }
        output::check_writable(path).map_err(Fault::usage)?;
    }
    let url = arguments.database.url(screen)?;
    let mut options = VerifyOptions::default();
    arguments.database.limit(&mut options.plan);
    let (collect, display) = arguments.database.collecting(screen);
    options.collect = collect;
    let plan = drcore::init(&url, &options).await?;
    drop(display);
    match &arguments.output {
        Some(path) => {
            output::write_public(path, &plan).map_err(Fault::unwritten)?;
            screen.incident.wrote(path);
        }
        None => screen.print(&plan)?,
    }
    screen.warn("the plan writes down what the database is like now, damage included: read every line");
    Ok(0)
}
