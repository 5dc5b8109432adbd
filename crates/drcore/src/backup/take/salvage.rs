//! Salvage: whatever can be had of a database before something is done to it in place.

use std::collections::BTreeSet;

use super::dump::Dumped;
use super::options::{Omit, TakeOptions};
use super::unreadable::Unreadable;
use super::{Taken, Taking, take};
use crate::backup::manifest::BackupKind;
use crate::backup::repository::Repository;
use crate::backup::url::RepositoryUrl;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{CauseKind, Evidence};

/// How often the dump is tried again without what it broke at: each time something else may be broken.
const ATTEMPTS: usize = 25;

/// Takes the dump and the baseline that somebody needs before anything is done to a database in place, such as a
/// point-in-time restore: afterwards, what is lost exists nowhere else.
///
/// Unlike [`take`](super::take), it gets what it can: what the role may not read and what is broken is left out and told,
/// in [`omitted`](crate::backup::Manifest::omitted) and [`unread`](Taken::unread). `to` is a repository, or a directory,
/// which is made where it is not there.
///
/// # Errors
/// Why nothing could be had: as [`take`](super::take).
pub async fn salvage(url: &str, to: &str, options: &TakeOptions) -> Result<Taken> {
    if let RepositoryUrl::Directory(path) = RepositoryUrl::parse(to)? {
        std::fs::create_dir_all(&path).map_err(|error| Error::unwritable("the salvage", &path, error))?;
    }
    let options = TakeOptions { kind: BackupKind::Salvage, ..options.clone() };
    take(url, &Repository::open(to)?, &options).await
}

impl Taking<'_> {
    /// Dumps and collects at the same time, each as far as it comes; then dumps again without what is broken.
    pub(super) async fn dump_what_there_is(&self) -> Result<(Dumped, Option<(Evidence, u64)>, Vec<String>)> {
        let mut notes = Vec::new();
        let mut omitted: Vec<(Omit, String)> = match Unreadable::of(&self.held.session).await {
            Ok(unreadable) => unreadable.iter().map(Unreadable::omitted).collect(),
            Err(error) => {
                notes.push(format!("what the role may read could not be found out: {error}"));
                Vec::new()
            }
        };
        distinct(&mut omitted);
        let tell = self.options.told();
        let dump = self.dump(&tell);
        let (dumped, collected) = tokio::join!(
            self.stop.or(dump.run(&omitted)),
            self.collect(&tell, self.options.collect.cancel.child_token())
        );
        let (evidence, elapsed) = match collected {
            Ok((evidence, elapsed)) => (Some(evidence), elapsed),
            Err(error) => {
                notes.push(format!("there is no baseline: {error}"));
                (None, 0)
            }
        };
        if let Some(failure) = evidence.as_ref().and_then(Evidence::failure) {
            notes.push(format!("the baseline ended early: {}", failure.message));
        }
        let mut error = match dumped {
            Ok(dumped) => return Ok((dumped, evidence.map(|evidence| (evidence, elapsed)), notes)),
            Err(error) => error,
        };
        omitted.extend(evidence.iter().flat_map(broken));
        for _ in 0..ATTEMPTS {
            if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Timeout) {
                return Err(error);
            }
            omitted.extend(named_in(&error));
            distinct(&mut omitted);
            tracing::warn!(%error, omitted = omitted.len(), "dumping again without what is broken");
            let dumped = self.stop.or(dump.run(&omitted)).await;
            error = match dumped {
                Ok(dumped) => return Ok((dumped, evidence.map(|evidence| (evidence, elapsed)), notes)),
                Err(again) => {
                    // Broken at what was left out, or at nothing that could be, it would break there again.
                    let known = |named: &(Omit, String)| {
                        omitted.iter().any(|(omit, _)| plain(omit) == plain(&named.0))
                    };
                    if named_in(&again).is_none_or(|named| known(&named)) {
                        return Err(again);
                    }
                    again
                }
            };
        }
        Err(error)
    }
}

/// The tables that could not be read for the baseline because something is wrong with them.
fn broken(evidence: &Evidence) -> Vec<(Omit, String)> {
    let scans = evidence.scans.tables.iter();
    let cause = |scan: &crate::evidence::TableScan| {
        let causes = [scan.rows.get().err(), scan.content.get().err()];
        causes.into_iter().flatten().find(|cause| cause.kind == CauseKind::Error)
    };
    scans
        .filter_map(|(table, scan)| {
            Some((Omit::Rows(pattern(&table.schema, &table.name)), cause(scan)?.message))
        })
        .collect()
}

/// What `pg_dump` says that it broke at: `Command was: COPY public.t (a, b) TO stdout;`.
fn named_in(error: &Error) -> Option<(Omit, String)> {
    let text = error.to_string();
    let (_, rest) = text.split_once("COPY ")?;
    // A name in quotes may hold anything.
    let mut quoted = false;
    let end = rest.find(|c: char| {
        quoted ^= c == '"';
        !quoted && c == ' '
    })?;
    let why = text.split_once("ERROR:").map_or("it could not be read", |(_, why)| why.trim());
    let why = why.split("; ").next().unwrap_or(why);
    Some((Omit::Rows(rest[..end].to_owned()), why.to_owned()))
}

fn pattern(schema: &str, name: &str) -> String {
    let literal = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    format!("{}.{}", literal(schema), literal(name))
}

/// Each once, whatever the reasons.
fn distinct(omitted: &mut Vec<(Omit, String)>) {
    let mut seen = BTreeSet::new();
    omitted.retain(|(omit, _)| seen.insert(plain(omit)));
}

/// Without quotes, which one writes and another does not.
fn plain(omit: &Omit) -> String {
    omit.argument().replace('"', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dump_broke_at_is_read_from_what_it_says() {
        let error = |text: &str| Error::new(ErrorKind::Tool, text);
        let said = "pg_dump failed (exit status: 1): Dumping the contents of table \"t\" failed: PQgetResult() failed.; \
                    Error message from server: ERROR:  invalid page in block 0 of relation base/1/2; Command was: COPY \
                    public.\"we\"\"ird; DROP\" (a, b) TO stdout;";
        let (omit, why) = named_in(&error(said)).unwrap();
        assert_eq!(omit, Omit::Rows("public.\"we\"\"ird; DROP\"".to_owned()));
        assert_eq!(why, "invalid page in block 0 of relation base/1/2");
        assert_eq!(named_in(&error("pg_dump failed: out of memory")), None);
    }
}
