//! Restores that are interrupted: the target says so, nothing in it verifies, and the next run brings it to its end.

use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use drcore::connect::{RestoreTarget, TargetOptions};
use drcore::restore::{ExecuteOptions, Onto, RestoreOptions, RestorePlan, ScratchCluster, ScratchOptions};
use drcore::{ErrorKind, Verdict};
use drcore_tests::Database;
use drcore_tests::process::{Owned, signal};

use super::round_trip::{EVERY_KIND, baseline, dump, is_the_same, restore, target, verify};

/// Large enough to be interrupted in the middle of rows, indexes and constraints.
fn large() -> String {
    let tables: String = (1..=6)
        .map(|n| {
            format!(
                "create table big_{n} (id int primary key, parent_id int references big_{}, text text);
                 insert into big_{n} select i, case when i % 3 = 0 then i end, repeat(md5(i::text), 4) from generate_series(1, 8000) i;
                 create index on big_{n} (text); create index on big_{n} (parent_id, text);\n",
                if n == 1 { 1 } else { n - 1 }
            )
        })
        .collect();
    format!("{EVERY_KIND}\n{tables}")
}

/// While `app.slow` is on, each row takes a tenth of a second: left alone it would take a minute.
const SLOW: &str = "\
    create function slow() returns boolean language sql volatile as
    $$ select pg_catalog.current_setting('app.slow', true) is distinct from 'on' or pg_catalog.pg_sleep(0.1) is not null $$;
    create table slow (id int primary key check (public.slow()));
    insert into slow select generate_series(1, 600)";

/// Not a test of its own: the process that is killed.
#[tokio::test]
#[ignore = "started by the others"]
async fn child() {
    let (archive, url) =
        (std::env::var("DRCORE_TEST_ARCHIVE").unwrap(), std::env::var("DRCORE_TEST_URL").unwrap());
    let mut target = TargetOptions::default();
    let mut options = RestoreOptions::default();
    options.onto = match std::env::var("DRCORE_TEST_ONTO").as_deref() {
        Ok("resume") => Onto::Resume,
        Ok("start_over") => Onto::StartOver,
        _ => Onto::Empty,
    };
    target.onto = options.onto;
    let target = RestoreTarget::connect(&url, &target).await.unwrap();
    let plan = RestorePlan::of(Path::new(&archive), &target, &options).await.unwrap();
    let restored = plan.execute(&target, &ExecuteOptions::default()).await.unwrap();
    let failures: Vec<_> = restored.failures().collect();
    assert!(failures.is_empty(), "{failures:#?}");
}

fn command(archive: &Path, url: &str, onto: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["interrupted::child", "--exact", "--include-ignored"])
        .env("DRCORE_TEST_ARCHIVE", archive)
        .env("DRCORE_TEST_URL", url)
        .env("DRCORE_TEST_ONTO", onto);
    command
}

/// Starts one that may be killed.
fn start(archive: &Path, url: &str, onto: &str) -> Owned {
    Owned(command(archive, url, onto).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

/// Runs one to its end, which is a good one.
fn finish(archive: &Path, url: &str, onto: &str, what: &str) {
    let output = command(archive, url, onto).output().unwrap();
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stdout));
}

/// Whether the database says that it is half restored.
pub(crate) async fn is_marked(database: &Database) -> bool {
    !database.query("select 1 from pg_namespace where nspname = 'drcore_restore'").await.is_empty()
}

async fn kill_at_random_moments(times: u32) {
    let source = Database::with(&large()).await;
    let before = baseline(&source).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    // How long it takes when nobody interrupts it.
    let began = Instant::now();
    let whole = Database::empty().await;
    finish(&archive, &whole.url().await, "empty", "alone");
    let takes = began.elapsed();
    let mut marked = 0;
    for time in 0..times {
        let database = Database::empty().await;
        let url = database.url().await;
        let mut child = start(&archive, &url, "empty");
        // The first one as soon as it has begun, however busy the machine is.
        while !is_marked(&database).await && child.0.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(takes.mul_f64(0.7 * f64::from(time) / f64::from(times)));
        signal(&child.0, "-KILL");
        child.0.wait().unwrap();
        let onto = if time % 2 == 0 { "resume" } else { "start_over" };
        if is_marked(&database).await {
            marked += 1;
            let half = verify(&database, &before).await;
            assert_ne!(half.verdict, Verdict::Passed, "killed after {time}: half a restore never verifies");
            // Nobody mistakes it for an empty database.
            let error = RestoreTarget::connect(&url, &TargetOptions::default()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused);
            assert!(error.hint_text().unwrap().contains("--resume"), "{error:?}");
            // And again in the middle of that.
            let mut second = start(&archive, &url, onto);
            std::thread::sleep(takes.mul_f64(0.4));
            signal(&second.0, "-KILL");
            second.0.wait().unwrap();
        }
        if is_marked(&database).await {
            finish(&archive, &url, onto, &format!("{onto} after kill {time}"));
        } else if database.query("select count(*) from pg_class where relname = 'big_1'").await == ["0"] {
            // It had not begun.
            restore(&archive, &database, &RestoreOptions::default()).await;
        }
        is_the_same(&verify(&database, &before).await, &format!("{onto} after kill {time}"));
    }
    assert!(marked > 0, "none was in the middle of it");
}

