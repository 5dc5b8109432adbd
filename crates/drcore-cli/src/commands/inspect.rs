//! `drcore inspect`

use std::path::{Path, PathBuf};

use clap::builder::FalseyValueParser;
use drcore::archive::{ArchiveInput, InspectOptions, Inspection};
use drcore::report::TextOptions;
use drcore::{Against, Error, ErrorKind};

use super::shared::{Format, keep_apart, not_empty};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::interrupt;
use crate::output;
use crate::screen::Screen;

/// Read a dump without a server: whether it is whole, and rows per table
///
/// Reads what pg_dump and pg_dumpall write: custom, directory, tar and plain SQL,
/// also where it was compressed as a whole (.gz, .zst, .lz4). Rows are counted
/// from the data. Exit code 0 whole, 1 damaged or other than the baseline, 3
/// could not tell; drcore explain inspect says what that proves.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore inspect backup.dump
  drcore inspect backup.dump --against baseline.json -o inspection.json
  drcore inspect today.dump --against yesterday.dump
  drcore inspect s3://paycraft-backups/2026/11/20
  gpg -d backup.dump.gpg | drcore inspect -")]
pub(crate) struct Arguments {
    /// The dump: a file, the directory of pg_dump -Fd, the URL of a backup or of a
    /// repository (its newest one), or - for standard input
    #[arg(value_name = "FILE|URL|-", value_parser = not_empty)]
    archive: String,
    /// Compare rows per table with a baseline of the snapshot that was dumped, or
    /// the rows themselves with another dump; of a backup by its URL, the baseline
    /// beside it unless this names another
    #[arg(long, value_name = "FILE|URL", value_parser = not_empty)]
    against: Option<String>,
    /// Read the table of contents only: whether the data is whole nobody knows
    /// then
    #[arg(long)]
    no_data: bool,
    /// Hash the rows of each table, so that two dumps can be compared
    #[arg(long)]
    fingerprints: bool,
    /// Show the whole table of contents
    #[arg(long)]
    list: bool,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
    /// Write it here too; repeats. The extension chooses the format: .json, .md or
    /// .txt
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
    /// All tables, and all names
    #[arg(short, long, env = "DRCORE_VERBOSE", value_parser = FalseyValueParser::new())]
    verbose: bool,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Markdown,
    Text,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    let mut outputs = Vec::new();
    for path in &arguments.output {
        outputs.push((path, form(path).map_err(Fault::usage)?));
        output::check_writable(path).map_err(Fault::usage)?;
    }
    for input in [Some(arguments.archive.as_str()), arguments.against.as_deref()] {
        keep_apart(input, &arguments.output)?;
    }
    let mut options = InspectOptions::default();
    options.data = !arguments.no_data;
    options.fingerprints = arguments.fingerprints;
    options.list = arguments.list;
    options.cancel = interrupt::token_with(screen, "stopping; Ctrl-C again to kill");
    if let Some(baseline) = &arguments.against {
        options.against = Some(Against::parse(baseline));
    }
    let input = match arguments.archive.as_str() {
        "-" => ArchiveInput::stdin(),
        text => ArchiveInput::parse(text).map_err(Fault::usage)?,
    };
    let inspection = drcore::inspect(input, &options).await?;
    screen.incident.verdict(inspection.verdict.as_str());
    deliver(&inspection, outputs, &arguments, screen)
}

fn deliver(
    inspection: &Inspection,
    outputs: Vec<(&PathBuf, Form)>,
    arguments: &Arguments,
    screen: &Screen,
) -> Result<u8, Fault> {
    let mut text = TextOptions::default();
    text.verbose = arguments.verbose;
    let json = inspection.to_json()? + "\n";
    let mut delivery = Delivery::new(screen);
    for (path, form) in outputs {
        delivery.file(
            path,
            Ok(match form {
                Form::Json => json.clone(),
                Form::Markdown => inspection.to_markdown(),
                Form::Text => inspection.to_text(text),
            }),
        );
    }
    text.width = screen.width;
    text.color = screen.color;
    match arguments.format {
        Format::Json => delivery.print(&json),
        Format::Text => delivery.print(&inspection.to_text(text)),
    }
    Ok(delivery.end(inspection.exit_code()))
}

fn form(path: &Path) -> Result<Form, Error> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => Ok(Form::Json),
        Some("md") => Ok(Form::Markdown),
        Some("txt") => Ok(Form::Text),
        _ => Err(Error::new(ErrorKind::Usage, format!("{} says no format of an inspection", path.display()))
            .hint("The extension chooses it: .json, .md or .txt.")),
    }
}
