//! What the answers of a storage service mean, as they were observed of both of its backends.
//!
//! Source: supabase/storage (2026-08), `http/error-handler.ts`, `http/routes/s3/error-handler.ts`,
//! `storage/renderer/renderer.ts`, and a running server with each backend.

use reqwest::header::{AGE, CONTENT_LENGTH, CONTENT_RANGE, ETAG};
use serde::Deserialize;

use crate::error::{Error, ErrorKind};
use crate::evidence::{Cause, CauseKind};
use crate::storage::http::{Answer, Failed};
use crate::storage::s3::Refusal;

/// What asking for an object came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::storage) enum Seen {
    /// The service fails: a directory that lacks the file makes it fail, and other things do too.
    Failing,
    /// The service has no bytes for it.
    Missing,
    /// The service knows no such object.
    NoRow,
    /// It is there.
    There { size: Option<u64>, etag: Option<String> },
    /// It is there, and is what the database says.
    Unchanged,
    /// It could not be told.
    Unclear(Unclear),
}

/// Why it could not be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::storage) enum Unclear {
    /// The bucket behind the service is not there, whatever the object.
    Backing,
    /// A cache answered in the place of the service.
    Cached,
    /// No URL can hold the name, or the service does not take it.
    Name,
    /// The service did not answer, although it was asked several times.
    NoAnswer(String),
    /// It answered in a way that says nothing about the bytes.
    Odd(u16),
    /// The row is there, and the service does not know the object.
    OtherDatabase,
    /// The key may not have it.
    Refused(String),
}

impl Unclear {
    /// The same for all that are told together.
    pub(in crate::storage) fn place(&self) -> u8 {
        match self {
            Self::Backing => 0,
            Self::Cached => 1,
            Self::Name => 2,
            Self::NoAnswer(_) => 3,
            Self::Odd(_) => 4,
            Self::OtherDatabase => 5,
            Self::Refused(_) => 6,
        }
    }

    /// Why it could not be told, and what to do about it.
    pub(in crate::storage) fn cause(&self) -> Cause {
        let (kind, message, hint): (_, String, _) = match self {
            Self::Backing => (
                CauseKind::Error,
                "the bucket behind the storage service is not there".to_owned(),
                "Look at the service's own settings (STORAGE_S3_BUCKET): nobody can download anything.",
            ),
            Self::Cached => (
                CauseKind::Unsupported,
                "a cache answered, which proves nothing about the store".to_owned(),
                "Give a key of the S3 protocol (SUPABASE_S3_…), whose answers are not cached.",
            ),
            Self::Name => (
                CauseKind::Unsupported,
                "the storage service takes no such names, so that nobody can download these objects"
                    .to_owned(),
                "Look for them where the files are: --store s3://… or file:///….",
            ),
            Self::NoAnswer(said) => (
                CauseKind::Connection,
                format!("the storage service did not answer: {said}"),
                "Run it again; if it happens again, the service's log may say why.",
            ),
            Self::Odd(status) => (
                CauseKind::Error,
                format!(
                    "the storage service answered with status {status}, which says nothing about the bytes"
                ),
                "Run it again; if it happens again, the service's log may say why.",
            ),
            Self::OtherDatabase => (
                CauseKind::Error,
                "the storage service does not know objects that the database has".to_owned(),
                "Its database is another one than the one that is verified, or the key does not see everything.",
            ),
            Self::Refused(said) => (
                CauseKind::Permission,
                format!("the storage service refused the key: {said}"),
                "Give a key that sees everything: of the service role, or of the S3 protocol.",
            ),
        };
        Cause::new(kind, message).hint(hint)
    }
}

/// What was heard when an object was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It has no first byte, or the service fails for wanting it.
    NoRange,
    Seen(Seen),
}

/// Why a service refused something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reason {
    /// The true one, which the status line often is not.
    pub(super) status: u16,
    code: String,
    message: String,
}

impl Reason {
    /// As the REST API says it.
    pub(super) fn of_rest(answer: &Answer) -> Self {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            #[serde(default)]
            status_code: serde_json::Value,
            #[serde(default)]
            error: String,
            #[serde(default)]
            message: String,
            code: Option<String>,
        }
        let Ok(body) = serde_json::from_slice::<Body>(&answer.body) else {
            return Self { status: answer.status, ..Self::default() };
        };
        let status = match &body.status_code {
            serde_json::Value::String(text) => text.parse().ok(),
            value => value.as_u64().and_then(|number| u16::try_from(number).ok()),
        };
        Self {
            status: status.unwrap_or(answer.status),
            // Older services have no code.
            code: body.code.unwrap_or(body.error),
            message: body.message,
        }
    }

    /// As the S3 protocol says it.
    pub(super) fn of_s3(answer: &Answer) -> Self {
        let refusal = Refusal::read(&answer.body);
        Self {
            status: answer.status,
            code: refusal.code.unwrap_or_default(),
            message: refusal.message.unwrap_or_default(),
        }
    }

    /// Whether it is the service that says so, and not whoever stands before it.
    pub(super) fn is_of_the_service(&self) -> bool {
        !self.code.is_empty()
    }

    /// For people.
    pub(super) fn said(&self) -> String {
        match (self.message.as_str(), self.code.as_str()) {
            ("", "") => format!("status {}", self.status),
            ("", code) => format!("{code} (status {})", self.status),
            (message, "") => format!("{message} (status {})", self.status),
            (message, code) => format!("{message} ({code})"),
        }
    }

    fn has_code(&self, code: &str) -> bool {
        self.code.eq_ignore_ascii_case(code)
    }
}

