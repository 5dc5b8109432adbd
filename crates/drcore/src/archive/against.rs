//! An archive against a baseline of the snapshot that was dumped, or against another archive.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::ArchiveEntry;
use super::inspection::{ArchiveDifference, InspectAgainst, InspectVerdict, Inspection};
use super::table::{ArchiveLargeObjects, ArchiveTable};
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
                        differences.push(ArchiveDifference::other(&relation.name, rows, was, "baseline"));
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
        let taken_at = Some(baseline.run.taken_at);
        self.against = Some(InspectAgainst { taken_at, dump: None, tables: compared });
    }

    /// Compares the rows of each table with those of another dump.
    pub(super) fn compare_dumps(&mut self, other: &Self) {
        let mut compared = 0;
        let (mut differences, mut unproven) = (Vec::new(), Vec::new());
        let (now, then) = (by_name(self, &mut unproven), by_name(other, &mut unproven));
        // What is missing in half a dump is not known to be missing.
        let [is_read, was_read] = [&*self, other].map(|dump| dump.data_read && dump.damage.is_empty());
        for name in now.keys().chain(then.keys()).collect::<BTreeSet<_>>() {
            match (now.get(name), then.get(name)) {
                (Some(is), Some(was)) => match ArchiveDifference::between(is, was) {
                    Some(Ok(difference)) => {
                        compared += 1;
                        differences.extend(difference);
                    }
                    Some(Err(why)) => unproven.push(format!("{}: {why}", is.shown())),
                    None => {}
                },
                (Some(is), None) if was_read && other.lacks(is) => {
                    differences.push(ArchiveDifference::alone(is, "the other dump has no data of it"));
                }
                (None, Some(was)) if is_read && self.lacks(was) => {
                    differences.push(ArchiveDifference::gone(was, "no data of it is in this dump"));
                }
                _ => {}
            }
        }
        match ArchiveDifference::of_large_objects(&self.large_objects, &other.large_objects) {
            Ok(difference) if is_read && was_read => differences.extend(difference),
            Ok(_) => {}
            Err(why) => unproven.push(format!("large objects: {why}")),
        }
        if other.verdict != InspectVerdict::Whole {
            unproven.push(format!(
                "{}, with which it is compared, is {}",
                other.name,
                other.verdict.as_str()
            ));
        } else if compared == 0 && self.data_read {
            unproven.push("no table is in both dumps".to_owned());
        }
        let dump = Some(other.name.clone());
        self.against = Some(InspectAgainst { taken_at: None, dump, tables: compared });
        self.differences = differences;
        self.unproven.extend(unproven);
    }
}

impl Inspection {
    /// Whether a dump without data of a table lacks rows or the table itself: for an empty one there is no INSERT.
    fn lacks(&self, table: &ArchiveTable) -> bool {
        let is_made = || self.without_data.contains(&table.table.to_string());
        let makes_none = || !self.contents.contains_key("TABLE");
        table.rows != Some(0) || !(is_made() || makes_none())
    }
}

/// The tables of a dump, by their databases and names.
fn by_name<'i>(
    inspection: &'i Inspection,
    unproven: &mut Vec<String>,
) -> BTreeMap<(Option<&'i str>, &'i QualifiedName), &'i ArchiveTable> {
    let mut tables = BTreeMap::new();
    for table in &inspection.tables {
        if tables.insert((table.database.as_deref(), &table.table), table).is_some() {
            unproven.push(format!("{}: it is in {} twice", table.shown(), inspection.name));
        }
    }
    tables
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
    /// Whether two dumps hold the same rows of a table, or why nobody can tell; none where one of them does not say how
    /// many there are, which is told already.
    fn between(is: &ArchiveTable, was: &ArchiveTable) -> Option<Result<Option<Self>, &'static str>> {
        let (rows, were) = (is.rows?, was.rows?);
        if rows != were {
            return Some(Ok(Some(Self::other(&is.table, rows, were, "other dump"))));
        }
        let (Some(now), Some(then)) = (is.fingerprint, was.fingerprint) else {
            return Some(if rows == 0 {
                Ok(None)
            } else {
                Err("INSERT statements, whose rows are not compared")
            });
        };
        Some(Ok((now != then).then(|| Self {
            object: is.shown(),
            rows: Some(rows),
            baseline: Some(were),
            message: format!(
                "{} in both, of another text: other values, or written in another time zone",
                plural(rows, "row")
            ),
        })))
    }

    fn of_large_objects(
        is: &ArchiveLargeObjects,
        was: &ArchiveLargeObjects,
    ) -> Result<Option<Self>, &'static str> {
        let message = match (is.fingerprint, was.fingerprint) {
            _ if is.count != was.count => {
                format!("{}, the other dump has {}", plural(is.count, "large object"), count(was.count))
            }
            _ if is.count == 0 => return Ok(None),
            (Some(now), Some(then)) if now == then => return Ok(None),
            (Some(_), Some(_)) => format!("{} in both, of other content", plural(is.count, "large object")),
            _ => return Err("in plain SQL, what they hold is not compared"),
        };
        let (rows, baseline) = (Some(is.count), Some(was.count));
        Ok(Some(Self { object: "large objects".to_owned(), rows, baseline, message }))
    }

    fn alone(table: &ArchiveTable, message: &str) -> Self {
        Self { object: table.shown(), rows: table.rows, baseline: None, message: message.to_owned() }
    }

    fn gone(table: &ArchiveTable, message: &str) -> Self {
        Self { object: table.shown(), rows: None, baseline: table.rows, message: message.to_owned() }
    }

    fn other(name: &QualifiedName, rows: u64, was: u64, whose: &str) -> Self {
        let (number, what) = if rows < was { (was - rows, "too few") } else { (rows - was, "too many") };
        Self {
            object: name.to_string(),
            rows: Some(rows),
            baseline: Some(was),
            message: format!(
                "{} {what} ({}, the {whose} has {})",
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
