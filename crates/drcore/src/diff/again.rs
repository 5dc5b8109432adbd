//! Reading by key what differed, on fresh snapshots, until it is certain.

use std::collections::BTreeMap;
use std::time::Duration;

use super::locate::{Form, FoundRow, Locator, Passing, SHOWN, Sink};
use super::reader::Reader;
use super::report::RowChange;
use super::spill::{KeyText, Net};
use crate::collect::Stop;
use crate::content::{RowHash, other_columns};
use crate::error::{Error, ErrorKind, Result};

/// Keys that one statement asks for.
const BATCH: usize = 500;
/// How often what changes all the time is read.
const ROUNDS: u32 = 4;
/// How long to wait before it is.
const PAUSE: Duration = Duration::from_millis(100);
/// Rows that are kept to be read once more.
const MOST_IN_MOTION: usize = 100_000;
/// A row as it was read by its key.
#[derive(Clone, Debug)]
pub(super) struct Read {
    hash: RowHash,
    hashes: Vec<u8>,
    values: Option<Vec<Option<String>>>,
}

/// What differed under a key, and how often in the same way.
#[derive(Clone, Debug)]
struct Candidate {
    key: KeyText,
    net: Net,
    /// How many readings in a row each side was the same.
    same: [u32; 2],
}

/// The rows of one key that differ, with what tells how, where they were read by it.
pub(super) fn rows_of(
    key: Option<&KeyText>,
    net: &Net,
    reads: Option<&[Vec<Read>; 2]>,
    each: &mut dyn FnMut(FoundRow) -> Result<()>,
) -> Result<()> {
    let (of_a, of_b) = (net.a.len() as u64, net.b.len() as u64);
    let changed = if key.is_some() { of_a.min(of_b) } else { 0 };
    let read = |side: usize, hashes: &[RowHash]| {
        let hash = hashes.first()?;
        reads?[side].iter().find(|read| read.hash.reduced() == *hash)
    };
    let (in_a, in_b) = (read(0, &net.a), read(1, &net.b));
    // Of several under one key, nobody knows which became which.
    let columns = match (in_a, in_b) {
        (Some(a), Some(b)) if of_a == 1 && of_b == 1 => a
            .hashes
            .chunks(8)
            .zip(b.hashes.chunks(8))
            .enumerate()
            .filter_map(|(at, (a, b))| (a != b).then_some(at))
            .collect(),
        _ => Vec::new(),
    };
    let values = |read: Option<&Read>| read.and_then(|read| read.values.clone());
    for (change, times, values) in [
        (RowChange::OnlyInA, of_a - changed, [values(in_a), None]),
        (RowChange::OnlyInB, of_b - changed, [None, values(in_b)]),
        (RowChange::Changed, changed, [values(in_a), values(in_b)]),
    ] {
        if times > 0 {
            let columns = if change == RowChange::Changed { columns.clone() } else { Vec::new() };
            each(FoundRow { change, key: key.cloned(), times, columns, values })?;
        }
    }
    Ok(())
}

/// Reads by key what differed, until it is certain.
pub(super) struct Again<'l, 'e> {
    locator: &'l Locator<'e>,
    forms: &'l [Form; 2],
    readers: Option<[Reader; 2]>,
    unsure: Vec<Candidate>,
    passing: Passing,
    by_text: bool,
}

impl<'l, 'e> Again<'l, 'e> {
    pub(super) fn new(locator: &'l Locator<'e>, forms: &'l [Form; 2]) -> Self {
        let passing = Passing::default();
        Self { locator, forms, readers: None, unsure: Vec::new(), passing, by_text: false }
    }

    /// Reads these once more, on snapshots that are younger than what they come from.
    pub(super) async fn take(&mut self, candidates: Vec<(KeyText, Net)>, sink: &mut dyn Sink) -> Result<()> {
        let candidates = candidates.into_iter();
        let candidates: Vec<Candidate> =
            candidates.map(|(key, net)| Candidate { key, net, same: [1, 1] }).collect();
        self.round(candidates, sink).await
    }

    async fn round(&mut self, candidates: Vec<Candidate>, sink: &mut dyn Sink) -> Result<()> {
        for batch in candidates.chunks(BATCH) {
            let (a, b) = self.fetch(batch).await?;
            for (candidate, reads) in batch.iter().zip(a.into_iter().zip(b).map(|(a, b)| [a, b])) {
                let counts = reads[0].iter().map(|read| (read.hash.reduced(), 1));
                let counts = counts.chain(reads[1].iter().map(|read| (read.hash.reduced(), -1)));
                let net = Net::of(added(counts));
                if net.is_empty() {
                    self.passing.settled += 1;
                    continue;
                }
                let mut now = Candidate { key: candidate.key.clone(), net, same: [1, 1] };
                for (side, same) in
                    [now.net.a == candidate.net.a, now.net.b == candidate.net.b].iter().enumerate()
                {
                    if *same {
                        now.same[side] = candidate.same[side] + 1;
                    }
                }
                // Both were the same twice; or one of them was all the time, and the other never like it.
                if now.same.iter().all(|same| *same >= 2) || now.same.iter().any(|same| *same >= 3) {
                    rows_of(Some(&now.key), &now.net, Some(&reads), &mut |row| sink.row(row))?;
                } else if self.unsure.len() < MOST_IN_MOTION {
                    self.unsure.push(now);
                } else {
                    self.passing.in_motion += 1;
                }
            }
        }
        Ok(())
    }

