//! What stands beside a backup from its first moment until its manifest does: by it, what we began and did not finish
//! is told apart from what others made.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::manifest::BackupKind;
use crate::error::Result;

/// A backup that was begun, or is being removed. `drcore.begun/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Marker {
    /// Always `drcore.begun/1`.
    format: String,
    /// Tells this run from others.
    pub(super) run: String,
    pub(super) kind: BackupKind,
    pub(super) doing: Doing,
    pub(super) begun_at: Timestamp,
    /// When its run last wrote it.
    pub(super) alive_at: Timestamp,
    /// The machine that it runs on, and the process there.
    pub(super) host: String,
    pub(super) process: u32,
    pub(super) drcore: String,
    /// Uploads that were begun: what was sent of them is not seen in listings, and must be taken away by these ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) uploads: Vec<Begun>,
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Doing {
    /// It is being removed.
    Remove,
    /// It is being taken.
    Take,
}

/// An upload that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    /// The object, as the repository names it.
    pub(super) name: String,
    pub(super) id: String,
}

impl Marker {
    const FORMAT: &'static str = "drcore.begun/1";

    pub(super) fn new(kind: BackupKind, doing: Doing) -> Self {
        let now = Timestamp::now();
        Self {
            format: Self::FORMAT.to_owned(),
            run: run_id(),
            kind,
            doing,
            begun_at: now,
            alive_at: now,
            host: host(),
            process: std::process::id(),
            drcore: env!("CARGO_PKG_VERSION").to_owned(),
            uploads: Vec::new(),
        }
    }

    pub(super) fn from_json(text: &str) -> Result<Self> {
        crate::wire::from_json(text, Self::FORMAT, "marker of a backup")
    }

    pub(super) fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }
}

/// Random enough: no two runs of one repository share it.
fn run_id() -> String {
    use std::hash::{BuildHasher, Hasher};
    // The standard library's hasher is seeded at random.
    let random = || std::collections::hash_map::RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

fn host() -> String {
    let named = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let named = named.or_else(|| std::env::var("HOSTNAME").ok());
    named
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}
