//! What was typed, as it may be repeated: without secrets.

use std::borrow::Cow;
use std::ffi::OsString;

use drcore::connect::Dsn;
use drcore::secret::redact;

/// The arguments that may hold a secret, and how they are told instead.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(Vec<(String, String)>);

impl Secrets {
    pub(crate) fn of(arguments: &[OsString]) -> Self {
        let values = arguments.iter().skip(1).map(|argument| argument.to_string_lossy());
        let mut secrets: Vec<(String, String)> = values
            .map(|argument| split(&argument).1.to_owned())
            .map(|value| (without_password(&value), value))
            .filter(|(told, value)| told != value)
            // An error may have left out what it knows for a secret, which is not all of it.
            .flat_map(|(told, value)| [(redact(&value).into_owned(), told.clone()), (value, told)])
            .collect();
        // A part of another one comes after it.
        secrets.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        Self(secrets)
    }

    /// A text in which arguments are repeated, without the secrets in them.
    pub(crate) fn leave<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut safe = Cow::Borrowed(text);
        for (value, told) in &self.0 {
            if safe.contains(value.as_str()) {
                safe = Cow::Owned(safe.replace(value.as_str(), told));
            }
            // As a message quotes it.
            let quoted = format!("{value:?}");
            if safe.contains(quoted.as_str()) {
                safe = Cow::Owned(safe.replace(quoted.as_str(), &format!("{told:?}")));
            }
        }
        Cow::Owned(redact(&safe).into_owned())
    }
}

/// The command as it was typed, without secrets.
pub(crate) fn shown(arguments: &[OsString]) -> String {
    let mut words = vec!["drcore".to_owned()];
    let mut rest = arguments.iter().skip(1).map(|argument| argument.to_string_lossy());
    while let Some(argument) = rest.next() {
        if argument == "--" {
            // A command of somebody else's: what in it is a secret, nobody here knows.
            words.push("--".to_owned());
            words.extend(rest.next().map(|program| word(&program)));
            if rest.next().is_some() {
                words.push("…".to_owned());
            }
            break;
        }
        words.push(word(&argument));
    }
    words.join(" ")
}

fn word(argument: &str) -> String {
    let (option, value) = split(argument);
    let value = without_password(value);
    let plain = |c: char| c.is_alphanumeric() || "-_./:@=,+%…[]".contains(c);
    let value = if !value.is_empty() && value.chars().all(plain) {
        value
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    };
    option.to_owned() + &value
}

/// `--option=` and its value, where they are one word.
fn split(argument: &str) -> (&str, &str) {
    match argument.split_once('=') {
        Some((option, value)) if option.starts_with("--") => (&argument[..=option.len()], value),
        _ => ("", argument),
    }
}

/// A connection string as the place that it names; anything else without what looks like a secret.
fn without_password(text: &str) -> String {
    let is_dsn = text.contains(":/") || text.contains('=');
    match is_dsn.then(|| Dsn::parse(text)) {
        Some(Ok(dsn)) => {
            let (user, database) = (dsn.user().unwrap_or_default(), dsn.database().unwrap_or_default());
            format!("postgresql://{user}@{dsn}/{database}")
        }
        // Where a password in it begins and ends, nobody knows.
        Some(Err(_)) if text.contains(":/") || text.to_lowercase().contains("password") => "…".to_owned(),
        _ => redact(text).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(arguments: &[&str]) -> String {
        let arguments: Vec<OsString> =
            std::iter::once("drcore").chain(arguments.iter().copied()).map(Into::into).collect();
        shown(&arguments)
    }

    #[test]
    fn commands_are_shown_without_secrets() {
        for (arguments, expected) in [
            (&["verify", "--only", "row_counts"][..], "drcore verify --only row_counts"),
            (&["verify", "postgresql://bob:hunter2@h:1/d?sslpassword=hunter2"], "drcore verify …"),
            (&["verify", "postgresql://bob:hunter2@h:1/d"], "drcore verify postgresql://bob@h:1/d"),
            (&["gap", "host=h user=bob password=hunter2"], "drcore gap postgresql://bob@h:5432/bob"),
            (&["gap", "host=h user=bob password hunter2"], "drcore gap …"),
            (&["gap", "postgresql://bob:hunter2@h:x/"], "drcore gap …"),
            (
                &["verify", "--against=postgresql://u:hunter2@h/d"],
                "drcore verify --against=postgresql://u@h:5432/d",
            ),
            (&["repair", "--with", "orphan_fks=delete"], "drcore repair --with orphan_fks=delete"),
            (&["verify", "a b's"], r"drcore verify 'a b'\''s'"),
            (
                &["scratch", "--sample", "--", "sh", "-c", "PGPASSWORD=hunter2 psql"],
                "drcore scratch --sample -- sh …",
            ),
            (&["scratch", "--", "true"], "drcore scratch -- true"),
        ] {
            assert_eq!(command(arguments), expected);
        }
    }

    #[test]
    fn what_is_repeated_holds_no_secret() {
        let typed =
            ["drcore", "verify", "host=h password=hunter2 hunter2", "--since=mysql://u:hunter2 2@h", "a b"];
        let secrets = Secrets::of(&typed.map(OsString::from));
        let text = "invalid 'host=h password=hunter2 hunter2' and \"mysql://u:hunter2 2@h\" and 'a b'";
        assert_eq!(secrets.leave(text), "invalid '…' and \"…\" and 'a b'");
    }
}
