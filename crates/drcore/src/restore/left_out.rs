//! What an archive holds and a restore leaves out: why, and what to do about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why something that an archive holds is not restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "WhyOmitted", title = "WhyOmitted")]
#[non_exhaustive]
pub enum WhyOmitted {
    /// It is of the platform's services, and the target has its own.
    Platform,
    /// It is of the platform's services, in a version that the target does not have.
    OtherVersion,
    /// The target has it.
    Present,
    /// It was not among the tables that were chosen.
    NotChosen,
    /// It is the platform's record of its own migrations.
    ServiceMigrations,
    /// It is the record of the application's migrations, and the target has one.
    Migrations,
    /// The target lacks the extension.
    Extension,
    /// Only the owner of an extension may comment on it.
    ExtensionComment,
    /// Only a superuser may make event triggers.
    EventTrigger,
    /// It would begin to run by itself.
    CronJob,
    /// It is a queue of calls that were due before the backup.
    Queue,
    /// It is encrypted with a key that is in no dump.
    Vault,
    /// It would connect to another server.
    Subscription,
    /// It is of the database as a whole, which is there already.
    Database,
    /// They are of a role whose privileges the connecting role may not change.
    DefaultPrivileges,
    /// The role may not write to it.
    NotWritable,
}

impl WhyOmitted {
    /// Why, in a few words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Platform => "the platform's own, which the target has",
            Self::OtherVersion => "the platform's, which the target does not have",
            Self::Present => "the target has it",
            Self::NotChosen => "not among the tables that were chosen",
            Self::ServiceMigrations => "the record of the platform's own migrations, which is the target's",
            Self::Migrations => "the record of the application's migrations, and the target has one",
            Self::Extension => "the target's server does not have the extension",
            Self::ExtensionComment => "only the owner of an extension may comment on it",
            Self::EventTrigger => "only a superuser may make event triggers",
            Self::CronJob => "it would begin to run by itself, here as well as there",
            Self::Queue => "calls that were due before the backup",
            Self::Vault => "encrypted with a key that is in no dump",
            Self::Subscription => "it would connect to another server",
            Self::Database => "a setting of the database as a whole",
            Self::DefaultPrivileges => "default privileges of a role that is not ours to change",
            Self::NotWritable => "the role may not write to it",
        }
    }

    /// What to do about it, as a full sentence; none where nothing is lost.
    pub fn advice(self) -> Option<&'static str> {
        Some(match self {
            Self::Platform
            | Self::Present
            | Self::NotChosen
            | Self::ServiceMigrations
            | Self::ExtensionComment => {
                return None;
            }
            Self::OtherVersion => {
                "Upgrade the project's services if the application needs it; what was added there by hand must be added again."
            }
            Self::Migrations => {
                "Compare both with drcore verify; supabase migration repair --status applied VERSION marks what is missing."
            }
            Self::Extension => {
                "Enable it (Supabase: Database → Extensions; else install its package and run create extension), then restore again."
            }
            Self::EventTrigger => "Make it again as a superuser, or by the platform's dashboard.",
            Self::CronJob => {
                "When the application has moved: select cron.schedule(name, schedule, command), and unschedule it in the old project."
            }
            Self::Queue => {
                "Nothing, unless a call of the last minutes must not be lost: look at net.http_request_queue in the old database."
            }
            Self::Vault => {
                "While the old project is active: GET its /v1/projects/REF/pgsodium, PUT the root key to the new one, then copy vault.secrets; else enter the secrets anew."
            }
            Self::Subscription => {
                "Make it again when the application has moved: create subscription … with (copy_data = false)."
            }
            Self::Database => "Run the statement by hand, for the target's name.",
            Self::DefaultPrivileges => {
                "Nothing, unless the application relies on them: drcore verify compares who may do what."
            }
            Self::NotWritable => {
                "Restore as a role that may write to it, or make the rows again by the service's own interface."
            }
        })
    }
}

/// What is not restored, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Omitted")]
#[non_exhaustive]
pub struct Omitted {
    /// Why.
    pub why: WhyOmitted,
    /// What: `rows of vault.secrets`, `extension pgvector`, the first hundred.
    pub objects: Vec<String>,
    /// How many there are.
    pub count: u64,
    /// Statements that would bring it, where they are short enough to be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<String>,
}

impl Omitted {
    pub(super) fn new(why: WhyOmitted) -> Self {
        Self { why, objects: Vec::new(), count: 0, statements: Vec::new() }
    }

    pub(super) fn add(&mut self, object: String) {
        self.count += 1;
        if self.objects.len() < 100 {
            self.objects.push(object);
        }
    }

    /// Whether something is lost by it.
    pub fn is_loss(&self) -> bool {
        self.why.advice().is_some()
    }
}
