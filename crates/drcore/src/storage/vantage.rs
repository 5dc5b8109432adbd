//! From where files are looked at.

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::error::Result;

/// A file as a store tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The path below the tenant: `bucket/name/version`.
    pub(crate) path: String,
    pub(crate) size: u64,
    /// What tells other bytes from these, without quotes.
    pub(crate) etag: Option<String>,
    /// When it was written, in milliseconds since 1970 by the clock of the store; none where that says nothing of
    /// when it came to be there.
    pub(crate) modified: Option<i64>,
    /// Whether it says of the bytes that it lies beside that their upload goes on.
    pub(crate) unfinished: bool,
}

/// Where listed files go; closed where nobody wants them any more.
pub(crate) type Listing = mpsc::Sender<Vec<Listed>>;

/// A place from which the bytes of objects can be seen.
///
/// Each sees something else: what it cannot see is part of every answer.
#[async_trait]
pub(crate) trait Vantage: std::fmt::Debug + Send + Sync {
    /// Where it is, for people: never a key.
    fn place(&self) -> String;

    /// What can and what cannot be seen from here, in a sentence.
    fn sees(&self) -> &'static str;

    /// The tenants that it holds files of, in order.
    ///
    /// # Errors
    /// Why it could not be found out: where the store is not there, too.
    async fn tenants(&self) -> Result<Vec<String>>;

    /// The time by the clock of the store, where it tells it.
    fn clock(&self) -> Option<Timestamp>;

    /// Hands every file of the tenant to `listing`, in any order, and no other tenant's. `cuts` are paths, in
    /// order, that are thought to cut them into parts of about the same size.
    ///
    /// # Errors
    /// Why not all of them were listed. What was handed over until then is worth nothing.
    async fn list(&self, tenant: &str, cuts: &[String], listing: Listing) -> Result<()>;

    /// What is there under one path now.
    ///
    /// # Errors
    /// Why it could not be found out; that it is not there is no error.
    async fn look(&self, tenant: &str, path: &str) -> Result<Option<Listed>>;
}
