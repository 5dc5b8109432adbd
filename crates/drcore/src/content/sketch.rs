//! A sketch: from two of them, of a fixed size, one can read off in which rows two tables differ.
//!
//! An invertible Bloom lookup table. Each row is added to four cells, one in each of four parts.
//! Where the rows of one table are subtracted from the rows of another, what they share is gone, and
//! a cell that holds a single row gives it away; taking that out of its other three cells uncovers more.
//! It works as long as there are no more differences than about 0.75 × cells, and says so where it does
//! not. Everything in a cell is a sum, so that sketches of parts of a table add up to that of the
//! table, and one of 2ⁿ⁺¹ cells folds into one of 2ⁿ.
//!
//! Source: M. Goodrich and M. Mitzenmacher, *Invertible Bloom Lookup Tables*, 2011; D. Eppstein et
//! al., *What's the Difference? Efficient Set Reconciliation without Prior Context*, 2011. Unlike there,
//! sums are modulo primes, so that a row that is there several times can be read off too.

use std::cmp::Ordering;

use sha2::{Digest, Sha256};

/// 2¹²⁷ − 1: hashes are added up modulo this.
const P: u128 = u128::MAX >> 1;
/// 2⁶¹ − 1: checks are added up modulo this.
const Q: u64 = (1 << 61) - 1;
/// Each row is in one cell of each part. With three, two rows of a small table would too often share
/// all their cells.
const PARTS: usize = 4;
/// The fewest and the most cells of a part, as powers of two.
const FEWEST: u32 = 5;
pub(crate) const MOST: u32 = 20;

/// The hash of a row: the first 128 bits of a SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowHash(u128);

impl RowHash {
    /// The hash of a framed row.
    pub(crate) fn of(frame: &[u8]) -> Self {
        Self::of_digest(Sha256::new_with_prefix(frame))
    }

    /// The hash of a row that came in pieces.
    pub(crate) fn of_digest(digest: Sha256) -> Self {
        let digest = digest.finalize();
        let mut first = [0; 16];
        first.copy_from_slice(&digest[..16]);
        Self(u128::from_be_bytes(first))
    }

    /// As the server computed it.
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }

    #[expect(clippy::cast_possible_truncation, reason = "halves")]
    pub(crate) fn halves(self) -> (u64, u64) {
        ((self.0 >> 64) as u64, self.0 as u64)
    }

    /// Below 2¹²⁷ − 1, as sketches hold it.
    pub(crate) fn reduced(self) -> Self {
        let folded = (self.0 & P) + (self.0 >> 127);
        Self(if folded >= P { folded - P } else { folded })
    }

    /// A number that follows from the hash, other for every `salt`.
    fn mixed(self, salt: u64) -> u64 {
        let (high, low) = self.halves();
        let mut x = high ^ low.rotate_left(32) ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_add(low).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// What a cell adds up to see whether it holds one row only.
    fn check(self) -> u64 {
        self.mixed(0xc0de) % Q
    }

    /// Its cell in this part.
    #[expect(clippy::cast_possible_truncation, reason = "masked to a few bits")]
    fn place(self, part: usize, bits: u32) -> usize {
        (part << bits) | (self.mixed(part as u64 + 1) as usize & ((1 << bits) - 1))
    }
}

/// What several rows add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cell {
    hash: u128,
    check: u64,
    count: i64,
}

impl Cell {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, other: &Self) {
        self.hash = plus(self.hash, other.hash);
        self.check = (self.check + other.check) % Q;
        self.count = self.count.wrapping_add(other.count);
    }

    fn negated(self) -> Self {
        Self {
            hash: if self.hash == 0 { 0 } else { P - self.hash },
            check: if self.check == 0 { 0 } else { Q - self.check },
            count: self.count.wrapping_neg(),
        }
    }

    /// The row that it holds, if it holds but one (maybe several times).
    fn alone(&self) -> Option<RowHash> {
        let times = self.count.unsigned_abs();
        let own = if self.count < 0 { self.negated() } else { *self };
        let hash = match times {
            0 => return None,
            1 => RowHash(own.hash),
            _ => RowHash(divided(own.hash, times)?),
        };
        let check = u128::from(hash.check()) * u128::from(times) % u128::from(Q);
        (check == u128::from(own.check)).then_some(hash)
    }
}

fn plus(a: u128, b: u128) -> u128 {
    // Both are below 2¹²⁷.
    let sum = a + b;
    if sum >= P { sum - P } else { sum }
}

/// `a × b` modulo 2¹²⁷ − 1.
fn times(a: u128, b: u64) -> u128 {
    let (mut sum, mut double, mut b) = (0, a, b);
    while b > 0 {
        if b & 1 == 1 {
            sum = plus(sum, double);
        }
        double = plus(double, double);
        b >>= 1;
    }
    sum
}

