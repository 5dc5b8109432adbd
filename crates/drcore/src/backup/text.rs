//! What a repository holds, and what was taken, as text of 80 columns.

use jiff::Timestamp;

use super::layout::{DumpFormat, InstantFrom, Wrapped, file_name};
use super::list::{BackupEntry, BackupList, BackupState};
use super::manifest::{BackupKind, Manifest, OmissionExtent};
use super::prune::{KeptBecause, PrunePlan, Pruned};
use super::take::Taken;
use super::verification::{Verification, VerificationVerdict};
use crate::report::{terminal, without_commands};
use crate::text::{age, bytes, count, instant, plural, seconds};

/// Columns of a name; a longer one has a line of its own.
const NAME: usize = 28;
/// Lists of what is missing or odd are no longer.
const FEW: usize = 10;

impl BackupList {
    /// The list as text: the newest first, what is wrong below its backup.
    pub fn to_text(&self) -> String {
        let mut lines = vec![self.headline()];
        if !self.backups.is_empty() {
            lines.push(String::new());
            lines.push(format!("{:NAME$} {:>8} {:>8} {:>13}  STATE", "NAME", "AGE", "SIZE", "ROWS"));
        }
        for entry in &self.backups {
            lines.extend(row(entry, self.listed_at));
        }
        let gaps = self.gaps(None);
        for (before, after) in gaps.iter().take(FEW) {
            let length: std::time::Duration =
                after.at.duration_since(before.at).try_into().unwrap_or_default();
            lines.push(format!(
                "gap      none between {} and {} ({})",
                instant(before.at),
                instant(after.at),
                age(length)
            ));
        }
        if gaps.len() > FEW {
            lines.push(format!("         + {} more gaps", gaps.len() - FEW));
        }
        if self.other_objects > 0 {
            let belong = if self.other_objects == 1 { "belongs" } else { "belong" };
            lines.push(format!("other    {} {belong} to no backup", plural(self.other_objects, "object")));
        }
        finish(&lines)
    }

    fn headline(&self) -> String {
        let place = &self.repository;
        let newest = self.usable().next();
        let Some(newest) = newest else {
            let what = match (self.backups.len(), self.other_objects) {
                (0, 0) => "nothing lies there at all: check bucket and prefix".to_owned(),
                (0, others) => {
                    format!("{} lie there, and none is a backup: check the prefix", plural(others, "object"))
                }
                (entries, _) => {
                    format!("{}, of which none can be restored from", plural(entries as u64, "entry"))
                }
            };
            return format!("EMPTY    {place}\n         {what}");
        };
        let usable = self.usable().count() as u64;
        let all: u64 = self.backups.iter().map(|entry| entry.bytes).sum();
        let verified = match self.usable().find(|entry| entry.is_verified()) {
            Some(entry) => format!("newest verified: {} old", age(entry.age_at(self.listed_at))),
            None => "none is verified".to_owned(),
        };
        let newest = age(newest.age_at(self.listed_at));
        format!("{place}\n{}, {} · newest {newest} old · {verified}", plural(usable, "backup"), bytes(all))
    }
}

fn row(entry: &BackupEntry, now: Timestamp) -> Vec<String> {
    let rows = entry.rows.map(count).unwrap_or_default();
    let old = age(entry.age_at(now));
    let figures = format!("{old:>8} {:>8} {rows:>13}  {}", bytes(entry.bytes), state(entry));
    let name = match entry.state {
        BackupState::Foreign => entry.name.as_str(),
        _ => file_name(&entry.name),
    };
    let mut lines = if name.chars().count() <= NAME {
        vec![format!("{name:NAME$} {figures}")]
    } else {
        vec![name.to_owned(), format!("{:NAME$} {figures}", "")]
    };
    lines.extend(entry.problems.iter().take(3).map(|problem| format!("         {problem}")));
    lines
}

fn state(entry: &BackupEntry) -> String {
    let mut state = match entry.state {
        BackupState::Foreign => {
            format!("foreign{}", entry.dump.map_or("", |dump| of_dump(dump, entry.wrapped)))
        }
        state => state.as_str().to_owned(),
    };
    if entry.kind == BackupKind::Salvage {
        state = format!("salvage, {state}");
    }
    match entry.verified.as_ref().map(|note| note.verdict) {
        Some(VerificationVerdict::Whole) => state + ", verified",
        Some(VerificationVerdict::Unproven) => state + ", unproven",
        Some(VerificationVerdict::Damaged) | None if entry.at_from == InstantFrom::Modified => {
            state + ", age by the store"
        }
        _ => state,
    }
}

fn of_dump(dump: DumpFormat, wrapped: Option<Wrapped>) -> &'static str {
    match (dump, wrapped) {
        (DumpFormat::Plain, _) => " SQL",
        (DumpFormat::Directory, _) => " directory",
        (DumpFormat::Tar, _) => " tar",
        (DumpFormat::Custom, _) => " dump",
    }
}

