//! Copying the rows of one live database into another one that has the tables: a migration, or a rescue.
//!
//! As everything that writes: a plan, which can be reviewed, and its execution, which does exactly that. All rows are
//! of one snapshot of the source. The target is marked until all of them came, so that half a copy never verifies, and
//! is compared with that snapshot in the end.

mod call;
mod form;
mod pipe;
mod plan;
mod run;
mod tables;
mod text;

pub use call::{CopyCall, DataCopy, copy};
pub use form::CopyForm;
pub(crate) use plan::MARK;
pub use plan::{CopyOptions, CopyPlan, CopySide};
pub use run::{Copied, CopiedTable, CopyRun};
pub use tables::{NotCopied, SequenceCopy, TableCopy, WhyNotCopied};
