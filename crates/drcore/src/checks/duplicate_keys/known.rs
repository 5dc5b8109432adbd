//! Which keys are looked at: those of the catalog's unique indexes, of the baseline's, and of the plan.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::{Context, Unread};
use crate::evidence::catalog::{UniqueIndex, UniquePart};
use crate::evidence::{Catalog, Cause, CauseKind, Duplicates, Evidence, Fact};
use crate::plan::PlannedKey;
use crate::sql::{QualifiedName, ident};
use crate::unique::UniqueKey;

/// Which keys are looked at, and why others cannot be.
#[derive(Debug, Default)]
pub(super) struct Keys<'e> {
    /// Keys whose duplicates are counted.
    pub(super) known: Vec<Known<'e>>,
    /// Keys of the baseline that nothing watches over any more.
    pub(super) lost: Vec<Lost<'e>>,
    /// Keys of the plan that name what is not there.
    pub(super) nowhere: Vec<Nowhere<'e>>,
    /// What could not be read.
    pub(super) unread: Vec<Unread>,
    /// The places of `known`, by table.
    by_table: BTreeMap<QualifiedName, Vec<usize>>,
}

/// A key whose duplicates are counted.
#[derive(Debug)]
pub(super) struct Known<'e> {
    pub(super) key: UniqueKey,
    pub(super) origin: Origin<'e>,
}

/// Who says that it is to be unique.
#[derive(Clone, Debug)]
pub(super) enum Origin<'e> {
    /// Indexes, as they are now; at least one, all of the same key.
    Indexes(Vec<&'e UniqueIndex>),
    /// An index of the baseline that is not there any more.
    Lost,
    /// The plan.
    Plan,
}

/// A key of the baseline that nothing watches over any more.
#[derive(Debug)]
pub(super) struct Lost<'e> {
    pub(super) index: &'e UniqueIndex,
    /// The index that is there still, and is invalid.
    pub(super) invalid: Option<&'e UniqueIndex>,
    /// What is counted, where it can be.
    pub(super) key: Option<UniqueKey>,
    /// The columns that are gone with it.
    pub(super) gone: Vec<String>,
}

/// A key of the plan that names what is not there.
#[derive(Debug)]
pub(super) struct Nowhere<'e> {
    pub(super) key: &'e PlannedKey,
    /// The table or columns that are not there.
    pub(super) names: Vec<String>,
}

/// What narrower keys of a table tell about one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Implied {
    /// Nothing: it has to be counted.
    Nothing,
    /// One of them is still to be counted.
    NotYet,
    /// One of them is unique, and so this one is.
    Unique,
}

/// How often a key stands in several rows, as this Evidence counted it.
pub(super) fn counted<'e>(evidence: &'e Evidence, key: &UniqueKey) -> Result<&'e Duplicates, Cause> {
    match evidence.scans.duplicates.get(&key.key()) {
        Some(fact) => fact.get(),
        None => Err(Cause::new(CauseKind::NotCollected, "was not counted")),
    }
}

impl<'e> Keys<'e> {
    /// Every key that catalog, baseline and plan know, each once.
    pub(super) fn of(context: Context<'e>) -> Self {
        let mut keys = Self::default();
        let now = keys.indexes("the list of unique indexes", &context.now.catalog);
        keys.present(context, now);
        keys.compare(context, now);
        for planned in context.plan.duplicate_keys.iter().flat_map(|section| &section.keys) {
            keys.planned(planned, context);
        }
        for (at, known) in keys.known.iter().enumerate() {
            keys.by_table.entry(known.key.table.clone()).or_default().push(at);
        }
        keys
    }

    /// What narrower keys of the table tell about this one.
    pub(super) fn implied(&self, evidence: &Evidence, key: &UniqueKey) -> Implied {
        let places = self.by_table.get(&key.table).map_or(&[][..], Vec::as_slice);
        let narrower = places.iter().map(|at| &self.known[*at].key).filter(|other| key.follows_from(other));
        let mut implied = Implied::Nothing;
        for other in narrower {
            match evidence.scans.duplicates.get(&other.key()).map(Fact::get) {
                Some(Ok(duplicates)) if duplicates.rows == 0 => return Implied::Unique,
                Some(_) => {}
                None => implied = Implied::NotYet,
            }
        }
        implied
    }

