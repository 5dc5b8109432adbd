//! How one job is asked, and how its answer is understood.

use std::collections::BTreeMap;

use super::content::ContentJob;
use super::queue::{Place, Rank};
use super::recent::{RecentRows, understand};
use super::sizes::Sizes;
use crate::connect::Rows;
use crate::content::ContentScan;
use crate::evidence::catalog::{Catalog, CatalogFactName};
use crate::evidence::{
    AssertionValue, Cause, CauseKind, Evidence, Extremes, Fact, OrphanSample, Orphans, RowKeys,
    SequenceState, TableScan,
};
use crate::plan::{Assertion, Plan};
use crate::reference::Reference;
use crate::sql::{QualifiedName, quote};
use crate::text::masked;

/// Rows of a sample, at most.
const SAMPLE: usize = 20;
/// Tenants in a sample, at most.
const TENANTS: usize = 100;

/// What the server said.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Rows(Rows),
    Content(Box<ContentScan>),
}

/// One statement that answers one or several requests.
#[derive(Clone, Debug)]
pub(super) enum Job {
    Catalog(CatalogFactName),
    /// One pass over a table: its rows, and the extremes of these columns.
    Table {
        name: QualifiedName,
        rows: bool,
        columns: Vec<(String, ColumnKind)>,
        from: String,
    },
    Recent(RecentRows),
    Orphans(Reference),
    OrphanSample {
        reference: Reference,
        key: Vec<KeyColumn>,
        tenant: Option<String>,
    },
    /// Several sequences in one statement, which fails as a whole where one of them cannot be read.
    Sequences(Vec<QualifiedName>),
    Assertion(Assertion),
    /// What the rows of a table hold.
    Content(ContentJob),
    /// The rows of a table cannot be compared with the baseline's.
    Incomparable {
        table: QualifiedName,
        cause: Cause,
    },
    /// What was asked for is not there.
    Impossible {
        table: QualifiedName,
        column: Option<String>,
        cause: Cause,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Time,
    Other,
}

/// A column of a key that samples show.
#[derive(Clone, Debug)]
pub(super) struct KeyColumn {
    name: String,
    /// Whether values of this type may be shown as they are.
    plain: bool,
}

impl Job {
    /// What it is called in a log.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Assertion(_) => "assertion",
            Self::Catalog(_) => "catalog",
            Self::Content(_) => "content",
            Self::Impossible { .. } | Self::Incomparable { .. } => "impossible",
            Self::OrphanSample { .. } => "orphan_sample",
            Self::Orphans(_) => "orphans",
            Self::Recent(_) => "recent",
            Self::Sequences(_) => "sequences",
            Self::Table { .. } => "table",
        }
    }

    /// What it is about, for a log: names of objects, never values.
    pub(super) fn object(&self) -> String {
        match self {
            Self::Assertion(assertion) => assertion.name.clone(),
            Self::Catalog(name) => format!("{name:?}"),
            Self::Content(content) => content.name.to_string(),
            Self::Impossible { table, .. }
            | Self::Incomparable { table, .. }
            | Self::Table { name: table, .. } => table.to_string(),
            Self::OrphanSample { reference, .. } | Self::Orphans(reference) => reference.key(),
            Self::Recent(recent) => recent.table.to_string(),
            Self::Sequences(names) => crate::text::plural(names.len() as u64, "sequence"),
        }
    }

    /// When it is begun, among the others of its round.
    pub(super) fn place(&self, sizes: &Sizes<'_>) -> Place {
        match self {
            Self::Catalog(_) | Self::Impossible { .. } | Self::Incomparable { .. } => {
                Place::new(Rank::Rows, 1, 1)
            }
            Self::Sequences(names) => Place::new(Rank::Rows, names.len() as u64, names.len() as u64),
            Self::Table { name, .. } | Self::Recent(RecentRows { table: name, .. }) => {
                Place::new(Rank::Rows, sizes.rows(name), sizes.rows(name))
            }
            Self::Content(content) => {
                let rows = sizes.rows(&content.name);
                Place::new(Rank::Rows, rows, rows.saturating_mul(2))
            }
            // A join costs several passes.
            Self::Orphans(reference) => {
                let rows = sizes.rows(&reference.child).saturating_add(sizes.rows(&reference.parent));
                Place::new(Rank::References, rows, rows.saturating_mul(4))
            }
            Self::OrphanSample { reference, .. } => {
                let rows = sizes.rows(&reference.child);
                Place::new(Rank::Rest, rows, rows.saturating_mul(4))
            }
            // Nobody knows what it reads.
            Self::Assertion(_) => Place::new(Rank::Rest, sizes.largest(), sizes.largest()),
        }
    }

    /// The tables whose rewriting meanwhile would make them read as empty.
    pub(super) fn reads(&self) -> Vec<QualifiedName> {
        match self {
            // The one fact of the catalog that is a table like any other.
            Self::Catalog(CatalogFactName::Bucket) => vec![QualifiedName::new("storage", "buckets")],
            Self::Table { name, .. } => vec![name.clone()],
            Self::Recent(recent) => vec![recent.table.clone()],
            Self::Content(content) => vec![content.name.clone()],
            Self::Orphans(reference) | Self::OrphanSample { reference, .. } => {
                vec![reference.child.clone(), reference.parent.clone()]
            }
            _ => Vec::new(),
        }
    }

    /// What the role must be allowed to read.
    pub(super) fn needs(&self) -> Vec<QualifiedName> {
        match self {
            Self::Sequences(names) => names.clone(),
            _ => self.reads(),
        }
    }

    /// The statement, or none where there is nothing to ask.
    pub(super) fn sql(&self) -> Option<String> {
        Some(match self {
            Self::Catalog(name) => {
                format!("select pg_catalog.to_json(f)::pg_catalog.text from (\n{}\n) f", name.sql())
            }
            Self::Table { rows, columns, from, .. } => {
                let mut wanted = Vec::new();
                if *rows {
                    wanted.push("pg_catalog.count(*)".to_owned());
                }
                for (column, kind) in columns {
                    let column = quote(column);
                    for function in ["min", "max"] {
                        wanted.push(match kind {
                            // Without a time zone it is taken as UTC; infinity is no instant.
                            ColumnKind::Time => format!(
                                "pg_catalog.to_char(pg_catalog.{function}({column}::pg_catalog.timestamptz) \
                                 filter (where pg_catalog.isfinite({column})) at time zone 'UTC', \
                                 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
                            ),
                            ColumnKind::Other => format!("pg_catalog.{function}({column})::pg_catalog.text"),
                        });
                    }
                }
                format!("select {} from {from}", wanted.join(", "))
            }
            Self::Orphans(reference) => {
                let half_null = if reference.match_full && reference.child_columns.len() > 1 {
                    format!(
                        "(select pg_catalog.count(*) from {} where {})",
                        reference.child_sql(),
                        reference.half_null_condition()
                    )
                } else {
                    "0".to_owned()
                };
                format!(
                    "select pg_catalog.count(*), {half_null} from {} where {}",
                    reference.child_sql(),
                    reference.orphan_condition()
                )
            }
            Self::OrphanSample { reference, key, tenant } => sample_sql(reference, key, tenant.as_deref()),
            Self::Recent(recent) => recent.sql(),
            Self::Sequences(names) => {
                names
                    .iter()
                    .enumerate()
                    .map(|(at, name)| format!("select {at}, last_value, is_called from {}", name.to_sql()))
                    .collect::<Vec<_>>()
                    .join("\nunion all ")
                    + " order by 1"
            }
            Self::Assertion(assertion) => assertion.statement().to_owned(),
            // Reads by itself.
            Self::Content(_) | Self::Incomparable { .. } | Self::Impossible { .. } => return None,
        })
    }

    /// Keeps the answer in the Evidence. Gives the rows that were counted.
    pub(super) fn keep(&self, answer: Result<Answer, Cause>, evidence: &mut Evidence) -> u64 {
        match (self, answer) {
            (Self::Content(content), Ok(Answer::Content(scan))) => content.keep(Ok(*scan), evidence),
            (Self::Content(content), Ok(Answer::Rows(_))) => content.keep(Err(not_understood()), evidence),
            (Self::Content(content), Err(cause)) => content.keep(Err(cause), evidence),
            (_, Ok(Answer::Rows(rows))) => self.keep_rows(Ok(rows), evidence),
            (_, Ok(Answer::Content(_))) => self.keep_rows(Err(not_understood()), evidence),
            (_, Err(cause)) => self.keep_rows(Err(cause), evidence),
        }
    }

    fn keep_rows(&self, answer: Result<Rows, Cause>, evidence: &mut Evidence) -> u64 {
        let scans = &mut evidence.scans;
        match self {
            Self::Content(_) => 0,
            Self::Incomparable { table, cause } => {
                let scan = scans.tables.entry(table.clone()).or_default();
                scan.content = Fact::Unread(cause.clone());
                evidence.sketched.miss(table.clone(), cause.message.clone());
                0
            }
            Self::Catalog(name) => {
                let rows = answer.and_then(|rows| {
                    rows.into_iter().map(|mut row| row.pop().flatten().ok_or_else(not_understood)).collect()
                });
                evidence.catalog.keep(*name, rows);
                0
            }
            Self::Table { name, rows, columns, .. } => {
                keep_table(scans.tables.entry(name.clone()).or_default(), *rows, columns, answer)
            }
            Self::Orphans(reference) => {
                let fact = answer.and_then(|rows| {
                    let row = rows.into_iter().next().unwrap_or_default();
                    let cell = |at: usize| number(row.get(at).and_then(|cell| cell.as_deref()));
                    Ok(Orphans::new(cell(0)?, cell(1)?))
                });
                scans.orphans.insert(reference.key(), fact.into());
                0
            }
            Self::OrphanSample { reference, key, .. } => {
                scans
                    .orphan_samples
                    .insert(reference.key(), answer.and_then(|rows| sample(key, rows)).into());
                0
            }
            Self::Recent(recent) => {
                let fact = answer.and_then(|rows| understand(&rows));
                let counted = fact.as_ref().map_or(0, |recent| recent.rows);
                let scan = scans.tables.entry(recent.table.clone()).or_default();
                scan.recent.insert(recent.column.clone(), fact.into());
                counted
            }
            Self::Sequences(names) => {
                let states = answer.and_then(|rows| {
                    let states: Result<Vec<SequenceState>, Cause> =
                        rows.iter().map(|row| sequence(row)).collect();
                    states.and_then(|states| {
                        if states.len() == names.len() { Ok(states) } else { Err(not_understood()) }
                    })
                });
                for (at, name) in names.iter().enumerate() {
                    let fact = match &states {
                        Ok(states) => Fact::Read(states[at].clone()),
                        Err(cause) => Fact::Unread(cause.clone()),
                    };
                    scans.sequences.insert(name.clone(), fact);
                }
                0
            }
            Self::Assertion(assertion) => {
                let fact = answer.and_then(|rows| match rows.as_slice() {
                    [row] => match row.as_slice() {
                        [count, value] => {
                            let count = number(count.as_deref())?;
                            Ok(AssertionValue::new(assertion, count, value.clone()))
                        }
                        _ => Err(not_understood()),
                    },
                    _ => Err(not_understood()),
                });
                evidence.assertions.insert(assertion.name.clone(), fact.into());
                0
            }
            Self::Impossible { table, column, cause } => {
                let scan = scans.tables.entry(table.clone()).or_default();
                match column {
                    Some(column) => {
                        scan.extremes.insert(column.clone(), Fact::Unread(cause.clone()));
                    }
                    None => scan.rows = Fact::Unread(cause.clone()),
                }
                0
            }
        }
    }

    /// The same in smaller pieces, where one part of it may have spoilt the others.
    pub(super) fn split(&self) -> Vec<Self> {
        match self {
            Self::Sequences(names) if names.len() > 1 => {
                let (left, right) = names.split_at(names.len() / 2);
                vec![Self::Sequences(left.to_vec()), Self::Sequences(right.to_vec())]
            }
            _ => Vec::new(),
        }
    }

    /// The key columns that samples of a table show.
    pub(super) fn key_of(table: &QualifiedName, catalog: &Catalog) -> Vec<KeyColumn> {
        let Ok(Some(key)) = catalog.primary_key(table) else { return Vec::new() };
        key.columns
            .iter()
            .map(|name| {
                let plain = matches!(catalog.column(table, name), Ok(Some(column))
                    if column.is_integer() || column.is_time() || column.type_name == "uuid" || column.type_name == "boolean");
                KeyColumn { name: name.clone(), plain }
            })
            .collect()
    }

    /// The column that says which tenant a row belongs to, where the table has it.
    pub(super) fn tenant_of(table: &QualifiedName, plan: &Plan, catalog: &Catalog) -> Option<String> {
        let tenancy = plan.tenancy.as_ref()?;
        catalog.column(table, &tenancy.column).ok().flatten().map(|column| column.name.clone())
    }
}

