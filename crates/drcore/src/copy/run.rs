//! Doing what a copy plan says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::pipe::pipe;
use super::plan::CopyPlan;
use super::tables::{SequenceCopy, TableCopy};
use crate::collect::{Progress, Stop, rewrite_check, unless_stopped};
use crate::connect::{RestoreTarget, Session, Snapshot, Source, Write};
use crate::content::Blocks;
use crate::error::{Error, ErrorKind, Result};
use crate::finding::Severity;
use crate::report::Report;
use crate::restore::marker::Marker;
use crate::restore::replica::begin;
use crate::restore::{APPLICATION, ExecuteOptions, ObjectError, alone};
use crate::sql::{QualifiedName, literal, quote_list};
use crate::text::milliseconds;

/// A copy that came to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Copied")]
#[non_exhaustive]
pub struct Copied {
    /// Always `drcore.copied/1`.
    pub format: String,
    /// What was done.
    pub plan: CopyPlan,
    /// The tables whose rows all came.
    pub tables: Vec<CopiedTable>,
    /// What could not be copied: as long as it is missing, the target stays marked, and does not verify.
    pub errors: Vec<ObjectError>,
    /// The copied tables of the target, compared with the snapshot that was copied; none where something is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Box<Report>>,
    /// All that is volatile.
    pub run: CopyRun,
}

/// A table whose rows were copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "CopiedTable")]
#[non_exhaustive]
pub struct CopiedTable {
    /// The table.
    pub table: QualifiedName,
    /// How many rows the target took in.
    pub rows: u64,
    /// Columns of the source that the target lacks: their values are lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
}

/// All that is volatile about a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "CopyRun")]
#[non_exhaustive]
pub struct CopyRun {
    /// When it began.
    pub started_at: Timestamp,
    /// How long the rows took to come, verifying not counted.
    pub elapsed_ms: u64,
    /// Every statement that was sent to the target besides the rows.
    pub writes: Vec<Write>,
}

impl Copied {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.copied/1";

    /// The exit code of the command: 1 if something could not be copied, else what verifying came to.
    pub fn exit_code(&self) -> u8 {
        match &self.report {
            Some(report) if self.errors.is_empty() => report.exit_code(Severity::Warning),
            _ => 1,
        }
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }
}

/// Rows of a table that one session copies.
#[derive(Debug)]
struct Part<'p> {
    table: &'p TableCopy,
    heap: &'p QualifiedName,
    blocks: Blocks,
    /// Roughly.
    length: u32,
}

/// Blocks of a table that are worth a part of their own.
const LARGE: u32 = 8 << 10;

/// The two databases, and the snapshot that all rows are of.
pub(super) struct Copying<'c> {
    pub(super) plan: &'c CopyPlan,
    pub(super) source: &'c Source,
    pub(super) snapshot: &'c Snapshot,
    /// Holds the snapshot.
    pub(super) held: &'c Session,
    pub(super) target: &'c RestoreTarget,
    pub(super) options: &'c ExecuteOptions,
    pub(super) stop: &'c Stop,
}

/// What came, as far as it did.
#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<QualifiedName, u64>,
    errors: BTreeMap<QualifiedName, String>,
    done: u64,
}

