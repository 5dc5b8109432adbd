//! `invalid_objects`: what is there and does not do what it is there for.

mod findings;
mod seen;

pub use findings::{
    CollationMismatch, DisabledRule, DisabledTrigger, InvalidIndex, UnenforcedConstraint, UnpopulatedView,
    UnprovenConstraint,
};

use std::collections::BTreeMap;

use crate::check::{Check, Context, Judgement, KindDoc};
use crate::collect::Wants;
use crate::evidence::catalog::{CatalogFactName, Database, Enabled, Index, Relation, RelationKind, Trigger};
use crate::structure::Part;
use seen::Seen;

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "indexes are valid, constraints proven, triggers and rules on, materialized views filled",
    docs: include_str!("invalid_objects.md"),
    kinds: &[
        KindDoc {
            kind: "collation_mismatch",
            meaning: "the server's library sorts in another way than the indexes were built by: they may miss rows",
        },
        KindDoc { kind: "disabled_rule", meaning: "a rule is switched off: what it did is not done" },
        KindDoc { kind: "disabled_trigger", meaning: "a trigger is switched off: what it did is not done" },
        KindDoc {
            kind: "invalid_index",
            meaning: "queries do not use the index, and it may not know all rows: building it failed, or never ended",
        },
        KindDoc {
            kind: "unenforced_constraint",
            meaning: "what enforces the constraint is switched off: rows that break it are taken",
        },
        KindDoc {
            kind: "unpopulated_view",
            meaning: "the materialized view was never filled: whoever reads it gets an error",
        },
        KindDoc {
            kind: "unproven_constraint",
            meaning: "the constraint holds for new rows only: those that were there may break it",
        },
    ],
    wanted,
    judge,
};

const ID: &str = "invalid_objects";

const FACTS: &[CatalogFactName] = &[
    CatalogFactName::Collation,
    CatalogFactName::Column,
    CatalogFactName::Constraint,
    CatalogFactName::Database,
    CatalogFactName::EventTrigger,
    CatalogFactName::ForeignKey,
    CatalogFactName::Index,
    CatalogFactName::Relation,
    CatalogFactName::Rule,
    CatalogFactName::Trigger,
    CatalogFactName::UserType,
];

fn wanted(_: Context<'_>, wants: &mut Wants) {
    wants.catalog(FACTS);
}

fn judge(context: Context<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    if let Err(cause) = context.now.catalog.relations.get() {
        judgement.could_not_read("the list of relations", cause);
        return judgement;
    }
    let seen = Seen::new(context);
    indexes(seen, &mut judgement);
    constraints(seen, &mut judgement);
    switched_off(seen, &mut judgement);
    views(seen, &mut judgement);
    collations(seen, &mut judgement);
    if judgement.examined.is_empty() && judgement.findings.is_empty() && judgement.unread.is_empty() {
        return Judgement::not_applicable("there is nothing that could be invalid, unproven or switched off");
    }
    judgement
}

fn indexes(seen: Seen<'_>, judgement: &mut Judgement) {
    let Some(indexes) = seen.list(judgement, "indexes", |catalog| &catalog.indexes) else { return };
    let told = seen.told_as_unique_keys();
    for index in indexes {
        // Those of the platform's tables serve logins and files.
        if !seen.looks_at(Part::Index(index)) && !seen.is_platforms(&index.relation) {
            continue;
        }
        judgement.examine("indexes", 1);
        let is_whole = |index: &Index| index.valid && index.ready && index.live;
        if is_whole(index) || told.contains(&(index.relation.to_string(), index.name.clone())) {
            continue;
        }
        let before = seen.before(
            |catalog| &catalog.indexes,
            |old| {
                let is_it = (&old.relation, &old.name) == (&index.relation, &index.name);
                is_it.then(|| is_whole(old))
            },
        );
        judgement.find(InvalidIndex::new(index, before, &seen));
    }
}

