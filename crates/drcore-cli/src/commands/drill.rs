//! `drcore drill`

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::FalseyValueParser;
use drcore::backup::Pick;
use drcore::drill::{
    Drill, DrillRecords, DrillReport, DrillRow, Rehearsal, RehearsalOptions, SampleOptions, Step,
    TrendOptions, logged_in, rehearse,
};
use drcore::report::{TextOptions, terminal};
use drcore::restore::Recipe;
use drcore::{Against, Error, ErrorKind, Report};

use super::shared::{Format, PlanArguments, ReadingArguments, not_empty};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::screen::Screen;
use crate::{interrupt, output};

/// Rehearse a restore: fetch a backup, restore it, verify it, and take the time
///
/// The backup is restored into a throw-away PostgreSQL on this machine, verified
/// against its baseline, and measured by the [objectives] of the plan; nothing of
/// yours is touched, and nothing is left. BACKUP is the URL of a repository, of which
/// the newest is taken, of a day or of one backup, or a file that pg_dump wrote; without
/// it DRCORE_REPOSITORY, or the repository of the plan. Exit code 0 passed, 1 failed, 3 unproven.
///
/// With --record the record is kept in a directory or a repository; --history lists
/// what was recorded there, and whether the newest drill took longer than those
/// before it. Exit code 0 if all of it could be read, else 3.
///
/// With --sample on a database that it makes itself: back up, lose, restore, verify,
/// repair, verify again. The restore goes wrong on purpose: the copy must be FAILED,
/// and what can be repaired is. Exit code 0 if all that was broken was found and all
/// that can be repaired was; 1 if drcore missed something.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore drill s3://backups/production --drill-log drills.md
  drcore drill backup.dump --against baseline.json
  drcore drill s3://backups/production --record s3://backups/production
  drcore drill --history s3://backups/production
  drcore drill --sample
  drcore drill --sample --seed 7 -o drill.json -o drill.md
  drcore drill --sample --keep     then try verify and repair on it")]
pub(crate) struct Arguments {
    /// The URL or directory of a repository (drcore explain repository), or a file that
    /// pg_dump wrote
    #[arg(value_name = "BACKUP", value_parser = not_empty, conflicts_with = "sample")]
    backup: Option<String>,
    /// Which backup of the repository: newest, a day, an instant, or its name
    #[arg(long, value_name = "WHICH", value_parser = not_empty, conflicts_with = "sample")]
    pick: Option<String>,
    /// The baseline to compare it with, where it is not the one beside the backup
    #[arg(long, value_name = "FILE|URL", value_parser = not_empty, conflicts_with = "sample")]
    against: Option<String>,
    #[command(flatten)]
    plan: PlanArguments,
    /// Restore into a fresh Supabase project, whatever the backup looks like
    #[arg(long, conflicts_with = "sample")]
    supabase: bool,
    /// The major version of PostgreSQL, such as 17; else that of the backup
    #[arg(long, value_name = "N", conflicts_with = "sample")]
    major: Option<u32>,
    /// How many sessions restore at once
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    #[arg(conflicts_with = "sample")]
    jobs: Option<u32>,
    /// Add the row to this drill log, a table of Markdown
    #[arg(long, value_name = "FILE")]
    drill_log: Option<PathBuf>,
    /// Keep the record in this directory or repository, below drills/, and say
    /// whether it took longer than before
    #[arg(long, value_name = "PLACE", value_parser = not_empty, conflicts_with = "sample")]
    record: Option<String>,
    /// Rehearse nothing: list the drills that are recorded there
    #[arg(long, value_name = "PLACE", value_parser = not_empty)]
    #[arg(conflicts_with_all = ["sample", "backup", "record", "drill_log", "pick", "against", "supabase", "major", "jobs"])]
    history: Option<String>,
    /// What counts as slower: by more than so many per cent of the median
    #[arg(long, value_name = "PERCENT", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=10_000))]
    slower_by: u32,
    #[command(flatten)]
    reading: ReadingArguments,
    /// On a sample: a multi-tenant application in the shape of Supabase's
    #[arg(long)]
    sample: bool,
    /// Of the sample: decides which tables, rows and tenants are hit
    #[arg(long, value_name = "N", default_value_t = 1, requires = "sample")]
    seed: u64,
    /// Of the sample: keep the databases until Ctrl-C, and say how to reach them
    #[arg(long, requires = "sample")]
    keep: bool,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
    /// Write it here too; repeats. The extension chooses the format: .json, .txt,
    /// or .md for the row of the drill log; with --history .json or .txt
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
    /// The reports of verify in full, before and after the repair
    #[arg(short, long, env = "DRCORE_VERBOSE", value_parser = FalseyValueParser::new())]
    verbose: bool,
}

