//! Archives that are cut, or in which a bit is another: never whole, or said to be without a checksum, and then
//! caught by what was known of the original.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use drcore::archive::{
    ArchiveInput, Checksums, Compression, DamageKind, InspectOptions, InspectVerdict, Inspection,
    inspect_blocking,
};
use drcore_tests::Database;

use super::dumps::{SCHEMA, directory, dump, piped};
use super::synthetic::{compress, data_begins, recompressed};

/// How often each is tried: so often, and as many times that as `DRCORE_SEEDS` says where that is set.
const TIMES: u64 = 50;

fn times() -> u64 {
    match std::env::var("DRCORE_SEEDS") {
        Ok(seeds) => TIMES * seeds.parse::<u64>().expect("DRCORE_SEEDS is a number"),
        Err(_) => TIMES,
    }
}

fn inspect(input: ArchiveInput) -> Inspection {
    let (done, heard) = mpsc::channel();
    // A reader that hangs fails the test that found it, and not all that come after.
    thread::spawn(move || {
        let mut options = InspectOptions::default();
        options.fingerprints = true;
        let _ = done.send(inspect_blocking(input, &options));
    });
    heard.recv_timeout(Duration::from_secs(60)).expect("read within a minute, without a panic").unwrap()
}

fn of_bytes(bytes: &[u8]) -> Inspection {
    inspect(ArchiveInput::reader("a dump", Cursor::new(bytes.to_vec())))
}

/// Numbers that look random, and are the same in every run.
fn random(seed: u64) -> u64 {
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 29)
}

fn offset(seed: u64, length: usize) -> usize {
    usize::try_from(random(seed) % length as u64).unwrap()
}

/// What is known of the rows of an archive.
fn known(inspection: &Inspection) -> impl PartialEq + std::fmt::Debug + use<> {
    let tables: BTreeMap<_, _> = inspection
        .tables
        .iter()
        .map(|table| (table.table.clone(), (table.rows, table.fingerprint)))
        .collect();
    (tables, inspection.large_objects)
}

/// A half is told as a half: no number of rows for a table that breaks.
fn is_never_whole(inspection: &Inspection, what: &str) {
    assert_ne!(inspection.verdict, InspectVerdict::Whole, "{what}");
    assert!(inspection.exit_code() != 0);
    for table in &inspection.tables {
        let is_whole = table.state == drcore::archive::ArchiveTableState::Whole;
        assert_eq!(table.rows.is_some(), is_whole, "{what}: {table:?}");
    }
}

