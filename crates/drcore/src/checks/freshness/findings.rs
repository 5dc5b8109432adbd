//! What `freshness` finds.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Examined, ID, instant};
use crate::finding::{Common, Payload, Severity};
use crate::plan::{ColumnName, Span};
use crate::sql::{QualifiedName, ident};
use crate::text::length;

/// A column, as findings speak of it.
pub(super) struct Column {
    pub(super) name: String,
    query: String,
    zoneless: bool,
}

impl Column {
    pub(super) fn new((table, column): &(QualifiedName, String), examined: Examined) -> Self {
        let column = ident(column);
        Self {
            query: format!("select max({column}) from {table}"),
            name: format!("{table}.{column}"),
            zoneless: examined.zoneless,
        }
    }

    fn common(&self, kind: &str, severity: Severity, message: String) -> Common {
        Common::new(ID, kind, self.name.clone(), severity, message).query(self.query.clone())
    }
}

macro_rules! payload {
    ($($type:ty),*) => {
        $(impl Payload for $type {
            fn common(&self) -> &Common {
                &self.common
            }
        })*
    };
}

payload!(AchievedRpo, MissingColumn, NewerThanBaseline, NewerThanTarget, NoRows, RpoMissed, StaleData);

/// How long before the restore target the newest row of all was written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct AchievedRpo {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// When the newest row was written.
    pub newest: Timestamp,
    /// The column that says so.
    pub column: String,
    /// The restore target.
    pub target: Timestamp,
    /// From the newest row to the target.
    pub lost_seconds: u64,
}

impl AchievedRpo {
    pub(super) fn new(newest: Timestamp, column: &str, target: Timestamp) -> Self {
        let lost_seconds = seconds(newest, target);
        let message = format!(
            "the newest row is of {}, {} before the target {}",
            instant(newest),
            length(lost_seconds),
            instant(target)
        );
        let common = Common::new(ID, "achieved_rpo", "database", Severity::Info, message);
        Self { common, newest, column: column.to_owned(), target, lost_seconds }
    }
}

/// A timestamp column that the plan or the baseline names is nowhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct MissingColumn {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
}

impl MissingColumn {
    pub(super) fn planned(name: &ColumnName) -> Self {
        let object = format!("{}.{}", name.table.presumed(), ident(name.column_text()));
        let message = "the plan names this column, and it is nowhere";
        Self { common: Common::new(ID, "missing_column", object, Severity::Critical, message) }
    }

    pub(super) fn lost(table: &QualifiedName, column: &str) -> Self {
        let object = format!("{table}.{}", ident(column));
        let message = "the column is gone, was there";
        Self { common: Common::new(ID, "missing_column", object, Severity::Warning, message) }
    }
}

/// Rows were written after the baseline was taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct NewerThanBaseline {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The newest instant.
    pub newest: Timestamp,
    /// The newest instant in the baseline.
    pub was: Timestamp,
}

impl NewerThanBaseline {
    pub(super) fn new(column: &Column, newest: Timestamp, was: Timestamp) -> Self {
        let message = format!("the newest is of {}, was {}", instant(newest), instant(was));
        Self { common: column.common("newer_than_baseline", Severity::Info, message), newest, was }
    }
}

/// Rows are newer than the instant that was restored to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct NewerThanTarget {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The newest instant.
    pub newest: Timestamp,
    /// The restore target.
    pub target: Timestamp,
    /// By how much it is newer.
    pub newer_seconds: u64,
}

impl NewerThanTarget {
    pub(super) fn new(column: &Column, newest: Timestamp, target: Timestamp) -> Self {
        let newer_seconds = seconds(target, newest);
        let message = format!(
            "the newest is of {}, {} after the target {}",
            instant(newest),
            length(newer_seconds),
            instant(target)
        );
        let hint = if column.zoneless {
            "Another restore point, writes since, or local times: the column has no time zone and was taken as UTC."
        } else {
            "The restore stopped at another instant, or rows were written since."
        };
        let common = column.common("newer_than_target", Severity::Warning, message).hint(hint);
        Self { common, newest, target, newer_seconds }
    }
}

/// A table that should have a newest row has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct NoRows {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The newest instant in the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Timestamp>,
}

impl NoRows {
    pub(super) fn new(column: &Column, was: Option<Timestamp>) -> Self {
        let message = match was {
            Some(was) => format!("no row has a value, the newest was of {}", instant(was)),
            None => "no row has a value, and the plan names this column".to_owned(),
        };
        Self { common: column.common("no_rows", Severity::Warning, message), was }
    }
}

/// More of the last writes is lost than the plan allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct RpoMissed {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// When the newest row of all was written.
    pub newest: Timestamp,
    /// The column that says so.
    pub column: String,
    /// From the newest row to the target, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_seconds: Option<u64>,
}

impl RpoMissed {
    pub(super) fn new(newest: Timestamp, column: &str, target: Option<Timestamp>, rpo: Span) -> Self {
        let lost_seconds = target.map(|target| seconds(newest, target));
        let before = match target.zip(lost_seconds) {
            Some((target, lost)) => format!("{} before the target {}", length(lost), instant(target)),
            // The instant of reading differs from run to run, and a finding must not.
            None => "longer than that before the database was read".to_owned(),
        };
        let message =
            format!("the newest row of all is of {}, {before}; planned at most {rpo}", instant(newest));
        let common = Common::new(ID, "rpo_missed", "database", Severity::Warning, message);
        Self { common, newest, column: column.to_owned(), lost_seconds }
    }
}

/// The newest rows that were there when the baseline was taken are gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct StaleData {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The newest instant.
    pub newest: Timestamp,
    /// The newest instant in the baseline.
    pub was: Timestamp,
    /// From the one to the other.
    pub lost_seconds: u64,
}

impl StaleData {
    pub(super) fn new(column: &Column, newest: Timestamp, was: Timestamp) -> Self {
        let lost_seconds = seconds(newest, was);
        let message = format!(
            "the newest is of {}, was {}: the last {} are gone",
            instant(newest),
            instant(was),
            length(lost_seconds)
        );
        Self { common: column.common("stale_data", Severity::Warning, message), newest, was, lost_seconds }
    }
}

fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or(0)
}
