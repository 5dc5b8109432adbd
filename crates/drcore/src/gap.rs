//! What falls after an instant: rows that a copy restored to it does not have.
//!
//! [`gap`] is asked of a state that still knows: the old database, a replica, a
//! salvaged copy. It counts the rows that were created after T, per table, per
//! tenant and per hour, by the column that says when a row was created, in one
//! snapshot and one scan a table. Tables without such a column are listed as
//! not covered. Asked of a state that has no row newer than T at all, the
//! answer is `unproven`: it looks like the restored copy, and says nothing of
//! what was lost.

mod options;
mod render;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use options::GapOptions;

use crate::check::Unread;
use crate::collect::{Request, Wants, collect_or_unreachable};
use crate::connect::Dsn;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::catalog::CatalogFactName;
use crate::evidence::{Catalog, Cause, CauseKind, Evidence, HourRows, Recent, Run, TenantRows};
use crate::sql::{QualifiedName, ident};
use crate::text::instant;

/// Counts the rows that were created after an instant.
///
/// # Errors
/// [`ErrorKind::Usage`] if `url` is no connection string, or a table or column
/// that the options name is nowhere; [`ErrorKind::Connection`] and the like if
/// nothing could be read; [`ErrorKind::Cancelled`] if the caller cancelled. One
/// table that cannot be read is unread in the report, and no error.
#[tracing::instrument(name = "gap", skip_all, fields(since = %options.since))]
pub async fn gap(url: &str, options: &GapOptions) -> Result<GapReport> {
    Dsn::parse(url)?;
    let mut collect = options.collect.clone();
    let wants = options.clone();
    collect.wanted = Some(Arc::new(move |evidence| wanted(&wants, evidence)));
    let evidence = collect_or_unreachable(url, &options.plan, None, &collect).await;
    let cancelled = evidence.failure().is_some_and(|failure| failure.kind == ErrorKind::Cancelled);
    if cancelled || evidence.catalog.columns.read().is_none() {
        let evidence = evidence.whole()?;
        let cause = evidence.catalog.relations.get().err().or(evidence.catalog.columns.get().err());
        let cause = cause.map_or_else(String::new, |cause| cause.message);
        return Err(Error::new(ErrorKind::Query, format!("the catalog could not be read: {cause}")));
    }
    GapReport::of(&evidence, options)
}

fn wanted(options: &GapOptions, evidence: &Evidence) -> Wants {
    let mut wants = Wants::default();
    wants.catalog(&[CatalogFactName::Column, CatalogFactName::Relation]);
    let Ok(tables) = tables(options, &evidence.catalog) else { return wants };
    for (table, covered) in tables {
        if let Ok(column) = covered {
            wants.add(options.request(&evidence.catalog, table, column));
        }
    }
    wants
}

/// The tables that are asked about, each with the column that says when its
/// rows were created, or why there is none.
fn tables(
    options: &GapOptions,
    catalog: &Catalog,
) -> Result<BTreeMap<QualifiedName, Result<String, String>>> {
    let unreadable = |cause: Cause| Error::new(ErrorKind::Query, cause.message);
    let nowhere = |what: String| Error::new(ErrorKind::Usage, format!("{what} is nowhere in this database"));
    let mut tables = BTreeMap::new();
    let mut chosen: Vec<&QualifiedName> = Vec::new();
    for name in &options.tables {
        let relation = name.resolve(catalog).map_err(unreadable)?;
        chosen.push(&relation.ok_or_else(|| nowhere(format!("the table {name}")))?.name);
    }
    if options.tables.is_empty() {
        chosen.extend(
            options.plan.scope.tables(catalog).map_err(unreadable)?.into_iter().map(|table| &table.name),
        );
    }
    for name in chosen {
        let covered = match catalog.created_column(name).map_err(unreadable)? {
            Some(column) if column.plain_type() == "date" => {
                Err(format!("{} is a date, which says no hour", ident(&column.name)))
            }
            Some(column) => Ok(column.name.clone()),
            None => Err("no column says when a row was created".to_owned()),
        };
        tables.insert(name.clone(), covered);
    }
    for name in &options.columns {
        let missing = || nowhere(format!("the column {name}"));
        let relation = name.table.resolve(catalog).map_err(unreadable)?.ok_or_else(missing)?;
        let column = name.resolve_in(catalog, &relation.name).map_err(unreadable)?.ok_or_else(missing)?;
        let is_instant = catalog
            .column(&relation.name, column)
            .map_err(unreadable)?
            .is_some_and(|column| column.plain_type().starts_with("timestamp"));
        if !is_instant {
            return Err(Error::new(ErrorKind::Usage, format!("the column {name} holds no instants")));
        }
        tables.insert(relation.name.clone(), Ok(column.to_owned()));
    }
    Ok(tables)
}

