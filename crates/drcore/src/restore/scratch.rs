//! Throw-away clusters: the embedded default, without Docker and without an account.
//!
//! A scratch cluster has its own data directory (in memory where that can be),
//! listens on a private socket only, and is gone afterwards: on drop, after
//! Ctrl-C, after a panic and after SIGKILL. A watchdog in a session of its own
//! waits on a pipe that nobody writes to; when the owner is gone, however it
//! went, the pipe closes, and the watchdog ends the server and removes the directory.
//!
//! The first of a version and recipe is made by `initdb`, which takes seconds;
//! what it made is kept as a template, and the others are copies of it, each with
//! a system identifier of its own.

mod control;
mod options;
mod server;
mod template;
mod watchdog;

use std::path::{Path, PathBuf};
use std::time::Instant;

pub use options::{Recipe, ScratchOptions};

use super::tools::Tools;
use crate::connect::{Dsn, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Limits;
use crate::sql::quote;
use crate::text::milliseconds;
use server::Server;
use template::Template;
use watchdog::Watchdog;

/// A throw-away cluster.
#[derive(Debug)]
pub struct ScratchCluster {
    tools: Tools,
    recipe: Recipe,
    root: PathBuf,
    port: Option<u16>,
    watchdog: Watchdog,
}

/// How a scratch cluster names itself to its clients.
pub(crate) const CLUSTER_NAME: &str = "drcore-scratch";

/// The file in its directory that holds the system identifier of the cluster that drcore made there.
pub(crate) const MARKER: &str = "drcore-scratch";

/// Where in its directory the data is.
pub(crate) const DATA: &str = "data";

impl ScratchCluster {
    /// Starts one, in less than a second where one of its version and recipe was started before.
    ///
    /// # Errors
    /// [`ErrorKind::Tool`] if PostgreSQL is not there or does not start; [`ErrorKind::Io`] if there is no room.
    #[tracing::instrument(name = "scratch", skip_all)]
    pub async fn start(options: ScratchOptions) -> Result<Self> {
        let started = Instant::now();
        let tools = options.tools().await?;
        let template = Template::of(&tools, options.recipe);
        let cluster = Self::make(tools, &options)?;
        let copied = cluster.copied(template.as_ref(), &options).await;
        if !matches!(copied, Ok(true)) {
            cluster.made_anew(template.as_ref(), &options, copied.err()).await?;
        }
        let elapsed_ms = milliseconds(started);
        tracing::info!(directory = %cluster.root.display(), elapsed_ms, "scratch cluster started");
        Ok(cluster)
    }

    /// The connection string of a database in it, as its superuser.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgresql://postgres@{}:5432/{}",
            percent_encode(&self.socket_directory().to_string_lossy()),
            percent_encode(database)
        ) + &self.port.map_or_else(String::new, |port| format!("?port={port}"))
    }

    /// The directory of its socket.
    pub fn socket_directory(&self) -> &Path {
        &self.root
    }

    /// The programs that it was started with.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Creates a database: empty but for what the recipe puts into each.
    ///
    /// # Errors
    /// [`ErrorKind::Query`] if the server refuses.
    pub async fn create_database(&self, name: &str) -> Result<()> {
        // Not template1, which a collection of ours may be connected to at this moment.
        let template = if self.recipe == Recipe::Plain { "template0" } else { RECIPE_DATABASE };
        self.execute(
            "postgres",
            &format!("create database {} template {template} encoding 'UTF8'", quote(name)),
        )
        .await
    }

    /// Runs statements in one of its databases, as its superuser.
    ///
    /// # Errors
    /// [`ErrorKind::Query`] if the server refuses one.
    pub async fn execute(&self, database: &str, sql: &str) -> Result<()> {
        let source = Source::new(Dsn::parse(&self.url(database))?)?;
        source.session(&Limits::default()).await?.simple(sql).await.map(drop)
    }

    /// Ends it and removes its directory.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the watchdog could not be waited for.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        self.watchdog.end()?;
        tracing::info!(directory = %self.root.display(), "scratch cluster removed");
        Ok(())
    }

    /// A directory that goes away with us, and nothing in it.
    fn make(tools: Tools, options: &ScratchOptions) -> Result<Self> {
        let root = directory(&tools, options.expected_bytes.unwrap_or_default())?;
        let watchdog = Watchdog::over(&root)?;
        Ok(Self { tools, recipe: options.recipe, root, port: options.port, watchdog })
    }

    /// Starts it on a copy of the template; says whether there was one.
    async fn copied(&self, template: Option<&Template>, options: &ScratchOptions) -> Result<bool> {
        let Some(template) = template else { return Ok(false) };
        if !template.copy(&self.tools, &self.data()).await? {
            return Ok(false);
        }
        self.serve(options).await?;
        Ok(true)
    }

    /// Starts it on what `initdb` and the recipe make, of which a template is kept where that can be.
    ///
    /// Where a copy of the old template did not work, and this does, it was the template.
    async fn made_anew(
        &self,
        template: Option<&Template>,
        options: &ScratchOptions,
        failure: Option<Error>,
    ) -> Result<()> {
        // Of a copy that did not come to its end.
        drop(std::fs::remove_dir_all(self.data()));
        self.initialise().await?;
        if let Some(sql) = options.recipe.sql() {
            self.follow(&sql).await?;
        }
        let kept = match (template, &failure) {
            (Some(template), None) => template.keep(&self.tools, &self.data()).await,
            _ => Ok(()),
        };
        if let Err(error) = kept {
            tracing::warn!(error = %error, "no template of scratch clusters could be kept: the next takes as long");
        }
        self.serve(options).await?;
        if let (Some(template), Some(error)) = (template, failure) {
            tracing::warn!(error = %error, "the template of scratch clusters was of no use: the next is made anew");
            template.discard();
        }
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.root.join(DATA)
    }

    /// Runs the recipe once, in the database that all others are copies of.
    async fn follow(&self, sql: &str) -> Result<()> {
        let server = Server::start(&self.tools, &self.root, None, &[]).await?;
        for statement in [
            format!("create database {RECIPE_DATABASE} template template0 encoding 'UTF8'"),
            "alter database postgres rename to drcore_first".to_owned(),
        ] {
            // Renamed from another one than it.
            self.execute("template1", &statement).await?;
        }
        self.execute(RECIPE_DATABASE, sql).await?;
        for statement in [
            format!("create database postgres template {RECIPE_DATABASE}"),
            "drop database drcore_first".to_owned(),
        ] {
            self.execute("template1", &statement).await?;
        }
        server.shut_down(&self.tools, &self.data()).await
    }

    /// Starts the server, with an identifier that is neither its template's nor any other's.
    async fn serve(&self, options: &ScratchOptions) -> Result<()> {
        let identifier = control::renew(&self.data())?;
        std::fs::write(self.root.join(MARKER), format!("{identifier}\n"))?;
        // It runs on: the watchdog ends it.
        Server::start(&self.tools, &self.root, self.port, &options.settings).await.map(drop)
    }
}

