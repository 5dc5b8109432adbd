//! The REST API of a storage service.

use object_store::client::HttpClient;
use reqwest::header::{AUTHORIZATION, CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::answer::Reason;
use super::{BUCKETS, Object, REASON};
use crate::error::{Error, ErrorKind, Result};
use crate::storage::http::{self, Answer, Failed, encoded, encoded_path};

/// The REST API, with a key that may see everything.
#[derive(Debug)]
pub(super) struct Rest {
    client: HttpClient,
    base: String,
    headers: HeaderMap,
    /// Makes every address another one, which no cache knows.
    nonce: u64,
}

#[derive(Deserialize)]
struct Bucket {
    id: String,
}

impl Rest {
    /// # Errors
    /// [`ErrorKind::Authentication`] for a key that sees nothing, or that no header can hold.
    pub(super) fn new(base: &str, key: &str) -> Result<Self> {
        let wrong = |message: &str| {
            Error::new(ErrorKind::Authentication, message).hint(
                "It takes the project's service key: service_role, or sb_secret_… (Settings → API keys).",
            )
        };
        let key = key.trim();
        if key.starts_with("sb_publishable_") || role(key).as_deref() == Some("anon") {
            return Err(wrong("the key is the public one, to which files of private buckets do not exist"));
        }
        let value = |text: String| {
            let mut value =
                HeaderValue::from_str(&text).map_err(|_| wrong("the key holds what no key holds"))?;
            value.set_sensitive(true);
            Ok::<_, Error>(value)
        };
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value(format!("Bearer {key}"))?);
        headers.insert(HeaderName::from_static("apikey"), value(key.to_owned())?);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let client = HttpClient::new(http::client()?);
        Ok(Self {
            client,
            base: base.to_owned(),
            headers,
            nonce: crate::storage::chance::Chance::new().next(),
        })
    }

    /// Asks for an object.
    pub(super) async fn object(
        &self,
        object: &Object,
        headers: HeaderMap,
    ) -> std::result::Result<Answer, Failed> {
        let Object { bucket, name, .. } = object;
        let below = format!(
            "object/authenticated/{}/{}?cacheNonce={:x}",
            encoded(bucket),
            encoded_path(name),
            self.nonce
        );
        self.get(&below, headers, REASON).await
    }

    /// The ids of all buckets.
    pub(super) async fn buckets(&self) -> std::result::Result<Vec<String>, Failed> {
        let answer = self.get("bucket", HeaderMap::new(), BUCKETS).await?;
        if answer.status != 200 {
            return Err(self.refused(&answer));
        }
        let buckets: Vec<Bucket> = serde_json::from_slice(&answer.body).map_err(|_| {
            let message = format!("what is at {} is no storage service", self.base);
            Failed::ForGood(
                Error::new(ErrorKind::Usage, message)
                    .hint("Give the address of its API, which usually ends in /storage/v1."),
            )
        })?;
        Ok(buckets.into_iter().map(|bucket| bucket.id).collect())
    }

    async fn get(&self, below: &str, headers: HeaderMap, most: usize) -> std::result::Result<Answer, Failed> {
        let mut request = http::get(&format!("{}/{below}", self.base)).map_err(Failed::ForGood)?;
        request.headers_mut().extend(self.headers.clone());
        request.headers_mut().extend(headers);
        http::send(&self.client, request, most).await.map_err(|error| {
            let message = format!("the storage service at {} does not answer", self.base);
            let hint = "Check the URL, and that the service is up and can be reached from here.";
            Failed::ForNow(Error::new(ErrorKind::Connection, message).hint(hint).caused_by(error), None)
        })
    }

    /// Why it does not list its buckets.
    fn refused(&self, answer: &Answer) -> Failed {
        let reason = Reason::of_rest(answer);
        let said = reason.said();
        match reason.status {
            429 | 500..=599 => {
                let message = format!("the storage service at {} is not well: {said}", self.base);
                let error = Error::new(ErrorKind::Connection, message).hint(
                    "Look at the service's log; a project that is paused or restoring answers nothing else.",
                );
                Failed::ForNow(error, answer.retry_after())
            }
            404 if !reason.is_of_the_service() => {
                let message = format!("there is no storage service at {}: {said}", self.base);
                let error = Error::new(ErrorKind::Usage, message)
                    .hint("Give the address of its API, which usually ends in /storage/v1.");
                Failed::ForGood(error)
            }
            _ => {
                let error = Error::new(
                    ErrorKind::Authentication,
                    format!("the storage service refused the key: {said}"),
                )
                .hint("Check SUPABASE_SERVICE_ROLE_KEY: it is another project's, or was rotated since.");
                Failed::ForGood(error)
            }
        }
    }
}

/// The role that a JSON Web Token says, without looking whether it is genuine.
fn role(key: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        role: Option<String>,
    }
    let payload = key.split('.').nth(1)?;
    let claims: Claims = serde_json::from_slice(&from_base64url(payload)?).ok()?;
    claims.role
}

fn from_base64url(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.trim_end_matches('=').bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_sees_nothing_is_refused_before_it_is_used() {
        // {"alg":"HS256"}.{"role":"anon"}.x and {"role":"service_role"}
        let anon = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2lnbmF0dXJl";
        let service = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJl";
        for (key, fits) in [
            (anon, false),
            ("sb_publishable_abcdef", false),
            ("line\nbreak", false),
            (service, true),
            ("sb_secret_abcdef", true),
            ("plain", true),
        ] {
            let rest = Rest::new("http://localhost/storage/v1", key);
            assert_eq!(rest.is_ok(), fits, "{key}");
            match rest {
                Err(error) => assert!(!format!("{error:?}").contains(key), "{error:?}"),
                Ok(rest) => assert!(!format!("{rest:?}").contains(key), "{rest:?}"),
            }
        }
        assert_eq!(role(service).as_deref(), Some("service_role"));
    }
}
