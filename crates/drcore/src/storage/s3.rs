//! A bucket behind the S3 protocol.
//!
//! `object_store` finds the keys, signs and speaks HTTP. Its own listing is not used: its paths cannot hold
//! every key (`a//b`), and to it an answer that is no listing is an empty one.

mod page;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::aws::{
    AmazonS3Builder, AmazonS3ConfigKey, AwsAuthorizer, AwsCredential, AwsCredentialProvider,
};
use object_store::client::{HttpClient, HttpConnector, HttpRequest, HttpRequestBody};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};

use self::page::{Object, Page, Refusal};
use super::S3Access;
use super::layout::NO_TENANTS;
use super::vantage::{Listed, Listing, Vantage};
use crate::error::{Error, ErrorKind, Result};

/// How often a request is sent, at most.
const ATTEMPTS: u32 = 4;
/// How long to wait before the second attempt; twice as long before each that follows.
const PAUSE: Duration = Duration::from_millis(250);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(60);
/// How long the ways to find a key may take that need a network.
const FINDING_KEYS: Duration = Duration::from_secs(5);

/// A bucket behind the S3 protocol.
#[derive(Debug)]
pub(super) struct S3 {
    client: HttpClient,
    /// None where requests are not signed.
    keys: Option<AwsCredentialProvider>,
    region: String,
    /// Ends in the bucket.
    endpoint: String,
    bucket: String,
    prefix: String,
}

