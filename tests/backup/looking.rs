//! Looking into backups: what is whole is found whole, and whatever was done to one shows.

use std::path::{Path, PathBuf};
use std::process::Command;

use drcore::ErrorKind;
use drcore::backup::{
    BackupState, Manifest, Omit, Pick, Repository, TakeFormat, Verification, VerificationOptions,
    VerificationVerdict, take, verify,
};
use drcore_tests::{Database, cluster};

use super::flaky::{Fate, Flaky};
use super::world::{Place, SQL, bucket, options, s3};

/// Looks into the newest, or the one of this name.
async fn look(repository: &Repository, which: &str) -> Verification {
    let entry = repository.pick(&Pick::parse(which).unwrap()).await.unwrap();
    verify(repository, &entry, &VerificationOptions::default()).await.unwrap()
}

/// A dump as somebody else makes it.
async fn dump(database: &Database, arguments: &[&str], into: &Path) {
    let status = Command::new(cluster().await.tools().directory.join("pg_dump"))
        .args(arguments)
        .arg("--file")
        .arg(into)
        .arg(format!("--dbname={}", database.url().await))
        .status()
        .unwrap();
    assert!(status.success());
}

/// The one file in a repository that ends so.
fn file(place: &Place, ending: &str) -> PathBuf {
    let files = place.files();
    let mut fitting = files.iter().filter(|file| file.ends_with(ending));
    let (Some(file), None) = (fitting.next(), fitting.next()) else { panic!("{ending}: {files:?}") };
    place.path().join(file)
}

#[tokio::test]
async fn whatever_is_whole_is_found_whole_and_that_is_recorded() {
    let database = Database::with(SQL).await;
    let (_root, server) = s3();
    let directory = Place::new();
    let mut several = options();
    several.format = TakeFormat::Directory { jobs: 2 };
    for (repository, options) in [
        (directory.repository(), options()),
        (directory.repository(), several.clone()),
        (bucket("s3://backups/a", server.port()), self::options()),
        (bucket("s3://backups/b", server.port()), several),
    ] {
        let taken = take(&database.url().await, &repository, &options).await.unwrap();
        let told = std::sync::Arc::new(std::sync::Mutex::new(0));
        let mut looking = VerificationOptions::default();
        let heard = std::sync::Arc::clone(&told);
        looking.progress = Some(std::sync::Arc::new(move |progress| *heard.lock().unwrap() = progress.bytes));
        let entry = repository.pick(&Pick::Name(taken.name.clone())).await.unwrap();
        assert!(entry.verified.is_none());
        let verification = verify(&repository, &entry, &looking).await.unwrap();
        assert_eq!(verification.verdict, VerificationVerdict::Whole, "{}", verification.to_text());
        assert_eq!((verification.tables, verification.rows, verification.exit_code()), (3, 5_050, 0));
        // Every byte that the manifest names was read.
        let all: u64 = taken.manifest.objects().map(|object| object.bytes).sum();
        assert_eq!(*told.lock().unwrap(), all);
        assert_eq!(verification.objects.len(), taken.manifest.objects().count());
        for object in taken.manifest.objects() {
            assert!(verification.objects.contains(object), "{object:?}");
        }
        assert!(verification.to_text().contains("3 tables are as many as"), "{}", verification.to_text());
        let entry = repository.pick(&Pick::Name(taken.name)).await.unwrap();
        assert!(entry.is_verified() && entry.state == BackupState::Complete);
        assert!(repository.list().await.unwrap().to_text().contains("complete, verified"));
    }
}

