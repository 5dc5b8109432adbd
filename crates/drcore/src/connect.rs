//! Connecting: connection strings, TLS, and sessions that can only read;
//! writing goes through a [`Target`], which is obtained by naming what is written to.

mod copied;
mod dsn;
mod guard;
mod identity;
mod line;
mod project;
mod session;
mod source;
mod tap;
mod target;
mod tls;

pub use dsn::{Dsn, SslMode};
pub use source::Source;
pub use target::{Apart, RestoreTarget, Target, TargetOptions, Write};

pub(crate) use copied::Chunks;
pub(crate) use dsn::Libpq;
pub(crate) use project::{is_ref as is_project_ref, project_of_host};
pub(crate) use session::{Rows, Session, Snapshot};
pub(crate) use source::WaitFor;
