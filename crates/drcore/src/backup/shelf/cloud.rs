//! A repository in a bucket.

use std::error::Error as StdError;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::HttpError;
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{
    BackoffConfig, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig,
};

use super::checked::{Checked, NoListing, Refused};
use super::{Object, Pieces, Put, Upload};
use crate::backup::url::Bucket;
use crate::error::{Error, ErrorKind, Result};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long nothing may come; a part that is on its way counts, so it is what slow lines need for one.
const SILENCE: Duration = Duration::from_secs(300);
/// How long what is small may take, asking again included.
const ANSWER: Duration = Duration::from_secs(120);
/// How often a request is sent again, at most.
const AGAIN: usize = 5;
/// No part is smaller, but the last: some stores want 5 MiB at least.
const PART: u64 = 8 << 20;
/// No object has more parts than 10,000; some room is left for what nobody expected.
const PARTS: u64 = 9_000;

/// A repository in a bucket. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Cloud {
    objects: Arc<dyn ObjectStore>,
    parts: Parts,
    bucket: Bucket,
    provider: Provider,
}

/// The same store, for uploads in parts.
#[derive(Clone)]
struct Parts(Arc<dyn MultipartStore>);

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parts")
    }
}

/// Whose bucket it is, and where its requests go.
#[derive(Clone, Debug)]
enum Provider {
    Azure,
    Google,
    S3 { endpoint: String, region: String },
}

/// What an error was in the way of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Doing {
    Delete,
    List,
    Read,
    Write,
}

