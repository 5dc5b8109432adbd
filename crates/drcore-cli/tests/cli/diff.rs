//! `diff` names what differs between two sides, and never calls the same what it did not read.

use drcore_tests::Database;

use super::command::Place;
use super::{DAMAGE, HEALTHY};

#[tokio::test]
async fn the_exit_code_says_whether_they_are_the_same() {
    let (place, healthy) = (Place::new(), Database::with(HEALTHY).await);
    let (twin, damaged) = (healthy.copy().await, healthy.copy().await);
    damaged.execute(DAMAGE).await;
    let (a, b, c) = (healthy.url().await, twin.url().await, damaged.url().await);
    let same = place.run(&["diff", &a, &b]);
    assert_eq!(same.code, 0, "{same:?}");
    assert!(same.out.starts_with("SAME     2 tables, 43 rows\n"), "{same:?}");
    let differs = place.run(&["diff", &a, &c, "-o", "diff.json", "-o", "diff.txt", "--limit", "2"]);
    assert_eq!(differs.code, 1, "{differs:?}");
    assert!(
        differs.out.contains("DIFFERS  public.invoices: 3 rows only in A (40 in A, 37 in B)"),
        "{differs:?}"
    );
    assert!(differs.out.contains("only in A id 1, 2 and 1 more"), "{differs:?}");
    assert!(place.read("diff.txt").contains("DIFFERS  public.invoices: 3 rows only in A"), "{differs:?}");
    assert!(place.read("diff.json").contains("\"drcore.diff/1\""));
    assert!(!differs.out.contains("tenant 2"), "values are told only where somebody wants them: {differs:?}");
    let values =
        place.run(&["diff", &a, &c, "--values", "-o", "all.ndjson", "-o", "all.csv", "--limit", "1"]);
    assert!(values.out.contains("2: id 2, name tenant 2"), "{values:?}");
    let lines = place.read("all.ndjson");
    let rows: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 4, "every row, whatever is shown: {rows:?}");
    assert_eq!((&rows[3]["change"], &rows[3]["a"]["name"]), (&"only_in_a".into(), &"tenant 2".into()));
    let csv = place.read("all.csv");
    assert_eq!(csv.lines().count(), 5, "{csv}");
    assert!(csv.starts_with("table,change,key,times,columns,a,b\r\n"), "{csv}");
    assert!(csv.contains("\"public.invoices\",\"only_in_a\",\"{\"\"id\"\":\"\"1\"\"}\",\"1\""), "{csv}");
    // The environment's database is B.
    let json =
        place.command(&["diff", &a, "--format", "json", "-t", "tenants"]).env("DATABASE_URL", &c).output();
    let json: serde_json::Value = serde_json::from_slice(&json.unwrap().stdout).unwrap();
    assert_eq!((&json["verdict"], &json["tables"][0]["only_in_a"]), (&"different".into(), &1.into()));
    let unreachable = place.run(&["diff", &a, "postgresql://u@127.0.0.1:1/d"]);
    assert_eq!(unreachable.code, 3, "{unreachable:?}");
    assert!(unreachable.out.starts_with("UNPROVEN"), "{unreachable:?}");
}

#[tokio::test]
async fn a_baseline_is_a_side_and_a_dump_is_none() {
    let (place, healthy) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&healthy).await;
    let url = healthy.url().await;
    let same = place.run(&["diff", "baseline.json", &url]);
    assert_eq!(same.code, 0, "{same:?}");
    healthy.execute(DAMAGE).await;
    let differs = place.run(&["diff", &url, "baseline.json"]);
    assert_eq!(differs.code, 1, "{differs:?}");
    assert!(differs.out.contains("3 rows only in B"), "{differs:?}");
    place.write("old.dump", "PGDMP\u{1}");
    for (arguments, needle) in [
        (&["diff", "old.dump", &url][..], "drcore scratch"),
        (&["diff", "nowhere.json", &url], "nowhere.json"),
        (&["diff", &url, &url, "-o", "diff.pdf"], ".ndjson or .csv"),
        (&["diff", &url, "baseline.json", "-o", "baseline.json"], "must not be written over"),
        (&["diff", &url, &url, "-t", "invoicse"], "neither side"),
        (&["diff", &url, "postgresql://u@h:x/d"], "port"),
        (&["diff"], "<A>"),
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(needle), "{arguments:?}: {ran:?}");
        assert!(ran.out.is_empty(), "{ran:?}");
    }
}
