//! `drcore restore`

use std::path::{Path, PathBuf};

use drcore::backup::Pick;
use drcore::restore::{Onto, RestoreCall, RestorePlan, Restored, restore, table};
use drcore::{Against, Error, ErrorKind};

use super::shared::{Format, PlanArguments, ReadingArguments, not_empty, reached};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::output;
use crate::progress::Display;
use crate::screen::Screen;

/// Restore a backup into an empty database, and say what did not travel
///
/// Reads the archive's table of contents and the target, says what will happen
/// and what is left out, and does exactly that. On a Supabase project the
/// platform's schemas stay the project's; rows of its login and storage tables
/// are loaded by the columns that both sides have, and the application's policies
/// and triggers on them come back. Until it has come to its end, the target is
/// marked as half restored, and nothing in it verifies.
///
/// What is restored into is named: drcore explain guard. Exit code 1 if an object
/// could not be restored.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore restore backup.dump --target \"$NEW_URL\" --plan-only
  drcore restore backup.dump --target \"$NEW_URL\" --project abcdefghijklmnopqrst
  drcore restore s3://backups --pick 2026-11-20 --target \"$NEW_URL\" --project …
  drcore restore backup.dump --target \"$NEW_URL\" --project … --resume
  drcore restore s3://backups --table invoices --into-schema rescued --project …
  drcore scratch --supabase -- drcore restore backup.dump")]
pub(crate) struct Arguments {
    /// What pg_dump wrote: custom, directory, tar or plain SQL, compressed or not; or a
    /// repository of backups or one of them, fetched to TMPDIR and put right from its
    /// baseline
    #[arg(value_name = "FILE|URL", value_parser = not_empty)]
    backup: String,
    /// Which backup of the repository: newest, a day, an instant, or its name
    #[arg(long, value_name = "WHICH", value_parser = not_empty)]
    pick: Option<String>,
    /// What is restored into; without it DATABASE_URL, PGHOST and the like
    #[arg(long, value_name = "URL", env = "DRCORE_TARGET", hide_env_values = true, value_parser = not_empty)]
    target: Option<String>,
    /// What it is called: the project's ref, or database@system_identifier
    #[arg(long, value_name = "NAME", value_parser = not_empty)]
    project: Option<String>,
    #[command(flatten)]
    plan: PlanArguments,
    /// The baseline of the backup, a file or a backup's URL: what the dump does not
    /// bring is put right from it, and the restored database is verified against it
    #[arg(long, value_name = "FILE|URL", env = "DRCORE_AGAINST", value_parser = not_empty)]
    against: Option<String>,
    /// The name of what the target is a physical clone of, where it is one
    #[arg(long, value_name = "NAME", value_parser = not_empty)]
    clone_of: Option<String>,
    /// Print what would be done, and do nothing
    #[arg(long, conflicts_with = "apply")]
    plan_only: bool,
    /// Do the plan of this digest and no other
    #[arg(long, value_name = "DIGEST")]
    apply: Option<String>,
    /// Take away first all that the target holds of its own; needs --apply
    #[arg(long, conflicts_with_all = ["resume", "start_over"])]
    replace: bool,
    /// Go on with a restore of this archive that was interrupted
    #[arg(long, conflicts_with = "start_over")]
    resume: bool,
    /// Take away what an interrupted restore left, and begin anew
    #[arg(long)]
    start_over: bool,
    /// Only this table, with what hangs on it; repeats
    #[arg(long, value_name = "TABLE")]
    table: Vec<String>,
    /// Load only the rows of the named tables, into a new schema of this name: what
    /// the target holds stays as it is
    #[arg(long, value_name = "NAME", value_parser = not_empty, requires = "table")]
    #[arg(conflicts_with_all = ["replace", "resume", "start_over", "jobs"])]
    into_schema: Option<String>,
    /// How many sessions restore at once
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: Option<u32>,
    #[command(flatten)]
    reading: ReadingArguments,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
    /// Write the plan, or what came of it, here too; repeats: .json, .txt, or .md for
    /// the list of what is left to do
    #[arg(short, long, value_name = "FILE")]
    output: Vec<PathBuf>,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    for path in &arguments.output {
        form(path).map_err(Fault::usage)?;
        output::check_writable(path).map_err(Fault::usage)?;
    }
    let url = reached(arguments.target.as_deref(), screen)?;
    let (mut call, display) = arguments.call(screen)?;
    arguments.reading.limit(&mut call.verify.plan);
    let planned = Box::pin(restore(&arguments.backup, &url, &call)).await?;
    screen.incident.planned(&planned.plan.digest);
    if arguments.plan_only || arguments.apply.is_none() && planned.plan.needs_review() {
        drop(display);
        screen.incident.verdict("planned");
        return arguments.deliver(&Outcome::Planned(&planned.plan), screen);
    }
    let mut options = planned.execute_options();
    options.apply.clone_from(&arguments.apply);
    let restored = Box::pin(planned.execute(&options)).await?;
    drop(display);
    screen.incident.verdict(if restored.exit_code() == 0 { "restored" } else { "partly restored" });
    arguments.deliver(&Outcome::Done(&restored), screen)
}

