//! The sessions that read, on one snapshot.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, mpsc};
use tracing::Instrument;

use super::answer::{ColumnKind, Job};
use super::progress::{Phase, Tracker};
use super::recent::RecentRows;
use super::request::{Request, Wants};
use super::stop::Stop;
use crate::connect::{Rows, Session, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::catalog::Catalog;
use crate::evidence::{Cause, CauseKind, Evidence, Run};
use crate::plan::Plan;
use crate::sql::{QualifiedName, literal};
use crate::text::milliseconds;

/// How long a server may take to act on a cancel request before the connection is dropped.
const CANCEL_GRACE: Duration = Duration::from_millis(800);

/// How many sequences one statement reads: one each would be one round trip each.
const SEQUENCES: usize = 200;

/// How long to wait before asking again.
const CANCEL_AGAIN: Duration = Duration::from_millis(100);

/// Sessions on one snapshot. The first holds it and, where others can join, does nothing else.
pub(super) struct Pool<'s> {
    source: &'s Source,
    exporter: Session,
    workers: Vec<Mutex<Option<Session>>>,
    /// What others join; none where sharing is impossible, and the exporter reads itself.
    snapshot: Option<String>,
    begun: Instant,
    lost: AtomicBool,
}

impl<'s> Pool<'s> {
    pub(super) async fn open(
        source: &'s Source,
        plan: &Plan,
        exporter: Session,
        snapshot: Option<String>,
        run: &mut Run,
    ) -> Result<Self> {
        let mut workers = Vec::new();
        let mut snapshot = snapshot;
        if let Some(id) = &snapshot {
            for _ in 0..plan.limits.sessions() {
                match source.joined(&plan.limits, id).await {
                    Ok(session) => workers.push(Mutex::new(Some(session))),
                    Err(error) if workers.is_empty() => {
                        run.notes.push(format!("one session only: {error}"));
                        snapshot = None;
                        break;
                    }
                    // Fewer sessions read as well as more, only slower.
                    Err(error) => {
                        run.notes.push(format!(
                            "only {} read: {error}",
                            crate::text::plural(workers.len() as u64, "session")
                        ));
                        break;
                    }
                }
            }
        } else {
            run.notes.push("one session only: the snapshot cannot be shared here".to_owned());
        }
        run.sessions = u32::try_from(workers.len().max(1)).unwrap_or(1);
        run.one_snapshot = true;
        Ok(Self { source, exporter, workers, snapshot, begun: Instant::now(), lost: AtomicBool::new(false) })
    }

    /// Whether the snapshot is gone, so that going on is worth nothing.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether the snapshot was there until the end.
    pub(super) async fn check_snapshot(&self) -> Result<()> {
        self.exporter.simple("select 1").await.map(drop).map_err(|error| {
            Error::new(ErrorKind::Connection, "the session that held the snapshot was lost").caused_by(error)
        })
    }

    pub(super) async fn close(self) {
        let rollbacks = async {
            for worker in &self.workers {
                if let Some(session) = worker.lock().await.take() {
                    session.rollback().await;
                }
            }
            self.exporter.rollback().await;
        };
        // Whoever does not answer is hung up on: dropping the sessions closes them.
        let _ = tokio::time::timeout(CANCEL_GRACE, rollbacks).await;
    }

    /// Answers all requests of one round.
    pub(super) async fn answer(
        &self,
        plan: &Plan,
        wants: Wants,
        evidence: &mut Evidence,
        stop: &Stop,
        tracker: &Tracker,
    ) {
        let jobs = plan_jobs(plan, wants, &evidence.catalog);
        let phase =
            if jobs.iter().any(|job| matches!(job, Job::Catalog(_))) { Phase::Catalog } else { Phase::Scan };
        tracker.begin(phase, jobs.len());
        let queue = Mutex::new(VecDeque::from(jobs));
        let (send, mut receive) = mpsc::unbounded_channel::<Answer>();
        let readers = async {
            let send = send;
            if self.workers.is_empty() {
                self.work(None, plan, &queue, &send, stop).await;
            } else {
                let works = self.workers.iter().map(|slot| self.work(Some(slot), plan, &queue, &send, stop));
                futures::future::join_all(works).await;
            }
        };
        let keeper = async {
            while let Some(Answer { job, rows, elapsed_ms }) = receive.recv().await {
                let unread = rows.as_ref().err().map(|cause| cause.kind);
                let rows = job.keep(rows, evidence);
                tracker.step(phase, rows);
                tracing::debug!(
                    job = job.label(),
                    object = job.object(),
                    rows,
                    elapsed_ms,
                    unread = unread.map(tracing::field::debug),
                    "answered"
                );
            }
        };
        tokio::join!(readers, keeper);
    }

