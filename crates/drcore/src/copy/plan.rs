//! What a copy will do, before it does anything.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::tables::{Case, Chosen, NotCopied, SequenceCopy, TableCopy};
use crate::connect::{Dsn, RestoreTarget, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{Catalog, Server};
use crate::plan::Scope;
use crate::restore::Onto;
use crate::restore::marker::Marker;
use crate::sql::QualifiedName;
use crate::text::list;

/// What is asked of a copy.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CopyOptions {
    /// What happens to rows that the tables of the target hold; [`Onto::Resume`] is refused, since what is left of the
    /// source would be of another snapshot.
    pub onto: Onto,
    /// How many tables, or parts of one, are copied at once; as many as the machine has processors where nobody says,
    /// 8 at most.
    pub jobs: Option<u32>,
    /// Only these tables; all that are the application's, and in both databases, where empty.
    pub tables: Vec<QualifiedName>,
}

/// What a copy will do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "CopyPlan")]
#[non_exhaustive]
pub struct CopyPlan {
    /// Always `drcore.copy/1`.
    pub format: String,
    /// By which a reviewed plan is known: it changes with both databases and everything that is done.
    pub digest: String,
    /// What is copied from.
    pub source: CopySide,
    /// What is copied into.
    pub target: CopySide,
    /// What happens to rows that the tables of the target hold.
    pub onto: Onto,
    /// How many tables, or parts of one, are copied at once.
    pub jobs: u32,
    /// Whether triggers and foreign keys of the target are off while rows come.
    pub replica_role: bool,
    /// The tables, parents before children.
    pub tables: Vec<TableCopy>,
    /// Sequences that get the values of the source.
    pub sequences: Vec<SequenceCopy>,
    /// Tables of the source that are not copied, and why.
    pub left_out: Vec<NotCopied>,
    /// How many large objects the source has: they are no rows of a table, and not copied.
    pub large_objects: u64,
    /// What else there is in the schemas of the tables.
    #[serde(skip)]
    others: Vec<QualifiedName>,
}

/// One of the two databases, as far as a plan must know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "CopySide")]
#[non_exhaustive]
pub struct CopySide {
    /// What it is called: the project, or `database@system_identifier`, as far as that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// The version of the server.
    pub version: String,
    /// The database.
    pub database: String,
    /// The role that reads, or writes.
    pub role: String,
    /// Whether it is a scratch cluster of drcore's.
    pub scratch: bool,
}

impl CopySide {
    pub(super) fn source(server: &Server, dsn: &Dsn) -> Self {
        Self::of(server, dsn.project().or_else(|| server.project()), server.is_scratch())
    }

    fn target(target: &RestoreTarget) -> Self {
        Self::of(target.server(), Some(target.project().to_owned()), target.is_scratch())
    }

    /// The project, where it is known; else the database.
    pub fn name(&self) -> &str {
        self.project.as_deref().unwrap_or(&self.database)
    }

    fn of(server: &Server, project: Option<String>, scratch: bool) -> Self {
        Self {
            project,
            version: server.version.clone(),
            database: server.database.clone(),
            role: server.role.clone(),
            scratch,
        }
    }
}

/// What a plan is made of.
pub(super) struct Known<'k> {
    pub(super) source: CopySide,
    pub(super) from: &'k Catalog,
    pub(super) target: &'k RestoreTarget,
    pub(super) into: &'k Catalog,
    pub(super) replica_role: bool,
}

impl CopyPlan {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.copy/1";

    /// What copying will do. Reads, and writes nothing.
    pub(super) async fn of(known: Known<'_>, options: &CopyOptions) -> Result<Self> {
        let case = Case {
            source: known.from,
            target: known.into,
            named: &options.tables,
            replica: known.replica_role,
        };
        let Chosen { tables, left_out, sequences, others } = case.choose()?;
        let large_objects = known.from.large_objects.get().map_err(Error::from)?;
        let large_objects = large_objects.iter().map(|objects| objects.count).sum();
        let processors =
            std::thread::available_parallelism().map_or(2, |count| u32::try_from(count.get()).unwrap_or(8));
        // Where foreign keys look at every row, parents must be there first.
        let jobs = if known.replica_role { options.jobs.unwrap_or(processors.clamp(2, 8)) } else { 1 };
        let mut plan = Self {
            format: Self::FORMAT.to_owned(),
            digest: String::new(),
            source: known.source,
            target: CopySide::target(known.target),
            onto: options.onto,
            jobs,
            replica_role: known.replica_role,
            tables,
            sequences,
            left_out,
            large_objects,
            others,
        };
        plan.refuse_dependents(known.into)?;
        plan.digest = plan.compute_digest()?;
        plan.fits(known.target.target().session()).await?;
        Ok(plan)
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// Whether it must have been reviewed: it takes away rows that are not a scratch cluster's and not of a copy.
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
        let message =
            format!("the plan is {} now, not {digest} as reviewed: nothing was written", self.digest);
        Err(Error::new(ErrorKind::Refused, message)
            .hint("A database or the options changed since: look at the plan again, with --plan-only."))
    }

