//! Counting what is in an archive: one thread reads and decompresses, the other counts.

use std::collections::BTreeSet;
use std::thread;

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::custom::Custom;
use super::damage::{ArchiveDamage, DamageKind, Fault};
use super::directory::Directory;
use super::entry::ArchiveEntry;
use super::header::ArchiveForm;
use super::parts::{Deaf, Hearer, Part, Teller, Told, channel};
use super::plain::{self, Inserts, Plain};
use super::rows::{CopyText, Wanted};
use super::table::{ArchiveTable, ArchiveTableState, Read};
use super::tar::TarData;
use super::{Archive, Bytes, Source};
use crate::content::{Fingerprint, RowHash};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::QualifiedName;
use crate::text::plural;

/// What `pg_dump` writes behind the rows of a table.
const AFTER_ROWS: &[u8] = b"\n\n";

/// Reads all data of an archive. That it could not be read on is in what it gives.
///
/// # Errors
/// [`ErrorKind::Cancelled`] if somebody cancelled.
pub(super) fn count(archive: Archive, fingerprint: bool, cancel: &CancellationToken) -> Result<Read> {
    let Archive { header, entries, data, source } = archive;
    let compression = header.compression;
    let wanted = Wanted { fingerprint, utf8: header.encoding.as_deref() == Some("UTF8") };
    let is_plain = header.form == ArchiveForm::Plain;
    let mut read = Read::new(header);
    let (teller, hearer) = channel();
    let read = thread::scope(|scope| {
        let (entries, data) = (&entries, &data);
        // It goes away with this closure, however that ends: who tells something must not wait for nobody.
        let hearer = hearer;
        scope.spawn(move || {
            // Where nobody listens any more, nothing is left to be told.
            let _: std::result::Result<(), Deaf> = match source {
                Source::Custom(fields) => Custom::new(*fields, compression, entries, data).tell(&teller),
                Source::Directory(path) => Directory { path: &path, entries, data }.tell(&teller),
                Source::Plain(input) => tell_plain(input, &teller),
                Source::Tar(tar) => TarData::new(tar, entries, data).tell(&teller),
            };
        });
        if is_plain {
            return hear_plain(Plain::new(read, wanted), &hearer, cancel);
        }
        let mut counter = Counter::new(entries, wanted, &mut read);
        while let Some(told) = hearer.next() {
            if cancel.is_cancelled() {
                return Err(cancelled());
            }
            counter.hear(told, &hearer);
        }
        counter.finish();
        Ok(read)
    })?;
    Ok(if is_plain { read } else { Read { entries, ..read } })
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "reading the archive was cancelled")
}

/// A text in pieces, without parts.
fn tell_plain(input: Bytes, teller: &Teller) -> std::result::Result<(), Deaf> {
    match teller.pour(input)? {
        Ok(()) => Ok(()),
        Err(error) => teller.tell(Fault::from(error).into()),
    }
}

fn hear_plain(mut plain: Plain, hearer: &Hearer, cancel: &CancellationToken) -> Result<Read> {
    let (mut damage, mut unknown) = (None, None);
    while let Some(told) = hearer.next() {
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        match told {
            Told::Piece(piece) => {
                plain.feed(&piece);
                hearer.done(piece);
            }
            Told::Damaged(of_text) => damage = Some(of_text),
            Told::Unknown(error) => unknown = Some(error),
            Told::Begin(_) | Told::End(_) | Told::LargeObjects(_) => {}
        }
    }
    Ok(plain.finish(damage, unknown))
}

/// What an entry's data is being counted by.
enum Current {
    LargeObject {
        bytes: u64,
        hash: Option<Sha256>,
    },
    Inserts(Inserts),
    /// With the beginning of what follows the rows.
    Rows {
        copy: CopyText,
        after: Vec<u8>,
    },
    /// Nobody knows what it is.
    Unknown,
}

/// How far an entry's data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Awaited,
    Begun,
    Over,
}

/// Counts the data of the entries of an archive.
struct Counter<'a> {
    entries: &'a [ArchiveEntry],
    wanted: Wanted,
    standard_strings: bool,
    read: &'a mut Read,
    progress: Vec<Progress>,
    /// Large objects that were there, whole or not.
    large_objects: Vec<u32>,
    current: Option<(Part, Current)>,
}

