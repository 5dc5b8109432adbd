//! What the parts of a table come to, once all of them are read.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::content::{Blocks, ContentScan, Coverage, Probe};
use crate::evidence::{Cause, CauseKind};
use crate::sql::QualifiedName;

use super::storage::Storage;

/// Which part of a table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it, by its own name.
    Whole,
    /// Some blocks of the heap in this place.
    Blocks(usize, Blocks),
}

impl Part {
    /// Parts of no more than so many bytes, in the order of the blocks; one where it is no larger than
    /// half as much again.
    pub(super) fn of(storage: &Storage, bytes: u64, blocks: Option<u32>) -> Vec<Self> {
        if blocks.is_none() && storage.bytes <= bytes.saturating_add(bytes / 2) {
            return vec![Self::Whole];
        }
        let parts = storage.heaps.iter().enumerate().flat_map(|(at, heap)| {
            let most = blocks.map_or(heap.bytes.div_ceil(bytes.max(1)), |blocks| {
                u64::from(heap.blocks.div_ceil(blocks.max(1)))
            });
            let count = u32::try_from(most).unwrap_or(u32::MAX).max(1);
            Blocks::split(heap.blocks, count).into_iter().map(move |blocks| Self::Blocks(at, blocks))
        });
        let parts: Vec<Self> = parts.collect();
        if parts.is_empty() { vec![Self::Whole] } else { parts }
    }

    /// The same in smaller parts; none where it cannot be divided any further.
    pub(super) fn halves(self, storage: &Storage) -> Vec<Self> {
        match self {
            Self::Whole => match storage.heaps.as_slice() {
                [] => Vec::new(),
                [_] => Self::Blocks(0, Blocks::ALL).halves(storage),
                heaps => (0..heaps.len()).map(|at| Self::Blocks(at, Blocks::ALL)).collect(),
            },
            Self::Blocks(at, blocks) => {
                let heap = storage.heaps.get(at);
                let halves = heap.and_then(|heap| blocks.halves(heap.blocks));
                halves.into_iter().flatten().map(|blocks| Self::Blocks(at, blocks)).collect()
            }
        }
    }

    /// What takes its place where it took longer than a statement may: smaller parts.
    pub(super) fn split(self, cause: &Cause, storage: &Storage, lessons: &Lessons) -> Vec<Self> {
        if cause.kind != CauseKind::StatementTimeout {
            return Vec::new();
        }
        lessons.took_too_long(self.blocks(storage));
        self.halves(storage)
    }

    /// The same where a part of this size took too long already.
    pub(super) fn split_before(self, storage: &Storage, lessons: &Lessons) -> Vec<Self> {
        if lessons.are_too_many(self.blocks(storage)) { self.halves(storage) } else { Vec::new() }
    }

    /// Whether it is but a part of the table.
    pub(super) fn is_part(self) -> bool {
        matches!(self, Self::Blocks(..))
    }

    /// How many blocks it has, roughly.
    pub(super) fn blocks(self, storage: &Storage) -> u32 {
        match self {
            Self::Whole => storage.heaps.iter().map(|heap| heap.blocks).fold(0, u32::saturating_add),
            Self::Blocks(at, blocks) => storage.heaps.get(at).map_or(0, |heap| blocks.length(heap.blocks)),
        }
    }

    /// How many bytes it has, roughly.
    pub(super) fn bytes(self, storage: &Storage) -> u64 {
        match self {
            Self::Whole => storage.bytes,
            Self::Blocks(at, blocks) => storage.heaps.get(at).map_or(0, |heap| {
                let all = u128::from(heap.blocks.max(1));
                let bytes = u128::from(heap.bytes) * u128::from(blocks.length(heap.blocks)) / all;
                u64::try_from(bytes).unwrap_or(u64::MAX)
            }),
        }
    }
}

/// What the parts of one table came to so far.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// Read, or given up.
    done: Coverage,
    /// What is read here, where others read the rest.
    share: Option<Coverage>,
    sum: Option<ContentScan>,
    /// Why it cannot be known any more.
    failure: Option<Cause>,
}

impl Gathering {
    /// Of these parts alone.
    pub(super) fn of_share(storage: &Storage, parts: &[Part]) -> Self {
        let mut share = Coverage::default();
        for part in parts {
            if let Part::Blocks(at, blocks) = part
                && let Some(heap) = storage.heaps.get(*at)
            {
                // They were made so that none is there twice.
                let _ = share.add(&heap.name, *blocks);
            }
        }
        Self { share: Some(share.joined()), ..Self::default() }
    }

