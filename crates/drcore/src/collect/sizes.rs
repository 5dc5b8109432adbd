//! How large tables are, roughly: as the server estimated when it last looked.

use std::collections::BTreeMap;

use crate::evidence::catalog::Catalog;
use crate::sql::QualifiedName;

/// Rows of tables, roughly.
#[derive(Debug, Default)]
pub(super) struct Sizes<'c> {
    rows: BTreeMap<&'c QualifiedName, u64>,
    largest: u64,
}

impl<'c> Sizes<'c> {
    /// What the catalog says; nothing where it could not be read.
    pub(super) fn of(catalog: &'c Catalog) -> Self {
        let mut sizes = Self::default();
        for relation in catalog.relations.read().into_iter().flatten() {
            // A table that was never looked at has -1.
            let rows = u64::try_from(relation.estimated_rows).unwrap_or(0);
            *sizes.rows.entry(&relation.name).or_default() += rows;
            // A partitioned table has no rows but its partitions'.
            let root = catalog.root_of(&relation.name);
            if root != &relation.name {
                *sizes.rows.entry(root).or_default() += rows;
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
}
