//! What `migration_drift` finds. Migrations are named by version; of their text nothing is shown.

use super::ID;
use crate::evidence::{AppliedMigration, MigrationFile, MigrationFolder, MigrationHistory, ServiceLevel};
use crate::finding::{Common, Severity, payloads};
use crate::migrations::{KnownHistory, MigrationTool};
use crate::remedy::{Choice, Remedy, RemedyClass};
use crate::sql::{QualifiedName, literal};
use crate::text::{count, list, plural};

/// How many migrations a message names; the finding has them all.
const NAMED: usize = 3;

payloads! {
    /// The history says that something else was applied than the baseline's says.
    HistoryChanged: of versions {
        /// The migrations, in order.
        versions: Vec<String>,
    }

    /// A history of migrations is gone, or empty.
    HistoryLost: up to migrations {
        /// How many migrations it had in the baseline, or there are files of; 0 where that is not known.
        migrations: u64,
        /// The newest of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        newest: Option<String>,
    }

    /// Several files have one version, of which the tool knows them.
    MigrationVersionsShared: of files {
        /// The version.
        version: String,
        /// The files.
        files: Vec<String>,
    }

    /// Migrations that the baseline does not have.
    MigrationsAdded: of versions {
        /// The migrations, in order.
        versions: Vec<String>,
    }

    /// Files of migrations hold something else than was applied.
    MigrationsEdited: of versions {
        /// The migrations, in order.
        versions: Vec<String>,
        /// Their files.
        files: Vec<String>,
    }

    /// Migrations did not come to their end.
    MigrationsFailed: of versions {
        /// The migrations, in order.
        versions: Vec<String>,
    }

    /// Migrations of the baseline are not in the history any more.
    MigrationsLost: of versions {
        /// The migrations, in order.
        versions: Vec<String>,
    }

    /// Files older than what was applied last were never applied.
    MigrationsOutOfOrder: of versions {
        /// The migrations, in order.
        versions: Vec<String>,
        /// Their files.
        files: Vec<String>,
    }

    /// Files of migrations were not applied.
    MigrationsPending: of versions {
        /// The migrations, in order.
        versions: Vec<String>,
        /// Their files.
        files: Vec<String>,
    }

    /// Migrations were applied of which there is no file.
    MigrationsUnknown: of versions {
        /// The migrations, in order.
        versions: Vec<String>,
    }

    /// A service of the platform has applied other migrations of its own than in the baseline.
    ServiceLevelDiffers {
        /// How many it had applied.
        were: u64,
        /// The last of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<String>,
        /// How many it has.
        applied: u64,
        /// The last of them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<String>,
    }
}

fn of(known: &KnownHistory, kind: &str, severity: Severity, message: String) -> Common {
    Common::new(ID, kind, known.table.to_string(), severity, message)
}

fn versions(applied: &[&AppliedMigration]) -> Vec<String> {
    applied.iter().map(|applied| applied.version.clone()).collect()
}

fn of_files(files: &[&MigrationFile]) -> (Vec<String>, Vec<String>) {
    files.iter().map(|file| (file.version.clone(), file.file.clone())).unzip()
}

/// `20240101_a, 20240102_b and 5 more`.
fn named(names: &[String]) -> String {
    if names.len() <= NAMED {
        return list(names);
    }
    let more = (names.len() - NAMED) as u64;
    format!("{} and {} more", names[..NAMED].join(", "), count(more))
}

/// The rows of a history.
fn show(known: &KnownHistory) -> String {
    let table = known.tool.table();
    let version = crate::sql::ident(table.version);
    format!("select {version} from {} order by {version}", known.table)
}

impl HistoryChanged {
    pub(super) fn new(known: &KnownHistory, changed: &[&AppliedMigration]) -> Self {
        let versions = versions(changed);
        let message = format!(
            "other text than in the baseline for {}: {}",
            plural(versions.len() as u64, "migration"),
            named(&versions)
        );
        let common = of(known, "history_changed", Severity::Warning, message)
            .hint("The history is of another database, or somebody repaired it: look at schema_drift.");
        Self { common, versions }
    }
}

impl HistoryLost {
    pub(super) fn gone(known: &KnownHistory, was: &MigrationHistory) -> Self {
        Self::of_baseline(known, was, "is gone")
    }

    pub(super) fn emptied(known: &KnownHistory, was: &MigrationHistory) -> Self {
        Self::of_baseline(known, was, "is empty")
    }

