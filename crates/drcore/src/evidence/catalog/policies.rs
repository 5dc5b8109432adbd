//! Row level security policies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::sql::{QualifiedName, ident};

/// A row level security policy. Expressions are the server's text under an empty `search_path`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Policy")]
#[non_exhaustive]
pub struct Policy {
    /// The table that it is on.
    pub relation: QualifiedName,
    /// Its name, unquoted.
    pub name: String,
    /// The command that it is for.
    pub command: PolicyCommand,
    /// Whether it adds to what other policies allow (permissive) or takes away (restrictive).
    pub permissive: bool,
    /// The roles that it is for; `public` is everybody.
    pub roles: Vec<String>,
    /// USING: which rows are seen.
    pub using: Option<String>,
    /// WITH CHECK: which rows may be written.
    pub check: Option<String>,
}

/// The command that a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "PolicyCommand")]
pub enum PolicyCommand {
    /// All of them.
    All,
    /// DELETE.
    Delete,
    /// INSERT.
    Insert,
    /// SELECT.
    Select,
    /// UPDATE.
    Update,
}

impl PolicyCommand {
    /// The word in SQL.
    pub fn as_sql(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Delete => "delete",
            Self::Insert => "insert",
            Self::Select => "select",
            Self::Update => "update",
        }
    }

    /// The commands that it stands for, one by one.
    pub fn each(self) -> &'static [Self] {
        match self {
            Self::All => &[Self::Delete, Self::Insert, Self::Select, Self::Update],
            Self::Delete => &[Self::Delete],
            Self::Insert => &[Self::Insert],
            Self::Select => &[Self::Select],
            Self::Update => &[Self::Update],
        }
    }

    /// The privilege that it needs besides, as PostgreSQL's letter.
    pub fn privilege(self) -> char {
        match self {
            Self::Delete => 'd',
            Self::Insert => 'a',
            Self::All | Self::Select => 'r',
            Self::Update => 'w',
        }
    }
}

impl Policy {
    /// The statement that creates it.
    pub fn to_create_sql(&self) -> String {
        let mut sql = format!("create policy {} on {}", ident(&self.name), self.relation);
        if !self.permissive {
            sql.push_str(" as restrictive");
        }
        sql.push_str(" for ");
        sql.push_str(self.command.as_sql());
        let roles: Vec<String> = self.roles.iter().map(|role| ident(role)).collect();
        sql.push_str(" to ");
        sql.push_str(&roles.join(", "));
        if let Some(using) = &self.using {
            sql.push_str(&format!(" using ({using})"));
        }
        if let Some(check) = &self.check {
            sql.push_str(&format!(" with check ({check})"));
        }
        sql
    }

    /// The statement that drops it.
    pub fn to_drop_sql(&self) -> String {
        format!("drop policy {} on {}", ident(&self.name), self.relation)
    }
}

impl CatalogFact for Policy {
    const SQL: &'static str = include_str!("policies.sql");
}