/// What is printed.
enum Outcome<'o> {
    Planned(&'o RestorePlan),
    Done(&'o Restored),
}

impl Outcome<'_> {
    fn json(&self) -> Result<String, Error> {
        Ok(match self {
            Self::Planned(plan) => plan.to_json()?,
            Self::Done(restored) => restored.to_json()?,
        } + "\n")
    }

    fn text(&self) -> String {
        match self {
            Self::Planned(plan) => {
                format!("{}apply    the same command with --apply {}\nexit 0\n", plan.to_text(), plan.digest)
            }
            Self::Done(restored) => format!("{}exit {}\n", restored.to_text(), restored.exit_code()),
        }
    }

    /// The list to tick off.
    fn markdown(&self) -> String {
        match self {
            Self::Planned(plan) => plan.to_text(),
            Self::Done(restored) => restored.cut_over.to_markdown(),
        }
    }

    fn code(&self) -> u8 {
        match self {
            Self::Planned(_) => 0,
            Self::Done(restored) => restored.exit_code(),
        }
    }
}

impl Arguments {
    fn onto(&self) -> Onto {
        match (self.replace, self.resume, self.start_over) {
            (true, ..) => Onto::Replace,
            (_, true, _) => Onto::Resume,
            (.., true) => Onto::StartOver,
            _ => Onto::Empty,
        }
    }

    fn call(&self, screen: &Screen) -> Result<(RestoreCall, Display), Fault> {
        let mut call = RestoreCall::default();
        call.project.clone_from(&self.project);
        call.clone_of.clone_from(&self.clone_of);
        call.pick = self.pick.as_deref().map(Pick::parse).transpose().map_err(Fault::usage)?;
        call.options.onto = self.onto();
        call.options.jobs = self.jobs;
        call.options.into_schema.clone_from(&self.into_schema);
        let tables: Result<Vec<_>, Error> = self.table.iter().map(|name| table(name)).collect();
        call.options.tables = tables.map_err(Fault::usage)?;
        call.verify.plan = self.plan.load()?;
        call.verify.against = self.against.as_deref().map(Against::parse);
        let (collect, display) = self.reading.collecting(screen);
        call.verify.collect = collect;
        Ok((call, display))
    }

    fn deliver(&self, outcome: &Outcome<'_>, screen: &Screen) -> Result<u8, Fault> {
        let mut delivery = Delivery::new(screen);
        for path in &self.output {
            let text = form(path).and_then(|form| match form {
                Form::Json => outcome.json(),
                Form::Markdown => Ok(outcome.markdown()),
                Form::Text => Ok(outcome.text()),
            });
            delivery.file(path, text);
        }
        delivery.print(&if self.format == Format::Json { outcome.json()? } else { outcome.text() });
        Ok(delivery.end(outcome.code()))
    }
}

/// What a file is written as.
#[derive(Clone, Copy)]
enum Form {
    Json,
    Markdown,
    Text,
}

fn form(path: &Path) -> Result<Form, Error> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("json") => Ok(Form::Json),
        Some("md") => Ok(Form::Markdown),
        Some("txt") => Ok(Form::Text),
        _ => {
            let message = format!("{} says no format that a restore is written in", path.display());
            Err(Error::new(ErrorKind::Usage, message).hint("The extension chooses it: .json, .md or .txt."))
        }
    }
}
