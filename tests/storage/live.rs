//! Uploads, overwriting and deleting go on while we look.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use drcore::Verdict;
use tokio_postgres::NoTls;

use super::server::Server;
use super::world::{World, found, result, row, version};

/// Does what the storage service does, in its order, until it is told to stop; gives how often.
async fn storm(
    url: String,
    root: std::path::PathBuf,
    names: std::ops::Range<u32>,
    stop: Arc<AtomicBool>,
) -> u32 {
    static VERSION: AtomicU32 = AtomicU32::new(100_000);
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute("set storage.allow_delete_query = 'true'").await.unwrap();
    let mut current: std::collections::BTreeMap<u32, String> = std::collections::BTreeMap::new();
    let mut done = 0;
    while !stop.load(Ordering::Relaxed) {
        for name in names.clone() {
            let new = version(VERSION.fetch_add(1, Ordering::Relaxed));
            write(&root, name, &new);
            match current.remove(&name) {
                // The row goes with the bytes, in one transaction.
                Some(old) if done % 3 == 0 => {
                    std::fs::remove_file(file(&root, name, &new)).unwrap();
                    client.batch_execute("begin").await.unwrap();
                    client
                        .batch_execute(&format!(
                            "delete from storage.objects where bucket_id = 'images' and name = 's{name}'"
                        ))
                        .await
                        .unwrap();
                    std::fs::remove_file(file(&root, name, &old)).unwrap();
                    client.batch_execute("commit").await.unwrap();
                }
                // The new bytes, the row, and then the old bytes go.
                Some(old) => {
                    client
                        .batch_execute(&format!("update storage.objects set version = '{new}' where bucket_id = 'images' and name = 's{name}'"))
                        .await
                        .unwrap();
                    std::fs::remove_file(file(&root, name, &old)).unwrap();
                    current.insert(name, new);
                }
                None => {
                    client
                        .batch_execute(&row("images", &format!("s{name}"), Some(&new), "12345"))
                        .await
                        .unwrap();
                    current.insert(name, new);
                }
            }
            done += 1;
        }
    }
    driver.abort();
    done
}

fn file(root: &Path, name: u32, version: &str) -> std::path::PathBuf {
    root.join(format!("s{name}")).join(version)
}

fn write(root: &Path, name: u32, version: &str) {
    let file = file(root, name, version);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, b"12345").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_storm_of_uploads_leaves_no_false_finding() {
    let world = World::healthy(&["a", "b", "lost"]).await;
    world.remove(&format!("images/lost/{}", version(3)));
    let server = Server::start(world.root());
    let stop = Arc::new(AtomicBool::new(false));
    let url = world.database.url().await;
    let storms: Vec<_> = [0..40, 40..80]
        .map(|names| tokio::spawn(storm(url.clone(), world.file("images"), names, Arc::clone(&stop))))
        .into();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    for round in 0..3 {
        for store in [world.directory(), server.store("s3://files")] {
            let mut options = drcore::VerifyOptions::default();
            options.collect.store = Some(store);
            options.collect.only = vec!["storage_orphans".to_owned()];
            // Not guarded: the storm writes.
            let report = drcore::verify(&url, &options).await.unwrap();
            // The one that is really lost, and nothing of the storm.
            assert_eq!(found(&report), ["missing_files:images: 1"], "round {round}: {:?}", result(&report));
            assert_eq!(report.verdict, Verdict::Failed);
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut done = 0;
    for storm in storms {
        done += storm.await.unwrap();
    }
    assert!(done > 500, "only {done} changes while it looked");
}
