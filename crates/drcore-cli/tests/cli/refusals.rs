//! Wrong usage: exit code 2 before anything runs, and errors that programs can read.

use drcore_tests::Database;

use super::HEALTHY;
use super::command::{Place, Ran};

#[test]
fn wrong_usage_is_2() {
    let place = Place::new();
    place.write("not.json", "{\"format\": \"something\"}");
    let url = "postgresql://me@127.0.0.1:1/app";
    let cases: &[(&[&str], &str)] = &[
        (&["verify"], "no database was named"),
        (&["verify", ""], "it is empty"),
        (&["verify", "postgresql://me@h/db?sslmode=maybe"], "sslmode"),
        (&["verify", url, "--only", "row_count"], "Did you mean row_counts?"),
        (&["verify", url, "--against", "nowhere.json"], "nowhere.json"),
        (&["verify", url, "--against", "not.json"], "not drcore evidence"),
        (&["verify", url, "--against", ""], "it is empty"),
        (&["verify", url, "--plan", "nowhere.toml"], "nowhere.toml"),
        (&["verify", url, "-o", "report.pdf"], "says no format"),
        (&["verify", url, "-o", "no/such/directory/report.json"], "cannot write"),
        (&["verify", url, "--deadline", "soon"], "not a duration"),
        (&["baseline", url, "-o", "baseline.txt"], "does not end in .json"),
        (&["baseline", url], "--output"),
        (&["judge", "nowhere.json"], "nowhere.json"),
        (&["schema", "reprot"], "Did you mean report?"),
        (&["verfy"], "verify"),
        (&[], "Usage: drcore"),
    ];
    for (arguments, needle) in cases {
        let ran = place.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(ran.err.contains(needle), "{arguments:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{arguments:?}");
    }
    assert_eq!(place.files(), ["not.json"]);
}

#[tokio::test]
async fn nothing_is_written_over_what_is_read() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    let url = database.url().await;
    let before = place.read("baseline.json");
    for arguments in [
        vec!["verify", &url, "--against", "baseline.json", "-o", "./baseline.json"],
        vec!["collect", &url, "--against", "baseline.json", "-o", "baseline.json"],
        vec!["judge", "baseline.json", "-o", "baseline.json"],
    ] {
        let ran = place.run(&arguments);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains("must not be written over"), "{}", ran.err);
    }
    assert_eq!(place.read("baseline.json"), before);
}

#[test]
fn a_wrong_plan_is_told_at_once() {
    let place = Place::new();
    place.write("drcore.toml", "[row_counts.tables]\ntenants          = -1\n\n[scpoe]\nschemas = []\n");
    let ran = place.run(&["verify", "postgresql://me@127.0.0.1:1/app"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    insta::assert_snapshot!(ran.err);
}

#[test]
fn errors_are_json_where_json_is_wanted() {
    let place = Place::new();
    place.write("drcore.toml", "[scpoe]\n");
    let url = "postgresql://me@127.0.0.1:1/app";
    for (arguments, code) in [
        (vec!["verify", url, "--format", "json"], "plan"),
        (vec!["verify", url, "--format=json", "--only", "x", "--plan", "/dev/null"], "usage"),
        (vec!["verify", url, "--format", "json", "--nonsense"], "usage"),
        (vec!["verify", url, "--format", "json", "--against", "nowhere.json", "--plan", "/dev/null"], "io"),
    ] {
        let ran = place.run(&arguments);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.out.starts_with("{\n  \"format\": \"drcore.error/1\""), "{}", ran.out);
        assert!(ran.out.contains(&format!("\"code\": \"{code}\"")), "{}", ran.out);
        assert!(ran.err.starts_with("error: "), "people are told too: {}", ran.err);
    }
}

#[test]
fn the_environment_may_want_json_too() {
    let place = Place::new();
    let ran = Ran::of(place.command(&["verify", "--nonsense"]).env("DRCORE_FORMAT", "json"));
    assert!(ran.out.contains("drcore.error/1"), "{ran:?}");
    let ran =
        Ran::of(place.command(&["verify", "--nonsense", "--format", "text"]).env("DRCORE_FORMAT", "json"));
    assert_eq!(ran.out, "");
}

#[tokio::test]
async fn a_password_on_the_command_line_is_warned_of_once() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    let url = database.url().await.replacen("postgres@", "postgres:s3cret@", 1);
    let ran = place.run(&["verify", &url, "--against", &url]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.err.matches("warning: ").count(), 1, "{}", ran.err);
    assert!(!format!("{ran:?}").contains("s3cret"), "{ran:?}");
    let ran = Ran::of(place.command(&["verify"]).env("DATABASE_URL", &url));
    assert_eq!(ran.err, "");
}
