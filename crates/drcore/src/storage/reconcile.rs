//! Rows against a listing: a merge of two sequences in the same order.

use std::collections::{BTreeMap, VecDeque};

use super::layout::Place;
use super::sorted::{Entry, Mark, Reading, Sorted, Sorter};
use crate::error::Result;
use crate::evidence::{BucketFiles, BucketState, Files, OddFiles};

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
    let mut merge = Merge {
        buckets,
        checksums,
        files: Files { checksums, ..Files::default() },
        candidates: Sorter::default(),
        known: 0,
        waiting: VecDeque::new(),
        other_version: false,
        group: Vec::new(),
        bytes_only: None,
    };
    for (bucket, state) in buckets {
        merge.files.buckets.insert(bucket.clone(), BucketFiles { bucket: *state, ..BucketFiles::default() });
    }
    let (mut rows, mut listed) = (Ahead::new(rows.read()?)?, Ahead::new(listed.read()?)?);
    loop {
        match (&rows.next, &listed.next) {
            (Some(row), Some(file)) => match row.place.cmp(&file.place) {
                std::cmp::Ordering::Less => merge.row_only(&rows.take()?)?,
                std::cmp::Ordering::Greater => merge.file_only(listed.take_listed()?)?,
                std::cmp::Ordering::Equal => {
                    let file = listed.take_listed()?;
                    merge.file_counts(&file);
                    merge.flush_bytes_only(None)?;
                    // A unique index that was lost may have let several in.
                    while rows.next.as_ref().is_some_and(|row| row.place == file.place) {
                        let row = rows.take()?;
                        merge.both(&row, &file)?;
                    }
                }
            },
            (Some(_), None) => merge.row_only(&rows.take()?)?,
            (None, Some(_)) => merge.file_only(listed.take_listed()?)?,
            (None, None) => break,
        }
    }
    merge.finish()
}

/// What is wrong both times it was looked at: of these, what the second look says.
///
/// # Errors
/// As [`reconcile`].
pub(super) fn confirm(files: &mut Files, first: &Sorted, second: &Sorted, samples: usize) -> Result<()> {
    let (mut first, mut second) = (Ahead::new(first.read()?)?, Ahead::new(second.read()?)?);
    while let (Some(a), Some(b)) = (&first.next, &second.next) {
        match a.place.cmp(&b.place) {
            std::cmp::Ordering::Less => drop(first.take()?),
            std::cmp::Ordering::Greater => drop(second.take()?),
            std::cmp::Ordering::Equal => {
                let was = first.take()?;
                while second.next.as_ref().is_some_and(|entry| entry.place == was.place) {
                    count(files, &second.take()?, samples);
                }
                while first.next.as_ref().is_some_and(|entry| entry.place == was.place) {
                    first.take()?;
                }
            }
        }
    }
    Ok(())
}

fn count(files: &mut Files, entry: &Entry, samples: usize) {
    let bucket = files.buckets.entry(entry.place.bucket()).or_default();
    let odd = match entry.mark {
        Mark::Missing => &mut bucket.missing,
        Mark::Failing => {
            bucket.failing += 1;
            &mut bucket.missing
        }
        Mark::Superseded => {
            bucket.superseded += 1;
            &mut bucket.missing
        }
        Mark::Unreferenced | Mark::UnreferencedSeparated => &mut bucket.unreferenced,
        Mark::Size => &mut bucket.size_differs,
        Mark::Checksum => &mut bucket.checksum_differs,
        Mark::None | Mark::Separated | Mark::Unfinished | Mark::Unknown | Mark::Unversioned => return,
    };
    let OddFiles { files, bytes, samples: shown } = odd;
    *files += 1;
    *bytes += entry.size.unwrap_or(0);
    if shown.len() < samples {
        let mut sample = entry.place.in_bucket();
        if let Some(words) = &entry.etag {
            sample = format!("{sample} ({words})");
        }
        shown.push(sample);
    }
}

struct Merge<'b> {
    buckets: &'b Buckets,
    checksums: bool,
    files: Files,
    candidates: Sorter,
    known: u64,
    /// Rows of this name without bytes, until it is known whether another version is there.
    waiting: VecDeque<Entry>,
    other_version: bool,
    /// The name that all of this is about.
    group: Vec<u8>,
    /// A file that no row knows, until it is known that it is no upload that goes on.
    bytes_only: Option<Entry>,
}

