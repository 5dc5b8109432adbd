//! What `backups` finds.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ID, old};
use crate::evidence::{BackupFact, PlatformFacts, RepositoryFacts};
use crate::finding::{Common, Payload, Severity, payloads};
use crate::plan::Span;
use crate::text::{bytes, instant, plural};

/// Of a list, so many are named.
const FEW: usize = 3;

payloads! {
    /// The newest dump is much smaller than those before it.
    BackupShrunk {
        /// Its name.
        backup: String,
        /// How many bytes it has.
        bytes: u64,
        /// How many those before it usually have.
        usual_bytes: u64,
    }

    /// The newest backup is older than the objective.
    BackupTooOld {
        /// Its name.
        backup: String,
        /// The instant that it is of.
        at: Timestamp,
        /// How much may be lost.
        rpo: String,
    }

    /// Part of a backup is missing, or looking into it showed damage.
    DamagedBackup {
        /// What is wrong with it.
        problems: Vec<String>,
    }

    /// Nothing in the repository can be restored from.
    NoBackups {
        /// How many entries it has that cannot be.
        entries: u64,
        /// How many objects belong to no backup.
        other_objects: u64,
        /// What lies next to it, where nothing lies under its prefix.
        beside: Vec<String>,
    }

    /// Point-in-time recovery is off, or does not reach back far enough.
    PitrUnavailable {
        /// The earliest instant that it reaches; none where it is off.
        earliest: Option<Timestamp>,
    }

    /// The newest of the platform's backups failed.
    PlatformBackupFailed {
        /// Its status, as the platform says it.
        status: String,
        /// When it was made.
        at: Timestamp,
    }

    /// Nothing of the platform's reaches into the objective.
    PlatformBackupTooOld {
        /// The latest instant that can be gone back to; none where there is none.
        latest: Option<Timestamp>,
        /// How much may be lost.
        rpo: String,
    }

    /// A run was killed, and left something.
    UnfinishedBackup {
        /// When it was begun.
        at: Timestamp,
    }

    /// The newest backup that somebody found whole is too old, or there is none.
    UnverifiedBackups {
        /// The instant that it is of.
        at: Option<Timestamp>,
        /// How old it may be.
        allowed: String,
    }
}

