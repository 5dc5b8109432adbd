//! `backups`: what can be restored from is there, new enough, whole as far as a listing shows, and kept as long as said.

mod findings;
mod platform;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::backup::BackupState;
use crate::check::{Check, Context, Judgement, KindDoc, Reason};
use crate::collect::Wants;
use crate::evidence::{BackupFact, Cause, CauseKind, RepositoryFacts};
use crate::plan::{Backups, Span};
pub use findings::*;

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "the newest backup is new enough and whole, the series has no gaps, and old ones are gone (`[backups]`)",
    docs: include_str!("backups.md"),
    kinds: &[
        KindDoc {
            kind: "backup_gap",
            meaning: "what was lost between two backups cannot be restored from one of then",
        },
        KindDoc { kind: "backup_shrunk", meaning: "the newest dump may lack what the ones before it had" },
        KindDoc {
            kind: "backup_too_old",
            meaning: "a disaster now would lose more than the objective allows",
        },
        KindDoc {
            kind: "backups_kept_too_long",
            meaning: "data that should have been erased can still be restored, and the room is paid for",
        },
        KindDoc { kind: "damaged_backup", meaning: "it cannot be restored from, or only in part" },
        KindDoc { kind: "no_backups", meaning: "a disaster now would lose everything" },
        KindDoc { kind: "pitr_unavailable", meaning: "the platform cannot go back as far as it should" },
        KindDoc {
            kind: "platform_backup_failed",
            meaning: "the platform's newest backup cannot be restored from",
        },
        KindDoc {
            kind: "platform_backup_too_old",
            meaning: "going back by the platform's means would lose more than the objective allows",
        },
        KindDoc {
            kind: "unfinished_backup",
            meaning: "a backup that should be there is not, and its remains are",
        },
        KindDoc { kind: "unverified_backups", meaning: "nobody knows whether what is there can be restored" },
    ],
    wanted,
    judge,
};

const ID: &str = "backups";

/// Sizes that the newest is compared with, at most.
const USUAL: usize = 7;
/// From how many there is a usual size.
const SERIES: usize = 3;
/// So much later than said is not too late: nobody prunes by the second.
const GRACE: Duration = Duration::from_secs(86_400);

/// Nothing of the database: a repository is listed when everything else was read.
fn wanted(_: Context<'_>, _: &mut Wants) {}

fn judge(context: Context<'_>) -> Judgement {
    let Some(section) = &context.plan.backups else {
        return Judgement::no_expectation(
            "where the backups are is not known: add [backups] repository to the plan",
        );
    };
    let rpo = context.plan.objectives.as_ref().and_then(|objectives| objectives.rpo);
    let mut judgement = Judgement::default();
    if let Some(repository) = &section.repository {
        match context.now.backups.get() {
            Ok(facts) => judge_repository(facts, section, rpo, &mut judgement),
            Err(cause) => judgement.could_not_read(repository, cause),
        }
    }
    if let Some(project) = &section.platform {
        match context.now.platform.get() {
            Ok(facts) => platform::judge(facts, section, rpo, &mut judgement),
            Err(cause) => judgement.could_not_read(format!("the platform's backups of {project}"), cause),
        }
    }
    if rpo.is_none() {
        judgement = judgement.absent(
            Reason::NoExpectation,
            "nothing says how new the newest backup must be: add [objectives] rpo to the plan",
        );
    }
    judgement
}

fn judge_repository(
    facts: &RepositoryFacts,
    section: &Backups,
    rpo: Option<Span>,
    judgement: &mut Judgement,
) {
    let now = facts.listed_at;
    judgement.examine("backups", facts.backups);
    for fact in &facts.newest {
        judge_one(facts, fact, judgement);
    }
    let usable: Vec<&BackupFact> = facts.newest.iter().filter(|fact| fact.is_usable()).collect();
    let Some(newest) = usable.first() else {
        return judgement.find(NoBackups::new(facts));
    };
    if let Some(rpo) = rpo
        && now.duration_since(newest.at) > signed(rpo.into())
    {
        judgement.find(BackupTooOld::new(facts, newest, rpo));
    }
    if let Some(usual) = usual_size(&usable)
        && newest.dump_bytes < usual / 2
    {
        judgement.find(BackupShrunk::new(newest, usual));
    }
    if let Some(schedule) = section.schedule {
        let every = signed(schedule.into());
        let gaps: Vec<_> = usable
            .windows(2)
            .filter(|pair| pair[0].at.duration_since(pair[1].at) > every + every / 2)
            .map(|pair| (pair[1].at, pair[0].at))
            .collect();
        if !gaps.is_empty() {
            judgement.find(BackupGap::new(facts, schedule, &gaps));
        }
    }
    let verified = usable.iter().find(|fact| fact.is_verified());
    if let Some(allowed) = section.verified
        && verified.is_none_or(|fact| now.duration_since(fact.at) > signed(allowed.into()))
    {
        judgement.find(UnverifiedBackups::new(facts, verified.map(|fact| fact.at), allowed));
    }
    if let Some(keep) = section.keep {
        let limit = signed(keep.into()) + signed(GRACE);
        let spared = |fact: &BackupFact| {
            fact.name == newest.name || verified.is_some_and(|verified| verified.name == fact.name)
        };
        let old: Vec<&BackupFact> = usable
            .iter()
            .copied()
            .filter(|fact| now.duration_since(fact.at) > limit && !spared(fact))
            .collect();
        if let Some(oldest) = old.last() {
            judgement.find(BackupsKeptTooLong::new(facts, keep, old.len() as u64, oldest.at));
        }
    }
}

/// What is wrong with one, whatever the others are like.
fn judge_one(facts: &RepositoryFacts, fact: &BackupFact, judgement: &mut Judgement) {
    match fact.state {
        BackupState::Damaged => {
            // Newer than everything that could be restored from, it is the one that people count on.
            let is_newest =
                facts.newest.iter().find(|other| other.is_usable()).is_none_or(|other| other.at < fact.at);
            judgement.find(DamagedBackup::new(fact, is_newest));
        }
        BackupState::Unfinished if fact.silent => judgement.find(UnfinishedBackup::new(fact)),
        BackupState::Unreadable => {
            let why =
                fact.problems.first().cloned().unwrap_or_else(|| "its manifest cannot be read".to_owned());
            judgement.could_not_read(&fact.name, Cause::new(CauseKind::Unsupported, why));
        }
        BackupState::Complete | BackupState::Foreign | BackupState::Unfinished => {}
    }
}

/// The size in the middle of those before the newest that are written as it is; none while they are few.
fn usual_size(usable: &[&BackupFact]) -> Option<u64> {
    let newest = usable.first()?;
    let alike = usable.iter().skip(1).filter(|fact| fact.dump == newest.dump && fact.state == newest.state);
    let mut sizes: Vec<u64> = alike.take(USUAL).map(|fact| fact.dump_bytes).collect();
    sizes.sort_unstable();
    (sizes.len() >= SERIES).then(|| sizes[sizes.len() / 2])
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// How old something of `at` was at `now`.
fn old(now: Timestamp, at: Timestamp) -> String {
    crate::text::age(now.duration_since(at).try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests;