fn constraints(seen: Seen<'_>, judgement: &mut Judgement) {
    let lists = seen.list(judgement, "constraints", |catalog| &catalog.constraints).unwrap_or_default();
    for constraint in lists.iter().filter(|own| seen.looks_at(Part::Constraint(own))) {
        judgement.examine("constraints", 1);
        if constraint.validated || is_not_enforced(&constraint.definition) {
            continue;
        }
        let before = seen.before(
            |catalog| &catalog.constraints,
            |old| {
                let is_it = (&old.relation, &old.name) == (&constraint.relation, &constraint.name);
                is_it.then_some(old.validated)
            },
        );
        judgement.find(UnprovenConstraint::of_table(constraint, before));
    }
    let keys = seen.list(judgement, "foreign keys", |catalog| &catalog.foreign_keys).unwrap_or_default();
    for key in keys.iter().filter(|own| seen.looks_at(Part::ForeignKey(own))) {
        judgement.examine("constraints", 1);
        if key.validated || is_not_enforced(&key.definition) {
            continue;
        }
        let before = seen.before(
            |catalog| &catalog.foreign_keys,
            |old| {
                let is_it = (&old.child, &old.name) == (&key.child, &key.name);
                is_it.then_some(old.validated)
            },
        );
        judgement.find(UnprovenConstraint::of_foreign_key(key, before, seen.runs("orphan_fks")));
    }
    let columns = seen.list(judgement, "columns", |catalog| &catalog.columns).unwrap_or_default();
    for column in columns.iter().filter(|own| own.not_null_unproven && seen.looks_at(Part::Column(own))) {
        let before = seen.before(
            |catalog| &catalog.columns,
            |old| {
                let is_it = (&old.relation, &old.name) == (&column.relation, &column.name) && old.not_null;
                is_it.then_some(!old.not_null_unproven)
            },
        );
        judgement.find(UnprovenConstraint::of_null_rule(column, before));
    }
    let types = seen.list(judgement, "types", |catalog| &catalog.types).unwrap_or_default();
    for domain in types.iter().filter(|own| seen.looks_at(Part::UserType(own))) {
        judgement.examine("constraints", domain.constraints.len() as u64);
        for constraint in domain.constraints.iter().filter(|own| !own.validated) {
            let before = seen.before(
                |catalog| &catalog.types,
                |old| {
                    let mut own = old.constraints.iter().filter(|_| old.name == domain.name);
                    own.find(|own| own.name == constraint.name).map(|own| own.validated)
                },
            );
            judgement.find(UnprovenConstraint::of_domain(domain, constraint, before));
        }
    }
}

/// Nobody can prove what nobody enforces (PostgreSQL 18): it says so on purpose.
fn is_not_enforced(definition: &str) -> bool {
    definition.ends_with(" NOT ENFORCED")
}