impl<'a> Counter<'a> {
    fn new(entries: &'a [ArchiveEntry], wanted: Wanted, read: &'a mut Read) -> Self {
        let progress = |entry: &ArchiveEntry| if entry.has_data { Progress::Awaited } else { Progress::Over };
        let strings = entries.iter().find(|entry| entry.is("STDSTRINGS"));
        let standard_strings = strings
            .and_then(|entry| entry.definition.as_ref())
            .is_none_or(|definition| !definition.contains("off"));
        Self {
            progress: entries.iter().map(progress).collect(),
            entries,
            wanted,
            standard_strings,
            read,
            large_objects: Vec::new(),
            current: None,
        }
    }

    fn hear(&mut self, told: Told, hearer: &Hearer) {
        match told {
            Told::Begin(part) => self.begin(part),
            Told::Piece(piece) => {
                self.piece(&piece);
                hearer.done(piece);
            }
            Told::End(end) => self.end(end),
            Told::LargeObjects(place) => self.progress[place] = Progress::Over,
            Told::Damaged(damage) => self.read.damage.push(damage),
            Told::Unknown(error) => self.read.unknown = Some(error),
        }
    }

    fn begin(&mut self, part: Part) {
        if let Part::LargeObject { oid, .. } = part {
            self.large_objects.push(oid);
        }
        let entry = &self.entries[part.entry()];
        self.progress[part.entry()] = Progress::Begun;
        let current = match (part, &entry.copy) {
            (Part::LargeObject { oid, .. }, _) => {
                let hash = self.wanted.fingerprint.then(|| Sha256::new_with_prefix(oid.to_be_bytes()));
                Current::LargeObject { bytes: 0, hash }
            }
            (Part::Entry(_), Some(copy)) if entry.is_rows() => {
                let copy = CopyText::new(plain::columns(copy), self.wanted);
                Current::Rows { copy, after: Vec::new() }
            }
            (Part::Entry(_), None) if entry.is_rows() => {
                Current::Inserts(Inserts::new(self.standard_strings))
            }
            (Part::Entry(_), _) => Current::Unknown,
        };
        self.current = Some((part, current));
    }

    fn piece(&mut self, piece: &[u8]) {
        match self.current.as_mut().map(|(_, current)| current) {
            Some(Current::LargeObject { bytes, hash }) => {
                *bytes += piece.len() as u64;
                if let Some(hash) = hash {
                    hash.update(piece);
                }
            }
            Some(Current::Inserts(inserts)) => inserts.feed(piece),
            Some(Current::Rows { copy, after }) => {
                let used = copy.feed(piece);
                let room = AFTER_ROWS.len() + 1 - after.len();
                after.extend(piece[used..].iter().take(room));
            }
            Some(Current::Unknown) | None => {}
        }
    }

    fn end(&mut self, end: std::result::Result<(), ArchiveDamage>) {
        let Some((part, current)) = self.current.take() else { return };
        let entry = &self.entries[part.entry()];
        match (part, current) {
            (Part::Entry(place), Current::Rows { copy, after }) => {
                self.progress[place] = Progress::Over;
                let mut table = table(entry);
                table.bytes = copy.bytes();
                let counted = end.map_err(Fault::Damaged).and_then(|()| copy.finish());
                let counted = counted.and_then(|counted| match &after[..] {
                    AFTER_ROWS => Ok(counted),
                    after if AFTER_ROWS.starts_with(after) => {
                        Err(Fault::cut("what follows its rows is not there"))
                    }
                    _ => Err(Fault::broken("bytes follow the end of its rows")),
                });
                let counted = counted.map(|counted| (counted.rows, counted.fingerprint));
                self.table(table, counted, copy.rows());
            }
            (Part::Entry(place), Current::Inserts(inserts)) => {
                self.progress[place] = Progress::Over;
                let mut table = table(entry);
                table.bytes = inserts.bytes();
                let counted = end.map_err(Fault::Damaged).and_then(|()| inserts.finish());
                self.table(table, counted.map(|rows| (rows, None)), inserts.rows());
            }
            (Part::LargeObject { oid, .. }, Current::LargeObject { bytes, hash }) => match end {
                Ok(()) => {
                    let large = &mut self.read.large_objects;
                    large.count += 1;
                    *large.bytes.get_or_insert_default() += bytes;
                    if let Some(hash) = hash {
                        *large.fingerprint.get_or_insert_default() += RowHash::of_digest(hash);
                    }
                }
                Err(damage) => self.read.damage.push(damage.of(&format!("large object {oid}"))),
            },
            (part, _) => {
                self.progress[part.entry()] = Progress::Over;
                let object = shown(entry);
                match end {
                    Ok(()) => self
                        .read
                        .unproven
                        .push(format!("{object}: its data is of a kind that is not known here")),
                    Err(damage) => self.read.damage.push(damage.of(&object)),
                }
            }
        }
    }

