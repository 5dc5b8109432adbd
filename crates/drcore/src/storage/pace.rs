//! How many requests are under way at a time: more while all goes well, half as many where a store is short of
//! something.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Those that were under way together fail together: they count as one.
const TOGETHER: Duration = Duration::from_millis(500);

/// How many requests may be under way at a time.
#[derive(Debug)]
pub(super) struct Pace {
    most: usize,
    state: Mutex<State>,
    left: Notify,
}

#[derive(Debug)]
struct State {
    limit: usize,
    under_way: usize,
    /// How many went well since the limit was last raised.
    well: usize,
    lowered: Option<Instant>,
}

impl Pace {
    pub(super) fn new(first: usize, most: usize) -> Self {
        let state = State { limit: first.clamp(1, most), under_way: 0, well: 0, lowered: None };
        Self { most, state: Mutex::new(state), left: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one more request may be sent.
    pub(super) async fn enter(&self) -> Entered<'_> {
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            // Before it is looked: whoever leaves meanwhile is not missed.
            left.as_mut().enable();
            {
                let mut state = self.state();
                if state.under_way < state.limit {
                    state.under_way += 1;
                    return Entered(self);
                }
            }
            left.await;
        }
    }

    /// How many may ever be under way at a time.
    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// How many may be under way.
    #[cfg(test)]
    fn limit(&self) -> usize {
        self.state().limit
    }
}

/// One request that is under way.
pub(super) struct Entered<'p>(&'p Pace);

impl Entered<'_> {
    /// The store answered, whatever it said.
    pub(super) fn went_well(self) {
        let mut state = self.0.state();
        state.well += 1;
        if state.well >= state.limit && state.limit < self.0.most {
            state.limit += 1;
            state.well = 0;
            drop(state);
            self.0.left.notify_one();
        }
    }

    /// The store, or the way to it, was short of something.
    pub(super) fn went_badly(self) {
        let mut state = self.0.state();
        if state.lowered.is_none_or(|at| at.elapsed() >= TOGETHER) {
            state.limit = (state.limit / 2).max(1);
            state.lowered = Some(Instant::now());
            state.well = 0;
        }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.state().under_way -= 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn more_while_it_goes_well_and_half_where_it_does_not() {
        let pace = Pace::new(4, 6);
        for _ in 0..4 {
            pace.enter().await.went_well();
        }
        assert_eq!(pace.limit(), 5);
        for _ in 0..100 {
            pace.enter().await.went_well();
        }
        assert_eq!(pace.limit(), 6);
        // Three that fail together count as one.
        for _ in 0..3 {
            pace.enter().await.went_badly();
        }
        assert_eq!(pace.limit(), 3);
        for _ in 0..5 {
            pace.state().lowered = None;
            pace.enter().await.went_badly();
        }
        assert_eq!(pace.limit(), 1);
    }

    #[tokio::test]
    async fn never_more_than_there_may_be_and_nobody_waits_for_ever() {
        let pace = Arc::new(Pace::new(3, 3));
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..100)
            .map(|number| {
                let (pace, now, most) = (Arc::clone(&pace), Arc::clone(&now), Arc::clone(&most));
                tokio::spawn(async move {
                    let entered = pace.enter().await;
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    // Some are given up.
                    if number % 3 == 0 { drop(entered) } else { entered.went_well() }
                })
            })
            .collect();
        for task in tasks {
            tokio::time::timeout(Duration::from_secs(20), task).await.unwrap().unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }
}
