//! The client programs of PostgreSQL (`pg_dump`, `pg_restore`, `psql`): which of those that are installed go with
//! a server, and running them as its user would.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tokio::process::Command;

use super::tools::{Tools, directories};
use crate::connect::Libpq;
use crate::error::{Error, ErrorKind, Result};

/// The client programs of PostgreSQL in one directory.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientTools {
    /// The directory.
    pub directory: PathBuf,
    /// The version of its `pg_dump`, such as `15.18`.
    pub version: String,
    /// The major version, such as 15.
    pub major: u32,
}

const NEEDED: &[&str] = &["pg_dump", "pg_restore", "psql"];

impl ClientTools {
    /// Those that a server of this major version can be dumped with: its own, else the nearest newer ones, which
    /// know all that it has. They are looked for where `DRCORE_PG_BIN` says, else on `PATH` and in the usual directories.
    ///
    /// # Errors
    /// [`ErrorKind::Tool`], with what was found and the command that installs what is needed.
    pub async fn for_server(major: u32) -> Result<Self> {
        if let Some(directory) = std::env::var_os("DRCORE_PG_BIN") {
            return Self::at(directory).await?.fit(major);
        }
        let mut found = Vec::new();
        for directory in directories("pg_dump") {
            // A directory that lacks one of them is none of these; there may be others.
            if let Ok(tools) = Self::at(directory).await {
                found.push(tools);
            }
        }
        nearest(&found, major)
    }

    /// Those in this directory, wherever others are.
    ///
    /// # Errors
    /// [`ErrorKind::Tool`] if it does not hold all of them, or they do not run here.
    pub async fn at(directory: impl Into<PathBuf>) -> Result<Self> {
        let directory = directory.into();
        let lacking: Vec<&str> =
            NEEDED.iter().copied().filter(|name| !directory.join(name).is_file()).collect();
        if !lacking.is_empty() {
            let message = format!("{} has no {}", directory.display(), lacking.join(", "));
            return Err(Error::new(ErrorKind::Tool, message));
        }
        let version = version(&directory.join("pg_dump")).await?;
        let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
        let major = digits.parse().map_err(|_| {
            let message = format!("pg_dump in {} is of an unknown version: {version}", directory.display());
            Error::new(ErrorKind::Tool, message)
        })?;
        Ok(Self { directory, version, major })
    }

    /// The same, if a server of this major version can be dumped with them.
    ///
    /// # Errors
    /// [`ErrorKind::Tool`], with the command that installs what is needed.
    pub fn fit(self, major: u32) -> Result<Self> {
        if self.major >= major {
            return Ok(self);
        }
        let found = format!("{} in {}", self.version, self.directory.display());
        Err(too_old(major, &found))
    }

    /// A command for one of the programs, as the user who runs drcore: their certificates are found.
    ///
    /// Where it connects to is said by `to` alone, and by no variable; the password is seen on no command line.
    pub(crate) fn command(&self, program: &str, to: Option<&Libpq>) -> Command {
        let mut command = Command::new(self.directory.join(program));
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("PG")) {
                command.env_remove(name);
            }
        }
        command.env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
        if let Some(to) = to {
            command.args(["--no-password", "--dbname", &to.conninfo]);
            if let Some(password) = &to.password {
                command.env("PGPASSWORD", password);
            }
        }
        command
    }

    /// Runs a program to its end.
    ///
    /// # Errors
    /// [`ErrorKind::Tool`], with the last lines that it printed.
    pub(crate) async fn run(program: &str, mut command: Command) -> Result<Output> {
        let output = command.output().await;
        let output = output
            .map_err(|error| Error::new(ErrorKind::Tool, format!("cannot run {program}")).caused_by(error))?;
        Tools::check(program, output)
    }
}

/// Of these, the ones of this major version, else the nearest newer ones.
fn nearest(found: &[ClientTools], major: u32) -> Result<ClientTools> {
    let fit = found.iter().filter(|tools| tools.major >= major).min_by_key(|tools| tools.major);
    fit.cloned().ok_or_else(|| {
        let versions: Vec<&str> = found.iter().map(|tools| tools.version.as_str()).collect();
        match versions.as_slice() {
            [] => missing(major),
            versions => too_old(major, &versions.join(", ")),
        }
    })
}

fn missing(major: u32) -> Error {
    Error::new(ErrorKind::Tool, "PostgreSQL's client programs (pg_dump, pg_restore, psql) were not found")
        .hint(install(major))
}

fn too_old(major: u32, found: &str) -> Error {
    let message = format!("the server is PostgreSQL {major}, and pg_dump is older: {found}");
    Error::new(ErrorKind::Tool, message).hint(install(major))
}

fn install(major: u32) -> String {
    format!(
        "Install them (Debian and Ubuntu: apt-get install postgresql-client-{major}, from PGDG's packages where the \
         system's are older; macOS: brew install postgresql@{major}), or set DRCORE_PG_BIN to the directory that they \
         are in."
    )
}

/// What `pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` says: 15.18.
pub(super) async fn version(program: &Path) -> Result<String> {
    let failed = || Error::new(ErrorKind::Tool, format!("{} does not say its version", program.display()));
    let mut command = Command::new(program);
    command.arg("--version").env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(|error| failed().caused_by(error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let version = text.split_once("(PostgreSQL)").and_then(|(_, rest)| rest.split_whitespace().next());
    version.filter(|_| output.status.success()).map(str::to_owned).ok_or_else(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(version: &str) -> ClientTools {
        let major = version.split('.').next().unwrap().parse().unwrap();
        ClientTools { directory: format!("/opt/{version}").into(), version: version.to_owned(), major }
    }

    #[test]
    fn the_servers_own_programs_go_before_newer_ones_and_older_ones_never_do() {
        let found = ["18.4", "13.23", "16.14", "15.18"].map(tools);
        assert_eq!(nearest(&found, 15).unwrap().version, "15.18");
        assert_eq!(nearest(&found, 14).unwrap().version, "15.18");
        assert_eq!(nearest(&found, 17).unwrap().version, "18.4");
        let error = nearest(&found[1..], 17).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tool);
        let message = "the server is PostgreSQL 17, and pg_dump is older: 13.23, 16.14, 15.18";
        assert_eq!(error.message(), message);
        assert!(error.hint_text().unwrap().contains("postgresql-client-17"));
        assert!(nearest(&[], 17).unwrap_err().message().contains("were not found"));
        assert!(tools("16.14").fit(17).is_err() && tools("17.1").fit(17).is_ok());
    }

    #[tokio::test]
    async fn programs_that_do_not_run_are_none() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        assert!(ClientTools::at(directory.path()).await.unwrap_err().message().contains("has no pg_dump"));
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        for name in NEEDED {
            write(name, "echo \"$0 (PostgreSQL) 17.2 (Nowhere 1)\"");
        }
        let tools = ClientTools::at(directory.path()).await.unwrap();
        assert_eq!((tools.version.as_str(), tools.major), ("17.2", 17));
        write("pg_dump", "echo hello");
        assert!(ClientTools::at(directory.path()).await.is_err());
        write("pg_dump", "echo 'pg_dump (PostgreSQL) 17.2'; exit 1");
        assert!(ClientTools::at(directory.path()).await.is_err());
    }
}
