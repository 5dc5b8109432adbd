//! What users of the API may write of each other's rows, tried by becoming them, and undone.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fact;
use crate::sql::QualifiedName;

/// What was tried to be written as users of the API, each attempt of which was undone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "AttemptedWrites")]
#[non_exhaustive]
pub struct AttemptedWrites {
    /// As whom, by the ids that [`Evidence::isolation`](super::Evidence::isolation) has.
    pub users: BTreeMap<String, WroteAs>,
}

/// What one user of the API, or one without a token, may write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "WroteAs")]
#[non_exhaustive]
pub struct WroteAs {
    /// SHA-256 of the role, the token, the tenants and the column.
    pub sha256: String,
    /// What may be written of each table.
    pub tables: BTreeMap<QualifiedName, Fact<Writes>>,
}

/// What may be written of one table where it should not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Writes")]
#[non_exhaustive]
pub struct Writes {
    /// `UPDATE` of rows of another tenant.
    pub update: WriteOutcome,
    /// `UPDATE` that makes rows of another tenant one's own.
    pub take: WriteOutcome,
    /// `DELETE` of rows of another tenant.
    pub delete: WriteOutcome,
    /// `INSERT` of rows of another tenant.
    pub insert: WriteOutcome,
    /// `UPDATE` that makes one's own rows another tenant's.
    pub give: WriteOutcome,
    /// The ways on which a trigger, a rule or a foreign key may stand besides the policies: none of these was run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guarded: Vec<String>,
    /// The first error that was no refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// What came of trying to write in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "WriteOutcome")]
#[non_exhaustive]
pub enum WriteOutcome {
    /// Policies and privileges let it through.
    Allowed,
    /// They let it through where it has no filter: with one, the policies of `SELECT` hide the row.
    Blind,
    /// It was refused.
    Denied,
    /// It failed, and not by a refusal.
    Failed,
    /// There was no row to try it on.
    NoRow,
    /// It was not tried: a trigger or a rule would have run, or a column may not be given.
    Untried,
}

impl Writes {
    /// Each way, by its name.
    pub(crate) fn ways(&self) -> [(&'static str, WriteOutcome); 5] {
        [
            ("update", self.update),
            ("take", self.take),
            ("delete", self.delete),
            ("insert", self.insert),
            ("give", self.give),
        ]
    }
}
