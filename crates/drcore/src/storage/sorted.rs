//! Entries in the order of their places, however many: what does not fit the memory goes to a file that has
//! no name, so that nothing of it is left whatever happens.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::layout::Place;
use crate::error::{Error, ErrorKind, Result};

/// Bytes of entries that are held before they go to the file.
const BUDGET: usize = 48 << 20;
/// Bytes that are read of each run at a time.
const BLOCK: usize = 64 << 10;

/// One file, as a row or a listing says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) size: Option<u64>,
    /// What tells other bytes from these; of candidates, what was expected and found in words.
    pub(crate) etag: Option<String>,
    pub(crate) mark: Mark,
}

/// What else is known of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mark {
    #[default]
    None,
    /// The version stands after a separator of its own.
    Separated,
    /// Of rows: from before objects had versions.
    Unversioned,
    /// The bytes beside it are of an upload that goes on.
    Unfinished,
    /// Of candidates: a row whose bytes are not there.
    Missing,
    /// As that, and another version of the same name is there.
    Superseded,
    /// Bytes that no row knows.
    Unreferenced,
    /// As that, written after a separator of its own.
    UnreferencedSeparated,
    /// Another size.
    Size,
    /// Another checksum.
    Checksum,
    /// Of candidates: a row whose object the storage service fails to send.
    Failing,
    /// Of candidates: a row whose object the storage service does not know.
    Unknown,
}

impl Mark {
    const ALL: [Self; 12] = [
        Self::None,
        Self::Separated,
        Self::Unversioned,
        Self::Unfinished,
        Self::Missing,
        Self::Superseded,
        Self::Unreferenced,
        Self::UnreferencedSeparated,
        Self::Size,
        Self::Checksum,
        Self::Failing,
        Self::Unknown,
    ];
}

/// Takes entries in any order.
#[derive(Debug)]
pub(crate) struct Sorter {
    budget: usize,
    held: Vec<u8>,
    starts: Vec<u32>,
    entries: u64,
    file: Option<File>,
    runs: Vec<(u64, u64)>,
}

impl Default for Sorter {
    fn default() -> Self {
        Self::with_budget(BUDGET)
    }
}

impl Sorter {
    pub(crate) fn with_budget(budget: usize) -> Self {
        Self { budget, held: Vec::new(), starts: Vec::new(), entries: 0, file: None, runs: Vec::new() }
    }

    /// Takes one.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if there is no room for what does not fit the memory.
    pub(crate) fn push(&mut self, entry: &Entry) -> Result<()> {
        if self.held.len() + self.starts.len() * size_of::<u32>() >= self.budget {
            self.spill()?;
        }
        let start = u32::try_from(self.held.len()).map_err(|_| broken("is larger than it may be"))?;
        self.starts.push(start);
        encode(entry, &mut self.held);
        self.entries += 1;
        Ok(())
    }

    /// All of them.
    ///
    /// # Errors
    /// As [`Sorter::push`].
    pub(crate) fn finish(mut self) -> Result<Sorted> {
        if self.file.is_some() {
            self.spill()?;
        } else {
            self.sort();
        }
        Ok(Sorted {
            entries: self.entries,
            held: Arc::new((self.held, self.starts)),
            file: self.file.map(|file| Arc::new(Mutex::new(file))),
            runs: self.runs,
        })
    }

    fn sort(&mut self) {
        let Self { held, starts, .. } = self;
        starts.sort_unstable_by(|a, b| place_at(held, *a as usize).cmp(place_at(held, *b as usize)));
    }

    fn spill(&mut self) -> Result<()> {
        self.sort();
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile().map_err(no_room)?),
        };
        let begin = self.runs.last().map_or(0, |(_, end)| *end);
        let mut writer = std::io::BufWriter::with_capacity(1 << 20, &mut *file);
        let mut written = begin;
        for start in &self.starts {
            let record = record_at(&self.held, *start as usize);
            writer.write_all(record).map_err(no_room)?;
            written += record.len() as u64;
        }
        writer.flush().map_err(no_room)?;
        drop(writer);
        self.runs.push((begin, written));
        self.held.clear();
        self.starts.clear();
        Ok(())
    }
}

