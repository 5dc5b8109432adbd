//! A database that is restored into: by programs of its own kind, so it must be one server that stays the same.

use std::net::SocketAddr;

use super::{Target, holds, is_our_scratch};
use crate::connect::dsn::{Dsn, Endpoint, Libpq, Place};
use crate::connect::guard::{Asked, Holds, Intent, Over, Pooling, Ruling, Seen};
use crate::connect::identity::Identity;
use crate::connect::session::Session;
use crate::connect::source::{Source, WaitFor};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Run, Server};
use crate::plan::{Limits, Protected};
use crate::restore::Onto;

/// What is restored into, and what that must not be.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TargetOptions {
    /// What is restored into: the ref of a Supabase project where the connection string names one, else
    /// `database@system_identifier`. A scratch cluster of drcore's on this machine needs no name.
    pub project: Option<String>,
    /// What must never be restored over: the plan's `[restore] protect`.
    pub protect: Vec<Protected>,
    /// The name of what the target is a physical clone of, where it is one of the source.
    pub clone_of: Option<String>,
    /// How the source, and the baseline, were reached: the target must be neither.
    pub apart: Vec<Apart>,
    /// How long connecting and statements may take.
    pub limits: Limits,
    /// What happens to what the target holds.
    pub onto: Onto,
    /// Whether what comes is beside what it holds, and nothing of that is touched: then it is looked at as one that is
    /// repaired.
    pub beside: bool,
}

/// What a target must not be.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Apart {
    /// What it is called: `the source`, `the baseline`.
    what: &'static str,
    identity: Option<Identity>,
}

impl Apart {
    /// The database that a baseline is of.
    pub fn baseline(run: &Run) -> Self {
        Self { what: "the baseline", identity: Identity::of_run(run) }
    }

    /// A live database that is read at the same time.
    pub fn source(server: &Server, dsn: &Dsn) -> Self {
        Self { what: "the source", identity: Some(Identity::live(server, dsn.project())) }
    }
}

/// A database that may be restored into.
///
/// Besides what a [`Target`] must be: no protected one, not what it is restored from, one server, without a
/// pooler in transaction mode before it, and empty unless a reviewed plan says what happens to what it holds.
#[derive(Debug)]
pub struct RestoreTarget {
    target: Target,
    /// The one server that was looked at, by its address.
    dsn: Dsn,
    /// The Supabase project, where the connection string named one for certain.
    named: Option<String>,
    server: Server,
    holds: Holds,
    is_scratch: bool,
}

impl RestoreTarget {
    /// Connects to the database at `url`, if it is what the options say.
    ///
    /// # Errors
    /// As [`Target::connect`].
    pub async fn connect(url: &str, options: &TargetOptions) -> Result<Self> {
        let dsn = Dsn::parse(url)?;
        let others: Vec<(&str, Identity)> =
            options.apart.iter().filter_map(|apart| Some((apart.what, apart.identity.clone()?))).collect();
        let mut asked = Asked {
            intent: if options.beside { Intent::Repair } else { Intent::Restore },
            name: options.project.as_deref().unwrap_or_default(),
            protect: &options.protect,
            others: &others,
            clone_of: options.clone_of.as_deref(),
            over: if options.onto == Onto::Empty { Over::Nothing } else { Over::Told },
        };
        let project = dsn.project();
        if options.project.is_none() {
            // What it is named by itself: who named nothing is told, unless it turns out to be a scratch cluster.
            asked.name = project.as_deref().unwrap_or_default();
        }
        let before = Ruling::of_dsn(&asked, &dsn);
        if let Some(error) = before.error() {
            return Err(error);
        }
        let (at, session) = one_server(&dsn, &options.limits).await?;
        let seen = see(&session, &at, &options.limits).await?;
        let own = seen.identity(&dsn).name();
        if options.project.is_none() {
            match own.as_deref() {
                Some(name) if seen.is_scratch => asked.name = name,
                // Not named: refused, with the name that it has.
                _ => asked.name = "",
            }
        }
        if let Some(error) = before.of_server(&asked, &dsn, &seen).error() {
            return Err(error);
        }
        let (named, project) = (dsn.project(), asked.name.to_owned());
        let Seen { server, is_scratch, holds, .. } = seen;
        let holds = holds.unwrap_or_default();
        Ok(Self { target: Target::new(session, project), dsn: at, named, server, holds, is_scratch })
    }

