//! An archive that was compressed as a whole, as it was before that.

use std::io::{Read, Write};

use super::damage::Fault;
use super::input::ArchiveInput;
use super::sniff::{self, Begun, Place};
use crate::error::{Error, ErrorKind, Result};

/// Writes an archive as it was before it was compressed as a whole: programs of PostgreSQL read no other.
///
/// # Errors
/// [`ErrorKind::Io`] if it cannot be read or written; [`ErrorKind::Format`] if its end, or something in it, is damaged.
pub(crate) fn unwrap(input: ArchiveInput, into: &mut impl Write) -> Result<()> {
    let name = input.name().to_owned();
    let Begun { place, .. } = sniff::begin(input).map_err(|fault| fault.into_error(&name))?;
    let mut bytes = match place {
        Place::Custom(bytes) | Place::Plain(bytes) | Place::Tar(bytes) => bytes,
        Place::Directory(_) => {
            return Err(Error::new(ErrorKind::Internal, "a directory is compressed by nobody"));
        }
    };
    let mut piece = vec![0; 256 << 10];
    loop {
        let read = bytes.read(&mut piece).map_err(|error| Fault::from(error).into_error(&name))?;
        if read == 0 {
            break;
        }
        into.write_all(&piece[..read])
            .map_err(|error| Error::new(ErrorKind::Io, "the archive cannot be unpacked").caused_by(error))?;
    }
    into.flush().map_err(|error| Error::new(ErrorKind::Io, "the archive cannot be unpacked").caused_by(error))
}
