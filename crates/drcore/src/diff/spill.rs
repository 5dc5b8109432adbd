//! Keys and hashes of a whole table in a temporary file, cut into parts by the hash of the key, so that two
//! tables of any size are compared exactly, part by part, within bounded memory.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::content::{Fingerprint, RowHash};
use crate::error::{Error, ErrorKind, Result};

/// About how many rows of a side are in a part: they are in memory together.
const ROWS_A_PART: u64 = 100_000;
/// The most parts: each has a buffer.
const MOST_PARTS: u64 = 512;
/// A part's buffer is written when it is as long as this.
const BUFFER: usize = 16 << 10;

/// Values of a key, as text.
pub(super) type KeyText = Vec<Option<String>>;

/// A temporary file that several write to the end of.
#[derive(Debug)]
struct Store {
    file: File,
    end: u64,
}

/// Where in the file a part has some of its records.
#[derive(Clone, Copy, Debug)]
struct Block {
    start: u64,
    length: usize,
}

/// One side of a table.
#[derive(Debug)]
pub(super) struct Spill {
    store: Arc<Mutex<Store>>,
    parts: Vec<Vec<Block>>,
    pub(super) rows: u64,
    pub(super) fingerprint: Fingerprint,
}

/// A piece of a side that is being read: it counts once it is whole.
#[derive(Debug)]
pub(super) struct Piece {
    store: Arc<Mutex<Store>>,
    parts: Vec<(Vec<u8>, Vec<Block>)>,
    rows: u64,
    fingerprint: Fingerprint,
}

/// Rows of one key that one side has oftener than the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Net {
    /// Their hashes, each as often as A has it more, in order.
    pub(super) a: Vec<RowHash>,
    /// As often as B has it more.
    pub(super) b: Vec<RowHash>,
}

impl Net {
    /// What is left of both sides where what they share is taken out.
    pub(super) fn of(counts: impl IntoIterator<Item = (RowHash, i64)>) -> Self {
        let mut net = Self::default();
        for (hash, count) in counts {
            let side = if count > 0 { &mut net.a } else { &mut net.b };
            side.extend(std::iter::repeat_n(
                hash.reduced(),
                usize::try_from(count.unsigned_abs()).unwrap_or(0),
            ));
        }
        net.a.sort_unstable();
        net.b.sort_unstable();
        net
    }

    /// Whether the sides are equal.
    pub(super) fn is_empty(&self) -> bool {
        self.a.is_empty() && self.b.is_empty()
    }
}

impl Spill {
    /// For a table of about so many rows.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if there is no room for temporary files.
    pub(super) fn new(rows: u64) -> Result<Self> {
        let file = tempfile::tempfile().map_err(unwritten)?;
        let parts = (rows / ROWS_A_PART + 1).next_power_of_two().min(MOST_PARTS);
        Ok(Self {
            store: Arc::new(Mutex::new(Store { file, end: 0 })),
            parts: vec![Vec::new(); usize::try_from(parts).unwrap_or(1)],
            rows: 0,
            fingerprint: Fingerprint::default(),
        })
    }

    /// A piece of it, to be read.
    pub(super) fn piece(&self) -> Piece {
        Piece {
            store: Arc::clone(&self.store),
            parts: vec![(Vec::new(), Vec::new()); self.parts.len()],
            rows: 0,
            fingerprint: Fingerprint::default(),
        }
    }

    /// Adds a piece that is whole.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if it cannot be written.
    pub(super) fn add(&mut self, mut piece: Piece) -> Result<()> {
        for at in 0..piece.parts.len() {
            piece.flush(at)?;
        }
        for (part, (_, blocks)) in self.parts.iter_mut().zip(piece.parts) {
            part.extend(blocks);
        }
        self.rows += piece.rows;
        self.fingerprint += piece.fingerprint;
        Ok(())
    }

    /// How many parts.
    pub(super) fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Hands every record of a part to `each`: the key as it was put in, and the hash.
    fn read(&self, part: usize, mut each: impl FnMut(&[u8], RowHash)) -> Result<()> {
        let mut buffer = Vec::new();
        for block in &self.parts[part] {
            buffer.resize(block.length, 0);
            {
                let store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
                store.file.read_exact_at(&mut buffer, block.start).map_err(unwritten)?;
            }
            let mut rest = buffer.as_slice();
            while let Some((length, after)) = rest.split_first_chunk() {
                let broken = || Error::new(ErrorKind::Internal, "a temporary file is not as it was written");
                let length = u32::from_le_bytes(*length) as usize;
                let (key, after) = after.split_at_checked(length).ok_or_else(broken)?;
                let (hash, after) = after.split_first_chunk().ok_or_else(broken)?;
                each(key, RowHash::from_bytes(*hash));
                rest = after;
            }
        }
        Ok(())
    }

