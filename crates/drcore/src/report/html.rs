//! The report as HTML: a file of its own, and a fragment for notebooks.

use askama::Template;

use super::Report;
use super::view::{Card, Gap, View};
use crate::error::{Error, ErrorKind, Result};
use crate::finding::Severity;
use crate::text::plural;

/// A report of more JSON than this is not embedded: half of one would pass for the whole.
const EMBEDDED_BYTES: usize = 60_000;
/// How many findings are open at first; the others are folded.
const OPEN_FINDINGS: usize = 20;
const PAGE_BYTES: usize = 200_000;
const FRAGMENT_BYTES: usize = 100_000;

/// How much is shown. Ordinary reports fit with the first of these, hostile ones with the last.
#[derive(Clone, Copy)]
struct Room {
    /// Bytes for findings, roughly.
    findings: usize,
    /// Lines for accepted findings, and as many for notes.
    lines: usize,
    /// Lines for what one check could not read.
    unread: usize,
}

const PAGE_ROOMS: [Room; 3] = [
    Room { findings: 90_000, lines: 40, unread: 10 },
    Room { findings: 60_000, lines: 10, unread: 2 },
    Room { findings: 30_000, lines: 3, unread: 0 },
];
const FRAGMENT_ROOMS: [Room; 3] = [
    Room { findings: 60_000, lines: 0, unread: 0 },
    Room { findings: 30_000, lines: 0, unread: 0 },
    Room { findings: 5_000, lines: 0, unread: 0 },
];

impl Report {
    /// The report as one HTML file, below 200 kB: readable without script, style sheet or network.
    ///
    /// The JSON form is embedded as `<script type="application/json" id="drcore-report">`, if it is not too long.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if it cannot be written.
    pub fn to_html(&self) -> Result<String> {
        let view = View::new(self);
        let json = embedded(self)?;
        smallest(PAGE_ROOMS, PAGE_BYTES, |room| {
            let (open, folded, rest) = shown(&view.findings, room);
            Page {
                open,
                folded,
                rest,
                gaps: counting(&view).map(|gap| (gap, Lines::of(&gap.unread, room.unread))).collect(),
                accepted: Lines::of(&view.accepted, room.lines),
                notes: Lines::of(&view.notes, room.lines),
                json: json.as_deref(),
                view: &view,
            }
            .render()
        })
    }

    /// The report as an HTML fragment for a notebook: styled inline, below 100 kB, the worst 20
    /// findings open and the rest folded.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] if it cannot be written.
    pub fn to_html_fragment(&self) -> Result<String> {
        let view = View::new(self);
        smallest(FRAGMENT_ROOMS, FRAGMENT_BYTES, |room| {
            let (open, folded, rest) = shown(&view.findings, room);
            Fragment { open, folded, rest, gaps: counting(&view).collect(), view: &view }.render()
        })
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'v> {
    view: &'v View,
    open: &'v [Card],
    folded: &'v [Card],
    rest: Option<String>,
    gaps: Vec<(&'v Gap, Lines<'v, String>)>,
    accepted: Lines<'v, (Card, String)>,
    notes: Lines<'v, String>,
    json: Option<&'v str>,
}

#[derive(Template)]
#[template(path = "fragment.html")]
struct Fragment<'v> {
    view: &'v View,
    open: &'v [Card],
    folded: &'v [Card],
    rest: Option<String>,
    gaps: Vec<&'v Gap>,
}

/// The first lines of a list, and how many more there are.
struct Lines<'v, T> {
    shown: &'v [T],
    more: usize,
}

impl<'v, T> Lines<'v, T> {
    fn of(all: &'v [T], most: usize) -> Self {
        let shown = all.len().min(most);
        Self { shown: &all[..shown], more: all.len() - shown }
    }
}

impl Card {
    /// The class that colours it.
    fn class(&self) -> &'static str {
        self.severity.as_str()
    }

    /// The same, inline: readable on white and on black.
    fn colour(&self) -> &'static str {
        match self.severity {
            Severity::Critical => "#d5393e",
            Severity::Warning => "#b97900",
            Severity::Info => "#3b82c4",
        }
    }
}

impl View {
    fn class(&self) -> String {
        self.verdict.to_ascii_lowercase()
    }

    fn colour(&self) -> &'static str {
        match self.verdict {
            "FAILED" => "#d5393e",
            "PASSED" => "#2f9e5b",
            _ => "#b97900",
        }
    }
}