    /// The same database, for statements.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// What is restored into, as it was named.
    pub fn project(&self) -> &str {
        self.target.project()
    }

    /// The Supabase project, where the connection string named one for certain.
    pub(crate) fn dsn_project(&self) -> Option<String> {
        self.named.clone()
    }

    /// The server that answered.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Another session with the same server.
    pub(crate) async fn session(&self, limits: &Limits) -> Result<Session> {
        Source::new(self.dsn.clone())?.session(limits).await
    }

    /// How PostgreSQL's own programs connect to the same server.
    pub(crate) fn libpq(&self) -> Libpq {
        self.dsn.libpq(self.target.session().endpoint())
    }

    /// Whether it is a scratch cluster that drcore started on this machine.
    pub fn is_scratch(&self) -> bool {
        self.is_scratch
    }

    /// Whether it holds nothing of its own.
    pub fn is_empty(&self) -> bool {
        self.holds.is_empty()
    }

    /// Whether it holds nothing of its own by now; false, too, where that could not be read.
    pub(crate) async fn is_empty_now(&self, session: &Session) -> Result<bool> {
        Ok(holds(session).await?.is_some_and(|holds| holds.is_empty()))
    }

    /// How it is reached: one server, by its address.
    pub fn dsn(&self) -> &Dsn {
        &self.dsn
    }
}

/// A session with one address of the server, and the connection string that leads there again: a name may stand
/// for several servers, and programs that connect later must reach the one that was looked at.
async fn one_server(dsn: &Dsn, limits: &Limits) -> Result<(Dsn, Session)> {
    let [Endpoint { place: Place::Tcp { name: Some(name), address: None }, port, .. }] =
        dsn.endpoints.as_slice()
    else {
        let source = Source::new(dsn.clone())?;
        return Ok((dsn.clone(), source.session(limits).await?));
    };
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), *port))
        .await
        .map_err(|error| {
            Error::new(ErrorKind::Connection, format!("the name {name} cannot be looked up"))
                .hint("Check the name, and that the project is neither deleted nor paused.")
                .caused_by(error)
        })?
        .collect();
    let mut failure = None;
    for address in addresses {
        let at = dsn.at(address.ip());
        match Source::new(at.clone())?.session(limits).await {
            Ok(session) => return Ok((at, session)),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure
        .unwrap_or_else(|| Error::new(ErrorKind::Connection, format!("the name {name} has no address"))))
}

async fn see(session: &Session, dsn: &Dsn, limits: &Limits) -> Result<Seen> {
    let server = session.server().await?;
    Ok(Seen {
        is_scratch: is_our_scratch(session, &server, dsn).await?,
        pooling: pooling(session, dsn, limits).await?,
        holds: holds(session).await?,
        server,
    })
}

/// Whether a pooler gives each transaction another connection: then one that we hold is given to somebody else
/// between two of our statements.
async fn pooling(session: &Session, dsn: &Dsn, limits: &Limits) -> Result<Pooling> {
    let source = Source::new(dsn.clone())?;
    let asking = async {
        let other = source.session_waiting(limits, WaitFor::Nobody).await?;
        for _ in 0..3 {
            let ours = session.backend().await?;
            other.simple("begin").await?;
            let theirs = other.backend().await;
            let after = session.backend().await;
            other.simple("rollback").await?;
            if theirs? == ours || after? != ours {
                return Ok(Pooling::Transaction);
            }
        }
        Ok(Pooling::Session)
    };
    match tokio::time::timeout(source.timeout(limits), asking).await {
        Ok(pooling) => pooling,
        // One connection for one session, and none left for a second.
        Err(_) => Ok(Pooling::Session),
    }
}
