//! Restores that may not be, or meet what stands in their way: a clear error, and nothing written.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use drcore::ErrorKind;
use drcore::connect::{RestoreTarget, TargetOptions};
use drcore::restore::{
    ClientTools, ExecuteOptions, RestoreOptions, RestorePlan, ScratchCluster, ScratchOptions,
};
use drcore_tests::Database;

use super::round_trip::{dump, restore, target};

const ROWS: &str = "create table notes (id int primary key, body text);
    insert into notes select i, 'note ' || i from generate_series(1, 1000) i; create index on notes (body)";

#[tokio::test]
async fn a_wrong_password_is_told_and_never_shown() {
    let mut options = ScratchOptions::default();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    options.port = Some(port);
    let cluster = ScratchCluster::start(options).await.unwrap();
    let create =
        "set password_encryption = 'scram-sha-256'; create role app login superuser password 'right'";
    cluster.execute("postgres", create).await.unwrap();
    cluster.create_database("restored").await.unwrap();
    let hba = cluster.socket_directory().join("data/pg_hba.conf");
    std::fs::write(&hba, "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n").unwrap();
    cluster.execute("postgres", "select pg_reload_conf()").await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let url = |password: &str| format!("postgresql://app:{password}@127.0.0.1:{port}/restored");
    let mut named = TargetOptions::default();
    let error = RestoreTarget::connect(&url("s3cret"), &named).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Authentication, "{error:?}");
    assert!(error.to_string().contains("password authentication failed"), "{error}");
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");

    // With the right one, the programs get it too, and nothing shows it.
    let source = Database::with(ROWS).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let right = url("right");
    named.project = Some(super::target::name_at(&cluster.url("restored")).await);
    let target = RestoreTarget::connect(&right, &named).await.unwrap();
    let plan = RestorePlan::of(&archive, &target, &RestoreOptions::default()).await.unwrap();
    let restored = plan.execute(&target, &ExecuteOptions::default()).await.unwrap();
    assert_eq!(restored.exit_code(), 0, "{:#?}", restored.errors);
    for shown in [plan.to_text(), restored.to_text(), format!("{target:?} {plan:?} {restored:?}")] {
        assert!(!shown.contains(":right@"), "{shown}");
    }
    // And where it changes in between, nothing is called restored.
    let error = {
        cluster.create_database("later").await.unwrap();
        let later = right.replace("/restored", "/later");
        named.project = Some(super::target::name_at(&cluster.url("later")).await);
        let target = RestoreTarget::connect(&later, &named).await.unwrap();
        let plan = RestorePlan::of(&archive, &target, &RestoreOptions::default()).await.unwrap();
        cluster.execute("postgres", "alter role app password 'another'").await.unwrap();
        plan.execute(&target, &ExecuteOptions::default()).await.unwrap_err()
    };
    assert!(error.to_string().contains("password authentication failed"), "{error}");
    let nothing = "do $$ begin if to_regclass('notes') is not null then raise 'it is there'; end if; end $$";
    cluster.execute("later", nothing).await.unwrap();
}

#[tokio::test]
async fn programs_that_are_too_old_are_refused_before_anything_is_written() {
    let source = Database::with(ROWS).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let programs = tempfile::tempdir().unwrap();
    for name in ["pg_dump", "pg_restore", "psql"] {
        let path = programs.path().join(name);
        std::fs::write(&path, "#!/bin/sh\necho 'pg_restore (PostgreSQL) 9.6.24'\n").unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let database = Database::empty().await;
    let mut options = RestoreOptions::default();
    options.tools = Some(ClientTools::at(programs.path()).await.unwrap());
    let target = target(&database, options.onto).await;
    let mut execute = ExecuteOptions::default();
    execute.tools.clone_from(&options.tools);
    let refused =
        async { RestorePlan::of(&archive, &target, &options).await?.execute(&target, &execute).await };
    let error = refused.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tool, "{error:?}");
    assert!(error.to_string().contains("9.6.24"), "{error}");
    assert!(error.hint_text().unwrap().contains("postgresql-client-"), "{error:?}");
    let anything = "select count(*) from pg_class where relnamespace = 'public'::regnamespace";
    assert_eq!(database.query(anything).await, ["0"]);
}

/// What a role or database is set to is for its applications, not for bringing it back.
#[tokio::test]
async fn a_timeout_of_the_target_does_not_cut_a_restore_short() {
    let source = Database::with(ROWS).await;
    source.execute("insert into notes select i, repeat('x', 1000) from generate_series(1001, 60000) i").await;
    for format in ["custom", "plain"] {
        let (_directory, archive) = dump(&source, &[&format!("--format={format}")]).await;
        let database = Database::empty().await;
        let settings = "do $$ begin execute format('alter database %I set statement_timeout = 30', current_database());
            execute format('alter database %I set idle_in_transaction_session_timeout = 30', current_database()); end $$";
        database.execute(settings).await;
        let restored = restore(&archive, &database, &RestoreOptions::default()).await;
        assert_eq!(restored.exit_code(), 0, "{format}: {:#?}", restored.errors);
        database
            .execute("do $$ begin execute format('alter database %I reset all', current_database()); end $$")
            .await;
        assert_eq!(database.query("select count(*) from notes").await, ["60000"], "{format}");
    }
}

