//! What several processes say on one standard error, told apart.
//!
//! The workers of `pg_restore --jobs` share one standard error, which is not buffered: a line is written in pieces, and
//! those of two workers mix, as do the lines that belong together (which entry, then what is wrong with it). Read as one
//! text, an error is lost, or held against another table. Linux says of each piece which process wrote it: `unix(7)`,
//! `SO_PASSCRED`, of which two writers' bytes are never glued together.

use std::collections::BTreeMap;
use std::process::Stdio;

use crate::error::Result;

/// A process, by its number.
pub(super) type Speaker = u32;

/// Whole lines, each with who wrote it.
#[derive(Debug)]
pub(super) struct Voices {
    ear: ear::Ear,
    /// The beginnings of lines.
    begun: BTreeMap<Speaker, Vec<u8>>,
    /// Whole ones that nobody asked for yet.
    said: std::collections::VecDeque<(Speaker, String)>,
}

/// Whether several at once can be told apart here. Where not, only one may speak.
pub(super) const APART: bool = cfg!(target_os = "linux");

impl Voices {
    /// Something to listen to, and what the processes are to write to.
    ///
    /// # Errors
    /// The system has no more of them.
    pub(super) fn new() -> Result<(Self, Stdio)> {
        let (ear, mouth) = ear::pair()?;
        Ok((Self { ear, begun: BTreeMap::new(), said: std::collections::VecDeque::new() }, mouth))
    }

    /// The next line; none once all are gone.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn next(&mut self) -> Result<Option<(Speaker, String)>> {
        loop {
            if let Some(line) = self.said.pop_front() {
                return Ok(Some(line));
            }
            let Some((speaker, bytes)) = self.ear.hear().await? else {
                // What was begun is all that there will be.
                let rest = std::mem::take(&mut self.begun);
                self.said.extend(rest.into_iter().filter(|(_, line)| !line.is_empty()).map(whole));
                return Ok(self.said.pop_front());
            };
            let begun = self.begun.entry(speaker).or_default();
            begun.extend_from_slice(&bytes);
            while let Some(end) = memchr::memchr(b'\n', begun) {
                let rest = begun.split_off(end + 1);
                self.said.push_back(whole((speaker, std::mem::replace(begun, rest))));
            }
        }
    }
}

fn whole((speaker, line): (Speaker, Vec<u8>)) -> (Speaker, String) {
    (speaker, String::from_utf8_lossy(&line).trim_end().to_owned())
}

#[cfg(target_os = "linux")]
mod ear {
    use std::io::{self, IoSliceMut};
    use std::mem::MaybeUninit;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream as Blocking;
    use std::process::Stdio;

    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg, sockopt};
    use tokio::io::Interest;
    use tokio::net::UnixStream;

    use super::Speaker;

    /// How much is read at once.
    const PIECE: usize = 16 * 1024;

    #[derive(Debug)]
    pub(super) struct Ear(UnixStream);

    pub(super) fn pair() -> io::Result<(Ear, Stdio)> {
        let (ours, theirs) = Blocking::pair()?;
        sockopt::set_socket_passcred(&ours, true)?;
        ours.set_nonblocking(true)?;
        Ok((Ear(UnixStream::from_std(ours)?), Stdio::from(OwnedFd::from(theirs))))
    }

    impl Ear {
        /// A piece of what one of them wrote.
        pub(super) async fn hear(&mut self) -> io::Result<Option<(Speaker, Vec<u8>)>> {
            self.0.async_io(Interest::READABLE, || self.piece()).await
        }

        fn piece(&self) -> io::Result<Option<(Speaker, Vec<u8>)>> {
            let mut bytes = vec![0; PIECE];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
            let mut told = RecvAncillaryBuffer::new(&mut space);
            let into = &mut [IoSliceMut::new(&mut bytes)];
            let read = recvmsg(&self.0, into, &mut told, RecvFlags::empty())?.bytes;
            let speaker = told.drain().find_map(|message| match message {
                RecvAncillaryMessage::ScmCredentials(who) => who.pid.as_raw_nonzero().get().try_into().ok(),
                _ => None,
            });
            bytes.truncate(read);
            Ok((read > 0).then(|| (speaker.unwrap_or_default(), bytes)))
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod ear {
    use std::io;
    use std::process::Stdio;

    use tokio::io::AsyncReadExt;

    use super::Speaker;

    #[derive(Debug)]
    pub(super) struct Ear(tokio::net::unix::pipe::Receiver);

    pub(super) fn pair() -> io::Result<(Ear, Stdio)> {
        let (read, write) = io::pipe()?;
        let read = std::os::fd::OwnedFd::from(read);
        Ok((Ear(tokio::net::unix::pipe::Receiver::from_owned_fd(read)?), Stdio::from(write)))
    }

    impl Ear {
        pub(super) async fn hear(&mut self) -> io::Result<Option<(Speaker, Vec<u8>)>> {
            let mut bytes = vec![0; 16 * 1024];
            let read = self.0.read(&mut bytes).await?;
            bytes.truncate(read);
            Ok((read > 0).then_some((0, bytes)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two processes that write a line in pieces, at the same time, a hundred times.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn pieces_of_two_that_speak_at_once_are_lines_of_each() {
        let (mut voices, mouth) = Voices::new().unwrap();
        let script = "speak() { i=0; while [ $i -lt 100 ]; do
                        printf 'from ' >&2; printf '%s ' \"$1\" >&2; printf 'entry\\n' >&2; i=$((i + 1)); done; }
                      speak one & speak two & wait; printf 'the end' >&2";
        let mut command = tokio::process::Command::new("sh");
        command.args(["-c", script]).stderr(mouth);
        let mut child = command.spawn().unwrap();
        drop(command);
        let mut heard: BTreeMap<(Speaker, String), u32> = BTreeMap::new();
        while let Some(line) = voices.next().await.unwrap() {
            *heard.entry(line).or_default() += 1;
        }
        assert!(child.wait().await.unwrap().success());
        let mut lines: Vec<(&str, u32)> =
            heard.iter().map(|((_, line), times)| (line.as_str(), *times)).collect();
        lines.sort_unstable();
        assert_eq!(lines, [("from one entry", 100), ("from two entry", 100), ("the end", 1)]);
    }

    #[tokio::test]
    async fn a_line_may_be_longer_than_what_is_read_at_once() {
        let (mut voices, mouth) = Voices::new().unwrap();
        let mut command = tokio::process::Command::new("sh");
        command.args(["-c", "head -c 300000 /dev/zero | tr '\\0' x >&2"]).stderr(mouth);
        let mut child = command.spawn().unwrap();
        drop(command);
        let (_, line) = voices.next().await.unwrap().unwrap();
        assert_eq!(line.len(), 300_000);
        assert_eq!(voices.next().await.unwrap(), None);
        assert!(child.wait().await.unwrap().success());
    }
}
