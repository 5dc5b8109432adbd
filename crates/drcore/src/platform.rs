//! The platform that a database is hosted on: Supabase's Management API.
//!
//! It says which backups the platform has of a project, and how far back point-in-time recovery reaches, and it can
//! start one: in place, over the project itself. That is why [`PitrPlan`] wants a target that is said, and a salvage:
//! afterwards, what was written since exists nowhere else.
//!
//! Source: the API's `openapi.json`, and what others measured of its behaviour. What it cannot do is not pretended:
//! restoring into another project, undoing a restore and restoring a daily backup are the dashboard's alone.

mod arguments;
mod client;
mod facts;
mod pitr;
mod text;

pub use arguments::PitrCall;
pub use client::Platform;
pub use facts::{
    BackupStatus, PitrWindow, PlatformBackup, PlatformFacts, ProjectStatus, ServiceHealth, ServiceState,
};
pub use pitr::{
    PitrOptions, PitrOutcome, PitrPlan, PitrRun, PitrSalvage, PitrState, PitrWaiting, SalvageProof, pitr,
};
