//! The S3 protocol of a storage service: its listings and HEADs come from the database, its GETs do not.

use reqwest::header::HeaderMap;

use super::answer::Reason;
use super::{ApiKey, BUCKETS, Object, REASON};
use crate::error::{Error, ErrorKind, Result};
use crate::storage::http::{Answer, Failed, encoded, encoded_path};
use crate::storage::s3::{Signed, bucket_names};

/// The S3 protocol, with a key that may see everything.
#[derive(Debug)]
pub(super) struct S3Protocol(Signed);

impl S3Protocol {
    /// # Errors
    /// [`ErrorKind::Tls`] without any authority to trust.
    pub(super) fn new(endpoint: String, key: &ApiKey) -> Result<Self> {
        Ok(Self(Signed::of_api(endpoint, key, key.region.clone())?))
    }

    /// Asks for an object.
    pub(super) async fn object(
        &self,
        object: &Object,
        headers: HeaderMap,
    ) -> std::result::Result<Answer, Failed> {
        let below = format!("{}/{}", encoded(&object.bucket), encoded_path(&object.name));
        self.0.get(&below, &headers, REASON).await
    }

    /// The names of all buckets.
    pub(super) async fn buckets(&self) -> std::result::Result<Vec<String>, Failed> {
        let answer = self.0.get("", &HeaderMap::new(), BUCKETS).await?;
        if answer.status != 200 {
            return Err(self.refused(&answer));
        }
        bucket_names(&answer.body).map_err(|what| {
            let message = format!("what is at {} does not speak the S3 protocol: {what}", self.0.host());
            Failed::ForGood(
                Error::new(ErrorKind::Usage, message).hint(
                    "Give the address of the storage service's API, which usually ends in /storage/v1.",
                ),
            )
        })
    }

    /// Why it does not list its buckets.
    fn refused(&self, answer: &Answer) -> Failed {
        let reason = Reason::of_s3(answer);
        let said = reason.said();
        match reason.status {
            429 | 500..=599 => {
                let message = format!("the storage service at {} is not well: {said}", self.0.host());
                let error = Error::new(ErrorKind::Connection, message).hint(
                    "Look at the service's log; a project that is paused or restoring answers nothing else.",
                );
                Failed::ForNow(error, answer.retry_after())
            }
            404 => {
                let message =
                    format!("there is no S3 protocol of a storage service at {}: {said}", self.0.host());
                let error = Error::new(ErrorKind::Usage, message).hint(
                    "Give the address of its API, which usually ends in /storage/v1, and see that the protocol is on.",
                );
                Failed::ForGood(error)
            }
            _ => {
                let hint = format!(
                    "Check SUPABASE_S3_ACCESS_KEY_ID and SUPABASE_S3_SECRET_ACCESS_KEY, and that the region ({}) is \
                     the service's own (SUPABASE_S3_REGION).",
                    self.0.region()
                );
                let message = format!("the storage service refused the key: {said}");
                Failed::ForGood(Error::new(ErrorKind::Authentication, message).hint(hint))
            }
        }
    }
}