/// What an answer to a question for an object says.
///
/// # Errors
/// That it says nothing yet: the service is short of something.
pub(super) fn hear(answer: &Answer, reason: &Reason, ranged: bool) -> Result<Heard, Failed> {
    let seen = |seen| Ok(Heard::Seen(seen));
    let unclear = |unclear| Ok(Heard::Seen(Seen::Unclear(unclear)));
    match answer.status {
        200 | 206 | 304 if is_cached(answer) => return unclear(Unclear::Cached),
        304 => return seen(Seen::Unchanged),
        200 => {
            return seen(Seen::There {
                size: number(answer.header(CONTENT_LENGTH.as_str())),
                etag: etag(answer),
            });
        }
        206 => {
            let total = answer.header(CONTENT_RANGE.as_str()).and_then(|range| range.rsplit('/').next());
            return seen(Seen::There { size: number(total), etag: etag(answer) });
        }
        416 => return Ok(Heard::NoRange),
        _ => {}
    }
    let short = |reason: &Reason| {
        let error = Error::new(ErrorKind::Connection, reason.said());
        Err(Failed::ForNow(error, answer.retry_after()))
    };
    match reason.status {
        404 if reason.message == "Object not found" || reason.has_code("not_found") => seen(Seen::NoRow),
        404 if reason.message == "Bucket not found" => seen(Seen::NoRow),
        404 if reason.has_code("NoSuchBucket") || reason.message.contains("bucket does not exist") => {
            unclear(Unclear::Backing)
        }
        // Not just any 404: whoever stands before the service says so too.
        404 if ["NoSuchKey", "Not found", "S3Error"].iter().any(|code| reason.has_code(code)) => {
            seen(Seen::Missing)
        }
        400 if reason.has_code("InvalidKey") || reason.message.starts_with("Invalid key") => {
            unclear(Unclear::Name)
        }
        401 | 403 => unclear(Unclear::Refused(reason.said())),
        400 if reason.code.contains("JWT")
            || reason.code.contains("Token")
            || reason.code.contains("Signature") =>
        {
            unclear(Unclear::Refused(reason.said()))
        }
        500 if reason.has_code("InternalError") || reason.has_code("Internal") => {
            // An empty file has no first byte either, and there is a backend that fails for wanting it.
            if ranged { Ok(Heard::NoRange) } else { seen(Seen::Failing) }
        }
        429 | 500..=599 => short(reason),
        status => unclear(Unclear::Odd(status)),
    }
}

/// Whether somebody answered who keeps copies, and not the service.
fn is_cached(answer: &Answer) -> bool {
    let of_cloudflare = answer.header("cf-cache-status").is_some_and(|status| {
        ["HIT", "STALE", "UPDATING", "REVALIDATED"].iter().any(|hit| status.eq_ignore_ascii_case(hit))
    });
    let of_others =
        answer.header("x-cache").is_some_and(|status| status.to_ascii_lowercase().contains("hit"));
    of_cloudflare || of_others || number(answer.header(AGE.as_str())).is_some_and(|age| age > 0)
}

fn number(text: Option<&str>) -> Option<u64> {
    text?.trim().parse().ok()
}

