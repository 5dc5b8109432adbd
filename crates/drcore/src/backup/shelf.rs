//! Where the objects of a repository lie: a directory, or a bucket.
//!
//! An object is there as a whole or not at all: it appears under its name when all of it was written, in a bucket as
//! in a directory. What was begun is known by an id, by which another run can take it away.

mod checked;
mod cloud;
mod directory;
mod upload;

use std::ops::Range;

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::url::RepositoryUrl;
use crate::error::{Error, ErrorKind, Result};
use cloud::Cloud;
use directory::Directory;
pub(crate) use upload::{Stored, Upload};

/// Of what lies beside, so much is named.
const BESIDE: usize = 5;
/// What is read at once, such as a manifest, is no larger.
const SMALL: u64 = 256 << 20;

/// An object, as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// Below the repository: `2026/11/20/backup-20261120-020000.dump`.
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// When it was written, by the store's clock: a copy is as old as the copying.
    pub(crate) modified: Option<Timestamp>,
    /// What tells other bytes from these, where the store says.
    pub(crate) etag: Option<String>,
}

/// Whether an object may take the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It may not; where one is there, it stays.
    New,
    Over,
}

/// The bytes of an object as they come.
pub(crate) type Pieces = BoxStream<'static, Result<Bytes>>;

/// Where objects lie. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) enum Shelf {
    Cloud(Cloud),
    Directory(Directory),
}

impl Shelf {
    /// The place that this URL names, with what these variables say, which are the environment's.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for settings that cannot work.
    pub(crate) fn open(url: &RepositoryUrl, variables: &[(String, String)]) -> Result<Self> {
        Ok(match url {
            RepositoryUrl::Directory(path) => Self::Directory(Directory::new(path.clone())),
            RepositoryUrl::Azure(bucket) => Self::Cloud(Cloud::azure(bucket, variables)?),
            RepositoryUrl::Google(bucket) => Self::Cloud(Cloud::google(bucket, variables)?),
            RepositoryUrl::S3(bucket) => Self::Cloud(Cloud::s3(bucket, variables)?),
        })
    }

    /// Every object whose name begins with this text, which ends in `/` or is empty, in the order of their names.
    ///
    /// # Errors
    /// Why not all of them could be listed: half a listing is none.
    pub(crate) async fn list(&self, below: &str) -> Result<Vec<Object>> {
        let mut objects = match self {
            Self::Cloud(cloud) => cloud.list(below).await?,
            Self::Directory(directory) => directory.list(below).await?,
        };
        objects.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(objects)
    }

    /// What lies next to where this is, the first few, where it is not at the top: for whoever misspelt it.
    pub(crate) async fn beside(&self) -> Result<Vec<String>> {
        match self {
            Self::Cloud(cloud) => cloud.beside(BESIDE).await,
            Self::Directory(directory) => directory.beside(BESIDE).await,
        }
    }

    /// How many bytes an object has; none where it is not there.
    pub(crate) async fn size(&self, name: &str) -> Result<Option<u64>> {
        match self {
            Self::Cloud(cloud) => cloud.size(name).await,
            Self::Directory(directory) => directory.size(name).await,
        }
    }

    /// A small object as a whole; none where it is not there.
    pub(crate) async fn get(&self, name: &str) -> Result<Option<Bytes>> {
        match self.size(name).await? {
            None => return Ok(None),
            Some(bytes) if bytes > SMALL => {
                let message = format!("{name} has {bytes} bytes, which is more than it can be");
                return Err(Error::new(ErrorKind::Format, message));
            }
            Some(_) => {}
        }
        let pieces: Vec<Bytes> = self.read(name, None).await?.try_collect().await?;
        Ok(Some(pieces.concat().into()))
    }

    /// The bytes of an object, or these of them. It must be there.
    pub(crate) async fn read(&self, name: &str, range: Option<Range<u64>>) -> Result<Pieces> {
        match self {
            Self::Cloud(cloud) => cloud.read(name, range).await,
            Self::Directory(directory) => directory.read(name, range).await.map(StreamExt::boxed),
        }
    }

    /// Writes a small object. Says whether it did: it does not where one is there that stays.
    pub(crate) async fn put(&self, name: &str, bytes: Bytes, how: Put) -> Result<bool> {
        match self {
            Self::Cloud(cloud) => cloud.put(name, bytes, how).await,
            Self::Directory(directory) => directory.put(name, bytes, how).await,
        }
    }

    /// Removes an object. That it is not there is no error.
    pub(crate) async fn delete(&self, name: &str) -> Result<()> {
        match self {
            Self::Cloud(cloud) => cloud.delete(name).await,
            Self::Directory(directory) => directory.delete(name).await,
        }
    }

    /// Begins a large object, of which `expected` bytes may come or more.
    pub(crate) async fn upload(&self, name: &str, expected: u64) -> Result<Upload> {
        match self {
            Self::Cloud(cloud) => cloud.upload(name, expected).await,
            Self::Directory(directory) => directory.upload(name).await,
        }
    }

    /// Takes away what an upload left that nobody will finish. That there is none is no error.
    pub(crate) async fn abandon(&self, name: &str, id: &str) -> Result<()> {
        match self {
            Self::Cloud(cloud) => cloud.abandon(name, id).await,
            Self::Directory(directory) => directory.abandon(name, id).await,
        }
    }

    /// Takes away what was written for a moment and left there by runs that were killed, if it is older than this.
    pub(crate) async fn sweep(&self, age: std::time::Duration) -> Result<()> {
        match self {
            // There, what is small is written at once.
            Self::Cloud(_) => Ok(()),
            Self::Directory(directory) => directory.sweep(age).await,
        }
    }
}
