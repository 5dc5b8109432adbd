//! A database that is written to: the only types that write.

mod restore;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

pub use restore::{Apart, RestoreTarget, TargetOptions};

use super::dsn::{Dsn, Endpoint, Place};
use super::guard::{Asked, Holds, Intent, Over, Pooling, Ruling, Seen};
use super::session::Session;
use super::source::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Server;
use crate::evidence::catalog::SUPABASE_SCHEMAS;
use crate::plan::{Limits, Protected};
use crate::restore::scratch::{CLUSTER_NAME, DATA, MARKER, STUB};
use crate::sql::literal;

/// A database that may be written to, by one reviewed plan of statements.
///
/// It is obtained only by naming what is to be written to. The name is compared with every part of the
/// connection string that speaks of a project, and with the server that answers; whatever does not fit, or
/// cannot be told, is refused, with what was compared. `drcore explain guard` has all cases.
///
/// # Examples
/// ```no_run
/// # async fn f() -> drcore::Result<()> {
/// # let url = "";
/// let target = drcore::Target::connect(url, "app@7412345678901234567").await?;
/// assert_eq!(target.project(), "app@7412345678901234567");
/// # Ok(())
/// # }
/// ```
pub struct Target {
    /// The session that was looked at is the one that writes.
    session: Session,
    project: String,
    writes: Mutex<Vec<Write>>,
}

/// One statement that was sent to a [`Target`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Write")]
#[non_exhaustive]
pub struct Write {
    /// When it was sent.
    pub at: Timestamp,
    /// What it was sent to, as it was named.
    pub project: String,
    /// The statement.
    pub statement: String,
    /// How many rows the server said that it changed; none where it gave no answer, or an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("project", &self.project).finish_non_exhaustive()
    }
}

impl Target {
    /// Connects to the database at `url`, if it is what `project` names.
    ///
    /// `project` is the ref of a Supabase project where the connection string names one, else
    /// `database@system_identifier`, as `drcore repair` prints it.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], with what was compared; [`ErrorKind::Usage`] if `url` is no connection string;
    /// [`ErrorKind::Connection`] and the like if nobody answers.
    pub async fn connect(url: &str, project: &str) -> Result<Self> {
        let asked = Asked {
            intent: Intent::Repair,
            name: project,
            protect: &[],
            others: &[],
            clone_of: None,
            over: Over::Nothing,
        };
        let session = admitted(&asked, &Source::new(Dsn::parse(url)?)?, &Limits::default()).await?;
        Ok(Self::new(session, project.to_owned()))
    }

    /// A session on which writes are attempted, each of which is undone, if the database is what `name` names and none
    /// of those that are protected.
    pub(crate) async fn attempting(
        source: &Source,
        name: &str,
        protect: &[Protected],
        limits: &Limits,
    ) -> Result<Session> {
        let (intent, over) = (Intent::Attempt, Over::Nothing);
        admitted(&Asked { intent, name, protect, others: &[], clone_of: None, over }, source, limits).await
    }

    fn new(session: Session, project: String) -> Self {
        Self { session, project, writes: Mutex::default() }
    }

    /// What is written to, as it was named.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The session that was looked at, and that writes.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Everything that was written so far, with its time.
    pub fn writes(&self) -> Vec<Write> {
        self.log().clone()
    }

    /// Runs all statements in one transaction, or none: none, too, where it is cancelled before all were sent.
    pub(crate) async fn transaction(
        &self,
        statements: &[&str],
        limits: &Limits,
        cancel: &CancellationToken,
    ) -> Result<()> {
        let begin = format!(
            "begin isolation level read committed read write;\n\
             set local search_path = '';\n\
             set local row_security = off;\n\
             set local standard_conforming_strings = on;\n\
             set local lock_timeout = {};\n\
             set local statement_timeout = {}",
            limits.lock_timeout().as_millis(),
            limits.statement_timeout().as_millis(),
        );
        self.session.simple(&begin).await?;
        for (at, statement) in statements.iter().enumerate() {
            if let Err(error) = self.write_until(statement, cancel).await {
                // If this fails the connection is gone, and the transaction with it.
                let _ = self.session.simple("rollback").await;
                return Err(error
                    .context("statement", (at + 1).to_string())
                    .hint("Nothing was changed: all statements are one transaction."));
            }
        }
        // Not to be cancelled: whether it was committed must not be left open.
        self.write("commit").await.map_err(|error| {
            if error.kind() == ErrorKind::Connection {
                error.hint("Whether it was committed is not known: verify again.")
            } else {
                error.hint("Nothing was changed: all statements are one transaction.")
            }
        })
    }

    async fn write_until(&self, statement: &str, cancel: &CancellationToken) -> Result<()> {
        let mut writing = std::pin::pin!(self.write(statement));
        tokio::select! {
            result = &mut writing => return result,
            () = cancel.cancelled() => self.session.cancel().await,
        }
        // What the server says to that ends the statement; the connection may be gone instead.
        let _ = writing.await;
        Err(Error::new(ErrorKind::Cancelled, "cancelled by the caller"))
    }