#[tokio::test]
async fn a_role_that_may_not_create_is_told_and_nothing_is_called_restored() {
    let source = Database::with(ROWS).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let database = Database::empty().await;
    database
        .execute(
            "do $$ begin create role restore_stranger login; exception when duplicate_object then null; end $$;
             revoke create on schema public from public",
        )
        .await;
    let url = database.url_as("restore_stranger").await;
    let mut named = TargetOptions::default();
    named.project = Some(super::target::name(&database).await);
    let refused = async {
        let target = RestoreTarget::connect(&url, &named).await?;
        let plan = RestorePlan::of(&archive, &target, &RestoreOptions::default()).await?;
        plan.execute(&target, &ExecuteOptions::default()).await
    };
    match refused.await {
        Err(error) => assert!(error.to_string().contains("permission denied"), "{error}"),
        Ok(restored) => {
            assert_eq!(restored.exit_code(), 1, "{restored:#?}");
            assert!(restored.failures().any(|failure| failure.message.contains("permission denied")));
        }
    }
    let anything = "select count(*) from pg_class where relname = 'notes'";
    assert_eq!(database.query(anything).await, ["0"]);
}

/// Programs of the right version that do nothing but what the script says.
async fn idle(words: &str) -> (tempfile::TempDir, ExecuteOptions) {
    let programs = tempfile::tempdir().unwrap();
    let real = drcore_tests::cluster().await.tools().directory.join("pg_restore");
    for name in ["pg_dump", "pg_restore", "psql"] {
        let path = programs.path().join(name);
        let version = format!("[ \"$1\" = --version ] && exec '{}' --version", real.display());
        std::fs::write(&path, format!("#!/bin/sh\n{version}\n{words}\nexit 0\n")).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut options = ExecuteOptions::default();
    options.tools = Some(ClientTools::at(programs.path()).await.unwrap());
    (programs, options)
}

/// That a program ends well is no proof that it did anything.
#[tokio::test]
async fn rows_that_were_never_begun_keep_the_database_marked() {
    let source = Database::with(ROWS).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let (_programs, execute) = idle("echo 'pg_restore: connecting to database for restore' >&2").await;
    let database = Database::empty().await;
    let options = RestoreOptions::default();
    let target = target(&database, options.onto).await;
    let plan = RestorePlan::of(&archive, &target, &options).await.unwrap();
    let restored = plan.execute(&target, &execute).await.unwrap();
    assert_eq!(restored.exit_code(), 1, "{restored:#?}");
    assert_eq!(restored.missing_rows, ["rows of public.notes"], "{:#?}", restored.errors);
    assert!(restored.to_text().contains("stays marked as half restored"), "{}", restored.to_text());
}

/// Also where there is not one row to be missed.
#[tokio::test]
async fn a_program_that_says_nothing_is_not_believed() {
    let source = Database::with("create view answers as select 42 as answer").await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let (_programs, execute) = idle("").await;
    let database = Database::empty().await;
    let options = RestoreOptions::default();
    let target = target(&database, options.onto).await;
    let plan = RestorePlan::of(&archive, &target, &options).await.unwrap();
    let error = plan.execute(&target, &execute).await.unwrap_err();
    assert!(error.to_string().contains("it said nothing"), "{error}");
    let report = drcore::verify(&database.url().await, &drcore::VerifyOptions::default()).await.unwrap();
    assert_ne!(report.verdict, drcore::Verdict::Passed);
}

/// Neither its rows nor it: the database would look whole to whoever has nothing to compare it with.
#[tokio::test]
async fn rows_of_a_table_that_cannot_be_made_keep_the_database_marked() {
    let source = Database::with(ROWS).await;
    source.execute("create table moods (id int primary key); insert into moods values (1)").await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let mut bytes = std::fs::read(&archive).unwrap();
    let statement = b"CREATE TABLE public.moods";
    let at = bytes.windows(statement.len()).position(|window| window == statement).unwrap();
    bytes[at..at + 12].copy_from_slice(b"CREATE TABEL");
    std::fs::write(&archive, bytes).unwrap();
    for jobs in [1, 3] {
        let database = Database::empty().await;
        let mut options = RestoreOptions::default();
        options.jobs = Some(jobs);
        let target = target(&database, options.onto).await;
        let plan = RestorePlan::of(&archive, &target, &options).await.unwrap();
        let restored = plan.execute(&target, &ExecuteOptions::default()).await.unwrap();
        assert!(!restored.missing_rows.is_empty(), "{jobs}: {:#?}", restored.errors);
        assert!(restored.missing_rows.iter().all(|rows| rows == "rows of public.moods"), "{restored:#?}");
        assert_eq!(database.query("select count(*) from notes").await, ["1000"]);
        let report = drcore::verify(&database.url().await, &drcore::VerifyOptions::default()).await.unwrap();
        assert_ne!(report.verdict, drcore::Verdict::Passed, "{jobs}");
    }
}
