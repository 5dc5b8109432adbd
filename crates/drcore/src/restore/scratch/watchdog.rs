//! Who ends a scratch cluster, however its owner ended.

use std::path::Path;
use std::process::{Child, Stdio};

use std::os::unix::process::CommandExt;

use crate::error::{Error, ErrorKind, Result};

/// A shell in a session of its own, which waits until the pipe closes, ends the server at once and removes the
/// directory.
#[derive(Debug)]
pub(super) struct Watchdog(Child);

const SCRIPT: &str = r#"
cat >/dev/null
# Waits, five seconds at most, until a process is gone; one that nobody has waited for is.
gone() {
  n=0
  while kill -0 "$1" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null && [ "$n" -lt 500 ]; do
    n=$((n + 1))
    sleep 0.01
  done
}
# initdb cleans up after itself, shared memory included, if it is asked; pulled from under it, it does not.
pid=$(cat "$1/initdb.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -TERM "$pid" 2>/dev/null
  gone "$pid"
fi
# A server that was only just started has written no file yet.
started=$(cat "$1/server.pid" 2>/dev/null)
for pid in "$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)" "$started"; do
  [ -n "$pid" ] || continue
  kill -QUIT "$pid" 2>/dev/null
  gone "$pid"
  kill -KILL "$pid" 2>/dev/null
done
# A program that was still working in it, such as initdb, may put files back once.
n=0
while [ -e "$1" ] && [ "$n" -lt 100 ]; do rm -rf "$1" 2>/dev/null; n=$((n + 1)); sleep 0.05; done
"#;

impl Watchdog {
    /// Watches over this directory.
    pub(super) fn over(root: &Path) -> Result<Self> {
        let setsid = std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|directory| directory.join("setsid").is_file())
        });
        // Ctrl-C goes to the terminal's process group, which must not be the watchdog's. A leader of a group cannot
        // begin a session: setsid would fork, and who waits for it would not wait for the watchdog.
        let mut command = if setsid {
            let mut command = std::process::Command::new("setsid");
            command.arg("sh");
            command
        } else {
            let mut command = std::process::Command::new("sh");
            command.process_group(0);
            command
        };
        command
            .args(["-c", SCRIPT, "drcore-watchdog"])
            .arg(root)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().map_err(|error| {
            Error::new(ErrorKind::Tool, "cannot start the watchdog (sh)").caused_by(error)
        })?;
        Ok(Self(child))
    }

    /// Lets it do its work, and waits until it is done.
    pub(super) fn end(&mut self) -> Result<()> {
        drop(self.0.stdin.take());
        self.0.wait()?;
        Ok(())
    }
}
