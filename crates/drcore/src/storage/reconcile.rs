//! Rows against a listing: a merge of two sequences in the same order.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};

use super::layout::{Place, beside, bucket, has_version, last, parent};
use super::sorted::{Entry, Mark, Reading, Sorted, Sorter, View};
use crate::error::Result;
use crate::evidence::{BucketFiles, BucketState, Files};

/// Rows of one name that wait for another version to be listed, at most.
const WAITING: usize = 1_000;

/// What the merge of rows and listing came to.
#[derive(Debug)]
pub(super) struct Reconciled {
    /// How much there is, by bucket; nothing of what is wrong yet.
    pub(super) files: Files,
    /// What seems wrong, until it was looked at again.
    pub(super) candidates: Sorted,
    /// How many rows have a file of their name, be it another version.
    pub(super) known: u64,
}

/// What the database says of each bucket.
pub(super) type Buckets = BTreeMap<String, BucketState>;

/// Merges rows and listing.
///
/// # Errors
/// [`ErrorKind::Io`](crate::ErrorKind::Io) if the temporary files fail.
pub(super) fn reconcile(
    rows: &Sorted,
    listed: &Sorted,
    buckets: &Buckets,
    checksums: bool,
) -> Result<Reconciled> {
    let mut merge = Merge::new(buckets, checksums);
    let (mut rows, mut listed, mut passed) = (rows.read()?, listed.read()?, Vec::new());
    loop {
        let order = match (rows.place(), listed.place()) {
            (Some(row), Some(file)) => row.cmp(file),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        match order {
            Ordering::Less => {
                if let Some(row) = rows.head()? {
                    merge.row_only(row)?;
                }
                rows.pass()?;
            }
            Ordering::Greater => {
                if let Some(file) = listed.head()? {
                    merge.file_only(file)?;
                }
                pass_listed(&mut listed, &mut passed)?;
            }
            Ordering::Equal => {
                if let Some(file) = listed.head()? {
                    merge.enter(file.place)?;
                    merge.file_counts(&file);
                    merge.flush_bytes_only(None)?;
                    // A unique index that was lost may have let several in.
                    while let Some(row) = rows.head()?
                        && row.place == file.place
                    {
                        merge.both(&row, &file)?;
                        rows.pass()?;
                    }
                }
                pass_listed(&mut listed, &mut passed)?;
            }
        }
    }
    merge.finish()
}

/// Passes a file of a listing, as often as it was listed: pages that overlap list it twice.
fn pass_listed(listed: &mut Reading, passed: &mut Vec<u8>) -> Result<()> {
    passed.clear();
    passed.extend_from_slice(listed.place().unwrap_or_default());
    listed.pass()?;
    while listed.place() == Some(passed) {
        listed.pass()?;
    }
    Ok(())
}

struct Merge<'b> {
    buckets: &'b Buckets,
    files: Files,
    /// The bucket that all of this is about, and what there is of it.
    bucket: Vec<u8>,
    here: BucketFiles,
    candidates: Sorter,
    known: u64,
    checksums: bool,
    /// Rows of this name without bytes, until it is known whether another version is there.
    waiting: VecDeque<Entry>,
    other_version: bool,
    /// The name that all of this is about.
    group: Vec<u8>,
    /// A file that no row knows, until it is known that it is no upload that goes on.
    bytes_only: Option<Entry>,
}

impl<'b> Merge<'b> {
    fn new(buckets: &'b Buckets, checksums: bool) -> Self {
        let mut files = Files { checksums, ..Files::default() };
        for (bucket, state) in buckets {
            files.buckets.insert(bucket.clone(), BucketFiles { bucket: *state, ..BucketFiles::default() });
        }
        Self {
            buckets,
            files,
            bucket: Vec::new(),
            here: BucketFiles::default(),
            candidates: Sorter::default(),
            known: 0,
            checksums,
            waiting: VecDeque::new(),
            other_version: false,
            group: Vec::new(),
            bytes_only: None,
        }
    }

