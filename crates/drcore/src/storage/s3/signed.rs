//! Signed requests to an endpoint of the S3 protocol.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{
    AmazonS3Builder, AmazonS3ConfigKey, AwsAuthorizer, AwsCredential, AwsCredentialProvider,
};
use object_store::client::{HttpClient, HttpConnector};
use object_store::{BackoffConfig, ClientOptions, RetryConfig, StaticCredentialProvider};
use reqwest::header::HeaderMap;

use super::super::http::{self, Answer, Failed};
use super::super::{ApiKey, S3Access};
use crate::error::{Error, ErrorKind, Result};

/// How long the ways to find a key may take that need a network.
const FINDING_KEYS: Duration = Duration::from_secs(5);

/// What signs requests to one endpoint, and sends them.
#[derive(Debug)]
pub(in crate::storage) struct Signed {
    client: HttpClient,
    /// None where requests are not signed.
    keys: Option<AwsCredentialProvider>,
    region: String,
    /// Without a slash at its end.
    endpoint: String,
    /// What to do where it does not answer.
    hint: &'static str,
}

impl Signed {
    /// As the environment (`AWS_*`) and the caller say.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for settings that cannot work, [`ErrorKind::Tls`] without any authority to trust.
    pub(super) fn of_environment(bucket: &str, access: &S3Access) -> Result<Self> {
        let client = HttpClient::new(http::client()?);
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
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        if !(endpoint.starts_with("https://") || endpoint.starts_with("http://")) || endpoint.contains('@') {
            return Err(Error::new(
                ErrorKind::Usage,
                "the endpoint of the store is no http:// or https:// URL",
            )
            .hint("Set AWS_ENDPOINT_URL to one such as https://s3.example.com."));
        }
        let retry =
            RetryConfig { max_retries: 1, retry_timeout: FINDING_KEYS, backoff: BackoffConfig::default() };
        let store = builder
            .with_bucket_name(bucket)
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
        let hint = "Check AWS_ENDPOINT_URL, and that the store is up and can be reached from here.";
        Ok(Self { client, keys, region, endpoint, hint })
    }

    /// With the key of a storage service's API.
    ///
    /// # Errors
    /// [`ErrorKind::Tls`] without any authority to trust.
    pub(in crate::storage) fn of_api(endpoint: String, key: &ApiKey, region: String) -> Result<Self> {
        let client = HttpClient::new(http::client()?);
        let key = AwsCredential { key_id: key.id.clone(), secret_key: key.secret.clone(), token: None };
        let keys: AwsCredentialProvider = Arc::new(StaticCredentialProvider::new(key));
        let hint = "Check the URL, and that the storage service is up and can be reached from here.";
        Ok(Self { client, keys: Some(keys), region, endpoint, hint })
    }

    pub(in crate::storage) fn region(&self) -> &str {
        &self.region
    }

    /// The server, and the port where it is named.
    pub(in crate::storage) fn host(&self) -> &str {
        let rest = self.endpoint.split_once("://").map_or(self.endpoint.as_str(), |(_, rest)| rest);
        rest.split_once('/').map_or(rest, |(host, _)| host)
    }

    /// Asks once for what is below the endpoint, path and query encoded; reads so many bytes of it at most.
    pub(in crate::storage) async fn get(
        &self,
        below: &str,
        headers: &HeaderMap,
        most: usize,
    ) -> std::result::Result<Answer, Failed> {
        let mut request = http::get(&format!("{}/{below}", self.endpoint)).map_err(Failed::ForGood)?;
        request.headers_mut().extend(headers.clone());
        if let Some(keys) = &self.keys {
            let key = keys.get_credential().await.map_err(|error| Failed::ForGood(no_key(error)))?;
            let signer = AwsAuthorizer::new(&key, "s3", &self.region);
            signer.try_authorize(&mut request, None).map_err(|error| {
                Failed::ForGood(
                    Error::new(ErrorKind::Internal, "the request could not be signed").caused_by(error),
                )
            })?;
        }
        http::send(&self.client, request, most).await.map_err(|error| {
            let message = format!("the store at {} does not answer", self.host());
            let error = Error::new(ErrorKind::Connection, message).hint(self.hint).caused_by(error);
            Failed::ForNow(error, None)
        })
    }
}

/// Gives the one client that there is.
#[derive(Debug)]
struct Same(HttpClient);

impl HttpConnector for Same {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

fn no_key(error: object_store::Error) -> Error {
    Error::new(ErrorKind::Authentication, "there is no key for the store")
        .hint(
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; of a profile: eval \"$(aws configure \
             export-credentials --format env)\".",
        )
        .caused_by(error)
}
