//! `drcore repair`

use std::path::PathBuf;

use clap::ValueEnum;
use drcore::remedy::RemedyClass;
use drcore::report::{TextOptions, terminal};
use drcore::restore::repair::{Chosen, apply};
use drcore::restore::{RepairOptions, RepairPlan};
use drcore::{Error, ErrorKind, Report, Severity, VerifyOptions};

use super::shared::{CheckArguments, DatabaseArguments, Format, PlanArguments};
use crate::delivery::Delivery;
use crate::fault::{Fault, UNPROVEN};
use crate::output;
use crate::screen::Screen;

/// Print what puts the findings right, for review; apply what was reviewed
///
/// The remedies become one transaction, in order, nothing twice. Printing reads
/// only. Applying needs the digest of the plan that was reviewed and the name of
/// what is written to, and verifies again afterwards: drcore explain guard says
/// what is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore repair --against baseline.json
  drcore repair --report report.json --with orphan_fks=delete -o fix.sql
  drcore repair --against baseline.json --apply 7c1e04b2
      --project abcdefghijklmnopqrst")]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: DatabaseArguments,
    #[command(flatten)]
    plan: PlanArguments,
    #[command(flatten)]
    check: CheckArguments,
    /// The findings of this report, instead of verifying first
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// For findings that need a choice: a check or the id of a finding, and the
    /// way, as the plan lists them; repeats
    #[arg(long, value_name = "WHAT=WAY")]
    with: Vec<String>,
    /// The worst class of remedy that goes in without being chosen by name
    #[arg(long, value_enum, default_value_t, hide_possible_values = true)]
    #[arg(value_name = "safe|availability-risk|destructive")]
    allow: Allow,
    /// Apply the plan of this digest
    #[arg(long, value_name = "DIGEST", requires = "project")]
    apply: Option<String>,
    /// What is written to, as the plan names it
    #[arg(long, value_name = "NAME", requires = "apply")]
    project: Option<String>,
    /// What standard output holds; json gives errors as JSON too
    #[arg(long, value_enum, default_value_t, env = "DRCORE_FORMAT", hide_possible_values = true)]
    #[arg(value_name = "text|json")]
    format: Format,
    /// Write the plan here too: .sql, a script for psql, or .json
    #[arg(short, long, value_name = "FILE", conflicts_with = "apply")]
    output: Option<PathBuf>,
}

/// The worst class that goes in.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Allow {
    /// Loses no row and takes nobody's rightful access
    #[default]
    Safe,
    /// May make the application see less than it should
    AvailabilityRisk,
    /// Deletes or overwrites rows
    Destructive,
}

impl From<Allow> for RemedyClass {
    fn from(allow: Allow) -> Self {
        match allow {
            Allow::Safe => Self::Safe,
            Allow::AvailabilityRisk => Self::AvailabilityRisk,
            Allow::Destructive => Self::Destructive,
        }
    }
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    if let Some(path) = &arguments.output {
        is_script(path).map_err(Fault::usage)?;
        output::check_writable(path).map_err(Fault::usage)?;
    }
    let mut repair = RepairOptions::default();
    repair.allow = arguments.allow.into();
    for text in &arguments.with {
        repair.choices.push(Chosen::parse(text).map_err(Fault::usage)?);
    }
    let mut options = VerifyOptions::default();
    options.plan = arguments.plan.load()?;
    options.against = arguments.check.against()?;
    arguments.database.limit(&mut options.plan);
    let (collect, display) = arguments.database.collecting(screen);
    options.collect = collect;
    options.collect.only.clone_from(&arguments.check.only);
    let report = match &arguments.report {
        Some(path) => Report::load(path).map_err(Fault::usage)?,
        None => Box::pin(drcore::verify(&arguments.database.url(screen)?, &options)).await?,
    };
    let plan = RepairPlan::of(&report, &repair).map_err(Fault::usage)?;
    screen.incident.read(&report.run.evidence);
    screen.incident.planned(&plan.digest);
    let (Some(digest), Some(project)) = (&arguments.apply, &arguments.project) else {
        drop(display);
        return print(&arguments, &plan, &report, screen);
    };
    if report.is_interrupted() {
        return Err(
            Error::new(ErrorKind::Cancelled, "interrupted while verifying: nothing was written").into()
        );
    }
    plan.expect(digest)?;
    let repaired =
        Box::pin(apply(&arguments.database.url(screen)?, project, plan, &report, &options)).await?;
    drop(display);
    let code = repaired.after.exit_code(Severity::Warning);
    screen.incident.verdict(&format!("applied; verified again: {}", repaired.after.verdict.as_str()));
    let mut delivery = Delivery::new(screen);
    delivery.print(&match arguments.format {
        Format::Json => repaired.to_json()? + "\n",
        Format::Text => format!("{}exit {code}\n", repaired.to_text()),
    });
    Ok(delivery.end(code))
}

/// Prints the plan. Gives the exit code: that a finding has no remedy is no failure of the plan, but
/// where something could not be read, there may be more to repair than the plan says.
fn print(arguments: &Arguments, plan: &RepairPlan, report: &Report, screen: &Screen) -> Result<u8, Fault> {
    screen.incident.verdict("planned");
    let unread = report.checks.iter().filter(|check| check.counts || !check.unread.is_empty()).count();
    let code = if report.is_interrupted() {
        130
    } else if unread > 0 {
        UNPROVEN
    } else {
        0
    };
    let mut delivery = Delivery::new(screen);
    if let Some(path) = &arguments.output {
        let text = if is_script(path)? { Ok(plan.to_sql()) } else { plan.to_json().map(|json| json + "\n") };
        delivery.file(path, text);
    }
    if arguments.format == Format::Json {
        delivery.print(&(plan.to_json()? + "\n"));
        return Ok(delivery.end(code));
    }
    if report.examined.is_empty() && report.run.evidence.failure.is_some() {
        // A plan of nothing would read as nothing to do.
        let mut text = TextOptions::default();
        (text.width, text.color) = (screen.width, screen.color);
        delivery.print(&report.to_text(text));
        return Ok(delivery.end(code));
    }
    let mut text = plan.to_text();
    if unread > 0 {
        text.push_str(&format!("{unread} checks could not read everything: there may be more to repair\n"));
    }
    match &plan.project {
        _ if plan.statements.is_empty() => {}
        Some(project) => text.push_str(&format!(
            "apply    the same command with --apply {} --project {}\n",
            plan.digest,
            terminal(project)
        )),
        // Nobody could name it.
        None => text.push_str("apply    review it, write it with -o fix.sql, and run it with psql\n"),
    }
    text.push_str(&format!("exit {code}\n"));
    delivery.print(&text);
    Ok(delivery.end(code))
}

/// Whether a file is to hold SQL, not JSON.
fn is_script(path: &std::path::Path) -> Result<bool, Error> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("sql") => Ok(true),
        Some("json") => Ok(false),
        _ => {
            let message = format!("{} says no format that a plan is written in", path.display());
            Err(Error::new(ErrorKind::Usage, message).hint("The extension chooses it: .sql or .json."))
        }
    }
}
