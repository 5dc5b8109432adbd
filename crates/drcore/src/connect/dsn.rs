//! Connection strings, as libpq understands them.
//!
//! A value comes from the connection string, else from the service that it
//! names, else from the `PG*` variables, else from libpq's defaults. What
//! libpq can do and drcore cannot is refused by name, never dropped in silence.

mod environment;
mod files;
mod libpq;
mod parameters;
mod parse;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use environment::Environment;
pub(crate) use libpq::Libpq;
use parameters::{By, Parameters};

use crate::error::{Error, ErrorKind, Result};
use crate::evidence::PasswordFrom;

/// How the connection is encrypted and the server verified, as libpq's `sslmode`.
///
/// Source: PostgreSQL documentation, 34.19.3 Protection Provided in Different Modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SslMode {
    /// No TLS, unless the server insists.
    Allow,
    /// No TLS.
    Disable,
    /// TLS where the server offers it, nothing verified. The default.
    Prefer,
    /// TLS; nothing verified, unless a root certificate is given.
    Require,
    /// TLS, and the certificate is signed by a trusted authority.
    VerifyCa,
    /// TLS, the certificate is signed by a trusted authority, and its name is the host's.
    VerifyFull,
}

const SSL_MODES: &[(&str, SslMode)] = &[
    ("allow", SslMode::Allow),
    ("disable", SslMode::Disable),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

impl SslMode {
    /// As libpq writes it.
    pub fn as_str(self) -> &'static str {
        SSL_MODES.iter().find(|(_, mode)| *mode == self).map_or("prefer", |(name, _)| name)
    }
}

/// Which of several servers will do, as libpq's `target_session_attrs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TargetSession {
    Any,
    PreferStandby,
    Primary,
    ReadOnly,
    ReadWrite,
    Standby,
}

const TARGET_SESSIONS: &[(&str, TargetSession)] = &[
    ("any", TargetSession::Any),
    ("prefer-standby", TargetSession::PreferStandby),
    ("primary", TargetSession::Primary),
    ("read-only", TargetSession::ReadOnly),
    ("read-write", TargetSession::ReadWrite),
    ("standby", TargetSession::Standby),
];

/// One of the servers that a connection string names.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) place: Place,
    pub(crate) port: u16,
    pub(crate) password: Option<String>,
    password_from: Option<PasswordFrom>,
    /// File and line of the password, where it came from a password file.
    password_place: Option<String>,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Socket(PathBuf),
    /// A name, an address to use instead of looking it up, or both.
    Tcp {
        name: Option<String>,
        address: Option<IpAddr>,
    },
}

/// How TLS is spoken.
#[derive(Clone, Debug)]
pub(crate) struct TlsSettings {
    pub(crate) mode: SslMode,
    /// TLS from the first byte, without asking (PostgreSQL 17 and later).
    pub(crate) direct: bool,
    pub(crate) root_cert: RootCert,
    pub(crate) client_cert: Option<(PathBuf, PathBuf)>,
    pub(crate) crl: Option<PathBuf>,
    pub(crate) sni: bool,
    pub(crate) only_1_2: bool,
    pub(crate) only_1_3: bool,
}

/// What the server's certificate is verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RootCert {
    File(PathBuf),
    /// None was given and libpq's default file is not there.
    Missing,
    /// The system's, because `sslrootcert=system` says so.
    System,
}

/// A parsed connection string.
///
/// `Display` and `Debug` give hosts and ports, never user or password.
#[derive(Clone)]
pub struct Dsn {
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) tls: TlsSettings,
    pub(crate) target: TargetSession,
    pub(crate) shuffle: bool,
    pub(crate) connect_timeout: Option<Duration>,
    /// What is the same for all servers.
    pub(crate) base: tokio_postgres::Config,
    /// What PostgreSQL's own programs are told too.
    handed_on: Vec<(&'static str, String)>,
}