impl GapOptions {
    fn request(&self, catalog: &Catalog, table: QualifiedName, column: String) -> Request {
        let tenant = self.tenant_of(catalog, &table);
        Request::Recent { table, column, since: self.since, tenant }
    }

    /// The column that says which tenant a row belongs to.
    fn tenant_column(&self) -> Option<&str> {
        self.tenant_column
            .as_deref()
            .or_else(|| self.plan.tenancy.as_ref().map(|tenancy| tenancy.column.as_str()))
    }

    fn tenant_of(&self, catalog: &Catalog, table: &QualifiedName) -> Option<String> {
        let column = self.tenant_column()?;
        catalog.column(table, column).ok().flatten().map(|column| column.name.clone())
    }
}

/// What a gap report comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "GapVerdict")]
#[non_exhaustive]
pub enum GapVerdict {
    /// There are rows that were created after the instant; more, where a table could not be read.
    Found,
    /// There is none: nothing follows for what was lost.
    Unproven,
}

impl GapVerdict {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Unproven => "unproven",
        }
    }
}

/// The rows that were created after an instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "GapReport")]
#[non_exhaustive]
pub struct GapReport {
    /// Always `drcore.gap/1`.
    pub format: String,
    /// What it comes to.
    pub verdict: GapVerdict,
    /// Why it is `unproven`, or what else a reader should know.
    pub notes: Vec<String>,
    /// The instant.
    pub since: Timestamp,
    /// The column that says which tenant a row belongs to, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_column: Option<String>,
    /// How many rows of all covered tables are newer: exact.
    pub rows: u64,
    /// Each covered table, the one with the most rows first.
    pub tables: Vec<GapTable>,
    /// Tables whose rows do not say when they were created.
    pub not_covered: Vec<NotCovered>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// How it was collected.
    pub run: Run,
}

/// The rows of one table that were created after an instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "GapTable")]
#[non_exhaustive]
pub struct GapTable {
    /// The table.
    pub table: QualifiedName,
    /// The column that says when a row was created.
    pub column: String,
    /// Whether that column has no time zone and was taken as UTC.
    pub zoneless: bool,
    /// How many rows are newer: exact.
    pub rows: u64,
    /// How many rows do not say when they were created, and may be newer too.
    pub undated: u64,
    /// Whether the table has the tenant column.
    pub by_tenant: bool,
    /// How many rows each tenant has: the thousand with the most. No name stands for rows of no tenant.
    pub tenants: Vec<TenantRows>,
    /// How many tenants have any.
    pub tenants_total: u64,
    /// How many rows each hour has: the first two thousand hours that have any.
    pub hours: Vec<HourRows>,
    /// How many hours have any.
    pub hours_total: u64,
}

/// A table whose rows do not say when they were created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "NotCovered")]
#[non_exhaustive]
pub struct NotCovered {
    /// The table.
    pub table: QualifiedName,
    /// Why.
    pub reason: String,
}

/// What a record counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "GapBy")]
#[non_exhaustive]
pub enum GapBy {
    /// The rows of one hour.
    Hour,
    /// The rows of one tenant.
    Tenant,
    /// All rows of the table.
    Total,
}

/// One flat record, for tables and data frames. Add up those of one `by` only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "GapRecord")]
#[non_exhaustive]
pub struct GapRecord {
    /// The table.
    pub table: QualifiedName,
    /// What it counts by.
    pub by: GapBy,
    /// The tenant, where it counts by tenant and the rows have one.
    pub tenant: Option<String>,
    /// The hour, where it counts by hour: its beginning.
    pub hour: Option<Timestamp>,
    /// How many rows.
    pub rows: u64,
}

impl GapReport {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.gap/1";

