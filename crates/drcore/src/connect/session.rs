//! One connection, in one read-only transaction.

use std::time::Instant;

use tokio::task::JoinHandle;
use tokio_postgres::types::Type;
use tokio_postgres::{CancelToken, Client, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::dsn::TargetSession;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{AssertionValue, Cause, CauseKind};
use crate::evidence::{Server, Standby};
use crate::plan::Limits;
use crate::sql::{literal, quote_list};
use crate::text::milliseconds;

/// Rows of text.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

/// One connection. Everything goes through the simple protocol, so that it
/// works behind a transaction pooler, which does not keep prepared statements.
pub(crate) struct Session {
    client: Client,
    cancel: CancelToken,
    tls: MakeRustlsConnect,
    driver: JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Without this the connection would live until the server answered.
        self.driver.abort();
    }
}

impl Session {
    pub(super) fn new(client: Client, tls: MakeRustlsConnect, driver: JoinHandle<()>) -> Self {
        Self { cancel: client.cancel_token(), client, tls, driver }
    }

    /// Whether the server is what `target_session_attrs` asks for.
    pub(super) async fn is(&self, target: TargetSession) -> Result<bool> {
        let (question, wanted) = match target {
            TargetSession::Any | TargetSession::PreferStandby => return Ok(true),
            TargetSession::ReadWrite => ("show transaction_read_only", "off"),
            TargetSession::ReadOnly => ("show transaction_read_only", "on"),
            TargetSession::Primary => ("select pg_catalog.pg_is_in_recovery()", "f"),
            TargetSession::Standby => ("select pg_catalog.pg_is_in_recovery()", "t"),
        };
        let answer =
            self.simple(question).await?.into_iter().flatten().next().and_then(|mut row| row.pop().flatten());
        Ok(answer.as_deref() == Some(wanted))
    }

    /// Begins the transaction whose snapshot everything is read from, and
    /// exports it. Gives its id, or none where the server cannot.
    pub(crate) async fn begin_snapshot(&self, limits: &Limits, join: Option<&str>) -> Result<Option<String>> {
        if let Some(id) = join {
            self.begin(limits, join).await?;
            return Ok(Some(id.to_owned()));
        }
        // Before the savepoint: a subtransaction cannot export its snapshot.
        let sql =
            format!("{};\nselect pg_catalog.pg_export_snapshot();\n{SAVEPOINT}", transaction(limits, None));
        match self.simple(&sql).await {
            Ok(mut results) => {
                results.pop();
                Ok(results.pop().into_iter().flatten().flatten().flatten().next())
            }
            Err(error) if error.kind() == ErrorKind::Connection => Err(error),
            Err(_) => {
                self.simple("rollback").await?;
                self.begin(limits, None).await?;
                Ok(None)
            }
        }
    }

    /// Begins a read-only transaction, on the given snapshot, with every setting pinned that could change an answer.
    pub(crate) async fn begin(&self, limits: &Limits, snapshot: Option<&str>) -> Result<()> {
        self.simple(&format!("{};\n{SAVEPOINT}", transaction(limits, snapshot))).await.map(drop)
    }

    /// The server, the database and the role.
    pub(crate) async fn server(&self) -> Result<Server> {
        let sql = format!("select pg_catalog.to_json(f)::pg_catalog.text from (\n{}\n) f", Server::SQL);
        let results = self.simple(&sql).await?;
        let text =
            results.into_iter().flatten().next().and_then(|mut row| row.pop().flatten()).unwrap_or_default();
        serde_json::from_str(&text).map_err(|error| {
            Error::new(ErrorKind::Unsupported, "the server described itself in a way that was not understood")
                .caused_by(error)
        })
    }

    /// How far this standby is behind its primary.
    ///
    /// # Errors
    /// Where the server does not tell, as some hosted ones do not; the transaction goes on.
    pub(crate) async fn standby(&self) -> Result<Standby> {
        let sql = format!("select pg_catalog.to_json(f)::pg_catalog.text from (\n{}\n) f", Standby::SQL);
        let text = self.scan(&sql, None).await?.into_iter().flatten().flatten().next().unwrap_or_default();
        serde_json::from_str(&text).map_err(|error| {
            Error::new(ErrorKind::Unsupported, "the server's answer was not understood").caused_by(error)
        })
    }

