//! Evidence: every fact that plan and baseline ask for, read from one state of one database.
//!
//! Evidence is what is collected, stored, compared and judged. A *baseline* is
//! stored Evidence: taken at backup time it travels beside the dump, and
//! comparing with a live source is the same comparison with Evidence collected
//! from it. What was asked for and not answered is [`Fact::Unread`], never absent.

pub mod acl;
mod assertions;
mod auth;
mod backups;
pub mod catalog;
mod files;
mod isolation;
mod merge;
mod migrations;
mod object_references;
mod parts;
mod run;
mod scan;
mod spread;
mod standby;
mod version;
mod writes;

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use assertions::AssertionValue;
pub(crate) use assertions::sha256;
pub use auth::{
    AuthBan, AuthFactors, AuthFacts, AuthIdentities, AuthProfiles, AuthState, AuthStates, AuthUsers,
};
pub use backups::{BackupFact, RepositoryFacts};
pub use catalog::Catalog;
pub use files::{BucketFiles, BucketState, Files, OddFiles, UnclearFiles};
pub use isolation::{ActedAs, SampledUsers, Seen, UserSample, UserTenants};
pub use migrations::{
    AppliedMigration, MigrationFacts, MigrationFile, MigrationFolder, MigrationHistory, ServiceLevel,
};
pub use object_references::{NamedObjects, UnnamedByBucket, UnnamedObjects};
pub use parts::TableParts;
pub use run::{Access, Failure, PasswordFrom, Run, Server, Shards};
pub use scan::{
    DuplicateSample, Duplicates, Extremes, HourRows, LocatedRows, OrphanSample, Orphans, Recent, RowKeys,
    Scans, SequenceState, TableScan, TenantRows,
};
pub use spread::{Affected, HourChange, Spread, TenantChange};
pub use standby::Standby;
pub(crate) use version::refuse_older;
pub use writes::{AttemptedWrites, WriteOutcome, Writes, WroteAs};

use crate::content::Sketches;
use crate::error::{Error, ErrorKind, Result};
pub use crate::platform::PlatformFacts;
use crate::secret::redacted;
use crate::spool::Spool;
use crate::storage::StoredRows;

/// Why something could not be read: the kind, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "CauseKind")]
#[non_exhaustive]
pub enum CauseKind {
    /// A name in the plan fits more than one object.
    Ambiguous,
    /// The caller cancelled.
    Cancelled,
    /// The server could not be reached, or the connection was lost.
    Connection,
    /// The deadline of the run passed.
    Deadline,
    /// Evidence that was merged disagrees about it: it is of different states.
    Disagreement,
    /// The server refused the statement.
    Error,
    /// A lock was held by somebody else for longer than `lock_timeout`.
    LockTimeout,
    /// It was not asked for, or the Evidence was stored without it.
    NotCollected,
    /// Another shard of the same collection reads it.
    OtherShard,
    /// The role lacks a privilege.
    Permission,
    /// A restore into the database did not come to its end: what is read of it proves nothing.
    Restoring,
    /// The table was truncated or rewritten while it was read, and reads as empty.
    Rewritten,
    /// Row level security hides rows from the role.
    RowSecurity,
    /// The snapshot had become as old as the plan allows.
    SnapshotAge,
    /// The server is a standby, which cannot answer it, or cancelled it to go on replaying.
    Standby,
    /// The statement took longer than `statement_timeout`.
    StatementTimeout,
    /// This server or connection cannot answer it.
    Unsupported,
}

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Cause")]
#[non_exhaustive]
pub struct Cause {
    /// The kind, for programs.
    pub kind: CauseKind,
    /// The server's words, or ours, in one line.
    pub message: String,
    /// The server's SQLSTATE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
    /// What would make it readable, as a full sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Cause {
    /// A cause of `kind`.
    pub fn new(kind: CauseKind, message: impl Into<String>) -> Self {
        Self { kind, message: redacted(message), sqlstate: None, hint: None }
    }

    /// Adds what would make it readable.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(redacted(hint));
        self
    }
}

