//! `drcore storage`

use std::io::Write;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};
use drcore::plan::Span;
use drcore::report::TextOptions;
use drcore::storage::{AuditOptions, StorageReport, StorageRow};
use drcore::{Error, VerifyOptions};

use super::shared::{DatabaseArguments, Format, PlanArguments, StoreArguments, keep_apart};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::output;
use crate::screen::Screen;
use crate::table::{self, Form};

/// The files of Supabase Storage
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drcore storage audit --store s3://storage-backend --tenant stub
  drcore storage audit --store supabase://REF -o files.ndjson")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Audit(Box<Audit>),
}

/// Compare rows with bytes, and list every file that something is wrong with
///
/// Rows without bytes, bytes without rows, files of another size or checksum: as
/// the check storage_orphans, with every file in a file of its own. Nothing is
/// written to the database or the store. Exit code 0 passed, 1 failed, 3 unproven.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  drcore storage audit --store s3://storage-backend --tenant stub
  drcore storage audit --store file:///var/lib/storage --checksums
  drcore storage audit --store supabase://REF --probe 3000 -o files.ndjson")]
struct Audit {
    #[command(flatten)]
    database: DatabaseArguments,
    #[command(flatten)]
    plan: PlanArguments,
    #[command(flatten)]
    store: StoreArguments,
    /// Compare checksums too; of a directory, every file is read for it
    #[arg(long)]
    checksums: bool,
    /// Ask for so many objects, chosen at random, where they can only be asked for
    /// one by one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    probe: Option<u64>,
    /// Note answers there while objects are asked for one by one, and go on from there
    /// if an earlier audit was interrupted; gone once one came to its end
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// How long a file lies there without a row before it counts
    #[arg(long, value_name = "DURATION", value_parser = Span::parse)]
    settle: Option<Span>,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
    /// Write it here too; repeats. The extension chooses the format: .json or
    /// .txt; .ndjson or .csv for every file that something is wrong with
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
    /// All buckets, and more files of each thing that is wrong
    #[arg(short, long, env = "DRCORE_VERBOSE", value_parser = FalseyValueParser::new())]
    verbose: bool,
}

/// The first line of a table.
const HEAD: &str = "problem,bucket,name,version,bytes,modified,detail\r\n";

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    match arguments.verb {
        Verb::Audit(arguments) => audit(*arguments, screen).await,
    }
}

async fn audit(arguments: Audit, screen: &Screen) -> Result<u8, Fault> {
    let mut outputs = Vec::new();
    for path in &arguments.output {
        outputs.push((path, Form::of(path, "an audit", "file").map_err(Fault::usage)?));
        output::check_writable(path).map_err(Fault::usage)?;
    }
    let url = arguments.database.url(screen)?;
    let mut verify = VerifyOptions::default();
    verify.plan = arguments.plan.load()?;
    keep_apart(verify.plan.source(), &arguments.output)?;
    arguments.database.limit(&mut verify.plan);
    let (collect, display) = arguments.database.collecting(screen);
    verify.collect = collect;
    arguments.store.apply(&mut verify)?;
    let mut options = AuditOptions::default();
    options.plan = verify.plan;
    options.collect = verify.collect;
    options.resume = arguments.resume;
    if arguments.checksums || arguments.probe.is_some() || arguments.settle.is_some() {
        let section = options.plan.storage_orphans.get_or_insert_default();
        section.checksums |= arguments.checksums;
        section.probe = arguments.probe.or(section.probe);
        section.settle = arguments.settle.or(section.settle);
    }
    let report = Box::pin(drcore::storage::audit(&url, &options)).await?;
    drop(display);
    screen.incident.read(&report.run);
    screen.incident.verdict(report.verdict.as_str());
    let json = report.to_json()? + "\n";
    let mut text = TextOptions::default();
    text.verbose = arguments.verbose;
    let mut delivery = Delivery::new(screen);
    for (path, form) in outputs {
        match form {
            Form::Json => delivery.file(path, Ok(json.clone())),
            Form::Text => delivery.file(path, Ok(report.to_text(text))),
            Form::Rows => delivery.streamed(path, |file| rows(&report, file, StorageRow::to_json_line)),
            Form::Table => delivery.streamed(path, |file| {
                file.write_all(HEAD.as_bytes())?;
                rows(&report, file, record)
            }),
        }
    }
    text.width = screen.width;
    text.color = screen.color;
    match arguments.format {
        Format::Json => delivery.print(&json),
        Format::Text => delivery.print(&report.to_text(text)),
    }
    Ok(delivery.end(report.exit_code()))
}

/// Writes every file that something is wrong with.
fn rows(
    report: &StorageReport,
    file: &mut dyn Write,
    line: impl Fn(&StorageRow) -> Result<String, Error>,
) -> Result<(), Error> {
    for row in report.rows()? {
        writeln!(file, "{}", line(&row?)?)?;
    }
    Ok(())
}

fn record(row: &StorageRow) -> Result<String, Error> {
    let columns = ["problem", "bucket", "name", "version", "bytes", "modified", "detail"];
    table::record(&row.to_json_line()?, &columns)
}