impl Arguments {
    fn trend(&self) -> TrendOptions {
        let mut options = TrendOptions::default();
        options.slower_by = self.slower_by;
        options
    }
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    for path in &arguments.output {
        if matches!((form(path).map_err(Fault::usage)?, &arguments.history), (Form::Row, Some(_))) {
            let message = format!("{}: a history is written as .json or .txt", path.display());
            return Err(Fault::usage(Error::new(ErrorKind::Usage, message)));
        }
    }
    for path in arguments.output.iter().chain(&arguments.drill_log) {
        output::check_writable(path).map_err(Fault::usage)?;
    }
    match (&arguments.history, arguments.sample) {
        (Some(place), _) => show_history(place, &arguments, screen).await,
        (None, true) => on_sample(&arguments, screen).await,
        (None, false) => on_backup(&arguments, screen).await,
    }
}

async fn show_history(place: &str, arguments: &Arguments, screen: &Screen) -> Result<u8, Fault> {
    let cancel = interrupt::token(screen);
    let records = DrillRecords::open(place).map_err(Fault::usage)?;
    let (options, cancelled) = (arguments.trend(), || Error::new(ErrorKind::Cancelled, "interrupted"));
    let reading = cancel.run_until_cancelled(records.history(&options));
    let history = reading.await.unwrap_or_else(|| Err(cancelled()))?;
    let json = history.to_json()? + "\n";
    let mut delivery = Delivery::new(screen);
    for path in &arguments.output {
        let text = form(path).map(|form| match form {
            Form::Json => json.clone(),
            Form::Row | Form::Text => history.to_text(),
        });
        delivery.file(path, text);
    }
    let code = history.exit_code();
    match arguments.format {
        Format::Json => delivery.print(&json),
        Format::Text => delivery.print(&format!("{}exit {code}\n", history.to_text())),
    }
    Ok(delivery.end(code))
}

async fn on_sample(arguments: &Arguments, screen: &Screen) -> Result<u8, Fault> {
    let cancel = interrupt::token_with(screen, "stopping: ending the databases and removing them");
    let mut options = SampleOptions::default();
    options.seed = arguments.seed;
    options.keep = arguments.keep;
    options.operator = logged_in();
    options.cancel = cancel.clone();
    options.progress = steps(screen);
    let drill = Box::pin(drcore::drill::sample(&options)).await?;
    screen.incident.read(&drill.report.after.run.evidence);
    screen.incident.verdict(if drill.report.passed { "passed" } else { "failed" });
    screen.incident.planned(&drill.report.repair.digest);
    let mut delivery = deliver(arguments, &Record::of_sample(&drill.report)?, screen);
    if arguments.format == Format::Text {
        delivery.print(&format!("exit {}\n", drill.report.exit_code()));
    }
    if arguments.keep {
        delivery.print(&how_to_reach(&drill));
        cancel.cancelled().await;
    }
    Ok(delivery.end(drill.report.exit_code()))
}

async fn on_backup(arguments: &Arguments, screen: &Screen) -> Result<u8, Fault> {
    let mut options = RehearsalOptions::default();
    options.verify.plan = arguments.plan.load()?;
    arguments.reading.limit(&mut options.verify.plan);
    let planned = options.verify.plan.backups.as_ref().and_then(|backups| backups.repository.clone());
    let variable = std::env::var("DRCORE_REPOSITORY").ok().filter(|repository| !repository.is_empty());
    let backup = arguments.backup.clone().or(variable).or(planned).ok_or_else(|| {
        let message = "no backup was named, and the plan names no repository";
        Fault::usage(Error::new(ErrorKind::Usage, message).hint(
            "Name a repository or a dump, set DRCORE_REPOSITORY, or write [backups] repository into the plan; --sample \
             rehearses on a sample.",
        ))
    })?;
    options.verify.against = arguments.against.as_deref().map(Against::parse);
    options.pick = arguments.pick.as_deref().map(Pick::parse).transpose().map_err(Fault::usage)?;
    options.recipe = arguments.supabase.then_some(Recipe::Supabase);
    options.major = arguments.major;
    options.jobs = arguments.jobs;
    options.operator = logged_in();
    let records = arguments.record.as_deref().map(DrillRecords::open).transpose().map_err(Fault::usage)?;
    if let Some(records) = &records {
        // Not after hours: what cannot be listed cannot be written to either.
        records.check().await?;
    }
    let (collect, display) = arguments.reading.collecting(screen);
    options.verify.collect = collect;
    options.progress = steps(screen);
    let rehearsal = Box::pin(rehearse(&backup, &options)).await?;
    drop(display);
    if let Some(report) = rehearsal.report() {
        screen.incident.read(&report.run.evidence);
    }
    screen.incident.verdict(rehearsal.verdict.as_str());
    let (record, code) = (Record::of_backup(&rehearsal)?, rehearsal.exit_code());
    let mut delivery = deliver(arguments, &record, screen);
    if let Some(records) = &records {
        keep_record(records, &rehearsal, arguments, &mut delivery, screen).await;
    }
    if arguments.format == Format::Text {
        delivery.print(&format!("exit {code}\n"));
    }
    Ok(delivery.end(code))
}

