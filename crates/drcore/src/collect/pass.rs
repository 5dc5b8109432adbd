//! One pass over a table: which statement, in which parts, and what becomes of what it showed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::answer::{not_understood, number};
use super::gathering::{Gathering, Lessons, Part};
use super::job::{KeyColumn, SAMPLE, TENANTS, is_of_one};
use super::orphans::CountOrphans;
use super::references::Countable;
use super::shard::Shard;
use super::sizes;
use super::storage::Storage;
use crate::connect::{Chunks, Rows, Session};
use crate::content::{
    Besides, Blocks, Content, ContentScan, ContentWay, Copied, Coverage, Fingerprint, KeySet, Layout, METHOD,
    Probe, Probed, SampleForm, Scanner, Scratch, Sketch, Tally, has_extremes, has_hours, has_tenants,
};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::catalog::{Catalog, Column, Relation};
use crate::evidence::{Cause, Evidence, Fact, OrphanSample, Orphans, RowKeys, TableParts, TableScan};
use crate::reference::Reference;
use crate::sql::QualifiedName;

/// Cells of a sketch for a table of which nobody knows how large it is, as a power of two.
const UNKNOWN_BITS: u32 = 14;

/// One pass over a table, in one part or in several.
#[derive(Debug)]
pub(super) struct Pass {
    pub(super) name: QualifiedName,
    from: String,
    storage: Storage,
    layout: Layout,
    method: Method,
    /// Whether the number of rows is asked for.
    counts: bool,
    /// Cells of the sketch, as a power of two; none where no sketch is needed.
    bits: Option<u32>,
    /// Columns whose extremes come out of the same pass.
    extremes: Vec<String>,
    /// Columns by which rows are counted in the same pass: tenant and hour.
    spread: Option<(Option<String>, Option<String>)>,
    /// References whose orphans come out of the same pass, and how their parents are looked up.
    references: Vec<Reference>,
    probes: Vec<Probe>,
    /// The columns by which orphans are named.
    key: Vec<String>,
    /// Whether only the sketch is wanted, the rest being known.
    only_sketch: bool,
    /// Whose share of the table is read, where others read the rest.
    shard: Option<Shard>,
    gathering: Mutex<Gathering>,
    lessons: Lessons,
}

/// One part of it.
#[derive(Clone, Debug)]
pub(super) struct PassJob {
    pub(super) pass: Arc<Pass>,
    probes: Arc<[Probe]>,
    part: Part,
}

/// What is asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    /// Some columns of every row, of which no content comes.
    Columns,
    /// The key and the hash of every row.
    Hashes,
    /// Every row.
    Rows,
    /// The sum.
    Sum,
}

impl Pass {
    /// Which statements read the content of this table.
    ///
    /// # Errors
    /// The cause, where it cannot be compared with the baseline, or its structure could not be read.
    pub(super) fn of_content(
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
        Ok(Self { bits, ..Self::new(relation, layout, method, storage) })
    }

    /// Which statements read these columns of a table, as far as it has them.
    ///
    /// # Errors
    /// The cause, where columns could not be read.
    pub(super) fn of_columns(
        relation: &Relation,
        names: &BTreeSet<String>,
        catalog: &Catalog,
        storage: Storage,
    ) -> Result<Self, Cause> {
        let columns = catalog.columns_of(&relation.name)?.iter();
        let columns: Vec<Column> = columns.filter(|column| names.contains(&column.name)).cloned().collect();
        Ok(Self::new(relation, Layout::new(&columns, &[]), Method::Columns, storage))
    }

    fn new(relation: &Relation, layout: Layout, method: Method, storage: Storage) -> Self {
        Self {
            name: relation.name.clone(),
            from: relation.from_sql(),
            storage,
            layout,
            method,
            counts: method != Method::Columns,
            bits: None,
            extremes: Vec::new(),
            spread: None,
            references: Vec::new(),
            probes: Vec::new(),
            key: Vec::new(),
            only_sketch: false,
            shard: None,
            gathering: Mutex::default(),
            lessons: Lessons::default(),
        }
    }