    fn of(evidence: &Evidence, options: &GapOptions) -> Result<Self> {
        let catalog = &evidence.catalog;
        let mut report = Self {
            format: Self::FORMAT.to_owned(),
            verdict: GapVerdict::Unproven,
            notes: Vec::new(),
            since: options.since,
            tenant_column: options.tenant_column().map(str::to_owned),
            rows: 0,
            tables: Vec::new(),
            not_covered: Vec::new(),
            unread: Vec::new(),
            run: evidence.run.clone(),
        };
        for (table, covered) in tables(options, catalog)? {
            match covered {
                Err(reason) => report.not_covered.push(NotCovered { table, reason }),
                Ok(column) => report.add(evidence, options, table, column),
            }
        }
        report.tables.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.table.cmp(&b.table)));
        report.rows = report.tables.iter().map(|table| table.rows).sum();
        if let Some(column) = &report.tenant_column
            && !report.tables.is_empty()
            && !report.tables.iter().any(|table| table.by_tenant)
        {
            return Err(Error::new(ErrorKind::Usage, format!("no covered table has a column {column:?}")));
        }
        report.conclude();
        Ok(report)
    }

    fn add(&mut self, evidence: &Evidence, options: &GapOptions, table: QualifiedName, column: String) {
        let recent = match evidence.scans.tables.get(&table).and_then(|scan| scan.recent.get(&column)) {
            Some(fact) => fact.get().cloned(),
            None => Err(Cause::new(CauseKind::NotCollected, "was not collected")),
        };
        match recent {
            Ok(recent) => {
                let zoneless = matches!(evidence.catalog.column(&table, &column), Ok(Some(found))
                    if !found.plain_type().contains("with time zone"));
                let by_tenant = options.tenant_of(&evidence.catalog, &table).is_some();
                let Recent { rows, undated, tenants, tenants_total, hours, hours_total } = recent;
                self.tables.push(GapTable {
                    table,
                    column,
                    zoneless,
                    rows,
                    undated,
                    by_tenant,
                    tenants,
                    tenants_total,
                    hours,
                    hours_total,
                });
            }
            Err(cause) => {
                // The run as a whole ended early: say why, not that nobody asked.
                let cause = match evidence.failure() {
                    Some(failure) if cause.kind == CauseKind::NotCollected => failure.cause(),
                    _ => cause,
                };
                self.unread.push(Unread::new(format!("{table}.{}", ident(&column)), cause));
            }
        }
    }

    /// Says what follows, and what does not.
    fn conclude(&mut self) {
        self.verdict = if self.rows == 0 { GapVerdict::Unproven } else { GapVerdict::Found };
        if self.rows == 0 {
            self.notes.push(if self.tables.is_empty() {
                "no table could be asked: nothing follows for what was lost".to_owned()
            } else if self.since >= self.run.taken_at {
                format!("{} lies in the future of this database", instant(self.since))
            } else {
                format!(
                    "no row is newer than {}: this looks like the restored copy; ask the state that was replaced \
                     (the old database, a replica, a salvaged copy)",
                    instant(self.since)
                )
            });
        } else if !self.unread.is_empty() {
            self.notes.push("not every table could be read: there may be more".to_owned());
        }
        let undated: u64 = self.tables.iter().map(|table| table.undated).sum();
        if undated > 0 {
            self.notes.push(format!(
                "{} no instant of creation and may be newer too",
                match undated {
                    1 => "1 row has".to_owned(),
                    many => format!("{} have", crate::text::plural(many, "row")),
                }
            ));
        }
        self.notes.push(
            "updates and deletions leave no trace here: only rows that were created are counted".to_owned(),
        );
    }

    /// The JSON form, the same bytes in every language.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Format`] if the text is not a gap report, or of a newer major version.
    pub fn from_json(text: &str) -> Result<Self> {
        crate::wire::from_json(text, Self::FORMAT, "a gap report")
    }

    /// Flat records: the total of each table, its tenants and its hours.
    pub fn records(&self) -> Vec<GapRecord> {
        let mut records = Vec::new();
        for table in &self.tables {
            let record =
                |by, tenant, hour, rows| GapRecord { table: table.table.clone(), by, tenant, hour, rows };
            records.push(record(GapBy::Total, None, None, table.rows));
            records.extend(
                table.tenants.iter().map(|row| record(GapBy::Tenant, row.tenant.clone(), None, row.rows)),
            );
            records.extend(table.hours.iter().map(|row| record(GapBy::Hour, None, Some(row.hour), row.rows)));
        }
        records
    }

    /// [`GapReport::records`] as a JSON list, for the other languages.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn records_json(&self) -> Result<String> {
        crate::wire::to_json(&self.records())
    }

    /// The exit code of the command: 0 where rows were found and everything was read, else 3.
    pub fn exit_code(&self) -> u8 {
        if self.verdict == GapVerdict::Found && self.unread.is_empty() { 0 } else { 3 }
    }
}
