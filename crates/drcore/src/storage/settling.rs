//! How long to wait before what seems wrong is looked at again, so that whoever was about to write a row, or to
//! remove a file, has done it.
//!
//! An upload writes the bytes first, and then the row: a file that no row knows counts when it has lain there for a
//! while, by the clock of the store. That a file is new proves nothing, least of all after a restore: it only is
//! waited for. A deletion removes the bytes within the transaction that removes the row: a row without bytes counts
//! when everybody who was writing rows is done.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::compare::Asking;
use super::confirm::{Newest, Settled};
use super::found::Keeper;
use super::sorted::Sorted;
use super::writers::{Writers, outlast};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Cause, CauseKind, UnclearFiles};
use crate::plan::Span;

/// How long a file lies there without a row before it counts, where the plan does not say.
pub(super) const SETTLE: Duration = Duration::from_secs(60);
/// Between two looks, at least.
const LEAST: Duration = Duration::from_millis(300);
/// How often it is looked again, at most.
pub(super) const LOOKS: u32 = 4;

/// Since the first look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settling {
    began: Instant,
    settle: Duration,
}

/// What there is among what seems wrong.
#[derive(Clone, Copy, Debug)]
struct Candidates {
    newest: Newest,
    /// Whether there are rows without bytes, or with others.
    rows: bool,
    /// Whether there are such that say nothing of their bytes: a service could have written them before.
    bare: bool,
}

impl Candidates {
    fn of(candidates: &Sorted) -> Result<Self> {
        let mut found = Self { newest: Newest::None, rows: false, bare: false };
        let mut reading = candidates.read()?;
        while let Some(seen) = reading.head()? {
            if seen.mark.is_unreferenced() {
                found.newest = found.newest.and(seen.modified);
            } else {
                found.rows = true;
                found.bare |= seen.size.is_none();
            }
            reading.pass()?;
        }
        Ok(found)
    }
}

impl Settling {
    /// Begins when the first look is over.
    pub(super) fn begin(asking: Asking<'_>) -> Self {
        let section = asking.plan.storage_orphans.as_ref();
        let settle = section.and_then(|section| section.settle).map_or(SETTLE, Duration::from);
        Self { began: Instant::now(), settle }
    }

    /// Waits until most of it can be told; says what then can be. `clock` tells the time of the store.
    ///
    /// # Errors
    /// Where the server cannot be asked, or the temporary files fail.
    pub(super) async fn wait(
        &self,
        candidates: &Sorted,
        asking: Asking<'_>,
        clock: impl Fn() -> Option<Timestamp>,
    ) -> Result<Settled> {
        let looked = candidates.clone();
        let found =
            tokio::task::spawn_blocking(move || Candidates::of(&looked)).await.map_err(|error| {
                Error::new(ErrorKind::Internal, "looking through the files came to an unexpected end")
                    .caused_by(error)
            })??;
        let left = self.settle.saturating_sub(self.began.elapsed());
        let mut pause = match (found.newest, clock()) {
            (Newest::None, _) => Duration::ZERO,
            (Newest::Of(newest), Some(now)) => {
                let age = now.as_millisecond().saturating_sub(newest);
                // Of the future are those of a clock that went back: they are as new as any.
                let age = Duration::from_millis(u64::try_from(age).unwrap_or(0));
                self.settle.saturating_sub(age)
            }
            (Newest::Of(_) | Newest::Undated, _) => left,
        };
        if found.bare {
            pause = pause.max(left);
        }
        let writers = if found.rows { outlast(asking, self.settle).await? } else { Writers::Done };
        if writers == Writers::Unseen {
            pause = pause.max(left);
        }
        let pause = pause.max(LEAST);
        tracing::debug!(pause_ms = pause.as_millis(), ?writers, "looking again after a while");
        tokio::time::sleep(pause).await;
        let waited = self.began.elapsed() >= self.settle;
        let files = clock().and_then(|now| {
            let settle = i64::try_from(self.settle.as_millis()).unwrap_or(i64::MAX);
            Timestamp::from_millisecond(now.as_millisecond().saturating_sub(settle)).ok()
        });
        let rows = match writers {
            Writers::Done => true,
            Writers::Open => false,
            Writers::Unseen => waited,
        };
        Ok(Settled { files, undated: waited, rows })
    }

    /// What could not be told after all that.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the temporary files fail.
    pub(super) fn unclear(&self, open: &Sorted, keeper: &mut Keeper) -> Result<Vec<UnclearFiles>> {
        let settle = Span::from(self.settle);
        let hint = "Run it when less is going on, or let it wait longer: [storage_orphans] settle.";
        let mut uploads = UnclearFiles {
            cause: Cause::new(
                CauseKind::LockTimeout,
                format!("they were written less than {settle} before each look: uploads may still be open"),
            )
            .hint(hint),
            files: 0,
            samples: Vec::new(),
        };
        let mut rows = UnclearFiles {
            cause: Cause::new(
                CauseKind::LockTimeout,
                format!(
                    "somebody is writing storage.objects in a transaction that is open for more than {settle}"
                ),
            )
            .hint(hint),
            ..uploads.clone()
        };
        let mut reading = open.read()?;
        while let Some(entry) = reading.next()? {
            let unclear = if entry.mark.is_unreferenced() { &mut uploads } else { &mut rows };
            unclear.files += 1;
            if unclear.samples.len() < keeper.samples {
                unclear.samples.push(entry.place.path());
            }
            keeper.unclear(&entry.place, entry.size, &unclear.cause.message)?;
        }
        Ok([uploads, rows].into_iter().filter(|unclear| unclear.files > 0).collect())
    }
}