    /// The parts in which it is read.
    pub(super) fn jobs(mut self, bytes: u64, blocks: Option<u32>) -> Vec<PassJob> {
        let share = self.shard.and_then(|shard| shard.parts(&self.storage, blocks));
        if let Some(parts) = &share {
            self.gathering = Mutex::new(Gathering::of_share(&self.storage, parts));
        }
        let parts = share.unwrap_or_else(|| Part::of(&self.storage, bytes, blocks));
        let probes: Arc<[Probe]> = std::mem::take(&mut self.probes).into();
        let pass = Arc::new(self);
        let job = |part| PassJob { pass: Arc::clone(&pass), probes: Arc::clone(&probes), part };
        parts.into_iter().map(job).collect()
    }

    /// Only what tells which rows differ.
    pub(super) fn only_sketch(mut self) -> Self {
        self.only_sketch = true;
        if self.method == Method::Sum {
            self.method = Method::Hashes;
        }
        self
    }

    /// Only the share of this shard, where the table is divided among all of them.
    pub(super) fn of_shard(mut self, shard: Option<Shard>, blocks: Option<u32>) -> Self {
        self.shard = shard.filter(|shard| shard.parts(&self.storage, blocks).is_some());
        self
    }

    /// Whether the values of columns come by, those of all rows.
    pub(super) fn has_values(&self) -> bool {
        self.shard.is_none() && matches!(self.method, Method::Columns | Method::Rows)
    }

    /// Takes over what this pass can answer as well: the number of rows, where it is asked for, and the extremes
    /// of columns; gives back the columns that it cannot.
    pub(super) fn take_over(&mut self, rows: bool, columns: Vec<String>) -> Vec<String> {
        self.counts |= rows;
        let (taken, left) = columns.into_iter().partition(|column| {
            self.has_values() && self.form(column).is_some_and(|(_, form)| has_extremes(form))
        });
        self.extremes = taken;
        left
    }

    /// Takes over counting per tenant and hour, where this pass can. Says whether.
    pub(super) fn take_spread(&mut self, tenant: Option<&String>, hour: Option<&String>) -> bool {
        let can = |column: Option<&String>, of: fn(&str) -> bool| {
            column.is_none_or(|column| self.form(column).is_some_and(|(_, form)| of(form)))
        };
        let taken = self.has_values() && can(tenant, has_tenants) && can(hour, has_hours);
        if taken {
            self.spread = Some((tenant.cloned(), hour.cloned()));
        }
        taken
    }

