//! The numbers and texts that an archive is made of.

use std::io::{self, Read};

use super::damage::Fault;
use super::header::ArchiveVersion;

/// How much text a table of contents may hold. No real one comes near it: a hundred thousand tables are some 100 MB.
const MOST_TEXT: u64 = 1 << 30;

/// Reads numbers and texts, and knows where it is.
pub(super) struct Fields<R> {
    input: R,
    at: u64,
    /// Of the format. What is read before it is known does not depend on it.
    pub(super) version: ArchiveVersion,
    int_size: u8,
    offset_size: u8,
    /// How much more text may come.
    room: u64,
}

impl<R: Read> Fields<R> {
    /// Of what begins at this byte.
    pub(super) fn new(input: R, at: u64) -> Self {
        Self { input, at, version: ArchiveVersion::one(0), int_size: 4, offset_size: 8, room: MOST_TEXT }
    }

    /// Of how many bytes numbers and offsets are.
    pub(super) fn sizes(&mut self, int: u8, offset: u8) -> Result<(), Fault> {
        if !(1..=8).contains(&int) || !(1..=8).contains(&offset) {
            return Err(self.broken(format!("numbers of {int} and offsets of {offset} bytes are none")));
        }
        (self.int_size, self.offset_size) = (int, offset);
        Ok(())
    }

    /// At which byte it is.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// That what was just read cannot be.
    pub(super) fn broken(&self, message: impl Into<String>) -> Fault {
        Fault::broken(message).at(self.at)
    }

    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        let mut byte = [0];
        self.exactly(&mut byte)?;
        Ok(byte[0])
    }

    /// A byte, or the end.
    pub(super) fn next(&mut self) -> Result<Option<u8>, Fault> {
        let mut byte = [0];
        loop {
            return match self.input.read(&mut byte) {
                Ok(0) => Ok(None),
                Ok(_) => {
                    self.at += 1;
                    Ok(Some(byte[0]))
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(self.failed(error)),
            };
        }
    }

    /// A sign, and the bytes from the lowest to the highest.
    pub(super) fn int(&mut self) -> Result<i64, Fault> {
        let sign = self.byte()?;
        let size = self.int_size;
        let number = self.little_endian(size)?;
        match (sign, i64::try_from(number)) {
            (0, Ok(number)) => Ok(number),
            (1, Ok(number)) => Ok(-number),
            _ => Err(self.broken("this is no number")),
        }
    }

    /// A number that is an id.
    pub(super) fn id(&mut self) -> Result<u32, Fault> {
        let number = self.int()?;
        u32::try_from(number)
            .ok()
            .filter(|id| *id > 0)
            .ok_or_else(|| self.broken(format!("{number} is no id")))
    }

    /// Where the data of an entry is, and what is known of it.
    pub(super) fn offset(&mut self) -> Result<(u8, u64), Fault> {
        let state = self.byte()?;
        let size = self.offset_size;
        Ok((state, self.little_endian(size)?))
    }

    /// A text, in bytes; none is not the same as an empty one.
    pub(super) fn bytes(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let length = self.int()?;
        let Ok(length) = u64::try_from(length) else {
            return if length == -1 {
                Ok(None)
            } else {
                Err(self.broken(format!("a text of {length} bytes is none")))
            };
        };
        let Some(room) = self.room.checked_sub(length) else {
            return Err(
                self.broken(format!("a text of {length} bytes is more than a table of contents holds"))
            );
        };
        self.room = room;
        let mut bytes = Vec::new();
        // As much memory as there are bytes, whatever the number says.
        let read =
            (&mut self.input).take(length).read_to_end(&mut bytes).map_err(|error| self.failed(error))?;
        self.at += read as u64;
        if (read as u64) < length {
            return Err(Fault::cut("it ends here, in the middle of a text").at(self.at));
        }
        Ok(Some(bytes))
    }

    /// A text. Bytes that are no UTF-8 are shown as such.
    pub(super) fn text(&mut self) -> Result<Option<String>, Fault> {
        let bytes = self.bytes()?;
        Ok(bytes.map(|bytes| match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }))
    }

    /// Bytes as they are: as many as there are at once.
    pub(super) fn some(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let count = self.input.read(buffer).map_err(|error| self.failed(error))?;
        self.at += count as u64;
        Ok(count)
    }

    /// Goes on behind so many bytes. Gives how many there were.
    pub(super) fn skip(&mut self, length: u64) -> Result<u64, Fault> {
        let skipped = io::copy(&mut (&mut self.input).take(length), &mut io::sink());
        let skipped = skipped.map_err(|error| self.failed(error))?;
        self.at += skipped;
        Ok(skipped)
    }

    fn little_endian(&mut self, size: u8) -> Result<u64, Fault> {
        let mut bytes = [0; 8];
        self.exactly(&mut bytes[..usize::from(size)])?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn exactly(&mut self, buffer: &mut [u8]) -> Result<(), Fault> {
        self.input.read_exact(buffer).map_err(|error| self.failed(error))?;
        self.at += buffer.len() as u64;
        Ok(())
    }

    fn failed(&self, error: io::Error) -> Fault {
        Fault::from(error).at(self.at)
    }
}
