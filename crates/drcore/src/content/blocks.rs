//! Parts of a table: ranges of its blocks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sql::QualifiedName;

/// The last block that a table can have.
const LAST: u32 = u32::MAX - 1;

/// Blocks of a table: those from one up to another, or up to whatever end it has.
///
/// The last range of a table has no end, so that blocks that come while it is read are read too. A row does
/// not move: another version of it is another row, which the snapshot does not see, and whatever rewrites
/// the table gives it another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Blocks")]
pub struct Blocks {
    /// The first.
    from: u32,
    /// The first that is not in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<u32>,
}

impl Blocks {
    /// All of them.
    pub(crate) const ALL: Self = Self { from: 0, to: None };

    /// From this one up to that one, which is not in it, or up to the end.
    pub(crate) fn new(from: u32, to: Option<u32>) -> Self {
        Self { from, to }
    }

    /// `count` ranges of about the same length, of a table of so many blocks.
    pub(crate) fn split(blocks: u32, count: u32) -> Vec<Self> {
        let length = blocks.div_ceil(count.max(1)).max(1);
        let mut ranges = Vec::new();
        let mut from = 0_u32;
        while let Some(to) = from.checked_add(length).filter(|to| *to < blocks) {
            ranges.push(Self { from, to: Some(to) });
            from = to;
        }
        ranges.push(Self { from, to: None });
        ranges
    }

    /// The two halves, of a table that had so many blocks when it was looked at; none where it is but one.
    pub(crate) fn halves(self, blocks: u32) -> Option<[Self; 2]> {
        let last = match self.to {
            Some(to) => to,
            // Beyond what was there: twice as far each time, so that it comes to an end.
            None if self.from >= blocks.saturating_sub(1) => self.from.saturating_mul(2).saturating_add(2),
            None => blocks,
        }
        .min(LAST);
        if last <= self.from.saturating_add(1) {
            return None;
        }
        let middle = self.from + (last - self.from) / 2;
        Some([Self { from: self.from, to: Some(middle) }, Self { from: middle, to: self.to }])
    }

    /// How many of them a table had that had so many when it was looked at: what lies beyond is as nothing, since a
    /// range that is far longer than the table is read as quickly.
    pub(crate) fn length(self, blocks: u32) -> u32 {
        self.to.unwrap_or(blocks).min(blocks).saturating_sub(self.from)
    }

    /// What a statement that reads only these ends in; nothing where they are all.
    ///
    /// Scans by range of TIDs came with PostgreSQL 14: before, each range would read the whole table.
    pub(crate) fn condition(self) -> String {
        let bounds = self.bounds("ctid");
        if bounds.is_empty() { String::new() } else { format!(" where {}", bounds.join(" and ")) }
    }

    /// The same for a statement with further conditions, in which this is the name of a row's TID.
    pub(crate) fn bounds(self, ctid: &str) -> Vec<String> {
        let tid = |block: u32| format!("'({block},0)'::pg_catalog.tid");
        let from = (self.from > 0).then(|| format!("{ctid} >= {}", tid(self.from)));
        let to = self.to.map(|to| format!("{ctid} < {}", tid(to)));
        from.into_iter().chain(to).collect()
    }
}

/// Which blocks of which tables were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Coverage")]
pub struct Coverage(BTreeMap<QualifiedName, Vec<Blocks>>);

impl Coverage {
    /// Adds a range. Says whether nothing of it was there before: else rows would count twice.
    #[must_use]
    pub(crate) fn add(&mut self, table: &QualifiedName, blocks: Blocks) -> bool {
        let ranges = self.0.entry(table.clone()).or_default();
        let at = ranges.partition_point(|range| *range < blocks);
        let is_free = |before: Option<&Blocks>, after: Option<&Blocks>| match (before, after) {
            (Some(before), Some(after)) => before.to.is_some_and(|to| to <= after.from),
            _ => true,
        };
        let before = at.checked_sub(1).and_then(|at| ranges.get(at));
        if !is_free(before, Some(&blocks)) || !is_free(Some(&blocks), ranges.get(at)) {
            return false;
        }
        ranges.insert(at, blocks);
        true
    }

    /// Adds all that another one has. Says whether nothing of it was there before.
    #[must_use]
    pub(crate) fn add_all(&mut self, other: &Self) -> bool {
        other.0.iter().all(|(table, ranges)| ranges.iter().all(|blocks| self.add(table, *blocks)))
    }