/// What cannot go on without what was not read.
impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        let kind = match cause.kind {
            CauseKind::Cancelled => ErrorKind::Cancelled,
            CauseKind::Connection => ErrorKind::Connection,
            CauseKind::Deadline | CauseKind::LockTimeout | CauseKind::StatementTimeout => ErrorKind::Timeout,
            CauseKind::Permission | CauseKind::RowSecurity => ErrorKind::Permission,
            CauseKind::Restoring => ErrorKind::Refused,
            CauseKind::Standby | CauseKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Query,
        };
        let mut error = Self::new(kind, cause.message);
        if let Some(code) = cause.sqlstate {
            error = error.with_sqlstate(code);
        }
        match cause.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl From<&Error> for Cause {
    fn from(error: &Error) -> Self {
        let kind = match (error.kind(), error.sqlstate()) {
            (ErrorKind::Connection | ErrorKind::Authentication | ErrorKind::Tls, _) => CauseKind::Connection,
            (_, Some("55P03")) => CauseKind::LockTimeout,
            (_, Some("57014")) => CauseKind::StatementTimeout,
            // "query would be affected by row-level security policy"
            (ErrorKind::Permission, _) if error.message().contains("row-level security") => {
                CauseKind::RowSecurity
            }
            (ErrorKind::Permission, _) => CauseKind::Permission,
            (ErrorKind::Cancelled, _) => CauseKind::Cancelled,
            (ErrorKind::Unsupported, _) => CauseKind::Unsupported,
            _ => CauseKind::Error,
        };
        Self {
            kind,
            message: error.to_string(),
            sqlstate: error.sqlstate().map(str::to_owned),
            hint: error.hint_text().map(str::to_owned),
        }
    }
}

/// Something that may have been read.
///
/// In JSON: `{"read": …}`, `{"unread": {"kind": …}}`, or left out where nobody asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact<T> {
    /// Nobody asked.
    #[default]
    #[serde(skip)]
    NotAsked,
    /// Read.
    Read(T),
    /// Asked for, and could not be read.
    Unread(Cause),
}

impl<T> Fact<T> {
    /// Whether nobody asked.
    pub fn is_not_asked(&self) -> bool {
        matches!(self, Self::NotAsked)
    }

    /// What was read, or why it was not: never a default.
    ///
    /// # Errors
    /// The cause; [`CauseKind::NotCollected`] where nobody asked.
    pub fn get(&self) -> Result<&T, Cause> {
        match self {
            Self::Read(value) => Ok(value),
            Self::Unread(cause) => Err(cause.clone()),
            Self::NotAsked => Err(Cause::new(CauseKind::NotCollected, "was not collected")),
        }
    }

    /// What was read.
    pub fn read(&self) -> Option<&T> {
        match self {
            Self::Read(value) => Some(value),
            _ => None,
        }
    }
}

/// Written by hand, because the types of other languages are named after it: `TableFacts`, not `Fact7`.
impl<T: JsonSchema> JsonSchema for Fact<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        let of = T::schema_name();
        match of.strip_prefix("Array_of_") {
            Some(each) => format!("{each}Facts").into(),
            None if of.starts_with("uint") => "CountFact".into(),
            None => format!("{of}Fact").into(),
        }
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let name = Self::schema_name();
        let read = generator.subschema_for::<T>();
        let unread = generator.subschema_for::<UnreadFact>();
        schemars::json_schema!({
            "title": name,
            "description": "Something that may have been read.",
            "oneOf": [
                {
                    "title": format!("{name}Read"),
                    "description": "What was read.",
                    "type": "object",
                    "properties": { "read": read },
                    "required": ["read"]
                },
                unread
            ]
        })
    }
}

/// Something that could not be read: how [`Fact::Unread`] looks in JSON, for the schema only.
#[derive(JsonSchema)]
#[schemars(title = "UnreadFact")]
struct UnreadFact {
    /// Why.
    #[allow(dead_code, reason = "the schema is made from it, and nothing else")]
    unread: Cause,
}

impl<T> From<Result<T>> for Fact<T> {
    fn from(result: Result<T>) -> Self {
        match result {
            Ok(value) => Self::Read(value),
            Err(error) => Self::Unread(Cause::from(&error)),
        }
    }
}

/// Every fact that was read from one state of one database.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Evidence")]
#[non_exhaustive]
pub struct Evidence {
    /// Always `drcore.evidence/1`.
    pub format: String,
    /// What the catalog says.
    pub catalog: Box<Catalog>,
    /// What reading the tables themselves showed.
    pub scans: Scans,
    /// Results of the team's own statements, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub assertions: BTreeMap<String, Fact<AssertionValue>>,
    /// What the tables of Supabase's auth service hold.
    #[serde(default, skip_serializing_if = "AuthFacts::is_not_asked")]
    pub auth: Box<AuthFacts>,
    /// Which migrations were applied, and which files there are.
    #[serde(default, skip_serializing_if = "MigrationFacts::is_not_asked")]
    pub migrations: Box<MigrationFacts>,
    /// What users of the API see of each other's rows, by the ids of the plan, and `anon`; only where the plan says so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub isolation: BTreeMap<String, ActedAs>,
    /// Users that were chosen from the data, to be acted as; only where the plan says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampled_users: Option<Box<SampledUsers>>,
    /// What was tried to be written as users of the API, and undone; only where plan and call say so.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub writes: Fact<AttemptedWrites>,
    /// The files of Supabase Storage, against the rows that know of them; only where a store was given.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub files: Fact<Files>,
    /// What the repository of backups holds; only where the plan names one.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub backups: Fact<RepositoryFacts>,
    /// What the platform says of its own backups; only where the plan names the project.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub platform: Fact<PlatformFacts>,
    /// All that is volatile: instants, versions, sessions, timings.
    pub run: Run,
    /// What the file of sketches holds, or will hold.
    #[serde(skip)]
    pub(crate) sketched: Sketches,
    /// The rows that the files of a store are compared with, while it is collected.
    #[serde(skip)]
    pub(crate) stored_rows: StoredRows,
    /// Every file that something is wrong with, where somebody wanted that.
    #[serde(skip)]
    pub(crate) file_rows: Spool,
}

