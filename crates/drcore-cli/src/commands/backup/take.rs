//! `drcore backup take`

use clap::ValueEnum;
use drcore::backup::{Compression, Omit, Repository, TakeFormat, TakeOptions};
use drcore::{Error, ErrorKind};

use crate::commands::shared::{
    ContentArguments, DatabaseArguments, Format, PlanArguments, Prepared, not_empty,
};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::screen::Screen;

/// Dump a database into a repository, with the baseline of the same snapshot
///
/// The dump goes up as `pg_dump` writes it, without a copy here. Whatever the role
/// may not read is an error, not a smaller dump. Killed in the middle, nothing looks
/// done, and the next run takes away what was left. Exit code 3 if the baseline
/// lacks what could not be read: the backup is stored, and its manifest says so.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore backup take --to s3://paycraft-backups
  drcore backup take postgresql://me@db.example.com/app --plan drcore.toml \\
      --to /var/backups/app --dump directory --jobs 4")]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: DatabaseArguments,
    #[command(flatten)]
    plan: PlanArguments,
    #[command(flatten)]
    content: ContentArguments,
    /// The repository: `s3://BUCKET/PREFIX`, `gs://…`, `az://…` or a directory; without it,
    /// that of [backups] in the plan
    #[arg(long, value_name = "REPOSITORY", env = "DRCORE_REPOSITORY", value_parser = not_empty)]
    to: Option<String>,
    /// How the dump is written: directory is written by several sessions at once,
    /// to the temporary directory first
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    #[arg(value_name = "custom|directory")]
    dump: DumpKind,
    /// How many sessions write a dump of the directory format [default: 2]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=64))]
    jobs: Option<u32>,
    /// none, gzip:1 to 9 or zstd:1 to 22; by default zstd:3 where `pg_dump` has it,
    /// else gzip:1
    #[arg(long, value_name = "HOW")]
    compress: Option<String>,
    /// Leave these schemas out of the dump, a pattern as `pg_dump` takes it;
    /// repeats. The manifest tells what was left out
    #[arg(long, value_name = "PATTERN")]
    exclude_schema: Vec<String>,
    /// Leave these tables out; repeats
    #[arg(long, value_name = "PATTERN")]
    exclude_table: Vec<String>,
    /// Leave the rows of these tables out; repeats
    #[arg(long, value_name = "PATTERN")]
    exclude_table_data: Vec<String>,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
}

/// How the dump is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum DumpKind {
    /// One file
    #[default]
    Custom,
    /// A file a table
    Directory,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    let section = arguments.plan.load()?.backups.unwrap_or_default();
    let to = super::repository(arguments.to.as_deref(), &section)?;
    let repository = Repository::open(&to).map_err(Fault::usage)?;
    let format = arguments.dump_format().map_err(Fault::usage)?;
    let compression =
        arguments.compress.as_deref().map(Compression::parse).transpose().map_err(Fault::usage)?;
    let Prepared { url, mut options, display } =
        arguments.database.prepare(&arguments.plan, None, &[], screen)?;
    arguments.content.apply(&mut options);
    let mut take = TakeOptions::of(&options);
    (take.format, take.compression) = (format, compression);
    take.omit.extend(arguments.exclude_schema.iter().cloned().map(Omit::Schema));
    take.omit.extend(arguments.exclude_table.iter().cloned().map(Omit::Table));
    take.omit.extend(arguments.exclude_table_data.iter().cloned().map(Omit::Rows));
    let taken = drcore::backup::take(&url, &repository, &take).await?;
    drop(display);
    let code = taken.exit_code();
    screen.incident.verdict(if code == 0 { "stored" } else { "unproven" });
    let mut delivery = Delivery::new(screen);
    delivery.print(&match arguments.format {
        Format::Json => taken.to_json()? + "\n",
        Format::Text => {
            let next = format!("next     drcore backup verify {to}    reads it back\n");
            format!("{}{next}exit {code}\n", taken.to_text())
        }
    });
    Ok(delivery.end(code))
}

impl Arguments {
    fn dump_format(&self) -> Result<TakeFormat, Error> {
        match (self.dump, self.jobs) {
            (DumpKind::Custom, None) => Ok(TakeFormat::Custom),
            (DumpKind::Directory, jobs) => Ok(TakeFormat::Directory { jobs: jobs.unwrap_or(2) }),
            (DumpKind::Custom, Some(_)) => Err(Error::new(
                ErrorKind::Usage,
                "only a dump of the directory format is written by several sessions",
            )
            .hint("Add --dump directory, or leave --jobs out.")),
        }
    }
}
