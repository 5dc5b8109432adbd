//! Progress of a collection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::error::Result;
use crate::text::{Unit, bytes, count};

/// How far a collection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Progress")]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// How many statements of this phase are answered; of files, how many were looked at.
    pub done: u64,
    /// How many statements this phase has; of files, about how many there are.
    pub total: u64,
    /// Rows counted so far, in all phases.
    pub rows: u64,
    /// Bytes of tables that were read so far, in all phases, as they are stored; 0 while nobody knows.
    pub bytes: u64,
    /// Bytes that are to be read, as far as is known by now.
    pub bytes_total: u64,
    /// Bytes read in a second, since the first table was begun; 0 while nobody knows.
    pub bytes_per_second: u64,
    /// How many files are looked at in a second; 0 while nobody knows.
    pub files_per_second: u64,
    /// How much longer it takes if it goes on like this; in milliseconds in JSON. None while nobody knows.
    #[serde(
        rename = "left_ms",
        serialize_with = "maybe_milliseconds",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<u64>")]
    pub left: Option<Duration>,
    /// Since the collection began; in milliseconds in JSON.
    #[serde(rename = "elapsed_ms", serialize_with = "milliseconds")]
    #[schemars(with = "u64")]
    pub elapsed: Duration,
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "Phase")]
#[non_exhaustive]
pub enum Phase {
    /// Reading the catalog.
    Catalog,
    /// Restoring: `done` and `total` are objects, `bytes` the size of the database.
    Restore,
    /// Reading the tables.
    Scan,
    /// Looking at the files of a store.
    Files,
    /// Dumping: bytes are those of the dump that are stored; rows and statements are the baseline's.
    Dump,
    /// Fetching or sending what is stored.
    Transfer,
    /// Copying rows into another database: `done` and `total` are parts of tables.
    Copy,
}

impl Phase {
    /// The word on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::Restore => "restore",
            Self::Scan => "scan",
            Self::Files => "files",
            Self::Dump => "dump",
            Self::Transfer => "transfer",
            Self::Copy => "copy",
        }
    }
}

impl Progress {
    /// How far a restore is: so many of its objects, so large a database.
    pub(crate) fn of_restore(done: u64, total: u64, bytes: u64, elapsed: Duration) -> Self {
        Self {
            phase: Phase::Restore,
            done,
            total,
            rows: 0,
            bytes,
            bytes_total: 0,
            bytes_per_second: 0,
            files_per_second: 0,
            left: None,
            elapsed,
        }
    }

    /// So many parts of tables are copied, and so many rows with them.
    pub(crate) fn of_copy(done: u64, total: u64, rows: u64, elapsed: Duration) -> Self {
        let left = left(done, total, elapsed).filter(|_| elapsed >= SOON);
        Self { phase: Phase::Copy, rows, left, ..Self::of_restore(done, total, 0, elapsed) }
    }

    /// A dump of which so many bytes are stored, and the baseline beside it.
    pub(crate) fn dumping(baseline: Option<Self>, bytes: u64, elapsed: Duration) -> Self {
        let of = |number: fn(Self) -> u64| baseline.map_or(0, number);
        Self {
            phase: Phase::Dump,
            done: of(|baseline| baseline.done),
            total: of(|baseline| baseline.total),
            rows: of(|baseline| baseline.rows),
            bytes,
            bytes_total: 0,
            bytes_per_second: rate(bytes, elapsed),
            files_per_second: 0,
            left: None,
            elapsed,
        }
    }

    /// Of so many bytes, these were read of what is stored, or written.
    pub(crate) fn transferring(bytes: u64, bytes_total: u64, elapsed: Duration) -> Self {
        let bytes_per_second = rate(bytes, elapsed);
        let left = bytes_total.saturating_sub(bytes).checked_div(bytes_per_second).map(Duration::from_secs);
        let phase = Phase::Transfer;
        Self {
            phase,
            done: 0,
            total: 0,
            rows: 0,
            bytes,
            bytes_total,
            bytes_per_second,
            files_per_second: 0,
            left,
            elapsed,
        }
    }

