//! A store looked at from outside: every object that the database has is asked for by itself.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::mpsc;

use super::Rows;
use super::api::{Api, Object, Seen, Unclear, Verdict};
use super::chance::Choice;
use super::compare::{Asking, read_again};
use super::confirm::confirm;
use super::found::Keeper;
use super::reconcile::Buckets;
use super::resume::{Block, Cutter, Known, Notes, Open};
use super::settling::{LOOKS, Settling};
use super::sorted::{self, Mark, Sorted, Sorter};
use crate::collect::FilesProgress;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{BucketFiles, BucketState, Cause, CauseKind, Files, UnclearFiles};
use crate::text::{count, plural};

/// How many objects wait to be asked for.
const WAITING: usize = 256;
/// How many are asked for at first, by chance, to see whether anything can be had at all, while the service answers
/// that it lacks them: a store that has one file in a hundred is found to have some.
const FIRST: u64 = 1000;
/// How many, while it says nothing of use.
const FIRST_UNHEARD: u64 = 200;
/// How many of these at a time.
const FIRST_AT_ONCE: usize = 20;
/// How many of those that could be had are kept, to see later whether anything still can.
const CONTROLS: usize = 5;
/// After so many in a row that could not be had it is looked whether anything still can.
const IN_A_ROW: u32 = 100;
/// What seems wrong is looked at again in parts of so many, between two looks at what can be had.
const PART: usize = 100;
/// How often a part is looked at again, where nothing could be had around it.
const PARTS_AGAIN: u32 = 3;
/// How long to wait before it is looked again whether anything can be had; twice as long each time.
const PAUSE: Duration = Duration::from_secs(1);

/// Objects, asked for one by one.
pub(super) struct Outside {
    pub(super) api: Arc<Api>,
    pub(super) checksums: bool,
    pub(super) buckets: Buckets,
    /// How many are asked for; all where nobody says.
    pub(super) probes: Option<u64>,
    /// Where answers are noted, so that an audit that is interrupted can go on.
    pub(super) resume: Option<PathBuf>,
}

/// What is asked for, in order.
#[derive(Debug)]
enum Piece {
    /// A row, and the block that it is in.
    Row(sorted::Entry, u64),
    /// A block ends: so many rows, and what it is called.
    End(u64, u64, String),
    /// A block that was well before.
    Known(Block),
}

/// What came of asking for objects.
#[derive(Default)]
struct Looked {
    buckets: BTreeMap<String, BucketFiles>,
    candidates: Sorter,
    unclear: BTreeMap<u8, UnclearFiles>,
    /// Of how many it was known from before.
    before: u64,
}

