//! Reading what tables hold: which statement, and what becomes of its answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::answer::{not_understood, number};
use super::gathering::{Gathering, Lessons, Part};
use super::storage::Storage;
use super::{CollectOptions, Request, Then, Wants, sizes};
use crate::connect::{Chunks, Rows, Session};
use crate::content::{
    Blocks, Content, ContentLink, ContentScan, ContentWay, Copied, Fingerprint, Layout, METHOD, Scanner,
    Scratch, Sketch, Tally, has_extremes, has_hours, has_tenants,
};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::catalog::{Catalog, CatalogFactName, Relation};
use crate::evidence::{Cause, CauseKind, Evidence, Fact};
use crate::plan::Plan;
use crate::sql::QualifiedName;

/// Whether the content of tables is collected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ContentChoice {
    /// Of every table, whatever it costs; with a baseline, of what that holds the content of.
    Always,
    /// Of what the baseline holds the content of; of nothing without a baseline.
    #[default]
    AsBaseline,
    /// As that; of every table where there is no baseline and the link is fast.
    ByLink,
}

/// Cells of a sketch for a table of which nobody knows how large it is, as a power of two.
const UNKNOWN_BITS: u32 = 14;
/// Round trips of which the quickest counts.
const ROUND_TRIPS: u32 = 12;

/// One table whose content is read, in one part or in several.
#[derive(Debug)]
pub(super) struct ContentTable {
    pub(super) name: QualifiedName,
    from: String,
    storage: Storage,
    layout: Layout,
    method: Method,
    /// Cells of the sketch, as a power of two; none where no sketch is needed.
    bits: Option<u32>,
    /// Columns whose extremes come out of the same pass.
    extremes: Vec<String>,
    /// Columns by which rows are counted in the same pass: tenant and hour.
    spread: Option<(Option<String>, Option<String>)>,
    /// Whether only the sketch is wanted, the rest being known.
    only_sketch: bool,
    gathering: Mutex<Gathering>,
    lessons: Lessons,
}

/// One part of it.
#[derive(Clone, Debug)]
pub(super) struct ContentJob {
    pub(super) table: Arc<ContentTable>,
    part: Part,
}

/// What is asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    /// Every row.
    Rows,
    /// The key and the hash of every row.
    Hashes,
    /// The sum.
    Sum,
}

impl ContentTable {
    /// Which statements read the content of this table.
    ///
    /// # Errors
    /// The cause, where it cannot be compared with the baseline, or its structure could not be read.
    pub(super) fn new(
        relation: &Relation,
        catalog: &Catalog,
        then: Option<&Evidence>,
        way: ContentWay,
        storage: Storage,
    ) -> Result<Self, Cause> {
        let name = &relation.name;
        let columns = catalog.columns_of(name)?;
        let was = then.and_then(|then| then.scans.tables.get(name)?.content.read());
        let layout = if let Some(was) = was {
            Layout::as_in(&was.columns, &was.key, columns)?
        } else {
            let key = catalog.primary_key(name)?.map_or(&[][..], |key| &key.columns);
            Layout::new(columns, key)
        };
        let sketched = then.map(|then| then.sketched.bits(name));
        let bits = match sketched {
            // Nothing to take away from: no sketch is needed.
            Some(None) => None,
            Some(Some(bits)) => Some(bits),
            // Too many cells are folded once the rows are counted; too few stay too few.
            None => Some(match sizes::rows(relation, Some(&storage)) {
                Some(rows) => Sketch::bits_for(rows),
                None => UNKNOWN_BITS,
            }),
        };
        let method = match way {
            ContentWay::Stream => Method::Rows,
            ContentWay::Server if then.is_none() => Method::Hashes,
            ContentWay::Server => Method::Sum,
        };
        Ok(Self {
            name: name.clone(),
            from: relation.from_sql(),
            storage,
            layout,
            method,
            bits,
            extremes: Vec::new(),
            spread: None,
            only_sketch: false,
            gathering: Mutex::default(),
            lessons: Lessons::default(),
        })
    }

    /// The parts in which it is read.
    pub(super) fn jobs(self, bytes: u64, blocks: Option<u32>) -> Vec<ContentJob> {
        let parts = Part::of(&self.storage, bytes, blocks);
        let table = Arc::new(self);
        parts.into_iter().map(|part| ContentJob { table: Arc::clone(&table), part }).collect()
    }

    /// Only what tells which rows differ.
    pub(super) fn only_sketch(mut self) -> Self {
        self.only_sketch = true;
        if self.method == Method::Sum {
            self.method = Method::Hashes;
        }
        self
    }

    /// Takes over what this pass can answer as well: the number of rows, and the extremes of columns;
    /// gives back the columns that it cannot.
    pub(super) fn take_over(&mut self, columns: Vec<String>) -> Vec<String> {
        let (taken, left) = columns.into_iter().partition(|column| {
            self.method == Method::Rows
                && self.layout.place(column).is_some_and(|at| has_extremes(self.layout.forms()[at].name()))
        });
        self.extremes = taken;
        left
    }

