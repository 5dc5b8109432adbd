//! The `drcore` command.

use napi_derive::napi;

/// Runs the `drcore` command with these arguments, the program's name first. Gives its exit code.
#[napi]
pub fn cli(argv: Vec<String>) -> u8 {
    drcore_cli::run(argv)
}