impl Outside {
    /// Asks for the objects of the rows.
    ///
    /// # Errors
    /// The cause, where the service cannot be asked, or not one object of many could be had: it is more likely
    /// that it is the wrong place, or that its store is down, than that every file is gone.
    pub(super) async fn compare(
        &self,
        rows: &Rows,
        asking: Asking<'_>,
        keeper: &mut Keeper,
    ) -> Result<Files, Cause> {
        let told = |error: Error| Cause::from(&error);
        let place = self.api.place();
        self.api.control(&self.buckets).await?;
        let all = rows.sorted.len();
        let wanted = self.probes.unwrap_or(all).min(all);
        tracing::info!(service = place, rows = all, asked = wanted, "asking for objects");
        let mut files = Files {
            store: place,
            vantage: Api::sees(self.checksums).to_owned(),
            checksums: self.checksums,
            rows: all,
            asked: Some(wanted),
            ..Files::default()
        };
        for (bucket, state) in &self.buckets {
            files.buckets.insert(bucket.clone(), BucketFiles { bucket: *state, ..BucketFiles::default() });
        }
        if all == 0 {
            return Ok(files);
        }
        let controls = self.first(&rows.sorted).await?;
        // Of objects that were chosen by chance, others would be chosen the next time.
        let resume = self.resume.as_deref().filter(|_| wanted == all);
        let mut notes = resume.map(|path| Notes::open(path, &files.store, self.checksums)).transpose()?;
        let known = notes.as_ref().map(|notes| Arc::clone(&notes.known));
        let (chosen, counting) = choose(rows.sorted.clone(), wanted, known);
        asking.progress.begin(wanted);
        let first = self.look(chosen, &controls, asking.progress, keeper, notes.as_mut()).await?;
        for (bucket, counted) in joined(counting).await.map_err(told)? {
            self.bucket(&mut files, &bucket).rows = counted.rows;
            self.bucket(&mut files, &bucket).unversioned = counted.unversioned;
            self.bucket(&mut files, &bucket).unsized_rows = counted.unsized_rows;
        }
        let Looked { buckets, candidates, mut unclear, before } = first;
        if let Some(notes) = notes.as_ref().filter(|_| before > 0) {
            files.vantage += &format!(
                "; {} of the {} were asked for by a run that was interrupted, since {:.0}",
                count(before),
                plural(all, "object"),
                notes.began()
            );
        }
        let candidates = candidates.finish().map_err(told)?;
        self.add(&mut files, buckets);
        let settling = Settling::begin(asking);
        let mut candidates = candidates;
        for _ in 0..LOOKS {
            if candidates.len() == 0 {
                break;
            }
            tracing::info!(candidates = candidates.len(), "looking again");
            let settled = settling.wait(&candidates, asking, || None).await.map_err(told)?;
            let now = read_again(&rows.read, asking).await.map_err(told)?;
            asking.progress.begin(candidates.len());
            let second = self.look_again(&candidates, now, &controls, asking.progress, keeper).await?;
            let Looked { buckets, candidates: again, unclear: more, .. } = second;
            // Those that can be had now were asked for before.
            let there = buckets.into_iter().map(|(name, bucket)| (name, BucketFiles { asked: 0, ..bucket }));
            self.add(&mut files, there.collect());
            add_unclear(&mut unclear, more);
            let again = again.finish().map_err(told)?;
            candidates = confirm(&mut files, &candidates, &again, settled, keeper).map_err(told)?;
        }
        files.unclear = settling.unclear(&candidates, keeper).map_err(told)?;
        files.unclear.extend(unclear.into_values());
        for unclear in &mut files.unclear {
            unclear.samples.truncate(keeper.samples);
        }
        // What could not be told can be asked for once more.
        if let Some(notes) = notes.filter(|_| files.unclear.is_empty()) {
            notes.end().map_err(told)?;
        }
        Ok(files)
    }

