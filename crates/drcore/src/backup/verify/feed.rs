//! Bytes that come over the network, for a reader that waits for them.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;

/// Pieces that wait for the reader: what comes faster than it reads waits in the network.
const WAITING: usize = 8;

/// Where pieces are put, and where they are read, on a thread of its own.
pub(super) fn feed() -> (mpsc::Sender<Bytes>, Feed) {
    let (sender, pieces) = mpsc::channel(WAITING);
    (sender, Feed { pieces, piece: Bytes::new() })
}

/// Reads what was put in; its end is where the other side was dropped.
pub(super) struct Feed {
    pieces: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for Feed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
