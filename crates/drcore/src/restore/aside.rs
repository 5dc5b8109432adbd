//! Rows of an archive beside what is there: into a schema of their own, from which somebody takes back what he lacks.
//!
//! One transaction, in a session of ours: all of it comes or nothing, and what is there is never touched. So the target
//! may be in use, and is not marked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alone;
use super::clients::ClientTools;
use super::cutover::CutOver;
use super::filter::{Load, columns_of};
use super::load::load;
use super::messages::ObjectError;
use super::opened::{ArchiveFacts, open};
use super::plan::{Onto, RestoreOptions, RestorePlan, RestoreStep, TargetFacts, chosen};
use super::programs::PgRestore;
use super::replica::begin;
use super::restored::{LoadedTable, RestoreRun, Restored};
use super::run::{ExecuteOptions, same_archive, whole};
use super::shape::Shape;
use crate::archive::{ArchiveEntry, ArchiveForm};
use crate::connect::{Libpq, RestoreTarget, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::{QualifiedName, ident, literal, quote};
use crate::text::milliseconds;

/// A table whose rows come into a schema of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "AsideTable")]
#[non_exhaustive]
pub struct AsideTable {
    /// The table of the archive.
    pub table: QualifiedName,
    /// What its rows are loaded into.
    pub into: QualifiedName,
    /// The entries with its rows: several where it is partitioned.
    pub entries: Vec<u32>,
    /// Its columns, in the archive's order.
    pub columns: Vec<AsideColumn>,
}

/// A column of such a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "AsideColumn")]
#[non_exhaustive]
pub struct AsideColumn {
    /// Its name.
    pub name: String,
    /// The type that the table of the same name in the target gives it; `text` where there is none.
    pub type_name: String,
}

impl RestorePlan {
    /// As [`of`](Self::of), beside what the target holds.
    pub(super) async fn aside(
        archive: &Path,
        target: &RestoreTarget,
        options: &RestoreOptions,
        schema: &str,
    ) -> Result<Self> {
        if options.onto != Onto::Empty {
            let message = "into_schema: what is there stays as it is, so that onto has no meaning";
            return Err(Error::new(ErrorKind::Usage, message));
        }
        let (opened, fingerprint) = open(archive).await?;
        let facts = ArchiveFacts::of(archive, &opened, fingerprint);
        if facts.form == ArchiveForm::Plain {
            let message = "a script cannot be restored into another schema: its statements name their own";
            return Err(Error::new(ErrorKind::Unsupported, message)
                .hint("Restore it into a scratch database, and take the table from there with pg_dump."));
        }
        let session = target.target().session();
        let names = chosen(&options.tables, &opened)?.ok_or_else(|| {
            Error::new(ErrorKind::Usage, "nobody said which tables are to come into the schema")
                .hint("Name them, as in --table public.invoices.")
        })?;
        refuse_schema(session, schema).await?;
        let shape = Shape::load(session).await?;
        let mut tables: Vec<AsideTable> = Vec::new();
        for name in &names {
            let table = table(&opened.entries, session, name, schema).await?;
            if let Some(other) = tables.iter().find(|other| other.into == table.into) {
                let message = format!("{} and {name} would both be {}", other.table, table.into);
                return Err(Error::new(ErrorKind::Usage, message).hint("Take one after the other."));
            }
            tables.push(table);
        }
        let mut plan = Self {
            format: Self::FORMAT.to_owned(),
            digest: String::new(),
            target: TargetFacts::of(target, &shape),
            jobs: 1,
            archive: facts,
            onto: Onto::Empty,
            steps: vec![RestoreStep::Aside { schema: schema.to_owned(), tables }],
            left_out: Vec::new(),
            missing_roles: Vec::new(),
            done: BTreeSet::new(),
        };
        plan.digest = plan.compute_digest()?;
        Ok(plan)
    }

    /// The schema and the tables, where this plan leaves what is there as it is.
    pub(crate) fn is_aside(&self) -> Option<(&str, &[AsideTable])> {
        self.steps.iter().find_map(|step| match step {
            RestoreStep::Aside { schema, tables } => Some((schema.as_str(), tables.as_slice())),
            _ => None,
        })
    }

    /// Loads them: all, or nothing.
    pub(super) async fn run_aside(
        &self,
        schema: &str,
        tables: &[AsideTable],
        target: &RestoreTarget,
        options: &ExecuteOptions,
    ) -> Result<Restored> {
        let (began, started_at) = (Instant::now(), Timestamp::now());
        same_archive(&self.archive).await?;
        let tools = self.tools(target, options).await?;
        let (file, _unwrapped) = whole(&self.archive).await?;
        let session = target.session(&options.limits).await?;
        alone::enter(&session).await?;
        refuse_schema(&session, schema).await?;
        session.simple(&begin(false)).await?;
        let to = target.libpq();
        let made = async {
            session.simple(&format!("create schema {}", quote(schema))).await?;
            let (mut loaded, mut errors) = (Vec::new(), Vec::new());
            let filling = Filling { session: &session, tools: &tools, to: &to, archive: &file };
            for table in tables {
                let (rows, untyped) = filling.fill(table).await?;
                errors.extend(untyped);
                loaded.push(LoadedTable { table: table.into.clone(), rows, dropped: Vec::new() });
            }
            // Not to be left open: whether it was committed must be known.
            session.simple("commit").await?;
            Ok::<_, Error>((loaded, errors))
        };
        let (loaded, errors) = made.await.map_err(|error: Error| error.context("schema", ident(schema)))?;
        Ok(Restored {
            format: Restored::FORMAT.to_owned(),
            plan: self.clone(),
            errors,
            missing_rows: Vec::new(),
            loaded,
            after: None,
            cut_over: CutOver::default(),
            run: RestoreRun {
                started_at,
                elapsed_ms: milliseconds(began),
                tools: tools.version,
                replica_role: None,
                writes: Vec::new(),
            },
        })
    }
}

/// A session that loads, and the programs that give it rows.
struct Filling<'f> {
    session: &'f Session,
    tools: &'f ClientTools,
    to: &'f Libpq,
    archive: &'f Path,
}