/// `a ÷ b` modulo 2¹²⁷ − 1, a prime: what multiplied by `b` gives `a`.
fn divided(a: u128, b: u64) -> Option<u128> {
    let by = u128::from(b);
    let (whole, rest) = (P / by, P % by);
    // k × P + 1 is a multiple of b; divided by b it is the inverse of b.
    let k = inverse_of_negative(rest, by)?;
    let inverse = k * whole + (k * rest + 1) / by;
    Some(plus(a / by, times(inverse, u64::try_from(a % by).ok()?)))
}

/// `k` with `k × a ≡ −1` modulo `m`; both below 2⁶⁴.
fn inverse_of_negative(a: u128, m: u128) -> Option<u128> {
    let (mut r, mut next_r) = (i128::try_from(m).ok()?, i128::try_from(a).ok()?);
    let (mut t, mut next_t) = (0_i128, 1_i128);
    while next_r != 0 {
        let quotient = r / next_r;
        (r, next_r) = (next_r, r - quotient * next_r);
        (t, next_t) = (next_t, t - quotient * next_t);
    }
    // Modulo 1 everything is 0, and every number is a multiple of 1.
    if m == 1 {
        return Some(0);
    }
    (r == 1).then(|| u128::try_from((-t).rem_euclid(i128::try_from(m).unwrap_or(1))).ok())?
}

/// The rows of a table, added up in a few thousand cells.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Sketch {
    bits: u32,
    width: usize,
    cells: Vec<Cell>,
    keys: Vec<u8>,
}

impl std::fmt::Debug for Sketch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sketch")
            .field("cells", &self.cells.len())
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

/// A row that one side has oftener than the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Difference {
    pub(crate) hash: RowHash,
    /// How much oftener the first side has it; negative where the other has it oftener.
    pub(crate) count: i64,
    /// The bytes of its key, as [`KeyForm::encode`](super::KeyForm::encode) gives them.
    pub(crate) key: Option<Vec<u8>>,
}

/// In which rows two tables differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Differences {
    pub(crate) rows: Vec<Difference>,
    /// Whether these are all; else there are more differences than the sketch can tell apart.
    pub(crate) whole: bool,
}

impl Sketch {
    /// Of no rows, with `PARTS` × 2^`bits` cells and `width` bytes for keys.
    pub(crate) fn new(bits: u32, width: usize) -> Self {
        let bits = bits.clamp(FEWEST, MOST);
        let cells = PARTS << bits;
        Self { bits, width, cells: vec![Cell::default(); cells], keys: vec![0; cells * width] }
    }

    /// How many cells suit a table of so many rows: all of a small one, else a half per cent and some
    /// thousands can differ.
    pub(crate) fn bits_for(rows: u64) -> u32 {
        let cells = (rows + rows / 2 + 32).min(4_000 + rows / 250);
        let part = cells.div_ceil(PARTS as u64).max(1).next_power_of_two();
        part.trailing_zeros().clamp(FEWEST, MOST)
    }

    pub(crate) fn bits(&self) -> u32 {
        self.bits
    }

    /// How many bytes it has.
    pub(crate) fn size(&self) -> usize {
        self.cells.len() * (CELL + self.width)
    }

    /// About how many differences it can tell apart.
    pub(crate) fn capacity(&self) -> u64 {
        self.cells.len() as u64 * 7 / 10
    }

    /// Adds a row.
    pub(crate) fn insert(&mut self, hash: RowHash, key: &[u8]) {
        let hash = hash.reduced();
        let cell = Cell { hash: hash.0, check: hash.check(), count: 1 };
        self.change(hash, &cell, Some(key));
    }

    fn change(&mut self, hash: RowHash, by: &Cell, key: Option<&[u8]>) {
        for part in 0..PARTS {
            let place = hash.place(part, self.bits);
            self.cells[place].add(by);
            if let Some(key) = key {
                xor(&mut self.keys[place * self.width..][..self.width], key);
            }
        }
    }

    /// The same rows in fewer cells.
    #[must_use]
    pub(crate) fn folded(&self, bits: u32) -> Self {
        let mut folded = Self::new(bits.min(self.bits), self.width);
        let mask = (1 << folded.bits) - 1;
        for (place, cell) in self.cells.iter().enumerate() {
            let (part, within) = (place >> self.bits, place & ((1 << self.bits) - 1));
            let to = (part << folded.bits) | (within & mask);
            folded.cells[to].add(cell);
            xor(
                &mut folded.keys[to * self.width..][..self.width],
                &self.keys[place * self.width..][..self.width],
            );
        }
        folded
    }

