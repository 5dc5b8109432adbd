//! Between the driver and the wire: takes the rows of a copy out of what the server says.
//!
//! The driver would hand over each row by itself, through two channels, and wake somebody for each. Here whole
//! buffers go to whoever takes the rows in, as they were received; the driver sees a copy without rows. All
//! else passes through.
//!
//! Source: PostgreSQL documentation, 55.7 Message Formats.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_util::sync::PollSender;

use super::copied::Chunks;

/// Bytes of a buffer.
const BUFFER: usize = 256 << 10;
/// Of which so many are filled before it is handed over, unless the copy ends.
const ENOUGH: usize = BUFFER / 2;
/// How many buffers wait for whoever takes them in, at most.
const WAITING: usize = 3;
/// The type and the length of a message.
const HEADER: usize = 5;
/// What a client says first that would like to speak TLS; the answer is one byte, and no message.
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Says whose the rows of the next copy are.
#[derive(Clone, Debug, Default)]
pub(super) struct Valve(Arc<Mutex<Option<Outlet>>>);

/// Where rows go.
#[derive(Debug)]
struct Outlet {
    send: PollSender<Vec<u8>>,
    /// Buffers that came back.
    spare: mpsc::UnboundedReceiver<Vec<u8>>,
}

/// Closes it again when it is dropped.
pub(super) struct Opened<'v>(&'v Valve);

impl Valve {
    /// The rows of the next copy come here, unless it is closed before it begins.
    pub(super) fn open(&self) -> (Opened<'_>, Chunks) {
        let (send, receive) = mpsc::channel(WAITING);
        let (back, spare) = mpsc::unbounded_channel();
        let outlet = Outlet { send: PollSender::new(send), spare };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(outlet);
        (Opened(self), Chunks::new(receive, back))
    }

    fn take(&self) -> Option<Outlet> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.0.take();
    }
}

/// A stream to a server, some of whose messages are taken out.
#[derive(Debug)]
pub(super) struct Tap<S> {
    inner: S,
    valve: Valve,
    opening: Opening,
    /// What was received: while a copy goes on, from its rows on that were not handed over yet.
    data: Vec<u8>,
    /// Up to here it is dealt with.
    at: usize,
    message: Message,
    outlet: Option<Outlet>,
}

/// How far the two sides are with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    /// Nothing was said.
    Silent,
    /// A single byte is expected that is no message.
    Asked,
    /// They exchange messages.
    Done,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
enum Message {
    /// The header of a message.
    Header,
    /// So many bytes of one that nobody sees.
    Dropped(usize),
    /// So many bytes of one that is the driver's.
    Driver(usize),
    /// So many bytes of one with a row.
    Row(usize),
}

/// Why walking on stopped.
enum Halt {
    /// More has to be read.
    Hungry,
    /// The driver's buffer is full.
    Full,
}

impl<S> Tap<S> {
    pub(super) fn new(inner: S, valve: Valve) -> Self {
        Self {
            inner,
            valve,
            opening: Opening::Silent,
            data: Vec::new(),
            at: 0,
            message: Message::Header,
            outlet: None,
        }
    }