/// Entries in order; can be read as often as wanted.
#[derive(Clone, Debug)]
pub(crate) struct Sorted {
    entries: u64,
    held: Arc<(Vec<u8>, Vec<u32>)>,
    file: Option<Arc<Mutex<File>>>,
    runs: Vec<(u64, u64)>,
}

impl Sorted {
    /// How many.
    pub(crate) fn len(&self) -> u64 {
        self.entries
    }

    /// From the first to the last.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the file cannot be read back.
    pub(crate) fn read(&self) -> Result<Reading> {
        let Some(file) = &self.file else {
            return Ok(Reading::Held { held: Arc::clone(&self.held), at: 0 });
        };
        let mut runs: Vec<Run> = self
            .runs
            .iter()
            .map(|(begin, end)| Run {
                file: Arc::clone(file),
                next: *begin,
                end: *end,
                block: Vec::new(),
                at: 0,
            })
            .collect();
        let mut heads = BinaryHeap::new();
        for (number, run) in runs.iter_mut().enumerate() {
            if let Some(record) = run.next()? {
                heads.push(Reverse((record, number)));
            }
        }
        Ok(Reading::Merged { runs, heads })
    }
}

/// Reads entries in order.
#[derive(Debug)]
pub(crate) enum Reading {
    Held { held: Arc<(Vec<u8>, Vec<u32>)>, at: usize },
    Merged { runs: Vec<Run>, heads: BinaryHeap<Reverse<(Record, usize)>> },
}

impl Reading {
    /// The next one.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the file cannot be read back.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>> {
        match self {
            Self::Held { held, at } => {
                let Some(start) = held.1.get(*at) else { return Ok(None) };
                *at += 1;
                decode(record_at(&held.0, *start as usize)).map(Some)
            }
            Self::Merged { runs, heads } => {
                let Some(Reverse((record, number))) = heads.pop() else { return Ok(None) };
                if let Some(next) = runs[number].next()? {
                    heads.push(Reverse((next, number)));
                }
                decode(&record.0).map(Some)
            }
        }
    }
}

/// Encoded; ordered by its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record(Vec<u8>);

impl Ord for Record {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        place_at(&self.0, 0).cmp(place_at(&other.0, 0))
    }
}

impl PartialOrd for Record {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// A part of the file that is in order.
#[derive(Debug)]
pub(crate) struct Run {
    file: Arc<Mutex<File>>,
    next: u64,
    end: u64,
    block: Vec<u8>,
    at: usize,
}

impl Run {
    fn next(&mut self) -> Result<Option<Record>> {
        if !self.holds(4)? {
            return if self.at == self.block.len() { Ok(None) } else { Err(broken("ends in the middle")) };
        }
        let length = length_at(&self.block, self.at);
        if !self.holds(length)? {
            return Err(broken("ends in the middle"));
        }
        let record = self.block[self.at..self.at + length].to_vec();
        self.at += length;
        Ok(Some(Record(record)))
    }

    /// Whether so many bytes follow; reads on where they are not there yet.
    fn holds(&mut self, bytes: usize) -> Result<bool> {
        if self.block.len() - self.at >= bytes {
            return Ok(true);
        }
        self.block.drain(..self.at);
        self.at = 0;
        let wanted = u64::try_from(BLOCK.max(bytes)).unwrap_or(u64::MAX).min(self.end - self.next);
        let old = self.block.len();
        self.block.resize(old + usize::try_from(wanted).unwrap_or(0), 0);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.next)).map_err(no_room)?;
        file.read_exact(&mut self.block[old..]).map_err(no_room)?;
        self.next += wanted;
        Ok(self.block.len() >= bytes)
    }
}

