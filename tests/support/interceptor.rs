//! A proxy that reads the protocol: something happens at the moment when the client says a certain
//! thing, so that a fault strikes in a phase, and not after so many bytes.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream, UnixStream, unix};
use tokio::sync::{Mutex, OwnedRwLockReadGuard, RwLock};

/// What the client says.
#[derive(Clone, Copy)]
pub enum Moment {
    /// Its first message.
    Startup,
    /// Its password, or its part in proving that it knows it.
    Password,
    /// A statement whose text is like this.
    Statement(fn(&str) -> bool),
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Startup => "Startup",
            Self::Password => "Password",
            Self::Statement(_) => "Statement",
        })
    }
}

/// The processes behind the connections.
#[derive(Clone, Copy, Debug)]
pub struct Backends {
    /// Of the connection on which it was said; 0 where there is none yet.
    pub this: u32,
    /// Of the one that last exported a snapshot; 0 where none did.
    pub exporter: u32,
}

/// Something that is done before the server hears what the client said. Meanwhile nobody else is heard.
pub type Deed = Arc<dyn Fn(Backends) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What happens.
#[derive(Clone)]
pub enum Strike {
    /// Nothing more comes than so many bytes of the answer, and the connection stays open.
    BlackHole(usize),
    /// The connection is closed after so many bytes of the answer.
    Cut(usize),
    /// Something is done first.
    Do(Deed),
    /// Every message of the answer comes this much later.
    Latency(Duration),
    /// The server does not hear it; this is answered in its stead.
    Refuse {
        /// `ERROR`, or `FATAL`, which ends the connection.
        severity: &'static str,
        /// The SQLSTATE.
        code: &'static str,
    },
    /// The connection is reset after so many bytes of the answer.
    Reset(usize),
    /// The first message of this type is left out of the answer.
    Swallow(u8),
}

impl fmt::Debug for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BlackHole(after) => write!(f, "BlackHole({after})"),
            Self::Cut(after) => write!(f, "Cut({after})"),
            Self::Do(_) => f.write_str("Do"),
            Self::Latency(delay) => write!(f, "Latency({delay:?})"),
            Self::Refuse { severity, code } => write!(f, "Refuse({severity} {code})"),
            Self::Reset(after) => write!(f, "Reset({after})"),
            Self::Swallow(kind) => write!(f, "Swallow({})", char::from(*kind)),
        }
    }
}

/// What happens when, and how many times at most.
#[derive(Clone, Debug)]
pub struct Plot {
    /// When.
    pub moment: Moment,
    /// What.
    pub strike: Strike,
    /// How many times.
    pub times: u32,
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    socket: PathBuf,
    plot: Plot,
    struck: AtomicU32,
    exporter: AtomicU32,
    failed: AtomicBool,
    /// Taken by all who speak, and alone by whoever does something.
    floor: Arc<RwLock<()>>,
}

/// A proxy in front of the socket of a cluster.
#[derive(Debug)]
pub struct Interceptor {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Interceptor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Interceptor {
    /// Starts one that forwards to this socket.
    pub async fn start(socket: PathBuf, plot: Plot) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            socket,
            plot,
            struck: AtomicU32::new(0),
            exporter: AtomicU32::new(0),
            failed: AtomicBool::new(false),
            floor: Arc::default(),
        });
        let task = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                // Connections end with the proxy.
                let mut connections = tokio::task::JoinSet::new();
                while let Ok((client, _)) = listener.accept().await {
                    connections.spawn(serve(client, Arc::clone(&shared)));
                }
            }
        });
        Self { address, shared, task }
    }

    /// A connection string through it.
    pub fn url(&self, user: &str, database: &str) -> String {
        format!("postgresql://{user}@{}/{database}?sslmode=disable", self.address)
    }

    /// Waits until what is being done is done. Panics where it could not be done.
    pub async fn settled(&self) {
        drop(self.shared.floor.read().await);
        assert!(!self.shared.failed.load(Ordering::Relaxed), "what was to be done could not be done");
    }

    /// How many times it has struck.
    pub fn struck(&self) -> u32 {
        self.shared.struck.load(Ordering::Relaxed)
    }
}

/// What the two directions of a connection share.
struct Line {
    shared: Arc<Shared>,
    to_client: Mutex<OwnedWriteHalf>,
    backend: AtomicU32,
    /// What happens to the answer that comes next.
    fate: Mutex<Option<Strike>>,
}

async fn serve(client: TcpStream, shared: Arc<Shared>) {
    // Nobody is connected while something is done: a server that shuts down waits for whoever says nothing.
    if client.peek(&mut [0]).await.is_err() {
        return;
    }
    let heard = Arc::clone(&shared.floor).read_owned().await;
    // A server that is down refuses; the closed connection is as near as we come.
    let Ok(server) = UnixStream::connect(&shared.socket).await else { return };
    client.set_nodelay(true).unwrap();
    if let Strike::Reset(_) = shared.plot.strike {
        // With zero linger, closing sends a reset.
        client.set_zero_linger().unwrap();
    }
    let (from_server, to_server) = server.into_split();
    let (from_client, to_client) = client.into_split();
    let line =
        Line { shared, to_client: Mutex::new(to_client), backend: AtomicU32::new(0), fate: Mutex::new(None) };
    tokio::select! {
        () = line.hear_client(from_client, to_server, heard) => {}
        () = line.hear_server(from_server) => {}
    }
}

