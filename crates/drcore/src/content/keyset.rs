//! Keys of a parent table, small enough to stay in memory while the rows of its children go by.
//!
//! A key of up to 16 bytes is held as it is; of a longer one the first 128 bits of its SHA-256. Numbers that
//! stand close together take a bit each.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use super::form::Form;

/// Bytes that one key takes at most while a set of them is built: in a list, and in a table with room to spare.
const KEY: u64 = 40;
/// Keys for which room is asked for at a time.
const STEP: u64 = 4_096;

/// How the values of one column of a key are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Whole numbers, of whatever width.
    Integer,
    /// Values of so many bytes, equal where their bytes are.
    Fixed(usize),
    /// Text and bytes of any length, equal where their bytes are.
    Varying,
}

/// How the keys of a reference are told apart by the bytes that a binary copy has: each pair of columns such
/// that the server's own `=` finds equal exactly what has the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyShape {
    classes: Vec<Class>,
    /// Whether the key itself has no more than 16 bytes.
    exact: bool,
}

/// Whether values of this form have to be compared under a collation.
pub(crate) fn is_collated(form: Form) -> bool {
    matches!(form.name(), "text" | "varchar")
}

impl KeyShape {
    /// Of pairs of columns, of the parent and of the child; none where `=` finds other values equal than those
    /// of the same bytes (`1.0 = 1.00`, `-0.0 = 0.0`, `'a' = 'a '`), or where nobody has made sure.
    ///
    /// Texts count as equal where their bytes are: whoever asks has made sure of their collations.
    pub(crate) fn of(pairs: impl IntoIterator<Item = (Form, Form)>) -> Option<Self> {
        let class = |(parent, child): (Form, Form)| {
            let (parent, child) = (parent.name(), child.name());
            let integer = |name: &str| matches!(name, "int2" | "int4" | "int8");
            let text = |name: &str| matches!(name, "text" | "varchar");
            if integer(parent) && integer(child) {
                return Some(Class::Integer);
            }
            if text(parent) && text(child) {
                return Some(Class::Varying);
            }
            if parent != child {
                return None;
            }
            match parent {
                "bytea" => Some(Class::Varying),
                "bool" | "char" | "date" | "macaddr" | "macaddr8" | "money" | "oid" | "pg_lsn" | "time"
                | "timestamp" | "timestamptz" | "uuid" | "xid8" => {
                    Some(Class::Fixed(Form::named(parent).size()?))
                }
                _ => None,
            }
        };
        let classes: Vec<Class> = pairs.into_iter().map(class).collect::<Option<_>>()?;
        let size = |class: &Class| match class {
            Class::Integer => Some(8),
            Class::Fixed(size) => Some(*size),
            Class::Varying => None,
        };
        let size: Option<usize> = classes.iter().map(size).sum();
        let exact = size.is_some_and(|size| size <= 16);
        (!classes.is_empty()).then_some(Self { classes, exact })
    }

    /// How many columns.
    pub(crate) fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether every key is one whole number.
    fn is_integer(&self) -> bool {
        self.classes == [Class::Integer]
    }

    /// What stands for the key of these values; none where one of them has other bytes than its type has.
    pub(crate) fn key<'v>(&self, values: impl Iterator<Item = &'v [u8]>) -> Option<u128> {
        let mut values = self.classes.iter().zip(values);
        if !self.exact {
            let mut hash = Sha256::new();
            for (class, value) in values {
                match class {
                    Class::Integer => hash.update(integer(value)?.to_be_bytes()),
                    Class::Fixed(size) if value.len() != *size => return None,
                    Class::Fixed(_) => hash.update(value),
                    Class::Varying => {
                        hash.update(u32::try_from(value.len()).ok()?.to_be_bytes());
                        hash.update(value);
                    }
                }
            }
            let mut first = [0; 16];
            first.copy_from_slice(&hash.finalize()[..16]);
            return Some(u128::from_be_bytes(first));
        }
        values.try_fold(0_u128, |key, (class, value)| match class {
            Class::Integer => Some((key << 64) | u128::from(integer(value)?.cast_unsigned())),
            Class::Fixed(size) if value.len() == *size => {
                Some(value.iter().fold(key, |key, byte| (key << 8) | u128::from(*byte)))
            }
            _ => None,
        })
    }
}

/// A whole number as it is sent, of two, four or eight bytes.
fn integer(value: &[u8]) -> Option<i64> {
    Some(match *value {
        [a, b] => i64::from(i16::from_be_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_be_bytes([a, b, c, d])),
        _ => i64::from_be_bytes(value.try_into().ok()?),
    })
}

/// How many bytes all sets together may have.
#[derive(Debug)]
pub(crate) struct Room(AtomicU64);

impl Room {
    pub(crate) fn new(bytes: u64) -> Self {
        Self(AtomicU64::new(bytes))
    }

    /// About how many keys there is room for.
    pub(crate) fn keys(&self) -> u64 {
        self.0.load(Ordering::Relaxed) / KEY
    }

    fn take(&self, bytes: u64) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Keys of a table, as they come.
#[derive(Debug)]
pub(crate) struct KeyList<'r> {
    room: &'r Room,
    keys: Vec<u128>,
    taken: u64,
}

