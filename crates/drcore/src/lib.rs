//! Proves that a `PostgreSQL` or Supabase restore is good.

mod arguments;
pub mod check;
pub mod checks;
pub mod collect;
pub mod connect;
mod error;
pub mod evidence;
pub mod finding;
pub mod plan;
pub mod reference;
pub mod remedy;
pub mod report;
pub mod restore;
pub mod sql;
mod suggest;
mod text;
mod verify;
mod wire;

pub use connect::Source;
pub use error::{Error, ErrorKind, ErrorWire, Result};
pub use evidence::Evidence;
pub use finding::{Finding, Severity};
pub use plan::Plan;
pub use remedy::Remedy;
pub use report::{Report, Verdict};
pub use verify::{Against, VerifyOptions, baseline, collect, judge, verify};
