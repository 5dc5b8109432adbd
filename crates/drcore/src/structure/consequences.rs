//! What follows from something else: one loss is told once.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::Drift;
use super::kind::{ObjectId, ObjectKind};
use super::part::Part;
use crate::checks::policies::Difference;
use crate::evidence::catalog::Sequence;
use crate::sql::{QualifiedName, ident};

/// Puts what went or came with something to it, and leaves the rest as it is.
pub(super) fn gather(drifts: Vec<Drift<'_>>) -> Vec<Drift<'_>> {
    let drifts = renamed(retyped(drifts));
    let causes = Causes::of(&drifts);
    let mut gathered: Vec<Drift<'_>> = Vec::with_capacity(drifts.len());
    let mut with: BTreeMap<ObjectId, Vec<ObjectId>> = BTreeMap::new();
    for drift in drifts {
        match causes.of_drift(&drift) {
            // What is only a word about something goes without one.
            Some(_) if matches!(drift.id.kind, ObjectKind::Comment | ObjectKind::SecurityLabel) => {}
            Some(cause) => with.entry(cause).or_default().push(drift.id),
            None => gathered.push(drift),
        }
    }
    // A cause may have one itself: the column of a table of a schema.
    let known: BTreeSet<ObjectId> = gathered.iter().map(|drift| drift.id.clone()).collect();
    let mut above: BTreeMap<ObjectId, ObjectId> = BTreeMap::new();
    for (cause, others) in &with {
        above.extend(others.iter().map(|other| (other.clone(), cause.clone())));
    }
    for (cause, others) in with {
        let mut cause = cause;
        while let Some(next) = above.get(&cause).filter(|_| !known.contains(&cause)) {
            cause = next.clone();
        }
        if let Some(drift) = gathered.iter_mut().find(|drift| drift.id == cause) {
            drift.with.extend(others);
        }
    }
    for drift in &mut gathered {
        drift.with.sort();
    }
    gathered
}

/// A relation that became one of another kind is one difference.
fn retyped(mut drifts: Vec<Drift<'_>>) -> Vec<Drift<'_>> {
    let relation = |drift: &Drift<'_>| drift.id.kind.is_relation().then(|| drift.id.name.clone());
    let lost: BTreeMap<String, usize> = drifts
        .iter()
        .enumerate()
        .filter(|(_, drift)| drift.is_lost())
        .filter_map(|(at, drift)| Some((relation(drift)?, at)))
        .collect();
    let mut pairs = Vec::new();
    for (at, drift) in drifts.iter().enumerate().filter(|(_, drift)| drift.is_added()) {
        if let Some(was) = relation(drift).and_then(|name| lost.get(&name)) {
            pairs.push((*was, at));
        }
    }
    let mut gone = BTreeSet::new();
    for (was, is) in pairs {
        let kind = |drift: &Drift<'_>| Some(drift.id.kind.words().to_owned());
        let difference =
            Difference { what: "kind".to_owned(), was: kind(&drifts[was]), is: kind(&drifts[is]) };
        drifts[was].now = drifts[is].now;
        drifts[was].differences = vec![difference];
        gone.insert(is);
    }
    let mut at = 0;
    drifts.retain(|_| {
        at += 1;
        !gone.contains(&(at - 1))
    });
    drifts
}

/// A constraint or index of another name that says the same is one difference: nobody but a later migration minds it.
fn renamed(mut drifts: Vec<Drift<'_>>) -> Vec<Drift<'_>> {
    let says = |part: Part<'_>| {
        let mut fields = part.attributes();
        if let Part::Index(index) = part {
            let nameless = index.definition.replacen(&format!(" {} ON ", ident(&index.name)), " ON ", 1);
            fields.insert("definition".to_owned(), nameless.into());
        }
        let is_nameless = matches!(part, Part::Constraint(_) | Part::ForeignKey(_) | Part::Index(_));
        is_nameless.then(|| (part.of().cloned(), serde_json::Value::Object(fields).to_string()))
    };
    let mut lost: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, drift) in drifts.iter().enumerate().filter(|(_, drift)| drift.is_lost()) {
        if let Some(key) = drift.then.and_then(says) {
            lost.entry((drift.id.kind, key)).or_default().push(at);
        }
    }
    let mut gone = BTreeSet::new();
    for at in 0..drifts.len() {
        let drift = &drifts[at];
        let Some(key) = drift.now.filter(|_| drift.is_added()).and_then(says) else { continue };
        let Some(was) = lost.get_mut(&(drift.id.kind, key)).and_then(Vec::pop) else { continue };
        let (is, now) = (drift.id.name.clone(), drift.now);
        let difference =
            Difference { what: "name".to_owned(), was: Some(drifts[was].id.name.clone()), is: Some(is) };
        drifts[was].now = now;
        drifts[was].differences = vec![difference];
        gone.insert(at);
    }
    let mut at = 0;
    drifts.retain(|_| {
        at += 1;
        !gone.contains(&(at - 1))
    });
    drifts
}

/// Columns, or constraints, of relations.
type Columns = BTreeMap<(QualifiedName, String), ObjectId>;

/// What may be the cause of other drifts, by what it is about.
#[derive(Default)]
struct Causes {
    /// Relations that are gone, or are something else now.
    lost: BTreeMap<QualifiedName, ObjectId>,
    added: BTreeMap<QualifiedName, ObjectId>,
    lost_schemas: BTreeMap<String, ObjectId>,
    added_schemas: BTreeMap<String, ObjectId>,
    lost_columns: Columns,
    added_columns: Columns,
    retyped_columns: Columns,
    /// Columns that are fed in another way.
    fed_columns: Columns,
    lost_constraints: Columns,
    added_constraints: Columns,
    /// Everything else that comments are about, as the server writes it.
    lost_words: BTreeMap<String, ObjectId>,
    added_words: BTreeMap<String, ObjectId>,
}

impl Causes {
    fn of(drifts: &[Drift<'_>]) -> Self {
        let mut causes = Self::default();
        for drift in drifts {
            causes.add(drift);
        }
        causes
    }

    fn add(&mut self, drift: &Drift<'_>) {
        let id = drift.id.clone();
        let (is_lost, is_added) = (drift.is_lost(), drift.is_added());
        match drift.then.or(drift.now) {
            Some(Part::Relation(relation)) => {
                if is_lost || drift.has("kind") {
                    self.lost.insert(relation.name.clone(), id.clone());
                }
                if is_added || drift.has("kind") {
                    self.added.insert(relation.name.clone(), id.clone());
                }
            }
            Some(Part::Schema(schema)) if is_lost => {
                self.lost_schemas.insert(schema.name.clone(), id.clone());
            }
            Some(Part::Schema(schema)) if is_added => {
                self.added_schemas.insert(schema.name.clone(), id.clone());
            }
            Some(Part::Column(column)) => {
                let key = (column.relation.clone(), column.name.clone());
                let columns = if is_lost {
                    Some(&mut self.lost_columns)
                } else if is_added {
                    Some(&mut self.added_columns)
                } else if drift.has("type") {
                    Some(&mut self.retyped_columns)
                } else if drift.has("identity") || drift.has("default") {
                    Some(&mut self.fed_columns)
                } else {
                    None
                };
                if let Some(columns) = columns {
                    columns.insert(key, id.clone());
                }
            }
            Some(Part::Constraint(constraint)) => {
                let key = (constraint.relation.clone(), constraint.name.clone());
                if is_lost || drift.has("definition") || drift.has("kind") || drift.has("name") {
                    self.lost_constraints.insert(key.clone(), id.clone());
                }
                if is_added || drift.has("definition") || drift.has("kind") {
                    self.added_constraints.insert(key, id.clone());
                }
            }
            _ => {}
        }
        let words = || match &id.of {
            Some(of) if id.kind == ObjectKind::Column => format!("{of}.{}", id.name),
            Some(of) if id.kind == ObjectKind::Index => format!("{}.{}", ident(&of.schema), id.name),
            Some(of) => format!("{} on {of}", id.name),
            None => id.name.clone(),
        };
        if is_lost {
            self.lost_words.insert(words(), id.clone());
        } else if is_added {
            self.added_words.insert(words(), id.clone());
        }
    }

    /// What it follows from.
    fn of_drift(&self, drift: &Drift<'_>) -> Option<ObjectId> {
        let (is_lost, is_added) = (drift.is_lost(), drift.is_added());
        let lost = is_lost.then_some(drift.then).flatten();
        let added = is_added.then_some(drift.now).flatten();
        if let Some(part) = lost.and_then(Part::of).and_then(|of| self.lost.get(of)) {
            return Some(part.clone());
        }
        if let Some(part) = added.and_then(Part::of).and_then(|of| self.added.get(of)) {
            return Some(part.clone());
        }
        let own_schema = |schemas: &BTreeMap<String, ObjectId>| {
            let schema = drift.id.schema.as_ref().filter(|_| drift.id.kind != ObjectKind::Schema)?;
            schemas.get(schema).cloned()
        };
        if let Some(schema) = is_lost.then(|| own_schema(&self.lost_schemas)).flatten() {
            return Some(schema);
        }
        if let Some(schema) = is_added.then(|| own_schema(&self.added_schemas)).flatten() {
            return Some(schema);
        }
        match drift.then.or(drift.now)? {
            Part::Comment(comment) => self.of_words(&comment.object, is_lost, is_added),
            Part::SecurityLabel(label) => self.of_words(&label.object, is_lost, is_added),
            Part::Index(index) => {
                let key = |name: &Option<String>| Some((index.relation.clone(), name.clone()?));
                let constraint = key(&index.constraint).and_then(|key| match (is_lost, is_added) {
                    (_, true) => self.added_constraints.get(&key),
                    (true, _) => self.lost_constraints.get(&key),
                    _ => self.lost_constraints.get(&key).filter(|_| drift.has("name")),
                });
                constraint.cloned().or_else(|| self.of_columns(drift))
            }
            Part::Constraint(_) | Part::ForeignKey(_) => self.of_columns(drift),
            Part::Sequence(sequence) => self.of_sequence(sequence, is_lost, is_added),
            Part::StatisticsObject(object) => {
                let relations = if is_added { &self.added } else { &self.lost };
                relations.get(&object.relation).filter(|_| is_lost || is_added).cloned()
            }
            // A partition is told with its root.
            Part::Relation(relation) => {
                let relations = if is_added { &self.added } else { &self.lost };
                let parent =
                    relation.parents.first().filter(|_| relation.is_partition && (is_lost || is_added))?;
                relations.get(parent).cloned()
            }
            _ => None,
        }
    }

    /// An index or constraint that goes or comes with a column of it, or reads otherwise because one is of another type.
    fn of_columns(&self, drift: &Drift<'_>) -> Option<ObjectId> {
        let find = |part: Option<Part<'_>>, columns: &Columns| {
            let part = part?;
            let of = part.of()?;
            part.columns().iter().find_map(|column| columns.get(&(of.clone(), column.clone())).cloned())
        };
        if drift.is_added() {
            return find(drift.now, &self.added_columns);
        }
        let reads_otherwise =
            !drift.is_lost() && drift.differences.iter().all(|difference| difference.what == "definition");
        find(drift.then, &self.lost_columns)
            .or_else(|| find(drift.then, &self.retyped_columns).filter(|_| reads_otherwise))
    }

    /// A sequence goes and comes with the column that owns it.
    fn of_sequence(&self, sequence: &Sequence, is_lost: bool, is_added: bool) -> Option<ObjectId> {
        let (columns, relations) = match (is_lost, is_added) {
            (true, _) => (&self.lost_columns, &self.lost),
            (_, true) => (&self.added_columns, &self.added),
            _ => return None,
        };
        let owner = sequence.feeds.iter().find(|feed| feed.link != "default")?;
        let key = (owner.relation.clone(), owner.column.clone());
        columns
            .get(&key)
            .or_else(|| relations.get(&owner.relation))
            .or_else(|| self.fed_columns.get(&key))
            .or_else(|| self.retyped_columns.get(&key))
            .cloned()
    }

    /// A comment goes and comes with what it is on; a part of a relation with the relation.
    fn of_words(&self, object: &str, is_lost: bool, is_added: bool) -> Option<ObjectId> {
        let words = match (is_lost, is_added) {
            (true, _) => &self.lost_words,
            (_, true) => &self.added_words,
            _ => return None,
        };
        if let Some(id) = words.get(object) {
            return Some(id.clone());
        }
        let parent = object
            .rsplit_once(" on ")
            .map(|(_, of)| of)
            .or_else(|| object.rsplit_once('.').map(|(of, _)| of));
        parent
            .and_then(|of| words.get(of))
            .filter(|id| id.kind.is_relation() || id.kind == ObjectKind::Schema)
            .cloned()
    }
}
