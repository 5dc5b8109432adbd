//! Progress of a collection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
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

/// Counts, and tells the caller.
pub(super) struct Tracker {
    tell: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
    started: Instant,
    done: AtomicU64,
    total: AtomicU64,
    rows: AtomicU64,
}

impl Tracker {
    pub(super) fn new(tell: Option<Arc<dyn Fn(Progress) + Send + Sync>>) -> Self {
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
