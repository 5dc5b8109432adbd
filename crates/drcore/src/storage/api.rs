//! The API of a storage service, as whoever downloads files sees it.
//!
//! Everything that it lists, every HEAD and every sheet of information comes from its database. Only a
//! download touches the bytes, so each object is asked for by itself: for its first byte, or whether it still
//! is what the database says. Files that no row knows cannot be seen from here at all.

mod answer;
mod rest;
mod s3;

use std::fmt;

use reqwest::header::{HeaderMap, HeaderValue, IF_NONE_MATCH, RANGE};

use self::answer::Heard;
pub(super) use self::answer::{Seen, Unclear};
use self::rest::Rest;
use self::s3::S3Protocol;
use super::http::{Answer, Failed, Patience};
use super::pace::Pace;
use super::reconcile::{Buckets, is_md5};
use super::sorted::{Entry, Mark};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Cause, CauseKind};

/// How to get at the API of a storage service. What is not said here is taken from the environment:
/// `SUPABASE_S3_ACCESS_KEY_ID`, `SUPABASE_S3_SECRET_ACCESS_KEY` and `SUPABASE_S3_REGION`, or
/// `SUPABASE_SERVICE_ROLE_KEY`, or `SUPABASE_SECRET_KEY`.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ApiAccess {
    /// The key of a service role (a JSON Web Token, or `sb_secret_…`), for its REST API.
    pub service_key: Option<String>,
    /// A key of its S3 protocol, which goes before the other.
    pub s3: Option<ApiKey>,
}

/// A key of the S3 protocol of a storage service.
#[derive(Clone)]
#[non_exhaustive]
pub struct ApiKey {
    /// Its id.
    pub id: String,
    /// The key.
    pub secret: String,
    /// The region of the service; another one is refused.
    pub region: String,
}

impl ApiKey {
    /// A key of this id for this region.
    pub fn new(id: impl Into<String>, secret: impl Into<String>, region: impl Into<String>) -> Self {
        Self { id: id.into(), secret: secret.into(), region: region.into() }
    }
}

/// Without the keys.
impl fmt::Debug for ApiAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiAccess").field("s3", &self.s3).finish_non_exhaustive()
    }
}

/// Without the key.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("region", &self.region).finish_non_exhaustive()
    }
}

/// The variables of the environment that keys are looked for in.
const S3_ID: &str = "SUPABASE_S3_ACCESS_KEY_ID";
const S3_SECRET: &str = "SUPABASE_S3_SECRET_ACCESS_KEY";
const S3_REGION: &str = "SUPABASE_S3_REGION";
const SERVICE_KEYS: [&str; 2] = ["SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SECRET_KEY"];

impl ApiAccess {
    /// With what the environment says where nothing was said.
    fn completed(&self) -> Result<Self> {
        if self.s3.is_some() || self.service_key.is_some() {
            return Ok(self.clone());
        }
        let said = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        Self::of(&said)
    }

    fn of(said: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let service_key = SERVICE_KEYS.iter().find_map(|name| said(name));
        let s3 = match (said(S3_ID), said(S3_SECRET), said(S3_REGION)) {
            (Some(id), Some(secret), Some(region)) => Some(ApiKey { id, secret, region }),
            (Some(_), Some(_), None) if service_key.is_none() => {
                return Err(Error::new(ErrorKind::Usage, "the region of the storage service is not known")
                    .hint(format!("Set {S3_REGION} to the region of the project; another one is refused.")));
            }
            _ => None,
        };
        if s3.is_none() && service_key.is_none() {
            let hint = format!(
                "Set {S3_ID}, {S3_SECRET} and {S3_REGION} (Storage → S3 in the project's settings), or {}.",
                SERVICE_KEYS[0]
            );
            return Err(
                Error::new(ErrorKind::Authentication, "there is no key for the storage service").hint(hint)
            );
        }
        Ok(Self { service_key, s3 })
    }
}

/// The API of a storage service.
#[derive(Debug)]
pub(super) struct Api {
    /// Where it is, for people.
    base: String,
    protocol: Protocol,
    pace: Pace,
}

#[derive(Debug)]
enum Protocol {
    Rest(Rest),
    S3(S3Protocol),
}

/// An object, as its row tells of it.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) bucket: String,
    pub(super) name: String,
    size: Option<u64>,
    etag: Option<String>,
}

impl Object {
    /// Of a row whose place is written as [`KeyForm::Name`](super::KeyForm::Name).
    pub(super) fn of_row(row: &Entry) -> Self {
        let parent = String::from_utf8_lossy(row.place.parent()).into_owned();
        let (bucket, name) = parent.split_once('/').unwrap_or((&parent, ""));
        Self { bucket: bucket.to_owned(), name: name.to_owned(), size: row.size, etag: row.etag.clone() }
    }