    /// How often a key stands in several rows.
    pub(super) fn count(&self, evidence: &Evidence, key: &UniqueKey) -> Result<Duplicates, Cause> {
        match counted(evidence, key) {
            Ok(duplicates) => Ok(duplicates.clone()),
            Err(cause) => match self.implied(evidence, key) {
                Implied::Unique => Ok(Duplicates::new(0, 0)),
                Implied::NotYet | Implied::Nothing => Err(cause),
            },
        }
    }

    fn indexes(&mut self, what: &str, catalog: &'e Catalog) -> &'e [UniqueIndex] {
        match catalog.unique_indexes.get() {
            Ok(indexes) => indexes,
            Err(cause) => {
                self.unread(what, cause);
                &[]
            }
        }
    }

    fn unread(&mut self, what: impl Into<String>, cause: Cause) {
        self.unread.push(Unread::new(what, cause));
    }

    /// The indexes that are there. Several of one key are one.
    fn present(&mut self, context: Context<'e>, now: &'e [UniqueIndex]) {
        let mut places: BTreeMap<UniqueKey, usize> = BTreeMap::new();
        for index in now {
            match in_scope(context, &context.now.catalog, &index.relation) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(cause) => return self.unread("the list of tables", cause),
            }
            let key = match UniqueKey::of_index(index, &context.now.catalog) {
                Ok(key) => key,
                Err(cause) => {
                    self.unread(format!("{} {}", index.relation, ident(&index.name)), cause);
                    continue;
                }
            };
            let mut shape = UniqueKey { index: None, ..key.clone() };
            shape.parts.sort();
            let place = *places.entry(shape).or_insert(self.known.len());
            match self.known.get_mut(place) {
                Some(Known { origin: Origin::Indexes(indexes), .. }) => indexes.push(index),
                _ => self.known.push(Known { key, origin: Origin::Indexes(vec![index]) }),
            }
        }
    }

    /// The keys of the baseline that nothing watches over any more.
    fn compare(&mut self, context: Context<'e>, now: &'e [UniqueIndex]) {
        // Without the list as it is now, every key of the baseline would seem to be lost.
        let comparable = context.now.catalog.unique_indexes.read().is_some();
        let Some(then) = context.then.filter(|_| comparable) else { return };
        let old = self.indexes("the baseline's list of unique indexes", &then.catalog);
        let names: BTreeSet<_> = now.iter().map(|index| (&index.relation, &index.name)).collect();
        let mut told: BTreeSet<(&QualifiedName, Vec<String>, Option<&String>)> = BTreeSet::new();
        for index in old.iter().filter(|index| index.valid) {
            let from = now.partition_point(|now| now.relation < index.relation);
            let left: Vec<&UniqueIndex> = now[from..]
                .iter()
                .take_while(|now| now.relation == index.relation)
                .filter(|now| is_same(index, now))
                .collect();
            if left.iter().any(|now| now.valid) {
                continue;
            }
            match in_scope(context, &then.catalog, &index.relation) {
                Ok(true) if told.insert((&index.relation, sorted(index), index.predicate.as_ref())) => {}
                Ok(_) => continue,
                Err(cause) => return self.unread("the baseline's list of tables", cause),
            }
            if let Some(invalid) = left.first() {
                let key = UniqueKey::of_index(invalid, &context.now.catalog).ok();
                self.lost.push(Lost { index, invalid: Some(invalid), key, gone: Vec::new() });
            } else {
                let renamed = names.contains(&(&index.relation, &index.name));
                self.lost(index, renamed, &context.now.catalog);
            }
        }
    }

    /// `renamed`: an index of this name is there and is about something else.
    fn lost(&mut self, index: &'e UniqueIndex, renamed: bool, catalog: &Catalog) {
        let gone = match gone(index, catalog) {
            Ok(Some(gone)) => gone,
            // That a table is gone is told by row_counts, once.
            Ok(None) => return,
            Err(cause) => return self.unread(index.relation.to_string(), cause),
        };
        let mut lost = Lost { index, invalid: None, key: None, gone };
        if lost.gone.is_empty() {
            match countable(index, renamed, catalog) {
                Ok(key) => lost.key = key,
                Err(cause) => self.unread(index.relation.to_string(), cause),
            }
            let known = lost.key.clone();
            self.known.extend(known.map(|key| Known { key, origin: Origin::Lost }));
        }
        self.lost.push(lost);
    }

