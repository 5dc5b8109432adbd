//! Asking for one job on one session.

use std::time::Duration;

use super::acting::SEARCH_PATH;
use super::answer::Answer;
use super::job::Job;
use super::stop::Stop;
use crate::connect::Session;
use crate::error::{Error, Result};
use crate::sql::{QualifiedName, literal};

/// How long a server may take to act on a cancel request before the connection is dropped.
pub(super) const CANCEL_GRACE: Duration = Duration::from_millis(800);

/// How long to wait before asking again.
const CANCEL_AGAIN: Duration = Duration::from_millis(100);

/// Asks on one session.
pub(super) async fn ask_on(session: &Session, job: &Job, stop: &Stop) -> Result<Answer> {
    let asking = async {
        let check = rewrite_check(&job.reads());
        match (job, job.sql()) {
            (Job::Pass(job), _) => {
                job.read(session, check.as_deref()).await.map(|scan| Answer::Pass(Box::new(scan)))
            }
            (Job::Acting(acting), _) => acting.read(session).await.map(Answer::Rows),
            (Job::Keys(keys), _) => keys.read(session, check.as_deref()).await.map(Answer::Keys),
            (Job::StoredRows(Ok(read)), _) => {
                read.read(session, check.as_deref()).await.map(Answer::StoredRows)
            }
            (_, None) => Ok(Answer::Rows(Vec::new())),
            (Job::Assertion(assertion), Some(sql)) => {
                session.assertion(&sql, &assertion.search_path()).await.map(Answer::Rows)
            }
            (Job::SampleUsers(_), Some(sql)) => {
                let path = SEARCH_PATH.map(str::to_owned);
                session.theirs(&sql, &path).await.map(Answer::Rows)
            }
            (_, Some(sql)) => {
                session.scan_with(&job.settings(), &sql, check.as_deref()).await.map(Answer::Rows)
            }
        }
    };
    unless_stopped(session, stop, asking).await
}

/// What a session is asked, unless all must stop: then its statement is cancelled on the server too.
pub(crate) async fn unless_stopped<T>(
    session: &Session,
    stop: &Stop,
    asking: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::pin!(asking);
    tokio::select! {
        result = &mut asking => result,
        () = stop.stopped() => {
            let cancelled = async {
                loop {
                    // A connection of its own, which may hang where the server does not answer.
                    session.cancel().await;
                    // A request that overtakes its statement does nothing: ask again until it is over.
                    if let Ok(result) = tokio::time::timeout(CANCEL_AGAIN, &mut asking).await {
                        break result;
                    }
                }
            };
            tokio::time::timeout(CANCEL_GRACE, cancelled)
                .await
                .unwrap_or_else(|_| Err(Error::lost("the server did not act on the cancel request")))
        }
    }
}

/// A statement that tells whether one of these tables was truncated or rewritten since the snapshot.
///
/// Such a table reads as empty under the old snapshot. `pg_class` is read as of
/// the snapshot, `pg_relation_filenode()` as of now; the lock of whoever reads them keeps it so.
/// Source: PostgreSQL documentation, 13.6 Caveats.
pub(crate) fn rewrite_check(tables: &[QualifiedName]) -> Option<String> {
    if tables.is_empty() {
        return None;
    }
    let names: Vec<String> =
        tables.iter().map(|name| format!("{}::pg_catalog.regclass", literal(&name.to_sql()))).collect();
    Some(format!(
        "with recursive tree (oid) as (\
           select u.oid::pg_catalog.oid from pg_catalog.unnest(array[{}]) u (oid) \
           union \
           select i.inhrelid from pg_catalog.pg_inherits i join tree t on t.oid = i.inhparent\
         ) \
         select c.oid::pg_catalog.regclass::pg_catalog.text from tree t join pg_catalog.pg_class c on c.oid = t.oid \
         where c.relkind = 'r' and c.relfilenode is distinct from pg_catalog.pg_relation_filenode(c.oid)",
        names.join(", ")
    ))
}
