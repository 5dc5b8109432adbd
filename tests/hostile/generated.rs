//! Reports whose every text is made up: whatever stands in it, no form of the report breaks.

use drcore::Report;
use drcore::check::Outcome;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::forms;
use super::names::NAMES;

/// Pieces that mean something somewhere: what is made of them is nearer to breaking out than chance.
const PIECES: [&str; 48] = [
    "`",
    "``",
    "```",
    "```\n",
    "|",
    "\\",
    "\\|",
    "\n",
    "\r",
    "\n\n",
    "\t",
    " ",
    "  ",
    "#",
    "# ",
    "> ",
    "- ",
    "+ ",
    "1. ",
    "* ",
    "*",
    "**",
    "_",
    "__",
    "~",
    "~~",
    "[",
    "](",
    ")",
    "![",
    "<",
    ">",
    "</",
    "<!--",
    "-->",
    "]]>",
    "&",
    "&#",
    ";",
    "::",
    "##[",
    "::error::",
    "@",
    "http://",
    "www.",
    "\u{1b}[",
    "\u{202e}",
    "\u{feff}",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        2 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned),
        2 => "[a-z0-9]{1,5}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn finding(texts: &[String]) -> Value {
    let at = |number: usize| &texts[number % texts.len()];
    let remedy = if texts.len().is_multiple_of(2) {
        json!({ "type": "sql", "class": "safe", "statements": [at(0), at(1)], "note": at(2) })
    } else {
        json!({ "type": "choose", "choices": [
            { "name": at(0), "summary": at(1), "class": "destructive", "statements": [at(2)] },
        ] })
    };
    json!({
        "kind": "custom", "id": format!("c:custom:{}", at(3)), "check": at(0), "severity": "critical",
        "object": at(4), "message": at(5), "hint": at(6), "query": at(7), "remedy": remedy,
    })
}

fn report(texts: &[String]) -> Report {
    let unread: Vec<Value> = texts
        .iter()
        .map(|text| json!({ "object": text, "cause": { "kind": "error", "message": text, "hint": text } }))
        .collect();
    let all = texts.concat();
    let value = json!({
        "format": "drcore.report/1", "verdict": "failed", "examined": { "tables": 1 },
        "checks": [
            {
                "id": texts[0], "outcome": Outcome::Failed, "counts": false, "examined": { "tables": 1 },
                "unread": unread, "findings": [finding(texts)],
                "accepted": [{ "finding": finding(texts), "reason": all }],
            },
            {
                "id": "freshness", "outcome": Outcome::NotRun, "reason": "unreadable", "note": all, "counts": true,
                "examined": {}, "unread": unread, "findings": [],
            },
        ],
        "notes": texts,
        "run": { "plan": all, "evidence": {
            "taken_at": "2026-11-20T00:00:00Z", "drcore": "0", "host": all, "project": texts[0], "sessions": 1,
            "one_snapshot": true, "elapsed_ms": 1, "notes": texts,
            "failure": { "kind": "query", "message": all, "hint": all },
        } },
    });
    Report::from_json(&value.to_string()).unwrap_or_else(|error| panic!("{error}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_any_form(texts in prop::collection::vec(text(), 1..4)) {
        let report = report(&texts);
        let json = report.to_json().unwrap();
        forms::screen("JSON", &json);
        prop_assert!(Report::from_json(&json).unwrap() == report);
        forms::check(&report);
    }
}
