//! What is written: files, pipes, progress.

use std::os::unix::fs::PermissionsExt;

use drcore_tests::Database;

use super::command::{Place, Ran};
use super::{DAMAGE, HEALTHY};

#[tokio::test]
async fn files_by_extension_are_private_and_whole() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    database.execute(DAMAGE).await;
    let url = database.url().await;
    let mut arguments = vec!["verify", &url, "--against", "baseline.json", "--format", "json"];
    let files = ["r.html", "r.json", "r.md", "r.txt", "r.xml"];
    for file in files {
        arguments.extend(["-o", file]);
    }
    let ran = place.run(&arguments);
    assert_eq!(ran.code, 1, "{ran:?}");
    let mut expected = vec!["baseline.json", "baseline.sketches"];
    expected.extend(files);
    assert_eq!(place.files(), expected, "and nothing else is left behind");
    for file in files {
        let mode = std::fs::metadata(place.path(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert_eq!(place.read("r.json"), ran.out);
    assert!(place.read("r.txt").starts_with("FAILED "));
    assert!(place.read("r.xml").starts_with("<?xml"));
    assert!(place.read("r.html").starts_with("<!"));
    assert!(place.read("r.md").contains("fewer_rows"));
}

#[tokio::test]
async fn what_was_collected_is_judged_alike() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    database.execute(DAMAGE).await;
    let url = database.url().await;
    let ran = place.run(&["collect", &url, "--against", "baseline.json", "-o", "evidence.json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let judge = ["judge", "evidence.json", "--against", "baseline.json", "--format", "json"];
    let (first, second) = (place.run(&judge), place.run(&judge));
    assert_eq!(first.out, second.out);
    assert_eq!(first.code, 1);
    let live = place.run(&["verify", &url, "--against", "baseline.json", "--format", "json"]);
    let without_run = |text: &str| text.split("\n  \"run\": ").next().unwrap().to_owned();
    assert_eq!(without_run(&first.out), without_run(&live.out));
    assert!(without_run(&live.out).len() < live.out.len());
}

#[tokio::test]
async fn a_pipe_that_is_closed_early_is_no_error() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    let url = database.url().await;
    for arguments in
        [vec!["explain"], vec!["verify", &url, "--against", "baseline.json", "-v"], vec!["--help"]]
    {
        let mut child = place.command(&arguments).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "", "{arguments:?}");
    }
}

#[tokio::test]
async fn progress_is_on_standard_error_and_only_where_it_is_wanted() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    let url = database.url().await;
    let verify =
        |style: &str| place.run(&["verify", &url, "--against", "baseline.json", "--progress", style]);
    assert_eq!(verify("auto").err, "");
    assert_eq!(verify("none").err, "");
    let ran = verify("json");
    assert!(ran.err.lines().count() > 1);
    for line in ran.err.lines() {
        assert!(line.starts_with("{\"phase\":") && line.ends_with('}'), "{line}");
    }
    assert!(!ran.out.contains("\"phase\""));
}

#[tokio::test]
async fn colour_is_never_in_a_pipe() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    let url = database.url().await;
    let ran = place.run(&["verify", &url, "-v"]);
    assert!(!ran.out.contains('\u{1b}'), "{:?}", ran.out);
    let forced = Ran::of(place.command(&["verify", &url]).env("CLICOLOR_FORCE", "1"));
    assert!(forced.out.contains('\u{1b}'), "{:?}", forced.out);
    let refused = Ran::of(place.command(&["verify", &url]).env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1"));
    assert!(!refused.out.contains('\u{1b}'), "{:?}", refused.out);
}

#[tokio::test]
async fn github_gets_a_summary_and_annotations() {
    let (place, database) = (Place::new(), Database::with(HEALTHY).await);
    place.baseline(&database).await;
    database.execute(DAMAGE).await;
    place.write("summary.md", "from another step\n");
    let url = database.url().await;
    let mut command = place.command(&["verify", &url, "--against", "baseline.json"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", place.path("summary.md"));
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.err.starts_with("::"), "{}", ran.err);
    let summary = place.read("summary.md");
    assert!(summary.starts_with("from another step\n") && summary.contains("fewer_rows"), "{summary}");
}

#[test]
fn schemas_are_written() {
    let place = Place::new();
    let ran = place.run(&["schema", "--all", "-o", "schema"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let names = place.run(&["schema"]).out;
    for name in names.lines() {
        assert_eq!(place.read(&format!("schema/{name}.json")), place.run(&["schema", name]).out);
    }
    assert!(names.contains("report\n"), "{names}");
}
