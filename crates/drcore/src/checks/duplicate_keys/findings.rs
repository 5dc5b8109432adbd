//! What `duplicate_keys` finds.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::known::{Known, Lost, Nowhere, Origin};
use super::{ID, remedies};
use crate::check::Context;
use crate::evidence::catalog::{UniqueOrigin, UniquePart};
use crate::evidence::{Cause, CauseKind, DuplicateSample, Duplicates, RowKeys};
use crate::finding::{Common, Payload, Severity};
use crate::sql::{QualifiedName, ident};
use crate::text::{count, list, plural};
use crate::unique::UniqueKey;

/// Keys that a hint shows.
const SHOWN: usize = 3;

/// Several rows have a key that only one may have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct DuplicatedRows {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The table.
    pub table: QualifiedName,
    /// What is compared: columns, unquoted where they need no quotes, and expressions.
    pub columns: Vec<String>,
    /// The unique indexes that say that there is no such row, or did in the baseline; none for a key that only the
    /// plan knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub indexes: Vec<String>,
    /// Whether PostgreSQL believes one of them; none where there is none now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<bool>,
    /// How many keys stand in several rows.
    pub keys: u64,
    /// How many rows are too many: those beyond the first of each key.
    pub rows: u64,
    /// How many were too many in the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub were: Option<u64>,
    /// How many of them are a copy of another row in every column, where that could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identical: Option<u64>,
    /// Some of the keys.
    pub sample: RowKeys,
    /// How many rows too many each tenant has: the worst hundred.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: BTreeMap<String, u64>,
    /// How many tenants have any, where the table has the tenant column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants_total: Option<u64>,
}

impl DuplicatedRows {
    pub(super) fn new(
        context: Context<'_>,
        known: &Known<'_>,
        duplicates: &Duplicates,
        were: Option<&Duplicates>,
    ) -> Self {
        let key = &known.key;
        let sample = match context.now.scans.duplicate_samples.get(&key.key()) {
            Some(fact) => fact.get(),
            None => Err(Cause::new(CauseKind::NotCollected, "not asked for")),
        };
        // What only the plan wants to be unique may never have been.
        let severity = match (&known.origin, were) {
            (Origin::Plan, Some(were)) if duplicates.rows <= were.rows => Severity::Warning,
            _ => Severity::Critical,
        };
        let message = format!(
            "{} of {} {}",
            plural(duplicates.rows, "duplicate row"),
            plural(duplicates.keys, "key"),
            key.columns_text()
        );
        let columns = column_names(context, key);
        let common = Common::new(ID, "duplicated_rows", key.table.to_string(), severity, message)
            .qualified(&key.qualifier())
            .hint(hint(known, duplicates, sample.as_ref(), were))
            .query(key.duplicates_query(&columns))
            .remedy(remedies::duplicates(
                context,
                known,
                duplicates,
                sample.as_ref().ok().copied(),
                &columns,
            ));
        let sample = sample.ok().cloned();
        Self {
            common,
            table: key.table.clone(),
            columns: key.labels(),
            indexes: match &known.origin {
                Origin::Indexes(indexes) => indexes.iter().map(|index| index.name.clone()).collect(),
                Origin::Lost => key.index.iter().cloned().collect(),
                Origin::Plan => Vec::new(),
            },
            valid: match &known.origin {
                Origin::Indexes(indexes) => Some(indexes.iter().any(|index| index.valid)),
                Origin::Lost | Origin::Plan => None,
            },
            keys: duplicates.keys,
            rows: duplicates.rows,
            were: were.map(|were| were.rows),
            identical: sample.as_ref().map(|sample| sample.identical),
            tenants_total: sample.as_ref().and_then(|sample| sample.tenants_total),
            tenants: sample.as_ref().map(|sample| sample.tenants.clone()).unwrap_or_default(),
            sample: sample.map(|sample| sample.keys).unwrap_or_default(),
        }
    }
}

fn column_names(context: Context<'_>, key: &UniqueKey) -> Vec<String> {
    let columns = context.now.catalog.columns_of(&key.table).unwrap_or_default();
    columns.iter().map(|column| column.name.clone()).collect()
}

