//! HTTP to stores: one client for all, answers of which only as much is read as is wanted, and what is worth
//! asking again.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use object_store::client::{HttpClient, HttpError, HttpRequest, HttpRequestBody};
use reqwest::header::HeaderMap;

use super::chance::Chance;
use crate::error::{Error, ErrorKind, Result};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(60);
/// How often a request is sent, at most, to a server that answered before.
const ATTEMPTS: u32 = 7;
/// How often, to one that never did.
const FIRST_ATTEMPTS: u32 = 3;
/// How long to wait before the second attempt; twice as long before each that follows.
const PAUSE: Duration = Duration::from_millis(250);
/// No pause is longer, whatever a server asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// An answer, of whatever status.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    /// As much of it as was wanted.
    pub(super) body: Bytes,
}

impl Answer {
    /// A header, where it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// After how long the server wants to be asked again, where it says so.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.trim().parse().ok().map(Duration::from_secs)
    }
}

/// A `GET` of this URL.
///
/// # Errors
/// [`ErrorKind::Usage`] if it is none.
pub(super) fn get(url: &str) -> Result<HttpRequest> {
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.uri_mut() = url.parse().map_err(|error| {
        Error::new(ErrorKind::Usage, "the address of the store is no URL").caused_by(error)
    })?;
    Ok(request)
}

/// Sends a request, and reads so many bytes of the answer's body at most.
pub(super) async fn send(
    client: &HttpClient,
    request: HttpRequest,
    most: usize,
) -> std::result::Result<Answer, HttpError> {
    let answer = client.execute(request).await?;
    let (head, body) = answer.into_parts();
    let mut read = BytesMut::new();
    let mut stream = body.bytes_stream();
    while read.len() < most
        && let Some(some) = stream.next().await
    {
        read.extend_from_slice(&some?);
    }
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: read.freeze() })
}

/// Why there is no answer that counts, and whether it is worth asking again.
#[derive(Debug)]
pub(super) enum Failed {
    /// The store, or the way to it, is short of something; it may say for how long.
    ForNow(Error, Option<Duration>),
    ForGood(Error),
}

/// How often something was asked for, and how long to wait until it is asked for again.
#[derive(Debug)]
pub(super) struct Patience {
    attempt: u32,
    most: u32,
    pause: Duration,
}

impl Patience {
    /// With a server that never answered: it is not waited for long.
    pub(super) fn short() -> Self {
        Self { attempt: 1, most: FIRST_ATTEMPTS, pause: PAUSE }
    }

    /// With a server that answered before.
    pub(super) fn long() -> Self {
        Self { most: ATTEMPTS, ..Self::short() }
    }

    /// Waits until it is time to ask again.
    ///
    /// # Errors
    /// Why it is not worth it, or not any more.
    pub(super) async fn wait(&mut self, failed: Failed) -> Result<()> {
        tokio::time::sleep(self.next(failed)?).await;
        Ok(())
    }

    fn next(&mut self, failed: Failed) -> Result<Duration> {
        let (error, asked_for) = match failed {
            Failed::ForNow(error, asked_for) if self.attempt < self.most => (error, asked_for),
            Failed::ForNow(error, _) | Failed::ForGood(error) => return Err(error),
        };
        tracing::debug!(%error, attempt = self.attempt, "asking the store again");
        // Not all at once again, where many were turned away together.
        let jittered = self.pause.mul_f64(0.5 + Chance::new().fraction());
        self.attempt += 1;
        self.pause *= 2;
        Ok(asked_for.map_or(jittered, |asked_for| asked_for + jittered).min(LONGEST_PAUSE))
    }
}

/// HTTP over rustls with ring, as everywhere else.
///
/// # Errors
/// [`ErrorKind::Tls`] where TLS cannot be set up.
pub(super) fn client() -> Result<reqwest::Client> {
    crate::http::client(|builder| builder.connect_timeout(CONNECT).timeout(ANSWER))
}

/// As signatures want it: all but what RFC 3986 calls unreserved.
pub(super) fn encoded(text: &str) -> String {
    encoded_but(text, b"")
}

/// As [`encoded`], of a path, whose slashes stay.
pub(super) fn encoded_path(text: &str) -> String {
    encoded_but(text, b"/")
}

fn encoded_but(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            byte if kept.contains(&byte) => encoded.push(char::from(byte)),
            _ => {
                // Writing to a String does not fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_encoded_as_signatures_want_it() {
        assert_eq!(encoded("a/b c+d=ä~"), "a%2Fb%20c%2Bd%3D%C3%A4~");
        assert_eq!(encoded_path("a/b c"), "a/b%20c");
    }

    #[test]
    fn it_is_asked_again_a_few_times_and_not_for_ever() {
        let failed = |after| Failed::ForNow(Error::new(ErrorKind::Connection, "short"), after);
        for (mut patience, attempts) in [(Patience::short(), FIRST_ATTEMPTS), (Patience::long(), ATTEMPTS)] {
            let mut pauses = Vec::new();
            for _ in 1..attempts {
                pauses.push(patience.next(failed(None)).unwrap());
            }
            assert!(patience.next(failed(None)).is_err());
            assert!(pauses[0] >= PAUSE / 2 && pauses.iter().sum::<Duration>() < LONGEST_PAUSE, "{pauses:?}");
        }
        // What a server asks for is honoured, within reason.
        let seconds = Duration::from_secs;
        assert!(Patience::short().next(failed(Some(seconds(3)))).unwrap() >= seconds(3));
        assert_eq!(Patience::short().next(failed(Some(seconds(9_999)))).unwrap(), LONGEST_PAUSE);
        let wrong = Failed::ForGood(Error::new(ErrorKind::Usage, "wrong"));
        assert!(Patience::long().next(wrong).is_err());
    }
}
