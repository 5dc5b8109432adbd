//! Connection strings.

use std::fmt;
use std::path::{Path, PathBuf};

use tokio_postgres::config::Host;

use crate::error::{Error, ErrorKind, Result};
use crate::evidence::PasswordFrom;

/// How the connection is encrypted and the server verified, as libpq's `sslmode`.
///
/// Source: PostgreSQL documentation, 34.19.3 Protection Provided in Different Modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SslMode {
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

impl SslMode {
    /// As libpq writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// A parsed connection string.
///
/// `Display` and `Debug` give the host, port and database, never user or password.
#[derive(Clone)]
pub struct Dsn {
    config: tokio_postgres::Config,
    ssl_mode: SslMode,
    ssl_root_cert: Option<PathBuf>,
    password_from: Option<PasswordFrom>,
}

impl Dsn {
    /// Parses a URL (`postgresql://…`) or key-value string; `PG*` variables fill in what it leaves out.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if it is neither, or asks for something that is not supported.
    pub fn parse(text: &str) -> Result<Self> {
        let (rest, ssl) = SslOptions::take_from(text)?;
        let mut config: tokio_postgres::Config = rest.parse().map_err(|error: tokio_postgres::Error| {
            // The library's text names the key, not the value.
            let cause =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Error::new(
                ErrorKind::Usage,
                format!("this is not a connection string that drcore understands: {cause}"),
            )
            .hint("Write it as postgresql://user@host:5432/database.")
        })?;
        let in_text = config.get_password().is_some();
        fill_from_environment(&mut config)?;
        let password_from = config
            .get_password()
            .map(|_| if in_text { PasswordFrom::ConnectionString } else { PasswordFrom::Environment });
        let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mode = ssl.mode.or_else(|| env("PGSSLMODE"));
        let ssl_mode = match mode.as_deref() {
            None | Some("prefer" | "allow") => SslMode::Prefer,
            Some("disable") => SslMode::Disable,
            Some("require") => SslMode::Require,
            Some("verify-ca") => SslMode::VerifyCa,
            Some("verify-full") => SslMode::VerifyFull,
            Some(other) => {
                return Err(Error::new(ErrorKind::Usage, format!("no such sslmode: {other:?}"))
                    .hint("Allowed: disable, prefer, require, verify-ca, verify-full."));
            }
        };
        let ssl_root_cert = ssl.root_cert.or_else(|| env("PGSSLROOTCERT")).map(PathBuf::from);
        config.application_name("drcore");
        config.ssl_mode(match ssl_mode {
            SslMode::Disable => tokio_postgres::config::SslMode::Disable,
            SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
            _ => tokio_postgres::config::SslMode::Require,
        });
        Ok(Self { config, ssl_mode, ssl_root_cert, password_from })
    }

    /// The connection string of the environment: `DATABASE_URL`, else the `PG*` variables.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if neither is set.
    pub fn from_environment() -> Result<String> {
        if let Ok(url) = std::env::var("DATABASE_URL")
            && !url.is_empty()
        {
            return Ok(url);
        }
        if ["PGHOST", "PGDATABASE", "PGUSER", "PGSERVICE"].iter().any(|name| std::env::var_os(name).is_some())
        {
            // An empty key-value string: everything comes from the variables.
            return Ok(String::new());
        }
        Err(Error::new(ErrorKind::Usage, "no database was named")
            .hint("Give a URL such as postgresql://user@host:5432/database, or set DATABASE_URL or PGHOST."))
    }

    pub(crate) fn config(&self) -> &tokio_postgres::Config {
        &self.config
    }

    /// How the connection is encrypted.
    pub fn ssl_mode(&self) -> SslMode {
        self.ssl_mode
    }

    pub(crate) fn ssl_root_cert(&self) -> Option<&Path> {
        self.ssl_root_cert.as_deref()
    }

    /// The name of the database.
    pub fn database(&self) -> Option<&str> {
        self.config.get_dbname()
    }

    /// The name of the user.
    pub fn user(&self) -> Option<&str> {
        self.config.get_user()
    }

    /// Where the password came from; none where none was given.
    pub fn password_from(&self) -> Option<PasswordFrom> {
        self.password_from
    }

    /// The Supabase project that the host, or the user of a pooler, names.
    pub fn project(&self) -> Option<&str> {
        let [Host::Tcp(host)] = self.config.get_hosts() else { return None };
        let named = if let Some(rest) = host.strip_prefix("db.") {
            rest.strip_suffix(".supabase.co").or_else(|| rest.strip_suffix(".supabase.com"))
        } else if host.ends_with(".pooler.supabase.com") {
            // The pooler itself splits at the last dot: a role may have dots in its name.
            self.user().and_then(|user| user.rsplit_once('.')).map(|(_, project)| project)
        } else {
            None
        };
        named.filter(|name| name.len() == 20 && name.bytes().all(|byte| byte.is_ascii_lowercase()))
    }

    /// Whether every host is a socket directory or this machine.
    pub fn is_local(&self) -> bool {
        self.config.get_hosts().iter().all(|host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
        })
    }

    fn place(&self) -> String {
        let hosts: Vec<String> = self
            .config
            .get_hosts()
            .iter()
            .enumerate()
            .map(|(at, host)| {
                let ports = self.config.get_ports();
                let port = ports.get(at).or(ports.first()).copied().unwrap_or(5432);
                match host {
                    Host::Tcp(name) => format!("{name}:{port}"),
                    Host::Unix(directory) => format!("{}:{port}", directory.display()),
                }
            })
            .collect();
        hosts.join(",")
    }
}

impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dsn")
            .field("host", &self.place())
            .field("ssl_mode", &self.ssl_mode)
            .finish_non_exhaustive()
    }
}

/// `sslmode` and `sslrootcert`, which the driver below knows in part only.
#[derive(Default)]
struct SslOptions {
    mode: Option<String>,
    root_cert: Option<String>,
}

impl SslOptions {
    /// Takes them out of a connection string.
    fn take_from(text: &str) -> Result<(String, Self)> {
        let mut options = Self::default();
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if is_url {
            let Some((base, query)) = text.split_once('?') else { return Ok((text.to_owned(), options)) };
            let mut kept = Vec::new();
            for pair in query.split('&') {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                if !options.take(key, &percent_decode(value))? {
                    kept.push(pair);
                }
            }
            let rest = if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) };
            return Ok((rest, options));
        }
        // Key-value: values with spaces are quoted, but these keys' values have none worth supporting apart.
        let mut kept = Vec::new();
        for pair in text.split_whitespace() {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !options.take(key, value.trim_matches('\''))? {
                kept.push(pair);
            }
        }
        Ok((kept.join(" "), options))
    }

    fn take(&mut self, key: &str, value: &str) -> Result<bool> {
        match key {
            "sslmode" => self.mode = Some(value.to_owned()),
            "sslrootcert" => self.root_cert = Some(value.to_owned()),
            "sslcert" | "sslkey" | "service" | "passfile" => {
                return Err(Error::new(ErrorKind::Unsupported, format!("{key} is not supported yet")));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let decoded = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok()))
            .flatten();
        if let Some(byte) = decoded {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Fills in host, port, user, password and database as libpq does.
fn fill_from_environment(config: &mut tokio_postgres::Config) -> Result<()> {
    let env = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    if config.get_hosts().is_empty() {
        match env("PGHOST") {
            Some(hosts) => {
                for host in hosts.split(',') {
                    config.host(host);
                }
            }
            None if Path::new("/var/run/postgresql").is_dir() => {
                config.host_path("/var/run/postgresql");
            }
            None => {
                config.host("localhost");
            }
        }
        if config.get_ports().is_empty()
            && let Some(ports) = env("PGPORT")
        {
            for port in ports.split(',') {
                let port = port.trim().parse().map_err(|_| {
                    Error::new(ErrorKind::Usage, format!("PGPORT is not a port number: {port:?}"))
                })?;
                config.port(port);
            }
        }
    }
    if config.get_user().is_none() {
        match env("PGUSER").or_else(|| env("USER")).or_else(|| env("LOGNAME")) {
            Some(user) => config.user(user),
            None => config.user("postgres"),
        };
    }
    if config.get_password().is_none()
        && let Some(password) = env("PGPASSWORD")
    {
        config.password(password);
    }
    if config.get_dbname().is_none()
        && let Some(database) = env("PGDATABASE").or_else(|| config.get_user().map(str::to_owned))
    {
        config.dbname(database);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_user_nor_password_is_shown() {
        let dsn = Dsn::parse("postgresql://bob:s3cret@db.example.com:6543/app?sslmode=verify-full").unwrap();
        assert_eq!(dsn.to_string(), "db.example.com:6543");
        assert!(!format!("{dsn:?}").contains("s3cret"));
        assert_eq!(dsn.ssl_mode(), SslMode::VerifyFull);
        assert_eq!(dsn.database(), Some("app"));
    }

    #[test]
    fn bad_strings_do_not_repeat_the_password() {
        for text in [
            "postgresql://bob:s3cret@h/db?nonsense=1",
            "host=h password=s3cret nonsense=1",
            "postgresql://bob:s3cret@h:port/db",
        ] {
            let error = Dsn::parse(text).unwrap_err();
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn the_project_is_in_the_host_or_in_the_poolers_user() {
        let project = |text: &str| Dsn::parse(text).unwrap().project().map(str::to_owned);
        let named = Some("abcdefghijklmnopqrst".to_owned());
        assert_eq!(project("postgresql://postgres@db.abcdefghijklmnopqrst.supabase.co/postgres"), named);
        let pooler = "aws-0-eu-west-1.pooler.supabase.com:6543/postgres";
        assert_eq!(project(&format!("postgresql://my.role.abcdefghijklmnopqrst@{pooler}")), named);
        assert_eq!(project(&format!("postgresql://postgres@{pooler}")), None);
        assert_eq!(project("postgresql://postgres@db.example.com/abcdefghijklmnopqrst"), None);
    }

    #[test]
    fn where_a_password_came_from_is_known() {
        let from = |text: &str| Dsn::parse(text).unwrap().password_from();
        assert_eq!(from("postgresql://bob:s3cret@h/db"), Some(PasswordFrom::ConnectionString));
        assert_eq!(from("postgresql://bob@h/db?password=s3cret"), Some(PasswordFrom::ConnectionString));
        assert_eq!(from("host=h password=s3cret"), Some(PasswordFrom::ConnectionString));
    }

    #[test]
    fn unsupported_options_are_refused_by_name() {
        let error = Dsn::parse("postgresql://h/db?sslcert=x").unwrap_err();
        assert!(error.to_string().contains("sslcert"), "{error}");
    }
}
