//! Functions and procedures.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::evidence::acl::Acl;
use crate::sql::ident;

/// A function or procedure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Function")]
#[non_exhaustive]
pub struct Function {
    /// Its schema, unquoted.
    pub schema: String,
    /// Its name, unquoted.
    pub name: String,
    /// The types of its arguments, as SQL.
    pub arguments: String,
    /// `function`, `procedure`, `aggregate` or `window`.
    pub kind: String,
    /// Its owner.
    pub owner: String,
    /// Whether it runs with the rights of its owner.
    pub security_definer: bool,
    /// What it returns, as SQL; nothing for a procedure.
    pub returns: Option<String>,
    /// Settings that hold while it runs, such as `search_path=""`.
    pub config: Vec<String>,
    /// Privileges, the defaults written out.
    pub acl: Acl,
    /// The extension that it belongs to. What follows is left out then.
    pub extension: Option<String>,
    /// The language that it is written in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Its parameters as SQL, with names, modes and defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<String>,
    /// What it returns as SQL, `SETOF` and `TABLE (…)` included; nothing for a procedure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// `immutable`, `stable` or `volatile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volatility: Option<String>,
    /// Whether it is NULL for a NULL argument without being called.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Whether it tells nothing of its arguments, and may run before policies do.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub leakproof: bool,
    /// `safe`, `restricted` or `unsafe`, in parallel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel: Option<String>,
    /// What the planner believes that a call costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    /// How many rows the planner believes that it returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<String>,
    /// The function that advises the planner on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support: Option<String>,
    /// The statement that creates it, body included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
}

impl Function {
    /// Whether both have one name and one list of arguments.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.schema, &self.name, &self.arguments) == (&other.schema, &other.name, &other.arguments)
    }

    /// Whether only triggers can call it.
    pub fn is_trigger(&self) -> bool {
        matches!(self.returns.as_deref(), Some("trigger" | "event_trigger"))
    }

    /// As `regprocedure` writes it: `public.promote(uuid,text)`.
    pub fn signature(&self) -> String {
        format!("{}.{}({})", ident(&self.schema), ident(&self.name), self.arguments.replace(", ", ","))
    }
}

impl CatalogFact for Function {
    const SQL: &'static str = include_str!("functions.sql");
}
