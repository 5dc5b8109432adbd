//! Proves that a `PostgreSQL` or Supabase restore is good, tells what was lost and for whom, and
//! puts it right.
//!
//! # From nothing to a verified restore
//!
//! At backup time, keep a *baseline* beside the dump: [`Evidence`] of one state of the database.
//!
//! ```no_run
//! # async fn example() -> drcore::Result<()> {
//! use drcore::{VerifyOptions, baseline};
//!
//! let evidence = baseline("postgresql://postgres@db.example.com/app", &VerifyOptions::default()).await?;
//! std::fs::write("baseline.json", evidence.to_json()?)?;
//! # Ok(())
//! # }
//! ```
//!
//! After the restore, verify against it:
//!
//! ```no_run
//! # async fn example() -> drcore::Result<()> {
//! use drcore::{Against, Plan, Verdict, VerifyOptions, verify};
//!
//! let mut options = VerifyOptions::default();
//! options.plan = Plan::from_path("drcore.toml")?; // or Plan::default()
//! options.against = Some(Against::File("baseline.json".into()));
//! let report = verify("postgresql://postgres@restored.example.com/app", &options).await?;
//! for finding in report.findings() {
//!     println!("{} {}: {}", finding.severity().as_str(), finding.common().object, finding.common().message);
//! }
//! assert_eq!(report.verdict, Verdict::Passed);
//! # Ok(())
//! # }
//! ```
//!
//! [`verify`] does not fail because the database cannot be reached: it gives a [`Report`] in which
//! everything is unread and the verdict is [`Verdict::Unproven`]. An [`Error`] means that there is
//! nothing to report on: a plan with mistakes, a baseline that is none.
//!
//! # How the parts meet
//!
//! [`Plan`] → [`collect`](collect::collect) → [`Evidence`] → [`Plan::judge`] → [`Report`] → [`Remedy`]
//!
//! Only collecting touches the database, in one read-only snapshot over several sessions. Judging is
//! a pure function, so that Evidence collected at night can be judged again in the morning with
//! another plan:
//!
//! ```no_run
//! # async fn example() -> drcore::Result<()> {
//! use drcore::collect::{CollectOptions, collect};
//! use drcore::{Evidence, Plan, Source};
//!
//! let plan = Plan::from_toml("[row_counts.tables]\ntenants = \"same\"\n")?;
//! let baseline = Evidence::load("baseline.json")?;
//! let source = Source::connect("postgresql://postgres@restored.example.com/app").await?;
//! let evidence = collect(&source, &plan, Some(&baseline), &CollectOptions::default()).await?;
//! let report = plan.judge(&evidence, Some(&baseline));
//! # Ok(())
//! # }
//! ```
//!
//! # What a result means
//!
//! Every check that exists has a result: `passed`, `failed`, or `not_run` with a typed
//! [reason](check::Reason). What could not be read is listed with its cause, and a check that could
//! not read everything it needed is never `passed`. The checks and their pages are in [`checks`].

mod access;
pub mod archive;
mod arguments;
mod auth;
pub mod backup;
pub mod check;
pub mod checks;
pub mod collect;
pub mod connect;
pub mod content;
pub mod copy;
pub mod diff;
pub mod drill;
mod error;
pub mod evidence;
pub mod finding;
pub mod gap;
mod http;
mod init;
pub mod migrations;
pub mod pages;
pub mod plan;
pub mod platform;
pub mod reference;
pub mod remedy;
pub mod report;
pub mod restore;
mod review;
pub mod schema;
pub mod secret;
mod spool;
pub mod sql;
pub mod storage;
mod structure;
mod suggest;
mod text;
pub mod unique;
mod verify;
mod wire;

pub use archive::{InspectOptions, Inspection, inspect};
pub use connect::{Source, Target};
pub use diff::{DiffOptions, DiffReport, diff};
pub use error::{Error, ErrorKind, ErrorWire, Result};
pub use evidence::Evidence;
pub use finding::{Finding, Severity};
pub use gap::{GapOptions, GapReport, gap};
pub use init::{init, write_plan};
pub use plan::Plan;
pub use remedy::Remedy;
pub use report::{Report, Verdict};
pub use restore::repair;
pub use review::{Review, review};
pub use spool::Rows;
pub use structure::ObjectKind;
pub use suggest::no_such;
pub use verify::{Against, VerifyOptions, baseline, collect, judge, known_checks, verify};
