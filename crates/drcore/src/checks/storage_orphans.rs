//! `storage_orphans`: rows of `storage.objects` and the bytes that they stand for, both ways.

mod findings;
mod references;

use crate::check::{Check, Context, Judgement, KindDoc};
use crate::collect::{Request, Wants};
use crate::evidence::catalog::CatalogFactName;
use crate::evidence::{BucketFiles, BucketState, Cause, CauseKind, Files};
use crate::plan::{Plan, StorageOrphans};
use crate::secret::redacted;
use crate::sql::QualifiedName;
use crate::storage::{self, StoredRows, enough, most, percent};
use crate::text::{count, plural};
pub use findings::*;
pub use references::{MissingReferenceColumn, ObjectsWithoutReference, ReferencesWithoutObject};

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "every object of Supabase Storage has its bytes in the store, and nothing else lies there",
    docs: include_str!("storage_orphans.md"),
    kinds: &[
        KindDoc {
            kind: "altered_files",
            meaning: "downloads succeed and give other bytes than were uploaded",
        },
        KindDoc {
            kind: "files_without_bucket",
            meaning: "bytes lie in the store of a bucket that the database does not know",
        },
        KindDoc { kind: "missing_files", meaning: "the objects are listed, and downloading them fails" },
        KindDoc {
            kind: "missing_reference_column",
            meaning: "a table or column is gone that said which objects belong to its rows",
        },
        KindDoc {
            kind: "objects_without_reference",
            meaning: "objects lie in the storage that no row of the application leads to",
        },
        KindDoc {
            kind: "references_without_object",
            meaning: "rows of the application lead to an object that nobody can download",
        },
        KindDoc {
            kind: "resized_files",
            meaning: "downloads succeed and are shorter or longer than what was uploaded",
        },
        KindDoc {
            kind: "unreferenced_files",
            meaning: "bytes lie in the store that nobody can get at through the database: lost uploads, or leftovers",
        },
    ],
    wanted,
    judge,
};

const ID: &str = "storage_orphans";

fn wanted(context: Context<'_>, wants: &mut Wants) {
    wants.catalog(&[CatalogFactName::Relation]);
    let there = |name: &str| {
        let name = QualifiedName::new("storage", name);
        matches!(context.now.catalog.relation(&name), Ok(Some(_)))
    };
    if !there("objects") {
        return;
    }
    references::wanted(context, wants);
    if !matches!(context.now.stored_rows, StoredRows::Wanted) {
        return;
    }
    wants.catalog(&[CatalogFactName::Column]);
    if there("buckets") {
        wants.catalog(&[CatalogFactName::Bucket]);
    }
    wants.add(Request::StoredRows);
}

fn judge(context: Context<'_>) -> Judgement {
    let mut judgement = judge_store(context);
    // Where there are no objects at all, that was said.
    if matches!(context.now.catalog.relation(&storage::table()), Ok(Some(_))) {
        references::judge(context, &mut judgement);
    }
    judgement
}

fn judge_store(context: Context<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    match context.now.catalog.relation(&storage::table()) {
        Ok(Some(_)) => {}
        Ok(None) => return Judgement::not_applicable("there is no storage.objects"),
        Err(cause) => {
            judgement.could_not_read("the list of relations", cause);
            return judgement;
        }
    }
    if context.now.files.is_not_asked() {
        return Judgement::no_expectation(
            "where the files are is not known: add --store URL (s3://BUCKET/PREFIX, file:///DIRECTORY, or supabase://REF)",
        );
    }
    match context.now.files.get() {
        // Whoever looks in the wrong place finds as much.
        Ok(files) if files.rows == 0 && files.objects == 0 => {
            return Judgement::not_applicable(
                "storage.objects has no rows, and the store no files of the tenant",
            );
        }
        Ok(files) => {
            judge_files(files, &mut judgement);
            if files.asked.is_some() {
                judge_probes(files, context.plan, &mut judgement);
            }
        }
        Err(cause) => judgement.could_not_read("the files of storage.objects", cause),
    }
    judgement
}

