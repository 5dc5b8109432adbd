//! Stopping early: by the caller, or because the deadline passed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Cause, CauseKind};

/// Tells everybody to stop, and why.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    token: CancellationToken,
    cause: Arc<OnceLock<Cause>>,
}

impl Stop {
    /// Stops when the caller cancels or the deadline passes.
    pub(crate) fn new(caller: CancellationToken, deadline: Option<Duration>) -> Self {
        let stop = Self { token: CancellationToken::new(), cause: Arc::default() };
        let watch = stop.clone();
        tokio::spawn(async move {
            let passed = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep(deadline).await,
                    None => std::future::pending().await,
                }
            };
            let cause = tokio::select! {
                () = caller.cancelled() => Cause::new(CauseKind::Cancelled, "interrupted"),
                () = passed => Cause::new(CauseKind::Deadline, "the deadline of the run passed")
                    .hint("Raise limits.deadline, or ask for fewer checks with --only."),
                () = watch.token.cancelled() => return,
            };
            // Set before the token, so that whoever sees the token sees the cause.
            let _ = watch.cause.set(cause);
            watch.token.cancel();
        });
        stop
    }

    /// Whether all must stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.cause.get().is_some()
    }

    /// Why all must stop.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.cause.get().cloned()
    }

    /// Resolves when all must stop.
    pub(crate) async fn stopped(&self) {
        self.token.cancelled().await;
        if !self.is_stopped() {
            // Finished, not stopped.
            std::future::pending::<()>().await;
        }
    }

    /// What the future gives, or why to stop: whichever comes first.
    pub(crate) async fn or<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            result = future => result,
            () = self.stopped() => Err(self.cause().map_or_else(
                || Error::new(ErrorKind::Internal, "stopped without a cause"),
                Error::from,
            )),
        }
    }

    /// Ends the watch: the run is over.
    pub(crate) fn finish(&self) {
        self.token.cancel();
    }
}
