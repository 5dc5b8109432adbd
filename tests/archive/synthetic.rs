//! Archives that no client here can write: LZ4 and Zstandard came with `PostgreSQL` 16, and not every build has them.
//!
//! They are made from what a client wrote without compression, by the layout that `pg_backup_custom.c` documents:
//! after the table of contents comes the data of each entry, a byte for its kind (1 rows, 3 large objects), the
//! entry's number, and pieces of data, each after its length, to one of length 0; large objects are each preceded by
//! their oid, and ended by an oid of 0. Each such run of pieces is compressed by itself.

use std::io::Write;
use std::path::Path;

use drcore::archive::Compression;

/// Compresses as `pg_dump` does: `deflate` with zlib's header inside of a custom archive, and files as their programs do.
pub(crate) fn compress(bytes: &[u8], by: Compression, is_file: bool) -> Vec<u8> {
    let level = flate2::Compression::fast();
    match by {
        Compression::Gzip if is_file => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Gzip => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Lz4 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Zstd => zstd::encode_all(bytes, 1).unwrap(),
        _ => bytes.to_vec(),
    }
}

/// A custom archive that went through a pipe, and was not compressed, with its data compressed.
pub(crate) fn recompressed(archive: &[u8], by: Compression) -> Vec<u8> {
    let begin = data_begins(archive);
    let mut out = header(archive, begin, by);
    let mut rest = &archive[begin..];
    while !rest.is_empty() {
        out.extend(take(&mut rest, 6));
        if out[out.len() - 6] == 1 {
            out.extend(blocks(&mut rest, by));
            continue;
        }
        loop {
            let oid = take(&mut rest, 5);
            out.extend(oid);
            if number(oid) == 0 {
                break;
            }
            out.extend(blocks(&mut rest, by));
        }
    }
    out
}

/// The files of a directory archive that was not compressed, compressed.
pub(crate) fn recompress_directory(path: &Path, by: Compression, suffix: &str) {
    let table = path.join("toc.dat");
    let bytes = std::fs::read(&table).unwrap();
    std::fs::write(&table, header(&bytes, bytes.len(), by)).unwrap();
    for entry in std::fs::read_dir(path).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "dat") && !file.ends_with("toc.dat") {
            let bytes = std::fs::read(&file).unwrap();
            std::fs::remove_file(&file).unwrap();
            std::fs::write(format!("{}{suffix}", file.display()), compress(&bytes, by, true)).unwrap();
        }
    }
}

/// Header and table of contents, of a version that knows this compression.
fn header(archive: &[u8], end: usize, by: Compression) -> Vec<u8> {
    let algorithm = match by {
        Compression::Gzip => 1,
        Compression::Lz4 => 2,
        Compression::Zstd => 3,
        _ => 0,
    };
    let mut out = archive[..11].to_vec();
    // Up to 1.14 there is a level, in five bytes, where since 1.15 there is an algorithm, in one.
    let is_old = archive[6] < 15;
    out[6] = out[6].max(15);
    out.push(algorithm);
    out.extend(&archive[if is_old { 16 } else { 12 }..end]);
    out
}

/// Where the first data is: the first place from which all that follows is data.
pub(crate) fn data_begins(archive: &[u8]) -> usize {
    (12..archive.len()).find(|begin| is_data(&archive[*begin..])).expect("an archive has data")
}

fn is_data(mut rest: &[u8]) -> bool {
    while !rest.is_empty() {
        let (kind, id) = (rest[0], rest.get(1..6).map(number));
        if !matches!((kind, id), (1 | 3, Some(1..))) {
            return false;
        }
        rest = &rest[6..];
        let skipped = if kind == 1 { skip(&mut rest) } else { skip_large_objects(&mut rest) };
        if skipped.is_none() {
            return false;
        }
    }
    true
}

fn skip(rest: &mut &[u8]) -> Option<()> {
    loop {
        let length = number(rest.get(..5)?);
        *rest = rest.get(5..)?.get(usize::try_from(length).ok()?..)?;
        if length == 0 {
            return Some(());
        }
    }
}

fn skip_large_objects(rest: &mut &[u8]) -> Option<()> {
    loop {
        let oid = number(rest.get(..5)?);
        *rest = rest.get(5..)?;
        match oid {
            0 => return Some(()),
            1.. => skip(rest)?,
            _ => return None,
        }
    }
}

/// Pieces of data, as one that is compressed, in pieces of another size.
fn blocks(rest: &mut &[u8], by: Compression) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let length = number(take(rest, 5));
        if length == 0 {
            break;
        }
        bytes.extend(take(rest, usize::try_from(length).unwrap()));
    }
    let mut out = Vec::new();
    for piece in compress(&bytes, by, false).chunks(4096) {
        out.push(0);
        out.extend(u32::try_from(piece.len()).unwrap().to_le_bytes());
        out.extend(piece);
    }
    out.extend([0; 5]);
    out
}

fn take<'b>(rest: &mut &'b [u8], length: usize) -> &'b [u8] {
    let (taken, after) = rest.split_at(length);
    *rest = after;
    taken
}

fn number(bytes: &[u8]) -> i64 {
    let number = i64::from(u32::from_le_bytes(bytes[1..5].try_into().unwrap()));
    if bytes[0] == 0 { number } else { -1 }
}
