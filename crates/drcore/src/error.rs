//! The one error type: *we could not find out*. A broken database is a
//! [`Finding`](crate::Finding), never an error.

mod file;
mod kind;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_postgres::error::Severity;

pub use kind::ErrorKind;

use crate::secret::redacted;

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something could not be found out.
///
/// `Display` is one sentence with the cause behind it, for a person; the
/// [`kind`](Error::kind) is for programs. What looks like a secret is
/// [redacted](crate::secret::redact) in all of it, whoever made the error.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    context: Vec<(&'static str, String)>,
    sqlstate: Option<String>,
    hint: Option<String>,
    detail: Option<String>,
    ends_session: bool,
    source: Option<Box<dyn StdError + Send + Sync + 'static>>,
}

impl Error {
    /// An error of `kind` that says `message` (lower case, no full stop).
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: redacted(message),
            context: Vec::new(),
            sqlstate: None,
            hint: None,
            detail: None,
            ends_session: false,
            source: None,
        }))
    }

    /// Adds what was being worked on, such as `("table", "public.invoices")`.
    #[must_use]
    pub fn context(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.0.context.push((key, redacted(value)));
        self
    }

    /// Adds what to do next, as a full sentence.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(redacted(hint));
        self
    }

    /// Adds text of several lines that shows it, such as the places in a plan.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(redacted(detail));
        self
    }

    /// Adds the error that lies beneath.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync + 'static>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds the five-character SQLSTATE that the server gave.
    #[must_use]
    pub fn with_sqlstate(mut self, code: impl Into<String>) -> Self {
        self.0.sqlstate = Some(code.into());
        self
    }

    /// A session that was lost: of kind [`ErrorKind::Connection`], whatever lies beneath.
    pub(crate) fn lost(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Connection, message)
            .hint("Run it again; if it happens again, the server's log may say why.")
            .ending_session()
    }

    /// Marks it as the end of the session that it came from.
    fn ending_session(mut self) -> Self {
        self.0.ends_session = true;
        self
    }

    /// Whether the session that it came from is over. A statement that was refused ends none.
    pub(crate) fn ends_session(&self) -> bool {
        self.0.ends_session
    }

    /// Whether a session that was there ended without a word of the server's.
    pub(crate) fn is_hang_up(&self) -> bool {
        self.ends_session() && self.kind() == ErrorKind::Connection && self.sqlstate().is_none()
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What happened, without context or cause.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The server's SQLSTATE, where a server answered: also of what lies beneath.
    pub fn sqlstate(&self) -> Option<&str> {
        let beneath = || self.0.source.as_ref()?.downcast_ref::<Self>()?.sqlstate();
        self.0.sqlstate.as_deref().or_else(beneath)
    }

    /// What to do next, where that is known.
    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// What to do next: the hint, else what helps with errors of this [kind](ErrorKind::advice).
    pub fn next_step(&self) -> &str {
        self.hint_text().unwrap_or_else(|| self.kind().advice())
    }

    /// Text of several lines that shows it, such as the places in a plan.
    pub fn detail_text(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    /// What was being worked on: pairs of a name and a value.
    pub fn context_pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.context.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// The wire form, `drcore.error/1`.
    pub fn to_wire(&self) -> ErrorWire {
        ErrorWire {
            format: ErrorWire::FORMAT.to_owned(),
            code: self.kind(),
            message: self.to_string(),
            sqlstate: self.sqlstate().map(str::to_owned),
            hint: Some(self.next_step().to_owned()),
            detail: self.0.detail.clone(),
            context: self.0.context.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(),
        }
    }
}

/// The JSON form of an [`Error`], the same in all languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ErrorWire")]
#[non_exhaustive]
pub struct ErrorWire {
    /// Always `drcore.error/1`.
    pub format: String,
    /// The kind, for programs.
    pub code: ErrorKind,
    /// One sentence for a person.
    pub message: String,
    /// The server's SQLSTATE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sqlstate: Option<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Text of several lines that shows it, such as the places in a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What was being worked on.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub context: std::collections::BTreeMap<String, String>,
}

impl ErrorWire {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.error/1";

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for (key, value) in self.0.context.iter().filter(|(_, value)| !self.0.message.contains(value)) {
            write!(f, " ({key}: {value})")?;
        }
        let mut source = self.source();
        let mut said = self.0.message.clone();
        while let Some(cause) = source {
            let text = redacted(cause.to_string());
            // Many libraries repeat their cause in their own text.
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said.push_str(&text);
            }
            source = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.0.kind)?;
        if let Some(code) = self.sqlstate() {
            write!(f, "\n  sqlstate {code}")?;
        }
        write!(f, "\n  hint     {}", self.next_step())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(ErrorKind::Io, error.to_string())
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(db) = error.as_db_error() {
            let code = db.code().code();
            // DETAIL and CONTEXT are left out: they quote rows.
            let message = without_values(code, db.message());
            let mut converted = Self::new(ErrorKind::of_sqlstate(code), message).with_sqlstate(code);
            if let Some(hint) = db.hint() {
                converted = converted.hint(hint);
            }
            return match db.parsed_severity() {
                Some(Severity::Fatal | Severity::Panic) => converted.ending_session(),
                _ => converted,
            };
        }
        // The library's own text does not include its cause ("error connecting to server").
        let mut message = error.to_string();
        let mut hung_up = error.is_closed();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Said by the codec where a message ends before its end.
            let half = text == "bytes remaining on stream";
            let text = if half { "the server hung up in the middle of an answer" } else { &text };
            if !message.contains(text) {
                message.push_str(": ");
                message.push_str(text);
            }
            hung_up |= half || cause.downcast_ref::<std::io::Error>().is_some_and(is_hung_up);
            source = cause.source();
        }
        // A peer that hangs up says so in TLS's words too.
        let kind = if !hung_up && (message.contains("TLS") || message.contains("certificate")) {
            ErrorKind::Tls
        } else {
            ErrorKind::Connection
        };
        let converted = Self::new(kind, message);
        // Where nobody was reached there was no session; else the two sides do not understand each
        // other any more, whatever it is.
        if error.to_string() == "error connecting to server" { converted } else { converted.ending_session() }
    }
}

