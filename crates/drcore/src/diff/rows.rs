//! The rows that differ: all of them in a temporary file, some in the report.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::locate::{FoundRow, SHOWN, Sink};
use super::report::{ChangedColumn, DiffRow, DiffTable, RowChange};
use crate::content::{Content, KeyForm};
use crate::error::{Error, ErrorKind, Result};
use crate::secret::redacted;

/// All rows that differ, where they are kept. Says nothing of what differs: every two are equal.
#[derive(Clone, Debug, Default)]
pub(super) struct Spool(Option<Arc<File>>);

impl PartialEq for Spool {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Spool {
    /// All of them, from the first.
    pub(super) fn rows(&self) -> Option<DiffRows> {
        let file = Arc::clone(self.0.as_ref()?);
        Some(DiffRows(Source::File(BufReader::new(At { file, at: 0 }))))
    }
}

/// Rows that differ, one after the other.
#[derive(Debug)]
pub struct DiffRows(Source);

#[derive(Debug)]
enum Source {
    File(BufReader<At>),
    Memory(std::vec::IntoIter<DiffRow>),
}

impl DiffRows {
    pub(super) fn of(rows: Vec<DiffRow>) -> Self {
        Self(Source::Memory(rows.into_iter()))
    }
}

impl Iterator for DiffRows {
    type Item = Result<DiffRow>;

    fn next(&mut self) -> Option<Self::Item> {
        let file = match &mut self.0 {
            Source::Memory(rows) => return rows.next().map(Ok),
            Source::File(file) => file,
        };
        let mut line = String::new();
        match file.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(serde_json::from_str(&line).map_err(|error| {
                Error::new(ErrorKind::Internal, "a temporary file is not as it was written").caused_by(error)
            })),
            Err(error) => Some(Err(unusable(error))),
        }
    }
}

/// Reads from a place of its own in a file that others read too.
#[derive(Debug)]
struct At {
    file: Arc<File>,
    at: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err wants it")]
fn unusable(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("temporary files cannot be written or read: {error}"))
        .hint("Make room in the directory of temporary files, or name another one in TMPDIR.")
}

/// Writes down rows that differ.
pub(super) struct Writer {
    file: BufWriter<File>,
}

impl Writer {
    /// # Errors
    /// [`ErrorKind::Io`] if there is no room for temporary files.
    pub(super) fn new() -> Result<Self> {
        Ok(Self { file: BufWriter::new(tempfile::tempfile().map_err(unusable)?) })
    }

    fn position(&mut self) -> Result<u64> {
        self.file.stream_position().map_err(unusable)
    }

    fn back_to(&mut self, position: u64) -> Result<()> {
        self.file.seek(std::io::SeekFrom::Start(position)).map_err(unusable)?;
        self.file.get_ref().set_len(position).map_err(unusable)
    }

    /// All that was written down.
    pub(super) fn finish(self) -> Result<Spool> {
        let file = self.file.into_inner().map_err(|error| unusable(error.into_error()))?;
        Ok(Spool(Some(Arc::new(file))))
    }
}

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
    /// [`ErrorKind::Io`] if nothing can be written down.
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
    /// [`ErrorKind::Io`] if it cannot be taken back.
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
        let line = row.to_json_line()? + "\n";
        self.writer.file.write_all(line.as_bytes()).map_err(unusable)?;
        let shown = self.shown.entry(row.change).or_default();
        if *shown < self.limit {
            *shown += 1;
            self.table.rows.push(row);
        }
        Ok(())
    }
}