    /// Takes over counting the orphans of a reference, among these parents. Says whether it can.
    pub(super) fn take_reference(
        &mut self,
        countable: &Countable,
        parents: &Arc<KeySet>,
        key: &[KeyColumn],
        tenant: Option<&String>,
    ) -> bool {
        let reference = &countable.reference;
        let places = reference.child_columns.iter().map(|column| self.layout.place(column));
        let Some(places) = places.collect::<Option<Vec<_>>>().filter(|_| self.has_values()) else {
            return false;
        };
        self.key = key.iter().map(|column| column.name.clone()).collect();
        let key = key.iter().map(|column| {
            let at = self.layout.place(&column.name).filter(|_| column.plain)?;
            Some((at, self.layout.forms()[at]))
        });
        let tenant = tenant.map(|tenant| self.form(tenant).filter(|(_, form)| has_tenants(form)));
        let sample = match (key.collect(), tenant) {
            (Some(key), None) => SampleForm::new(key, None, SAMPLE, TENANTS),
            (Some(key), Some(Some(tenant))) => SampleForm::new(key, Some(tenant), SAMPLE, TENANTS),
            _ => None,
        };
        let (parents, shape) = (Arc::clone(parents), countable.shape.clone());
        self.probes.push(Probe::new(parents, shape, places, reference.match_full, sample));
        self.references.push(reference.clone());
        true
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

    /// Keeps what this shard's parts came to in the Evidence.
    fn keep_share(
        &self,
        shard: Shard,
        blocks: Coverage,
        answer: Result<ContentScan, Cause>,
        evidence: &mut Evidence,
    ) {
        let (cause, parts) = match answer {
            Ok(ContentScan { rows, fingerprint, sketch, .. }) => {
                let sketched = sketch.is_some();
                if let Some(sketch) = sketch {
                    evidence.sketched.insert(self.name.clone(), sketch);
                }
                let heaps = self.storage.heaps.iter().map(|heap| heap.name.clone()).collect();
                let content = self.content(rows, fingerprint);
                (shard.left(), Some(TableParts { heaps, blocks, content, sketched }))
            }
            Err(cause) => (cause, None),
        };
        let scan = evidence.scans.tables.entry(self.name.clone()).or_default();
        scan.content = Fact::Unread(cause.clone());
        if self.counts {
            scan.rows = Fact::Unread(cause);
        }
        if let Some(parts) = parts {
            evidence.scans.parts.insert(self.name.clone(), Fact::Read(parts));
        }
    }

    fn content(&self, rows: u64, fingerprint: Fingerprint) -> Content {
        Content {
            method: METHOD,
            rows,
            fingerprint,
            columns: self.layout.columns(),
            key: self.layout.key_names(),
        }
    }

    /// Keeps what all parts came to in the Evidence.
    fn keep(&self, answer: Result<ContentScan, Cause>, probes: &[Probe], evidence: &mut Evidence) {
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
        let ContentScan { rows, fingerprint, sketch, ranges, tally, probed } = match answer {
            Ok(scan) => scan,
            // What else this pass would have answered is asked by itself in the next round.
            Err(cause) if self.method != Method::Columns => {
                evidence.scans.tables.entry(self.name.clone()).or_default().content = Fact::Unread(cause);
                return;
            }
            // So has the server been, unless nobody is to be asked any more.
            Err(cause) => {
                for reference in self.references.iter().filter(|_| !is_of_one(&cause)) {
                    evidence.scans.orphans.insert(reference.key(), Fact::Unread(cause.clone()));
                }
                return;
            }
        };
        let mut scan = evidence.scans.tables.remove(&self.name).unwrap_or_default();
        // What is more than can be counted here is asked of the server in the next round.
        if let Some((tally, (tenant, hour))) = tally.zip(self.spread.clone())
            && let Some(spread) = tally.spread(tenant, hour)
        {
            scan.spread = Fact::Read(spread);
        }
        if self.counts {
            scan.rows = Fact::Read(rows);
        }
        if self.method != Method::Columns {
            scan.content = Fact::Read(self.content(rows, fingerprint));
        }
        let extremes = ranges.iter().map(|range| Fact::Read(range.extremes()));
        scan.extremes.extend(self.extremes.iter().cloned().zip(extremes));
        // A table of which only the orphans were asked is not among those whose rows were.
        if scan != TableScan::default() {
            evidence.scans.tables.insert(self.name.clone(), scan);
        }
        if let Some(sketch) = sketch {
            evidence.sketched.insert(self.name.clone(), sketch);
        }
        for ((reference, probe), probed) in self.references.iter().zip(probes).zip(probed) {
            self.keep_orphans(reference.key(), probe, &probed, evidence);
        }
    }

    fn keep_orphans(&self, key: String, probe: &Probe, probed: &Probed, evidence: &mut Evidence) {
        let orphans = Orphans::new(probed.rows, probed.half_null);
        evidence.scans.orphans.insert(key.clone(), Fact::Read(orphans));
        evidence.run.counted_here.insert(key.clone());
        // Where there are none, nobody asks who they are.
        let Some(sampled) = probe.sampled(probed).filter(|_| probed.rows > 0) else { return };
        let keys = sampled.keys.into_iter().map(|key| key.into_iter().map(Some).collect());
        let sample = OrphanSample {
            keys: RowKeys { columns: self.key.clone(), rows: keys.collect() },
            tenants_total: sampled.tenants.as_ref().map(|tenants| tenants.len() as u64),
            tenants: sampled.tenants.unwrap_or_default(),
            missing_parents: sampled.missing,
        };
        evidence.scans.orphan_samples.insert(key, Fact::Read(sample));
    }
}

impl PassJob {
    /// Reads it.
    pub(super) async fn read(&self, session: &Session, check: Option<&str>) -> Result<ContentScan> {
        let pass = &self.pass;
        let (from, blocks) = match self.part {
            Part::Whole => (pass.from.clone(), Blocks::ALL),
            Part::Blocks(at, blocks) => match pass.storage.heaps.get(at) {
                Some(heap) => (format!("only {}", heap.name.to_sql()), blocks),
                None => return Err(Error::new(ErrorKind::Internal, "there is no such part of the table")),
            },
        };
        let (sql, copied) = match pass.method {
            Method::Sum => {
                let rows = session.scan(&pass.layout.server_side(&from, blocks), check).await?;
                return summed(&rows).ok_or_else(|| {
                    Error::new(ErrorKind::Unsupported, "the server's sum of hashes was not understood")
                });
            }
            Method::Columns => (pass.layout.copy(&from, blocks), Copied::Columns),
            Method::Hashes => (pass.layout.hashes(&from, blocks), Copied::Hashes),
            Method::Rows => (pass.layout.copy(&from, blocks), Copied::Rows),
        };
        let besides = Besides {
            extremes: pass.extremes.iter().filter_map(|name| pass.layout.place(name)).collect(),
            tally: pass.tally(),
            probes: Arc::clone(&self.probes),
        };
        let mut scanner = Scanner::new(pass.layout.clone(), copied, pass.bits, besides);
        let take = move |chunks: Chunks| {
            let mut scratch = Scratch::default();
            chunks.each(|bytes, _| scanner.feed(bytes, &mut scratch))?;
            scanner.finish()
        };
        session.copy_apart(&sql, check, take).await
    }