impl Copying<'_> {
    /// Copies all tables. One that cannot be copied does not keep the others from it.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if the target is not as it was planned; whatever ends a session. Then, and if it is
    /// stopped, the target stays marked.
    pub(super) async fn run(&self) -> Result<Copied> {
        let (began, started_at) = (Instant::now(), Timestamp::now());
        let (plan, limits) = (self.plan, &self.options.limits);
        let writes_before = self.target.target().writes().len();
        let watching = self.target.session(limits).await?;
        // Until its session ends.
        alone::enter(&watching).await?;
        plan.fits(&watching).await?;
        let what = format!("copy of {}", plan.source.name());
        Marker::set(self.target, &plan.mark(), &what, &plan.digest, false, limits).await?;
        if plan.empties() {
            self.empty().await?;
        }
        let state = Mutex::new(State::default());
        self.copy_all(&state).await?;
        let State { rows, errors, .. } = state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut failed: Vec<ObjectError> =
            errors.iter().map(|(table, message)| failure(format!("rows of {table}"), message)).collect();
        if failed.is_empty() {
            match self.set_sequences().await {
                Err(error) if error.ends_session() => return Err(error),
                Err(error) => failed.push(failure("sequences".to_owned(), &error.to_string())),
                Ok(()) => {}
            }
        }
        self.collect_statistics(&watching).await?;
        if failed.is_empty() {
            Marker::clear(self.target, limits).await?;
        }
        let came = plan.tables.iter().filter(|table| !errors.contains_key(&table.table));
        let tables = came.map(|table| CopiedTable {
            table: table.table.clone(),
            rows: rows.get(&table.table).copied().unwrap_or(0),
            dropped: table.dropped.clone(),
        });
        Ok(Copied {
            format: Copied::FORMAT.to_owned(),
            plan: plan.clone(),
            tables: tables.collect(),
            errors: failed,
            report: None,
            run: CopyRun {
                started_at,
                elapsed_ms: milliseconds(began),
                writes: self.target.target().writes().split_off(writes_before),
            },
        })
    }

    /// Takes away what the tables of the target hold: all of it, or nothing.
    async fn empty(&self) -> Result<()> {
        let tables: Vec<&str> = self.plan.tables.iter().map(|table| table.own_rows.as_str()).collect();
        let truncate = format!("truncate {}", tables.join(", "));
        let mut statements = vec![truncate.as_str()];
        if self.plan.replica_role {
            statements.insert(0, "set local session_replication_role = replica");
        }
        self.target.target().transaction(&statements, &self.options.limits, &self.options.cancel).await
    }

    async fn copy_all(&self, state: &Mutex<State>) -> Result<()> {
        let parts = self.parts().await?;
        let total = parts.len() as u64;
        let began = Instant::now();
        let queue = Mutex::new(VecDeque::from(parts));
        let workers = (0..self.plan.jobs).map(|_| async {
            let mut pair: Option<Pair> = None;
            while let Some(part) = next(&queue) {
                if lock(state).errors.contains_key(&part.table.table) {
                    continue;
                }
                let pair = match &mut pair {
                    Some(pair) => pair,
                    none => none.insert(Pair::open(self).await?),
                };
                let copied = pair.copy(self, &part).await;
                let mut state = lock(state);
                match copied {
                    Ok(rows) => *state.rows.entry(part.table.table.clone()).or_default() += rows,
                    Err(error) if error.ends_session() || self.stop.is_stopped() => return Err(error),
                    Err(error) => {
                        tracing::warn!(table = %part.table.table, error = %error, "not copied");
                        state.errors.insert(part.table.table.clone(), error.to_string());
                    }
                }
                state.done += 1;
                if let Some(tell) = &self.options.progress {
                    let rows = state.rows.values().sum();
                    tell(Progress::of_copy(state.done, total, rows, began.elapsed()));
                }
            }
            if let Some(pair) = pair {
                pair.end().await;
            }
            Ok(())
        });
        futures::future::try_join_all(workers).await.map(drop)
    }

    /// What is copied at a time: the largest first, unless parents must be there before their children.
    async fn parts(&self) -> Result<Vec<Part<'_>>> {
        let blocks = self.blocks().await?;
        // Before, a range of blocks would be looked for in the whole table.
        let by_range = self.source_major().await? >= 14 && self.plan.jobs > 1;
        let mut parts = Vec::new();
        for table in &self.plan.tables {
            for heap in &table.heaps {
                let blocks = blocks.get(heap).copied().unwrap_or(0);
                let count = if by_range { (blocks / LARGE).min(16 * self.plan.jobs) } else { 1 };
                parts.extend(Blocks::split(blocks, count.max(1)).into_iter().map(|range| Part {
                    table,
                    heap,
                    blocks: range,
                    length: range.length(blocks),
                }));
            }
        }
        if self.plan.jobs > 1 {
            parts.sort_by_key(|part| std::cmp::Reverse(part.length));
        }
        Ok(parts)
    }

    async fn source_major(&self) -> Result<u32> {
        Ok(self.held.server().await?.version_num / 10_000)
    }

    /// How many blocks each table of the source has.
    async fn blocks(&self) -> Result<BTreeMap<QualifiedName, u32>> {
        let schemas: BTreeSet<String> = self
            .plan
            .tables
            .iter()
            .flat_map(|table| &table.heaps)
            .map(|heap| literal(&heap.schema))
            .collect();
        let schemas: Vec<String> = schemas.into_iter().collect();
        let sql = format!(
            "select n.nspname, c.relname, (pg_catalog.pg_relation_size(c.oid) \
               / pg_catalog.current_setting('block_size')::pg_catalog.int8)::pg_catalog.text \
             from pg_catalog.pg_class c \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             join pg_catalog.pg_am a on a.oid = c.relam and a.amname = 'heap' \
             where c.relkind = 'r' and n.nspname in ({})",
            schemas.join(", ")
        );
        let rows = self.held.scan(&sql, None).await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let [Some(schema), Some(name), Some(blocks)] = row.as_slice() else { return None };
                Some((QualifiedName::new(schema, name), blocks.parse().ok()?))
            })
            .collect())
    }

    /// Sequences stand outside of transactions: theirs are read after the rows that they gave numbers to.
    async fn set_sequences(&self) -> Result<()> {
        if self.plan.sequences.is_empty() {
            return Ok(());
        }
        let mut statements = Vec::new();
        for SequenceCopy { source, target } in &self.plan.sequences {
            let state = format!("select last_value::pg_catalog.text, is_called from {}", source.to_sql());
            let rows = self.held.scan(&state, None).await?;
            let Some([Some(last), Some(called)]) = rows.first().map(Vec::as_slice) else {
                return Err(Error::new(ErrorKind::Internal, format!("{source} of the source has no state")));
            };
            let (name, called) = (literal(&target.to_sql()), called == "t");
            statements
                .push(format!("select pg_catalog.setval({name}::pg_catalog.regclass, {last}, {called})"));
        }
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        self.target.target().transaction(&statements, &self.options.limits, &CancellationToken::new()).await
    }

    /// What is planned without statistics takes forever.
    async fn collect_statistics(&self, session: &Session) -> Result<()> {
        session.simple("set statement_timeout = 0; set search_path = ''").await?;
        for some in self.plan.tables.chunks(100) {
            let names: Vec<String> = some.iter().map(|table| table.table.to_sql()).collect();
            unless_stopped(session, self.stop, session.simple(&format!("analyze {}", names.join(", "))))
                .await?;
        }
        Ok(())
    }
}

