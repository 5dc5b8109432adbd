//! Backups: a repository of them in a directory or a bucket.
//!
//! A backup is a dump, the [Evidence](crate::Evidence) of the same snapshot, and a [`Manifest`] that says what
//! belongs to it, with sizes and sums. The manifest is written last: without it there is no backup, only what was begun,
//! which a marker tells apart from the dumps of others. Those are listed too, and can be picked.

mod arguments;
mod layout;
mod list;
mod manifest;
mod marker;
mod pick;
mod prune;
mod repository;
mod shelf;
mod take;
mod text;
mod url;
mod verification;
mod verify;

pub use arguments::{PruneCall, TakeCall, VerificationCall};
pub(crate) use layout::DRILLS;
pub(crate) use repository::hexadecimal;
pub(crate) use shelf::{Pieces, Put};

pub use layout::{DumpFormat, InstantFrom, Wrapped};
pub use list::{BackupEntry, BackupList, BackupState, EntryObject, VerifiedNote};
pub use manifest::{
    BackupDump, BackupKind, BackupOmission, BackupSource, BackupTable, Manifest, ManifestRun, OmissionExtent,
    StoredObject,
};
pub use pick::Pick;
pub use prune::{KeptBecause, PruneKept, PruneOptions, PrunePlan, PruneStep, Pruned};
pub use repository::{Fetched, Repository};
pub use take::{Compression, Omit, Recovered, TakeFormat, TakeOptions, Taken, salvage, take};
pub use url::{Bucket, RepositoryUrl};
pub use verification::{Verification, VerificationRun, VerificationVerdict};
pub use verify::{VerificationOptions, verify};
