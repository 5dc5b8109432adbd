//! The verb: every file that something is wrong with, however many.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use drcore::collect::{Phase, Progress};
use drcore::storage::{AuditOptions, StorageProblem, StorageReport, StorageRow, Store, audit};
use drcore::{ErrorKind, Verdict};

use super::server::Server;
use super::service::{Backend, Door, Service, Trouble};
use super::world::{World, row, version};

/// How many objects are lost, and how many files have no row.
const LOST: u32 = 700;
const LEFT: u32 = 300;

async fn world() -> World {
    let world = World::healthy(&["kept", "resized"]).await;
    world.write(&format!("images/resized/{}", version(2)), b"the");
    let rows: String =
        (1..=LOST).map(|n| row("images", &format!("lost {n}"), Some(&version(n)), "x")).collect();
    world.database.execute(&rows).await;
    for n in 1..=LEFT {
        world.write(&format!("images2/left{n}/{}", version(n)), b"xyz");
    }
    world
}

async fn audited(world: &World, store: Store) -> (StorageReport, Vec<Progress>) {
    let told: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let keep = Arc::clone(&told);
    let mut options = AuditOptions::from_json(r#"{"settle": "100ms", "samples": 3}"#).unwrap();
    options.collect.store = Some(store);
    options.collect.progress = Some(Arc::new(move |progress| keep.lock().unwrap().push(progress)));
    let url = world.database.url().await;
    let report = world.database.untouched(audit(&url, &options)).await.unwrap();
    let told = told.lock().unwrap().clone();
    (report, told)
}

fn by_problem(report: &StorageReport) -> BTreeMap<StorageProblem, Vec<StorageRow>> {
    let mut rows: BTreeMap<StorageProblem, Vec<StorageRow>> = BTreeMap::new();
    for row in report.rows().unwrap() {
        let row = row.unwrap();
        rows.entry(row.problem).or_default().push(row);
    }
    rows
}

#[tokio::test]
async fn every_file_is_told_and_not_only_samples() {
    let world = world().await;
    let server = Server::start(world.root());
    let service = Service::start(&world, Backend::S3, Trouble::None).await;
    for (store, sees_files) in
        [(world.directory(), true), (server.store("s3://files"), true), (service.store(Door::Rest), false)]
    {
        let place = store.url.to_string();
        let (report, told) = audited(&world, store).await;
        assert_eq!((report.verdict, report.exit_code()), (Verdict::Failed, 1), "{place}");
        let rows = by_problem(&report);
        let numbers: Vec<(StorageProblem, usize)> =
            rows.iter().map(|(problem, rows)| (*problem, rows.len())).collect();
        let mut expected = vec![(StorageProblem::Missing, LOST as usize), (StorageProblem::Resized, 1)];
        if sees_files {
            expected.push((StorageProblem::Unreferenced, LEFT as usize));
        }
        assert_eq!(numbers, expected, "{place}");
        let lost = &rows[&StorageProblem::Missing][0];
        assert!(lost.bucket == "images" && lost.name.starts_with("lost "), "{lost:?}");
        assert_eq!((lost.version.as_ref().map(String::len), lost.bytes), (Some(36), Some(1)));
        let resized = &rows[&StorageProblem::Resized][0];
        assert_eq!(resized.detail.as_deref(), Some("14 bytes expected, 3 found"));
        // The samples are its beginning, and each row can be read as often as wanted.
        let files = report.files.as_ref().unwrap();
        assert_eq!(files.buckets["images"].missing.samples.len(), 3);
        assert_eq!(by_problem(&report), rows);
        // Progress goes on from the database to the files.
        let phases: Vec<Phase> = told.iter().map(|progress| progress.phase).collect();
        assert!(phases.is_sorted() && phases.contains(&Phase::Files), "{phases:?}");
        let end = told.last().unwrap();
        assert!(end.total > 0 && end.rows > 0 && end.elapsed >= told[0].elapsed, "{end:?}");
        // As text it fits a terminal, and says what to do.
        let text = report.to_text(drcore::report::TextOptions::default());
        assert!(
            text.starts_with("FAILED") && text.contains("files.ndjson") && text.contains("- lost "),
            "{text}"
        );
        assert!(text.lines().all(|line| line.chars().count() <= 80 || !line.contains(' ')), "{text}");
        // Stored, it is the same without the rows, which it says.
        let again = StorageReport::from_json(&report.to_json().unwrap()).unwrap();
        assert_eq!(again, report);
        assert_eq!(again.rows().unwrap_err().kind(), ErrorKind::Usage);
    }
}

#[tokio::test]
async fn what_is_well_is_three_numbers_and_no_rows() {
    let world = World::healthy(&["a", "b"]).await;
    let (report, _) = audited(&world, world.directory()).await;
    assert_eq!((report.verdict, report.exit_code()), (Verdict::Passed, 0));
    assert_eq!(report.rows().unwrap().count(), 0);
    let again = StorageReport::from_json(&report.to_json().unwrap()).unwrap();
    assert_eq!(again.rows().unwrap().count(), 0);
    let text = report.to_text(drcore::report::TextOptions::default()).replace('\n', " ");
    assert!(
        text.starts_with("PASSED") && text.contains("not seen: whether bytes of the same size"),
        "{text}"
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_unproven() {
    let world = World::healthy(&["a"]).await;
    let (report, _) = audited(&world, Store::parse("file:///nowhere/at/all").unwrap()).await;
    assert_eq!((report.verdict, report.exit_code(), report.files.is_none()), (Verdict::Unproven, 3, true));
    let text = report.to_text(drcore::report::TextOptions::default());
    assert!(text.contains("UNREAD") && text.contains("cannot read the directory"), "{text}");
    // Names that no service takes are told one by one, too.
    let odd = World::healthy(&["a", "ä"]).await;
    let service = Service::start(&odd, Backend::S3, Trouble::None).await;
    let (report, _) = audited(&odd, service.store(Door::S3)).await;
    let rows = by_problem(&report);
    assert_eq!((report.verdict, rows[&StorageProblem::Unclear].len()), (Verdict::Unproven, 2));
    assert!(rows[&StorageProblem::Unclear][0].detail.as_ref().unwrap().contains("takes no such names"));
    // A plan that skips the check does not skip the verb; without a store there is nothing to audit.
    let mut options = AuditOptions::default();
    options.plan = drcore_tests::parse("[[skip]]\ncheck = \"storage_orphans\"\nreason = \"elsewhere\"\n");
    let url = world.database.url().await;
    assert_eq!(audit(&url, &options).await.unwrap_err().kind(), ErrorKind::Usage);
    options.collect.store = Some(world.directory());
    assert_eq!(audit(&url, &options).await.unwrap().verdict, Verdict::Passed);
    let mut lost = AuditOptions::default();
    lost.collect.store = Some(world.directory());
    let report = audit("postgresql://u@127.0.0.1:1/d?sslmode=disable", &lost).await.unwrap();
    assert_eq!((report.verdict, report.files), (Verdict::Unproven, None));
}

#[tokio::test]
async fn cancelling_ends_the_looking() {
    let world = world().await;
    let service = Service::start(&world, Backend::S3, Trouble::Slow).await;
    let mut options = AuditOptions::default();
    options.collect.store = Some(service.store(Door::Rest));
    let cancel = options.collect.cancel.clone();
    let url = world.database.url().await;
    options.collect.progress = Some(Arc::new(move |progress| {
        if progress.phase == Phase::Files {
            cancel.cancel();
        }
    }));
    let began = std::time::Instant::now();
    let report = audit(&url, &options).await.unwrap();
    assert!(began.elapsed() < std::time::Duration::from_secs(30));
    assert_eq!((report.verdict, report.check.unread.len()), (Verdict::Unproven, 1));
    assert!(report.check.unread[0].cause.message.contains("interrupted"), "{:?}", report.check.unread);
    // So does the deadline.
    let mut options = AuditOptions::from_json(r#"{"deadline": "3s"}"#).unwrap();
    options.collect.store = Some(service.store(Door::Rest));
    let report = audit(&url, &options).await.unwrap();
    assert_eq!(report.verdict, Verdict::Unproven);
    assert!(report.check.unread[0].cause.message.contains("deadline"), "{:?}", report.check.unread);
}

/// Several blocks of objects, two of which are lost.
async fn large() -> World {
    let world = World::empty().await;
    let mut rows = String::new();
    for n in 1..=6_000 {
        if n != 100 && n != 5_900 {
            world.write(&format!("images/n{n:04}/{}", version(n)), b"x");
        }
        rows += &row("images", &format!("n{n:04}"), Some(&version(n)), "x");
    }
    world.database.execute(&rows).await;
    world
}

#[tokio::test]
async fn an_audit_that_was_interrupted_goes_on() {
    let world = large().await;
    let url = world.database.url().await;
    let directory = tempfile::tempdir().unwrap();
    let notes = directory.path().join("asked.ndjson");
    let options = |service: &Service| {
        let mut options = AuditOptions::from_json(&format!(
            r#"{{"settle": "10ms", "resume": {}}}"#,
            serde_json::to_string(&notes).unwrap()
        ))
        .unwrap();
        options.collect.store = Some(service.store(Door::Rest));
        options
    };
    let downloads = |service: &Service| service.asked().len();
    let service = Service::start(&world, Backend::S3, Trouble::None).await;
    let mut plain = options(&service);
    plain.resume = None;
    let expected = audit(&url, &plain).await.unwrap();
    assert_eq!((expected.verdict, downloads(&service) > 6_000), (Verdict::Failed, true));
    // Its store goes down on the way.
    service.set(Trouble::DownAfter(downloads(&service) + 4_000));
    let report = audit(&url, &options(&service)).await.unwrap();
    assert_eq!(report.verdict, Verdict::Unproven, "{report:#?}");
    let lines = std::fs::read_to_string(&notes).unwrap();
    assert!(lines.lines().count() > 1, "{lines}");
    // Meanwhile an object of a block that was well is overwritten, and its bytes are lost.
    let lost =
        "update storage.objects set version = '1f9d7a52-3c0e-4b57-9a2e-ffffffffffff' where name = 'n0700'";
    world.database.execute(lost).await;
    service.set(Trouble::None);
    let before = downloads(&service);
    let report = audit(&url, &options(&service)).await.unwrap();
    let names = |report: &StorageReport| -> Vec<String> {
        by_problem(report)[&StorageProblem::Missing].iter().map(|row| row.name.clone()).collect()
    };
    assert_eq!(names(&expected), ["n0100", "n5900"]);
    assert_eq!(names(&report), ["n0100", "n0700", "n5900"]);
    let (was, is) = (expected.files.as_ref().unwrap(), report.files.as_ref().unwrap());
    assert_eq!((is.objects, is.bytes, is.asked), (was.objects - 1, was.bytes - 1, was.asked));
    assert!(
        is.vantage.contains("of the 6,000 objects were asked for by a run that was interrupted"),
        "{}",
        is.vantage
    );
    assert!(downloads(&service) - before < 6_000);
    // It came to its end: the next one asks for everything.
    assert!(!notes.exists());
    let before = downloads(&service);
    let report = audit(&url, &options(&service)).await.unwrap();
    assert!(downloads(&service) - before > 6_000);
    assert!(!report.files.unwrap().vantage.contains("interrupted") && !notes.exists());
    // Somebody else's file is left alone.
    std::fs::write(&notes, "mine").unwrap();
    let report = audit(&url, &options(&service)).await.unwrap();
    assert_eq!(report.verdict, Verdict::Unproven);
    assert!(report.check.unread[0].cause.message.contains("is not what an audit left"), "{report:#?}");
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "mine");
}
