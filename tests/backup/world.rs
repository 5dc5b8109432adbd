//! Repositories, and the database that goes into them.

use std::path::{Path, PathBuf};
use std::process::Command;

use drcore::backup::{Repository, TakeOptions};
use drcore::{Against, Report, VerifyOptions};
use drcore_tests::{Database, cluster};
use tempfile::TempDir;

use super::server::{KEY, SECRET, Server};

/// Kinds of objects, rows to compress, and names that must be quoted.
pub(crate) const SQL: &str = "
create table tenants (id int primary key, name text not null);
create table \"we\"\"ird; DROP\" (id bigint generated always as identity primary key, tenant int references tenants, body text);
create table empty (id uuid primary key);
create view tenant_names as select name from tenants;
insert into tenants select n, 'tenant ' || n from generate_series(1, 50) n;
insert into \"we\"\"ird; DROP\" (tenant, body) select 1 + n % 50, repeat(md5(n::text), 20) from generate_series(1, 5000) n;
";

/// An empty directory that is a repository, and goes away.
pub(crate) struct Place {
    pub(crate) directory: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn repository(&self) -> Repository {
        Repository::open(self.path().to_str().unwrap()).unwrap()
    }

    /// The names of all files in it, hidden ones too.
    pub(crate) fn files(&self) -> Vec<String> {
        files(self.path())
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

/// The names of all files below a directory.
pub(crate) fn files(root: &Path) -> Vec<String> {
    let mut open = vec![root.to_path_buf()];
    let mut files = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

/// A bucket behind the server, by its port; or behind what stands before it.
pub(crate) fn bucket(url: &str, port: u16) -> Repository {
    let variables = [
        ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    Repository::open_with(url, variables).unwrap()
}

/// A server of the S3 protocol with the bucket `backups`.
pub(crate) fn s3() -> (Place, Server) {
    let place = Place::new();
    std::fs::create_dir(place.path().join("backups")).unwrap();
    let server = Server::start(place.path());
    (place, server)
}

pub(crate) fn options() -> TakeOptions {
    TakeOptions::of(&VerifyOptions::default())
}

/// What `pg_restore` makes of a dump, in a database of its own; and what verifying it against the baseline says.
pub(crate) async fn restored(dump: &Path, baseline: drcore::Evidence) -> Report {
    let target = Database::empty().await;
    let status = Command::new(cluster().await.tools().directory.join("pg_restore"))
        .args(["--exit-on-error", "--jobs=2", "--dbname", &target.url().await])
        .arg(dump)
        .status()
        .unwrap();
    assert!(status.success());
    let mut options = VerifyOptions::default();
    options.against = Some(Against::Evidence(Box::new(baseline)));
    drcore::verify(&target.url().await, &options).await.unwrap()
}