impl S3 {
    /// The bucket, with what the environment (`AWS_*`) and the caller say.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for settings that cannot work, [`ErrorKind::Tls`] without any authority to trust.
    pub(super) fn new(bucket: String, prefix: String, access: &S3Access) -> Result<Self> {
        let client = HttpClient::new(client()?);
        let mut builder = AmazonS3Builder::new();
        let env = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.to_str()?.to_owned(), value.to_str()?.to_owned())));
        for (key, value) in env.filter(|(key, _)| key.starts_with("AWS_")) {
            if let Ok(key) = key.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        for (key, value) in [
            (AmazonS3ConfigKey::AccessKeyId, &access.access_key_id),
            (AmazonS3ConfigKey::SecretAccessKey, &access.secret_access_key),
            (AmazonS3ConfigKey::Token, &access.session_token),
            (AmazonS3ConfigKey::Region, &access.region),
            (AmazonS3ConfigKey::Endpoint, &access.endpoint),
        ] {
            if let Some(value) = value {
                builder = builder.with_config(key, value);
            }
        }
        if access.access_key_id.is_some() && access.session_token.is_none() {
            // A token of the environment's belongs to its key.
            builder = builder.with_config(AmazonS3ConfigKey::Token, "");
        }
        let said = |key| builder.get_config_value(&key).filter(|value| !value.is_empty());
        let region = said(AmazonS3ConfigKey::Region)
            .or_else(|| said(AmazonS3ConfigKey::DefaultRegion))
            .unwrap_or_else(|| "us-east-1".to_owned());
        let endpoint =
            said(AmazonS3ConfigKey::Endpoint).unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let signs = said(AmazonS3ConfigKey::SkipSignature).is_none_or(|skip| skip != "true");
        let endpoint = endpoint.trim_end_matches('/');
        if !(endpoint.starts_with("https://") || endpoint.starts_with("http://")) || endpoint.contains('@') {
            return Err(Error::new(
                ErrorKind::Usage,
                "the endpoint of the store is no http:// or https:// URL",
            )
            .hint("Set AWS_ENDPOINT_URL to one such as https://s3.example.com."));
        }
        let endpoint = format!("{endpoint}/{}", encoded(&bucket));
        let retry =
            RetryConfig { max_retries: 1, retry_timeout: FINDING_KEYS, backoff: BackoffConfig::default() };
        let store = builder
            .with_bucket_name(&bucket)
            .with_http_connector(Same(client.clone()))
            .with_allow_http(true)
            .with_retry(retry)
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Usage, "the settings of the store cannot work")
                    .hint("Check the AWS_* variables.")
                    .caused_by(error)
            })?;
        let keys = signs.then(|| Arc::clone(store.credentials()));
        Ok(Self { client, keys, region, endpoint, bucket, prefix })
    }

    /// One page of a listing; asked for again where the store or the way to it was only short of something.
    async fn page(&self, query: &[(&str, &str)]) -> Result<Page> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let error = match self.try_page(query).await {
                Ok(page) => return Ok(page),
                Err(Failed::ForGood(error)) => return Err(error),
                Err(Failed::ForNow(error)) => error,
            };
            if attempt == ATTEMPTS {
                return Err(error);
            }
            tracing::debug!(%error, attempt, "asking the store again");
            // Not all at once again, where many were turned away together.
            let jitter = f64::from(std::process::id() % 7 + attempt) / 20.0;
            tokio::time::sleep(pause.mul_f64(1.0 + jitter)).await;
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }

    async fn try_page(&self, query: &[(&str, &str)]) -> std::result::Result<Page, Failed> {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        let uri = self.uri(query);
        *request.uri_mut() = uri.parse().map_err(|error| {
            Failed::ForGood(
                Error::new(ErrorKind::Usage, "the endpoint of the store is no URL").caused_by(error),
            )
        })?;
        if let Some(keys) = &self.keys {
            let key = keys.get_credential().await.map_err(|error| Failed::ForGood(no_key(error)))?;
            self.sign(&mut request, &key)?;
        }
        let answer = async {
            let answer = self.client.execute(request).await?;
            let status = answer.status().as_u16();
            let region = answer.headers().get("x-amz-bucket-region").and_then(|value| value.to_str().ok());
            let region = region.map(str::to_owned);
            Ok((status, region, answer.into_body().bytes().await?))
        };
        let answered: std::result::Result<_, object_store::client::HttpError> = answer.await;
        let (status, region, body) = answered.map_err(|error| Failed::ForNow(self.unreachable(error)))?;
        match status {
            200 => Page::read(&body).map_err(|what| {
                Failed::ForNow(
                    Error::new(ErrorKind::Connection, format!("the store's answer is no listing: {what}"))
                        .hint("Check that the endpoint speaks the S3 protocol."),
                )
            }),
            429 | 500..=599 => Err(Failed::ForNow(self.refused(status, region, &body))),
            _ => Err(Failed::ForGood(self.refused(status, region, &body))),
        }
    }

    fn sign(&self, request: &mut HttpRequest, key: &AwsCredential) -> std::result::Result<(), Failed> {
        let signer = AwsAuthorizer::new(key, "s3", &self.region);
        signer.try_authorize(request, None).map_err(|error| {
            Failed::ForGood(
                Error::new(ErrorKind::Internal, "the request could not be signed").caused_by(error),
            )
        })
    }

    fn uri(&self, query: &[(&str, &str)]) -> String {
        let mut uri = format!("{}?list-type=2", self.endpoint);
        for (name, value) in query {
            // Writing to a String does not fail.
            let _ = write!(uri, "&{name}={}", encoded(value));
        }
        uri
    }

    fn unreachable(&self, error: object_store::client::HttpError) -> Error {
        let host = self.endpoint.rsplit_once('/').map_or(self.endpoint.as_str(), |(host, _)| host);
        Error::new(ErrorKind::Connection, format!("the store at {host} does not answer"))
            .hint("Check AWS_ENDPOINT_URL, and that the store is up and can be reached from here.")
            .caused_by(error)
    }

    /// What the store said, and what to do about it.
    fn refused(&self, status: u16, region: Option<String>, body: &[u8]) -> Error {
        let Refusal { code, message, region: named } = Refusal::read(body);
        let said = match (&code, &message) {
            (Some(code), Some(message)) => format!("{message} ({code})"),
            (Some(code), None) => code.clone(),
            _ => format!("status {status}"),
        };
        let bucket = &self.bucket;
        let other = region.or(named).filter(|region| *region != self.region);
        let wrong_region = matches!(
            code.as_deref(),
            Some("AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException")
        ) || (status == 301 || status == 307);
        match code.as_deref() {
            _ if wrong_region || (status == 400 && other.is_some()) => {
                let hint = match other {
                    Some(region) => format!("Set AWS_REGION={region}."),
                    None => {
                        "Set AWS_REGION to the region of the bucket, and AWS_ENDPOINT_URL to its endpoint."
                            .to_owned()
                    }
                };
                let message =
                    format!("the bucket {bucket} is in another region than {}: {said}", self.region);
                Error::new(ErrorKind::Usage, message).hint(hint)
            }
            Some("NoSuchBucket") => {
                Error::new(ErrorKind::Usage, format!("there is no bucket {bucket}: {said}"))
                    .hint("Check the bucket in the URL, and AWS_ENDPOINT_URL.")
            }
            Some("SignatureDoesNotMatch") => {
                Error::new(ErrorKind::Authentication, format!("the store refused the key: {said}")).hint(
                    format!(
                        "Check AWS_SECRET_ACCESS_KEY, and that the region ({}) is the store's (AWS_REGION).",
                        self.region
                    ),
                )
            }
            Some(
                "InvalidAccessKeyId"
                | "InvalidToken"
                | "ExpiredToken"
                | "RequestTimeTooSkewed"
                | "NotSignedUp",
            ) => Error::new(ErrorKind::Authentication, format!("the store refused the key: {said}"))
                .hint("Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN."),
            _ if status == 401 || status == 403 => {
                Error::new(ErrorKind::Permission, format!("the store refused to list {bucket}: {said}"))
                    .hint("The key needs s3:ListBucket on the bucket.")
            }
            _ if status == 404 => {
                Error::new(ErrorKind::Usage, format!("there is no bucket {bucket}: {said}"))
                    .hint("Check the bucket in the URL, and AWS_ENDPOINT_URL.")
            }
            _ => Error::new(ErrorKind::Connection, format!("the store could not list {bucket}: {said}"))
                .hint("Run it again; if it happens again, the store's log may say why."),
        }
    }
}

