//! Shards: shares of the work of collecting, so that several processes, machines or standbys do it together.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::gathering::Part;
use super::request::{Request, Wants};
use super::storage::{Storage, Storages};
use crate::content::Blocks;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Cause, CauseKind};
use crate::sql::QualifiedName;

/// Blocks of a large table that go to one shard together: 64 MiB, as PostgreSQL is usually built.
const CHUNK: u32 = 8_192;

/// A share of the work of collecting: `2/4` is the second of four.
///
/// Together they read everything once; the facts of the catalog, which each needs to know what there is to do,
/// are read by each. Large tables are divided by ranges of their blocks. Who does what follows from names and
/// places alone, so that nobody has to be asked: [`Evidence::merge`](crate::Evidence::merge) puts together what
/// all of them came to, and sees whether anything was left out or read twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    number: u32,
    of: u32,
}

impl Shard {
    /// The most into which the work is divided.
    pub const MOST: u32 = 1_000;

    /// This one of so many, counted from 1.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if there is no such one, or more than [`Shard::MOST`].
    pub fn new(number: u32, of: u32) -> Result<Self> {
        if (1..=Self::MOST).contains(&of) && (1..=of).contains(&number) {
            return Ok(Self { number, of });
        }
        let message = format!("there is no shard {number}/{of}");
        Err(Error::new(ErrorKind::Usage, message)
            .hint(format!("The second of four is 2/4; there are at most {}.", Self::MOST)))
    }

    /// Which it is, counted from 1.
    pub fn number(self) -> u32 {
        self.number
    }

    /// Of how many.
    pub fn of(self) -> u32 {
        self.of
    }

    /// Whether it is the one that does what is not divided, outside of the database.
    pub(super) fn is_first(self) -> bool {
        self.number == 1
    }

    /// Whether it does what has this number.
    fn takes(self, number: u64) -> bool {
        number % u64::from(self.of) == u64::from(self.number - 1)
    }

    /// Whether it does what has this name.
    fn takes_named(self, name: &str) -> bool {
        let digest = Sha256::digest(name);
        let first = digest.first_chunk().copied().unwrap_or_default();
        self.takes(u64::from_be_bytes(first))
    }

    /// Its parts of a table, in chunks of so many blocks; none where the table is read as a whole, by one.
    ///
    /// The first one reads whatever follows the blocks that were there when it looked.
    pub(super) fn parts(self, storage: &Storage, chunk: Option<u32>) -> Option<Vec<Part>> {
        let chunk = chunk.unwrap_or(CHUNK).max(1);
        let chunks = |blocks: u32| blocks.div_ceil(chunk);
        // So that each has at least one.
        if !storage.heaps.iter().any(|heap| chunks(heap.blocks) >= self.of) {
            return None;
        }
        let mut parts = Vec::new();
        for (at, heap) in storage.heaps.iter().enumerate() {
            let mut end = Some(0);
            for number in 0..chunks(heap.blocks) {
                let from = number.saturating_mul(chunk);
                end = from.checked_add(chunk);
                if self.takes(u64::from(number) + at as u64) {
                    parts.push(Part::Blocks(at, Blocks::new(from, end)));
                }
            }
            if let (Some(end), 1) = (end, self.number) {
                parts.push(Part::Blocks(at, Blocks::new(end, None)));
            }
        }
        Some(parts)
    }

    /// What it answers of this, and what it leaves to others.
    pub(super) fn divide(self, wants: &Wants, storages: &Storages, chunk: Option<u32>) -> (Wants, Wants) {
        let divided = |table: &QualifiedName| {
            wants.iter().any(|request| matches!(request, Request::Content(content) if content == table))
                && storages.get(table).is_some_and(|storage| self.parts(storage, chunk).is_some())
        };
        let takes = |request: &Request| match request {
            // Who is acted as, each needs to know.
            Request::Catalog(_) | Request::Memberships(_) | Request::SampledUsers => true,
            // Its rows are counted with its content.
            Request::Content(table) | Request::Rows(table) if divided(table) => true,
            Request::Content(table)
            | Request::Extremes(table, _)
            | Request::Recent { table, .. }
            | Request::Rows(table)
            | Request::Sketch(table)
            | Request::Spread { table, .. } => self.takes_named(&table.to_string()),
            Request::Duplicates(key) | Request::DuplicateSample(key) => {
                self.takes_named(&key.table.to_string())
            }
            Request::Orphans(reference) | Request::OrphanSample(reference) => {
                self.takes_named(&reference.child.to_string())
            }
            Request::Sequence(name) => self.takes_named(&name.to_string()),
            Request::Acting { who, .. } => self.takes_named(who),
            Request::Assertion(name) => self.takes_named(name),
            Request::Migrations(question) => self.takes_named(&question.table().to_string()),
            Request::Auth(question) => self.takes_named(&question.table().to_string()),
            Request::LostObjects(_) | Request::StoredRows | Request::UnnamedObjects(_) => self.is_first(),
        };
        let (mut own, mut others) = (Wants::default(), Wants::default());
        for request in wants.iter() {
            if takes(request) { own.add(request.clone()) } else { others.add(request.clone()) }
        }
        (own, others)
    }