    /// Of two collections: as far as the one that is less far.
    fn and(self, other: Self) -> Self {
        Self {
            phase: self.phase.min(other.phase),
            done: self.done + other.done,
            total: self.total + other.total,
            rows: self.rows + other.rows,
            bytes: self.bytes + other.bytes,
            bytes_total: self.bytes_total + other.bytes_total,
            bytes_per_second: self.bytes_per_second + other.bytes_per_second,
            files_per_second: self.files_per_second + other.files_per_second,
            // Both go on at the same time; of one that is not known, nor is the end of both.
            left: self.left.zip(other.left).map(|(own, others)| own.max(others)),
            elapsed: self.elapsed.max(other.elapsed),
        }
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }
}

impl Progress {
    /// `reading tables: 12,345 rows, 1.2 of 3.4 GB, 210 MB a second`: fits a terminal of 80 columns.
    pub fn sentence(&self) -> String {
        let mut text = match self.phase {
            Phase::Catalog => return format!("reading the {}", self.phase.as_str()),
            Phase::Restore if self.bytes == 0 => return "restoring".to_owned(),
            Phase::Restore => return format!("restoring: {}", bytes(self.bytes)),
            Phase::Files => {
                let mut text = format!("files: {} of about {}", count(self.done), count(self.total));
                if self.files_per_second > 0 {
                    text += &format!(", {} a second", count(self.files_per_second));
                }
                return text;
            }
            Phase::Scan => format!("reading tables: {} rows", count(self.rows)),
            Phase::Dump => format!("dumping: {}", bytes(self.bytes)),
            Phase::Transfer => "reading the backup".to_owned(),
            Phase::Copy => format!("copying: {} rows", count(self.rows)),
        };
        if self.bytes_total > 0 {
            let unit = Unit::of(self.bytes_total);
            text +=
                &format!(", {} of {} {}", unit.number(self.bytes), unit.number(self.bytes_total), unit.name);
        }
        if self.bytes_per_second > 0 {
            let unit = Unit::of(self.bytes_per_second);
            text += &format!(", {} {} a second", unit.number(self.bytes_per_second), unit.name);
        }
        if self.phase == Phase::Dump && self.rows > 0 {
            text += &format!("; baseline: {} rows", count(self.rows));
        }
        text
    }

    /// `12 of 34, 5 min left`.
    pub fn steps(&self) -> String {
        let left = match self.left {
            Some(left) if self.phase >= Phase::Scan => format!(", {} left", span(left)),
            _ => String::new(),
        };
        format!("{} of {}{left}", count(self.done), count(self.total))
    }
}

/// None while it would be chance.
fn rate(bytes: u64, elapsed: Duration) -> u64 {
    if elapsed < SOON { 0 } else { per_second(bytes, elapsed) }
}

/// No finer than it is known.
fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..=99 => format!("{seconds} s"),
        seconds @ 100..=5_999 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

fn milliseconds<S: Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn maybe_milliseconds<S: Serializer>(left: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match left {
        Some(left) => milliseconds(left, serializer),
        None => serializer.serialize_none(),
    }
}

/// What the caller is told by.
type Listener = Arc<dyn Fn(Progress) + Send + Sync>;

/// Two listeners for two collections at the same time: what they hear is told as one.
pub(crate) fn both(tell: &Listener) -> [Listener; 2] {
    let latest: Arc<Mutex<[Option<Progress>; 2]>> = Arc::default();
    [0, 1].map(|side| -> Listener {
        let (tell, latest) = (Arc::clone(tell), Arc::clone(&latest));
        Arc::new(move |progress| {
            // Told while it is locked, so that nobody hears of less after more.
            let mut latest = latest.lock().unwrap_or_else(PoisonError::into_inner);
            latest[side] = Some(progress);
            if let Some(together) = latest.iter().copied().flatten().reduce(Progress::and) {
                tell(together);
            }
        })
    })
}

/// Counts, and tells the caller.
pub(super) struct Tracker {
    tell: Option<Listener>,
    started: Instant,
    done: AtomicU64,
    total: AtomicU64,
    rows: AtomicU64,
    bytes: AtomicU64,
    bytes_total: AtomicU64,
    /// When the first table was begun.
    scanning: OnceLock<Instant>,
}

/// What is told of the first moments is chance.
const SOON: Duration = Duration::from_millis(500);

impl Tracker {
    pub(super) fn new(tell: Option<Listener>) -> Self {
        Self {
            tell,
            started: Instant::now(),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            bytes_total: AtomicU64::new(0),
            scanning: OnceLock::new(),
        }
    }

