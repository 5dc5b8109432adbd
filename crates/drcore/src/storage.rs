//! The files of Supabase Storage: rows of `storage.objects` against the bytes, both ways.
//!
//! # Where the bytes are
//!
//! Behind every row lies a file `<tenant>/<bucket>/<name>/<version>` in the store: the name is a
//! directory, and every upload has a version of its own. Overwriting, moving and deleting an object
//! removes the old version's file, so a database that goes back in time has rows whose bytes are gone.
//! What the storage service lists, and whatever it answers without sending bytes, comes from the
//! database: only the store itself, or a download, proves anything.
//!
//! # How they are compared
//!
//! The rows are read on the run's snapshot, then the store is listed. Both are sorted by bucket, name and
//! version, byte by byte, in bounded memory (what does not fit goes to a temporary file), and merged
//! (`inside.rs`). Where only the API of a storage service can be reached, each object is asked for by itself
//! (`outside.rs`). What seems wrong is looked at again when whoever was about to write a row, or to remove a
//! file, is done (`settling.rs`): the rows on a fresh snapshot, then the store. Uploads and deletions that went
//! on meanwhile fall out; what is wrong both times is counted. Nothing is written anywhere.
//!
//! A store that cannot be listed to its end, that holds none of the rows' files, or that sends none of them, is
//! *unread*: it is never taken for one whose files are gone.

mod api;
mod audit;
mod certainty;
mod chance;
mod compare;
mod confirm;
mod directory;
mod found;
mod http;
mod inside;
mod layout;
mod outside;
mod pace;
mod reconcile;
mod references;
mod resume;
mod rows;
mod s3;
mod settling;
mod sorted;
mod text;
mod url;
mod vantage;
mod writers;

use std::fmt;
use std::sync::Arc;

pub use api::{ApiAccess, ApiKey};
pub use audit::{AuditOptions, StorageReport, audit};
pub(crate) use certainty::{enough, most, percent};
pub(crate) use compare::{Asking, compare};
pub use found::{StorageProblem, StorageRow};
pub(crate) use layout::KeyForm;
pub use references::ObjectReference;
pub(crate) use rows::{ReadRows, Rows, StoredRows, table};
pub(crate) use sorted::Sorted;
pub use url::StoreUrl;

use crate::error::Result;
use api::Api;
use directory::Directory;
use s3::S3;
use vantage::Vantage;

/// The store that files are looked for in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Store {
    /// Where it is.
    pub url: StoreUrl,
    /// Whose files; where none is named, those of the only tenant that there is. A service's API has one only.
    pub tenant: Option<String>,
    /// What goes before the environment, where it is a bucket behind the S3 protocol.
    pub access: S3Access,
    /// What goes before the environment, where it is a service's API.
    pub api: ApiAccess,
}

impl Store {
    /// The store at this URL: `s3://bucket/prefix`, `file:///dir`, `supabase://ref` or `https://host/storage/v1`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if it is none of them, or holds a key.
    pub fn parse(url: &str) -> Result<Self> {
        let url = StoreUrl::parse(url)?;
        Ok(Self { url, tenant: None, access: S3Access::default(), api: ApiAccess::default() })
    }

    /// The same, of this tenant.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if that is no name of a tenant, or the store has only one.
    pub fn of_tenant(mut self, tenant: &str) -> Result<Self> {
        Self::is_tenant(tenant)?;
        if self.is_api() {
            let message = "the API of a storage service has the files of one tenant only";
            return Err(crate::Error::new(crate::ErrorKind::Usage, message).hint("Leave the tenant out."));
        }
        self.tenant = Some(tenant.to_owned());
        Ok(self)
    }

    pub(crate) fn is_tenant(tenant: &str) -> Result<()> {
        if tenant.is_empty() || tenant.contains('/') || tenant == "." || tenant == ".." {
            let error = crate::Error::new(crate::ErrorKind::Usage, "tenant: expected a name without slashes");
            return Err(
                error.hint("On Supabase it is the project's ref, else TENANT_ID of the storage service.")
            );
        }
        Ok(())
    }

    /// Whether it is looked at through the API of a storage service.
    pub(crate) fn is_api(&self) -> bool {
        matches!(self.url, StoreUrl::Api { .. } | StoreUrl::Project { .. })
    }

    /// How its paths are written.
    pub(crate) fn form(&self) -> KeyForm {
        match self.url {
            StoreUrl::Directory(_) => KeyForm::Path,
            StoreUrl::Api { .. } | StoreUrl::Project { .. } => KeyForm::Name,
            StoreUrl::S3 { .. } => KeyForm::Exact,
        }
    }

    /// What it is looked at from.
    fn open(&self, checksums: bool) -> Result<Opened> {
        Ok(match &self.url {
            StoreUrl::Directory(root) => Opened::Inside(Arc::new(Directory::new(root.clone(), checksums))),
            StoreUrl::S3 { bucket, prefix } => {
                Opened::Inside(Arc::new(S3::new(bucket.clone(), prefix.clone(), &self.access, checksums)?))
            }
            StoreUrl::Api { base } => Opened::Outside(Arc::new(Api::new(base, base, &self.api)?)),
            StoreUrl::Project { reference } => {
                let rest = format!("https://{reference}.supabase.co/storage/v1");
                let s3 = format!("https://{reference}.storage.supabase.co/storage/v1");
                Opened::Outside(Arc::new(Api::new(&rest, &s3, &self.api)?))
            }
        })
    }
}

/// Where a store is looked at from.
enum Opened {
    /// Where the files are: everything that is there can be listed.
    Inside(Arc<dyn Vantage>),
    /// Where the storage service answers: an object can be asked for that somebody knows of.
    Outside(Arc<Api>),
}

/// How to get at a store of the S3 protocol. What is not said here is taken from the environment: `AWS_REGION`,
/// `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; else from the machine.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct S3Access {
    /// Such as `https://s3.example.com`; Amazon's where none is named.
    pub endpoint: Option<String>,
    /// Such as `eu-central-1`; `us-east-1` where none is named.
    pub region: Option<String>,
    /// The key's id.
    pub access_key_id: Option<String>,
    /// The key.
    pub secret_access_key: Option<String>,
    /// What goes with a key that was lent.
    pub session_token: Option<String>,
}

/// Without the key.
impl fmt::Debug for S3Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Access")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}
