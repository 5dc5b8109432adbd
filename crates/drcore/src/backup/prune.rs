//! Pruning: which backups go, as a plan to review, and removing exactly these.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::list::{BackupEntry, BackupList, BackupState};
use super::manifest::BackupKind;
use super::marker::{Doing, Marker};
use super::repository::Repository;
use super::shelf::Put;
use super::take::{is_silent, take_away};
use crate::error::{Error, ErrorKind, Result};

/// Which backups go. One stays that any of these keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PruneOptions {
    /// Those stay that are no older.
    pub keep: Option<Duration>,
    /// So many stay, the newest.
    pub keep_last: Option<usize>,
    /// Whether the dumps of others may go too.
    pub foreign: bool,
}

/// Which backups go, and which stay and why. `drcore.prune/1`.
///
/// A dry run is the plan itself: [`execute`](PrunePlan::execute) removes what it names and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "PrunePlan")]
#[non_exhaustive]
pub struct PrunePlan {
    /// Always `drcore.prune/1`.
    pub format: String,
    /// By which a reviewed plan is known: it changes with everything that would be removed.
    pub digest: String,
    /// The repository: never a key.
    pub repository: String,
    /// What goes, the oldest first.
    pub remove: Vec<PruneStep>,
    /// How many bytes that makes free.
    pub bytes: u64,
    /// What stays, the newest first.
    pub keep: Vec<PruneKept>,
    #[serde(skip)]
    entries: Vec<BackupEntry>,
}

/// A backup that goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "PruneStep")]
#[non_exhaustive]
pub struct PruneStep {
    /// Its name.
    pub name: String,
    /// The instant that it is of.
    pub at: Timestamp,
    /// What it is.
    pub state: BackupState,
    /// How many bytes it has.
    pub bytes: u64,
    /// Why it goes.
    pub why: String,
}

/// A backup that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "PruneKept")]
#[non_exhaustive]
pub struct PruneKept {
    /// Its name.
    pub name: String,
    /// The instant that it is of.
    pub at: Timestamp,
    /// Why it stays.
    pub why: KeptBecause,
}

/// Why a backup stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "KeptBecause")]
#[non_exhaustive]
pub enum KeptBecause {
    /// It is younger than what goes.
    Age,
    /// It is one of the newest.
    Count,
    /// Somebody else made it, and nobody said that such may go.
    Foreign,
    /// It is the newest that can be restored from.
    Newest,
    /// It is being taken right now.
    Running,
    /// It is a salvage, which is never pruned.
    Salvage,
    /// Its manifest cannot be read: what it is, a newer version may know.
    Unreadable,
    /// It is the newest that was verified.
    Verified,
}

/// What was removed. `drcore.pruned/1`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Pruned")]
#[non_exhaustive]
pub struct Pruned {
    /// Always `drcore.pruned/1`.
    pub format: String,
    /// The plan.
    pub plan: PrunePlan,
    /// When each was removed, in the plan's order.
    pub removed_at: Vec<Timestamp>,
}

impl KeptBecause {
    /// In words.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Age => "it is young enough",
            Self::Count => "it is one of the newest",
            Self::Foreign => "somebody else made it (--foreign lets it go)",
            Self::Newest => "it is the newest that can be restored from",
            Self::Running => "it is being taken, or its run ended less than ten minutes ago",
            Self::Salvage => "it is a salvage",
            Self::Unreadable => "its manifest cannot be read",
            Self::Verified => "it is the newest that was verified",
        }
    }
}

impl PrunePlan {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.prune/1";

    /// What would go now.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if nothing says what stays; else as [`Repository::list`].
    pub async fn of(repository: &Repository, options: &PruneOptions) -> Result<Self> {
        Self::of_list(&repository.list().await?, options)
    }

