//! A history, against the files in the plan's folder.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{
    HistoryLost, MigrationVersionsShared, MigrationsEdited, MigrationsOutOfOrder, MigrationsPending,
    MigrationsUnknown,
};
use super::then::is_comparable;
use super::{by_version, history};
use crate::check::{Context, Judgement};
use crate::evidence::{AppliedMigration, Cause, CauseKind, MigrationFile, MigrationFolder, MigrationHistory};
use crate::migrations::KnownHistory;
use crate::text::{list, plural};

/// A history that is there, and what it is compared with.
#[derive(Clone, Copy)]
struct Sides<'e> {
    known: &'e KnownHistory,
    folder: &'e MigrationFolder,
    now: &'e MigrationHistory,
    then: Option<&'e MigrationHistory>,
}

pub(super) fn judge(context: Context<'_>, known: &KnownHistory, is_there: bool, judgement: &mut Judgement) {
    let folder = match context.now.migrations.folder.get() {
        Ok(folder) => folder,
        Err(cause) => return judgement.could_not_read("the folder of migrations", cause),
    };
    if folder.tool != known.tool {
        let message = format!("they were read as those of {}", folder.tool.as_str());
        let cause = Cause::new(CauseKind::NotCollected, message).hint("Collect again, by this plan.");
        return judgement.could_not_read(format!("the files in {}", folder.path), cause);
    }
    judgement.examine("files", folder.files.len() as u64);
    shared(folder, judgement);
    if !folder.passed_over.is_empty() {
        judgement.remark(format!("no migrations by their names: {}", list(&folder.passed_over)));
    }
    let then =
        context.then.and_then(|then| history(then, known).ok()).filter(|then| !then.applied.is_empty());
    let now = if is_there {
        // Where it cannot be read, that was told.
        let Ok(now) = history(context.now, known) else { return };
        Some(now).filter(|now| !now.applied.is_empty())
    } else {
        None
    };
    match now {
        Some(now) => {
            let sides = Sides { known, folder, now, then };
            sides.waiting(judgement);
            sides.unknown(judgement);
            sides.edited(judgement);
        }
        // Where the baseline has it, that was told with more.
        None if then.is_none() && !folder.files.is_empty() => {
            judgement.examine("migrations", folder.files.len() as u64);
            judgement.find(HistoryLost::of_files(known, folder, is_there));
        }
        None => {}
    }
}

/// Files of one version.
fn shared(folder: &MigrationFolder, judgement: &mut Judgement) {
    let mut versions: BTreeMap<&str, Vec<&MigrationFile>> = BTreeMap::new();
    for file in &folder.files {
        versions.entry(&file.version).or_default().push(file);
    }
    for (version, files) in versions {
        if files.len() > 1 {
            judgement.find(MigrationVersionsShared::new(folder, version, &files));
        }
    }
}

impl Sides<'_> {
    /// Files that were not applied.
    fn waiting(self, judgement: &mut Judgement) {
        let is = by_version(self.now);
        let were = self.then.map(by_version).unwrap_or_default();
        let files = &self.folder.files;
        let last = files.iter().rposition(|file| is.contains_key(file.version.as_str()));
        let (mut pending, mut passed) = (Vec::new(), Vec::new());
        for (at, file) in files.iter().enumerate() {
            let version = file.version.as_str();
            // What the baseline's history has is lost, and told as that.
            if is.contains_key(version) || were.contains_key(version) {
                continue;
            }
            if last.is_some_and(|last| at < last) {
                passed.push(file);
            } else {
                pending.push(file);
            }
        }
        // Then it was so before the disaster.
        let was_so = self.then.is_some();
        if !pending.is_empty() {
            judgement.find(MigrationsPending::new(self.known, &pending, was_so));
        }
        if !passed.is_empty() {
            judgement.find(MigrationsOutOfOrder::new(self.known, &passed, was_so));
        }
    }

    /// Migrations without a file.
    fn unknown(self, judgement: &mut Judgement) {
        let files: BTreeSet<&str> = self.folder.files.iter().map(|file| file.version.as_str()).collect();
        let has_file = |applied: &&AppliedMigration| files.contains(applied.version.as_str());
        let without: Vec<&AppliedMigration> =
            self.now.applied.iter().filter(|applied| !has_file(applied)).collect();
        if !without.is_empty() {
            let were = self.then.map(by_version).unwrap_or_default();
            let was_so = without.iter().all(|applied| were.contains_key(applied.version.as_str()));
            judgement.find(MigrationsUnknown::new(self.known, self.folder, &without, was_so));
        }
    }

    /// Files that hold something else than was applied.
    fn edited(self, judgement: &mut Judgement) {
        let is = by_version(self.now);
        let (mut edited, mut textless) = (Vec::new(), 0_u64);
        for file in &self.folder.files {
            let Some(applied) = is.get(file.version.as_str()) else { continue };
            let content = applied.content.as_ref().filter(|content| {
                let mut contents = file.contents.iter();
                contents.any(|of_file| is_comparable(of_file, content))
            });
            match content {
                Some(content) if file.contents.contains(content) => {}
                Some(_) => edited.push(file),
                None => textless += 1,
            }
        }
        if !edited.is_empty() {
            judgement.find(MigrationsEdited::new(self.known, &edited));
        }
        if textless > 0 {
            judgement.remark(format!(
                "whether files were edited is not known of {}, whose text the history does not keep",
                plural(textless, "migration")
            ));
        }
    }
}