    /// Whether a URL can hold its name: those of whoever asks leave out what stands for directories.
    fn fits_a_url(&self) -> bool {
        !self.bucket.is_empty()
            && !self.name.is_empty()
            && !self.name.split('/').any(|part| part == "." || part == "..")
    }
}

/// How many are asked for at a time, at first and at most.
const AT_ONCE: usize = 16;
const MOST_AT_ONCE: usize = 64;
/// So much of an answer says why it is no file.
const REASON: usize = 16 << 10;
/// No list of buckets is longer.
const BUCKETS: usize = 16 << 20;

impl Api {
    /// The API whose REST is at `rest`, and whose S3 protocol is below `s3`.
    ///
    /// # Errors
    /// [`ErrorKind::Authentication`] without a key, [`ErrorKind::Usage`] without its region.
    pub(super) fn new(rest: &str, s3: &str, access: &ApiAccess) -> Result<Self> {
        let access = access.completed()?;
        let protocol = match (&access.s3, &access.service_key) {
            (Some(key), _) => Protocol::S3(S3Protocol::new(format!("{s3}/s3"), key)?),
            (None, Some(key)) => Protocol::Rest(Rest::new(rest, key)?),
            (None, None) => return Err(Error::new(ErrorKind::Internal, "a key was looked for and is gone")),
        };
        Ok(Self { base: rest.to_owned(), protocol, pace: Pace::new(AT_ONCE, MOST_AT_ONCE) })
    }

    /// Where it is, for people: never a key.
    pub(super) fn place(&self) -> String {
        let protocol = match self.protocol {
            Protocol::Rest(_) => "REST",
            Protocol::S3(_) => "S3 protocol",
        };
        format!("{} ({protocol})", self.base)
    }

    /// What can and what cannot be seen from here, in a sentence.
    pub(super) fn sees(checksums: bool) -> &'static str {
        if checksums {
            "seen through downloads from the storage service: whether it can send each object that the database has, \
             its size, and its checksum as the store recorded it; not seen: files that no row knows, which no call of \
             its API shows, and the bytes after the first"
        } else {
            "seen through downloads from the storage service: whether it can send each object that the database has, \
             and its size; not seen: files that no row knows, which no call of its API shows, and whether bytes of the \
             same size are the same"
        }
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Asks for what needs no bytes, and tells what of it shows that this is not the place: a service that does
    /// not answer, a key that is refused, another project.
    ///
    /// # Errors
    /// Why nothing that it says of objects would count.
    pub(super) async fn control(&self, buckets: &Buckets) -> Result<(), Cause> {
        let known = self.buckets().await.map_err(|error| Cause::from(&error))?;
        let wanted: Vec<&String> = buckets.keys().collect();
        if wanted.is_empty() || wanted.iter().any(|bucket| known.contains(bucket)) {
            return Ok(());
        }
        let (message, hint) = if known.is_empty() {
            (
                "the storage service shows the key no bucket",
                "The key is no service key (anon and publishable keys see nothing), or it is another project's.",
            )
        } else {
            (
                "the storage service has none of the database's buckets",
                "Check the URL: it is another project's, or the database is.",
            )
        };
        Err(Cause::new(CauseKind::Error, format!("{message}: probably the wrong place")).hint(hint))
    }

    /// The ids of its buckets.
    async fn buckets(&self) -> Result<Vec<String>> {
        let mut patience = Patience::short();
        loop {
            let listed = match &self.protocol {
                Protocol::Rest(rest) => rest.buckets().await,
                Protocol::S3(s3) => s3.buckets().await,
            };
            match listed {
                Ok(buckets) => return Ok(buckets),
                Err(failed) => patience.wait(failed).await?,
            }
        }
    }

    /// What comes of downloading an object's first byte, or nothing of it where it did not change.
    pub(super) async fn download(&self, object: &Object, checksums: bool) -> Seen {
        if !object.fits_a_url() {
            return Seen::Unclear(Unclear::Name);
        }
        let condition = object.etag.as_deref().filter(|_| checksums);
        let mut patience = Patience::long();
        // Of an empty file there is no first byte.
        let mut ranged = object.size != Some(0);
        loop {
            let entered = self.pace.enter().await;
            let heard = self.ask(object, condition, ranged).await;
            match heard {
                Ok(Heard::Seen(seen)) => {
                    entered.went_well();
                    return seen;
                }
                // It may have become empty: asked for as a whole, it says so.
                Ok(Heard::NoRange) if ranged => {
                    entered.went_well();
                    ranged = false;
                }
                Ok(Heard::NoRange) => return Seen::Unclear(Unclear::Odd(416)),
                Err(failed) => {
                    if matches!(failed, Failed::ForNow(..)) {
                        entered.went_badly();
                    }
                    if let Err(error) = patience.wait(failed).await {
                        return Seen::Unclear(Unclear::NoAnswer(error.to_string()));
                    }
                }
            }
        }
    }

