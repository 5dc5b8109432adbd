//! The sessions that read, on one snapshot.

use std::sync::PoisonError;
use std::time::Instant;

use tokio::sync::{Mutex, mpsc};
use tracing::Instrument;

use super::answer::Answer;
use super::asking::{CANCEL_GRACE, ask_on};
use super::explain::explain;
use super::job::Job;
use super::jobs::{Parents, Reading, plan_jobs};
use super::progress::{Phase, Tracker};
use super::queue::{End, Queue};
use super::references::{self, Countable, KeySets, ReadKeys};
use super::request::Wants;
use super::sizes::Sizes;
use super::stop::Stop;
use super::storage::{self, Storages};
use crate::connect::{Rows, Session, Snapshot, Source};
use crate::content::ContentWay;
use crate::error::{Error, Result};
use crate::evidence::{Catalog, Cause, CauseKind, Evidence, Run};
use crate::plan::Plan;
use crate::sql::QualifiedName;
use crate::text::milliseconds;

/// Sessions on one snapshot.
pub(super) struct Pool<'s> {
    source: &'s Source,
    /// Holds the snapshot, so that others can join it. It may be lost while those that joined read on.
    keeper: Option<Session>,
    /// What they join; none where it cannot be shared, and the one that began it reads alone.
    snapshot: Option<Snapshot>,
    readers: Vec<Mutex<Option<Session>>>,
    /// Why the first session was lost that could not be replaced: later ones only find the snapshot gone.
    loss: std::sync::Mutex<Option<Error>>,
    begun: Instant,
    /// Whether the server is a standby.
    in_recovery: bool,
}

/// What is still to be asked.
type Tasks = Mutex<Queue<Task>>;

/// A job in the queue.
struct Task {
    job: Job,
    /// Bytes that the server reads for it, roughly.
    bytes: u64,
    /// Whether it goes back to the end of the queue where the server was only short of something.
    again: bool,
}

impl Task {
    fn new(job: Job) -> Self {
        Self { job, bytes: 0, again: true }
    }

    /// These in its stead.
    fn pieces(&self, jobs: Vec<Job>) -> Vec<Self> {
        let share = self.bytes / (jobs.len() as u64).max(1);
        jobs.into_iter().map(|job| Self { bytes: share, ..Self::new(job) }).collect()
    }
}

impl<'s> Pool<'s> {
    pub(super) async fn open(
        source: &'s Source,
        plan: &Plan,
        exporter: Session,
        mut snapshot: Option<Snapshot>,
        run: &mut Run,
    ) -> Self {
        let mut readers = Vec::new();
        if let Some(shared) = &snapshot {
            for _ in 0..plan.limits.sessions() {
                match source.joined(&plan.limits, shared).await {
                    Ok(session) => readers.push(Mutex::new(Some(session))),
                    Err(error) if readers.is_empty() => {
                        run.notes.push(format!("one session only: {error}"));
                        snapshot = None;
                        break;
                    }
                    // Fewer sessions read as well as more, only slower.
                    Err(error) => {
                        run.notes.push(format!(
                            "only {} read: {error}",
                            crate::text::plural(readers.len() as u64, "session")
                        ));
                        break;
                    }
                }
            }
        } else {
            run.notes.push("one session only: the snapshot cannot be shared here".to_owned());
        }
        let keeper = if readers.is_empty() {
            readers.push(Mutex::new(Some(exporter)));
            None
        } else {
            Some(exporter)
        };
        run.sessions = u32::try_from(readers.len()).unwrap_or(1);
        run.one_snapshot = true;
        let (loss, begun) = (std::sync::Mutex::default(), Instant::now());
        Self { source, keeper, snapshot, readers, loss, begun, in_recovery: run.in_recovery() }
    }

    pub(super) async fn close(self) {
        let readers = self.readers.into_iter().filter_map(Mutex::into_inner);
        let ends = futures::future::join_all(readers.chain(self.keeper).map(Session::end));
        // Whoever does not answer is hung up on: dropping the sessions closes them.
        let _ = tokio::time::timeout(CANCEL_GRACE, ends).await;
    }