impl<'r> KeyList<'r> {
    pub(crate) fn new(room: &'r Room) -> Self {
        Self { room, keys: Vec::new(), taken: 0 }
    }

    /// Adds a key. Says whether there was room for it.
    #[must_use]
    pub(crate) fn push(&mut self, key: u128) -> bool {
        if self.keys.len() as u64 * KEY >= self.taken {
            if !self.room.take(STEP * KEY) {
                return false;
            }
            self.taken += STEP * KEY;
        }
        self.keys.push(key);
        true
    }

    /// All of them, to be asked.
    pub(crate) fn finish(mut self, shape: &KeyShape) -> KeySet {
        let set = KeySet::new(std::mem::take(&mut self.keys), shape);
        // What it takes in the end stays taken; the rest is given back as the list goes.
        self.taken = self.taken.saturating_sub(set.size());
        set
    }
}

impl Drop for KeyList<'_> {
    fn drop(&mut self) {
        self.room.give_back(self.taken);
    }
}

/// A set of keys.
pub(crate) struct KeySet(Kind);

enum Kind {
    /// A bit for each number from the first on.
    Bits { first: i64, words: Vec<u64> },
    /// Places by a hash, each with a key or nothing, which is 0.
    Table { seed: u64, places: Vec<u128>, zero: bool },
}

impl std::fmt::Debug for KeySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeySet").field("bytes", &self.size()).finish_non_exhaustive()
    }
}

impl KeySet {
    fn new(keys: Vec<u128>, shape: &KeyShape) -> Self {
        if shape.is_integer()
            && let Some(kind) = bits(&keys)
        {
            return Self(kind);
        }
        // Half as many again, so that what is not there is found out soon.
        let mut places = vec![0; keys.len() + keys.len() / 2 + 1];
        let seed = RandomState::new().hash_one(0);
        let mut zero = false;
        for key in keys {
            if key == 0 {
                zero = true;
                continue;
            }
            let mut at = place(key, seed, places.len());
            while places[at] != 0 && places[at] != key {
                at = if at + 1 == places.len() { 0 } else { at + 1 };
            }
            places[at] = key;
        }
        Self(Kind::Table { seed, places, zero })
    }

    /// Whether this key is in it.
    #[inline]
    pub(crate) fn contains(&self, key: u128) -> bool {
        match &self.0 {
            Kind::Bits { first, words } => {
                #[expect(clippy::cast_possible_truncation, reason = "one whole number")]
                let offset = (key as u64).wrapping_sub(first.cast_unsigned());
                let word = usize::try_from(offset / 64).ok().and_then(|at| words.get(at));
                word.is_some_and(|word| word >> (offset % 64) & 1 == 1)
            }
            Kind::Table { zero, .. } if key == 0 => *zero,
            Kind::Table { seed, places, .. } => {
                let mut at = place(key, *seed, places.len());
                loop {
                    match places[at] {
                        0 => return false,
                        found if found == key => return true,
                        _ => at = if at + 1 == places.len() { 0 } else { at + 1 },
                    }
                }
            }
        }
    }

    /// How many bytes it has.
    fn size(&self) -> u64 {
        match &self.0 {
            Kind::Bits { words, .. } => words.len() as u64 * 8,
            Kind::Table { places, .. } => places.len() as u64 * 16,
        }
    }
}

/// A bit for each number, where that takes no more bytes than the numbers themselves.
fn bits(keys: &[u128]) -> Option<Kind> {
    #[expect(clippy::cast_possible_truncation, reason = "one whole number each")]
    let number = |key: &u128| (*key as u64).cast_signed();
    let first = keys.iter().map(number).min()?;
    let last = keys.iter().map(number).max()?;
    let span = last.wrapping_sub(first).cast_unsigned();
    let words = usize::try_from(span / 64).ok().filter(|words| *words / 2 <= keys.len())? + 1;
    let mut words = vec![0; words];
    for key in keys {
        let offset = number(key).wrapping_sub(first).cast_unsigned();
        if let Some(word) = usize::try_from(offset / 64).ok().and_then(|at| words.get_mut(at)) {
            *word |= 1 << (offset % 64);
        }
    }
    Some(Kind::Bits { first, words })
}

