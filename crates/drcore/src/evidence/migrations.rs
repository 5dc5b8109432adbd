//! Which migrations were applied, and which files there are: versions, names and hashes, never their text.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fact;
use crate::migrations::MigrationTool;
use crate::sql::QualifiedName;

/// Which migrations were applied, and which files there are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "MigrationFacts")]
#[non_exhaustive]
pub struct MigrationFacts {
    /// Histories that tools keep of what they applied, by table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub histories: BTreeMap<QualifiedName, Fact<MigrationHistory>>,
    /// The files in the plan's folder.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub folder: Fact<MigrationFolder>,
    /// How far Supabase's services are with migrations of their own, by table.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<QualifiedName, Fact<ServiceLevel>>,
}

/// The migrations that a tool applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "MigrationHistory")]
#[non_exhaustive]
pub struct MigrationHistory {
    /// Whose history it is.
    pub tool: MigrationTool,
    /// What was applied, in the tool's order.
    pub applied: Vec<AppliedMigration>,
}

/// A migration that was applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "AppliedMigration")]
#[non_exhaustive]
pub struct AppliedMigration {
    /// By what the tool knows it: a number, or the name of a directory.
    pub version: String,
    /// Its name, where the history holds another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A hash of what was applied, where the history holds that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Whether the history says that it did not come to its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

/// The files of migrations in a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "MigrationFolder")]
#[non_exhaustive]
pub struct MigrationFolder {
    /// The directory, as the plan names it.
    pub path: String,
    /// Whose files they were taken for.
    pub tool: MigrationTool,
    /// The files, in the tool's order.
    pub files: Vec<MigrationFile>,
    /// What looks like migrations, and is none by its name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<String>,
}

/// The file of a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "MigrationFile")]
#[non_exhaustive]
pub struct MigrationFile {
    /// By what the tool knows it.
    pub version: String,
    /// Its name, where the tool has another for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The file, seen from the directory.
    pub file: String,
    /// The hashes that a history may hold of it: one for each kind of line ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<String>,
}

/// How far a service is with its own migrations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ServiceLevel")]
#[non_exhaustive]
pub struct ServiceLevel {
    /// How many it applied.
    pub applied: u64,
    /// The last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

impl MigrationFacts {
    /// Whether nobody asked.
    pub fn is_not_asked(&self) -> bool {
        *self == Self::default()
    }
}