    fn of_list(list: &BackupList, options: &PruneOptions) -> Result<Self> {
        if options.keep.is_none() && options.keep_last.is_none() {
            return Err(Error::new(ErrorKind::Usage, "nothing says which backups stay")
                .hint("Give --keep (such as 30d) or --keep-last, or [backups] keep in the plan."));
        }
        if options.keep_last == Some(0) {
            return Err(Error::new(ErrorKind::Usage, "no backup would stay").hint("Keep one at least."));
        }
        let stays = stays(list, options);
        let mut plan = Self {
            format: Self::FORMAT.to_owned(),
            digest: String::new(),
            repository: list.repository.clone(),
            remove: Vec::new(),
            bytes: 0,
            keep: Vec::new(),
            entries: Vec::new(),
        };
        for entry in &list.backups {
            let (name, at) = (entry.name.clone(), entry.at);
            if let Some(why) = stays(entry) {
                plan.keep.push(PruneKept { name, at, why });
                continue;
            }
            let why = match entry.state {
                BackupState::Unfinished => "it was never finished".to_owned(),
                _ => older_than(entry, options),
            };
            plan.bytes += entry.bytes;
            plan.remove.push(PruneStep { name, at, state: entry.state, bytes: entry.bytes, why });
            plan.entries.push(entry.clone());
        }
        // The oldest first: whatever ends it early, the newest are left.
        plan.remove.reverse();
        plan.entries.reverse();
        plan.digest = plan.compute_digest();
        Ok(plan)
    }

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
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
            format!("the plan is {} now, not {digest} as reviewed: nothing was removed", self.digest);
        Err(Error::new(ErrorKind::Refused, message).hint(
            "The repository or the options changed since: run it without --apply, and review it again.",
        ))
    }

    /// Removes what the plan names, the oldest first. A backup that is being removed is none from the first moment.
    ///
    /// # Errors
    /// What the repository says. What was removed until then is gone, and what was begun is known by its marker: the
    /// next plan names it.
    pub async fn execute(self, repository: &Repository) -> Result<Pruned> {
        let mut removed_at = Vec::new();
        for entry in &self.entries {
            if entry.manifest().is_some() {
                let marker = Marker::new(entry.kind, Doing::Remove).to_json()?;
                repository
                    .shelf
                    .put(&format!("{}{}", entry.name, super::layout::BEGUN), marker.into(), Put::Over)
                    .await?;
                repository.shelf.delete(&format!("{}{}", entry.name, super::layout::MANIFEST)).await?;
            }
            take_away(repository, entry).await?;
            tracing::info!(target: "drcore::write", name = entry.name, bytes = entry.bytes, "backup removed");
            removed_at.push(Timestamp::now());
        }
        Ok(Pruned { format: Pruned::FORMAT.to_owned(), plan: self, removed_at })
    }

    /// The first eight hexadecimal digits of the SHA-256 of what would be removed, from where.
    fn compute_digest(&self) -> String {
        let objects: Vec<(&str, u64)> = self
            .entries
            .iter()
            .flat_map(BackupEntry::objects)
            .map(|object| (object.name.as_str(), object.bytes))
            .collect();
        let canonical = serde_json::json!({
            "format": self.format,
            "repository": self.repository,
            "objects": objects,
        });
        let hash = Sha256::digest(canonical.to_string());
        hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Pruned {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.pruned/1";

    /// The JSON form.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }
}

/// Says of each why it stays, if it does.
fn stays<'l>(
    list: &'l BackupList,
    options: &PruneOptions,
) -> impl Fn(&BackupEntry) -> Option<KeptBecause> + use<'l> {
    let now = list.listed_at;
    let keep = options.keep.and_then(|keep| SignedDuration::try_from(keep).ok());
    let newest: Option<&str> = list.usable().next().map(|entry| entry.name.as_str());
    // Of ours, the newest too: a foreign dump is not known to be whole.
    let own =
        list.usable().find(|entry| entry.state == BackupState::Complete).map(|entry| entry.name.as_str());
    let verified = list.usable().find(|entry| entry.is_verified()).map(|entry| entry.name.as_str());
    // Of those that may go, so that a foreign dump does not count where such stay anyway.
    let counted: BTreeSet<&str> = list
        .usable()
        .filter(|entry| options.foreign || entry.state == BackupState::Complete)
        .take(options.keep_last.unwrap_or(0))
        .map(|entry| entry.name.as_str())
        .collect();
    let foreign = options.foreign;
    move |entry| {
        let name = Some(entry.name.as_str());
        Some(match entry.state {
            BackupState::Unfinished if is_silent(entry, now) => return None,
            BackupState::Unfinished => KeptBecause::Running,
            BackupState::Unreadable => KeptBecause::Unreadable,
            _ if entry.kind == BackupKind::Salvage => KeptBecause::Salvage,
            _ if name == newest || name == own => KeptBecause::Newest,
            _ if name == verified => KeptBecause::Verified,
            BackupState::Foreign if !foreign => KeptBecause::Foreign,
            _ if counted.contains(entry.name.as_str()) => KeptBecause::Count,
            _ if keep.is_some_and(|keep| now.duration_since(entry.at) <= keep) => KeptBecause::Age,
            _ => return None,
        })
    }
}

