//! The line to a server: where it is, and what goes over it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::config::Host;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{CancelToken, Client, Config, Connection};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tap::{Tap, Tapped, Valve};
use crate::error::{Error, ErrorKind, Result};

/// Speaks TLS over a wire.
type Rustls = <MakeRustlsConnect as MakeTlsConnect<Wire>>::TlsConnect;
/// A wire with TLS.
type TlsWire = <Rustls as TlsConnect<Wire>>::Stream;
/// What drives a session.
pub(super) type Driver = Connection<Tap<Wire>, Tap<TlsWire>>;

/// How one server is reached.
#[derive(Clone)]
pub(super) struct Line {
    config: Config,
    tls: MakeRustlsConnect,
}

/// Bytes to a server and back.
#[derive(Debug)]
pub(super) enum Wire {
    Tcp(TcpStream),
    Socket(UnixStream),
}

impl Line {
    /// To the one server that the configuration names.
    pub(super) fn new(config: Config, tls: MakeRustlsConnect) -> Self {
        Self { config, tls }
    }

    /// Begins a session, whose rows of copies can be taken out.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`], [`ErrorKind::Authentication`] or [`ErrorKind::Tls`].
    pub(super) async fn connect(&self) -> Result<(Client, Driver, Valve)> {
        let valve = Valve::default();
        let wire = Tap::new(self.open().await?, valve.clone());
        let tls = Tapped { tls: self.tls(), valve: valve.clone() };
        let (client, driver) = self.config.connect_raw(wire, tls).await?;
        Ok((client, driver, valve))
    }

    /// Asks the server to stop what a session of this line is doing, over a connection of its own.
    ///
    /// # Errors
    /// Why it could not be asked.
    pub(super) async fn cancel(&self, token: &CancelToken) -> Result<()> {
        Ok(token.cancel_query_raw(self.open().await?, self.tls()).await?)
    }

    fn tls(&self) -> Rustls {
        let name = match self.config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.as_str(),
            _ => "",
        };
        let Ok(tls) = MakeTlsConnect::<Wire>::make_tls_connect(&mut self.tls.clone(), name);
        tls
    }

    async fn open(&self) -> Result<Wire> {
        let port = self.config.get_ports().first().copied().unwrap_or(5432);
        if let Some(Host::Unix(directory)) = self.config.get_hosts().first() {
            let socket = UnixStream::connect(directory.join(format!(".s.PGSQL.{port}")));
            return socket.await.map(Wire::Socket).map_err(|error| refused(&error));
        }
        let addresses: Vec<SocketAddr> =
            match (self.config.get_hostaddrs().first(), self.config.get_hosts().first()) {
                (Some(address), _) => vec![(*address, port).into()],
                (None, Some(Host::Tcp(name))) => {
                    let found = tokio::net::lookup_host((name.as_str(), port)).await;
                    found.map_err(|error| refused(&error))?.collect()
                }
                _ => Vec::new(),
            };
        let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "could not resolve any addresses");
        for address in addresses {
            let opened = TcpStream::connect(address).await;
            match opened.and_then(|stream| self.tuned(stream)) {
                Ok(stream) => return Ok(Wire::Tcp(stream)),
                Err(error) => failure = error,
            }
        }
        Err(refused(&failure))
    }

    /// So that a server that is gone without a word is noticed.
    fn tuned(&self, stream: TcpStream) -> io::Result<TcpStream> {
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        #[cfg(target_os = "linux")]
        if let Some(timeout) = self.config.get_tcp_user_timeout() {
            socket.set_tcp_user_timeout(Some(*timeout))?;
        }
        if self.config.get_keepalives() {
            let mut keepalive = TcpKeepalive::new().with_time(self.config.get_keepalives_idle());
            if let Some(interval) = self.config.get_keepalives_interval() {
                keepalive = keepalive.with_interval(interval);
            }
            if let Some(retries) = self.config.get_keepalives_retries() {
                keepalive = keepalive.with_retries(retries);
            }
            socket.set_tcp_keepalive(&keepalive)?;
        }
        Ok(stream)
    }
}

/// Nobody was reached.
fn refused(error: &io::Error) -> Error {
    Error::new(ErrorKind::Connection, format!("error connecting to server: {error}"))
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Socket(stream) => Pin::new(stream).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, data),
            Self::Socket(stream) => Pin::new(stream).poll_write(cx, data),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Socket(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Socket(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
