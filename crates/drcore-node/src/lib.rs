//! The Node package of drcore: converts arguments, calls the core, converts back.
//!
//! Nothing here is called by users: `index.js` makes classes, errors and
//! `AbortSignal` of it. Every function of the core that can fail gives either
//! its value or a [`Failure`](answer::Failure), because errors of async
//! functions cannot carry a code across this border.

#![expect(
    clippy::missing_errors_doc,
    reason = "only making the Promise can fail, which is napi's own affair"
)]
#![expect(clippy::needless_pass_by_value, reason = "napi hands over arguments by value")]

pub mod answer;
pub mod backup;
pub mod call;
pub mod cli;
pub mod copy;
pub mod diff;
pub mod drill;
pub mod evidence;
pub mod gap;
pub mod inspect;
pub mod platform;
pub mod repair;
pub mod report;
pub mod restore;
pub mod scratch;
pub mod storage;
pub mod verbs;
