//! The drill: whatever the disaster broke is found, nothing else is, and what can be repaired is.

mod history;
mod process;
mod rehearsal;
mod repair;
mod review;
mod sample;