    /// Which blocks are read here, where others read the rest.
    pub(super) fn share(&self) -> Option<&Coverage> {
        self.share.as_ref()
    }

    /// Whether nothing is missing.
    fn is_whole(&self, storage: &Storage) -> bool {
        match &self.share {
            Some(share) => self.done.joined() == *share,
            None => storage.heaps.iter().all(|heap| self.done.is_whole(&heap.name)),
        }
    }

    /// Adds what one part came to. Once nothing is missing, gives what all came to together: never the sum of some.
    pub(super) fn add(
        &mut self,
        name: &QualifiedName,
        storage: &Storage,
        part: Part,
        probes: &[Probe],
        answer: Result<ContentScan, Cause>,
    ) -> Option<Result<ContentScan, Cause>> {
        let (heap, blocks) = match part {
            Part::Whole => return Some(answer.map(ContentScan::settled)),
            Part::Blocks(at, blocks) => (&storage.heaps.get(at)?.name, blocks),
        };
        let added = match answer {
            Ok(scan) => {
                if let Some(sum) = &mut self.sum {
                    sum.add(scan, probes)
                } else {
                    self.sum = Some(scan);
                    true
                }
            }
            Err(cause) => {
                self.failure.get_or_insert(cause);
                true
            }
        };
        if !self.done.add(heap, blocks) || !added {
            let message = format!("the parts in which {name} was read do not fit together");
            self.failure.get_or_insert(Cause::new(CauseKind::Error, message));
        }
        if !self.is_whole(storage) {
            return None;
        }
        match self.failure.take() {
            Some(cause) => Some(Err(cause)),
            // How many rows the table has is not known yet.
            None if self.share.is_some() => self.sum.take().map(Ok),
            None => self.sum.take().map(|sum| Ok(sum.settled())),
        }
    }
}

/// What the sessions that read parts of one table learn from each other.
#[derive(Debug)]
pub(super) struct Lessons {
    /// More blocks than this took longer than a statement may.
    most: AtomicU32,
    /// Why the table cannot be read: then there is no use in reading more of it.
    hopeless: OnceLock<Cause>,
}

impl Default for Lessons {
    fn default() -> Self {
        Self { most: AtomicU32::new(u32::MAX), hopeless: OnceLock::new() }
    }
}

impl Lessons {
    /// So many blocks took longer than a statement may. Of what is beyond the end nothing is learnt.
    pub(super) fn took_too_long(&self, blocks: u32) {
        if blocks > 0 {
            self.most.fetch_min((blocks / 2).max(1), Ordering::Relaxed);
        }
    }

    /// Whether so many blocks will take longer than a statement may.
    pub(super) fn are_too_many(&self, blocks: u32) -> bool {
        // One more than half of them is worth trying.
        blocks > self.most.load(Ordering::Relaxed).saturating_add(1)
    }

    /// Says whether nobody had given up before.
    pub(super) fn give_up(&self, cause: &Cause) -> bool {
        self.hopeless.set(cause.clone()).is_ok()
    }

