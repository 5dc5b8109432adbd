//! The checks, one file each.
//!
//! Adding one: `checks/<name>.rs`, `checks/<name>.md`, a `mod` line, a line in
//! [`ALL`], and `tests/damage/<name>.sql`.

pub mod assertions;
pub mod auth_integrity;
pub mod backups;
pub mod bucket_privacy;
pub mod content_drift;
pub mod duplicate_keys;
pub(crate) mod exposed;
mod expression;
pub mod freshness;
pub mod invalid_objects;
#[cfg(test)]
mod judged;
pub mod migration_drift;
pub mod orphan_fks;
mod platform;
pub mod policies;
pub mod privilege_drift;
pub mod rls_coverage;
pub mod row_counts;
pub mod schema_drift;
pub mod sequence_lag;
pub mod storage_orphans;
pub mod tenant_isolation;

pub use crate::check::Check;

/// Every check that exists: a report has one result for each.
pub static ALL: &[&Check] = &[
    &assertions::CHECK,
    &auth_integrity::CHECK,
    &backups::CHECK,
    &bucket_privacy::CHECK,
    &content_drift::CHECK,
    &duplicate_keys::CHECK,
    &freshness::CHECK,
    &invalid_objects::CHECK,
    &migration_drift::CHECK,
    &orphan_fks::CHECK,
    &privilege_drift::CHECK,
    &rls_coverage::CHECK,
    &row_counts::CHECK,
    &schema_drift::CHECK,
    &sequence_lag::CHECK,
    &storage_orphans::CHECK,
    &tenant_isolation::CHECK,
];

/// The check of this id.
pub fn by_id(id: &str) -> Option<&'static Check> {
    ALL.iter().copied().find(|check| check.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::Timestamp;

    use super::*;
    use crate::check::{CheckResult, Context, Outcome};
    use crate::evidence::{Evidence, Run};
    use crate::finding::Finding;
    use crate::plan::Plan;

    const HEADINGS: &[&str] =
        &["## What it proves", "## What it cannot prove", "## When it fails", "## Example"];

    #[test]
    fn every_check_says_not_run_on_empty_evidence() {
        // What only a plan names is not missed where none does.
        let plan = Plan::from_toml("[backups]\nrepository = \"/backups\"\n").unwrap();
        let nothing = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
        for check in ALL {
            for then in [None, Some(&nothing)] {
                let judgement = (check.judge)(Context::new(&plan, &nothing, then));
                let result = CheckResult::derive(check.id, judgement, Vec::new(), false);
                assert_eq!(result.outcome, Outcome::NotRun, "{}", check.id);
                assert!(result.counts, "{}: nothing was collected, so it must be unreadable", check.id);
            }
        }
    }

    #[test]
    fn files_pages_and_ids_agree() {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/checks");
        let mut files = BTreeSet::new();
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                files.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
                assert!(path.with_extension("rs").exists(), "{}", path.display());
            }
        }
        let ids: BTreeSet<String> = ALL.iter().map(|check| check.id.to_owned()).collect();
        assert_eq!(files, ids);
        assert_eq!(ids.len(), ALL.len(), "an id stands twice");
        for check in ALL {
            assert!(
                check.docs.starts_with(&format!("# {}\n", check.id)),
                "{}: the page begins with its id",
                check.id
            );
            let mut at = 0;
            for heading in HEADINGS {
                let found = check.docs[at..].find(heading);
                assert!(found.is_some(), "{}: the page lacks {heading:?}, or has it out of order", check.id);
                at += found.unwrap();
            }
        }
    }

    #[test]
    fn every_kind_belongs_to_a_check() {
        let mut documented: BTreeSet<&str> =
            ALL.iter().flat_map(|check| check.kinds).map(|doc| doc.kind).collect();
        documented.insert("custom");
        let kinds: BTreeSet<&str> = Finding::KINDS.iter().copied().collect();
        assert_eq!(documented, kinds);
    }

    #[test]
    fn every_check_has_a_damage_script() {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/damage");
        for check in ALL {
            let script = directory.join(format!("{}.sql", check.id));
            assert!(script.exists(), "{} is missing", script.display());
        }
    }

    #[test]
    fn examples_in_the_pages_are_plans() {
        for check in ALL {
            let examples =
                check.docs.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
            let mut count = 0;
            for example in examples {
                count += 1;
                if let Err(error) = Plan::from_toml(example) {
                    panic!("{}: {error}\n{}", check.id, error.detail_text().unwrap_or_default());
                }
            }
            assert!(count > 0, "{}: the page has no example plan", check.id);
        }
    }
}
