//! What an audit that was interrupted already had answers for.
//!
//! Where objects can only be asked for one by one, a million of them take hours. The rows, in order, are cut into
//! blocks where the rows themselves say so, so that a row more or less moves no other block; each block all of whose
//! objects are well is noted by its hash. The next run asks for what is in no noted block: an object whose row changed
//! since is in none.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::outside::sum;
use super::sorted::Entry;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{BucketFiles, Cause};

/// About so many rows are a block.
const ABOUT: u32 = 1_024;
/// At most so many are.
const MOST: usize = 8 * ABOUT as usize;
/// Answers that are older count no more: a store does not stand still.
const FRESH: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// The first line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    format: String,
    /// The store, and whose files.
    store: String,
    checksums: bool,
    /// When the oldest of the answers was given, at the earliest.
    began: Timestamp,
}

const FORMAT: &str = "drcore.asked/1";

/// A block all of whose objects are well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Block {
    key: String,
    pub(super) rows: u64,
    pub(super) buckets: BTreeMap<String, BucketFiles>,
}

/// Blocks that were well when they were asked for.
pub(super) type Known = Arc<HashMap<String, Block>>;

/// The file that they are noted in.
#[derive(Debug)]
pub(super) struct Notes {
    path: PathBuf,
    file: File,
    head: Head,
    pub(super) known: Known,
}

impl Notes {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// The cause, where it is of another store, is another file altogether, or cannot be written.
    pub(super) fn open(path: &Path, store: &str, checksums: bool) -> Result<Self, Cause> {
        Self::opened(path, store, checksums).map_err(|error| Cause::from(&error))
    }

    fn opened(path: &Path, store: &str, checksums: bool) -> Result<Self> {
        let cannot = |what: &str, error: std::io::Error| {
            Error::new(ErrorKind::Io, format!("cannot {what} {}", path.display())).caused_by(error)
        };
        let mut file = OpenOptions::new();
        file.read(true).append(true).create(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            file.mode(0o600);
        }
        let mut file = file.open(path).map_err(|error| cannot("open", error))?;
        let text = std::fs::read_to_string(path).map_err(|error| cannot("read", error))?;
        let head =
            Head { format: FORMAT.to_owned(), store: store.to_owned(), checksums, began: Timestamp::now() };
        let mut lines = text.lines();
        if let Some(first) = lines.next() {
            let was: Head = serde_json::from_str(first)
                .ok()
                .filter(|was: &Head| was.format == FORMAT)
                .ok_or_else(|| {
                    Error::new(ErrorKind::Usage, format!("{} is not what an audit left", path.display()))
                        .hint("Name a file that does not exist yet, or what an interrupted audit wrote.")
                })?;
            if (was.store.as_str(), was.checksums) != (store, checksums) {
                let of = if was.checksums { "with" } else { "without" };
                let message = format!("{} is of {}, {of} checksums", path.display(), was.store);
                return Err(Error::new(ErrorKind::Usage, message).hint("Name another file."));
            }
            // A clock that was set back says nothing either.
            let age = Timestamp::now().duration_since(was.began);
            if !age.is_negative() && age < FRESH {
                // The last line may have been cut off.
                let known = lines
                    .filter_map(|line| serde_json::from_str::<Block>(line).ok())
                    .map(|block| (block.key.clone(), block))
                    .collect();
                // Whatever is cut off is no part of the next line.
                if !text.ends_with('\n') {
                    file.write_all(b"\n").map_err(|error| cannot("write", error))?;
                }
                return Ok(Self { path: path.to_owned(), file, head: was, known: Arc::new(known) });
            }
            tracing::info!(began = %was.began, "what the earlier run heard is too old");
            file.set_len(0).map_err(|error| cannot("write", error))?;
        }
        let mut notes = Self { path: path.to_owned(), file, head, known: Known::default() };
        let head = notes.head.clone();
        notes.write(&head)?;
        Ok(notes)
    }

    fn write(&mut self, line: &impl Serialize) -> Result<()> {
        let cannot = || Error::new(ErrorKind::Io, format!("cannot write {}", self.path.display()));
        let mut text = serde_json::to_vec(line).map_err(|error| cannot().caused_by(error))?;
        text.push(b'\n');
        self.file.write_all(&text).map_err(|error| cannot().caused_by(error))
    }