/// What a type is where nothing is known of it, or a value does not fit.
pub(super) const TEXT: &str = "pg_catalog.text";

impl Filling<'_> {
    /// Makes one table and loads its rows; where they do not fit the types, as text, which is told.
    async fn fill(&self, table: &AsideTable) -> Result<(u64, Option<ObjectError>)> {
        self.session.simple("savepoint typed").await?;
        let error = match self.load(table, |column| &column.type_name).await {
            Ok(rows) => return Ok((rows, None)),
            Err(error) => error,
        };
        // Of a value, and neither of the archive nor of the session.
        if !error.sqlstate().is_some_and(|code| code.starts_with("22") || code.starts_with("23")) {
            return Err(error);
        }
        self.session.simple("rollback to savepoint typed").await?;
        let rows = self.load(table, |_| TEXT).await?;
        let untyped = ObjectError {
            entry: None,
            object: format!("types of {}", table.into),
            message: error.to_string(),
            harmless: Some("all its columns are text instead".to_owned()),
        };
        Ok((rows, Some(untyped)))
    }

    async fn load<'t>(
        &self,
        table: &'t AsideTable,
        type_of: impl Fn(&'t AsideColumn) -> &'t str,
    ) -> Result<u64> {
        let columns: Vec<String> = table
            .columns
            .iter()
            .map(|column| format!("{} {}", quote(&column.name), type_of(column)))
            .collect();
        let into = table.into.to_sql();
        // Default privileges may have opened it: nobody but its owner reads what nobody has a policy for.
        let make = format!(
            "create table {into} ({});\nalter table {into} enable row level security",
            columns.join(", ")
        );
        self.session.simple(&make).await?;
        let mut rows = 0;
        for entry in &table.entries {
            let what = Load {
                entry: *entry,
                table: table.into.clone(),
                columns: table.columns.iter().map(|column| column.name.clone()).collect(),
                dropped: Vec::new(),
            };
            let restore = PgRestore {
                tools: self.tools,
                to: self.to,
                archive: self.archive,
                jobs: 1,
                no_owner: false,
                entries: &[*entry],
            };
            rows += load(self.session, &what, &restore).await?;
        }
        Ok(rows)
    }
}

/// Refuses a schema that is there: what would be made in it might be there too.
async fn refuse_schema(session: &Session, schema: &str) -> Result<()> {
    let there = format!("select 1 from pg_catalog.pg_namespace where nspname = {}", literal(schema));
    if session.simple(&there).await?.iter().all(Vec::is_empty) {
        return Ok(());
    }
    let message = format!("the target has a schema {} already: nothing was written", ident(schema));
    Err(Error::new(ErrorKind::Refused, message).hint("Give another name, or drop it if it is not needed."))
}