    /// Why something was not read here.
    pub(super) fn left(self) -> Cause {
        Cause::new(CauseKind::OtherShard, format!("shard {self} leaves it to others"))
            .hint("Put the Evidence of all shards together: drcore merge.")
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// Reads `2/4`.
impl FromStr for Shard {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once('/');
        let numbers = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        let Some((number, of)) = numbers else {
            let message = format!("{text} is no shard");
            return Err(Error::new(ErrorKind::Usage, message).hint("The second of four is 2/4."));
        };
        Self::new(number, of)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::storage::Heap;
    use super::*;
    use crate::content::Coverage;

    fn all(of: u32) -> impl Iterator<Item = Shard> {
        (1..=of).map(move |number| Shard::new(number, of).unwrap())
    }

    fn table(name: &str) -> QualifiedName {
        QualifiedName::new("public", name)
    }

    #[test]
    fn a_shard_is_one_of_several() {
        let shard: Shard = "2/4".parse().unwrap();
        assert_eq!((shard.number(), shard.of(), shard.to_string().as_str()), (2, 4, "2/4"));
        for wrong in ["", "2", "0/4", "5/4", "1/0", "a/b", "-1/4", "1/1001", "1/2/3"] {
            assert_eq!(wrong.parse::<Shard>().unwrap_err().kind(), ErrorKind::Usage, "{wrong}");
        }
    }

    #[test]
    fn each_thing_is_done_by_exactly_one_and_the_catalog_by_all() {
        let mut wants = Wants::default();
        for number in 0..200 {
            let name = format!("t{number}");
            wants.add(Request::Rows(table(&name)));
            wants.add(Request::Content(table(&name)));
            wants.add(Request::Sequence(table(&name)));
            wants.add(Request::Acting { who: format!("u{}", number % 5), table: table(&name) });
            wants.add(Request::Assertion(name));
        }
        wants.add(Request::StoredRows);
        wants.catalog(&[crate::evidence::catalog::CatalogFactName::Relation]);
        for of in [1, 2, 3, 7] {
            for request in wants.iter() {
                let takers = all(of)
                    .filter(|shard| {
                        let (own, others) = shard.divide(&wants, &Storages::new(), None);
                        let (own, others) =
                            (own.iter().any(|r| r == request), others.iter().any(|r| r == request));
                        assert_ne!(own, others, "one or the other");
                        own
                    })
                    .count();
                let expected = if matches!(request, Request::Catalog(_)) { of as usize } else { 1 };
                assert_eq!(takers, expected, "{request:?} of {of}");
            }
        }
        // What belongs to one table is together, so that one pass answers it.
        let shard = Shard::new(1, 3).unwrap();
        let (own, _) = shard.divide(&wants, &Storages::new(), None);
        for request in own.iter() {
            if let Request::Rows(name) = request {
                assert!(own.iter().any(|other| *other == Request::Content(name.clone())));
            }
        }
    }

    proptest! {
        #[test]
        fn all_together_read_every_block_once(
            heaps in prop::collection::vec(0_u32..300, 1..4),
            of in 1_u32..9,
            chunk in 1_u32..40,
        ) {
            let heaps: Vec<Heap> = heaps
                .iter()
                .enumerate()
                .map(|(at, blocks)| Heap {
                    name: table(&format!("p{at}")),
                    blocks: *blocks,
                    bytes: u64::from(*blocks) * 8_192,
                })
                .collect();
            let storage = Storage { bytes: heaps.iter().map(|heap| heap.bytes).sum(), heaps };
            let shares: Vec<_> = all(of).map(|shard| shard.parts(&storage, Some(chunk))).collect();
            let divided = shares[0].is_some();
            prop_assert!(shares.iter().all(|parts| parts.is_some() == divided));
            if divided {
                let mut coverage = Coverage::default();
                for parts in shares.iter().flatten() {
                    prop_assert!(!parts.is_empty());
                    for part in parts {
                        let Part::Blocks(at, blocks) = part else { panic!("a whole table") };
                        prop_assert!(coverage.add(&storage.heaps[*at].name, *blocks), "twice");
                    }
                }
                prop_assert!(storage.heaps.iter().all(|heap| coverage.is_whole(&heap.name)));
            }
        }
    }
}