    pub(super) fn hopeless(&self) -> Option<&Cause> {
        self.hopeless.get()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::storage::Heap;
    use super::*;
    use crate::content::{Fingerprint, RowHash, Sketch};

    fn storage(blocks: &[u32]) -> Storage {
        let heaps: Vec<Heap> = blocks
            .iter()
            .enumerate()
            .map(|(at, blocks)| Heap {
                name: QualifiedName::new("public", format!("p{at}")),
                blocks: *blocks,
                bytes: u64::from(*blocks) * 8_192,
            })
            .collect();
        Storage { bytes: heaps.iter().map(|heap| heap.bytes).sum(), heaps }
    }

    fn name() -> QualifiedName {
        QualifiedName::new("public", "t")
    }

    /// One row for each part, so that none can be missing unseen.
    fn scan(at: usize) -> ContentScan {
        let hash = RowHash::of(&at.to_be_bytes());
        let (mut fingerprint, mut sketch) = (Fingerprint::default(), Sketch::new(6, 0));
        fingerprint += hash;
        sketch.insert(hash, &[]);
        ContentScan { rows: 1, fingerprint, sketch: Some(sketch), ..ContentScan::default() }
    }

    #[test]
    fn small_tables_are_read_as_a_whole_and_large_ones_in_parts() {
        assert_eq!(Part::of(&storage(&[12]), 8 * 8_192, None), [Part::Whole]);
        assert_eq!(Part::of(&storage(&[13]), 8 * 8_192, None).len(), 2);
        assert_eq!(Part::of(&storage(&[100, 1]), 10 * 8_192, None).len(), 11);
        assert_eq!(Part::of(&storage(&[10]), 8_192 << 20, Some(3)).len(), 4);
        // What can only be read as a whole is.
        let view = Storage { bytes: 1 << 40, heaps: Vec::new() };
        assert_eq!(Part::of(&view, 8_192, Some(1)), [Part::Whole]);
        assert_eq!(Part::Whole.halves(&view), []);
    }

    #[test]
    fn one_part_that_fails_is_the_whole_that_fails() {
        let storage = storage(&[40]);
        let parts = Part::of(&storage, 0, Some(10));
        for failing in 0..parts.len() {
            let mut gathering = Gathering::default();
            let mut came = Vec::new();
            for (at, part) in parts.iter().enumerate() {
                let cause = || Cause::new(CauseKind::Permission, "no");
                let answer = if at == failing { Err(cause()) } else { Ok(scan(at)) };
                came.push(gathering.add(&name(), &storage, *part, &[], answer));
            }
            let last = came.pop().unwrap().unwrap();
            assert_eq!(last.unwrap_err().kind, CauseKind::Permission);
            assert!(came.iter().all(Option::is_none), "not before it is known of all");
        }
    }

    #[test]
    fn a_part_that_comes_twice_is_no_sum() {
        let storage = storage(&[20]);
        let parts = Part::of(&storage, 0, Some(10));
        let mut gathering = Gathering::default();
        for part in [parts[0], parts[0]] {
            assert!(gathering.add(&name(), &storage, part, &[], Ok(scan(0))).is_none());
        }
        let cause = gathering.add(&name(), &storage, parts[1], &[], Ok(scan(1))).unwrap().unwrap_err();
        assert!(cause.message.contains("do not fit"), "{cause:?}");
    }

    #[test]
    fn what_took_too_long_is_not_tried_again() {
        let lessons = Lessons::default();
        assert!(!lessons.are_too_many(u32::MAX));
        lessons.took_too_long(101);
        assert!(lessons.are_too_many(101) && !lessons.are_too_many(51));
        lessons.took_too_long(1);
        assert!(!lessons.are_too_many(1));
    }

    /// Else billions of parts would be made of it, none of which there is.
    #[test]
    fn what_lies_beyond_the_end_is_not_taken_for_large() {
        let storage = storage(&[20]);
        let lessons = Lessons::default();
        let mut part = Part::Blocks(0, Blocks::ALL);
        let mut count = 0;
        while let [read, left] = part.halves(&storage)[..] {
            let beyond = part.blocks(&storage) == 0;
            assert!(!beyond || !lessons.are_too_many(read.blocks(&storage)), "{read:?}");
            lessons.took_too_long(left.blocks(&storage));
            (part, count) = (left, count + 1);
        }
        assert!((32..100).contains(&count), "{count}");
    }

    proptest! {
        #[test]
        fn in_whatever_parts_and_order_it_is_the_same_sum(
            blocks in prop::collection::vec(0_u32..200, 1..4),
            most in 1_u32..100,
            halved in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
            seed in any::<prop::sample::Index>(),
        ) {
            let storage = storage(&blocks);
            let mut parts = Part::of(&storage, 0, Some(most));
            for at in halved {
                let at = at.index(parts.len());
                let halves = parts[at].halves(&storage);
                if !halves.is_empty() {
                    parts.splice(at..=at, halves);
                }
            }
            let mut expected = scan(0);
            for at in 1..parts.len() {
                prop_assert!(expected.add(scan(at), &[]));
            }
            let mut order: Vec<usize> = (0..parts.len()).collect();
            order.rotate_left(seed.index(parts.len()));
            order.reverse();
            let mut gathering = Gathering::default();
            for (number, at) in order.iter().enumerate() {
                let sum = gathering.add(&name(), &storage, parts[*at], &[], Ok(scan(*at)));
                if number + 1 < order.len() {
                    prop_assert!(sum.is_none());
                } else {
                    prop_assert_eq!(sum, Some(Ok(expected.clone().settled())));
                }
            }
        }
    }
}
