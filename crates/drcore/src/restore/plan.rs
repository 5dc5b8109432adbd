//! What a restore will do, before it does anything.

use std::collections::BTreeSet;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::alone;
use super::aside::AsideTable;
use super::clear::Clearing;
use super::clients::ClientTools;
use super::filter::{self, Filtered};
use super::left_out::Omitted;
use super::marker::Marker;
use super::opened::{ArchiveFacts, open};
use super::script;
use super::shape::Shape;
use crate::archive::{Archive, ArchiveEntry, ArchiveForm};
use crate::connect::{RestoreTarget, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::sql::QualifiedName;

/// What happens to what the target holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "Onto")]
#[non_exhaustive]
pub enum Onto {
    /// It must hold nothing.
    #[default]
    Empty,
    /// All that it holds of its own is taken away first.
    Replace,
    /// It holds half of an interrupted restore of the same archive, which goes on.
    Resume,
    /// It holds half of an interrupted restore, which is taken away first.
    StartOver,
}

impl Onto {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Replace => "replace",
            Self::Resume => "resume",
            Self::StartOver => "start_over",
        }
    }
}

/// What is asked of a restore.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RestoreOptions {
    /// What happens to what the target holds.
    pub onto: Onto,
    /// How many sessions restore at once; as many as the machine has processors where nobody says, 8 at most.
    pub jobs: Option<u32>,
    /// Only these tables; all where empty.
    pub tables: Vec<QualifiedName>,
    /// Only the rows of these tables, into a new schema of this name: what the target holds stays as it is, and it is
    /// not marked.
    pub into_schema: Option<String>,
    /// The programs to use; found where none are given.
    pub tools: Option<ClientTools>,
}

/// What a restore will do. [`execute`](Self::execute) does exactly that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "RestorePlan")]
#[non_exhaustive]
pub struct RestorePlan {
    /// Always `drcore.restore/1`.
    pub format: String,
    /// By which a reviewed plan is known: it changes with the archive, the target and everything that is done.
    pub digest: String,
    /// What is restored.
    pub archive: ArchiveFacts,
    /// What it is restored into.
    pub target: TargetFacts,
    /// What happens to what the target holds.
    pub onto: Onto,
    /// How many sessions restore at once.
    pub jobs: u32,
    /// What is done, in order.
    pub steps: Vec<RestoreStep>,
    /// What the archive holds and is not restored, and why.
    pub left_out: Vec<Omitted>,
    /// Roles that the archive refers to and the target lacks: what is theirs becomes the connecting role's, and what
    /// they were granted is lost.
    pub missing_roles: Vec<String>,
    /// What an interrupted restore had done when it was looked at.
    #[serde(skip)]
    pub(super) done: BTreeSet<u32>,
}

/// A target, as far as a plan must know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "TargetFacts")]
#[non_exhaustive]
pub struct TargetFacts {
    /// What it is called: the project, or `database@system_identifier`.
    pub project: String,
    /// The version of the server.
    pub version: String,
    /// The database.
    pub database: String,
    /// Whether it is a Supabase project.
    pub supabase: bool,
    /// Whether it is a scratch cluster of drcore's.
    pub scratch: bool,
    /// The role that restores.
    pub role: String,
    /// Whether objects keep their owners: otherwise all are the connecting role's.
    pub owners: bool,
}

impl TargetFacts {
    pub(super) fn of(target: &RestoreTarget, shape: &Shape) -> Self {
        let server = target.server();
        Self {
            project: target.project().to_owned(),
            version: server.version.clone(),
            database: server.database.clone(),
            supabase: shape.is_supabase(),
            scratch: target.is_scratch(),
            role: server.role.clone(),
            owners: shape.superuser,
        }
    }
}

/// One step of a restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
#[schemars(title = "RestoreStep")]
#[non_exhaustive]
pub enum RestoreStep {
    /// Takes away what is there.
    #[schemars(title = "ClearStep")]
    Clear {
        /// The statements.
        statements: Vec<String>,
    },
    /// Makes roles that the archive refers to, without a login: in a scratch cluster only.
    #[schemars(title = "RolesStep")]
    Roles {
        /// Their names.
        roles: Vec<String>,
    },
    /// Runs `pg_restore` on these entries.
    #[schemars(title = "EntriesStep")]
    Entries {
        /// By their numbers in the table of contents.
        entries: Vec<u32>,
        /// How many of these are the rows of a table.
        tables: u64,
    },
    /// Loads the rows of a table that the target has.
    #[schemars(title = "LoadStep")]
    Load {
        /// The entry with the rows.
        entry: u32,
        /// The table.
        table: QualifiedName,
        /// The columns that the archive has.
        columns: Vec<String>,
        /// Of these, those that the target lacks: their values are lost.
        dropped: Vec<String>,
    },
    /// Makes a schema, and loads the rows of tables into tables of its own, in one transaction.
    #[schemars(title = "AsideStep")]
    Aside {
        /// The schema.
        schema: String,
        /// The tables.
        tables: Vec<AsideTable>,
    },
    /// Runs a script with `psql`.
    #[schemars(title = "ScriptStep")]
    Script {
        /// Whether all of it is one transaction.
        single_transaction: bool,
    },
}