/// The first rendering that is below the limit, or else the last.
fn smallest(
    rooms: [Room; 3],
    limit: usize,
    render: impl Fn(Room) -> Result<String, askama::Error>,
) -> Result<String> {
    let mut html = String::new();
    for room in rooms {
        html = render(room).map_err(|error| {
            Error::new(ErrorKind::Internal, "cannot write the report as HTML").caused_by(error)
        })?;
        if html.len() < limit {
            break;
        }
    }
    Ok(html)
}

/// The findings that are open, those that are folded, and what is said of those left out.
fn shown(cards: &[Card], room: Room) -> (&[Card], &[Card], Option<String>) {
    let mut used = 0;
    let fit = cards
        .iter()
        .take_while(|card| {
            let fixes = card
                .fixes
                .iter()
                .flat_map(|fix| std::iter::once(&fix.label).chain(&fix.note).chain(&fix.sql));
            let texts = [&card.object, &card.message, &card.id];
            let texts = texts.into_iter().chain(&card.hint).chain(&card.query).chain(fixes);
            // The tags around them are of a fixed size.
            used += 400 + texts.map(|text| escaped_length(text) + 60).sum::<usize>();
            used <= room.findings
        })
        .count();
    let open = fit.min(OPEN_FINDINGS);
    let left_out = cards.len() - fit;
    let rest = (left_out > 0)
        .then(|| format!("+ {}, none worse, in the JSON report", plural(left_out as u64, "more finding")));
    (&cards[..open], &cards[open..fit], rest)
}

fn escaped_length(text: &str) -> usize {
    text.len() + 4 * text.bytes().filter(|byte| matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\'')).count()
}

/// What could not be found out and keeps the verdict from `passed`.
fn counting(view: &View) -> impl Iterator<Item = &Gap> {
    view.gaps.iter().filter(|gap| gap.counts)
}

/// The JSON form, such that no name in it ends the element around it.
fn embedded(report: &Report) -> Result<Option<String>> {
    let json = crate::wire::to_json_line(report)?.replace('<', "\\u003c");
    Ok((json.len() <= EMBEDDED_BYTES).then_some(json))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn rich() {
        insta::assert_snapshot!(samples::rich().to_html().unwrap());
    }

    #[test]
    fn rich_fragment() {
        insta::assert_snapshot!(samples::rich().to_html_fragment().unwrap());
    }

    #[test]
    fn names_stay_in_their_place() {
        let report = samples::hostile();
        for html in [report.to_html().unwrap(), report.to_html_fragment().unwrap()] {
            let tags = html.to_ascii_lowercase();
            assert!(!tags.contains("<script>") && !tags.contains("<img"), "{html}");
            assert_eq!(tags.matches("<script").count(), tags.matches("</script>").count());
            assert!(tags.matches("<script").count() <= 1, "only the embedded JSON");
        }
        let fragment = report.to_html_fragment().unwrap();
        assert!(!fragment.contains(['\u{202e}', '\u{1b}', '\0']));
    }

    #[test]
    fn the_embedded_json_is_the_report() {
        for report in [samples::rich(), samples::hostile()] {
            let html = report.to_html().unwrap();
            let json = html.split("id=\"drcore-report\">").nth(1).unwrap().split("</script>").next().unwrap();
            assert_eq!(Report::from_json(json).unwrap(), report);
        }
    }

    #[test]
    fn nothing_is_loaded_and_nothing_runs() {
        let html = samples::rich().to_html().unwrap();
        for forbidden in ["http:", "https:", " src=", "@import", "url(", "javascript", "onclick"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
        assert!(!samples::rich().to_html_fragment().unwrap().contains("<style"));
    }

    #[test]
    fn big_reports_stay_small_and_say_what_is_left_out() {
        for report in [samples::big(2_000), samples::big_unread(1_000), samples::long_texts()] {
            let html = report.to_html().unwrap();
            assert!(html.len() < 200_000, "{}", html.len());
            let fragment = report.to_html_fragment().unwrap();
            assert!(fragment.len() < 100_000, "{}", fragment.len());
        }
        let html = samples::big(2_000).to_html().unwrap();
        assert!(html.contains("more findings"), "the rest is counted");
        assert!(!html.contains("drcore-report\""), "half a report would pass for the whole");
        assert!(html.contains("too long to be embedded"));
    }
}
