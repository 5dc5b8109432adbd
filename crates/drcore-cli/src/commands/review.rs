//! `drcore review`

use std::path::PathBuf;

use drcore::{Error, ErrorKind, review};

use super::shared::keep_apart;
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::output;
use crate::screen::Screen;

/// Begin the review of an incident, in Markdown, from what was recorded
///
/// RECORD is what drill, restore, repair, verify or gap wrote with -o FILE.json; give
/// all that there is of an incident, in any order. Times, objectives, findings, what
/// was done and what was lost are filled in; every place that only people can fill
/// says TO WRITE. Without -o it goes to standard output.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore review restored.json gap.json report.json -o review.md
  drcore review drill.json")]
pub(crate) struct Arguments {
    /// What was recorded, as JSON; repeats
    #[arg(value_name = "RECORD", required = true)]
    records: Vec<PathBuf>,
    /// Write it here, as .md. A file that is there already is never written over:
    /// people write in it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs it. Gives the exit code.
pub(crate) fn run(arguments: &Arguments, screen: &Screen) -> Result<u8, Fault> {
    if let Some(path) = &arguments.output {
        may_be_written(path).map_err(Fault::usage)?;
        for record in &arguments.records {
            keep_apart(record.to_str(), std::slice::from_ref(path))?;
        }
    }
    let text = review::<&str, _>(&[], &arguments.records).map_err(Fault::usage)?;
    let mut delivery = Delivery::new(screen);
    match &arguments.output {
        Some(path) => delivery.file(path, Ok(text)),
        None => delivery.print(&text),
    }
    Ok(delivery.end(0))
}

fn may_be_written(path: &std::path::Path) -> Result<(), Error> {
    if path.extension().is_none_or(|extension| extension != "md") {
        let message = format!("{} is no Markdown", path.display());
        return Err(Error::new(ErrorKind::Usage, message).hint("A review is written as .md."));
    }
    // Also where it cannot be told.
    if path.try_exists().unwrap_or(true) {
        let message = format!("{} is there already: what people wrote in it would be lost", path.display());
        return Err(
            Error::new(ErrorKind::Usage, message).hint("Give -o another name, or move the file away.")
        );
    }
    output::check_writable(path)
}