/// The server's message without the value that it quotes, which may be a secret or a person:
/// `invalid input syntax for type integer: "…"`.
fn without_values<'m>(code: &str, message: &'m str) -> Cow<'m, str> {
    // Class 22 is about data.
    let (true, Some((before, rest))) = (code.starts_with("22"), message.split_once('"')) else {
        return Cow::Borrowed(message);
    };
    // What follows is the server's words, `is out of range for type integer`, or more of the value.
    let after = rest.rsplit_once('"').map_or("", |(_, after)| after);
    let is_words = after.chars().all(|c| c.is_ascii_lowercase() || c == ' ');
    Cow::Owned(format!("{before}\"…\"{}", if is_words { after } else { "" }))
}

fn is_hung_up(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as Io;
    matches!(error.kind(), Io::BrokenPipe | Io::ConnectionAborted | Io::ConnectionReset | Io::UnexpectedEof)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_gives_context_and_cause_once() {
        let cause = std::io::Error::other("disk full");
        let error =
            Error::new(ErrorKind::Io, "cannot write the report").context("file", "r.json").caused_by(cause);
        assert_eq!(error.to_string(), "cannot write the report (file: r.json): disk full");
    }

    #[test]
    fn errors_about_data_quote_no_data() {
        for (code, message, shown) in [
            (
                "22P02",
                "invalid input syntax for type integer: \"al\"ice\"",
                "invalid input syntax for type integer: \"…\"",
            ),
            (
                "22003",
                "value \"alice 9\" is out of range for type integer",
                "value \"…\" is out of range for type integer",
            ),
            (
                "22021",
                "invalid byte sequence for encoding \"UTF8\": 0xe2 0x28",
                "invalid byte sequence for encoding \"…\"",
            ),
            ("22012", "division by zero", "division by zero"),
            ("42P01", "relation \"alice\" does not exist", "relation \"alice\" does not exist"),
        ] {
            assert_eq!(without_values(code, message), shown);
        }
    }

    #[test]
    fn what_looks_like_a_secret_is_in_no_part_of_an_error() {
        let url = "postgresql://u:hunter2@h/d";
        let error = Error::new(ErrorKind::Io, url)
            .context("url", url)
            .hint(url)
            .detail(url)
            .caused_by(Error::new(ErrorKind::Io, "beneath").caused_by(std::io::Error::other(url)));
        let wire = error.to_wire();
        for text in [error.to_string(), format!("{error:?} {error:#?}"), format!("{wire:?}")] {
            assert!(!text.contains("hunter2"), "{text}");
            assert!(text.contains("postgresql://u:[secret:"), "{text}");
        }
    }

    #[test]
    fn every_error_says_what_to_do_next() {
        for kind in ErrorKind::ALL {
            let error = Error::new(*kind, "it did not work");
            assert_eq!(error.hint_text(), None);
            assert_eq!(error.to_wire().hint.as_deref(), Some(kind.advice()));
            assert_eq!(error.hint("Do that.").to_wire().hint.as_deref(), Some("Do that."));
        }
    }
}
