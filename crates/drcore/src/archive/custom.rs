//! The data of a custom archive: blocks, one after the other, in any order.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use super::codec::Decoder;
use super::damage::{ArchiveDamage, Fault};
use super::entry::{ArchiveEntry, Data};
use super::fields::Fields;
use super::header::Compression;
use super::parts::{Deaf, Part, Teller, Told};

/// Rows, or whatever else an entry has.
const DATA: u8 = 1;
/// Large objects.
const LARGE_OBJECTS: u8 = 3;
/// `pg_dump` writes pieces of some 4 KiB; so much of them is decompressed at once.
const AT_ONCE: usize = 256 << 10;

/// Reads the data of all entries, from front to back.
pub(super) struct Custom<'a, R> {
    fields: Fields<R>,
    compression: Compression,
    entries: &'a [ArchiveEntry],
    data: &'a [Data],
    /// Places of entries that must have data, and whose was not there yet, by their numbers.
    wanted: BTreeMap<u32, usize>,
    /// Where the data of entries begins, as far as the table of contents says it: it does not where the archive was
    /// written into a pipe.
    begins: BTreeMap<u64, usize>,
}

/// That nobody knows where the next block begins. Holds the fault, where it was not told yet.
struct Lost(Option<Fault>);

impl From<Fault> for Lost {
    fn from(fault: Fault) -> Self {
        Self(Some(fault))
    }
}

impl<'a, R: Read> Custom<'a, R> {
    pub(super) fn new(
        fields: Fields<R>,
        compression: Compression,
        entries: &'a [ArchiveEntry],
        data: &'a [Data],
    ) -> Self {
        let wanted = entries.iter().enumerate().filter(|(_, entry)| entry.has_data);
        let wanted = wanted.map(|(place, entry)| (entry.dump_id, place)).collect();
        let begins = data.iter().enumerate().filter_map(|(place, data)| match data {
            Data::Block(Some(at)) => Some((*at, place)),
            _ => None,
        });
        Self { begins: begins.collect(), fields, compression, entries, data, wanted }
    }

