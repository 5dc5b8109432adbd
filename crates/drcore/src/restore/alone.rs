//! One restore at a time: who works on a database holds a lock of it, and what an interrupted one left behind, which
//! would go on writing, is ended before anything is looked at.

use std::time::{Duration, Instant};

use super::programs::APPLICATION;
use crate::connect::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::literal;

/// The advisory lock: nobody's but ours, in each database.
const LOCK: &str = "1685217138, 1";
/// How long the server may take to notice that somebody is gone.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until no restore of ours is at work in this database, and ends what one left behind. The session keeps the
/// lock until it ends, or [`leave`]s.
///
/// # Errors
/// [`ErrorKind::Refused`] where another one is at work, or what was left behind cannot be ended.
pub(crate) async fn enter(session: &Session) -> Result<()> {
    let began = Instant::now();
    // One that was killed holds it until the server has noticed.
    while answer(session, &format!("select pg_catalog.pg_try_advisory_lock({LOCK})")).await? != "t" {
        if began.elapsed() > PATIENCE {
            return Err(Error::new(ErrorKind::Refused, "another restore is at work in this database")
                .hint("Wait for its end, or stop it, and then go on with --resume."));
        }
        tokio::time::sleep(PAUSE).await;
    }
    // Who holds the lock is alone: whatever else has our name belongs to nobody. It ends a moment after it was told to.
    let left = format!(
        "select pg_catalog.count(pg_catalog.pg_terminate_backend(a.pid)) from pg_catalog.pg_stat_activity a \
         where a.datname = pg_catalog.current_database() and a.application_name = {} \
           and a.pid <> pg_catalog.pg_backend_pid()",
        literal(APPLICATION)
    );
    while answer(session, &left).await? != "0" {
        if began.elapsed() > PATIENCE {
            return Err(Error::new(
                ErrorKind::Refused,
                "what an interrupted restore left behind still writes to this database",
            )
            .hint(format!("End the sessions whose application_name is {APPLICATION}, and run it again.")));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Gives the lock back.
pub(crate) async fn leave(session: &Session) -> Result<()> {
    session.simple(&format!("select pg_catalog.pg_advisory_unlock({LOCK})")).await.map(drop)
}

async fn answer(session: &Session, question: &str) -> Result<String> {
    let answer = session.simple(question).await?;
    Ok(answer.into_iter().flatten().flatten().flatten().next().unwrap_or_default())
}
