//! Dumps, and who counts the rows in them.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use drcore::archive::{ArchiveInput, InspectOptions, InspectVerdict, inspect};
use drcore::restore::ScratchCluster;
use flate2::read::MultiGzDecoder;
use tokio::process::Command;

use crate::{Failure, TABLES};

/// As people count the rows of an archive without a server.
const AWK: &str = r#"set -o pipefail; "$1" --file=- "$2" | awk '
    table == "" && /^COPY .* FROM stdin;$/ { table = $2; next }
    table != "" && $0 == "\\." { table = ""; next }
    table != "" { rows[table]++ }
    END { for (table in rows) print table, rows[table] }'"#;

/// What is done with a dump.
#[derive(Clone, Debug)]
pub enum Job {
    /// `pg_restore | awk`: rows per table.
    Awk(Dumps, &'static str),
    /// Ours: rows per table, and whether all of it is whole; with the hash of each row or without.
    Count(Dumps, &'static str, Hash),
    /// Inflating each file of the directory, of which nothing is done.
    Inflate(Dumps),
    /// `pg_restore` into nothing: it reads all data, and counts nothing.
    Restore(Dumps, &'static str),
}

/// Whether rows are hashed too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    No,
    Yes,
}

/// The custom archive of a database, and its directory, with the same compression.
#[derive(Clone, Debug)]
pub struct Dumps {
    directory: PathBuf,
    programs: PathBuf,
    rows: u64,
}

impl Dumps {
    /// Dumps a database into this directory.
    pub async fn of(cluster: &ScratchCluster, database: &str, into: &Path) -> Result<Self, Failure> {
        let programs = cluster.tools().directory.clone();
        let dumps = Self { directory: into.to_path_buf(), programs, rows: 0 };
        for (name, format) in [("custom", "-Fc"), ("directory", "-Fd")] {
            let mut command = Command::new(dumps.programs.join("pg_dump"));
            command.args([format, "-Z6", "--no-password", "--file"]).arg(dumps.path(name));
            if !command.arg(cluster.url(database)).status().await?.success() {
                return Err(format!("pg_dump {format} failed").into());
            }
        }
        let rows = dumps.count("custom", Hash::No).await?;
        Ok(Self { rows, ..dumps })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    async fn count(&self, name: &str, hash: Hash) -> Result<u64, Failure> {
        let mut options = InspectOptions::default();
        options.fingerprints = hash == Hash::Yes;
        let inspection = inspect(ArchiveInput::path(self.path(name)), &options).await?;
        if inspection.verdict != InspectVerdict::Whole || inspection.tables.len() != TABLES.len() {
            return Err(format!("{name}: {}", inspection.verdict.as_str()).into());
        }
        Ok(inspection.rows)
    }

    /// Everybody counts the same rows.
    fn expect(&self, rows: u64) -> Result<(), Failure> {
        if rows == self.rows { Ok(()) } else { Err(format!("{rows} rows, and not {}", self.rows).into()) }
    }
}

impl Job {
    pub async fn run(&self) -> Result<(), Failure> {
        match self {
            Self::Awk(dumps, name) => {
                let output = Command::new("bash")
                    .args(["-c", AWK, "bash"])
                    .args([dumps.programs.join("pg_restore"), dumps.path(name)])
                    .stderr(Stdio::inherit())
                    .output()
                    .await?;
                let told = String::from_utf8(output.stdout)?;
                let rows = told.lines().filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
                dumps.expect(rows.sum())
            }
            Self::Count(dumps, name, hash) => dumps.expect(dumps.count(name, *hash).await?),
            Self::Inflate(dumps) => {
                let directory = dumps.path("directory");
                tokio::task::spawn_blocking(move || inflate(&directory)).await??;
                Ok(())
            }
            Self::Restore(dumps, name) => {
                let mut command = Command::new(dumps.programs.join("pg_restore"));
                let status = command.arg("--file=/dev/null").arg(dumps.path(name)).status().await?;
                if status.success() { Ok(()) } else { Err(format!("pg_restore failed: {status}").into()) }
            }
        }
    }
}

fn inflate(directory: &Path) -> Result<(), Failure> {
    let mut piece = vec![0; 256 << 10];
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "gz") {
            let mut decoder = MultiGzDecoder::new(std::fs::File::open(path)?);
            while decoder.read(&mut piece)? > 0 {}
        }
    }
    Ok(())
}
