//! What reading the tables themselves showed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fact, NamedObjects, Spread, TableParts, UnnamedByBucket};
use crate::content::Content;
use crate::diff::ChangedColumn;
use crate::sql::QualifiedName;

/// What reading the tables themselves showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Scans")]
#[non_exhaustive]
pub struct Scans {
    /// By table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: BTreeMap<QualifiedName, TableScan>,
    /// What some of the blocks of large tables hold, where a shard read only these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts: BTreeMap<QualifiedName, Fact<TableParts>>,
    /// Rows whose parent is missing, by [`Reference::key`](crate::reference::Reference::key).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub orphans: BTreeMap<String, Fact<Orphans>>,
    /// Who they are, by the same key; asked for only where there are some.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub orphan_samples: BTreeMap<String, Fact<OrphanSample>>,
    /// Rows whose key another row has, by [`UniqueKey::key`](crate::unique::UniqueKey::key).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub duplicates: BTreeMap<String, Fact<Duplicates>>,
    /// Which keys these are, by the same name; asked for only where there are some.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub duplicate_samples: BTreeMap<String, Fact<DuplicateSample>>,
    /// Which rows differed from those of a live source, once what was written meanwhile had settled; only where
    /// the content did.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub located: BTreeMap<QualifiedName, LocatedRows>,
    /// Where each sequence stands.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sequences: BTreeMap<QualifiedName, Fact<SequenceState>>,
    /// The objects of Supabase Storage that columns of the application name, by column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub named_objects: BTreeMap<String, Fact<NamedObjects>>,
    /// The objects that none of them names, by bucket.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub unnamed_objects: Fact<UnnamedByBucket>,
}

/// Which rows of a table differ from those of a live source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "LocatedRows")]
#[non_exhaustive]
pub struct LocatedRows {
    /// How many rows only the source has.
    pub missing: u64,
    /// How many rows the source does not have.
    pub extra: u64,
    /// How many rows have the same key and hold something else.
    pub changed: u64,
    /// How many rows differed at first and did not when they were read again.
    pub settled: u64,
    /// How many rows differed at each reading, and another way each time.
    pub in_motion: u64,
    /// In how many of the changed rows each column differs.
    pub changed_columns: Vec<ChangedColumn>,
    /// Keys of some of the rows that only the source has.
    pub missing_keys: RowKeys,
    /// Keys of some of the rows that the source does not have.
    pub extra_keys: RowKeys,
    /// Keys of some of the rows that hold something else.
    pub changed_keys: RowKeys,
}

/// What one pass over a table showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "TableScan")]
#[non_exhaustive]
pub struct TableScan {
    /// The exact number of rows: with its partitions for a partitioned table,
    /// without its children for plain inheritance.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub rows: Fact<u64>,
    /// What the rows hold.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub content: Fact<Content>,
    /// Smallest and largest value, by column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extremes: BTreeMap<String, Fact<Extremes>>,
    /// Rows that were created after an instant, by the column that says so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub recent: BTreeMap<String, Fact<Recent>>,
    /// How many rows each tenant and each hour has.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub spread: Fact<Spread>,
}

/// How many rows of a table were created after an instant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Recent")]
#[non_exhaustive]
pub struct Recent {
    /// How many: exact.
    pub rows: u64,
    /// How many rows do not say when they were created.
    pub undated: u64,
    /// How many each tenant has: the thousand with the most.
    pub tenants: Vec<TenantRows>,
    /// How many tenants have any.
    pub tenants_total: u64,
    /// How many each hour has: the first two thousand hours that have any.
    pub hours: Vec<HourRows>,
    /// How many hours have any.
    pub hours_total: u64,
}

/// How many rows a tenant has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "TenantRows")]
#[non_exhaustive]
pub struct TenantRows {
    /// The tenant; none for rows that belong to none.
    pub tenant: Option<String>,
    /// How many rows.
    pub rows: u64,
}

impl TenantRows {
    /// So many rows of this tenant.
    pub fn new(tenant: Option<String>, rows: u64) -> Self {
        Self { tenant, rows }
    }
}