    /// Notes that all of a block is well.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if it cannot be written.
    pub(super) fn add(&mut self, block: &Block) -> Result<()> {
        self.write(block)
    }

    /// When the oldest answers may have been given.
    pub(super) fn began(&self) -> Timestamp {
        self.head.began
    }

    /// The audit came to its end: the next one asks for everything.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the file cannot be removed, and what it holds would count once more.
    pub(super) fn end(self) -> Result<()> {
        std::fs::remove_file(&self.path).map_err(|error| {
            Error::new(ErrorKind::Io, format!("cannot remove {}", self.path.display())).caused_by(error)
        })
    }
}

/// Cuts rows, in their order, into blocks.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    rows: Vec<Entry>,
    hash: Sha256,
}

impl Cutter {
    /// Takes the next row; gives a block where it ends with it.
    pub(super) fn push(&mut self, row: Entry) -> Option<(String, Vec<Entry>)> {
        let digest = of_row(&row);
        self.hash.update(digest);
        self.rows.push(row);
        let [a, b, c, d, ..] = digest;
        let ends = u32::from_be_bytes([a, b, c, d]).is_multiple_of(ABOUT) || self.rows.len() >= MOST;
        if ends { self.take() } else { None }
    }

    /// What is left at the end.
    pub(super) fn take(&mut self) -> Option<(String, Vec<Entry>)> {
        let hash = std::mem::take(&mut self.hash).finalize();
        let mut key = String::with_capacity(32);
        for byte in &hash[..16] {
            // Writing to a String does not fail.
            let _ = write!(key, "{byte:02x}");
        }
        let rows = std::mem::take(&mut self.rows);
        (!rows.is_empty()).then_some((key, rows))
    }
}

/// All that an answer is held against.
fn of_row(row: &Entry) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(row.place.as_bytes());
    // A length before what may be empty, or not there at all.
    hash.update([0xff, u8::from(row.size.is_some()), u8::from(row.etag.is_some())]);
    hash.update(row.size.unwrap_or_default().to_be_bytes());
    hash.update(row.etag.as_deref().unwrap_or_default());
    hash.finalize().into()
}

/// The blocks that are asked for at the moment.
#[derive(Debug, Default)]
pub(super) struct Open {
    blocks: HashMap<u64, Half>,
}

#[derive(Debug, Default)]
struct Half {
    heard: u64,
    of: Option<(u64, String)>,
    is_ill: bool,
    buckets: BTreeMap<String, BucketFiles>,
}

impl Open {
    /// One of its objects is well: of this bucket, with these numbers.
    pub(super) fn well(&mut self, block: u64, bucket: String, one: &BucketFiles) -> Option<Block> {
        let half = self.blocks.entry(block).or_default();
        half.heard += 1;
        sum(half.buckets.entry(bucket).or_default(), one);
        self.ended(block)
    }

    /// One of them is not, or could not be told.
    pub(super) fn ill(&mut self, block: u64) {
        let half = self.blocks.entry(block).or_default();
        half.heard += 1;
        half.is_ill = true;
        self.ended(block);
    }

    /// How many there are in it, and what it is called.
    pub(super) fn is(&mut self, block: u64, rows: u64, key: String) -> Option<Block> {
        self.blocks.entry(block).or_default().of = Some((rows, key));
        self.ended(block)
    }

