//! Which references are looked at: the catalog's, the baseline's, the plan's and Supabase's own.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::{Context, Unread};
use crate::evidence::catalog::ForeignKey;
use crate::evidence::{Catalog, Cause};
use crate::finding::Severity;
use crate::plan::{Columns, PlannedRelation};
use crate::reference::{Comparison, Reference};
use crate::sql::QualifiedName;

/// Which references are looked at, and why others cannot be.
#[derive(Debug, Default)]
pub(super) struct Relations<'e> {
    /// References whose orphans are counted.
    pub(super) known: Vec<Known<'e>>,
    /// Foreign keys of the baseline that are not there any more.
    pub(super) lost: Vec<Lost<'e>>,
    /// Relations of the plan that name what is not there.
    pub(super) nowhere: Vec<Nowhere<'e>>,
    /// What could not be read.
    pub(super) unread: Vec<Unread>,
}

/// A reference whose orphans are counted.
#[derive(Debug)]
pub(super) struct Known<'e> {
    pub(super) reference: Reference,
    pub(super) origin: Origin<'e>,
}

/// Who says that there is such a reference.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin<'e> {
    /// One of Supabase's own, without a constraint. How bad orphans are where no baseline tells.
    BuiltIn(Severity),
    /// A constraint, as it is now.
    Constraint(&'e ForeignKey),
    /// A constraint of the baseline that is not there any more.
    Lost,
    /// The plan.
    Plan,
}

/// A foreign key of the baseline that is not there any more.
#[derive(Debug)]
pub(super) struct Lost<'e> {
    pub(super) key: &'e ForeignKey,
    /// The reference, where its tables and columns are there.
    pub(super) reference: Option<Reference>,
    /// What is gone with it: a table or columns.
    pub(super) gone: Vec<String>,
}

/// A relation of the plan that names what is not there.
#[derive(Debug)]
pub(super) struct Nowhere<'e> {
    pub(super) relation: &'e PlannedRelation,
    /// The tables and columns that are not there.
    pub(super) names: Vec<String>,
}

/// What a reference is about, whatever its constraint is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Shape {
    child: QualifiedName,
    parent: QualifiedName,
    /// Pairs of columns, sorted.
    pairs: Vec<(String, String)>,
}

impl Shape {
    fn new(
        child: &QualifiedName,
        child_columns: &[String],
        parent: &QualifiedName,
        parent_columns: &[String],
    ) -> Self {
        let mut pairs: Vec<_> = child_columns.iter().cloned().zip(parent_columns.iter().cloned()).collect();
        pairs.sort();
        Self { child: child.clone(), parent: parent.clone(), pairs }
    }

    fn of_key(key: &ForeignKey) -> Self {
        Self::new(&key.child, &key.child_columns, &key.parent, &key.parent_columns)
    }

    fn of(reference: &Reference) -> Self {
        Self::new(&reference.child, &reference.child_columns, &reference.parent, &reference.parent_columns)
    }
}

/// Foreign keys by what they are about.
type Shapes<'e> = BTreeMap<Shape, Vec<&'e ForeignKey>>;

fn by_shape(keys: &[ForeignKey]) -> Shapes<'_> {
    let mut shapes = Shapes::new();
    for key in keys {
        shapes.entry(Shape::of_key(key)).or_default().push(key);
    }
    shapes
}

/// Whether a foreign key of the baseline is there, under its own name or another: of those of its shape that are
/// `left` now, and that there were in the baseline.
fn stands(key: &ForeignKey, left: &[&ForeignKey], old: &[&ForeignKey]) -> bool {
    left.iter().any(|now| {
        let renamed = || old.iter().all(|old| old.name != now.name);
        now.name == key.name || now.definition == key.definition || renamed()
    })
}

/// One of Supabase's own references, for which it declares no constraint.
struct BuiltIn {
    child: (&'static str, &'static str, &'static str),
    parent: (&'static str, &'static str, &'static str),
    /// How bad orphans are where no baseline tells whether they were there before.
    severity: Severity,
    /// Only values that are shaped like a uuid refer to it.
    uuid_only: bool,
}

/// Source: migrations of supabase/auth and supabase/storage as of 2026-06. The
/// owner of an object had a foreign key until storage migration 0017 dropped it,
/// so that users can be deleted: orphans there can be old and wanted. Owners
/// that came with tokens of another issuer are no uuids.
const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        child: ("auth", "refresh_tokens", "user_id"),
        parent: ("auth", "users", "id"),
        severity: Severity::Warning,
        uuid_only: false,
    },
    BuiltIn {
        child: ("auth", "sessions", "factor_id"),
        parent: ("auth", "mfa_factors", "id"),
        severity: Severity::Warning,
        uuid_only: false,
    },
    BuiltIn {
        child: ("storage", "objects", "owner_id"),
        parent: ("auth", "users", "id"),
        severity: Severity::Info,
        uuid_only: true,
    },
];

