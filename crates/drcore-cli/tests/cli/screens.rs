//! The screens, and the exit code of each.

use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore_tests::Database;
use drcore_tests::standby::Pair;

use super::command::{Place, Ran};
use super::{DAMAGE, HEALTHY};

#[tokio::test]
async fn passed_is_0() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    let ran = place.run(&["verify", &database.url().await, "--against", "baseline.json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("PASSED "), "{}", ran.out);
    assert!(ran.out.contains("2 tables, 43 rows"), "{}", ran.out);
    assert_eq!(ran.out.lines().count(), 3, "{}", ran.out);
    assert_eq!(ran.err, "", "nothing is said beside it in a pipe");
}

#[tokio::test]
async fn failed_is_1() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    database.execute(DAMAGE).await;
    let ran =
        place.run(&["verify", &database.url().await, "--against", "baseline.json", "--only", "row_counts"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.starts_with("FAILED "), "{}", ran.out);
    assert!(ran.out.contains("\n         row_counts:fewer_rows:public.invoices\n"), "{}", ran.out);
    assert!(ran.out.contains("2 findings: 2 warnings · exit 1"), "{}", ran.out);
    assert!(ran.out.contains("drcore explain fewer_rows"), "{}", ran.out);
}

#[tokio::test]
async fn fail_on_critical_changes_the_exit_code_only() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    database.execute(DAMAGE).await;
    let url = database.url().await;
    let arguments =
        ["verify", &url, "--against", "baseline.json", "--only", "row_counts", "--fail-on", "critical"];
    let ran = place.run(&arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("FAILED "), "{}", ran.out);
    assert!(ran.out.contains("exit 0 by --fail-on critical"), "{}", ran.out);
}

#[tokio::test]
async fn what_could_not_be_read_is_3() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    database
        .execute("create role cli_half login; grant select on tenants to cli_half; grant usage on schema public to cli_half")
        .await;
    let url = database.url_as("cli_half").await;
    for fail_on in ["warning", "critical"] {
        let ran = place.run(&[
            "verify",
            &url,
            "--against",
            "baseline.json",
            "--only",
            "row_counts",
            "--fail-on",
            fail_on,
        ]);
        assert_eq!(ran.code, 3, "{ran:?}");
        assert!(ran.out.starts_with("UNPROVEN "), "{}", ran.out);
        assert!(ran.out.contains("NOT RUN  row_counts  public.invoices: permission denied"), "{}", ran.out);
    }
    let ran = place.run(&["baseline", &url, "-o", "half.json"]);
    assert_eq!(ran.code, 3, "a baseline that lacks something says so: {ran:?}");
    assert!(ran.out.contains("UNREAD   public.invoices: permission denied"), "{}", ran.out);
}

