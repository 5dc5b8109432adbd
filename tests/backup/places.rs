//! Repositories of others, and those that fail: an error, or nothing, and never half a backup.

use std::time::Duration;

use drcore::ErrorKind;
use drcore::backup::{BackupState, Pick, Repository, take};
use drcore_tests::Database;

use super::flaky::{Fate, Flaky};
use super::world::{Place, SQL, bucket, options, s3};

#[tokio::test]
async fn dumps_of_others_are_listed_and_picked_and_are_not_ours() {
    let place = Place::new();
    for name in [
        "2026/11/18/backup-20261118-020000.dump.gz",
        "2026/11/19/backup-20261119-020000.dump.gz",
        "2026/11/20/backup-20261120-020000.sql.gz",
        "2026/11/20/README.md",
        "2026/11/21/nightly/toc.dat",
        "2026/11/21/nightly/3412.dat.gz",
    ] {
        place.write(name, b"x");
    }
    // Begun by us, and not finished.
    place.write("2026/11/22/backup-20261122-020000.dump", b"half");
    place.write("2026/11/22/backup-20261122-020000.begun.json", b"{}");
    let (root, server) = s3();
    for file in place.files() {
        root.write(&format!("backups/{file}"), b"x");
    }
    for repository in [place.repository(), bucket("s3://backups/", server.port())] {
        let list = repository.list().await.unwrap();
        let states: Vec<(&str, BackupState)> =
            list.backups.iter().map(|entry| (entry.name.as_str(), entry.state)).collect();
        assert_eq!(
            states,
            [
                ("2026/11/22/backup-20261122-020000", BackupState::Unfinished),
                ("2026/11/21/nightly", BackupState::Foreign),
                ("2026/11/20/backup-20261120-020000.sql.gz", BackupState::Foreign),
                ("2026/11/19/backup-20261119-020000.dump.gz", BackupState::Foreign),
                ("2026/11/18/backup-20261118-020000.dump.gz", BackupState::Foreign),
            ]
        );
        assert_eq!(list.other_objects, 1);
        for (pick, is) in [
            ("newest", "2026/11/21/nightly"),
            ("2026/11/19", "2026/11/19/backup-20261119-020000.dump.gz"),
            ("2026-11-20", "2026/11/20/backup-20261120-020000.sql.gz"),
            ("2026-11-19T01:59:59Z", "2026/11/18/backup-20261118-020000.dump.gz"),
            ("backup-20261118-020000", "2026/11/18/backup-20261118-020000.dump.gz"),
            ("backup-20261122-020000", "2026/11/22/backup-20261122-020000"),
        ] {
            let pick = Pick::parse(pick).unwrap();
            assert_eq!(pick.of(&list).unwrap().name, is, "{pick:?}");
        }
        for (pick, needle) in [
            ("2026-11-22", "no backup of 2026-11-22"),
            ("2026-01-01T00:00:00Z", "or earlier"),
            ("backup-20261119-02000", "no backup backup-20261119-02000"),
        ] {
            let error = Pick::parse(pick).unwrap().of(&list).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains(needle), "{error}");
            assert!(error.hint_text().is_some(), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_url_names_a_repository_a_day_or_one_backup() {
    let place = Place::new();
    let names = ["2026/11/18/backup-20261118-020000.dump", "2026/11/19/backup-20261119-020000.dump"];
    for name in names {
        place.write(name, b"x");
    }
    let root = place.path().display().to_string();
    for (url, is) in [
        (root.clone(), names[1]),
        (format!("file://{root}/"), names[1]),
        (format!("{root}/2026/11/18"), names[0]),
        (format!("{root}/2026/11/18/backup-20261118-020000.dump"), names[0]),
        (format!("{root}/2026/11/18/backup-20261118-020000"), names[0]),
    ] {
        let (_, entry) = Repository::find(&url).await.unwrap();
        assert!(is.ends_with(&entry.name), "{url}: {}", entry.name);
    }
    let error = Repository::find(&format!("{root}/2026/11/18/backup-20261118-030000")).await.unwrap_err();
    assert!(error.to_string().contains("no backup backup-20261118-030000"), "{error}");
}

#[tokio::test]
async fn a_wrong_prefix_and_a_wrong_answer_are_told_apart_from_an_empty_repository() {
    let (root, server) = s3();
    root.write("backups/app/2026/11/18/backup-20261118-020000.dump", b"x");
    // Another application's, whose name begins the same.
    root.write("backups/app2/2026/11/19/backup-20261119-020000.dump", b"x");
    let list = bucket("s3://backups/app", server.port()).list().await.unwrap();
    assert_eq!(list.backups.len(), 1);
    let empty = bucket("s3://backups/ap", server.port()).list().await.unwrap();
    assert_eq!((empty.backups.len(), empty.exit_code()), (0, 1));
    assert!(empty.to_text().contains("nothing lies there at all"), "{}", empty.to_text());
    let error = bucket("s3://backups/ap", server.port()).pick(&Pick::Newest).await.unwrap_err();
    assert!(error.hint_text().unwrap().contains("check bucket and prefix"), "{error:?}");

    for (status, body, needle) in [
        (200, "", "is no listing: it breaks off"),
        (200, "<html></html>", "is no listing"),
        (200, "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>", "there is more"),
        (200, "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a", "is no listing"),
        (500, "<Error><Code>InternalError</Code></Error>", "could not list backups: InternalError"),
        (403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>", "refused to list backups: no"),
        (403, "<Error><Code>InvalidAccessKeyId</Code></Error>", "refused the key"),
        (404, "<Error><Code>NoSuchBucket</Code></Error>", "there is no bucket backups"),
        (
            400,
            "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-central-1</Region></Error>",
            "another region",
        ),
    ] {
        let flaky = Flaky::before(server.port(), move |_, _| Fate::Answer(status, body)).await;
        let error = bucket("s3://backups/app", flaky.port).list().await.unwrap_err();
        assert!(error.to_string().contains(needle), "{status} {body}: {error}");
        assert!(!format!("{error:?}").contains(super::server::SECRET));
    }
    // Nobody there.
    let error = bucket("s3://backups/app", super::server::free_port()).list().await.unwrap_err();
    assert!(error.to_string().contains("does not answer"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Connection);
}

/// What the store does, and to which requests.
type Case = (&'static str, fn(&str, usize) -> Fate);

#[tokio::test]
async fn a_store_that_stumbles_is_asked_again_and_one_that_falls_leaves_no_backup() {
    let database = Database::with(SQL).await;
    let url = database.url().await;
    let (root, server) = s3();
    let stumbles: [Case; 4] = [
        ("every other request is refused", |_, number| {
            if number.is_multiple_of(2) {
                Fate::Answer(503, "<Error><Code>SlowDown</Code></Error>")
            } else {
                Fate::Pass
            }
        }),
        ("it is slow", |_, _| Fate::Late(Duration::from_millis(60))),
        ("uploads break off once", |line, number| {
            if line.contains("partNumber") && number < 6 { Fate::Cut(20_000) } else { Fate::Pass }
        }),
        ("answers break off once", |line, number| {
            if line.starts_with("POST") && number < 8 { Fate::Half(30) } else { Fate::Pass }
        }),
    ];
    for (what, decide) in stumbles {
        let flaky = Flaky::before(server.port(), decide).await;
        let taken = take(&url, &bucket("s3://backups", flaky.port), &options()).await;
        let taken = taken.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        let entry = bucket("s3://backups", server.port()).pick(&Pick::Name(taken.name)).await.unwrap();
        assert_eq!(entry.state, BackupState::Complete, "{what}");
    }
    // What the server keeps for itself has names that begin with a point; what was uploaded in part, too.
    let files = || {
        let of_store = |file: &String| file.starts_with("backups/") || file.contains("upload");
        root.files().into_iter().filter(of_store).collect::<Vec<_>>()
    };
    let before = files();
    let falls: [Case; 4] = [
        ("no part is taken", |line, _| {
            if line.contains("partNumber") {
                Fate::Answer(500, "<Error><Code>InternalError</Code></Error>")
            } else {
                Fate::Pass
            }
        }),
        ("no room", |line, _| {
            if line.contains("partNumber") {
                Fate::Answer(507, "<Error><Code>InsufficientStorage</Code></Error>")
            } else {
                Fate::Pass
            }
        }),
        ("nothing is put together", |line, _| {
            if line.starts_with("POST") && line.contains("uploadId") {
                Fate::Answer(400, "<Error><Code>InvalidPart</Code></Error>")
            } else {
                Fate::Pass
            }
        }),
        ("no manifest is taken", |line, _| {
            if line.contains("manifest") {
                Fate::Answer(403, "<Error><Code>AccessDenied</Code></Error>")
            } else {
                Fate::Pass
            }
        }),
    ];
    for (what, decide) in falls {
        let flaky = Flaky::before(server.port(), decide).await;
        let error = take(&url, &bucket("s3://backups", flaky.port), &options()).await.unwrap_err();
        assert!(error.to_string().contains("backups"), "{what}: {error:?}");
        assert_eq!(error.kind() == ErrorKind::Io, what == "no room", "{what}: {error:?}");
        assert_eq!(files(), before, "{what}: nothing of it is left");
    }
}

#[tokio::test]
async fn what_comes_back_is_compared_with_what_was_stored() {
    let database = Database::with(SQL).await;
    let (root, server) = s3();
    let repository = bucket("s3://backups", server.port());
    take(&database.url().await, &repository, &options()).await.unwrap();
    let entry = repository.pick(&Pick::Newest).await.unwrap();
    // Half an object: asked for again, from where it broke off.
    let flaky = Flaky::before(server.port(), |line, number| {
        if line.contains(".dump") && number < 3 { Fate::Half(30_000) } else { Fate::Pass }
    })
    .await;
    let into = tempfile::tempdir().unwrap();
    bucket("s3://backups", flaky.port).fetch(&entry, into.path(), |_| {}).await.unwrap();
    // Nothing of it, every time.
    let flaky =
        Flaky::before(
            server.port(),
            |line, _| {
                if line.contains(".dump") { Fate::Half(20) } else { Fate::Pass }
            },
        )
        .await;
    let into = tempfile::tempdir().unwrap();
    assert!(bucket("s3://backups", flaky.port).fetch(&entry, into.path(), |_| {}).await.is_err());
    assert_eq!(super::world::files(into.path()), [""; 0], "half a dump is none");

    // A bit that flipped.
    let path = root.path().join("backups").join(format!("{}.dump", entry.name));
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let into = tempfile::tempdir().unwrap();
    let error = repository.fetch(&entry, into.path(), |_| {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format);
    assert!(error.to_string().contains("its SHA-256 is another"), "{error}");
    assert_eq!(super::world::files(into.path()), [""; 0]);
    // A piece that is missing is seen in the listing.
    std::fs::write(&path, &bytes[..middle]).unwrap();
    let list = repository.list().await.unwrap();
    assert_eq!(list.backups[0].state, BackupState::Damaged);
    assert_eq!(list.exit_code(), 1, "it is not restored from by itself");
    assert!(list.to_text().contains("bytes, and had"), "{}", list.to_text());
}
