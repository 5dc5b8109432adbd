//! The table of contents.

use std::collections::BTreeMap;
use std::io::Write;

use drcore::ErrorKind;
use drcore::archive::{Archive, ArchiveForm, ArchiveInput, Compression};
use drcore_tests::{Database, major};

use super::dumps::{SCHEMA, directory, dump, listed, piped};

/// As `pg_restore --list` shows it: a line an entry, by its number.
fn lines(archive: &Archive) -> BTreeMap<u32, String> {
    let or = |text: &Option<String>, other: &str| text.clone().unwrap_or_else(|| other.to_owned());
    archive
        .entries
        .iter()
        .map(|entry| {
            let (schema, owner) = (or(&entry.schema, "-"), or(&entry.owner, ""));
            let line = format!(
                "{}; {} {} {} {schema} {} {owner}",
                entry.dump_id, entry.catalog, entry.oid, entry.kind, entry.name
            );
            (entry.dump_id, line)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_entry_is_read_as_pg_restore_lists_it() {
    let database = Database::with(SCHEMA).await;
    let directory = directory();
    for (form, name, arguments) in [
        (ArchiveForm::Custom, "c.dump", &["-Fc"][..]),
        (ArchiveForm::Custom, "z0.dump", &["-Fc", "-Z0"]),
        (ArchiveForm::Directory, "d", &["-Fd", "-j2"]),
        (ArchiveForm::Tar, "t.tar", &["-Ft"]),
    ] {
        let path = dump(&database, directory.path(), name, arguments).await;
        let archive = Archive::open(ArchiveInput::path(&path)).unwrap();
        let list = listed(&path).await;
        let listed: BTreeMap<u32, String> = list
            .lines()
            .filter(|line| !line.starts_with(';'))
            .map(|line| (line.split(';').next().unwrap().parse().unwrap(), line.to_owned()))
            .collect();
        assert!(listed.len() > 50, "{list}");
        let shown = lines(&archive);
        for (id, line) in &listed {
            assert_eq!(shown[id].trim_end(), line.trim_end(), "{name}");
        }
        // It does not list what is never left out.
        let unlisted: Vec<&str> = archive
            .entries
            .iter()
            .filter(|entry| !listed.contains_key(&entry.dump_id))
            .map(|entry| entry.kind.as_str())
            .collect();
        assert!(
            unlisted.iter().all(|kind| ["DATABASE", "ENCODING", "STDSTRINGS", "SEARCHPATH"].contains(kind)),
            "{unlisted:?}"
        );
        let header = &archive.header;
        assert_eq!(header.form, form);
        assert_eq!(
            header.compression,
            if name == "z0.dump" || name == "t.tar" { Compression::None } else { Compression::Gzip }
        );
        assert_eq!(header.database.as_deref(), Some(database.name.as_str()));
        assert_eq!(header.encoding.as_deref(), Some("UTF8"));
        assert!(
            header.server_version.as_ref().unwrap().starts_with(&major().await.to_string()),
            "{header:?}"
        );
        assert!(
            list.contains(&format!("Dumped by pg_dump version: {}", header.dump_version.as_ref().unwrap()))
        );
        assert!(list.contains(&header.begun.as_ref().unwrap().replace('T', " ")), "{header:?}\n{list}");
        let lines =
            archive.entries.iter().find(|entry| entry.is("TABLE DATA") && entry.name == "lines").unwrap();
        assert_eq!(lines.copy.as_deref(), Some("COPY app.lines (line) FROM stdin;\n"));
        assert!(lines.has_data);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_piped_or_wrapped_has_the_same_table() {
    let database = Database::with(SCHEMA).await;
    let bytes = piped(&database, &["-Fc"]).await;
    let plain = Archive::open(ArchiveInput::reader("a pipe", std::io::Cursor::new(bytes.clone()))).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut twice = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    twice.write_all(&gzip).unwrap();
    let zstd = zstd::encode_all(&bytes[..], 1).unwrap();
    for (wrapped, bytes) in [
        (vec![Compression::Gzip], gzip),
        (vec![Compression::Gzip, Compression::Gzip], twice.finish().unwrap()),
        (vec![Compression::Zstd], zstd),
    ] {
        let archive = Archive::open(ArchiveInput::reader("a pipe", std::io::Cursor::new(bytes))).unwrap();
        assert_eq!(archive.header.wrapped, wrapped);
        assert_eq!(archive.entries, plain.entries);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_cut_or_of_the_future_is_refused_for_what_it_is() {
    let database = Database::with("create table t (id integer)").await;
    let bytes = piped(&database, &["-Fc"]).await;
    let open =
        |bytes: &[u8]| Archive::open(ArchiveInput::reader("a.dump", std::io::Cursor::new(bytes.to_vec())));
    let archive = open(&bytes).unwrap();
    assert!(archive.entries.iter().any(|entry| entry.is("TABLE")));
    for length in 5..400 {
        let error = open(&bytes[..length]).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Format, "{length}: {error}");
        assert!(error.to_string().contains("it ends here"), "{length}: {error}");
    }
    let mut newer = bytes.clone();
    newer[6] = 99;
    let error = open(&newer).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("version 1.99; up to 1.16"), "{error}");
    for (begin, needle) in [(&b""[..], "empty"), (b"BZh9", "bzip2"), (b"\xfd7zXZ\0", "xz")] {
        let error = open(begin).err().unwrap();
        assert!(error.to_string().contains(needle), "{error}");
    }
    let missing = Archive::open(ArchiveInput::path("/nowhere/a.dump")).err().unwrap();
    assert_eq!(missing.kind(), ErrorKind::Io);
}
