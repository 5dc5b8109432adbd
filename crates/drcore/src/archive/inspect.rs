//! Inspecting an archive.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::counting::count;
use super::damage::Fault;
use super::header::ArchiveForm;
use super::inspection::{Checksums, Inspection};
use super::options::{Expected, InspectOptions};
use super::stored::Stored;
use super::table::Read;
use super::{Archive, ArchiveEntry, ArchiveInput};
use crate::error::{Error, ErrorKind, Result};
use crate::text::milliseconds;
use crate::verify::Against;

/// Reads an archive and says what it holds and whether it is whole, without a server. Blocks; [`inspect`] does not.
///
/// # Errors
/// [`ErrorKind::Io`] if it cannot be read at all, [`ErrorKind::Cancelled`] if somebody cancelled. An archive that is
/// damaged, that ends too early or that is none is no error.
pub fn inspect_blocking(input: ArchiveInput, options: &InspectOptions) -> Result<Inspection> {
    let began = Instant::now();
    let expected = options.expected()?;
    let mut inspection = Inspection::new(input.name().to_owned());
    match Archive::begin(input) {
        Ok(archive) => inspection.read(archive, options, &expected)?,
        Err(Fault::Damaged(damage)) => inspection.damage.push(damage),
        Err(Fault::Unknown(error)) if error.kind() == ErrorKind::Unsupported => {
            inspection.unproven.push(error.to_string());
            inspection.notes.extend(error.hint_text().map(str::to_owned));
        }
        Err(Fault::Unknown(error)) => return Err(error),
    }
    inspection.conclude();
    inspection.run.elapsed_ms = milliseconds(began);
    Ok(inspection)
}

/// As [`inspect_blocking`], on a thread of its own; of a backup in a repository too, whose bytes are compared with what
/// its manifest says.
///
/// # Errors
/// As [`inspect_blocking`]; of a backup in a repository also [`ErrorKind::Usage`] if there is none, and why it could not
/// be asked for.
#[tracing::instrument(name = "inspect", skip_all, fields(archive = input.name()))]
pub async fn inspect(input: ArchiveInput, options: &InspectOptions) -> Result<Inspection> {
    let options = InspectOptions { cancel: options.cancel.child_token(), ..options.clone() };
    // Where the caller goes away, nobody wants the answer any more.
    let _gone = options.cancel.clone().drop_guard();
    let Some(repository) = input.repository() else {
        return inspect_elsewhere(input, options.resolved().await?).await;
    };
    let began = Instant::now();
    let opened = Stored::open(repository.clone(), &options.cancel).await;
    let (input, stored) = match opened {
        Ok(opened) => opened,
        Err(Fault::Damaged(damage)) => {
            let mut inspection = Inspection::new(input.name().to_owned());
            inspection.damage.push(damage);
            inspection.conclude();
            inspection.run.elapsed_ms = milliseconds(began);
            return Ok(inspection);
        }
        Err(Fault::Unknown(error)) => return Err(error),
    };
    let mut options = options.resolved().await?;
    if options.against.is_none() {
        options.against = stored.baseline().await?.map(|evidence| Against::Evidence(Box::new(evidence)));
    }
    let mut inspection = inspect_elsewhere(input, options).await?;
    stored.compare(&mut inspection);
    inspection.conclude();
    Ok(inspection)
}

/// Inspects it on a thread that may block.
async fn inspect_elsewhere(input: ArchiveInput, options: InspectOptions) -> Result<Inspection> {
    let span = tracing::Span::current();
    let inspecting = tokio::task::spawn_blocking(move || {
        let _entered = span.entered();
        inspect_blocking(input, &options)
    });
    inspecting.await.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "the archive's reader ended without a word").caused_by(error))
    })
}

