//! The system identifier of a cluster that is not running.
//!
//! Copies of a template would all have the template's, and would be taken for one
//! another. It stands in two places: at the beginning of `pg_control`, whose
//! checksum is its last field, and in the head of each WAL segment.

use std::fs::OpenOptions;
use std::hash::{BuildHasher, Hasher};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// Where the identifier is in `pg_control`: first of all.
const IN_CONTROL: u64 = 0;
/// Where it is in a segment: after the head of its first page.
///
/// Source: `XLogLongPageHeaderData` in `src/include/access/xlog_internal.h`, the same from 13 to 18.
const IN_SEGMENT: u64 = 24;
/// How much of `pg_control` is looked through for its checksum; it is never longer.
///
/// Source: `PG_CONTROL_MAX_SAFE_SIZE` in `src/include/catalog/pg_control.h`.
const LONGEST: usize = 512;

/// Gives a cluster that was shut down an identifier of its own; gives that.
pub(super) fn renew(data: &Path) -> Result<u64> {
    let file = data.join("global/pg_control");
    let mut control = vec![0; LONGEST];
    let mut opened = OpenOptions::new().read(true).write(true).open(&file)?;
    opened.read_exact(&mut control)?;
    let at = checksum_at(&control).ok_or_else(|| {
        Error::new(ErrorKind::Tool, "pg_control of the scratch cluster is not understood")
            .context("file", file.display().to_string())
    })?;
    let old = number(&control, 0);
    let new = identifier();
    control[..8].copy_from_slice(&new.to_ne_bytes());
    let checksum = crc32c(&control[..at]);
    control[at..at + 4].copy_from_slice(&checksum.to_ne_bytes());
    opened.seek(SeekFrom::Start(IN_CONTROL))?;
    opened.write_all(&control)?;
    for entry in std::fs::read_dir(data.join("pg_wal"))? {
        let path = entry?.path();
        // Names of segments are 24 hexadecimal digits.
        let is_segment = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.len() == 24 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if is_segment {
            renew_segment(&path, old, new)?;
        }
    }
    Ok(new)
}

fn renew_segment(path: &Path, old: u64, new: u64) -> Result<()> {
    let mut segment = OpenOptions::new().read(true).write(true).open(path)?;
    let mut found = [0; 8];
    segment.seek(SeekFrom::Start(IN_SEGMENT))?;
    segment.read_exact(&mut found)?;
    // One that is kept for later has none yet.
    if u64::from_ne_bytes(found) == old {
        segment.seek(SeekFrom::Start(IN_SEGMENT))?;
        segment.write_all(&new.to_ne_bytes())?;
    }
    Ok(())
}

/// The identifier of a cluster that is not running.
#[cfg(test)]
fn read(data: &Path) -> Result<u64> {
    let mut bytes = [0; 8];
    std::fs::File::open(data.join("global/pg_control"))?.read_exact(&mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

/// Where the checksum is, which differs between versions: after what it is the checksum of.
fn checksum_at(control: &[u8]) -> Option<usize> {
    // It is never near the beginning, where few bytes might fit by chance.
    (200..control.len() - 4).step_by(4).find(|at| {
        let found = u32::from_ne_bytes([control[*at], control[at + 1], control[at + 2], control[at + 3]]);
        found == crc32c(&control[..*at])
    })
}

fn number(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_ne_bytes(eight)
}

/// As `initdb` makes one: the seconds of now, and what makes it another than those of the same second.
fn identifier() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // The standard library's hasher is seeded at random.
    let random = std::collections::hash_map::RandomState::new().build_hasher().finish();
    (now.as_secs() << 32) | (random & 0xffff_ffff)
}

/// The checksum that PostgreSQL computes (Castagnoli), bit by bit: it is of a few hundred bytes.
fn crc32c(bytes: &[u8]) -> u32 {
    let crc =
        bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 }
            })
        });
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnoli_s() {
        // The check value of CRC-32C.
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_cluster_gets_an_identifier_of_its_own() {
        let data = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(data.path().join("global")).unwrap();
        std::fs::create_dir_all(data.path().join("pg_wal/archive_status")).unwrap();
        let mut control = vec![0_u8; 8192];
        control[..8].copy_from_slice(&7_u64.to_ne_bytes());
        control[100] = 3;
        let checksum = crc32c(&control[..288]);
        control[288..292].copy_from_slice(&checksum.to_ne_bytes());
        std::fs::write(data.path().join("global/pg_control"), &control).unwrap();
        let mut segment = vec![0_u8; 64];
        segment[24..32].copy_from_slice(&7_u64.to_ne_bytes());
        let (used, kept) = ("pg_wal/000000010000000000000001", "pg_wal/000000010000000000000002");
        std::fs::write(data.path().join(used), &segment).unwrap();
        std::fs::write(data.path().join(kept), vec![0_u8; 64]).unwrap();

        let new = renew(data.path()).unwrap();
        assert_ne!(new, 7);
        assert_eq!(read(data.path()).unwrap(), new);
        let control = std::fs::read(data.path().join("global/pg_control")).unwrap();
        assert_eq!(control.len(), 8192, "as long as before");
        assert_eq!(checksum_at(&control[..LONGEST]), Some(288));
        let segment = std::fs::read(data.path().join(used)).unwrap();
        assert_eq!(number(&segment, 24), new);
        assert_eq!(std::fs::read(data.path().join(kept)).unwrap(), vec![0_u8; 64]);
        assert_ne!(renew(data.path()).unwrap(), new, "and another one each time");
        // What is not understood is left alone.
        std::fs::write(data.path().join("global/pg_control"), vec![1_u8; 8192]).unwrap();
        assert!(renew(data.path()).is_err());
    }
}