#[tokio::test]
async fn dumps_of_others_are_looked_into_as_they_are() {
    let database = Database::with(SQL).await;
    let place = Place::new();
    dump(&database, &["-Fc"], &place.path().join("a.dump")).await;
    dump(&database, &["-Ft"], &place.path().join("b.tar")).await;
    dump(&database, &["-Fp"], &place.path().join("c.sql")).await;
    dump(&database, &["-Fd"], &place.path().join("d")).await;
    let packed = Command::new("gzip").arg(place.path().join("c.sql")).status().unwrap();
    assert!(packed.success());
    let repository = place.repository();
    for which in ["a.dump", "b.tar", "c.sql.gz", "d"] {
        let verification = look(&repository, which).await;
        assert_eq!(verification.verdict, VerificationVerdict::Whole, "{}", verification.to_text());
        assert_eq!((verification.tables, verification.rows), (3, 5_050), "{which}");
        // What it does not prove is said.
        let notes = verification.notes.join("; ");
        assert!(notes.contains("no manifest") && notes.contains("no baseline"), "{notes}");
        let entry = repository.pick(&Pick::Name(which.to_owned())).await.unwrap();
        assert!(entry.is_verified() && entry.state == BackupState::Foreign, "{entry:?}");
    }
    // Whatever is cut off is not whole, and is not picked by itself afterwards.
    let bytes = std::fs::read(place.path().join("a.dump")).unwrap();
    for part in 1..8 {
        place.write("a.dump", &bytes[..bytes.len() * part / 8]);
        let verification = look(&repository, "a.dump").await;
        assert_eq!(verification.verdict, VerificationVerdict::Damaged, "{}", verification.to_text());
        let entry = repository.pick(&Pick::Name("a.dump".to_owned())).await.unwrap();
        assert_eq!(entry.state, BackupState::Damaged);
    }
    // Another dump of the same name is none that anybody looked into.
    let other = place.write("b.tar", &std::fs::read(place.path().join("b.tar")).unwrap());
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    std::fs::File::options().write(true).open(other).unwrap().set_modified(later).unwrap();
    assert!(repository.pick(&Pick::Name("b.tar".to_owned())).await.unwrap().verified.is_none());
}

#[tokio::test]
async fn what_is_not_what_was_written_is_damaged() {
    let database = Database::with(SQL).await;
    let place = Place::new();
    let repository = place.repository();
    take(&database.url().await, &repository, &options()).await.unwrap();
    for ending in [".dump", ".baseline.json", ".baseline.sketches"] {
        let path = file(&place, ending);
        let whole = std::fs::read(&path).unwrap();
        for part in 0..4 {
            let mut bytes = whole.clone();
            let at = bytes.len() * part / 4 + 7;
            bytes[at] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let verification = look(&repository, file_stem(&path)).await;
            assert_eq!(verification.verdict, VerificationVerdict::Damaged, "{}", verification.to_text());
            assert!(verification.problems.iter().any(|problem| problem.contains("SHA-256")), "{ending}");
            assert_eq!(verification.exit_code(), 1);
        }
        std::fs::remove_file(&path).unwrap();
        let verification = look(&repository, file_stem(&path)).await;
        assert_eq!(verification.verdict, VerificationVerdict::Damaged);
        let missing = verification.problems.iter().any(|problem| problem.contains("is missing"));
        assert!(missing, "{}", verification.to_text());
        std::fs::write(&path, &whole).unwrap();
        let verification = look(&repository, file_stem(&path)).await;
        assert_eq!(verification.verdict, VerificationVerdict::Whole, "{}", verification.to_text());
    }
}

/// `backup-20261120-020000`.
fn file_stem(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap()
}

#[tokio::test]
async fn rows_that_the_baseline_counted_and_the_dump_lacks_are_missed() {
    let database = Database::with(SQL).await;
    let url = database.url().await;
    let [before, after] = [Place::new(), Place::new()];
    take(&url, &before.repository(), &options()).await.unwrap();
    database.execute("delete from \"we\"\"ird; DROP\" where id > 4990; drop table empty").await;
    take(&url, &after.repository(), &options()).await.unwrap();
    // The dump of the one with the baseline of the other: as if something had been hidden from pg_dump.
    let manifest = |place: &Place| {
        Manifest::from_json(&std::fs::read_to_string(file(place, ".manifest.json")).unwrap()).unwrap()
    };
    let mut mixed = manifest(&before);
    let name = mixed.dump.objects[0].name.clone();
    mixed.dump = manifest(&after).dump;
    mixed.dump.objects[0].name = name;
    std::fs::copy(file(&after, ".dump"), file(&before, ".dump")).unwrap();
    std::fs::write(file(&before, ".manifest.json"), mixed.to_json().unwrap()).unwrap();
    let verification = look(&before.repository(), "newest").await;
    assert_eq!(verification.verdict, VerificationVerdict::Damaged, "{}", verification.to_text());
    let problems = verification.problems.join("\n");
    assert!(problems.contains("public.\"we\"\"ird; DROP\": 10 rows too few"), "{problems}");
    assert!(problems.contains("public.empty: it is not in the archive"), "{problems}");
}