    /// Takes over counting per tenant and hour, where this pass can. Says whether.
    pub(super) fn take_spread(&mut self, tenant: Option<&String>, hour: Option<&String>) -> bool {
        let can = |column: Option<&String>, of: fn(&str) -> bool| {
            column.is_none_or(|column| self.form(column).is_some_and(|(_, form)| of(form)))
        };
        let taken = self.method == Method::Rows && can(tenant, has_tenants) && can(hour, has_hours);
        if taken {
            self.spread = Some((tenant.cloned(), hour.cloned()));
        }
        taken
    }

    /// The place of a column, and the name of its form.
    fn form(&self, column: &str) -> Option<(usize, &'static str)> {
        let at = self.layout.place(column)?;
        Some((at, self.layout.forms()[at].name()))
    }

    fn tally(&self) -> Option<Tally> {
        let (tenant, hour) = self.spread.as_ref()?;
        let form = |column: &Option<String>| self.form(column.as_ref()?);
        Some(Tally::new(form(tenant), form(hour)))
    }

    /// Keeps what all parts came to in the Evidence.
    fn keep(&self, answer: Result<ContentScan, Cause>, evidence: &mut Evidence) {
        if self.only_sketch {
            match answer {
                Ok(ContentScan { sketch: Some(sketch), .. }) => {
                    evidence.sketched.insert(self.name.clone(), sketch);
                }
                Ok(_) => evidence.sketched.miss(self.name.clone(), not_understood().message),
                Err(cause) => evidence.sketched.miss(self.name.clone(), cause.message),
            }
            return;
        }
        let scan = evidence.scans.tables.entry(self.name.clone()).or_default();
        match answer {
            Ok(ContentScan { rows, fingerprint, sketch, ranges, tally }) => {
                // What is more than can be counted here is asked of the server in the next round.
                if let Some((tally, (tenant, hour))) = tally.zip(self.spread.clone())
                    && let Some(spread) = tally.spread(tenant, hour)
                {
                    scan.spread = Fact::Read(spread);
                }
                scan.rows = Fact::Read(rows);
                scan.content = Fact::Read(Content {
                    method: METHOD,
                    rows,
                    fingerprint,
                    columns: self.layout.columns(),
                    key: self.layout.key_names(),
                });
                let extremes = ranges.iter().map(|range| Fact::Read(range.extremes()));
                scan.extremes.extend(self.extremes.iter().cloned().zip(extremes));
                if let Some(sketch) = sketch {
                    evidence.sketched.insert(self.name.clone(), sketch);
                }
            }
            Err(cause) => {
                // What else this pass would have answered is asked by itself in the next round.
                scan.content = Fact::Unread(cause);
            }
        }
    }
}

impl ContentJob {
    /// Reads it.
    pub(super) async fn read(&self, session: &Session, check: Option<&str>) -> Result<ContentScan> {
        let table = &self.table;
        let (from, blocks) = match self.part {
            Part::Whole => (table.from.clone(), Blocks::ALL),
            Part::Blocks(at, blocks) => match table.storage.heaps.get(at) {
                Some(heap) => (format!("only {}", heap.name.to_sql()), blocks),
                None => return Err(Error::new(ErrorKind::Internal, "there is no such part of the table")),
            },
        };
        let sql = match table.method {
            Method::Sum => {
                let rows = session.scan(&table.layout.server_side(&from, blocks), check).await?;
                return summed(&rows).ok_or_else(|| {
                    Error::new(ErrorKind::Unsupported, "the server's sum of hashes was not understood")
                });
            }
            Method::Rows => table.layout.copy(&from, blocks),
            Method::Hashes => table.layout.hashes(&from, blocks),
        };
        let copied = if table.method == Method::Rows { Copied::Rows } else { Copied::Hashes };
        let places: Vec<usize> = table.extremes.iter().filter_map(|name| table.layout.place(name)).collect();
        let mut scanner = Scanner::new(table.layout.clone(), copied, table.bits, &places, table.tally());
        let take = move |mut chunks: Chunks| {
            let mut scratch = Scratch::default();
            while let Some(chunks) = chunks.blocking_recv() {
                for chunk in chunks {
                    scanner.feed(&chunk, &mut scratch)?;
                }
            }
            scanner.finish()
        };
        session.copy_apart(&sql, check, take).await
    }

    /// Adds the answer to those of the other parts, and keeps what all came to. Gives the rows that were read.
    pub(super) fn keep(&self, answer: Result<ContentScan, Cause>, evidence: &mut Evidence) -> u64 {
        let table = &self.table;
        let rows = answer.as_ref().map_or(0, |scan| scan.rows);
        let together = {
            let mut gathering = table.gathering.lock().unwrap_or_else(PoisonError::into_inner);
            gathering.add(&table.name, &table.storage, self.part, answer)
        };
        if let Some(together) = together {
            table.keep(together, evidence);
        }
        if table.only_sketch { 0 } else { rows }
    }

    /// What takes its place where it took longer than a statement may: smaller parts.
    pub(super) fn split(&self, cause: &Cause) -> Vec<Self> {
        if cause.kind != CauseKind::StatementTimeout {
            return Vec::new();
        }
        self.table.lessons.took_too_long(self.part.blocks(&self.table.storage));
        self.smaller()
    }

