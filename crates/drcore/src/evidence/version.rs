//! Which versions of `PostgreSQL` are read.

use std::ops::RangeInclusive;

use super::{Evidence, Server};
use crate::error::{Error, ErrorKind, Result};

/// The major versions that this version of drcore was made for, and is tested on.
const KNOWN: RangeInclusive<u32> = 13..=18;

impl Server {
    /// The major version, such as 15.
    pub fn major(&self) -> u32 {
        self.version_num / 10_000
    }

    /// What to keep in mind where it is newer than what this version of drcore was made for.
    pub(crate) fn version_note(&self) -> Option<String> {
        let newest = KNOWN.end();
        (self.major() > *newest).then(|| {
            format!(
                "PostgreSQL {} is newer than {newest}, the newest that this version of drcore knows: what is new in \
                 it is not looked at, and what it describes in a new way is unread",
                self.version
            )
        })
    }
}

impl Evidence {
    /// The major version of the server, where one answered.
    pub fn major(&self) -> Option<u32> {
        self.run.server.as_ref().map(Server::major)
    }
}

/// Refuses a server that is older than what this version of drcore was made for, before one of its statements fails
/// there in words that nobody understands.
///
/// `version` is as servers report it: `15.18 (Debian 15.18-1)`, `9.6.24`, `18devel`. What does not begin with a
/// number, as with some poolers, says nothing.
///
/// # Errors
/// [`ErrorKind::Unsupported`].
pub(crate) fn refuse_older(version: &str) -> Result<()> {
    let number: String = version.chars().take_while(char::is_ascii_digit).collect();
    let (oldest, newest) = (KNOWN.start(), KNOWN.end());
    match number.parse::<u32>() {
        Ok(major) if major < *oldest => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "the server is PostgreSQL {}, and drcore reads {oldest} to {newest}",
                version.split(' ').next().unwrap_or_default()
            ),
        )
        .hint(format!(
            "Dump it with a later version's pg_dump, and restore that into PostgreSQL {oldest} or later."
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_servers_are_refused_by_name() {
        for old in ["12.22", "12.22 (Debian 12.22-1.pgdg120+1)", "9.6.24", "8.0.2"] {
            let error = refuse_older(old).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            let number = old.split(' ').next().unwrap();
            assert_eq!(
                error.to_string(),
                format!("the server is PostgreSQL {number}, and drcore reads 13 to 18")
            );
        }
        for known in ["13.0", "13beta1", "15.18 (Debian 15.18-0+deb12u1)", "18.4", "19devel", "bouncer", ""] {
            assert!(refuse_older(known).is_ok(), "{known}");
        }
    }
}
