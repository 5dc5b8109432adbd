//! What the tests against real servers judged, judged again without one: `tests/fixtures/judged/`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::check::{CheckResult, Context};
use crate::collect::Wants;
use crate::evidence::Evidence;
use crate::finding::Finding;
use crate::plan::Plan;
use crate::remedy::Remedy;
use crate::report::Report;

/// Every judgement, with what is the same in several written once.
#[derive(Default, Serialize, Deserialize)]
struct Net {
    /// Rows of the catalog.
    rows: Vec<Value>,
    /// Evidence, whose catalog holds places in `rows`: `7`, or `[7, 9]` for 7 to 9.
    evidence: Vec<Value>,
    cases: Vec<Case>,
}

#[derive(Serialize, Deserialize)]
struct Case {
    /// The test, and which of its judgements.
    name: String,
    plan: Value,
    now: usize,
    then: Option<usize>,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/judged")
}

#[test]
fn what_was_judged_is_judged_alike() {
    let wanted = std::env::var("DRCORE_WRITE_FIXTURES").ok();
    if wanted.as_deref() == Some("all") {
        let records =
            std::env::var_os("DRCORE_RECORD").expect("DRCORE_RECORD names the directory of the records");
        let net = pack(Path::new(&records));
        std::fs::write(directory().join("cases.json"), net.to_text()).unwrap();
    }
    let text = std::fs::read_to_string(directory().join("cases.json")).unwrap();
    let now = judged(&serde_json::from_str(&text).unwrap());
    let path = directory().join("judgements.txt");
    if wanted.is_some() || std::env::var("INSTA_UPDATE").as_deref() == Ok("always") {
        std::fs::write(&path, &now).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap();
    if now != stored {
        let differs = |one: &str, other: &str| {
            one.lines().filter(|line| !other.contains(line)).take(12).collect::<Vec<_>>().join("\n")
        };
        panic!(
            "now:\n{}\nstored:\n{}\nif it is meant: DRCORE_WRITE_FIXTURES=report cargo test -p drcore --lib judged",
            differs(&now, &stored),
            differs(&stored, &now)
        );
    }
    assert!(stored.lines().count() > 1_000, "hardly anything was judged");
}

/// Every finding once, then what every judgement says.
fn judged(net: &Net) -> String {
    let evidence: Vec<Evidence> = net.evidence.iter().map(|of| net.unpack(of)).collect();
    let mut findings = BTreeMap::new();
    let mut judgements = String::new();
    let stored = |name: &str| directory().join("../v1").join(name);
    let [now, then] = ["evidence.json", "baseline.json"].map(|name| Evidence::load(stored(name)).unwrap());
    let plan = Plan::from_path(stored("plan.toml")).unwrap();
    let mut cases = vec![("stored.v1", plan, &now, Some(&then))];
    cases.extend(net.cases.iter().map(|case| {
        let plan = Plan::from_json(&case.plan.to_string()).unwrap();
        (case.name.as_str(), plan, &evidence[case.now], case.then.map(|at| &evidence[at]))
    }));
    for (name, plan, now, then) in cases {
        let report = Report::judge(&plan, now, then, &[]);
        writeln!(judgements, "{name}: {}", report.verdict.as_str()).unwrap();
        for check in &report.checks {
            judgements.push_str(&line(check, &mut findings));
        }
        let context = Context::new(&plan, now, then);
        judgements.push_str(&wanted(context));
        for note in &report.notes {
            writeln!(judgements, "  note: {note}").unwrap();
        }
    }
    let findings: String = findings.into_values().collect();
    format!("{findings}\n{judgements}")
}

/// What the checks ask for: `wants assertions 1 1a2b3c4d, freshness 9 …`.
fn wanted(context: Context<'_>) -> String {
    let wants = super::ALL.iter().map(|check| {
        let mut wants = Wants::default();
        (check.wanted)(context, &mut wants);
        let hash = hash(&format!("{wants:?}"));
        format!("{} {} {hash}", check.id, wants.iter().count())
    });
    format!("  wants {}\n", wants.collect::<Vec<_>>().join(", "))
}

fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// `sequence_lag failed, columns 16, sequences 15: 1a2b3c4d`, and what could not be read.
fn line(check: &CheckResult, findings: &mut BTreeMap<(String, String), String>) -> String {
    let mut line = format!("  {} {:?}", check.id, check.outcome);
    if let Some(reason) = check.reason {
        write!(line, " ({}{})", reason.as_str(), if check.counts { ", counts" } else { "" }).unwrap();
    }
    for (what, count) in &check.examined {
        write!(line, ", {what} {count}").unwrap();
    }
    let accepted = check.accepted.iter().map(|accepted| ("accepted ", &accepted.finding));
    for (how, finding) in check.findings.iter().map(|finding| ("", finding)).chain(accepted) {
        let hash = hash(&serde_json::to_string(finding).unwrap());
        write!(line, " {how}{hash}").unwrap();
        findings.insert((finding.id().to_owned(), hash.clone()), described(finding, &hash));
    }
    line.push('\n');
    for unread in &check.unread {
        writeln!(line, "    unread {}: {}", unread.object, unread.cause.message).unwrap();
    }
    if let Some(note) = &check.note {
        writeln!(line, "    {note}").unwrap();
    }
    line
}

fn described(finding: &Finding, hash: &str) -> String {
    let common = finding.common();
    let mut text = format!("{hash} {} {}\n  {}\n", common.severity.as_str(), common.id, common.message);
    if let Some(count) = finding.count() {
        writeln!(text, "  counts {count}").unwrap();
    }
    if !finding.extent().is_empty() {
        writeln!(text, "  extends to {}", finding.extent().join(", ")).unwrap();
    }
    for (what, of) in [("hint", &common.hint), ("query", &common.query)] {
        if let Some(of) = of {
            writeln!(text, "  {what}: {}", of.replace('\n', "\n    ")).unwrap();
        }
    }
    match &common.remedy {
        None => {}
        Some(Remedy::Sql(remedy)) => {
            for statement in &remedy.statements {
                writeln!(text, "  {:?}: {}", remedy.class, statement.replace('\n', "\n    ")).unwrap();
            }
            if let Some(note) = &remedy.note {
                writeln!(text, "  note: {note}").unwrap();
            }
        }
        Some(other) => writeln!(text, "  remedy: {}", serde_json::to_string(other).unwrap()).unwrap(),
    }
    text
}

fn pack(records: &Path) -> Net {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(records).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut net = Net::default();
    let (mut rows, mut evidence) = (BTreeMap::new(), BTreeMap::new());
    for path in paths {
        let mut record: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut place = |side: &str| {
            let mut whole = record[side].take();
            if whole.is_null() {
                return None;
            }
            for fact in whole["catalog"].as_object_mut().unwrap().values_mut() {
                if let Some(Value::Array(read)) = fact.get_mut("read") {
                    let places = read.iter().map(|row| intern(row, &mut rows, &mut net.rows)).collect();
                    *read = ranges(places);
                }
            }
            Some(intern(&whole, &mut evidence, &mut net.evidence))
        };
        let (now, then) = (place("now").unwrap(), place("then"));
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        net.cases.push(Case { name, plan: record["plan"].take(), now, then });
    }
    net
}

fn intern(value: &Value, known: &mut BTreeMap<String, usize>, all: &mut Vec<Value>) -> usize {
    *known.entry(value.to_string()).or_insert_with(|| {
        all.push(value.clone());
        all.len() - 1
    })
}

fn ranges(places: Vec<usize>) -> Vec<Value> {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for place in places {
        match ranges.last_mut() {
            Some((_, last)) if place == *last + 1 => *last = place,
            _ => ranges.push((place, place)),
        }
    }
    ranges
        .into_iter()
        .map(|(from, to)| if from == to { from.into() } else { vec![from, to].into() })
        .collect()
}

impl Net {
    fn unpack(&self, of: &Value) -> Evidence {
        let mut whole = of.clone();
        for fact in whole["catalog"].as_object_mut().unwrap().values_mut() {
            if let Some(Value::Array(read)) = fact.get_mut("read") {
                let place = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
                *read = read
                    .iter()
                    .flat_map(|range| match range.as_array() {
                        Some(range) => place(&range[0])..=place(&range[1]),
                        None => place(range)..=place(range),
                    })
                    .map(|place| self.rows[place].clone())
                    .collect();
            }
        }
        Evidence::from_json(&whole.to_string()).unwrap()
    }

    /// JSON with one row, Evidence or case a line, so that a change is seen as one.
    fn to_text(&self) -> String {
        let lines = |values: Vec<String>| values.join(",\n");
        let values = |values: &[Value]| lines(values.iter().map(Value::to_string).collect());
        let cases = self.cases.iter().map(|case| serde_json::to_string(case).unwrap()).collect();
        format!(
            "{{\"rows\":[\n{}\n],\"evidence\":[\n{}\n],\"cases\":[\n{}\n]}}\n",
            values(&self.rows),
            values(&self.evidence),
            lines(cases)
        )
    }
}
