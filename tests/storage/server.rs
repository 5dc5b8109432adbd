//! A real server of the S3 protocol on a port of its own.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use drcore::storage::{S3Access, Store};

pub(crate) const KEY: &str = "drcore";
pub(crate) const SECRET: &str = "not-to-be-seen-anywhere";

/// Serves a directory, whose directories are its buckets.
pub(crate) struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        // The shell's input ends, and the server with it; so it does where this process dies without a word.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Server {
    pub(crate) fn start(root: &Path) -> Self {
        let program = program();
        for _ in 0..20 {
            let port = free_port();
            // The shell waits for its input to end, which it does with this process.
            let script =
                "\"$@\" >/dev/null 2>&1 & server=$!; trap 'kill $server' EXIT; echo $server; read -r _";
            let mut child = Command::new("sh")
                .args(["-c", script, "sh"])
                .arg(&program)
                .args(["--host", "127.0.0.1", "--port", &port.to_string()])
                .args(["--access-key", KEY, "--secret-key", SECRET])
                .arg(root)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut server = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut server).unwrap();
            let own = Self { child, port };
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(10) && is_running(server.trim()) {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    return own;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            // Somebody else took the port.
        }
        panic!("{} does not come up", program.display());
    }

    /// The bucket, with the right key.
    pub(crate) fn store(&self, url: &str) -> Store {
        store(url, self.port)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

/// A store at a port of this machine.
pub(crate) fn store(url: &str, port: u16) -> Store {
    let mut store = Store::parse(url).unwrap();
    store.access = S3Access::default();
    store.access.endpoint = Some(format!("http://127.0.0.1:{port}"));
    store.access.region = Some("us-east-1".to_owned());
    store.access.access_key_id = Some(KEY.to_owned());
    store.access.secret_access_key = Some(SECRET.to_owned());
    store
}

pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn is_running(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists() || !Path::new("/proc").exists()
}

fn program() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let built = target.join("tools/s3/bin/s3s-fs");
    let program = std::env::var_os("DRCORE_S3_SERVER").map_or(built, PathBuf::from);
    assert!(program.exists(), "{} is not there: run scripts/s3", program.display());
    program
}
