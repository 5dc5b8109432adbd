//! A bucket behind the S3 protocol.
//!
//! `object_store` finds the keys, signs and speaks HTTP. Its own listing is not used: its paths cannot hold
//! every key (`a//b`), and to it an answer that is no listing is an empty one.

mod bytes;
mod page;
mod ranges;
mod signed;

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use reqwest::header::HeaderMap;

use self::page::{Object, Page};
pub(super) use self::page::{Refusal, bucket_names};
pub(super) use self::signed::Signed;
use super::S3Access;
use super::http::{Answer, Failed, Patience, encoded};
use super::layout::NO_TENANTS;
use super::pace::Pace;
use super::vantage::{Listed, Listing, Vantage};
use crate::error::{Error, ErrorKind, Result};

/// No page of a listing is longer.
const PAGE: usize = 64 << 20;
/// How many requests are under way at a time, at first and at most.
const AT_ONCE: usize = 8;
const MOST_AT_ONCE: usize = 64;

/// A bucket behind the S3 protocol.
#[derive(Debug)]
pub(super) struct S3 {
    signed: Signed,
    bucket: String,
    prefix: String,
    /// Whether the bytes are read of what is listed without a checksum.
    checksums: bool,
    pace: Pace,
    /// How far the store's clock is ahead of ours, in milliseconds; where it told.
    ahead: Mutex<Option<i64>>,
}

impl S3 {
    /// The bucket, with what the environment (`AWS_*`) and the caller say.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for settings that cannot work, [`ErrorKind::Tls`] without any authority to trust.
    pub(super) fn new(bucket: String, prefix: String, access: &S3Access, checksums: bool) -> Result<Self> {
        let signed = Signed::of_environment(&bucket, access)?;
        let pace = Pace::new(AT_ONCE, MOST_AT_ONCE);
        Ok(Self { signed, bucket, prefix, checksums, pace, ahead: Mutex::new(None) })
    }

    /// One page of a listing; asked for again where the store or the way to it was only short of something.
    async fn page(&self, query: &[(&str, &str)], patience: Patience) -> Result<Page> {
        self.patiently(patience, || self.try_page(query).boxed()).await
    }

    /// Asks until there is an answer, or patience ends.
    async fn patiently<'a, T>(
        &self,
        mut patience: Patience,
        ask: impl Fn() -> BoxFuture<'a, std::result::Result<T, Failed>> + Send,
    ) -> Result<T> {
        loop {
            let entered = self.pace.enter().await;
            let failed = match ask().await {
                Ok(answer) => {
                    entered.went_well();
                    return Ok(answer);
                }
                Err(failed) => failed,
            };
            if matches!(failed, Failed::ForNow(..)) {
                entered.went_badly();
            } else {
                drop(entered);
            }
            patience.wait(failed).await?;
        }
    }

    /// Takes the time from an answer.
    fn set_clock(&self, answer: &Answer) {
        let date = answer.header("date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        if let Some(date) = date {
            let ahead = date.timestamp().as_millisecond() - Timestamp::now().as_millisecond();
            *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        }
    }

    async fn try_page(&self, query: &[(&str, &str)]) -> std::result::Result<Page, Failed> {
        let mut below = format!("{}?list-type=2", encoded(&self.bucket));
        for (name, value) in query {
            // Writing to a String does not fail.
            let _ = write!(below, "&{name}={}", encoded(value));
        }
        let answer = self.signed.get(&below, &HeaderMap::new(), PAGE).await?;
        self.set_clock(&answer);
        let region = answer.header("x-amz-bucket-region").map(str::to_owned);
        match answer.status {
            200 => Page::read(&answer.body).map_err(|what| {
                let error =
                    Error::new(ErrorKind::Connection, format!("the store's answer is no listing: {what}"))
                        .hint("Check that the endpoint speaks the S3 protocol.");
                Failed::ForNow(error, None)
            }),
            status @ (429 | 500..=599) => {
                Err(Failed::ForNow(self.refused(status, region, &answer.body), answer.retry_after()))
            }
            status => Err(Failed::ForGood(self.refused(status, region, &answer.body))),
        }
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
        let own = self.signed.region();
        let other = region.or(named).filter(|region| region != own);
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
                let message = format!("the bucket {bucket} is in another region than {own}: {said}");
                Error::new(ErrorKind::Usage, message).hint(hint)
            }
            Some("NoSuchBucket") => {
                Error::new(ErrorKind::Usage, format!("there is no bucket {bucket}: {said}"))
                    .hint("Check the bucket in the URL, and AWS_ENDPOINT_URL.")
            }
            Some("SignatureDoesNotMatch") => Error::new(
                ErrorKind::Authentication,
                format!("the store refused the key: {said}"),
            )
            .hint(format!(
                "Check AWS_SECRET_ACCESS_KEY, and that the region ({own}) is the store's (AWS_REGION)."
            )),
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
        let patience = if self.next.is_some() { Patience::long() } else { Patience::short() };
        let mut page = self.store.page(&query, patience).await?;
        let following = page.next.take();
        if following.is_some() && following == self.next {
            return Err(Error::new(ErrorKind::Connection, "the store's listing goes round in circles"));
        }
        self.ended = following.is_none();
        self.next = following;
        Ok(Some(page))
    }
}

#[async_trait]
impl Vantage for S3 {
    fn place(&self) -> String {
        format!("s3://{}/{} at {}", self.bucket, self.prefix, self.signed.host())
    }

    fn sees(&self) -> &'static str {
        if self.checksums {
            "seen in the bucket's own listing: which files are there, their sizes and checksums as the store recorded \
             them, and the bytes where it recorded none; not seen: whether the storage service can read them"
        } else {
            "seen in the bucket's own listing: which files are there, their sizes and checksums as the store recorded \
             them; not seen: the bytes themselves, and whether the storage service can read them"
        }
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

    fn clock(&self) -> Option<Timestamp> {
        let ahead = (*self.ahead.lock().unwrap_or_else(PoisonError::into_inner))?;
        Timestamp::from_millisecond(Timestamp::now().as_millisecond() + ahead).ok()
    }

    async fn list(&self, tenant: &str, cuts: &[String], listing: Listing) -> Result<()> {
        let prefix = format!("{}{tenant}/", self.prefix);
        let cuts: Vec<String> = cuts.iter().map(|cut| format!("{prefix}{cut}")).collect();
        ranges::list(self, &prefix, &cuts, &listing).await
    }

    async fn look(&self, tenant: &str, path: &str) -> Result<Option<Listed>> {
        // A listing too, not a HEAD: it takes no other right, and URLs cannot hold every key.
        let key = format!("{}{tenant}/{path}", self.prefix);
        let page = self.page(&[("prefix", &key), ("max-keys", "1")], Patience::long()).await?;
        let found = page.objects.into_iter().find(|object| object.key == key);
        let prefix = format!("{}{tenant}/", self.prefix);
        let found = found.map(|object| listed(object, &prefix)).transpose()?;
        Ok(self.sum(&prefix, found.into_iter().collect()).await?.pop())
    }
}

fn listed(object: Object, prefix: &str) -> Result<Listed> {
    let Some(path) = object.key.strip_prefix(prefix) else {
        let message = "the store listed what lies outside of what was asked for";
        return Err(Error::new(ErrorKind::Connection, message));
    };
    // Of an upload in pieces it is the time at which the upload was begun.
    let in_pieces = object.etag.as_ref().is_none_or(|etag| etag.contains('-'));
    let modified = object.modified.filter(|_| !in_pieces);
    Ok(Listed { path: path.to_owned(), size: object.size, etag: object.etag, modified, unfinished: false })
}