fn switched_off(seen: Seen<'_>, judgement: &mut Judgement) {
    let is_off = |enabled: Enabled| enabled == Enabled::Disabled;
    let triggers = seen.list(judgement, "triggers", |catalog| &catalog.triggers).unwrap_or_default();
    let triggers = triggers
        .iter()
        .filter(|own| seen.looks_at(Part::Trigger(own)) || seen.is_platforms(&own.relation))
        .inspect(|own| judgement.examine("triggers", u64::from(own.behind.is_none())))
        .filter(|own| is_off(own.enabled));
    let (behind, triggers): (Vec<&Trigger>, Vec<&Trigger>) = triggers.partition(|own| own.behind.is_some());
    for trigger in triggers {
        let was = seen.was(
            |catalog| &catalog.triggers,
            |old| {
                let is_it = (&old.relation, &old.name) == (&trigger.relation, &trigger.name);
                is_it.then_some(old.enabled)
            },
        );
        judgement.find(DisabledTrigger::of_relation(trigger, was));
    }
    for (constraint, triggers) in by_constraint(&behind) {
        let before = seen.before(
            |catalog| &catalog.triggers,
            |old| {
                let is_it =
                    (&old.relation, old.behind.as_deref()) == (&triggers[0].relation, Some(constraint));
                is_it.then(|| !is_off(old.enabled))
            },
        );
        judgement.find(UnenforcedConstraint::new(constraint, &triggers, before));
    }
    let rules = seen.list(judgement, "rules", |catalog| &catalog.rules).unwrap_or_default();
    for rule in rules.iter().filter(|own| seen.looks_at(Part::Rule(own))) {
        judgement.examine("rules", 1);
        if is_off(rule.enabled) {
            let was = seen.was(
                |catalog| &catalog.rules,
                |old| {
                    let is_it = (&old.relation, &old.name) == (&rule.relation, &rule.name);
                    is_it.then_some(old.enabled)
                },
            );
            judgement.find(DisabledRule::new(rule, was));
        }
    }
    let triggers =
        seen.list(judgement, "event triggers", |catalog| &catalog.event_triggers).unwrap_or_default();
    for trigger in triggers.iter().filter(|own| seen.looks_at(Part::EventTrigger(own))) {
        judgement.examine("triggers", 1);
        if is_off(trigger.enabled) {
            let was = seen.was(
                |catalog| &catalog.event_triggers,
                |old| (old.name == trigger.name).then_some(old.enabled),
            );
            judgement.find(DisabledTrigger::of_database(trigger, was));
        }
    }
}

/// Triggers behind constraints, by table and constraint.
fn by_constraint<'e>(triggers: &[&'e Trigger]) -> Vec<(&'e str, Vec<&'e Trigger>)> {
    let mut constraints: BTreeMap<_, Vec<&Trigger>> = BTreeMap::new();
    for trigger in triggers {
        let constraint = trigger.behind.as_deref().unwrap_or_default();
        constraints.entry((&trigger.relation, constraint)).or_default().push(trigger);
    }
    constraints.into_iter().map(|((_, constraint), triggers)| (constraint, triggers)).collect()
}

fn views(seen: Seen<'_>, judgement: &mut Judgement) {
    let relations = seen.list(judgement, "relations", |catalog| &catalog.relations).unwrap_or_default();
    let is_view = |relation: &Relation| relation.kind == RelationKind::MaterializedView;
    for view in relations.iter().filter(|own| is_view(own) && seen.looks_at(Part::Relation(own))) {
        judgement.examine("materialized views", 1);
        if view.unpopulated {
            let before = seen.before(
                |catalog| &catalog.relations,
                |old| (old.name == view.name && is_view(old)).then_some(!old.unpopulated),
            );
            judgement.find(UnpopulatedView::new(view, before));
        }
    }
}

fn collations(seen: Seen<'_>, judgement: &mut Judgement) {
    let databases = seen.list(judgement, "databases", |catalog| &catalog.databases).unwrap_or_default();
    for database in databases {
        let (Some(version), Some(actual)) = (&database.version, &database.actual_version) else { continue };
        judgement.examine("collations", 1);
        if version != actual {
            let is_same = |old: &Database| {
                (&old.version, &old.actual_version) == (&database.version, &database.actual_version)
            };
            let before = seen.before(|catalog| &catalog.databases, |old| Some(!is_same(old)));
            judgement.find(CollationMismatch::of_database([version, actual], before, &seen));
        }
    }
    let collations = seen.list(judgement, "collations", |catalog| &catalog.collations).unwrap_or_default();
    for collation in collations {
        let (Some(version), Some(actual)) = (&collation.version, &collation.actual_version) else { continue };
        judgement.examine("collations", 1);
        if version != actual {
            let before = seen.before(
                |catalog| &catalog.collations,
                |old| {
                    let is_it = (&old.schema, &old.name) == (&collation.schema, &collation.name);
                    is_it.then(|| {
                        (&old.version, &old.actual_version) != (&collation.version, &collation.actual_version)
                    })
                },
            );
            judgement.find(CollationMismatch::of_collation(collation, [version, actual], before, &seen));
        }
    }
}
