//! Which orphans are counted here, from rows that are copied, and which by the server.
//!
//! Where the server is near, the keys of the parents are copied first, into memory; then each row of a child is
//! looked up as it goes by, in the pass that its content comes from or in one of its own. That takes a fraction
//! of the server's anti-join, and as many references of a table as there are cost one pass. What cannot be told
//! apart by bytes, or has more parents than there is room for, is left to the server, and so is a child that is
//! small beside its parents: the server looks those up in an index.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::request::{Request, Wants};
use super::sizes::Sizes;
use super::storage::Storages;
use crate::connect::{Chunks, Rows, Session};
use crate::content::{CopyRows, Form, KeyList, KeySet, KeyShape, Room, is_collated, other_columns};
use crate::error::Result;
use crate::evidence::Catalog;
use crate::reference::Reference;
use crate::sql::{QualifiedName, literal, quote};

/// Bytes that all parents' keys of one round take at most.
const ROOM: u64 = 64 << 20;
/// Parents of which there are no more rows than this are copied however small the child is.
const FEW: u64 = 20_000;

/// A reference whose orphans can be counted here.
#[derive(Clone, Debug)]
pub(super) struct Countable {
    pub(super) reference: Reference,
    pub(super) shape: KeyShape,
    /// Pairs of columns whose collations decide what is equal: of the parent and of the child.
    collated: Vec<[Place; 2]>,
}

/// A column of a table.
type Place = (QualifiedName, String);

/// The keys of these columns of a table.
pub(super) type KeySets = BTreeMap<(QualifiedName, Vec<String>), Arc<KeySet>>;

impl Countable {
    /// None where the server's own operators are not equalities of bytes.
    pub(super) fn of(reference: &Reference, catalog: &Catalog) -> Option<Self> {
        let plain = reference.comparisons.iter().all(crate::reference::Comparison::is_built_in);
        if !plain || reference.period {
            return None;
        }
        let mut pairs = Vec::new();
        let mut collated = Vec::new();
        for (parent, child) in reference.parent_columns.iter().zip(&reference.child_columns) {
            let form = |table: &QualifiedName, column: &str| {
                Some(Form::of(catalog.column(table, column).ok()??.builtin))
            };
            let pair = (form(&reference.parent, parent)?, form(&reference.child, child)?);
            if is_collated(pair.0) {
                collated.push([
                    (reference.parent.clone(), parent.clone()),
                    (reference.child.clone(), child.clone()),
                ]);
            }
            pairs.push(pair);
        }
        let shape = KeyShape::of(pairs).filter(|shape| shape.len() == reference.comparisons.len())?;
        Some(Self { reference: reference.clone(), shape, collated })
    }

    /// All that are wanted.
    pub(super) fn all(wants: &Wants, catalog: &Catalog) -> Vec<Self> {
        let references = wants.iter().filter_map(|request| match request {
            Request::Orphans(reference) => Self::of(reference, catalog),
            _ => None,
        });
        references.collect()
    }

    fn parents(&self) -> (QualifiedName, Vec<String>) {
        (self.reference.parent.clone(), self.reference.parent_columns.clone())
    }

    /// Its parents among these.
    pub(super) fn among<'k>(&self, sets: &'k KeySets) -> Option<&'k Arc<KeySet>> {
        sets.get(&self.parents())
    }
}

/// Asks by which collations these references compare; none where they compare by none.
pub(super) fn question(countable: &[Countable]) -> Option<String> {
    let places: BTreeSet<&Place> = countable.iter().flat_map(|one| one.collated.iter().flatten()).collect();
    if places.is_empty() {
        return None;
    }
    let list = |of: &dyn Fn(&Place) -> String| {
        let texts: Vec<String> = places.iter().map(|place| of(place)).collect();
        format!("array[{}]::pg_catalog.text[]", texts.join(", "))
    };
    // Of one that is not deterministic, texts of other bytes are equal. That of the database always is.
    Some(format!(
        "select n.nspname, c.relname, a.attname, a.attcollation::pg_catalog.oid \
         from rows from (\
           pg_catalog.unnest({}), pg_catalog.unnest({}), pg_catalog.unnest({})\
         ) w (schema, name, attribute) \
         join pg_catalog.pg_namespace n on n.nspname = w.schema \
         join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.name \
         join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = w.attribute \
         join pg_catalog.pg_collation l on l.oid = a.attcollation and l.collisdeterministic",
        list(&|place| literal(&place.0.schema)),
        list(&|place| literal(&place.0.name)),
        list(&|place| literal(&place.1)),
    ))
}