    /// Adds the rows of another part of the same table; in as few cells as the smaller of the two has.
    /// Says whether it could: not where the keys are held in another way.
    #[must_use]
    pub(crate) fn add(&mut self, other: &Self) -> bool {
        if self.width != other.width {
            return false;
        }
        let folded;
        let other = match self.bits.cmp(&other.bits) {
            Ordering::Equal => other,
            Ordering::Less => {
                folded = other.folded(self.bits);
                &folded
            }
            Ordering::Greater => {
                *self = self.folded(other.bits);
                other
            }
        };
        for (cell, other) in self.cells.iter_mut().zip(&other.cells) {
            cell.add(other);
        }
        xor(&mut self.keys, &other.keys);
        true
    }

    /// Takes another table's rows out; none where the keys are held in another way.
    pub(crate) fn minus(&self, other: &Self) -> Option<Self> {
        if self.width != other.width {
            return None;
        }
        let bits = self.bits.min(other.bits);
        let (mut rest, other) = (self.folded(bits), other.folded(bits));
        for (cell, other) in rest.cells.iter_mut().zip(&other.cells) {
            cell.add(&other.negated());
        }
        xor(&mut rest.keys, &other.keys);
        Some(rest)
    }

    /// The rows that are in it, as far as they can be told apart.
    pub(crate) fn peel(mut self) -> Differences {
        let mut rows = Vec::new();
        let mut queue: Vec<usize> = (0..self.cells.len()).collect();
        while let Some(place) = queue.pop() {
            let cell = self.cells[place];
            let Some(hash) = cell.alone() else { continue };
            // A mixture that looks like one row would have to belong here too.
            if (0..PARTS).all(|part| hash.place(part, self.bits) != place) {
                continue;
            }
            // Twice the same key is nothing, in an exclusive or.
            let key = (self.width > 0 && cell.count % 2 != 0)
                .then(|| self.keys[place * self.width..][..self.width].to_vec());
            self.change(hash, &cell.negated(), key.as_deref());
            queue.extend((0..PARTS).map(|part| hash.place(part, self.bits)));
            rows.push(Difference { hash, count: cell.count, key });
        }
        rows.sort();
        Differences { rows, whole: self.cells.iter().all(Cell::is_empty) }
    }

    /// As bytes, in the order of the machine's opposite: little end first.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 + self.size());
        bytes.extend(
            [self.bits, u32::try_from(self.width).unwrap_or(0)].map(|n| u8::try_from(n).unwrap_or(0)),
        );
        for cell in &self.cells {
            bytes.extend_from_slice(&cell.hash.to_le_bytes());
            bytes.extend_from_slice(&cell.check.to_le_bytes());
            bytes.extend_from_slice(&cell.count.to_le_bytes());
        }
        bytes.extend_from_slice(&self.keys);
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) gave; none where these bytes are no sketch.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&[bits, width], rest) = bytes.split_first_chunk()?;
        let (bits, width) = (u32::from(bits), usize::from(width));
        if !(FEWEST..=MOST).contains(&bits) {
            return None;
        }
        let count = PARTS << bits;
        let (cells, keys) = rest.split_at_checked(count * CELL)?;
        if keys.len() != count * width {
            return None;
        }
        let cells: Option<Vec<Cell>> = cells
            .chunks_exact(CELL)
            .map(|bytes| {
                let (hash, rest) = bytes.split_first_chunk()?;
                let (check, rest) = rest.split_first_chunk()?;
                let cell = Cell {
                    hash: u128::from_le_bytes(*hash),
                    check: u64::from_le_bytes(*check),
                    count: i64::from_le_bytes(*rest.first_chunk()?),
                };
                (cell.hash < P && cell.check < Q).then_some(cell)
            })
            .collect();
        Some(Self { bits, width, cells: cells?, keys: keys.to_vec() })
    }
}

/// Bytes of a cell without its key.
const CELL: usize = 32;