/// How many rows are of an hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "HourRows")]
#[non_exhaustive]
pub struct HourRows {
    /// Its beginning, in UTC.
    pub hour: Timestamp,
    /// How many rows.
    pub rows: u64,
}

impl HourRows {
    /// So many rows in the hour that begins then.
    pub fn new(hour: Timestamp, rows: u64) -> Self {
        Self { hour, rows }
    }
}

/// Smallest and largest value of a column. Infinite timestamps do not count.
///
/// Integers are decimal text; timestamps and dates are RFC 3339 in UTC, those
/// without a time zone being taken as UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Extremes")]
#[non_exhaustive]
pub struct Extremes {
    /// The smallest, or none where every row is NULL.
    pub min: Option<String>,
    /// The largest, or none where every row is NULL.
    pub max: Option<String>,
}

impl Extremes {
    /// These two.
    pub fn new(min: Option<String>, max: Option<String>) -> Self {
        Self { min, max }
    }
}

/// How many rows of a child table have no parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Orphans")]
#[non_exhaustive]
pub struct Orphans {
    /// Rows whose whole key is there and whose parent is not.
    pub rows: u64,
    /// Rows that break MATCH FULL: some columns of the key NULL, others not.
    #[serde(default)]
    pub half_null: u64,
}

impl Orphans {
    /// These counts.
    pub fn new(rows: u64, half_null: u64) -> Self {
        Self { rows, half_null }
    }
}

/// Who the orphans are: a bounded sample, and how many each tenant has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "OrphanSample")]
#[non_exhaustive]
pub struct OrphanSample {
    /// Primary keys of some of them.
    pub keys: RowKeys,
    /// How many orphans each tenant has: the worst hundred.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: BTreeMap<String, u64>,
    /// How many tenants have any; none where rows of this table belong to no tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants_total: Option<u64>,
    /// How many distinct parents are missing.
    pub missing_parents: u64,
}

/// Primary keys of a few rows. Text keys are masked: `INV-…(8f3a)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "RowKeys")]
#[non_exhaustive]
pub struct RowKeys {
    /// The columns of the key; empty where the table has none.
    pub columns: Vec<String>,
    /// One list of values a row.
    pub rows: Vec<Vec<Option<String>>>,
}

/// How many rows have a key that another row has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Duplicates")]
#[non_exhaustive]
pub struct Duplicates {
    /// How many keys stand in several rows.
    pub keys: u64,
    /// How many rows are too many: those beyond the first of each key.
    pub rows: u64,
}

impl Duplicates {
    /// These counts.
    pub fn new(keys: u64, rows: u64) -> Self {
        Self { keys, rows }
    }
}

/// Which keys stand in several rows: a bounded sample, and whose rows they are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "DuplicateSample")]
#[non_exhaustive]
pub struct DuplicateSample {
    /// Some of the keys, those with the most rows first.
    pub keys: RowKeys,
    /// How many of the rows that are too many are, in every column, as another one of them or as the first.
    pub identical: u64,
    /// How many rows too many each tenant has: the worst hundred.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: BTreeMap<String, u64>,
    /// How many tenants have any; none where rows of this table belong to no tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants_total: Option<u64>,
}

impl RowKeys {
    /// The first of them for people, as `7`, or `(7, 1042)` where there are several columns.
    pub(crate) fn shown(&self, most: usize) -> Vec<String> {
        let keys = self.rows.iter().take(most).map(|row| {
            let values: Vec<&str> = row.iter().map(|value| value.as_deref().unwrap_or("NULL")).collect();
            match values.as_slice() {
                [one] => (*one).to_owned(),
                several => format!("({})", several.join(", ")),
            }
        });
        keys.collect()
    }
}

/// Where a sequence stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "SequenceState")]
#[non_exhaustive]
pub struct SequenceState {
    /// `last_value`.
    #[serde(with = "crate::wire::decimal")]
    #[schemars(with = "String")]
    pub last_value: i64,
    /// `is_called`: whether `last_value` has been handed out.
    pub is_called: bool,
}

impl SequenceState {
    /// A sequence that stands there.
    pub fn new(last_value: i64, is_called: bool) -> Self {
        Self { last_value, is_called }
    }
}
