//! Orphans that the server counts: all of a reference by one statement, or, where that takes longer than a statement
//! may, those among some blocks of the child at a time.

use std::sync::{Arc, Mutex, PoisonError};

use super::answer::{not_understood, number};
use super::gathering::{Lessons, Part};
use super::storage::{Storage, Storages};
use crate::connect;
use crate::content::Coverage;
use crate::evidence::{Cause, Orphans, Scans};
use crate::reference::Reference;

/// The orphans of one reference, or of a part of its child.
#[derive(Clone, Debug)]
pub(super) struct CountOrphans {
    pub(super) reference: Reference,
    part: Part,
    whole: Arc<Whole>,
}

/// What the parts have in common.
#[derive(Debug)]
struct Whole {
    /// How the child is stored.
    storage: Storage,
    counted: Mutex<Counted>,
    lessons: Lessons,
}

/// What the parts came to so far.
#[derive(Debug, Default)]
struct Counted {
    /// Read, or given up.
    done: Coverage,
    rows: u64,
    half_null: u64,
    /// Why it cannot be known any more.
    failure: Option<Cause>,
}

impl CountOrphans {
    /// All of it, or in parts of so many blocks.
    pub(super) fn jobs(reference: Reference, storages: &Storages, blocks: Option<u32>) -> Vec<Self> {
        let storage = storages.get(&reference.child).cloned().unwrap_or_default();
        let parts = blocks.map_or_else(|| vec![Part::Whole], |_| Part::of(&storage, u64::MAX, blocks));
        Self::of(reference, storage).parts(parts)
    }

    /// Of a child that is stored in this way.
    pub(super) fn of(reference: Reference, storage: Storage) -> Self {
        let whole = Whole { storage, counted: Mutex::default(), lessons: Lessons::default() };
        Self { reference, part: Part::Whole, whole: whole.into() }
    }

    /// `orphans, rows that break MATCH FULL`.
    pub(super) fn sql(&self) -> Option<String> {
        let reference = &self.reference;
        let (from, bounds) = match self.part {
            Part::Whole => (reference.child_sql(), Vec::new()),
            Part::Blocks(at, blocks) => {
                let heap = self.whole.storage.heaps.get(at)?;
                (format!("only {} c", heap.name.to_sql()), blocks.bounds("c.ctid"))
            }
        };
        let of = |condition: String| {
            let conditions: Vec<String> = bounds.iter().cloned().chain([condition]).collect();
            format!("from {from} where {}", conditions.join(" and "))
        };
        let half_null = if reference.match_full && reference.child_columns.len() > 1 {
            format!("(select pg_catalog.count(*) {})", of(format!("({})", reference.half_null_condition())))
        } else {
            "0".to_owned()
        };
        let orphans = of(format!("({})", reference.orphan_condition()));
        Some(format!("select pg_catalog.count(*), {half_null} {orphans}"))
    }

    /// Adds the answer to those of the other parts, and keeps what all came to: never the sum of some.
    pub(super) fn keep(&self, answer: Result<connect::Rows, Cause>, scans: &mut Scans) {
        let answer = answer.and_then(|rows| {
            let row = rows.into_iter().next().unwrap_or_default();
            let cell = |at: usize| number(row.get(at).and_then(|cell| cell.as_deref()));
            Ok(Orphans::new(cell(0)?, cell(1)?))
        });
        let all = match self.part {
            Part::Whole => Some(answer),
            Part::Blocks(at, blocks) => {
                let storage = &self.whole.storage;
                let mut counted = self.whole.counted.lock().unwrap_or_else(PoisonError::into_inner);
                let new = storage.heaps.get(at).is_some_and(|heap| counted.done.add(&heap.name, blocks));
                counted.add(if new { answer } else { Err(not_understood()) });
                storage.heaps.iter().all(|heap| counted.done.is_whole(&heap.name)).then(|| counted.all())
            }
        };
        if let Some(all) = all {
            scans.orphans.insert(self.reference.key(), all.into());
        }
    }

    /// What takes its place where it took longer than a statement may.
    pub(super) fn split(&self, cause: &Cause) -> Vec<Self> {
        self.parts(self.part.split(cause, &self.whole.storage, &self.whole.lessons))
    }

    /// The same where a part of this size took too long already.
    pub(super) fn split_before(&self) -> Vec<Self> {
        self.parts(self.part.split_before(&self.whole.storage, &self.whole.lessons))
    }

    fn parts(&self, parts: Vec<Part>) -> Vec<Self> {
        parts.into_iter().map(|part| Self { part, ..self.clone() }).collect()
    }

    /// Another part could not be read: there is no use in this one.
    pub(super) fn hopeless(&self) -> Option<&Cause> {
        self.whole.lessons.hopeless()
    }

    /// This part cannot be read, and so all of them cannot.
    pub(super) fn give_up(&self, cause: &Cause) {
        self.whole.lessons.give_up(cause);
    }

    /// How many of the child's rows it looks up, of so many, roughly.
    pub(super) fn share(&self, rows: u64) -> u64 {
        let storage = &self.whole.storage;
        let (all, part) = (u128::from(storage.bytes.max(1)), u128::from(self.part.bytes(storage)));
        match self.part {
            Part::Whole => rows,
            Part::Blocks(..) => u64::try_from(u128::from(rows) * part / all).unwrap_or(rows),
        }
    }

    /// Whether it is but a part of the child.
    pub(super) fn is_part(&self) -> bool {
        self.part.is_part()
    }
}

impl Counted {
    fn add(&mut self, answer: Result<Orphans, Cause>) {
        match answer {
            Ok(Orphans { rows, half_null, .. }) => {
                self.rows += rows;
                self.half_null += half_null;
            }
            Err(cause) => {
                self.failure.get_or_insert(cause);
            }
        }
    }

    fn all(&mut self) -> Result<Orphans, Cause> {
        match self.failure.take() {
            Some(cause) => Err(cause),
            None => Ok(Orphans::new(self.rows, self.half_null)),
        }
    }
}
