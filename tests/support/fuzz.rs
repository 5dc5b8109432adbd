//! What must hold whatever is read: run by the fuzzer on what it makes up, and by a test on what it found.

use std::io::{Cursor, Read};
use std::path::Path;

use drcore::archive::{
    ArchiveInput, ArchiveTableState, InspectOptions, InspectVerdict, Inspection, inspect_blocking,
};
use drcore::connect::Dsn;
use drcore::evidence::Run;
use drcore::report::TextOptions;
use drcore::restore::{RepairOptions, RepairPlan};
use drcore::{Error, Evidence, Plan, Report, Verdict};

/// One reader, with what must hold of it.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// The name of its fuzz target, and of the directory of what was found.
    pub name: &'static str,
    /// Panics where it does not hold.
    pub check: fn(&[u8]),
}

/// Every reader of text that comes from outside.
pub const READERS: &[Reader] = &[
    Reader { name: "archive", check: archive },
    Reader { name: "dsn", check: dsn },
    Reader { name: "evidence", check: evidence },
    Reader { name: "plan", check: plan },
    Reader { name: "report", check: report },
    Reader { name: "sketches", check: sketches },
];

/// A dump is read as far as it goes, the same way in pieces of any size, and half a table has no number of rows.
pub fn archive(data: &[u8]) {
    let mut options = InspectOptions::default();
    (options.fingerprints, options.list) = (true, true);
    let read = |reader: Box<dyn Read + Send>| {
        inspect_blocking(ArchiveInput::reader("a dump", reader), &options)
            .expect("a dump in memory can be read")
    };
    let mut whole = read(Box::new(Cursor::new(data.to_vec())));
    let mut pieces = read(Box::new(Pieces(Cursor::new(data.to_vec()))));
    (whole.run.elapsed_ms, pieces.run.elapsed_ms) = (0, 0);
    assert_eq!(whole, pieces, "a dump is another when it comes in pieces");
    if whole.verdict == InspectVerdict::Whole {
        assert!(whole.tables.iter().all(|table| table.state == ArchiveTableState::Whole), "{whole:?}");
    }
    for table in &whole.tables {
        assert_eq!(table.rows.is_some(), table.state == ArchiveTableState::Whole, "{table:?}");
    }
    let json = whole.to_json().expect("an inspection is written");
    assert_eq!(Inspection::from_json(&json).expect("and read again"), whole);
    for (width, verbose) in [(None, false), (Some(80), true), (Some(3), true)] {
        let mut options = TextOptions::default();
        (options.width, options.verbose) = (width, verbose);
        harmless(&whole.to_text(options));
    }
    harmless(&whole.to_markdown());
}

/// Gives a few bytes at a time.
struct Pieces(Cursor<Vec<u8>>);

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let room = buffer.len().min(61);
        self.0.read(&mut buffer[..room])
    }
}

/// A connection string is read or refused, and never repeats its password.
pub fn dsn(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A service or password file may be a device that never ends.
    if text.contains("/dev") || text.contains("/proc") {
        return;
    }
    match Dsn::parse(text) {
        Ok(dsn) => {
            // What is shown of it is not longer than what was given, but for defaults.
            assert!(!format!("{dsn} {dsn:?}").contains('\n') || text.contains('\n') || text.contains('%'));
            let _ = (dsn.project(), dsn.is_local(), dsn.password_place(), dsn.ssl_mode(), dsn.database());
        }
        Err(error) => told(&error),
    }
    for (before, after) in
        [("postgresql://u:", "@h/d?"), ("host=h password='", "' user="), ("postgresql://h/?password=", "&")]
    {
        let password = "Zq7Hidden";
        let with = format!("{before}{password}{after}{text}");
        let shown = match Dsn::parse(&with) {
            Ok(dsn) => format!("{dsn} {dsn:?}"),
            Err(error) => {
                told(&error);
                format!("{error} {error:?}")
            }
        };
        // Where the text itself says that the password is a host, it is one.
        assert!(
            !shown.contains(password) || with.matches(password).count() > 1,
            "{with:?} is told as {shown}"
        );
    }
}

