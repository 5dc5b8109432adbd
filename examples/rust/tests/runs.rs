//! The example does what it says.

use drcore_tests::Database;

async fn run(database: &Database, arguments: &[&str]) -> (Option<i32>, String) {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_verify-restore"))
        .args(arguments)
        .env("DATABASE_URL", database.url().await)
        .output()
        .await
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test]
async fn take_and_check() {
    let database =
        Database::with("create table a (id int primary key); insert into a select generate_series(1, 5)")
            .await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("baseline.json");
    let path = path.to_str().unwrap();
    assert_eq!(run(&database, &["take", path]).await.0, Some(0));
    let (code, text) = run(&database, &["check", path]).await;
    assert!(code == Some(0) && text.starts_with("PASSED"), "{text}");
    database.execute("delete from a where id = 1").await;
    let (code, text) = run(&database, &["check", path]).await;
    assert!(code == Some(1) && text.contains("public.a lost 1 rows"), "{text}");
    assert_eq!(run(&database, &["check", "/nonexistent"]).await.0, Some(2));
    assert_eq!(run(&database, &[]).await.0, Some(2));
}
