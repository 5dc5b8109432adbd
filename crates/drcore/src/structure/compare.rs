//! How two structures differ, object by object.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::consequences;
use super::kind::{ObjectId, ObjectKind};
use super::normal::{Majors, normal};
use super::part::{Part, both, of_both, view_of};
use crate::checks::policies::Difference;
use crate::evidence::catalog::{Column, Relation};
use crate::evidence::{Catalog, Cause, Evidence};
use crate::sql::QualifiedName;

/// An object that is not what it was.
#[derive(Clone, Debug)]
pub(crate) struct Drift<'e> {
    pub(crate) id: ObjectId,
    /// As it is now; none where it is gone.
    pub(crate) now: Option<Part<'e>>,
    /// As it was; none where it is new.
    pub(crate) then: Option<Part<'e>>,
    /// In what both differ.
    pub(crate) differences: Vec<Difference>,
    /// What went, or came, with it.
    pub(crate) with: Vec<ObjectId>,
}

impl Drift<'_> {
    pub(crate) fn is_lost(&self) -> bool {
        self.now.is_none()
    }

    pub(crate) fn is_added(&self) -> bool {
        self.then.is_none()
    }

    /// Whether this attribute differs.
    pub(crate) fn has(&self, attribute: &str) -> bool {
        self.differences.iter().any(|difference| difference.what == attribute)
    }
}

/// A list of objects that is not known of one side.
#[derive(Clone, Debug)]
pub(crate) struct MissingList {
    /// Of what, in the plural.
    pub(crate) list: String,
    /// Whether it is as it was that is not known.
    pub(crate) of_then: bool,
    pub(crate) cause: Cause,
}

/// How two structures differ.
#[derive(Debug, Default)]
pub(crate) struct Comparison<'e> {
    pub(crate) drifts: Vec<Drift<'e>>,
    pub(crate) unread: Vec<MissingList>,
    /// How many objects of each kind were compared.
    pub(crate) compared: BTreeMap<ObjectKind, u64>,
}

/// The two states that are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides<'e> {
    pub(crate) now: &'e Evidence,
    pub(crate) then: &'e Evidence,
}

impl<'e> Sides<'e> {
    pub(crate) fn majors(self) -> Majors {
        Majors { now: self.now.major(), then: self.then.major() }
    }

    /// The index, constraint or sequence as it was.
    pub(crate) fn part_then(self, id: &ObjectId) -> Option<Part<'e>> {
        let catalog = &self.then.catalog;
        let is = |part: &Part<'e>| part.id() == *id;
        match id.kind {
            ObjectKind::Constraint => catalog.constraints.read()?.iter().map(Part::Constraint).find(is),
            ObjectKind::ForeignKey => catalog.foreign_keys.read()?.iter().map(Part::ForeignKey).find(is),
            ObjectKind::Index => catalog.indexes.read()?.iter().map(Part::Index).find(is),
            ObjectKind::Sequence => catalog.sequences.read()?.iter().map(Part::Sequence).find(is),
            _ => None,
        }
    }

    /// Compares all that `looks_at` says of the catalog that has it.
    pub(crate) fn compare(self, looks_at: impl Fn(Part<'e>, &'e Catalog) -> bool) -> Comparison<'e> {
        let catalogs: [&Catalog; 2] = [&self.now.catalog, &self.then.catalog];
        let mut comparison = Comparison::default();
        let [now, then] = of_both(catalogs, &mut comparison.unread);
        // Views belong to their relations: without the list of either there is nothing to compare.
        let views = both("views", &catalogs[0].views, &catalogs[1].views, &mut comparison.unread).is_some();
        let case = Case { sides: self, majors: self.majors(), views };
        for (id, old) in &then {
            if !looks_at(*old, catalogs[1]) {
                continue;
            }
            *comparison.compared.entry(id.kind).or_default() += 1;
            match now.get(id) {
                None => comparison.drifts.extend(case.lost(id, *old)),
                Some(new) => {
                    let differences = case.differences(*new, *old);
                    if !differences.is_empty() {
                        comparison.drifts.push(Drift {
                            id: id.clone(),
                            now: Some(*new),
                            then: Some(*old),
                            differences,
                            with: Vec::new(),
                        });
                    }
                }
            }
        }
        for (id, new) in &now {
            if !then.contains_key(id) && looks_at(*new, catalogs[0]) {
                *comparison.compared.entry(id.kind).or_default() += 1;
                comparison.drifts.extend(case.added(id, *new));
            }
        }
        comparison.drifts = consequences::gather(comparison.drifts);
        comparison
    }
}

/// What a comparison goes by.
#[derive(Clone, Copy)]
struct Case<'e> {
    sides: Sides<'e>,
    majors: Majors,
    /// Whether what views are made of is known of both.
    views: bool,
}

