//! The programs of PostgreSQL: where they are, and running them.

use std::path::{Path, PathBuf};
use std::process::Output;

use tokio::process::Command;

use super::clients::version;
use crate::error::{Error, ErrorKind, Result};

/// Where the programs of PostgreSQL are (`initdb`, `pg_ctl`, `pg_dump`, …).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tools {
    /// The directory.
    pub directory: PathBuf,
    /// Whom to run the server as; none where we are not root.
    run_as: Option<RunAs>,
}

/// PostgreSQL refuses to run as root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunAs {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

const NEEDED: &[&str] = &["initdb", "pg_ctl", "postgres", "pg_dump", "pg_restore"];

impl Tools {
    /// Finds them: `DRCORE_PG_BIN`, then `PATH`, then the usual directories, the newest version first.
    ///
    /// # Errors
    /// [`ErrorKind::Tool`] with the command that installs them.
    pub async fn find() -> Result<Self> {
        let given = std::env::var_os("DRCORE_PG_BIN").map(PathBuf::from);
        let candidates = given.map_or_else(|| directories("initdb"), |directory| vec![directory]);
        let directory = candidates.into_iter().find(|directory| lacking(directory).is_empty()).ok_or_else(|| {
            Error::new(ErrorKind::Tool, "PostgreSQL's server programs (initdb, pg_ctl, pg_dump, …) were not found").hint(
                "Install them (Debian and Ubuntu: apt-get install postgresql; macOS: brew install postgresql), or set DRCORE_PG_BIN to their directory.",
            )
        })?;
        Ok(Self { directory, run_as: run_as().await? })
    }

    /// Finds those of a major version of the server: `DRCORE_PG_BIN_<major>`, then where [`Tools::find`] looks.
    ///
    /// # Errors
    /// [`ErrorKind::Tool`] with the command that installs them.
    pub async fn of_major(major: u32) -> Result<Self> {
        if let Some(given) = std::env::var_os(format!("DRCORE_PG_BIN_{major}")) {
            return Self::at(given).await;
        }
        let given = std::env::var_os("DRCORE_PG_BIN").map(PathBuf::from);
        for directory in given.into_iter().chain(directories("initdb")) {
            let is_it = lacking(&directory).is_empty()
                && version(&directory.join("postgres")).await.is_ok_and(|version| is_of(&version, major));
            if is_it {
                return Ok(Self { directory, run_as: run_as().await? });
            }
        }
        Err(Error::new(ErrorKind::Tool, format!("the server programs of PostgreSQL {major} were not found"))
            .hint(format!(
                "Install them (Debian and Ubuntu: apt-get install postgresql-{major}; macOS: brew install \
                 postgresql@{major}), or set DRCORE_PG_BIN_{major} to their directory."
            )))
    }

    /// Those in this directory, wherever others are.
    ///
    /// # Errors
    /// [`ErrorKind::Tool`] if it does not hold all that are needed.
    pub async fn at(directory: impl Into<PathBuf>) -> Result<Self> {
        let directory = directory.into();
        let lacking = lacking(&directory);
        if lacking.is_empty() {
            return Ok(Self { directory, run_as: run_as().await? });
        }
        let message = format!("{} has no {}", directory.display(), lacking.join(", "));
        Err(Error::new(ErrorKind::Tool, message))
    }

    /// The major version of the server.
    ///
    /// # Errors
    /// [`ErrorKind::Tool`] if it does not say.
    pub(crate) async fn major(&self) -> Result<u32> {
        let version = version(&self.directory.join("postgres")).await?;
        let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
        digits
            .parse()
            .map_err(|_| Error::new(ErrorKind::Tool, format!("no version of PostgreSQL: {version}")))
    }

    pub(crate) fn run_as(&self) -> Option<RunAs> {
        self.run_as
    }

    /// A command for one of the programs, as the user that may run the server.
    pub(crate) fn command(&self, program: &str) -> Command {
        self.as_server(self.directory.join(program))
    }

    /// A command for any program, as the user that may run the server.
    pub(crate) fn as_server(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some(RunAs { uid, gid }) = self.run_as {
            command.uid(uid).gid(gid).current_dir("/");
        }
        // What we say is all that counts; the user's own variables are about other servers.
        for name in ["PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGDATABASE", "PGSERVICE", "PGOPTIONS"] {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").stdin(std::process::Stdio::null()).kill_on_drop(true);
        command
    }

    /// Whether it did its work; else the last lines that it printed.
    pub(crate) fn check(program: &str, output: Output) -> Result<Output> {
        if output.status.success() {
            return Ok(output);
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(5)..].join("; ");
        Err(Error::new(ErrorKind::Tool, format!("{program} failed ({}): {last}", output.status)))
    }
}

/// Whether `17.4`, or `18beta1`, is of a major version.
fn is_of(version: &str, major: u32) -> bool {
    version.chars().take_while(char::is_ascii_digit).collect::<String>().parse() == Ok(major)
}

/// The programs that the directory does not hold.
fn lacking(directory: &Path) -> Vec<&'static str> {
    NEEDED.iter().copied().filter(|name| !directory.join(name).is_file()).collect()
}

/// Where programs of PostgreSQL may be: where `PATH` has this one, then the usual directories, the newest version first.
pub(super) fn directories(program: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::env::var_os("PATH")
        .map(|path| std::env::split_paths(&path).collect::<Vec<_>>())
        .unwrap_or_default()
        .into_iter()
        // A link in a bin directory leads to where all of them are.
        .filter_map(|directory| directory.join(program).canonicalize().ok()?.parent().map(Path::to_path_buf))
        .collect();
    let mut versions: Vec<(u32, PathBuf)> = Vec::new();
    for (root, inner) in [
        ("/usr/lib/postgresql", "bin"),
        ("/opt/homebrew/opt", "bin"),
        ("/usr/local/opt", "bin"),
        ("/usr/local/pgsql", ""),
        ("/usr", "bin"),
    ] {
        for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let number: String = name.chars().filter(char::is_ascii_digit).collect();
            let is_ours =
                root.ends_with("postgresql") || name.starts_with("postgresql") || name.starts_with("pgsql");
            if is_ours && let Ok(version) = number.parse() {
                versions.push((version, entry.path().join(inner)));
            }
        }
    }
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.extend(versions.into_iter().map(|(_, path)| path));
    found
}

/// The user `postgres` where we are root, nobody otherwise.
async fn run_as() -> Result<Option<RunAs>> {
    if id("-u", None).await? != 0 {
        return Ok(None);
    }
    match (id("-u", Some("postgres")).await, id("-g", Some("postgres")).await) {
        (Ok(uid), Ok(gid)) => Ok(Some(RunAs { uid, gid })),
        _ => Err(Error::new(
            ErrorKind::Tool,
            "PostgreSQL refuses to run as root, and there is no user postgres to run it as",
        )
        .hint("Run drcore as an ordinary user, or create the user: useradd --system postgres.")),
    }
}

async fn id(flag: &str, user: Option<&str>) -> Result<u32> {
    let failed = || Error::new(ErrorKind::Tool, "cannot find out which user this is");
    let output =
        Command::new("id").arg(flag).args(user).output().await.map_err(|error| failed().caused_by(error))?;
    String::from_utf8_lossy(&output.stdout).trim().parse().map_err(|_| failed())
}