fn judge_files(files: &Files, judgement: &mut Judgement) {
    judgement.examine("buckets", files.buckets.len() as u64);
    judgement.examine("rows", files.rows);
    judgement.examine("files", files.objects);
    let sum = |of: fn(&BucketFiles) -> u64| files.buckets.values().map(of).sum::<u64>();
    let (summed, unsummed) = (sum(|bucket| bucket.summed), sum(|bucket| bucket.unsummed));
    judgement.examine("checksums", summed);
    judgement.examine("objects asked for", files.asked.unwrap_or(0));
    if unsummed > 0 {
        let message = if summed == 0 {
            "neither rows nor store have checksums that say anything about the bytes".to_owned()
        } else {
            format!(
                "{} of {} have none that says anything about the bytes",
                count(unsummed),
                count(unsummed + summed)
            )
        };
        judgement.could_not_read("checksums of files", Cause::new(CauseKind::Unsupported, message));
    }
    for unclear in &files.unclear {
        let mut object = plural(unclear.files, "object");
        if let Some(first) = unclear.samples.first() {
            object = format!("{object} (such as {})", redacted(first));
        }
        judgement.could_not_read(object, unclear.cause.clone());
    }
    let sample = Sample::of(files);
    for (name, bucket) in &files.buckets {
        if !bucket.missing.is_none() {
            judgement.find(MissingFiles::new(name, bucket, sample.as_ref()));
        }
        if !bucket.size_differs.is_none() {
            judgement.find(ResizedFiles::new(name, bucket, sample.as_ref()));
        }
        if !bucket.checksum_differs.is_none() {
            judgement.find(AlteredFiles::new(name, bucket, sample.as_ref()));
        }
        match bucket.bucket {
            _ if bucket.unreferenced.is_none() => {}
            BucketState::Gone => judgement.find(FilesWithoutBucket::new(name, bucket)),
            BucketState::There | BucketState::Other => judgement.find(UnreferencedFiles::new(name, bucket)),
        }
    }
}

/// What no answer of a storage service shows.
const UNSEEN: &str = "files that no row knows cannot be seen through the API of the storage service";

/// What a sample says of all, and what downloads do not show.
fn judge_probes(files: &Files, plan: &Plan, judgement: &mut Judgement) {
    judgement.remark = Some(UNSEEN.to_owned());
    let Some(sample) = Sample::of(files) else { return };
    let tolerated = plan.storage_orphans.as_ref().and_then(StorageOrphans::share);
    let said = sample.sentence();
    match tolerated {
        Some(share) if sample.most() < share => judgement.remark = Some(format!("{said}; {UNSEEN}")),
        Some(share) => {
            let message = format!("{said}, which is not below {}", percent(share));
            let hint = format!("Ask for {} objects: [storage_orphans] probe.", count(enough(share)));
            judgement
                .could_not_read("the other objects", Cause::new(CauseKind::NotCollected, message).hint(hint));
        }
        None => {
            let hint = "Ask for all of them, or say in the plan which share is good enough: [storage_orphans] \
                        missing_below = { percent = 0.1 }.";
            judgement
                .could_not_read("the other objects", Cause::new(CauseKind::NotCollected, said).hint(hint));
        }
    }
}

/// Objects that were chosen at random, and what they say of all.
struct Sample {
    /// Those of which it could be told.
    told: u64,
    all: u64,
    wrong: u64,
}

impl Sample {
    fn of(files: &Files) -> Option<Self> {
        let asked = files.asked.filter(|_| files.is_sampled())?;
        let unclear: u64 = files.unclear.iter().map(|unclear| unclear.files).sum();
        let wrong = |bucket: &BucketFiles| {
            bucket.missing.files + bucket.size_differs.files + bucket.checksum_differs.files
        };
        let wrong = files.buckets.values().map(wrong).sum();
        Some(Self { told: asked.saturating_sub(unclear), all: files.rows, wrong })
    }

    /// The share of all that is missing or wrong at most, with 95 % confidence.
    fn most(&self) -> f64 {
        most(self.wrong, self.told, self.all)
    }

