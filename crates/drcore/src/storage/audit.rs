//! The whole of it: where the store is looked at from, and what both ways of looking share.

use std::time::Duration;

use super::inside::Inside;
use super::outside::Outside;
use super::reconcile::Buckets;
use super::sorted::Sorted;
use super::{Opened, ReadRows, Rows, Store};
use crate::connect::{Source, WaitFor};
use crate::error::Result;
use crate::evidence::catalog::Catalog;
use crate::evidence::{BucketState, Cause, Files};
use crate::plan::{Plan, StorageOrphans};

/// Between the two looks: whoever was about to write a row, or to remove a file, has done it.
pub(super) const SETTLING: Duration = Duration::from_millis(300);
/// Names that are shown of what is wrong in a bucket, where the plan does not say how many.
const SAMPLES: usize = 20;

/// For whom files are compared.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) source: &'a Source,
    pub(super) plan: &'a Plan,
    /// Names that are shown of what is wrong in a bucket.
    pub(super) samples: usize,
}

/// Compares the files of a store with the rows that were read.
///
/// # Errors
/// The cause, where rows or files could not be read to the end, or the store is not the rows'.
pub(crate) async fn audit(
    store: &Store,
    rows: &Rows,
    catalog: &Catalog,
    source: &Source,
    plan: &Plan,
) -> Result<Files, Cause> {
    let section = plan.storage_orphans.as_ref();
    let checksums = section.is_some_and(|section| section.checksums);
    let samples = section.and_then(|section| section.samples).unwrap_or(SAMPLES);
    let buckets = buckets(catalog)?;
    let asked = Asked { source, plan, samples };
    match store.open(checksums).map_err(|error| Cause::from(&error))? {
        Opened::Inside(vantage) => Inside { vantage, checksums, buckets }.audit(store, rows, asked).await,
        Opened::Outside(api) => {
            let probes = section.and_then(StorageOrphans::probes);
            Outside { api, checksums, buckets, probes }.audit(rows, asked).await
        }
    }
}

/// What the database says of its buckets.
fn buckets(catalog: &Catalog) -> Result<Buckets, Cause> {
    let state = |kind: Option<&str>| match kind {
        None | Some("STANDARD") => BucketState::There,
        Some(_) => BucketState::Other,
    };
    let buckets = catalog.buckets.get()?;
    Ok(buckets.iter().map(|bucket| (bucket.id.clone(), state(bucket.type_name.as_deref()))).collect())
}

/// The rows as they are by now.
pub(super) async fn read_again(read: &ReadRows, asked: Asked<'_>) -> Result<Sorted> {
    let Asked { source, plan, .. } = asked;
    let session = source.session_waiting(&plan.limits, WaitFor::Room).await?;
    session.begin_snapshot(&plan.limits, None).await?;
    let rows = read.read(&session, None).await;
    session.end().await;
    rows
}