    /// The block, once all of it was heard, if all of it is well.
    fn ended(&mut self, block: u64) -> Option<Block> {
        let half = self.blocks.get(&block)?;
        if half.of.as_ref().is_none_or(|(rows, _)| *rows > half.heard) {
            return None;
        }
        let Half { of, is_ill, buckets, .. } = self.blocks.remove(&block)?;
        let (rows, key) = of?;
        (!is_ill).then_some(Block { key, rows, buckets })
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Place;
    use super::super::sorted::Mark;
    use super::*;

    fn row(name: u32, size: u64) -> Entry {
        Entry {
            place: Place::from_bytes(format!("b/{name:06}\0v").into_bytes()),
            size: Some(size),
            etag: None,
            modified: None,
            mark: Mark::None,
        }
    }

    fn cut(rows: impl Iterator<Item = Entry>) -> Vec<(String, usize)> {
        let mut cutter = Cutter::default();
        let mut blocks: Vec<_> = rows.filter_map(|row| cutter.push(row)).collect();
        blocks.extend(cutter.take());
        blocks.into_iter().map(|(key, rows)| (key, rows.len())).collect()
    }

    #[test]
    fn a_row_that_changed_or_is_gone_changes_its_block_and_no_other() {
        let all = cut((0..50_000).map(|name| row(name, 1)));
        assert!((20..100).contains(&all.len()), "{}", all.len());
        assert_eq!(all.iter().map(|(_, rows)| rows).sum::<usize>(), 50_000);
        for other in [
            cut((0..50_000).map(|name| row(name, u64::from(name == 25_000) + 1))),
            cut((0..50_000).filter(|name| *name != 25_000).map(|name| row(name, 1))),
            cut((0..50_000).map(|name| {
                let mut row = row(name, 1);
                row.etag = (name == 25_000).then(String::new);
                row
            })),
        ] {
            let known: std::collections::HashSet<&String> = other.iter().map(|(key, _)| key).collect();
            let lost = all.iter().filter(|(key, _)| !known.contains(key)).count();
            // Two, where it was the row that ended one of them.
            assert!((1..=2).contains(&lost), "{lost}");
        }
    }

    #[test]
    fn a_block_is_noted_once_all_of_it_was_heard_and_is_well() {
        let one = BucketFiles { asked: 1, objects: 1, bytes: 7, ..BucketFiles::default() };
        let mut open = Open::default();
        assert_eq!(open.well(0, "b".to_owned(), &one), None);
        assert_eq!(open.is(0, 2, "k".to_owned()), None);
        let block = open.well(0, "b".to_owned(), &one).unwrap();
        assert_eq!((block.rows, block.buckets["b"].bytes, block.buckets["b"].asked), (2, 14, 2));
        open.ill(1);
        open.well(1, "b".to_owned(), &one);
        assert_eq!(open.is(1, 2, "l".to_owned()), None);
        assert!(open.blocks.is_empty());
    }

    #[test]
    fn what_was_noted_is_known_to_the_next_and_to_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("asked.ndjson");
        let block = Block { key: "k".to_owned(), rows: 3, buckets: BTreeMap::new() };
        let mut notes = Notes::open(&path, "here", false).unwrap();
        assert!(notes.known.is_empty());
        notes.add(&block).unwrap();
        drop(notes);
        // Killed in the middle of a line.
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"key\": \"cut o").unwrap();
        let mut notes = Notes::open(&path, "here", false).unwrap();
        notes.add(&Block { key: "l".to_owned(), ..block.clone() }).unwrap();
        let notes = Notes::open(&path, "here", false).unwrap();
        assert_eq!((notes.known.len(), &notes.known["k"]), (2, &block));
        for (store, checksums) in [("there", false), ("here", true)] {
            let cause = Notes::open(&path, store, checksums).unwrap_err();
            assert!(cause.message.contains("is of here, without checksums"), "{}", cause.message);
        }
        // Too old, and of a time that is yet to come.
        let text = std::fs::read_to_string(&path).unwrap();
        let (_, rest) = text.split_once('\n').unwrap();
        let mut notes = notes;
        for began in [Timestamp::now() - FRESH, Timestamp::now() + FRESH] {
            let other = Head { began, ..notes.head.clone() };
            std::fs::write(&path, format!("{}\n{rest}", serde_json::to_string(&other).unwrap())).unwrap();
            notes = Notes::open(&path, "here", false).unwrap();
            assert!(notes.known.is_empty() && notes.began() != began);
        }
        notes.end().unwrap();
        assert!(!path.exists());
        std::fs::write(&path, "my notes\n").unwrap();
        assert!(Notes::open(&path, "here", false).unwrap_err().message.contains("is not what an audit left"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "my notes\n");
    }
}