    fn sentence(&self) -> String {
        format!(
            "{} of {} objects were asked for, chosen at random: with 95 % confidence fewer than {} of all are missing \
             or wrong",
            count(self.told),
            count(self.all),
            percent(self.most())
        )
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::check::{CheckResult, Outcome, Reason};
    use crate::evidence::catalog::{Persistence, RelationKind};
    use crate::evidence::{Evidence, Fact, OddFiles, Run};
    use crate::finding::Severity;

    fn evidence() -> Evidence {
        let mut evidence = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
        evidence.catalog.relations = Fact::Read(vec![
            serde_json::from_value(serde_json::json!({
                "name": "storage.objects", "kind": RelationKind::Table, "persistence": Persistence::Permanent,
                "owner": "postgres", "rls_enabled": true, "rls_forced": false, "parents": [], "is_partition": false,
                "options": [], "acl": [], "extension": null, "estimated_rows": 0
            }))
            .unwrap(),
        ]);
        evidence
    }

    fn result(evidence: &Evidence) -> CheckResult {
        let plan = Plan::default();
        let judgement = judge(Context::new(&plan, evidence, None));
        CheckResult::derive(ID, judgement, Vec::new(), false)
    }

    fn odd(files: u64) -> OddFiles {
        OddFiles { files, bytes: 7 * files, samples: vec!["a/v".to_owned()], ..OddFiles::default() }
    }

    #[test]
    fn without_a_store_there_is_nothing_to_go_on() {
        let result = result(&evidence());
        assert_eq!(
            (result.outcome, result.reason, result.counts),
            (Outcome::NotRun, Some(Reason::NoExpectation), false)
        );
        assert!(result.note.unwrap().contains("--store"));
    }

    #[test]
    fn checksums_of_some_files_are_not_those_of_all() {
        let mut evidence = evidence();
        let mut files = Files { rows: 9, objects: 9, checksums: true, ..Files::default() };
        let bucket = BucketFiles { rows: 9, objects: 9, summed: 9, ..BucketFiles::default() };
        files.buckets.insert("docs".to_owned(), bucket.clone());
        evidence.files = Fact::Read(files.clone());
        assert_eq!(result(&evidence).outcome, Outcome::Passed);
        files.buckets.insert("docs".to_owned(), BucketFiles { summed: 8, unsummed: 1, ..bucket });
        evidence.files = Fact::Read(files);
        let result = result(&evidence);
        assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::Unreadable)));
        assert!(result.unread[0].cause.message.starts_with("1 of 9 have none"), "{:?}", result.unread);
    }

    #[test]
    fn nothing_on_both_sides_proves_nothing() {
        let mut evidence = evidence();
        evidence.files = Fact::Read(Files::default());
        assert_eq!(result(&evidence).reason, Some(Reason::NotApplicable));
        evidence.files = Fact::Read(Files { objects: 1, ..Files::default() });
        assert_eq!(result(&evidence).outcome, Outcome::Passed);
    }

    #[test]
    fn a_store_that_could_not_be_read_is_no_store_without_files() {
        let mut evidence = evidence();
        evidence.files = Fact::Unread(Cause::new(CauseKind::Connection, "the store does not answer"));
        let result = result(&evidence);
        assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::Unreadable)));
        assert!(result.findings.is_empty() && result.counts);
    }

    #[test]
    fn what_is_wrong_is_told_by_bucket() {
        let mut evidence = evidence();
        let mut files = Files { rows: 9, objects: 8, ..Files::default() };
        files
            .buckets
            .insert("whole".to_owned(), BucketFiles { rows: 4, objects: 4, ..BucketFiles::default() });
        evidence.files = Fact::Read(files.clone());
        assert_eq!(result(&evidence).outcome, Outcome::Passed);
        let broken = BucketFiles {
            missing: odd(3),
            superseded: 1,
            unreferenced: odd(2),
            size_differs: odd(1),
            checksum_differs: odd(1),
            ..BucketFiles::default()
        };
        let gone = BucketFiles { bucket: BucketState::Gone, unreferenced: odd(1), ..BucketFiles::default() };
        files.buckets.insert("docs".to_owned(), broken);
        files.buckets.insert("old".to_owned(), gone);
        evidence.files = Fact::Read(files);
        let result = result(&evidence);
        let found: Vec<(&str, Severity, Option<u64>)> = result
            .findings
            .iter()
            .map(|finding| (finding.id(), finding.severity(), finding.count()))
            .collect();
        assert_eq!(
            found,
            [
                ("storage_orphans:altered_files:docs", Severity::Critical, Some(1)),
                ("storage_orphans:missing_files:docs", Severity::Critical, Some(3)),
                ("storage_orphans:resized_files:docs", Severity::Critical, Some(1)),
                ("storage_orphans:files_without_bucket:old", Severity::Warning, Some(1)),
                ("storage_orphans:unreferenced_files:docs", Severity::Warning, Some(2)),
            ]
        );
        let missing = result.findings[1].common();
        assert_eq!(missing.message, "3 objects of bucket \"docs\" have no bytes in the store (21 bytes)");
        assert!(missing.hint.as_ref().unwrap().contains("1 of them"), "{missing:?}");
        // No remedy deletes.
        assert!(result.findings.iter().all(|finding| finding.common().remedy.is_none()));
    }
}
