//! The kinds of errors: what each means, and what to do about it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of thing went wrong, for programs to act on.
///
/// The snake-case names are the same in Rust, in JSON (`drcore.error/1`), in
/// Node's `DrcoreError.code` and, in camel case, as Python exception classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "ErrorKind")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The server refused the user name or password.
    Authentication,
    /// The caller cancelled.
    Cancelled,
    /// The server could not be reached, or the connection was lost.
    Connection,
    /// A stored file (plan, evidence, report) is not what it says it is, or newer than this version.
    Format,
    /// A defect in drcore itself.
    Internal,
    /// A file could not be read or written.
    Io,
    /// The role lacks a privilege.
    Permission,
    /// The plan has mistakes.
    Plan,
    /// The server refused a statement.
    Query,
    /// A write was refused by the guard.
    Refused,
    /// A statement, a lock or the whole run took longer than allowed.
    Timeout,
    /// The TLS handshake or the verification of the certificate failed.
    Tls,
    /// A program that is needed (`initdb`, `pg_dump`, …) is missing or failed.
    Tool,
    /// The server or connection lacks something that the call needs.
    Unsupported,
    /// The call was made with arguments that cannot work.
    Usage,
}

impl ErrorKind {
    /// Every kind, in alphabetical order.
    pub const ALL: &'static [Self] = &[
        Self::Authentication,
        Self::Cancelled,
        Self::Connection,
        Self::Format,
        Self::Internal,
        Self::Io,
        Self::Permission,
        Self::Plan,
        Self::Query,
        Self::Refused,
        Self::Timeout,
        Self::Tls,
        Self::Tool,
        Self::Unsupported,
        Self::Usage,
    ];

    /// The name that is used in JSON, in Node and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Cancelled => "cancelled",
            Self::Connection => "connection",
            Self::Format => "format",
            Self::Internal => "internal",
            Self::Io => "io",
            Self::Permission => "permission",
            Self::Plan => "plan",
            Self::Query => "query",
            Self::Refused => "refused",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Tool => "tool",
            Self::Unsupported => "unsupported",
            Self::Usage => "usage",
        }
    }

    /// What it means, in one line.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Authentication => "the server refused the user name or the password",
            Self::Cancelled => "the caller cancelled, or somebody pressed Ctrl-C",
            Self::Connection => "the server could not be reached, or the connection was lost",
            Self::Format => "a stored file is not what it says it is, or newer than this version of drcore",
            Self::Internal => "a defect in drcore itself",
            Self::Io => "a file could not be read or written",
            Self::Permission => "the role lacks a privilege",
            Self::Plan => "the plan has mistakes; all of them are told, with their places",
            Self::Query => "the server refused a statement",
            Self::Refused => "the guard refused to write: what was named is not what answered",
            Self::Timeout => "a statement, a lock or the whole run took longer than it may",
            Self::Tls => "the TLS handshake failed, or the server's certificate could not be verified",
            Self::Tool => "a program that is needed (initdb, pg_dump, …) is missing or failed",
            Self::Unsupported => "the server or the connection lacks something that the call needs",
            Self::Usage => "the call or the command has arguments that cannot work",
        }
    }

    /// What helps in most cases, as full sentences: for errors that know nothing better.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Authentication => {
                "Give the right user and password: in the connection string, by PGPASSWORD, or in ~/.pgpass."
            }
            Self::Cancelled => "Run it again when there is time to finish.",
            Self::Connection => {
                "Check host and port, and that the server is up and not still restoring; then run it again."
            }
            Self::Format => {
                "Give the file that drcore wrote, whole, or use the version of drcore that wrote it."
            }
            Self::Internal => "Please report it, with what --log debug shows.",
            Self::Io => {
                "Check that the path is right, that it may be read or written, and that there is room on the disk."
            }
            Self::Permission => "Use a role that has the privilege, or have it granted.",
            Self::Plan => {
                "Correct the places that are shown; drcore explain plan.KEY says what each key takes."
            }
            Self::Query => {
                "Look at the server's message and SQLSTATE; --log debug shows which question it was."
            }
            Self::Refused => {
                "Nothing was written. Compare what was named with what answered, and name the database that you mean."
            }
            Self::Timeout => {
                "Run it again at a quieter time, or raise the deadline and the timeouts under [limits] in the plan."
            }
            Self::Tls => {
                "Give the authority's certificate with sslrootcert=FILE, and the host by the name in the certificate."
            }
            Self::Tool => {
                "Install PostgreSQL's server and client programs, or set DRCORE_PG_BIN to the directory that they are in."
            }
            Self::Unsupported => {
                "Leave out what is named, or connect in another way: directly instead of through a pooler, for example."
            }
            Self::Usage => "See drcore --help, or drcore explain.",
        }
    }

    /// Maps a SQLSTATE to a kind. Source: PostgreSQL documentation, appendix A.
    pub(super) fn of_sqlstate(code: &str) -> Self {
        match code {
            "28000" | "28P01" => Self::Authentication,
            "42501" => Self::Permission,
            // query_canceled is what statement_timeout raises; lock_not_available what lock_timeout raises.
            "57014" | "55P03" | "25P04" => Self::Timeout,
            // The server ended the session, or takes none: shutdown, crash, too many, idle for too long.
            "57P01" | "57P02" | "57P03" | "57P05" | "53300" | "25P03" => Self::Connection,
            "0A000" => Self::Unsupported,
            code if code.starts_with("08") => Self::Connection,
            _ => Self::Query,
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_same_name_in_json() {
        assert!(ErrorKind::ALL.is_sorted_by_key(|kind| kind.as_str()));
        for kind in ErrorKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }

    #[test]
    fn meanings_are_facts_and_advice_is_sentences() {
        for kind in ErrorKind::ALL {
            let (meaning, advice) = (kind.meaning(), kind.advice());
            assert!(!meaning.ends_with('.'), "{meaning}");
            assert!(advice.ends_with('.') && advice.starts_with(char::is_uppercase), "{advice}");
        }
    }
}
