//! Which rows of two live tables differ, told from both of them, and not by chance of when each was read.
//!
//! The first reading gave each side's fingerprint, and, where rows were hashed here, a sketch. Where that
//! tells which keys differ, they alone are read again; else both tables are read once more as a whole, into
//! [temporary files](super::spill). Everything that differs is then asked for by its key on fresh snapshots,
//! until it was the same twice: what has become equal is settled, and what changes all the time is in motion.

use super::again::{Again, rows_of};
use super::reader::Reader;
use super::report::RowChange;
use super::spill::{KeyText, Net, Piece, Spill, decode, encode};
use crate::collect::{Stop, rewrite_check};
use crate::content::{Content, ContentWay, Difference, Key, KeyForm, Layout, Row, RowHash, other_columns};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Evidence;
use crate::plan::Limits;
use crate::sql::QualifiedName;

/// Rows of a table of which it is told in which columns they differ; of further ones, if nobody writes, only
/// that they do.
const DETAILED: u64 = 100_000;
/// Blocks of a table that are read at once: a lost connection costs no more than these.
const BLOCKS: u64 = 32_768;
/// Characters of a value that are told.
pub(super) const SHOWN: usize = 200;

/// A live side.
#[derive(Clone, Copy)]
pub(super) struct Live<'e> {
    pub(super) url: &'e str,
    pub(super) evidence: &'e Evidence,
}

/// Where two live databases are read again.
pub(super) struct Locator<'e> {
    pub(super) sides: [Live<'e>; 2],
    pub(super) limits: &'e Limits,
    pub(super) stop: &'e Stop,
    /// Whether values are told.
    pub(super) values: bool,
}

/// A table that differed.
pub(super) struct Located<'e> {
    pub(super) name: &'e QualifiedName,
    pub(super) contents: [&'e Content; 2],
    /// Which rows differed, where that is known.
    pub(super) known: Option<&'e [Difference]>,
}

/// A row that differs.
#[derive(Clone, Debug)]
pub(super) struct FoundRow {
    pub(super) change: RowChange,
    /// None where the table has no key, or it is no text.
    pub(super) key: Option<KeyText>,
    pub(super) times: u64,
    /// The places of the columns that differ, where it was told.
    pub(super) columns: Vec<usize>,
    /// The values on each side, where they were wanted.
    pub(super) values: [Option<Vec<Option<String>>>; 2],
}

/// Takes what is found.
pub(super) trait Sink: Send {
    /// A row that differs.
    ///
    /// # Errors
    /// Why it cannot be kept.
    fn row(&mut self, row: FoundRow) -> Result<()>;
}

/// Rows that differed and do not any more, or that cannot be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passing {
    /// Equal when they were read again.
    pub(super) settled: u64,
    /// Different at each reading, and another way each time.
    pub(super) in_motion: u64,
}

/// How a table is read on one side.
pub(super) struct Form {
    pub(super) url: String,
    pub(super) from: String,
    pub(super) layout: Layout,
    pub(super) types: Vec<String>,
    way: ContentWay,
    pub(super) check: Option<String>,
    /// Where it is one heap and the server can read a part of it, how to ask how many blocks it has.
    can_split: bool,
}

