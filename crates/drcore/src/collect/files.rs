//! The files of a store, once the rows that know of them were read.

use super::FilesProgress;
use super::attempt::Collection;
use crate::evidence::{Cause, CauseKind, Evidence, Fact};
use crate::storage::{self, Asking, StoredRows, compare};

impl Collection<'_> {
    /// Compares the files of the store with the rows, where one was given and there are such rows.
    ///
    /// After everything else: the list of a store may take long, and no snapshot is to be as old as that.
    pub(super) async fn files(&self, evidence: &mut Evidence, progress: &FilesProgress) {
        let Some(store) = &self.options.store else { return };
        let rows = match std::mem::take(&mut evidence.stored_rows) {
            StoredRows::Answered(Fact::Read(rows)) => rows,
            StoredRows::Answered(Fact::Unread(cause)) => {
                evidence.files = Fact::Unread(cause);
                return;
            }
            StoredRows::Wanted | StoredRows::Answered(Fact::NotAsked) => {
                // Asked for only where there is such a table, and the check is wanted.
                if matches!(evidence.catalog.relation(&storage::table()), Ok(Some(_))) {
                    let cause =
                        Cause::new(CauseKind::NotCollected, "the rows of storage.objects were not read");
                    evidence.files = Fact::Unread(self.stop.cause().unwrap_or(cause));
                }
                return;
            }
            StoredRows::NotWanted => return,
        };
        let began = jiff::Timestamp::now();
        let comparing = async { Ok(compare(store, &rows, &evidence.catalog, self.asking(progress)).await) };
        let files = match self.stop.or(comparing).await {
            Ok(files) => files,
            Err(error) => Err(self.stop.cause().unwrap_or_else(|| Cause::from(&error))),
        };
        match &files {
            Ok((files, _)) => evidence.run.notes.push(format!(
                "files were looked for in {}, tenant {}, from {began:.0} to {:.0}: {}",
                files.store,
                files.tenant,
                jiff::Timestamp::now(),
                files.vantage
            )),
            Err(cause) => tracing::warn!(cause = cause.message, "files could not be compared"),
        }
        evidence.files = match files {
            Ok((files, rows)) => {
                evidence.file_rows = rows;
                Fact::Read(files)
            }
            Err(cause) => Fact::Unread(cause),
        };
    }

    fn asking<'a>(&'a self, progress: &'a FilesProgress) -> Asking<'a> {
        Asking {
            source: self.source,
            plan: self.plan,
            progress,
            every_file: self.options.every_file,
            resume: self.options.resume.as_deref(),
        }
    }
}