impl Line {
    /// Ends when the client has hung up, or was refused for good.
    async fn hear_client(
        &self,
        mut from: OwnedReadHalf,
        mut to: unix::OwnedWriteHalf,
        heard: OwnedRwLockReadGuard<()>,
    ) {
        let mut first = true;
        let mut heard = Some(heard);
        let mut refused = false;
        loop {
            let Some(message) = read(&mut from, first).await else { return };
            let is_startup = std::mem::take(&mut first);
            if refused {
                // As the server: what follows an error is passed over until the client waits.
                if message[0] == b'S' {
                    refused = false;
                    self.say(&ready()).await;
                }
                continue;
            }
            if self.is_the_moment(&message, is_startup) {
                match &self.shared.plot.strike {
                    Strike::Do(deed) => {
                        heard = None;
                        let alone = Arc::clone(&self.shared.floor).write_owned().await;
                        let doing = deed(self.backends());
                        // Done to the end, even if this connection does not see it.
                        let done = tokio::spawn(async move {
                            doing.await;
                            drop(alone);
                        });
                        if done.await.is_err() {
                            self.shared.failed.store(true, Ordering::Relaxed);
                        }
                    }
                    Strike::Refuse { severity, code } => {
                        self.say(&refusal(severity, code)).await;
                        match (*severity, message[0]) {
                            ("FATAL", _) => return,
                            (_, b'P') => refused = true,
                            _ => self.say(&ready()).await,
                        }
                        continue;
                    }
                    strike => *self.fate.lock().await = Some(strike.clone()),
                }
            }
            let _heard = match heard.take() {
                Some(heard) => heard,
                None => Arc::clone(&self.shared.floor).read_owned().await,
            };
            if !is_startup && text(&message).is_some_and(|sql| sql.contains("pg_export_snapshot")) {
                self.shared.exporter.store(self.backend.load(Ordering::Relaxed), Ordering::Relaxed);
            }
            // A server that hung up may have left its reason: it is passed on by the other direction.
            let _ = to.write_all(&message).await;
        }
    }

    /// Ends when the connection is to be closed.
    async fn hear_server(&self, mut from: unix::OwnedReadHalf) {
        loop {
            let Some(message) = read(&mut from, false).await else { return };
            if message[0] == b'K' {
                let pid = u32::from_be_bytes(message[5..9].try_into().unwrap());
                self.backend.store(pid, Ordering::Relaxed);
            }
            let mut fate = self.fate.lock().await;
            match &mut *fate {
                Some(Strike::Latency(delay)) => {
                    tokio::time::sleep(*delay).await;
                    self.say(&message).await;
                }
                Some(Strike::Swallow(kind)) if *kind == message[0] => *fate = None,
                Some(Strike::Cut(left) | Strike::Reset(left) | Strike::BlackHole(left)) => {
                    let pass = message.len().min(*left);
                    *left -= pass;
                    self.say(&message[..pass]).await;
                    if *left == 0 {
                        if let Some(Strike::BlackHole(_)) = &*fate {
                            std::future::pending::<()>().await;
                        }
                        return;
                    }
                }
                None | Some(_) => self.say(&message).await,
            }
            // The answer is over.
            if message[0] == b'Z' {
                *fate = None;
            }
        }
    }

    async fn say(&self, bytes: &[u8]) {
        // A client that hung up is noticed by the other direction.
        let _ = self.to_client.lock().await.write_all(bytes).await;
    }

    fn backends(&self) -> Backends {
        Backends {
            this: self.backend.load(Ordering::Relaxed),
            exporter: self.shared.exporter.load(Ordering::Relaxed),
        }
    }

    /// Whether it is the moment, and not once too often.
    fn is_the_moment(&self, message: &[u8], is_startup: bool) -> bool {
        let Plot { moment, times, .. } = self.shared.plot;
        let is = match moment {
            // Cancel requests begin in the same way.
            Moment::Startup => is_startup && message[4..8] == 196_608_u32.to_be_bytes(),
            Moment::Password => !is_startup && message[0] == b'p',
            Moment::Statement(is_like) => !is_startup && text(message).is_some_and(is_like),
        };
        let count = |struck| (struck < times).then_some(struck + 1);
        is && self.shared.struck.fetch_update(Ordering::Relaxed, Ordering::Relaxed, count).is_ok()
    }
}

/// One message, whole; none at the end. The first of a client has no type.
async fn read(from: &mut (impl AsyncReadExt + Unpin), first: bool) -> Option<Vec<u8>> {
    let header = if first { 4 } else { 5 };
    let mut message = vec![0; header];
    from.read_exact(&mut message).await.ok()?;
    let length = u32::from_be_bytes(message[header - 4..].try_into().unwrap()) as usize;
    message.resize(header - 4 + length, 0);
    from.read_exact(&mut message[header..]).await.ok()?;
    Some(message)
}

/// The text of a statement, simple or extended.
fn text(message: &[u8]) -> Option<&str> {
    let body = &message[5..];
    let text = match message[0] {
        b'Q' => body,
        // After the name of the prepared statement.
        b'P' => body.splitn(2, |byte| *byte == 0).nth(1)?,
        _ => return None,
    };
    std::str::from_utf8(text.split(|byte| *byte == 0).next()?).ok()
}

fn refusal(severity: &str, code: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, text) in [(b'S', severity), (b'V', severity), (b'C', code), (b'M', "made up by the test")] {
        body.push(field);
        body.extend(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    framed(b'E', &body)
}

/// In a transaction that failed.
fn ready() -> Vec<u8> {
    framed(b'Z', b"E")
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    message.extend(body);
    message
}
