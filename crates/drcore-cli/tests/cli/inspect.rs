//! `inspect` reads dumps without a server.

use std::io::Write;
use std::process::Stdio;

use drcore_tests::dump::{DumpTable, archive, begin, end, head, piece};

use super::command::{Place, Ran};

/// An archive of two tables, of three rows and two.
fn small() -> Vec<u8> {
    archive(&[(DumpTable::new("a"), "1\n2\n3\n"), (DumpTable::new("we\"ird; DROP"), "1\n2\n")])
}

fn place_with(bytes: &[u8]) -> Place {
    let place = Place::new();
    std::fs::write(place.path("a.dump"), bytes).unwrap();
    place
}

#[test]
fn a_whole_dump_is_told_as_one() {
    let place = place_with(&small());
    let ran = place.run(&["inspect", "a.dump", "-o", "i.json", "-o", "i.md", "-o", "i.txt", "--list"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("WHOLE    a.dump · 2 tables, 5 rows"), "{}", ran.out);
    // A file is wrapped, a pipe is not.
    let text = place.read("i.txt");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("2 tables, 5 rows") && text.contains("we\"\"ird; DROP"), "{text}");
    let json = place.read("i.json");
    assert!(json.contains("\"drcore.inspect/1\"") && json.contains("TABLE DATA"), "{json}");
    assert!(place.read("i.md").starts_with("# WHOLE"));
    let ran = place.run(&["inspect", "a.dump", "--format", "json", "--list"]);
    let without_run = |text: &str| text.split("\"run\"").next().unwrap().to_owned();
    assert_eq!(without_run(&ran.out), without_run(&json));
}

#[test]
fn what_is_not_whole_never_exits_with_0() {
    let whole = small();
    for (length, word, code) in [(whole.len() - 8, "DAMAGED", 1), (40, "DAMAGED", 1), (0, "DAMAGED", 1)] {
        let ran = place_with(&whole[..length]).run(&["inspect", "a.dump"]);
        assert_eq!(ran.code, code, "{length}: {ran:?}");
        assert!(ran.out.starts_with(word), "{length}: {}", ran.out);
    }
    let place = place_with(&whole);
    let ran = place.run(&["inspect", "a.dump", "--no-data"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.out.starts_with("UNPROVEN"), "{}", ran.out);
    std::fs::write(place.path("a.xz"), b"\xfd7zXZ\0 and more").unwrap();
    let ran = place.run(&["inspect", "a.xz"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    std::fs::create_dir(place.path("d")).unwrap();
    let ran = place.run(&["inspect", "d"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.out.contains("toc.dat"), "{}", ran.out);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let place = place_with(&small());
    place.write("half.json", "{\"format\": ");
    for arguments in [
        &["inspect"][..],
        &["inspect", ""],
        &["inspect", "nowhere.dump"],
        &["inspect", "a.dump", "-o", "i.pdf"],
        &["inspect", "a.dump", "-o", "a.dump"],
        &["inspect", "a.dump", "--against", "nowhere.json"],
        &["inspect", "a.dump", "--against", "half.json"],
        &["inspect", "a.dump", "--against", "postgresql://localhost/app"],
        &["inspect", "s3://key:secret@backups"],
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert!(ran.out.is_empty() && !ran.err.contains("secret"), "{arguments:?}: {ran:?}");
    }
    assert_eq!(std::fs::read(place.path("a.dump")).unwrap(), small(), "nothing was written over it");
}

#[test]
fn two_dumps_are_compared() {
    let place = place_with(&small());
    let other = archive(&[(DumpTable::new("a"), "1\n2\n3\n"), (DumpTable::new("we\"ird; DROP"), "1\n7\n")]);
    std::fs::write(place.path("b.dump"), other).unwrap();
    let ran = place.run(&["inspect", "a.dump", "--against", "a.dump"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.contains("against the dump a.dump: 2 tables compared"), "{}", ran.out);
    let ran = place.run(&["inspect", "a.dump", "--against", "b.dump"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.out.starts_with("DIFFERS") && ran.out.contains("2 rows in both, of another text"),
        "{}",
        ran.out
    );
    let ran = place.run(&["verify", "postgresql://localhost/x", "--against", "a.dump"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("is a pg_dump archive, and no baseline"), "{}", ran.err);
}

/// How much memory a process has had at most, in KiB.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A quarter of a gigabyte: many rows, and then one row that is half of it.
#[test]
fn an_archive_that_is_larger_than_memory_is_read_in_little_of_it() {
    const MEGABYTE: usize = 1 << 20;
    let place = Place::new();
    let mut child = place.command(&["inspect", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut into = child.stdin.take().unwrap();
    let tables = [DumpTable::new("many"), DumpTable::new("one")];
    into.write_all(&head(&tables)).unwrap();
    into.write_all(&begin(1)).unwrap();
    let rows = piece("0123456789abcde\n".repeat(MEGABYTE / 16).as_bytes());
    for _ in 0..128 {
        into.write_all(&rows).unwrap();
    }
    into.write_all(&[end(), begin(2)].concat()).unwrap();
    let row = piece(&vec![b'x'; MEGABYTE]);
    for _ in 0..128 {
        into.write_all(&row).unwrap();
    }
    into.write_all(&piece(b"\n")).unwrap();
    // It waits for the rest.
    let peak = peak(child.id());
    into.write_all(&end()).unwrap();
    drop(into);
    let output = child.wait_with_output().unwrap();
    let (out, code) = (String::from_utf8(output.stdout).unwrap(), output.status.code());
    assert_eq!(code, Some(0), "{out}");
    assert!(out.starts_with("WHOLE    standard input · 2 tables, 8,388,609 rows"), "{out}");
    assert!(peak < 96 << 10, "{peak} KiB");
}

#[test]
fn a_reader_that_goes_away_is_no_verdict() {
    let place = Place::new();
    let mut child = place.command(&["inspect", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let whole = small();
    child.stdin.take().unwrap().write_all(&whole[..whole.len() / 2]).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let ran = Ran::of(&mut place.command(&["inspect", "-"]));
    assert_eq!(ran.code, 1, "nothing at all came: {ran:?}");
}
