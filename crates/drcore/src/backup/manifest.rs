//! What a backup is, in a file beside it that is written last: as long as it is not there, there is no backup.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::layout::DumpFormat;
use crate::connect::Dsn;
use crate::error::Result;
use crate::evidence::{Evidence, Server};
use crate::sql::QualifiedName;

/// What a backup is: its objects with their sums, and what it was taken of. `drcore.manifest/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Manifest")]
#[non_exhaustive]
pub struct Manifest {
    /// Always `drcore.manifest/1`.
    pub format: String,
    /// What it was taken for.
    pub kind: BackupKind,
    /// The state that it is of, by the server's clock. Dump and baseline are of the same.
    pub snapshot_at: Timestamp,
    /// The database that it is of.
    pub source: BackupSource,
    /// The dump.
    pub dump: BackupDump,
    /// The Evidence of the same state, where it was collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<StoredObject>,
    /// What tells which rows differ, beside the baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sketches: Option<StoredObject>,
    /// Whether the baseline holds the content of tables, so that it shows every row that differs.
    #[serde(default)]
    pub content: bool,
    /// The tables, with their rows as the baseline counted them.
    pub tables: Vec<BackupTable>,
    /// What the database has and the dump has not, because somebody said so or it could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub omitted: Vec<BackupOmission>,
    /// What could not be read for the baseline, and what `pg_dump` warned of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// When it was taken, with what.
    pub run: ManifestRun,
}

/// What a backup was taken for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "BackupKind")]
#[non_exhaustive]
pub enum BackupKind {
    /// To be restored from.
    #[default]
    Backup,
    /// To hold on to what there is before something in place: never picked by itself, and never pruned.
    Salvage,
}

/// The database that a backup is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "BackupSource")]
#[non_exhaustive]
pub struct BackupSource {
    /// The name of the database.
    pub database: String,
    /// The oid of the database.
    pub database_oid: u32,
    /// `system_identifier` of the cluster; a physical clone has the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_identifier: Option<String>,
    /// The Supabase project, where the connection string names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Where it was read: host and port or socket directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The version of the server, such as `15.18`.
    pub version: String,
    /// Whether the server was a standby.
    #[serde(default)]
    pub in_recovery: bool,
    /// The role that read.
    pub role: String,
    /// How large the database was, in bytes, indexes included; none where the server does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// The dump of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "BackupDump")]
#[non_exhaustive]
pub struct BackupDump {
    /// How it is written.
    pub format: DumpFormat,
    /// How it is compressed: `gzip:1`, `zstd:3`, `none`.
    pub compression: String,
    /// How many bytes all of it has.
    pub bytes: u64,
    /// Its files: one, or those of the directory format.
    pub objects: Vec<StoredObject>,
}

/// One object of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "StoredObject")]
#[non_exhaustive]
pub struct StoredObject {
    /// Its name, from the directory of the manifest on: a backup may be moved as a whole.
    pub name: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// A table of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "BackupTable")]
#[non_exhaustive]
pub struct BackupTable {
    /// Its name.
    pub table: QualifiedName,
    /// How many rows it has; none where they were not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
}

/// Something that a database has and its dump has not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "BackupOmission")]
#[non_exhaustive]
pub struct BackupOmission {
    /// What: a table, a schema, or a pattern of these as `pg_dump` takes it.
    pub object: String,
    /// Whether only its rows are missing, or all of it.
    pub extent: OmissionExtent,
    /// Why.
    pub why: String,
}

/// How much of something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "OmissionExtent")]
#[non_exhaustive]
pub enum OmissionExtent {
    /// The rows of a table.
    Rows,
    /// A schema with everything in it.
    Schema,
    /// A table.
    Table,
}

/// When a backup was taken, with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ManifestRun")]
#[non_exhaustive]
pub struct ManifestRun {
    /// When it was begun, by the clock of the machine that took it.
    pub begun_at: Timestamp,
    /// When all of it was stored.
    pub finished_at: Timestamp,
    /// How long the dump took, from the first byte to the last.
    pub dump_ms: u64,
    /// How long the baseline took, beside the dump.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline_ms: Option<u64>,
    /// The version of drcore.
    pub drcore: String,
    /// The version of `pg_dump`.
    pub pg_dump: String,
}

impl Manifest {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.manifest/1";

    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Format`](crate::ErrorKind::Format) if the text is no manifest, or of a newer major version.
    pub fn from_json(text: &str) -> Result<Self> {
        crate::wire::from_json(text, Self::FORMAT, "manifest")
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// Every object but the manifest itself.
    pub fn objects(&self) -> impl Iterator<Item = &StoredObject> {
        self.dump.objects.iter().chain(&self.baseline).chain(&self.sketches)
    }

    /// How many rows all tables have that were counted.
    pub fn rows(&self) -> u64 {
        self.tables.iter().filter_map(|table| table.rows).sum()
    }
}

impl BackupSource {
    /// The database that answered.
    pub(super) fn of(server: &Server, dsn: &Dsn) -> Self {
        Self {
            database: server.database.clone(),
            database_oid: server.database_oid,
            system_identifier: server.system_identifier.clone(),
            project: dsn.project(),
            host: Some(dsn.to_string()),
            version: server.version.clone(),
            in_recovery: server.in_recovery,
            role: server.role.clone(),
            bytes: None,
        }
    }

    /// `project abcdefghijklmnopqrst`, `db app at db.example.com:5432`.
    pub fn sentence(&self) -> String {
        match (&self.project, &self.host) {
            (Some(project), _) => format!("project {project} · db {}", self.database),
            (None, Some(host)) => format!("{host} · db {}", self.database),
            (None, None) => format!("db {}", self.database),
        }
    }
}

/// The tables of the Evidence that hold rows themselves or for their partitions, with what was counted.
pub(super) fn tables(evidence: &Evidence) -> Vec<BackupTable> {
    let scans = evidence.scans.tables.iter();
    let mut tables: Vec<BackupTable> = scans
        .filter(|(_, scan)| !scan.rows.is_not_asked())
        .map(|(table, scan)| BackupTable { table: table.clone(), rows: scan.rows.read().copied() })
        .collect();
    tables.sort_by(|a, b| a.table.cmp(&b.table));
    tables
}
