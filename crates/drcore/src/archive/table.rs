//! What was found of the data in an archive.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::damage::ArchiveDamage;
use super::entry::ArchiveEntry;
use super::header::ArchiveHeader;
use crate::content::Fingerprint;
use crate::error::Error;
use crate::sql::QualifiedName;

/// Whether the data of a table is all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "ArchiveTableState")]
#[non_exhaustive]
pub enum ArchiveTableState {
    /// It breaks somewhere, or is not there.
    Damaged,
    /// It was not read, or nobody can tell from it how many rows it has.
    Unread,
    /// All of it was read, to the end.
    Whole,
}

/// A table whose data is in an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ArchiveTable")]
#[non_exhaustive]
pub struct ArchiveTable {
    /// The table.
    pub table: QualifiedName,
    /// Its database, where the archive is of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Whether its data is all there.
    pub state: ArchiveTableState,
    /// How many rows: counted, and only where all of them were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// How many rows were there until it broke.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_read: Option<u64>,
    /// How many bytes of text its data is, decompressed.
    pub bytes: u64,
    /// The sum of the hashes of its rows as `COPY` writes them, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

impl ArchiveTable {
    pub(super) fn new(table: QualifiedName, database: Option<String>) -> Self {
        Self {
            table,
            database,
            state: ArchiveTableState::Whole,
            rows: Some(0),
            rows_read: None,
            bytes: 0,
            fingerprint: None,
        }
    }

    /// Its name with that of its database, where it has one.
    pub fn shown(&self) -> String {
        match &self.database {
            Some(database) => format!("{}: {}", crate::sql::ident(database), self.table),
            None => self.table.to_string(),
        }
    }

    /// Adds rows that are all there.
    pub(super) fn add(&mut self, rows: u64, fingerprint: Option<Fingerprint>) {
        // That of some of its rows is none of the table.
        self.fingerprint = match (self.fingerprint, fingerprint) {
            (Some(mut sum), Some(more)) => {
                sum += more;
                Some(sum)
            }
            (None, Some(first)) if self.rows == Some(0) => Some(first),
            (before, None) if rows == 0 => before,
            _ => None,
        };
        for counted in [&mut self.rows, &mut self.rows_read].into_iter().flatten() {
            *counted += rows;
        }
    }

    /// Says that its rows are not known, though so many more were there.
    pub(super) fn break_off(&mut self, state: ArchiveTableState, rows: u64) {
        let before = self.rows.take().or(self.rows_read).unwrap_or_default();
        self.state = self.state.min(state);
        self.rows_read = Some(before + rows);
        self.fingerprint = None;
    }
}

/// The large objects in an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ArchiveLargeObjects")]
#[non_exhaustive]
pub struct ArchiveLargeObjects {
    /// How many were read whole.
    pub count: u64,
    /// How many bytes they hold; in plain SQL that is not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The sum of the hashes of their oids and what they hold, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
}

/// All that was found in an archive.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) header: ArchiveHeader,
    pub(super) entries: Vec<ArchiveEntry>,
    pub(super) tables: Vec<ArchiveTable>,
    pub(super) large_objects: ArchiveLargeObjects,
    /// Roles that statements of plain SQL name as owners.
    pub(super) owners: BTreeSet<String>,
    pub(super) damage: Vec<ArchiveDamage>,
    /// Why it could not be read on.
    pub(super) unknown: Option<Error>,
    /// Why nobody can tell whether it is whole.
    pub(super) unproven: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl Read {
    pub(super) fn new(header: ArchiveHeader) -> Self {
        Self {
            header,
            entries: Vec::new(),
            tables: Vec::new(),
            large_objects: ArchiveLargeObjects::default(),
            owners: BTreeSet::new(),
            damage: Vec::new(),
            unknown: None,
            unproven: Vec::new(),
            notes: Vec::new(),
        }
    }
}
