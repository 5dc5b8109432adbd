//! What `orphan_fks` finds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::relations::{Known, Lost, Nowhere, Origin};
use super::{ID, counted, remedies};
use crate::check::Context;
use crate::evidence::{Cause, OrphanSample, Orphans, RowKeys};
use crate::finding::{Common, Payload, Severity};
use crate::reference::Reference;
use crate::sql::{QualifiedName, ident};
use crate::text::{count, plural};

/// Keys that a hint shows.
const SHOWN: usize = 3;

/// Rows refer to a parent that does not exist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct OrphanedRows {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The table that refers.
    pub child: QualifiedName,
    /// The columns that refer, unquoted.
    pub child_columns: Vec<String>,
    /// The table that is referred to.
    pub parent: QualifiedName,
    /// The columns that are referred to, in the same order, unquoted.
    pub parent_columns: Vec<String>,
    /// The name of the constraint; none for a relation that only the plan (or drcore) knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// Whether PostgreSQL believes that all rows obey the constraint; none where there is none now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validated: Option<bool>,
    /// How many rows have no parent.
    pub rows: u64,
    /// How many the baseline had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub were: Option<u64>,
    /// How many distinct parents are missing, where that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_parents: Option<u64>,
    /// Primary keys of some of the rows.
    pub sample: RowKeys,
    /// How many of them each tenant has: the worst hundred.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: BTreeMap<String, u64>,
    /// How many tenants have any, where the child has the tenant column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants_total: Option<u64>,
}

impl OrphanedRows {
    pub(super) fn new(context: Context<'_>, known: &Known<'_>, rows: u64) -> Self {
        let reference = &known.reference;
        let were = context.then.and_then(|then| counted(then, reference).ok()).map(|orphans| orphans.rows);
        let sample = match context.now.scans.orphan_samples.get(&reference.key()) {
            Some(fact) => fact.get(),
            None => Err(Cause::new(crate::evidence::CauseKind::NotCollected, "not asked for")),
        };
        let severity = match (known.origin, were) {
            (Origin::BuiltIn(_), Some(were)) if rows > were => Severity::Warning,
            (Origin::BuiltIn(_), Some(_)) => Severity::Info,
            (Origin::BuiltIn(severity), None) => severity,
            _ => Severity::Critical,
        };
        let message = format!("{} ({})", plural(rows, "orphaned row"), reference.short_arrow());
        let common = Common::new(ID, "orphaned_rows", reference.child.to_string(), severity, message)
            .qualified(&reference.qualifier())
            .hint(hint(known, sample.as_ref(), were))
            .query(reference.orphans_query())
            .remedy(remedies::orphans(context, reference, rows, sample.as_ref().ok().copied()));
        let sample = sample.ok().cloned();
        Self {
            common,
            child: reference.child.clone(),
            child_columns: reference.child_columns.clone(),
            parent: reference.parent.clone(),
            parent_columns: reference.parent_columns.clone(),
            constraint: reference.constraint.clone(),
            validated: match known.origin {
                Origin::Constraint(key) => Some(key.validated),
                _ => None,
            },
            rows,
            were,
            missing_parents: sample.as_ref().map(|sample| sample.missing_parents),
            tenants_total: sample.as_ref().and_then(|sample| sample.tenants_total),
            tenants: sample.as_ref().map(|sample| sample.tenants.clone()).unwrap_or_default(),
            sample: sample.map(|sample| sample.keys).unwrap_or_default(),
        }
    }
}

/// Whose rows they are, which, and why nobody noticed.
fn hint(known: &Known<'_>, sample: Result<&&OrphanSample, &Cause>, were: Option<u64>) -> String {
    let mut facts = Vec::new();
    match sample {
        Ok(sample) => {
            facts.extend(sample.tenants_total.map(|tenants| plural(tenants, "tenant")));
            facts.extend(examples(&sample.keys));
        }
        Err(cause) => facts.push(format!("which rows they are could not be read: {}", cause.message)),
    }
    match known.origin {
        Origin::Constraint(key) if key.definition.contains("NOT ENFORCED") => {
            facts.push("the constraint is NOT ENFORCED".to_owned());
        }
        Origin::Constraint(key) if key.validated => {
            facts.push("the constraint says valid: loaded with triggers off".to_owned());
        }
        Origin::Constraint(_) => {
            facts.push("the constraint is NOT VALID: old rows were never checked".to_owned());
        }
        Origin::Lost => facts.push("the constraint of the baseline is gone".to_owned()),
        Origin::BuiltIn(_) | Origin::Plan => facts.push("no constraint watches over it".to_owned()),
    }
    match were {
        Some(0) => facts.push("the baseline had none".to_owned()),
        Some(were) => facts.push(format!("the baseline had {}", count(were))),
        None => {}
    }
    facts.join(" · ")
}