    /// Runs statements; gives the rows of each.
    pub(crate) async fn simple(&self, sql: &str) -> Result<Vec<Rows>> {
        let started = Instant::now();
        let mut results = Vec::new();
        let mut rows = Rows::new();
        for message in self.client.simple_query(sql).await? {
            match message {
                SimpleQueryMessage::Row(row) => {
                    rows.push((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect());
                }
                SimpleQueryMessage::CommandComplete(_) => results.push(std::mem::take(&mut rows)),
                _ => {}
            }
        }
        // Never the statement: an assertion's holds whatever its author wrote.
        tracing::trace!(
            bytes = sql.len(),
            answers = results.len(),
            elapsed_ms = milliseconds(started),
            "answered"
        );
        Ok(results)
    }

    /// Runs one statement; gives how many rows it changed.
    ///
    /// The extended protocol takes one statement only: text that came from a
    /// baseline cannot end it and begin another.
    pub(crate) async fn one(&self, sql: &str) -> Result<u64> {
        let none: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)] = &[];
        Ok(self.client.execute_typed(sql, none).await?)
    }

    /// Runs one statement inside the transaction and lets go of its locks: held
    /// ones exhaust the lock table at some 3,000 tables.
    ///
    /// `check` tells, by returning rows, which tables were rewritten since the snapshot.
    pub(crate) async fn scan(&self, sql: &str, check: Option<&str>) -> Result<Rows> {
        let text = match check {
            Some(check) => format!("{sql};\n{check};\nrollback to savepoint drcore"),
            None => format!("{sql};\nrollback to savepoint drcore"),
        };
        let mut results = self.recover(self.simple(&text).await).await?.into_iter();
        let (rows, checked) = (results.next(), check.and_then(|_| results.next()));
        // An answer for each statement, the last one's too: less would be half an answer.
        let (Some(rows), true, Some(_), None) =
            (rows, check.is_some() == checked.is_some(), results.next(), results.next())
        else {
            return Err(Error::new(ErrorKind::Connection, "the server did not answer every statement"));
        };
        refuse_rewritten(checked.unwrap_or_default())?;
        Ok(rows)
    }

    /// Runs one of the team's own statements, looking names up in this `search_path`.
    /// Gives one row: how many rows it returned, and the first column of the smallest.
    ///
    /// `row_security` stays off, so that a role under row level security gets
    /// an error and not fewer rows.
    pub(crate) async fn assertion(&self, sql: &str, search_path: &[String]) -> Result<Rows> {
        let path = format!("set local search_path = {}", quote_list(search_path));
        self.recover(self.simple(&path).await).await?;
        // The extended protocol takes one statement only; as a subquery it can only read. Through JSON,
        // since whatever the type of the first column, its text is what is wanted.
        let text = format!(
            "select pg_catalog.count(*)::pg_catalog.text, pg_catalog.min(r.value) from (\
               select (\
                 select e.value \
                 from pg_catalog.json_each_text(pg_catalog.row_to_json(q)) with ordinality e (key, value, place) \
                 order by e.place limit 1\
               ) as value \
               from (\n{sql}\n) q limit {}\
             ) r",
            AssertionValue::MOST
        );
        let answer = self
            .client
            .query_typed(&text, &[] as &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)])
            .await
            .map_err(Error::from);
        let rows = self.recover(answer).await?;
        // Held until the savepoint, the locks name the tables that it read.
        let rewritten = self.recover(self.simple(REWRITTEN_OF_LOCKED).await).await?;
        self.simple("rollback to savepoint drcore").await?;
        refuse_rewritten(rewritten.into_iter().flatten())?;
        rows.iter()
            .map(|row| {
                let cell = |at| row.try_get::<_, Option<String>>(at).map_err(Error::from);
                Ok(vec![cell(0)?, cell(1)?])
            })
            .collect()
    }

    /// After an error, brings the transaction back to where the next statement can run.
    async fn recover<T>(&self, result: Result<T>) -> Result<T> {
        match result {
            Ok(value) => Ok(value),
            Err(error) if error.kind() == ErrorKind::Connection || self.client.is_closed() => {
                Err(Error::new(ErrorKind::Connection, "the connection was lost").caused_by(error))
            }
            Err(error) => match self.simple("rollback to savepoint drcore").await {
                Ok(_) => Err(error),
                Err(lost) => {
                    Err(Error::new(ErrorKind::Connection, "the connection was lost").caused_by(lost))
                }
            },
        }
    }

    /// Asks the server to stop what this session is doing.
    pub(crate) async fn cancel(&self) {
        tracing::debug!("asking the server to cancel");
        // A second connection; if it fails the session is dropped after the grace.
        let _ = self.cancel.cancel_query(self.tls.clone()).await;
    }
}

