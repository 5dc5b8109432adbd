//! Every fault by every check, on a healthy database and on its damaged twin: `MATRIX.md`.
//!
//! `DRCORE_WRITE_FIXTURES=all` writes the page again.

mod arena;
mod cases;

use std::path::Path;
use std::time::Duration;

use arena::{Arena, Run, Subject, Twins};
use cases::Case;
use drcore::check::{CheckResult, Outcome};
use drcore::{Finding, Verdict};
use futures::StreamExt;

/// How many runs go on beside each other, where `DRCORE_BESIDE` does not say. Those that wait for an end cost nothing;
/// on a machine that does much else, fewer are each done within their limits.
const BESIDE: usize = 8;

/// Whatever happens, a run ends this much after its deadline at the latest: most of it is for slow machines.
const GRACE: Duration = Duration::from_secs(3);

/// What both twins came to, check by check.
struct Row {
    fault: String,
    moment: &'static str,
    times: &'static str,
    cells: Vec<String>,
}

impl Row {
    fn line(&self) -> String {
        let start = [self.fault.as_str(), self.moment, self.times];
        let cells: Vec<&str> = start.into_iter().chain(self.cells.iter().map(String::as_str)).collect();
        line(&cells)
    }

    /// What is stored of it, where more was read this time before the fault ended the run: which session comes to it
    /// first is a race. What was read is as honest as without a fault, or [`assert_honest`] would have said so.
    fn raced(&self, stored: &str) -> Option<Vec<String>> {
        let start = format!("| {} | scan | {} | ", self.fault, self.times);
        let cells = stored.lines().find_map(|line| line.strip_prefix(&start))?.strip_suffix(" |")?;
        let cells: Vec<String> = cells.split(" | ").map(str::to_owned).collect();
        let fits = |now: &String, then: &String| {
            let (now, then) = (twins_of(now), twins_of(then));
            (now.0 == then.0 || now.0 == "passed") && (now.1 == then.1 || now.1 == "failed")
        };
        let is_it = (self.moment, self.cells.len()) == ("scan", cells.len());
        (is_it && self.cells.iter().zip(&cells).all(|(now, then)| fits(now, then))).then_some(cells)
    }
}

