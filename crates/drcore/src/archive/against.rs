//! An archive against a baseline of the snapshot that was dumped.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::ArchiveEntry;
use super::inspection::{ArchiveDifference, InspectAgainst, Inspection};
use super::table::ArchiveTable;
use crate::evidence::Evidence;
use crate::evidence::catalog::{Persistence, Relation, RelationKind};
use crate::sql::QualifiedName;
use crate::text::{count, plural};

impl Inspection {
    /// Compares the number of rows of each table that the baseline counted.
    pub(super) fn compare(&mut self, baseline: &Evidence, entries: &[ArchiveEntry]) {
        let Some(relations) = baseline.catalog.relations.read() else {
            self.unproven.push("the baseline does not say which tables there were".to_owned());
            return;
        };
        let found = Found::new(self, entries, relations);
        let mut compared = 0;
        let (mut differences, mut unproven) = (Vec::new(), Vec::new());
        for relation in relations.iter().filter(|relation| relation.kind.is_table()) {
            let Some(scan) = baseline.scans.tables.get(&relation.name) else { continue };
            let Some(was) = scan.rows.read().copied() else {
                if !scan.rows.is_not_asked() {
                    unproven.push(format!("{}: the baseline could not count its rows", relation.name));
                }
                continue;
            };
            match found.rows(&relation.name) {
                Rows::Counted(rows) => {
                    compared += 1;
                    if rows != was {
                        differences.push(ArchiveDifference::other(&relation.name, rows, was));
                    }
                }
                // What is damaged is said to be, and what was not read too.
                Rows::Unknown => {}
                // Its rows are the extension's own, and come with it.
                Rows::Absent if relation.extension.is_some() => {}
                Rows::Absent => {
                    compared += 1;
                    differences.push(ArchiveDifference::absent(relation, was, found.makes(&relation.name)));
                }
            }
        }
        if compared == 0 && self.data_read {
            unproven.push("the baseline counted no table that is in it".to_owned());
        }
        self.differences = differences;
        self.unproven.extend(unproven);
        self.against = Some(InspectAgainst { taken_at: baseline.run.taken_at, tables: compared });
    }
}

/// What the archive has of a table.
enum Rows {
    /// No data.
    Absent,
    Counted(u64),
    /// Data that is damaged or was not read.
    Unknown,
}

/// The tables of an archive, by name.
struct Found<'a> {
    /// Several where it is of several databases.
    tables: BTreeMap<&'a QualifiedName, Vec<&'a ArchiveTable>>,
    entries: &'a [ArchiveEntry],
    partitions: BTreeMap<&'a QualifiedName, Vec<&'a Relation>>,
    data_read: bool,
}

impl<'a> Found<'a> {
    fn new(inspection: &'a Inspection, entries: &'a [ArchiveEntry], relations: &'a [Relation]) -> Self {
        let mut tables: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for table in &inspection.tables {
            tables.entry(&table.table).or_default().push(table);
        }
        let mut partitions: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for partition in relations.iter().filter(|relation| relation.is_partition) {
            for parent in &partition.parents {
                partitions.entry(parent).or_default().push(partition);
            }
        }
        Self { tables, entries, partitions, data_read: inspection.data_read }
    }

    /// Of a table with its partitions.
    fn rows(&self, name: &QualifiedName) -> Rows {
        let (mut rows, mut any) = (0, false);
        let (mut names, mut seen) = (vec![name], BTreeSet::new());
        while let Some(name) = names.pop() {
            // A baseline is a file, and may say that two tables are partitions of each other.
            if !seen.insert(name) {
                continue;
            }
            for table in self.tables.get(name).into_iter().flatten() {
                let Some(counted) = table.rows else { return Rows::Unknown };
                rows += counted;
                any = true;
            }
            names.extend(self.partitions.get(name).into_iter().flatten().map(|partition| &partition.name));
        }
        let has_entry = || {
            self.entries.iter().any(|entry| entry.is_rows() && entry.qualified_name().as_ref() == Some(name))
        };
        match any {
            true => Rows::Counted(rows),
            false if !self.data_read && has_entry() => Rows::Unknown,
            false => Rows::Absent,
        }
    }

    /// Whether it makes a table of this name.
    fn makes(&self, name: &QualifiedName) -> bool {
        self.entries.iter().any(|entry| entry.is("TABLE") && entry.qualified_name().as_ref() == Some(name))
    }
}

impl ArchiveDifference {
    fn other(name: &QualifiedName, rows: u64, was: u64) -> Self {
        let (number, what) = if rows < was { (was - rows, "too few") } else { (rows - was, "too many") };
        Self {
            object: name.to_string(),
            rows: Some(rows),
            baseline: Some(was),
            message: format!(
                "{} {what} ({}, the baseline has {})",
                plural(number, "row"),
                count(rows),
                count(was)
            ),
        }
    }

    fn absent(relation: &Relation, was: u64, is_made: bool) -> Self {
        let lacks = match (is_made, relation.kind) {
            (true, _) => "no data of it is in the archive",
            (false, RelationKind::PartitionedTable) => "neither it nor data of a partition is in the archive",
            (false, _) => "it is not in the archive",
        };
        let why = if relation.persistence == Persistence::Unlogged { ", it is unlogged" } else { "" };
        Self {
            object: relation.name.to_string(),
            rows: None,
            baseline: Some(was),
            message: format!("{lacks}{why} (the baseline has {})", plural(was, "row")),
        }
    }
}