/// What each statement comes back to afterwards.
const SAVEPOINT: &str = "savepoint drcore";

/// Begins a read-only transaction, on the given snapshot, with every setting pinned that could change an answer.
fn transaction(limits: &Limits, snapshot: Option<&str>) -> String {
    let mut sql = String::from("begin isolation level repeatable read read only;\n");
    if let Some(id) = snapshot {
        // Must come before any query.
        sql.push_str(&format!("set transaction snapshot {};\n", literal(id)));
    }
    sql.push_str(
        "set local search_path = '';\n\
         set local row_security = off;\n\
         set local timezone = 'UTC';\n\
         set local datestyle = 'ISO, YMD';\n\
         set local intervalstyle = 'postgres';\n\
         set local extra_float_digits = 3;\n\
         set local bytea_output = 'hex';\n\
         set local standard_conforming_strings = on;\n\
         set local quote_all_identifiers = off;\n\
         set local idle_in_transaction_session_timeout = 0;\n\
         set local application_name = 'drcore';\n\
         set local work_mem = '4MB';\n",
    );
    sql.push_str(&format!("set local lock_timeout = {};\n", limits.lock_timeout().as_millis()));
    match limits.statement_timeout {
        Some(timeout) => {
            sql.push_str(&format!(
                "set local statement_timeout = {};\n",
                std::time::Duration::from(timeout).as_millis()
            ));
        }
        // A role's own is honoured where it is lower.
        None => sql.push_str(
            "select pg_catalog.set_config('statement_timeout', '900000', true) from pg_catalog.pg_settings \
             where name = 'statement_timeout' and setting::pg_catalog.int8 not between 1 and 900000;\n",
        ),
    }
    sql.push_str(
        "select pg_catalog.set_config(name, '0', true) from pg_catalog.pg_settings \
         where name in ('transaction_timeout', 'idle_session_timeout')",
    );
    sql
}

/// A SQLSTATE of ours, in the class that PostgreSQL leaves to applications.
const REWRITTEN: &str = "DRC01";

/// The tables that the transaction has locked and that were rewritten since its snapshot.
const REWRITTEN_OF_LOCKED: &str = "\
    select c.oid::pg_catalog.regclass::pg_catalog.text \
    from pg_catalog.pg_locks l \
    join pg_catalog.pg_class c on c.oid = l.relation \
    where l.pid = pg_catalog.pg_backend_pid() \
      and l.locktype = 'relation' \
      and c.relkind = 'r' \
      and c.relfilenode <> 0 \
      and c.relfilenode is distinct from pg_catalog.pg_relation_filenode(c.oid)";

/// Refuses what was read where a table was rewritten meanwhile: it read as empty.
fn refuse_rewritten(tables: impl IntoIterator<Item = Vec<Option<String>>>) -> Result<()> {
    let tables: Vec<String> = tables.into_iter().filter_map(|mut row| row.pop().flatten()).collect();
    if tables.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Query, format!("{} was rewritten while it was read", tables.join(", ")))
        .with_sqlstate(REWRITTEN)
        .hint("Run it again while nobody truncates, clusters or fully vacuums the table."))
}

impl Cause {
    /// Whether the server's error is ours for a table that was rewritten.
    pub(crate) fn of_error(error: &Error) -> Self {
        let mut cause = Self::from(error);
        if error.sqlstate() == Some(REWRITTEN) {
            cause.kind = CauseKind::Rewritten;
            cause.sqlstate = None;
        }
        cause
    }
}
