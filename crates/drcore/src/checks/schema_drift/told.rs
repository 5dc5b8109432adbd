//! What other checks tell, so that one loss appears once: by what they found, and not by what they might find.

use std::collections::BTreeSet;

use crate::check::{Check, Context};
use crate::checks::{
    bucket_privacy, duplicate_keys, freshness, invalid_objects, orphan_fks, rls_coverage, row_counts,
    sequence_lag,
};
use crate::finding::Finding;
use crate::sql::ident;
use crate::structure::{Drift, ObjectKind, Part};

/// Checks that compare a part of the structure by themselves.
static TELLERS: &[&Check] = &[
    &bucket_privacy::CHECK,
    &duplicate_keys::CHECK,
    &freshness::CHECK,
    &invalid_objects::CHECK,
    &orphan_fks::CHECK,
    &rls_coverage::CHECK,
    &row_counts::CHECK,
    &sequence_lag::CHECK,
];

/// What other checks tell: objects as a whole, and single attributes.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// By kind, what the finding is about, and the name within it.
    objects: BTreeSet<(ObjectKind, String, String)>,
    attributes: BTreeSet<(ObjectKind, String, String, &'static str)>,
    /// Domains, each with a constraint that is not proven.
    domains: BTreeSet<(String, String)>,
    /// Sequences that are gone, and are told with the columns that they fed.
    sequences: BTreeSet<String>,
}

/// Every kind of relation.
const RELATIONS: [ObjectKind; 4] =
    [ObjectKind::ForeignTable, ObjectKind::MaterializedView, ObjectKind::Table, ObjectKind::View];

impl Told {
    /// What the checks that run beside this one found.
    pub(super) fn by_others(context: Context<'_>) -> Self {
        let mut told = Self::default();
        for check in TELLERS.iter().filter(|check| context.runs(check.id)) {
            for finding in (check.judge)(context).findings {
                told.add(&finding);
            }
        }
        told
    }

    fn add(&mut self, finding: &Finding) {
        let object = finding.common().object.clone();
        match finding {
            Finding::PolicyAdded(policy) => self.part(ObjectKind::Policy, object, &policy.policy),
            Finding::PolicyChanged(policy) => self.part(ObjectKind::Policy, object, &policy.policy),
            Finding::PolicyLost(policy) => self.part(ObjectKind::Policy, object, &policy.policy),
            Finding::PoliciesInactive(_) | Finding::RlsDisabled(_) | Finding::StorageRlsDisabled(_) => {
                self.attribute(&object, "row level security");
            }
            Finding::ForceRlsLost(_) => self.attribute(&object, "row level security for the owner"),
            Finding::DefinerView(_) => self.attribute(&object, "options"),
            Finding::DefinerFunctionExposed(_) => {
                let kinds = [ObjectKind::Function, ObjectKind::Procedure];
                let own = |kind| (kind, object.clone(), object.clone(), "security definer");
                self.attributes.extend(kinds.map(own));
            }
            Finding::ExtraTable(_) | Finding::MissingTable(_) => {
                self.objects.extend(RELATIONS.map(|kind| (kind, object.clone(), object.clone())));
            }
            Finding::MissingSchema(_) => {
                self.objects.insert((ObjectKind::Schema, object.clone(), object));
            }
            Finding::MissingForeignKey(key) => self.part(ObjectKind::ForeignKey, object, &key.constraint),
            Finding::MissingUniqueKey(key) => {
                self.part(ObjectKind::Constraint, object.clone(), &key.index);
                self.part(ObjectKind::Index, object, &key.index);
            }
            Finding::MissingSequence(_) => {
                self.sequences.insert(object);
            }
            Finding::UnfedColumn(column) => {
                self.fed(&object);
                if !matches!(column.link.as_str(), "default") {
                    self.sequences.insert(column.sequence.to_string());
                }
            }
            Finding::DisabledRule(rule) => self.state(ObjectKind::Rule, &object, &rule.rule),
            Finding::DisabledTrigger(trigger) => {
                self.state(ObjectKind::Trigger, &object, &trigger.trigger);
                self.state(ObjectKind::EventTrigger, &object, &trigger.trigger);
            }
            Finding::InvalidIndex(index) => self.state(ObjectKind::Index, &object, &index.index),
            Finding::UnpopulatedView(_) => self.attribute(&object, "unpopulated"),
            Finding::UnprovenConstraint(constraint) => match (&constraint.constraint, &constraint.column) {
                (Some(name), _) => {
                    self.state(ObjectKind::Constraint, &object, name);
                    self.state(ObjectKind::ForeignKey, &object, name);
                    self.domains.insert((object, name.clone()));
                }
                (None, column) => {
                    self.state(ObjectKind::Column, &object, column.as_deref().unwrap_or_default());
                }
            },
            Finding::MissingColumn(_) => {
                if let Some((table, column)) = split(&object) {
                    self.objects.insert((ObjectKind::Column, table, column));
                }
            }
            _ => {}
        }
    }

