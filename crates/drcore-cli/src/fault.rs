//! An error and the exit code that it means.

use drcore::{Error, ErrorKind};

/// What was wrong with how drcore was called: the exit code.
pub(crate) const USAGE: u8 = 2;
/// Could not find out: the exit code.
pub(crate) const UNPROVEN: u8 = 3;

/// An error and the exit code that it means.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) error: Error,
    pub(crate) code: u8,
}

impl Fault {
    /// Something that the caller gave is wrong, whatever kind of error it is.
    pub(crate) fn usage(error: Error) -> Self {
        Self { error, code: USAGE }
    }

    /// A file that was asked for could not be written: nobody may take the run for green.
    pub(crate) fn unwritten(error: Error) -> Self {
        Self { error, code: UNPROVEN }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            ErrorKind::Format | ErrorKind::Io | ErrorKind::Plan | ErrorKind::Refused | ErrorKind::Usage => {
                USAGE
            }
            ErrorKind::Cancelled => 130,
            _ => UNPROVEN,
        };
        Self { error, code }
    }
}
