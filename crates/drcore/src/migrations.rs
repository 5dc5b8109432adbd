//! Migrations of an application: the tools that keep a history of them, their tables, and their files.

pub(crate) mod folder;
mod same;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use same::{text_hash, texts_hash};

use crate::evidence::catalog::{Catalog, Relation};
use crate::evidence::{Cause, CauseKind};
use crate::plan::MigrationDrift;
use crate::sql::QualifiedName;

/// Who applies migrations and keeps the history of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "MigrationTool")]
#[non_exhaustive]
pub enum MigrationTool {
    /// `schema_migrations(version)`, as dbmate and Rails keep it: versions without the text.
    Dbmate,
    /// Drizzle: `drizzle.__drizzle_migrations`.
    Drizzle,
    /// Prisma: `_prisma_migrations`.
    Prisma,
    /// sqlx: `_sqlx_migrations`.
    Sqlx,
    /// Supabase: `supabase_migrations.schema_migrations`.
    Supabase,
}

/// The table of a tool's history, and how a row of it is read.
///
/// Sources: `supabase_migrations` as in supabase/cli pkg/migration/history.go; `_prisma_migrations` as in
/// prisma-engines schema-engine (`checksum` is the SHA-256 of `migration.sql`); `__drizzle_migrations` as in drizzle-orm
/// migrator (`hash` is the SHA-256 of the file, `created_at` the `when` of its journal); `_sqlx_migrations` as in
/// sqlx-core migrate (`checksum` is the SHA-384 of the file).
#[derive(Debug)]
pub(crate) struct HistoryTable {
    /// In which schema the tool makes it, where nobody says otherwise.
    pub(crate) schema: &'static str,
    pub(crate) name: &'static str,
    /// The columns that tell it from others of this name.
    columns: &'static [&'static str],
    /// The column that says which migration a row is.
    pub(crate) version: &'static str,
    /// The column of its name, where it has another.
    pub(crate) named: Option<&'static str>,
    /// What was applied, as SQL of a text; its columns need not be there.
    pub(crate) content: Option<(&'static str, &'static str)>,
    /// Whether it was applied to its end, as SQL.
    pub(crate) finished: &'static str,
    /// Which rows count, as SQL.
    pub(crate) counts: &'static str,
    /// Their order, as SQL.
    pub(crate) order: &'static str,
}

impl MigrationTool {
    pub(crate) const WORDS: &[(&str, Self)] = &[
        ("dbmate", Self::Dbmate),
        ("drizzle", Self::Drizzle),
        ("prisma", Self::Prisma),
        ("sqlx", Self::Sqlx),
        ("supabase", Self::Supabase),
    ];

    /// The name as people write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dbmate => "dbmate",
            Self::Drizzle => "Drizzle",
            Self::Prisma => "Prisma",
            Self::Sqlx => "sqlx",
            Self::Supabase => "Supabase",
        }
    }

    pub(crate) fn table(self) -> &'static HistoryTable {
        match self {
            Self::Dbmate => &HistoryTable {
                schema: "public",
                name: "schema_migrations",
                columns: &["version"],
                version: "version",
                named: None,
                content: None,
                finished: "true",
                counts: "true",
                order: "h.version::pg_catalog.text collate \"C\"",
            },
            Self::Drizzle => &HistoryTable {
                schema: "drizzle",
                name: "__drizzle_migrations",
                columns: &["created_at", "hash"],
                version: "created_at",
                named: None,
                content: Some(("hash", "h.hash::pg_catalog.text")),
                finished: "true",
                counts: "h.created_at is not null",
                order: "h.created_at",
            },
            Self::Prisma => &HistoryTable {
                schema: "public",
                name: "_prisma_migrations",
                columns: &["checksum", "finished_at", "migration_name", "rolled_back_at"],
                version: "migration_name",
                named: None,
                content: Some(("checksum", "h.checksum::pg_catalog.text")),
                finished: "h.finished_at is not null",
                counts: "h.rolled_back_at is null",
                order: "h.migration_name::pg_catalog.text collate \"C\"",
            },
            Self::Sqlx => &HistoryTable {
                schema: "public",
                name: "_sqlx_migrations",
                columns: &["checksum", "description", "success", "version"],
                version: "version",
                named: Some("description"),
                content: Some(("checksum", "pg_catalog.encode(h.checksum, 'hex')")),
                finished: "coalesce(h.success, false)",
                counts: "true",
                order: "h.version",
            },
            Self::Supabase => &HistoryTable {
                schema: "supabase_migrations",
                name: "schema_migrations",
                columns: &["version"],
                version: "version",
                named: Some("name"),
                content: Some(("statements", "pg_catalog.array_to_json(h.statements)::pg_catalog.text")),
                finished: "true",
                counts: "true",
                order: "h.version::pg_catalog.text collate \"C\"",
            },
        }
    }

    /// Where the tool makes its table.
    pub(crate) fn usual(self) -> QualifiedName {
        QualifiedName::new(self.table().schema, self.table().name)
    }

    /// Where the tool's files usually are in a repository.
    pub(crate) fn usual_folder(self) -> &'static str {
        match self {
            Self::Dbmate => "db/migrations",
            Self::Drizzle => "drizzle",
            Self::Prisma => "prisma/migrations",
            Self::Sqlx => "migrations",
            Self::Supabase => "supabase/migrations",
        }
    }

    /// Whether this is such a table.
    fn keeps(self, relation: &Relation, catalog: &Catalog) -> Result<bool, Cause> {
        let table = self.table();
        // What somebody else tells apart by more columns: golang-migrate keeps one row, the last version.
        let is_other = self == Self::Dbmate && catalog.column(&relation.name, "dirty")?.is_some();
        let columns = catalog.columns_of(&relation.name)?;
        let has = |name: &&str| columns.iter().any(|column| column.name == **name);
        Ok(relation.kind.is_table() && !is_other && table.columns.iter().all(has))
    }
}