    /// Answers all requests of one round.
    ///
    /// # Errors
    /// Why no session is left on the snapshot. What was answered before that stands.
    pub(super) async fn answer(
        &self,
        reading: Reading<'_>,
        wants: Wants,
        evidence: &mut Evidence,
        stop: &Stop,
        tracker: &Tracker,
    ) -> Result<()> {
        let storages = self.storages(reading.plan, &wants, evidence, stop).await;
        let mut wants = wants;
        if let Some(shard) = reading.shard {
            let others;
            (wants, others) = shard.divide(&wants, &storages, reading.blocks);
            // Said, and not left out: they are asked for, and not answered here.
            for job in plan_jobs(reading, others, evidence, &storages, &Parents::default()) {
                job.keep(Err(shard.left()), evidence);
            }
        }
        let asked = Asked { plan: reading.plan, storages: &storages, stop, tracker };
        let parents = match reading.references {
            ContentWay::Server => Parents::default(),
            ContentWay::Stream => self.parents(asked, &wants, &evidence.catalog).await?,
        };
        let jobs = plan_jobs(reading, wants, evidence, &storages, &parents);
        // Whoever looks parents up holds their keys, and lets go of them when it is done.
        drop(parents);
        let phase =
            if jobs.iter().any(|job| matches!(job, Job::Catalog(_))) { Phase::Catalog } else { Phase::Scan };
        let tasks = asked.begin(phase, jobs, &evidence.catalog);
        self.answer_tasks(asked, phase, &tasks, |job, answer| job.keep(answer, evidence)).await
    }