    /// Tells all of it.
    pub(super) fn tell(mut self, teller: &Teller) -> Result<(), Deaf> {
        loop {
            match self.block(teller)? {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(Lost(fault)) => {
                    let is_over = matches!(fault, Some(Fault::Unknown(_)));
                    if let Some(fault) = fault {
                        teller.tell(fault.into())?;
                    }
                    // Where the table of contents says where others are, one that is broken does not hide them.
                    if is_over || !self.find() {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Goes to where data begins that was not there yet.
    fn find(&mut self) -> bool {
        let at = self.fields.at();
        let is_wanted = |place: usize| self.wanted.contains_key(&self.entries[place].dump_id);
        let next = self.begins.range(at..).find(|(_, place)| is_wanted(**place)).map(|(begin, _)| begin - at);
        next.is_some_and(|length| self.fields.skip(length).is_ok_and(|skipped| skipped == length))
    }

    /// Tells the data of one entry; false at the end.
    fn block(&mut self, teller: &Teller) -> Result<Result<bool, Lost>, Deaf> {
        let (kind, place, end) = match self.begin() {
            Ok(Some(begin)) => begin,
            Ok(None) => return Ok(Ok(false)),
            Err(fault) => return Ok(Err(fault.into())),
        };
        if kind == DATA {
            let told = self.part(Part::Entry(place), end, teller)?;
            return Ok(told.map(|()| true));
        }
        loop {
            let oid = match self.fields.int() {
                Ok(0) => {
                    teller.tell(Told::LargeObjects(place))?;
                    return Ok(Ok(true));
                }
                Ok(oid) => oid,
                Err(fault) => return Ok(Err(fault.into())),
            };
            // Oids above 2³¹ are written as numbers below zero.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "as they were written"
            )]
            let oid = oid as u32;
            if let Err(lost) = self.part(Part::LargeObject { entry: place, oid }, end, teller)? {
                return Ok(Err(lost));
            }
        }
    }

    /// What begins here: rows or large objects, of which entry, and where that ends at the latest.
    fn begin(&mut self) -> Result<Option<(u8, usize, u64)>, Fault> {
        let at = self.fields.at();
        let broken = |message: String| Err(Fault::broken(message).at(at));
        let Some(kind) = self.fields.next()? else { return Ok(None) };
        if kind != DATA && kind != LARGE_OBJECTS {
            return broken(format!("no data begins with {kind}"));
        }
        let id = self.fields.int()?;
        let place = u32::try_from(id).ok().and_then(|id| self.wanted.get(&id).copied());
        let Some(place) = place else {
            return broken(format!("here is data of entry {id}, which should have none, or had it before"));
        };
        let entry = &self.entries[place];
        if entry.is_large_objects() != (kind == LARGE_OBJECTS) {
            return broken(format!("the data of entry {id} is not of its kind"));
        }
        if let Data::Block(Some(begin)) = self.data[place]
            && begin != at
        {
            return broken(format!("the data of entry {id} is here, and should be at byte {begin}"));
        }
        self.wanted.remove(&entry.dump_id);
        let end = self.begins.range(at + 1..).next().map_or(u64::MAX, |(begin, _)| *begin);
        Ok(Some((kind, place, end)))
    }

    /// Tells one part. Where only what is in the blocks is damaged, reading goes on behind them.
    fn part(&mut self, part: Part, end: u64, teller: &Teller) -> Result<Result<(), Lost>, Deaf> {
        teller.tell(Told::Begin(part))?;
        let mut blocks = Blocks::new(&mut self.fields, end);
        let read = match Decoder::of_block(self.compression, &mut blocks) {
            Ok(decoder) => teller.pour(decoder)?,
            Err(error) => Err(error),
        };
        let content = read.map_err(|error| Fault::from(error).at(blocks.fields.at()));
        match (blocks.finish(), content) {
            (Err(Fault::Damaged(damage)), _) => {
                teller.tell(Told::End(Err(damage)))?;
                Ok(Err(Lost(None)))
            }
            (Err(unknown), _) | (Ok(()), Err(unknown @ Fault::Unknown(_))) => Ok(Err(unknown.into())),
            (Ok(()), Err(Fault::Damaged(damage))) => {
                teller.tell(Told::End(Err(damage)))?;
                Ok(Ok(()))
            }
            (Ok(()), Ok(())) => {
                teller.tell(Told::End(Ok(())))?;
                Ok(Ok(()))
            }
        }
    }
}

/// What is in blocks that follow each other, without what is between them.
struct Blocks<'f, R> {
    fields: &'f mut Fields<R>,
    /// No block may go on here.
    end: u64,
    /// What is left of the block that it is in.
    left: u64,
    /// Whether the empty one was there, which is the last.
    ended: bool,
    /// Why nobody knows where they end.
    lost: Option<ArchiveDamage>,
    /// Several of them at once: decompressing each by itself would take longer.
    buffer: Vec<u8>,
    used: usize,
}

impl<'f, R: Read> Blocks<'f, R> {
    fn new(fields: &'f mut Fields<R>, end: u64) -> Self {
        Self { fields, end, left: 0, ended: false, lost: None, buffer: Vec::new(), used: 0 }
    }

    /// Goes on to the end, whatever is in them.
    fn finish(&mut self) -> Result<(), Fault> {
        let mut waste = vec![0; 16 << 10];
        while self.some(&mut waste)? > 0 {}
        Ok(())
    }

    /// Goes into the next block where it is in none.
    fn open(&mut self) -> Result<(), Fault> {
        if self.left > 0 || self.ended {
            return Ok(());
        }
        let at = self.fields.at();
        let length = self.fields.int()?;
        let room = self.end.saturating_sub(self.fields.at());
        match u64::try_from(length) {
            Ok(0) => self.ended = true,
            Ok(length) if length < room => self.left = length,
            _ => return Err(Fault::broken(format!("a block of {length} bytes cannot be here")).at(at)),
        }
        Ok(())
    }

    /// Reads within a block. What it is lost by, it is for ever.
    fn some(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        if let Some(damage) = &self.lost {
            return Err(Fault::Damaged(damage.clone()));
        }
        let read = self.within(buffer);
        if let Err(Fault::Damaged(damage)) = &read {
            self.lost = Some(damage.clone());
        }
        read
    }

    fn within(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        self.open()?;
        if self.ended {
            return Ok(0);
        }
        let room = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = self.fields.some(&mut buffer[..room])?;
        if count == 0 && room > 0 {
            return Err(Fault::cut("it ends here, in the middle of a block").at(self.fields.at()));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

impl<R: Read> Read for Blocks<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.used == self.buffer.len() {
            return Ok(self.some(buffer)?);
        }
        let count = (&self.buffer[self.used..]).read(buffer)?;
        self.used += count;
        Ok(count)
    }
}

impl<R: Read> BufRead for Blocks<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.used == self.buffer.len() {
            self.used = 0;
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.resize(AT_ONCE, 0);
            let mut length = 0;
            while length < AT_ONCE {
                match self.some(&mut buffer[length..]) {
                    Ok(0) => break,
                    Ok(count) => length += count,
                    // What was there before it is read first; then it is met again.
                    Err(Fault::Damaged(_)) if length > 0 => break,
                    Err(fault) => return Err(fault.into()),
                }
            }
            buffer.truncate(length);
            self.buffer = buffer;
        }
        Ok(&self.buffer[self.used..])
    }

    fn consume(&mut self, amount: usize) {
        self.used += amount;
    }
}
