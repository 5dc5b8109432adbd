//! One connection, in one read-only transaction.

use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_postgres::types::Type;
use tokio_postgres::{CancelToken, Client, SimpleQueryMessage};

use super::dsn::{Endpoint, TargetSession};
use super::line::{Driver, Line};
use super::tap::Valve;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{AssertionValue, Cause, CauseKind};
use crate::evidence::{Server, Standby, refuse_older};
use crate::plan::Limits;
use crate::sql::{literal, quote_list};
use crate::text::milliseconds;

/// Rows of text.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

/// How long to wait for a server that may be gone without a word.
///
/// The server's own timeouts end what takes too long; these end what nobody answers any more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For what reads no table.
    answer: Duration,
    /// For what may read a whole table, and the statements that go with it.
    statement: Duration,
}

impl Patience {
    pub(super) fn new(connect_timeout: Duration, limits: &Limits) -> Self {
        let answer = connect_timeout + limits.lock_timeout();
        Self { answer, statement: limits.statement_timeout() * 2 + answer }
    }
}

/// A state of a database that sessions share.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// As `pg_export_snapshot()` gives it.
    pub(crate) id: String,
    /// The server's run and what is visible: ids are small numbers that other servers, and this one
    /// after a restart, give out again.
    state: String,
}

/// One connection. Everything goes through the simple protocol, so that it
/// works behind a transaction pooler, which does not keep prepared statements.
pub(crate) struct Session {
    client: Client,
    cancel: CancelToken,
    line: Line,
    /// Where the rows of copies come out.
    valve: Valve,
    driver: JoinHandle<()>,
    patience: Patience,
    /// Which of the servers of the connection string it is.
    endpoint: Endpoint,
    /// The server's last words, which may have come while nobody was waiting for an answer.
    last_words: Arc<OnceLock<Error>>,
}

impl Drop for Session {
    fn drop(&mut self) {
        // Without this the connection would live until the server answered.
        self.driver.abort();
    }
}

impl Session {
    pub(super) fn new(
        client: Client,
        driver: Driver,
        line: Line,
        valve: Valve,
        patience: Patience,
        endpoint: Endpoint,
    ) -> Self {
        let last_words = Arc::new(OnceLock::new());
        let driver = tokio::spawn({
            let last_words = Arc::clone(&last_words);
            async move {
                // Dropped after the words are kept: that is when whoever waits is told.
                let mut connection = pin!(driver);
                if let Err(error) = connection.as_mut().await {
                    let _ = last_words.set(Error::from(error));
                }
            }
        });
        Self { cancel: client.cancel_token(), client, line, valve, driver, patience, endpoint, last_words }
    }

    pub(super) fn valve(&self) -> &Valve {
        &self.valve
    }