#[tokio::test]
async fn a_restore_that_is_killed_is_brought_to_its_end() {
    kill_at_random_moments(4).await;
}

#[tokio::test]
#[ignore = "minutes"]
async fn a_restore_that_is_killed_at_twenty_moments_is_brought_to_its_end() {
    kill_at_random_moments(20).await;
}

#[tokio::test]
async fn nothing_of_a_restore_that_is_cancelled_goes_on() {
    let source = Database::with(&large()).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let database = Database::empty().await;
    let aim = target(&database, Onto::Empty).await;
    let plan = RestorePlan::of(&archive, &aim, &RestoreOptions::default()).await.unwrap();
    let options = ExecuteOptions::default();
    let (result, ()) = tokio::join!(plan.execute(&aim, &options), async {
        for _ in 0..600 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if database.query("select 1 from pg_stat_activity where application_name = 'drcore restore' and datname = current_database()").await.len() > 1 {
                break;
            }
        }
        options.cancel.cancel();
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
    assert!(is_marked(&database).await);
    for _ in 0..200 {
        if database.query("select 1 from pg_stat_activity where application_name = 'drcore restore' and datname = current_database()").await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("its programs went on");
}

#[tokio::test]
async fn what_the_server_is_at_is_cancelled_with_the_restore() {
    let source = Database::with(SLOW).await;
    for (format, jobs) in [("custom", 1), ("custom", 2), ("plain", 1)] {
        let (_directory, archive) = dump(&source, &[&format!("--format={format}")]).await;
        let database = Database::empty().await;
        let slowly =
            "do $$ begin execute format('alter database %I set app.slow = on', current_database()); end $$";
        database.execute(slowly).await;
        let aim = target(&database, Onto::Empty).await;
        let mut options = RestoreOptions::default();
        options.jobs = Some(jobs);
        let plan = RestorePlan::of(&archive, &aim, &options).await.unwrap();
        let options = ExecuteOptions::default();
        let copying =
            "select 1 from pg_stat_activity where datname = current_database() and query ~ '^COPY.*slow'";
        let (result, ()) = tokio::join!(plan.execute(&aim, &options), async {
            while database.query(copying).await.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            options.cancel.cancel();
        });
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Cancelled);
        let until = Instant::now() + Duration::from_secs(10);
        while !database.query(copying).await.is_empty() {
            assert!(Instant::now() < until, "{format}, {jobs} sessions: it went on");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(is_marked(&database).await);
        let rows = database.try_query("select 1 from slow").await;
        assert!(rows.is_ok_and(|rows| rows.is_empty()) || format == "plain", "{format}, {jobs} sessions");
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_ends_the_restore_and_the_next_run_goes_on() {
    // Whoever is late still finds it in the middle.
    let source = Database::with(&format!("{}\n{SLOW}", large())).await;
    let before = baseline(&source).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let database = Database::empty().await;
    let slowly = format!("alter database {} set app.slow = on", database.name);
    database.execute(&slowly).await;
    let aim = target(&database, Onto::Empty).await;
    let mut options = RestoreOptions::default();
    let plan = RestorePlan::of(&archive, &aim, &options).await.unwrap();
    let execute = ExecuteOptions::default();
    let (result, ()) = tokio::join!(plan.execute(&aim, &execute), async {
        let cut = "select pg_terminate_backend(pid) from pg_stat_activity \
                   where datname = current_database() and query ~ '^COPY.*slow'";
        while database.query(cut).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error:?}");
    assert!(error.hint_text().unwrap().contains("--resume"), "{error:?}");
    assert!(is_marked(&database).await);
    assert_ne!(verify(&database, &before).await.verdict, Verdict::Passed);
    database.execute(&slowly.replace("= on", "= off")).await;
    options.onto = Onto::Resume;
    let restored = restore(&archive, &database, &options).await;
    assert!(restored.failures().next().is_none(), "{:#?}", restored.errors);
    is_the_same(&verify(&database, &before).await, "after the connection was cut");
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_next_run_goes_on() {
    let source = Database::with(
        "create table small (id int primary key); insert into small select generate_series(1, 100);
         create table large (id int primary key, filler text);
         alter table large alter filler set storage plain;
         insert into large select n, repeat('x', 1000) from generate_series(1, 30000) n",
    )
    .await;
    let before = baseline(&source).await;
    let (_directory, archive) = dump(&source, &["--format=custom", "--compress=1"]).await;
    let cluster = ScratchCluster::start(ScratchOptions::default()).await.unwrap();
    cluster.create_database("full").await.unwrap();
    let pid = std::fs::read_to_string(cluster.socket_directory().join("data/postmaster.pid")).unwrap();
    let pid = pid.lines().next().unwrap().to_owned();
    let owner = std::fs::metadata(format!("/proc/{pid}")).unwrap();
    // The server takes a limit on the size of files for a full disk. A segment of WAL is 16 MB. Only the soft one: it
    // is taken back without any capability, by the user that the server runs as.
    let limit = |size: &str| {
        let mut command = Command::new("prlimit");
        command.args(["--pid", &pid, &format!("--fsize={size}:")]).uid(owner.uid()).gid(owner.gid());
        assert!(command.status().expect("prlimit runs: it is in util-linux").success());
    };
    limit("20000000");
    let url = cluster.url("full");
    let connect = async |onto: Onto| {
        let mut options = TargetOptions::default();
        options.onto = onto;
        RestoreTarget::connect(&url, &options).await.unwrap()
    };
    let mut options = RestoreOptions::default();
    let aim = connect(Onto::Empty).await;
    let plan = RestorePlan::of(&archive, &aim, &options).await.unwrap();
    let error = plan.execute(&aim, &ExecuteOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("no room left"), "{error}");
    assert!(error.hint_text().unwrap().contains("--resume"), "{error:?}");
    limit("unlimited");
    options.onto = Onto::Resume;
    let aim = connect(Onto::Resume).await;
    let plan = RestorePlan::of(&archive, &aim, &options).await.unwrap();
    let restored = plan.execute(&aim, &ExecuteOptions::default()).await.unwrap();
    assert!(restored.failures().next().is_none(), "{:#?}", restored.errors);
    let mut options = drcore::VerifyOptions::default();
    options.against = Some(drcore::Against::Evidence(Box::new(before)));
    options.content(true);
    is_the_same(&drcore::verify(&url, &options).await.unwrap(), "after the disk had room");
}

#[tokio::test]
async fn a_truncated_archive_is_never_restored_as_a_whole_one() {
    let source = Database::with(&large()).await;
    let (directory, archive) = dump(&source, &["--format=custom"]).await;
    let whole = std::fs::read(&archive).unwrap();
    let cut = directory.path().join("cut.dump");
    for part in [0.3, 0.9, 0.999] {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "a place in a file"
        )]
        let length = (whole.len() as f64 * part) as usize;
        std::fs::write(&cut, &whole[..length]).unwrap();
        let database = Database::empty().await;
        let aim = target(&database, Onto::Empty).await;
        // Cut in its table of contents it is not even planned; cut in its data it does not come to a good end.
        let Ok(plan) = RestorePlan::of(&cut, &aim, &RestoreOptions::default()).await else { continue };
        match plan.execute(&aim, &ExecuteOptions::default()).await {
            Err(_) => assert!(is_marked(&database).await, "{part}"),
            Ok(restored) => assert_ne!(restored.exit_code(), 0, "{part}"),
        }
    }
    let (_directory, script) = dump(&source, &["--format=plain"]).await;
    let text = std::fs::read(&script).unwrap();
    std::fs::write(&cut, &text[..text.len() / 2]).unwrap();
    let database = Database::empty().await;
    let error = RestorePlan::of(&cut, &target(&database, Onto::Empty).await, &RestoreOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Format, "{error:?}");
    assert!(!is_marked(&database).await);
}

#[tokio::test]
async fn two_restores_are_never_at_work_in_one_database() {
    let source = Database::with(&large()).await;
    let (_directory, archive) = dump(&source, &["--format=custom"]).await;
    let database = Database::empty().await;
    let url = database.url().await;
    let mut child = start(&archive, &url, "empty");
    while !is_marked(&database).await {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    signal(&child.0, "-STOP");
    // It is alive, if slow: what it has is not taken away from it.
    let refused = async |onto: Onto| {
        let aim = target(&database, onto).await;
        let mut options = RestoreOptions::default();
        options.onto = onto;
        let error = RestorePlan::of(&archive, &aim, &options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
        assert!(error.to_string().contains("another restore is at work"), "{error}");
    };
    tokio::join!(refused(Onto::Resume), refused(Onto::StartOver));
    signal(&child.0, "-CONT");
    assert!(child.0.wait().unwrap().success());
    assert!(!is_marked(&database).await);
}