impl RestorePlan {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.restore/1";

    /// What restoring this archive into this target will do. Reads both, and writes nothing.
    ///
    /// # Errors
    /// [`ErrorKind::Format`] if it is no archive, or not a whole one; [`ErrorKind::Usage`] for a table that it does
    /// not hold; [`ErrorKind::Refused`] if the target holds something else than what was said;
    /// [`ErrorKind::Tool`] if no client programs fit.
    pub async fn of(archive: &Path, target: &RestoreTarget, options: &RestoreOptions) -> Result<Self> {
        if let Some(schema) = &options.into_schema {
            return Box::pin(Self::aside(archive, target, options, schema)).await;
        }
        let (opened, fingerprint) = open(archive).await?;
        let facts = ArchiveFacts::of(archive, &opened, fingerprint);
        let session = target.target().session();
        if options.onto != Onto::Empty {
            // What an interrupted one left behind would go on writing while it is looked at.
            alone::enter(session).await?;
            alone::leave(session).await?;
        }
        let mut shape = Shape::load(session).await?;
        let marker = Marker::read(session).await?;
        let done = already_done(options.onto, marker.as_ref(), &facts)?;
        let mut steps = Vec::new();
        if matches!(options.onto, Onto::Replace | Onto::StartOver) {
            let clearing = Clearing::of(session).await?;
            shape.lose(&clearing.gone);
            steps.push(RestoreStep::Clear { statements: clearing.statements });
        }
        let chosen = chosen(&options.tables, &opened)?;
        let mut filtered = filter::filter(&opened.entries, &shape, chosen.as_ref(), target.is_scratch());
        if target.is_scratch() && !filtered.missing_roles.is_empty() {
            steps.push(RestoreStep::Roles {
                roles: std::mem::take(&mut filtered.missing_roles).into_iter().collect(),
            });
        }
        let Filtered { first, loads, then, left_out, missing_roles } = filtered;
        let entries = |wanted: Vec<u32>| {
            let wanted: Vec<u32> = wanted.into_iter().filter(|entry| !done.contains(entry)).collect();
            let is_rows =
                |id: &&u32| opened.entries.iter().any(|entry| entry.dump_id == **id && entry.is_rows());
            let tables = wanted.iter().filter(is_rows).count() as u64;
            RestoreStep::Entries { entries: wanted, tables }
        };
        if opened.header.form == ArchiveForm::Plain {
            let script = script::look(archive).await?;
            steps.push(RestoreStep::Script { single_transaction: script.single_transaction });
        } else {
            steps.push(entries(first));
            steps.extend(loads.into_iter().filter(|load| !done.contains(&load.entry)).map(|load| {
                RestoreStep::Load {
                    entry: load.entry,
                    table: load.table,
                    columns: load.columns,
                    dropped: load.dropped,
                }
            }));
            if !then.is_empty() {
                steps.push(entries(then));
            }
        }
        let mut plan = Self {
            format: Self::FORMAT.to_owned(),
            digest: String::new(),
            target: TargetFacts::of(target, &shape),
            jobs: jobs(options, facts.form),
            archive: facts,
            onto: options.onto,
            steps,
            left_out,
            missing_roles: missing_roles.into_iter().collect(),
            done,
        };
        plan.digest = plan.compute_digest()?;
        Ok(plan)
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// Whether it must have been reviewed: it takes away what is not a scratch cluster's and not of a restore.
    pub fn needs_review(&self) -> bool {
        !self.target.scratch && self.onto == Onto::Replace
    }

    /// Refuses to go on with another plan than the one that was reviewed.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if `digest` is not this plan's.
    pub fn expect(&self, digest: &str) -> Result<()> {
        if self.digest == digest {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Refused,
            format!("the plan is {} now, not {digest} as reviewed: nothing was written", self.digest),
        )
        .hint(
            "The archive, the target or the options changed since: look at the plan again, with --plan-only.",
        ))
    }