/// Keeps what one pass over a table showed. Gives the rows that were counted.
fn keep_table(
    scan: &mut TableScan,
    rows: bool,
    columns: &[(String, ColumnKind)],
    answer: Result<Rows, Cause>,
) -> u64 {
    let mut cells = match answer {
        Ok(answer) => Ok(answer.into_iter().next().unwrap_or_default().into_iter()),
        Err(cause) => Err(cause),
    };
    let mut counted = 0;
    if rows {
        scan.rows = match &mut cells {
            Ok(cells) => number(cells.next().flatten().as_deref()).into(),
            Err(cause) => Fact::Unread(cause.clone()),
        };
        counted = scan.rows.read().copied().unwrap_or(0);
    }
    for (column, _) in columns {
        let fact = match &mut cells {
            // NULL is an answer, a cell that is not there is none.
            Ok(cells) => match (cells.next(), cells.next()) {
                (Some(min), Some(max)) => Fact::Read(Extremes::new(min, max)),
                _ => Fact::Unread(not_understood()),
            },
            Err(cause) => Fact::Unread(cause.clone()),
        };
        scan.extremes.insert(column.clone(), fact);
    }
    counted
}

/// `place, last_value, is_called`.
fn sequence(row: &[Option<String>]) -> Result<SequenceState, Cause> {
    match row {
        [_, Some(last), Some(called)] => Ok(SequenceState::new(number(Some(last))?, called == "t")),
        _ => Err(not_understood()),
    }
}

