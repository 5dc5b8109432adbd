//! `drcore drill`

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::FalseyValueParser;
use drcore::drill::{Drill, DrillReport, SampleOptions};
use drcore::report::TextOptions;
use drcore::{Error, ErrorKind};

use super::shared::Format;
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::screen::Screen;
use crate::{interrupt, output};

/// Rehearse: back up, lose, restore, verify, repair, verify again
///
/// With --sample on a database that it makes itself, in a throw-away PostgreSQL
/// on this machine; nothing of yours is touched, and nothing is left. The restore
/// goes wrong on purpose: the copy must be FAILED, and what can be repaired is.
///
/// Exit code 0 if all that was broken was found and all that can be repaired
/// was; 1 if drcore missed something.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore drill --sample
  drcore drill --sample --seed 7 -o drill.json -o drill.md
  drcore drill --sample --keep     then try verify and repair on it")]
pub(crate) struct Arguments {
    /// On a sample: a multi-tenant application in the shape of Supabase's
    #[arg(long, required = true)]
    sample: bool,
    /// Decides which tables, rows and tenants are hit
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Keep the databases until Ctrl-C, and say how to reach them
    #[arg(long)]
    keep: bool,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
    /// Write it here too; repeats. The extension chooses the format: .json, .txt,
    /// or .md for the row of the drill log
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
    /// The reports of verify in full, before and after the repair
    #[arg(short, long, env = "DRCORE_VERBOSE", value_parser = FalseyValueParser::new())]
    verbose: bool,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    for path in &arguments.output {
        form(path).map_err(Fault::usage)?;
        output::check_writable(path).map_err(Fault::usage)?;
    }
    let cancel = interrupt::token_with(screen, "stopping: ending the databases and removing them");
    let mut options = SampleOptions::default();
    options.seed = arguments.seed;
    options.keep = arguments.keep;
    options.operator = std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).ok();
    options.cancel = cancel.clone();
    if std::io::stderr().is_terminal() {
        let screen = screen.clone();
        options.progress = Some(Arc::new(move |step| screen.note(step.label())));
    }
    let drill = Box::pin(drcore::drill::sample(&options)).await?;
    screen.incident.read(&drill.report.after.run.evidence);
    screen.incident.verdict(if drill.report.passed { "passed" } else { "failed" });
    screen.incident.planned(&drill.report.repair.digest);
    let mut delivery = Delivery::new(screen);
    for path in &arguments.output {
        delivery.file(path, form(path).and_then(|form| form.text(&drill.report)));
    }
    delivery.print(&show(&arguments, &drill.report, screen)?);
    if arguments.keep {
        delivery.print(&how_to_reach(&drill));
        cancel.cancelled().await;
    }
    Ok(delivery.end(drill.report.exit_code()))
}

/// What a file is written as.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Row,
    Text,
}

fn form(path: &Path) -> Result<Form, Error> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => Ok(Form::Json),
        Some("md") => Ok(Form::Row),
        Some("txt") => Ok(Form::Text),
        _ => {
            let message = format!("{} says no format that a drill is written in", path.display());
            Err(Error::new(ErrorKind::Usage, message).hint("The extension chooses it: .json, .md or .txt."))
        }
    }
}

impl Form {
    fn text(self, report: &DrillReport) -> Result<String, Error> {
        match self {
            Self::Json => Ok(report.to_json()? + "\n"),
            Self::Row => Ok(report.row.to_markdown_table()),
            Self::Text => Ok(report.to_text()),
        }
    }
}

fn show(arguments: &Arguments, report: &DrillReport, screen: &Screen) -> Result<String, Error> {
    if arguments.format == Format::Json {
        return Ok(report.to_json()? + "\n");
    }
    let mut text = String::new();
    if arguments.verbose {
        let mut options = TextOptions::default();
        options.width = screen.width;
        options.color = screen.color;
        options.verbose = true;
        for (title, report) in [("before the repair", &report.before), ("after the repair", &report.after)] {
            text.push_str(&format!("verify, {title}\n{}\n", report.to_text(options)));
        }
        text.push_str(&format!("{}\n", report.repair.to_text()));
    }
    text.push_str(&report.to_text());
    text.push_str(&format!("exit {}\n", report.exit_code()));
    Ok(text)
}

fn how_to_reach(drill: &Drill) -> String {
    let damaged = drill.damaged_url();
    let baseline = drill.baseline_file();
    format!(
        "\nKept until Ctrl-C\n  source    {}\n  damaged   {damaged}\n  repaired  {}\n  baseline  {}\n\
         From another terminal\n  export DATABASE_URL={damaged}\n  export DRCORE_AGAINST={}\n  \
         drcore verify\n  drcore repair\n",
        drill.source_url(),
        drill.restored_url(),
        baseline.display(),
        baseline.display(),
    )
}
