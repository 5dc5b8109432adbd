//! Entries in the order of their places, however many: what does not fit the memory goes to a file that has
//! no name, so that nothing of it is left whatever happens.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::layout::Place;
use crate::error::{Error, ErrorKind, Result};

/// Bytes of entries that are held before they go to the file.
const BUDGET: usize = 48 << 20;
/// Bytes that are read of each run at a time.
const BLOCK: usize = 64 << 10;
/// Of so many places in order one is kept in mind, to know about how all of them lie; fewer where there are many.
const STRIDE: usize = 256;
/// So many of them are kept in mind at most.
const MARKS: usize = 16_384;

/// One file, as a row or a listing says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) size: Option<u64>,
    /// What tells other bytes from these; of candidates, what was expected and found in words.
    pub(crate) etag: Option<String>,
    /// When it was written, in milliseconds since 1970 by the clock of the store.
    pub(crate) modified: Option<i64>,
    pub(crate) mark: Mark,
}

/// An entry that lies in a buffer of somebody else's.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'b> {
    pub(super) place: &'b [u8],
    pub(super) size: Option<u64>,
    pub(super) etag: Option<&'b [u8]>,
    pub(super) modified: Option<i64>,
    pub(super) mark: Mark,
}

impl View<'_> {
    /// As an entry of its own.
    pub(super) fn to_entry(self) -> Entry {
        Entry {
            place: Place::from_bytes(self.place.to_vec()),
            size: self.size,
            etag: self.etag.map(|etag| String::from_utf8_lossy(etag).into_owned()),
            modified: self.modified,
            mark: self.mark,
        }
    }
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

    /// Whether it is of bytes that no row knows.
    pub(super) fn is_unreferenced(self) -> bool {
        matches!(self, Self::Unreferenced | Self::UnreferencedSeparated)
    }
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
    marks: Marks,
}

impl Default for Sorter {
    fn default() -> Self {
        Self::with_budget(BUDGET)
    }
}

impl Sorter {
    pub(crate) fn with_budget(budget: usize) -> Self {
        Self {
            budget,
            held: Vec::new(),
            starts: Vec::new(),
            entries: 0,
            file: None,
            runs: Vec::new(),
            marks: Marks::default(),
        }
    }

    /// Takes one.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if there is no room for what does not fit the memory.
    pub(crate) fn push(&mut self, entry: &Entry) -> Result<()> {
        self.push_view(View {
            place: entry.place.as_bytes(),
            size: entry.size,
            etag: entry.etag.as_deref().map(str::as_bytes),
            modified: entry.modified,
            mark: entry.mark,
        })
    }

