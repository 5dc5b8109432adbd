//! Progress of a collection.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::error::Result;

/// How far a collection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Progress")]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// How many statements of this phase are answered.
    pub done: u64,
    /// How many statements this phase has.
    pub total: u64,
    /// Rows counted so far, in all phases.
    pub rows: u64,
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
    /// Reading the tables.
    Scan,
}

impl Phase {
    /// The word on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::Scan => "scan",
        }
    }
}

impl Progress {
    /// Of two collections: as far as the one that is less far.
    fn and(self, other: Self) -> Self {
        Self {
            phase: self.phase.min(other.phase),
            done: self.done + other.done,
            total: self.total + other.total,
            rows: self.rows + other.rows,
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

fn milliseconds<S: Serializer>(elapsed: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
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
}

impl Tracker {
    pub(super) fn new(tell: Option<Listener>) -> Self {
        Self {
            tell,
            started: Instant::now(),
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            rows: AtomicU64::new(0),
        }
    }

    pub(super) fn begin(&self, phase: Phase, total: usize) {
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total as u64, Ordering::Relaxed);
        self.report(phase);
    }

    pub(super) fn step(&self, phase: Phase, rows: u64) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.report(phase);
    }

    fn report(&self, phase: Phase) {
        if let Some(tell) = &self.tell {
            tell(Progress {
                phase,
                done: self.done.load(Ordering::Relaxed),
                total: self.total.load(Ordering::Relaxed),
                rows: self.rows.load(Ordering::Relaxed),
                elapsed: self.started.elapsed(),
            });
        }
    }
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
        one.begin(Phase::Catalog, 2);
        other.begin(Phase::Catalog, 3);
        one.step(Phase::Catalog, 0);
        other.begin(Phase::Scan, 10);
        one.begin(Phase::Scan, 5);
        let expected = [
            (Phase::Catalog, 0, 2),
            (Phase::Catalog, 0, 5),
            (Phase::Catalog, 1, 5),
            (Phase::Catalog, 1, 12),
            (Phase::Scan, 0, 15),
        ];
        assert_eq!(*told.lock().unwrap(), expected);
    }
}