impl Cloud {
    pub(super) fn s3(bucket: &Bucket, variables: &[(String, String)]) -> Result<Self> {
        let mut builder = AmazonS3Builder::new();
        for (key, value) in named(variables, "aws_") {
            if let Ok(key) = key.parse::<AmazonS3ConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        let said = |key| builder.get_config_value(&key).filter(|value| !value.is_empty());
        let region = said(AmazonS3ConfigKey::Region).or_else(|| said(AmazonS3ConfigKey::DefaultRegion));
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let endpoint = said(AmazonS3ConfigKey::Endpoint)
            .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"))
            .trim_end_matches('/')
            .to_owned();
        let is_url = endpoint.starts_with("https://") || endpoint.starts_with("http://");
        if !is_url || endpoint.contains('@') {
            let message = "the endpoint of the repository is no http:// or https:// URL";
            return Err(Error::new(ErrorKind::Usage, message)
                .hint("Set AWS_ENDPOINT_URL to one such as https://ACCOUNT.r2.cloudflarestorage.com."));
        }
        let store = builder
            .with_bucket_name(&bucket.name)
            .with_region(&region)
            .with_endpoint(&endpoint)
            .with_allow_http(true)
            .with_http_connector(Checked::new(client()?))
            .with_retry(retry())
            .build()
            .map_err(|error| unusable("AWS_*", &error))?;
        Ok(Self::new(store, bucket, Provider::S3 { endpoint, region }))
    }

    pub(super) fn google(bucket: &Bucket, variables: &[(String, String)]) -> Result<Self> {
        let mut builder = GoogleCloudStorageBuilder::new();
        for (key, value) in named(variables, "google_") {
            if let Ok(key) = key.parse::<GoogleConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        let store = builder
            .with_bucket_name(&bucket.name)
            .with_http_connector(Checked::new(client()?))
            .with_retry(retry())
            .build()
            .map_err(|error| unusable("GOOGLE_*", &error))?;
        Ok(Self::new(store, bucket, Provider::Google))
    }

    pub(super) fn azure(bucket: &Bucket, variables: &[(String, String)]) -> Result<Self> {
        let mut builder = MicrosoftAzureBuilder::new();
        for (key, value) in named(variables, "azure_") {
            if let Ok(key) = key.parse::<AzureConfigKey>() {
                builder = builder.with_config(key, value);
            }
        }
        let store = builder
            .with_container_name(&bucket.name)
            .with_http_connector(Checked::new(client()?))
            .with_retry(retry())
            .build()
            .map_err(|error| unusable("AZURE_*", &error))?;
        Ok(Self::new(store, bucket, Provider::Azure))
    }

    fn new(store: impl ObjectStore + MultipartStore, bucket: &Bucket, provider: Provider) -> Self {
        let store = Arc::new(store);
        let parts = Parts(Arc::clone(&store) as Arc<dyn MultipartStore>);
        Self { objects: store, parts, bucket: bucket.clone(), provider }
    }

    pub(super) fn parts(&self) -> Arc<dyn MultipartStore> {
        Arc::clone(&self.parts.0)
    }

    pub(super) async fn list(&self, below: &str) -> Result<Vec<Object>> {
        let prefix = format!("{}{below}", self.bucket.prefix);
        let path = self.path(below)?;
        let mut pages = self.objects.list(Some(&path));
        let mut objects = Vec::new();
        loop {
            // By the page: a bucket may have many.
            let next = tokio::time::timeout(ANSWER, pages.next()).await;
            let next = next.map_err(|_| self.silent(Doing::List))?;
            let Some(meta) = next else { break };
            let meta = meta.map_err(|error| self.explain(Doing::List, &path, error))?;
            objects.extend(listed(&meta, &prefix, &self.bucket.prefix));
        }
        Ok(objects)
    }

    pub(super) async fn beside(&self, most: usize) -> Result<Vec<String>> {
        let Some(own) = self.bucket.prefix.strip_suffix('/') else { return Ok(Vec::new()) };
        let above = own.rsplit_once('/').map(|(above, _)| Path::from(above));
        let listing = self.objects.list_with_delimiter(above.as_ref());
        let path = above.clone().unwrap_or_default();
        let listing = self.soon(Doing::List, listing).await?;
        let listing = listing.map_err(|error| self.explain(Doing::List, &path, error))?;
        let prefixes = listing.common_prefixes.iter().map(|prefix| format!("{prefix}/"));
        let objects = listing.objects.iter().map(|object| object.location.to_string());
        Ok(prefixes.chain(objects).filter(|name| name.trim_end_matches('/') != own).take(most).collect())
    }

    pub(super) async fn size(&self, name: &str) -> Result<Option<u64>> {
        let path = self.path(name)?;
        match self.soon(Doing::Read, self.objects.head(&path)).await? {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.explain(Doing::Read, &path, error)),
        }
    }

    pub(super) async fn read(&self, name: &str, range: Option<Range<u64>>) -> Result<Pieces> {
        let path = self.path(name)?;
        let options = GetOptions { range: range.map(Into::into), ..GetOptions::default() };
        let got = self.soon(Doing::Read, self.objects.get_opts(&path, options)).await?;
        let got = got.map_err(|error| self.explain(Doing::Read, &path, error))?;
        let own = self.clone();
        Ok(got.into_stream().map_err(move |error| own.explain(Doing::Read, &path, error)).boxed())
    }

    pub(super) async fn put(&self, name: &str, bytes: Bytes, how: Put) -> Result<bool> {
        let path = self.path(name)?;
        if how == Put::New {
            let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
            let put = self.objects.put_opts(&path, bytes.clone().into(), create);
            match self.soon(Doing::Write, put).await? {
                Ok(_) => return Ok(true),
                Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                    return Ok(false);
                }
                // Not every store has it: whoever looks first sees most of what could be in the way.
                Err(error) if is_unknown_to_the_store(&error) => {
                    if self.size(name).await?.is_some() {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(self.explain(Doing::Write, &path, error)),
            }
        }
        let put = self.soon(Doing::Write, self.objects.put(&path, bytes.into())).await?;
        put.map(|_| true).map_err(|error| self.explain(Doing::Write, &path, error))
    }

    pub(super) async fn delete(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        match self.soon(Doing::Delete, self.objects.delete(&path)).await? {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.explain(Doing::Delete, &path, error)),
        }
    }

    pub(super) async fn upload(&self, name: &str, expected: u64) -> Result<Upload> {
        let path = self.path(name)?;
        let id = self.soon(Doing::Write, self.parts.0.create_multipart(&path)).await?;
        let id = id.map_err(|error| self.explain(Doing::Write, &path, error))?;
        let size = expected.div_ceil(PARTS).max(PART).next_multiple_of(1 << 20);
        Ok(Upload::parts(name, self.clone(), path, id, usize::try_from(size).unwrap_or(usize::MAX)))
    }

    pub(super) async fn abandon(&self, name: &str, id: &str) -> Result<()> {
        let path = self.path(name)?;
        let id = id.to_owned();
        match self.soon(Doing::Delete, self.parts.0.abort_multipart(&path, &id)).await? {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.explain(Doing::Delete, &path, error)),
        }
    }

    fn path(&self, name: &str) -> Result<Path> {
        let key = format!("{}{name}", self.bucket.prefix);
        Path::parse(key.trim_end_matches('/')).map_err(|error| {
            Error::new(ErrorKind::Unsupported, format!("{key} is no name that can be asked for"))
                .caused_by(error)
        })
    }