/// `e.g. id 88120, 88121`.
fn examples(keys: &RowKeys) -> Option<String> {
    let shown = keys.shown(SHOWN);
    let columns: Vec<String> = keys.columns.iter().map(|column| ident(column)).collect();
    (!shown.is_empty() && !columns.is_empty()).then(|| match columns.as_slice() {
        [one] => format!("e.g. {one} {}", shown.join(", ")),
        several => format!("e.g. ({}) {}", several.join(", "), shown.join(", ")),
    })
}

impl Payload for OrphanedRows {
    fn common(&self) -> &Common {
        &self.common
    }

    fn count(&self) -> Option<u64> {
        Some(self.rows)
    }
}

/// Rows break MATCH FULL: some columns of their key are NULL, others are not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct HalfNullKeys {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The table that refers.
    pub child: QualifiedName,
    /// The columns that refer, unquoted.
    pub child_columns: Vec<String>,
    /// The table that is referred to.
    pub parent: QualifiedName,
    /// The columns that are referred to, in the same order, unquoted.
    pub parent_columns: Vec<String>,
    /// The name of the constraint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// How many rows.
    pub rows: u64,
}

impl HalfNullKeys {
    pub(super) fn new(context: Context<'_>, reference: &Reference, rows: u64) -> Self {
        let message = format!(
            "{} with a key that is NULL in part ({}, MATCH FULL)",
            plural(rows, "row"),
            reference.short_arrow()
        );
        let common =
            Common::new(ID, "half_null_keys", reference.child.to_string(), Severity::Critical, message)
                .qualified(&reference.qualifier())
                .hint("MATCH FULL allows a key that is NULL in all columns or in none.")
                .query(reference.half_null_query())
                .remedy(remedies::half_null(context, reference, rows));
        Self {
            common,
            child: reference.child.clone(),
            child_columns: reference.child_columns.clone(),
            parent: reference.parent.clone(),
            parent_columns: reference.parent_columns.clone(),
            constraint: reference.constraint.clone(),
            rows,
        }
    }
}

impl Payload for HalfNullKeys {
    fn common(&self) -> &Common {
        &self.common
    }

    fn count(&self) -> Option<u64> {
        Some(self.rows)
    }
}

/// A foreign key of the baseline is not there any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct MissingForeignKey {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The table that refers.
    pub child: QualifiedName,
    /// The columns that refer, unquoted.
    pub child_columns: Vec<String>,
    /// The table that is referred to.
    pub parent: QualifiedName,
    /// The columns that are referred to, in the same order, unquoted.
    pub parent_columns: Vec<String>,
    /// The name that the constraint had.
    pub constraint: String,
    /// The constraint as SQL, from the baseline.
    pub definition: String,
    /// The tables and columns that are gone with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
}

impl MissingForeignKey {
    pub(super) fn new(context: Context<'_>, lost: &Lost<'_>, orphans: Option<&Orphans>) -> Self {
        let key = lost.key;
        let arrow = Reference::of_foreign_key(key, &context.now.catalog)
            .map_or_else(|_| key.parent.to_string(), |reference| reference.short_arrow());
        let message = format!("foreign key {} is gone ({arrow})", ident(&key.name));
        let mut common =
            Common::new(ID, "missing_foreign_key", key.child.to_string(), Severity::Warning, message)
                .qualified(&ident(&key.name));
        if lost.gone.is_empty() {
            common = common.hint(match orphans {
                Some(orphans) if orphans.rows + orphans.half_null > 0 => format!(
                    "A restore cannot create it while {} break it.",
                    plural(orphans.rows + orphans.half_null, "row")
                ),
                Some(_) => "No row breaks it now, and nothing keeps it so.".to_owned(),
                None => "Whether rows break it could not be read.".to_owned(),
            });
            if let Some(remedy) = remedies::add_constraint(context, key, orphans) {
                common = common.remedy(remedy);
            }
        } else {
            let verb = if lost.gone.len() == 1 { "is" } else { "are" };
            common = common.hint(format!("Gone with it {verb} {}.", lost.gone.join(", ")));
        }
        Self {
            common,
            child: key.child.clone(),
            child_columns: key.child_columns.clone(),
            parent: key.parent.clone(),
            parent_columns: key.parent_columns.clone(),
            constraint: key.name.clone(),
            definition: key.definition.clone(),
            gone: lost.gone.clone(),
        }
    }
}

impl Payload for MissingForeignKey {
    fn common(&self) -> &Common {
        &self.common
    }
}

/// A relation of the plan names a table or column that is nowhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct MissingRelation {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The names that stand for nothing, as they are in the plan.
    pub names: Vec<String>,
}

impl MissingRelation {
    pub(super) fn new(nowhere: &Nowhere<'_>) -> Self {
        let verb = if nowhere.names.len() == 1 { "is" } else { "are" };
        let message =
            format!("the plan names this relation, and {} {verb} nowhere", nowhere.names.join(", "));
        Self {
            common: Common::new(
                ID,
                "missing_relation",
                nowhere.relation.to_string(),
                Severity::Critical,
                message,
            ),
            names: nowhere.names.clone(),
        }
    }
}

impl Payload for MissingRelation {
    fn common(&self) -> &Common {
        &self.common
    }
}