    /// A round of so many statements, which read so many bytes.
    pub(super) fn begin(&self, phase: Phase, total: usize, bytes: u64) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total as u64, Ordering::Relaxed);
        self.bytes_total.fetch_add(bytes, Ordering::Relaxed);
        if phase == Phase::Scan {
            self.scanning.get_or_init(Instant::now);
        }
        self.report(phase);
    }

    /// There are so many statements more in this round.
    pub(super) fn more(&self, statements: usize) {
        self.total.fetch_add(statements as u64, Ordering::Relaxed);
    }

    pub(super) fn step(&self, phase: Phase, rows: u64, bytes: u64) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.report(phase);
    }

    fn report(&self, phase: Phase) {
        let Some(tell) = &self.tell else { return };
        let of = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let (done, total) = (of(&self.done), of(&self.total));
        let (bytes, bytes_total) = (of(&self.bytes), of(&self.bytes_total));
        let scanned = self.scanning.get().map(Instant::elapsed).filter(|scanned| *scanned >= SOON);
        // By the bytes, where they are known: statements are of all sizes.
        let (so_far, all) = if bytes_total > 0 { (bytes, bytes_total) } else { (done, total) };
        tell(Progress {
            phase,
            done,
            total,
            rows: of(&self.rows),
            bytes,
            bytes_total,
            bytes_per_second: scanned.map_or(0, |scanned| per_second(bytes, scanned)),
            files_per_second: 0,
            left: scanned.and_then(|scanned| left(so_far, all, scanned)),
            elapsed: self.started.elapsed(),
        });
    }
}

/// The last that was told, and whoever is told, of a collection that goes on with files.
#[derive(Clone, Default)]
pub(super) struct Told {
    tell: Option<Listener>,
    last: Arc<Mutex<Option<Progress>>>,
}

impl Told {
    pub(super) fn new(tell: Option<Listener>) -> Self {
        Self { tell, last: Arc::default() }
    }

    /// What keeps in mind what was told.
    pub(super) fn listener(&self) -> Option<Listener> {
        let (tell, last) = (Arc::clone(self.tell.as_ref()?), Arc::clone(&self.last));
        Some(Arc::new(move |progress| {
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
            tell(progress);
        }))
    }
}

/// Counts files, and tells the caller.
pub(crate) struct FilesProgress {
    told: Told,
    since: Duration,
    started: Instant,
    state: Mutex<FilesState>,
}

#[derive(Clone, Copy)]
struct FilesState {
    began: Instant,
    done: u64,
    total: u64,
    told: Option<Instant>,
}

/// Files come by the thousand: so often somebody hears of them, at most.
const FILES_EVERY: Duration = Duration::from_millis(100);

impl FilesProgress {
    pub(super) fn new(told: Told) -> Self {
        let last = *told.last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let state = Mutex::new(FilesState { began: now, done: 0, total: 0, told: None });
        Self { told, since: last.map_or(Duration::ZERO, |last| last.elapsed), started: now, state }
    }

    /// A look at about so many.
    pub(crate) fn begin(&self, total: u64) {
        let state = FilesState { began: Instant::now(), done: 0, total, told: None };
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.seen(0);
    }

    /// So many more were looked at.
    pub(crate) fn seen(&self, files: u64) {
        let Some(tell) = &self.told.tell else { return };
        let state = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.done += files;
            if state.told.is_some_and(|told| told.elapsed() < FILES_EVERY) {
                return;
            }
            state.told = Some(Instant::now());
            *state
        };
        let last = *self.told.last.lock().unwrap_or_else(PoisonError::into_inner);
        let so_far = Some(state.began.elapsed()).filter(|so_far| *so_far >= SOON);
        tell(Progress {
            phase: Phase::Files,
            done: state.done,
            total: state.total.max(state.done),
            rows: last.map_or(0, |last| last.rows),
            bytes: last.map_or(0, |last| last.bytes),
            bytes_total: last.map_or(0, |last| last.bytes_total),
            bytes_per_second: 0,
            files_per_second: so_far.map_or(0, |so_far| per_second(state.done, so_far)),
            left: so_far.and_then(|so_far| left(state.done, state.total, so_far)),
            elapsed: self.since + self.started.elapsed(),
        });
    }
}