    /// As [`Sorter::push`].
    pub(super) fn push_view(&mut self, view: View<'_>) -> Result<()> {
        if self.held.len() + self.starts.len() * size_of::<u32>() >= self.budget {
            self.spill()?;
        }
        let start = u32::try_from(self.held.len()).map_err(|_| broken("is larger than it may be"))?;
        self.starts.push(start);
        encode(view, &mut self.held);
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
            self.held = Vec::new();
            self.starts = Vec::new();
        } else {
            self.sort();
        }
        Ok(Sorted {
            entries: self.entries,
            held: Arc::new((self.held, self.starts)),
            file: self.file.map(Arc::new),
            runs: self.runs,
            marks: Arc::new(self.marks.sorted()),
        })
    }

    fn sort(&mut self) {
        let Self { held, starts, marks, .. } = self;
        // A sort that makes use of what is in order already, as the pages of a listing are.
        starts.sort_by(|a, b| place_at(held, *a as usize).cmp(place_at(held, *b as usize)));
        for start in starts.iter() {
            marks.pass(place_at(held, *start as usize));
        }
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

/// Every so manyth place, to know about how all of them lie.
#[derive(Debug)]
struct Marks {
    stride: usize,
    until: usize,
    places: Vec<Vec<u8>>,
}

impl Default for Marks {
    fn default() -> Self {
        Self { stride: STRIDE, until: STRIDE / 2, places: Vec::new() }
    }
}

impl Marks {
    fn pass(&mut self, place: &[u8]) {
        if self.until > 0 {
            self.until -= 1;
            return;
        }
        self.until = self.stride - 1;
        self.places.push(place.to_vec());
        if self.places.len() >= MARKS {
            let mut keep = false;
            self.places.retain(|_| {
                keep = !keep;
                keep
            });
            self.stride *= 2;
        }
    }

    fn sorted(mut self) -> Vec<Vec<u8>> {
        self.places.sort();
        self.places
    }
}

/// Entries in order; can be read as often as wanted.
#[derive(Clone, Debug)]
pub(crate) struct Sorted {
    entries: u64,
    held: Arc<(Vec<u8>, Vec<u32>)>,
    file: Option<Arc<File>>,
    runs: Vec<(u64, u64)>,
    marks: Arc<Vec<Vec<u8>>>,
}

impl Sorted {
    /// How many.
    pub(crate) fn len(&self) -> u64 {
        self.entries
    }

    /// Places that cut them into about so many parts of about the same size, in order; fewer where they are few.
    pub(super) fn cuts(&self, parts: usize) -> Vec<Place> {
        let mut cuts: Vec<Place> = Vec::new();
        for part in 1..parts {
            let Some(place) = self.marks.get(self.marks.len() * part / parts) else { break };
            if cuts.last().is_none_or(|last| last.as_bytes() < place.as_slice()) {
                cuts.push(Place::from_bytes(place.clone()));
            }
        }
        cuts
    }

    /// From the first to the last.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the file cannot be read back.
    pub(crate) fn read(&self) -> Result<Reading> {
        let source = match &self.file {
            None => Source::Held { held: Arc::clone(&self.held), at: 0 },
            Some(file) => {
                let mut runs = Vec::with_capacity(self.runs.len());
                for (begin, end) in &self.runs {
                    let mut run =
                        Run { file: Arc::clone(file), next: *begin, end: *end, block: Vec::new(), at: 0 };
                    if run.open()? {
                        runs.push(run);
                    }
                }
                let mut merged = Merged { heap: (0..runs.len()).collect(), runs };
                for at in (0..merged.heap.len() / 2).rev() {
                    merged.sink(at);
                }
                Source::Merged(merged)
            }
        };
        Ok(Reading { source })
    }
}

/// Reads entries in order: what comes next can be looked at before it is passed.
#[derive(Debug)]
pub(crate) struct Reading {
    source: Source,
}

#[derive(Debug)]
enum Source {
    Held { held: Arc<(Vec<u8>, Vec<u32>)>, at: usize },
    Merged(Merged),
}

impl Reading {
    /// What comes next; none at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if it is not what was written.
    pub(super) fn head(&self) -> Result<Option<View<'_>>> {
        let record = match &self.source {
            Source::Held { held, at } => held.1.get(*at).map(|start| record_at(&held.0, *start as usize)),
            Source::Merged(merged) => merged.heap.first().map(|run| merged.runs[*run].record()),
        };
        record.map(decode).transpose()
    }

    /// Where what comes next lies; none at the end.
    pub(super) fn place(&self) -> Option<&[u8]> {
        match &self.source {
            Source::Held { held, at } => held.1.get(*at).map(|start| place_at(&held.0, *start as usize)),
            Source::Merged(merged) => merged.heap.first().map(|run| merged.runs[*run].place()),
        }
    }

    /// Passes what comes next.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the file cannot be read back.
    pub(super) fn pass(&mut self) -> Result<()> {
        match &mut self.source {
            Source::Held { at, .. } => *at += 1,
            Source::Merged(merged) => merged.pass()?,
        }
        Ok(())
    }

    /// The next one.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the file cannot be read back.
    pub(crate) fn next(&mut self) -> Result<Option<Entry>> {
        let entry = self.head()?.map(View::to_entry);
        if entry.is_some() {
            self.pass()?;
        }
        Ok(entry)
    }
}

/// Runs, of which the one with the least place is first: a heap of their numbers.
#[derive(Debug)]
struct Merged {
    runs: Vec<Run>,
    heap: Vec<usize>,
}

impl Merged {
    fn pass(&mut self) -> Result<()> {
        let Some(first) = self.heap.first().copied() else { return Ok(()) };
        if !self.runs[first].pass()? {
            self.heap.swap_remove(0);
        }
        self.sink(0);
        Ok(())
    }

    /// Brings what is at this place of the heap down to where it belongs.
    fn sink(&mut self, mut at: usize) {
        let place = |heap: &[usize], at: usize| self.runs[heap[at]].place();
        loop {
            let mut least = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.heap.len() && place(&self.heap, child) < place(&self.heap, least) {
                    least = child;
                }
            }
            if least == at {
                return;
            }
            self.heap.swap(at, least);
            at = least;
        }
    }
}

/// A part of the file that is in order.
#[derive(Debug)]
struct Run {
    file: Arc<File>,
    next: u64,
    end: u64,
    block: Vec<u8>,
    at: usize,
}

impl Run {
    /// The record that comes next.
    fn record(&self) -> &[u8] {
        record_at(&self.block, self.at)
    }

    fn place(&self) -> &[u8] {
        place_at(&self.block, self.at)
    }

    /// Goes on to the next record; whether there is one.
    fn pass(&mut self) -> Result<bool> {
        self.at += length_at(&self.block, self.at);
        self.open()
    }

    /// Sees that the record that comes next is there as a whole; whether there is one.
    fn open(&mut self) -> Result<bool> {
        if !self.holds(4)? {
            return if self.at == self.block.len() { Ok(false) } else { Err(broken("ends in the middle")) };
        }
        let length = length_at(&self.block, self.at);
        // Less than a record can be would never come to an end.
        if length >= SHORTEST && self.holds(length)? { Ok(true) } else { Err(broken("ends in the middle")) }
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
        self.file.read_exact_at(&mut self.block[old..], self.next).map_err(no_room)?;
        self.next += wanted;
        Ok(self.block.len() >= bytes)
    }
}

