//! Every error says its kind, what was tried, what happened, and what to do next.

use drcore::{Error, ErrorKind, Evidence, Plan, Target, VerifyOptions, baseline};
use drcore_tests::Database;

/// What a user is told, checked for what every error must have.
fn told(error: &Error, kind: ErrorKind, sentence: &str, hint: &str) {
    assert_eq!(error.kind(), kind, "{error:?}");
    let wire = error.to_wire();
    assert!(wire.message.contains(sentence), "{error:?}");
    assert!(!wire.message.ends_with('.') && !wire.message.contains('\n'), "{error:?}");
    assert!(wire.hint.as_deref().is_some_and(|text| text.contains(hint)), "{error:?}");
    assert_eq!(wire.code, kind);
}

#[tokio::test]
async fn what_the_server_says_is_all_there() {
    let database = Database::empty().await;
    let url = database.url().await;
    let options = VerifyOptions::default();
    let nowhere = url.replace(&format!("/{}", database.name), "/nowhere");
    let error = baseline(&nowhere, &options).await.unwrap_err();
    told(&error, ErrorKind::Query, "database \"nowhere\" does not exist (host: ", "Create the database");
    assert_eq!(error.sqlstate(), Some("3D000"));
    let error = database
        .untouched(baseline(&database.url_as("nobody_of_this_name").await, &options))
        .await
        .unwrap_err();
    told(
        &error,
        ErrorKind::Authentication,
        "role \"nobody_of_this_name\" does not exist",
        "Check the user name",
    );
    assert_eq!(error.sqlstate(), Some("28000"));
    let error = baseline("postgresql://u@127.0.0.1:1/d", &options).await.unwrap_err();
    told(&error, ErrorKind::Connection, "127.0.0.1:1", "Check host and port");
}

#[tokio::test]
async fn files_are_named_and_what_is_wrong_with_them() {
    let error = Plan::from_path("/nonexistent/drcore.toml").unwrap_err();
    told(
        &error,
        ErrorKind::Io,
        "cannot read the plan /nonexistent/drcore.toml: there is no such file",
        "Check the name",
    );
    assert_eq!(error.context_pairs().collect::<Vec<_>>(), [("file", "/nonexistent/drcore.toml")]);
    let error = Evidence::load("/").unwrap_err();
    told(&error, ErrorKind::Io, "cannot read the baseline /: it is a directory", "Name a file");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{\"format\": \"drcore.evidence/2\"}").unwrap();
    let error = Evidence::load(file.path()).unwrap_err();
    told(&error, ErrorKind::Format, "this is drcore.evidence/2", "newer");
    std::fs::write(file.path(), "no JSON").unwrap();
    told(
        &Evidence::load(file.path()).unwrap_err(),
        ErrorKind::Format,
        "this is not JSON",
        "that drcore wrote",
    );
    std::fs::write(file.path(), "PGDMP").unwrap();
    told(&Evidence::load(file.path()).unwrap_err(), ErrorKind::Usage, "and no baseline", "drcore inspect");
    let error = Plan::from_toml("[scpoe]\n").unwrap_err();
    told(&error, ErrorKind::Plan, "1 mistake", "drcore explain plan");
    assert!(error.detail_text().unwrap().contains("did you mean scope?"));
}

#[tokio::test]
async fn refusals_say_what_was_compared() {
    // Two projects: it is not even connected to.
    let url = "postgresql://postgres@db.abcdefghijklmnopqrst.supabase.co/postgres";
    let error = Target::connect(url, "zyxwvutsrqponmlkjihg").await.unwrap_err();
    told(&error, ErrorKind::Refused, "nothing was written", "Name the project");
    assert!(error.detail_text().unwrap().contains("≠"));
    let error = Target::connect("mysql://u@h/d", "d@1").await.unwrap_err();
    told(&error, ErrorKind::Usage, "this is not a connection string", "postgresql://");
}
