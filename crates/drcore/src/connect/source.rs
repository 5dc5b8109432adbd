//! A database that is read and never written.

use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use tokio_postgres_rustls::MakeRustlsConnect;

use super::dsn::{Dsn, Endpoint, Libpq, Place, SslMode, TargetSession};
use super::line::Line;
use super::session::{Patience, Session, Snapshot};
use super::tls;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::refuse_older;
use crate::plan::Limits;
use crate::text::milliseconds;

/// How long to wait before a server that is not ready is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// What is waited for, as long as connecting may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitFor {
    /// Nothing: there are others.
    Nobody,
    /// A server that says that it is starting, or that others hold all connections.
    Room,
    /// A server that was there a moment ago, and may be restarting.
    Return,
}

impl WaitFor {
    fn is_worth_it(self, error: &Error) -> bool {
        match self {
            Self::Nobody => false,
            // cannot_connect_now, too_many_connections
            Self::Room => matches!(error.sqlstate(), Some("57P03" | "53300")),
            Self::Return => error.kind() == ErrorKind::Connection,
        }
    }
}

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
    /// [`ErrorKind::Usage`] if the string is not a connection string, [`ErrorKind::Unsupported`] if it
    /// asks for what cannot be honoured; [`ErrorKind::Connection`], [`ErrorKind::Authentication`],
    /// [`ErrorKind::Tls`] if nobody answers as hoped.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::open(Dsn::parse(url)?, &Limits::default()).await
    }

    /// Without looking whether anybody is there.
    pub(crate) fn new(dsn: Dsn) -> Result<Self> {
        Ok(Self { tls: tls::connector(&dsn)?, dsn })
    }

    pub(crate) async fn open(dsn: Dsn, limits: &Limits) -> Result<Self> {
        let source = Self::new(dsn)?;
        source.session(limits).await.map(drop)?;
        Ok(source)
    }

    /// Where it is.
    pub fn dsn(&self) -> &Dsn {
        &self.dsn
    }

    /// How PostgreSQL's own programs connect to the server that this session is with.
    pub(crate) fn libpq(&self, session: &Session) -> Libpq {
        self.dsn.libpq(session.endpoint())
    }

    /// What a reader of the Evidence should know about how it is reached.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let verified = matches!(self.dsn.tls.mode, SslMode::VerifyCa | SslMode::VerifyFull);
        if self.dsn.is_supabase() && !verified {
            notes.push("the server's certificate was not verified: add sslmode=verify-full&sslrootcert=FILE with Supabase's certificate".to_owned());
        }
        if self.dsn.is_supabase() && self.dsn.endpoints.iter().any(|endpoint| endpoint.port == 6543) {
            notes.push("port 6543 is a pooler in transaction mode: the session pooler on 5432 reads with fewer surprises".to_owned());
        }
        notes
    }

    /// How long connecting to one server may take.
    pub(super) fn timeout(&self, limits: &Limits) -> Duration {
        let timeout = limits.connect_timeout.map(Duration::from).or(self.dsn.connect_timeout);
        timeout.unwrap_or(Limits::CONNECT_TIMEOUT)
    }

    /// A new session, not yet in a transaction.
    pub(crate) async fn session(&self, limits: &Limits) -> Result<Session> {
        self.session_waiting(limits, WaitFor::Room).await
    }

    /// A new session, not yet in a transaction: with the first server that will do, as soon as one does.
    pub(crate) async fn session_waiting(&self, limits: &Limits, wait: WaitFor) -> Result<Session> {
        let started = Instant::now();
        let mut hung_up = false;
        loop {
            let failures = match self.first(limits).await {
                Ok(session) => return Ok(session),
                Err(failures) => failures,
            };
            // Somebody was there and hung up: once may be chance.
            if !std::mem::replace(&mut hung_up, true) && failures.iter().any(Error::is_hang_up) {
                continue;
            }
            let again = failures.iter().any(|error| wait.is_worth_it(error));
            if !again || started.elapsed() + ASK_AGAIN > self.timeout(limits) {
                return Err(together(failures));
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// A session with the first server that will do, or why none does.
    async fn first(&self, limits: &Limits) -> Result<Session, Vec<Error>> {
        let mut endpoints: Vec<&Endpoint> = self.dsn.endpoints.iter().collect();
        if self.dsn.shuffle {
            shuffle(&mut endpoints);
        }
        // As libpq: with prefer-standby, a second round takes whatever there is.
        let rounds: &[TargetSession] = match self.dsn.target {
            TargetSession::PreferStandby => &[TargetSession::Standby, TargetSession::Any],
            TargetSession::Any => &[TargetSession::Any],
            TargetSession::Primary => &[TargetSession::Primary],
            TargetSession::ReadOnly => &[TargetSession::ReadOnly],
            TargetSession::ReadWrite => &[TargetSession::ReadWrite],
            TargetSession::Standby => &[TargetSession::Standby],
        };
        let mut failures: Vec<Error> = Vec::new();
        for target in rounds {
            failures.clear();
            for endpoint in &endpoints {
                // Boxed: connecting is a large future, and every caller's would be.
                match Box::pin(self.one(endpoint, *target, limits)).await {
                    Ok(session) => return Ok(session),
                    Err(error) => failures.push(error),
                }
            }
        }
        Err(failures)
    }

    /// A session with this server, tried as `sslmode` says.
    #[tracing::instrument(name = "connect", level = "debug", skip_all, fields(server = %endpoint))]
    async fn one(&self, endpoint: &Endpoint, target: TargetSession, limits: &Limits) -> Result<Session> {
        use tokio_postgres::config::SslMode as Driver;
        let attempts: &[Driver] = match (&endpoint.place, self.dsn.tls.mode) {
            (Place::Socket(_), _) | (_, SslMode::Disable) => &[Driver::Disable],
            (_, SslMode::Allow) => &[Driver::Disable, Driver::Require],
            // The second is for a server that offers TLS and whose pg_hba.conf refuses it.
            (_, SslMode::Prefer) => &[Driver::Prefer, Driver::Disable],
            _ => &[Driver::Require],
        };
        let timeout = self.timeout(limits);
        let patience = Patience::new(timeout, limits);
        let mut failure = None;
        for mode in attempts {
            let asking = async {
                let session = self.attempt(endpoint, *mode, patience).await?;
                Ok::<_, Error>(session.is(target).await?.then_some(session))
            };
            match tokio::time::timeout(timeout, asking).await {
                Ok(Ok(Some(session))) => return Ok(session),
                Ok(Ok(None)) => {
                    let message = "the server is not what target_session_attrs asks for";
                    failure = Some(Error::new(ErrorKind::Connection, message));
                    break;
                }
                Ok(Err(error)) => {
                    // Only a refusal by pg_hba.conf may be different the other way.
                    let again = error.sqlstate() == Some("28000");
                    failure = Some(error);
                    if !again {
                        break;
                    }
                }
                Err(_) => {
                    let message = format!("no answer within {} s", timeout.as_secs_f32());
                    failure = Some(Error::new(ErrorKind::Connection, message));
                    break;
                }
            }
        }
        let failure = failure.unwrap_or_else(|| Error::new(ErrorKind::Internal, "no attempt was made"));
        Err(explain(failure, endpoint, &self.dsn))
    }

    async fn attempt(
        &self,
        endpoint: &Endpoint,
        mode: tokio_postgres::config::SslMode,
        patience: Patience,
    ) -> Result<Session> {
        let mut config = self.dsn.base.clone();
        config.ssl_mode(mode).port(endpoint.port);
        match &endpoint.place {
            Place::Socket(directory) => {
                config.host_path(directory);
            }
            Place::Tcp { name, address } => {
                // With an address alone, that is also the name that a certificate must have.
                if let Some(name) = name.clone().or_else(|| address.map(|address| address.to_string())) {
                    config.host(name);
                }
                if let Some(address) = address {
                    config.hostaddr(*address);
                }
            }
        }
        if let Some(password) = &endpoint.password {
            config.password(password);
        }
        let started = Instant::now();
        let line = Line::new(config, self.tls.clone());
        let (client, driver, valve) = match line.connect().await {
            Ok(connected) => connected,
            Err(error) => {
                tracing::debug!(kind = %error.kind(), sqlstate = error.sqlstate(), "could not connect");
                return Err(error);
            }
        };
        tracing::debug!(elapsed_ms = milliseconds(started), "connected");
        // Known without asking, and before a statement fails for it.
        refuse_older(driver.parameter("server_version").unwrap_or_default())?;
        Ok(Session::new(client, driver, line, valve, patience, endpoint.clone()))
    }

    /// A new session on an exported snapshot.
    ///
    /// A pooler may let it wait for a connection that the holder of the snapshot
    /// occupies, so this is bounded like connecting is.
    pub(crate) async fn joined(&self, limits: &Limits, snapshot: &Snapshot) -> Result<Session> {
        let timeout = self.timeout(limits);
        let mut lost = false;
        loop {
            let session = self.session_waiting(limits, WaitFor::Nobody).await?;
            match tokio::time::timeout(timeout, session.join(limits, snapshot)).await {
                Ok(Ok(())) => return Ok(session),
                // Once may be chance.
                Ok(Err(error)) if error.ends_session() && !std::mem::replace(&mut lost, true) => {}
                Ok(Err(error)) => return Err(error),
                Err(_) => {
                    let message =
                        format!("a further session did not begin within {} s", timeout.as_secs_f32());
                    return Err(Error::new(ErrorKind::Connection, message));
                }
            }
        }
    }
}

fn shuffle<T>(items: &mut [T]) {
    // The standard library's hasher is seeded at random; that is enough to spread load.
    let random = || std::collections::hash_map::RandomState::new().build_hasher().finish();
    for at in (1..items.len()).rev() {
        let with = usize::try_from(random() % (at as u64 + 1)).unwrap_or(at);
        items.swap(at, with);
    }
}

/// One error for several servers: the last one's kind, everyone's words.
fn together(mut failures: Vec<Error>) -> Error {
    let Some(last) = failures.pop() else {
        return Error::new(ErrorKind::Internal, "the connection string names no server");
    };
    if failures.is_empty() {
        return last;
    }
    let all: Vec<String> = failures.iter().chain([&last]).map(ToString::to_string).collect();
    let mut error =
        Error::new(last.kind(), format!("none of {} servers will do: {}", all.len(), all.join("; ")));
    if let Some(code) = last.sqlstate() {
        error = error.with_sqlstate(code);
    }
    match last.hint_text() {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

/// What to do next, where we know.
fn explain(error: Error, endpoint: &Endpoint, dsn: &Dsn) -> Error {
    // The driver has no kind for it. Source: tokio-postgres 0.7, `connect_raw.rs`.
    let error = if error.message().ends_with("password missing") {
        Error::new(ErrorKind::Authentication, "the server wants a password, and none was given")
            .hint("Set PGPASSWORD, or put it into DATABASE_URL or ~/.pgpass.")
    } else {
        error
    };
    let hint = match error.kind() {
        // A role that is not there, or one that pg_hba.conf keeps out, has no password to reset.
        ErrorKind::Authentication if error.sqlstate() == Some("28000") => Some(
            "Check the user name (on Supabase's pooler: postgres.PROJECT) and from where the server lets it in.",
        ),
        ErrorKind::Authentication => Some(
            "Reset the password (Supabase: Settings → Database), or give the right one, such as by PGPASSWORD.",
        ),
        ErrorKind::Connection if error.sqlstate() == Some("53300") => {
            Some("Close connections of other clients, or let the role or the server have more.")
        }
        ErrorKind::Connection if error.sqlstate() == Some("57P03") => Some(
            "Wait until the server has started or recovered; limits.connect_timeout is how long it is waited for.",
        ),
        ErrorKind::Connection => {
            Some("Check host and port, and that the database is not paused or still restoring.")
        }
        ErrorKind::Tls if dsn.is_supabase() => Some(
            "Supabase signs its certificates itself: download the certificate under Database → Settings → SSL Configuration, and give it with sslrootcert=FILE.",
        ),
        ErrorKind::Tls => Some("Give the authority's certificate with sslrootcert=FILE."),
        _ if error.sqlstate() == Some("3D000") => {
            Some("Create the database and restore into it, or name the one that is there.")
        }
        _ => None,
    };
    let error = error.context("host", endpoint.to_string());
    match hint {
        Some(hint) if error.hint_text().is_none() => error.hint(hint),
        _ => error,
    }
}