    async fn write(&self, statement: &str) -> Result<()> {
        let (at, project) = (Timestamp::now(), self.project.clone());
        tracing::info!(target: "drcore::write", %at, project, statement);
        let answer = self.session.one(statement).await;
        let rows = answer.as_ref().ok().copied();
        self.log().push(Write { at, project, statement: statement.to_owned(), rows });
        answer.map(drop)
    }

    fn log(&self) -> MutexGuard<'_, Vec<Write>> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// By which a database that is no hosted project is named to a [`Target`]: `database@system_identifier`.
    pub fn project(&self) -> Option<String> {
        self.system_identifier.as_ref().map(|identifier| format!("{}@{identifier}", self.database))
    }

    /// Whether it calls itself a scratch cluster of drcore's. A [`Target`] looks closer.
    pub fn is_scratch(&self) -> bool {
        self.cluster_name == CLUSTER_NAME
    }
}

/// A session with what is named, if the guard has nothing against it.
async fn admitted(asked: &Asked<'_>, source: &Source, limits: &Limits) -> Result<Session> {
    let dsn = source.dsn();
    let before = Ruling::of_dsn(asked, dsn);
    if let Some(error) = before.error() {
        return Err(error);
    }
    let session = source.session(limits).await?;
    let seen = see(&session, dsn).await?;
    match before.of_server(asked, dsn, &seen).error() {
        Some(error) => Err(error),
        None => Ok(session),
    }
}

/// What answers, as far as whoever repairs must know.
async fn see(session: &Session, dsn: &Dsn) -> Result<Seen> {
    let server = session.server().await?;
    Ok(Seen {
        is_scratch: is_our_scratch(session, &server, dsn).await?,
        pooling: Pooling::Session,
        holds: holds(session).await?,
        server,
    })
}

/// What it holds of its own; none where the role may not see all of it.
async fn holds(session: &Session) -> Result<Option<Holds>> {
    let platform: Vec<String> = SUPABASE_SCHEMAS.iter().map(|schema| literal(schema)).collect();
    let sql = include_str!("target/holds.sql")
        .replace("$platform", &format!("array[{}]", platform.join(", ")))
        .replace("$stub", &literal(STUB))
        .replace("$marker", &literal(crate::restore::marker::SCHEMA));
    let answer = session.simple(&sql).await?;
    let row = answer.into_iter().flatten().next().unwrap_or_default();
    let [objects, example, tables] = row.try_into().map_err(|_| {
        Error::new(
            ErrorKind::Unsupported,
            "the server described what it holds in a way that was not understood",
        )
    })?;
    let mut holds =
        Holds { objects: objects.and_then(|n| n.parse().ok()).unwrap_or(u64::MAX), filled: 0, example };
    for table in tables.unwrap_or_default().split_whitespace() {
        match session.simple(&format!("select 1 where exists (select from {table})")).await {
            Ok(answer) if answer.iter().all(Vec::is_empty) => {}
            Ok(_) => {
                holds.filled += 1;
                holds.example.get_or_insert_with(|| table.to_owned());
            }
            Err(error) if error.ends_session() => return Err(error),
            // Not to be told is not empty.
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(holds))
}

/// Whether it is a scratch cluster that drcore started, on this machine: its socket, its data and our marker
/// are in one directory here.
async fn is_our_scratch(session: &Session, server: &Server, dsn: &Dsn) -> Result<bool> {
    let Some(directory) = socket_directory(dsn) else { return Ok(false) };
    // Others may not ask where the data is.
    if !server.is_scratch() || !server.superuser || server.in_recovery {
        return Ok(false);
    }
    let answer = session
        .simple(
            "select pg_catalog.current_setting('data_directory'), \
             coalesce(pg_catalog.host(pg_catalog.inet_server_addr()), '')",
        )
        .await?;
    let mut row =
        answer.into_iter().flatten().next().unwrap_or_default().into_iter().map(Option::unwrap_or_default);
    let (data, address) = (row.next().unwrap_or_default(), row.next().unwrap_or_default());
    // Both exist here, on this machine, and are the same place.
    let is_here = address.is_empty()
        && matches!(
            (directory.join(DATA).canonicalize(), Path::new(&data).canonicalize()),
            (Ok(expected), Ok(data)) if expected == data
        );
    let marker = std::fs::read_to_string(directory.join(MARKER)).unwrap_or_default();
    let is_marked = !marker.trim().is_empty() && server.system_identifier.as_deref() == Some(marker.trim());
    Ok(is_here && is_marked)
}

/// The directory of the socket, where that is the only place that the connection string names.
fn socket_directory(dsn: &Dsn) -> Option<PathBuf> {
    match dsn.endpoints.as_slice() {
        [Endpoint { place: Place::Socket(directory), .. }] => Some(directory.clone()),
        _ => None,
    }
}