    fn table(
        &mut self,
        mut table: ArchiveTable,
        counted: std::result::Result<(u64, Option<Fingerprint>), Fault>,
        rows: u64,
    ) {
        match counted {
            Ok((rows, fingerprint)) => table.add(rows, fingerprint),
            Err(Fault::Damaged(damage)) => {
                table.break_off(ArchiveTableState::Damaged, rows);
                self.read.damage.push(damage.of(&table.shown()));
            }
            Err(Fault::Unknown(error)) => {
                table.break_off(ArchiveTableState::Unread, rows);
                self.read.unknown = Some(error);
            }
        }
        self.read.tables.push(table);
    }

    /// Says what was not there, or not read.
    fn finish(mut self) {
        self.miss_large_objects();
        let open = self.current.take();
        let missing = || ArchiveDamage::missing("its data is not there");
        for (place, (entry, progress)) in self.entries.iter().zip(self.progress).enumerate() {
            if progress == Progress::Over {
                continue;
            }
            let is_unread = self.read.unknown.is_some();
            let state = if is_unread { ArchiveTableState::Unread } else { ArchiveTableState::Damaged };
            if entry.is_rows() {
                let mut table = table(entry);
                let rows = match &open {
                    Some((Part::Entry(at), Current::Rows { copy, .. })) if *at == place => copy.rows(),
                    Some((Part::Entry(at), Current::Inserts(inserts))) if *at == place => inserts.rows(),
                    _ => 0,
                };
                table.break_off(state, rows);
                self.read.tables.push(table);
            }
            if !is_unread {
                self.read.damage.push(missing().of(&shown(entry)));
            }
        }
    }
}

impl Counter<'_> {
    /// Compares the large objects that were there with those that are made: their list in a directory or tar has no
    /// end of its own, and no checksum is over an oid.
    fn miss_large_objects(&mut self) {
        let data = self.entries.iter().zip(&self.progress).filter(|(entry, _)| entry.is_large_objects());
        let mut data = data.peekable();
        let is_there = data.peek().is_some() && data.all(|(_, progress)| *progress == Progress::Over);
        let (mut made, unreadable) = large_objects_made(self.entries);
        if unreadable > 0 {
            let message = format!("{} made by what is no oid", plural(unreadable, "large object"));
            self.read.damage.push(ArchiveDamage::new(DamageKind::Corrupt, message));
        }
        if !is_there || self.read.unknown.is_some() || (made.is_empty() && unreadable == 0) {
            return;
        }
        let mut unexpected = std::mem::take(&mut self.large_objects);
        unexpected.retain(|oid| !made.remove(oid));
        let damage = [
            (DamageKind::Missing, Vec::from_iter(made), "made, and their data is not there"),
            (DamageKind::Corrupt, unexpected, "not made, or made once, and there is data of them"),
        ];
        for (kind, oids, what) in damage {
            if let Some(first) = oids.first() {
                let count = plural(oids.len() as u64, "large object");
                let message = format!("{count}, the first with oid {first}: {what}");
                self.read.damage.push(ArchiveDamage::new(kind, message));
            }
        }
    }
}

/// The large objects that an archive makes, none where it does not say so; and how many of them are named by what is
/// no oid. Each is an entry, or since PostgreSQL 17 a line of one.
fn large_objects_made(entries: &[ArchiveEntry]) -> (BTreeSet<u32>, u64) {
    let of = |kind: &'static str| entries.iter().filter(move |entry| entry.is(kind));
    let lists = of("BLOB METADATA").filter_map(|entry| entry.definition.as_deref());
    let oids = of("BLOB").map(|entry| &entry.name[..]).chain(lists.flat_map(str::lines));
    let (mut made, mut unreadable) = (BTreeSet::new(), 0);
    for oid in oids {
        match oid.trim().parse() {
            Ok(oid) => drop(made.insert(oid)),
            Err(_) => unreadable += 1,
        }
    }
    (made, unreadable)
}

/// The table whose rows an entry is.
fn table(entry: &ArchiveEntry) -> ArchiveTable {
    let name = entry.qualified_name();
    ArchiveTable::new(name.unwrap_or_else(|| QualifiedName::new("public", &entry.name)), None)
}

/// An entry as it is told.
fn shown(entry: &ArchiveEntry) -> String {
    if entry.is_rows() {
        table(entry).shown()
    } else if entry.is_large_objects() {
        format!("large objects {}", entry.name).trim_end().to_owned()
    } else {
        format!("{} {}", entry.kind, entry.name)
    }
}
