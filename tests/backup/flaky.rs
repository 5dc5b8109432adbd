//! A store that fails: what stands before the real server, and lets pass what it likes.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Pass,
    /// It is answered so, and reaches nobody.
    Answer(u16, &'static str),
    /// The connection is closed after so many bytes of the answer.
    Half(usize),
    /// It comes so much later.
    Late(Duration),
    /// The connection is closed as soon as so much of it came.
    Cut(usize),
}

/// Decides by the request line, and by how many requests there were before.
type Decide = Arc<dyn Fn(&str, usize) -> Fate + Send + Sync>;

pub(crate) struct Flaky {
    pub(crate) port: u16,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Flaky {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Flaky {
    /// Stands before the server at this port.
    pub(crate) async fn before(
        server: u16,
        decide: impl Fn(&str, usize) -> Fate + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let decide: Decide = Arc::new(decide);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            let mut number = 0;
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(one(client, server, Arc::clone(&decide), number));
                number += 1;
            }
        });
        Self { port, task }
    }
}

/// One request, after which the connection ends, so that the next is decided anew.
async fn one(mut client: TcpStream, server: u16, decide: Decide, number: usize) -> Option<()> {
    let mut request = Vec::new();
    let head = loop {
        if let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if client.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    };
    let line = String::from_utf8_lossy(&request).lines().next()?.to_owned();
    let fate = decide(&line, number);
    let mut most = usize::MAX;
    match fate {
        Fate::Pass => {}
        Fate::Late(later) => tokio::time::sleep(later).await,
        Fate::Half(bytes) => most = bytes,
        Fate::Cut(bytes) => {
            let mut came = request.len() - head;
            let mut block = vec![0; 64 << 10];
            while came < bytes {
                match client.read(&mut block).await.ok()? {
                    0 => break,
                    count => came += count,
                }
            }
            return None;
        }
        Fate::Answer(status, body) => {
            // All of it is taken first, or the client would see a closed connection and no answer.
            let length = header(&request[..head], "content-length").unwrap_or(0);
            let mut came = request.len() - head - 4;
            let mut block = vec![0; 64 << 10];
            while came < length {
                match client.read(&mut block).await.ok()? {
                    0 => break,
                    count => came += count,
                }
            }
            let answer = format!(
                "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            client.write_all(answer.as_bytes()).await.ok()?;
            return client.shutdown().await.ok();
        }
    }
    let mut upstream = TcpStream::connect(("127.0.0.1", server)).await.ok()?;
    let rest = request.split_off(head);
    upstream.write_all(&request).await.ok()?;
    upstream.write_all(b"\r\nconnection: close").await.ok()?;
    upstream.write_all(&rest).await.ok()?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = upstream.into_split();
    let up = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
    let mut block = vec![0; 64 << 10];
    let mut passed = 0;
    loop {
        let count = from_server.read(&mut block).await.unwrap_or(0);
        if count == 0 || passed >= most {
            break;
        }
        let count = count.min(most - passed);
        to_client.write_all(&block[..count]).await.ok()?;
        passed += count;
    }
    up.abort();
    to_client.shutdown().await.ok()
}

fn header(head: &[u8], name: &str) -> Option<usize> {
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().parse().ok())
}