/// Equal are those that say the same of the same collection, wherever the sketches are kept.
impl PartialEq for Evidence {
    fn eq(&self, other: &Self) -> bool {
        self.format == other.format
            && self.catalog == other.catalog
            && self.scans == other.scans
            && self.assertions == other.assertions
            && self.auth == other.auth
            && self.migrations == other.migrations
            && self.isolation == other.isolation
            && self.sampled_users == other.sampled_users
            && self.writes == other.writes
            && self.files == other.files
            && self.backups == other.backups
            && self.platform == other.platform
            && self.run.without_files() == other.run.without_files()
    }
}

impl Evidence {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.evidence/1";

    /// Evidence of nothing yet.
    pub fn new(run: Run) -> Self {
        Self {
            format: Self::FORMAT.to_owned(),
            catalog: Box::default(),
            scans: Scans::default(),
            assertions: BTreeMap::new(),
            auth: Box::default(),
            migrations: Box::default(),
            isolation: BTreeMap::new(),
            sampled_users: None,
            writes: Fact::NotAsked,
            files: Fact::NotAsked,
            backups: Fact::NotAsked,
            platform: Fact::NotAsked,
            run,
            sketched: Sketches::default(),
            stored_rows: StoredRows::default(),
            file_rows: Spool::default(),
        }
    }

    /// Evidence that nothing could be read, because of `error`.
    pub fn unreachable(error: &Error, run: Run) -> Self {
        let mut evidence = Self::new(run);
        evidence.run.failure = Some(Failure::from(error));
        evidence
    }

    /// Why nothing more was read, where the run as a whole failed.
    pub fn failure(&self) -> Option<&Failure> {
        self.run.failure.as_ref()
    }

    /// The same, unless the run as a whole failed, or what was read is half of a database: half a baseline
    /// would be half a proof.
    pub(crate) fn whole(self) -> Result<Self> {
        if let Some(failure) = self.failure() {
            return Err(Error::from(failure));
        }
        match self.run.unfinished_restore() {
            Some(cause) => Err(Error::new(ErrorKind::Refused, cause.message)
                .hint("Bring the restore to its end first: a baseline of half a database proves nothing.")),
            None => Ok(self),
        }
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Format`] if the text is not Evidence, or of a newer major version.
    pub fn from_json(text: &str) -> Result<Self> {
        let mut evidence: Self = crate::wire::from_json(text, Self::FORMAT, "evidence")?;
        // Look-ups rely on the order; a file may have been edited.
        evidence.catalog.sort();
        if let Some(file) = &evidence.run.sketches {
            evidence.sketched = Sketches::elsewhere(file);
        }
        Ok(evidence)
    }

    /// Reads the JSON form from a file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the file cannot be read, [`ErrorKind::Usage`] if it is a dump; else as
    /// [`Evidence::from_json`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        if let Some(what) = crate::archive::dump_at(path) {
            let message = format!("{} is {what}, and no baseline", path.display());
            return Err(Error::new(ErrorKind::Usage, message).hint(
                "drcore inspect compares a dump with a baseline or with another dump. To compare its rows with a \
                 database, restore it first (drcore scratch starts an empty one).",
            ));
        }
        let text =
            std::fs::read_to_string(path).map_err(|error| Error::unreadable("the baseline", path, error))?;
        let mut evidence =
            Self::from_json(&text).map_err(|error| error.context("file", path.display().to_string()))?;
        if let Some(file) = &evidence.run.sketches {
            evidence.sketched = Sketches::load_beside(path, file);
        }
        Ok(evidence)
    }

    /// Writes the JSON form to a file, whole or not at all, readable by its owner only; and what tells
    /// which rows differ to a second one beside it, `baseline.sketches` for `baseline.json`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if a file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        // First, so that what the JSON refers to is there.
        let sketches = self.sketched.save_beside(path)?;
        let mut stored = self.clone();
        stored.run.sketches = sketches;
        crate::wire::save(path, &(stored.to_json()? + "\n"), "evidence")
    }

    /// The same without what a stored baseline must not hold: the plain values of assertions.
    #[must_use]
    pub fn into_baseline(mut self) -> Self {
        for fact in self.assertions.values_mut() {
            if let Fact::Read(value) = fact {
                value.forget();
            }
        }
        self.sketched.fit();
        self
    }
}
