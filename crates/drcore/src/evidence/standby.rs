//! How far a standby is behind its primary.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{count, instant, length};

/// How far a standby is behind its primary when the snapshot is taken, as far as it knows itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Standby")]
#[non_exhaustive]
pub struct Standby {
    /// Whether it is connected to its primary. One that is not knows nothing of what came since.
    pub receiving: bool,
    /// Whether replaying is paused.
    pub paused: bool,
    /// When the last transaction that it has replayed was committed; none where it has replayed none
    /// since it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed_at: Option<Timestamp>,
    /// How long ago that was, in milliseconds; 0 where all that is known of is replayed and more is
    /// being received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_ms: Option<u64>,
    /// How many bytes of WAL are known of and not replayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_bytes: Option<u64>,
}

impl Standby {
    pub(crate) const SQL: &'static str = include_str!("standby.sql");

    /// Whether nothing that its primary did is known to be missing.
    pub fn is_caught_up(&self) -> bool {
        self.receiving && !self.paused && self.lag_ms == Some(0)
    }

    /// `12 s (1,204,224 bytes) behind`, and what keeps it from catching up.
    pub fn sentence(&self) -> String {
        let mut parts = Vec::new();
        if self.paused {
            parts.push("replay is paused".to_owned());
        }
        if self.receiving {
            let bytes = match self.lag_bytes {
                Some(bytes @ 1..) => format!(" ({} bytes)", count(bytes)),
                _ => String::new(),
            };
            parts.push(match self.lag_ms {
                // Shorter than a second is still behind.
                Some(ms) => format!("{}{bytes} behind", length(ms.div_ceil(1_000))),
                None => format!("behind by an unknown time{bytes}"),
            });
        } else {
            parts.push("not connected to its primary".to_owned());
            parts.push(match self.replayed_at {
                Some(at) => format!("its last transaction is of {}", instant(at)),
                None => "it has replayed nothing since it started".to_owned(),
            });
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_said_and_no_more() {
        let standby = |receiving, paused, lag_ms, lag_bytes| {
            let replayed_at = Some(Timestamp::UNIX_EPOCH);
            Standby { receiving, paused, replayed_at, lag_ms, lag_bytes }
        };
        for (standby, caught_up, sentence) in [
            (standby(true, false, Some(0), Some(0)), true, "0 s behind"),
            (standby(true, false, Some(12_001), Some(1_204_224)), false, "13 s (1,204,224 bytes) behind"),
            (standby(true, true, Some(0), Some(0)), false, "replay is paused, 0 s behind"),
            (standby(true, false, None, Some(5)), false, "behind by an unknown time (5 bytes)"),
            (
                standby(false, false, Some(90_000), Some(0)),
                false,
                "not connected to its primary, its last transaction is of 1970-01-01 00:00:00Z",
            ),
        ] {
            assert_eq!(standby.sentence(), sentence);
            assert_eq!(standby.is_caught_up(), caught_up, "{sentence}");
        }
    }
}
