//! Lines of JSON in a temporary file that has no name: as many as there are, read as often as wanted.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};

/// Where lines are kept. Says nothing of what they hold: every two are equal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spool(Option<Arc<File>>);

impl PartialEq for Spool {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Spool {
    /// All of them, from the first; none where none are kept.
    pub(crate) fn rows<T>(&self) -> Option<Rows<T>> {
        let file = Arc::clone(self.0.as_ref()?);
        Some(Rows(Source::File(BufReader::new(At { file, at: 0 }), PhantomData)))
    }
}

/// Rows, one after the other, however many.
#[derive(Debug)]
pub struct Rows<T>(Source<T>);

#[derive(Debug)]
enum Source<T> {
    File(BufReader<At>, PhantomData<fn() -> T>),
    Memory(std::vec::IntoIter<T>),
}

impl<T> Rows<T> {
    /// These.
    pub(crate) fn of(rows: Vec<T>) -> Self {
        Self(Source::Memory(rows.into_iter()))
    }
}

impl<T: DeserializeOwned> Iterator for Rows<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        let file = match &mut self.0 {
            Source::Memory(rows) => return rows.next().map(Ok),
            Source::File(file, _) => file,
        };
        let mut line = String::new();
        match file.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_str(&line).map_err(|error| {
                Error::new(ErrorKind::Internal, "a temporary file is not as it was written").caused_by(error)
            })),
            Err(error) => Some(Err(unusable(error))),
        }
    }
}

/// Reads from a place of its own in a file that others read too.
#[derive(Debug)]
struct At {
    file: Arc<File>,
    at: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err wants it")]
fn unusable(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("temporary files cannot be written or read: {error}"))
        .hint("Make room in the directory of temporary files, or name another one in TMPDIR.")
}

/// Writes lines down.
#[derive(Debug)]
pub(crate) struct Writer {
    file: BufWriter<File>,
}

impl Writer {
    /// # Errors
    /// [`ErrorKind::Io`] if there is no room for temporary files.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { file: BufWriter::new(tempfile::tempfile().map_err(unusable)?) })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if it cannot be written.
    pub(crate) fn line(&mut self, json: &str) -> Result<()> {
        writeln!(self.file, "{json}").map_err(unusable)
    }

    /// Where the next line will begin.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if what was written before cannot be.
    pub(crate) fn position(&mut self) -> Result<u64> {
        self.file.stream_position().map_err(unusable)
    }

    /// Takes back what was written since.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if it cannot be.
    pub(crate) fn back_to(&mut self, position: u64) -> Result<()> {
        self.file.seek(std::io::SeekFrom::Start(position)).map_err(unusable)?;
        self.file.get_ref().set_len(position).map_err(unusable)
    }

    /// All that was written down.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the end of it cannot be.
    pub(crate) fn finish(self) -> Result<Spool> {
        let file = self.file.into_inner().map_err(|error| unusable(error.into_error()))?;
        Ok(Spool(Some(Arc::new(file))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_often_as_wanted() {
        let mut writer = Writer::new().unwrap();
        writer.line("1").unwrap();
        let here = writer.position().unwrap();
        writer.line("2").unwrap();
        writer.back_to(here).unwrap();
        writer.line("3").unwrap();
        let spool = writer.finish().unwrap();
        for _ in 0..2 {
            let rows: Result<Vec<u32>> = spool.rows::<u32>().unwrap().collect();
            assert_eq!(rows.unwrap(), [1, 3]);
        }
        assert!(spool.rows::<String>().unwrap().next().unwrap().is_err());
        assert!(Spool::default().rows::<u32>().is_none());
        assert_eq!(Rows::of(vec![7]).map(Result::unwrap).collect::<Vec<u32>>(), [7]);
    }
}