    async fn ask(
        &self,
        object: &Object,
        condition: Option<&str>,
        ranged: bool,
    ) -> std::result::Result<Heard, Failed> {
        let mut headers = HeaderMap::new();
        if ranged {
            headers.insert(RANGE, HeaderValue::from_static("bytes=0-0"));
        }
        if let Some(Ok(condition)) = condition.map(|etag| HeaderValue::from_str(&format!("\"{etag}\""))) {
            headers.insert(IF_NONE_MATCH, condition);
        }
        let (answer, reason): (Answer, _) = match &self.protocol {
            Protocol::Rest(rest) => {
                let answer = rest.object(object, headers).await?;
                let reason = answer::Reason::of_rest(&answer);
                (answer, reason)
            }
            Protocol::S3(s3) => {
                let answer = s3.object(object, headers).await?;
                let reason = answer::Reason::of_s3(&answer);
                (answer, reason)
            }
        };
        answer::hear(&answer, &reason, ranged)
    }
}

impl Seen {
    /// What is wrong with the object, if anything; and what was expected and found, in words.
    pub(super) fn against(&self, object: &Object, checksums: bool) -> Verdict {
        match self {
            Self::Unchanged => Verdict::Well { size: object.size, summed: Some(true) },
            Self::There { size, .. } if size.is_some() && object.size.is_some() && *size != object.size => {
                let number = |size: Option<u64>| size.map_or_else(String::new, |size| size.to_string());
                let words = format!("{} bytes expected, {} found", number(object.size), number(*size));
                Verdict::Wrong(Mark::Size, *size, Some(words))
            }
            Self::There { size, etag } => match (object.etag.as_deref(), etag.as_deref()) {
                (Some(expected), Some(found)) if checksums && expected == found => {
                    Verdict::Well { size: *size, summed: Some(true) }
                }
                (Some(expected), Some(found))
                    if checksums && is_md5(expected.as_bytes()) && is_md5(found.as_bytes()) =>
                {
                    let words = format!("MD5 {expected} expected, {found} found");
                    Verdict::Wrong(Mark::Checksum, *size, Some(words))
                }
                _ => Verdict::Well { size: *size, summed: checksums.then_some(false) },
            },
            Self::Missing => Verdict::Wrong(Mark::Missing, object.size, None),
            Self::Failing => Verdict::Wrong(Mark::Failing, object.size, None),
            Self::NoRow => Verdict::Wrong(Mark::Unknown, object.size, None),
            Self::Unclear(unclear) => Verdict::Unclear(unclear.clone()),
        }
    }
}

/// What a download says of a row.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It is there.
    Well {
        size: Option<u64>,
        /// Whether its checksum was compared, where it should have been.
        summed: Option<bool>,
    },
    /// It seems wrong: how, the size that was found or is missing, and words.
    Wrong(Mark, Option<u64>, Option<String>),
    /// It could not be told.
    Unclear(Unclear),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_from_the_environment_by_name() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs: Vec<(String, String)> =
                pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            ApiAccess::of(&move |name| {
                pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
            })
        };
        assert_eq!(of(&[]).unwrap_err().kind(), ErrorKind::Authentication);
        let s3 = [(S3_ID, "id"), (S3_SECRET, "hidden"), (S3_REGION, "eu-west-1")];
        let access = of(&s3).unwrap();
        assert_eq!(access.s3.as_ref().unwrap().region, "eu-west-1");
        assert!(!format!("{access:?}").contains("hidden"));
        assert!(of(&s3[..2]).unwrap_err().hint_text().unwrap().contains(S3_REGION));
        // Without a region, the other key does.
        let both = of(&[s3[0], s3[1], ("SUPABASE_SECRET_KEY", "sb_secret_x")]).unwrap();
        assert!(both.s3.is_none() && both.service_key.is_some());
        let first = of(&[("SUPABASE_SECRET_KEY", "b"), ("SUPABASE_SERVICE_ROLE_KEY", "a")]).unwrap();
        assert_eq!(first.service_key.as_deref(), Some("a"));
    }
}