impl Dsn {
    /// Parses a URL (`postgresql://…`) or key-value string.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if it is neither, or has a parameter that libpq does not know;
    /// [`ErrorKind::Unsupported`] if it asks for something that cannot be honoured, by name.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_in(text, &Environment::of_process())
    }

    /// As [`Dsn::parse`], with these variables and no others.
    #[cfg(test)]
    pub(crate) fn parse_with(text: &str, variables: &[(&str, &str)]) -> Result<Self> {
        Self::parse_in(text, &Environment::of(variables))
    }

    fn parse_in(text: &str, environment: &Environment) -> Result<Self> {
        let parameters = Parameters::resolve(parse::parse(text)?, environment)?;
        let user = match parameters.get("user") {
            Some(user) => user.to_owned(),
            None => environment.user()?,
        };
        let database = parameters.get("dbname").unwrap_or(&user).to_owned();

        let mut base = tokio_postgres::Config::new();
        base.user(&user).dbname(&database).application_name("drcore");
        if let Some(options) = parameters.get("options") {
            base.options(options);
        }
        keepalives(&mut base, &parameters)?;
        base.channel_binding(match parameters.get("channel_binding") {
            Some("disable") => tokio_postgres::config::ChannelBinding::Disable,
            Some("require") => tokio_postgres::config::ChannelBinding::Require,
            _ => tokio_postgres::config::ChannelBinding::Prefer,
        });
        let tls = TlsSettings::of(&parameters, environment)?;
        if tls.direct {
            if matches!(tls.mode, SslMode::Allow | SslMode::Disable | SslMode::Prefer) {
                let message = format!("sslnegotiation=direct does not go with sslmode={}", tls.mode.as_str());
                return Err(Error::new(ErrorKind::Usage, message).hint("Use sslmode=require or stronger."));
            }
            base.ssl_negotiation(tokio_postgres::config::SslNegotiation::Direct);
        }
        // As libpq: 0 and below is no end, and 1 is taken as 2.
        let connect_timeout = parameters.number("connect_timeout")?.filter(|seconds| *seconds > 0);
        let connect_timeout =
            connect_timeout.map(|seconds| Duration::from_secs(seconds.max(2).unsigned_abs().into()));
        Ok(Self {
            endpoints: endpoints(&parameters, environment, &user, &database)?,
            target: word(&parameters, "target_session_attrs", TARGET_SESSIONS).unwrap_or(TargetSession::Any),
            shuffle: parameters.get("load_balance_hosts") == Some("random"),
            tls,
            connect_timeout,
            base,
            handed_on: libpq::handed_on(&parameters),
        })
    }

    /// The connection string of the environment: `DATABASE_URL`, else the `PG*` variables.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if neither is set.
    pub fn from_environment() -> Result<String> {
        let environment = Environment::of_process();
        if let Some(url) = environment.get("DATABASE_URL") {
            return Ok(url.to_owned());
        }
        if ["PGHOST", "PGHOSTADDR", "PGDATABASE", "PGUSER", "PGSERVICE"]
            .iter()
            .any(|name| environment.get(name).is_some())
        {
            // An empty key-value string: everything comes from the variables.
            return Ok(String::new());
        }
        Err(Error::new(ErrorKind::Usage, "no database was named")
            .hint("Give a URL such as postgresql://user@host:5432/database, or set DATABASE_URL or PGHOST."))
    }

    /// The same with its one server at this address, whatever its name stands for later.
    pub(crate) fn at(&self, address: IpAddr) -> Self {
        let mut dsn = self.clone();
        for endpoint in &mut dsn.endpoints {
            if let Place::Tcp { address: at, .. } = &mut endpoint.place {
                *at = Some(address);
            }
        }
        dsn
    }

    /// How the connection is encrypted.
    pub fn ssl_mode(&self) -> SslMode {
        self.tls.mode
    }

    /// The name of the database.
    pub fn database(&self) -> Option<&str> {
        self.base.get_dbname()
    }

    /// The name of the user.
    pub fn user(&self) -> Option<&str> {
        self.base.get_user()
    }

    /// Where the password came from; none where none was given.
    pub fn password_from(&self) -> Option<PasswordFrom> {
        self.endpoints.iter().find_map(|endpoint| endpoint.password_from)
    }

    /// File and line of the password, where it came from a password file: `~/.pgpass line 3`.
    pub fn password_place(&self) -> Option<&str> {
        self.endpoints.iter().find_map(|endpoint| endpoint.password_place.as_deref())
    }

    /// Whether every server that it names is reached by a socket of this machine. A local port may be
    /// the end of a tunnel.
    pub(crate) fn is_here(&self) -> bool {
        self.endpoints.iter().all(|endpoint| matches!(endpoint.place, Place::Socket(_)))
    }

    /// Whether a host is Supabase's, whose certificates are signed by an authority of its own.
    pub(crate) fn is_supabase(&self) -> bool {
        const DOMAINS: &[&str] = &[".supabase.co", ".supabase.com", ".supabase.red", ".supabase.green"];
        self.endpoints.iter().any(|endpoint| match &endpoint.place {
            Place::Tcp { name: Some(name), .. } => DOMAINS.iter().any(|domain| name.ends_with(domain)),
            _ => false,
        })
    }

    /// Whether every host is a socket directory or this machine.
    pub fn is_local(&self) -> bool {
        self.endpoints.iter().all(|endpoint| match &endpoint.place {
            Place::Socket(_) => true,
            Place::Tcp { address: Some(address), .. } => address.is_loopback(),
            Place::Tcp { name: Some(name), .. } => {
                name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
            }
            Place::Tcp { .. } => false,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Socket(directory) => write!(f, "{}:{}", directory.display(), self.port),
            Place::Tcp { name: Some(name), .. } => write!(f, "{name}:{}", self.port),
            Place::Tcp { address: Some(address), .. } => write!(f, "{address}:{}", self.port),
            Place::Tcp { .. } => write!(f, ":{}", self.port),
        }
    }
}

impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, endpoint) in self.endpoints.iter().enumerate() {
            write!(f, "{}{endpoint}", if at > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dsn")
            .field("host", &self.to_string())
            .field("ssl_mode", &self.tls.mode)
            .finish_non_exhaustive()
    }
}

fn word<T: Copy>(parameters: &Parameters, name: &str, words: &[(&str, T)]) -> Option<T> {
    let text = parameters.get(name)?;
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
}

/// What libpq leaves to the system, two hours of it, is too late for somebody who waits: a peer that
/// is silent for two minutes is gone. It also keeps NATs from forgetting the session that only holds
/// the snapshot.
fn keepalives(base: &mut tokio_postgres::Config, parameters: &Parameters) -> Result<()> {
    let positive = |name: &str, default: u64| -> Result<u64> {
        Ok(parameters
            .number(name)?
            .filter(|number| *number > 0)
            .map_or(default, |number| number.unsigned_abs().into()))
    };
    base.keepalives(parameters.number("keepalives")? != Some(0));
    base.keepalives_idle(Duration::from_secs(positive("keepalives_idle", 60)?));
    base.keepalives_interval(Duration::from_secs(positive("keepalives_interval", 10)?));
    base.keepalives_retries(u32::try_from(positive("keepalives_count", 6)?).unwrap_or(u32::MAX));
    base.tcp_user_timeout(Duration::from_millis(positive("tcp_user_timeout", 120_000)?));
    Ok(())
}

