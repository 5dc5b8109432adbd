//! A binary copy, taken in by a thread of its own.

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio_postgres::CopyOutStream;

use super::Session;
use crate::error::{Error, ErrorKind, Result};

/// How many chunks wait for whoever takes them in, at most.
const WAITING: usize = 8;
/// Rows in a chunk, at most: handing each row over by itself would cost more than hashing it.
const CHUNK_ROWS: usize = 256;

/// What comes, until there is no more.
pub(crate) type Chunks = mpsc::Receiver<Vec<Bytes>>;

impl Session {
    /// As [`Session::copy`]; what comes is taken in on a core of its own, so that the server never waits for it.
    ///
    /// Whoever takes it in sees the end of what came, be it whole or not: only where the copy came to its
    /// end does its answer count.
    pub(crate) async fn copy_apart<T: Send + 'static>(
        &self,
        sql: &str,
        check: Option<&str>,
        take: impl FnOnce(Chunks) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (send, receive) = mpsc::channel(WAITING);
        let taking = tokio::task::spawn_blocking(move || take(receive));
        let copying = async {
            let send = send;
            self.copy(sql, check, async |copy: CopyOutStream| {
                let mut chunks = std::pin::pin!(copy.ready_chunks(CHUNK_ROWS));
                while let Some(chunk) = chunks.next().await {
                    let chunk: Result<Vec<_>, _> = chunk.into_iter().collect();
                    if send.send(chunk?).await.is_err() {
                        // It has given up, and says why when it is asked.
                        break;
                    }
                }
                Ok(())
            })
            .await
        };
        copying.await?;
        taking.await.map_err(|error| {
            Error::new(ErrorKind::Internal, "reading the rows came to an unexpected end").caused_by(error)
        })?
    }
}

/// Rows on their way into a table. Dropped before its end, nothing of them is there.
pub(crate) struct CopyIn<'s> {
    session: &'s Session,
    sink: std::pin::Pin<Box<tokio_postgres::CopyInSink<Bytes>>>,
}

impl Session {
    /// Begins a `COPY … FROM STDIN`.
    pub(crate) async fn copy_in(&self, sql: &str) -> Result<CopyIn<'_>> {
        let sink = self.client().copy_in(sql).await.map_err(|error| self.explain(error))?;
        Ok(CopyIn { session: self, sink: Box::pin(sink) })
    }
}

impl CopyIn<'_> {
    /// Sends some; waits while the server has enough to do.
    pub(crate) async fn send(&mut self, rows: Bytes) -> Result<()> {
        self.sink.send(rows).await.map_err(|error| self.session.explain(error))
    }

    /// Ends it; gives how many rows the server took in.
    pub(crate) async fn finish(mut self) -> Result<u64> {
        self.sink.as_mut().finish().await.map_err(|error| self.session.explain(error))
    }
}
