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
    /// The extension that it belongs to.
    pub extension: Option<String>,
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
