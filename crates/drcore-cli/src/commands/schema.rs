//! `drcore schema`

use std::path::PathBuf;

use drcore::{Error, ErrorKind};

use crate::fault::Fault;
use crate::output;
use crate::screen::Screen;

/// Print the JSON Schema of a format, such as plan or report
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  drcore schema report
  drcore schema plan > drcore.plan.schema.json
  drcore schema --all -o schema/")]
pub(crate) struct Arguments {
    /// Which one; without it, their names
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Write every schema to the directory of -o
    #[arg(long, requires = "output", conflicts_with = "name")]
    all: bool,
    /// The directory for --all
    #[arg(short, long, value_name = "DIR", requires = "all")]
    output: Option<PathBuf>,
}

/// Runs it. Gives the exit code.
pub(crate) fn run(arguments: &Arguments, screen: &Screen) -> Result<u8, Fault> {
    let schemas = drcore::schema::all();
    match (&arguments.name, &arguments.output) {
        (Some(name), _) => {
            let Some((_, schema)) = schemas.iter().find(|(known, _)| known == name) else {
                let known: Vec<&str> = schemas.iter().map(|(name, _)| *name).collect();
                return Err(Fault::usage(drcore::no_such("schema", name, &known)));
            };
            screen.print(&json(schema)?)?;
        }
        (None, Some(directory)) => {
            std::fs::create_dir_all(directory)
                .map_err(|error| Error::unwritable("the directory", directory, error))?;
            for (name, schema) in &schemas {
                output::write_public(&directory.join(format!("{name}.json")), &json(schema)?)?;
            }
        }
        (None, None) => {
            let names: Vec<&str> = schemas.iter().map(|(name, _)| *name).collect();
            screen.print(&(names.join("\n") + "\n"))?;
        }
    }
    Ok(0)
}

fn json(schema: &impl serde::Serialize) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(schema)
        .map_err(|error| Error::new(ErrorKind::Internal, "cannot write JSON").caused_by(error))?;
    Ok(text + "\n")
}
