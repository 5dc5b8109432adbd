//! Histories of migrations, and the files that they are compared with.

use super::CollectOptions;
use super::answer::{not_understood, number};
use super::stop::Stop;
use crate::connect::Rows;
use crate::error::{Error, ErrorKind};
use crate::evidence::catalog::Catalog;
use crate::evidence::{
    AppliedMigration, Cause, Evidence, Fact, MigrationFacts, MigrationHistory, ServiceLevel,
};
use crate::migrations::{self, KnownHistory, MigrationTool, folder, texts_hash};
use crate::sql::{QualifiedName, quote};

/// A table that says which migrations were applied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum MigrationQuestion {
    /// A tool's history.
    History {
        /// Whose it is.
        tool: MigrationTool,
        /// The table.
        table: QualifiedName,
    },
    /// How far one of Supabase's services is.
    Service {
        /// The table.
        table: QualifiedName,
        /// The column that says how far.
        column: &'static str,
    },
}

impl MigrationQuestion {
    /// Whether there is an answer, be it that it could not be read.
    pub(super) fn is_answered(&self, facts: &MigrationFacts) -> bool {
        match self {
            Self::History { table, .. } => facts.histories.contains_key(table),
            Self::Service { table, .. } => facts.services.contains_key(table),
        }
    }

    pub(super) fn table(&self) -> &QualifiedName {
        match self {
            Self::History { table, .. } | Self::Service { table, .. } => table,
        }
    }
}

/// One statement that answers a question.
#[derive(Clone, Debug)]
pub(super) struct MigrationJob {
    pub(super) question: MigrationQuestion,
    pub(super) sql: String,
}

impl MigrationJob {
    pub(super) fn new(question: MigrationQuestion, catalog: &Catalog) -> Self {
        let sql = match &question {
            MigrationQuestion::History { tool, table } => history_sql(*tool, table, catalog),
            MigrationQuestion::Service { table, column } => service_sql(table, column, catalog),
        };
        Self { question, sql }
    }

    pub(super) fn keep(&self, answer: Result<Rows, Cause>, facts: &mut MigrationFacts) {
        match &self.question {
            MigrationQuestion::History { tool, table } => {
                let fact = answer.and_then(|rows| history(*tool, &rows));
                facts.histories.insert(table.clone(), fact.into());
            }
            MigrationQuestion::Service { table, .. } => {
                let fact = answer.and_then(|rows| level(&rows));
                facts.services.insert(table.clone(), fact.into());
            }
        }
    }
}

fn has(catalog: &Catalog, table: &QualifiedName, column: &str) -> bool {
    matches!(catalog.column(table, column), Ok(Some(_)))
}

/// Columns came with versions of the tools, and others add their own: none is read by its place.
fn history_sql(tool: MigrationTool, table: &QualifiedName, catalog: &Catalog) -> String {
    let shape = tool.table();
    let named = shape.named.filter(|name| has(catalog, table, name));
    let named = named.map_or_else(|| "null".to_owned(), |name| format!("h.{}::pg_catalog.text", quote(name)));
    let content = shape.content.filter(|(column, _)| has(catalog, table, column));
    let content = content.map_or("null", |(_, sql)| sql);
    format!(
        "select h.{}::pg_catalog.text, {named}, {content}, ({})::pg_catalog.text from {} h where {} order by {}",
        quote(shape.version),
        shape.finished,
        table.to_sql(),
        shape.counts,
        shape.order,
    )
}

fn service_sql(table: &QualifiedName, column: &str, catalog: &Catalog) -> String {
    let of = catalog.column(table, column).ok().flatten().map(crate::evidence::catalog::Column::plain_type);
    let is_number = matches!(of, Some("bigint" | "integer" | "smallint" | "numeric"));
    let last = if is_number {
        format!("pg_catalog.max({})::pg_catalog.text", quote(column))
    } else {
        format!("pg_catalog.max({}::pg_catalog.text collate \"C\")", quote(column))
    };
    format!("select pg_catalog.count(*), {last} from {}", table.to_sql())
}

