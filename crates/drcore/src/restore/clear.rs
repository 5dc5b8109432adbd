//! Taking away what a database holds of its own, so that a restore can begin anew.

use tokio_util::sync::CancellationToken;

use super::programs::APPLICATION;
use super::scratch::STUB;
use crate::connect::{RestoreTarget, Session};
use crate::error::Result;
use crate::evidence::catalog::SUPABASE_SCHEMAS;
use crate::plan::Limits;
use crate::sql::literal;

/// How many statements are one transaction, at most: the locks of more would exhaust the lock table.
const AT_ONCE: usize = 500;

/// The statements that take all of it away.
pub(super) async fn statements(session: &Session) -> Result<Vec<String>> {
    let platform: Vec<String> = SUPABASE_SCHEMAS.iter().map(|schema| literal(schema)).collect();
    let sql = include_str!("target/clear.sql")
        .replace("$platform", &format!("array[{}]", platform.join(", ")))
        .replace("$stub", &literal(STUB));
    let answer = session.simple(&sql).await?;
    Ok(answer.into_iter().flatten().filter_map(|mut row| row.pop().flatten()).collect())
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

/// Ends what programs of an interrupted run left behind: it would go on writing.
pub(super) async fn end_leftovers(session: &Session) -> Result<()> {
    let sql = format!(
        "select pg_catalog.pg_terminate_backend(a.pid) from pg_catalog.pg_stat_activity a \
         where a.datname = pg_catalog.current_database() and a.application_name = {} and a.pid <> pg_catalog.pg_backend_pid()",
        literal(APPLICATION)
    );
    session.simple(&sql).await.map(drop)
}