    fn of_baseline(known: &KnownHistory, was: &MigrationHistory, what: &str) -> Self {
        let migrations = was.applied.len() as u64;
        let message = format!("{} {what}, had {}", known.table, plural(migrations, "migration"));
        let applied: Vec<&AppliedMigration> = was.applied.iter().collect();
        let mut common = lost(known, "history_lost", message);
        if let Some(statements) = reinsert(known, &applied) {
            let remedy = Remedy::sql(RemedyClass::Safe, statements)
                .with_note("from the baseline, without their text: only where the schema has what they do");
            common = common.remedy(remedy);
        }
        Self { common, migrations, newest: was.applied.last().map(|last| last.version.clone()) }
    }

    /// Without a baseline that has it, there are the files.
    pub(super) fn of_files(known: &KnownHistory, folder: &MigrationFolder, is_there: bool) -> Self {
        let migrations = folder.files.len() as u64;
        let what = if is_there { "is empty" } else { "is not there" };
        let message =
            format!("{} {what}, and {} has {}", known.table, folder.path, plural(migrations, "migration"));
        let common = lost(known, "history_lost", message);
        Self { common, migrations, newest: folder.files.last().map(|last| last.version.clone()) }
    }

    /// The plan names it, and nothing else knows of it.
    pub(super) fn planned(known: &KnownHistory) -> Self {
        let message = format!("{} is not there, and the plan names it", known.table);
        Self { common: lost(known, "history_lost", message), migrations: 0, newest: None }
    }
}

fn lost(known: &KnownHistory, kind: &str, message: String) -> Common {
    let hint = match known.tool {
        MigrationTool::Supabase => {
            "Dumps of the CLI leave supabase_migrations out: until the history is back, db push would run all of \
             it again. Where the schema is what it should be, supabase migration repair --status applied writes it."
        }
        _ => "Until the history is back, the next deployment would run all of it again.",
    };
    of(known, kind, Severity::Critical, message).hint(hint)
}

impl MigrationVersionsShared {
    pub(super) fn new(folder: &MigrationFolder, version: &str, files: &[&MigrationFile]) -> Self {
        let files: Vec<String> = files.iter().map(|file| file.file.clone()).collect();
        let message =
            format!("{} are one version, {version}: {}", plural(files.len() as u64, "file"), named(&files));
        let common =
            Common::new(ID, "migration_versions_shared", folder.path.clone(), Severity::Warning, message)
                .qualified(version)
                .hint("Once one of them is applied, the others count as applied: give each its own.");
        Self { common, version: version.to_owned(), files }
    }
}

impl MigrationsAdded {
    pub(super) fn new(known: &KnownHistory, added: &[&AppliedMigration]) -> Self {
        let versions = versions(added);
        let message = format!(
            "{} since the baseline: {}",
            plural(versions.len() as u64, "migration"),
            named(&versions)
        );
        Self { common: of(known, "migrations_added", Severity::Info, message).query(show(known)), versions }
    }
}

impl MigrationsEdited {
    pub(super) fn new(known: &KnownHistory, edited: &[&MigrationFile]) -> Self {
        let (versions, files) = of_files(edited);
        let message = format!(
            "{} edited after {} applied: {}",
            plural(files.len() as u64, "file"),
            if files.len() == 1 { "it was" } else { "they were" },
            named(&files)
        );
        let common = of(known, "migrations_edited", Severity::Warning, message).hint(
            "A database built from the files would not be this one: take the edit back, and make it a migration.",
        );
        Self { common, versions, files }
    }
}

impl MigrationsFailed {
    pub(super) fn new(known: &KnownHistory, failed: &[&AppliedMigration], had_failed: bool) -> Self {
        let versions = versions(failed);
        let message = format!(
            "{} without an end{}: {}",
            plural(versions.len() as u64, "migration"),
            if had_failed { ", as in the baseline" } else { "" },
            named(&versions)
        );
        let severity = if had_failed { Severity::Info } else { Severity::Warning };
        let common = of(known, "migrations_failed", severity, message)
            .hint("Part of what they do may be missing, and the tool refuses to go on.")
            .query(show(known));
        Self { common, versions }
    }
}

impl MigrationsLost {
    pub(super) fn new(known: &KnownHistory, lost: &[&AppliedMigration]) -> Self {
        let versions = versions(lost);
        let message = format!(
            "{} of the baseline not in the history: {}",
            plural(versions.len() as u64, "migration"),
            named(&versions)
        );
        let mut common = of(known, "migrations_lost", Severity::Critical, message)
            .hint("The restore is of a time before them, or lost rows: look at schema_drift before they run again.")
            .query(show(known));
        // A restore of a time before them lacks what they do: never written unless somebody says that it is there.
        if let Some(statements) = reinsert(known, lost) {
            let summary = "write that they were applied, where the schema has what they do";
            common = common.remedy(Remedy::choose(vec![Choice::new(
                "mark-applied",
                summary,
                RemedyClass::Safe,
                statements,
            )]));
        }
        Self { common, versions }
    }
}

