//! Reading what `pg_dump` and `pg_dumpall` wrote, without a server.
//!
//! [`Archive::open`] reads the beginning: which format it is, what it says of itself, and its table of contents.
//! All formats are read from front to back, in bounded memory, so that anything that gives bytes will do: a file,
//! standard input, an object in a store. Archives that were compressed as a whole (`.dump.gz`, `.sql.zst`, twice
//! even) are read as they are.
//!
//! An archive is what somebody else wrote: no number in it is believed before the bytes are there.
//!
//! Sources: `pg_backup_archiver.c`, `pg_backup_custom.c`, `pg_backup_directory.c`, `pg_backup_tar.c` and
//! `compress_*.c` in PostgreSQL's `src/bin/pg_dump`.

mod against;
mod codec;
mod counting;
mod custom;
mod damage;
mod directory;
mod entry;
mod fields;
mod header;
mod input;
mod inspect;
mod inspection;
mod options;
mod parts;
mod plain;
mod render;
mod rows;
mod sniff;
mod stored;
mod table;
mod tar;
mod unwrapped;

use std::fmt;
use std::io::BufRead;
use std::path::PathBuf;

use crate::error::Result;

pub use damage::{ArchiveDamage, DamageKind};
pub use entry::{ArchiveEntry, Section};
pub use header::{ArchiveForm, ArchiveHeader, ArchiveVersion, Compression};
pub use input::ArchiveInput;
pub use inspect::{inspect, inspect_blocking};
pub use inspection::{ArchiveDifference, Checksums, InspectAgainst, InspectRun, InspectVerdict, Inspection};
pub use options::InspectOptions;
pub use table::{ArchiveLargeObjects, ArchiveTable, ArchiveTableState};
pub(crate) use unwrapped::unwrap;

pub(crate) use sniff::dump_at;

use damage::Fault;
use entry::Data;
use fields::Fields;
use sniff::{Begun, Place};
use tar::Tar;

/// The file that the table of contents is in.
const TABLE: &str = "toc.dat";

/// Bytes from front to back.
type Bytes = Box<dyn BufRead + Send>;

/// An archive whose beginning was read.
pub struct Archive {
    /// What it says of itself.
    pub header: ArchiveHeader,
    /// Its table of contents, in its own order. Plain SQL has none.
    pub entries: Vec<ArchiveEntry>,
    /// Where the data of each entry is.
    data: Vec<Data>,
    source: Source,
}

/// Where the data is read from.
enum Source {
    /// Behind the table of contents.
    Custom(Box<Fields<Bytes>>),
    Directory(PathBuf),
    /// From the beginning.
    Plain(Bytes),
    /// Behind the file that the table of contents is in.
    Tar(Tar<Bytes>),
}

impl Archive {
    /// Reads the beginning of an archive, up to and with its table of contents.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be read; [`ErrorKind::Format`](crate::ErrorKind::Format)
    /// if it is no archive, or is broken before its data begins; [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported)
    /// if it is of a version that is not known here.
    pub fn open(input: ArchiveInput) -> Result<Self> {
        let name = input.name().to_owned();
        Self::begin(input).map_err(|fault| fault.into_error(&name))
    }

    /// As [`open`](Self::open), telling what is damaged from what could not be read.
    fn begin(input: ArchiveInput) -> std::result::Result<Self, Fault> {
        let Begun { place, wrapped } = sniff::begin(input)?;
        match place {
            Place::Custom(input) => {
                let mut fields = Fields::new(input, 0);
                let (header, entries, data) = read_table(&mut fields, ArchiveForm::Custom, wrapped)?;
                Ok(Self { header, entries, data, source: Source::Custom(Box::new(fields)) })
            }
            Place::Directory(path) => {
                let mut fields = Fields::new(sniff::table(&path)?, 0);
                let read = read_table(&mut fields, ArchiveForm::Directory, wrapped);
                let (header, entries, data) = read.map_err(|fault| fault.in_file(TABLE))?;
                if fields.next()?.is_some() {
                    return Err(fields.broken("bytes follow the table of contents").in_file(TABLE));
                }
                Ok(Self { header, entries, data, source: Source::Directory(path) })
            }
            Place::Plain(input) => Ok(Self {
                header: ArchiveHeader::of_form(ArchiveForm::Plain, wrapped),
                entries: Vec::new(),
                data: Vec::new(),
                source: Source::Plain(input),
            }),
            Place::Tar(input) => {
                let mut tar = Tar::new(input, 0);
                let Some(member) = tar.next()?.filter(|member| member.name == TABLE) else {
                    let message =
                        "it is a tar file that pg_dump did not write: its first file is not toc.dat";
                    let hint =
                        "If it holds a directory that pg_dump -Fd wrote, unpack it and give the directory.";
                    return Err(Fault::unsupported(message).hint(hint));
                };
                let mut fields = Fields::new(tar.content(&member), 0);
                let read = read_table(&mut fields, ArchiveForm::Tar, wrapped);
                let (header, entries, data) = read.map_err(|fault| fault.in_file(TABLE))?;
                if fields.next()?.is_some() {
                    return Err(fields.broken("bytes follow the table of contents").in_file(TABLE));
                }
                tar.skip(&member, 0)?;
                Ok(Self { header, entries, data, source: Source::Tar(tar) })
            }
        }
    }
}

/// Without its data.
impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive")
            .field("header", &self.header)
            .field("entries", &self.entries.len())
            .finish_non_exhaustive()
    }
}

/// Reads header and table of contents.
fn read_table<R: std::io::Read>(
    fields: &mut Fields<R>,
    form: ArchiveForm,
    wrapped: Vec<Compression>,
) -> std::result::Result<(ArchiveHeader, Vec<ArchiveEntry>, Vec<Data>), Fault> {
    let mut header = ArchiveHeader::read(fields, form, wrapped)?;
    let (entries, data) = entry::read_all(fields, form)?;
    header.encoding = entry::encoding(&entries);
    Ok((header, entries, data))
}
