//! From a database into a repository and back.

use std::os::unix::fs::PermissionsExt;

use drcore::backup::{
    BackupKind, BackupState, Compression, DumpFormat, Manifest, OmissionExtent, Omit, Pick, Repository,
    TakeFormat, salvage, take,
};
use drcore::restore::{ClientTools, ScratchCluster, ScratchOptions};
use drcore::{ErrorKind, Verdict};
use drcore_tests::Database;
use drcore_tests::process::control;

use super::world::{Place, SQL, bucket, files, options, restored, s3};

#[tokio::test]
async fn what_is_taken_is_listed_fetched_restored_and_equal() {
    let database = Database::with(SQL).await;
    let (root, server) = s3();
    let directory = Place::new();
    let s3 = bucket("s3://backups/some/where", server.port());
    for (repository, below) in [
        (directory.repository(), directory.path().to_path_buf()),
        (s3, root.path().join("backups/some/where")),
    ] {
        let (url, options) = (database.url().await, options());
        let taken = database.untouched(take(&url, &repository, &options)).await.unwrap();
        assert!(taken.unread.is_empty() && taken.recovered.is_empty(), "{taken:?}");

        // What lies there is what the manifest says, and nothing else.
        let name = taken.name.as_str();
        let is = [".baseline.json", ".baseline.sketches", ".dump", ".manifest.json"]
            .map(|ending| format!("{name}{ending}"));
        assert_eq!(files(&below), is);
        let manifest = Manifest::from_json(&std::fs::read_to_string(below.join(&is[3])).unwrap()).unwrap();
        assert_eq!(manifest, taken.manifest);
        assert_eq!((manifest.rows(), manifest.tables.len()), (5_050, 3));
        assert!(manifest.content && manifest.kind == BackupKind::Backup && manifest.notes.is_empty());
        assert!(manifest.source.system_identifier.is_some() && manifest.source.bytes.is_some());

        let list = repository.list().await.unwrap();
        let [entry] = list.backups.as_slice() else { panic!("{list:?}") };
        assert_eq!((entry.state, entry.rows, entry.baseline), (BackupState::Complete, Some(5_050), true));
        assert_eq!((entry.at, entry.name.as_str()), (manifest.snapshot_at, name));
        assert!(list.to_text().contains("complete") && list.exit_code() == 0, "{}", list.to_text());

        let into = tempfile::tempdir().unwrap();
        let fetched = repository.fetch(entry, into.path(), |_| {}).await.unwrap();
        assert_eq!(fetched.format, DumpFormat::Custom);
        let baseline = repository.baseline(entry).await.unwrap().unwrap();
        let report = restored(&fetched.path, baseline).await;
        assert_eq!(
            report.verdict,
            Verdict::Passed,
            "{}",
            report.to_text(drcore::report::TextOptions::default())
        );
    }
    // Nobody else on this machine reads a dump.
    let dump = directory.files().into_iter().find(|file| file.contains(".dump")).unwrap();
    let mode = std::fs::metadata(directory.path().join(dump)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn the_directory_format_comes_back_as_a_directory() {
    let database = Database::with(SQL).await;
    let (_root, server) = s3();
    let repository = bucket("s3://backups", server.port());
    let mut options = options();
    options.format = TakeFormat::Directory { jobs: 2 };
    options.compression = Some(Compression::Gzip(6));
    let taken = take(&database.url().await, &repository, &options).await.unwrap();
    assert_eq!(taken.manifest.dump.format, DumpFormat::Directory);
    assert!(taken.manifest.dump.objects.iter().any(|object| object.name.ends_with(".dir/toc.dat")));
    assert_eq!(taken.manifest.dump.compression, "gzip:6");
    let entry = repository.pick(&Pick::Newest).await.unwrap();
    assert_eq!(entry.state, BackupState::Complete);
    let into = tempfile::tempdir().unwrap();
    let fetched = repository.fetch(&entry, into.path(), |_| {}).await.unwrap();
    assert!(fetched.path.is_dir());
    let report = restored(&fetched.path, repository.baseline(&entry).await.unwrap().unwrap()).await;
    assert_eq!(report.verdict, Verdict::Passed);
}

#[tokio::test]
async fn dump_and_baseline_are_of_one_snapshot() {
    let database =
        Database::with("create table t (id bigserial primary key, at timestamptz default now())").await;
    let url = database.url().await;
    let place = Place::new();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let writing = async {
        loop {
            client.execute("insert into t default values", &[]).await.unwrap();
        }
    };
    let repository = place.repository();
    let taking = async {
        for _ in 0..2 {
            take(&url, &repository, &options()).await.unwrap();
        }
    };
    tokio::select! {
        () = writing => unreachable!(),
        () = taking => {}
    }
    for entry in repository.list().await.unwrap().backups {
        let into = tempfile::tempdir().unwrap();
        let fetched = repository.fetch(&entry, into.path(), |_| {}).await.unwrap();
        let baseline = repository.baseline(&entry).await.unwrap().unwrap();
        let report = restored(&fetched.path, baseline).await;
        // A sequence is not covered by snapshots: it may be ahead, which nothing is wrong with.
        assert_eq!(report.verdict, Verdict::Passed, "{:?}", drcore_tests::ids(&report));
    }
}

#[tokio::test]
async fn what_the_role_may_not_read_is_an_error_and_not_a_smaller_dump() {
    let database = Database::with(
        "create role backup_stranger login; create schema hidden; create table hidden.secret (id int primary key);
         create table open (id int primary key); grant select on open to backup_stranger;
         create table filtered (id int primary key); grant select on filtered to backup_stranger;
         alter table filtered enable row level security;",
    )
    .await;
    let url = database.url_as("backup_stranger").await;
    let place = Place::new();
    let error = take(&url, &place.repository(), &options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Permission, "{error:?}");
    assert!(error.to_string().contains("permission denied"), "{error}");
    assert!(error.hint_text().unwrap().contains("--exclude-schema"), "{error:?}");
    assert_eq!(place.files(), [""; 0], "nothing half-done is left");

    // Left out by name, it is told, and so is what row level security hides.
    let mut options = options();
    options.omit.push(Omit::Schema("hidden".to_owned()));
    let error = take(&url, &place.repository(), &options).await.unwrap_err();
    assert!(error.to_string().contains("row-level security"), "{error}");
    assert_eq!(error.kind(), ErrorKind::Permission);
    options.omit.push(Omit::Rows("filtered".to_owned()));
    let taken = take(&url, &place.repository(), &options).await.unwrap();
    let omitted: Vec<_> =
        taken.manifest.omitted.iter().map(|omitted| (omitted.object.as_str(), omitted.extent)).collect();
    assert_eq!(omitted, [("hidden", OmissionExtent::Schema), ("filtered", OmissionExtent::Rows)]);
    // The baseline lacks the same, and says so.
    assert_eq!(taken.exit_code(), 3);
    assert!(taken.unread.iter().any(|unread| unread.starts_with("public.filtered")), "{:?}", taken.unread);
    assert!(taken.to_text().contains("LEFT OUT hidden"), "{}", taken.to_text());
    database.execute("drop owned by backup_stranger; drop role backup_stranger").await;
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_not_made() {
    let database = Database::empty().await;
    let place = Place::new();
    let nowhere = place.path().join("not/mounted");
    let repository = Repository::open(nowhere.to_str().unwrap()).unwrap();
    let error = take(&database.url().await, &repository, &options()).await.unwrap_err();
    assert!(error.to_string().contains("there is no directory"), "{error}");
    let error = repository.list().await.unwrap_err();
    assert!(error.to_string().contains("there is no directory"), "{error}");
    assert!(!nowhere.exists());
}

#[tokio::test]
async fn a_cancelled_backup_leaves_nothing() {
    let database = Database::with(SQL).await;
    let (root, server) = s3();
    let directory = Place::new();
    for repository in [bucket("s3://backups", server.port()), directory.repository()] {
        // While the marker is written, while it looks for others, while it dumps.
        for moment in [0, 10, 20, 30, 40, 60, 80, 120] {
            let options = options();
            let cancel = options.collect.cancel.clone();
            let url = database.url().await;
            let taking = take(&url, &repository, &options);
            let cancelling = async {
                tokio::time::sleep(std::time::Duration::from_millis(moment)).await;
                cancel.cancel();
            };
            let (taken, ()) = tokio::join!(taking, cancelling);
            if let Err(error) = taken {
                assert_eq!(error.kind(), ErrorKind::Cancelled, "{error:?}");
                let unfinished = repository.list().await.unwrap().backups.into_iter();
                let unfinished: Vec<_> = unfinished
                    .filter(|backup| backup.state == drcore::backup::BackupState::Unfinished)
                    .collect();
                assert_eq!(unfinished, [], "after {moment} ms");
            }
        }
    }
    let left: Vec<String> = root.files().into_iter().chain(directory.files()).collect();
    assert!(left.iter().all(|file| !file.contains("begun") && !file.contains(".part")), "{left:?}");
}

#[tokio::test]
async fn an_old_pg_dump_is_refused_before_anything_is_written() {
    let place = Place::new();
    let programs = tempfile::tempdir().unwrap();
    for name in ["pg_dump", "pg_restore", "psql"] {
        let path = programs.path().join(name);
        std::fs::write(&path, "#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let database = Database::empty().await;
    let mut options = options();
    options.tools = Some(ClientTools::at(programs.path()).await.unwrap());
    let error = take(&database.url().await, &place.repository(), &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tool);
    assert!(error.to_string().contains("pg_dump is older: 9.6.24"), "{error}");
    assert!(error.hint_text().unwrap().contains("postgresql-client-"), "{error:?}");
    assert_eq!(place.files(), [""; 0]);
}

#[tokio::test]
async fn a_salvage_gets_what_it_can_and_tells_what_it_could_not() {
    let database = Database::with(
        "create role salvage_stranger login; create schema hidden; create table hidden.secret (id int primary key);
         create table open (id int primary key); grant select on open to salvage_stranger; insert into open values (1);
         create table closed (id int primary key);
         create table filtered (id int primary key); grant select on filtered to salvage_stranger;
         alter table filtered enable row level security;",
    )
    .await;
    let place = Place::new();
    // The directory is made: there is no time for that now.
    let to = place.path().join("not/yet/there").display().to_string();
    let url = database.url_as("salvage_stranger").await;
    let taken = salvage(&url, &to, &options()).await.unwrap();
    assert_eq!((taken.manifest.kind, taken.exit_code()), (BackupKind::Salvage, 3));
    assert!(taken.name.contains("/salvage-"), "{}", taken.name);
    let omitted: Vec<_> = taken
        .manifest
        .omitted
        .iter()
        .map(|omitted| (omitted.object.as_str(), omitted.extent, omitted.why.as_str()))
        .collect();
    assert_eq!(
        omitted,
        [
            ("\"hidden\"", OmissionExtent::Schema, "the role may not use the schema"),
            ("\"public\".\"closed\"", OmissionExtent::Table, "the role may not read it"),
            (
                "\"public\".\"filtered\"",
                OmissionExtent::Rows,
                "row level security hides rows of it from the role"
            ),
        ]
    );
    // It is picked by its name only.
    let repository = Repository::open(&to).unwrap();
    assert!(repository.pick(&Pick::Newest).await.is_err());
    let entry = repository.pick(&Pick::Name(taken.name.clone())).await.unwrap();
    assert_eq!((entry.state, entry.kind), (BackupState::Complete, BackupKind::Salvage));
    // Where everything can be read, all of it is there.
    let taken = salvage(&database.url().await, &to, &options()).await.unwrap();
    assert_eq!((taken.exit_code(), taken.manifest.omitted.len()), (0, 0));
    database.execute("drop owned by salvage_stranger; drop role salvage_stranger").await;
}

#[tokio::test]
async fn a_salvage_works_on_a_database_with_broken_tables() {
    let cluster = ScratchCluster::start(ScratchOptions::default()).await.unwrap();
    cluster.create_database("broken").await.unwrap();
    cluster.execute("broken", SQL).await.unwrap();
    cluster.execute("broken", "create table whole as select * from tenants; checkpoint").await.unwrap();
    let url = cluster.url("broken");
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let mut files = Vec::new();
    for table in ["tenants", "\"we\"\"ird; DROP\""] {
        let sql = format!("select pg_relation_filepath('{}'::regclass)", table.replace('\'', "''"));
        files.push(client.query_one(&sql, &[]).await.unwrap().get::<_, String>(0));
    }
    drop(client);
    // What the server has in its memory it would not read again.
    control(&cluster, &["stop", "-m", "fast"]).await;
    for file in files {
        let path = cluster.socket_directory().join("data").join(file);
        let length = std::fs::metadata(&path).unwrap().len();
        std::fs::write(&path, vec![0xAB; usize::try_from(length).unwrap()]).unwrap();
    }
    control(&cluster, &["start"]).await;

    let place = Place::new();
    let error = take(&url, &place.repository(), &options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tool, "{error:?}");
    assert_eq!(place.files(), [""; 0]);
    let to = place.path().display().to_string();
    let taken = salvage(&url, &to, &options()).await.unwrap();
    assert_eq!(taken.exit_code(), 3);
    let mut omitted: Vec<_> =
        taken.manifest.omitted.iter().map(|omitted| omitted.object.replace('"', "")).collect();
    omitted.sort();
    assert_eq!(omitted, ["public.tenants", "public.weird; DROP"], "{:?}", taken.manifest.omitted);
    assert!(taken.manifest.omitted.iter().all(|omitted| omitted.why.contains("invalid page")), "{taken:?}");
    // What is whole is there.
    let entry = place.repository().pick(&Pick::Name(taken.name)).await.unwrap();
    let into = tempfile::tempdir().unwrap();
    let fetched = place.repository().fetch(&entry, into.path(), |_| {}).await.unwrap();
    let target = Database::empty().await;
    let restoring = std::process::Command::new(cluster.tools().directory.join("pg_restore"))
        .args(["--dbname", &target.url().await])
        .arg(fetched.path)
        .output();
    assert!(restoring.unwrap().status.success());
    assert_eq!(target.query("select count(*) from whole").await, ["50"]);
}

/// Of those that begin in one second, each has a name of its own: giving one up takes nothing of another away.
#[tokio::test]
async fn the_name_of_a_finished_backup_is_not_taken_again() {
    let database = Database::with(SQL).await;
    let place = Place::new();
    let now = jiff::Timestamp::now();
    let names: Vec<String> = (-1..7)
        .map(|later| {
            let at = now + jiff::Span::new().seconds(later);
            at.strftime("%Y/%m/%d/backup-%Y%m%d-%H%M%S").to_string()
        })
        .collect();
    for name in &names {
        let path = place.path().join(format!("{name}.manifest.json"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "another's").unwrap();
    }
    let taken = take(&database.url().await, &place.repository(), &options()).await.unwrap();
    assert!(!names.contains(&taken.name), "{}", taken.name);
    for name in &names {
        let path = place.path().join(format!("{name}.manifest.json"));
        assert_eq!(std::fs::read_to_string(path).unwrap(), "another's");
    }
}