    fn file_counts(&mut self, file: &View<'_>) {
        self.here.objects += 1;
        self.here.bytes += file.size.unwrap_or(0);
    }

    fn row_counts(&mut self, row: &View<'_>) {
        self.here.rows += 1;
        self.here.unversioned += u64::from(row.mark == Mark::Unversioned);
        self.here.unsized_rows += u64::from(row.size.is_none());
    }

    fn both(&mut self, row: &View<'_>, file: &View<'_>) -> Result<()> {
        self.row_counts(row);
        self.known += 1;
        let candidate = |mark, words: String| Entry {
            place: Place::from_bytes(row.place.to_vec()),
            size: file.size,
            etag: Some(words),
            modified: file.modified,
            mark,
        };
        if let (Some(expected), Some(found)) = (row.size, file.size)
            && expected != found
        {
            let words = format!("{expected} bytes expected, {found} found");
            return self.candidates.push(&candidate(Mark::Size, words));
        }
        if !self.checksums {
            return Ok(());
        }
        match (row.etag, file.etag) {
            (Some(expected), Some(found)) if expected == found => {
                self.here.summed += 1;
                Ok(())
            }
            (Some(expected), Some(found)) if is_md5(expected) && is_md5(found) => {
                self.here.summed += 1;
                let text = |etag| String::from_utf8_lossy(etag);
                let words = format!("MD5 {} expected, {} found", text(expected), text(found));
                self.candidates.push(&candidate(Mark::Checksum, words))
            }
            _ => {
                self.here.unsummed += 1;
                Ok(())
            }
        }
    }

    fn row_only(&mut self, row: View<'_>) -> Result<()> {
        self.enter(row.place)?;
        self.row_counts(&row);
        let mut candidate = row.to_entry();
        candidate.etag = None;
        candidate.mark = Mark::Missing;
        if !has_version(row.place) {
            return self.candidates.push(&candidate);
        }
        if self.waiting.len() >= WAITING {
            self.leave()?;
        }
        self.waiting.push_back(candidate);
        Ok(())
    }

    fn file_only(&mut self, file: View<'_>) -> Result<()> {
        self.enter(file.place)?;
        self.file_counts(&file);
        self.flush_bytes_only(Some(&file))?;
        if beside(file.place).is_some() {
            self.here.side_files += 1;
            return Ok(());
        }
        self.other_version |= has_version(file.place);
        if self.here.bucket == BucketState::Other {
            return Ok(());
        }
        self.bytes_only = Some(file.to_entry());
        Ok(())
    }

    /// Settles what became of a file that no row knows, now that its neighbour is known.
    fn flush_bytes_only(&mut self, neighbour: Option<&View<'_>>) -> Result<()> {
        let Some(file) = self.bytes_only.take() else { return Ok(()) };
        let place = file.place.as_bytes();
        let goes_on = neighbour.is_some_and(|neighbour| {
            neighbour.mark == Mark::Unfinished
                && parent(neighbour.place) == parent(place)
                && beside(neighbour.place) == Some(last(place))
        });
        if goes_on {
            self.here.unfinished += 1;
            return Ok(());
        }
        let mark =
            if file.mark == Mark::Separated { Mark::UnreferencedSeparated } else { Mark::Unreferenced };
        self.candidates.push(&Entry { etag: None, mark, ..file })
    }

    /// Goes on to another name, and bucket.
    fn enter(&mut self, place: &[u8]) -> Result<()> {
        // What lies beside the buckets has no parent, and is not of one name for that.
        if self.group == parent(place) && !self.group.is_empty() {
            return Ok(());
        }
        self.flush_bytes_only(None)?;
        self.leave()?;
        self.other_version = false;
        self.group.clear();
        self.group.extend_from_slice(parent(place));
        let name = bucket(place);
        if self.bucket != name {
            self.leave_bucket();
            self.bucket = name.to_vec();
            let name = String::from_utf8_lossy(name);
            let state = self.buckets.get(&*name).copied().unwrap_or(BucketState::Gone);
            self.here = BucketFiles { bucket: state, ..BucketFiles::default() };
        }
        Ok(())
    }