impl Taken {
    /// What was taken, as text.
    pub fn to_text(&self) -> String {
        let Self { manifest, name, repository, unread, recovered, .. } = self;
        let word = if self.is_whole() { "STORED  " } else { "UNPROVEN" };
        let what = match manifest.kind {
            BackupKind::Backup => "backup",
            BackupKind::Salvage => "salvage",
        };
        let mut lines = vec![format!("{word} {what} of {}", manifest.source.sentence())];
        lines.push(format!("         {name} in {repository}"));
        lines.push(format!(
            "         {}, {} · dump {} ({}) in {}",
            plural(manifest.tables.len() as u64, "table"),
            plural(manifest.rows(), "row"),
            bytes(manifest.dump.bytes),
            manifest.dump.compression,
            seconds(manifest.run.dump_ms),
        ));
        lines.push(format!("         {}", baseline(manifest)));
        for omitted in manifest.omitted.iter().take(FEW) {
            let extent = match omitted.extent {
                OmissionExtent::Schema | OmissionExtent::Table => "not in it",
                OmissionExtent::Rows => "without its rows",
            };
            lines.push(format!("LEFT OUT {}, {extent}: {}", omitted.object, omitted.why));
        }
        lines.extend(unread.iter().take(FEW).map(|unread| format!("UNREAD   {unread}")));
        if unread.len() > FEW {
            lines.push(format!("         + {} more", unread.len() - FEW));
        }
        for left in recovered {
            let host = left.host.as_ref().map_or(String::new(), |host| format!(" on {host}"));
            lines.push(format!("earlier  {} was begun{host} and never finished", file_name(&left.name)));
            lines.push(match &left.left {
                None => format!("         what it left was removed ({})", bytes(left.bytes)),
                Some(why) => format!("         what it left could not be removed: {why}"),
            });
        }
        finish(&lines)
    }
}

impl PrunePlan {
    /// The plan as text: what goes, and what stays and why.
    pub fn to_text(&self) -> String {
        let mut lines = vec![format!(
            "plan {} for {} · {} to remove ({}), {} to keep",
            self.digest,
            self.repository,
            count(self.remove.len() as u64),
            bytes(self.bytes),
            count(self.keep.len() as u64),
        )];
        for step in &self.remove {
            lines.push(format!("remove   {} ({}): {}", step.name, bytes(step.bytes), step.why));
        }
        // What is young or counted needs no reason.
        let odd = self.keep.iter().filter(|kept| !matches!(kept.why, KeptBecause::Age | KeptBecause::Count));
        for kept in odd.take(FEW) {
            lines.push(format!("keep     {}: {}", kept.name, kept.why.sentence()));
        }
        if self.remove.is_empty() {
            lines.push("nothing to remove".to_owned());
        }
        finish(&lines)
    }
}

impl Pruned {
    /// What was removed, as text.
    pub fn to_text(&self) -> String {
        let plan = &self.plan;
        let mut lines = vec![format!(
            "REMOVED  {} of {} ({})",
            plural(plan.remove.len() as u64, "backup"),
            plan.repository,
            bytes(plan.bytes)
        )];
        let removed = plan.remove.iter().zip(&self.removed_at);
        lines.extend(removed.map(|(step, at)| format!("         {}  {}", instant(*at), step.name)));
        finish(&lines)
    }
}

impl Verification {
    /// What looking into a backup showed, as text.
    pub fn to_text(&self) -> String {
        let word = match self.verdict {
            VerificationVerdict::Damaged => "DAMAGED ",
            VerificationVerdict::Unproven => "UNPROVEN",
            VerificationVerdict::Whole => "WHOLE   ",
        };
        let mut lines = vec![format!("{word} {}", self.backup)];
        lines.push(format!(
            "         {}, {} counted in the dump · {} read in {}",
            plural(self.tables, "table"),
            plural(self.rows, "row"),
            bytes(self.objects.iter().map(|object| object.bytes).sum()),
            seconds(self.run.elapsed_ms)
        ));
        for (word, list) in
            [("BROKEN  ", &self.problems), ("UNREAD  ", &self.unread), ("note    ", &self.notes)]
        {
            lines.extend(list.iter().take(FEW).map(|text| format!("{word} {text}")));
            if list.len() > FEW {
                lines.push(format!("         + {} more", list.len() - FEW));
            }
        }
        if self.verdict == VerificationVerdict::Damaged {
            lines.push("next     drcore backup list    shows which others there are".to_owned());
        }
        finish(&lines)
    }
}

fn baseline(manifest: &Manifest) -> String {
    match (&manifest.baseline, manifest.content) {
        (None, _) => "no baseline: what is restored cannot be compared".to_owned(),
        (Some(_), true) => "baseline of the same snapshot, with the content of tables".to_owned(),
        (Some(_), false) => "baseline of the same snapshot, without the content of tables".to_owned(),
    }
}

/// Line by line, since a name may hold line breaks.
fn finish(lines: &[String]) -> String {
    let lines = lines.iter().flat_map(|line| line.split('\n'));
    let text: String = lines.map(|line| format!("{}\n", terminal(line.trim_end()))).collect();
    without_commands(&text).into_owned()
}