    /// Walks over what was received.
    fn walk(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<Halt> {
        loop {
            let rest = &self.data[self.at..];
            match self.message {
                Message::Header => {
                    let Some(header) = rest.first_chunk::<HEADER>() else { return self.hungry(cx) };
                    let [kind, length @ ..] = *header;
                    // The length counts itself.
                    let length = (u32::from_be_bytes(length) as usize).saturating_sub(4);
                    match (kind, &self.outlet) {
                        (b'H', None) => {
                            self.outlet = self.valve.take();
                            self.message = match self.outlet {
                                Some(_) => Message::Dropped(HEADER + length),
                                None => Message::Driver(HEADER + length),
                            };
                        }
                        (b'd', Some(_)) => {
                            self.message = Message::Row(length);
                            self.at += HEADER;
                        }
                        (_, None) => self.message = Message::Driver(HEADER + length),
                        (_, Some(_)) => {
                            // The rows before it go first.
                            ready!(self.hand_over(cx, self.at));
                            // CopyDone, ErrorResponse, CommandComplete, ReadyForQuery: there are no more.
                            if matches!(kind, b'c' | b'E' | b'C' | b'Z') {
                                self.outlet = None;
                            }
                            self.message = match kind {
                                b'c' => Message::Dropped(HEADER + length),
                                _ => Message::Driver(HEADER + length),
                            };
                        }
                    }
                }
                Message::Driver(left) => {
                    let count = left.min(rest.len()).min(out.remaining());
                    out.put_slice(&rest[..count]);
                    self.pass(left, count, Message::Driver);
                    if self.outlet.is_some() {
                        // It came among rows, and is none.
                        self.forget();
                    }
                    if count < left {
                        return if out.remaining() == 0 { Poll::Ready(Halt::Full) } else { self.hungry(cx) };
                    }
                }
                Message::Dropped(left) => {
                    let count = left.min(rest.len());
                    self.pass(left, count, Message::Dropped);
                    self.forget();
                    if count < left {
                        return self.hungry(cx);
                    }
                }
                Message::Row(left) => {
                    let count = left.min(rest.len());
                    self.pass(left, count, Message::Row);
                    if count < left {
                        return self.hungry(cx);
                    }
                }
            }
        }
    }

    fn pass(&mut self, left: usize, count: usize, rest: fn(usize) -> Message) {
        self.at += count;
        self.message = if count == left { Message::Header } else { rest(left - count) };
    }

    /// Lets go of what is dealt with and belongs to nobody.
    fn forget(&mut self) {
        self.data.drain(..self.at);
        self.at = 0;
    }

    /// Makes room for what is read next.
    fn hungry(&mut self, cx: &mut Context<'_>) -> Poll<Halt> {
        if self.outlet.is_none() {
            self.forget();
        } else if self.data.len() >= ENOUGH {
            ready!(self.hand_over(cx, self.at));
        }
        self.data.reserve(BUFFER.saturating_sub(self.data.len()).max(1));
        Poll::Ready(Halt::Hungry)
    }

    /// Hands over the rows before this place.
    fn hand_over(&mut self, cx: &mut Context<'_>, until: usize) -> Poll<()> {
        let Some(outlet) = self.outlet.as_mut().filter(|_| until > 0) else { return Poll::Ready(()) };
        let wanted = ready!(outlet.send.poll_reserve(cx)).is_ok();
        let mut next = outlet.spare.try_recv().unwrap_or_default();
        next.clear();
        next.reserve(BUFFER);
        next.extend_from_slice(&self.data[until..]);
        let mut rows = std::mem::replace(&mut self.data, next);
        rows.truncate(until);
        self.at -= until;
        if wanted {
            // Whoever does not want them any more has failed, and says why when it is asked.
            let _ = outlet.send.send_item(rows);
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let tap = self.get_mut();
        let before = out.filled().len();
        if tap.opening == Opening::Asked {
            ready!(Pin::new(&mut tap.inner).poll_read(cx, out))?;
            tap.opening = Opening::Done;
            return Poll::Ready(Ok(()));
        }
        loop {
            match tap.walk(cx, out) {
                Poll::Ready(Halt::Hungry) if out.filled().len() == before => {}
                // What is there is told before anything else is waited for.
                _ if out.filled().len() > before => return Poll::Ready(Ok(())),
                Poll::Ready(Halt::Full | Halt::Hungry) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
            let read = tokio_util::io::poll_read_buf(Pin::new(&mut tap.inner), cx, &mut tap.data);
            if ready!(read)? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let tap = self.get_mut();
        let written = ready!(Pin::new(&mut tap.inner).poll_write(cx, data));
        if tap.opening == Opening::Silent {
            tap.opening = if data == TLS_REQUEST { Opening::Asked } else { Opening::Done };
        }
        Poll::Ready(written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for Tap<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

/// Speaks TLS below the tap and not above it.
pub(super) struct Tapped<T> {
    pub(super) tls: T,
    pub(super) valve: Valve,
}

impl<S, T> TlsConnect<Tap<S>> for Tapped<T>
where
    T: TlsConnect<S>,
    T::Future: Send + 'static,
{
    type Stream = Tap<T::Stream>;
    type Error = T::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Stream, T::Error>> + Send>>;

    fn connect(self, stream: Tap<S>) -> Self::Future {
        let connecting = self.tls.connect(stream.inner);
        Box::pin(async move { Ok(Tap::new(connecting.await?, self.valve)) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::error::Result;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let mut message = vec![kind];
        message.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        message.extend(body);
        message
    }

    /// What the driver and whoever takes rows in see of this, sent in pieces of so many bytes.
    fn see(said: &[Vec<u8>], piece: usize, opened: bool) -> (Vec<u8>, Vec<Vec<u8>>) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let (mut server, client) = tokio::io::duplex(piece);
            let valve = Valve::default();
            let (closes, chunks) = valve.open();
            if !opened {
                drop(closes);
            }
            let said = said.concat();
            let mut tap = Tap::new(client, valve.clone());
            let sending = tokio::spawn(async move {
                server.read_exact(&mut [0; 7]).await.unwrap();
                server.write_all(&said).await.unwrap();
            });
            tap.write_all(b"startup").await.unwrap();
            let taking = tokio::task::spawn_blocking(move || -> Result<Vec<Vec<u8>>> {
                let mut rows = vec![Vec::new()];
                chunks.each(|bytes, whole| {
                    rows.last_mut().unwrap().extend(bytes);
                    if whole {
                        rows.push(Vec::new());
                    }
                    Ok(())
                })?;
                assert_eq!(rows.pop(), Some(Vec::new()), "a row that does not end");
                Ok(rows)
            });
            let mut seen = Vec::new();
            tap.read_to_end(&mut seen).await.unwrap();
            sending.await.unwrap();
            drop(tap);
            (seen, taking.await.unwrap().unwrap())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn rows_go_one_way_and_all_else_the_other(
            before in prop::collection::vec((prop::sample::select(&b"RSKZTDC"[..]), 0_usize..40), 0..5),
            rows in prop::collection::vec(prop_oneof![0_usize..300, 0_usize..9, 200_000_usize..400_000], 0..12),
            notice in prop::option::of(any::<prop::sample::Index>()),
            fails in any::<bool>(),
            piece in prop_oneof![1_usize..40, 4_000_usize..9_000, Just(1 << 20)],
        ) {
            // A piece of one byte for megabytes takes long.
            prop_assume!(piece > 4_000 || rows.iter().sum::<usize>() < 20_000);
            let mut said: Vec<Vec<u8>> =
                before.iter().map(|(kind, length)| message(*kind, &vec![*kind; *length])).collect();
            let mut driver = said.concat();
            said.push(message(b'H', &[1, 0, 1, 0, 1]));
            let mut expected = Vec::new();
            let at = notice.map(|notice| notice.index(rows.len() + 1));
            for number in 0..=rows.len() {
                if at == Some(number) {
                    said.push(message(b'N', b"by the way"));
                    driver.extend(said.last().unwrap());
                }
                if let Some(length) = rows.get(number) {
                    let row: Vec<u8> = (0..*length).map(|at| u8::try_from((at + number) % 251).unwrap()).collect();
                    said.push(message(b'd', &row));
                    expected.push(row);
                }
            }
            if fails {
                said.push(message(b'E', b"no more"));
                driver.extend(said.last().unwrap());
            } else {
                said.push(message(b'c', b""));
            }
            for (kind, body) in [(b'C', &b"COPY 7\0"[..]), (b'Z', b"T"), (b'd', b"nobody's"), (b'H', b"or this")] {
                said.push(message(kind, body));
                driver.extend(said.last().unwrap());
            }
            let (seen, taken) = see(&said, piece, true);
            prop_assert!(seen == driver, "the driver saw {} bytes of {}", seen.len(), driver.len());
            prop_assert!(taken == expected);
            // Where nobody asked for the rows, nothing is taken out.
            let (seen, taken) = see(&said, piece, false);
            prop_assert!(seen == said.concat());
            prop_assert!(taken.is_empty());
        }
    }

    #[tokio::test]
    async fn the_answer_to_the_question_for_tls_is_no_message() {
        let (mut server, client) = tokio::io::duplex(64);
        let mut tap = Tap::new(client, Valve::default());
        tap.write_all(&TLS_REQUEST).await.unwrap();
        server.write_all(b"N").await.unwrap();
        let mut answer = [0];
        tap.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"N");
        let ready = message(b'Z', b"I");
        server.write_all(&ready).await.unwrap();
        let mut said = [0; 6];
        tap.read_exact(&mut said).await.unwrap();
        assert_eq!(said.as_slice(), ready);
    }

    /// Whoever takes rows in may give up: the rest of them is read, and nobody waits for ever.
    #[tokio::test(flavor = "multi_thread")]
    async fn rows_that_nobody_wants_any_more_are_passed_over() {
        let (mut server, client) = tokio::io::duplex(1 << 16);
        let valve = Valve::default();
        let (_closes, chunks) = valve.open();
        drop(chunks);
        let mut tap = Tap::new(client, valve.clone());
        let sending = tokio::spawn(async move {
            server.write_all(&message(b'H', &[1, 0, 0])).await.unwrap();
            for _ in 0..300 {
                server.write_all(&message(b'd', &[7; 9_000])).await.unwrap();
            }
            server.write_all(&[message(b'c', b""), message(b'Z', b"T")].concat()).await.unwrap();
        });
        let mut seen = Vec::new();
        tap.read_to_end(&mut seen).await.unwrap();
        sending.await.unwrap();
        assert_eq!(seen, message(b'Z', b"T"));
    }
}
