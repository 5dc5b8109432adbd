//! A dump in which a bit is another: told, or restored to what it was; never a part of it that is called whole.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use drcore::restore::{RestoreCall, restore};
use drcore::{Against, Evidence, Verdict};
use drcore_tests::Database;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::interrupted::is_marked;
use super::round_trip::{baseline, dump, dumped, verify};

/// How often, over all forms: as many times that as `DRCORE_SEEDS` says where that is set.
const TIMES: u64 = 50;

const SQL: &str = "
    create table tenants (id int primary key, name text not null unique);
    create table notes (id int primary key, tenant int not null references tenants, body text, at timestamptz);
    create index on notes (tenant, at);
    create view bodies as select id, upper(body) from notes;
    create function twice(n int) returns int language sql immutable as $$ select n * 2 $$;
    create sequence numbers start 100;
    alter table notes enable row level security;
    create policy everybody on notes using (id > 0);
    insert into tenants select n, 'tenant ' || n from generate_series(1, 40) n;
    insert into notes select n, 1 + n % 40, md5(n::text), '2026-11-20T01:00:00Z'::timestamptz + n * interval '1 s'
    from generate_series(1, 1500) n";

/// Numbers that look random, and are the same in every run.
fn random(seed: u64) -> u64 {
    let mixed = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed ^ (mixed >> 29)
}

/// The files of a dump, with their bytes.
fn files(path: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths = if path.is_dir() {
        std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect()
    } else {
        vec![path.to_owned()]
    };
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Flips a bit of a dump; says which. What was flipped before is put back.
fn flip(files: &[(PathBuf, Vec<u8>)], seed: u64) -> String {
    let all: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut at = usize::try_from(random(seed) % all as u64).unwrap();
    let mut what = String::new();
    for (path, bytes) in files {
        let mut bytes = bytes.clone();
        if what.is_empty() && at < bytes.len() {
            let bit = random(seed) >> 40 & 7;
            bytes[at] ^= 1 << bit;
            what = format!("bit {bit} of byte {at} of {}", path.file_name().unwrap().to_string_lossy());
        } else if what.is_empty() {
            at -= bytes.len();
        }
        std::fs::write(path, bytes).unwrap();
    }
    what
}

/// What came of restoring it into an empty database.
enum Came {
    Equal,
    Told,
}

async fn restored(path: &Path, source: &str, before: &Evidence, what: &str) -> Came {
    let target = Database::empty().await;
    let mut call = RestoreCall::default();
    call.verify.against = Some(Against::Evidence(Box::new(before.clone())));
    call.verify.content(true);
    let planned = match restore(path.to_str().unwrap(), &target.url().await, &call).await {
        Ok(planned) => planned,
        Err(error) => {
            assert!(!error.to_string().is_empty() && !is_marked(&target).await, "{what}: {error:?}");
            return Came::Told;
        }
    };
    match planned.execute(&planned.execute_options()).await {
        Err(error) => {
            assert!(!error.to_string().is_empty(), "{what}");
            // Whatever is there by now does not pass.
            assert_ne!(verify(&target, before).await.verdict, Verdict::Passed, "{what}: {error}");
            Came::Told
        }
        Ok(restored) if restored.exit_code() == 0 => {
            assert!(restored.missing_rows.is_empty() && !is_marked(&target).await, "{what}");
            // Not by drcore's own eyes.
            assert_eq!(dumped(&target).await, source, "{what}: {}", restored.to_text());
            Came::Equal
        }
        Ok(restored) => {
            assert!(matches!(restored.exit_code(), 1 | 3), "{what}");
            Came::Told
        }
    }
}

#[tokio::test]
async fn a_dump_in_which_a_bit_flipped_is_restored_as_it_was_or_told() {
    let times =
        std::env::var("DRCORE_SEEDS").map_or(1, |seeds| seeds.parse().expect("DRCORE_SEEDS is a number"));
    let source = Database::with(SQL).await;
    let before = baseline(&source).await;
    let text = dumped(&source).await;
    let mut dumps = Vec::new();
    for (form, arguments) in [
        ("custom", &["--format=custom"][..]),
        ("custom, not compressed", &["--format=custom", "--compress=0"]),
        ("directory", &["--format=directory"]),
        ("plain", &["--format=plain"]),
        ("plain, gzip around it", &["--format=plain"]),
    ] {
        let (directory, path) = dump(&source, arguments).await;
        if form.contains("gzip") {
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            packed.write_all(&std::fs::read(&path).unwrap()).unwrap();
            std::fs::write(&path, packed.finish().unwrap()).unwrap();
        }
        assert!(matches!(Box::pin(restored(&path, &text, &before, form)).await, Came::Equal), "{form}");
        dumps.push((form, files(&path), path, directory));
    }
    let (mut equal, mut told) = (0, 0);
    for seed in 0..TIMES * times {
        let (form, files, path, _) = &dumps[usize::try_from(seed).unwrap() % dumps.len()];
        let what = format!("{form}, {}", flip(files, seed));
        let restoring = Box::pin(restored(path, &text, &before, &what));
        match tokio::time::timeout(Duration::from_secs(120), restoring).await.expect(&what) {
            Came::Equal => equal += 1,
            Came::Told => told += 1,
        }
    }
    // Of a comment or an offset nothing depends; nearly all else is somebody's data.
    assert!(told > equal, "{told} told, {equal} equal");
}
