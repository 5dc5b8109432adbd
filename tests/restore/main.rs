//! Restoring: what may be written to, scratch clusters, and what comes back.

mod scratch;
mod target;
