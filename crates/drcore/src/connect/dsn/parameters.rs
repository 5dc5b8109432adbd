//! Every parameter that libpq knows: its variable, and what becomes of it here.
//!
//! Source: PostgreSQL 18 documentation, 34.1.2 Parameter Key Words and 34.15 Environment Variables.

use std::collections::BTreeMap;
use std::fmt;

use super::environment::Environment;
use super::files::{self, PasswordFile};
use super::parse::Pairs;
use crate::error::{Error, ErrorKind, Result};

/// One parameter.
struct Parameter {
    name: &'static str,
    variable: Option<&'static str>,
    handling: Handling,
}

/// What becomes of a parameter.
enum Handling {
    /// It is honoured.
    Used,
    /// It changes nothing here, for this reason.
    Ignored(#[expect(dead_code, reason = "said to the reader of this table")] &'static str),
    /// Only these values can be honoured; others are refused.
    Only(&'static [&'static str]),
}

use Handling::{Ignored, Only, Used};

const fn parameter(name: &'static str, variable: Option<&'static str>, handling: Handling) -> Parameter {
    Parameter { name, variable, handling }
}

/// Nothing but the default can be honoured.
const NONE: Handling = Only(&[]);

const PARAMETERS: &[Parameter] = &[
    parameter(
        "application_name",
        Some("PGAPPNAME"),
        Ignored("sessions are named drcore, so that they can be found"),
    ),
    parameter("channel_binding", Some("PGCHANNELBINDING"), Only(&["disable", "prefer", "require"])),
    parameter("client_encoding", Some("PGCLIENTENCODING"), Ignored("everything is read as UTF-8")),
    parameter("connect_timeout", Some("PGCONNECT_TIMEOUT"), Used),
    parameter("dbname", Some("PGDATABASE"), Used),
    parameter("fallback_application_name", None, Ignored("sessions are named drcore")),
    parameter("gssdelegation", Some("PGGSSDELEGATION"), Only(&["0"])),
    parameter("gssencmode", Some("PGGSSENCMODE"), Only(&["disable", "prefer"])),
    parameter("gsslib", Some("PGGSSLIB"), Ignored("GSSAPI is not spoken")),
    parameter("host", Some("PGHOST"), Used),
    parameter("hostaddr", Some("PGHOSTADDR"), Used),
    parameter("keepalives", None, Used),
    parameter("keepalives_count", None, Used),
    parameter("keepalives_idle", None, Used),
    parameter("keepalives_interval", None, Used),
    parameter("krbsrvname", Some("PGKRBSRVNAME"), Ignored("GSSAPI is not spoken")),
    parameter("load_balance_hosts", Some("PGLOADBALANCEHOSTS"), Only(&["disable", "random"])),
    parameter("max_protocol_version", Some("PGMAXPROTOCOLVERSION"), Only(&["3.0", "3.2", "latest"])),
    parameter("min_protocol_version", Some("PGMINPROTOCOLVERSION"), Only(&["3.0"])),
    parameter("oauth_client_id", None, NONE),
    parameter("oauth_client_secret", None, NONE),
    parameter("oauth_issuer", None, NONE),
    parameter("oauth_scope", None, NONE),
    parameter("options", Some("PGOPTIONS"), Used),
    parameter("passfile", Some("PGPASSFILE"), Used),
    parameter("password", Some("PGPASSWORD"), Used),
    parameter("port", Some("PGPORT"), Used),
    parameter("replication", None, Only(&["false", "off", "no", "0"])),
    parameter("require_auth", Some("PGREQUIREAUTH"), NONE),
    parameter("requirepeer", Some("PGREQUIREPEER"), NONE),
    parameter("scram_client_key", None, NONE),
    parameter("scram_server_key", None, NONE),
    parameter("service", Some("PGSERVICE"), Used),
    parameter("servicefile", Some("PGSERVICEFILE"), Used),
    parameter("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION"), Only(&["TLSv1.2", "TLSv1.3"])),
    // What is spoken is 1.2 at least, which is more than the older ones ask for.
    parameter(
        "ssl_min_protocol_version",
        Some("PGSSLMINPROTOCOLVERSION"),
        Only(&["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"]),
    ),
    parameter("sslcert", Some("PGSSLCERT"), Used),
    parameter("sslcertmode", Some("PGSSLCERTMODE"), Only(&["allow", "disable"])),
    parameter("sslcompression", Some("PGSSLCOMPRESSION"), Ignored("libpq ignores it too")),
    parameter("sslcrl", Some("PGSSLCRL"), Used),
    parameter("sslcrldir", Some("PGSSLCRLDIR"), NONE),
    parameter("sslkey", Some("PGSSLKEY"), Used),
    parameter("sslkeylogfile", None, NONE),
    parameter(
        "sslmode",
        Some("PGSSLMODE"),
        Only(&["allow", "disable", "prefer", "require", "verify-ca", "verify-full"]),
    ),
    parameter("sslnegotiation", Some("PGSSLNEGOTIATION"), Only(&["direct", "postgres"])),
    parameter("sslpassword", None, NONE),
    parameter("sslrootcert", Some("PGSSLROOTCERT"), Used),
    parameter("sslsni", Some("PGSSLSNI"), Only(&["0", "1"])),
    parameter(
        "target_session_attrs",
        Some("PGTARGETSESSIONATTRS"),
        Only(&["any", "prefer-standby", "primary", "read-only", "read-write", "standby"]),
    ),
    parameter("tcp_user_timeout", None, Used),
    parameter("user", Some("PGUSER"), Used),
];

