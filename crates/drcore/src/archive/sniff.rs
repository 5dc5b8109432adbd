//! Telling which format it is, by how it begins.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::codec::Decoder;
use super::damage::Fault;
use super::header::{Compression, MAGIC};
use super::input::{ArchiveInput, Bottom, Opened};
use super::{Bytes, TABLE};

/// How much is read at once.
const CHUNK: usize = 256 << 10;
/// How often an archive may have been compressed as a whole.
const MOST_WRAPPINGS: usize = 2;

/// An archive, unwrapped, at its beginning.
pub(super) struct Begun {
    pub(super) place: Place,
    /// How it was compressed as a whole, the outermost first.
    pub(super) wrapped: Vec<Compression>,
}

/// What it is, and where it is read from.
pub(super) enum Place {
    Custom(Bytes),
    Directory(PathBuf),
    Plain(Bytes),
    Tar(Bytes),
}

/// What begins like this is compressed by what is not read here.
const FOREIGN: [(&[u8], &str); 4] =
    [(b"\xfd7zXZ\0", "xz"), (b"BZh", "bzip2"), (b"PK\x03\x04", "zip"), (b"7z\xbc\xaf\x27\x1c", "7z")];

/// Opens an archive.
pub(super) fn begin(input: ArchiveInput) -> Result<Begun, Fault> {
    match input.open()? {
        Opened::Bytes(bottom) => unwrap(bottom),
        Opened::Directory(path) => Ok(Begun { place: Place::Directory(path), wrapped: Vec::new() }),
    }
}

/// What a file or directory is, if it begins as a dump does: nobody takes it for a baseline then.
pub(crate) fn dump_at(path: &Path) -> Option<&'static str> {
    if path.is_dir() {
        return path.join(TABLE).is_file().then_some("a pg_dump archive (directory)");
    }
    let mut begin = Vec::new();
    std::fs::File::open(path).ok()?.take(64).read_to_end(&mut begin).ok()?;
    match begin.as_slice() {
        [b'P', b'G', b'D', b'M', b'P', ..] => Some("a pg_dump archive"),
        // It comes first in it.
        tar if tar.starts_with(b"toc.dat\0") => Some("a pg_dump archive (tar)"),
        sql if sql.starts_with(b"--") && sql.windows(10).any(|text| text == b"PostgreSQL") => {
            Some("a dump in plain SQL")
        }
        packed if compression_of(packed).is_some() => Some("a compressed file, as dumps are"),
        _ => None,
    }
}

/// By what it was compressed as a whole.
fn compression_of(begin: &[u8]) -> Option<Compression> {
    match begin {
        [0x1f, 0x8b, ..] => Some(Compression::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Compression::Zstd),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some(Compression::Lz4),
        _ => None,
    }
}

/// The table of contents of a directory.
pub(super) fn table(path: &Path) -> Result<BufReader<Bottom>, Fault> {
    let path = path.join(TABLE);
    if path.try_exists().is_ok_and(|exists| !exists) {
        return Err(Fault::missing("it is a directory without toc.dat, the table of contents of an archive"));
    }
    Bottom::open(&path).map(|file| BufReader::with_capacity(CHUNK, file))
}

fn unwrap(bottom: Bottom) -> Result<Begun, Fault> {
    let mut input: Bytes = Box::new(Peeked::new(bottom)?);
    let mut wrapped = Vec::new();
    loop {
        let begin = input.fill_buf()?;
        if begin.is_empty() {
            return Err(Fault::cut("it is empty").at(0));
        }
        if let Some((_, program)) = FOREIGN.iter().find(|(magic, _)| begin.starts_with(magic)) {
            return Err(Fault::unsupported(format!("it is compressed by {program}, which is not read here")));
        }
        let Some(compression) = compression_of(begin) else {
            let place = place_of(begin)(input);
            return Ok(Begun { place, wrapped });
        };
        if wrapped.len() == MOST_WRAPPINGS {
            let message = format!("it was compressed more than {MOST_WRAPPINGS} times");
            return Err(Fault::unsupported(message));
        }
        wrapped.push(compression);
        input = Box::new(Peeked::new(Decoder::of_file(compression, input)?)?);
    }
}

fn place_of(begin: &[u8]) -> fn(Bytes) -> Place {
    let is_tar = begin.starts_with(b"toc.dat\0") || begin.get(257..262) == Some(b"ustar");
    if begin.starts_with(MAGIC) {
        Place::Custom
    } else if is_tar {
        Place::Tar
    } else {
        Place::Plain
    }
}

/// A buffered reader that has its first bytes, at least a tar's header, in one piece.
struct Peeked<R> {
    first: std::io::Cursor<Vec<u8>>,
    rest: BufReader<R>,
}

impl<R: Read> Peeked<R> {
    fn new(input: R) -> std::io::Result<Self> {
        let mut rest = BufReader::with_capacity(CHUNK, input);
        let mut first = Vec::new();
        (&mut rest).take(512).read_to_end(&mut first)?;
        Ok(Self { first: std::io::Cursor::new(first), rest })
    }
}

impl<R: Read> Read for Peeked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let first = self.first.read(buffer)?;
        if first > 0 { Ok(first) } else { self.rest.read(buffer) }
    }
}

impl<R: Read> BufRead for Peeked<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        if self.first.position() < self.first.get_ref().len() as u64 {
            return self.first.fill_buf();
        }
        self.rest.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if self.first.position() < self.first.get_ref().len() as u64 {
            self.first.consume(amount);
        } else {
            self.rest.consume(amount);
        }
    }
}
