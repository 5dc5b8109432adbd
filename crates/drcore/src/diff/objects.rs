//! Which objects of the structure differ.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::options::DiffOptions;
use super::report::DiffUnread;
use crate::error::Result;
use crate::evidence::{Catalog, Cause, CauseKind, Evidence};
use crate::sql::QualifiedName;
use crate::structure::{Comparison, Drift, MissingList, ObjectId, ObjectKind, Part, Sides, looks_at};

/// What differs in the structure of two sides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DiffStructure")]
#[non_exhaustive]
pub struct DiffStructure {
    /// How many objects were compared, by plural noun: `tables`, `columns`, `functions`.
    pub compared: BTreeMap<String, u64>,
    /// Objects that differ, by what they are and by name.
    pub objects: Vec<DiffObject>,
}

impl DiffStructure {
    /// How many objects differ in this way.
    pub fn count(&self, change: ObjectChange) -> usize {
        self.objects.iter().filter(|object| object.change == change).count()
    }
}

/// How an object differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "ObjectChange")]
#[non_exhaustive]
pub enum ObjectChange {
    /// Both sides have it, and it is not the same.
    Changed,
    /// Only A has it.
    OnlyInA,
    /// Only B has it.
    OnlyInB,
}

/// An object that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DiffObject")]
#[non_exhaustive]
pub struct DiffObject {
    /// What it is.
    pub object_kind: ObjectKind,
    /// Its name, as a user would type it: with its schema, or within the table that it is a part of.
    pub name: String,
    /// The table or view that it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<QualifiedName>,
    /// How it differs.
    pub change: ObjectChange,
    /// In what both differ, where both sides have it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<DiffAttribute>,
    /// It, as SQL or in its own words, where only one side has it and that says more than its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// What only that side has with it: the columns and indexes of a table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<String>,
}

/// One attribute of an object, on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DiffAttribute")]
#[non_exhaustive]
pub struct DiffAttribute {
    /// Which.
    pub attribute: String,
    /// In A; none where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a: Option<String>,
    /// In B.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub b: Option<String>,
}

impl DiffObject {
    fn new(drift: Drift<'_>, sides: Sides<'_>) -> Self {
        let Drift { id, now, then, differences, with } = drift;
        let (change, definition) = match (then, now) {
            (Some(only), None) => (ObjectChange::OnlyInA, only.definition(&sides.then.catalog)),
            (None, Some(only)) => (ObjectChange::OnlyInB, only.definition(&sides.now.catalog)),
            _ => (ObjectChange::Changed, None),
        };
        let attributes = differences
            .into_iter()
            .map(|difference| DiffAttribute {
                attribute: difference.what,
                a: difference.was,
                b: difference.is,
            })
            .collect();
        let ObjectId { kind, of, name, .. } = id;
        let with = with.iter().map(ObjectId::listed).collect();
        Self { object_kind: kind, name, of, change, attributes, definition, with }
    }

    /// `trigger touch on public.invoices`, `column public.invoices.total`.
    pub fn in_words(&self) -> String {
        let words = self.object_kind.words();
        match &self.of {
            Some(of) if self.object_kind == ObjectKind::Column => format!("{words} {of}.{}", self.name),
            Some(of) => format!("{words} {} on {of}", self.name),
            None => format!("{words} {}", self.name),
        }
    }
}

/// Compares the structure of two sides; gives what could not be read, too.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if a table that the options name is nowhere.
pub(super) fn compare(
    [a, b]: [&Evidence; 2],
    options: &DiffOptions,
) -> Result<(DiffStructure, Vec<DiffUnread>)> {
    let older = [('a', a), ('b', b)].into_iter().find(|(_, side)| {
        side.failure().is_none() && side.catalog.triggers.is_not_asked() && side.catalog.types.is_not_asked()
    });
    if let Some((side, _)) = older {
        let cause = Cause::new(CauseKind::NotCollected, "the baseline was taken without it")
            .hint("Take it again with drcore baseline, of this version and for all checks.");
        return Ok((DiffStructure::default(), vec![DiffUnread::new("the structure", Some(side), cause)]));
    }
    let named = super::structure::named(a, b, options)?;
    let sides = Sides { now: b, then: a };
    let Comparison { drifts, unread, compared } =
        sides.compare(|part, catalog| is_compared(part, catalog, options, named.as_ref()));
    let compared = compared.into_iter().map(|(kind, count)| (kind.plural(), count)).collect();
    let mut objects: Vec<DiffObject> =
        drifts.into_iter().map(|drift| DiffObject::new(drift, sides)).collect();
    let place = |object: &DiffObject| (object.object_kind, object.of.clone(), object.name.clone());
    objects.sort_by_cached_key(place);
    let unread = unread
        .into_iter()
        .map(|MissingList { list, of_then, cause }| {
            let evidence = if of_then { a } else { b };
            // The run as a whole ended early: then that is why, and not that nobody asked.
            let cause = match evidence.failure() {
                Some(failure) if cause.kind == CauseKind::NotCollected => failure.cause(),
                _ => cause,
            };
            DiffUnread::new(format!("the list of {list}"), Some(if of_then { 'a' } else { 'b' }), cause)
        })
        .collect();
    Ok((DiffStructure { compared, objects }, unread))
}

/// Whether the plan and the options look at it; of named tables what is theirs.
fn is_compared(
    part: Part<'_>,
    catalog: &Catalog,
    options: &DiffOptions,
    named: Option<&BTreeSet<QualifiedName>>,
) -> bool {
    let relation = match part {
        Part::Relation(relation) => Some(&relation.name),
        part => part.of(),
    };
    let is_wanted = match (relation, named) {
        (Some(relation), Some(named)) => named.contains(relation),
        (None, Some(_)) => false,
        (_, None) => true,
    };
    let is_excluded = relation.is_some_and(|relation| options.excluding(relation).is_some());
    // Without the list of relations nothing is known to be the platform's.
    is_wanted && !is_excluded && looks_at(part, catalog, &options.plan.scope).unwrap_or(true)
}
