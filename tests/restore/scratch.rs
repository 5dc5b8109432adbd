//! Scratch clusters: templates, identities, recipes, versions.

use std::path::Path;
use std::process::{Command, Stdio};

use drcore::collect::CollectOptions;
use drcore::restore::{Recipe, ScratchCluster, ScratchOptions, Tools};
use drcore::{ErrorKind, Source};
use drcore_tests::process::{DIRECTORY, Owned, directory, entries, nothing_is_left, server, signal, wait};

/// Where templates are kept.
const CACHE: &str = "DRCORE_SCRATCH_CACHE";

/// Not a test of its own: the process that the others start, with a cache of its own.
#[tokio::test]
#[ignore = "started by the others"]
async fn child() {
    let mut options = ScratchOptions::default();
    options.recipe = match std::env::var("DRCORE_TEST_RECIPE").as_deref() {
        Ok("supabase") => Recipe::Supabase,
        Ok("supabase_roles") => Recipe::SupabaseRoles,
        _ => Recipe::Plain,
    };
    let cluster = ScratchCluster::start(options).await.unwrap();
    let name = std::env::var("DRCORE_TEST_REPORT").unwrap();
    std::fs::write(name, identifier(&cluster.url("postgres")).await).unwrap();
    if std::env::var("DRCORE_TEST_END").as_deref() == Ok("wait") {
        std::future::pending::<()>().await;
    }
}

async fn identifier(url: &str) -> String {
    let source = Source::connect(url).await.unwrap();
    let evidence =
        drcore::collect::collect(&source, &drcore::Plan::default(), None, &CollectOptions::default())
            .await
            .unwrap();
    evidence.run.server.unwrap().system_identifier.unwrap()
}

fn start(root: &Path, cache: &Path, recipe: &str, end: &str, report: &Path) -> Owned {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["scratch::child", "--exact", "--include-ignored"])
        .env(DIRECTORY, root)
        .env(CACHE, cache)
        .env("DRCORE_TEST_RECIPE", recipe)
        .env("DRCORE_TEST_END", end)
        .env("DRCORE_TEST_REPORT", report)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Owned(child.unwrap())
}

