//! What is wrong with an archive, and where.

use std::fmt;
use std::io;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// How an archive is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "DamageKind")]
#[non_exhaustive]
pub enum DamageKind {
    /// Bytes are not what the format says that they must be.
    Corrupt,
    /// It has commands of psql that run programs, or that `pg_dump` does not write.
    Forbidden,
    /// Something that was announced is not there.
    Missing,
    /// It ends before its end.
    Truncated,
}

impl DamageKind {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Corrupt => "corrupt",
            Self::Forbidden => "forbidden",
            Self::Missing => "missing",
            Self::Truncated => "truncated",
        }
    }
}

/// A place at which an archive is damaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ArchiveDamage")]
#[non_exhaustive]
pub struct ArchiveDamage {
    /// How.
    pub kind: DamageKind,
    /// What is damaged by it, as a user would type it; none where it is in no object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The file in an archive that is a directory or tar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// At which byte of the archive (what is inside, where it was compressed as a whole), or of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
    /// What was expected, and what is there.
    pub message: String,
}

impl ArchiveDamage {
    pub(super) fn new(kind: DamageKind, message: impl Into<String>) -> Self {
        Self { kind, object: None, file: None, byte: None, message: message.into() }
    }

    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::new(DamageKind::Missing, message)
    }

    pub(super) fn at(mut self, byte: u64) -> Self {
        self.byte.get_or_insert(byte);
        self
    }

    pub(super) fn in_file(mut self, file: &str) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    pub(super) fn of(mut self, object: &str) -> Self {
        self.object = Some(object.to_owned());
        self
    }
}

impl fmt::Display for ArchiveDamage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        f.write_str(&self.message)?;
        match (&self.file, self.byte) {
            (Some(file), Some(byte)) => write!(f, " (at byte {byte} of {file})"),
            (Some(file), None) => write!(f, " (in {file})"),
            (None, Some(byte)) => write!(f, " (at byte {byte})"),
            (None, None) => Ok(()),
        }
    }
}

/// Why reading ended.
#[derive(Debug)]
pub(super) enum Fault {
    /// The archive is broken.
    Damaged(ArchiveDamage),
    /// Nobody knows: it could not be read, or is of a kind that is not known here.
    Unknown(Error),
}

impl Fault {
    pub(super) fn broken(message: impl Into<String>) -> Self {
        Self::Damaged(ArchiveDamage::new(DamageKind::Corrupt, message))
    }

    pub(super) fn missing(message: impl Into<String>) -> Self {
        Self::Damaged(ArchiveDamage::missing(message))
    }

    pub(super) fn cut(message: impl Into<String>) -> Self {
        Self::Damaged(ArchiveDamage::new(DamageKind::Truncated, message))
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::Unknown(Error::new(ErrorKind::Unsupported, message))
    }

    /// Says what to do about what is not known.
    pub(super) fn hint(self, hint: &str) -> Self {
        match self {
            Self::Unknown(error) => Self::Unknown(error.hint(hint)),
            damaged @ Self::Damaged(_) => damaged,
        }
    }

    /// Says at which byte, where nobody said it before.
    pub(super) fn at(self, byte: u64) -> Self {
        match self {
            Self::Damaged(damage) => Self::Damaged(damage.at(byte)),
            unknown @ Self::Unknown(_) => unknown,
        }
    }

    /// Says in which file.
    pub(super) fn in_file(self, file: &str) -> Self {
        match self {
            Self::Damaged(damage) => Self::Damaged(damage.in_file(file)),
            unknown @ Self::Unknown(_) => unknown,
        }
    }

    /// As an error of a call that wanted more than can be had.
    pub(super) fn into_error(self, name: &str) -> Error {
        match self {
            Self::Damaged(damage) => Error::new(ErrorKind::Format, format!("{name} is damaged: {damage}"))
                .hint("drcore inspect says what of it can still be read."),
            Self::Unknown(error) => error,
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        let kind = error.kind();
        match error.downcast::<Carried>() {
            Ok(Carried(fault)) => fault,
            Err(_) if kind == io::ErrorKind::UnexpectedEof => Self::cut("it ends here, in the middle"),
            Err(error) => Self::broken(error.to_string()),
        }
    }
}

/// A fault on its way through readers that know only of [`io::Error`].
#[derive(Debug)]
pub(super) struct Carried(Fault);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Fault::Damaged(damage) => fmt::Display::fmt(damage, f),
            Fault::Unknown(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for Carried {}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::other(Carried(fault))
    }
}

/// What a decoder says of bytes that are none of its format.
pub(super) fn corrupt(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message.into())
}

/// What a decoder says where its input ends too early.
pub(super) fn cut() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}
