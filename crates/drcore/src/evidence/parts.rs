//! What some of the blocks of a table hold.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cause, Fact};
use crate::content::{Content, Coverage};
use crate::sql::QualifiedName;

/// What some of the blocks of a table hold: what one shard read of it, or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "TableParts")]
#[non_exhaustive]
pub struct TableParts {
    /// The tables that hold its rows: itself, or its partitions.
    pub(crate) heaps: BTreeSet<QualifiedName>,
    /// Which of their blocks.
    pub(crate) blocks: Coverage,
    /// What the rows in these blocks hold.
    pub(crate) content: Content,
    /// Whether the file of sketches holds what tells which of them differ.
    pub(crate) sketched: bool,
}

impl TableParts {
    /// What all of the table holds, once no block is missing.
    pub(super) fn whole(&self) -> Option<&Content> {
        self.heaps.iter().all(|heap| self.blocks.is_whole(heap)).then_some(&self.content)
    }

    /// With what others read of the same table; none where the two do not fit together.
    fn plus(mut self, other: &Self) -> Option<Self> {
        let (one, two) = (&self.content, &other.content);
        let fits = self.heaps == other.heaps
            && (one.method, &one.columns, &one.key) == (two.method, &two.columns, &two.key);
        if !fits || !self.blocks.add_all(&other.blocks) {
            return None;
        }
        self.blocks = self.blocks.joined();
        self.content.rows += other.content.rows;
        self.content.fingerprint += other.content.fingerprint;
        self.sketched &= other.sketched;
        Some(self)
    }
}

impl Fact<TableParts> {
    /// What both know of one table.
    pub(super) fn plus(self, other: Self) -> Self {
        match (self, other) {
            (Self::Read(one), Self::Read(two)) => {
                one.plus(&two).map_or_else(|| Self::Unread(Cause::disagreement()), Self::Read)
            }
            (one, two) => one.join(two),
        }
    }
}
