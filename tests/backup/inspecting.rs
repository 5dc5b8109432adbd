//! Dumps in a repository are read where they lie, and compared with their manifests and baselines.

use std::os::unix::fs::FileExt;

use drcore::archive::{ArchiveInput, Checksums, InspectOptions, InspectVerdict, Inspection, inspect};
use drcore::backup::{Repository, TakeFormat, take};
use drcore::{Against, ErrorKind};
use drcore_tests::Database;

use super::flaky::{Fate, Flaky};
use super::world::{Place, SQL, bucket, options, s3};

async fn of(repository: &Repository) -> Inspection {
    inspect(ArchiveInput::backup(repository.clone()), &InspectOptions::default()).await.unwrap()
}

#[tokio::test]
async fn what_was_taken_is_whole_by_its_sums_and_its_baseline() {
    let database = Database::with(SQL).await;
    let (_root, server) = s3();
    let directory = Place::new();
    for (name, repository) in
        [("bucket", bucket("s3://backups/x", server.port())), ("directory", directory.repository())]
    {
        for format in [TakeFormat::Custom, TakeFormat::Directory { jobs: 2 }] {
            let mut options = options();
            options.format = format;
            let taken = take(&database.url().await, &repository, &options).await.unwrap();
            let inspection = of(&repository).await;
            let what = format!("{name}, {format:?}: {:?} {:?}", inspection.damage, inspection.unproven);
            assert_eq!(inspection.verdict, InspectVerdict::Whole, "{what}");
            assert_eq!((inspection.rows, inspection.tables.len()), (5_050, 3), "{what}");
            assert_eq!(inspection.checksums, Some(Checksums::Everything), "{what}");
            assert_eq!(inspection.against.as_ref().unwrap().tables, 3, "its own baseline: {what}");
            assert_eq!(inspection.name, format!("{} in {}", taken.name, repository.url()));
            // Names are of a second.
            tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        }
    }
    let url = format!("file://{}", directory.path().display());
    let named = inspect(ArchiveInput::parse(&url).unwrap(), &InspectOptions::default()).await.unwrap();
    assert_eq!(named.verdict, InspectVerdict::Whole);
    // Another baseline than its own.
    let mut against = InspectOptions::default();
    database.execute("insert into tenants values (77, 'late')").await;
    let later = drcore::baseline(&database.url().await, &drcore::VerifyOptions::default()).await.unwrap();
    against.against = Some(Against::Evidence(Box::new(later)));
    let differs = inspect(ArchiveInput::parse(&url).unwrap(), &against).await.unwrap();
    assert_eq!((differs.verdict, differs.differences.len()), (InspectVerdict::Differs, 1));
    // The URL of a backup is a baseline too.
    against.against = Some(Against::parse(&url));
    let same = inspect(ArchiveInput::parse(&url).unwrap(), &against).await.unwrap();
    assert_eq!(same.verdict, InspectVerdict::Whole);
}

#[tokio::test]
async fn bytes_that_are_not_those_that_were_written_are_damage() {
    let database = Database::with(SQL).await;
    for format in [TakeFormat::Custom, TakeFormat::Directory { jobs: 1 }] {
        let place = Place::new();
        let mut options = options();
        options.format = format;
        // A flipped bit inside a value shows nowhere else.
        options.compression = Some(drcore::backup::Compression::None);
        take(&database.url().await, &place.repository(), &options).await.unwrap();
        let is_data =
            |file: &String| file.contains(".dump") || file.contains(".dir/") && !file.contains("toc");
        let path = |file: &String| place.path().join(file);
        let data = place.files().into_iter().filter(is_data);
        let largest = data.max_by_key(|file| std::fs::metadata(path(file)).unwrap().len()).unwrap();
        let bytes = std::fs::read(path(&largest)).unwrap();
        let at = bytes.windows(4).rposition(|four| four.iter().all(u8::is_ascii_hexdigit)).unwrap();
        let file = std::fs::File::options().write(true).open(path(&largest)).unwrap();
        file.write_all_at(&[if bytes[at] == b'0' { b'1' } else { b'0' }], at as u64).unwrap();
        let inspection = of(&place.repository()).await;
        assert_eq!(inspection.verdict, InspectVerdict::Damaged, "{format:?}");
        let [damage] = &inspection.damage[..] else { panic!("{:?}", inspection.damage) };
        assert!(damage.message.contains("SHA-256"), "{damage}");
        assert_eq!(inspection.exit_code(), 1);
    }
}

#[tokio::test]
async fn a_store_that_stops_in_the_middle_proves_nothing() {
    let database = Database::with(SQL).await;
    let (_root, server) = s3();
    take(&database.url().await, &bucket("s3://backups", server.port()), &options()).await.unwrap();
    for fate in [Fate::Half(20_000), Fate::Answer(403, "Forbidden"), Fate::Answer(404, "Not Found")] {
        let is_dump = |line: &str| line.starts_with("GET ") && line.contains(".dump");
        let flaky =
            Flaky::before(server.port(), move |line, _| if is_dump(line) { fate } else { Fate::Pass }).await;
        let repository = bucket("s3://backups", flaky.port);
        match inspect(ArchiveInput::backup(repository), &InspectOptions::default()).await {
            Ok(inspection) => {
                assert_eq!(inspection.verdict, InspectVerdict::Unproven, "{fate:?}: {inspection:?}");
                assert_eq!(inspection.exit_code(), 3);
                assert!(!inspection.unproven.is_empty());
            }
            Err(error) => assert_ne!(error.kind(), ErrorKind::Internal, "{fate:?}: {error:?}"),
        }
    }
}

#[tokio::test]
async fn a_dump_of_somebody_else_is_read_and_said_to_have_no_sums() {
    let database = Database::with(SQL).await;
    let place = Place::new();
    let own = Place::new();
    let taken = take(&database.url().await, &own.repository(), &options()).await.unwrap();
    let dump = std::fs::read(own.path().join(format!("{}.dump", taken.name))).unwrap();
    place.write("2026/11/20/backup-20261120-020000.dump", &dump);
    let inspection = of(&place.repository()).await;
    assert_eq!(inspection.verdict, InspectVerdict::Whole, "{:?}", inspection.damage);
    assert!(inspection.notes.iter().any(|note| note.contains("no manifest")), "{:?}", inspection.notes);
    assert_eq!(inspection.against, None);
    place.write("2026/11/20/backup-20261120-020000.dump", &dump[..dump.len() - 9]);
    assert_eq!(of(&place.repository()).await.verdict, InspectVerdict::Damaged);
    let error = inspect(ArchiveInput::backup(Place::new().repository()), &InspectOptions::default()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Usage, "a repository without backups");
}