/// Where the search for a key begins. Nobody who chooses keys knows the seed.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "halves, and a place that is in the table")]
fn place(key: u128, seed: u64, places: usize) -> usize {
    let (high, low) = ((key >> 64) as u64, key as u64);
    let mut x = (low ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ high.rotate_left(32);
    x = (x ^ (x >> 32) ^ seed.rotate_left(23)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 29)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((u128::from(x ^ (x >> 32)) * places as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn shape(pairs: &[(&str, &str)]) -> Option<KeyShape> {
        KeyShape::of(pairs.iter().map(|(parent, child)| (Form::named(parent), Form::named(child))))
    }

    fn set(keys: &[u128], shape: &KeyShape) -> KeySet {
        let room = Room::new(1 << 30);
        let mut list = KeyList::new(&room);
        assert!(keys.iter().all(|key| list.push(*key)));
        let set = list.finish(shape);
        assert_eq!(room.0.load(Ordering::Relaxed), (1 << 30) - if keys.is_empty() { 0 } else { set.size() });
        set
    }

    #[test]
    fn only_types_whose_equal_values_have_equal_bytes_are_told_apart_by_them() {
        for pair in
            [("uuid", "uuid"), ("int2", "int8"), ("text", "varchar"), ("bytea", "bytea"), ("date", "date")]
        {
            assert!(shape(&[pair]).is_some(), "{pair:?}");
        }
        for pair in [
            ("numeric", "numeric"),
            ("float8", "float8"),
            ("interval", "interval"),
            ("bpchar", "bpchar"),
            ("jsonb", "jsonb"),
            ("output", "output"),
            ("text", "bpchar"),
            ("timestamp", "timestamptz"),
            ("date", "timestamp"),
            ("int4", "oid"),
            ("uuid", "text"),
            ("inet", "cidr"),
        ] {
            assert_eq!(shape(&[("uuid", "uuid"), pair]), None, "{pair:?}");
        }
        assert_eq!(KeyShape::of([]), None);
    }

    #[test]
    fn numbers_of_any_width_are_the_same_key() {
        let shape = shape(&[("int8", "int2")]).unwrap();
        let key = |bytes: &[u8]| shape.key([bytes].into_iter());
        assert_eq!(key(&(-7_i64).to_be_bytes()), key(&(-7_i16).to_be_bytes()));
        assert_eq!(key(&(-7_i64).to_be_bytes()), key(&(-7_i32).to_be_bytes()));
        assert_eq!(key(&[1, 2, 3]), None);
        let beside = KeyShape::of([
            (Form::named("int8"), Form::named("int2")),
            (Form::named("text"), Form::named("text")),
        ])
        .unwrap();
        let key = |bytes: &[u8]| beside.key([bytes, b"x"].into_iter());
        assert_eq!(key(&7_i64.to_be_bytes()), key(&7_i16.to_be_bytes()));
    }

    #[test]
    fn composite_keys_do_not_run_into_each_other() {
        let texts = shape(&[("text", "text"), ("text", "text")]).unwrap();
        let key = |a: &str, b: &str| texts.key([a.as_bytes(), b.as_bytes()].into_iter());
        assert_ne!(key("ab", "c"), key("a", "bc"));
        assert_ne!(key("", "a"), key("a", ""));
        let numbers = shape(&[("int4", "int8"), ("int2", "int4")]).unwrap();
        let key = |a: i64, b: i32| numbers.key([&a.to_be_bytes()[..], &b.to_be_bytes()[..]].into_iter());
        assert_ne!(key(1, 2), key(2, 1));
        assert_ne!(key(-1, 0), key(0, -1));
        let uuids = shape(&[("uuid", "uuid"), ("int4", "int4")]).unwrap();
        assert!(!uuids.exact && uuids.key([&[7; 16][..], &[0, 0, 0, 1][..]].into_iter()).is_some());
        assert_eq!(uuids.key([&[7; 15][..], &[0, 0, 0, 1][..]].into_iter()), None);
    }

    #[test]
    fn there_is_no_more_room_than_there_is() {
        let room = Room::new(3 * STEP * KEY);
        let fill = |list: &mut KeyList<'_>| (0..100_000).take_while(|key| list.push(*key)).count() as u64;
        let mut list = KeyList::new(&room);
        assert_eq!(fill(&mut list), 3 * STEP);
        let mut other = KeyList::new(&room);
        assert!(!other.push(1));
        drop(other);
        drop(list);
        let mut list = KeyList::new(&room);
        assert_eq!(fill(&mut list), 3 * STEP, "what was given up is free again");
    }

    proptest! {
        #[test]
        fn what_is_in_it_is_found_and_nothing_else(
            numbers in prop::collection::vec(prop_oneof![
                any::<i64>(), -300_i64..300, Just(i64::MIN), Just(i64::MAX), Just(0)
            ], 0..200),
            wide in prop::collection::vec(prop_oneof![any::<u128>(), 0_u128..50], 0..200),
            others in prop::collection::vec(prop_oneof![any::<i64>(), -300_i64..300], 0..200),
        ) {
            let one = shape(&[("int8", "int8")]).unwrap();
            let key = |number: &i64| one.key([&number.to_be_bytes()[..]].into_iter()).unwrap();
            let keys: Vec<u128> = numbers.iter().map(key).collect();
            let found = set(&keys, &one);
            let known: BTreeSet<i64> = numbers.iter().copied().collect();
            for number in numbers.iter().chain(&others) {
                for number in [number.wrapping_sub(1), *number, number.wrapping_add(1)] {
                    prop_assert_eq!(found.contains(key(&number)), known.contains(&number), "{}", number);
                }
            }
            let uuid = shape(&[("uuid", "uuid")]).unwrap();
            let found = set(&wide, &uuid);
            let known: BTreeSet<u128> = wide.iter().copied().collect();
            for key in wide.iter().copied().chain(0..60) {
                prop_assert_eq!(found.contains(key), known.contains(&key), "{}", key);
            }
        }
    }
}