    fn planned(&mut self, planned: &'e PlannedKey, context: Context<'e>) {
        let catalog = &context.now.catalog;
        match resolve(planned, catalog) {
            Ok(Ok(key)) => {
                let is_known = self.known.iter().any(|known| {
                    known.key.table == key.table
                        && known.key.predicate.is_none()
                        && known.key.nulls_distinct
                        && known.key.labels().iter().collect::<BTreeSet<_>>()
                            == key.labels().iter().collect::<BTreeSet<_>>()
                });
                if !is_known {
                    self.known.push(Known { key, origin: Origin::Plan });
                }
            }
            Ok(Err(names)) => self.nowhere.push(Nowhere { key: planned, names }),
            Err(cause) => self.unread(planned.to_string(), cause),
        }
    }
}

/// Whether the table is looked at: it, and the root that it is a partition of.
fn in_scope(context: Context<'_>, catalog: &Catalog, table: &QualifiedName) -> Result<bool, Cause> {
    for name in [table, catalog.root_of(table)] {
        match catalog.relation(name)? {
            Some(relation) if context.plan.scope.has(relation, catalog)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

fn sorted(index: &UniqueIndex) -> Vec<String> {
    let mut labels: Vec<String> = index.parts.iter().map(UniquePart::label).collect();
    labels.sort();
    labels
}

/// Whether an index of the baseline is this one: of the same key, whatever its name; or of its name and columns,
/// where other versions of PostgreSQL write expressions in other ways.
fn is_same(old: &UniqueIndex, now: &UniqueIndex) -> bool {
    let columns = |index: &UniqueIndex| {
        let mut columns: Vec<_> = index.parts.iter().map(|part| part.column.clone()).collect();
        columns.sort();
        columns
    };
    let nulls = old.nulls_distinct || !now.nulls_distinct;
    let whole = now.predicate.is_none() || now.predicate == old.predicate;
    let named = old.name == now.name
        && columns(old) == columns(now)
        && old.predicate.is_some() == now.predicate.is_some();
    nulls && ((whole && sorted(old) == sorted(now)) || named)
}

/// The columns that a key of the baseline needs and that are not there; none where the table is not.
fn gone(index: &UniqueIndex, catalog: &Catalog) -> Result<Option<Vec<String>>, Cause> {
    let table = &index.relation;
    if catalog.relation(table)?.is_none() {
        return Ok(None);
    }
    let mut gone = Vec::new();
    for column in index.parts.iter().filter_map(|part| part.column.as_ref()) {
        if catalog.column(table, column)?.is_none() {
            gone.push(format!("{table}.{}", ident(column)));
        }
    }
    Ok(Some(gone))
}

/// What is counted of a key of the baseline: its columns. Expressions are text of a file, and are not run.
fn countable(index: &UniqueIndex, renamed: bool, catalog: &Catalog) -> Result<Option<UniqueKey>, Cause> {
    let mut key = UniqueKey::of_index(index, catalog)?;
    if key.is_computed() {
        return Ok(None);
    }
    for part in &mut key.parts {
        // The column may be of another type now.
        part.compared_as = None;
        part.collation.take_if(|collation| collation.schema == "pg_catalog");
    }
    if renamed {
        key.index = None;
    }
    Ok(Some(key))
}

/// What a key of the plan stands for, or the names that stand for nothing.
fn resolve(planned: &PlannedKey, catalog: &Catalog) -> Result<Result<UniqueKey, Vec<String>>, Cause> {
    let Some(relation) = planned.table().resolve(catalog)? else {
        return Ok(Err(vec![planned.table().to_string()]));
    };
    if !relation.kind.is_table() {
        let message = format!("{} is no table: only tables are looked at", relation.name);
        return Err(Cause::new(CauseKind::Unsupported, message)
            .hint("Declare the key of the table, or ask with an assertion."));
    }
    let mut columns = Vec::new();
    let mut nowhere = Vec::new();
    for name in planned.columns() {
        match name.resolve_in(catalog, &relation.name)? {
            Some(column) => columns.push(column.to_owned()),
            None => nowhere.push(name.to_string()),
        }
    }
    Ok(if nowhere.is_empty() {
        Ok(UniqueKey::of_columns(&relation.name, &columns, catalog)?)
    } else {
        Err(nowhere)
    })
}
