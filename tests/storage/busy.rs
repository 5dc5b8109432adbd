//! A store that is busy: before the real server stands something that throttles, fails, cuts answers short and closes
//! connections, as S3 and what lies before it do under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use drcore::Verdict;
use drcore::storage::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::server::{Server, store};
use super::world::{World, found, unread, version};

const SLOW_DOWN: &str = "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";

/// What happens to every request whose number this divides.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// 503, and when to come again.
    Throttled(usize),
    /// 500 without a word.
    Failing(usize),
    /// Half of the answer, and the connection is closed.
    Cut(usize),
    /// The connection is closed without an answer.
    Closed(usize),
    /// All of these in turn, to one of three requests.
    Each,
    /// 503 to all.
    Always,
}

/// Stands before a server.
struct Busy {
    port: u16,
    task: tokio::task::JoinHandle<()>,
    asked: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Busy {
    async fn before(server: u16, trouble: Trouble) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, refused) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (counter, refusals) = (Arc::clone(&asked), Arc::clone(&refused));
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::Relaxed) + 1;
                let refusals = Arc::clone(&refusals);
                connections.spawn(async move {
                    // A connection that breaks is what this is about.
                    let _ = answer(client, server, trouble, number, &refusals).await;
                });
            }
        });
        Self { port, task, asked, refused }
    }

    fn store(&self) -> Store {
        store("s3://files", self.port)
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }
}

/// One request a connection.
async fn answer(
    mut client: TcpStream,
    server: u16,
    trouble: Trouble,
    number: usize,
    refused: &AtomicUsize,
) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut block = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match client.read(&mut block).await? {
            0 => return Ok(()),
            read => request.extend_from_slice(&block[..read]),
        }
    }
    let trouble = match trouble {
        Trouble::Each => match number % 12 {
            2 => Trouble::Throttled(1),
            5 => Trouble::Failing(1),
            8 => Trouble::Cut(1),
            11 => Trouble::Closed(1),
            _ => Trouble::Throttled(usize::MAX),
        },
        Trouble::Always => Trouble::Throttled(1),
        other => other,
    };
    let (Trouble::Throttled(every) | Trouble::Failing(every) | Trouble::Cut(every) | Trouble::Closed(every)) =
        trouble
    else {
        unreachable!("the others were replaced")
    };
    let strikes = number.is_multiple_of(every);
    if strikes {
        refused.fetch_add(1, Ordering::Relaxed);
        let refusal = match trouble {
            Trouble::Throttled(_) => format!(
                "HTTP/1.1 503 Slow Down\r\nretry-after: 0\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{SLOW_DOWN}",
                SLOW_DOWN.len()
            ),
            Trouble::Failing(_) => {
                "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                    .to_owned()
            }
            Trouble::Closed(_) => return Ok(()),
            _ => String::new(),
        };
        if !refusal.is_empty() {
            client.write_all(refusal.as_bytes()).await?;
            return client.shutdown().await;
        }
    }
    let mut behind = TcpStream::connect(("127.0.0.1", server)).await?;
    // Headers that are not signed may be added: one request a connection is easier to follow.
    request.truncate(request.len() - 2);
    request.extend_from_slice(b"connection: close\r\n\r\n");
    behind.write_all(&request).await?;
    let mut whole = Vec::new();
    behind.read_to_end(&mut whole).await?;
    let sent = if strikes { whole.len() / 2 } else { whole.len() };
    client.write_all(&whole[..sent]).await?;
    client.shutdown().await
}

/// More files than fit a page.
async fn world() -> World {
    let names: Vec<String> = (1..=1_500).map(|number| format!("{}/{number}", number % 7)).collect();
    World::healthy(&names.iter().map(String::as_str).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn what_is_refused_for_a_while_is_asked_for_again() {
    let (healthy, damaged) = (world().await, world().await);
    for number in [1, 700, 1_500] {
        damaged.remove(&format!("images/{}/{number}/{}", number % 7, version(number)));
    }
    damaged.write(&format!("images2/3/10/{}", version(10)), b"the");
    damaged.write(&format!("images2/left/{}", version(9_000)), b"1234567");
    let servers = [Server::start(healthy.root()), Server::start(damaged.root())];
    let expected = ["missing_files:images: 3", "resized_files:images2: 1", "unreferenced_files:images2: 1"];
    for trouble in
        [Trouble::Throttled(3), Trouble::Failing(3), Trouble::Cut(3), Trouble::Closed(3), Trouble::Each]
    {
        let busy = Busy::before(servers[1].port(), trouble).await;
        let report = damaged.report(busy.store(), "").await;
        assert_eq!(found(&report), expected, "{trouble:?}");
        assert!(busy.refused() > 0 && busy.refused() < busy.asked(), "{trouble:?}");
    }
    let busy = Busy::before(servers[0].port(), Trouble::Each).await;
    let report = healthy.report(busy.store(), "").await;
    assert_eq!((found(&report).len(), report.verdict), (0, Verdict::Passed), "{report:#?}");
    assert!(busy.refused() > 0);
}

#[tokio::test]
async fn what_is_refused_for_good_is_unread_and_nothing_is_missing() {
    let world = world().await;
    let server = Server::start(world.root());
    let busy = Busy::before(server.port(), Trouble::Always).await;
    let report = world.report(busy.store(), "").await;
    assert_eq!((found(&report).len(), report.verdict), (0, Verdict::Unproven));
    assert!(unread(&report).contains("SlowDown"), "{}", unread(&report));
    assert!(busy.asked() < 50, "{} requests to a store that asks for fewer", busy.asked());
}