impl Inspection {
    fn read(&mut self, archive: Archive, options: &InspectOptions, expected: &Expected<'_>) -> Result<()> {
        // Plain SQL has no table of contents: what it makes is known when all of it was read.
        let is_plain = archive.header.form == ArchiveForm::Plain;
        let read = if options.data || is_plain {
            self.data_read = true;
            let fingerprints = options.fingerprints || matches!(expected, Expected::Dump(_));
            count(archive, fingerprints, &options.cancel)?
        } else {
            self.unproven.push("its data was not read".to_owned());
            let Archive { header, entries, .. } = archive;
            Read { entries, ..Read::new(header) }
        };
        if is_plain && !options.data {
            self.notes.push("plain SQL has no table of contents, so all of it was read".to_owned());
        }
        self.describe(&read);
        match expected {
            Expected::Baseline(baseline) => self.compare(baseline, &read.entries),
            Expected::Dump(path) => {
                let cancel = options.cancel.clone();
                let of_other = InspectOptions { fingerprints: true, cancel, ..InspectOptions::default() };
                self.compare_dumps(&inspect_blocking(ArchiveInput::path(*path), &of_other)?);
            }
            Expected::Nothing => {}
        }
        if options.list {
            self.entries = Some(read.entries);
        }
        Ok(())
    }

    /// Takes over what was found.
    fn describe(&mut self, read: &Read) {
        self.checksums = Some(Checksums::of(&read.header));
        self.archive = Some(read.header.clone());
        self.damage.clone_from(&read.damage);
        self.notes.extend(read.notes.iter().cloned());
        self.unproven.extend(read.unproven.iter().cloned());
        self.unproven.extend(read.unknown.as_ref().map(ToString::to_string));
        self.tables.clone_from(&read.tables);
        self.tables.sort_by(|a, b| (&a.database, &a.table).cmp(&(&b.database, &b.table)));
        self.rows = self.tables.iter().filter_map(|table| table.rows).sum();
        self.large_objects = read.large_objects;
        self.contents = kinds(&read.entries);
        let named = |kind: &str| -> Vec<String> {
            let names: BTreeSet<&String> =
                read.entries.iter().filter(|entry| entry.is(kind)).map(|entry| &entry.name).collect();
            names.into_iter().cloned().collect()
        };
        self.schemas = named("SCHEMA");
        self.extensions = named("EXTENSION");
        let owners = read.entries.iter().filter_map(|entry| entry.owner.as_ref());
        let owners: BTreeSet<&String> = owners.chain(&read.owners).collect();
        self.owners = owners.into_iter().cloned().collect();
        self.without_data = self.without_data_of(&read.entries);
        let has_structure = read.entries.iter().any(|entry| !entry.has_data && !is_of_session(entry));
        if self.tables.is_empty() && self.data_read && has_structure {
            self.notes.push("it holds no data of any table: only their structure".to_owned());
        } else if !has_structure && self.data_read && !self.tables.is_empty() {
            self.notes.push("it makes nothing: it holds data only".to_owned());
        }
    }

    /// Tables that are made and have no data, in an archive that has some of others.
    fn without_data_of(&self, entries: &[ArchiveEntry]) -> Vec<String> {
        let with_data: BTreeSet<_> =
            entries.iter().filter(|entry| entry.is_rows()).filter_map(ArchiveEntry::qualified_name).collect();
        let in_text: BTreeSet<_> = self.tables.iter().map(|table| &table.table).collect();
        if with_data.is_empty() && in_text.is_empty() {
            return Vec::new();
        }
        let is_lacking = |entry: &&ArchiveEntry| {
            let name = entry.qualified_name();
            entry.holds_rows()
                && name.is_some_and(|name| !with_data.contains(&name) && !in_text.contains(&name))
        };
        let names = entries.iter().filter(is_lacking).filter_map(ArchiveEntry::qualified_name);
        names.map(|name| name.to_string()).collect()
    }
}

/// How many entries there are of each kind, without those that only set the session up.
fn kinds(entries: &[ArchiveEntry]) -> BTreeMap<String, u64> {
    let mut kinds = BTreeMap::new();
    for entry in entries.iter().filter(|entry| !is_of_session(entry)) {
        *kinds.entry(entry.kind.clone()).or_default() += 1;
    }
    kinds
}

fn is_of_session(entry: &ArchiveEntry) -> bool {
    matches!(entry.kind.as_str(), "ENCODING" | "STDSTRINGS" | "SEARCHPATH")
}
