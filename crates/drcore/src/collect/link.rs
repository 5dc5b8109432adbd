//! How far the server is, which decides where the work is done.

use std::time::{Duration, Instant};

use crate::connect::Session;
use crate::content::{ContentLink, ContentWay};
use crate::error::Result;

/// Round trips of which the quickest counts.
const ROUND_TRIPS: u32 = 12;
/// After so many, one that was as slow as this will not turn out to be near.
const ENOUGH: (u32, Duration) = (3, Duration::from_millis(10));

/// How far the server is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// Whether it is behind a socket of this machine.
    here: bool,
    quickest: Duration,
}

impl Link {
    /// Measures it.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`](crate::ErrorKind::Connection) if the server does not answer.
    pub(super) async fn measure(session: &Session, here: bool) -> Result<Self> {
        let mut quickest = Duration::MAX;
        for number in 1..=ROUND_TRIPS {
            let asked = Instant::now();
            session.ping().await?;
            quickest = quickest.min(asked.elapsed());
            if number >= ENOUGH.0 && (here || quickest >= ENOUGH.1) {
                break;
            }
        }
        Ok(Self { here, quickest })
    }

    /// How the content of tables is read, where somebody wants it this way or the link decides.
    pub(super) fn content(self, wanted: Option<ContentWay>) -> ContentLink {
        ContentLink::new(wanted, self.here, self.quickest)
    }

    /// Where something else is worked out, where somebody wants it this way or the link decides.
    pub(super) fn way(self, wanted: Option<ContentWay>) -> ContentWay {
        self.content(wanted).way
    }
}