/// The servers: `host` and `hostaddr` are lists of equal length, `port` one for all or one each.
fn endpoints(
    parameters: &Parameters,
    environment: &Environment,
    user: &str,
    database: &str,
) -> Result<Vec<Endpoint>> {
    let (hosts, addresses, ports) =
        (parameters.list("host"), parameters.list("hostaddr"), parameters.list("port"));
    let count = hosts.len().max(addresses.len()).max(1);
    let uneven = |what: &str, found: usize| {
        Error::new(ErrorKind::Usage, format!("{found} {what} do not fit {count} hosts"))
    };
    if !addresses.is_empty() && addresses.len() != count {
        return Err(uneven("values of hostaddr", addresses.len()));
    }
    if !hosts.is_empty() && hosts.len() != count {
        return Err(uneven("values of host", hosts.len()));
    }
    if ports.len() > 1 && ports.len() != count {
        return Err(uneven("ports", ports.len()));
    }
    let password_file = parameters.password_file(environment);
    (0..count)
        .map(|at| {
            let text = |list: &[String]| list.get(at).filter(|item| !item.is_empty()).cloned();
            let port = text(&ports).or_else(|| ports.first().filter(|_| ports.len() == 1).cloned());
            let port = port.filter(|port| !port.is_empty()).unwrap_or_else(|| "5432".to_owned());
            let port = port
                .parse::<u16>()
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| Error::new(ErrorKind::Usage, "a port is not a number from 1 to 65535"))?;
            let address = text(&addresses)
                .map(|address| {
                    let wrong = |_| Error::new(ErrorKind::Usage, "hostaddr is not an address");
                    address.parse::<IpAddr>().map_err(wrong)
                })
                .transpose()?;
            let place = match (text(&hosts), address) {
                (name, Some(address)) => Place::Tcp { name, address: Some(address) },
                (Some(name), None) if name.starts_with('/') => Place::Socket(name.into()),
                (Some(name), None) if name.starts_with('@') => {
                    return Err(Error::new(ErrorKind::Unsupported, "abstract sockets cannot be honoured"));
                }
                (Some(name), None) => Place::Tcp { name: Some(name), address: None },
                (None, None) => default_place(port),
            };
            let mut endpoint =
                Endpoint { place, port, password: None, password_from: None, password_place: None };
            if let Some(password) = parameters.get("password") {
                endpoint.password = Some(password.to_owned());
                endpoint.password_from = Some(match parameters.given_by("password") {
                    Some(By::Environment) => PasswordFrom::Environment,
                    Some(By::ServiceFile) => PasswordFrom::ServiceFile,
                    _ => PasswordFrom::ConnectionString,
                });
            } else if let Some(file) = &password_file {
                // libpq looks a socket up as localhost where it is in the default directory.
                let names: Vec<String> = match &endpoint.place {
                    Place::Socket(directory) => vec![directory.display().to_string(), "localhost".to_owned()],
                    Place::Tcp { name, address } => {
                        name.iter().cloned().chain(address.map(|address| address.to_string())).collect()
                    }
                };
                if let Some((password, line)) =
                    names.iter().find_map(|name| file.password(name, port, database, user))
                {
                    endpoint.password = Some(password);
                    endpoint.password_from = Some(PasswordFrom::PasswordFile);
                    endpoint.password_place = Some(format!("{} line {line}", shown(&file.path, environment)));
                }
            }
            Ok(endpoint)
        })
        .collect()
}

/// The socket directory of Debian, then upstream's, then this machine by TCP.
fn default_place(port: u16) -> Place {
    let socket = format!(".s.PGSQL.{port}");
    ["/var/run/postgresql", "/tmp"]
        .into_iter()
        .map(PathBuf::from)
        .find(|directory| directory.join(&socket).exists())
        .map_or_else(|| Place::Tcp { name: Some("localhost".to_owned()), address: None }, Place::Socket)
}

fn shown(path: &Path, environment: &Environment) -> String {
    match environment.get("HOME").and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

impl TlsSettings {
    fn of(parameters: &Parameters, environment: &Environment) -> Result<Self> {
        let existing = |path: Option<PathBuf>| path.filter(|path| path.exists());
        let root_cert = match parameters.get("sslrootcert") {
            Some("system") => RootCert::System,
            Some(path) => RootCert::File(path.into()),
            None => {
                existing(environment.home(".postgresql/root.crt")).map_or(RootCert::Missing, RootCert::File)
            }
        };
        let mode = word(parameters, "sslmode", SSL_MODES);
        let mode = match (&root_cert, mode) {
            (RootCert::System, None) => SslMode::VerifyFull,
            (RootCert::System, Some(mode)) if mode != SslMode::VerifyFull => {
                let message = format!("sslrootcert=system does not go with sslmode={}", mode.as_str());
                return Err(Error::new(ErrorKind::Usage, message).hint("Use sslmode=verify-full."));
            }
            (_, mode) => mode.unwrap_or(SslMode::Prefer),
        };
        let certificate = parameters.get("sslcert").map(PathBuf::from);
        let certificate = certificate.or_else(|| existing(environment.home(".postgresql/postgresql.crt")));
        let key = parameters.get("sslkey").map(PathBuf::from);
        let key = key.or_else(|| environment.home(".postgresql/postgresql.key"));
        let client_cert = match parameters.get("sslcertmode") {
            Some("disable") => None,
            _ => certificate.zip(key),
        };
        Ok(Self {
            mode,
            direct: parameters.get("sslnegotiation") == Some("direct"),
            root_cert,
            client_cert,
            crl: parameters.get("sslcrl").map(PathBuf::from),
            sni: parameters.get("sslsni") != Some("0"),
            only_1_2: parameters.get("ssl_max_protocol_version") == Some("TLSv1.2"),
            only_1_3: parameters.get("ssl_min_protocol_version") == Some("TLSv1.3"),
        })
    }
}