    /// Works off the queue with one session.
    async fn work(
        &self,
        slot: Option<&Mutex<Option<Session>>>,
        plan: &Plan,
        queue: &Mutex<VecDeque<Job>>,
        send: &mpsc::UnboundedSender<Answer>,
        stop: &Stop,
    ) {
        loop {
            let Some(job) = queue.lock().await.pop_front() else { return };
            let started = Instant::now();
            let rows = if let Some(cause) = stop.cause().or_else(|| self.too_old(plan)) {
                Err(cause)
            } else {
                let span = tracing::debug_span!("job", job = job.label(), object = job.object());
                self.ask(slot, plan, &job, stop).instrument(span).await
            };
            if matches!(&rows, Err(cause) if is_of_one(cause)) {
                let pieces = job.split();
                if !pieces.is_empty() {
                    queue.lock().await.extend(pieces);
                    continue;
                }
            }
            // The keeper lives as long as the readers.
            let _ = send.send(Answer { job, rows, elapsed_ms: milliseconds(started) });
        }
    }

    /// Why nothing more is begun, once the snapshot is as old as the plan allows.
    fn too_old(&self, plan: &Plan) -> Option<Cause> {
        let limit = plan.limits.snapshot_age?;
        (self.begun.elapsed() >= limit.into()).then(|| {
            let message = format!("the snapshot is as old as limits.snapshot_age allows ({limit})");
            Cause::new(CauseKind::SnapshotAge, message).hint(
                "Raise limits.snapshot_age, read with more sessions, or ask for fewer checks with --only.",
            )
        })
    }

    async fn ask(
        &self,
        slot: Option<&Mutex<Option<Session>>>,
        plan: &Plan,
        job: &Job,
        stop: &Stop,
    ) -> Result<Rows, Cause> {
        let Some(slot) = slot else {
            return ask_on(&self.exporter, job, stop).await.map_err(|(cause, _)| cause);
        };
        let mut held = slot.lock().await;
        // A lost session is replaced once a job: nothing is lost by asking again on the same snapshot.
        for retry in [false, true] {
            if held.is_none() {
                let Some(id) = &self.snapshot else { break };
                match self.source.joined(&plan.limits, id).await {
                    Ok(session) => *held = Some(session),
                    Err(error) => {
                        if error.kind() != ErrorKind::Connection {
                            // The snapshot is not there any more: its holder is gone.
                            self.lost.store(true, Ordering::Relaxed);
                        }
                        return Err(stop.cause().unwrap_or_else(|| Cause::from(&error)));
                    }
                }
            }
            let Some(session) = held.as_ref() else { break };
            match ask_on(session, job, stop).await {
                Ok(rows) => return Ok(rows),
                Err((cause, alive)) => {
                    if !alive {
                        *held = None;
                    }
                    if alive || retry || stop.is_stopped() {
                        return Err(cause);
                    }
                }
            }
        }
        Err(Cause::new(CauseKind::Connection, "the session was lost"))
    }
}

/// What one job came to.
struct Answer {
    job: Job,
    rows: Result<Rows, Cause>,
    elapsed_ms: u64,
}

/// Whether one of several things that were asked for together may have spoilt the answer for all.
fn is_of_one(cause: &Cause) -> bool {
    !matches!(
        cause.kind,
        CauseKind::Cancelled | CauseKind::Connection | CauseKind::Deadline | CauseKind::SnapshotAge
    )
}

/// Asks on one session. On failure, says whether the session can still be used.
async fn ask_on(session: &Session, job: &Job, stop: &Stop) -> Result<Rows, (Cause, bool)> {
    let Some(sql) = job.sql() else { return Ok(Vec::new()) };
    let asking = async {
        match job {
            Job::Assertion(assertion) => session.assertion(&sql, &assertion.search_path()).await,
            _ => session.scan(&sql, rewrite_check(job).as_deref()).await,
        }
    };
    tokio::pin!(asking);
    let result = tokio::select! {
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
            match tokio::time::timeout(CANCEL_GRACE, cancelled).await {
                Ok(result) => result,
                Err(_) => Err(Error::new(ErrorKind::Connection, "the server did not act on the cancel request")),
            }
        }
    };
    match result {
        Ok(rows) => Ok(rows),
        Err(error) => {
            let cause = stop.cause().unwrap_or_else(|| explain(job, &error));
            Err((cause, error.kind() != ErrorKind::Connection))
        }
    }
}

