//! As whom roles log in to foreign servers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;

/// As whom a role logs in to a foreign server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "UserMapping")]
#[non_exhaustive]
pub struct UserMapping {
    /// The server, unquoted.
    pub server: String,
    /// The role, unquoted; `public` is everybody.
    pub role: Option<String>,
    /// Its options, where the reader may see them; of what may be a secret only the name.
    pub options: Option<Vec<String>>,
}

impl CatalogFact for UserMapping {
    const SQL: &'static str = include_str!("user_mappings.sql");
}
