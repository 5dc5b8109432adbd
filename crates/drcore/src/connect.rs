//! Connecting: connection strings, TLS, and sessions that can only read.

mod dsn;
mod session;
mod source;
mod tls;

pub use dsn::{Dsn, SslMode};
pub use source::Source;

pub(crate) use session::{Rows, Session};