pub(super) fn number<T: std::str::FromStr>(cell: Option<&str>) -> Result<T, Cause> {
    cell.and_then(|text| text.parse().ok()).ok_or_else(not_understood)
}

pub(super) fn not_understood() -> Cause {
    Cause::new(CauseKind::Unsupported, "the server's answer was not understood")
}

impl<T> From<Result<T, Cause>> for Fact<T> {
    fn from(result: Result<T, Cause>) -> Self {
        match result {
            Ok(value) => Self::Read(value),
            Err(cause) => Self::Unread(cause),
        }
    }
}

/// Rows of `(what, values…)`: some keys, the tenants, and two totals. The join is done once.
fn sample_sql(reference: &Reference, key: &[KeyColumn], tenant: Option<&str>) -> String {
    let column = |name: &str, alias: String| format!("c.{} as {alias}", quote(name));
    let aliases = |letter: char, count: usize| -> Vec<String> {
        (1..=count).map(|number| format!("{letter}{number}")).collect()
    };
    let parents = aliases('p', reference.child_columns.len());
    let keys = aliases('k', key.len());
    let mut columns: Vec<String> = reference
        .child_columns
        .iter()
        .zip(&parents)
        .map(|(name, alias)| column(name, alias.clone()))
        .collect();
    columns.extend(key.iter().zip(&keys).map(|(key, alias)| column(&key.name, alias.clone())));
    columns.extend(tenant.map(|name| column(name, "tenant".to_owned())));
    let mut parts = vec![format!(
        "select 'parents', array[pg_catalog.count(*)::pg_catalog.text] from (select distinct {} from orphan) d",
        parents.join(", ")
    )];
    if !keys.is_empty() {
        let texts: Vec<String> = keys.iter().map(|alias| format!("{alias}::pg_catalog.text")).collect();
        parts.push(format!(
            "(select 'key', array[{}] from orphan order by {} limit {SAMPLE})",
            texts.join(", "),
            keys.join(", ")
        ));
    }
    if tenant.is_some() {
        parts.push(
            "select 'tenants', array[pg_catalog.count(distinct tenant)::pg_catalog.text] from orphan"
                .to_owned(),
        );
        parts.push(format!(
            "(select 'tenant', array[tenant::pg_catalog.text, pg_catalog.count(*)::pg_catalog.text] \
             from orphan where tenant is not null \
             group by tenant order by pg_catalog.count(*) desc, tenant::pg_catalog.text limit {TENANTS})"
        ));
    }
    // As JSON, because an array of text has no simple form.
    format!(
        "with orphan as materialized (\nselect {} from {} where {}\n)\n\
         select w.what, pg_catalog.to_json(w.cells)::pg_catalog.text from (\n{}\n) w (what, cells)",
        columns.join(", "),
        reference.child_sql(),
        reference.orphan_condition(),
        parts.join("\nunion all\n")
    )
}

