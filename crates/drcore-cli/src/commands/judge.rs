//! `drcore judge`

use std::path::PathBuf;

use drcore::{Evidence, VerifyOptions};

use super::shared::{CheckArguments, PlanArguments, ReportArguments, keep_apart};
use crate::fault::Fault;
use crate::interrupt;
use crate::screen::Screen;

/// Judge stored Evidence, without its database
///
/// The same as verify, on what collect or baseline wrote.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore judge evidence.json --against baseline.json
  drcore judge evidence.json --plan drcore.toml --format json")]
pub(crate) struct Arguments {
    /// What collect or baseline wrote
    #[arg(value_name = "EVIDENCE")]
    evidence: PathBuf,
    #[command(flatten)]
    plan: PlanArguments,
    #[command(flatten)]
    check: CheckArguments,
    #[command(flatten)]
    report: ReportArguments,
}

/// Runs it. Gives the exit code.
pub(crate) async fn run(arguments: Arguments, screen: &Screen) -> Result<u8, Fault> {
    let outputs = arguments.report.outputs()?;
    let mut options = VerifyOptions::default();
    options.plan = arguments.plan.load()?;
    let inputs = [options.plan.source(), arguments.check.against.as_deref(), arguments.evidence.to_str()];
    for input in inputs {
        keep_apart(input, &arguments.report.output)?;
    }
    options.against = arguments.check.against()?;
    options.collect.cancel = interrupt::token(screen);
    options.collect.only = arguments.check.only;
    let now = Evidence::load(&arguments.evidence).map_err(Fault::usage)?;
    let report = drcore::judge(&now, &options).await?;
    arguments.report.conclude(&report, &outputs, screen)
}