/// What holds, after connection string, service file, environment and defaults, in this order.
#[derive(Debug)]
pub(super) struct Parameters {
    values: BTreeMap<&'static str, Given>,
}

/// A value, and whether the connection string or its service gave it.
struct Given {
    value: String,
    by: By,
}

/// Without the value, which may be a password.
impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given").field("by", &self.by).finish_non_exhaustive()
    }
}

/// Who gave a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    ConnectionString,
    Environment,
    ServiceFile,
}

impl Parameters {
    pub(super) fn resolve(pairs: Pairs, environment: &Environment) -> Result<Self> {
        let mut values: BTreeMap<&'static str, Given> = BTreeMap::new();
        for (key, value) in pairs {
            let parameter = known(&key, "connection string")?;
            values.insert(parameter.name, Given { value, by: By::ConnectionString });
        }
        let service = values.get("service").map(|given| given.value.clone());
        let service = service
            .or_else(|| environment.get("PGSERVICE").map(str::to_owned))
            .filter(|name| !name.is_empty());
        if let Some(service) = service {
            let file = values.get("servicefile").map(|given| given.value.clone());
            for (key, value) in files::service(&service, file.as_deref(), environment)? {
                let parameter = known(&key, "service file")?;
                values.entry(parameter.name).or_insert(Given { value, by: By::ServiceFile });
            }
        }
        for parameter in PARAMETERS {
            if let Some(value) = parameter.variable.and_then(|name| environment.get(name)) {
                let given = || Given { value: value.to_owned(), by: By::Environment };
                values.entry(parameter.name).or_insert_with(given);
            }
        }
        // Deprecated since PostgreSQL 7.4, and in force: it would be weaker to overlook it.
        if environment.get("PGREQUIRESSL").is_some_and(|value| value.starts_with('1')) {
            let given = || Given { value: "require".to_owned(), by: By::Environment };
            values.entry("sslmode").or_insert_with(given);
        }
        // An empty value is as good as none.
        values.retain(|_, given| !given.value.is_empty());
        let parameters = Self { values };
        parameters.refuse_what_cannot_be_honoured()?;
        Ok(parameters)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        debug_assert!(PARAMETERS.iter().any(|parameter| parameter.name == name), "{name} is in the table");
        self.values.get(name).map(|given| given.value.as_str())
    }

    pub(super) fn given_by(&self, name: &str) -> Option<By> {
        self.values.get(name).map(|given| given.by)
    }

    /// A comma-separated list; empty places stay.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        self.get(name)
            .map(|text| text.split(',').map(|item| item.trim().to_owned()).collect())
            .unwrap_or_default()
    }

    /// A whole number, of as many bits as libpq has for it.
    pub(super) fn number(&self, name: &str) -> Result<Option<i32>> {
        self.get(name)
            .map(|text| {
                // Not shown: an & that is not written as %26 makes parameters of a password.
                let wrong = |_| Error::new(ErrorKind::Usage, format!("{name} is not a whole number"));
                text.trim().parse().map_err(wrong)
            })
            .transpose()
    }

    /// The password file: named, or the default one.
    pub(super) fn password_file(&self, environment: &Environment) -> Option<PasswordFile> {
        let path = self.get("passfile").map(Into::into).or_else(|| environment.home(".pgpass"))?;
        PasswordFile::read(&path)
    }

    fn refuse_what_cannot_be_honoured(&self) -> Result<()> {
        for parameter in PARAMETERS {
            let Some(given) = self.values.get(parameter.name) else { continue };
            let Only(allowed) = parameter.handling else { continue };
            if allowed.contains(&given.value.as_str()) {
                continue;
            }
            let source = match (given.by, parameter.variable) {
                (By::Environment, Some(variable)) => variable,
                _ => parameter.name,
            };
            // The value may be a secret (scram_client_key); those that are not have a list.
            let (message, hint) = if allowed.is_empty() {
                (
                    format!("{source} cannot be honoured"),
                    "Leave it out, if the connection may be made without it.".to_owned(),
                )
            } else {
                // An & or ? that is not written as %26 or %3F makes parameters of a password.
                let is_word = given.value.len() <= 20
                    && given.value.bytes().all(|b| b.is_ascii_lowercase() || b"_-.v123".contains(&b));
                let shown = if is_word {
                    format!("{source}={}", given.value)
                } else {
                    format!("the value of {source}")
                };
                (format!("{shown} cannot be honoured"), format!("Possible here: {}.", allowed.join(", ")))
            };
            return Err(Error::new(ErrorKind::Unsupported, message).hint(hint));
        }
        Ok(())
    }
}