/// Every form in one file, and where its data begins.
async fn forms(database: &Database, into: &Path) -> Vec<(&'static str, Vec<u8>, usize)> {
    let read = |path: PathBuf| std::fs::read(path).unwrap();
    let custom = read(dump(database, into, "c.dump", &["-Fc"]).await);
    let plain = read(dump(database, into, "p.sql", &["-Fp"]).await);
    let pipe = piped(database, &["-Fc"]).await;
    let raw = piped(database, &["-Fc", "-Z0"]).await;
    let begin = data_begins(&raw);
    vec![
        ("custom, gzip around it", compress(&custom, Compression::Gzip, true), 0),
        ("custom", custom, data_begins(&pipe)),
        ("custom, piped", pipe.clone(), data_begins(&pipe)),
        ("custom, lz4", recompressed(&raw, Compression::Lz4), begin),
        ("custom, zstd", recompressed(&raw, Compression::Zstd), begin),
        ("custom, -Z0, zstd around it", compress(&raw, Compression::Zstd, true), 0),
        ("custom, -Z0", raw, begin),
        ("plain, gzip around it", compress(&plain, Compression::Gzip, true), 0),
        ("plain", plain, 0),
        ("tar", read(dump(database, into, "t.tar", &["-Ft"]).await), 0),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cut_is_never_whole() {
    let database = Database::with(SCHEMA).await;
    let directory = directory();
    for (form, bytes, _) in forms(&database, directory.path()).await {
        assert_eq!(of_bytes(&bytes).verdict, InspectVerdict::Whole, "{form}: {:?}", of_bytes(&bytes).damage);
        // What comes after the last line of a plain dump is nothing.
        let end = if form == "plain" { bytes.len() - 100 } else { bytes.len() };
        for seed in 0..times() {
            let length = offset(seed, end);
            let cut = of_bytes(&bytes[..length]);
            is_never_whole(&cut, &format!("{form}, cut at {length} of {}", bytes.len()));
            if form == "custom" {
                assert!(
                    cut.damage.iter().any(|damage| damage.kind == DamageKind::Truncated
                        && damage
                            .byte
                            .is_some_and(|byte| byte <= length as u64 && byte + 4096 > length as u64)),
                    "cut at {length}: {:?}",
                    cut.damage
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_flipped_is_seen_or_said_to_be_unseen() {
    let database = Database::with(SCHEMA).await;
    let directory = directory();
    for (form, bytes, begin) in forms(&database, directory.path()).await {
        let original = of_bytes(&bytes);
        let mut seen = 0;
        for seed in 0..times() {
            let at = begin + offset(seed, bytes.len() - begin);
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (random(seed) >> 40 & 7);
            let inspection = of_bytes(&flipped);
            if inspection.verdict != InspectVerdict::Whole {
                is_never_whole(&inspection, form);
                seen += 1;
                continue;
            }
            let is_same = known(&inspection) == known(&original);
            if inspection.checksums == Some(Checksums::Nothing) {
                // Among rows and large objects; elsewhere nothing is known of the original. What is compressed can
                // be told in several ways.
                assert!(form != "custom, -Z0" || !is_same, "{form}: a bit of byte {at}");
            } else {
                // Some bits mean nothing: the time in a header of gzip, what fills up the last byte.
                assert!(is_same, "{form}: a bit of byte {at} flipped, and it is whole");
            }
        }
        assert!(seen > 0, "{form}: none was seen");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_directory_that_are_cut_flipped_or_gone_are_seen() {
    let database = Database::with(SCHEMA).await;
    let directory = directory();
    for (name, arguments) in [("d", &["-Fd"][..]), ("d0", &["-Fd", "-Z0"])] {
        let path = dump(&database, directory.path(), name, arguments).await;
        let original = inspect(ArchiveInput::path(&path));
        assert_eq!(original.verdict, InspectVerdict::Whole);
        let mut files: Vec<PathBuf> = std::fs::read_dir(&path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|file| !file.ends_with("toc.dat"))
            .collect();
        files.sort();
        for seed in 0..times() {
            let file = &files[offset(seed, files.len())];
            let bytes = std::fs::read(file).unwrap();
            let what = format!("{} {seed}", file.display());
            std::fs::remove_file(file).unwrap();
            is_never_whole(&inspect(ArchiveInput::path(&path)), &what);
            if !bytes.is_empty() {
                let length = offset(seed + 1000, bytes.len());
                std::fs::write(file, &bytes[..length]).unwrap();
                let cut = inspect(ArchiveInput::path(&path));
                if cut.verdict == InspectVerdict::Whole {
                    // Nothing ends a large object that is not compressed.
                    assert_eq!(cut.checksums, Some(Checksums::Nothing), "{what}");
                    assert_ne!(known(&cut), known(&original), "{what}, cut at {length}");
                } else {
                    is_never_whole(&cut, &what);
                }
                let mut flipped = bytes.clone();
                flipped[offset(seed + 2000, bytes.len())] ^= 1 << (random(seed) >> 40 & 7);
                std::fs::write(file, &flipped).unwrap();
                let inspection = inspect(ArchiveInput::path(&path));
                let is_same = known(&inspection) == known(&original);
                let is_checked = inspection.checksums == Some(Checksums::Data);
                // Some bits mean nothing: the time in a header of gzip, what fills up the last byte.
                assert!(
                    inspection.verdict != InspectVerdict::Whole || is_same == is_checked,
                    "{what}, flipped"
                );
            }
            std::fs::write(file, bytes).unwrap();
        }
        assert_eq!(
            inspect(ArchiveInput::path(&path)).verdict,
            InspectVerdict::Whole,
            "and all of it is there again"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_table_that_breaks_hides_no_other() {
    let database = Database::with(SCHEMA).await;
    let directory = directory();
    let path = dump(&database, directory.path(), "c.dump", &["-Fc"]).await;
    let mut bytes = std::fs::read(&path).unwrap();
    let whole = of_bytes(&bytes);
    // The length of the second piece of a large table.
    let begin = data_begins(&piped(&database, &["-Fc"]).await);
    let at = begin + offset(7, (bytes.len() - begin) / 2);
    bytes[at..at + 16].fill(0xff);
    let broken = of_bytes(&bytes);
    assert_eq!(broken.verdict, InspectVerdict::Damaged);
    let lost: Vec<_> =
        broken.tables.iter().filter(|table| table.rows.is_none()).map(|table| &table.table).collect();
    assert_eq!(lost.len(), 1, "{:?}", broken.damage);
    assert_eq!(broken.tables.len(), whole.tables.len());
    assert_eq!(broken.large_objects.count, whole.large_objects.count);
}

/// No checksum is over an oid, and rows refer to it.
#[tokio::test(flavor = "multi_thread")]
async fn a_large_object_with_another_oid_is_told() {
    let database = Database::with("select lo_from_bytea(7001, 'one'), lo_from_bytea(7002, 'two')").await;
    let directory = directory();
    let path = dump(&database, directory.path(), "d", &["-Fd", "-Z0"]).await;
    assert_eq!(inspect(ArchiveInput::path(&path)).verdict, InspectVerdict::Whole);
    let files = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
    let is_list = |file: &PathBuf| {
        file.file_name().unwrap().to_string_lossy().starts_with("blobs")
            && file.extension().is_some_and(|extension| extension == "toc")
    };
    let list = files.into_iter().find(is_list).expect("a list of the large objects");
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::copy(path.join("blob_7002.dat"), path.join("blob_7003.dat")).unwrap();
    for other in ["7003", "7001"] {
        std::fs::write(&list, text.replace("7002", other)).unwrap();
        let inspection = inspect(ArchiveInput::path(&path));
        assert_eq!(inspection.verdict, InspectVerdict::Damaged, "{other}");
        let told: Vec<_> =
            inspection.damage.iter().map(|damage| (damage.kind, damage.message.as_str())).collect();
        let [(DamageKind::Missing, missing), (DamageKind::Corrupt, unexpected)] = told[..] else {
            panic!("{other}: {told:?}");
        };
        assert!(missing.contains("oid 7002:"), "{other}: {missing}");
        assert!(unexpected.contains(&format!("oid {other}:")), "{other}: {unexpected}");
    }
    // One that is made by what is no oid, whether its data is there or not.
    for data in [true, false] {
        std::fs::write(&list, if data { text.clone() } else { text.replace("7002", "7001") }).unwrap();
        let toc = path.join("toc.dat");
        let original = std::fs::read(&toc).unwrap();
        // Its oid stands in several places: one of them names what is made.
        let places = (0..original.len() - 4).filter(|at| &original[*at..*at + 4] == b"7002");
        let told = places.filter(|at| {
            let mut bytes = original.clone();
            bytes[at + 2] = b'x';
            std::fs::write(&toc, bytes).unwrap();
            let inspection = inspect(ArchiveInput::path(&path));
            let told = inspection.damage.iter().any(|damage| damage.message.contains("what is no oid"));
            assert!(!told || inspection.verdict == InspectVerdict::Damaged);
            told
        });
        assert_eq!(told.count(), 1, "{data}");
        std::fs::write(&toc, original).unwrap();
    }
}