    fn leave(&mut self) -> Result<()> {
        let mark = if self.other_version { Mark::Superseded } else { Mark::Missing };
        for entry in std::mem::take(&mut self.waiting) {
            self.known += u64::from(self.other_version);
            self.candidates.push(&Entry { mark, ..entry })?;
        }
        Ok(())
    }

    /// Names of two buckets may lie between each other's: what there is of one is added up.
    fn leave_bucket(&mut self) {
        let here = std::mem::take(&mut self.here);
        if here.rows + here.objects == 0 {
            return;
        }
        self.files.rows += here.rows;
        self.files.objects += here.objects;
        self.files.bytes += here.bytes;
        let name = String::from_utf8_lossy(&self.bucket).into_owned();
        let known = self
            .files
            .buckets
            .entry(name)
            .or_insert_with(|| BucketFiles { bucket: here.bucket, ..BucketFiles::default() });
        known.rows += here.rows;
        known.objects += here.objects;
        known.bytes += here.bytes;
        known.unversioned += here.unversioned;
        known.unsized_rows += here.unsized_rows;
        known.summed += here.summed;
        known.unsummed += here.unsummed;
        known.side_files += here.side_files;
        known.unfinished += here.unfinished;
    }

    fn finish(mut self) -> Result<Reconciled> {
        self.flush_bytes_only(None)?;
        self.leave()?;
        self.leave_bucket();
        Ok(Reconciled { files: self.files, candidates: self.candidates.finish()?, known: self.known })
    }
}

/// A checksum of the bytes, not of parts of an upload, nor of a time.
pub(super) fn is_md5(etag: &[u8]) -> bool {
    etag.len() == 32 && etag.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    const OBJECTS: u64 = 10_000_000;

    /// Nanoseconds that this thread was on a core.
    fn on_cpu() -> u64 {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    }

    fn entry(number: u64, size: u64) -> Entry {
        let place = format!("files/{number:09}.jpg/00000000-0000-4000-8000-{number:012}");
        Entry {
            place: Place::from_bytes(place.into_bytes()),
            size: Some(size),
            etag: Some(format!("{number:032x}")),
            modified: Some(1_700_000_000_000),
            mark: Mark::None,
        }
    }

    /// `make soak` runs it, optimised: what is measured is nothing else.
    #[test]
    #[ignore = "takes a minute, and says something of optimised code only"]
    fn a_million_keys_a_second_are_merged() {
        let began = on_cpu();
        let (mut rows, mut listed) = (Sorter::default(), Sorter::default());
        for number in 0..OBJECTS {
            // Rows lie as they were written.
            rows.push(&entry((number * 7_919) % OBJECTS, 1)).unwrap();
            if number % 50_021 != 7 {
                listed.push(&entry(number, 1)).unwrap();
            }
        }
        let (rows, listed) = (rows.finish().unwrap(), listed.finish().unwrap());
        let sorted = on_cpu() - began;
        let buckets = Buckets::from([("files".to_owned(), BucketState::There)]);
        let began = on_cpu();
        let reconciled = reconcile(&rows, &listed, &buckets, true).unwrap();
        let merged = on_cpu() - began;
        assert_eq!(
            reconciled.candidates.len(),
            (0..OBJECTS).filter(|number| number % 50_021 == 7).count() as u64
        );
        let rate = |keys: u64, nanoseconds: u64| keys * 1_000_000_000 / nanoseconds;
        let keys = rows.len() + listed.len();
        println!("made and sorted: {} keys a second and core", rate(keys, sorted));
        println!("merged: {} keys a second and core", rate(keys, merged));
        assert!(rate(keys, merged) >= 1_000_000);
    }
}