    /// Refuses another plan than the one that was reviewed, and one that must have been and was not.
    pub(super) fn reviewed(&self, digest: Option<&str>) -> Result<()> {
        match digest {
            Some(digest) => self.expect(digest),
            None if self.needs_review() => {
                let message =
                    "it takes away rows that are there, and nobody reviewed it: nothing was written";
                Err(Error::new(ErrorKind::Refused, message)
                    .hint("Look at the plan, and give its digest as what is to be applied."))
            }
            None => Ok(()),
        }
    }

    /// Whether rows that are there are taken away first.
    pub(super) fn empties(&self) -> bool {
        matches!(self.onto, Onto::Replace | Onto::StartOver)
    }

    /// The copied tables and no others: what is verified.
    pub(super) fn scope(&self) -> Scope {
        let mut scope = Scope::default();
        for table in &self.tables {
            if !scope.schemas.contains(&table.table.schema) {
                scope.schemas.push(table.table.schema.clone());
            }
        }
        // A star stands for anything there, the copied tables too.
        let names = self.others.iter().map(ToString::to_string);
        scope.exclude = names.filter(|name| !name.contains('*')).collect();
        scope
    }

    /// By which a marker knows it: an unfinished copy is begun anew only by one of the same tables of the same source.
    pub(super) fn mark(&self) -> String {
        let tables: Vec<String> = self.tables.iter().map(|table| table.table.to_string()).collect();
        let source = (&self.source.project, &self.source.database);
        format!("{MARK}{}", short(&format!("{source:?} {tables:?}")))
    }

    /// Refuses a target that is not as the options say, now.
    pub(super) async fn fits(&self, session: &Session) -> Result<()> {
        let refused = |message: &str, hint: &str| {
            Err(Error::new(ErrorKind::Refused, format!("{message}: nothing was written")).hint(hint))
        };
        match (self.onto, Marker::read(session).await?) {
            (Onto::StartOver, Some(marker)) if marker.archive == self.mark() => return Ok(()),
            (Onto::StartOver, Some(_)) => {
                return refused(
                    "what did not come to its end there is something else than this copy",
                    "Name the same source and tables; a restore is begun anew with drcore restore.",
                );
            }
            (Onto::StartOver, None) => {
                return refused("no unfinished copy is there", "Copy without --start-over.");
            }
            (_, Some(marker)) if marker.archive == self.mark() => {
                return refused(
                    "a copy into it did not come to its end",
                    "Take away what it left with --start-over, which copies anew.",
                );
            }
            (_, Some(_)) => {
                return refused(
                    "a restore or another copy into it did not come to its end",
                    "Bring that to its end first.",
                );
            }
            (_, None) => {}
        }
        if self.empties() {
            return Ok(());
        }
        let filled = self.filled(session).await?;
        if filled.is_empty() {
            return Ok(());
        }
        refused(
            &format!("these tables of the target hold rows: {}", list(&filled)),
            "Name tables that are empty, or take away what they hold with --replace.",
        )
    }

    /// The tables of the target that hold rows.
    async fn filled(&self, session: &Session) -> Result<Vec<String>> {
        let mut filled = Vec::new();
        for some in self.tables.chunks(100) {
            let questions: Vec<String> = some
                .iter()
                .map(|table| format!("select 1 where exists (select from {})", table.own_rows))
                .collect();
            let answers = session.simple(&questions.join(";\n")).await?;
            for (table, rows) in some.iter().zip(answers) {
                if !rows.is_empty() {
                    filled.push(table.table.to_string());
                }
            }
        }
        Ok(filled)
    }

    /// Refuses to empty what rows of other tables refer to: these would refer to nothing.
    fn refuse_dependents(&self, target: &Catalog) -> Result<()> {
        if !self.empties() {
            return Ok(());
        }
        let is_copied = |name: &QualifiedName| self.tables.iter().any(|table| table.table == *name);
        let keys = target.foreign_keys.get().map_err(Error::from)?;
        let outside =
            keys.iter().filter(|key| is_copied(&key.parent) && !is_copied(target.root_of(&key.child)));
        let outside: Vec<String> =
            outside.map(|key| format!("{} (to {})", target.root_of(&key.child), key.parent)).collect();
        if outside.is_empty() {
            return Ok(());
        }
        let message =
            format!("tables that are not copied refer to what would be emptied: {}", list(&outside));
        Err(Error::new(ErrorKind::Refused, message).hint("Name them too, or copy all tables."))
    }

    /// The first eight hexadecimal digits of the SHA-256 of what would be done, from what, to what.
    fn compute_digest(&self) -> Result<String> {
        let tables = serde_json::to_value(&self.tables)
            .map_err(|error| Error::new(ErrorKind::Internal, "cannot write JSON").caused_by(error))?;
        let canonical = serde_json::json!({
            "format": self.format,
            "source": self.source.project,
            "target": self.target.project,
            "onto": self.onto,
            "replica_role": self.replica_role,
            "tables": tables,
            "sequences": self.sequences,
        });
        Ok(short(&canonical.to_string()))
    }
}

/// What the marker of a copy begins with: no fingerprint of an archive does.
pub(crate) const MARK: &str = "copy ";

fn short(text: &str) -> String {
    Sha256::digest(text).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}