    /// Answers these jobs; each answer is kept by `keep`, which gives the rows that were counted.
    ///
    /// # Errors
    /// Why no session is left on the snapshot. What was answered before that stands.
    async fn answer_tasks(
        &self,
        asked: Asked<'_>,
        phase: Phase,
        queue: &Tasks,
        mut keep: impl FnMut(&Job, Result<Answer, Cause>) -> u64,
    ) -> Result<()> {
        let Asked { plan, stop, tracker, .. } = asked;
        let (send, mut receive) = mpsc::unbounded_channel::<Answered>();
        let asking = async {
            let send = send;
            self.work_off(Round { plan, queue, send: &send, stop, tracker }).await
        };
        let keeping = async {
            while let Some(Answered { job, bytes, rows, elapsed_ms }) = receive.recv().await {
                let unread = rows.as_ref().err().map(|cause| cause.kind);
                let rows = keep(&job, rows);
                tracker.step(phase, rows, bytes);
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
        tokio::join!(asking, keeping).0
    }

    /// The keys of the parents whose children's rows are looked up here.
    ///
    /// # Errors
    /// Why no session is left on the snapshot.
    async fn parents(&self, asked: Asked<'_>, wants: &Wants, catalog: &Catalog) -> Result<Parents> {
        let mut parents = Parents { countable: Countable::all(wants, catalog), keys: KeySets::new() };
        if let (Some(question), Some(reader)) =
            (references::question(&parents.countable), self.readers.first())
        {
            // What is not known is left to the server.
            let rows = self.question(reader, asked.plan, question, asked.stop).await;
            references::retain_bytewise(&mut parents.countable, &rows.unwrap_or_default());
        }
        let reads = ReadKeys::plan(&parents.countable, catalog, asked.storages);
        if reads.is_empty() {
            return Ok(Parents::default());
        }
        let tasks = asked.begin(Phase::Scan, reads.into_iter().map(Job::Keys).collect(), catalog);
        let keep = |job: &Job, answer| {
            if let (Job::Keys(read), Ok(Answer::Keys(Some(keys)))) = (job, answer) {
                parents.keys.insert((read.parent.clone(), read.columns.clone()), keys.into());
            }
            0
        };
        self.answer_tasks(asked, Phase::Scan, &tasks, keep).await?;
        Ok(parents)
    }

    /// How the tables are stored that are asked about; where nobody knows, they are read as a whole.
    async fn storages(&self, plan: &Plan, wants: &Wants, evidence: &Evidence, stop: &Stop) -> Storages {
        let tables: Vec<&QualifiedName> = wants.tables().into_iter().collect();
        let Some(reader) = self.readers.first().filter(|_| !tables.is_empty()) else {
            return Storages::new();
        };
        // Who cannot be asked anything says so when the tables are read.
        let rows = self.question(reader, plan, storage::question(&tables), stop).await;
        rows.map_or_else(Storages::new, |rows| storage::understand(&tables, &rows, evidence.major()))
    }

    /// What only decides how something is read; none where nobody answers.
    async fn question(
        &self,
        reader: &Mutex<Option<Session>>,
        plan: &Plan,
        question: String,
        stop: &Stop,
    ) -> Option<Rows> {
        match self.ask(reader, plan, &Job::Question(question), stop).await {
            Ok(Ok(Answer::Rows(rows))) => return Some(rows),
            Ok(Err(cause)) => {
                tracing::debug!(why = cause.message, "how something is best read is not known");
            }
            Ok(Ok(_)) => {}
            Err(error) => self.note_loss(error),
        }
        None
    }

    /// Keeps why the first session was lost.
    fn note_loss(&self, error: Error) {
        self.loss.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    /// Works off the queue with all sessions.
    async fn work_off(&self, round: Round<'_>) -> Result<()> {
        let mut readers: Vec<(End, &Mutex<Option<Session>>)> =
            self.readers.iter().enumerate().map(|(number, reader)| (End::of(number), reader)).collect();
        loop {
            let works = readers.iter().map(|(end, reader)| self.work(reader, *end, round));
            let ends = futures::future::join_all(works).await;
            if round.queue.lock().await.is_empty() || round.stop.is_stopped() {
                return Ok(());
            }
            // Who lost its session gave its job back, maybe after the others had gone home.
            let mut left = Vec::new();
            for (reader, end) in readers.into_iter().zip(ends) {
                match end {
                    Ok(()) => left.push(reader),
                    Err(error) => self.note_loss(error),
                }
            }
            if left.is_empty() {
                let loss = self.loss.lock().unwrap_or_else(PoisonError::into_inner).take();
                return Err(loss.unwrap_or_else(|| Error::lost("there is no session")));
            }
            readers = left;
        }
    }

    /// Works off the queue with one session.
    ///
    /// # Errors
    /// Why there is no session; its job is in the queue again.
    async fn work(&self, reader: &Mutex<Option<Session>>, end: End, round: Round<'_>) -> Result<()> {
        let Round { plan, queue, send, stop, tracker } = round;
        loop {
            let Some(task) = queue.lock().await.take(end) else { return Ok(()) };
            if let Some(cause) = task.job.hopeless().cloned() {
                let _ =
                    send.send(Answered { job: task.job, bytes: task.bytes, rows: Err(cause), elapsed_ms: 0 });
                continue;
            }
            let pieces = task.job.split_before();
            if !pieces.is_empty() {
                tracker.more(pieces.len() - 1);
                let mut queue = queue.lock().await;
                task.pieces(pieces).into_iter().rev().for_each(|task| queue.give_back(task));
                continue;
            }
            let started = Instant::now();
            let span = tracing::debug_span!("job", job = task.job.label(), object = task.job.object());
            let asking = async {
                if let Some(cause) = stop.cause().or_else(|| self.too_old(plan)) {
                    return Ok(Err(cause));
                }
                let rows = self.ask(reader, plan, &task.job, stop).await?;
                self.check_snapshot().await.map(|()| rows)
            };
            let rows = match asking.instrument(span).await {
                Ok(rows) => rows,
                Err(error) => {
                    queue.lock().await.give_back(task);
                    return Err(error);
                }
            };
            if let Err(cause) = &rows {
                let pieces = task.job.split(cause);
                if !pieces.is_empty() {
                    tracker.more(pieces.len() - 1);
                    let mut queue = queue.lock().await;
                    task.pieces(pieces).into_iter().rev().for_each(|task| queue.give_back(task));
                    continue;
                }
                if task.again && (is_shortage(cause) || task.job.may_be_slow_by_chance(cause)) {
                    queue.lock().await.put_last(Task { again: false, ..task });
                    continue;
                }
                let instead = task.job.give_up(cause);
                tracker.more(instead.len());
                let mut queue = queue.lock().await;
                for job in instead {
                    queue.put_last(Task::new(job));
                }
            }
            // The keeper lives as long as the readers.
            let elapsed_ms = milliseconds(started);
            let _ = send.send(Answered { job: task.job, bytes: task.bytes, rows, elapsed_ms });
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

    /// Whether what was just read is still of the snapshot, on a standby.
    ///
    /// There, what the primary vacuums away is removed as soon as the sessions are gone that needed it when the
    /// removal came up. A session that joins later is not among them: under it, rows vanish that it should see.
    /// The one that holds the snapshot is among them always, so while it lives nothing was removed.
    /// Source: `ResolveRecoveryConflictWithVirtualXIDs` in PostgreSQL's `src/backend/storage/ipc/standby.c`.
    async fn check_snapshot(&self) -> Result<()> {
        match &self.keeper {
            Some(keeper) if self.in_recovery => keeper.ping().await,
            _ => Ok(()),
        }
    }

    /// Asks for one job.
    ///
    /// # Errors
    /// Why there is no session to ask on.
    async fn ask(
        &self,
        reader: &Mutex<Option<Session>>,
        plan: &Plan,
        job: &Job,
        stop: &Stop,
    ) -> Result<Result<Answer, Cause>> {
        let mut held = reader.lock().await;
        let mut lost: Option<Error> = None;
        loop {
            let session = match &*held {
                Some(session) => session,
                None => match stop.or(self.join(plan)).await {
                    Ok(session) => held.insert(session),
                    Err(error) => {
                        return match stop.cause() {
                            Some(cause) => Ok(Err(cause)),
                            // Why it was lost says more than that the snapshot is gone.
                            None => Err(lost.unwrap_or(error)),
                        };
                    }
                },
            };
            let error = match ask_on(session, job, stop).await {
                Ok(rows) => return Ok(Ok(rows)),
                Err(error) => error,
            };
            let cause = match stop.cause() {
                Some(cause) => cause,
                None => explain(job, &error, session, self.in_recovery).await,
            };
            if !error.ends_session() {
                return Ok(Err(cause));
            }
            *held = None;
            // Nothing is lost by asking once more on the same snapshot.
            if lost.is_some() {
                return Ok(Err(cause));
            }
            lost = Some(error);
        }
    }

    /// A further session on the snapshot.
    async fn join(&self, plan: &Plan) -> Result<Session> {
        match &self.snapshot {
            Some(snapshot) => self.source.joined(&plan.limits, snapshot).await,
            None => Err(Error::lost("the session that held the snapshot was lost")),
        }
    }
}

/// Whether the server was only short of something, which others may have given back a moment later.
fn is_shortage(cause: &Cause) -> bool {
    // disk_full, out_of_memory (which is the lock table's too), serialization_failure, deadlock_detected
    matches!(cause.sqlstate.as_deref(), Some("53100" | "53200" | "40001" | "40P01"))
}

/// What is asked for in one round, and until when.
#[derive(Clone, Copy)]
struct Asked<'a> {
    plan: &'a Plan,
    storages: &'a Storages,
    stop: &'a Stop,
    tracker: &'a Tracker,
}

impl Asked<'_> {
    /// The queue of these jobs, as it is told.
    fn begin(&self, phase: Phase, jobs: Vec<Job>, catalog: &Catalog) -> Tasks {
        let sizes = Sizes::of(catalog, self.storages);
        self.tracker.begin(phase, jobs.len(), jobs.iter().map(|job| job.bytes(&sizes)).sum());
        let task = |job: Job| Task { bytes: job.bytes(&sizes), ..Task::new(job) };
        Mutex::new(Queue::new(jobs.into_iter().map(task), |task| task.job.place(&sizes)))
    }
}

/// What the sessions of one round share.
#[derive(Clone, Copy)]
struct Round<'r> {
    plan: &'r Plan,
    queue: &'r Tasks,
    send: &'r mpsc::UnboundedSender<Answered>,
    stop: &'r Stop,
    tracker: &'r Tracker,
}

/// What one job came to.
struct Answered {
    job: Job,
    bytes: u64,
    rows: Result<Answer, Cause>,
    elapsed_ms: u64,
}