impl Locator<'_> {
    /// Finds all rows of a table that differ.
    ///
    /// # Errors
    /// Why it could not be read again. What was found until then stands.
    pub(super) async fn locate(&self, table: &Located<'_>, sink: &mut dyn Sink) -> Result<Passing> {
        let forms = [self.form(table, 0)?, self.form(table, 1)?];
        let key = &table.contents[0].key;
        if key.is_empty() {
            return self.keyless(table, &forms, sink).await;
        }
        let mut again = Again::new(self, &forms);
        if let Some(known) = table.known.and_then(|known| candidates(known, table.contents[0])) {
            again.take(known, sink).await?;
        } else {
            let [a, b] = self.spill(table, &forms).await?;
            let quiet = is_quiet(table, &[&a, &b]);
            let mut told = 0;
            for part in 0..a.parts() {
                let (mut batch, mut untold) = (Vec::new(), Vec::new());
                for (key, net) in Spill::differences(&a, &b, part)? {
                    match decode(&key) {
                        Some(key) if !quiet || told < DETAILED => {
                            told += 1;
                            batch.push((key, net));
                        }
                        key => untold.push((key, net)),
                    }
                }
                again.take(batch, sink).await?;
                for (key, net) in untold {
                    rows_of(key.as_ref(), &net, None, &mut |row| sink.row(row))?;
                }
            }
        }
        // Boxed, or every caller's future would be as large.
        Box::pin(again.end(sink)).await
    }

    /// How a table is read on one side.
    fn form(&self, table: &Located<'_>, side: usize) -> Result<Form> {
        let unreadable = |cause: crate::evidence::Cause| Error::new(ErrorKind::Query, cause.message);
        let Live { url, evidence } = self.sides[side];
        let content = table.contents[side];
        let columns = evidence.catalog.columns_of(table.name).map_err(unreadable)?;
        let layout = Layout::as_in(&content.columns, &content.key, columns).map_err(unreadable)?;
        let relation = evidence.catalog.relation(table.name).map_err(unreadable)?;
        let relation = relation.ok_or_else(|| Error::new(ErrorKind::Query, "the table is gone"))?;
        let kind = |name: &String| {
            let column = columns.iter().find(|column| column.name == *name);
            column.map_or_else(|| "pg_catalog.text".to_owned(), |column| column.type_name.clone())
        };
        let version = evidence.run.server.as_ref().map_or(0, |server| server.version_num);
        Ok(Form {
            url: url.to_owned(),
            from: relation.from_sql(),
            layout,
            types: content.key.iter().map(kind).collect(),
            way: evidence.run.content.map_or(ContentWay::Server, |link| link.way),
            check: rewrite_check(std::slice::from_ref(table.name)),
            // Ranges of tuple identifiers are scanned as such since PostgreSQL 14.
            can_split: relation.kind == crate::evidence::catalog::RelationKind::Table && version >= 140_000,
        })
    }

    /// Keys and hashes of both sides.
    async fn spill(&self, table: &Located<'_>, forms: &[Form; 2]) -> Result<[Spill; 2]> {
        let rows = table.contents.iter().map(|content| content.rows).max().unwrap_or_default();
        let (a, b) = tokio::try_join!(self.spill_side(&forms[0], rows), self.spill_side(&forms[1], rows))?;
        Ok([a, b])
    }

    async fn spill_side(&self, form: &Form, rows: u64) -> Result<Spill> {
        let mut lost = false;
        loop {
            let mut reader = Reader::begin(&form.url, self.limits, self.stop).await?;
            let spilled = self.spill_from(&mut reader, form, rows).await;
            reader.end().await;
            match spilled {
                // The snapshot is gone: what was read of it is worth nothing beside another's.
                Err(error) if error.ends_session() && !std::mem::replace(&mut lost, true) => {}
                spilled => return spilled,
            }
        }
    }

    async fn spill_from(&self, reader: &mut Reader, form: &Form, rows: u64) -> Result<Spill> {
        let mut spill = Spill::new(rows)?;
        let ranges = self.ranges(reader, form).await?;
        for range in ranges {
            let sql = form.layout.keyed(&form.from, form.way, &range);
            let mut lost = false;
            loop {
                let (layout, way) = (form.layout.clone(), form.way);
                let state = (spill.piece(), Vec::new(), Vec::new());
                let each = move |state: &mut (Piece, Vec<u8>, Vec<u8>), row: Row<'_>| {
                    keyed_row(&layout, way, state, row)
                };
                match reader.copy(self.stop, &sql, form.check.as_deref(), state, each).await {
                    Ok((piece, ..)) => {
                        spill.add(piece)?;
                        break;
                    }
                    // Once more on the same snapshot, this range only.
                    Err(error) if error.ends_session() && !std::mem::replace(&mut lost, true) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(spill)
    }

    /// Conditions that cut a table into pieces, each row being in one of them.
    async fn ranges(&self, reader: &mut Reader, form: &Form) -> Result<Vec<String>> {
        if !form.can_split {
            return Ok(vec![String::new()]);
        }
        let name = form.from.trim_start_matches("only ");
        let sql = format!(
            "copy (select pg_catalog.pg_relation_size({}::pg_catalog.regclass) \
             / pg_catalog.current_setting('block_size')::pg_catalog.int8) to stdout (format binary)",
            crate::sql::literal(name)
        );
        let blocks = reader
            .copy(self.stop, &sql, None, 0_u64, |blocks, row| {
                let bytes = row.value(0).and_then(|value| value.try_into().ok());
                *blocks = bytes.map_or(0, u64::from_be_bytes);
                Ok(())
            })
            .await?;
        let pieces = blocks.div_ceil(BLOCKS).max(1);
        Ok((0..pieces)
            .map(|piece| {
                let from = format!(" where ctid >= '({},0)'::pg_catalog.tid", piece * BLOCKS);
                match piece {
                    _ if pieces == 1 => String::new(),
                    0 => format!(" where ctid < '({BLOCKS},0)'::pg_catalog.tid"),
                    last if last + 1 == pieces => from,
                    _ => format!("{from} and ctid < '({},0)'::pg_catalog.tid", (piece + 1) * BLOCKS),
                }
            })
            .collect())
    }

    /// Rows that nothing tells apart cannot be asked for: the whole tables are read until they say the same twice.
    async fn keyless(&self, table: &Located<'_>, forms: &[Form; 2], sink: &mut dyn Sink) -> Result<Passing> {
        let mut passing = Passing::default();
        let [a, b] = self.spill(table, forms).await?;
        let then = if is_quiet(table, &[&a, &b]) { None } else { Some(self.spill(table, forms).await?) };
        for part in 0..a.parts() {
            let found = match &then {
                None => Spill::differences(&a, &b, part)?,
                Some([later_a, later_b]) => {
                    let lasting = Spill::lasting([&a, &b], [later_a, later_b], part)?;
                    passing.settled += lasting.settled;
                    passing.in_motion += lasting.in_motion;
                    lasting.found
                }
            };
            for (_, net) in found {
                rows_of(None, &net, None, &mut |row| sink.row(row))?;
            }
        }
        Ok(passing)
    }
}

/// Whether both sides hold what they held at the first reading, so that nobody wrote to them.
fn is_quiet(table: &Located<'_>, spills: &[&Spill; 2]) -> bool {
    let sums = |content: &Content| (content.rows, content.fingerprint);
    let same = |content: &Content, spill: &Spill| sums(content) == (spill.rows, spill.fingerprint);
    table.contents.iter().zip(spills).all(|(content, spill)| same(content, spill))
}

/// A row of [`Layout::keyed`]; the scratch space is for its key and its frame.
fn keyed_row(
    layout: &Layout,
    way: ContentWay,
    (piece, key, frame): &mut (Piece, Vec<u8>, Vec<u8>),
    row: Row<'_>,
) -> Result<()> {
    let before = layout.before_key(way);
    if row.len() != before + layout.key().len() {
        return Err(other_columns());
    }
    let hash = match way {
        ContentWay::Stream => row.hash(layout.forms(), frame),
        ContentWay::Server => {
            RowHash::from_bytes(row.value(0).and_then(|hash| hash.try_into().ok()).ok_or_else(other_columns)?)
        }
    };
    if layout.key().is_empty() {
        let (high, low) = hash.halves();
        key.clear();
        key.extend_from_slice(&high.to_be_bytes());
        key.extend_from_slice(&low.to_be_bytes());
    } else {
        encode((before..row.len()).map(|at| row.value(at)), key);
    }
    piece.push(key, hash)
}

/// What the sketches told, if all of it can be asked for by key.
fn candidates(known: &[Difference], content: &Content) -> Option<Vec<(KeyText, Net)>> {
    let form = KeyForm::named(&content.columns, &content.key);
    if !form.is_plain() {
        return None;
    }
    let mut keys: std::collections::BTreeMap<&[u8], Vec<(RowHash, i64)>> = std::collections::BTreeMap::new();
    for row in known {
        keys.entry(row.key.as_deref()?).or_default().push((row.hash, row.count));
    }
    keys.into_iter()
        .map(|(key, counts)| match form.decode(key)? {
            // What has no text is shown in hexadecimal digits.
            Key::Values(values) if !values.iter().any(|value| value.starts_with('\\')) => {
                Some((values.into_iter().map(Some).collect(), Net::of(counts)))
            }
            _ => None,
        })
        .collect()
}