/// What tells other bytes from these, without quotes, and whoever compressed it on the way.
fn etag(answer: &Answer) -> Option<String> {
    let text = answer.header(ETAG.as_str())?;
    Some(text.trim().trim_start_matches("W/").trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Answer {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        Answer { status, headers, body: body.into() }
    }

    fn rest(status: u16, body: &'static str) -> Option<Seen> {
        let answer = answer(status, &[], body);
        match hear(&answer, &Reason::of_rest(&answer), false) {
            Ok(Heard::Seen(seen)) => Some(seen),
            Ok(Heard::NoRange) => panic!("no range was asked for"),
            Err(_) => None,
        }
    }

    #[test]
    fn bytes_that_are_there_are_told_with_their_true_size() {
        let heard = |status, headers: &[_]| {
            let answer = answer(status, headers, "");
            hear(&answer, &Reason::of_rest(&answer), true).unwrap()
        };
        let there = |size, etag: &str| Heard::Seen(Seen::There { size, etag: Some(etag.to_owned()) });
        assert_eq!(
            heard(206, &[("content-range", "bytes 0-0/1234"), ("etag", "\"abc\"")]),
            there(Some(1234), "abc")
        );
        assert_eq!(heard(200, &[("content-length", "7"), ("etag", "W/\"abc\"")]), there(Some(7), "abc"));
        assert_eq!(heard(206, &[("content-range", "bytes 0-0/*"), ("etag", "x")]), there(None, "x"));
        assert_eq!(heard(304, &[]), Heard::Seen(Seen::Unchanged));
        assert_eq!(heard(416, &[]), Heard::NoRange);
        for hit in [
            ("cf-cache-status", "HIT"),
            ("cf-cache-status", "stale"),
            ("x-cache", "Hit from cloudfront"),
            ("age", "12"),
        ] {
            assert_eq!(heard(206, &[hit]), Heard::Seen(Seen::Unclear(Unclear::Cached)), "{hit:?}");
        }
        for miss in
            [("cf-cache-status", "DYNAMIC"), ("cf-cache-status", "MISS"), ("x-cache", "Miss"), ("age", "0")]
        {
            assert!(matches!(heard(206, &[miss]), Heard::Seen(Seen::There { .. })), "{miss:?}");
        }
    }

    /// As recorded of a running server, and of older ones.
    #[test]
    fn what_the_rest_api_says_is_understood() {
        for (status, body, expected) in [
            (
                400,
                r#"{"statusCode":"404","error":"not_found","message":"Object not found","code":"NoSuchKey"}"#,
                Some(Seen::NoRow),
            ),
            (
                400,
                r#"{"statusCode":"404","error":"not_found","message":"Object not found"}"#,
                Some(Seen::NoRow),
            ),
            (
                400,
                r#"{"statusCode":"404","error":"Bucket not found","message":"Bucket not found"}"#,
                Some(Seen::NoRow),
            ),
            (
                400,
                r#"{"statusCode":"404","error":"Not found","message":"The resource was not found","code":"NoSuchKey"}"#,
                Some(Seen::Missing),
            ),
            (
                400,
                r#"{"statusCode":"404","error":"Not found","message":"The resource was not found"}"#,
                Some(Seen::Missing),
            ),
            (
                500,
                r#"{"statusCode":"500","error":"Internal","message":"Internal Server Error","code":"InternalError"}"#,
                Some(Seen::Failing),
            ),
            (
                400,
                r#"{"statusCode":"400","error":"InvalidKey","message":"Invalid key: ä","code":"InvalidKey"}"#,
                Some(Seen::Unclear(Unclear::Name)),
            ),
            (
                400,
                r#"{"statusCode":"403","error":"Unauthorized","message":"jwt malformed"}"#,
                Some(Seen::Unclear(Unclear::Refused("jwt malformed (Unauthorized)".to_owned()))),
            ),
            (429, r#"{"statusCode":"429","error":"too_many_connections","code":"SlowDown"}"#, None),
            (400, r#"{"statusCode":"544","error":"DatabaseTimeout","message":"timeout"}"#, None),
            (502, "<html>bad gateway</html>", None),
            (500, "<html>whoever stands before it</html>", None),
            (404, "<html>not here</html>", Some(Seen::Unclear(Unclear::Odd(404)))),
            (
                404,
                r#"{"message":"no Route matched with those values"}"#,
                Some(Seen::Unclear(Unclear::Odd(404))),
            ),
            (301, "", Some(Seen::Unclear(Unclear::Odd(301)))),
        ] {
            assert_eq!(rest(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn what_the_s3_protocol_says_is_understood() {
        let s3 = |status, body| {
            let answer = answer(status, &[], body);
            hear(&answer, &Reason::of_s3(&answer), false)
        };
        for (status, body, expected) in [
            (404, "<Error><Code>NoSuchKey</Code><Message>Object not found</Message></Error>", Seen::NoRow),
            (
                404,
                "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>",
                Seen::Missing,
            ),
            (404, "<Error><Code>S3Error</Code><Message>UnknownError</Message></Error>", Seen::Missing),
            (
                404,
                "<Error><Code>S3Error</Code><Message>The specified bucket does not exist</Message></Error>",
                Seen::Unclear(Unclear::Backing),
            ),
            (
                500,
                "<Error><Code>InternalError</Code><Message>Internal Server Error</Message></Error>",
                Seen::Failing,
            ),
        ] {
            assert_eq!(s3(status, body).unwrap(), Heard::Seen(expected), "{status} {body}");
        }
        let refused = "<Error><Code>SignatureDoesNotMatch</Code><Message>Check your key</Message></Error>";
        assert!(matches!(s3(403, refused), Ok(Heard::Seen(Seen::Unclear(Unclear::Refused(_))))));
        assert!(s3(503, "<Error><Code>SlowDown</Code></Error>").is_err());
    }

    #[test]
    fn a_service_that_fails_for_a_first_byte_is_asked_for_the_whole() {
        let failing = answer(500, &[], r#"{"statusCode":"500","error":"Internal","code":"InternalError"}"#);
        assert_eq!(hear(&failing, &Reason::of_rest(&failing), true).unwrap(), Heard::NoRange);
    }
}