    /// Adds the answer to those of the other parts, and keeps what all came to. Gives the rows that were read.
    pub(super) fn keep(&self, answer: Result<ContentScan, Cause>, evidence: &mut Evidence) -> u64 {
        let pass = &self.pass;
        let rows = answer.as_ref().map_or(0, |scan| scan.rows);
        let (together, blocks) = {
            let mut gathering = pass.gathering.lock().unwrap_or_else(PoisonError::into_inner);
            let together = gathering.add(&pass.name, &pass.storage, self.part, &self.probes, answer);
            (together, gathering.share().cloned())
        };
        match (together, pass.shard.zip(blocks)) {
            (Some(together), Some((shard, blocks))) => pass.keep_share(shard, blocks, together, evidence),
            (Some(together), None) => pass.keep(together, &self.probes, evidence),
            (None, _) => {}
        }
        if pass.only_sketch { 0 } else { rows }
    }

    /// What takes its place where it took longer than a statement may.
    pub(super) fn split(&self, cause: &Cause) -> Vec<Self> {
        self.parts(self.part.split(cause, &self.pass.storage, &self.pass.lessons))
    }

    /// The same where a part of this size took too long already.
    pub(super) fn split_before(&self) -> Vec<Self> {
        self.parts(self.part.split_before(&self.pass.storage, &self.pass.lessons))
    }

    fn parts(&self, parts: Vec<Part>) -> Vec<Self> {
        parts.into_iter().map(|part| Self { part, ..self.clone() }).collect()
    }

    /// Another part could not be read: there is no use in this one.
    pub(super) fn hopeless(&self) -> Option<&Cause> {
        self.pass.lessons.hopeless()
    }

    /// Whether it is but a part of the table.
    pub(super) fn is_part(&self) -> bool {
        self.part.is_part()
    }

    /// This part cannot be read, and so the table cannot. Gives what the server may be asked instead: all that
    /// the pass is for, once.
    pub(super) fn give_up(&self, cause: &Cause) -> &[Reference] {
        let is_first = self.pass.lessons.give_up(cause);
        if is_first && self.pass.method == Method::Columns { &self.pass.references } else { &[] }
    }

    /// The orphans of a reference of this table, counted by the server.
    pub(super) fn counted_apart(&self, reference: Reference) -> CountOrphans {
        CountOrphans::of(reference, self.pass.storage.clone())
    }

    /// How many bytes it reads, roughly.
    pub(super) fn bytes(&self) -> u64 {
        self.part.bytes(&self.pass.storage)
    }

    /// Its share of so many rows of the table.
    pub(super) fn share(&self, rows: u64) -> u64 {
        let part = u128::from(rows) * u128::from(self.bytes()) / u128::from(self.pass.storage.bytes.max(1));
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
