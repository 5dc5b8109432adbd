//! How a backup is taken.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::backup::manifest::{BackupKind, BackupOmission, OmissionExtent};
use crate::collect::{CollectOptions, Phase, Progress};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Plan;
use crate::restore::ClientTools;
use crate::verify::VerifyOptions;

/// How a backup is taken.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TakeOptions {
    /// What the baseline must be able to answer; its limits hold for all of it.
    pub plan: Plan,
    /// How the baseline is collected, what cancels all of it, and who is told how far it is.
    pub collect: CollectOptions,
    /// What it is taken for.
    pub kind: BackupKind,
    /// How the dump is written.
    pub format: TakeFormat,
    /// How it is compressed; what suits both programs where nobody says.
    pub compression: Option<Compression>,
    /// What is left out of the dump, which the manifest tells.
    pub omit: Vec<Omit>,
    /// The programs to use; those that fit the server where none are given.
    pub tools: Option<ClientTools>,
}

/// How the dump is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TakeFormat {
    /// One file, which goes to the repository as it comes.
    #[default]
    Custom,
    /// A file a table, written by so many sessions at once. It takes as much room on the way, in the temporary
    /// directory, as it will in the repository.
    Directory {
        /// How many sessions dump.
        jobs: u32,
    },
}

/// How a dump is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// With gzip, at a level from 1 to 9.
    Gzip(u32),
    /// Not at all. Such a dump has no sums of its own.
    None,
    /// With zstd, at a level from 1 to 22, from `PostgreSQL` 16 on where it was built with it.
    Zstd(u32),
}

/// Something that is left out of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Omit {
    /// The rows of the tables that fit this pattern of `pg_dump`'s.
    Rows(String),
    /// All of the schemas that fit it.
    Schema(String),
    /// All of the tables that fit it.
    Table(String),
}

impl TakeOptions {
    /// With plan, limits, progress and content as for a baseline.
    pub fn of(options: &VerifyOptions) -> Self {
        Self { plan: options.plan.clone(), collect: options.of_baseline(), ..Self::default() }
    }
}

impl Compression {
    /// Reads `none`, `gzip`, `gzip:6`, `zstd` or `zstd:3`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if it is none of these.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(ErrorKind::Usage, format!("{text:?} is no compression"))
                .hint("Write none, gzip, gzip:6, zstd or zstd:3.")
        };
        let (method, level) = match text.split_once(':') {
            Some((method, level)) => (method, Some(level.parse::<u32>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        match (method, level) {
            ("none", None) => Ok(Self::None),
            ("gzip", None) => Ok(Self::Gzip(1)),
            ("gzip", Some(level @ 1..=9)) => Ok(Self::Gzip(level)),
            ("zstd", None) => Ok(Self::Zstd(3)),
            ("zstd", Some(level @ 1..=22)) => Ok(Self::Zstd(level)),
            _ => Err(wrong()),
        }
    }

    /// As `pg_dump` of this major version takes it.
    pub(super) fn argument(self, major: u32) -> Result<String> {
        match self {
            // Before, there was a number.
            Self::Gzip(level) if major < 16 => Ok(level.to_string()),
            Self::None if major < 16 => Ok("0".to_owned()),
            Self::Zstd(_) if major < 16 => {
                Err(Error::new(ErrorKind::Unsupported, format!("pg_dump {major} does not know zstd"))
                    .hint("Use gzip, or the programs of PostgreSQL 16 or later."))
            }
            other => Ok(other.to_string()),
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gzip(level) => write!(f, "gzip:{level}"),
            Self::None => f.write_str("none"),
            Self::Zstd(level) => write!(f, "zstd:{level}"),
        }
    }
}

impl Omit {
    pub(super) fn argument(&self) -> String {
        match self {
            Self::Rows(pattern) => format!("--exclude-table-data={pattern}"),
            Self::Schema(pattern) => format!("--exclude-schema={pattern}"),
            Self::Table(pattern) => format!("--exclude-table={pattern}"),
        }
    }

    pub(super) fn told(&self, why: &str) -> BackupOmission {
        let (object, extent) = match self {
            Self::Rows(pattern) => (pattern, OmissionExtent::Rows),
            Self::Schema(pattern) => (pattern, OmissionExtent::Schema),
            Self::Table(pattern) => (pattern, OmissionExtent::Table),
        };
        BackupOmission { object: object.clone(), extent, why: why.to_owned() }
    }
}

/// Told of progress.
type Listener = Arc<dyn Fn(Progress) + Send + Sync>;

/// How many bytes of a dump are stored, and for how long it goes on.
type SoFar = Option<(u64, Duration)>;

/// Told of a dump.
pub(super) type TellDump = Arc<dyn Fn(SoFar) + Send + Sync>;

/// What each told last.
type Latest = Arc<Mutex<(Option<Progress>, SoFar)>>;

/// Who is told of the dump and of the baseline; the caller hears of both as one.
pub(super) struct Told {
    /// How many bytes of the dump are stored, and for how long; `None` once all are.
    pub(super) dump: TellDump,
    pub(super) collect: Listener,
}

impl TakeOptions {
    pub(super) fn told(&self) -> Told {
        let tell = self.collect.progress.clone();
        let latest = Latest::default();
        let told = {
            let latest = Arc::clone(&latest);
            move || {
                let Some(tell) = &tell else { return };
                let latest = latest.lock().unwrap_or_else(PoisonError::into_inner);
                match *latest {
                    (collected, Some((bytes, elapsed))) => tell(Progress::dumping(collected, bytes, elapsed)),
                    (Some(collected), None) => tell(collected),
                    (None, None) => {}
                }
            }
        };
        let told = Arc::new(told);
        let (dump_latest, dump_told) = (Arc::clone(&latest), Arc::clone(&told));
        Told {
            dump: Arc::new(move |so_far| {
                dump_latest.lock().unwrap_or_else(PoisonError::into_inner).1 = so_far;
                dump_told();
            }),
            collect: Arc::new(move |progress| {
                debug_assert!(matches!(progress.phase, Phase::Catalog | Phase::Scan));
                latest.lock().unwrap_or_else(PoisonError::into_inner).0 = Some(progress);
                told();
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressions_are_read_and_said_as_each_version_takes_them() {
        for (text, old, new) in [
            ("none", Some("0"), "none"),
            ("gzip", Some("1"), "gzip:1"),
            ("gzip:6", Some("6"), "gzip:6"),
            ("zstd:3", None, "zstd:3"),
        ] {
            let compression = Compression::parse(text).unwrap();
            assert_eq!(compression.argument(15).ok().as_deref(), old, "{text}");
            assert_eq!(compression.argument(16).unwrap(), new);
        }
        for text in ["", "gzip:0", "gzip:10", "zstd:23", "lzma", "gzip:fast", "none:1"] {
            assert_eq!(Compression::parse(text).unwrap_err().kind(), ErrorKind::Usage, "{text}");
        }
    }
}