/// The pages of one listing, one after the other.
struct Pages<'s> {
    store: &'s S3,
    prefix: &'s str,
    delimited: bool,
    next: Option<String>,
    ended: bool,
}

impl<'s> Pages<'s> {
    fn new(store: &'s S3, prefix: &'s str, delimited: bool) -> Self {
        Self { store, prefix, delimited, next: None, ended: false }
    }

    /// The next one; none after the last.
    async fn next(&mut self) -> Result<Option<Page>> {
        if self.ended {
            return Ok(None);
        }
        let mut query = vec![("prefix", self.prefix)];
        if self.delimited {
            query.push(("delimiter", "/"));
        }
        if let Some(token) = &self.next {
            query.push(("continuation-token", token));
        }
        let mut page = self.store.page(&query).await?;
        let following = page.next.take();
        if following.is_some() && following == self.next {
            return Err(Error::new(ErrorKind::Connection, "the store's listing goes round in circles"));
        }
        self.ended = following.is_none();
        self.next = following;
        Ok(Some(page))
    }
}

/// Whether it is worth asking again.
enum Failed {
    ForNow(Error),
    ForGood(Error),
}

#[async_trait]
impl Vantage for S3 {
    fn place(&self) -> String {
        let host = self.endpoint.rsplit_once('/').map_or("", |(host, _)| host);
        let host = host.split_once("://").map_or(host, |(_, host)| host);
        format!("s3://{}/{} at {host}", self.bucket, self.prefix)
    }

    fn sees(&self) -> &'static str {
        "seen in the bucket's own listing: which files are there, their sizes and checksums as the store recorded them; \
         not seen: the bytes themselves, and whether the storage service can read them"
    }

    async fn tenants(&self) -> Result<Vec<String>> {
        let mut tenants = Vec::new();
        let mut pages = Pages::new(self, &self.prefix, true);
        while let Some(page) = pages.next().await? {
            tenants.extend(page.prefixes.iter().filter_map(|prefix| {
                let tenant = prefix.strip_prefix(&self.prefix)?.strip_suffix('/')?;
                (!tenant.is_empty() && !NO_TENANTS.contains(&tenant)).then(|| tenant.to_owned())
            }));
        }
        tenants.sort();
        Ok(tenants)
    }

    async fn list(&self, tenant: &str, listing: Listing) -> Result<()> {
        let prefix = format!("{}{tenant}/", self.prefix);
        let mut pages = Pages::new(self, &prefix, false);
        while let Some(page) = pages.next().await? {
            let listed: Result<Vec<Listed>> =
                page.objects.into_iter().map(|object| listed(object, &prefix)).collect();
            if listing.send(listed?).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    async fn look(&self, tenant: &str, path: &str) -> Result<Option<Listed>> {
        // A listing too, not a HEAD: it takes no other right, and URLs cannot hold every key.
        let key = format!("{}{tenant}/{path}", self.prefix);
        let page = self.page(&[("prefix", &key), ("max-keys", "1")]).await?;
        let found = page.objects.into_iter().find(|object| object.key == key);
        found.map(|object| listed(object, &format!("{}{tenant}/", self.prefix))).transpose()
    }
}

fn listed(object: Object, prefix: &str) -> Result<Listed> {
    let Some(path) = object.key.strip_prefix(prefix) else {
        let message = "the store listed what lies outside of what was asked for";
        return Err(Error::new(ErrorKind::Connection, message));
    };
    Ok(Listed { path: path.to_owned(), size: object.size, etag: object.etag, unfinished: false })
}

/// Gives the one client that there is.
#[derive(Debug)]
struct Same(HttpClient);

impl HttpConnector for Same {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

/// HTTP over rustls with ring, as everywhere else.
fn client() -> Result<reqwest::Client> {
    let failed =
        |error: &dyn std::fmt::Display| Error::new(ErrorKind::Tls, format!("cannot set up TLS: {error}"));
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        // A signature is for one host.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("drcore/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| failed(&error))
}

fn no_key(error: object_store::Error) -> Error {
    Error::new(ErrorKind::Authentication, "there is no key for the store")
        .hint(
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; of a profile: eval \"$(aws configure \
             export-credentials --format env)\".",
        )
        .caused_by(error)
}

/// As signatures want it: all but what RFC 3986 calls unreserved.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                // Writing to a String does not fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}
