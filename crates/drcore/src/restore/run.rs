//! Doing what a restore plan says.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::alone;
use super::clear::clear;
use super::clients::ClientTools;
use super::cutover::CutOver;
use super::filter::{Load, described};
use super::load::load;
use super::marker::Marker;
use super::messages::{Listener, ObjectError};
use super::meter::Meter;
use super::opened::{ArchiveFacts, open};
use super::plan::{Onto, RestorePlan, RestoreStep};
use super::programs::{PgRestore, Told, psql};
use super::replica::{begin, may_be_replica};
use super::restored::{LoadedTable, RestoreRun, Restored};
use crate::archive::{Archive, ArchiveEntry, ArchiveInput};
use crate::collect::{Progress, Stop};
use crate::connect::{Libpq, RestoreTarget, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Limits;
use crate::sql::{QualifiedName, quote};
use crate::text::milliseconds;

/// How to restore.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ExecuteOptions {
    /// The digest of the plan that was reviewed; not needed where the plan does not
    /// [need to be](RestorePlan::needs_review).
    pub apply: Option<String>,
    /// How long locks and statements of our own may take.
    pub limits: Limits,
    /// The programs to use; found where none are given.
    pub tools: Option<ClientTools>,
    /// Told of progress: must not block.
    pub progress: Option<Arc<dyn Fn(Progress) + Send + Sync>>,
    /// Cancelled: the target stays marked as half restored.
    pub cancel: CancellationToken,
}

impl std::fmt::Debug for ExecuteOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecuteOptions")
            .field("apply", &self.apply)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl RestorePlan {
    /// Restores. One object that cannot be restored does not keep the others from being restored.
    ///
    /// While it works, and if it does not come to its end, the target is marked as half restored.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if the target is not what the plan is for, or the plan not what was reviewed;
    /// [`ErrorKind::Cancelled`];
    /// [`ErrorKind::Tool`] and [`ErrorKind::Connection`] if it could not go on.
    #[tracing::instrument(name = "restore", skip_all, fields(digest = self.digest, project = self.target.project))]
    pub async fn execute(&self, target: &RestoreTarget, options: &ExecuteOptions) -> Result<Restored> {
        if self.target.project != target.project() {
            return Err(Error::new(
                ErrorKind::Refused,
                format!(
                    "the plan is for {}, not for {}: nothing was written",
                    self.target.project,
                    target.project()
                ),
            ));
        }
        self.reviewed(options.apply.as_deref())?;
        let stop = Stop::new(options.cancel.clone(), options.limits.deadline.map(Into::into));
        let restored = match self.is_aside() {
            Some((schema, tables)) => {
                stop.or(Box::pin(self.run_aside(schema, tables, target, options))).await
            }
            None => stop.or(Box::pin(self.run(target, options))).await,
        };
        stop.finish();
        restored
    }

    async fn run(&self, target: &RestoreTarget, options: &ExecuteOptions) -> Result<Restored> {
        let (began, started_at) = (Instant::now(), Timestamp::now());
        let writes_before = target.target().writes().len();
        let archive = same_archive(&self.archive).await?;
        let tools = self.tools(target, options).await?;
        let (file, _unwrapped) = whole(&self.archive).await?;
        let watching = target.session(&options.limits).await?;
        // Until its session ends.
        alone::enter(&watching).await?;
        self.still_fits(target, &watching).await?;
        if self.onto != Onto::Resume {
            let uncleared = self.steps.iter().any(|step| matches!(step, RestoreStep::Clear { .. }));
            let name = self.archive.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let archive = &self.archive.fingerprint;
            Marker::set(target, archive, &name, &self.digest, uncleared, &options.limits).await?;
        }
        let mut run = Run {
            plan: self,
            target,
            options,
            to: target.libpq(),
            tools,
            file,
            watching,
            entries: archive.entries.into_iter().map(|entry| (entry.dump_id, entry)).collect(),
            meter: Meter::new(self, options, began),
            errors: Vec::new(),
            loaded: Vec::new(),
            replica_role: None,
        };
        for step in &self.steps {
            run.step(step).await?;
        }
        run.collect_statistics().await?;
        let missing_rows = run.missing_rows();
        // What lacks rows is no whole database, and would verify as one where there is nothing to compare it with.
        if missing_rows.is_empty() {
            Marker::clear(target, &options.limits).await?;
        } else if run.errors.iter().any(ObjectError::is_anyones) {
            Marker::forget(&run.watching).await?;
        }
        let Run { errors, loaded, replica_role, tools, .. } = run;
        Ok(Restored {
            format: Restored::FORMAT.to_owned(),
            plan: self.clone(),
            errors,
            missing_rows,
            loaded,
            after: None,
            cut_over: CutOver::default(),
            run: RestoreRun {
                started_at,
                elapsed_ms: milliseconds(began),
                tools: tools.version,
                replica_role,
                writes: target.target().writes().split_off(writes_before),
            },
        })
    }

    /// Those of the server's version, unless the archive was made by newer ones, which older ones cannot read.
    pub(super) async fn tools(
        &self,
        target: &RestoreTarget,
        options: &ExecuteOptions,
    ) -> Result<ClientTools> {
        let dumped = self.archive.dump_version.as_deref().and_then(major);
        let server = target.server().version_num / 10_000;
        let needed = server.max(dumped.unwrap_or(server));
        match &options.tools {
            Some(tools) => tools.clone().fit(needed),
            None => ClientTools::for_server(needed).await,
        }
    }
}

