//! How tables are stored: as how many blocks of which heaps, as of now.
//!
//! It decides in which parts a table is read, and how far one is, never what is read: the last part of
//! a table goes on to whatever its end is then. What is not known is read as a whole.

use std::collections::{BTreeMap, BTreeSet};

use crate::connect::Rows;
use crate::sql::{QualifiedName, literal};

/// How one table is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Storage {
    /// With its partitions, and with what is stored out of line.
    pub(super) bytes: u64,
    /// What it can be read from instead of by its own name, one by one: itself, or its partitions. Empty
    /// where it can only be read as a whole.
    pub(super) heaps: Vec<Heap>,
}

/// A table that holds rows itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heap {
    pub(super) name: QualifiedName,
    pub(super) blocks: u32,
    pub(super) bytes: u64,
}

/// By table.
pub(super) type Storages = BTreeMap<QualifiedName, Storage>;

/// Scans by range of TIDs came with this version.
const RANGES_SINCE: u32 = 14;

/// The statement whose answer [`understand`] understands.
///
/// Whoever holds a table exclusively is not waited for: how large it is would be known too late. Where a role
/// may read a partitioned table but not its partitions, or is under their row level security, it reads the
/// whole by its own name. So it does where a partition is being detached, which belongs to the table for
/// some and not for others.
pub(super) fn question(tables: &[&QualifiedName]) -> String {
    let list = |names: Vec<String>| names.join(", ");
    let schemas = list(tables.iter().map(|table| literal(&table.schema)).collect());
    let names = list(tables.iter().map(|table| literal(&table.name)).collect());
    format!(
        "with recursive asked (place, oid) as materialized (\
           select a.place, c.oid \
           from rows from (\
             pg_catalog.unnest(array[{schemas}]::pg_catalog.text[]), pg_catalog.unnest(array[{names}]::pg_catalog.text[])\
           ) with ordinality a (schema, name, place) \
           join pg_catalog.pg_namespace n on n.nspname = a.schema \
           join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = a.name\
         ), tree (place, oid, whole) as (\
           select a.place, a.oid, true from asked a \
           union all \
           select t.place, i.inhrelid, \
             not coalesce((pg_catalog.to_jsonb(i) ->> 'inhdetachpending')::pg_catalog.bool, false) \
           from tree t \
           join pg_catalog.pg_class c on c.oid = t.oid and c.relkind = 'p' \
           join pg_catalog.pg_inherits i on i.inhparent = t.oid\
         ), held (oid) as materialized (\
           select l.relation from pg_catalog.pg_locks l \
           where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock' and l.granted\
         ) \
         select t.place - 1, n.nspname, c.relname, c.relkind, \
           t.whole and (c.relkind = 'p' or c.relkind = 'r' and a.amname = 'heap') \
             and pg_catalog.has_table_privilege(c.oid, 'select') and not pg_catalog.row_security_active(c.oid), \
           s.blocks, s.bytes \
         from tree t \
         join pg_catalog.pg_class c on c.oid = t.oid \
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         left join pg_catalog.pg_am a on a.oid = c.relam \
         cross join lateral (\
           select case when measured then pg_catalog.pg_relation_size(c.oid) end \
               / pg_catalog.current_setting('block_size')::pg_catalog.int8, \
             case when measured then pg_catalog.pg_table_size(c.oid) end \
           from (select c.relkind in ('r', 'm') and c.oid not in (select h.oid from held h)) m (measured)\
         ) s (blocks, bytes)"
    )
}

/// How the tables are stored that [`question`] asked about, as far as the server says.
pub(super) fn understand(tables: &[&QualifiedName], rows: &Rows, major: Option<u32>) -> Storages {
    let has_ranges = major.is_some_and(|major| major >= RANGES_SINCE);
    let mut storages = Storages::new();
    let mut whole = BTreeSet::new();
    for row in rows {
        let [Some(place), Some(schema), Some(name), Some(kind), Some(readable), blocks, bytes] =
            row.as_slice()
        else {
            continue;
        };
        let Some(table) = place.parse().ok().and_then(|place: usize| tables.get(place)) else { continue };
        let storage = storages.entry((*table).clone()).or_default();
        let bytes = bytes.as_ref().and_then(|bytes| bytes.parse().ok());
        storage.bytes += bytes.unwrap_or(0);
        let blocks = blocks.as_ref().and_then(|blocks| blocks.parse().ok());
        match (kind.as_str(), blocks, bytes) {
            _ if readable != "t" => drop(whole.insert(*table)),
            // Its rows are its partitions'.
            ("p", ..) => {}
            ("r", Some(blocks), Some(bytes)) => {
                storage.heaps.push(Heap { name: QualifiedName::new(schema, name), blocks, bytes });
            }
            _ => drop(whole.insert(*table)),
        }
    }
    for (table, storage) in &mut storages {
        if !has_ranges || whole.contains(table) {
            storage.heaps.clear();
        }
        storage.heaps.sort_by(|a, b| a.name.cmp(&b.name));
    }
    storages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(place: &str, name: &str, kind: &str, readable: &str, blocks: Option<&str>) -> Vec<Option<String>> {
        let text = |text: &str| Some(text.to_owned());
        let bytes = blocks.map(|blocks| format!("{blocks}0"));
        vec![
            text(place),
            text("public"),
            text(name),
            text(kind),
            text(readable),
            blocks.map(str::to_owned),
            bytes,
        ]
    }

    #[test]
    fn a_table_with_one_part_that_cannot_be_read_by_itself_is_read_as_a_whole() {
        let names = ["a", "b", "c", "d"].map(|name| QualifiedName::new("public", name));
        let tables: Vec<&QualifiedName> = names.iter().collect();
        let rows = vec![
            row("0", "a", "r", "t", Some("5")),
            row("1", "b", "p", "t", None),
            row("1", "b2", "r", "t", Some("2")),
            row("1", "b1", "r", "t", Some("1")),
            row("2", "c", "p", "t", None),
            row("2", "c1", "r", "t", Some("1")),
            row("2", "c2", "f", "t", None),
            row("3", "d", "r", "f", Some("7")),
            vec![None],
            row("9", "e", "r", "t", Some("1")),
        ];
        let heaps = |major| -> Vec<(u64, Vec<String>)> {
            let storages = understand(&tables, &rows, major);
            let heaps = |storage: &Storage| storage.heaps.iter().map(|heap| heap.name.to_string()).collect();
            tables.iter().map(|table| (storages[*table].bytes, heaps(&storages[*table]))).collect()
        };
        let names = |names: &[&str]| names.iter().map(|name| format!("public.{name}")).collect::<Vec<_>>();
        assert_eq!(
            heaps(Some(14)),
            [(50, names(&["a"])), (30, names(&["b1", "b2"])), (10, names(&[])), (70, names(&[]))]
        );
        for major in [None, Some(13)] {
            assert!(heaps(major).iter().all(|(_, heaps)| heaps.is_empty()), "{major:?}");
        }
    }
}
