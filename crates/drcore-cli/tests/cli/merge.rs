//! Shards are put together, and one that is missing is told.

use drcore_tests::Database;
use tokio_postgres::NoTls;

use super::command::Place;
use super::{DAMAGE, HEALTHY};

#[tokio::test]
async fn shards_prove_together_what_none_proves_alone() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    database.execute(DAMAGE).await;
    let url = database.url().await;
    // Other tests write to the same server.
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("begin isolation level repeatable read read only").await.unwrap();
    let id: String = client.query_one("select pg_export_snapshot()", &[]).await.unwrap().get(0);
    for number in 1..=3 {
        let (shard, file) = (format!("{number}/3"), format!("{number}.json"));
        let ran = place.run(&[
            "collect",
            &url,
            "--against",
            "baseline.json",
            "--shard",
            &shard,
            "--snapshot",
            &id,
            "-o",
            &file,
        ]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.out.contains(&format!("shard {shard}: drcore merge puts it together")), "{ran:?}");
    }
    let some = place.run(&["merge", "1.json", "3.json", "-o", "some.json"]);
    assert_eq!(some.code, 3, "{some:?}");
    assert!(some.out.contains("lacks shard 2 of 3"), "{some:?}");
    let judged = place.run(&["judge", "some.json", "--against", "baseline.json"]);
    assert_ne!(judged.code, 0, "{judged:?}");
    let all = place.run(&["merge", "2.json", "3.json", "1.json", "-o", "all.json"]);
    assert_eq!(all.code, 0, "{all:?}");
    assert!(all.out.contains("all 3 shards"), "{all:?}");
    let judged = place.run(&["judge", "all.json", "--against", "baseline.json"]);
    assert_eq!(judged.code, 1, "{judged:?}");
    assert!(judged.out.contains("public.invoices"), "{judged:?}");
    // What is read is not written over, and nothing that does not belong together is put together.
    let twice = place.run(&["merge", "1.json", "some.json", "-o", "x.json"]);
    assert_eq!(twice.code, 2, "{twice:?}");
    assert!(twice.err.contains("shard 1/3 is there twice"), "{twice:?}");
    assert_eq!(place.run(&["merge", "1.json", "2.json", "-o", "1.json"]).code, 2);
    assert!(!place.files().contains(&"x.json".to_owned()));
    let wrong = place.run(&["collect", &url, "--shard", "4/3", "-o", "y.json"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    let live = place.run(&["collect", &url, "--shard", "1/3", "--against", &url, "-o", "y.json"]);
    assert_eq!(live.code, 2, "{live:?}");
}
