//! What is volatile about a collection: when, by whom, from where, how.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Standby;
use crate::collect::Shard;
use crate::connect::Dsn;
use crate::content::{ContentLink, SketchFile};
use crate::error::{Error, ErrorKind};

/// All that is volatile about one collection, so that two reports on the same
/// state are equal without it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "EvidenceRun", title = "EvidenceRun")]
#[non_exhaustive]
pub struct Run {
    /// When the snapshot was taken, by the server's clock where one answered.
    pub taken_at: Timestamp,
    /// The version of drcore that collected it.
    pub drcore: String,
    /// Where it was read: host and port or socket directory, without user or password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The Supabase project, where the connection string names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// How it was connected to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// The server, where one answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Server>,
    /// How far the server is behind its primary, where it is a standby and says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standby: Option<Standby>,
    /// How many sessions read.
    pub sessions: u32,
    /// Whether all that was read is of one snapshot.
    pub one_snapshot: bool,
    /// How the content of tables was read, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentLink>,
    /// The references, by their keys, whose orphans were counted here, from rows that were copied. Those of all
    /// others were counted by the server.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub counted_here: BTreeSet<String>,
    /// Which shards of the work it holds, where it was divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<Shards>,
    /// The file beside it that tells which rows differ, where it was stored with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sketches: Option<SketchFile>,
    /// How long it took.
    pub elapsed_ms: u64,
    /// Why nothing more was read, where the run as a whole failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What a reader should know about how it was collected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Run {
    /// Notes where it is read and how.
    pub(crate) fn reached_by(&mut self, dsn: &Dsn) {
        self.host = Some(dsn.to_string());
        self.project = dsn.project();
        self.access = Some(Access {
            sslmode: dsn.ssl_mode().as_str().to_owned(),
            password: dsn.password_from(),
            password_place: dsn.password_place().map(str::to_owned),
        });
    }

    /// Whether what was read is a standby's, which follows another server.
    pub fn in_recovery(&self) -> bool {
        self.server.as_ref().is_some_and(|server| server.in_recovery)
    }

    /// Why nothing in it is whole, where a restore into it did not come to its end.
    pub(crate) fn unfinished_restore(&self) -> Option<super::Cause> {
        let restore = self.server.as_ref()?.restoring.as_ref()?;
        let message = format!("a restore into it did not come to its end: {restore}");
        Some(
            super::Cause::new(super::CauseKind::Restoring, message).hint(
                "Go on with the restore by --resume, or begin it anew by --start-over, and verify again.",
            ),
        )
    }

    /// `standby, 12 s behind`, where it is one.
    pub(crate) fn standby_sentence(&self) -> Option<String> {
        self.in_recovery().then(|| match &self.standby {
            Some(standby) => format!("standby, {}", standby.sentence()),
            None => "standby, how far behind is not known".to_owned(),
        })
    }

    /// What to think of before something that a standby lacks is taken for lost.
    pub(crate) fn standby_warning(&self) -> Option<&'static str> {
        match &self.standby {
            _ if !self.in_recovery() => None,
            Some(standby) if standby.is_caught_up() => None,
            Some(_) => Some("the standby is behind: what it lacks may only not have arrived yet"),
            None => Some("the standby may be behind: what it lacks may only not have arrived yet"),
        }
    }

    /// The same without where parts of the Evidence are stored, which says nothing of the collection.
    pub(crate) fn without_files(&self) -> Self {
        Self { sketches: None, ..self.clone() }
    }

    /// A run that starts at `taken_at`.
    pub fn new(taken_at: Timestamp) -> Self {
        Self {
            taken_at,
            drcore: env!("CARGO_PKG_VERSION").to_owned(),
            host: None,
            project: None,
            access: None,
            server: None,
            standby: None,
            sessions: 0,
            one_snapshot: false,
            content: None,
            counted_here: BTreeSet::new(),
            shards: None,
            sketches: None,
            elapsed_ms: 0,
            failure: None,
            notes: Vec::new(),
        }
    }
}

/// Which shares of the work of collecting some Evidence holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Shards")]
#[non_exhaustive]
pub struct Shards {
    /// Into how many it was divided.
    pub of: u32,
    /// Which of them, counted from 1.
    pub numbers: BTreeSet<u32>,
}

impl Shards {
    /// This one alone.
    pub(crate) fn of(shard: Shard) -> Self {
        Self { of: shard.of(), numbers: BTreeSet::from([shard.number()]) }
    }

    /// Those that it does not hold.
    pub fn missing(&self) -> Vec<u32> {
        (1..=self.of).filter(|number| !self.numbers.contains(number)).collect()
    }
}