    /// Reads what is not certain yet; gives what did not come to be.
    pub(super) async fn end(mut self, sink: &mut dyn Sink) -> Result<Passing> {
        for _ in 1..ROUNDS {
            let unsure = std::mem::take(&mut self.unsure);
            if unsure.is_empty() {
                break;
            }
            self.hang_up().await;
            let pause = async {
                tokio::time::sleep(PAUSE).await;
                Ok(())
            };
            self.locator.stop.or(pause).await?;
            self.round(unsure, sink).await?;
        }
        self.passing.in_motion += self.unsure.len() as u64;
        self.hang_up().await;
        Ok(self.passing)
    }

    async fn hang_up(&mut self) {
        if let Some(readers) = self.readers.take() {
            let [a, b] = readers;
            tokio::join!(a.end(), b.end());
        }
    }

    /// The rows of these keys on both sides, each in the place of its key.
    async fn fetch(&mut self, batch: &[Candidate]) -> Result<(Vec<Vec<Read>>, Vec<Vec<Read>>)> {
        let Locator { limits, stop, values, .. } = *self.locator;
        let mut lost = false;
        loop {
            let [a, b] = if let Some(readers) = &mut self.readers {
                readers
            } else {
                let [a, b] = [&self.forms[0].url, &self.forms[1].url];
                let (a, b) =
                    tokio::try_join!(Reader::begin(a, limits, stop), Reader::begin(b, limits, stop))?;
                self.readers.insert([a, b])
            };
            let by_text = self.by_text || batch.iter().any(|candidate| candidate.key.contains(&None));
            let (a, b) = tokio::join!(
                fetch_side(a, stop, &self.forms[0], batch, by_text, values),
                fetch_side(b, stop, &self.forms[1], batch, by_text, values)
            );
            match (a, b) {
                (Ok(a), Ok(b)) => return Ok((a, b)),
                (Err(error), _) | (_, Err(error)) => {
                    if error.ends_session() && !std::mem::replace(&mut lost, true) {
                        // Whatever comes is read on fresh snapshots anyway.
                        self.readers = None;
                    } else if !by_text
                        && !self.by_text
                        && error.kind() == ErrorKind::Query
                        && !stop.is_stopped()
                    {
                        // No operator says which are equal without its schema in the search path.
                        self.by_text = true;
                    } else {
                        return Err(error);
                    }
                }
            }
        }
    }
}

/// How often each hash comes, all in all.
fn added(counts: impl Iterator<Item = (RowHash, i64)>) -> BTreeMap<RowHash, i64> {
    let mut sums = BTreeMap::new();
    for (hash, count) in counts {
        *sums.entry(hash).or_default() += count;
    }
    sums.retain(|_, count| *count != 0);
    sums
}

async fn fetch_side(
    reader: &mut Reader,
    stop: &Stop,
    form: &Form,
    batch: &[Candidate],
    by_text: bool,
    values: bool,
) -> Result<Vec<Vec<Read>>> {
    let types: Vec<&str> = form.types.iter().map(String::as_str).collect();
    let keys: Vec<&[Option<String>]> = batch.iter().map(|candidate| candidate.key.as_slice()).collect();
    let types = if by_text { None } else { Some(types.as_slice()) };
    let sql = form.layout.by_keys(&form.from, types, &keys, values.then_some(SHOWN));
    let found: Vec<Vec<Read>> = vec![Vec::new(); batch.len()];
    let expected = if values { 4 } else { 3 };
    reader
        .copy(stop, &sql, form.check.as_deref(), found, move |found, row| {
            let number = row.value(0).and_then(|value| value.try_into().ok()).map(u32::from_be_bytes);
            let hash = row.value(1).and_then(|value| value.try_into().ok()).map(RowHash::from_bytes);
            let (Some(number), Some(hash), Some(hashes)) = (number, hash, row.value(2)) else {
                return Err(other_columns());
            };
            if row.len() != expected {
                return Err(other_columns());
            }
            let values = row.value(3).map(serde_json::from_slice).transpose();
            let values = values.map_err(|error| {
                Error::new(ErrorKind::Unsupported, "the server's values were not understood").caused_by(error)
            })?;
            let rows = usize::try_from(number)
                .ok()
                .and_then(|number| found.get_mut(number))
                .ok_or_else(other_columns)?;
            rows.push(Read { hash, hashes: hashes.to_vec(), values });
            Ok(())
        })
        .await
}