impl<'e> Case<'e> {
    fn lost(self, id: &ObjectId, old: Part<'e>) -> Option<Drift<'e>> {
        let drift =
            Drift { id: id.clone(), now: None, then: Some(old), differences: Vec::new(), with: Vec::new() };
        let Some((is, was)) = implied(old, &self.sides.now.catalog) else { return Some(drift) };
        let differences = differing(id.kind, &is, &was, self.majors);
        (!differences.is_empty()).then_some(Drift { now: Some(old), differences, ..drift })
    }

    fn added(self, id: &ObjectId, new: Part<'e>) -> Option<Drift<'e>> {
        let drift =
            Drift { id: id.clone(), now: Some(new), then: None, differences: Vec::new(), with: Vec::new() };
        let Some((was, is)) = implied(new, &self.sides.then.catalog) else { return Some(drift) };
        let differences = differing(id.kind, &is, &was, self.majors);
        (!differences.is_empty()).then_some(Drift { then: Some(new), differences, ..drift })
    }

    fn differences(self, new: Part<'e>, old: Part<'e>) -> Vec<Difference> {
        let is_view = matches!(new, Part::Relation(_));
        if new.equals(old) && !is_view {
            return Vec::new();
        }
        let [now, then]: [&Catalog; 2] = [&self.sides.now.catalog, &self.sides.then.catalog];
        let (mut is, mut was) = (new.attributes(), old.attributes());
        match (new, old) {
            (Part::Relation(new), Part::Relation(old)) if self.views => {
                for (fields, view) in [(&mut is, view_of(now, new)), (&mut was, view_of(then, old))] {
                    fields
                        .extend(view.map(|view| ("query".to_owned(), Value::from(view.definition.clone()))));
                }
            }
            (Part::Column(new), Part::Column(old)) => self.settle_column([new, old], [&mut is, &mut was]),
            (Part::Index(new), Part::Index(old)) if new.constraint.is_some() && old.constraint.is_some() => {
                // Told with the constraint.
                is.remove("definition");
                was.remove("definition");
            }
            (Part::Function(_), Part::Function(_)) => {
                let differences = functions(&mut is, &mut was, self.majors);
                if !differences.is_empty() {
                    return differences;
                }
            }
            (Part::Publication(_), Part::Publication(_)) => {
                // That a table is gone or new is told of the table.
                let there = |name: &str, catalog: &Catalog| {
                    QualifiedName::parse(name)
                        .is_ok_and(|name| matches!(catalog.relation(&name), Ok(Some(_))))
                };
                keep_tables(&mut is, |name| there(name, then));
                keep_tables(&mut was, |name| there(name, now));
            }
            (Part::Sequence(_), Part::Sequence(_)) => {
                for fields in [&mut is, &mut was] {
                    keep_owners(fields);
                    // Before version 15 sequences were logged, whatever their tables were.
                    if self.majors.one_is_before(15) {
                        fields.remove("unlogged");
                    }
                }
            }
            // Not everybody may see them.
            (Part::UserMapping(new), Part::UserMapping(old))
                if new.options.is_none() || old.options.is_none() =>
            {
                return Vec::new();
            }
            (Part::Collation(new), Part::Collation(_))
                if new.provider == "icu" && self.majors.straddle(16) =>
            {
                // Version 16 and later write locales of ICU in one way.
                is.remove("locale");
                was.remove("locale");
            }
            _ => {}
        }
        differing(new.id().kind, &is, &was, self.majors)
    }

    fn settle_column(self, [new, old]: [&'e Column; 2], fields: [&mut Map<String, Value>; 2]) {
        let catalogs: [&Catalog; 2] = [&self.sides.now.catalog, &self.sides.then.catalog];
        let relations = [(new, catalogs[0]), (old, catalogs[1])]
            .map(|(column, catalog)| catalog.relation(&column.relation).ok().flatten());
        let is_view = |relation: Option<&Relation>| {
            relation.is_some_and(|relation| {
                use crate::evidence::catalog::RelationKind::{MaterializedView, View};
                matches!(relation.kind, MaterializedView | View)
            })
        };
        let of_view = relations.into_iter().all(is_view);
        let inherits = relations.iter().flatten().any(|relation| !relation.parents.is_empty());
        for fields in fields {
            if of_view {
                // The rest follows from the query.
                fields.retain(|name, _| name == "default");
            }
            if inherits {
                // A restored table inherits how its parent compresses.
                fields.remove("compression");
            }
        }
    }
}

/// What differs in functions: what they are declared as, and what they do.
fn functions(is: &mut Map<String, Value>, was: &mut Map<String, Value>, majors: Majors) -> Vec<Difference> {
    let text = |fields: &mut Map<String, Value>| match fields.remove("definition") {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    let (is_text, was_text) = (text(is), text(was));
    for (fields, text) in [(&mut *is, &is_text), (&mut *was, &was_text)] {
        fields.insert("body".to_owned(), Value::from(body(text)));
    }
    let differences = differing(ObjectKind::Function, is, was, majors);
    // What is in the head of the statement and in no attribute.
    if differences.is_empty() && is_text != was_text {
        is.insert("definition".to_owned(), Value::from(is_text));
        was.insert("definition".to_owned(), Value::from(was_text));
    }
    differences
}

/// What follows the head of the statement that creates a function: its text, in quotes, or its statements.
pub(crate) fn body(definition: &str) -> &str {
    let starts = ["AS $", "AS '", "BEGIN ATOMIC", " RETURN "];
    let mut at = 0;
    for line in definition.split_inclusive('\n') {
        if at > 0 && starts.iter().any(|start| line.starts_with(start)) {
            return definition[at..].trim_end();
        }
        at += line.len();
    }
    definition
}

/// Leaves of the tables of a publication those that are on both sides.
fn keep_tables(fields: &mut Map<String, Value>, there: impl Fn(&str) -> bool) {
    if let Some(Value::Array(tables)) = fields.get_mut("tables") {
        tables.retain(|table| table["relation"].as_str().is_some_and(&there));
        if tables.is_empty() {
            fields.remove("tables");
        }
    }
}

/// Leaves of the columns that a sequence feeds those that own it: defaults are told of their columns.
fn keep_owners(fields: &mut Map<String, Value>) {
    if let Some(Value::Array(feeds)) = fields.get_mut("feeds") {
        feeds.retain(|feed| feed["link"] != "default");
        if feeds.is_empty() {
            fields.remove("feeds");
        }
    }
}

/// What a partition may say of its own of a column, where its root says something else.
const OF_PARTITIONS: &[&str] = &["compression", "default", "not_null", "options", "statistics", "storage"];

/// What a part of a partition would say in this catalog, where it is not listed because it is as its root's; and what
/// it says where it is listed.
fn implied<'e>(part: Part<'e>, catalog: &'e Catalog) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let relation = catalog.relation(part.of()?).ok().flatten().filter(|relation| relation.is_partition)?;
    let (root, kept) = match part {
        Part::Column(column) => {
            (catalog.column(&relation.name, &column.name).ok().flatten().map(Part::Column), OF_PARTITIONS)
        }
        Part::Trigger(trigger) if trigger.of_root => {
            let triggers = catalog.triggers.read()?;
            let mut name = &relation.name;
            let root = loop {
                let Some(parent) =
                    catalog.relation(name).ok().flatten().and_then(|relation| relation.parents.first())
                else {
                    break None;
                };
                let key = (parent, &trigger.name);
                if let Ok(at) = triggers.binary_search_by(|other| (&other.relation, &other.name).cmp(&key)) {
                    break Some(Part::Trigger(&triggers[at]));
                }
                name = parent;
            };
            (root, &["enabled"][..])
        }
        _ => return None,
    };
    // What is gone is told of the root.
    let Some(root) = root else { return Some((Map::new(), Map::new())) };
    let only = |part: Part<'_>| {
        let mut fields = part.attributes();
        fields.retain(|name, _| kept.contains(&name.as_str()));
        fields
    };
    Some((only(root), only(part)))
}

/// In what attributes differ.
fn differing(
    kind: ObjectKind,
    is: &Map<String, Value>,
    was: &Map<String, Value>,
    majors: Majors,
) -> Vec<Difference> {
    let names: BTreeSet<&String> = is.keys().chain(was.keys()).collect();
    let mut differences = Vec::new();
    for name in names {
        let (is, was) = (is.get(name), was.get(name));
        let normal = |value: Option<&Value>| value.map(|value| normal(kind, name, value, majors));
        if normal(is) != normal(was) {
            let is_flag = is == Some(&Value::Bool(true)) || was == Some(&Value::Bool(true));
            let shown = |value: Option<&Value>| value.map_or_else(|| is_flag.then(|| "no".to_owned()), shown);
            differences.push(Difference { what: words(name), was: shown(was), is: shown(is) });
        }
    }
    differences
}

/// What an attribute is called.
fn words(name: &str) -> String {
    match name {
        "rls_enabled" => "row level security".to_owned(),
        "rls_forced" => "row level security for the owner".to_owned(),
        name => name.replace('_', " "),
    }
}

/// A value as a person reads it.
fn shown(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().filter_map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields.values().filter_map(shown).collect::<Vec<_>>().join(" "),
        Value::Number(number) => number.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_of_a_function_begins_after_its_head() {
        let head = "CREATE OR REPLACE FUNCTION s.f(a text DEFAULT 'AS $x$'::text)\n RETURNS text\n LANGUAGE sql\n SET search_path TO ''\n";
        for body_text in [
            "AS $function$\nselect 1\n$function$",
            "BEGIN ATOMIC\n SELECT 1;\nEND",
            " RETURN 1",
            "AS '$libdir/x', $function$f$function$",
        ] {
            assert_eq!(body(&format!("{head}{body_text}\n")), body_text);
        }
    }
}
