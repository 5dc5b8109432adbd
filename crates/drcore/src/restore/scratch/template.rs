//! Templates: what `initdb` and a recipe made once, to be copied.
//!
//! A template lies in a directory whose name says all that it depends on, so that none is ever stale: another
//! version, other programs, another recipe are another name. It is put there whole, by renaming, and never
//! changed: of two that make the same at once, the second's goes away.

use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::Recipe;
use crate::error::{Error, ErrorKind, Result};
use crate::restore::tools::Tools;

/// Changed whenever what is done besides the recipe changes.
const MADE_BY: &str = "drcore.scratch/1";
/// Those that nobody used for so long are removed when another is made.
const UNUSED: Duration = Duration::from_secs(30 * 24 * 3600);
/// The file whose time says when it was last used.
const USED: &str = "used";
const DATA: &str = "data";
/// What the name of one begins with that is being made.
const BEGUN: &str = ".new-";

/// Where the template of a version and recipe is, or would be.
#[derive(Debug)]
pub(super) struct Template {
    directory: PathBuf,
}

impl Template {
    /// That of these programs and this recipe; none where nothing can be kept.
    pub(super) fn of(tools: &Tools, recipe: Recipe) -> Option<Self> {
        let base = base(tools)?;
        // Programs that were replaced in their place are others, whatever version they say.
        let program = tools.directory.join("postgres").canonicalize().ok()?;
        let file = program.metadata().ok()?;
        let mut hash = Sha256::new();
        for part in [
            MADE_BY,
            recipe.sql().as_deref().unwrap_or_default(),
            &program.display().to_string(),
            &format!("{} {} {}", file.ino(), file.len(), file.mtime_nsec() + file.mtime() * 1_000_000_000),
        ] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let digest: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Some(Self { directory: base.join(format!("{}-{digest}", recipe.as_str())) })
    }

    /// Copies it; says whether it was there.
    pub(super) async fn copy(&self, tools: &Tools, data: &Path) -> Result<bool> {
        let from = self.directory.join(DATA);
        if !from.is_dir() {
            return Ok(false);
        }
        copy(tools, &from, data).await?;
        // Only a hint for tidying up.
        let _ = std::fs::write(self.directory.join(USED), "");
        Ok(true)
    }

    /// Keeps what was made, unless somebody else just did.
    pub(super) async fn keep(&self, tools: &Tools, data: &Path) -> Result<()> {
        let Some(base) = self.directory.parent() else { return Ok(()) };
        std::fs::create_dir_all(base)?;
        tidy(base);
        let begun = tempfile::Builder::new()
            .prefix(&format!("{BEGUN}{}-", std::process::id()))
            .permissions(std::fs::Permissions::from_mode(0o755))
            .tempdir_in(base)?;
        if let Some(user) = tools.run_as() {
            std::os::unix::fs::chown(begun.path(), Some(user.uid), Some(user.gid))?;
        }
        copy(tools, data, &begun.path().join(DATA)).await?;
        // What is put in its place must be there after the power failed, too.
        let _ = tokio::process::Command::new("sync").arg("-f").arg(begun.path()).status().await;
        match std::fs::rename(begun.path(), &self.directory) {
            Ok(()) => {
                // It has gone from where it was made.
                let _ = begun.keep();
                Ok(())
            }
            Err(_) if self.directory.join(DATA).is_dir() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes one that is of no use.
    pub(super) fn discard(&self) {
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

/// Where templates are kept: `DRCORE_SCRATCH_CACHE`, else in the user's cache; for root, where the server's user
/// can read.
fn base(tools: &Tools) -> Option<PathBuf> {
    if let Some(directory) = std::env::var_os("DRCORE_SCRATCH_CACHE") {
        // Set and empty: nothing is kept.
        return (!directory.is_empty()).then(|| PathBuf::from(directory));
    }
    if tools.run_as().is_some() {
        return Some(PathBuf::from("/var/cache/drcore/scratch"));
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.filter(|path| path.is_absolute());
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("drcore/scratch"))
}

/// As the server's user, whose the copy must be, and readable by nobody else.
async fn copy(tools: &Tools, from: &Path, to: &Path) -> Result<()> {
    let arguments: [&OsStr; 3] = ["-R".as_ref(), from.as_os_str(), to.as_os_str()];
    let output = tools
        .as_server("cp")
        .args(arguments)
        .output()
        .await
        .map_err(|error| Error::new(ErrorKind::Tool, "cannot run cp").caused_by(error))?;
    Tools::check("cp", output)?;
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o700))?;
    Ok(())
}

/// Removes what nobody uses any more, and what was begun by processes that are gone.
fn tidy(base: &Path) {
    for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let is_over = if let Some(rest) = name.strip_prefix(BEGUN) {
            rest.split('-').next().is_none_or(|pid| !Path::new("/proc").join(pid).exists())
        } else {
            let used = std::fs::metadata(path.join(USED)).or_else(|_| std::fs::metadata(&path));
            let used = used.and_then(|file| file.modified()).unwrap_or_else(|_| SystemTime::now());
            used.elapsed().is_ok_and(|unused| unused > UNUSED)
        };
        if is_over {
            drop(std::fs::remove_dir_all(&path));
        }
    }
}