fn failure(object: String, message: &str) -> ObjectError {
    ObjectError { entry: None, object, message: message.to_owned(), harmless: None }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn next<'p>(queue: &Mutex<VecDeque<Part<'p>>>) -> Option<Part<'p>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
}

/// A session with each side.
struct Pair {
    source: Session,
    target: Session,
}

impl Pair {
    async fn open(copying: &Copying<'_>) -> Result<Self> {
        let limits = &copying.options.limits;
        let source = copying.source.joined(limits, copying.snapshot).await?;
        let target = copying.target.session(limits).await?;
        // By which the next run knows what this one left, if it is killed.
        target.simple(&format!("set application_name = {}", literal(APPLICATION))).await?;
        Ok(Self { source, target })
    }

    /// All of a part, or nothing of it.
    async fn copy(&self, copying: &Copying<'_>, part: &Part<'_>) -> Result<u64> {
        let TableCopy { table, columns, form, .. } = part.table;
        let (names, form) = (quote_list(columns), form.option());
        let condition = part.blocks.condition();
        let from = format!(
            "copy (select {names} from only {}{condition}) to stdout (format {form})",
            part.heap.to_sql()
        );
        let list = if columns.is_empty() { String::new() } else { format!(" ({names})") };
        let into = format!("copy {}{list} from stdin (format {form})", table.to_sql());
        let check = rewrite_check(std::slice::from_ref(part.heap));
        let waiting = format!(
            "{};\nset local lock_timeout = {}",
            begin(copying.plan.replica_role),
            copying.options.limits.lock_timeout().as_millis()
        );
        self.target.simple(&waiting).await?;
        let piping = pipe(&self.source, &from, check.as_deref(), &self.target, &into);
        let piping = unless_stopped(&self.source, copying.stop, piping);
        let piped = unless_stopped(&self.target, copying.stop, piping).await;
        let ended = self.target.simple(if piped.is_ok() { "commit" } else { "rollback" }).await;
        let rows = piped?;
        ended?;
        tracing::debug!(%table, heap = %part.heap, rows, "copied");
        Ok(rows)
    }

    async fn end(self) {
        self.source.end().await;
        self.target.end().await;
    }
}