/// Writes the record, and says whether it took longer than those before it.
async fn keep_record(
    records: &DrillRecords,
    rehearsal: &Rehearsal,
    arguments: &Arguments,
    delivery: &mut Delivery<'_>,
    screen: &Screen,
) {
    let name = match records.add(rehearsal).await {
        Ok(name) => name,
        Err(error) => return delivery.wrote(Path::new(&records.place()), Err(error)),
    };
    delivery.wrote(Path::new(&name), Ok(()));
    let told = match records.history(&arguments.trend()).await {
        Ok(history) => match history.trend_of(&name) {
            Some(trend) => trend.to_text(),
            None => "  no earlier drill to compare it with\n".to_owned(),
        },
        // The drill is what it is, and its record is written.
        Err(error) => {
            format!("  what was recorded before could not be read: {}\n", terminal(&error.to_string()))
        }
    };
    let text = format!("\nRecorded as {} in {}\n{told}", terminal(&name), terminal(&records.place()));
    match arguments.format {
        Format::Text => delivery.print(&text),
        Format::Json => text.lines().filter(|line| !line.is_empty()).for_each(|line| screen.note(line)),
    }
}

/// Tells of each step, where somebody watches.
fn steps(screen: &Screen) -> Option<Arc<dyn Fn(Step) + Send + Sync>> {
    let screen = std::io::stderr().is_terminal().then(|| screen.clone())?;
    Some(Arc::new(move |step| screen.note(step.label())))
}

/// What a rehearsal leaves, on whatever.
struct Record<'r> {
    json: String,
    text: String,
    row: &'r DrillRow,
    /// What `verify` said, and when.
    reports: Vec<(&'static str, &'r Report)>,
    /// What there is to say of the repair, or of the restore.
    written: String,
}

impl<'r> Record<'r> {
    fn of_sample(report: &'r DrillReport) -> Result<Self, Error> {
        Ok(Self {
            json: report.to_json()? + "\n",
            text: report.to_text(),
            row: &report.row,
            reports: vec![("before the repair", &report.before), ("after the repair", &report.after)],
            written: report.repair.to_text(),
        })
    }

    fn of_backup(rehearsal: &'r Rehearsal) -> Result<Self, Error> {
        let first = rehearsal.restored.after.as_ref().map(|after| ("as the dump left it", &after.first));
        let last = rehearsal.report().map(|report| ("in the end", report));
        Ok(Self {
            json: rehearsal.to_json()? + "\n",
            text: rehearsal.to_text(),
            row: &rehearsal.row,
            reports: first.into_iter().chain(last).collect(),
            written: rehearsal.restored.to_text(),
        })
    }
}

/// Writes it wherever it was wanted.
fn deliver<'s>(arguments: &Arguments, record: &Record<'_>, screen: &'s Screen) -> Delivery<'s> {
    let mut delivery = Delivery::new(screen);
    for path in &arguments.output {
        delivery.file(path, form(path).map(|form| form.text(record)));
    }
    if let Some(log) = &arguments.drill_log {
        delivery.wrote(log, record.row.append_to(log));
    }
    delivery.print(&show(arguments, record, screen));
    delivery
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
    fn text(self, record: &Record<'_>) -> String {
        match self {
            Self::Json => record.json.clone(),
            Self::Row => record.row.to_markdown_table(),
            Self::Text => record.text.clone(),
        }
    }
}

fn show(arguments: &Arguments, record: &Record<'_>, screen: &Screen) -> String {
    if arguments.format == Format::Json {
        return record.json.clone();
    }
    let mut text = String::new();
    if arguments.verbose {
        let mut options = TextOptions::default();
        options.width = screen.width;
        options.color = screen.color;
        options.verbose = true;
        for (title, report) in &record.reports {
            text.push_str(&format!("verify, {title}\n{}\n", report.to_text(options)));
        }
        text.push_str(&format!("{}\n", record.written));
    }
    text.push_str(&record.text);
    text
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
