//! `drcore merge`

use std::path::PathBuf;

use drcore::{Evidence, VerifyOptions};

use super::shared::{self, PlanArguments, keep_apart};
use crate::fault::Fault;
use crate::screen::Screen;

/// Put the Evidence of shards together
///
/// What was collected by several processes, machines or standbys, each with
/// --shard: of one database, and of one state of it. Exit code 3 if a shard is
/// missing, or if something could not be read: the file is written, and says
/// what it lacks.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore collect --shard 1/2 -o 1.json
  drcore collect --shard 2/2 -o 2.json
  drcore merge 1.json 2.json -o evidence.json
  drcore judge evidence.json --against baseline.json")]
pub(crate) struct Arguments {
    /// What collect or baseline wrote, each with its .sketches beside it
    #[arg(value_name = "EVIDENCE", required = true)]
    evidence: Vec<PathBuf>,
    #[command(flatten)]
    plan: PlanArguments,
    /// Where it is stored, as .json; replaced whole or not at all
    #[arg(short, long, value_name = "FILE", env = "DRCORE_OUTPUT")]
    output: PathBuf,
}

/// Runs it. Gives the exit code.
pub(crate) fn run(arguments: &Arguments, screen: &Screen) -> Result<u8, Fault> {
    shared::json_file(&arguments.output)?;
    let mut options = VerifyOptions::default();
    options.plan = arguments.plan.load()?;
    let outputs = std::slice::from_ref(&arguments.output);
    keep_apart(options.plan.source(), outputs)?;
    for evidence in &arguments.evidence {
        keep_apart(evidence.to_str(), outputs)?;
    }
    let all: drcore::Result<Vec<Evidence>> = arguments.evidence.iter().map(Evidence::load).collect();
    let merged = Evidence::merge(all.map_err(Fault::usage)?)?;
    merged.save(&arguments.output).map_err(Fault::unwritten)?;
    shared::stored("evidence", &merged, &options, &arguments.output, screen)
}
