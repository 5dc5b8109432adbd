//! Restoring, and the throw-away clusters that restores are tried in.

mod clients;
pub(crate) mod marker;
pub mod repair;
pub mod scratch;
mod tools;

pub use clients::ClientTools;
pub use repair::{Comparison, Repair, RepairCall, RepairOptions, RepairPlan, Repaired, repair};
pub use scratch::{Recipe, ScratchCluster, ScratchOptions};
pub use tools::Tools;
