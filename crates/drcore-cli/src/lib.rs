//! The `drcore` command, as a function that the Python and Node packages expose too.
//!
//! Exit codes: `0` passed · `1` failed · `2` wrong usage or plan · `3` unproven · `130` interrupted.

mod arguments;
mod commands;
mod delivery;
mod fault;
mod incident;
mod interrupt;
mod log;
mod output;
mod progress;
mod screen;
mod table;

use std::ffi::OsString;

use clap::Parser;

use fault::Fault;
use incident::{Guard, IncidentArguments};
use screen::Screen;

/// Runs the command with these arguments, the program's name first. Gives the exit code.
///
/// Reads the environment, writes to standard output and standard error, and
/// takes over Ctrl-C while it runs.
pub fn run<I, T>(arguments: I) -> u8
where
    I: IntoIterator<Item = T>,
    T: Into<OsString>,
{
    let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let screen = Screen::of_process(wants_json(&arguments), &arguments);
    let cli = match commands::Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return misused(&error, &arguments, &screen),
    };
    cli.log.begin();
    cli.incident.begin(&arguments, &screen);
    let guard = Guard(&screen);
    commands::warn_of_passwords(&arguments, &screen);
    let code = execute(cli.command, &screen).unwrap_or_else(|fault| {
        screen.incident.failed(fault.error.kind());
        screen.fault(&fault)
    });
    screen.incident.finish(&code.to_string(), &screen);
    drop(guard);
    code
}

fn execute(command: commands::Command, screen: &Screen) -> Result<u8, Fault> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(drcore::Error::from)?;
    let code = runtime.block_on(command.run(screen));
    // A server that does not answer must not keep us.
    runtime.shutdown_background();
    code
}

/// Answers `--help`, or tells what is wrong with the arguments. Gives the exit code.
fn misused(error: &clap::Error, arguments: &[OsString], screen: &Screen) -> u8 {
    let is_command = error.use_stderr();
    if is_command {
        IncidentArguments::of_raw(arguments).begin(arguments, screen);
    }
    let code = screen.usage(error);
    screen.incident.failed(drcore::ErrorKind::Usage);
    screen.incident.finish(&code.to_string(), screen);
    code
}

/// Explains a check, a kind of finding, a finding by its id or `plan.KEY`, as Markdown; without a topic, lists them.
///
/// # Errors
/// [`Usage`](drcore::ErrorKind::Usage) if there is no such topic, with what may have been meant.
pub fn explain(topic: Option<&str>) -> drcore::Result<String> {
    commands::explain(topic).map_err(|fault| fault.error)
}

/// Logs as the variables `DRCORE_LOG` and `DRCORE_LOG_FORMAT` say: what the command does for itself, for the
/// packages that call the core. Does so once, and not where the program has a subscriber of its own.
pub fn log_from_environment() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| match log::LogArguments::of_environment() {
        Ok(log) => log.begin(),
        Err(error) => Screen::of_process(false, &[]).warn(&error.to_string()),
    });
}

/// Whether errors are wanted as JSON: known before the arguments are, so that a mistake in them is JSON too.
fn wants_json(arguments: &[OsString]) -> bool {
    let mut json = std::env::var_os("DRCORE_FORMAT").is_some_and(|format| format == "json");
    for (at, argument) in arguments.iter().enumerate() {
        match argument.to_str() {
            Some("--format") => json = arguments.get(at + 1).is_some_and(|format| format == "json"),
            Some(text) if text.starts_with("--format=") => json = text == "--format=json",
            _ => {}
        }
    }
    json
}
