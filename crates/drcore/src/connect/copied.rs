//! A binary copy, taken in by a thread of its own.

use bytes::Bytes;
use futures::SinkExt;
use tokio::sync::mpsc;

use super::Session;
use crate::error::{Error, ErrorKind, Result};

/// What comes of a copy, until there is no more.
#[derive(Debug)]
pub(crate) struct Chunks {
    chunks: mpsc::Receiver<Vec<u8>>,
    /// Where buffers go back to.
    back: mpsc::UnboundedSender<Vec<u8>>,
}

impl Chunks {
    /// Buffers of messages as the server sends them; only the first and the last of a buffer may be a part of one.
    pub(super) fn new(chunks: mpsc::Receiver<Vec<u8>>, back: mpsc::UnboundedSender<Vec<u8>>) -> Self {
        Self { chunks, back }
    }

    /// Hands over what came, message by message, and whether it is the end of one.
    ///
    /// # Errors
    /// Those of `each`: then nothing more is handed over.
    pub(crate) fn each(mut self, mut each: impl FnMut(&[u8], bool) -> Result<()>) -> Result<()> {
        // Of a message that began in an earlier buffer.
        let mut left = 0_usize;
        while let Some(chunk) = self.chunks.blocking_recv() {
            let mut rest = chunk.as_slice();
            if left > 0 {
                let (bytes, after) = rest.split_at(left.min(rest.len()));
                left -= bytes.len();
                each(bytes, left == 0)?;
                rest = after;
            }
            // A type and a length, which counts itself.
            while let Some(([_, length @ ..], after)) = rest.split_first_chunk::<5>() {
                let length = (u32::from_be_bytes(*length) as usize).saturating_sub(4);
                let (bytes, after) = after.split_at(length.min(after.len()));
                left = length - bytes.len();
                each(bytes, left == 0)?;
                rest = after;
            }
            // Whoever reads may have come to an end.
            let _ = self.back.send(chunk);
        }
        Ok(())
    }
}

impl Session {
    /// Runs a `COPY … TO STDOUT` inside the transaction and lets go of its locks. What comes is taken in on a core
    /// of its own, so that the server never waits for it.
    ///
    /// Whoever takes it in sees the end of what came, be it whole or not: only where the copy came to its
    /// end does its answer count.
    ///
    /// `check` as in [`Session::scan`].
    pub(crate) async fn copy_apart<T: Send + 'static>(
        &self,
        sql: &str,
        check: Option<&str>,
        take: impl FnOnce(Chunks) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (opened, chunks) = self.valve().open();
        let taking = tokio::task::spawn_blocking(move || take(chunks));
        let answer = self.scan(sql, check).await;
        drop(opened);
        answer?;
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