/// Rows of Supabase's history, which need no text; those of others cannot be made without it.
fn reinsert(known: &KnownHistory, lost: &[&AppliedMigration]) -> Option<Vec<String>> {
    if known.tool != MigrationTool::Supabase {
        return None;
    }
    let values: Vec<String> = lost
        .iter()
        .map(|applied| {
            let name = applied.name.as_deref().map_or_else(|| "null".to_owned(), literal);
            format!("({}, {name})", literal(&applied.version))
        })
        .collect();
    let table = &known.table;
    Some(vec![
        format!("create schema if not exists {}", crate::sql::ident(&table.schema)),
        format!(
            "create table if not exists {table} (version text primary key, statements text[], name text)"
        ),
        format!("insert into {table} (version, name) values {} on conflict do nothing", values.join(", ")),
    ])
}

impl MigrationsOutOfOrder {
    pub(super) fn new(known: &KnownHistory, passed: &[&MigrationFile], was_so: bool) -> Self {
        let (versions, files) = of_files(passed);
        let message = format!(
            "{} not applied, and older than what was{}: {}",
            plural(files.len() as u64, "file"),
            before(was_so),
            named(&files)
        );
        let hint = match known.tool {
            MigrationTool::Supabase => "db push refuses them without --include-all.",
            _ => "Tools refuse them, or pass them over for good.",
        };
        let common = of(known, "migrations_out_of_order", settled(was_so), message).hint(hint);
        Self { common, versions, files }
    }
}

impl MigrationsPending {
    pub(super) fn new(known: &KnownHistory, pending: &[&MigrationFile], was_so: bool) -> Self {
        let (versions, files) = of_files(pending);
        let message = format!(
            "{} not applied{}: {}",
            plural(files.len() as u64, "file"),
            before(was_so),
            named(&files)
        );
        let hint = match known.tool {
            MigrationTool::Supabase => "The repository is ahead of the restore: supabase db push runs them.",
            _ => "The repository is ahead of the restore: a deployment runs them.",
        };
        let common = of(known, "migrations_pending", settled(was_so), message).hint(hint);
        Self { common, versions, files }
    }
}

impl MigrationsUnknown {
    pub(super) fn new(
        known: &KnownHistory,
        folder: &MigrationFolder,
        without: &[&AppliedMigration],
        was_so: bool,
    ) -> Self {
        let versions = versions(without);
        let message = format!(
            "{} without a file in {}{}: {}",
            plural(versions.len() as u64, "migration"),
            folder.path,
            before(was_so),
            named(&versions)
        );
        let common = of(known, "migrations_unknown", settled(was_so), message)
            .hint("The files are of another branch, or the database is ahead of them.")
            .query(show(known));
        Self { common, versions }
    }
}

/// What was so before the disaster is worth knowing, and no loss.
fn settled(was_so: bool) -> Severity {
    if was_so { Severity::Info } else { Severity::Warning }
}

fn before(was_so: bool) -> &'static str {
    if was_so { ", nor in the baseline" } else { "" }
}

impl ServiceLevelDiffers {
    pub(super) fn gone(table: &QualifiedName, before: &ServiceLevel) -> Self {
        let message = format!("{table} is gone, had {}", plural(before.applied, "migration"));
        let empty = ServiceLevel { applied: 0, last: None };
        Self::of(table, Severity::Warning, message, before, &empty)
    }

    pub(super) fn new(table: &QualifiedName, before: &ServiceLevel, now: &ServiceLevel) -> Self {
        let shown = |level: &ServiceLevel| {
            let last = level.last.as_ref().map_or_else(String::new, |last| format!(" up to {last}"));
            format!("{}{last}", plural(level.applied, "migration"))
        };
        let message = format!("{}, were {}", shown(now), shown(before));
        let severity = if is_behind(now, before) { Severity::Warning } else { Severity::Info };
        Self::of(table, severity, message, before, now)
    }

    fn of(
        table: &QualifiedName,
        severity: Severity,
        message: String,
        before: &ServiceLevel,
        now: &ServiceLevel,
    ) -> Self {
        let common = Common::new(ID, "service_level_differs", table.to_string(), severity, message).hint(
            "The service migrates its tables when it starts or is used: columns and rows that only the newer version \
             has did not come over.",
        );
        Self {
            common,
            were: before.applied,
            was: before.last.clone(),
            applied: now.applied,
            last: now.last.clone(),
        }
    }
}

/// Whether a service has applied less than it had. Versions are numbers, or begin with them.
fn is_behind(now: &ServiceLevel, before: &ServiceLevel) -> bool {
    let number = |level: &ServiceLevel| level.last.as_ref().and_then(|last| last.parse::<u64>().ok());
    match (number(now), number(before)) {
        (Some(is), Some(was)) => is < was,
        _ => now.last < before.last,
    }
}
