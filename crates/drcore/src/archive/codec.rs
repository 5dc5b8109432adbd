//! Decompressing, with an end that must be there.
//!
//! A decoder that takes the end of its input for the end of its data would take half an archive for a whole one:
//! here data ends only where its format says that it does, and nothing may follow.

use std::io::{self, BufRead, Read};

use flate2::{Decompress, FlushDecompress, Status};
use lz4_flex::frame::FrameDecoder;
use zstd::stream::raw::{Decoder as ZstdFrame, InBuffer, Operation, OutBuffer};

use super::damage::{corrupt, cut};
use super::header::Compression;

/// How large the window of a Zstandard frame may be, as a power of two: what `zstd` takes without being asked.
const WINDOW: u32 = 27;

/// Reads what is compressed.
pub(super) enum Decoder<B: Read> {
    Plain(B),
    Inflate(Inflate<B>),
    Lz4(Box<Lz4<B>>),
    Zstd(Zstd<B>),
}

impl<B: BufRead> Decoder<B> {
    /// Of data of a custom archive, which has no header of `gzip`.
    pub(super) fn of_block(compression: Compression, input: B) -> io::Result<Self> {
        Self::new(compression, input, Framing::Zlib)
    }

    /// Of a file as `gzip`, `lz4` and `zstd` write it.
    pub(super) fn of_file(compression: Compression, input: B) -> io::Result<Self> {
        Self::new(compression, input, Framing::Gzip)
    }

    fn new(compression: Compression, input: B, framing: Framing) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Self::Plain(input),
            Compression::Gzip => Self::Inflate(Inflate::new(input, framing)),
            Compression::Lz4 => Self::Lz4(Box::new(Lz4::new(input))),
            Compression::Zstd => Self::Zstd(Zstd::new(input)?),
        })
    }
}

impl<B: BufRead> Read for Decoder<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        match self {
            Self::Plain(input) => input.read(buffer),
            Self::Inflate(inflate) => inflate.read(buffer),
            Self::Lz4(lz4) => lz4.read(buffer),
            Self::Zstd(zstd) => zstd.read(buffer),
        }
    }
}

/// What is around deflated data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// A header, a CRC-32 and the length; several such may follow each other.
    Gzip,
    /// Two bytes and an Adler-32.
    Zlib,
}

impl Framing {
    fn inflater(self) -> Decompress {
        match self {
            Self::Gzip => Decompress::new_gzip(15),
            Self::Zlib => Decompress::new(true),
        }
    }
}

/// Reads deflated data.
pub(super) struct Inflate<B> {
    input: B,
    framing: Framing,
    decompress: Decompress,
    /// Whether it is between two members, or at the end.
    between: bool,
}

impl<B: BufRead> Inflate<B> {
    fn new(input: B, framing: Framing) -> Self {
        Self { input, framing, decompress: framing.inflater(), between: false }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let input = self.input.fill_buf()?;
            if self.between {
                match (self.framing, input.first()) {
                    (_, None) => return Ok(0),
                    (Framing::Gzip, Some(0x1f)) => {
                        self.decompress = self.framing.inflater();
                        self.between = false;
                    }
                    _ => return Err(corrupt("bytes follow the end of the compressed data")),
                }
            }
            let is_end = input.is_empty();
            let (taken, given) = (self.decompress.total_in(), self.decompress.total_out());
            let status = self.decompress.decompress(input, buffer, FlushDecompress::None);
            let status = status.map_err(|error| {
                let why = error.message().unwrap_or("corrupt deflate stream");
                corrupt(format!("the compressed data is damaged: {why}"))
            })?;
            let (taken, given) = (self.decompress.total_in() - taken, self.decompress.total_out() - given);
            #[expect(clippy::cast_possible_truncation, reason = "parts of what is in memory")]
            let (taken, given) = (taken as usize, given as usize);
            self.input.consume(taken);
            match status {
                Status::StreamEnd => self.between = true,
                Status::Ok | Status::BufError if given == 0 && is_end => return Err(cut()),
                Status::Ok | Status::BufError if given == 0 && taken == 0 => {
                    return Err(corrupt("the compressed data leads nowhere"));
                }
                Status::Ok | Status::BufError => {}
            }
            if given > 0 {
                return Ok(given);
            }
        }
    }
}

/// Reads LZ4 frames.
pub(super) struct Lz4<B: Read>(FrameDecoder<Wanted<B>>);

impl<B: BufRead> Lz4<B> {
    fn new(input: B) -> Self {
        Self(FrameDecoder::new(Wanted { input, in_vain: false }))
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let given = self.0.read(buffer)?;
            if given > 0 {
                return Ok(given);
            }
            // The decoder takes the end of its input for the end of a frame, wherever it is between two blocks.
            let wanted = self.0.get_mut();
            if wanted.in_vain {
                return Err(cut());
            }
            if wanted.input.fill_buf()?.is_empty() {
                return Ok(0);
            }
        }
    }
}

