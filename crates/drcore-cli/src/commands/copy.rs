//! `drcore copy`

use std::path::{Path, PathBuf};

use drcore::connect::Dsn;
use drcore::copy::{Copied, CopyCall, CopyPlan, copy};
use drcore::restore::{Onto, table};
use drcore::{Error, ErrorKind};

use super::shared::{ContentArguments, Format, PlanArguments, ReadingArguments, not_empty, reached};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::output;
use crate::progress::Display;
use crate::screen::Screen;

/// Copy the rows of one live database into the tables of another
///
/// A migration, or a rescue, without a dump in between: all rows are of one
/// snapshot of the source, and the copied tables are compared with it in the end.
/// The target must have the tables, empty; on Supabase, the platform's are copied
/// where they are named. Triggers and foreign keys are off while rows come, where
/// the role may do that. Sequences get the source's values. Until all rows came,
/// the target is marked as half copied, and nothing in it verifies.
///
/// What is copied into is named: drcore explain guard. Exit code 1 if rows could
/// not be copied or differ, 3 if that could not be told.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore copy \"$OLD_URL\" --target \"$NEW_URL\" --plan-only
  drcore copy \"$OLD_URL\" --target \"$NEW_URL\" --project abcdefghijklmnopqrst
  drcore copy \"$OLD_URL\" --target \"$NEW_URL\" --project … --table public.invoices
  drcore copy \"$OLD_URL\" --target \"$NEW_URL\" --project … --start-over")]
pub(crate) struct Arguments {
    /// What is copied from; it is read only
    #[arg(value_name = "SOURCE", value_parser = not_empty)]
    source: String,
    /// What is copied into; without it DATABASE_URL, PGHOST and the like
    #[arg(long, value_name = "URL", env = "DRCORE_TARGET", hide_env_values = true, value_parser = not_empty)]
    target: Option<String>,
    /// What it is called: the project's ref, or database@system_identifier
    #[arg(long, value_name = "NAME", value_parser = not_empty)]
    project: Option<String>,
    #[command(flatten)]
    plan: PlanArguments,
    /// The name of what the target is a physical clone of, where it is one
    #[arg(long, value_name = "NAME", value_parser = not_empty)]
    clone_of: Option<String>,
    /// Print what would be done, and do nothing
    #[arg(long, conflicts_with = "apply")]
    plan_only: bool,
    /// Do the plan of this digest and no other
    #[arg(long, value_name = "DIGEST")]
    apply: Option<String>,
    /// Take away first the rows that the tables of the target hold; needs --apply
    #[arg(long, conflicts_with = "start_over")]
    replace: bool,
    /// Take away what an interrupted copy left in these tables, and copy anew
    #[arg(long)]
    start_over: bool,
    /// Only this table; repeats
    #[arg(long, value_name = "TABLE")]
    table: Vec<String>,
    /// How many tables, or parts of one, are copied at once
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: Option<u32>,
    #[command(flatten)]
    content: ContentArguments,
    #[command(flatten)]
    reading: ReadingArguments,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
    /// Write the plan, or what came of it, here too; repeats: .json or .txt
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    for path in &arguments.output {
        form(path).map_err(Fault::usage)?;
        output::check_writable(path).map_err(Fault::usage)?;
    }
    Dsn::parse(&arguments.source).map_err(Fault::usage)?;
    screen.incident.reached_by(&arguments.source);
    let url = reached(arguments.target.as_deref(), screen)?;
    let (mut call, display) = arguments.call(screen)?;
    arguments.reading.limit(&mut call.verify.plan);
    let planned = Box::pin(copy(&arguments.source, &url, &call)).await?;
    screen.incident.planned(&planned.plan.digest);
    if arguments.plan_only || arguments.apply.is_none() && planned.plan.needs_review() {
        drop(display);
        screen.incident.verdict("planned");
        return arguments.deliver(&Outcome::Planned(&planned.plan), screen);
    }
    let mut options = planned.execute_options();
    options.apply.clone_from(&arguments.apply);
    let copied = Box::pin(planned.execute(&options)).await?;
    drop(display);
    screen.incident.verdict(if copied.exit_code() == 0 { "copied" } else { "not proven to be copied" });
    arguments.deliver(&Outcome::Done(&copied), screen)
}

/// What is printed.
enum Outcome<'o> {
    Planned(&'o CopyPlan),
    Done(&'o Copied),
}

impl Outcome<'_> {
    fn json(&self) -> Result<String, Error> {
        Ok(match self {
            Self::Planned(plan) => plan.to_json()?,
            Self::Done(copied) => copied.to_json()?,
        } + "\n")
    }

    fn text(&self) -> String {
        match self {
            Self::Planned(plan) => {
                format!("{}apply    the same command with --apply {}\nexit 0\n", plan.to_text(), plan.digest)
            }
            Self::Done(copied) => format!("{}exit {}\n", copied.to_text(), copied.exit_code()),
        }
    }

    fn code(&self) -> u8 {
        match self {
            Self::Planned(_) => 0,
            Self::Done(copied) => copied.exit_code(),
        }
    }
}

impl Arguments {
    fn call(&self, screen: &Screen) -> Result<(CopyCall, Display), Fault> {
        let mut call = CopyCall::default();
        call.project.clone_from(&self.project);
        call.clone_of.clone_from(&self.clone_of);
        call.options.onto = match (self.replace, self.start_over) {
            (true, _) => Onto::Replace,
            (_, true) => Onto::StartOver,
            _ => Onto::Empty,
        };
        call.options.jobs = self.jobs;
        let tables: Result<Vec<_>, Error> = self.table.iter().map(|name| table(name)).collect();
        call.options.tables = tables.map_err(Fault::usage)?;
        call.verify.plan = self.plan.load()?;
        let (collect, display) = self.reading.collecting(screen);
        call.verify.collect = collect;
        self.content.apply(&mut call.verify);
        Ok((call, display))
    }

    fn deliver(&self, outcome: &Outcome<'_>, screen: &Screen) -> Result<u8, Fault> {
        let mut delivery = Delivery::new(screen);
        for path in &self.output {
            let text = form(path).and_then(|form| match form {
                Format::Json => outcome.json(),
                Format::Text => Ok(outcome.text()),
            });
            delivery.file(path, text);
        }
        delivery.print(&if self.format == Format::Json { outcome.json()? } else { outcome.text() });
        Ok(delivery.end(outcome.code()))
    }
}

/// What a file is written as.
fn form(path: &Path) -> Result<Format, Error> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => Ok(Format::Json),
        Some("txt") => Ok(Format::Text),
        _ => {
            let message = format!("{} says no format that a copy is written in", path.display());
            Err(Error::new(ErrorKind::Usage, message).hint("The extension chooses it: .json or .txt."))
        }
    }
}