/// How a database was connected to, without any secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Access")]
#[non_exhaustive]
pub struct Access {
    /// `sslmode`: `disable`, `prefer`, `require`, `verify-ca` or `verify-full`.
    pub sslmode: String,
    /// Where the password came from; none where none was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordFrom>,
    /// File and line of the password, where it came from a password file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_place: Option<String>,
}

/// Where a password came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "PasswordFrom")]
#[non_exhaustive]
pub enum PasswordFrom {
    /// The connection string.
    ConnectionString,
    /// The variable `PGPASSWORD`.
    Environment,
    /// A password file.
    PasswordFile,
    /// A service file.
    ServiceFile,
}

/// The server and database that answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Server")]
#[non_exhaustive]
pub struct Server {
    /// The version, such as `15.18`.
    pub version: String,
    /// The version as one number, such as `150018`.
    pub version_num: u32,
    /// The name of the database.
    pub database: String,
    /// The oid of the database.
    pub database_oid: u32,
    /// `system_identifier` of the cluster; a physical clone has the same.
    pub system_identifier: Option<String>,
    /// When the postmaster started.
    pub started_at: Option<String>,
    /// Whether it is a standby.
    pub in_recovery: bool,
    /// The role that read.
    pub role: String,
    /// Whether that role is a superuser.
    pub superuser: bool,
    /// Whether that role bypasses row level security.
    pub bypass_rls: bool,
    /// `cluster_name`, by which a scratch cluster of ours is known.
    pub cluster_name: String,
    /// The server's clock when the snapshot was taken.
    pub taken_at: Timestamp,
    /// Which transactions are seen, as `pg_current_snapshot()` says it: the same while nothing is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// What a restore into the database that did not come to its end left word of: nothing in it is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restoring: Option<String>,
}

impl Server {
    pub(crate) const SQL: &'static str = include_str!("server.sql");
}

/// Why a run as a whole failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Failure")]
#[non_exhaustive]
pub struct Failure {
    /// The kind of error.
    pub kind: ErrorKind,
    /// What happened, in one line.
    pub message: String,
    /// The server's SQLSTATE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.to_string(),
            sqlstate: error.sqlstate().map(str::to_owned),
            hint: error.hint_text().map(str::to_owned),
        }
    }
}

/// The error that the run ended with, as far as it was kept.
impl From<&Failure> for Error {
    fn from(failure: &Failure) -> Self {
        let mut error = Self::new(failure.kind, failure.message.clone());
        if let Some(code) = &failure.sqlstate {
            error = error.with_sqlstate(code.clone());
        }
        match &failure.hint {
            Some(hint) => error.hint(hint.clone()),
            None => error,
        }
    }
}

impl Failure {
    /// What is likely behind it, right after a restore.
    pub fn likely(&self) -> Option<&'static str> {
        match (self.kind, self.sqlstate.as_deref()) {
            (_, Some("28P01")) => Some("the restore brought back the old database password"),
            (_, Some("28000")) if self.message.contains("does not exist") => Some(
                "the restore did not bring the roles (pg_dumpall --globals-only), or the name is another",
            ),
            (_, Some("28000")) => Some("the server does not let this user in from here (pg_hba.conf)"),
            (_, Some("3D000")) => {
                Some("the restore has not created the database yet, or it has another name")
            }
            (_, Some("40001")) => Some("the standby gave way to what its primary did"),
            (_, Some("53300")) => Some("other clients hold all connections"),
            (_, Some("57P03")) => Some("the server is still starting, or still restoring"),
            (ErrorKind::Connection, _) if self.message.contains("lookup") => {
                Some("the host name is misspelt, or the project is deleted or paused")
            }
            (ErrorKind::Connection, _) => {
                Some("the server is down, paused or still restoring; or host or port are others")
            }
            (ErrorKind::Tls, _) => {
                Some("the certificate is of another host, or of an authority not known here")
            }
            _ => None,
        }
    }

    /// The same, as the cause of one object.
    pub(crate) fn cause(&self) -> super::Cause {
        use super::CauseKind;
        let kind = match self.kind {
            _ if self.sqlstate.as_deref() == Some("40001") => CauseKind::Standby,
            ErrorKind::Cancelled => CauseKind::Cancelled,
            ErrorKind::Timeout => CauseKind::Deadline,
            ErrorKind::Unsupported => CauseKind::Unsupported,
            _ => CauseKind::Connection,
        };
        let mut cause = super::Cause::new(kind, self.message.clone());
        cause.sqlstate.clone_from(&self.sqlstate);
        match &self.hint {
            Some(hint) => cause.hint(hint.clone()),
            None => cause,
        }
    }
}