    /// Refuses a target that is not as it was when it was planned. `session` holds the lock: nobody of ours changes it
    /// any more.
    pub(super) async fn still_fits(&self, target: &RestoreTarget, session: &Session) -> Result<()> {
        let marker = Marker::read(session).await?;
        let statements = self.steps.iter().find_map(|step| match step {
            RestoreStep::Clear { statements } => Some(statements),
            _ => None,
        });
        let fits = match (self.onto, marker) {
            (Onto::Empty, None) => target.is_empty_now(session).await?,
            (Onto::Replace, _) | (Onto::StartOver, Some(_)) => {
                Some(&Clearing::of(session).await?.statements) == statements
            }
            (Onto::Resume, Some(marker)) => {
                !marker.uncleared && marker.archive == self.archive.fingerprint && marker.done == self.done
            }
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let message = "the target is not as it was when it was planned: nothing was written";
        Err(Error::new(ErrorKind::Refused, message).hint("Plan again, and look what is there now."))
    }

    /// Refuses another plan than the one that was reviewed, and one that must have been and was not.
    pub(super) fn reviewed(&self, digest: Option<&str>) -> Result<()> {
        match digest {
            Some(digest) => self.expect(digest),
            None if self.needs_review() => {
                let message = "it takes away what is there, and nobody reviewed it: nothing was written";
                Err(Error::new(ErrorKind::Refused, message)
                    .hint("Look at the plan, and give its digest as what is to be applied."))
            }
            None => Ok(()),
        }
    }

    /// The first eight hexadecimal digits of the SHA-256 of what would be done, with what, to what.
    pub(super) fn compute_digest(&self) -> Result<String> {
        let canonical = serde_json::json!({
            "format": self.format,
            "archive": self.archive.fingerprint,
            "project": self.target.project,
            "onto": self.onto,
            "steps": serde_json::to_value(&self.steps).map_err(|error| {
                Error::new(ErrorKind::Internal, "cannot write JSON").caused_by(error)
            })?,
        });
        let hash = Sha256::digest(canonical.to_string());
        Ok(hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The entries that an interrupted restore, which is gone on with, had restored.
fn already_done(onto: Onto, marker: Option<&Marker>, facts: &ArchiveFacts) -> Result<BTreeSet<u32>> {
    let (message, hint) = match (onto, marker) {
        (Onto::Resume, Some(_)) if facts.form == ArchiveForm::Plain => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "nobody knows how far a script got: it cannot be gone on with",
            )
            .hint("Begin anew with --start-over."));
        }
        (Onto::Resume, Some(marker)) => {
            same_archive(marker, facts)?;
            if !marker.uncleared {
                return Ok(marker.done.clone());
            }
            (
                "it was interrupted while it took away what was there, some of which still is",
                "Begin anew with --start-over.",
            )
        }
        (Onto::Resume | Onto::StartOver, None) => (
            "no unfinished restore is there to go on with: nothing was written",
            "Restore without --resume and --start-over.",
        ),
        // What is there besides its rows was never a restore's.
        (Onto::StartOver, Some(marker)) if marker.archive.starts_with(crate::copy::MARK) => (
            "what did not come to its end there is a copy, not a restore: nothing was written",
            "Begin the copy anew, with drcore copy --start-over.",
        ),
        _ => return Ok(BTreeSet::new()),
    };
    Err(Error::new(ErrorKind::Refused, message).hint(hint))
}

fn same_archive(marker: &Marker, facts: &ArchiveFacts) -> Result<()> {
    if marker.archive == facts.fingerprint {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Refused, "the unfinished restore is of another archive: nothing was written")
        .hint("Give the archive that was being restored, or begin anew with --start-over."))
}

/// The chosen tables, all of which the archive holds.
pub(super) fn chosen(tables: &[QualifiedName], archive: &Archive) -> Result<Option<BTreeSet<QualifiedName>>> {
    if tables.is_empty() {
        return Ok(None);
    }
    let held: Vec<QualifiedName> = archive
        .entries
        .iter()
        .filter(|entry| entry.is("TABLE"))
        .filter_map(ArchiveEntry::qualified_name)
        .collect();
    for table in tables {
        if !held.contains(table) {
            let known: Vec<String> = held.iter().map(ToString::to_string).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(crate::suggest::no_such("table in the archive", &table.to_string(), &known));
        }
    }
    Ok(Some(tables.iter().cloned().collect()))
}

fn jobs(options: &RestoreOptions, form: ArchiveForm) -> u32 {
    // `pg_restore` reads these from front to back only.
    if matches!(form, ArchiveForm::Tar | ArchiveForm::Plain) {
        return 1;
    }
    let processors =
        std::thread::available_parallelism().map_or(2, |count| u32::try_from(count.get()).unwrap_or(8));
    options.jobs.unwrap_or_else(|| processors.clamp(2, 8)).max(1)
}
