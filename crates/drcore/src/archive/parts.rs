//! Data on its way from whoever decompresses it to whoever counts it: two threads, and a few pieces between them.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::damage::{ArchiveDamage, Fault};

/// How large a piece is.
const PIECE: usize = 256 << 10;
/// How many pieces are on their way, at most.
const WAITING: usize = 8;

/// What data is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// An entry, by its place in the table of contents.
    Entry(usize),
    /// A large object, which belongs to an entry.
    LargeObject { entry: usize, oid: u32 },
}

impl Part {
    pub(super) fn entry(self) -> usize {
        match self {
            Self::Entry(entry) | Self::LargeObject { entry, .. } => entry,
        }
    }
}

/// What is told, in this order, of each part: that it begins, its pieces, and how it ends.
#[derive(Debug)]
pub(super) enum Told {
    Begin(Part),
    Piece(Vec<u8>),
    /// Whole, or damaged.
    End(Result<(), ArchiveDamage>),
    /// All large objects of an entry were there.
    LargeObjects(usize),
    /// What is damaged besides the data of a part.
    Damaged(ArchiveDamage),
    /// Reading ended early, for a reason that is none of the archive's.
    Unknown(crate::Error),
}

/// The end at which data is told.
pub(super) struct Teller {
    told: SyncSender<Told>,
    /// Pieces that were used.
    used: Receiver<Vec<u8>>,
}

/// The end at which it is heard.
pub(super) struct Hearer {
    told: Receiver<Told>,
    used: SyncSender<Vec<u8>>,
}

/// That nobody listens any more.
#[derive(Debug)]
pub(super) struct Deaf;

pub(super) fn channel() -> (Teller, Hearer) {
    let (tell, told) = sync_channel(WAITING);
    let (back, used) = sync_channel(WAITING + 2);
    (Teller { told: tell, used }, Hearer { told, used: back })
}

impl Teller {
    pub(super) fn tell(&self, told: Told) -> Result<(), Deaf> {
        self.told.send(told).map_err(|_| Deaf)
    }

    /// Tells all that a reader gives as one part; gives the error that it ended with.
    pub(super) fn pour(&self, mut reader: impl Read) -> Result<io::Result<()>, Deaf> {
        loop {
            let mut piece = self.used.try_recv().unwrap_or_default();
            piece.resize(PIECE, 0);
            let mut length = 0;
            let end = loop {
                match reader.read(&mut piece[length..]) {
                    Ok(0) => break Some(Ok(())),
                    Ok(count) => length += count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => break Some(Err(error)),
                }
                if length == piece.len() {
                    break None;
                }
            };
            piece.truncate(length);
            if length > 0 {
                self.tell(Told::Piece(piece))?;
            }
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }
}

impl Hearer {
    /// What comes next; none at the end.
    pub(super) fn next(&self) -> Option<Told> {
        self.told.recv().ok()
    }

    /// Gives a piece back to be filled again.
    pub(super) fn done(&self, piece: Vec<u8>) {
        // Where there are enough of them, this one goes away.
        let _ = self.used.try_send(piece);
    }
}

impl From<Fault> for Told {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Damaged(damage) => Self::Damaged(damage),
            Fault::Unknown(error) => Self::Unknown(error),
        }
    }
}
