//! A project with files: rows in a database, bytes in a directory, which a server can stand before.

use std::path::{Path, PathBuf};
use std::time::Duration;

use drcore::check::CheckResult;
use drcore::sql::literal;
use drcore::storage::Store;
use drcore::{Report, VerifyOptions};
use drcore_tests::{Database, check, parse};
use tempfile::TempDir;

/// The tenant whose files they are.
pub(crate) const TENANT: &str = "stub";
/// The directory, and the bucket of the store.
pub(crate) const BUCKET: &str = "files";

pub(crate) struct World {
    pub(crate) database: Database,
    root: TempDir,
}

/// How long files lie there without a row before they count.
const SETTLE: Duration = Duration::from_millis(100);

/// A version, from a number.
pub(crate) fn version(number: u32) -> String {
    format!("1f9d7a52-3c0e-4b57-9a2e-{number:012x}")
}

impl World {
    /// Two buckets, and nothing in them.
    pub(crate) async fn empty() -> Self {
        let database = Database::supabase().await;
        database
            .execute(
                "insert into storage.buckets (id, name) values ('images', 'images'), ('images2', 'images2')",
            )
            .await;
        let root = TempDir::new().unwrap();
        std::fs::create_dir(root.path().join(BUCKET)).unwrap();
        Self { database, root }
    }

    /// One in which everything agrees, with names of every sort. The numbers of their versions begin with 1.
    pub(crate) async fn healthy(names: &[&str]) -> Self {
        let world = Self::empty().await;
        let mut sql = String::new();
        for (number, name) in (1..).zip(names) {
            let content = format!("the bytes of {number}");
            for bucket in ["images", "images2"] {
                world.write(&format!("{bucket}/{name}/{}", version(number)), content.as_bytes());
                sql += &row(bucket, name, Some(&version(number)), &content);
            }
        }
        world.database.execute(&sql).await;
        world
    }

    /// What holds the buckets of a store.
    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    /// Where a file of the tenant is.
    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.root().join(BUCKET).join(TENANT).join(path)
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let file = self.file(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        std::fs::remove_file(self.file(path)).unwrap();
    }

    /// The directory as a store.
    pub(crate) fn directory(&self) -> Store {
        Store::parse(&format!("file://{}/{BUCKET}", self.root().display())).unwrap()
    }

    /// The report of a plan on the database and this store.
    pub(crate) async fn report(&self, store: Store, plan: &str) -> Report {
        let mut options = VerifyOptions::default();
        options.plan = parse(plan);
        // The files of tests are new.
        let section = options.plan.storage_orphans.get_or_insert_default();
        section.settle.get_or_insert(SETTLE.into());
        options.collect.store = Some(store);
        options.collect.only = vec!["storage_orphans".to_owned()];
        let url = self.database.url().await;
        self.database.untouched(drcore::verify(&url, &options)).await.unwrap()
    }
}

/// A row as the storage service writes it.
pub(crate) fn row(bucket: &str, name: &str, version: Option<&str>, content: &str) -> String {
    format!(
        "insert into storage.objects (bucket_id, name, version, metadata) values ({}, {}, {}, \
         jsonb_build_object('size', {}, 'eTag', '\"' || md5({}) || '\"'));\n",
        literal(bucket),
        literal(name),
        version.map_or("null".to_owned(), literal),
        content.len(),
        literal(content)
    )
}

/// The result of the check.
pub(crate) fn result(report: &Report) -> &CheckResult {
    check(report, "storage_orphans")
}

/// `id: count` of every finding.
pub(crate) fn found(report: &Report) -> Vec<String> {
    let mut found: Vec<String> = result(report)
        .findings
        .iter()
        .map(|finding| {
            let id = finding.id().strip_prefix("storage_orphans:").unwrap();
            format!("{id}: {}", finding.count().unwrap())
        })
        .collect();
    found.sort();
    found
}

/// What the check could not read, and what would help; that it found nothing, and that this counts.
pub(crate) fn unread(report: &Report) -> String {
    let result = result(report);
    assert!(result.findings.is_empty(), "{:?}", result.findings);
    assert_eq!(result.outcome, drcore::check::Outcome::NotRun);
    assert!(result.counts);
    assert_eq!(report.verdict, drcore::Verdict::Unproven);
    let [unread] = result.unread.as_slice() else { panic!("{:?}", result.unread) };
    format!("{} | {}", unread.cause.message, unread.cause.hint.as_deref().unwrap_or_default())
}
