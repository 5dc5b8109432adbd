//! The rows that differ: all of them in a temporary file, some in the report.

use std::collections::BTreeMap;

use super::locate::{FoundRow, SHOWN, Sink};
use super::report::{ChangedColumn, DiffRow, DiffTable, RowChange};
use crate::content::{Content, KeyForm};
use crate::error::Result;
use crate::secret::redacted;
use crate::spool::Writer;

/// Keeps what is found of one table.
pub(super) struct Keeper<'k> {
    pub(super) table: &'k mut DiffTable,
    content: &'k Content,
    form: KeyForm,
    writer: &'k mut Writer,
    began: u64,
    /// Rows of each sort that the table shows.
    limit: usize,
    shown: BTreeMap<RowChange, usize>,
    columns: BTreeMap<usize, u64>,
    /// Whether keys that are given are fit to be shown, since they came out of a sketch.
    veiled: bool,
}

impl<'k> Keeper<'k> {
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if nothing can be written down.
    pub(super) fn new(
        table: &'k mut DiffTable,
        content: &'k Content,
        writer: &'k mut Writer,
        limit: usize,
        veiled: bool,
    ) -> Result<Self> {
        table.rows.clear();
        [table.only_in_a, table.only_in_b, table.changed] = [Some(0); 3];
        Ok(Self {
            form: KeyForm::named(&content.columns, &content.key),
            began: writer.position()?,
            table,
            content,
            writer,
            limit,
            shown: BTreeMap::new(),
            columns: BTreeMap::new(),
            veiled,
        })
    }

    /// Forgets what was found: there may be more.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if it cannot be taken back.
    pub(super) fn forget(self) -> Result<()> {
        self.table.rows.clear();
        [self.table.only_in_a, self.table.only_in_b, self.table.changed] = [None; 3];
        self.writer.back_to(self.began)
    }

    /// Says in how many rows each column differs.
    pub(super) fn finish(self) {
        let columns = self.columns.iter();
        self.table.changed_columns = columns
            .map(|(at, rows)| ChangedColumn { column: self.content.columns[*at].name.clone(), rows: *rows })
            .collect();
        self.table.changed_columns.sort_by_key(|column| std::cmp::Reverse(column.rows));
    }

    fn row_of(&self, found: FoundRow) -> DiffRow {
        let FoundRow { change, key, times, columns, values } = found;
        let key = match key {
            Some(key) if self.veiled => key,
            Some(key) => self.form.masked(&key),
            None => Vec::new(),
        };
        let name = |at: usize| &self.content.columns[at].name;
        let [a, b] = values.map(|values| {
            let values: BTreeMap<String, Option<String>> = values?
                .into_iter()
                .enumerate()
                .filter(|(at, _)| {
                    change != RowChange::Changed
                        || columns.contains(at)
                        || self.content.key.contains(name(*at))
                })
                .map(|(at, value)| (name(at).clone(), value.map(shown)))
                .collect();
            Some(values)
        });
        DiffRow {
            table: self.table.table.clone(),
            change,
            key: self.content.key.iter().cloned().zip(key).collect(),
            times,
            columns: columns.iter().map(|at| name(*at).clone()).collect(),
            a,
            b,
        }
    }
}

/// A value as it is told: no secret, and not too long.
fn shown(value: String) -> String {
    let cut = match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value,
    };
    redacted(cut)
}

impl Sink for Keeper<'_> {
    fn row(&mut self, row: FoundRow) -> Result<()> {
        let total = match row.change {
            RowChange::OnlyInA => &mut self.table.only_in_a,
            RowChange::OnlyInB => &mut self.table.only_in_b,
            RowChange::Changed => &mut self.table.changed,
        };
        *total.get_or_insert(0) += row.times;
        for at in &row.columns {
            *self.columns.entry(*at).or_default() += 1;
        }
        let row = self.row_of(row);
        let line = row.to_json_line()?;
        self.writer.line(&line)?;
        let shown = self.shown.entry(row.change).or_default();
        if *shown < self.limit {
            *shown += 1;
            self.table.rows.push(row);
        }
        Ok(())
    }
}
