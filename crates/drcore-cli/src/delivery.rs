//! A result on its way out: to every file that was asked for and to standard output, whatever fails on the way.

use std::io::Write;
use std::path::Path;

use drcore::Error;

use crate::fault::{Fault, UNPROVEN};
use crate::output;
use crate::screen::Screen;

/// Hands a result out, and remembers what could not be handed out.
///
/// The files come first: a pipe that is closed early must not cost them.
#[must_use = "what failed is told at its end"]
pub(crate) struct Delivery<'s> {
    screen: &'s Screen,
    failed: Vec<Error>,
}

impl<'s> Delivery<'s> {
    pub(crate) fn new(screen: &'s Screen) -> Self {
        Self { screen, failed: Vec::new() }
    }

    /// Writes a file.
    pub(crate) fn file(&mut self, path: &Path, text: Result<String, Error>) {
        self.wrote(path, text.and_then(|text| output::write(path, &text)));
    }

    /// Takes down that a file was written, or why it was not.
    pub(crate) fn wrote(&mut self, path: &Path, written: Result<(), Error>) {
        match written {
            Ok(()) => self.screen.incident.wrote(path),
            Err(error) => self.failed.push(error),
        }
    }

    /// Writes a file that may be larger than memory.
    pub(crate) fn streamed(&mut self, path: &Path, text: impl FnOnce(&mut dyn Write) -> Result<(), Error>) {
        self.wrote(path, output::stream(path, text));
    }

    /// Prints it to standard output.
    pub(crate) fn print(&mut self, text: &str) {
        if let Err(fault) = self.screen.print(text) {
            self.failed.push(fault.error);
        }
    }

    /// Tells what failed. Gives the exit code: that of the result, but none that reads as green where
    /// something that was asked for is not there.
    ///
    /// On standard error only: standard output has the result, and one is all that it may hold.
    pub(crate) fn end(mut self, code: u8) -> u8 {
        let Some(last) = self.failed.pop() else { return code };
        for error in &self.failed {
            self.screen.warn(&error.to_string());
        }
        let code = if code == 0 { UNPROVEN } else { code };
        self.screen.complain(&Fault { error: last, code })
    }
}
