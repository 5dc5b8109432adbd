//! What an archive says of itself.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::damage::Fault;
use super::fields::Fields;

/// The oldest version that is read: PostgreSQL 9.0.
const OLDEST: ArchiveVersion = ArchiveVersion { major: 1, minor: 12, revision: 0 };
/// The newest that is known: PostgreSQL 17 and 18.
const NEWEST: ArchiveVersion = ArchiveVersion { major: 1, minor: 16, revision: u8::MAX };

/// What archives begin with.
pub(super) const MAGIC: &[u8; 5] = b"PGDMP";

/// The format of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "ArchiveForm")]
#[non_exhaustive]
pub enum ArchiveForm {
    /// `pg_dump -Fc`.
    Custom,
    /// `pg_dump -Fd`.
    Directory,
    /// SQL text.
    Plain,
    /// `pg_dump -Ft`.
    Tar,
}

impl ArchiveForm {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Custom => "custom",
            Self::Directory => "directory",
            Self::Plain => "plain",
            Self::Tar => "tar",
        }
    }
}

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "Compression")]
#[non_exhaustive]
pub enum Compression {
    /// `DEFLATE`, with a checksum.
    Gzip,
    /// LZ4 frames.
    Lz4,
    /// Not at all.
    None,
    /// Zstandard frames.
    Zstd,
}

impl Compression {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Lz4 => "lz4",
            Self::None => "none",
            Self::Zstd => "zstd",
        }
    }
}

/// The version of an archive's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ArchiveVersion {
    /// 1.
    pub major: u8,
    /// 12 to 16.
    pub minor: u8,
    /// 0.
    pub revision: u8,
}

impl ArchiveVersion {
    /// One of `major` 1.
    pub(super) const fn one(minor: u8) -> Self {
        Self { major: 1, minor, revision: 0 }
    }
}

impl fmt::Display for ArchiveVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What an archive says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ArchiveHeader")]
#[non_exhaustive]
pub struct ArchiveHeader {
    /// The format.
    pub form: ArchiveForm,
    /// The version of the format, such as `1.14`; plain SQL has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// How its data is compressed.
    pub compression: Compression,
    /// How it was compressed as a whole afterwards, the outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrapped: Vec<Compression>,
    /// The version of the server that was dumped. In plain SQL a comment says it, which may be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// The version of `pg_dump`. In plain SQL a comment says it, which may be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump_version: Option<String>,
    /// When it was begun, such as `2026-11-20T02:00:05`: by the clock of where `pg_dump` ran, whose time zone it does
    /// not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<String>,
    /// The database that was dumped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The encoding of its text, such as `UTF8`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

impl ArchiveHeader {
    /// Of which only the form is known.
    pub(super) fn of_form(form: ArchiveForm, wrapped: Vec<Compression>) -> Self {
        Self {
            form,
            version: None,
            compression: Compression::None,
            wrapped,
            server_version: None,
            dump_version: None,
            begun: None,
            database: None,
            encoding: None,
        }
    }

    /// Reads it from where an archive begins.
    pub(super) fn read<R: std::io::Read>(
        fields: &mut Fields<R>,
        form: ArchiveForm,
        wrapped: Vec<Compression>,
    ) -> Result<Self, Fault> {
        for expected in MAGIC {
            if fields.byte()? != *expected {
                return Err(Fault::broken("it does not begin with PGDMP").at(0));
            }
        }
        let [major, minor, revision] = [fields.byte()?, fields.byte()?, fields.byte()?];
        let version = ArchiveVersion { major, minor, revision };
        if version > NEWEST {
            return Err(Fault::unsupported(format!(
                "the archive is of version {version}; up to {NEWEST} is known here"
            )));
        }
        if version < OLDEST {
            return Err(Fault::unsupported(format!(
                "the archive is of version {version}, of before PostgreSQL 9.0; from {OLDEST} on it is read"
            )));
        }
        fields.version = version;
        let (int, offset) = (fields.byte()?, fields.byte()?);
        fields.sizes(int, offset)?;
        // The table of contents of a directory says that it is a tar's.
        let expected = if form == ArchiveForm::Custom { 1 } else { 3 };
        let found = fields.byte()?;
        if found != expected {
            return Err(fields.broken(format!("it says that its format is number {found}, not {expected}")));
        }
        let compression = if version >= ArchiveVersion::one(15) {
            match fields.byte()? {
                0 => Compression::None,
                1 => Compression::Gzip,
                2 => Compression::Lz4,
                3 => Compression::Zstd,
                other => {
                    return Err(fields.broken(format!("no compression is known by the number {other}")));
                }
            }
        } else if fields.int()? == 0 {
            Compression::None
        } else {
            Compression::Gzip
        };
        let begun = Self::read_time(fields)?;
        let mut header = Self::of_form(form, wrapped);
        header.version = Some(version.to_string());
        header.compression = compression;
        header.begun = begun;
        header.database = fields.text()?;
        header.server_version = fields.text()?;
        header.dump_version = fields.text()?;
        Ok(header)
    }

    /// Seconds, minutes, hours, day, month from 0, years since 1900, and whether it is summer time.
    fn read_time<R: std::io::Read>(fields: &mut Fields<R>) -> Result<Option<String>, Fault> {
        let mut parts = [0; 7];
        for part in &mut parts {
            *part = fields.int()?;
        }
        let [second, minute, hour, day, month, year, _] = parts;
        let at = (|| {
            let month = i8::try_from(month).ok()?.checked_add(1)?;
            let year = i16::try_from(year.checked_add(1900)?).ok()?;
            let [day, hour, minute, second] = [day, hour, minute, second].map(i8::try_from);
            // A leap second is one second too many for most.
            jiff::civil::DateTime::new(
                year,
                month,
                day.ok()?,
                hour.ok()?,
                minute.ok()?,
                second.ok()?.min(59),
                0,
            )
            .ok()
        })();
        match at {
            Some(at) => Ok(Some(at.to_string())),
            None => Err(fields.broken("the time at which it was begun is none")),
        }
    }
}
