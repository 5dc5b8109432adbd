//! Who is writing rows of `storage.objects`.
//!
//! The storage service removes the bytes of an object while the transaction that removes its row is still open:
//! until it ends, everybody else sees a row without bytes. Whoever writes rows holds a lock on their table until
//! then, which anybody may see.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::compare::Asking;
use super::rows::table;
use crate::connect::{Session, WaitFor};
use crate::error::Result;
use crate::sql::literal;

/// How often it is looked whether they are done.
const EVERY: Duration = Duration::from_millis(100);

/// What became of those who were writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writers {
    /// All of them are done.
    Done,
    /// Some are still at it, after all that time.
    Open,
    /// The server is a standby, which does not see its primary's locks.
    Unseen,
}

/// Waits for all who are writing rows now, for so long at most; who begins later is not waited for.
///
/// # Errors
/// Where the server cannot be asked.
pub(super) async fn outlast(asking: Asking<'_>, most: Duration) -> Result<Writers> {
    let limits = &asking.plan.limits;
    let session = asking.source.session_waiting(limits, WaitFor::Room).await?;
    session.begin_snapshot(limits, None).await?;
    let writers = wait(&session, most).await;
    session.end().await;
    writers
}

async fn wait(session: &Session, most: Duration) -> Result<Writers> {
    let began = Instant::now();
    let Some(mut open) = writing(session).await? else { return Ok(Writers::Unseen) };
    while !open.is_empty() {
        if began.elapsed() >= most {
            return Ok(Writers::Open);
        }
        tokio::time::sleep(EVERY).await;
        let Some(now) = writing(session).await? else { return Ok(Writers::Unseen) };
        open.retain(|transaction| now.contains(transaction));
    }
    Ok(Writers::Done)
}

/// The transactions that hold a lock as writers do; none on a standby.
async fn writing(session: &Session) -> Result<Option<BTreeSet<String>>> {
    let sql = format!(
        "select pg_catalog.pg_is_in_recovery(), l.virtualtransaction \
         from (select 1) one \
         left join pg_catalog.pg_locks l \
           on l.locktype = 'relation' and l.granted \
           and l.relation = {}::pg_catalog.regclass \
           and l.database = (\
             select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()\
           ) \
           and l.mode in ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') \
           and l.pid is distinct from pg_catalog.pg_backend_pid()",
        literal(&table().to_sql())
    );
    let rows = session.scan(&sql, None).await?;
    let in_recovery = rows.iter().any(|row| row.first().is_some_and(|cell| cell.as_deref() == Some("t")));
    let transactions = rows.into_iter().filter_map(|row| row.into_iter().nth(1).flatten());
    Ok((!in_recovery).then(|| transactions.collect()))
}
