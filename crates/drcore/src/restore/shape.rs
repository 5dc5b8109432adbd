//! What a database that is restored into has already.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::connect::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::catalog::SUPABASE_SCHEMAS;
use crate::restore::scratch::STUB;
use crate::sql::{QualifiedName, literal};

/// What a database has already, and what the role may do to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Shape {
    pub(crate) superuser: bool,
    /// The schemas that are here and the platform's.
    pub(crate) platform: BTreeSet<String>,
    pub(crate) schemas: BTreeSet<String>,
    pub(crate) roles: BTreeSet<String>,
    /// Whose objects the role may make, alter and give away.
    pub(crate) member_of: BTreeSet<String>,
    pub(crate) installed: BTreeSet<String>,
    pub(crate) available: BTreeSet<String>,
    pub(crate) publications: BTreeSet<String>,
    pub(crate) event_triggers: BTreeSet<String>,
    /// Schema and name, as an archive calls them.
    pub(crate) platform_objects: BTreeSet<(String, String)>,
    pub(crate) tables: Vec<PlatformTable>,
}

/// A table of the platform, into which rows are loaded.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlatformTable {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// Those that can be written.
    pub(crate) columns: Vec<String>,
    /// The tables that it refers to, schema and name.
    pub(crate) parents: Vec<(String, String)>,
    pub(crate) policies: Vec<String>,
    pub(crate) triggers: Vec<String>,
    pub(crate) writable: bool,
}

impl PlatformTable {
    pub(crate) fn qualified_name(&self) -> QualifiedName {
        QualifiedName::new(&self.schema, &self.name)
    }
}

impl Shape {
    pub(crate) async fn load(session: &Session) -> Result<Self> {
        let platform: Vec<String> = SUPABASE_SCHEMAS.iter().map(|schema| literal(schema)).collect();
        let sql = include_str!("target/shape.sql")
            .replace("$platform", &format!("array[{}]", platform.join(", ")))
            .replace("$stub", &literal(STUB));
        let answer = session
            .simple(&format!("select pg_catalog.to_json(f)::pg_catalog.text from (\n{sql}\n) f"))
            .await?;
        let text = answer.into_iter().flatten().flatten().flatten().next().unwrap_or_default();
        serde_json::from_str(&text).map_err(|error| {
            Error::new(
                ErrorKind::Unsupported,
                "the server described what it has in a way that was not understood",
            )
            .caused_by(error)
        })
    }

    /// What it is like without these: a kind, and names from the outside in.
    pub(crate) fn lose(&mut self, gone: &[Vec<String>]) {
        for gone in gone {
            match gone.iter().map(String::as_str).collect::<Vec<_>>()[..] {
                ["schema", name] => self.schemas.retain(|known| known != name),
                ["extension", name] => self.installed.retain(|known| known != name),
                ["publication", name] => self.publications.retain(|known| known != name),
                ["event trigger", name] => self.event_triggers.retain(|known| known != name),
                [kind @ ("policy" | "trigger"), schema, table, name] => {
                    for known in &mut self.tables {
                        if known.schema == schema && known.name == table {
                            let names =
                                if kind == "policy" { &mut known.policies } else { &mut known.triggers };
                            names.retain(|known| known != name);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether a schema is the platform's, and here: what an archive brings of it is not simply restored.
    pub(crate) fn is_platform(&self, schema: &str) -> bool {
        self.platform.contains(schema)
    }

    /// Whether it is a Supabase project.
    pub(crate) fn is_supabase(&self) -> bool {
        self.table("auth", "users").is_some() && self.table("storage", "objects").is_some()
    }

    pub(crate) fn table(&self, schema: &str, name: &str) -> Option<&PlatformTable> {
        self.tables.iter().find(|table| table.schema == schema && table.name == name)
    }

    pub(crate) fn has_platform_object(&self, schema: &str, name: &str) -> bool {
        self.platform_objects.contains(&(schema.to_owned(), name.to_owned()))
    }
}
