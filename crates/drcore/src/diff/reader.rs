//! One side, read again: sessions on a snapshot of its own.

use crate::collect::{Stop, unless_stopped};
use crate::connect::{Dsn, Session, Snapshot, Source};
use crate::content::{CopyRows, Row};
use crate::error::{Error, Result};
use crate::plan::Limits;

/// Reads one side from one snapshot.
pub(super) struct Reader {
    source: Source,
    limits: Limits,
    /// Holds the snapshot where it can be shared.
    keeper: Option<Session>,
    snapshot: Option<Snapshot>,
    session: Option<Session>,
}

impl Reader {
    /// Takes a snapshot.
    ///
    /// # Errors
    /// Why no session could be opened.
    pub(super) async fn begin(url: &str, limits: &Limits, stop: &Stop) -> Result<Self> {
        let source = Source::new(Dsn::parse(url)?)?;
        let opening = async {
            let session = source.session(limits).await?;
            let snapshot = session.begin_snapshot(limits, None).await?;
            Ok((session, snapshot))
        };
        // Boxed: connecting is a large future, and every caller's would be.
        let (session, snapshot) = Box::pin(stop.or(opening)).await?;
        let mut reader =
            Self { source, limits: limits.clone(), keeper: None, snapshot: None, session: Some(session) };
        // A second session reads, so that the snapshot outlives one that is lost.
        if let Some(shared) = &snapshot
            && let Ok(second) = Box::pin(stop.or(reader.source.joined(limits, shared))).await
        {
            reader.keeper = reader.session.replace(second);
            reader.snapshot = snapshot;
        }
        Ok(reader)
    }

    /// Hands every row of a `COPY` to `each`, off the async threads; gives what it made of `state`.
    ///
    /// A session that was lost is replaced on the same snapshot when the next is asked for.
    ///
    /// # Errors
    /// What the server says, or `each`.
    pub(super) async fn copy<S: Send + 'static>(
        &mut self,
        stop: &Stop,
        sql: &str,
        check: Option<&str>,
        mut state: S,
        each: impl Fn(&mut S, Row<'_>) -> Result<()> + Send + 'static,
    ) -> Result<S> {
        let session = match &self.session {
            Some(session) => session,
            None => match &self.snapshot {
                Some(snapshot) => {
                    let joined = Box::pin(stop.or(self.source.joined(&self.limits, snapshot))).await?;
                    self.session.insert(joined)
                }
                None => return Err(Error::lost("the session that held the snapshot was lost")),
            },
        };
        let copying = session.copy_apart(sql, check, move |chunks| {
            CopyRows::each(chunks, |row| each(&mut state, row))?;
            Ok(state)
        });
        let copied = Box::pin(unless_stopped(session, stop, copying)).await;
        if let Some(cause) = stop.cause() {
            self.session = None;
            return Err(Error::from(cause));
        }
        if copied.as_ref().is_err_and(Error::ends_session) {
            self.session = None;
        }
        copied
    }

    /// Hangs up.
    pub(super) async fn end(self) {
        let ends = self.session.into_iter().chain(self.keeper).map(Session::end);
        let _ = tokio::time::timeout(std::time::Duration::from_millis(800), futures::future::join_all(ends))
            .await;
    }
}