    /// Which of the servers of the connection string it is.
    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
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
        let [rows] = self.all([question], self.patience.answer).await?;
        Ok(first(rows).as_deref() == Some(wanted))
    }

    /// Begins the transaction whose snapshot everything is read from, and
    /// exports it. Gives it, or none where the server cannot.
    pub(crate) async fn begin_snapshot(
        &self,
        limits: &Limits,
        join: Option<&str>,
    ) -> Result<Option<Snapshot>> {
        if let Some(id) = join {
            let state = self.begin(limits, join).await?;
            return Ok(Some(Snapshot { id: id.to_owned(), state }));
        }
        let mut statements = transaction(limits, None);
        // Before the savepoint: a subtransaction cannot export its snapshot.
        statements.insert(statements.len() - 1, "select pg_catalog.pg_export_snapshot()".to_owned());
        match self.each(&statements, self.patience.answer).await {
            Ok(mut answers) => {
                answers.pop();
                let id = answers.pop().and_then(first);
                let state = answers.pop().and_then(first);
                Ok(id.zip(state).map(|(id, state)| Snapshot { id, state }))
            }
            Err(error) if error.ends_session() => Err(error),
            Err(_) => {
                self.all(["rollback"], self.patience.answer).await?;
                self.begin(limits, None).await?;
                Ok(None)
            }
        }
    }

    /// Joins a snapshot that another session exported.
    pub(super) async fn join(&self, limits: &Limits, snapshot: &Snapshot) -> Result<()> {
        if self.begin(limits, Some(&snapshot.id)).await? == snapshot.state {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Connection, "another server answers: its snapshot is another state"))
    }

    /// Begins a read-only transaction, on the given snapshot, with every setting pinned that could
    /// change an answer. Gives which state it sees.
    async fn begin(&self, limits: &Limits, snapshot: Option<&str>) -> Result<String> {
        let mut answers = self.each(&transaction(limits, snapshot), self.patience.answer).await?;
        answers.pop();
        answers.pop().and_then(first).ok_or_else(incomplete)
    }

    /// Whether the session is alive.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) async fn ping(&self) -> Result<()> {
        self.all(["select 1"], self.patience.answer).await.map(drop)
    }

    /// Ends the transaction, and the session with it: errors mean nothing any more.
    pub(crate) async fn end(self) {
        let _ = self.all(["rollback"], self.patience.answer).await;
    }

    /// The server, the database and the role.
    pub(crate) async fn server(&self) -> Result<Server> {
        let sql = format!("select pg_catalog.to_json(f)::pg_catalog.text from (\n{}\n) f", Server::SQL);
        let [rows] = self.all([&sql], self.patience.answer).await?;
        let text = first(rows).unwrap_or_default();
        let server: Server = serde_json::from_str(&text).map_err(|error| {
            Error::new(ErrorKind::Unsupported, "the server described itself in a way that was not understood")
                .caused_by(error)
        })?;
        // A pooler may have said something else when it was connected to.
        refuse_older(&server.version)?;
        Ok(server)
    }

    /// Which process of the server runs the statement that asks.
    pub(super) async fn backend(&self) -> Result<String> {
        let [rows] = self.all(["select pg_catalog.pg_backend_pid()"], self.patience.answer).await?;
        first(rows).ok_or_else(incomplete)
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

    /// Runs statements, for as long as they take; gives the rows of each.
    pub(crate) async fn simple(&self, sql: &str) -> Result<Vec<Rows>> {
        let started = Instant::now();
        let mut results = Vec::new();
        let mut rows = Rows::new();
        let mut described = false;
        for message in self.client.simple_query(sql).await.map_err(|error| self.explain(error))? {
            match message {
                SimpleQueryMessage::RowDescription(_) => described = true,
                SimpleQueryMessage::Row(row) => {
                    let cells =
                        (0..row.len()).map(|at| Ok(row.try_get(at).map_err(not_text)?.map(str::to_owned)));
                    rows.push(cells.collect::<Result<_>>()?);
                }
                SimpleQueryMessage::CommandComplete(count) => {
                    // `show` has no count, and one row.
                    if described && count != 0 && count != rows.len() as u64 {
                        return Err(incomplete());
                    }
                    described = false;
                    results.push(std::mem::take(&mut rows));
                }
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

    /// As [`simple`](Self::simple), no longer than this, and each of them is answered.
    async fn each(&self, statements: &[impl AsRef<str>], patience: Duration) -> Result<Vec<Rows>> {
        let sql: Vec<&str> = statements.iter().map(AsRef::as_ref).collect();
        let answers = self.within(patience, self.simple(&sql.join(";\n"))).await?;
        if answers.len() == statements.len() { Ok(answers) } else { Err(incomplete()) }
    }

    async fn all<const N: usize>(&self, statements: [&str; N], patience: Duration) -> Result<[Rows; N]> {
        self.each(&statements, patience).await?.try_into().map_err(|_| incomplete())
    }

    async fn within<T>(&self, patience: Duration, answer: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| {
            Err(Error::lost(format!("the server did not answer within {} s", patience.as_secs_f32())))
        })
    }

    /// The server's reason, where all that the driver says is that the connection is closed.
    pub(super) fn explain(&self, error: tokio_postgres::Error) -> Error {
        match self.last_words.get() {
            Some(words) if error.is_closed() => {
                let lost = Error::lost(LOST).caused_by(Error::new(words.kind(), words.to_string()));
                match words.sqlstate() {
                    Some(code) => lost.with_sqlstate(code),
                    None => lost,
                }
            }
            _ => error.into(),
        }
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
        self.scan_with(&[], sql, check).await
    }

    /// As [`Session::scan`], after these statements, which set what holds for this one only.
    pub(crate) async fn scan_with(
        &self,
        settings: &[String],
        sql: &str,
        check: Option<&str>,
    ) -> Result<Rows> {
        let mut statements: Vec<&str> = settings.iter().map(String::as_str).collect();
        statements.extend([Some(sql), check, Some(BACK)].into_iter().flatten());
        let answers = self.each(&statements, self.patience.statement).await;
        let mut answers = self.recover(answers).await?.into_iter().skip(settings.len());
        let rows = answers.next().ok_or_else(incomplete)?;
        if check.is_some() {
            refuse_rewritten(answers.next().unwrap_or_default())?;
        }
        Ok(rows)
    }

    /// Runs one statement as who it is, and another after these, which become somebody else until it comes back. Gives
    /// the rows of the one, then those of the other.
    ///
    /// What policies and views read besides is known by its locks, which are held until it comes back: where that was
    /// rewritten meanwhile, it read as empty.
    pub(crate) async fn acting(&self, before: &str, becoming: &[String], sql: &str) -> Result<Rows> {
        let mut statements = vec![before];
        statements.extend(becoming.iter().map(String::as_str));
        statements.extend([sql, REWRITTEN_OF_LOCKED, BACK]);
        // The server's patience is with each of the two.
        let answers = self.each(&statements, self.patience.statement * 2).await;
        let mut answers = self.recover(answers).await?;
        answers.pop();
        refuse_rewritten(answers.pop().ok_or_else(incomplete)?)?;
        let seen = answers.pop().ok_or_else(incomplete)?;
        let mut rows = answers.swap_remove(0);
        rows.extend(seen);
        Ok(rows)
    }

    /// Runs one of the team's own statements, looking names up in this `search_path`.
    /// Gives one row: how many rows it returned, and the first column of the smallest.
    ///
    /// `row_security` stays off, so that a role under row level security gets
    /// an error and not fewer rows.
    pub(crate) async fn assertion(&self, sql: &str, search_path: &[String]) -> Result<Rows> {
        // Through JSON, since whatever the type of the first column, its text is what is wanted.
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
        match self.theirs(&text, search_path).await {
            // It counts, so one row is all there can be.
            Ok(rows) if rows.len() != 1 => Err(incomplete()),
            rows => rows,
        }
    }

    /// Runs a statement that has one of the team's own in it, as a subquery, and gives texts; looks names up in this
    /// `search_path`.
    ///
    /// The extended protocol takes one statement only; as a subquery it can only read.
    pub(crate) async fn theirs(&self, text: &str, search_path: &[String]) -> Result<Rows> {
        let (short, long) = (self.patience.answer, self.patience.statement);
        let path = format!("set local search_path = {}", quote_list(search_path));
        self.recover(self.all([&path], short).await).await?;
        let asking = async {
            let none: &[(&(dyn tokio_postgres::types::ToSql + Sync), Type)] = &[];
            self.client.query_typed(text, none).await.map_err(|error| self.explain(error))
        };
        let rows = self.recover(self.within(long, asking).await).await?;
        // Held until the savepoint, the locks name the tables that it read.
        let questions = [REWRITTEN_OF_LOCKED, FILTERED_OF_LOCKED, BACK];
        let [rewritten, filtered, _] = self.recover(self.all(questions, short).await).await?;
        refuse_rewritten(rewritten)?;
        refuse_filtered(filtered)?;
        rows.iter()
            .map(|row| {
                let cell = |at| row.try_get::<_, Option<String>>(at).map_err(not_text);
                (0..row.len()).map(cell).collect()
            })
            .collect()
    }

    /// After an error, brings the transaction back to where the next statement can run.
    async fn recover<T>(&self, result: Result<T>) -> Result<T> {
        let Err(error) = result else { return result };
        let lost = error.ends_session() || self.client.is_closed();
        if !lost && self.all([BACK], self.patience.answer).await.is_ok() {
            return Err(error);
        }
        // What was said first is what it died of.
        if error.message() == LOST {
            return Err(error);
        }
        let code = error.sqlstate().map(str::to_owned);
        let lost = Error::lost(LOST).caused_by(error);
        Err(match code {
            Some(code) => lost.with_sqlstate(code),
            None => lost,
        })
    }

    /// Asks the server to stop what this session is doing.
    pub(crate) async fn cancel(&self) {
        tracing::debug!("asking the server to cancel");
        // A second connection; if it fails the session is dropped after the grace.
        let _ = self.line.cancel(&self.cancel).await;
    }
}

/// What each statement comes back to afterwards.
const SAVEPOINT: &str = "savepoint drcore";
const BACK: &str = "rollback to savepoint drcore";

/// Which state of which server's run a transaction sees.
const STATE: &str = "select pg_catalog.pg_postmaster_start_time()::pg_catalog.text || ' ' \
                     || pg_catalog.pg_current_snapshot()::pg_catalog.text";

const LOST: &str = "the connection was lost";

/// Half an answer is none: whatever follows it would be taken for another's.
fn incomplete() -> Error {
    Error::lost("the server's answer is not complete")
}

fn not_text(error: tokio_postgres::Error) -> Error {
    Error::new(ErrorKind::Unsupported, "the server's answer is not UTF-8").caused_by(error)
}

fn first(rows: Rows) -> Option<String> {
    rows.into_iter().next().and_then(|mut row| row.pop().flatten())
}

/// Begins a read-only transaction, on the given snapshot, with every setting pinned that could
/// change an answer. The last two say which state it sees, and set the savepoint.
fn transaction(limits: &Limits, snapshot: Option<&str>) -> Vec<String> {
    let mut sql = vec!["begin isolation level repeatable read read only".to_owned()];
    if let Some(id) = snapshot {
        // Must come before any query.
        sql.push(format!("set transaction snapshot {}", literal(id)));
    }
    sql.extend(
        [
            "search_path = ''",
            "row_security = off",
            "timezone = 'UTC'",
            "datestyle = 'ISO, YMD'",
            "intervalstyle = 'postgres'",
            "extra_float_digits = 3",
            "bytea_output = 'hex'",
            "lc_monetary = 'C'",
            "standard_conforming_strings = on",
            "quote_all_identifiers = off",
            "idle_in_transaction_session_timeout = 0",
            "application_name = 'drcore'",
            "work_mem = '4MB'",
        ]
        .map(|setting| format!("set local {setting}")),
    );
    sql.push(format!("set local lock_timeout = {}", limits.lock_timeout().as_millis()));
    let timeout = limits.statement_timeout().as_millis();
    sql.push(match limits.statement_timeout {
        Some(_) => format!("set local statement_timeout = {timeout}"),
        // A role's own is honoured where it is lower.
        None => format!(
            "select pg_catalog.set_config('statement_timeout', '{timeout}', true) from pg_catalog.pg_settings \
             where name = 'statement_timeout' and setting::pg_catalog.int8 not between 1 and {timeout}"
        ),
    });
    sql.push(
        "select pg_catalog.set_config(name, '0', true) from pg_catalog.pg_settings \
         where name in ('transaction_timeout', 'idle_session_timeout')"
            .to_owned(),
    );
    sql.extend([STATE.to_owned(), SAVEPOINT.to_owned()]);
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

/// The system's views that the transaction has locked and that show the role less than there is.
///
/// Those whose definition asks for privileges. Of them the lists of tables and columns are whole for a
/// role that owns, or has privileges on, each table.
const FILTERED_OF_LOCKED: &str = "\
    with seen as materialized ( \
      select c.oid, n.nspname, c.relname \
      from pg_catalog.pg_locks l \
      join pg_catalog.pg_class c on c.oid = l.relation \
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
      where l.pid = pg_catalog.pg_backend_pid() \
        and l.locktype = 'relation' \
        and c.relkind = 'v' \
        and n.nspname in ('information_schema', 'pg_catalog') \
    ) \
    select s.oid::pg_catalog.regclass::pg_catalog.text \
    from seen s \
    where not (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user) \
      and pg_catalog.pg_get_viewdef(s.oid) ~ '(has_[a-z_]+_privilege|pg_has_role)' \
      and ( \
        s.nspname <> 'information_schema' \
        or s.relname not in ('tables', 'columns') \
        or exists ( \
          select from pg_catalog.pg_class t \
          join pg_catalog.pg_namespace n on n.oid = t.relnamespace \
          where t.relkind in ('r', 'p', 'v', 'f') \
            and t.relpersistence <> 't' \
            and n.nspname <> 'information_schema' \
            and n.nspname not like 'pg\\_%' \
            and not pg_catalog.pg_has_role(t.relowner, 'usage') \
            and not pg_catalog.has_table_privilege(t.oid, 'select, insert, update, references') \
        ) \
      )";

/// Refuses what was read from a view that shows the role less than there is.
fn refuse_filtered(views: Rows) -> Result<()> {
    let views: Vec<String> = views.into_iter().filter_map(|mut row| row.pop().flatten()).collect();
    let Some(first) = views.first() else { return Ok(()) };
    Err(Error::new(ErrorKind::Permission, format!("{first} shows only what the role may use"))
        .hint("Ask pg_catalog.pg_class and the like, which show everything, or verify as a superuser."))
}

/// Refuses what was read where a table was rewritten meanwhile: it read as empty.
fn refuse_rewritten(tables: impl IntoIterator<Item = Vec<Option<String>>>) -> Result<()> {
    let tables: Vec<String> = tables.into_iter().filter_map(|mut row| row.pop().flatten()).collect();
    if tables.is_empty() {
        return Ok(());
    }
    let message = format!("{} rewritten while it was read", named(&tables));
    Err(Error::new(ErrorKind::Query, message)
        .with_sqlstate(REWRITTEN)
        .hint("Run it again while nobody truncates, clusters or fully vacuums the table."))
}

/// The first few, for a partitioned table has many, and how many more.
fn named(tables: &[String]) -> String {
    match tables {
        [one] => format!("{one} was"),
        [first, second, rest @ ..] if rest.len() > 1 => {
            format!("{first}, {second} and {} more were", rest.len())
        }
        _ => format!("{} were", tables.join(", ")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewritten_tables_are_named_and_many_are_counted() {
        let names: Vec<String> = (1..=80).map(|n| format!("p{n}")).collect();
        assert_eq!(named(&names[..1]), "p1 was");
        assert_eq!(named(&names[..3]), "p1, p2, p3 were");
        assert_eq!(named(&names), "p1, p2 and 78 more were");
    }
}
