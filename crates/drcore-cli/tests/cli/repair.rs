//! `repair` prints for any database, and refuses what it must.

use drcore_tests::Database;

use super::command::Place;
use super::{DAMAGE, HEALTHY};

#[tokio::test]
async fn a_plan_is_printed_written_as_a_script_and_psql_runs_it() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    database.execute(DAMAGE).await;
    let url = database.url().await;

    let ran = place.run(&["repair", &url, "--against", "baseline.json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("not in the plan\n"), "{ran:?}");
    assert!(ran.out.contains("choose: --with orphan_fks=delete|"), "{ran:?}");
    assert!(ran.out.contains("no statement can put it right"), "{ran:?}");

    let arguments =
        ["repair", &url, "--against", "baseline.json", "--with", "orphan_fks=delete", "-o", "fix.sql"];
    let ran = place.run(&arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("[destroys rows] delete from "), "{ran:?}");
    database.execute(&place.read("fix.sql")).await;
    let ran = place.run(&["verify", &url, "--only", "orphan_fks"]);
    assert_eq!(ran.code, 0, "the script does what it says: {ran:?}");
}

#[tokio::test]
async fn a_stored_report_is_enough_to_print() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    database.execute(DAMAGE).await;
    place.run(&["verify", &database.url().await, "-o", "report.json"]);
    let ran = place.run(&["repair", "--report", "report.json", "--format", "json", "-o", "plan.json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("drcore.repair/1"), "{ran:?}");
    assert_eq!(ran.out, place.read("plan.json"));
}

#[tokio::test]
async fn what_could_not_be_read_may_need_repair_too() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    let secret = "create role repair_reader login; grant select on tenants to repair_reader";
    database.execute(secret).await;
    let url = database.url_as("repair_reader").await;
    let ran = place.run(&["repair", &url, "--against", "baseline.json"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.out.contains("there may be more to repair"), "{ran:?}");
}

#[tokio::test]
async fn mistakes_are_refused_before_anything_is_written() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    database.execute(DAMAGE).await;
    let url = database.url().await;
    for (arguments, says) in [
        (&["repair", &url, "--with", "orphan_fks"][..], "orphan_fks=delete"),
        (&["repair", &url, "--with", "orphan_fk=delete"], "no finding takes the choice"),
        (&["repair", &url, "--apply", "12345678"], "--project"),
        (&["repair", &url, "-o", "fix.txt"], ".sql or .json"),
        (&["repair", "--report", "nowhere.json"], "nowhere.json"),
        (
            &["repair", "postgresql://me@db.example.com/x", "--report", "nowhere.json", "--apply", "1"],
            "--project",
        ),
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(says), "{arguments:?}: {ran:?}");
    }
}

/// The digest and the project of a plan as JSON.
fn reviewed(plan: &str) -> (String, String) {
    let plan: serde_json::Value = serde_json::from_str(plan).unwrap();
    let text = |key: &str| plan[key].as_str().unwrap().to_owned();
    (text("digest"), text("project"))
}

#[tokio::test]
async fn a_reviewed_plan_is_applied_and_verified_again() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    database.execute(DAMAGE).await;
    let url = database.url().await;
    let with = ["repair", &url, "--against", "baseline.json", "--with", "orphan_fks=delete"];
    let ran = place.run(&with);
    let shown = ran.out.lines().find(|line| line.starts_with("apply ")).unwrap();
    let plan = place.run(&[&with[..], &["--format", "json"]].concat());
    let (digest, project) = reviewed(&plan.out);
    assert!(shown.ends_with(&format!("--apply {digest} --project {project}")), "{shown}");

    let rows = database.query("select count(*) from invoices").await;
    let apply = |digest: &str, project: &str| {
        place.run(&[&with[..], &["--apply", digest, "--project", project]].concat())
    };
    for ran in [apply("00000000", &project), apply(&digest, "other@1")] {
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains("nothing was written"), "{ran:?}");
    }
    assert_eq!(database.query("select count(*) from invoices").await, rows);

    let ran = apply(&digest, &project);
    assert!(ran.out.contains("plan ") && ran.out.contains("was applied"), "{ran:?}");
    assert!(ran.out.contains("FIXED    orphan_fks:orphaned_rows:"), "{ran:?}");
    assert!(ran.out.contains("STILL    "), "{ran:?}");
    assert_eq!(ran.code, 1, "what needs data is still there: {ran:?}");
    assert_eq!(place.run(&["verify", &url, "--only", "orphan_fks"]).code, 0);
    // Nothing is left of it to apply: what it answered is gone.
    let again = apply(&digest, &project);
    assert_eq!(again.code, 2, "{again:?}");
}

#[tokio::test]
async fn another_project_s_database_is_not_even_connected_to() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    database.execute(DAMAGE).await;
    place.run(&["verify", &database.url().await, "-o", "report.json"]);
    let with = ["--report", "report.json", "--with", "orphan_fks=delete"];
    let plan = place.run(&[&["repair", "--format", "json"][..], &with].concat());
    let (digest, project) = reviewed(&plan.out);
    let hosted = "postgresql://postgres@db.abcdefghijklmnopqrst.supabase.co/postgres";
    let ran =
        place.run(&[&["repair", hosted, "--apply", &digest, "--project", &project][..], &with].concat());
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("nothing was written"), "{ran:?}");
    assert!(ran.err.contains("db.abcdefghijklmnopqrst.supabase.co"), "{ran:?}");
}