    /// What is small comes soon, or not at all.
    async fn soon<T>(&self, doing: Doing, answer: impl Future<Output = T>) -> Result<T> {
        tokio::time::timeout(ANSWER, answer).await.map_err(|_| self.silent(doing))
    }

    fn silent(&self, doing: Doing) -> Error {
        let message = format!("the store did not answer within {} s", ANSWER.as_secs());
        Error::new(ErrorKind::Connection, format!("cannot {} {}: {message}", doing.verb(), self.bucket))
            .hint(self.reach())
    }

    /// What went wrong, and what to do about it.
    pub(super) fn explain(&self, doing: Doing, path: &Path, error: object_store::Error) -> Error {
        if let object_store::Error::InvalidPath { source } = error {
            let message = format!("{} holds names that cannot be asked for", self.bucket);
            return Error::new(ErrorKind::Unsupported, message)
                .hint("Give the backups a prefix of their own, and name it in the URL.")
                .caused_by(source);
        }
        if let Some(refused) = beneath::<Refused>(&error) {
            return self.refused(doing, refused);
        }
        if let Some(NoListing(what)) = beneath::<NoListing>(&error) {
            return Error::new(ErrorKind::Connection, format!("the store's answer is no listing: {what}"))
                .hint(self.reach());
        }
        if matches!(error, object_store::Error::NotFound { .. }) {
            let message = format!("there is no {path} in {}", self.bucket.name);
            return Error::new(ErrorKind::Io, message).hint("List the repository to see what is there.");
        }
        let message = if beneath::<HttpError>(&error).is_some() {
            format!("cannot {} {}: the store does not answer", doing.verb(), self.bucket)
        } else {
            // Such as that there is no key to sign with.
            format!("cannot {} {}", doing.verb(), self.bucket)
        };
        Error::new(ErrorKind::Connection, message).hint(self.reach()).caused_by(Innermost(innermost(&error)))
    }

    fn refused(&self, doing: Doing, refused: &Refused) -> Error {
        let (said, bucket) = (refused.said(), &self.bucket.name);
        let code = refused.code.as_deref().unwrap_or_default();
        if let Provider::S3 { region, .. } = &self.provider {
            let other = refused.region.as_ref().filter(|other| *other != region);
            let wrong_region = matches!(
                code,
                "AuthorizationHeaderMalformed" | "PermanentRedirect" | "IllegalLocationConstraintException"
            ) || matches!(refused.status, 301 | 307);
            if wrong_region || (refused.status == 400 && other.is_some()) {
                let hint = other.map_or_else(
                    || {
                        "Set AWS_REGION to the region of the bucket, and AWS_ENDPOINT_URL to its endpoint."
                            .to_owned()
                    },
                    |region| format!("Set AWS_REGION={region}."),
                );
                let message = format!("the bucket {bucket} is in another region than {region}: {said}");
                return Error::new(ErrorKind::Usage, message).hint(hint);
            }
        }
        let (keys, rights) = self.provider.words(doing);
        match (code, refused.status) {
            ("NoSuchBucket" | "ContainerNotFound", _) => Error::new(
                ErrorKind::Usage,
                format!("there is no bucket {bucket}: {said}"),
            )
            .hint(
                "Check the bucket in the URL. A repository is not made by chance: create the bucket first.",
            ),
            (
                "SignatureDoesNotMatch"
                | "InvalidAccessKeyId"
                | "InvalidToken"
                | "ExpiredToken"
                | "RequestTimeTooSkewed"
                | "AuthenticationFailed"
                | "NotSignedUp",
                _,
            )
            | (_, 401) => Error::new(ErrorKind::Authentication, format!("the store refused the key: {said}"))
                .hint(format!("Check {keys}.")),
            ("QuotaExceeded" | "InsufficientStorage" | "XMinioStorageFull" | "EntityTooLarge", _)
            | (_, 507) => Error::new(
                ErrorKind::Io,
                format!("cannot {} {bucket}: no space is left: {said}", doing.verb()),
            )
            .hint("Make room, such as with drcore backup prune, and run it again."),
            (_, 403) => {
                let message = format!("the store refused to {} {bucket}: {said}", doing.verb());
                Error::new(ErrorKind::Permission, message)
                    .hint(format!("The key needs {rights} on the bucket."))
            }
            (_, 404) => Error::new(ErrorKind::Usage, format!("there is no bucket {bucket}: {said}"))
                .hint("Check the bucket in the URL, and the endpoint."),
            _ => Error::new(
                ErrorKind::Connection,
                format!("the store could not {} {bucket}: {said}", doing.verb()),
            )
            .hint("Run it again; if it happens again, the store's log may say why."),
        }
    }

