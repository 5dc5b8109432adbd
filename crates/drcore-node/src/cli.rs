//! The `drcore` command.

use napi_derive::napi;

use crate::answer::{Answer, answer};

/// Runs the `drcore` command with these arguments, the program's name first. Gives its exit code.
#[napi]
pub fn cli(argv: Vec<String>) -> u8 {
    drcore_cli::run(argv)
}

/// Explains a check, a kind of finding, a finding or a key of the plan, as Markdown; without a topic, lists them.
#[napi]
pub fn explain(topic: Option<String>) -> Answer<String> {
    answer(drcore_cli::explain(topic.as_deref()))
}