    /// The keys of a part whose rows differ between `a` and `b`, in order.
    pub(super) fn differences(a: &Self, b: &Self, part: usize) -> Result<Vec<(Vec<u8>, Net)>> {
        let mut keys: HashMap<Vec<u8>, Vec<(RowHash, i64)>> = HashMap::new();
        for (side, sign) in [(a, 1), (b, -1)] {
            side.read(part, |key, hash| {
                if let Some(counts) = keys.get_mut(key) {
                    match counts.iter_mut().find(|(known, _)| *known == hash) {
                        Some((_, count)) => *count += sign,
                        None => counts.push((hash, sign)),
                    }
                    counts.retain(|(_, count)| *count != 0);
                    if counts.is_empty() {
                        keys.remove(key);
                    }
                } else {
                    keys.insert(key.to_vec(), vec![(hash, sign)]);
                }
            })?;
        }
        let mut found: Vec<(Vec<u8>, Net)> =
            keys.into_iter().map(|(key, counts)| (key, Net::of(counts))).collect();
        found.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }

    /// The keys of a part whose rows differed at the first reading and at a later one, while neither side
    /// wrote to them: who adds equal rows all the time has as many more at each reading.
    pub(super) fn lasting(first: [&Self; 2], later: [&Self; 2], part: usize) -> Result<Lasting> {
        let keys = |a: &Self, b: &Self| -> Result<HashSet<Vec<u8>>> {
            Ok(Self::differences(a, b, part)?.into_iter().map(|(key, _)| key).collect())
        };
        let differ = keys(later[0], later[1])?;
        let written = [keys(first[0], later[0])?, keys(first[1], later[1])?];
        let mut lasting = Lasting::default();
        for (key, net) in Self::differences(first[0], first[1], part)? {
            let times = (net.a.len() + net.b.len()) as u64;
            if !differ.contains(&key) {
                lasting.settled += times;
            } else if written.iter().any(|keys| keys.contains(&key)) {
                lasting.in_motion += times;
            } else {
                lasting.found.push((key, net));
            }
        }
        Ok(lasting)
    }
}

/// What became of the rows that differed at the first of two readings.
#[derive(Debug, Default)]
pub(super) struct Lasting {
    /// What differs as before, by key.
    pub(super) found: Vec<(Vec<u8>, Net)>,
    /// How many rows do not differ any more.
    pub(super) settled: u64,
    /// How many rows differ in another way.
    pub(super) in_motion: u64,
}

impl Piece {
    /// Adds a row.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if it cannot be written.
    pub(super) fn push(&mut self, key: &[u8], hash: RowHash) -> Result<()> {
        self.rows += 1;
        self.fingerprint += hash;
        let (high, low) = hash.halves();
        let at = usize::try_from(fold(key) % self.parts.len() as u64).unwrap_or(0);
        let buffer = &mut self.parts[at].0;
        buffer.extend_from_slice(&u32::try_from(key.len()).unwrap_or(u32::MAX).to_le_bytes());
        buffer.extend_from_slice(key);
        buffer.extend_from_slice(&high.to_be_bytes());
        buffer.extend_from_slice(&low.to_be_bytes());
        if buffer.len() >= BUFFER { self.flush(at) } else { Ok(()) }
    }

    fn flush(&mut self, at: usize) -> Result<()> {
        let (buffer, blocks) = &mut self.parts[at];
        if buffer.is_empty() {
            return Ok(());
        }
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let start = store.end;
        store.file.write_all_at(buffer, start).map_err(unwritten)?;
        store.end += buffer.len() as u64;
        blocks.push(Block { start, length: buffer.len() });
        buffer.clear();
        Ok(())
    }
}

/// FNV-1a: spreads keys over parts, and nothing hangs on how well.
fn fold(key: &[u8]) -> u64 {
    let hash = key.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash ^ (hash >> 32)
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err wants it")]
fn unwritten(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("temporary files cannot be written or read: {error}"))
        .hint("Make room in the directory of temporary files, or name another one in TMPDIR.")
}