/// What stands before and after the place in a record that has no tag.
const SHORTEST: usize = 8 + REST;
const REST: usize = 18;

/// `length of all, length of the place, place, mark, what is known, size, time, tag`.
fn encode(view: View<'_>, into: &mut Vec<u8>) {
    let start = into.len();
    into.extend_from_slice(&[0; 4]);
    into.extend_from_slice(&u32::try_from(view.place.len()).unwrap_or(u32::MAX).to_le_bytes());
    into.extend_from_slice(view.place);
    into.push(view.mark as u8);
    let known = [view.size.is_some(), view.etag.is_some(), view.modified.is_some()];
    into.push(known.iter().rev().fold(0, |bits, known| bits << 1 | u8::from(*known)));
    into.extend_from_slice(&view.size.unwrap_or_default().to_le_bytes());
    into.extend_from_slice(&view.modified.unwrap_or_default().to_le_bytes());
    into.extend_from_slice(view.etag.unwrap_or_default());
    let length = u32::try_from(into.len() - start).unwrap_or(u32::MAX);
    into[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

fn decode(record: &[u8]) -> Result<View<'_>> {
    let wrong = || broken("is not what was written");
    let place = place_at(record, 0);
    let rest = record.get(8 + place.len()..).and_then(<[u8]>::split_first_chunk::<REST>);
    let (head, etag) = rest.ok_or_else(wrong)?;
    let eight = |at: usize| -> [u8; 8] { std::array::from_fn(|byte| head[at + byte]) };
    let known = |bit: u8| head[1] >> bit & 1 == 1;
    Ok(View {
        place,
        size: known(0).then(|| u64::from_le_bytes(eight(2))),
        etag: known(1).then_some(etag),
        modified: known(2).then(|| i64::from_le_bytes(eight(10))),
        mark: Mark::ALL.get(usize::from(head[0])).copied().ok_or_else(wrong)?,
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
        std::iter::from_fn(|| {
            let place = reading.place().map(<[u8]>::to_vec);
            let entry = reading.next().unwrap();
            assert_eq!(entry.as_ref().map(|entry| entry.place.as_bytes()), place.as_deref());
            entry
        })
        .collect()
    }

    fn entry(path: &str) -> Entry {
        Entry { place: Place::listed(path).0, size: None, etag: None, modified: None, mark: Mark::None }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn all_come_out_in_order_whether_they_fit_or_not(
            given in prop::collection::vec(
                (".{0,12}/.{0,30}", prop::option::of(any::<u64>()), prop::option::of("[a-f0-9\"-]{0,40}"),
                 prop::option::of(any::<i64>()), 0..12_usize),
                0..60),
            budget in 1_usize..3_000,
        ) {
            let mut expected: Vec<Entry> = given
                .into_iter()
                .map(|(path, size, etag, modified, mark)| {
                    Entry { size, etag, modified, mark: Mark::ALL[mark], ..entry(&path) }
                })
                .collect();
            let mut sorter = Sorter::with_budget(budget);
            for entry in &expected {
                sorter.push(entry).unwrap();
            }
            let all = sorter.finish().unwrap();
            prop_assert_eq!(all.len(), expected.len() as u64);
            let key = |entry: &Entry| {
                (entry.place.clone(), entry.size, entry.etag.clone(), entry.modified, entry.mark as u8)
            };
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
            cut.push(&entry(&format!("b/{number}"))).unwrap();
        }
        let cut = cut.finish().unwrap();
        cut.file.as_ref().unwrap().set_len(100).unwrap();
        assert_eq!(cut.read().unwrap_err().kind(), ErrorKind::Io);
    }

    #[test]
    fn cuts_divide_them_into_parts_of_about_the_same_size() {
        for (entries, budget) in [(100_000, BUDGET), (100_000, 1 << 20), (9_000_000, BUDGET)] {
            if entries > 100_000 && cfg!(debug_assertions) {
                continue;
            }
            let mut sorter = Sorter::with_budget(budget);
            // In an order that is not theirs.
            for number in 0..entries {
                sorter.push(&entry(&format!("b/{:07}/v", number * 7_919 % entries))).unwrap();
            }
            let all = sorter.finish().unwrap();
            let cuts = all.cuts(10);
            assert_eq!(cuts.len(), 9);
            for (cut, part) in cuts.iter().zip(1..) {
                let at: i64 = cut.path()[2..9].parse().unwrap();
                let expected = i64::from(entries / 10 * part);
                assert!((at - expected).abs() < i64::from(entries / 50), "{at}, {expected}");
            }
        }
        let few = Sorter::default().finish().unwrap();
        assert!(few.cuts(10).is_empty());
    }
}