/// Whose rows they are, which, and why nobody noticed.
fn hint(
    known: &Known<'_>,
    duplicates: &Duplicates,
    sample: Result<&&DuplicateSample, &Cause>,
    were: Option<&Duplicates>,
) -> String {
    let mut facts = Vec::new();
    match sample {
        Ok(sample) => {
            facts.extend(sample.tenants_total.map(|tenants| plural(tenants, "tenant")));
            facts.extend(examples(&sample.keys));
            match sample.identical {
                0 => {}
                all if all == duplicates.rows && all > 1 => {
                    facts.push("all are copies in every column".to_owned());
                }
                1 => facts.push("1 is a copy in every column".to_owned()),
                some => facts.push(format!("{} are copies in every column", count(some))),
            }
        }
        Err(cause) => facts.push(format!("which keys they are could not be read: {}", cause.message)),
    }
    match &known.origin {
        Origin::Indexes(indexes) => {
            let names: Vec<String> = indexes.iter().map(|index| ident(&index.name)).collect();
            let some_valid = indexes.iter().any(|index| index.valid);
            facts.push(match (names.as_slice(), some_valid) {
                ([name], true) => {
                    format!("index {name} says unique and does not hold these rows: it is corrupt")
                }
                ([name], false) => format!("index {name} is invalid, and keeps nothing out"),
                (names, true) => format!("indexes {} say unique: at least one is corrupt", list(names)),
                (names, false) => format!("indexes {} are invalid, and keep nothing out", list(names)),
            });
        }
        Origin::Lost => facts.push("the unique key of the baseline is gone".to_owned()),
        Origin::Plan => facts.push("no constraint or index watches over it".to_owned()),
    }
    match were.map(|were| were.rows) {
        Some(0) => facts.push("the baseline had none".to_owned()),
        Some(were) if were >= duplicates.rows => {
            facts.push(format!("the baseline had {}: not of the restore", count(were)));
        }
        Some(were) => facts.push(format!("the baseline had {}", count(were))),
        None => {}
    }
    facts.join(" · ")
}

/// `e.g. (tenant_id, number) (7, 1042)`.
fn examples(keys: &RowKeys) -> Option<String> {
    let shown = keys.shown(SHOWN);
    (!shown.is_empty()).then(|| format!("e.g. {}", shown.join(", ")))
}

impl Payload for DuplicatedRows {
    fn common(&self) -> &Common {
        &self.common
    }

    fn count(&self) -> Option<u64> {
        Some(self.rows)
    }
}

/// A unique key of the baseline that nothing watches over any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct MissingUniqueKey {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The table.
    pub table: QualifiedName,
    /// What it compared: columns, unquoted where they need no quotes, and expressions.
    pub columns: Vec<String>,
    /// The name that the index, and its constraint, had.
    pub index: String,
    /// The constraint or index as SQL, from the baseline.
    pub definition: String,
    /// Whether an index is there still, and is invalid.
    pub invalid: bool,
    /// The columns that are gone with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<String>,
}

impl MissingUniqueKey {
    pub(super) fn new(context: Context<'_>, lost: &Lost<'_>, duplicates: Option<&Duplicates>) -> Self {
        let index = lost.index;
        let what = match index.origin {
            UniqueOrigin::PrimaryKey => "primary key",
            UniqueOrigin::Constraint => "unique constraint",
            UniqueOrigin::Index => "unique index",
        };
        let columns: Vec<String> = index.parts.iter().map(UniquePart::label).collect();
        let state = if lost.invalid.is_some() { "invalid" } else { "gone" };
        let message = format!("{what} {} is {state} ({})", ident(&index.name), columns.join(", "));
        let mut common =
            Common::new(ID, "missing_unique_key", index.relation.to_string(), Severity::Warning, message)
                .qualified(&ident(&index.name));
        if lost.gone.is_empty() {
            common = common.hint(match duplicates {
                Some(duplicates) if duplicates.rows > 0 => {
                    format!("It cannot be built while {} break it.", plural(duplicates.rows, "row"))
                }
                Some(_) => "No row breaks it now, and nothing keeps it so.".to_owned(),
                None if lost.key.is_none() => {
                    "Whether rows break it was not counted: SQL of a baseline is not run.".to_owned()
                }
                None => "Whether rows break it could not be read.".to_owned(),
            });
            if let Some(remedy) = remedies::build(context, lost, duplicates) {
                common = common.remedy(remedy);
            }
        } else {
            let verb = if lost.gone.len() == 1 { "is" } else { "are" };
            common = common.hint(format!("Gone with it {verb} {}.", lost.gone.join(", ")));
        }
        Self {
            common,
            table: index.relation.clone(),
            columns,
            index: index.name.clone(),
            definition: index.definition.clone(),
            invalid: lost.invalid.is_some(),
            gone: lost.gone.clone(),
        }
    }
}

impl Payload for MissingUniqueKey {
    fn common(&self) -> &Common {
        &self.common
    }
}

/// A key of the plan names a table or column that is nowhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct MissingKeyColumns {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The names that stand for nothing, as they are in the plan.
    pub names: Vec<String>,
}

impl MissingKeyColumns {
    pub(super) fn new(nowhere: &Nowhere<'_>) -> Self {
        let verb = if nowhere.names.len() == 1 { "is" } else { "are" };
        let message = format!("the plan names this key, and {} {verb} nowhere", nowhere.names.join(", "));
        Self {
            common: Common::new(
                ID,
                "missing_key_columns",
                nowhere.key.to_string(),
                Severity::Critical,
                message,
            ),
            names: nowhere.names.clone(),
        }
    }
}

impl Payload for MissingKeyColumns {
    fn common(&self) -> &Common {
        &self.common
    }
}