/// A key as a record holds it.
pub(super) fn encode<'v>(values: impl Iterator<Item = Option<&'v [u8]>>, into: &mut Vec<u8>) {
    into.clear();
    for value in values {
        let length = value.map_or(u32::MAX, |value| u32::try_from(value.len()).unwrap_or(u32::MAX - 1));
        into.extend_from_slice(&length.to_le_bytes());
        into.extend_from_slice(value.unwrap_or_default());
    }
}

/// What [`encode`] was given; none where it is no text.
pub(super) fn decode(mut key: &[u8]) -> Option<KeyText> {
    let mut values = Vec::new();
    while !key.is_empty() {
        let (length, rest) = key.split_first_chunk()?;
        let length = u32::from_le_bytes(*length);
        if length == u32::MAX {
            values.push(None);
            key = rest;
            continue;
        }
        let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        values.push(Some(std::str::from_utf8(value).ok()?.to_owned()));
        key = rest;
    }
    Some(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spill(rows: impl Iterator<Item = (u64, u64)>, pieces: usize) -> Spill {
        let mut spill = Spill::new(1_000_000).unwrap();
        let rows: Vec<_> = rows.collect();
        for rows in rows.chunks(rows.len() / pieces + 1) {
            let lost = spill.piece();
            drop(lost);
            let mut piece = spill.piece();
            for (key, value) in rows {
                let mut encoded = Vec::new();
                encode([Some(key.to_string().as_bytes()), None].into_iter(), &mut encoded);
                piece.push(&encoded, RowHash::of(&value.to_be_bytes())).unwrap();
            }
            spill.add(piece).unwrap();
        }
        spill
    }

    fn found(a: &Spill, b: &Spill) -> Vec<(u64, usize, usize)> {
        let mut found = Vec::new();
        for part in 0..a.parts() {
            for (key, net) in Spill::differences(a, b, part).unwrap() {
                let key = decode(&key).unwrap();
                assert_eq!(key[1], None);
                found.push((key[0].as_ref().unwrap().parse().unwrap(), net.a.len(), net.b.len()));
            }
        }
        found.sort_unstable();
        found
    }

    #[test]
    fn differences_are_exact_however_many() {
        let a = spill((0..50_000).map(|n| (n, n)), 3);
        assert!(found(&a, &spill((0..50_000).rev().map(|n| (n, n)), 1)).is_empty());
        let b = spill((5..50_005).map(|n| (n, if n == 100 { 0 } else { n })), 2);
        let mut expected: Vec<(u64, usize, usize)> = (0..5).map(|n| (n, 1, 0)).collect();
        expected.push((100, 1, 1));
        expected.extend((50_000..50_005).map(|n| (n, 0, 1)));
        assert_eq!(found(&a, &b), expected);
        assert_eq!((a.rows, a.fingerprint == b.fingerprint), (50_000, false));
        let every = spill((0..50_000).map(|n| (n, n + 1)), 1);
        assert_eq!(found(&a, &every).len(), 50_000);
    }

    #[test]
    fn what_somebody_adds_to_all_the_time_does_not_last() {
        // A log of equal lines (1), a line that one side got a moment later (2), one that is lost (3), and
        // one that is in both (4).
        let log = |lines: usize, others: &[u64]| {
            let lines = std::iter::repeat_n((1, 1), lines);
            spill(lines.chain(others.iter().map(|key| (*key, *key))).collect::<Vec<_>>().into_iter(), 1)
        };
        let (first, later) = ([log(4, &[3, 4]), log(6, &[2, 4])], [log(9, &[2, 3, 4]), log(11, &[2, 4])]);
        let (mut lost, mut settled, mut in_motion) = (Vec::new(), 0, 0);
        for part in 0..first[0].parts() {
            let lasting = Spill::lasting(first.each_ref(), later.each_ref(), part).unwrap();
            lost.extend(
                lasting.found.into_iter().map(|(key, net)| (decode(&key).unwrap()[0].clone(), net.a.len())),
            );
            settled += lasting.settled;
            in_motion += lasting.in_motion;
        }
        assert_eq!((lost, settled, in_motion), (vec![(Some("3".to_owned()), 1)], 1, 2));
    }

    #[test]
    fn equal_rows_under_one_key_are_counted() {
        let a = spill([(1, 7), (1, 7), (1, 7), (1, 8)].into_iter(), 1);
        let b = spill([(1, 8), (1, 7), (1, 9)].into_iter(), 1);
        assert_eq!(found(&a, &b), [(1, 2, 1)]);
    }
}
