//! JSON in and out: one form for all languages, versioned.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};

/// Pretty JSON, as it is written to files and handed to the other languages.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string_pretty(value)
        .map_err(|error| Error::new(ErrorKind::Internal, "cannot write JSON").caused_by(error))
}

/// Writes a file as a whole or not at all, for its owner only: it describes a database.
pub(crate) fn save(path: &Path, text: &str, what: &str) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
        file.write_all(text.as_bytes())?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|error| {
        Error::new(ErrorKind::Io, format!("cannot write the {what}"))
            .context("file", path.display().to_string())
            .caused_by(error)
    })
}

/// Reads JSON whose `format` is `expected`, such as `drcore.evidence/1`.
///
/// A newer major version is refused by name; anything else that is not `what` says so.
pub(crate) fn from_json<T: DeserializeOwned>(text: &str, expected: &str, what: &str) -> Result<T> {
    let not_one = |message: String| Error::new(ErrorKind::Format, message);
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| not_one(format!("this is not JSON: {error}")))?;
    let Some(format) = value.get("format").and_then(serde_json::Value::as_str) else {
        return Err(not_one(format!("this is not drcore {what}: it has no format")));
    };
    if format != expected {
        let (family, major) = expected.split_once('/').unwrap_or((expected, "1"));
        let newer = format
            .strip_prefix(family)
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(|version| version.parse::<u32>().ok())
            .is_some_and(|version| version > major.parse().unwrap_or(0));
        return Err(if newer {
            not_one(format!("this is {format}; this version of drcore reads {expected}"))
                .hint("Use the version of drcore that wrote it, or a newer one.")
        } else {
            not_one(format!("this is {format:?}, not drcore {what} ({expected})"))
        });
    }
    serde_json::from_value(value).map_err(|error| not_one(format!("this is not valid {what}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_and_foreign_formats_are_refused_by_name() {
        let newer = from_json::<serde_json::Value>(r#"{"format":"drcore.plan/2"}"#, "drcore.plan/1", "plan")
            .unwrap_err();
        assert!(newer.to_string().contains("this version of drcore reads drcore.plan/1"), "{newer}");
        let other = from_json::<serde_json::Value>(r#"{"format":"x"}"#, "drcore.plan/1", "plan").unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Format);
        assert!(from_json::<serde_json::Value>("{}", "drcore.plan/1", "plan").is_err());
    }
}
