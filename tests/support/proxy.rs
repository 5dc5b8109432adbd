//! A TCP proxy that does what networks do: delay, cut, swallow, reset.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing more passes after this many bytes from the server, and the connection stays open.
    BlackHole(u64),
    /// The connection is closed after this many bytes from the server.
    Cut(u64),
    /// Every piece from the server comes this much later.
    Latency(Duration),
    /// Nothing.
    None,
    /// The connection is reset after this many bytes from the server.
    Reset(u64),
}

/// A proxy in front of the socket of a scratch cluster. Bytes are counted over all connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    seen: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// Starts one that forwards to this socket.
    pub async fn start(socket: PathBuf, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                // Connections end with the proxy.
                let mut connections = tokio::task::JoinSet::new();
                while let Ok((client, _)) = listener.accept().await {
                    connections.spawn(forward(client, socket.clone(), fault, Arc::clone(&seen)));
                }
            }
        });
        Self { address, seen, task }
    }

    /// A connection string through it.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://postgres@{}/{database}?sslmode=disable", self.address)
    }

    /// How many bytes came from the server.
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }
}

async fn forward(client: TcpStream, socket: PathBuf, fault: Fault, seen: Arc<AtomicU64>) {
    let Ok(server) = UnixStream::connect(&socket).await else { return };
    client.set_nodelay(true).unwrap();
    if let Fault::Reset(_) = fault {
        // With zero linger, closing sends a reset.
        client.set_zero_linger().unwrap();
    }
    let (from_server, to_server) = server.into_split();
    let (from_client, to_client) = client.into_split();
    // Whichever ends first ends the connection.
    tokio::select! {
        () = up(from_client, to_server) => {}
        () = down(from_server, to_client, fault, &seen) => {}
    }
}

async fn up(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

/// Forwards from the server until the fault strikes.
async fn down(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    fault: Fault,
    seen: &AtomicU64,
) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let before = seen.fetch_add(count as u64, Ordering::Relaxed);
        let mut pass = count;
        if let Fault::BlackHole(limit) | Fault::Cut(limit) | Fault::Reset(limit) = fault {
            pass = usize::try_from(limit.saturating_sub(before)).unwrap_or(usize::MAX).min(count);
        }
        if let Fault::Latency(delay) = fault {
            tokio::time::sleep(delay).await;
        }
        if to.write_all(&buffer[..pass]).await.is_err() {
            return;
        }
        if pass < count {
            if let Fault::BlackHole(_) = fault {
                std::future::pending::<()>().await;
            }
            return;
        }
    }
}