/// A cache that the server's user may write to.
fn cache() -> tempfile::TempDir {
    let cache = directory();
    std::fs::set_permissions(cache.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    cache
}

fn templates(cache: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(cache)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn several_at_once_make_one_template_and_have_identifiers_of_their_own() {
    let (root, cache, reports) = (directory(), cache(), directory());
    let run = |names: &[&str]| {
        let children: Vec<Owned> = names
            .iter()
            .map(|name| start(root.path(), cache.path(), "plain", "exit", &reports.path().join(name)))
            .collect();
        for mut child in children {
            assert!(child.0.wait().unwrap().success());
        }
    };
    run(&["a", "b", "c"]);
    let made = templates(cache.path());
    assert_eq!(made.len(), 1, "{made:?}");
    assert!(made[0].starts_with("plain-"), "{made:?}");
    run(&["d"]);
    assert_eq!(templates(cache.path()), made, "it is used again");
    let mut identifiers: Vec<String> =
        ["a", "b", "c", "d"].map(|name| std::fs::read_to_string(reports.path().join(name)).unwrap()).to_vec();
    identifiers.sort();
    identifiers.dedup();
    assert_eq!(identifiers.len(), 4, "{identifiers:?}");
    wait("nothing is left", || (entries(root.path()) == 0).then_some(()));
}

#[test]
fn what_was_interrupted_while_it_was_made_is_never_used_and_goes_away() {
    let (cache, reports) = (cache(), directory());
    for after in [20, 300, 900, 1500, 2500] {
        let root = directory();
        let mut child = start(root.path(), cache.path(), "supabase", "wait", &reports.path().join("a"));
        wait("it begins", || (entries(root.path()) > 0).then_some(()));
        std::thread::sleep(std::time::Duration::from_millis(after));
        let pid = server(root.path());
        signal(&child.0, "-KILL");
        child.0.wait().unwrap();
        nothing_is_left(root.path(), pid.unwrap_or(u32::MAX));
    }
    let root = directory();
    let report = reports.path().join("b");
    let mut child = start(root.path(), cache.path(), "supabase", "exit", &report);
    assert!(child.0.wait().unwrap().success());
    assert!(std::fs::read_to_string(&report).unwrap().len() > 10);
    let made = templates(cache.path());
    assert_eq!(made.len(), 1, "{made:?}");
    assert!(made[0].starts_with("supabase-"), "{made:?}");
}

#[test]
fn a_template_that_was_damaged_is_made_anew() {
    let (root, cache, reports) = (directory(), cache(), directory());
    let run = |name: &str| {
        let mut child = start(root.path(), cache.path(), "plain", "exit", &reports.path().join(name));
        child.0.wait().unwrap().success()
    };
    assert!(run("a"));
    let template = cache.path().join(&templates(cache.path())[0]);
    // As a disk that was full leaves it.
    std::fs::remove_file(template.join("data/global/pg_control")).unwrap();
    assert!(run("b"), "made anew");
    assert!(!template.exists(), "and not used again");
    assert!(run("c"));
    assert!(template.join("data/global/pg_control").is_file(), "and kept anew");
}

#[tokio::test]
async fn a_supabase_project_is_ready_and_every_database_is_one() {
    for (recipe, has_users) in [(Recipe::Supabase, true), (Recipe::SupabaseRoles, false)] {
        let mut options = ScratchOptions::default();
        options.recipe = recipe;
        let cluster = ScratchCluster::start(options).await.unwrap();
        cluster.create_database("another").await.unwrap();
        for database in ["postgres", "another"] {
            let exists = format!(
                "do $$ begin assert (to_regclass('auth.users') is not null) = {has_users}; \
                 assert to_regprocedure('extensions.uuid_generate_v4()') is not null; \
                 assert to_regclass('cron.job') is not null and to_regclass('vault.secrets') is not null; \
                 assert extensions.uuid_generate_v4() <> extensions.uuid_generate_v4(); \
                 assert exists (select from pg_roles where rolname = 'supabase_storage_admin'); \
                 assert exists (select from pg_publication where pubname = 'supabase_realtime'); end $$"
            );
            cluster.execute(database, &exists).await.unwrap_or_else(|error| panic!("{recipe:?}: {error:?}"));
        }
    }
}

#[tokio::test]
async fn who_stops_one_waits_until_it_is_gone() {
    let cluster = ScratchCluster::start(ScratchOptions::default()).await.unwrap();
    let directory = cluster.socket_directory().to_owned();
    assert!(directory.exists());
    cluster.stop().unwrap();
    assert!(!directory.exists());
}

#[tokio::test]
async fn a_version_that_is_not_there_is_asked_for_with_how_to_install_it() {
    let mut options = ScratchOptions::default();
    options.major = Some(12);
    let error = ScratchCluster::start(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tool);
    assert!(error.hint_text().unwrap().contains("postgresql-12"), "{error:?}");
    // The one that is there.
    let major = drcore_tests::major().await;
    assert!(Tools::of_major(major).await.is_ok());
}

/// What would fill the memory is kept on disk.
#[tokio::test]
async fn a_cluster_that_will_be_large_is_on_disk() {
    for (bytes, in_memory) in [(None, true), (Some(1 << 20), true), (Some(u64::MAX / 2), false)] {
        let mut options = ScratchOptions::default();
        options.expected_bytes = bytes;
        let cluster = ScratchCluster::start(options).await.unwrap();
        if std::env::var_os(DIRECTORY).is_none() && Path::new("/dev/shm").is_dir() {
            assert_eq!(cluster.socket_directory().starts_with("/dev/shm"), in_memory, "{bytes:?}");
        }
        cluster.execute("postgres", "select 1").await.unwrap();
    }
}