fn sample(key: &[KeyColumn], rows: Rows) -> Result<OrphanSample, Cause> {
    let mut sample = OrphanSample {
        keys: RowKeys { columns: key.iter().map(|column| column.name.clone()).collect(), rows: Vec::new() },
        tenants: BTreeMap::new(),
        tenants_total: None,
        missing_parents: 0,
    };
    for row in rows {
        let [Some(what), Some(cells)] = row.as_slice() else { return Err(not_understood()) };
        let cells: Vec<Option<String>> = serde_json::from_str(cells).map_err(|_| not_understood())?;
        match (what.as_str(), cells.as_slice()) {
            ("parents", [Some(count)]) => sample.missing_parents = number(Some(count))?,
            ("tenants", [Some(count)]) => sample.tenants_total = Some(number(Some(count))?),
            ("tenant", [Some(tenant), Some(count)]) => {
                sample.tenants.insert(tenant.clone(), number(Some(count))?);
            }
            ("key", cells) => sample.keys.rows.push(
                key.iter()
                    .zip(cells)
                    .map(|(column, cell)| {
                        cell.as_ref().map(|text| if column.plain { text.clone() } else { masked(text) })
                    })
                    .collect(),
            ),
            _ => return Err(not_understood()),
        }
    }
    Ok(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_lacks_cells_is_unread() {
        let mut evidence = Evidence::new(crate::evidence::Run::new(jiff::Timestamp::UNIX_EPOCH));
        let name = QualifiedName::new("public", "t");
        let columns = vec![("a".to_owned(), ColumnKind::Other), ("b".to_owned(), ColumnKind::Other)];
        let job = Job::Table { name: name.clone(), rows: true, columns, from: "t".to_owned() };
        for cells in [vec![], vec![Some("1".to_owned()), None, None, None]] {
            let missing = cells.is_empty();
            job.keep(Ok(Answer::Rows(vec![cells])), &mut evidence);
            let extremes = &evidence.scans.tables[&name].extremes;
            assert_eq!(extremes["a"].get().is_err(), missing);
            assert_eq!(extremes["b"].get().unwrap_err(), not_understood());
        }
        Job::Catalog(CatalogFactName::Relation).keep(Ok(Answer::Rows(vec![vec![None]])), &mut evidence);
        assert_eq!(evidence.catalog.relations.get().unwrap_err(), not_understood());
    }
}