/// Leaves those whose texts are equal exactly where their bytes are.
pub(super) fn retain_bytewise(countable: &mut Vec<Countable>, rows: &Rows) {
    let mut collations: BTreeMap<Place, &str> = BTreeMap::new();
    for row in rows {
        if let [Some(schema), Some(name), Some(column), Some(collation)] = row.as_slice() {
            collations.insert((QualifiedName::new(schema, name), column.clone()), collation);
        }
    }
    countable.retain(|one| {
        one.collated.iter().all(|[parent, child]| {
            let parent = collations.get(parent);
            parent.is_some() && parent == collations.get(child)
        })
    });
}

/// Keys of a parent that are to be copied.
#[derive(Clone, Debug)]
pub(super) struct ReadKeys {
    pub(super) parent: QualifiedName,
    pub(super) columns: Vec<String>,
    sql: String,
    shape: KeyShape,
    room: Arc<Room>,
}

impl ReadKeys {
    /// Whose keys are worth copying: the smallest first, as many as there is room for.
    pub(super) fn plan(countable: &[Countable], catalog: &Catalog, storages: &Storages) -> Vec<Self> {
        let sizes = Sizes::of(catalog, storages);
        // The rows of all children of a parent are looked up in the same set.
        let mut wanted: BTreeMap<(QualifiedName, Vec<String>), (u64, &Countable)> = BTreeMap::new();
        for one in countable {
            let (children, _) = wanted.entry(one.parents()).or_insert((0, one));
            *children += sizes.rows(&one.reference.child);
        }
        let mut wanted: Vec<(u64, &Countable)> = wanted
            .into_values()
            .map(|(children, one)| (children, sizes.rows(&one.reference.parent), one))
            .filter(|(children, parents, _)| *parents <= FEW || *parents / 2 <= *children)
            .map(|(_, parents, one)| (parents, one))
            .collect();
        wanted.sort_by_key(|(parents, _)| *parents);
        let room = Arc::new(Room::new(ROOM));
        let mut left = room.keys();
        let mut reads = Vec::new();
        for (parents, one) in wanted {
            let Some(rest) = left.checked_sub(parents) else { break };
            if let Some(read) = Self::new(one, catalog, &room) {
                left = rest;
                reads.push(read);
            }
        }
        reads
    }

    fn new(countable: &Countable, catalog: &Catalog, room: &Arc<Room>) -> Option<Self> {
        let Countable { reference, shape, .. } = countable;
        let relation = catalog.relation(&reference.parent).ok()??;
        let expressions = reference.parent_columns.iter().map(|column| {
            let form = Form::of(catalog.column(&reference.parent, column).ok()??.builtin);
            Some(form.expression(&quote(column)))
        });
        let expressions: Vec<String> = expressions.collect::<Option<_>>()?;
        let from = relation.from_sql();
        Some(Self {
            parent: reference.parent.clone(),
            columns: reference.parent_columns.clone(),
            sql: format!("copy (select {} from {from}) to stdout (format binary)", expressions.join(", ")),
            shape: shape.clone(),
            room: Arc::clone(room),
        })
    }

    /// Copies them; none where there are more than there is room for.
    pub(super) async fn read(&self, session: &Session, check: Option<&str>) -> Result<Option<KeySet>> {
        let (shape, room) = (self.shape.clone(), Arc::clone(&self.room));
        let take = move |chunks: Chunks| {
            let (mut list, mut full) = (KeyList::new(&room), false);
            CopyRows::each(chunks, |row| {
                if row.len() != shape.len() {
                    return Err(other_columns());
                }
                // A parent with a NULL in its key is nobody's.
                if !full && (0..row.len()).all(|at| row.value(at).is_some()) {
                    let key = shape.key((0..row.len()).filter_map(|at| row.value(at)));
                    full = !list.push(key.ok_or_else(other_columns)?);
                }
                Ok(())
            })?;
            Ok((!full).then(|| list.finish(&shape)))
        };
        session.copy_apart(&self.sql, check, take).await
    }
}
