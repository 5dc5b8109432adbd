//! `drcore gap`

use std::path::{Path, PathBuf};

use drcore::gap::GapOptions;
use drcore::plan::{ColumnName, TableName};
use drcore::{Error, ErrorKind};
use jiff::Timestamp;

use super::shared::{DatabaseArguments, Format, PlanArguments, keep_apart};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::output;
use crate::screen::Screen;

/// Count what came after an instant: what a restore to it loses, and whose
///
/// Ask a database that still knows: the old one, a replica, a salvaged copy. The
/// restored copy has no newer row, and is told so. Tables without a column that
/// says when a row was created are listed as not covered.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore gap --since 2026-11-20T02:00:00Z --tenant-column tenant_id
  drcore gap \"$OLD_URL\" --since 2026-11-20T02:00:00Z -t invoices -t time_logs")]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: DatabaseArguments,
    #[command(flatten)]
    plan: PlanArguments,
    /// The instant that was restored to, with its offset
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    since: Timestamp,
    /// The column that says which tenant a row belongs to; else the plan's
    #[arg(long, value_name = "COLUMN")]
    tenant_column: Option<String>,
    /// Only these tables; repeats, or separated by commas
    #[arg(short, long = "table", value_name = "TABLE", value_delimiter = ',', value_parser = TableName::parse)]
    tables: Vec<TableName>,
    /// Columns that say when a row was created, where created_at and the like do
    /// not; repeats: proposals.sent_at
    #[arg(long = "column", value_name = "TABLE.COLUMN", value_delimiter = ',', value_parser = ColumnName::parse)]
    columns: Vec<ColumnName>,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
    /// Write it here too: .txt or .json; repeats
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    for path in &arguments.output {
        is_json(path).map_err(Fault::usage)?;
        output::check_writable(path).map_err(Fault::usage)?;
    }
    let url = arguments.database.url(screen)?;
    let mut options = GapOptions::new(arguments.since);
    options.plan = arguments.plan.load()?;
    keep_apart(options.plan.source(), &arguments.output)?;
    arguments.database.limit(&mut options.plan);
    options.tenant_column = arguments.tenant_column;
    options.tables = arguments.tables;
    options.columns = arguments.columns;
    let (collect, display) = arguments.database.collecting(screen);
    options.collect = collect;
    let gap = Box::pin(drcore::gap::gap(&url, &options)).await?;
    drop(display);
    screen.incident.read(&gap.run);
    screen.incident.verdict(gap.verdict.as_str());
    let json = gap.to_json()? + "\n";
    let text = gap.to_text();
    let mut delivery = Delivery::new(screen);
    for path in &arguments.output {
        let shown = if is_json(path).map_err(Fault::usage)? { &json } else { &text };
        delivery.file(path, Ok(shown.clone()));
    }
    delivery.print(match arguments.format {
        Format::Json => &json,
        Format::Text => &text,
    });
    Ok(delivery.end(gap.exit_code()))
}

fn is_json(path: &Path) -> Result<bool, Error> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => Ok(true),
        Some("txt") => Ok(false),
        _ => Err(Error::new(ErrorKind::Usage, format!("{} says no format of a gap", path.display()))
            .hint("The extension chooses it: .txt or .json.")),
    }
}

fn parse_instant(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "expected an instant with its offset, such as 2026-11-20T02:00:00Z".to_owned())
}