/// The major version of `15.18 (Debian …)`.
fn major(version: &str) -> Option<u32> {
    version.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
}

/// The archive, which must be the one that was planned.
pub(super) async fn same_archive(planned: &ArchiveFacts) -> Result<Archive> {
    let (archive, fingerprint) = open(&planned.file).await?;
    if fingerprint == planned.fingerprint {
        return Ok(archive);
    }
    Err(Error::new(ErrorKind::Refused, "the archive is not the one that was planned: nothing was written")
        .hint("It changed since: plan again."))
}

/// The archive as `pg_restore` reads it: what was compressed as a whole is unpacked first.
pub(super) async fn whole(archive: &ArchiveFacts) -> Result<(PathBuf, Option<tempfile::NamedTempFile>)> {
    if archive.wrapped.is_empty() {
        return Ok((archive.file.clone(), None));
    }
    let from = archive.file.clone();
    let unpacking = tokio::task::spawn_blocking(move || -> Result<tempfile::NamedTempFile> {
        let mut file = tempfile::Builder::new().prefix("drcore-archive-").tempfile()?;
        crate::archive::unwrap(ArchiveInput::path(from), file.as_file_mut())?;
        Ok(file)
    });
    let file = unpacking.await.map_err(|error| {
        Error::new(ErrorKind::Internal, "unpacking the archive came to an unexpected end").caused_by(error)
    })??;
    Ok((file.path().to_owned(), Some(file)))
}

/// A restore at work.
struct Run<'r> {
    plan: &'r RestorePlan,
    target: &'r RestoreTarget,
    options: &'r ExecuteOptions,
    to: Libpq,
    tools: ClientTools,
    file: PathBuf,
    /// A session of ours, which keeps the marker and looks how far the others are.
    watching: Session,
    /// What the archive holds.
    entries: HashMap<u32, ArchiveEntry>,
    meter: Meter,
    errors: Vec<ObjectError>,
    loaded: Vec<LoadedTable>,
    replica_role: Option<bool>,
}

