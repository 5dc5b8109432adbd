//! A store looked at from inside: everything that is there is listed, and compared with the rows both ways.

use std::cmp::Ordering;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;

use super::compare::{Asking, read_again};
use super::confirm::confirm;
use super::found::Keeper;
use super::layout::{Place, parent};
use super::reconcile::{Buckets, Reconciled, reconcile};
use super::settling::{LOOKS, Settling};
use super::sorted::{Entry, Mark, Sorted, Sorter};
use super::vantage::{Listed, Vantage};
use super::{Rows, Store};
use crate::collect::FilesProgress;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Cause, CauseKind, Files};
use crate::text::{count, plural};

/// How many chunks of a listing wait to be sorted, at most.
const WAITING: usize = 8;
/// Up to this many candidates are looked for one by one; for more, everything is listed once more.
const ONE_BY_ONE: u64 = 2_000;
/// How many are looked for at a time.
const AT_ONCE: usize = 16;
/// A listing is cut where so many rows lie between, into so many parts at most.
const ROWS_A_PART: u64 = 10_000;
const MOST_PARTS: usize = 1_024;
/// Tenants that are named, at most.
const NAMED: usize = 20;

/// The files of a store, listed.
pub(super) struct Inside {
    pub(super) vantage: Arc<dyn Vantage>,
    pub(super) checksums: bool,
    pub(super) buckets: Buckets,
}

impl Inside {
    /// Compares the files of the store with the rows.
    ///
    /// # Errors
    /// The cause, where files or rows could not be read to the end, or the store is not the rows'.
    pub(super) async fn compare(
        &self,
        store: &Store,
        rows: &Rows,
        asking: Asking<'_>,
        keeper: &mut Keeper,
    ) -> Result<Files, Cause> {
        let told = |error: Error| Cause::from(&error);
        let place = self.vantage.place();
        let tenant = self.tenant(store, &place).await?;
        tracing::info!(store = place, tenant, rows = rows.sorted.len(), "listing files");
        let parts = usize::try_from(rows.sorted.len() / ROWS_A_PART).unwrap_or(MOST_PARTS).min(MOST_PARTS);
        let mut cuts: Vec<String> = rows.sorted.cuts(parts).iter().map(Place::path).collect();
        // In the order of keys, where the name and the version are not apart.
        cuts.sort();
        asking.progress.begin(rows.sorted.len());
        let listed = self.list(&tenant, &cuts, asking.progress).await.map_err(told)?;
        tracing::info!(files = listed.len(), "listed");
        let settling = Settling::begin(asking);
        let first = self.reconcile(&rows.sorted, &listed).await.map_err(told)?;
        is_theirs(&first, &place, &tenant)?;
        let Reconciled { mut files, mut candidates, .. } = first;
        drop(listed);
        for _ in 0..LOOKS {
            if candidates.len() == 0 {
                break;
            }
            tracing::info!(candidates = candidates.len(), "looking again");
            let settled = settling.wait(&candidates, asking, || self.vantage.clock()).await.map_err(told)?;
            let rows = read_again(&rows.read, asking).await.map_err(told)?;
            let second =
                self.look_again(&tenant, &cuts, &candidates, rows, asking.progress).await.map_err(told)?;
            candidates =
                confirm(&mut files, &candidates, &second.candidates, settled, keeper).map_err(told)?;
        }
        files.unclear = settling.unclear(&candidates, keeper).map_err(told)?;
        files.store = place;
        files.tenant = tenant;
        files.vantage = self.vantage.sees().to_owned();
        Ok(files)
    }

    /// Whose files are looked for: never a guess.
    async fn tenant(&self, store: &Store, place: &str) -> Result<String, Cause> {
        if let Some(tenant) = &store.tenant {
            return Ok(tenant.clone());
        }
        let mut tenants = self.vantage.tenants().await.map_err(|error| Cause::from(&error))?;
        match tenants.len() {
            0 => Err(Cause::new(
                CauseKind::Error,
                format!("the store holds nothing under {place}: probably the wrong place"),
            )
            .hint("Give the URL of what holds <tenant>/<bucket>/…, and mount what is to be mounted there.")),
            1 => Ok(tenants.remove(0)),
            all => {
                let named = tenants.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = if all > NAMED { format!(" and {} more", all - NAMED) } else { String::new() };
                let message =
                    format!("{place} holds files of {}: {named}{more}", plural(all as u64, "tenant"));
                Err(Cause::new(CauseKind::Ambiguous, message)
                    .hint("Say whose they are with --tenant ID (on Supabase the project's ref)."))
            }
        }
    }