    /// The same in as few ranges as there can be.
    #[must_use]
    pub(crate) fn joined(&self) -> Self {
        let join = |ranges: &Vec<Blocks>| {
            let mut joined: Vec<Blocks> = Vec::new();
            for range in ranges {
                match joined.last_mut() {
                    Some(last) if last.to == Some(range.from) => last.to = range.to,
                    _ => joined.push(*range),
                }
            }
            joined
        };
        Self(self.0.iter().map(|(table, ranges)| (table.clone(), join(ranges))).collect())
    }

    /// Whether a range of this table has no end.
    #[cfg(test)]
    pub(crate) fn is_open(&self, table: &QualifiedName) -> bool {
        self.0.get(table).into_iter().flatten().any(|range| range.to.is_none())
    }

    /// Every block of this table, which has so many.
    #[cfg(test)]
    pub(crate) fn numbers(&self, table: &QualifiedName, blocks: u32) -> Vec<u32> {
        let ranges = self.0.get(table).into_iter().flatten();
        ranges.flat_map(|range| range.from..range.to.unwrap_or(blocks)).collect()
    }

    /// Whether every block of this table is in it.
    pub(crate) fn is_whole(&self, table: &QualifiedName) -> bool {
        let mut next = Some(0);
        for range in self.0.get(table).into_iter().flatten() {
            if next != Some(range.from) {
                return false;
            }
            next = range.to;
        }
        // Nothing comes after a range without end; 0 does where there is none.
        next.is_none()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table() -> QualifiedName {
        QualifiedName::new("public", "t")
    }

    fn covers(ranges: impl IntoIterator<Item = Blocks>) -> bool {
        let mut coverage = Coverage::default();
        assert!(ranges.into_iter().all(|range| coverage.add(&table(), range)), "they overlap");
        coverage.is_whole(&table())
    }

    #[test]
    fn a_statement_names_the_ends_that_there_are() {
        let conditions: Vec<String> = Blocks::split(100, 3).into_iter().map(Blocks::condition).collect();
        assert_eq!(
            conditions,
            [
                " where ctid < '(34,0)'::pg_catalog.tid",
                " where ctid >= '(34,0)'::pg_catalog.tid and ctid < '(68,0)'::pg_catalog.tid",
                " where ctid >= '(68,0)'::pg_catalog.tid",
            ]
        );
        assert_eq!(Blocks::ALL.condition(), "");
        assert_eq!(Blocks::split(0, 8), [Blocks::ALL]);
    }

    #[test]
    fn halving_comes_to_an_end() {
        // Each time the later half, of a table that grows and grows.
        for blocks in [0, 1, 2, 100, u32::MAX] {
            let (mut range, mut steps) = (Blocks::ALL, 0);
            while let Some([first, second]) = range.halves(blocks) {
                assert!(covers([first, second]) || range != Blocks::ALL);
                range = second;
                steps += 1;
            }
            assert!(steps < 100, "{blocks}: {steps}");
        }
        let one = Blocks { from: 7, to: Some(8) };
        assert_eq!(one.halves(100), None);
    }

    #[test]
    fn what_is_missing_or_there_twice_is_seen() {
        let range = |from, to| Blocks { from, to };
        assert!(!covers([]));
        assert!(!covers([range(0, Some(5))]));
        assert!(!covers([range(5, None)]));
        assert!(!covers([range(0, Some(5)), range(6, None)]));
        assert!(covers([range(5, None), range(0, Some(5))]));
        let mut coverage = Coverage::default();
        assert!(coverage.add(&table(), range(5, Some(10))));
        for overlapping in
            [range(0, Some(6)), range(5, Some(10)), range(9, None), range(0, None), range(6, Some(7))]
        {
            assert!(!coverage.add(&table(), overlapping), "{overlapping:?}");
        }
        assert!(coverage.add(&table(), range(10, None)) && coverage.add(&table(), range(0, Some(5))));
        assert!(coverage.is_whole(&table()));
    }

    proptest! {
        #[test]
        fn however_it_is_split_every_block_is_there_once(
            blocks in 0_u32..5_000,
            count in 1_u32..40,
            halved in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        ) {
            let mut ranges = Blocks::split(blocks, count);
            for at in halved {
                let at = at.index(ranges.len());
                if let Some(halves) = ranges[at].halves(blocks) {
                    ranges.splice(at..=at, halves);
                }
            }
            let length: u32 = ranges.iter().map(|range| range.length(blocks)).sum();
            prop_assert_eq!(length, blocks);
            ranges.reverse();
            prop_assert!(covers(ranges.clone()));
            ranges.pop();
            prop_assert!(!covers(ranges));
        }
    }
}
