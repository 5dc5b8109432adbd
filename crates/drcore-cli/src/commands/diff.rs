//! `drcore diff`

use std::io::Write;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use drcore::connect::Dsn;
use drcore::diff::{DiffOptions, DiffReport, DiffRow};
use drcore::plan::TableName;
use drcore::report::TextOptions;
use drcore::{Against, Error};

use super::shared::{Format, PlanArguments, ReadingArguments, keep_apart, not_empty};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::output;
use crate::screen::Screen;
use crate::table::{self, Form};

/// Compare two databases, or one with a baseline: which rows or objects differ
///
/// Reads both at the same time, each from one snapshot, and never writes. Says
/// `same` only where every row of every compared table is the same and nothing
/// was left unread. Exit code 0 the same, 1 different, 3 unproven.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore diff \"$SOURCE_URL\" \"$DATABASE_URL\"
  drcore diff baseline.json \"$DATABASE_URL\" -o diff.json
  drcore diff \"$OLD_URL\" \"$NEW_URL\" -t invoices -t time_logs --limit 5
  drcore diff \"$STAGING_URL\" \"$DATABASE_URL\" --structure")]
pub(crate) struct Arguments {
    /// The one side, A: a URL (or host=… dbname=…), or the file of a baseline
    #[arg(value_name = "A", value_parser = not_empty)]
    a: String,
    /// The other side, B; without it DATABASE_URL, then PGHOST and the like
    #[arg(value_name = "B", value_parser = not_empty)]
    b: Option<String>,
    #[command(flatten)]
    reading: ReadingArguments,
    #[command(flatten)]
    plan: PlanArguments,
    /// Only these tables; repeats, or separated by commas
    #[arg(short, long = "table", value_name = "TABLE", value_delimiter = ',', value_parser = TableName::parse)]
    tables: Vec<TableName>,
    /// Not these tables: schema.table or table, where * stands for any text;
    /// repeats. The result lists them
    #[arg(long = "exclude-table", value_name = "PATTERN", value_delimiter = ',', value_parser = not_empty)]
    exclude: Vec<String>,
    /// Compare the structure instead of rows: every table, column, constraint,
    /// index, view, function, trigger and other object, as the catalogs say it
    #[arg(long, conflicts_with_all = ["common_columns", "limit", "values"])]
    structure: bool,
    /// Compare a table whose columns differ by those that both sides have
    #[arg(long)]
    common_columns: bool,
    /// How many rows of each sort a table shows
    #[arg(long, value_name = "N", default_value_t = DiffOptions::LIMIT)]
    limit: usize,
    /// Show the values of rows that differ, on the screen and in files; without it
    /// keys and the names of columns only. What looks like a secret is masked
    #[arg(long)]
    values: bool,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
    /// Write it here too; repeats. The extension chooses the format: .json or
    /// .txt; .ndjson or .csv for every row that differs
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
    /// The names of all tables; whole definitions
    #[arg(short, long, env = "DRCORE_VERBOSE", value_parser = FalseyValueParser::new())]
    verbose: bool,
}

/// The first line of a table.
const HEAD: &str = "table,change,key,times,columns,a,b\r\n";

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    let b = match arguments.b {
        Some(b) => b,
        None => Dsn::from_environment().map_err(Fault::usage)?,
    };
    let mut outputs = Vec::new();
    for path in &arguments.output {
        outputs.push((path, Form::of(path, "a comparison", "row").map_err(Fault::usage)?));
        output::check_writable(path).map_err(Fault::usage)?;
    }
    for side in [&arguments.a, &b] {
        keep_apart(Some(side), &arguments.output)?;
    }
    let (a, b) = (side(&arguments.a, screen)?, side(&b, screen)?);
    let mut options = DiffOptions::default();
    options.plan = arguments.plan.load()?;
    keep_apart(options.plan.source(), &arguments.output)?;
    arguments.reading.limit(&mut options.plan);
    options.tables = arguments.tables;
    options.exclude = arguments.exclude;
    options.common_columns = arguments.common_columns;
    options.limit = arguments.limit;
    options.values = arguments.values;
    options.structure = arguments.structure;
    let (collect, display) = arguments.reading.collecting(screen);
    options.collect = collect;
    let diff = Box::pin(drcore::diff::diff(&a, &b, &options)).await?;
    drop(display);
    screen.incident.read(&diff.b.run);
    screen.incident.verdict(diff.verdict.as_str());
    let mut delivery = Delivery::new(screen);
    let json = diff.to_json_with_values()? + "\n";
    let mut text = TextOptions::default();
    text.verbose = arguments.verbose;
    for (path, form) in outputs {
        match form {
            Form::Json => delivery.file(path, Ok(json.clone())),
            Form::Text => delivery.file(path, Ok(diff.to_text_with_values(text))),
            Form::Rows => delivery.streamed(path, |file| rows(&diff, file, DiffRow::to_json_line)),
            Form::Table => delivery.streamed(path, |file| {
                file.write_all(HEAD.as_bytes())?;
                rows(&diff, file, record)
            }),
        }
    }
    text.width = screen.width;
    text.color = screen.color;
    match arguments.format {
        Format::Json => delivery.print(&json),
        Format::Text => delivery.print(&diff.to_text_with_values(text)),
    }
    Ok(delivery.end(diff.exit_code()))
}

/// One side: what cannot be one is refused before anything runs.
fn side(text: &str, screen: &Screen) -> Result<Against, Fault> {
    let side = Against::parse(text);
    if let Against::Url(url) = &side {
        Dsn::parse(url).map_err(Fault::usage)?;
        screen.incident.reached_by(url);
    }
    Ok(side)
}

/// Writes every row that differs.
fn rows(
    diff: &DiffReport,
    file: &mut dyn Write,
    line: impl Fn(&DiffRow) -> Result<String, Error>,
) -> Result<(), Error> {
    for row in diff.rows()? {
        writeln!(file, "{}", line(&row?)?)?;
    }
    Ok(())
}

fn record(row: &DiffRow) -> Result<String, Error> {
    table::record(&row.to_json_line()?, &["table", "change", "key", "times", "columns", "a", "b"])
}
