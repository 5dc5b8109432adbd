//! Taking away what a database holds of its own, so that a restore can begin anew.

use tokio_util::sync::CancellationToken;

use super::scratch::STUB;
use crate::connect::{RestoreTarget, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::catalog::SUPABASE_SCHEMAS;
use crate::plan::Limits;
use crate::sql::literal;

/// How many statements are one transaction, at most: the locks of more would exhaust the lock table.
const AT_ONCE: usize = 500;

/// What takes all of it away, and what is gone then.
#[derive(Debug, Default)]
pub(super) struct Clearing {
    pub(super) statements: Vec<String>,
    /// A kind and its names, of what an archive brings only where it is not there.
    pub(super) gone: Vec<Vec<String>>,
}

impl Clearing {
    /// Looks what there is.
    pub(super) async fn of(session: &Session) -> Result<Self> {
        let platform: Vec<String> = SUPABASE_SCHEMAS.iter().map(|schema| literal(schema)).collect();
        let sql = include_str!("target/clear.sql")
            .replace("$platform", &format!("array[{}]", platform.join(", ")))
            .replace("$stub", &literal(STUB));
        let mut clearing = Self::default();
        for row in session.simple(&sql).await?.into_iter().flatten() {
            let mut cells = row.into_iter();
            clearing.statements.extend(cells.next().flatten());
            if let Some(gone) = cells.next().flatten() {
                clearing.gone.push(serde_json::from_str(&gone).map_err(|error| {
                    Error::new(ErrorKind::Unsupported, "the server's answer was not understood")
                        .caused_by(error)
                })?);
            }
        }
        Ok(clearing)
    }
}

/// Runs them.
pub(super) async fn clear(
    target: &RestoreTarget,
    statements: &[String],
    limits: &Limits,
    cancel: &CancellationToken,
) -> Result<()> {
    for some in statements.chunks(AT_ONCE) {
        let some: Vec<&str> = some.iter().map(String::as_str).collect();
        target.target().transaction(&some, limits, cancel).await?;
    }
    Ok(())
}
