//! Uploads, overwriting and deleting go on while we look.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use drcore::storage::Store;
use drcore::{Report, Verdict, VerifyOptions};
use drcore_tests::parse;
use tokio_postgres::{Client, NoTls};

use super::server::Server;
use super::service::{Backend, Door, Service, Trouble};
use super::world::{World, found, result, row, unread, version};

/// Does what the storage service does, in its order, until it is told to stop; each upload and each deletion is open
/// for this long. Gives how often.
async fn storm(
    url: String,
    root: PathBuf,
    names: std::ops::Range<u32>,
    open: Duration,
    stop: Arc<AtomicBool>,
) -> u32 {
    static VERSION: AtomicU32 = AtomicU32::new(100_000);
    let client = client(&url).await;
    let mut current: std::collections::BTreeMap<u32, String> = std::collections::BTreeMap::new();
    let mut done = 0;
    while !stop.load(Ordering::Relaxed) {
        for name in names.clone() {
            let new = version(VERSION.fetch_add(1, Ordering::Relaxed));
            let object = format!("bucket_id = 'images' and name = 's{name}'");
            match current.remove(&name) {
                // The row goes with the bytes, in one transaction.
                Some(old) if done % 3 == 0 => {
                    execute(&client, &format!("begin; delete from storage.objects where {object}")).await;
                    std::fs::remove_file(file(&root, name, &old)).unwrap();
                    tokio::time::sleep(open).await;
                    execute(&client, "commit").await;
                }
                // The new bytes, the row, and then the old bytes go.
                Some(old) => {
                    write(&root, name, &new);
                    tokio::time::sleep(open).await;
                    execute(&client, &format!("update storage.objects set version = '{new}' where {object}"))
                        .await;
                    std::fs::remove_file(file(&root, name, &old)).unwrap();
                    current.insert(name, new);
                }
                None => {
                    write(&root, name, &new);
                    tokio::time::sleep(open).await;
                    execute(&client, &row("images", &format!("s{name}"), Some(&new), "12345")).await;
                    current.insert(name, new);
                }
            }
            done += 1;
        }
    }
    done
}

async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    execute(&client, "set storage.allow_delete_query = 'true'").await;
    client
}

async fn execute(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap();
}

fn file(root: &Path, name: u32, version: &str) -> PathBuf {
    root.join(format!("s{name}")).join(version)
}

fn write(root: &Path, name: u32, version: &str) {
    let file = file(root, name, version);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, b"12345").unwrap();
}

/// Not guarded against writing, since others write.
async fn report(url: &str, store: Store, settle: &str) -> Report {
    let mut options = VerifyOptions::default();
    options.plan = parse(&format!("[storage_orphans]\nsettle = \"{settle}\"\n"));
    options.collect.store = Some(store);
    options.collect.only = vec!["storage_orphans".to_owned()];
    drcore::verify(url, &options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_storm_of_uploads_leaves_no_false_finding() {
    let world = World::healthy(&["a", "b", "lost"]).await;
    world.remove(&format!("images/lost/{}", version(3)));
    let server = Server::start(world.root());
    let service = Service::start(&world, Backend::Files, Trouble::None).await;
    let stop = Arc::new(AtomicBool::new(false));
    let url = world.database.url().await;
    // Some at once, and some that are open for longer than a look takes.
    let storms: Vec<_> = (0..8)
        .map(|number| {
            let open = Duration::from_millis(if number < 2 { 0 } else { 600 });
            let names = number * 40..(number + 1) * 40;
            tokio::spawn(storm(url.clone(), world.file("images"), names, open, Arc::clone(&stop)))
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(700)).await;
    for round in 0..2 {
        for store in [world.directory(), server.store("s3://files"), service.store(Door::Rest)] {
            let place = store.url.to_string();
            let report = report(&url, store, "2s").await;
            // The one that is really lost, and nothing of the storm.
            let about = format!("{place}, round {round}: {:?}", result(&report));
            assert_eq!(found(&report), ["missing_files:images: 1"], "{about}");
            assert_eq!((report.verdict, &result(&report).unread), (Verdict::Failed, &vec![]), "{about}");
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut done = 0;
    for storm in storms {
        done += storm.await.unwrap();
    }
    assert!(done > 300, "only {done} changes while it looked");
}

/// Waits until somebody looks who is writing rows, which is after the first look.
async fn looked_once(world: &World) {
    let sql = "select count(*) from pg_stat_activity \
               where datname = current_database() and application_name = 'drcore' and query like '%pg_locks%'";
    let began = std::time::Instant::now();
    while world.database.query(sql).await == ["0"] {
        assert!(began.elapsed() < Duration::from_secs(60), "nobody looks a second time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An upload and a deletion that are open across the first look, and done before the last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_open_when_it_is_looked_first_is_waited_for() {
    let world = World::healthy(&["kept", "deleted"]).await;
    let server = Server::start(world.root());
    let service = Service::start(&world, Backend::S3, Trouble::None).await;
    let url = world.database.url().await;
    let client = client(&url).await;
    for (number, store) in
        (50..).zip([world.directory(), server.store("s3://files"), service.store(Door::S3)])
    {
        let uploaded = row("images", &format!("uploaded{number}"), Some(&version(number)), "12345");
        world.write(&format!("images/uploaded{number}/{}", version(number)), b"12345");
        let deleted = format!("images/deleted/{}", version(2));
        execute(
            &client,
            "begin; delete from storage.objects where bucket_id = 'images' and name = 'deleted'",
        )
        .await;
        world.remove(&deleted);
        let looking = tokio::spawn({
            let url = url.clone();
            async move { report(&url, store, "3s").await }
        });
        looked_once(&world).await;
        execute(&client, &format!("commit; {uploaded}")).await;
        let report = looking.await.unwrap();
        assert_eq!((found(&report), report.verdict), (vec![], Verdict::Passed), "{:?}", result(&report));
        world.write(&deleted, b"the bytes of 2");
        execute(&client, &row("images", "deleted", Some(&version(2)), "the bytes of 2")).await;
    }
}

/// What stays open is neither a finding nor well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_open_is_unread() {
    let world = World::healthy(&["kept", "deleted"]).await;
    let url = world.database.url().await;
    let client = client(&url).await;
    execute(&client, "begin; delete from storage.objects where bucket_id = 'images' and name = 'deleted'")
        .await;
    world.remove(&format!("images/deleted/{}", version(2)));
    let message = unread(&report(&url, world.directory(), "400ms").await);
    assert!(message.contains("in a transaction that is open for more than 400ms"), "{message}");
    // Taken back, the bytes are gone for good.
    execute(&client, "rollback").await;
    assert_eq!(found(&report(&url, world.directory(), "400ms").await), ["missing_files:images: 1"]);
    execute(&client, "delete from storage.objects where bucket_id = 'images' and name = 'deleted'").await;
    // An upload that goes on and on.
    let growing = world.file(&format!("images/growing/{}", version(60)));
    std::fs::create_dir_all(growing.parent().unwrap()).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writing = std::thread::spawn({
        let (growing, stop) = (growing.clone(), Arc::clone(&stop));
        move || {
            while !stop.load(Ordering::Relaxed) {
                std::fs::write(&growing, b"12345").unwrap();
                std::thread::sleep(Duration::from_millis(10));
            }
        }
    });
    while !growing.exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let message = unread(&report(&url, world.directory(), "2s").await);
    assert!(message.contains("uploads may still be open"), "{message}");
    stop.store(true, Ordering::Relaxed);
    writing.join().unwrap();
    assert_eq!(found(&report(&url, world.directory(), "500ms").await), ["unreferenced_files:images: 1"]);
}