    fn bucket<'f>(&self, files: &'f mut Files, name: &str) -> &'f mut BucketFiles {
        let state = self.buckets.get(name).copied().unwrap_or(BucketState::Gone);
        files
            .buckets
            .entry(name.to_owned())
            .or_insert_with(|| BucketFiles { bucket: state, ..BucketFiles::default() })
    }

    /// Adds what could be had.
    fn add(&self, files: &mut Files, buckets: BTreeMap<String, BucketFiles>) {
        for (name, counted) in buckets {
            files.objects += counted.objects;
            files.bytes += counted.bytes;
            sum(self.bucket(files, &name), &counted);
        }
    }

    /// Asks for some, by chance, until one can be had: gives those that could be.
    ///
    /// # Errors
    /// The cause, where none of them can.
    async fn first(&self, rows: &Sorted) -> Result<Vec<Object>, Cause> {
        let (mut chosen, counting) = choose(rows.clone(), FIRST, None);
        let mut some = Vec::new();
        while let Some(piece) = chosen.recv().await {
            if let Piece::Row(row, _) = piece {
                some.push(Object::of_row(&row));
            }
        }
        joined(counting).await.map_err(|error| Cause::from(&error))?;
        let mut heard: Vec<(u64, Seen)> = Vec::new();
        for part in some.chunks(FIRST_AT_ONCE) {
            let asking = part.iter().cloned().map(|object| self.ask_for(object));
            let asking: Vec<_> = asking.collect();
            let answers: Vec<(Object, Seen)> = futures::future::join_all(asking).await;
            let there = |(object, seen): (Object, Seen)| {
                let is_there = matches!(seen, Seen::There { .. } | Seen::Unchanged);
                match heard.iter_mut().find(|(_, known)| *known == seen) {
                    Some((times, _)) => *times += 1,
                    None => heard.push((1, seen)),
                }
                is_there.then_some(object)
            };
            let controls: Vec<Object> = answers.into_iter().filter_map(there).take(CONTROLS).collect();
            if !controls.is_empty() {
                return Ok(controls);
            }
            let asked: u64 = heard.iter().map(|(times, _)| times).sum();
            let lacks = heard.iter().any(|(_, seen)| matches!(seen, Seen::Missing));
            if asked >= FIRST_UNHEARD && !lacks {
                break;
            }
        }
        let asked: u64 = heard.iter().map(|(times, _)| times).sum();
        Err(nothing_to_be_had(asked, rows.len(), heard))
    }

    fn ask_for(&self, object: Object) -> impl Future<Output = (Object, Seen)> + Send + use<> {
        let (api, checksums) = (Arc::clone(&self.api), self.checksums);
        async move {
            let seen = api.download(&object, checksums).await;
            (object, seen)
        }
    }

    /// Asks for all that come, and notes what is well.
    ///
    /// # Errors
    /// The cause, where the service stopped to give what it gave before.
    async fn look(
        &self,
        pieces: mpsc::Receiver<Piece>,
        controls: &[Object],
        progress: &FilesProgress,
        keeper: &mut Keeper,
        mut notes: Option<&mut Notes>,
    ) -> Result<Looked, Cause> {
        let told = |error: Error| Cause::from(&error);
        let asking = futures::stream::unfold(pieces, async |mut pieces| {
            let piece = pieces.recv().await?;
            Some((piece, pieces))
        });
        let asking = asking.map(|piece| {
            let asking = match &piece {
                Piece::Row(row, _) => Some(self.ask_for(Object::of_row(row))),
                Piece::End(..) | Piece::Known(_) => None,
            };
            async move {
                match asking {
                    Some(asking) => (piece, Some(asking.await)),
                    None => (piece, None),
                }
            }
        });
        let mut answers = std::pin::pin!(asking.buffer_unordered(self.api.pace().most()));
        let (mut looked, mut open, mut in_a_row) = (Looked::default(), Open::default(), 0);
        while let Some((piece, answer)) = answers.next().await {
            let whole = match (piece, answer) {
                (Piece::Row(row, block), Some((object, seen))) => {
                    progress.seen(1);
                    let is_there = matches!(seen, Seen::There { .. } | Seen::Unchanged);
                    in_a_row = if is_there { 0 } else { in_a_row + 1 };
                    let verdict = seen.against(&object, self.checksums);
                    let whole = match &verdict {
                        _ if notes.is_none() => None,
                        Verdict::Well { size, summed } => {
                            open.well(block, row.place.bucket(), &well(*size, *summed))
                        }
                        Verdict::Wrong(..) | Verdict::Unclear(_) => {
                            open.ill(block);
                            None
                        }
                    };
                    looked.take(row, verdict, keeper).map_err(told)?;
                    whole
                }
                (Piece::Row(..), None) => None,
                (Piece::End(block, rows, key), _) => open.is(block, rows, key),
                (Piece::Known(block), _) => {
                    progress.seen(block.rows);
                    looked.before += block.rows;
                    for (bucket, counted) in block.buckets {
                        sum(looked.buckets.entry(bucket).or_default(), &counted);
                    }
                    None
                }
            };
            if let (Some(notes), Some(block)) = (&mut notes, whole) {
                notes.add(&block).map_err(told)?;
            }
            if in_a_row >= IN_A_ROW {
                self.still_gives(controls).await?;
                in_a_row = 0;
            }
        }
        Ok(looked)
    }

    /// Looks whether something can be had that could be had before.
    ///
    /// # Errors
    /// The cause, where it cannot, although it is asked for over and over.
    async fn still_gives(&self, controls: &[Object]) -> Result<(), Cause> {
        let mut pause = PAUSE;
        for _ in 0..PARTS_AGAIN {
            for object in controls {
                let seen = self.api.download(object, false).await;
                if matches!(seen, Seen::There { .. } | Seen::Unchanged) {
                    return Ok(());
                }
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        Err(Cause::new(
            CauseKind::Connection,
            "the storage service stopped to give files that it gave before: nothing that it said meanwhile counts",
        )
        .hint("Look at the service's log and at its store, and run it again."))
    }

    /// What seemed wrong, once more, as far as its row is still there: between two looks at what can be had, so
    /// that a service which fails for a while is not taken for one that lacks files.
    async fn look_again(
        &self,
        candidates: &Sorted,
        now: Sorted,
        controls: &[Object],
        progress: &FilesProgress,
        keeper: &mut Keeper,
    ) -> Result<Looked, Cause> {
        let told = |error: Error| Cause::from(&error);
        let (mut rows, reading) = still_there(candidates.clone(), now);
        let mut looked = Looked::default();
        loop {
            let mut part = Vec::new();
            while part.len() < PART
                && let Some(row) = rows.recv().await
            {
                part.push(row);
            }
            if part.is_empty() {
                break;
            }
            self.still_gives(controls).await?;
            let asking: Vec<_> = part.iter().map(|row| self.ask_for(Object::of_row(row))).collect();
            let mut answers: Vec<_> =
                futures::stream::iter(asking).buffered(self.api.pace().most()).collect().await;
            self.still_gives(controls).await?;
            progress.seen(part.len() as u64);
            for (row, (object, seen)) in part.into_iter().zip(answers.drain(..)) {
                let verdict = match seen.against(&object, self.checksums) {
                    // The database has it, and did so both times.
                    Verdict::Wrong(Mark::Unknown, ..) => Verdict::Unclear(Unclear::OtherDatabase),
                    verdict => verdict,
                };
                looked.take(row, verdict, keeper).map_err(told)?;
            }
        }
        joined(reading).await.map_err(told)?;
        Ok(looked)
    }
}

/// Adds what could not be told at a later look.
fn add_unclear(unclear: &mut BTreeMap<u8, UnclearFiles>, more: BTreeMap<u8, UnclearFiles>) {
    for (reason, more) in more {
        match unclear.entry(reason) {
            Entry::Vacant(entry) => drop(entry.insert(more)),
            Entry::Occupied(mut entry) => {
                entry.get_mut().files += more.files;
                entry.get_mut().samples.extend(more.samples);
            }
        }
    }
}

impl Looked {
    fn take(&mut self, row: sorted::Entry, verdict: Verdict, keeper: &mut Keeper) -> Result<()> {
        let bucket = self.buckets.entry(row.place.bucket()).or_default();
        match verdict {
            Verdict::Well { size, summed } => sum(bucket, &well(size, summed)),
            Verdict::Wrong(mark, size, words) => {
                bucket.asked += 1;
                if matches!(mark, Mark::Size | Mark::Checksum) {
                    bucket.objects += 1;
                    bucket.bytes += size.unwrap_or(0);
                }
                let modified = None;
                self.candidates.push(&sorted::Entry {
                    place: row.place,
                    size,
                    etag: words,
                    modified,
                    mark,
                })?;
            }
            Verdict::Unclear(unclear) => {
                bucket.asked += 1;
                let known = self.unclear.entry(unclear.place()).or_insert_with(|| UnclearFiles {
                    cause: unclear.cause(),
                    files: 0,
                    samples: Vec::new(),
                });
                known.files += 1;
                keeper.unclear(&row.place, row.size, &known.cause.message)?;
                if known.samples.len() < WAITING {
                    known.samples.push(row.place.path());
                }
            }
        }
        Ok(())
    }
}

/// What an object adds to its bucket that is well.
fn well(size: Option<u64>, summed: Option<bool>) -> BucketFiles {
    BucketFiles {
        asked: 1,
        objects: 1,
        bytes: size.unwrap_or(0),
        summed: u64::from(summed == Some(true)),
        unsummed: u64::from(summed == Some(false)),
        ..BucketFiles::default()
    }
}

/// Adds what could be had.
pub(super) fn sum(all: &mut BucketFiles, more: &BucketFiles) {
    all.asked += more.asked;
    all.objects += more.objects;
    all.bytes += more.bytes;
    all.summed += more.summed;
    all.unsummed += more.unsummed;
}

/// Says of a service that gave nothing what it said instead.
fn nothing_to_be_had(asked: u64, all: u64, mut heard: Vec<(u64, Seen)>) -> Cause {
    heard.sort_by_key(|(times, _)| std::cmp::Reverse(*times));
    let (kind, said, hint) = match heard.first() {
        Some((_, Seen::Failing)) => (
            CauseKind::Error,
            "the storage service fails for each (500)".to_owned(),
            "Its store is down, or its directory is another one than the rows'. Look at the service's log."
                .to_owned(),
        ),
        Some((_, Seen::NoRow)) => (
            CauseKind::Error,
            "the storage service knows none of them".to_owned(),
            "Check the URL: its database is another one than the one that is verified.".to_owned(),
        ),
        Some((_, Seen::Unclear(unclear))) => {
            let cause = unclear.cause();
            (cause.kind, cause.message, cause.hint.unwrap_or_default())
        }
        _ => (
            CauseKind::Error,
            "the storage service has no bytes for them".to_owned(),
            format!(
                "The bucket behind it is not there, or holds another tenant's files (a project restored under another \
                 ref has none of its own). If it is the right place, none of the {} files was restored.",
                count(all)
            ),
        ),
    };
    let message = format!("not one of {} could be downloaded: {said}", plural(asked, "object"));
    Cause::new(kind, message).hint(hint)
}

/// Reads on a thread of its own.
type Reading<T> = tokio::task::JoinHandle<Result<T>>;

async fn joined<T>(reading: Reading<T>) -> Result<T> {
    reading.await.map_err(|error| {
        Error::new(ErrorKind::Internal, "reading the rows came to an unexpected end").caused_by(error)
    })?
}

/// So many of the rows, chosen by chance, in their order, and in blocks where some are known from before; and how many
/// there are in each bucket.
fn choose(
    rows: Sorted,
    wanted: u64,
    known: Option<Known>,
) -> (mpsc::Receiver<Piece>, Reading<BTreeMap<String, BucketFiles>>) {
    let (send, receive) = mpsc::channel(WAITING);
    let reading = tokio::task::spawn_blocking(move || {
        let mut choice = Choice::new(wanted, rows.len());
        let mut buckets: BTreeMap<String, BucketFiles> = BTreeMap::new();
        let mut cutter = Cutter::default();
        let mut block = 0;
        // Whoever asked may have given up.
        let mut send_block = |ended: Option<(String, Vec<sorted::Entry>)>, known: &Known| {
            let Some((key, rows)) = ended else { return true };
            if let Some(block) = known.get(&key) {
                return send.blocking_send(Piece::Known(block.clone())).is_ok();
            }
            block += 1;
            let count = rows.len() as u64;
            rows.into_iter().all(|row| send.blocking_send(Piece::Row(row, block)).is_ok())
                && send.blocking_send(Piece::End(block, count, key)).is_ok()
        };
        let mut reading = rows.read()?;
        while let Some(row) = reading.next()? {
            let bucket = buckets.entry(row.place.bucket()).or_default();
            bucket.rows += 1;
            bucket.unversioned += u64::from(row.mark == Mark::Unversioned);
            bucket.unsized_rows += u64::from(row.size.is_none());
            if !choice.takes() {
                continue;
            }
            let goes_on = match &known {
                Some(known) => send_block(cutter.push(row), known),
                None => send.blocking_send(Piece::Row(row, 0)).is_ok(),
            };
            if !goes_on {
                return Ok(buckets);
            }
        }
        if let Some(known) = &known {
            send_block(cutter.take(), known);
        }
        Ok(buckets)
    });
    (receive, reading)
}

/// The rows of what seemed wrong, as they are by now, where they are still there.
fn still_there(candidates: Sorted, now: Sorted) -> (mpsc::Receiver<sorted::Entry>, Reading<()>) {
    let (send, receive) = mpsc::channel(WAITING);
    let reading = tokio::task::spawn_blocking(move || {
        let (mut candidates, mut now) = (candidates.read()?, now.read()?);
        while let (Some(was), Some(is)) = (candidates.place(), now.place()) {
            match was.cmp(is) {
                Ordering::Less => candidates.pass()?,
                Ordering::Greater => now.pass()?,
                Ordering::Equal => {
                    let Some(row) = now.next()? else { break };
                    candidates.pass()?;
                    if send.blocking_send(row).is_err() {
                        break;
                    }
                }
            }
        }
        Ok(())
    });
    (receive, reading)
}