fn known(key: &str, place: &str) -> Result<&'static Parameter> {
    PARAMETERS.iter().find(|parameter| parameter.name == key).ok_or_else(|| {
        let close = crate::suggest::close(key, PARAMETERS.iter().map(|parameter| parameter.name));
        // A key may be a piece of a password with an = in it: shown only where it is all but a parameter.
        let is_misspelt = close.first().is_some_and(|name| strsim::damerau_levenshtein(key, name) <= 2);
        let message = if is_misspelt {
            format!("the {place} has no parameter {key:?}")
        } else {
            format!("the {place} has a parameter that does not exist")
        };
        Error::new(ErrorKind::Usage, message).hint(if close.is_empty() {
            "In a URL, write ? & = and @ in a password as %3F %26 %3D and %40.".to_owned()
        } else {
            format!("Did you mean {}?", close.join(" or "))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(pairs: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Parameters> {
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Parameters::resolve(pairs, &Environment::of(variables))
    }

    #[test]
    fn the_table_is_sorted_and_no_variable_stands_twice() {
        assert!(PARAMETERS.is_sorted_by_key(|parameter| parameter.name));
        let mut variables: Vec<&str> = PARAMETERS.iter().filter_map(|parameter| parameter.variable).collect();
        let all = variables.len();
        variables.sort_unstable();
        variables.dedup();
        assert_eq!(variables.len(), all);
    }

    #[test]
    fn the_page_tells_of_every_parameter_that_is_not_as_in_libpq() {
        let page = include_str!("../../pages/connecting.md");
        // Every value that libpq takes can be honoured, or nothing is lost by the one that cannot.
        let whole =
            ["channel_binding", "load_balance_hosts", "max_protocol_version", "ssl_min_protocol_version"];
        for Parameter { name, handling, .. } in PARAMETERS {
            let family = name.split_once('_').map_or(String::new(), |(family, _)| format!("`{family}_*`"));
            let is_told = page.contains(&format!("`{name}")) || page.contains(&family) && !family.is_empty();
            let is_same = matches!(handling, Used) || whole.contains(name);
            let is_word = ["sslmode", "sslnegotiation", "sslsni", "target_session_attrs"].contains(name);
            assert!(is_told || is_same || is_word, "{name}");
        }
    }

    #[test]
    fn the_string_goes_before_the_environment() {
        let parameters = resolve(&[("host", "a")], &[("PGHOST", "b"), ("PGUSER", "u")]).unwrap();
        assert_eq!((parameters.get("host"), parameters.get("user")), (Some("a"), Some("u")));
        assert_eq!(parameters.given_by("user"), Some(By::Environment));
        let emptied = resolve(&[("password", "")], &[("PGPASSWORD", "p")]).unwrap();
        assert_eq!(
            emptied.get("password"),
            None,
            "an empty password in the string asks for the password file"
        );
    }

    #[test]
    fn what_cannot_be_honoured_is_refused_by_name() {
        for (pairs, variables, name) in [
            (&[("gssencmode", "require")][..], &[][..], "gssencmode"),
            (&[], &[("PGREQUIREPEER", "postgres")], "PGREQUIREPEER"),
            (&[("require_auth", "scram-sha-256")], &[], "require_auth"),
            (&[("replication", "database")], &[], "replication"),
            (&[("ssl_max_protocol_version", "TLSv1.1")], &[], "ssl_max_protocol_version"),
            (&[("sslmode", "verify_full")], &[], "sslmode"),
            (&[("scram_client_key", "s3cret")], &[], "scram_client_key"),
        ] {
            let error = resolve(pairs, variables).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains(name), "{error}");
            assert!(!format!("{error:?}").contains("s3cret"));
        }
        assert!(resolve(&[("gssencmode", "prefer"), ("krbsrvname", "x")], &[]).is_ok());
    }

    #[test]
    fn misspelt_parameters_are_told_and_pieces_of_passwords_are_not() {
        assert!(resolve(&[("ssl_mode", "require")], &[]).unwrap_err().to_string().contains("ssl_mode"));
        for secret in ["Zq9!xv", "hunter2password"] {
            assert!(!format!("{:?}", resolve(&[(secret, "x")], &[]).unwrap_err()).contains(secret));
        }
    }
}
