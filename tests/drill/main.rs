//! The drill: whatever the disaster broke is found, nothing else is, and what can be repaired is.

mod process;
mod rehearsal;
mod repair;
mod sample;