impl<'e> Relations<'e> {
    /// Every reference that plan, catalog, baseline and drcore know, each once.
    pub(super) fn of(context: Context<'e>) -> Self {
        let mut relations = Self::default();
        let mut listed = BTreeSet::new();
        let now = relations.keys("the list of foreign keys", &context.now.catalog);
        let shapes = by_shape(now);
        for key in now {
            match in_scope(context, &context.now.catalog, key) {
                Ok(true) => {
                    listed.insert(Shape::of_key(key));
                    relations.constraint(key, context);
                }
                Ok(false) => {}
                Err(cause) => relations.unread("the list of tables", cause),
            }
        }
        relations.compare(context, now, &shapes, &mut listed);
        for relation in context.plan.orphan_fks.iter().flat_map(|section| &section.relations) {
            relations.planned(relation, context, &shapes, &mut listed);
        }
        if context.plan.scope.schemas.is_empty() {
            relations.built_in(context, &mut listed);
        }
        relations
    }

    /// The foreign keys of the baseline that are gone.
    fn compare(
        &mut self,
        context: Context<'e>,
        now: &'e [ForeignKey],
        shapes: &Shapes<'e>,
        listed: &mut BTreeSet<Shape>,
    ) {
        // Without the list as it is now, every key of the baseline would seem to be lost.
        let comparable = context.now.catalog.foreign_keys.read().is_some();
        let Some(then) = context.then.filter(|_| comparable) else { return };
        let names: BTreeSet<_> = now.iter().map(|key| (&key.child, &key.name)).collect();
        let old = self.keys("the baseline's list of foreign keys", &then.catalog);
        let old_shapes = by_shape(old);
        for key in old {
            let shape = Shape::of_key(key);
            let left = shapes.get(&shape).map_or(&[][..], Vec::as_slice);
            if stands(key, left, &old_shapes[&shape]) {
                continue;
            }
            match in_scope(context, &then.catalog, key) {
                Ok(true) if left.is_empty() && listed.insert(shape) => {
                    let renamed = names.contains(&(&key.child, &key.name));
                    self.lost(key, renamed, &context.now.catalog);
                }
                Ok(true) => self.lost_twin(key, left, &context.now.catalog),
                Ok(false) => {}
                Err(cause) => self.unread("the baseline's list of tables", cause),
            }
        }
    }

