//! The `drcore` command, as a function that the Python and Node packages expose too.
//!
//! Exit codes: `0` passed · `1` failed · `2` wrong usage or plan · `3` unproven · `130` interrupted.

mod commands;
mod fault;
mod interrupt;
mod output;
mod progress;
mod screen;

use std::ffi::OsString;

use clap::Parser;

use fault::Fault;
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
    let screen = Screen::of_process(wants_json(&arguments));
    let command = match commands::Cli::try_parse_from(&arguments) {
        Ok(cli) => cli.command,
        Err(error) => return screen.usage(&error),
    };
    commands::warn_of_passwords(&arguments, &screen);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return screen.fault(&Fault::from(drcore::Error::from(error))),
    };
    let code = match runtime.block_on(command.run(&screen)) {
        Ok(code) => code,
        Err(fault) => screen.fault(&fault),
    };
    // A server that does not answer must not keep us.
    runtime.shutdown_background();
    code
}

/// Explains a check, a kind of finding, a finding by its id or `plan.KEY`, as Markdown; without a topic, lists them.
///
/// # Errors
/// [`Usage`](drcore::ErrorKind::Usage) if there is no such topic, with what may have been meant.
pub fn explain(topic: Option<&str>) -> drcore::Result<String> {
    commands::explain(topic).map_err(|fault| fault.error)
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