/// What would make it readable, where we know.
fn explain(job: &Job, error: &Error) -> Cause {
    let cause = Cause::of_error(error);
    let object = match job {
        Job::Table { name, .. } => name.to_string(),
        Job::Recent(recent) => recent.table.to_string(),
        Job::Sequences(names) => names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Job::Orphans(reference) | Job::OrphanSample { reference, .. } => {
            format!("{}, {}", reference.child, reference.parent)
        }
        _ => String::new(),
    };
    match cause.kind {
        CauseKind::Permission if !object.is_empty() => {
            let what = if matches!(job, Job::Sequences(_)) { "select on sequence" } else { "select on" };
            cause.hint(format!("grant {what} {object} to the role that verifies, and usage on its schema."))
        }
        CauseKind::RowSecurity => cause.hint("Verify with a role that has BYPASSRLS, or the table's owner."),
        CauseKind::StatementTimeout => cause.hint("Raise limits.statement_timeout in the plan."),
        CauseKind::LockTimeout => {
            cause.hint("Somebody holds an exclusive lock; try again, or raise limits.lock_timeout.")
        }
        _ => cause,
    }
}

/// A statement that tells whether a table that the job reads was truncated or rewritten since the snapshot.
///
/// Such a table reads as empty under the old snapshot. `pg_class` is read as of
/// the snapshot, `pg_relation_filenode()` as of now; the job's own lock keeps it so.
/// Source: PostgreSQL documentation, 13.6 Caveats.
fn rewrite_check(job: &Job) -> Option<String> {
    let tables = job.reads();
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

/// Turns requests into statements: everything about one table that one pass can answer is one.
fn plan_jobs(plan: &Plan, wants: Wants, catalog: &Catalog) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut tables: BTreeMap<QualifiedName, (bool, Vec<String>)> = BTreeMap::new();
    let mut sequences: Vec<QualifiedName> = Vec::new();
    for request in wants.into_requests() {
        match request {
            Request::Catalog(name) => jobs.push(Job::Catalog(name)),
            Request::Rows(table) => tables.entry(table).or_default().0 = true,
            Request::Extremes(table, column) => tables.entry(table).or_default().1.push(column),
            Request::Recent { table, column, since, tenant } => {
                jobs.extend(recent_job(table, column, since, tenant, catalog));
            }
            Request::Orphans(reference) => jobs.push(Job::Orphans(reference)),
            Request::OrphanSample(reference) => {
                let key = Job::key_of(&reference.child, catalog);
                let tenant = Job::tenant_of(&reference.child, plan, catalog);
                jobs.push(Job::OrphanSample { reference, key, tenant });
            }
            Request::Sequence(name) => sequences.push(name),
            Request::Assertion(name) => jobs.extend(plan.assertion(&name).cloned().map(Job::Assertion)),
        }
    }
    for (name, (rows, columns)) in tables {
        jobs.extend(table_jobs(name, rows, columns, catalog));
    }
    jobs.extend(sequences.chunks(SEQUENCES).map(|names| Job::Sequences(names.to_vec())));
    // Biggest first, so that no session is left alone with the longest.
    jobs.sort_by_cached_key(|job| std::cmp::Reverse(job.weight(catalog)));
    jobs
}

/// None where the catalog knows no such column: then nobody should have asked, and it stays unread.
fn recent_job(
    table: QualifiedName,
    column: String,
    since: jiff::Timestamp,
    tenant: Option<String>,
    catalog: &Catalog,
) -> Option<Job> {
    let relation = catalog.relation(&table).ok().flatten()?;
    let found = catalog.column(&table, &column).ok().flatten()?;
    Some(Job::Recent(RecentRows {
        from: relation.from_sql(),
        zoneless: !found.plain_type().contains("with time zone"),
        nullable: !found.not_null,
        table,
        column,
        since,
        tenant,
    }))
}

fn table_jobs(name: QualifiedName, rows: bool, columns: Vec<String>, catalog: &Catalog) -> Vec<Job> {
    let missing = |what: String| Cause::new(CauseKind::Error, what);
    let Ok(Some(relation)) = catalog.relation(&name) else {
        let cause = missing(format!("{name} is not there"));
        let mut jobs: Vec<Job> = columns
            .into_iter()
            .map(|column| Job::Impossible { table: name.clone(), column: Some(column), cause: cause.clone() })
            .collect();
        if rows {
            jobs.push(Job::Impossible { table: name, column: None, cause });
        }
        return jobs;
    };
    let mut jobs = Vec::new();
    let mut known = Vec::new();
    for column in columns {
        match catalog.column(&name, &column) {
            Ok(Some(found)) => {
                known.push((column, if found.is_time() { ColumnKind::Time } else { ColumnKind::Other }));
            }
            Ok(None) => {
                let cause = missing(format!("{name} has no column {column}"));
                jobs.push(Job::Impossible { table: name.clone(), column: Some(column), cause });
            }
            Err(cause) => jobs.push(Job::Impossible { table: name.clone(), column: Some(column), cause }),
        }
    }
    if rows || !known.is_empty() {
        jobs.push(Job::Table { from: relation.from_sql(), name, rows, columns: known });
    }
    jobs
}