#[tokio::test]
async fn a_baseline_of_a_standby_holds_its_sequences() {
    let pair = Pair::start("create table t (id serial primary key); insert into t default values", &[]).await;
    pair.catch_up().await;
    let place = Place::new();
    let ran = place.run(&["baseline", &pair.standby.url("app"), "-o", "baseline.json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = place.run(&["verify", &pair.primary.url("app"), "--against", "baseline.json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = place.run(&["verify", &pair.standby.url("app"), "--against", "baseline.json"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    // The primary may have written something since, of its own accord.
    assert!(ran.out.contains(" · standby, ") && ran.out.contains(" behind"), "{}", ran.out);
    assert!(ran.out.contains("NOT RUN  sequence_lag  public.t_id_seq: a standby shows"), "{}", ran.out);
}

#[tokio::test]
async fn nobody_listens() {
    let place = Place::new();
    let ran = place.run(&["verify", "postgresql://me@127.0.0.1:1/app"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    insta::assert_snapshot!(first_lines(&ran));
    let ran = place.run(&["baseline", "postgresql://me@127.0.0.1:1/app", "-o", "b.json"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(place.files().is_empty(), "half a baseline would be half a proof");
}

#[tokio::test]
async fn wrong_password() {
    let place = Place::new();
    let hba = tempfile::NamedTempFile::with_prefix_in("drcore-hba-", "/tmp").unwrap();
    std::fs::write(hba.path(), "local all postgres trust\nlocal all all scram-sha-256\n").unwrap();
    std::fs::set_permissions(hba.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let mut options = ScratchOptions::default();
    options.settings.push(("hba_file".to_owned(), hba.path().display().to_string()));
    let cluster = ScratchCluster::start(options).await.unwrap();
    cluster.execute("postgres", "create role bob login password 'right'").await.unwrap();

    let url = cluster.url("postgres").replacen("postgres@", "bob@", 1);
    let ran = Ran::of(place.command(&["verify", &url]).env("PGPASSWORD", "wr0ng"));
    assert_eq!(ran.code, 3, "{ran:?}");
    insta::assert_snapshot!(first_lines(&ran));
    assert!(!format!("{ran:?}").contains("wr0ng"), "{ran:?}");

    let ran = place.run(&["verify", &url]);
    assert_eq!(ran.code, 3, "{ran:?}");
    insta::assert_snapshot!("no_password", first_lines(&ran));
    cluster.stop().unwrap();
}

/// Without the sums, which change with every new check.
fn first_lines(ran: &Ran) -> String {
    let text = ran.steady();
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains(" checks: ")).collect();
    assert_eq!(lines.len() + 1, text.lines().count(), "{text}");
    assert!(text.lines().last().unwrap().ends_with("· exit 3"), "{text}");
    lines.join("\n")
}

#[tokio::test]
async fn the_plan_is_found_and_named() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.write("drcore.toml", "[row_counts.tables]\ntenants = 4\n");
    let ran = place.run(&["verify", &database.url().await, "--only", "row_counts"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("plan drcore.toml"), "{}", ran.out);
    let ran = place.run(&["verify", &database.url().await, "--format", "json"]);
    assert!(ran.out.contains("\"plan\": \"drcore.toml\""), "{}", ran.out);
}

#[tokio::test]
async fn the_environment_names_the_database_and_the_flags() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    let mut command = place.command(&["verify"]);
    command
        .env("DATABASE_URL", database.url().await)
        .env("DRCORE_AGAINST", "baseline.json")
        .env("DRCORE_FORMAT", "json");
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("{\n  \"format\": \"drcore.report/1\""), "{}", ran.out);
}

#[tokio::test]
async fn a_deadline_gives_an_unproven_report() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    place.write("drcore.toml", "[limits]\nlock_timeout = \"60s\"\n");
    let lock = super::interrupt::Lock::on(&database, "invoices").await;
    let url = database.url().await;
    let ran = place.run(&[
        "verify",
        &url,
        "--against",
        "baseline.json",
        "--only",
        "row_counts",
        "--deadline",
        "1s",
    ]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.out.contains("ended early: the deadline"), "{}", ran.out);
    drop(lock);
}

#[tokio::test]
async fn explain_lists_and_explains() {
    let place = Place::new();
    let ran = place.run(&["explain"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("`row_counts`") && ran.out.contains("`plan.row_counts`"), "{}", ran.out);
    let ran = place.run(&["explain", "row_counts"]);
    assert!(ran.out.starts_with("# row_counts\n"), "in a pipe it is Markdown: {}", ran.out);
    let ran = place.run(&["explain", "row_cuonts"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("Did you mean row_counts?"), "{}", ran.err);
}

#[tokio::test]
async fn rows_that_differ_are_named_from_the_baseline_alone() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    let url = database.url().await;
    let stored = place.run(&["baseline", &url, "-o", "baseline.json"]);
    assert!(stored.out.contains("content of 2 tables, hashed here"), "{}", stored.out);
    let without = place.run(&["baseline", &url, "--no-content", "-o", "without.json"]);
    assert!(!without.out.contains("content"), "{}", without.out);
    assert_eq!(place.files(), ["baseline.json", "baseline.sketches", "without.json"]);
    database.execute("update invoices set id = -id where id = 7").await;
    let only = ["--only", "content_drift"];
    let ran = place.run(&[&["verify", &url, "--against", "baseline.json"], &only[..]].concat());
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("public.invoices: 1 row missing, 1 more (40)"), "{}", ran.out);
    assert!(ran.out.contains("missing, e.g. id 7 · more, e.g. id -7"), "{}", ran.out);
    // Nothing to go on, and nobody asked.
    let ran = place.run(&["verify", &url, "--against", "without.json"]);
    assert!(!ran.out.contains("rows_differ"), "{}", ran.out);
    // The JSON alone knows that they differ, and says what it lacks.
    std::fs::remove_file(place.path("baseline.sketches")).unwrap();
    let ran = place.run(&[&["verify", &url, "--against", "baseline.json"], &only[..]].concat());
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("as many rows as there were (40), and not the same"), "{}", ran.out);
    assert!(ran.out.contains("baseline.sketches"), "{}", ran.out);
}