/// A history that a database has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KnownHistory {
    pub(crate) tool: MigrationTool,
    pub(crate) table: QualifiedName,
}

/// The histories of an application's migrations that the catalog shows, and the one that the plan names.
///
/// # Errors
/// The cause, where relations or columns could not be read, or where the plan's table fits several.
pub(crate) fn histories(
    catalog: &Catalog,
    section: Option<&MigrationDrift>,
) -> Result<Vec<KnownHistory>, Cause> {
    let planned = section.and_then(|section| section.table.as_ref());
    let planned = planned.map(|name| name.resolve(catalog)).transpose()?.flatten();
    let mut found = Vec::new();
    for relation in catalog.relations.get()? {
        let is_planned = planned.is_some_and(|planned| planned.name == relation.name);
        for (_, tool) in MigrationTool::WORDS {
            let table = tool.table();
            let QualifiedName { schema, name } = &relation.name;
            // In its own schema for one tool alone; in a schema of a service for nobody else.
            let is_usual = name == table.name
                && if *tool == MigrationTool::Supabase {
                    schema == table.schema
                } else {
                    !catalog.is_managed(schema)?
                };
            let is_meant =
                is_planned && section.and_then(|section| section.tool).is_none_or(|planned| planned == *tool);
            if (is_usual || is_meant) && tool.keeps(relation, catalog)? {
                found.push(KnownHistory { tool: *tool, table: relation.name.clone() });
                break;
            }
        }
    }
    found.sort_by(|a, b| a.table.cmp(&b.table));
    Ok(found)
}

/// The history that the plan's folder is compared with; it need not be there.
///
/// # Errors
/// The cause, where it cannot be told which it is.
pub(crate) fn planned(catalog: &Catalog, section: &MigrationDrift) -> Result<KnownHistory, Cause> {
    let found = histories(catalog, Some(section))?;
    if let Some(name) = &section.table {
        let table = name.resolve(catalog)?.map(|relation| relation.name.clone());
        if let Some(known) = found.iter().find(|known| Some(&known.table) == table.as_ref()) {
            return Ok(known.clone());
        }
        if let Some(table) = table {
            let what = section.tool.map_or("a tool that is known", MigrationTool::as_str);
            let cause = Cause::new(CauseKind::Unsupported, format!("{table} is not the history of {what}"));
            return Err(cause.hint("Name the tool, or another table."));
        }
        let presumed = name.presumed();
        let of_name = MigrationTool::WORDS.iter().map(|(_, tool)| *tool).find(|tool| {
            tool.table().name == presumed.name
                && (*tool != MigrationTool::Supabase || presumed.schema == tool.table().schema)
        });
        let unknown =
            || Cause::new(CauseKind::Error, format!("there is no table {name}")).hint("Name the tool too.");
        return Ok(KnownHistory { tool: section.tool.or(of_name).ok_or_else(unknown)?, table: presumed });
    }
    let fits: Vec<&KnownHistory> =
        found.iter().filter(|known| section.tool.is_none_or(|tool| tool == known.tool)).collect();
    match (fits.as_slice(), section.tool) {
        ([one], _) => Ok((*one).clone()),
        ([], Some(tool)) => Ok(KnownHistory { tool, table: tool.usual() }),
        ([], None) => {
            let guess = section.folder.as_deref().and_then(folder::tool_of);
            let guess = guess.or(catalog.is_supabase()?.then_some(MigrationTool::Supabase));
            guess.map(|tool| KnownHistory { tool, table: tool.usual() }).ok_or_else(|| {
                Cause::new(CauseKind::Error, "there is no history of a tool that is known")
                    .hint("Name the tool in [migration_drift].")
            })
        }
        (several, _) => {
            let names: Vec<String> = several.iter().map(|known| known.table.to_string()).collect();
            let message = format!("there are several histories: {}", names.join(" and "));
            Err(Cause::new(CauseKind::Ambiguous, message).hint("Name the table in [migration_drift]."))
        }
    }
}

/// Tables in which Supabase's services note their own migrations, with the column that says how far they are.
///
/// Source: migrations of supabase/auth, supabase/storage, supabase/realtime and supabase/postgres as of 2026-08.
pub(crate) const SERVICES: &[(&str, &str, &str)] = &[
    ("auth", "schema_migrations", "version"),
    ("realtime", "schema_migrations", "version"),
    ("storage", "migrations", "id"),
    ("supabase_functions", "migrations", "version"),
];

/// Those of [`SERVICES`] that a database has, with the column.
///
/// # Errors
/// The cause, where relations or columns could not be read.
pub(crate) fn services(catalog: &Catalog) -> Result<Vec<(QualifiedName, &'static str)>, Cause> {
    let mut found = Vec::new();
    if !catalog.is_supabase()? {
        return Ok(found);
    }
    for (schema, name, column) in SERVICES {
        let table = QualifiedName::new(*schema, *name);
        let is_there = catalog.relation(&table)?.is_some_and(|relation| relation.kind.is_table());
        if is_there && catalog.column(&table, column)?.is_some() {
            found.push((table, *column));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_a_word_and_a_table_of_its_own() {
        assert!(MigrationTool::WORDS.is_sorted());
        for (word, tool) in MigrationTool::WORDS {
            assert_eq!(serde_json::to_value(tool).unwrap(), serde_json::json!(word));
            assert!(tool.table().columns.contains(&tool.table().version));
        }
    }
}
