//! Restoring, and the throw-away clusters that restores are tried in.

mod after;
mod call;
mod clear;
mod clients;
pub mod cutover;
mod filter;
mod left_out;
mod load;
pub(crate) mod marker;
mod messages;
mod meter;
mod opened;
mod plan;
mod programs;
pub mod repair;
mod restored;
mod run;
pub mod scratch;
mod script;
mod shape;
mod text;
mod tools;
mod voices;

pub use after::{AfterRestore, after_restore, cut_over};
pub use call::{Restore, RestoreCall, restore, table};
pub use clients::ClientTools;
pub use cutover::{CutOver, CutOverFacts, CutOverStep};
pub use left_out::{Omitted, WhyOmitted};
pub use messages::ObjectError;
pub use opened::ArchiveFacts;
pub use plan::{Onto, RestoreOptions, RestorePlan, RestoreStep, TargetFacts};
pub use repair::{Comparison, Repair, RepairCall, RepairOptions, RepairPlan, Repaired, repair};
pub use restored::{LoadedTable, RestoreRun, Restored};
pub use run::ExecuteOptions;
pub use scratch::{Recipe, ScratchCluster, ScratchOptions};
pub use tools::Tools;
