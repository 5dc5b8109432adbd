//! The marker of a database that a restore is in the middle of.
//!
//! A schema of its own, made before the first write and dropped after the last one. Its comment says what is
//! being restored, and whoever reads a database that has it knows that it is not whole: nothing in it is ever verified.

/// The schema.
pub(crate) const SCHEMA: &str = "drcore_restore";
