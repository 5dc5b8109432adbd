//! A database that is written to: the only type that writes.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dsn::{Dsn, Endpoint, Place};
use super::session::Session;
use super::source::Source;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Server;
use crate::plan::Limits;
use crate::restore::scratch::{CLUSTER_NAME, DATA, MARKER};

/// A database that may be written to.
///
/// It is obtained only by naming what is to be written to, and the name is
/// compared with the connection string and with the server that answers. For
/// now only scratch clusters that drcore started itself, on this machine, are
/// accepted; everything else is refused, with what was compared.
///
/// # Examples
/// ```no_run
/// # async fn f() -> drcore::Result<()> {
/// # let url = "";
/// let target = drcore::Target::connect(url, "restored@7412345678901234567").await?;
/// assert_eq!(target.project(), "restored@7412345678901234567");
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
    /// Connects to the database at `url`, if it is `project` and may be written to.
    ///
    /// `project` is `database@system_identifier`, as `drcore repair` prints it.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`], with what was compared; [`ErrorKind::Usage`] if
    /// `url` is no connection string; [`ErrorKind::Connection`] and the like if nobody answers.
    pub async fn connect(url: &str, project: &str) -> Result<Self> {
        let dsn = Dsn::parse(url)?;
        let mut comparison = Comparison::default();
        let Some(directory) = socket_directory(&dsn) else {
            // Not even connected to: the connection string alone says that it is none of ours.
            comparison.differs("connection", &dsn.to_string(), "the socket of a scratch cluster");
            return Err(comparison.refuse(project));
        };
        comparison.equal("connection", &format!("socket in {}", directory.display()));
        let source = Source::open(dsn, &Limits::default()).await?;
        let session = source.session(&Limits::default()).await?;
        let server = session.server().await?;
        compare(&session, &server, &directory, project, &mut comparison).await?;
        if comparison.refused {
            return Err(comparison.refuse(project));
        }
        Ok(Self { session, project: project.to_owned(), writes: Mutex::default() })
    }

    /// What is written to, as it was named.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// Everything that was written so far, with its time.
    pub fn writes(&self) -> Vec<Write> {
        self.log().clone()
    }

    /// Runs all statements in one transaction, or none.
    pub(crate) async fn transaction(&self, statements: &[&str], limits: &Limits) -> Result<()> {
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
            if let Err(error) = self.write(statement).await {
                // If this fails the connection is gone, and the transaction with it.
                let _ = self.session.simple("rollback").await;
                return Err(error
                    .context("statement", (at + 1).to_string())
                    .hint("Nothing was changed: all statements are one transaction."));
            }
        }
        self.write("commit").await.map_err(|error| {
            if error.kind() == ErrorKind::Connection {
                error.hint("Whether it was committed is not known: verify again.")
            } else {
                error.hint("Nothing was changed: all statements are one transaction.")
            }
        })
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

/// The directory of the socket, where that is the only place that the connection string names.
fn socket_directory(dsn: &Dsn) -> Option<PathBuf> {
    match dsn.endpoints.as_slice() {
        [Endpoint { place: Place::Socket(directory), .. }] => Some(directory.clone()),
        _ => None,
    }
}

/// Compares the server that answered with the name and with what a scratch cluster of ours is.
async fn compare(
    session: &Session,
    server: &Server,
    directory: &Path,
    project: &str,
    comparison: &mut Comparison,
) -> Result<()> {
    let named = server.project().unwrap_or_else(|| format!("{}@unknown", server.database));
    comparison.check("name", &named, project, named == project && server.system_identifier.is_some());
    comparison.check("cluster_name", &server.cluster_name, CLUSTER_NAME, server.is_scratch());
    comparison.check("role", &server.role, "a superuser", server.superuser);
    comparison.check("standby", if server.in_recovery { "yes" } else { "no" }, "no", !server.in_recovery);
    if !server.superuser {
        // Others may not ask where the data is.
        return Ok(());
    }
    let answer = session
        .simple(
            "select pg_catalog.current_setting('data_directory'), \
             coalesce(pg_catalog.host(pg_catalog.inet_server_addr()), '')",
        )
        .await?;
    let mut row =
        answer.into_iter().flatten().next().unwrap_or_default().into_iter().map(Option::unwrap_or_default);
    let data = row.next().unwrap_or_default();
    let address = row.next().unwrap_or_default();
    comparison.check(
        "address",
        if address.is_empty() { "none" } else { &address },
        "none",
        address.is_empty(),
    );
    let expected = directory.join(DATA);
    // Both exist here, on this machine, and are the same place.
    let same = matches!(
        (expected.canonicalize(), Path::new(&data).canonicalize()),
        (Ok(expected), Ok(data)) if expected == data
    );
    comparison.check("data directory", &data, &expected.display().to_string(), same);
    let marker = std::fs::read_to_string(directory.join(MARKER)).unwrap_or_default();
    let marker = marker.trim();
    comparison.check(
        "marker",
        if marker.is_empty() { "none" } else { marker },
        server.system_identifier.as_deref().unwrap_or("unknown"),
        !marker.is_empty() && server.system_identifier.as_deref() == Some(marker),
    );
    Ok(())
}

/// What was compared, for the refusal.
#[derive(Debug, Default)]
struct Comparison {
    lines: Vec<String>,
    refused: bool,
}

impl Comparison {
    fn check(&mut self, what: &str, found: &str, expected: &str, same: bool) {
        if same {
            self.equal(what, found);
        } else {
            self.differs(what, found, expected);
        }
    }

    fn equal(&mut self, what: &str, found: &str) {
        self.lines.push(format!("{what:<15} {found}"));
    }

    fn differs(&mut self, what: &str, found: &str, expected: &str) {
        self.refused = true;
        self.lines.push(format!("{what:<15} {found}   ≠   {expected}"));
    }

    fn refuse(self, project: &str) -> Error {
        Error::new(ErrorKind::Refused, format!("this is not {project:?}, or not a scratch cluster of drcore's: nothing was written"))
            .detail(format!("compared\n  {}", self.lines.join("\n  ")))
            .hint("Print the statements with drcore repair and apply them yourself; for now drcore writes to its own scratch clusters only.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(url: &str) -> Error {
        let error = Target::connect(url, "postgres@1").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{url}: {error:?}");
        error
    }

    #[tokio::test]
    async fn hosts_are_refused_before_anybody_is_connected_to() {
        for url in [
            "postgresql://postgres:x@db.abcdefghijklmnopqrst.supabase.co:5432/postgres",
            "postgresql://postgres.abcdefghijklmnopqrst:x@aws-0-eu-west-1.pooler.supabase.com:6543/postgres",
            "postgresql://postgres@localhost/postgres",
            "postgresql://postgres@127.0.0.1:1/postgres",
            "host=/dev/shm hostaddr=10.0.0.1 user=postgres",
            "host=/dev/shm,db.example.com user=postgres",
        ] {
            let error = refused(url).await;
            assert!(error.detail_text().unwrap().contains("≠"), "{error:?}");
        }
    }
}