#[tokio::test]
async fn what_was_left_out_on_purpose_is_told_and_not_missed() {
    let sql = format!(
        "{SQL} create table parted (id int) partition by range (id);
         create table parted_1 partition of parted for values from (0) to (10);
         create table parted_2 partition of parted for values from (10) to (20);
         insert into parted select n from generate_series(0, 19) n;"
    );
    let database = Database::with(&sql).await;
    let place = Place::new();
    let mut options = options();
    options.omit = vec![
        Omit::Rows("public.\"we\"\"ird; DROP\"".to_owned()),
        Omit::Rows("public.parted_2".to_owned()),
        Omit::Table("emp*".to_owned()),
    ];
    take(&database.url().await, &place.repository(), &options).await.unwrap();
    let verification = look(&place.repository(), "newest").await;
    assert_eq!(verification.verdict, VerificationVerdict::Whole, "{}", verification.to_text());
    assert_eq!(verification.rows, 60);
    let notes = verification.notes.join("\n");
    assert!(notes.contains("not in it: emp* (it was left out on purpose)"), "{notes}");
    assert!(!notes.contains("as many as"), "{notes}");
}

#[tokio::test]
async fn what_could_not_be_read_is_neither_whole_nor_damaged() {
    let database = Database::with(SQL).await;
    let (_root, server) = s3();
    let repository = bucket("s3://backups", server.port());
    take(&database.url().await, &repository, &options()).await.unwrap();
    let entry = repository.pick(&Pick::Newest).await.unwrap();
    let through = async |decide: fn(&str, usize) -> Fate| {
        let flaky = Flaky::before(server.port(), decide).await;
        verify(&bucket("s3://backups", flaky.port), &entry, &VerificationOptions::default()).await
    };
    // Broken off every time; refused; failing.
    let falls: [fn(&str, usize) -> Fate; 3] = [
        |line, _| if line.contains(".dump") { Fate::Half(20) } else { Fate::Pass },
        |line, _| {
            let denied = Fate::Answer(403, "<Error><Code>AccessDenied</Code></Error>");
            if line.contains(".dump") { denied } else { Fate::Pass }
        },
        |line, _| {
            let failed = Fate::Answer(500, "<Error><Code>InternalError</Code></Error>");
            if line.contains("baseline") { failed } else { Fate::Pass }
        },
    ];
    for decide in falls {
        through(decide).await.unwrap_err();
        assert!(repository.pick(&Pick::Newest).await.unwrap().verified.is_none(), "nothing is recorded");
    }
    // Half an object, once: it is asked for again from there.
    let once = through(
        |line, number| {
            if line.contains(".dump") && number < 12 { Fate::Half(30_000) } else { Fate::Pass }
        },
    );
    assert_eq!(once.await.unwrap().verdict, VerificationVerdict::Whole);
    // A key that may only read.
    let reading = through(|line, _| {
        let denied = Fate::Answer(403, "<Error><Code>AccessDenied</Code></Error>");
        if line.starts_with("PUT") { denied } else { Fate::Pass }
    });
    let verification = reading.await.unwrap();
    assert_eq!(verification.verdict, VerificationVerdict::Whole);
    assert!(verification.notes.iter().any(|note| note.contains("not recorded")), "{:?}", verification.notes);
    // Stopped.
    let stopped = VerificationOptions::default();
    stopped.cancel.cancel();
    let error = verify(&repository, &entry, &stopped).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    // Begun and not finished.
    let place = Place::new();
    place.write("2026/11/22/backup-20261122-020000.dump", b"half");
    place.write("2026/11/22/backup-20261122-020000.begun.json", b"{}");
    let half = place.repository().pick(&Pick::Name("backup-20261122-020000".to_owned())).await.unwrap();
    let error = verify(&place.repository(), &half, &VerificationOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("never finished"), "{error}");
}
