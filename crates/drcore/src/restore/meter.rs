//! How far a restore is, told to whoever watches.

use std::sync::Arc;
use std::time::Instant;

use super::plan::{RestorePlan, RestoreStep};
use super::run::ExecuteOptions;
use crate::collect::Progress;
use crate::connect::Session;

/// How far it is.
pub(super) struct Meter {
    tell: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
    began: Instant,
    done: u64,
    total: u64,
    bytes: u64,
}

impl Meter {
    pub(super) fn new(plan: &RestorePlan, options: &ExecuteOptions, began: Instant) -> Self {
        let total = plan.steps.iter().map(|step| match step {
            RestoreStep::Entries { entries, .. } => entries.len() as u64,
            _ => 1,
        });
        Self { tell: options.progress.clone(), began, done: 0, total: total.sum(), bytes: 0 }
    }

    pub(super) fn finished(&mut self) {
        self.done += 1;
        self.tell();
    }

    /// Looks how much there is by now.
    pub(super) async fn look(&mut self, session: &Session) {
        let question = "select pg_catalog.pg_database_size(pg_catalog.current_database())";
        // Only for whoever watches.
        if self.tell.is_some()
            && let Ok(answer) = session.simple(question).await
        {
            let size = answer.into_iter().flatten().flatten().flatten().next();
            self.bytes = size.and_then(|size| size.parse().ok()).unwrap_or(self.bytes);
            self.tell();
        }
    }

    fn tell(&self) {
        if let Some(tell) = &self.tell {
            tell(Progress::of_restore(self.done, self.total, self.bytes, self.began.elapsed()));
        }
    }
}
