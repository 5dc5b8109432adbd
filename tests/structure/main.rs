//! The structure of databases: every kind of object, as facts and against a baseline.

mod application;
mod attributes;
mod facts;
mod mutations;
mod server;

/// One of every kind of object.
const EVERYTHING: &str = include_str!("everything.sql");
