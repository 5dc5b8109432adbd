//! The marker of a database that a restore is in the middle of.
//!
//! A schema of its own, made before the first write and dropped after the last one. Its comment says what is
//! being restored, and whoever reads a database that has it knows that it is not whole: nothing in it is ever
//! verified. Its tables say what was done, so that the next run can go on.

use std::collections::BTreeSet;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::connect::{RestoreTarget, Session};
use crate::error::Result;
use crate::plan::Limits;
use crate::sql::literal;
use crate::text::instant;

/// The schema.
pub(crate) const SCHEMA: &str = "drcore_restore";

/// What an unfinished restore left word of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marker {
    /// By which the archive is known: another one cannot be gone on with.
    pub(crate) archive: String,
    /// The entries that were restored.
    pub(crate) done: BTreeSet<u32>,
    /// Whether what the target held was still to be taken away: what is there may be old.
    pub(crate) uncleared: bool,
}

impl Marker {
    /// Reads it; none where there is none.
    pub(crate) async fn read(session: &Session) -> Result<Option<Self>> {
        let there = format!("select 1 from pg_catalog.pg_namespace where nspname = {}", literal(SCHEMA));
        if session.simple(&there).await?.iter().all(Vec::is_empty) {
            return Ok(None);
        }
        let answer = session
            .simple(&format!(
                "select archive from {SCHEMA}.restore; select entry from {SCHEMA}.done; \
                 select 1 from {SCHEMA}.restore where not uncleared"
            ))
            .await?;
        let mut answers = answer.into_iter();
        let first =
            |rows: Vec<Vec<Option<String>>>| rows.into_iter().filter_map(|mut row| row.pop().flatten());
        let archive = answers.next().and_then(|rows| first(rows).next()).unwrap_or_default();
        let done =
            answers.next().into_iter().flat_map(first).filter_map(|entry| entry.parse().ok()).collect();
        let uncleared = answers.next().is_none_or(|rows| rows.is_empty());
        Ok(Some(Self { archive, done, uncleared }))
    }

    /// Makes it, in the place of an older one: from now on the database is half restored. `uncleared` says whether what
    /// it holds is still to be taken away.
    pub(crate) async fn set(
        target: &RestoreTarget,
        archive: &str,
        file: &str,
        plan: &str,
        uncleared: bool,
        limits: &Limits,
    ) -> Result<()> {
        let comment = format!("{file}, begun {}, plan {plan}", instant(Timestamp::now()));
        let statements = [
            format!("drop schema if exists {SCHEMA} cascade"),
            format!("create schema {SCHEMA}"),
            format!("comment on schema {SCHEMA} is {}", literal(&comment)),
            format!(
                "create table {SCHEMA}.restore (archive pg_catalog.text not null, uncleared bool not null)"
            ),
            format!("create table {SCHEMA}.done (entry pg_catalog.int4 primary key)"),
            format!("insert into {SCHEMA}.restore values ({}, {uncleared})", literal(archive)),
        ];
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        target.target().transaction(&statements, limits, &CancellationToken::new()).await
    }

    /// What the target held is gone: what is there from now on is the archive's.
    pub(crate) async fn cleared(session: &Session) -> Result<()> {
        session.simple(&format!("update {SCHEMA}.restore set uncleared = false")).await.map(drop)
    }

    /// Nobody knows what was done: the next run looks at everything.
    pub(crate) async fn forget(session: &Session) -> Result<()> {
        session.simple(&format!("delete from {SCHEMA}.done")).await.map(drop)
    }

    /// Leaves word of what was done since.
    pub(crate) async fn add(session: &Session, done: &[u32]) -> Result<()> {
        if done.is_empty() {
            return Ok(());
        }
        let rows: Vec<String> = done.iter().map(|entry| format!("({entry})")).collect();
        let sql = format!("insert into {SCHEMA}.done values {} on conflict do nothing", rows.join(", "));
        session.simple(&sql).await.map(drop)
    }

    /// Takes it away: the restore has come to its end.
    pub(crate) async fn clear(target: &RestoreTarget, limits: &Limits) -> Result<()> {
        let statement = format!("drop schema {SCHEMA} cascade");
        target.target().transaction(&[&statement], limits, &CancellationToken::new()).await
    }
}
