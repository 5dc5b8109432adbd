//! Restoring, and the throw-away clusters that restores are tried in.

mod clients;
pub mod repair;
pub mod scratch;
mod tools;

pub use clients::ClientTools;
pub use repair::{Comparison, RepairOptions, RepairPlan, Repaired};
pub use scratch::{ScratchCluster, ScratchOptions};
pub use tools::Tools;