    fn reach(&self) -> String {
        match &self.provider {
            Provider::S3 { endpoint, .. } => {
                let host = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, host)| host);
                format!(
                    "Check AWS_ENDPOINT_URL ({host}), AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that the store \
                     is up and can be reached from here."
                )
            }
            Provider::Google => {
                "Check GOOGLE_APPLICATION_CREDENTIALS, and that the store can be reached from here.".to_owned()
            }
            Provider::Azure => {
                "Check AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, and that the store can be reached \
                 from here."
                    .to_owned()
            }
        }
    }
}

impl Provider {
    /// Where the keys come from, and which right is needed.
    fn words(&self, doing: Doing) -> (&'static str, &'static str) {
        match (self, doing) {
            (Self::S3 { .. }, Doing::List) => (AWS, "s3:ListBucket"),
            (Self::S3 { .. }, Doing::Read) => {
                (AWS, "s3:GetObject (and s3:ListBucket, to tell what is not there)")
            }
            (Self::S3 { .. }, Doing::Write) => (AWS, "s3:PutObject and s3:AbortMultipartUpload"),
            (Self::S3 { .. }, Doing::Delete) => (AWS, "s3:DeleteObject and s3:AbortMultipartUpload"),
            (Self::Google, Doing::List) => (GOOGLE, "storage.objects.list"),
            (Self::Google, Doing::Read) => (GOOGLE, "storage.objects.get"),
            (Self::Google, Doing::Write) => (GOOGLE, "storage.objects.create"),
            (Self::Google, Doing::Delete) => (GOOGLE, "storage.objects.delete"),
            (Self::Azure, _) => (AZURE, "the role Storage Blob Data Contributor"),
        }
    }
}

const AWS: &str = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION";
const GOOGLE: &str = "GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT_KEY";
const AZURE: &str = "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN";

impl Doing {
    fn verb(self) -> &'static str {
        match self {
            Self::Delete => "delete from",
            Self::List => "list",
            Self::Read => "read from",
            Self::Write => "write to",
        }
    }
}

/// What lies beneath all wrapping, as text: what wraps it repeats URLs and attempts.
#[derive(Debug)]
struct Innermost(String);

impl std::fmt::Display for Innermost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Innermost {}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

/// The first of this type beneath an error.
fn beneath<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        at = error.source();
    }
    None
}

fn is_unknown_to_the_store(error: &object_store::Error) -> bool {
    let refused = beneath::<Refused>(error)
        .is_some_and(|refused| refused.status == 501 || refused.code.as_deref() == Some("NotImplemented"));
    refused
        || matches!(
            error,
            object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. }
        )
}

/// Of the variables, those whose name begins so, in lower case, as `object_store` knows them.
fn named<'v>(
    variables: &'v [(String, String)],
    beginning: &'static str,
) -> impl Iterator<Item = (String, &'v str)> {
    variables
        .iter()
        .map(|(key, value)| (key.to_ascii_lowercase(), value.as_str()))
        .filter(move |(key, value)| key.starts_with(beginning) && !value.is_empty())
}

fn listed(meta: &ObjectMeta, prefix: &str, own: &str) -> Option<Object> {
    let key = meta.location.as_ref();
    // To the library, prefixes end at slashes, and ours need not: what lies beside is none of it.
    let name = key.strip_prefix(own).filter(|_| key.starts_with(prefix) && !key.ends_with('/'))?;
    let modified = Timestamp::new(meta.last_modified.timestamp(), 0).ok();
    Some(Object { name: name.to_owned(), bytes: meta.size, modified, etag: meta.e_tag.clone() })
}

fn unusable(variables: &str, error: &object_store::Error) -> Error {
    Error::new(ErrorKind::Usage, "the settings of the repository cannot work")
        .hint(format!("Check the variables {variables}: drcore explain repository lists them."))
        .caused_by(Innermost(innermost(error)))
}

fn retry() -> RetryConfig {
    RetryConfig { max_retries: AGAIN, retry_timeout: SILENCE, backoff: BackoffConfig::default() }
}

fn client() -> Result<reqwest::Client> {
    crate::http::client(|builder| builder.connect_timeout(CONNECT).read_timeout(SILENCE))
}
