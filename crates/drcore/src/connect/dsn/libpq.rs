//! The same connection for PostgreSQL's own programs.

use super::parameters::Parameters;
use super::{Dsn, Endpoint, Place};

/// What makes `pg_dump` and the like connect as we do: to the server that answered us, and to no other.
#[derive(Clone)]
pub(crate) struct Libpq {
    /// A key-value string that holds no password.
    pub(crate) conninfo: String,
    /// The password, for `PGPASSWORD`.
    pub(crate) password: Option<String>,
}

/// Without the password.
impl std::fmt::Debug for Libpq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Libpq").field("conninfo", &self.conninfo).finish_non_exhaustive()
    }
}

/// What is handed on as it was given. The server and the password are said otherwise; which of several servers, and
/// what they must be, was decided when ours was chosen.
const HANDED_ON: &[&str] = &[
    "channel_binding",
    "connect_timeout",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "options",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcrl",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "sslsni",
    "tcp_user_timeout",
];

/// Of the parameters, those that are handed on.
pub(super) fn handed_on(parameters: &Parameters) -> Vec<(&'static str, String)> {
    HANDED_ON.iter().filter_map(|name| Some((*name, parameters.get(name)?.to_owned()))).collect()
}

impl Dsn {
    /// How PostgreSQL's programs connect to this server, to the database that we are connected to.
    pub(crate) fn libpq(&self, endpoint: &Endpoint) -> Libpq {
        let (host, address) = match &endpoint.place {
            Place::Socket(directory) => (Some(directory.display().to_string()), None),
            Place::Tcp { name, address } => (name.clone(), address.map(|address| address.to_string())),
        };
        let port = endpoint.port.to_string();
        let named = [
            ("host", host.as_deref()),
            ("hostaddr", address.as_deref()),
            ("port", Some(port.as_str())),
            ("user", self.user()),
            ("dbname", self.database()),
            // They would ask for it first, and not every pooler lives through that.
            ("gssencmode", Some("disable")),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let handed_on = self.handed_on.iter().map(|(name, value)| (*name, value.as_str()));
        let pairs: Vec<String> =
            named.chain(handed_on).map(|(name, value)| format!("{name}={}", quoted(value))).collect();
        Libpq { conninfo: pairs.join(" "), password: endpoint.password.clone() }
    }
}

/// As in a key-value string, which has no other escapes.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::super::Environment;
    use super::*;

    fn of(text: &str, variables: &[(&str, &str)]) -> Libpq {
        let dsn = Dsn::parse_in(text, &Environment::of(variables)).unwrap();
        dsn.libpq(dsn.endpoints.last().unwrap())
    }

    #[test]
    fn what_is_handed_on_is_what_holds_and_no_password() {
        let libpq = of(
            "postgresql://o'brien:s%20ecret@a:1,b:2/d%5C?sslmode=verify-full&target_session_attrs=primary",
            &[("PGSSLROOTCERT", "/etc/my root.crt"), ("PGHOST", "elsewhere"), ("PGOPTIONS", "-c x=1")],
        );
        assert_eq!(
            libpq.conninfo,
            "host='b' port='2' user='o\\'brien' dbname='d\\\\' gssencmode='disable' options='-c x=1' \
             sslmode='verify-full' sslrootcert='/etc/my root.crt'"
        );
        assert_eq!(libpq.password.as_deref(), Some("s ecret"));
        assert!(!format!("{libpq:?}").contains("s ecret"));
        // And it reads back as the same.
        let again = Dsn::parse_in(&libpq.conninfo, &Environment::of(&[])).unwrap();
        assert_eq!((again.to_string().as_str(), again.user()), ("b:2", Some("o'brien")));
    }

    #[test]
    fn sockets_and_addresses_stay_what_they_are() {
        assert!(
            of("host=/run/pg hostaddr='' user=u dbname=d", &[])
                .conninfo
                .starts_with("host='/run/pg' port='5432'")
        );
        let both = of("host=db hostaddr=::1 port=7", &[("PGPASSWORD", "p")]);
        assert!(both.conninfo.starts_with("host='db' hostaddr='::1' port='7' user='tester' dbname='tester'"));
        assert_eq!(both.password.as_deref(), Some("p"));
    }
}