/// A plan is read back as it was written, and alone proves nothing.
pub fn plan(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for read in [Plan::from_toml(text), Plan::from_json(text)] {
        match read {
            Err(error) => told(&error),
            Ok(plan) => {
                let json = plan.to_json().expect("a plan is written");
                let again = Plan::from_json(&json).expect("and read again");
                assert_eq!(
                    again.to_json().expect("a plan is written"),
                    json,
                    "a plan is not the same when it is read again"
                );
                let nothing = Evidence::new(Run::new(jiff::Timestamp::UNIX_EPOCH));
                let report = plan.judge(&nothing, None);
                assert_ne!(report.verdict, Verdict::Passed, "nothing was read, and it passed");
                shown(&report);
            }
        }
    }
}

/// Evidence is read back as it was written, and can be judged, alone and against itself.
pub fn evidence(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Evidence::from_json(text) {
        Err(error) => told(&error),
        Ok(evidence) => {
            let json = evidence.to_json().expect("Evidence is written");
            let again = Evidence::from_json(&json).expect("and read again");
            assert_eq!(
                again.to_json().expect("Evidence is written"),
                json,
                "Evidence is not the same when it is read again"
            );
            let plan = Plan::default();
            shown(&plan.judge(&evidence, None));
            shown(&plan.judge(&evidence, Some(&evidence)));
        }
    }
}

/// A report is read back as it was written, and every form of it can be.
pub fn report(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Report::from_json(text) {
        Err(error) => told(&error),
        Ok(report) => {
            let json = report.to_json().expect("a report is written");
            assert!(
                Report::from_json(&json).expect("and read again") == report,
                "a report is another when it is read again"
            );
            shown(&report);
            if let Ok(plan) = RepairPlan::of(&report, &RepairOptions::default()) {
                harmless(&plan.to_text());
                let _ = plan.to_sql();
            }
        }
    }
}

/// What stands beside a baseline is read, or is lost for a reason.
pub fn sketches(data: &[u8]) {
    thread_local! {
        static DIRECTORY: tempfile::TempDir = tempfile::tempdir().expect("a directory");
    }
    DIRECTORY.with(|directory| sketches_in(directory.path(), data));
}

fn sketches_in(directory: &Path, data: &[u8]) {
    let mut evidence = serde_json::json!({
        "format": Evidence::FORMAT, "catalog": {}, "scans": { "tables": {}, "orphans": {}, "orphan_samples": {}, "sequences": {} },
        "run": { "taken_at": "2026-11-20T00:00:00Z", "drcore": "0", "sessions": 1, "one_snapshot": true, "elapsed_ms": 0 },
    });
    let digest: String =
        <sha2::Sha256 as sha2::Digest>::digest(data).iter().map(|byte| format!("{byte:02x}")).collect();
    evidence["run"]["sketches"] =
        serde_json::json!({ "file": "b.sketches", "bytes": data.len(), "sha256": digest });
    std::fs::write(directory.join("b.sketches"), data).expect("a file is written");
    std::fs::write(directory.join("b.json"), evidence.to_string()).expect("a file is written");
    let read =
        Evidence::load(directory.join("b.json")).expect("Evidence without its sketches is worth something");
    // What was read can be written again.
    read.save(directory.join("again.json")).expect("Evidence is written");
    Evidence::load(directory.join("again.json")).expect("and read again");
}

/// An error says what is wrong and what to do, and steers nothing.
fn told(error: &Error) {
    assert!(!error.message().is_empty() && !error.next_step().is_empty(), "{error:?}");
    assert!(error.to_wire().to_json().is_ok());
}

/// Every form of a report, on a screen of every kind.
fn shown(report: &Report) {
    for (width, verbose) in [(None, false), (Some(80), true), (Some(3), true)] {
        let mut options = TextOptions::default();
        (options.width, options.verbose) = (width, verbose);
        harmless(&report.to_text(options));
    }
    harmless(&report.to_markdown());
    harmless(&report.to_github_summary());
    harmless(&report.to_github_annotations());
    harmless(&report.to_html().expect("a page is written"));
    harmless(&report.to_html_fragment().expect("a fragment is written"));
    harmless(&report.to_junit().expect("JUnit is written"));
    harmless(&report.to_json().expect("JSON is written"));
}

fn harmless(text: &str) {
    let steers = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.contains(steers), "{text:?}");
}