    fn part(&mut self, kind: ObjectKind, of: String, name: &str) {
        self.objects.insert((kind, of, ident(name)));
    }

    /// Whether it does what it is there for.
    fn state(&mut self, kind: ObjectKind, of: &str, name: &str) {
        for attribute in ["enabled", "live", "not null unproven", "ready", "valid", "validated"] {
            self.attributes.insert((kind, of.to_owned(), ident(name), attribute));
        }
    }

    /// An attribute of a relation.
    fn attribute(&mut self, relation: &str, name: &'static str) {
        let own = |kind| (kind, relation.to_owned(), relation.to_owned(), name);
        self.attributes.extend(RELATIONS.map(own));
    }

    /// Where a column, `schema.table.column`, gets its values from.
    fn fed(&mut self, column: &str) {
        let Some((table, column)) = split(column) else { return };
        for attribute in ["default", "identity", "identity always"] {
            self.attributes.insert((ObjectKind::Column, table.clone(), column.clone(), attribute));
        }
    }

    /// What nobody else tells.
    pub(super) fn leave(mut self, drifts: Vec<Drift<'_>>) -> Vec<Drift<'_>> {
        // A sequence that is gone is told with every default that it gave, be it that it went with the column.
        let with_it = |drift: &Drift<'_>| {
            drift.with.iter().any(|id| id.kind == ObjectKind::Sequence && self.sequences.contains(&id.name))
        };
        let went: Vec<String> = drifts
            .iter()
            .filter(|drift| drift.id.kind == ObjectKind::Column && with_it(drift))
            .map(|drift| format!("{}.{}", drift.id.object(), drift.id.name))
            .collect();
        let fed: Vec<String> = drifts
            .iter()
            .filter(|drift| self.sequences.contains(&drift.id.name))
            .filter_map(|drift| match drift.then {
                Some(Part::Sequence(sequence)) if drift.is_lost() => Some(sequence),
                _ => None,
            })
            .flat_map(|sequence| sequence.feeds.iter())
            .map(|feed| format!("{}.{}", feed.relation, ident(&feed.column)))
            .collect();
        for column in fed.into_iter().chain(went) {
            self.fed(&column);
        }
        drifts.into_iter().filter_map(|drift| self.left_of(drift)).collect()
    }

    fn left_of<'e>(&self, mut drift: Drift<'e>) -> Option<Drift<'e>> {
        let (kind, object, name) = (drift.id.kind, drift.id.object(), drift.id.name.clone());
        if kind == ObjectKind::Sequence && drift.is_lost() && self.sequences.contains(&name) {
            return None;
        }
        if self.objects.contains(&(kind, object.clone(), name.clone())) {
            return None;
        }
        if drift.differences.is_empty() {
            return Some(drift);
        }
        let is_told = self.tells_domain(&drift);
        drift.differences.retain(|difference| {
            let is_told = is_told && difference.what == "constraints";
            !is_told
                && !self.attributes.iter().any(|(own, of, part, what)| {
                    (*own, of, part, *what) == (kind, &object, &name, difference.what.as_str())
                })
        });
        (!drift.differences.is_empty()).then_some(drift)
    }
}

impl Told {
    /// Whether all that differs in the constraints of a domain is that some are not proven, which was told.
    fn tells_domain(&self, drift: &Drift<'_>) -> bool {
        let (Some(Part::UserType(new)), Some(Part::UserType(old))) = (drift.now, drift.then) else {
            return false;
        };
        let told = |name: &String| self.domains.contains(&(new.name.to_string(), name.clone()));
        let rule = |text: &'_ str| text.trim_end_matches(" NOT VALID").to_owned();
        new.constraints.len() == old.constraints.len()
            && new.constraints.iter().zip(&old.constraints).all(|(new, old)| {
                (&new.name, rule(&new.definition)) == (&old.name, rule(&old.definition))
                    && (new.validated == old.validated || told(&new.name))
            })
    }
}

/// `schema.table.column` as the table and the column, each as it would be typed.
fn split(column: &str) -> Option<(String, String)> {
    let parts = crate::sql::split_name(column).ok()?;
    match parts.as_slice() {
        [schema, table, column] => {
            Some((format!("{}.{}", ident(&schema.text), ident(&table.text)), ident(&column.text)))
        }
        _ => None,
    }
}