/// Knows whether more was wanted than there was.
struct Wanted<B> {
    input: B,
    in_vain: bool,
}

impl<B: Read> Read for Wanted<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.input.read(buffer).inspect(|count| self.in_vain |= *count == 0 && !buffer.is_empty())
    }
}

/// Reads Zstandard frames.
pub(super) struct Zstd<B> {
    input: B,
    frame: ZstdFrame<'static>,
    /// Whether it is between two frames, or at the end.
    between: bool,
    begun: bool,
}

impl<B: BufRead> Zstd<B> {
    fn new(input: B) -> io::Result<Self> {
        let mut frame = ZstdFrame::new()?;
        frame.set_parameter(zstd::stream::raw::DParameter::WindowLogMax(WINDOW))?;
        Ok(Self { input, frame, between: true, begun: false })
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let input = self.input.fill_buf()?;
            let is_end = input.is_empty();
            if is_end && self.between {
                // Not even an empty text is nothing at all.
                return if self.begun { Ok(0) } else { Err(cut()) };
            }
            if self.between {
                self.frame.reinit()?;
                self.between = false;
                self.begun = true;
            }
            let mut source = InBuffer::around(input);
            let mut target = OutBuffer::around(buffer);
            let left = self.frame.run(&mut source, &mut target);
            let left = left.map_err(|error| corrupt(format!("the compressed data is damaged: {error}")))?;
            let (taken, given) = (source.pos(), target.pos());
            self.input.consume(taken);
            // It has given all that a frame holds.
            self.between = left == 0;
            if given > 0 {
                return Ok(given);
            }
            if is_end && !self.between {
                return Err(cut());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A text as each of them compresses it.
    fn compressed(text: &[u8]) -> Vec<(Compression, Framing, Vec<u8>)> {
        let level = flate2::Compression::fast();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        gzip.write_all(text).unwrap();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
        zlib.write_all(text).unwrap();
        let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
        lz4.write_all(text).unwrap();
        vec![
            (Compression::Gzip, Framing::Gzip, gzip.finish().unwrap()),
            (Compression::Gzip, Framing::Zlib, zlib.finish().unwrap()),
            (Compression::Lz4, Framing::Gzip, lz4.finish().unwrap()),
            (Compression::Zstd, Framing::Gzip, zstd::encode_all(text, 3).unwrap()),
        ]
    }

    fn decoded(
        compression: Compression,
        framing: Framing,
        bytes: &[u8],
        piece: usize,
    ) -> io::Result<Vec<u8>> {
        let input = io::BufReader::with_capacity(piece, bytes);
        let mut text = Vec::new();
        Decoder::new(compression, input, framing)?.read_to_end(&mut text)?;
        Ok(text)
    }

    fn text() -> Vec<u8> {
        (0..60_000_u32)
            .flat_map(|number| format!("{}\n", number.wrapping_mul(2_654_435_761)).into_bytes())
            .collect()
    }

    #[test]
    fn what_was_compressed_is_read_in_pieces_of_any_size() {
        for text in [text(), b"x".to_vec(), Vec::new()] {
            for (compression, framing, bytes) in compressed(&text) {
                for piece in [1, 7, 4096, 1 << 20] {
                    let read = decoded(compression, framing, &bytes, piece).unwrap();
                    assert!(read == text, "{compression:?} in pieces of {piece}");
                }
            }
        }
    }

    #[test]
    fn what_is_cut_anywhere_is_never_whole() {
        for (compression, framing, bytes) in compressed(&text()[..3_000]) {
            for length in 0..bytes.len() {
                let error = decoded(compression, framing, &bytes[..length], 64).err();
                let error = error.unwrap_or_else(|| panic!("{compression:?} is whole with {length} bytes"));
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{compression:?} {length}: {error}");
            }
        }
    }

    #[test]
    fn nothing_but_more_of_it_follows_the_end() {
        for (compression, framing, bytes) in compressed(b"one\n") {
            let twice = decoded(compression, framing, &bytes.repeat(2), 64);
            if framing == Framing::Zlib {
                assert!(twice.is_err());
            } else {
                assert_eq!(twice.unwrap(), b"one\none\n", "{compression:?}");
            }
            let mut more = bytes.clone();
            more.extend(b"garbage");
            assert!(decoded(compression, framing, &more, 64).is_err(), "{compression:?}");
        }
    }

    #[test]
    fn bits_that_flipped_are_seen_where_there_is_a_checksum() {
        for (compression, framing, bytes) in compressed(&text()[..20_000]) {
            if compression != Compression::Gzip {
                continue;
            }
            for at in (12..bytes.len()).step_by(97) {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << (at % 8);
                assert!(decoded(compression, framing, &flipped, 4096).is_err(), "{framing:?} at {at}");
            }
        }
    }
}
