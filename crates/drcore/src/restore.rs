//! Restoring, and the throw-away clusters that restores are tried in.

pub mod scratch;
mod tools;

pub use scratch::{ScratchCluster, ScratchOptions};
pub use tools::Tools;
