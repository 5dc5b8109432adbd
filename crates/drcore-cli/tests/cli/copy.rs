//! `copy` says what it will do, does it, and refuses what it must.

use drcore_tests::Database;

use super::command::Place;

const TABLES: &str = "create table a (id int primary key, note text); create table b (id int references a);";
const ROWS: &str = "insert into a values (1, 'x'), (2, 'y'); insert into b values (1)";

#[tokio::test]
async fn a_plan_is_printed_and_what_it_says_is_done() {
    let place = Place::new();
    let source = Database::with(&format!("{TABLES} {ROWS}; create table lone (id int)")).await;
    let target = Database::with(TABLES).await;
    let (from, into) = (source.url().await, target.url().await);
    let ran = place.run(&["copy", &from, "--target", &into, "--plan-only", "-o", "plan.json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let plan: serde_json::Value = serde_json::from_str(&place.read("plan.json")).unwrap();
    let digest = plan["digest"].as_str().unwrap();
    assert!(ran.out.contains(&format!("plan {digest} copies rows\n")), "{ran:?}");
    assert!(ran.out.contains("LEFT OUT public.lone: the target has no such table"), "{ran:?}");
    assert_eq!(target.query("select count(*) from a").await, ["0"]);

    let ran = place.run(&["copy", &from, "--target", &into, "--apply", "00000000"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("nothing was written"), "{ran:?}");
    let ran = place.run(&[
        "copy",
        &from,
        "--target",
        &into,
        "--apply",
        digest,
        "-o",
        "done.json",
        "-o",
        "done.txt",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("COPIED   3 rows of 2 tables") && ran.out.contains("PASSED"), "{ran:?}");
    assert!(place.read("done.json").contains("drcore.copied/1"));
    assert!(place.read("done.txt").ends_with("exit 0\n"));
    assert_eq!(target.query("select id, note from a order by id").await, ["1|x", "2|y"]);

    // Once more, and the rows are there.
    let ran = place.run(&["copy", &from, "--target", &into]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("hold rows: public.a and public.b"), "{ran:?}");
    let ran = place.run(&[
        "copy",
        &from,
        "--target",
        &into,
        "--replace",
        "--table",
        "a",
        "--table",
        "b",
        "--format",
        "json",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let done: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(done["report"]["verdict"], "passed", "{ran:?}");
}

#[tokio::test]
async fn what_cannot_be_copied_is_an_error_and_leaks_nothing() {
    let place = Place::new();
    let source = Database::with(&format!("{TABLES} {ROWS}")).await;
    let target = Database::with(TABLES).await;
    let (from, into) = (source.url().await, target.url().await);
    for (arguments, said) in [
        (vec!["copy", &from, "--target", &into, "--project", "another"], "nothing was written"),
        (vec!["copy", &from, "--target", &from], "nothing was written"),
        (vec!["copy", &from, "--target", &into, "--table", "aa"], "public.a"),
        (vec!["copy", &from, "--target", &into, "--replace", "--start-over"], "--start-over"),
        (vec!["copy", &from, "--target", &into, "--start-over"], "no unfinished copy"),
        (vec!["copy", &from, "--target", &into, "-o", "plan.md"], ".json or .txt"),
        (vec!["copy", "postgresql://u:hunter2@127.0.0.1:1/d", "--target", &into], "127.0.0.1"),
        (
            vec!["copy", &from, "--target", "postgresql://u:hunter2@127.0.0.1:1/d", "--project", "d@1"],
            "127.0.0.1",
        ),
    ] {
        let ran = place.run(&arguments);
        assert!([2, 3].contains(&ran.code), "{ran:?}");
        assert!(ran.err.contains(said) && !ran.err.contains("hunter2"), "{ran:?}");
    }
    assert_eq!(target.query("select count(*) from a").await, ["0"]);
}