/// `length of all, length of the place, place, mark, has a size, size, has a tag, tag`.
fn encode(entry: &Entry, into: &mut Vec<u8>) {
    let start = into.len();
    into.extend_from_slice(&[0; 4]);
    let place = entry.place.as_bytes();
    into.extend_from_slice(&u32::try_from(place.len()).unwrap_or(u32::MAX).to_le_bytes());
    into.extend_from_slice(place);
    into.push(entry.mark as u8);
    into.push(u8::from(entry.size.is_some()));
    into.extend_from_slice(&entry.size.unwrap_or_default().to_le_bytes());
    into.push(u8::from(entry.etag.is_some()));
    into.extend_from_slice(entry.etag.as_deref().unwrap_or_default().as_bytes());
    let length = u32::try_from(into.len() - start).unwrap_or(u32::MAX);
    into[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

fn decode(record: &[u8]) -> Result<Entry> {
    let place = place_at(record, 0);
    let rest = record.get(8 + place.len()..).filter(|rest| rest.len() >= 11);
    let rest = rest.ok_or_else(|| broken("is not what was written"))?;
    let mark = Mark::ALL.get(usize::from(rest[0])).copied();
    let size: [u8; 8] = rest[2..10].try_into().map_err(|_| broken("is not what was written"))?;
    let etag = (rest[10] == 1).then(|| String::from_utf8_lossy(&rest[11..]).into_owned());
    Ok(Entry {
        place: Place::from_bytes(place.to_vec()),
        size: (rest[1] == 1).then(|| u64::from_le_bytes(size)),
        etag,
        mark: mark.ok_or_else(|| broken("is not what was written"))?,
    })
}

fn length_at(data: &[u8], at: usize) -> usize {
    data.get(at..at + 4).map_or(0, |four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]) as usize)
}

fn record_at(data: &[u8], at: usize) -> &[u8] {
    data.get(at..at + length_at(data, at)).unwrap_or_default()
}

fn place_at(data: &[u8], at: usize) -> &[u8] {
    data.get(at + 8..at + 8 + length_at(data, at + 4)).unwrap_or_default()
}

fn no_room(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, "the temporary file that lists of files are sorted in failed")
        .hint("Make room in the directory for temporary files, or set TMPDIR to another.")
        .caused_by(error)
}

fn broken(how: &str) -> Error {
    Error::new(ErrorKind::Io, format!("the temporary file that lists of files are sorted in {how}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(sorted: &Sorted) -> Vec<Entry> {
        let mut reading = sorted.read().unwrap();
        std::iter::from_fn(|| reading.next().unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn all_come_out_in_order_whether_they_fit_or_not(
            given in prop::collection::vec(
                (".{0,12}/.{0,30}", prop::option::of(any::<u64>()), prop::option::of("[a-f0-9\"-]{0,40}"), 0..12_usize),
                0..60),
            budget in 1_usize..3_000,
        ) {
            let mut expected: Vec<Entry> = given
                .into_iter()
                .map(|(path, size, etag, mark)| Entry { place: Place::listed(&path).0, size, etag, mark: Mark::ALL[mark] })
                .collect();
            let mut sorter = Sorter::with_budget(budget);
            for entry in &expected {
                sorter.push(entry).unwrap();
            }
            let all = sorter.finish().unwrap();
            prop_assert_eq!(all.len(), expected.len() as u64);
            let key = |entry: &Entry| (entry.place.clone(), entry.size, entry.etag.clone(), entry.mark as u8);
            let places: Vec<Place> = read(&all).into_iter().map(|entry| entry.place).collect();
            prop_assert!(places.is_sorted());
            let mut got = read(&all);
            got.sort_by_key(key);
            expected.sort_by_key(key);
            prop_assert_eq!(got, expected);
        }
    }

    #[test]
    fn a_file_that_lost_its_end_is_told() {
        let mut cut = Sorter::with_budget(64);
        for number in 0..100 {
            let place = Place::listed(&format!("b/{number}")).0;
            cut.push(&Entry { place, size: None, etag: None, mark: Mark::None }).unwrap();
        }
        let cut = cut.finish().unwrap();
        cut.file.as_ref().unwrap().lock().unwrap().set_len(100).unwrap();
        assert_eq!(cut.read().unwrap_err().kind(), ErrorKind::Io);
    }
}
