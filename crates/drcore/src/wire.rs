//! JSON in and out: one form for all languages, versioned.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::report::is_hostile;

/// Pretty JSON, as it is written to files and handed to the other languages.
pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string_pretty(value).map(harmless).map_err(unwritten)
}

/// The same in one line.
pub(crate) fn to_json_line<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map(harmless).map_err(unwritten)
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err wants it")]
fn unwritten(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, format!("cannot write JSON: {error}"))
}

/// The same JSON with escapes for what would steer, reorder or hide text where somebody looks at it,
/// and for what a CI runner takes for a command of its own.
///
/// All of it stands in strings only, and JSON escapes the first 32 characters anyway.
fn harmless(json: String) -> String {
    let json = if json.contains("##[") { json.replace("##[", "##\\u005b") } else { json };
    let hostile = |c: char| is_hostile(c) && c != '\n';
    if !json.contains(hostile) {
        return json;
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if hostile(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Writes a file as a whole or not at all, for its owner only: it describes a database.
pub(crate) fn save(path: &Path, text: &str, what: &str) -> Result<()> {
    save_bytes(path, text.as_bytes(), what)
}

/// As [`save`], of any bytes.
pub(crate) fn save_bytes(path: &Path, bytes: &[u8], what: &str) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut file = tempfile::NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|error| Error::unwritable(&format!("the {what}"), path, error))
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

/// Integers that are a database's values, as decimal text: `9223372036854775807`,
/// the end of every bigint sequence, is not a number that JavaScript has.
///
/// PostgreSQL's own JSON has them as numbers, which are read too.
pub(crate) mod decimal {
    use std::fmt;

    use serde::de::{Error, Visitor};
    use serde::{Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn serialize<S: Serializer>(value: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        deserializer.deserialize_any(Decimal)
    }

    struct Decimal;

    impl Visitor<'_> for Decimal {
        type Value = i64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an integer as text")
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<i64, E> {
            Ok(value)
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<i64, E> {
            i64::try_from(value).map_err(E::custom)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<i64, E> {
            text.parse().map_err(E::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_harmless_where_somebody_looks_at_it_and_reads_the_same() {
        let names = [
            "\u{1b}[2J",
            "\u{9b}2J\u{7f}",
            "a\u{202e}b",
            "\u{e0041}tag",
            "\u{ffff}",
            "é 名 🎉 \"\\\n\t",
            "##[x]",
        ];
        for json in [to_json(&names).unwrap(), to_json_line(&names).unwrap()] {
            assert!(!json.contains(|c: char| is_hostile(c) && c != '\n'), "{json}");
            assert!(!json.contains("##["), "{json}");
            assert!(json.contains("é 名 🎉") && json.contains("\\udb40\\udc41tag"), "{json}");
            assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), names);
        }
    }

    #[test]
    fn newer_and_foreign_formats_are_refused_by_name() {
        let newer = from_json::<serde_json::Value>(r#"{"format":"drcore.plan/2"}"#, "drcore.plan/1", "plan")
            .unwrap_err();
        assert!(newer.to_string().contains("this version of drcore reads drcore.plan/1"), "{newer}");
        let other = from_json::<serde_json::Value>(r#"{"format":"x"}"#, "drcore.plan/1", "plan").unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Format);
        assert!(from_json::<serde_json::Value>("{}", "drcore.plan/1", "plan").is_err());
    }

    #[test]
    fn integers_of_the_database_survive_javascript() {
        #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
        struct Row(#[serde(with = "decimal")] i64);
        assert_eq!(serde_json::to_string(&Row(i64::MAX)).unwrap(), r#""9223372036854775807""#);
        for text in [r#""-9223372036854775808""#, "-9223372036854775808"] {
            assert_eq!(serde_json::from_str::<Row>(text).unwrap(), Row(i64::MIN));
        }
        // What is left of the end of a bigint in JavaScript.
        assert!(serde_json::from_str::<Row>("9223372036854775808").is_err());
        assert!(serde_json::from_str::<Row>(r#""1e3""#).is_err());
    }
}