/// The comment of a schema that stands in for one of the platform's, or for an extension's.
pub(crate) const STUB: &str = "stands in for the platform's (drcore)";

/// The database that holds what a recipe puts into each.
const RECIPE_DATABASE: &str = "drcore_recipe";

impl Drop for ScratchCluster {
    fn drop(&mut self) {
        // The watchdog does its work even if we do not wait for it.
        let _ = self.end();
    }
}

/// Where files are kept in memory.
const MEMORY: &str = "/dev/shm";
/// What is in memory and of which no size is known may take no more than this part of it, indexes and log included.
const SHARE: u64 = 4;

/// How many bytes files in memory may take; none where there is no such place.
fn in_memory() -> Option<u64> {
    if !Path::new(MEMORY).is_dir() {
        return None;
    }
    let place = rustix::fs::statvfs(MEMORY).ok()?;
    let room = place.f_bavail.saturating_mul(place.f_frsize);
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    Some(kib.map_or(room, |kib| room.min(kib.saturating_mul(1024))))
}

/// A directory of its own, in memory where that can be, that the server's user owns.
fn directory(tools: &Tools, expected: u64) -> Result<PathBuf> {
    let base = match std::env::var_os("DRCORE_SCRATCH_DIR") {
        Some(base) => PathBuf::from(base),
        None if in_memory().is_some_and(|free| expected.saturating_mul(SHARE) <= free) => MEMORY.into(),
        None => std::env::temp_dir(),
    };
    let root = tempfile::Builder::new().prefix("drcore-").tempdir_in(&base).map_err(|error| {
        Error::new(ErrorKind::Io, "cannot make a directory for the scratch cluster")
            .context("directory", base.display().to_string())
            .hint("Set DRCORE_SCRATCH_DIR to a directory that can be written.")
            .caused_by(error)
    })?;
    // The watchdog removes it.
    let root = root.keep();
    if let Some(user) = tools.run_as() {
        std::os::unix::fs::chown(&root, Some(user.uid), Some(user.gid))?;
    }
    Ok(root)
}

fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