fn xor(into: &mut [u8], from: &[u8]) {
    for (into, from) in into.iter_mut().zip(from) {
        *into ^= from;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn hash(row: u64) -> RowHash {
        RowHash::of(&row.to_be_bytes())
    }

    fn sketch(bits: u32, rows: impl IntoIterator<Item = u64>) -> Sketch {
        let mut sketch = Sketch::new(bits, 8);
        for row in rows {
            sketch.insert(hash(row), &row.to_be_bytes());
        }
        sketch
    }

    fn keys(differences: &Differences) -> Vec<(u64, i64)> {
        let mut keys: Vec<_> = differences
            .rows
            .iter()
            .map(|row| (u64::from_be_bytes(row.key.clone().unwrap().try_into().unwrap()), row.count))
            .collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn differences_come_out_exactly_up_to_capacity() {
        for differing in [0, 1, 42, 1_000, 1_800] {
            let then = sketch(10, 0..100_000);
            let now = sketch(10, differing..100_000 + differing / 2);
            let found = now.minus(&then).unwrap().peel();
            assert!(found.whole, "{differing}");
            let expected: Vec<(u64, i64)> = (0..differing)
                .map(|row| (row, -1))
                .chain((100_000..100_000 + differing / 2).map(|row| (row, 1)))
                .collect();
            assert_eq!(keys(&found), expected);
        }
    }

    #[test]
    fn more_than_it_can_hold_is_said() {
        let capacity = sketch(8, []).capacity();
        for more in [2 * capacity, 100 * capacity] {
            let found = sketch(8, 0..more).minus(&sketch(8, [])).unwrap().peel();
            assert!(!found.whole);
            for row in &found.rows {
                assert_eq!(row.count, 1, "what it does read off is right");
            }
        }
    }

    #[test]
    fn rows_that_are_there_several_times_are_counted() {
        for (then, now) in [(1, 5), (7, 1), (0, 100), (2, 4), (1, 1 << 20)] {
            let mut sides = [then, now].map(|times: i64| {
                let mut sketch = Sketch::new(6, 0);
                let cell = Cell {
                    hash: super::times(hash(1).reduced().0, times.unsigned_abs()),
                    check: u64::try_from(
                        u128::from(hash(1).reduced().check()) * u128::from(times.unsigned_abs())
                            % u128::from(Q),
                    )
                    .unwrap(),
                    count: times,
                };
                sketch.change(hash(1).reduced(), &cell, None);
                sketch.insert(hash(2), &[]);
                sketch
            });
            let found = sides[1].minus(&sides[0]).unwrap().peel();
            assert!(found.whole);
            assert_eq!(found.rows, [Difference { hash: hash(1).reduced(), count: now - then, key: None }]);
            sides.reverse();
            assert_eq!(sides[1].minus(&sides[0]).unwrap().peel().rows[0].count, then - now);
        }
    }

    #[test]
    fn division_is_the_inverse_of_multiplication() {
        for by in [1, 2, 3, 4, 6, 1 << 20, u64::MAX] {
            for number in [0, 1, 2, P - 1, P / 3, hash(7).reduced().0] {
                assert_eq!(divided(times(number, by), by), Some(number), "{number} × {by}");
            }
        }
    }

    #[test]
    fn what_is_stored_comes_back() {
        let stored = sketch(6, 0..50);
        let bytes = stored.to_bytes();
        assert_eq!(Sketch::from_bytes(&bytes).unwrap(), stored);
        for length in [0, 1, 2, 100, bytes.len() - 1] {
            assert_eq!(Sketch::from_bytes(&bytes[..length]), None);
        }
        assert_eq!(Sketch::from_bytes(&[255; 64]), None);
        assert!(sketch(6, []).minus(&Sketch::new(6, 9)).is_none());
        assert!(!sketch(6, []).add(&Sketch::new(6, 9)));
    }

    #[test]
    fn small_tables_fit_whole() {
        for rows in [0, 1, 10, 100, 1_000, 3_000] {
            let bits = Sketch::bits_for(rows);
            assert!(sketch(bits, 0..rows).peel().whole, "{rows}");
        }
        assert!(Sketch::new(Sketch::bits_for(10_000_000), 17).size() < 8 << 20);
    }

    proptest! {
        #[test]
        fn rows_add_up_whatever_their_order_and_the_sizes(
            rows in prop::collection::vec((0_u64..500, 0_usize..3), 0..40),
            bits in prop::array::uniform3(8_u32..11),
        ) {
            let mut parts: Vec<Sketch> = bits.iter().map(|bits| Sketch::new(*bits, 8)).collect();
            let mut counts = BTreeMap::new();
            for (row, part) in &rows {
                parts[*part].insert(hash(*row), &row.to_be_bytes());
                *counts.entry(hash(*row).reduced()).or_insert(0_i64) += 1;
            }
            let [a, b, c] = &parts[..] else { unreachable!() };
            let sum = |a: &Sketch, b: &Sketch| {
                let mut sum = a.clone();
                assert!(sum.add(b));
                // What is less by nothing less b is more by b.
                let nothing = Sketch::new(11, 8);
                assert_eq!(sum, a.minus(&nothing.minus(b).unwrap()).unwrap());
                sum
            };
            let (one, other) = (sum(&sum(a, b), c), sum(c, &sum(b, a)));
            prop_assert_eq!(&one, &other);
            let found = one.peel();
            prop_assert!(found.whole);
            let found: BTreeMap<_, _> = found.rows.into_iter().map(|row| (row.hash, row.count)).collect();
            prop_assert_eq!(found, counts);
        }
    }
}
