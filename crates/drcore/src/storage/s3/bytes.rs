//! The bytes of objects, for stores that keep no checksum of them.

use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt};
use md5::{Digest, Md5};
use reqwest::header::{HeaderMap, HeaderValue, RANGE};

use super::S3;
use crate::backup::hexadecimal;
use crate::error::{Error, ErrorKind, Result};
use crate::storage::http::{Failed, Patience, encoded, encoded_path};
use crate::storage::vantage::Listed;

/// As many bytes are asked for at a time.
const PIECE: u64 = 4 << 20;
/// How many objects are read at a time.
const AT_ONCE: usize = 4;

impl S3 {
    /// Reads what the store listed without a checksum, where checksums are wanted.
    ///
    /// # Errors
    /// Why it could not be read. What the key may not read, or is gone, is left without a checksum.
    pub(super) async fn sum(&self, prefix: &str, listed: Vec<Listed>) -> Result<Vec<Listed>> {
        if !self.checksums || listed.iter().all(|listed| listed.etag.is_some()) {
            return Ok(listed);
        }
        let summed = listed.into_iter().map(|mut listed| async move {
            if listed.etag.is_none() {
                listed.etag = self.md5(&format!("{prefix}{}", listed.path), listed.size).await?;
            }
            Ok::<_, Error>(listed)
        });
        // Collected: see `look_one_by_one`.
        let summed: Vec<_> = summed.collect();
        futures::stream::iter(summed).buffered(AT_ONCE).try_collect().await
    }

    /// The MD5 of an object of that size; none where it is not that any more, or is not to be had.
    async fn md5(&self, key: &str, size: u64) -> Result<Option<String>> {
        // These parts of a path would be taken for a way through it, and lead to another object.
        if key.split('/').any(|part| part == "." || part == "..") {
            return Ok(None);
        }
        let below = format!("{}/{}", encoded(&self.bucket), encoded_path(key));
        let (mut hash, mut at) = (Md5::new(), 0);
        while at < size {
            let length = PIECE.min(size - at);
            match self.piece(&below, at, length).await? {
                Some(piece) if piece.len() as u64 == length => hash.update(&piece),
                _ => return Ok(None),
            }
            at += length;
        }
        Ok(Some(hexadecimal(&hash.finalize())))
    }

    async fn piece(&self, below: &str, at: u64, length: u64) -> Result<Option<Bytes>> {
        let mut headers = HeaderMap::new();
        let range = HeaderValue::from_str(&format!("bytes={at}-{}", at + length - 1)).map_err(|error| {
            Error::new(ErrorKind::Internal, "a range of bytes is no header").caused_by(error)
        })?;
        headers.insert(RANGE, range);
        let most = usize::try_from(length + 1).unwrap_or(usize::MAX);
        self.patiently(Patience::long(), || self.try_piece(below, &headers, most).boxed()).await
    }

    async fn try_piece(
        &self,
        below: &str,
        headers: &HeaderMap,
        most: usize,
    ) -> std::result::Result<Option<Bytes>, Failed> {
        let answer = self.signed.get(below, headers, most).await?;
        match answer.status {
            // All of it where the store knows no ranges: that it is no more than the piece is seen by its length.
            200 | 206 => Ok(Some(answer.body)),
            429 | 500..=599 => {
                let after = answer.retry_after();
                Err(Failed::ForNow(self.refused(answer.status, None, &answer.body), after))
            }
            status => {
                tracing::debug!(status, "an object without a checksum is not to be read");
                Ok(None)
            }
        }
    }
}
