//! `[restore]`: what must never be restored over.

use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::node::Node;
use super::reader::{Fields, Reader};
use crate::connect::{is_project_ref, project_of_host};

/// What must never be restored over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "RestoreRules")]
#[non_exhaustive]
pub struct RestoreRules {
    /// Databases that are never restored over, each in full: the ref of a Supabase project, the name of a
    /// host, or `database@system_identifier` as `drcore repair` prints it.
    #[schemars(with = "Vec<String>")]
    pub protect: Vec<Protected>,
}

/// A database that is never restored over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protected {
    /// A Supabase project, by its ref.
    Project(String),
    /// Whatever is reached by this host.
    Host(String),
    /// A database of one cluster.
    Database {
        /// Its name.
        database: String,
        /// The `system_identifier` of the cluster.
        system_identifier: String,
    },
}

impl Protected {
    /// Reads the ref of a project, the name of a host, or `database@system_identifier`.
    ///
    /// # Errors
    /// Says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected the ref of a project (twenty lowercase letters), a host such as \
                                db.example.com, or database@system_identifier";
        if text.contains(['*', '?', '%']) {
            return Err(format!("{EXPECTED}; no wildcards: name each in full"));
        }
        if is_project_ref(text) {
            return Ok(Self::Project(text.to_owned()));
        }
        if let Some((database, identifier)) = text.rsplit_once('@') {
            let is_identifier =
                !identifier.is_empty() && identifier.bytes().all(|byte| byte.is_ascii_digit());
            return if is_identifier && !database.is_empty() {
                Ok(Self::Database { database: database.to_owned(), system_identifier: identifier.to_owned() })
            } else {
                Err(EXPECTED.to_owned())
            };
        }
        let host = text.trim_end_matches('.').to_ascii_lowercase();
        let is_host = host.contains(['.', ':'])
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'_'));
        match project_of_host(&host) {
            _ if !is_host => Err(EXPECTED.to_owned()),
            Ok(Some(project)) => Ok(Self::Project(project)),
            Ok(None) => Ok(Self::Host(host)),
            Err(()) => Err("this host is many projects': name the project's ref".to_owned()),
        }
    }
}

impl fmt::Display for Protected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(name) | Self::Host(name) => f.write_str(name),
            Self::Database { database, system_identifier } => write!(f, "{database}@{system_identifier}"),
        }
    }
}

impl Serialize for Protected {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl RestoreRules {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        if fields.entries().is_empty() {
            return fields.wrong(reader, "this section is empty; allowed: protect");
        }
        let protect = fields
            .optional(reader, "protect", |reader, node, path| reader.some(node, path, Self::read_protected));
        fields.finish(reader);
        Some(Self { protect: protect.unwrap_or_default() })
    }

    fn read_protected(reader: &mut Reader, node: &Node, path: &str) -> Option<Protected> {
        let text = reader.string(node, path)?;
        Protected::parse(&text).map_or_else(|message| reader.wrong(node, path, message), Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;

    #[test]
    fn what_is_protected_is_named_in_full() {
        let plan = Plan::from_toml(
            "[restore]\nprotect = [\"mlwfgytjxlqyfxcgpysm\", \"app@7412345678901234567\", \"DB.example.com\", \
             \"db.abcdefghijklmnopqrst.supabase.co\"]\n",
        )
        .unwrap();
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        assert_eq!(
            plan.restore.unwrap().protect,
            [
                Protected::Project("mlwfgytjxlqyfxcgpysm".to_owned()),
                Protected::Database {
                    database: "app".to_owned(),
                    system_identifier: "7412345678901234567".to_owned()
                },
                Protected::Host("db.example.com".to_owned()),
                Protected::Project("abcdefghijklmnopqrst".to_owned()),
            ]
        );
        for (text, needle) in [
            ("[restore]\n", "this section is empty"),
            ("[restore]\nprotekt = [\"a\"]\n", "did you mean protect?"),
            ("[restore]\nprotect = []\n", "expects nothing"),
            ("[restore]\nprotect = [\"mlwf*\"]\n", "no wildcards"),
            ("[restore]\nprotect = [\"%\"]\n", "no wildcards"),
            ("[restore]\nprotect = [\"prod\"]\n", "twenty lowercase letters"),
            ("[restore]\nprotect = [\"app@\"]\n", "database@system_identifier"),
            ("[restore]\nprotect = [\"@741\"]\n", "database@system_identifier"),
            ("[restore]\nprotect = [\"aws-0-eu-west-1.pooler.supabase.com\"]\n", "many projects'"),
        ] {
            let error = Plan::from_toml(text).unwrap_err();
            let detail = error.detail_text().unwrap();
            assert!(detail.contains(needle), "{text}: {detail}");
        }
    }
}