    /// The same where a part of this size took too long already.
    pub(super) fn split_before(&self) -> Vec<Self> {
        let blocks = self.part.blocks(&self.table.storage);
        if self.table.lessons.are_too_many(blocks) { self.smaller() } else { Vec::new() }
    }

    fn smaller(&self) -> Vec<Self> {
        let halves = self.part.halves(&self.table.storage);
        halves.into_iter().map(|part| Self { table: Arc::clone(&self.table), part }).collect()
    }

    /// Another part could not be read: there is no use in this one.
    pub(super) fn hopeless(&self) -> Option<&Cause> {
        self.table.lessons.hopeless()
    }

    /// Whether it is but a part of the table.
    pub(super) fn is_part(&self) -> bool {
        matches!(self.part, Part::Blocks(..))
    }

    /// This part cannot be read, and so the table cannot.
    pub(super) fn give_up(&self, cause: &Cause) {
        self.table.lessons.give_up(cause);
    }

    /// How many bytes it reads, roughly.
    pub(super) fn bytes(&self) -> u64 {
        self.part.bytes(&self.table.storage)
    }

    /// Its share of so many rows of the table.
    pub(super) fn share(&self, rows: u64) -> u64 {
        let part = u128::from(rows) * u128::from(self.bytes()) / u128::from(self.table.storage.bytes.max(1));
        match self.part {
            Part::Whole => rows,
            Part::Blocks(..) => u64::try_from(part).unwrap_or(rows),
        }
    }
}

/// `count, sum of the first halves, sum of the second halves`; sums of nothing are NULL.
fn summed(rows: &Rows) -> Option<ContentScan> {
    let [row] = rows.as_slice() else { return None };
    let [Some(count), high, low] = row.as_slice() else { return None };
    let rows: u64 = number(Some(count)).ok()?;
    let half = |sum: &Option<String>| match sum {
        Some(text) => text.parse::<i128>().ok(),
        None if rows == 0 => Some(0),
        None => None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "modulo 2^64 is what is wanted"
    )]
    let fingerprint = Fingerprint::new(half(high)? as u64, half(low)? as u64);
    Some(ContentScan { rows, fingerprint, ..ContentScan::default() })
}

/// Whether the content of some table may be asked for.
pub(super) fn asked(plan: &Plan, then: Then<'_>, options: &CollectOptions) -> bool {
    let skipped = plan.skipped("content_drift").is_some()
        || !(options.only.is_empty() || options.only.iter().any(|id| id == "content_drift"));
    match options.content {
        _ if options.facts.is_some() => false,
        // Whoever says what is wanted says whether content is.
        content if options.wanted.is_some() => content == ContentChoice::Always,
        ContentChoice::Always | ContentChoice::ByLink if then.is_nothing() => !skipped,
        _ if skipped => false,
        _ => match then.known() {
            Some(then) => then.scans.tables.values().any(|scan| scan.content.read().is_some()),
            // Nobody knows yet.
            None => !then.is_settled(),
        },
    }
}

/// Asks for the content of every table that is looked at.
pub(super) fn want(plan: &Plan, evidence: &Evidence, wants: &mut Wants) {
    wants.catalog(&[CatalogFactName::Column, CatalogFactName::Key, CatalogFactName::Relation]);
    let catalog = &evidence.catalog;
    if catalog.columns.is_not_asked() || catalog.keys.is_not_asked() {
        return;
    }
    for table in plan.compared_tables(catalog).into_iter().flatten() {
        wants.add(Request::Content(table.name.clone()));
        let (tenant, hour) = plan.spread_columns(catalog, &table.name);
        if tenant.is_some() || hour.is_some() {
            wants.add(Request::Spread { table: table.name.clone(), tenant, hour });
        }
    }
}

/// How the content of tables is best read over this link.
///
/// # Errors
/// [`ErrorKind::Connection`] if the server does not answer.
pub(super) async fn measure(
    session: &Session,
    here: bool,
    wanted: Option<ContentWay>,
) -> Result<ContentLink> {
    let mut quickest = Duration::MAX;
    for _ in 0..ROUND_TRIPS {
        let asked = Instant::now();
        session.ping().await?;
        quickest = quickest.min(asked.elapsed());
    }
    Ok(ContentLink::new(wanted, here, quickest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_modulo_two_to_the_64() {
        let row = |cells: [Option<&str>; 3]| vec![cells.iter().map(|cell| cell.map(str::to_owned)).collect()];
        let scan = summed(&row([Some("2"), Some("-1"), Some("36893488147419103233")])).unwrap();
        assert_eq!((scan.rows, scan.fingerprint), (2, Fingerprint::new(u64::MAX, 1)));
        assert_eq!(summed(&row([Some("0"), None, None])).unwrap().fingerprint, Fingerprint::default());
        // A sum that is not there, of rows that are, is no fingerprint.
        assert!(summed(&row([Some("2"), None, Some("1")])).is_none());
    }
}