/// What of the archive are the rows of a table, and as what columns they come.
async fn table(
    entries: &[ArchiveEntry],
    session: &Session,
    name: &QualifiedName,
    schema: &str,
) -> Result<AsideTable> {
    let rows = rows_of(entries, name);
    let unsupported =
        |message: String, hint: &str| Err(Error::new(ErrorKind::Unsupported, message).hint(hint));
    let Some(first) = rows.first() else {
        return unsupported(
            format!("the archive holds no rows of {name}, not even that it had none"),
            "It was dumped without them: take another backup.",
        );
    };
    let mut columns: Option<Vec<String>> = None;
    for entry in &rows {
        let Some(own) = entry.copy.as_deref().and_then(columns_of) else {
            return unsupported(
                format!("the rows of {name} are INSERT statements, which name its own schema"),
                "Restore it into a scratch database, and take the table from there with pg_dump.",
            );
        };
        match &columns {
            Some(known) if *known != own => {
                return unsupported(
                    format!("the partitions of {name} have their columns in different orders"),
                    "Take them one by one, by their own names.",
                );
            }
            _ => columns = Some(own),
        }
    }
    let types = types(session, name).await?;
    let columns = columns.unwrap_or_default().into_iter().map(|column| {
        let type_name = types.get(&column).cloned().unwrap_or_else(|| TEXT.to_owned());
        AsideColumn { name: column, type_name }
    });
    tracing::debug!(table = %name, entry = first.dump_id, "to be loaded aside");
    Ok(AsideTable {
        table: name.clone(),
        into: QualifiedName::new(schema, &name.name),
        entries: rows.iter().map(|entry| entry.dump_id).collect(),
        columns: columns.collect(),
    })
}

/// The entries with the rows of a table, or of its partitions, however deep.
fn rows_of<'e>(entries: &'e [ArchiveEntry], name: &QualifiedName) -> Vec<&'e ArchiveEntry> {
    let tables: BTreeMap<u32, QualifiedName> = entries
        .iter()
        .filter(|entry| entry.is("TABLE"))
        .filter_map(|entry| Some((entry.dump_id, entry.qualified_name()?)))
        .collect();
    // An entry of its own needs both, and has the name of the partition; before PostgreSQL 14 it is part of the table's.
    let attaches = |entry: &&ArchiveEntry| {
        let attached = |definition: &String| {
            definition.contains("\nALTER TABLE ONLY ") && definition.contains(" ATTACH PARTITION ")
        };
        entry.is("TABLE ATTACH") || entry.is("TABLE") && entry.definition.as_ref().is_some_and(attached)
    };
    let parents: BTreeMap<QualifiedName, &QualifiedName> = entries
        .iter()
        .filter(attaches)
        .filter_map(|entry| {
            let partition = entry.qualified_name()?;
            let mut needed = entry.dependencies.iter().filter_map(|id| tables.get(id));
            let parent = needed.rfind(|table| **table != partition)?;
            Some((partition, parent))
        })
        .collect();
    let is_below = |table: &QualifiedName| {
        std::iter::successors(Some(table), |table| parents.get(*table).copied())
            .take(tables.len() + 1)
            .any(|table| table == name)
    };
    let rows = entries.iter().filter(|entry| entry.is_rows());
    rows.filter(|entry| entry.qualified_name().is_some_and(|table| is_below(&table))).collect()
}

/// What types the target gives the columns of its table of this name.
async fn types(session: &Session, name: &QualifiedName) -> Result<BTreeMap<String, String>> {
    let sql = format!(
        "select a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) \
         from pg_catalog.pg_attribute a \
         join pg_catalog.pg_class c on c.oid = a.attrelid \
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         where n.nspname = {} and c.relname = {} and c.relkind in ('r', 'p', 'f') \
         and a.attnum > 0 and not a.attisdropped",
        literal(&name.schema),
        literal(&name.name)
    );
    // Types are named in full where nothing is on the path.
    let answer = session.simple(&format!("begin; set local search_path = ''; {sql}; rollback")).await?;
    let rows = answer.into_iter().flatten();
    Ok(rows
        .filter_map(|row| <[Option<String>; 2]>::try_from(row).ok())
        .filter_map(|[name, kind]| Some((name?, kind?)))
        .collect())
}