fn history(tool: MigrationTool, rows: &Rows) -> Result<MigrationHistory, Cause> {
    let applied = rows.iter().map(|row| match row.as_slice() {
        [Some(version), name, content, Some(finished)] => Ok(AppliedMigration {
            version: version.clone(),
            name: name.clone().filter(|name| !name.is_empty()),
            content: content.as_deref().map(|content| hash(tool, content)).transpose()?,
            failed: finished != "true",
        }),
        _ => Err(not_understood()),
    });
    Ok(MigrationHistory { tool, applied: applied.collect::<Result<_, _>>()? })
}

/// What the history holds of what was applied, as a hash: the text may hold what nobody should keep twice.
fn hash(tool: MigrationTool, content: &str) -> Result<String, Cause> {
    if tool != MigrationTool::Supabase {
        return Ok(content.to_ascii_lowercase());
    }
    let statements: Vec<Option<String>> = serde_json::from_str(content).map_err(|_| not_understood())?;
    Ok(texts_hash(statements.iter().flatten().map(String::as_bytes)))
}

fn level(rows: &Rows) -> Result<ServiceLevel, Cause> {
    match rows.as_slice() {
        [row] => match row.as_slice() {
            [applied, last] => Ok(ServiceLevel { applied: number(applied.as_deref())?, last: last.clone() }),
            _ => Err(not_understood()),
        },
        _ => Err(not_understood()),
    }
}

/// Reads the files in the plan's folder, where the catalog says whose they are.
pub(super) async fn read_folder(options: &CollectOptions, stop: &Stop, evidence: &mut Evidence) {
    let Some(section) = options.migrations.clone() else { return };
    let Some(path) = section.folder.clone() else { return };
    if let Some(shard) = options.shard.filter(|shard| !shard.is_first()) {
        evidence.migrations.folder = Fact::Unread(shard.left());
        return;
    }
    let known = match migrations::planned(&evidence.catalog, &section) {
        Ok(KnownHistory { tool, .. }) => tool,
        Err(cause) => {
            evidence.migrations.folder = Fact::Unread(cause);
            return;
        }
    };
    // A directory may lie on a machine that does not answer.
    let reading = async {
        let read = tokio::task::spawn_blocking(move || folder::read(&path, known)).await;
        read.unwrap_or_else(|error| Err(Error::new(ErrorKind::Internal, error.to_string())))
    };
    evidence.migrations.folder = match stop.or(reading).await {
        Ok(read) => Fact::Read(read),
        Err(error) => {
            tracing::warn!(%error, "the files of migrations could not be read");
            Fact::Unread(stop.cause().unwrap_or_else(|| Cause::from(&error)))
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(cells: &[Option<&str>]) -> Vec<Option<String>> {
        cells.iter().map(|cell| cell.map(str::to_owned)).collect()
    }

    #[test]
    fn an_answer_that_lacks_cells_is_unread() {
        let row = cells(&[Some("1"), None, Some("[\"select 1\"]"), Some("true")]);
        let read = history(MigrationTool::Supabase, &vec![row.clone()]).unwrap();
        assert_eq!(read.applied[0].content, Some(crate::migrations::text_hash(b"select 1;\n")));
        for wrong in [
            cells(&[None, None, None, Some("true")]),
            cells(&[Some("1"), None, None, None]),
            cells(&[Some("1"), None, Some("{"), Some("true")]),
            row[..3].to_vec(),
        ] {
            assert!(history(MigrationTool::Supabase, &vec![wrong]).is_err());
        }
        assert!(level(&Vec::new()).is_err());
        assert!(level(&vec![cells(&[None, None])]).is_err());
        assert_eq!(level(&vec![cells(&[Some("0"), None])]).unwrap().applied, 0);
    }
}