impl Merge<'_> {
    fn bucket(&mut self, place: &Place) -> &mut BucketFiles {
        let name = place.bucket();
        let state = self.buckets.get(&name).copied().unwrap_or(BucketState::Gone);
        self.files
            .buckets
            .entry(name)
            .or_insert_with(|| BucketFiles { bucket: state, ..BucketFiles::default() })
    }

    fn file_counts(&mut self, file: &Entry) {
        let bytes = file.size.unwrap_or(0);
        self.files.objects += 1;
        self.files.bytes += bytes;
        let bucket = self.bucket(&file.place);
        bucket.objects += 1;
        bucket.bytes += bytes;
    }

    fn row_counts(&mut self, row: &Entry) {
        self.files.rows += 1;
        let bucket = self.bucket(&row.place);
        bucket.rows += 1;
        bucket.unversioned += u64::from(row.mark == Mark::Unversioned);
        bucket.unsized_rows += u64::from(row.size.is_none());
    }

    fn both(&mut self, row: &Entry, file: &Entry) -> Result<()> {
        self.enter(&row.place)?;
        self.row_counts(row);
        self.known += 1;
        let candidate = |mark, words: String| Entry {
            place: row.place.clone(),
            size: file.size,
            etag: Some(words),
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
        match (row.etag.as_deref(), file.etag.as_deref()) {
            (Some(expected), Some(found)) if expected == found => {
                self.bucket(&row.place).summed += 1;
                Ok(())
            }
            (Some(expected), Some(found)) if is_md5(expected) && is_md5(found) => {
                self.bucket(&row.place).summed += 1;
                let words = format!("MD5 {expected} expected, {found} found");
                self.candidates.push(&candidate(Mark::Checksum, words))
            }
            _ => {
                self.bucket(&row.place).unsummed += 1;
                Ok(())
            }
        }
    }

    fn row_only(&mut self, row: &Entry) -> Result<()> {
        self.enter(&row.place)?;
        self.row_counts(row);
        let candidate = Entry { place: row.place.clone(), size: row.size, etag: None, mark: Mark::Missing };
        if !row.place.has_version() {
            return self.candidates.push(&candidate);
        }
        if self.waiting.len() >= WAITING {
            self.leave()?;
        }
        self.waiting.push_back(candidate);
        Ok(())
    }

    fn file_only(&mut self, file: Entry) -> Result<()> {
        self.enter(&file.place)?;
        self.file_counts(&file);
        self.flush_bytes_only(Some(&file))?;
        if file.place.beside().is_some() {
            self.bucket(&file.place).side_files += 1;
            return Ok(());
        }
        self.other_version |= file.place.has_version();
        if self.buckets.get(&file.place.bucket()) == Some(&BucketState::Other) {
            return Ok(());
        }
        self.bytes_only = Some(file);
        Ok(())
    }

    /// Settles what became of a file that no row knows, now that its neighbour is known.
    fn flush_bytes_only(&mut self, neighbour: Option<&Entry>) -> Result<()> {
        let Some(file) = self.bytes_only.take() else { return Ok(()) };
        let goes_on = neighbour.is_some_and(|neighbour| {
            neighbour.mark == Mark::Unfinished
                && neighbour.place.parent() == file.place.parent()
                && neighbour.place.beside().as_deref() == Some(&*file.place.last())
        });
        if goes_on {
            self.bucket(&file.place).unfinished += 1;
            return Ok(());
        }
        let mark =
            if file.mark == Mark::Separated { Mark::UnreferencedSeparated } else { Mark::Unreferenced };
        self.candidates.push(&Entry { etag: None, mark, ..file })
    }

    /// Goes on to another name.
    fn enter(&mut self, place: &Place) -> Result<()> {
        if self.group != place.parent() {
            self.flush_bytes_only(None)?;
            self.leave()?;
            self.other_version = false;
            self.group = place.parent().to_vec();
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

    fn finish(mut self) -> Result<Reconciled> {
        self.flush_bytes_only(None)?;
        self.leave()?;
        Ok(Reconciled { files: self.files, candidates: self.candidates.finish()?, known: self.known })
    }
}

/// A checksum of the bytes, not of parts of an upload, nor of a time.
pub(super) fn is_md5(etag: &str) -> bool {
    etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A sequence, and what comes next in it.
struct Ahead {
    reading: Reading,
    next: Option<Entry>,
}

impl Ahead {
    fn new(mut reading: Reading) -> Result<Self> {
        let next = reading.next()?;
        Ok(Self { reading, next })
    }

    fn take(&mut self) -> Result<Entry> {
        let next = self.reading.next()?;
        std::mem::replace(&mut self.next, next).ok_or_else(|| {
            crate::Error::new(crate::ErrorKind::Internal, "a sequence of files was read beyond its end")
        })
    }

    /// As [`Ahead::take`], of a listing: pages that overlap list a file twice.
    fn take_listed(&mut self) -> Result<Entry> {
        let file = self.take()?;
        while self.next.as_ref().is_some_and(|next| next.place == file.place) {
            self.take()?;
        }
        Ok(file)
    }
}