impl Run<'_> {
    /// What is planned without statistics takes forever.
    async fn collect_statistics(&self) -> Result<()> {
        self.watching.simple("set statement_timeout = 0").await?;
        self.watching.simple("analyze").await.map(drop)
    }

    /// The data that failed to come.
    fn missing_rows(&self) -> Vec<String> {
        let anyones = self.errors.iter().filter(|error| error.is_anyones());
        self.errors
            .iter()
            .filter(|error| error.harmless.is_none())
            .filter_map(|error| self.entries.get(&error.entry?))
            .filter(|entry| matches!(entry.kind.as_str(), "TABLE DATA" | "BLOBS"))
            .map(described)
            .chain(anyones.map(|error| format!("rows of {}", error.object)))
            .collect()
    }

    async fn step(&mut self, step: &RestoreStep) -> Result<()> {
        match step {
            RestoreStep::Clear { statements } => {
                clear(self.target, statements, &self.options.limits, &self.options.cancel).await?;
                Marker::cleared(&self.watching).await
            }
            RestoreStep::Roles { roles } => self.roles(roles).await,
            RestoreStep::Entries { entries, .. } => self.entries(entries).await,
            RestoreStep::Load { entry, table, columns, dropped } => {
                let load = Load {
                    entry: *entry,
                    table: table.clone(),
                    columns: columns.clone(),
                    dropped: dropped.clone(),
                };
                self.load(&load).await
            }
            // In a transaction of its own, which is none of this run's.
            RestoreStep::Aside { .. } => {
                Err(Error::new(ErrorKind::Internal, "what comes beside is no step among others"))
            }
            RestoreStep::Script { single_transaction } => {
                psql(&self.tools, &self.to, &self.file, *single_transaction).await
            }
        }
    }

    async fn roles(&self, roles: &[String]) -> Result<()> {
        let statements: Vec<String> =
            roles.iter().map(|role| format!("create role {} nologin", quote(role))).collect();
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        self.target.target().transaction(&statements, &self.options.limits, &self.options.cancel).await
    }

    /// Runs `pg_restore`, leaving word of each entry that is done.
    async fn entries(&mut self, entries: &[u32]) -> Result<()> {
        let entries = self.left_of(entries).await?;
        if entries.is_empty() {
            return Ok(());
        }
        let resumed = self.plan.onto == Onto::Resume;
        let (tell, mut told) = mpsc::unbounded_channel();
        let restore = PgRestore {
            tools: &self.tools,
            to: &self.to,
            archive: &self.file,
            jobs: self.plan.jobs,
            no_owner: !self.plan.target.owners,
            entries: &entries,
        };
        let listener = Listener::new(self.target.server().version_num / 10_000, resumed);
        let mut speak = move |what| {
            // Nobody listens any more only when all of it is given up.
            let _ = tell.send(what);
        };
        let running = async {
            let result = restore.run(listener, &mut speak).await;
            drop(speak);
            result
        };
        let (watching, meter, held) = (&self.watching, &mut self.meter, &self.entries);
        let errors = &mut self.errors;
        let mut failed: Vec<u32> = Vec::new();
        let mut awaited = awaited(&entries, held);
        let listening = async {
            let mut done = Vec::new();
            let mut tick = tokio::time::interval(std::time::Duration::from_millis(500));
            loop {
                tokio::select! {
                    what = told.recv() => match what {
                        Some(Told::Began(entry)) => {
                            tracing::debug!(object = held.get(&entry).map(described), "restoring");
                        }
                        Some(Told::Finished(entry)) => {
                            meter.finished();
                            done.push(entry);
                        }
                        Some(Told::Rows(table)) => {
                            awaited.remove(&table);
                        }
                        Some(Told::Error(mut error)) => {
                            if let Some(entry) = error.entry.and_then(|entry| held.get(&entry)) {
                                error.object = described(entry);
                            }
                            if error.harmless.is_none() {
                                tracing::warn!(object = error.object, message = error.message, "not restored");
                                failed.extend(error.entry);
                            }
                            errors.push(error);
                        }
                        None => break,
                    },
                    _ = tick.tick() => {
                        done.retain(|entry| !failed.contains(entry));
                        Marker::add(watching, &std::mem::take(&mut done)).await?;
                        meter.look(watching).await;
                    }
                }
            }
            done.retain(|entry| !failed.contains(entry));
            Marker::add(watching, &done).await
        };
        let (ran, noted) = tokio::join!(running, listening);
        ran?;
        noted?;
        // That a program ends well is no proof that it did anything.
        for entry in awaited.into_values().filter(|entry| !failed.contains(entry)) {
            let object = self.entries.get(&entry).map(described).unwrap_or_default();
            tracing::warn!(object, "its rows were never begun");
            self.errors.push(ObjectError::never_begun(entry, object));
        }
        Ok(())
    }

    /// Of the entries, those that an interrupted run did not do: rows that are there are all there, since each
    /// table's came in one transaction.
    async fn left_of(&self, entries: &[u32]) -> Result<Vec<u32>> {
        if self.plan.onto != Onto::Resume {
            return Ok(entries.to_vec());
        }
        let mut left = Vec::new();
        for entry in entries.iter().filter_map(|entry| self.entries.get(entry)) {
            let name = entry.qualified_name().filter(|_| entry.is_rows());
            let Some(name) = name else {
                left.push(entry.dump_id);
                continue;
            };
            let question = format!("select 1 where exists (select from only {})", name.to_sql());
            match self.watching.simple(&question).await {
                Ok(answer) if answer.iter().any(|rows| !rows.is_empty()) => {
                    if entry.copy.is_none() {
                        return Err(half_inserted(&name));
                    }
                }
                Err(error) if error.ends_session() => return Err(error),
                // No such table yet.
                _ => left.push(entry.dump_id),
            }
        }
        Ok(left)
    }

    async fn load(&mut self, what: &Load) -> Result<()> {
        let session = self.target.session(&self.options.limits).await?;
        let replica = match self.replica_role {
            Some(replica) => replica,
            None => may_be_replica(&session).await?,
        };
        self.replica_role = Some(replica);
        let entries = [what.entry];
        let restore = PgRestore {
            tools: &self.tools,
            to: &self.to,
            archive: &self.file,
            jobs: 1,
            no_owner: false,
            entries: &entries,
        };
        session.simple(&begin(replica)).await?;
        let loading = load(&session, what, &restore).await;
        match loading {
            Ok(rows) => {
                // With the rows or not at all: a run that goes on would load them twice.
                Marker::add(&session, &entries).await?;
                session.simple("commit").await?;
                self.meter.finished();
                tracing::info!(table = %what.table, rows, "loaded");
                let dropped = what.dropped.clone();
                self.loaded.push(LoadedTable { table: what.table.clone(), rows, dropped });
            }
            Err(error) if error.ends_session() => return Err(error),
            // One that cannot be loaded does not hide the others.
            Err(error) => {
                // If this fails the session is gone, and the transaction with it.
                let _ = session.simple("rollback").await;
                tracing::warn!(table = %what.table, error = %error, "not loaded");
                self.errors.push(ObjectError {
                    entry: Some(what.entry),
                    object: format!("rows of {}", what.table),
                    message: error.to_string(),
                    harmless: None,
                });
            }
        }
        Ok(())
    }
}

/// The entries that are rows of tables, by what `pg_restore` calls them when it comes to them. Not those whose names
/// do not stand in one line.
fn awaited(entries: &[u32], held: &HashMap<u32, ArchiveEntry>) -> BTreeMap<String, u32> {
    let rows = entries.iter().filter_map(|entry| held.get(entry)).filter(|entry| entry.is_rows());
    let named = rows.map(|entry| {
        let schema = entry.schema.as_deref().unwrap_or_default();
        (format!("{schema}.{}", entry.name), entry.dump_id)
    });
    named.filter(|(name, _)| !name.chars().any(char::is_control)).collect()
}

fn half_inserted(table: &QualifiedName) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("nobody knows whether all rows of {table} are there: they are INSERT statements"),
    )
    .hint("Begin anew with --start-over.")
}
