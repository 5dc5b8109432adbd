//! `drcore platform`

use clap::Subcommand;
use drcore::platform::{PitrOptions, PitrPlan, PitrWaiting, Platform, SalvageProof, pitr};
use drcore::report::TextOptions;
use drcore::{Error, ErrorKind, VerifyOptions};
use jiff::Timestamp;

use super::shared::{CheckArguments, Format, PlanArguments, ReadingArguments, not_empty};
use crate::delivery::Delivery;
use crate::fault::Fault;
use crate::screen::Screen;

/// Backups of the platform (Supabase), and going back in time there
///
/// By the Management API, with a token from SUPABASE_ACCESS_TOKEN.
#[expect(clippy::doc_markdown, reason = "help is no Markdown")]
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  drcore platform backups abcdefghijklmnopqrst
  drcore platform pitr abcdefghijklmnopqrst --to 2026-11-20T02:55:00Z \\
      --salvage salvage/
  drcore explain platform")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Backups(BackupsArguments),
    Pitr(Box<PitrArguments>),
}

/// Which backups the platform has, and how far back it can go
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore platform backups abcdefghijklmnopqrst")]
struct BackupsArguments {
    /// The project, by its ref
    #[arg(value_name = "REF", env = "DRCORE_PROJECT", value_parser = not_empty)]
    project: String,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
}

/// Plan a point-in-time recovery in place; start the one that was reviewed
///
/// It takes a target that is said, a salvage of less than an hour ago, the digest of
/// the plan that was reviewed and the name of the project. It is watched to its end,
/// and the database verified then, with --url. There is no way back.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore platform pitr abcdefghijklmnopqrst --to 2026-11-20T02:55:00Z \\
      --salvage salvage/
  drcore platform pitr abcdefghijklmnopqrst --to 2026-11-20T02:55:00Z \\
      --salvage salvage/ --apply 7c1e04b2 --project abcdefghijklmnopqrst \\
      --url \"$DATABASE_URL\" --against salvage.json")]
struct PitrArguments {
    /// The project, by its ref
    #[arg(value_name = "REF", value_parser = not_empty)]
    reference: String,
    /// The instant to go back to, such as 2026-11-20T02:55:00Z
    #[arg(long, value_name = "INSTANT")]
    to: Timestamp,
    /// Where the salvage lies: a directory or repository, or one salvage in it
    #[arg(long, value_name = "PLACE", value_parser = not_empty)]
    salvage: Option<String>,
    /// Go without a salvage, for this reason, which is recorded
    #[arg(long, value_name = "REASON", conflicts_with = "salvage", value_parser = not_empty)]
    without_salvage: Option<String>,
    /// Start the recovery of this digest
    #[arg(long, value_name = "DIGEST", requires = "project")]
    apply: Option<String>,
    /// What is restored, as the plan names it
    #[arg(long, value_name = "REF", requires = "apply")]
    project: Option<String>,
    /// The database to verify afterwards
    #[arg(long, value_name = "URL", requires = "apply", value_parser = not_empty)]
    url: Option<String>,
    #[command(flatten)]
    check: CheckArguments,
    #[command(flatten)]
    plan: PlanArguments,
    #[command(flatten)]
    reading: ReadingArguments,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    match arguments.verb {
        Verb::Backups(arguments) => backups(&arguments, screen).await,
        Verb::Pitr(arguments) => restore(*arguments, screen).await,
    }
}

async fn backups(arguments: &BackupsArguments, screen: &Screen) -> Result<u8, Fault> {
    let platform = Platform::from_environment().map_err(Fault::usage)?;
    let facts = platform.backups(&arguments.project).await?;
    let mut delivery = Delivery::new(screen);
    delivery.print(&match arguments.format {
        Format::Json => facts.to_json()? + "\n",
        Format::Text => facts.to_text(),
    });
    Ok(delivery.end(0))
}

async fn restore(arguments: PitrArguments, screen: &Screen) -> Result<u8, Fault> {
    let proof = match (&arguments.salvage, &arguments.without_salvage) {
        (Some(place), _) => SalvageProof::At(place.clone()),
        (None, Some(reason)) => SalvageProof::Waived(reason.clone()),
        (None, None) => {
            let error = Error::new(ErrorKind::Usage, "nothing is held on to of what will be lost");
            let hint = "Take a salvage first: drcore salvage --to salvage/, and give --salvage salvage/; or say why not: \
                        --without-salvage REASON.";
            return Err(Fault::usage(error.hint(hint)));
        }
    };
    let platform = Platform::from_environment().map_err(Fault::usage)?;
    let options = PitrOptions::new(&arguments.reference, arguments.to, proof);
    let plan = PitrPlan::of(&platform, &options).await?;
    screen.incident.planned(&plan.digest);
    let mut delivery = Delivery::new(screen);
    let (Some(digest), Some(project)) = (&arguments.apply, &arguments.project) else {
        screen.incident.verdict("planned");
        delivery.print(&match arguments.format {
            Format::Json => plan.to_json()? + "\n",
            Format::Text => format!(
                "{}apply    the same command with --apply {} --project {}\n",
                plan.to_text(),
                plan.digest,
                plan.project
            ),
        });
        return Ok(delivery.end(0));
    };
    plan.expect(digest)?;
    let mut verify = VerifyOptions::default();
    verify.plan = arguments.plan.load()?;
    verify.against = arguments.check.against()?;
    arguments.reading.limit(&mut verify.plan);
    let (collect, display) = arguments.reading.collecting(screen);
    verify.collect = collect;
    verify.collect.only.clone_from(&arguments.check.only);
    let mut waiting = PitrWaiting::default();
    waiting.cancel = verify.collect.cancel.clone();
    let verifying = arguments.url.as_deref().map(|url| (url, &verify));
    let run = Box::pin(pitr(&platform, project, plan, &waiting, verifying)).await?;
    drop(display);
    let code = run.exit_code();
    screen.incident.verdict(&format!("{:?}", run.outcome).to_lowercase());
    let mut text = TextOptions::default();
    (text.width, text.color) = (screen.width, screen.color);
    delivery.print(&match arguments.format {
        Format::Json => run.to_json()? + "\n",
        Format::Text => format!("{}exit {code}\n", run.to_text(text)),
    });
    Ok(delivery.end(code))
}
