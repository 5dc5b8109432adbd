//! How large tables are, roughly: as the server estimated when it last looked, else by their bytes.

use std::collections::BTreeMap;

use super::storage::{Storage, Storages};
use crate::evidence::catalog::{Catalog, Relation};
use crate::sql::QualifiedName;

/// Rows of tables, roughly.
#[derive(Debug, Default)]
pub(super) struct Sizes<'c> {
    rows: BTreeMap<&'c QualifiedName, u64>,
    bytes: BTreeMap<&'c QualifiedName, u64>,
    largest: u64,
}

/// Bytes of a row, where nobody ever looked at the table: fewer than most have.
const ROW: u64 = 64;

/// How many rows a table has, roughly, without its partitions' where these were not measured; none where
/// nobody knows.
pub(super) fn rows(relation: &Relation, storage: Option<&Storage>) -> Option<u64> {
    // A table that was never looked at has -1.
    let estimated = u64::try_from(relation.estimated_rows).ok().filter(|rows| *rows > 0);
    // One that has grown since has more bytes than these rows take.
    let by_bytes = storage.map(|storage| storage.bytes / ROW).filter(|rows| *rows > 0);
    estimated.max(by_bytes)
}

impl<'c> Sizes<'c> {
    /// What the catalog says, and how the tables are stored, as far as either is known.
    pub(super) fn of(catalog: &'c Catalog, storages: &'c Storages) -> Self {
        let mut sizes = Self::default();
        for relation in catalog.relations.read().into_iter().flatten() {
            let rows = u64::try_from(relation.estimated_rows).unwrap_or(0);
            *sizes.rows.entry(&relation.name).or_default() += rows;
            // A partitioned table has no rows but its partitions'.
            let root = catalog.root_of(&relation.name);
            if root != &relation.name {
                *sizes.rows.entry(root).or_default() += rows;
            }
        }
        for (table, storage) in storages {
            sizes.bytes.insert(table, storage.bytes);
            let rows = sizes.rows.entry(table).or_default();
            if *rows == 0 {
                *rows = storage.bytes / ROW;
            }
        }
        sizes.largest = sizes.rows.values().copied().max().unwrap_or(0);
        sizes
    }

    pub(super) fn rows(&self, table: &QualifiedName) -> u64 {
        self.rows.get(table).copied().unwrap_or(0).max(1)
    }

    /// Rows of the largest table.
    pub(super) fn largest(&self) -> u64 {
        self.largest.max(1)
    }

    /// Bytes of a table; 0 where nobody knows.
    pub(super) fn bytes(&self, table: &QualifiedName) -> u64 {
        self.bytes.get(table).copied().unwrap_or(0)
    }
}
