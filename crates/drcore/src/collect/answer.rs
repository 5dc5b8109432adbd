//! How the answer to a job is understood, and where it is kept.

use std::collections::BTreeMap;

use super::job::{ColumnKind, Job, KeyColumn};
use super::objects::UnnamedObjectsOf;
use super::recent::understand;
use crate::connect;
use crate::content::{ContentScan, KeySet};
use crate::evidence::{
    AssertionValue, Cause, CauseKind, Evidence, Extremes, Fact, OrphanSample, RowKeys, Scans, SequenceState,
    TableScan,
};
use crate::plan::Assertion;
use crate::sql::QualifiedName;
use crate::storage::{Rows, Sorted, StoredRows};

/// What the server said.
#[derive(Debug)]
pub(super) enum Answer {
    Rows(connect::Rows),
    Keys(Option<KeySet>),
    Pass(Box<ContentScan>),
    StoredRows(Sorted),
}

impl Job {
    /// Keeps the answer in the Evidence. Gives the rows that were counted.
    pub(super) fn keep(&self, answer: Result<Answer, Cause>, evidence: &mut Evidence) -> u64 {
        match (self, answer) {
            (Self::Pass(job), Ok(Answer::Pass(scan))) => job.keep(Ok(*scan), evidence),
            (Self::Pass(job), Ok(_)) => job.keep(Err(not_understood()), evidence),
            (Self::Pass(job), Err(cause)) => job.keep(Err(cause), evidence),
            (Self::StoredRows(read), answer) => {
                let rows = match (read, answer) {
                    (Ok(read), Ok(Answer::StoredRows(sorted))) => Ok(Rows { sorted, read: read.clone() }),
                    (Err(cause), _) => Err(cause.clone()),
                    (_, Err(cause)) => Err(cause),
                    (_, Ok(_)) => Err(not_understood()),
                };
                let counted = rows.as_ref().map_or(0, |rows| rows.sorted.len());
                evidence.stored_rows = StoredRows::Answered(rows.into());
                counted
            }
            (_, Ok(Answer::Rows(rows))) => self.keep_rows(Ok(rows), evidence),
            (_, Ok(_)) => self.keep_rows(Err(not_understood()), evidence),
            (_, Err(cause)) => self.keep_rows(Err(cause), evidence),
        }
    }

    fn keep_rows(&self, answer: Result<connect::Rows, Cause>, evidence: &mut Evidence) -> u64 {
        let scans = &mut evidence.scans;
        match self {
            // Reads by itself, or is understood by whoever asks.
            Self::Keys(_) | Self::Pass(_) | Self::Question(_) | Self::StoredRows(_) => 0,
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
            Self::Orphans(count) => {
                count.keep(answer, scans);
                0
            }
            Self::OrphanSample { reference, key, .. } => {
                scans
                    .orphan_samples
                    .insert(reference.key(), answer.and_then(|rows| sample(key, rows)).into());
                0
            }
            Self::CountDuplicates(count) => {
                count.keep(answer, scans);
                0
            }
            Self::SampleDuplicates(sample) => {
                sample.keep(answer, scans);
                0
            }
            Self::LostObjects(lost) => {
                lost.keep(answer, scans);
                0
            }
            Self::UnnamedObjects(_) => {
                UnnamedObjectsOf::keep(answer, scans);
                0
            }
            Self::Recent(recent) => {
                let fact = answer.and_then(|rows| understand(&rows));
                let counted = fact.as_ref().map_or(0, |recent| recent.rows);
                let scan = scans.tables.entry(recent.table.clone()).or_default();
                scan.recent.insert(recent.column.clone(), fact.into());
                counted
            }
            Self::Spread(spread) => {
                let fact = answer.and_then(|rows| spread.understand(&rows));
                scans.tables.entry(spread.table.clone()).or_default().spread = fact.into();
                0
            }
            Self::Sequences(names) => {
                keep_sequences(names, answer, scans);
                0
            }
            Self::Acting(acting) => {
                acting.keep(answer, evidence);
                0
            }
            Self::SampleUsers(sample) => {
                sample.keep(answer, evidence);
                0
            }
            Self::Auth(auth) => {
                auth.keep(answer, &mut evidence.auth);
                0
            }
            Self::Migrations(job) => {
                job.keep(answer, &mut evidence.migrations);
                0
            }
            Self::Assertion(assertion) => {
                let fact = answer.and_then(|rows| value(assertion, &rows));
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
}

/// Keeps what one pass over a table showed. Gives the rows that were counted.
fn keep_table(
    scan: &mut TableScan,
    rows: bool,
    columns: &[(String, ColumnKind)],
    answer: Result<connect::Rows, Cause>,
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

/// One row: how many rows it returned, and the first column of the smallest.
fn value(assertion: &Assertion, rows: &connect::Rows) -> Result<AssertionValue, Cause> {
    let [row] = rows.as_slice() else { return Err(not_understood()) };
    let [count, value] = row.as_slice() else { return Err(not_understood()) };
    Ok(AssertionValue::new(assertion, number(count.as_deref())?, value.clone()))
}

/// A statement that reads several answers for each, or for none.
fn keep_sequences(names: &[QualifiedName], answer: Result<connect::Rows, Cause>, scans: &mut Scans) {
    let states = answer.and_then(|rows| {
        let states: Result<Vec<SequenceState>, Cause> = rows.iter().map(|row| sequence(row)).collect();
        states.and_then(|states| if states.len() == names.len() { Ok(states) } else { Err(not_understood()) })
    });
    for (at, name) in names.iter().enumerate() {
        let fact = match &states {
            Ok(states) => Fact::Read(states[at].clone()),
            Err(cause) => Fact::Unread(cause.clone()),
        };
        scans.sequences.insert(name.clone(), fact);
    }
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

fn sample(key: &[KeyColumn], rows: connect::Rows) -> Result<OrphanSample, Cause> {
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
            ("key", cells) => sample
                .keys
                .rows
                .push(key.iter().zip(cells).map(|(column, cell)| column.show(cell.as_deref())).collect()),
            _ => return Err(not_understood()),
        }
    }
    Ok(sample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::catalog::CatalogFactName;

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
