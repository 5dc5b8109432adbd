//! Files against rows: where the store is looked at from, and what both ways of looking share.

use std::path::Path;

use super::found::Keeper;
use super::inside::Inside;
use super::outside::Outside;
use super::reconcile::Buckets;
use super::sorted::Sorted;
use super::{Opened, ReadRows, Rows, Store};
use crate::collect::FilesProgress;
use crate::connect::{Source, WaitFor};
use crate::error::{Error, Result};
use crate::evidence::catalog::Catalog;
use crate::evidence::{BucketState, Cause, Files};
use crate::plan::{Plan, StorageOrphans};
use crate::spool::Spool;

/// Names that are shown of what is wrong in a bucket, where the plan does not say how many.
const SAMPLES: usize = 20;

/// For whom files are compared.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) source: &'a Source,
    pub(crate) plan: &'a Plan,
    pub(crate) progress: &'a FilesProgress,
    /// Whether each file is kept that something is wrong with.
    pub(crate) every_file: bool,
    /// Where answers are noted, so that an audit that is interrupted can go on.
    pub(crate) resume: Option<&'a Path>,
}

/// Compares the files of a store with the rows that were read.
///
/// # Errors
/// The cause, where rows or files could not be read to the end, or the store is not the rows'.
pub(crate) async fn compare(
    store: &Store,
    rows: &Rows,
    catalog: &Catalog,
    asking: Asking<'_>,
) -> Result<(Files, Spool), Cause> {
    let told = |error: Error| Cause::from(&error);
    let section = asking.plan.storage_orphans.as_ref();
    let checksums = section.is_some_and(|section| section.checksums);
    let samples = section.and_then(|section| section.samples).unwrap_or(SAMPLES);
    let buckets = buckets(catalog)?;
    let mut keeper = Keeper::new(samples, asking.every_file).map_err(told)?;
    let files = match store.open(checksums).map_err(told)? {
        Opened::Inside(vantage) => {
            Inside { vantage, checksums, buckets }.compare(store, rows, asking, &mut keeper).await?
        }
        Opened::Outside(api) => {
            let probes = section.and_then(StorageOrphans::probes);
            let resume = asking.resume.map(Path::to_owned);
            Outside { api, checksums, buckets, probes, resume }.compare(rows, asking, &mut keeper).await?
        }
    };
    Ok((files, keeper.finish().map_err(told)?))
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
pub(super) async fn read_again(read: &ReadRows, asking: Asking<'_>) -> Result<Sorted> {
    let Asking { source, plan, .. } = asking;
    let session = source.session_waiting(&plan.limits, WaitFor::Room).await?;
    session.begin_snapshot(&plan.limits, None).await?;
    let rows = read.read(&session, None).await;
    session.end().await;
    rows
}