fn per_second(number: u64, time: Duration) -> u64 {
    u64::try_from(u128::from(number) * 1_000 / time.as_millis().max(1)).unwrap_or(u64::MAX)
}

/// How long the rest takes, if so much took so long.
fn left(so_far: u64, all: u64, time: Duration) -> Option<Duration> {
    let rest = u128::from(all.saturating_sub(so_far)) * time.as_millis()
        / u128::from((so_far > 0).then_some(so_far)?);
    Some(Duration::from_millis(u64::try_from(rest).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_collections_are_told_as_one() {
        let told: Arc<Mutex<Vec<(Phase, u64, u64)>>> = Arc::default();
        let keep = Arc::clone(&told);
        let tell: Listener = Arc::new(move |progress| {
            keep.lock().unwrap().push((progress.phase, progress.done, progress.total));
        });
        let [one, other] = both(&tell).map(|tell| Tracker::new(Some(tell)));
        one.begin(Phase::Catalog, 2, 0);
        other.begin(Phase::Catalog, 3, 0);
        one.step(Phase::Catalog, 0, 0);
        other.begin(Phase::Scan, 10, 0);
        one.begin(Phase::Scan, 5, 0);
        let expected = [
            (Phase::Catalog, 0, 2),
            (Phase::Catalog, 0, 5),
            (Phase::Catalog, 1, 5),
            (Phase::Catalog, 1, 12),
            (Phase::Scan, 0, 15),
        ];
        assert_eq!(*told.lock().unwrap(), expected);
    }

    #[test]
    fn the_rest_takes_as_long_as_what_was_done() {
        let second = Duration::from_secs(1);
        assert_eq!(left(25, 100, second), Some(3 * second));
        assert_eq!(left(100, 100, second), Some(Duration::ZERO));
        // More than was expected, and nothing yet.
        assert_eq!(left(120, 100, second), Some(Duration::ZERO));
        assert_eq!(left(0, 100, second), None);
        assert_eq!(
            left(1, u64::MAX, Duration::from_secs(u64::MAX / 1_000)),
            Some(Duration::from_millis(u64::MAX))
        );
        assert_eq!(per_second(3_000, Duration::from_millis(1_500)), 2_000);
        assert_eq!(per_second(7, Duration::ZERO), 7_000);
    }

    fn told(rows: u64, bytes: u64, bytes_total: u64) -> Progress {
        Progress {
            phase: Phase::Scan,
            done: 12,
            total: 3_456,
            rows,
            bytes,
            bytes_total,
            bytes_per_second: bytes / 10,
            files_per_second: 0,
            left: Some(Duration::from_secs(300)),
            elapsed: Duration::from_secs(10),
        }
    }

    #[test]
    fn it_is_said_in_words_that_fit_a_terminal() {
        let progress = told(12_345, 1_234_567_890, 3_400_000_000);
        assert_eq!(progress.sentence(), "reading tables: 12,345 rows, 1.2 of 3.4 GB, 123 MB a second");
        assert_eq!(progress.steps(), "12 of 3,456, 5 min left");
        assert_eq!(told(7, 0, 0).sentence(), "reading tables: 7 rows");
        let catalog = Progress { phase: Phase::Catalog, left: None, ..progress };
        assert_eq!(
            (catalog.sentence().as_str(), catalog.steps().as_str()),
            ("reading the catalog", "12 of 3,456")
        );
        let files = Progress { phase: Phase::Files, done: 1_234_567_890, total: 12_345_678_901, ..progress };
        let files = Progress { files_per_second: 123_456, ..files };
        assert_eq!(files.sentence(), "files: 1,234,567,890 of about 12,345,678,901, 123,456 a second");
        assert_eq!(files.steps(), "1,234,567,890 of 12,345,678,901, 5 min left");
        assert!(files.sentence().len() <= 72);
        // A trillion rows of a petabyte, in a line that begins with `drcore: `.
        let wide = told(1_234_567_890_123, 999_999_999_999_999, 1_234_567_890_123_456);
        assert!(wide.sentence().len() <= 72, "{}", wide.sentence());
        for (seconds, expected) in
            [(0, "0 s"), (99, "99 s"), (100, "2 min"), (5_999, "100 min"), (93_780, "26 h 3 min")]
        {
            assert_eq!(span(Duration::from_secs(seconds)), expected);
        }
    }
}
