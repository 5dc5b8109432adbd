//! What puts a finding right: reviewable SQL, classed by what it can break.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::is_redacted;

/// What applying a remedy can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "RemedyClass")]
#[non_exhaustive]
pub enum RemedyClass {
    /// Loses no row and takes nobody's rightful access.
    Safe,
    /// May make the application see less than it should (row level security on without its policies).
    AvailabilityRisk,
    /// Deletes or overwrites rows.
    Destructive,
}

impl RemedyClass {
    /// What it is called on screens: `safe`, `outage risk`, `destroys rows`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::AvailabilityRisk => "outage risk",
            Self::Destructive => "destroys rows",
        }
    }
}

/// What puts a finding right. Printed by default; applied only through a guarded target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(title = "Remedy")]
#[non_exhaustive]
pub enum Remedy {
    /// These statements, in this order, in one transaction.
    #[schemars(title = "RemedySql")]
    Sql(Statements),
    /// One of several, and a person must say which.
    #[schemars(title = "RemedyChoose")]
    Choose(Choose),
}

/// SQL statements and what they can break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct Statements {
    /// What applying them can break.
    pub class: RemedyClass,
    /// The statements, in order.
    pub statements: Vec<String>,
    /// What a reviewer should know, such as that text comes from a baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Several ways, of which a person chooses one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct Choose {
    /// The ways.
    pub choices: Vec<Choice>,
}

/// One of several ways.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Choice")]
#[non_exhaustive]
pub struct Choice {
    /// The word that chooses it, such as `delete`.
    pub name: String,
    /// What it does, in a few words.
    pub summary: String,
    /// What applying it can break.
    pub class: RemedyClass,
    /// The statements, in order; empty where only other data can help.
    pub statements: Vec<String>,
}

impl Choice {
    /// A way called `name`.
    pub fn new(name: &str, summary: impl Into<String>, class: RemedyClass, statements: Vec<String>) -> Self {
        Self { name: name.to_owned(), summary: summary.into(), class, statements }
    }
}

impl Remedy {
    /// Statements of this class.
    pub fn sql(class: RemedyClass, statements: impl IntoIterator<Item = String>) -> Self {
        Self::Sql(Statements { class, statements: statements.into_iter().collect(), note: None })
    }

    /// One of these.
    pub fn choose(choices: Vec<Choice>) -> Self {
        Self::Choose(Choose { choices })
    }

    /// Whether a statement holds the hash of a secret in the secret's place.
    pub(crate) fn is_redacted(&self) -> bool {
        let redacted = |statements: &[String]| statements.iter().any(|sql| is_redacted(sql));
        match self {
            Self::Sql(sql) => redacted(&sql.statements),
            Self::Choose(choose) => choose.choices.iter().any(|choice| redacted(&choice.statements)),
        }
    }

    /// Adds what a reviewer should know.
    #[must_use]
    pub fn with_note(mut self, text: impl Into<String>) -> Self {
        if let Self::Sql(statements) = &mut self {
            statements.note = Some(text.into());
        }
        self
    }
}
