//! The `drcore` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    drcore_cli::run(std::env::args_os()).into()
}
