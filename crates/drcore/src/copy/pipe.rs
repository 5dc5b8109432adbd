//! From one session to another: what the one gives, the other takes.

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::connect::Session;
use crate::error::{Error, Result};

/// How much is sent at once.
const CHUNK: usize = 256 << 10;
/// How many of these wait for the target, at most.
const WAITING: usize = 4;

/// Copies what `from` (a `COPY … TO STDOUT`) gives into `into` (a `COPY … FROM STDIN`); gives how many rows the target
/// took in. They are there once its transaction is committed.
///
/// `check` tells, by returning rows, that a table reads as empty because it was rewritten since the snapshot.
pub(super) async fn pipe(
    source: &Session,
    from: &str,
    check: Option<&str>,
    target: &Session,
    into: &str,
) -> Result<u64> {
    let mut copy = target.copy_in(into).await?;
    let (give, mut taken) = mpsc::channel::<Bytes>(WAITING);
    let reading = source.copy_apart(from, check, move |chunks| {
        let mut chunk = BytesMut::with_capacity(CHUNK + 4096);
        chunks.each(|bytes, _| {
            chunk.extend_from_slice(bytes);
            if chunk.len() >= CHUNK { send(&give, &mut chunk) } else { Ok(()) }
        })?;
        send(&give, &mut chunk)
    });
    let writing = async move {
        while let Some(chunk) = taken.recv().await {
            copy.send(chunk).await?;
        }
        Ok::<_, Error>(copy)
    };
    let (read, written) = tokio::join!(reading, writing);
    // Where both failed, the one followed from the other.
    let copy = written?;
    read?;
    // Only now: what the source did not give to its end must not be taken for all of it.
    copy.finish().await
}

fn send(give: &mpsc::Sender<Bytes>, chunk: &mut BytesMut) -> Result<()> {
    if chunk.is_empty() {
        return Ok(());
    }
    give.blocking_send(chunk.split().freeze())
        .map_err(|_| Error::lost("the target does not take rows any more"))
}
