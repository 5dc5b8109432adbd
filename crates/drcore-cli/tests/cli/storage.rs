//! `storage audit` lists every file that something is wrong with.

use drcore_tests::Database;

use super::command::Place;

const VERSION: &str = "1f9d7a52-3c0e-4b57-9a2e-";

/// Thirty objects, of which 26 have their bytes; a file without a row.
async fn world(place: &Place) -> Database {
    let database = Database::supabase().await;
    database
        .execute(&format!(
            "insert into storage.buckets (id, name) values ('docs', 'docs'); \
             insert into storage.objects (bucket_id, name, version, metadata) \
             select 'docs', n || '.pdf', '{VERSION}' || lpad(n::text, 12, '0'), '{{\"size\": 5}}' \
             from generate_series(1, 30) n"
        ))
        .await;
    for number in 5..=31 {
        let directory = format!("store/stub/docs/{number}.pdf");
        std::fs::create_dir_all(place.path(&directory)).unwrap();
        place.write(&format!("{directory}/{VERSION}{number:012}"), "bytes");
    }
    database
}

#[tokio::test]
async fn every_file_is_written_and_the_screen_shows_some() {
    let place = Place::new();
    let database = world(&place).await;
    let url = database.url().await;
    let store = format!("file://{}", place.path("store").display());
    let audited = place.run(&[
        "storage",
        "audit",
        &url,
        "--store",
        &store,
        "--settle",
        "100ms",
        "-o",
        "files.ndjson",
        "-o",
        "files.csv",
        "-o",
        "audit.json",
        "-o",
        "audit.txt",
    ]);
    assert_eq!(audited.code, 1, "{audited:?}");
    assert!(audited.out.starts_with(&format!("FAILED   {store}")), "{audited:?}");
    assert!(audited.out.contains("CRITICAL 4 objects of bucket \"docs\" have no bytes"), "{audited:?}");
    assert!(audited.out.contains("WARNING  1 file lies in the store"), "{audited:?}");
    let rows: Vec<serde_json::Value> =
        place.read("files.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 5);
    assert_eq!((&rows[0]["problem"], &rows[0]["bucket"]), (&"missing".into(), &"docs".into()));
    let csv = place.read("files.csv");
    assert!(csv.starts_with("problem,bucket,name,version,bytes,modified,detail\r\n"), "{csv}");
    assert!(csv.contains("\"missing\",\"docs\",\"1.pdf\",") && csv.lines().count() == 6, "{csv}");
    assert!(place.read("audit.json").contains("\"drcore.storage/1\""));
    assert_eq!(place.read("audit.txt").lines().next(), audited.out.lines().next());
    // Without a store there is nothing to audit, and a store that is not there is no loss.
    let none = place.run(&["storage", "audit", &url]);
    assert_eq!(none.code, 2, "{none:?}");
    assert!(none.err.contains("no store was named"), "{none:?}");
    let nowhere =
        place.run(&["storage", "audit", &url, "--store", "file:///nowhere/at/all", "--format", "json"]);
    assert_eq!(nowhere.code, 3, "{nowhere:?}");
    let json: serde_json::Value = serde_json::from_str(&nowhere.out).unwrap();
    assert_eq!((&json["verdict"], json["files"].is_null()), (&"unproven".into(), true));
}
