//! Backups: taken from real servers into directories and behind a real server of the S3 protocol, listed, picked,
//! fetched and restored; and what becomes of them where something goes wrong.

mod flaky;
mod inspecting;
mod looking;
mod places;
mod platform;
#[path = "../storage/server.rs"]
#[expect(dead_code, reason = "the tests of files use more of it")]
mod server;
mod taking;
mod world;