#[test]
fn a_race_makes_a_check_no_greener_than_it_is_without_a_fault() {
    let stored = "| f | scan | once | · | · | · | · |\n\
                  | f | scan | always | · | connection | connection / failed | error 1 |\n";
    let raced = |cells: [&str; 4]| {
        let cells = cells.map(str::to_owned).to_vec();
        Row { fault: "f".to_owned(), moment: "scan", times: "always", cells }.raced(stored).is_some()
    };
    assert!(raced(["·", "connection", "connection / failed", "error 1"]));
    assert!(raced(["·", "·", "·", "·"]) && raced(["·", "connection / failed", "·", "passed / error 1"]));
    assert!(!raced(["·", "passed", "·", "·"]), "the damage was not seen");
    assert!(!raced(["connection", "·", "·", "·"]), "less was read");
    assert!(!raced(["·", "deadline", "·", "·"]), "another cause");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_makes_any_check_green() {
    let arena = Arena::new().await;
    let twins = &arena.twins;
    for (healthy, damaged) in twins.healthy.usual.checks.iter().zip(&twins.damaged.usual.checks) {
        assert_eq!(
            (healthy.outcome, damaged.outcome),
            (Outcome::Passed, Outcome::Failed),
            "{}: {healthy:#?}",
            healthy.id
        );
    }
    let cases = cases::all();
    let at_once =
        std::env::var("DRCORE_BESIDE").map_or(BESIDE, |text| text.parse().expect("a number of runs"));
    let beside: Vec<(usize, &Case)> = cases.iter().enumerate().filter(|(_, case)| !case.alone).collect();
    let mut rows: Vec<(usize, Row)> = futures::stream::iter(beside)
        .map(|(at, case)| {
            let row = both(&arena, twins, case);
            async move { (at, row.await) }
        })
        .buffer_unordered(at_once)
        .collect()
        .await;
    for (at, case) in cases.iter().enumerate().filter(|(_, case)| case.alone) {
        rows.push((at, both(&arena, twins, case).await));
    }
    rows.sort_by_key(|(at, _)| *at);
    let mut rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
    rows.push(large(&arena).await);

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults/MATRIX.md");
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let ids: Vec<&str> = twins.healthy.usual.checks.iter().map(|check| check.id.as_str()).collect();
    // A page of other checks has no row in common, and some cases leave the cluster with what they did to it.
    let attempts = if stored.contains(&header(&ids)) { 3 } else { 0 };
    // On a busy machine a limit may strike before the fault does: once more, with nothing beside it.
    for _ in 0..attempts {
        for (row, case) in rows.iter_mut().zip(&cases) {
            if !stored.contains(&row.line()) && row.raced(&stored).is_none() {
                *row = both(&arena, twins, case).await;
            }
        }
    }
    for row in &mut rows {
        if let Some(stored) = row.raced(&stored) {
            row.cells = stored;
        }
    }
    let page = page(&ids, &rows);
    println!("{page}");
    if std::env::var_os("DRCORE_WRITE_FIXTURES").is_some_and(|what| what == "all") {
        std::fs::write(&path, &page).unwrap();
        return;
    }
    let differ: Vec<(&str, &str)> =
        page.lines().zip(stored.lines()).filter(|(now, then)| now != then).collect();
    assert!(differ.is_empty(), "not what MATRIX.md says (now, then): {differ:#?}");
    assert_eq!(page.lines().count(), stored.lines().count(), "MATRIX.md has other lines");
}

/// One fault on both twins.
async fn both(arena: &Arena, twins: &Twins, case: &Case) -> Row {
    let what = format!("{} at {} ({})", case.fault, case.moment, case.times);
    let one = async |subject| {
        let run = (case.run)(arena, twins, subject).await;
        let what = format!("{what} on {}", subject.name);
        if let Some(struck) = run.struck {
            // Nobody is asked for who is damaged where nobody is.
            let never = case.moment == "sample" && subject.name == twins.healthy.name;
            assert_eq!(struck > 0, !never, "{what}: struck {struck} times");
        }
        assert_honest(&run, subject, &what);
        run.report.checks.iter().map(cell).collect::<Vec<_>>()
    };
    let cells = if case.alone {
        [one(&twins.healthy).await, one(&twins.damaged).await]
    } else {
        futures::join!(one(&twins.healthy), one(&twins.damaged)).into()
    };
    Row { fault: case.fault.clone(), moment: case.moment, times: case.times, cells: pairs(&cells) }
}

/// Temporary files are written where there are many rows; the others of these twins' checks have nothing to do.
async fn large(arena: &Arena) -> Row {
    let twins = arena.large().await;
    let mut cells = [Vec::new(), Vec::new()];
    for (cells, subject) in cells.iter_mut().zip([&twins.healthy, &twins.damaged]) {
        let run = cases::without_temporary_files(arena, &twins, subject).await;
        assert_honest(&run, subject, &format!("temp_file_limit on {}", subject.name));
        let result = |id: &str| run.report.checks.iter().find(|check| check.id == id).unwrap();
        assert_eq!(result("orphan_fks").outcome, Outcome::NotRun, "{:#?}", result("orphan_fks"));
        *cells = run.report.checks.iter().map(cell).collect();
    }
    Row {
        fault: "temp_file_limit, many rows".to_owned(),
        moment: "throughout",
        times: "always",
        cells: pairs(&cells),
    }
}

/// Nothing is found that is not there, nothing is passed that was not read, and nothing that is
/// damaged is passed at all.
fn assert_honest(run: &Run, subject: &Subject, what: &str) {
    let Run { report, took, deadline, .. } = run;
    assert!(*took < *deadline + GRACE, "{what}: took {took:?}");
    // Not by kind: of a table that was not read, less is known, and that may be a finding of another kind.
    let damaged: Vec<&str> = subject.usual.findings().iter().map(|finding| object(finding)).collect();
    for finding in report.findings() {
        assert!(damaged.contains(&object(finding)), "{what}: {} is not so", finding.id());
    }
    for (now, usual) in report.checks.iter().zip(&subject.usual.checks) {
        match now.outcome {
            Outcome::Passed => {
                assert_eq!(usual.outcome, Outcome::Passed, "{what}: {} is a false green", now.id);
                assert_eq!(now.examined, usual.examined, "{what}: {} did not look at all", now.id);
            }
            Outcome::Failed => assert_eq!(usual.outcome, Outcome::Failed, "{what}: {}", now.id),
            Outcome::NotRun => {
                assert!(
                    now.counts || !usual.counts && usual.outcome == Outcome::NotRun,
                    "{what}: {} hides that it was not run",
                    now.id
                );
            }
        }
    }
    let all_as_usual =
        report.checks.iter().zip(&subject.usual.checks).all(|(now, usual)| now.outcome == usual.outcome);
    match report.verdict {
        Verdict::Passed => assert!(all_as_usual && subject.usual.verdict == Verdict::Passed, "{what}"),
        Verdict::Failed => assert_eq!(subject.usual.verdict, Verdict::Failed, "{what}"),
        Verdict::Unproven => assert!(!all_as_usual, "{what}: everything was read"),
    }
}

fn object(finding: &Finding) -> &str {
    &finding.common().object
}

/// What a check came to: its outcome, or why it was not run.
fn cell(check: &CheckResult) -> String {
    match check.outcome {
        Outcome::Passed => "passed".to_owned(),
        Outcome::Failed => "failed".to_owned(),
        Outcome::NotRun => {
            let mut causes: Vec<String> = check
                .unread
                .iter()
                .map(|unread| {
                    let kind = serde_json::to_value(unread.cause.kind).unwrap();
                    let code = unread.cause.sqlstate.as_deref().unwrap_or_default();
                    format!("{} {code}", kind.as_str().unwrap_or_default()).trim_end().to_owned()
                })
                .collect();
            causes.sort();
            causes.dedup();
            if causes.is_empty() { "nothing to do".to_owned() } else { causes.join(", ") }
        }
    }
}

/// What the twins came to, of [`pairs`].
fn twins_of(cell: &str) -> (&str, &str) {
    if cell == "·" { ("passed", "failed") } else { cell.split_once(" / ").unwrap_or((cell, cell)) }
}

/// What the twins came to, in as few words as will do.
fn pairs(cells: &[Vec<String>; 2]) -> Vec<String> {
    let [healthy, damaged] = cells;
    let pair = |(healthy, damaged): (&String, &String)| match (healthy.as_str(), damaged.as_str()) {
        ("passed", "failed") => "·".to_owned(),
        _ if healthy == damaged => healthy.clone(),
        _ => format!("{healthy} / {damaged}"),
    };
    healthy.iter().zip(damaged).map(pair).collect()
}

fn page(checks: &[&str], rows: &[Row]) -> String {
    let mut page = "\
# What faults do to checks

Made by `tests/faults/matrix.rs`, which holds it equal: every fault by every check, on a healthy database and on its
damaged twin. `·` is as if nothing had happened: the check passed on the healthy one, having looked at everything, and
failed on the damaged one. Else it says why the check was `not_run`, the kind of cause and the SQLSTATE where the server
gave one; `healthy / damaged` where the two differ. No check ever passes on the damaged one.

A fault that strikes once strikes the first time that the run comes to the moment; always, every time, and so again when
it is tried again. What comes through once was tried again, or was not needed any more.

"
    .to_owned();
    page.push_str(&header(checks));
    page.push_str(&line(&vec!["---"; checks.len() + 3]));
    for row in rows {
        page.push_str(&row.line());
    }
    page
}

fn header(checks: &[&str]) -> String {
    let head: Vec<&str> = ["fault", "at", "times"].iter().chain(checks).copied().collect();
    line(&head)
}

fn line(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}