fn older_than(entry: &BackupEntry, options: &PruneOptions) -> String {
    let damaged = if entry.state == BackupState::Damaged { "damaged, and " } else { "" };
    match (options.keep, options.keep_last) {
        (Some(keep), _) => format!("{damaged}older than {}", crate::plan::Span::from(keep)),
        (None, Some(last)) => format!("{damaged}older than the newest {last}"),
        (None, None) => damaged.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::VerifiedNote;
    use crate::backup::verification::VerificationVerdict;

    const DAY: Duration = Duration::from_secs(86_400);

    fn now() -> Timestamp {
        "2026-11-30T03:00:00Z".parse().unwrap()
    }

    /// One of so many days ago.
    fn entry(days: u32, state: BackupState, kind: BackupKind) -> BackupEntry {
        let at = now() - DAY * days;
        let mut entry: BackupEntry = serde_json::from_value(serde_json::json!({
            "name": format!("b{days}"), "state": state, "kind": kind, "at": at, "at_from": "snapshot",
            "bytes": 10, "dump_bytes": 10, "baseline": false, "objects": [{"name": format!("b{days}.dump"), "bytes": 10}]
        }))
        .unwrap();
        if state == BackupState::Unfinished {
            entry.read.marked_at = Some(at);
        }
        entry
    }

    fn verified(mut entry: BackupEntry) -> BackupEntry {
        entry.verified = Some(VerifiedNote { at: now(), verdict: VerificationVerdict::Whole });
        entry
    }

    fn plan(backups: Vec<BackupEntry>, options: &PruneOptions) -> (Vec<String>, Vec<String>) {
        let list = BackupList {
            format: BackupList::FORMAT.to_owned(),
            repository: "r".to_owned(),
            backups,
            other_objects: 0,
            listed_at: now() + SignedDuration::from_secs(0),
        };
        let plan = PrunePlan::of_list(&list, options).unwrap();
        let kept = plan.keep.iter().map(|kept| format!("{} {:?}", kept.name, kept.why)).collect();
        (plan.remove.into_iter().map(|step| step.name).collect(), kept)
    }

    fn complete(days: u32) -> BackupEntry {
        entry(days, BackupState::Complete, BackupKind::Backup)
    }

    fn keep(days: u32) -> PruneOptions {
        PruneOptions { keep: Some(DAY * days), ..PruneOptions::default() }
    }

    #[test]
    fn the_old_go_and_the_oldest_first() {
        let (gone, kept) = plan(vec![complete(1), complete(29), complete(31), complete(40)], &keep(30));
        assert_eq!(gone, ["b40", "b31"]);
        assert_eq!(kept, ["b1 Newest", "b29 Age"]);
        let last = PruneOptions { keep_last: Some(2), ..PruneOptions::default() };
        assert_eq!(plan(vec![complete(1), complete(29), complete(31)], &last).0, ["b31"]);
        // What either keeps stays.
        let both = PruneOptions { keep_last: Some(3), ..keep(10) };
        let backups = vec![complete(1), complete(20), complete(30), complete(40)];
        assert_eq!(plan(backups, &both).0, ["b40"]);
    }

    #[test]
    fn the_last_good_one_and_the_newest_verified_stay_however_old() {
        assert_eq!(plan(vec![complete(90), complete(91)], &keep(30)).0, ["b91"]);
        let backups = vec![complete(40), verified(complete(50)), verified(complete(60)), complete(70)];
        let (gone, kept) = plan(backups, &keep(30));
        assert_eq!(gone, ["b70", "b60"]);
        assert_eq!(kept, ["b40 Newest", "b50 Verified"]);
        // A damaged one is not the last good one, whatever its age.
        let backups = vec![entry(40, BackupState::Damaged, BackupKind::Backup), complete(90), complete(95)];
        assert_eq!(plan(backups, &keep(30)).0, ["b95", "b40"]);
        // A foreign dump may be broken: beside it, the newest of ours stays.
        let backups = vec![entry(1, BackupState::Foreign, BackupKind::Backup), complete(90), complete(95)];
        assert_eq!(plan(backups, &keep(30)).0, ["b95"]);
    }

    #[test]
    fn salvages_foreign_dumps_and_what_cannot_be_read_stay() {
        let backups = || {
            vec![
                complete(1),
                entry(80, BackupState::Complete, BackupKind::Salvage),
                entry(81, BackupState::Foreign, BackupKind::Backup),
                entry(82, BackupState::Unreadable, BackupKind::Backup),
                entry(83, BackupState::Unfinished, BackupKind::Backup),
            ]
        };
        let (gone, kept) = plan(backups(), &keep(30));
        assert_eq!(gone, ["b83"]);
        assert_eq!(kept, ["b1 Newest", "b80 Salvage", "b81 Foreign", "b82 Unreadable"]);
        let foreign = PruneOptions { foreign: true, ..keep(30) };
        assert_eq!(plan(backups(), &foreign).0, ["b83", "b81"]);
        // One that is running is nobody's leftover.
        let running = entry(0, BackupState::Unfinished, BackupKind::Backup);
        assert_eq!(plan(vec![running, complete(1)], &keep(30)).1, ["b0 Running", "b1 Newest"]);
    }

    #[test]
    fn a_plan_without_a_rule_or_of_another_moment_is_refused() {
        let list = |backups| BackupList {
            format: BackupList::FORMAT.to_owned(),
            repository: "r".to_owned(),
            backups,
            other_objects: 0,
            listed_at: now(),
        };
        let error = PrunePlan::of_list(&list(vec![]), &PruneOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        let one = PrunePlan::of_list(&list(vec![complete(1), complete(40)]), &keep(30)).unwrap();
        let same =
            PrunePlan::of_list(&list(vec![complete(0), complete(1), complete(40)]), &keep(30)).unwrap();
        assert_eq!(one.digest, same.digest, "a new backup changes nothing about what goes");
        let more =
            PrunePlan::of_list(&list(vec![complete(1), complete(40), complete(41)]), &keep(30)).unwrap();
        assert!(more.expect(&one.digest).is_err() && more.expect(&more.digest).is_ok());
    }
}