macro_rules! counted {
    ($($(#[$doc:meta])* $type:ident { $($(#[$field_doc:meta])* $field:ident: $of:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
            #[schemars(inline)]
            #[non_exhaustive]
            pub struct $type {
                /// The fields that every finding has.
                #[serde(flatten)]
                pub common: Common,
                /// How many.
                pub backups: u64,
                $($(#[$field_doc])* pub $field: $of,)*
            }

            impl Payload for $type {
                fn common(&self) -> &Common {
                    &self.common
                }

                fn count(&self) -> Option<u64> {
                    Some(self.backups)
                }
            }
        )*
    };
}

counted! {
    /// More time lies between two backups than there should.
    BackupGap {
        /// The newest of these: the instants of the backup before and of the one after.
        samples: Vec<[Timestamp; 2]>,
    }

    /// Backups are older than they should be kept.
    BackupsKeptTooLong {
        /// The instant of the oldest.
        oldest: Timestamp,
    }
}

impl NoBackups {
    pub(super) fn new(facts: &RepositoryFacts) -> Self {
        let RepositoryFacts { repository, backups, other_objects, beside, .. } = facts;
        let (found, hint) = match (backups, other_objects, beside.as_slice()) {
            (0, 0, []) => {
                ("nothing lies there at all", "Check bucket and prefix; else take one: drcore backup take.")
            }
            (0, 0, _) => ("nothing lies under this prefix", "Check the prefix: it may be misspelt."),
            (0, _, _) => {
                ("nothing there is a backup", "Check the prefix; else take one: drcore backup take.")
            }
            _ => ("nothing there can be restored from", "drcore backup list shows what is wrong with each."),
        };
        let next = if beside.is_empty() {
            String::new()
        } else {
            let shown: Vec<&str> = beside.iter().map(String::as_str).take(FEW).collect();
            format!("; next to it: {}", shown.join(", "))
        };
        let message = format!("no backup: {found}{next}");
        Self {
            common: Common::new(ID, "no_backups", repository, Severity::Critical, message).hint(hint),
            entries: *backups,
            other_objects: *other_objects,
            beside: beside.clone(),
        }
    }
}

impl BackupTooOld {
    pub(super) fn new(facts: &RepositoryFacts, newest: &BackupFact, rpo: Span) -> Self {
        let message = format!(
            "the newest backup is {} old ({}), and may be {rpo}",
            old(facts.listed_at, newest.at),
            instant(newest.at)
        );
        Self {
            common: Common::new(ID, "backup_too_old", &facts.repository, Severity::Critical, message)
                .hint("Take one now with drcore backup take, and look at why the last runs did not."),
            backup: newest.name.clone(),
            at: newest.at,
            rpo: rpo.to_string(),
        }
    }
}

impl BackupShrunk {
    pub(super) fn new(newest: &BackupFact, usual: u64) -> Self {
        let message =
            format!("the dump has {}, and the ones before it had {}", bytes(newest.dump_bytes), bytes(usual));
        Self {
            common: Common::new(ID, "backup_shrunk", &newest.name, Severity::Warning, message)
                .hint("Look into it with drcore backup verify: tables may be missing. Where rows were deleted on purpose, accept it."),
            backup: newest.name.clone(),
            bytes: newest.dump_bytes,
            usual_bytes: usual,
        }
    }
}

impl BackupGap {
    pub(super) fn new(facts: &RepositoryFacts, schedule: Span, gaps: &[(Timestamp, Timestamp)]) -> Self {
        let count = gaps.len() as u64;
        let newest = gaps.first().map_or(String::new(), |(before, after)| {
            format!(", the newest between {} and {}", instant(*before), instant(*after))
        });
        let message = format!("{} in the series of every {schedule}{newest}", plural(count, "gap"));
        Self {
            common: Common::new(ID, "backup_gap", &facts.repository, Severity::Warning, message)
                .hint("What was lost in one of them can only be restored as of before it; look at why the runs failed."),
            backups: count,
            samples: gaps.iter().take(FEW).map(|(before, after)| [*before, *after]).collect(),
        }
    }
}

impl BackupsKeptTooLong {
    pub(super) fn new(facts: &RepositoryFacts, keep: Span, count: u64, oldest: Timestamp) -> Self {
        let message =
            format!("{} older than {keep}, the oldest of {}", plural(count, "backup"), instant(oldest));
        Self {
            common: Common::new(ID, "backups_kept_too_long", &facts.repository, Severity::Warning, message)
                .hint(format!(
                    "Prune with drcore backup prune --keep {keep}: what was erased since is still in them."
                )),
            backups: count,
            oldest,
        }
    }
}

impl DamagedBackup {
    pub(super) fn new(fact: &BackupFact, is_newest: bool) -> Self {
        let severity = if is_newest { Severity::Critical } else { Severity::Warning };
        let first = fact.problems.first().map_or("it is damaged", String::as_str);
        Self {
            common: Common::new(ID, "damaged_backup", &fact.name, severity, first).hint(
                "It is never picked by itself. Take another, and find out what the store did to this one.",
            ),
            problems: fact.problems.clone(),
        }
    }
}

impl UnfinishedBackup {
    pub(super) fn new(fact: &BackupFact) -> Self {
        let message = format!("begun at {} and never finished", instant(fact.at));
        Self {
            common: Common::new(ID, "unfinished_backup", &fact.name, Severity::Warning, message)
                .hint("The next drcore backup take removes what it left; look at why it was killed."),
            at: fact.at,
        }
    }
}

impl UnverifiedBackups {
    pub(super) fn new(facts: &RepositoryFacts, at: Option<Timestamp>, allowed: Span) -> Self {
        let message = match at {
            Some(at) => format!(
                "the newest backup that was verified is {} old, and may be {allowed}",
                old(facts.listed_at, at)
            ),
            None => "no backup was ever verified".to_owned(),
        };
        Self {
            common: Common::new(ID, "unverified_backups", &facts.repository, Severity::Warning, message)
                .hint("Look into the newest with drcore backup verify, such as after every take."),
            at,
            allowed: allowed.to_string(),
        }
    }
}

impl PlatformBackupTooOld {
    pub(super) fn new(facts: &PlatformFacts, latest: Option<Timestamp>, rpo: Span) -> Self {
        let message = match latest {
            Some(at) => format!(
                "the platform can go back to {} ({} ago) at the latest, and may lose {rpo}",
                instant(at),
                old(facts.read_at, at)
            ),
            None => "the platform has no completed backup".to_owned(),
        };
        // Of a database that nobody writes to, nothing is archived, and nothing is lost.
        let (severity, hint) = if facts.pitr_enabled && latest.is_some() {
            (
                Severity::Warning,
                "On an idle database the latest point lags: look again after something was written.",
            )
        } else {
            (Severity::Critical, "Take a backup of your own with drcore backup take, and ask the platform.")
        };
        Self {
            common: Common::new(ID, "platform_backup_too_old", &facts.project, severity, message).hint(hint),
            latest,
            rpo: rpo.to_string(),
        }
    }
}

impl PlatformBackupFailed {
    pub(super) fn new(facts: &PlatformFacts, status: &str, at: Timestamp) -> Self {
        let message = format!("the platform's newest backup, of {}, is {status}", instant(at));
        Self {
            common: Common::new(ID, "platform_backup_failed", &facts.project, Severity::Warning, message)
                .hint("Look at it under Database → Backups, and ask the platform."),
            status: status.to_owned(),
            at,
        }
    }
}

impl PitrUnavailable {
    pub(super) fn off(facts: &PlatformFacts, wanted: Span) -> Self {
        let message = format!("point-in-time recovery is off, and should reach back {wanted}");
        Self {
            common: Common::new(ID, "pitr_unavailable", &facts.project, Severity::Critical, message)
                .hint("It is an add-on of the project; daily backups lose up to a day."),
            earliest: None,
        }
    }

    pub(super) fn short(facts: &PlatformFacts, earliest: Timestamp, wanted: Span) -> Self {
        let message = format!(
            "point-in-time recovery reaches back to {} ({} ago), and should reach back {wanted}",
            instant(earliest),
            old(facts.read_at, earliest)
        );
        Self {
            common: Common::new(ID, "pitr_unavailable", &facts.project, Severity::Warning, message)
                .hint("Where it was turned on lately, the window still grows; else the add-on is of another length."),
            earliest: Some(earliest),
        }
    }
}
