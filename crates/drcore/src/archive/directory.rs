//! The data of an archive that is a directory: a file for each entry, and for each large object.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::codec::Decoder;
use super::damage::Fault;
use super::entry::{ArchiveEntry, Data};
use super::header::Compression;
use super::input::Bottom;
use super::parts::{Deaf, Part, Teller, Told};

/// How a file may be compressed, by what follows its name.
const SUFFIXES: [(&str, Compression); 4] = [
    ("", Compression::None),
    (".gz", Compression::Gzip),
    (".lz4", Compression::Lz4),
    (".zst", Compression::Zstd),
];

/// How much of a file is read at once.
const AT_ONCE: usize = 256 << 10;

/// Reads the data of all entries.
pub(super) struct Directory<'a> {
    pub(super) path: &'a Path,
    pub(super) entries: &'a [ArchiveEntry],
    pub(super) data: &'a [Data],
}

impl Directory<'_> {
    /// Tells all of it.
    pub(super) fn tell(&self, teller: &Teller) -> Result<(), Deaf> {
        for (place, (entry, data)) in self.entries.iter().zip(self.data).enumerate() {
            let Data::File(name) = data else { continue };
            let told = if entry.is_large_objects() {
                self.large_objects(place, name, teller)?
            } else {
                self.part(Part::Entry(place), name, teller)?
            };
            if let Err(error) = told {
                return teller.tell(Told::Unknown(error));
            }
        }
        Ok(())
    }

    /// Tells what is in one file.
    fn part(&self, part: Part, name: &str, teller: &Teller) -> Result<crate::Result<()>, Deaf> {
        teller.tell(Told::Begin(part))?;
        let (path, file, compression) = match self.open(name) {
            Ok(opened) => opened,
            Err(fault) => return end_with(fault, name, teller),
        };
        let mut input = BufReader::with_capacity(AT_ONCE, file);
        let read = match Decoder::of_file(compression, &mut input) {
            Ok(decoder) => teller.pour(decoder)?,
            Err(error) => Err(error),
        };
        match read {
            Ok(()) => teller.tell(Told::End(Ok(()))).map(Ok),
            Err(error) => {
                let at = input.get_ref().at() - input.buffer().len() as u64;
                let shown = path.file_name().map_or_else(|| name.into(), |name| name.to_string_lossy());
                end_with(Fault::from(error).at(at), &shown, teller)
            }
        }
    }

    /// Tells each large object that a list names.
    fn large_objects(&self, place: usize, name: &str, teller: &Teller) -> Result<crate::Result<()>, Deaf> {
        let mut list = match self.open(name) {
            Ok((_, file, _)) => BufReader::new(file),
            Err(fault) => return tell(fault, name, teller),
        };
        loop {
            let mut line = Vec::new();
            match (&mut list).take(1024).read_until(b'\n', &mut line) {
                Ok(0) => return teller.tell(Told::LargeObjects(place)).map(Ok),
                Ok(_) => {}
                Err(error) => return tell(error.into(), name, teller),
            }
            let Some((oid, file)) = large_object(&line) else {
                let fault = Fault::broken("a line of the list of large objects names none");
                return tell(fault, name, teller);
            };
            if let Err(error) = self.part(Part::LargeObject { entry: place, oid }, file, teller)? {
                return Ok(Err(error));
            }
        }
    }

    /// The file of this name, or the one that it became when it was compressed.
    fn open(&self, name: &str) -> Result<(PathBuf, Bottom, Compression), Fault> {
        // A name that leads elsewhere is not one that pg_dump wrote.
        let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'));
        if !is_plain || name.starts_with('.') {
            return Err(Fault::broken("an entry names a file that is none of an archive's"));
        }
        for (suffix, compression) in SUFFIXES {
            let path = self.path.join(format!("{name}{suffix}"));
            match path.try_exists() {
                Ok(false) => {}
                _ => return Bottom::open(&path).map(|file| (path, file, compression)),
            }
        }
        Err(Fault::missing("its file is not there"))
    }
}

/// Ends a part with a fault; gives one that is none of the archive's.
fn end_with(fault: Fault, name: &str, teller: &Teller) -> Result<crate::Result<()>, Deaf> {
    match fault {
        Fault::Damaged(damage) => teller.tell(Told::End(Err(damage.in_file(name)))).map(Ok),
        Fault::Unknown(error) => Ok(Err(error)),
    }
}

/// Tells a fault that is in no part; gives one that is none of the archive's.
fn tell(fault: Fault, name: &str, teller: &Teller) -> Result<crate::Result<()>, Deaf> {
    match fault {
        Fault::Damaged(damage) => teller.tell(Told::Damaged(damage.in_file(name))).map(Ok),
        Fault::Unknown(error) => Ok(Err(error)),
    }
}

/// A line of the list of large objects: an oid, and the file that it is in, which is called by the oid.
pub(super) fn large_object(line: &[u8]) -> Option<(u32, &str)> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (oid, file) = line.split_once(' ')?;
    let oid = oid.parse().ok()?;
    (file == format!("blob_{oid}.dat")).then_some((oid, file))
}
