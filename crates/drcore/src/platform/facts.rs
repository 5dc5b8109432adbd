//! What the platform says.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::Deserializer;
use serde::{Deserialize, Serialize, Serializer};

use crate::error::Result;

/// What the platform says of the backups of a project. `drcore.platform/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "PlatformFacts")]
#[non_exhaustive]
pub struct PlatformFacts {
    /// Always `drcore.platform/1`.
    pub format: String,
    /// The project, by its ref.
    pub project: String,
    /// When it was asked, by this machine's clock.
    pub read_at: Timestamp,
    /// Where the project is, as the platform names it.
    pub region: String,
    /// Whether physical backups are taken.
    pub walg_enabled: bool,
    /// Whether point-in-time recovery is on. Then the platform takes no daily backups.
    pub pitr_enabled: bool,
    /// How far point-in-time recovery reaches, where the platform says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<PitrWindow>,
    /// The daily backups, the newest first.
    pub backups: Vec<PlatformBackup>,
    /// What the project is at; none where that was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ProjectStatus>,
}

/// How far point-in-time recovery reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "PitrWindow")]
#[non_exhaustive]
pub struct PitrWindow {
    /// The earliest instant.
    pub earliest: Timestamp,
    /// The latest instant: of an idle database it lags.
    pub latest: Timestamp,
}

/// A daily backup of the platform's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "PlatformBackup")]
#[non_exhaustive]
pub struct PlatformBackup {
    /// Its number.
    pub id: u64,
    /// When it was made.
    pub at: Timestamp,
    /// What became of it.
    pub status: BackupStatus,
    /// Whether it is of the files of the server; then it cannot be downloaded.
    pub physical: bool,
}

/// Words of the platform's, and whatever it may say one day.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq)]
            #[non_exhaustive]
            pub enum $name {
                $($(#[$variant_doc])* $variant,)*
                /// A word that this version of drcore does not know.
                Other(String),
            }

            impl $name {
                /// The platform's word.
                pub fn as_str(&self) -> &str {
                    match self {
                        $(Self::$variant => $word,)*
                        Self::Other(word) => word,
                    }
                }
            }

            impl From<&str> for $name {
                fn from(word: &str) -> Self {
                    match word {
                        $($word => Self::$variant,)*
                        other => Self::Other(other.to_owned()),
                    }
                }
            }

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(self.as_str())
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    Ok(Self::from(String::deserialize(deserializer)?.as_str()))
                }
            }

            impl JsonSchema for $name {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> std::borrow::Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                    let known = [$($word),*].join(", ");
                    schemars::json_schema!({ "type": "string", "description": format!("the platform's word: {known}, or another") })
                }
            }
        )*
    };
}

words! {
    /// What became of a backup.
    BackupStatus {
        /// It was archived.
        Archived = "ARCHIVED",
        /// It was cancelled.
        Cancelled = "CANCELLED",
        /// It is there.
        Completed = "COMPLETED",
        /// It failed.
        Failed = "FAILED",
        /// It is being made.
        Pending = "PENDING",
        /// It was removed.
        Removed = "REMOVED",
    }

    /// What a project is at.
    ProjectStatus {
        /// All is well.
        ActiveHealthy = "ACTIVE_HEALTHY",
        /// It runs, and something is not well.
        ActiveUnhealthy = "ACTIVE_UNHEALTHY",
        /// It comes up.
        ComingUp = "COMING_UP",
        /// It goes down.
        GoingDown = "GOING_DOWN",
        /// It is paused.
        Inactive = "INACTIVE",
        /// It did not come up.
        InitFailed = "INIT_FAILED",
        /// It could not be paused.
        PauseFailed = "PAUSE_FAILED",
        /// It is being paused.
        Pausing = "PAUSING",
        /// It is gone.
        Removed = "REMOVED",
        /// It changes its size.
        Resizing = "RESIZING",
        /// It restarts.
        Restarting = "RESTARTING",
        /// A restore failed.
        RestoreFailed = "RESTORE_FAILED",
        /// It is being restored.
        Restoring = "RESTORING",
        /// The platform does not know.
        Unknown = "UNKNOWN",
        /// It is being upgraded.
        Upgrading = "UPGRADING",
    }

    /// How a service of a project is.
    ServiceState {
        /// All is well.
        ActiveHealthy = "ACTIVE_HEALTHY",
        /// It comes up.
        ComingUp = "COMING_UP",
        /// It is not well.
        Unhealthy = "UNHEALTHY",
    }
}

/// How a service of a project is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ServiceHealth")]
#[non_exhaustive]
pub struct ServiceHealth {
    /// Its name, such as `db`.
    pub name: String,
    /// How it is.
    pub status: ServiceState,
    /// What is wrong, where the platform says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl BackupStatus {
    pub(crate) fn is_completed(&self) -> bool {
        *self == Self::Completed
    }

    pub(crate) fn is_failure(&self) -> bool {
        matches!(self, Self::Cancelled | Self::Failed)
    }
}

impl ProjectStatus {
    /// Whether its database can be reached.
    pub(crate) fn is_active(&self) -> bool {
        matches!(self, Self::ActiveHealthy | Self::ActiveUnhealthy)
    }

    /// Whether nothing more comes of a restore.
    pub(crate) fn is_dead(&self) -> bool {
        matches!(self, Self::InitFailed | Self::Removed | Self::RestoreFailed)
    }
}

impl PlatformFacts {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.platform/1";

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }
}
