//! The platform's own backups, against the same objectives.

use super::findings::{PitrUnavailable, PlatformBackupFailed, PlatformBackupTooOld};
use super::{GRACE, signed};
use crate::check::Judgement;
use crate::evidence::PlatformFacts;
use crate::plan::{Backups, Span};

pub(super) fn judge(facts: &PlatformFacts, section: &Backups, rpo: Option<Span>, judgement: &mut Judgement) {
    judgement.examine("platform backups", facts.backups.len() as u64);
    // A window counts only where it can be gone back into.
    let window = facts.window.as_ref().filter(|_| facts.pitr_enabled);
    judgement.examine("recovery windows", window.iter().count() as u64);
    let now = facts.read_at;
    let newest = facts.backups.iter().max_by_key(|backup| backup.at);
    if let Some(newest) = newest.filter(|backup| backup.status.is_failure()) {
        judgement.find(PlatformBackupFailed::new(facts, newest.status.as_str(), newest.at));
    }
    let completed =
        facts.backups.iter().filter(|backup| backup.status.is_completed()).map(|backup| backup.at);
    let latest = completed.chain(window.map(|window| window.latest)).max();
    if let Some(rpo) = rpo
        && latest.is_none_or(|latest| now.duration_since(latest) > signed(rpo.into()))
    {
        judgement.find(PlatformBackupTooOld::new(facts, latest, rpo));
    }
    let Some(wanted) = section.pitr else { return };
    match window {
        None => judgement.find(PitrUnavailable::off(facts, wanted)),
        Some(window) if now.duration_since(window.earliest) + signed(GRACE) < signed(wanted.into()) => {
            judgement.find(PitrUnavailable::short(facts, window.earliest, wanted));
        }
        Some(_) => {}
    }
}
