//! Plain SQL: whether it is whole, and whether it stays in the database that it is run in.
//!
//! `psql` restores half a script as contentedly as a whole one, and goes wherever a script says.

use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::archive::{ArchiveInput, InspectOptions, InspectVerdict, inspect, unwrap};
use crate::error::{Error, ErrorKind, Result};

/// A script that may be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Script {
    /// Whether all of it can be one transaction.
    pub(super) single_transaction: bool,
}

/// What cannot run inside a transaction. Source: PostgreSQL's documentation of each.
const OUTSIDE: &[&str] = &[
    "alter system ",
    "create database ",
    "create index concurrently ",
    "create subscription ",
    "create tablespace ",
    "create unique index concurrently ",
    "drop database ",
    "drop tablespace ",
    "reindex database ",
    "vacuum",
];

/// Reads a script.
///
/// # Errors
/// [`ErrorKind::Format`] if it is not whole, or holds what must not be run; [`ErrorKind::Unsupported`] if it goes to
/// other databases than the one that was named.
pub(super) async fn look(path: &Path) -> Result<Script> {
    let options = InspectOptions { data: true, ..InspectOptions::default() };
    let inspection = inspect(ArchiveInput::path(path), &options).await?;
    if inspection.verdict != InspectVerdict::Whole {
        let why = inspection.damage.iter().map(|damage| damage.message.clone()).chain(inspection.unproven);
        let why: Vec<String> = why.take(3).collect();
        return Err(Error::new(ErrorKind::Format, format!("the script is not whole: {}", why.join("; ")))
            .context("file", path.display().to_string())
            .hint("Restore another backup: drcore inspect says what this one holds up to where it breaks."));
    }
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || read(&path)).await.map_err(|error| {
        Error::new(ErrorKind::Internal, "reading the script came to an unexpected end").caused_by(error)
    })?
}

fn read(path: &Path) -> Result<Script> {
    let mut unpacked = tempfile::tempfile()?;
    unwrap(ArchiveInput::path(path), &mut unpacked)?;
    std::io::Seek::rewind(&mut unpacked)?;
    let mut script = Script { single_transaction: true };
    let mut reader = BufReader::new(unpacked);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        // No row begins like this: a backslash of a value is doubled.
        if line.starts_with(b"\\connect ") || line.starts_with(b"\\c ") {
            let name = String::from_utf8_lossy(&line).trim().to_owned();
            return Err(Error::new(ErrorKind::Unsupported, format!("the script goes to databases of its own choice: {name}"))
                .hint("It is of a whole cluster (pg_dumpall): dump the one database with pg_dump, or cut its part out."));
        }
        let begin = String::from_utf8_lossy(&line[..line.len().min(40)]).to_lowercase();
        script.single_transaction &= !OUTSIDE.iter().any(|statement| begin.starts_with(statement));
        line.clear();
    }
    Ok(script)
}