    /// Everything that the tenant has, in order.
    async fn list(&self, tenant: &str, cuts: &[String], progress: &FilesProgress) -> Result<Sorted> {
        let (send, mut receive) = mpsc::channel::<Vec<Listed>>(WAITING);
        let checksums = self.checksums;
        let sorting = tokio::task::spawn_blocking(move || {
            let mut sorter = Sorter::default();
            while let Some(chunk) = receive.blocking_recv() {
                for listed in chunk {
                    sorter.push(&entry(listed, checksums))?;
                }
            }
            sorter.finish()
        });
        let (count, mut counted) = mpsc::channel::<Vec<Listed>>(WAITING);
        let counting = async {
            while let Some(chunk) = counted.recv().await {
                progress.seen(chunk.len() as u64);
                if send.send(chunk).await.is_err() {
                    break;
                }
            }
            drop((send, counted));
        };
        let (listing, ()) = futures::join!(self.vantage.list(tenant, cuts, count), counting);
        let sorted = sorting.await.map_err(|error| {
            Error::new(ErrorKind::Internal, "sorting the files came to an unexpected end").caused_by(error)
        })?;
        // Whoever sorts gives up first, and whoever lists only ends for it.
        let sorted = sorted?;
        listing.map(|()| sorted)
    }

    /// What is wrong now with the candidates, and maybe with more.
    async fn look_again(
        &self,
        tenant: &str,
        cuts: &[String],
        candidates: &Sorted,
        rows: Sorted,
        progress: &FilesProgress,
    ) -> Result<Reconciled> {
        if candidates.len() > ONE_BY_ONE {
            progress.begin(rows.len());
            let listed = self.list(tenant, cuts, progress).await?;
            return self.reconcile(&rows, &listed).await;
        }
        let listed = self.look_one_by_one(tenant, candidates).await?;
        let candidates = candidates.clone();
        let rows = blocking(move || of_names(&rows, &candidates)).await?;
        self.reconcile(&rows, &listed).await
    }

    /// What is there now under the paths of the candidates.
    async fn look_one_by_one(&self, tenant: &str, candidates: &Sorted) -> Result<Sorted> {
        let mut paths = Vec::new();
        let mut reading = candidates.read()?;
        while let Some(candidate) = reading.next()? {
            if candidate.mark != Mark::UnreferencedSeparated {
                paths.push(candidate.place.path());
            }
            // However the version was written.
            if candidate.mark != Mark::Unreferenced && candidate.place.has_version() {
                paths.push(candidate.place.separated());
            }
        }
        let looks = paths.into_iter().map(|path| {
            let (vantage, tenant) = (Arc::clone(&self.vantage), tenant.to_owned());
            async move { vantage.look(&tenant, &path).await }
        });
        // Collected: the futures borrow nothing, so that whoever waits for all of it can be on any thread.
        let looks: Vec<_> = looks.collect();
        let found: Vec<Option<Listed>> =
            futures::stream::iter(looks).buffer_unordered(AT_ONCE).try_collect().await?;
        let mut sorter = Sorter::default();
        for listed in found.into_iter().flatten() {
            sorter.push(&entry(listed, self.checksums))?;
        }
        sorter.finish()
    }

    async fn reconcile(&self, rows: &Sorted, listed: &Sorted) -> Result<Reconciled> {
        let (rows, listed) = (rows.clone(), listed.clone());
        let (buckets, checksums) = (Arc::new(self.buckets.clone()), self.checksums);
        blocking(move || reconcile(&rows, &listed, &buckets, checksums)).await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Error::new(ErrorKind::Internal, "comparing the files came to an unexpected end").caused_by(error)
    })?
}

/// The rows of the names that the candidates have.
fn of_names(rows: &Sorted, candidates: &Sorted) -> Result<Sorted> {
    let (mut rows, mut candidates, mut kept) = (rows.read()?, candidates.read()?, Sorter::default());
    while let (Some(row), Some(candidate)) = (rows.place(), candidates.place()) {
        match parent(row).cmp(parent(candidate)) {
            Ordering::Less => rows.pass()?,
            Ordering::Greater => candidates.pass()?,
            Ordering::Equal => {
                if let Some(row) = rows.head()? {
                    kept.push_view(row)?;
                }
                rows.pass()?;
            }
        }
    }
    kept.finish()
}

fn entry(listed: Listed, checksums: bool) -> Entry {
    let Listed { path, size, etag, modified, unfinished } = listed;
    let (place, separated) = Place::listed(&path);
    let mark = match (unfinished, separated) {
        (true, _) => Mark::Unfinished,
        (false, true) => Mark::Separated,
        (false, false) => Mark::None,
    };
    // What is not compared is not kept.
    Entry { place, size: Some(size), etag: etag.filter(|_| checksums), modified, mark }
}

/// Refuses a store in which not one file of the rows is: it is more likely that it is not theirs than that
/// every one of them is gone.
fn is_theirs(first: &Reconciled, place: &str, tenant: &str) -> Result<(), Cause> {
    let Reconciled { files, known, .. } = first;
    if files.rows == 0 || *known > 0 {
        return Ok(());
    }
    let message = if files.objects == 0 {
        format!(
            "the store holds nothing of the tenant {tenant} under {place}: probably the wrong place ({} of the \
             database have files)",
            plural(files.rows, "row")
        )
    } else {
        format!(
            "not one of {} is known to the {} of the tenant {tenant} under {place}: probably the wrong place",
            plural(files.rows, "row"),
            plural(files.objects, "file")
        )
    };
    Err(Cause::new(CauseKind::Error, message).hint(format!(
        "Check the URL and --tenant. If it is the right place, none of the {} files was restored.",
        count(files.rows)
    )))
}
