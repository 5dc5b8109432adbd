//! A database that is read and never written.

use tokio_postgres_rustls::MakeRustlsConnect;

use super::dsn::Dsn;
use super::session::Session;
use super::tls;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Limits;

/// A database that is read. It has no method that writes, and every session is
/// a read-only transaction.
#[derive(Clone)]
pub struct Source {
    dsn: Dsn,
    tls: MakeRustlsConnect,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("dsn", &self.dsn).finish_non_exhaustive()
    }
}

impl Source {
    /// Connects, to see that it can be done.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if the string is not a connection string;
    /// [`ErrorKind::Connection`], [`ErrorKind::Authentication`], [`ErrorKind::Tls`] if nobody answers as hoped.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::open(Dsn::parse(url)?, &Limits::default()).await
    }

    pub(crate) async fn open(dsn: Dsn, limits: &Limits) -> Result<Self> {
        let source = Self { tls: tls::connector(&dsn)?, dsn };
        source.session(limits).await.map(drop)?;
        Ok(source)
    }

    /// Where it is.
    pub fn dsn(&self) -> &Dsn {
        &self.dsn
    }

    /// A new session, not yet in a transaction.
    pub(crate) async fn session(&self, limits: &Limits) -> Result<Session> {
        let timeout = limits.connect_timeout();
        let connecting = self.dsn.config().connect(self.tls.clone());
        let (client, connection) = tokio::time::timeout(timeout, connecting)
            .await
            .map_err(|_| {
                Error::new(ErrorKind::Connection, format!("no answer within {} s", timeout.as_secs_f32()))
                    .context("host", self.dsn.to_string())
            })?
            .map_err(|error| explain(error.into(), &self.dsn))?;
        let driver = tokio::spawn(async move {
            // Its error reaches whoever is waiting for an answer.
            let _ = connection.await;
        });
        Ok(Session::new(client, self.tls.clone(), driver))
    }

    /// A new session on an exported snapshot.
    pub(crate) async fn joined(&self, limits: &Limits, snapshot: &str) -> Result<Session> {
        let session = self.session(limits).await?;
        session.begin(limits, Some(snapshot)).await?;
        Ok(session)
    }
}

/// What to do next, where we know.
fn explain(error: Error, dsn: &Dsn) -> Error {
    let hint = match error.kind() {
        ErrorKind::Authentication => Some(
            "A restore may bring back the old database password: reset it (Supabase: Settings → Database), or set PGPASSWORD.",
        ),
        ErrorKind::Connection => {
            Some("Check host and port, and that the database is not paused or still restoring.")
        }
        ErrorKind::Tls => Some("Give the authority's certificate with sslrootcert=FILE."),
        _ => None,
    };
    let error = error.context("host", dsn.to_string());
    match hint {
        Some(hint) if error.hint_text().is_none() => error.hint(hint),
        _ => error,
    }
}
