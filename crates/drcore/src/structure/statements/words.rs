//! Comments, labels and settings.

use crate::evidence::Evidence;
use crate::evidence::catalog::{Comment, SecurityLabel, Setting};
use crate::sql::{ident, literal};

impl Comment {
    /// The statement that makes it; none for what comments are not made on in SQL.
    pub(super) fn to_sql(&self) -> Option<String> {
        Some(format!(
            "comment on {} is {}",
            commented(&self.kind, &self.object)?,
            literal(&self.comment).trim_start()
        ))
    }

    /// The statement that removes it.
    pub(super) fn to_drop_sql(&self) -> Option<String> {
        Some(format!("comment on {} is null", commented(&self.kind, &self.object)?))
    }
}

impl SecurityLabel {
    pub(super) fn to_sql(&self) -> String {
        let object =
            commented(&self.kind, &self.object).unwrap_or_else(|| format!("{} {}", self.kind, self.object));
        format!(
            "security label for {} on {object} is {}",
            ident(&self.provider),
            literal(&self.label).trim_start()
        )
    }
}

/// What stands after ON, from the words of `pg_identify_object`.
fn commented(kind: &str, object: &str) -> Option<String> {
    let word = match kind {
        "table column"
        | "view column"
        | "materialized view column"
        | "foreign table column"
        | "composite type column" => "column",
        "table constraint" => "constraint",
        "domain constraint" => {
            let (name, domain) = object.split_once(" on ")?;
            return Some(format!("constraint {name} on domain {domain}"));
        }
        "composite type" => "type",
        "foreign-data wrapper" => "foreign data wrapper",
        "statistics object" => "statistics",
        "transform" => {
            return Some(format!("transform {}", object.replace(" on language ", " language ")));
        }
        "database" => return None,
        other => other,
    };
    Some(format!("{word} {object}"))
}

/// Settings that are lists of names, each quoted by itself.
///
/// Source: the settings with `GUC_LIST_QUOTE` in PostgreSQL's `src/backend/utils/misc/guc_tables.c`.
const LISTS: &[&str] = &[
    "local_preload_libraries",
    "restrict_nonsystem_relation_kind",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

impl Setting {
    /// The statement that sets it; none where the name of the database is not known.
    pub(super) fn to_sql(&self, now: &Evidence) -> Option<String> {
        let value = if LISTS.contains(&self.name.as_str()) {
            let names = crate::structure::names_of_list(&self.value);
            names.iter().map(|name| literal(name)).collect::<Vec<_>>().join(", ")
        } else {
            literal(&self.value).trim_start().to_owned()
        };
        Some(format!("alter {} set {} to {value}", self.of(now)?, ident(&self.name)))
    }

    /// The statement that removes it.
    pub(super) fn to_drop_sql(&self, now: &Evidence) -> Option<String> {
        Some(format!("alter {} reset {}", self.of(now)?, ident(&self.name)))
    }

    fn of(&self, now: &Evidence) -> Option<String> {
        let database = || now.run.server.as_ref().map(|server| ident(&server.database));
        Some(match (&self.role, self.this_database) {
            (None, true) => format!("database {}", database()?),
            (None, false) => "role all".to_owned(),
            (Some(role), true) => format!("role {} in database {}", ident(role), database()?),
            (Some(role), false) => format!("role {}", ident(role)),
        })
    }
}
