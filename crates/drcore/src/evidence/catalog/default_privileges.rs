//! Default privileges: what is granted on objects as they are created.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::evidence::acl::Acl;

/// What is granted on one kind of object whenever a role creates one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "DefaultPrivilege")]
#[non_exhaustive]
pub struct DefaultPrivilege {
    /// The role that creates the objects, unquoted.
    pub role: String,
    /// The schema that it creates them in, unquoted; everywhere, where none.
    pub schema: Option<String>,
    /// The kind of object.
    pub objects: CreatedObjects,
    /// Privileges. Without a schema they stand in the place of PostgreSQL's own default, with one they add to it.
    pub acl: Acl,
}

/// A kind of object that default privileges are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "CreatedObjects")]
#[non_exhaustive]
pub enum CreatedObjects {
    /// Functions and procedures.
    Functions,
    /// Large objects, from PostgreSQL 18 on.
    LargeObjects,
    /// Schemas.
    Schemas,
    /// Sequences.
    Sequences,
    /// Tables and views.
    Tables,
    /// Types and domains.
    Types,
}

impl CreatedObjects {
    /// The words in `alter default privileges`, and in a sentence.
    pub fn as_sql(self) -> &'static str {
        match self {
            Self::Functions => "functions",
            Self::LargeObjects => "large objects",
            Self::Schemas => "schemas",
            Self::Sequences => "sequences",
            Self::Tables => "tables",
            Self::Types => "types",
        }
    }
}

impl CatalogFact for DefaultPrivilege {
    const SQL: &'static str = include_str!("default_privileges.sql");
}
