//! The archive of a restore: opened, and known again by its fingerprint.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::archive::{Archive, ArchiveEntry, ArchiveForm, ArchiveInput, Compression};
use crate::error::{Error, ErrorKind, Result};

/// An archive, as far as a plan must know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ArchiveFacts")]
#[non_exhaustive]
pub struct ArchiveFacts {
    /// The file or directory.
    pub file: PathBuf,
    /// By which it is known: of its table of contents, or of the whole script.
    pub fingerprint: String,
    /// Its format.
    pub form: ArchiveForm,
    /// The version of the server that was dumped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_version: Option<String>,
    /// How it was compressed as a whole afterwards, the outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrapped: Vec<Compression>,
    /// The version of `pg_dump`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dump_version: Option<String>,
    /// The database that was dumped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// When it was begun, by the clock of where `pg_dump` ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<String>,
    /// How many entries its table of contents has.
    pub entries: u64,
    /// Of these, how many are the rows of a table.
    pub tables: u64,
}

impl ArchiveFacts {
    pub(super) fn of(file: &Path, archive: &Archive, fingerprint: String) -> Self {
        let header = &archive.header;
        Self {
            file: file.to_owned(),
            fingerprint,
            form: header.form,
            server_version: header.server_version.clone(),
            wrapped: header.wrapped.clone(),
            dump_version: header.dump_version.clone(),
            database: header.database.clone(),
            begun: header.begun.clone(),
            entries: archive.entries.len() as u64,
            tables: archive.entries.iter().filter(|entry| entry.is_rows()).count() as u64,
        }
    }
}

/// A dump, as far as a database to restore it into must fit it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dumped {
    /// The major version of the server that was dumped, where the dump says.
    pub(crate) major: Option<u32>,
    /// Whether it refers to what a Supabase project brings.
    pub(crate) supabase: bool,
}

impl Dumped {
    /// Looks into a dump on this machine.
    ///
    /// # Errors
    /// As [`Archive::open`].
    pub(crate) async fn of(archive: &Path) -> Result<Self> {
        let (archive, _) = open(archive).await?;
        let version = archive.header.server_version.as_deref().unwrap_or_default();
        let major = version.split(|c: char| !c.is_ascii_digit()).next().and_then(|major| major.parse().ok());
        // By its roles: a schema `auth` is many an application's own.
        let owned =
            |entry: &ArchiveEntry| entry.owner.as_deref().is_some_and(|owner| owner.starts_with("supabase_"));
        let granted = |entry: &ArchiveEntry| {
            let definition = entry.definition.as_deref().unwrap_or_default();
            (entry.is("ACL") || entry.is("DEFAULT ACL")) && definition.contains("TO service_role")
        };
        let supabase = archive.entries.iter().any(|entry| owned(entry) || granted(entry));
        Ok(Self { major, supabase })
    }
}

/// An archive, and by what it is known. Reading what somebody wrote may take long: not in the way of others.
pub(super) async fn open(archive: &Path) -> Result<(Archive, String)> {
    let path = archive.to_owned();
    let opening = tokio::task::spawn_blocking(move || {
        let archive = Archive::open(ArchiveInput::path(&path))?;
        let fingerprint = fingerprint(&archive, &path)?;
        Ok((archive, fingerprint))
    });
    opening.await.map_err(|error| {
        Error::new(ErrorKind::Internal, "reading the archive came to an unexpected end").caused_by(error)
    })?
}

/// Of the table of contents, and of when it was dumped; of a script, which has neither, of all of it.
fn fingerprint(archive: &Archive, path: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let unwritten =
        |error: serde_json::Error| Error::new(ErrorKind::Internal, "cannot write JSON").caused_by(error);
    hash.update(serde_json::to_vec(&archive.header).map_err(unwritten)?);
    for entry in &archive.entries {
        hash.update(serde_json::to_vec(entry).map_err(unwritten)?);
    }
    if archive.header.form == ArchiveForm::Plain {
        let mut file = std::fs::File::open(path)?;
        let mut piece = vec![0; 256 << 10];
        loop {
            match std::io::Read::read(&mut file, &mut piece)? {
                0 => break,
                read => hash.update(&piece[..read]),
            }
        }
    }
    Ok(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}
