//! Archives of every form.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use drcore_tests::{Database, cluster};

/// A database with every kind of thing that matters to who reads its archive.
pub(crate) const SCHEMA: &str = include_str!("schema.sql");

/// A directory that goes away, which the programs of `PostgreSQL` may write to.
pub(crate) fn directory() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::Builder::new().prefix("drcore-archive-").tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    directory
}

/// Dumps a database into a file or directory of this name.
pub(crate) async fn dump(database: &Database, into: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let path = into.join(name);
    let output = Command::new(cluster().await.tools().directory.join("pg_dump"))
        .args(["--no-password", "--file"])
        .arg(&path)
        .args(arguments)
        .arg(database.url().await)
        .output()
        .expect("pg_dump runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    path
}

/// Dumps it through a pipe, where `pg_dump` cannot go back to write down where the data is.
pub(crate) async fn piped(database: &Database, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(cluster().await.tools().directory.join("pg_dump"))
        .arg("--no-password")
        .args(arguments)
        .arg(database.url().await)
        .stdout(Stdio::piped())
        .output()
        .expect("pg_dump runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// What `pg_restore --list` says of an archive.
pub(crate) async fn listed(path: &Path) -> String {
    let output = Command::new(cluster().await.tools().directory.join("pg_restore"))
        .arg("--list")
        .arg(path)
        .output()
        .expect("pg_restore runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