    /// The foreign keys of a catalog, or nothing and why.
    fn keys(&mut self, what: &str, catalog: &'e Catalog) -> &'e [ForeignKey] {
        match catalog.foreign_keys.get() {
            Ok(keys) => keys,
            Err(cause) => {
                self.unread(what, cause);
                &[]
            }
        }
    }

    fn unread(&mut self, what: impl Into<String>, cause: Cause) {
        self.unread.push(Unread::new(what, cause));
    }

    fn constraint(&mut self, key: &'e ForeignKey, context: Context<'e>) {
        if let Some(reference) = self.countable(key, &context.now.catalog) {
            self.known.push(Known { reference, origin: Origin::Constraint(key) });
        }
    }

    /// `renamed`: a constraint of this name is there and is about something else.
    fn lost(&mut self, key: &'e ForeignKey, renamed: bool, catalog: &Catalog) {
        let gone = match gone(key, catalog) {
            Ok(gone) => gone,
            Err(cause) => return self.unread(key.child.to_string(), cause),
        };
        let mut lost = Lost { key, reference: None, gone };
        if lost.gone.is_empty()
            && let Some(mut reference) = self.countable(key, catalog)
        {
            if renamed {
                reference.constraint = None;
            }
            self.known.push(Known { reference: reference.clone(), origin: Origin::Lost });
            lost.reference = Some(reference);
        }
        self.lost.push(lost);
    }

    /// One of several about the same columns: its orphans are those of the others.
    fn lost_twin(&mut self, key: &'e ForeignKey, left: &[&ForeignKey], catalog: &Catalog) {
        let told = self.lost.iter().find(|lost| Shape::of_key(lost.key) == Shape::of_key(key));
        let (reference, gone) = match (left.first(), told) {
            (Some(left), _) => (Reference::of_foreign_key(left, catalog).ok(), Vec::new()),
            (None, Some(told)) => (told.reference.clone(), told.gone.clone()),
            (None, None) => return,
        };
        self.lost.push(Lost { key, reference, gone });
    }

    /// The reference of a foreign key whose tables are there, or nothing and why.
    fn countable(&mut self, key: &ForeignKey, catalog: &Catalog) -> Option<Reference> {
        match Reference::of_foreign_key(key, catalog) {
            Ok(reference) => Some(reference),
            Err(cause) => {
                self.unread(key.child.to_string(), cause);
                None
            }
        }
    }

    fn planned(
        &mut self,
        relation: &'e PlannedRelation,
        context: Context<'e>,
        shapes: &Shapes<'e>,
        listed: &mut BTreeSet<Shape>,
    ) {
        let catalog = &context.now.catalog;
        let (child, parent) = match (resolve(&relation.child, catalog), resolve(&relation.parent, catalog)) {
            (Ok(child), Ok(parent)) => (child, parent),
            (Err(cause), _) | (_, Err(cause)) => return self.unread(relation.to_string(), cause),
        };
        let (child, parent) = match (child, parent) {
            (Ok(child), Ok(parent)) => (child, parent),
            (child, parent) => {
                let mut names = child.err().unwrap_or_default();
                names.extend(parent.err().unwrap_or_default());
                return self.nowhere.push(Nowhere { relation, names });
            }
        };
        match Reference::of_columns((child.0, child.1), (parent.0, parent.1), catalog) {
            Ok(Some(reference)) => {
                let shape = Shape::of(&reference);
                if listed.contains(&shape) {
                    return;
                }
                match shapes.get(&shape).and_then(|keys| keys.first()) {
                    // A constraint that is out of scope: the plan asks for it.
                    Some(key) => self.constraint(key, context),
                    None => self.known.push(Known { reference, origin: Origin::Plan }),
                }
                listed.insert(shape);
            }
            // Its columns were resolved a moment ago.
            Ok(None) => {}
            Err(cause) => self.unread(relation.to_string(), cause),
        }
    }

    fn built_in(&mut self, context: Context<'e>, listed: &mut BTreeSet<Shape>) {
        let catalog = &context.now.catalog;
        // Where relations could not be read, the lists above are unread too.
        if !catalog.is_supabase().unwrap_or(false) {
            return;
        }
        for built_in in BUILT_IN {
            let child = QualifiedName::new(built_in.child.0, built_in.child.1);
            let parent = QualifiedName::new(built_in.parent.0, built_in.parent.1);
            let there = |name| catalog.relation(name).is_ok_and(|relation| relation.is_some());
            if context.plan.scope.excludes(&child) || !there(&child) || !there(&parent) {
                continue;
            }
            let columns = |name: &str| vec![name.to_owned()];
            let reference = Reference::of_columns(
                (&child, columns(built_in.child.2)),
                (&parent, columns(built_in.parent.2)),
                catalog,
            );
            match reference {
                Ok(Some(mut reference)) => {
                    if built_in.uuid_only && reference.comparisons == [Comparison::FoldedText] {
                        reference.comparisons = vec![Comparison::UuidText];
                    }
                    // Types that have nothing to do with each other are of another version of the service.
                    let comparable = !reference.comparisons.contains(&Comparison::Text);
                    if comparable && listed.insert(Shape::of(&reference)) {
                        self.known.push(Known { reference, origin: Origin::BuiltIn(built_in.severity) });
                    }
                }
                // Older and newer versions of the service lack the column.
                Ok(None) => {}
                Err(cause) => self.unread(child.to_string(), cause),
            }
        }
    }
}

/// Whether the foreign key is looked at: its child is in scope, or it belongs
/// to the login service, or to a table of the platform that points into scope.
fn in_scope(context: Context<'_>, catalog: &Catalog, key: &ForeignKey) -> Result<bool, Cause> {
    let scope = &context.plan.scope;
    let has = |name: &QualifiedName| -> Result<bool, Cause> {
        for name in [name, catalog.root_of(name)] {
            match catalog.relation(name)? {
                Some(relation) if scope.has(relation, catalog)? => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    };
    if has(&key.child)? {
        return Ok(true);
    }
    if !scope.schemas.is_empty() || scope.excludes(&key.child) || !catalog.is_managed(&key.child.schema)? {
        return Ok(false);
    }
    Ok(key.child.schema == "auth" || has(&key.parent)?)
}

/// What a foreign key of the baseline needs and is not there.
fn gone(key: &ForeignKey, catalog: &Catalog) -> Result<Vec<String>, Cause> {
    let mut gone = Vec::new();
    for (table, columns) in [(&key.child, &key.child_columns), (&key.parent, &key.parent_columns)] {
        if catalog.relation(table)?.is_none() {
            gone.push(table.to_string());
            continue;
        }
        for column in columns {
            if catalog.column(table, column)?.is_none() {
                gone.push(format!("{table}.{}", crate::sql::ident(column)));
            }
        }
    }
    gone.dedup();
    Ok(gone)
}

/// A table and its columns.
type Side<'c> = (&'c QualifiedName, Vec<String>);

/// What columns of the plan stand for, or the names that stand for nothing.
fn resolve<'c>(columns: &Columns, catalog: &'c Catalog) -> Result<Result<Side<'c>, Vec<String>>, Cause> {
    let names = columns.names();
    let Some(first) = names.first() else { return Ok(Err(Vec::new())) };
    let Some(table) = first.table.resolve(catalog)? else {
        return Ok(Err(vec![first.table.to_string()]));
    };
    let mut found = Vec::new();
    let mut nowhere = Vec::new();
    for name in names {
        match name.resolve_in(catalog, &table.name)? {
            Some(column) => found.push(column.to_owned()),
            None => nowhere.push(name.to_string()),
        }
    }
    Ok(if nowhere.is_empty() { Ok((&table.name, found)) } else { Err(nowhere) })
}
