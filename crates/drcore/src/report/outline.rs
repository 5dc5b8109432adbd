//! What a report says, as a part of a longer document in Markdown.

use super::Report;
use super::markdown::{code, text};
use super::view::{Card, View};
use crate::text::count;

/// More findings than these are counted.
const MOST: usize = 50;

impl Report {
    /// The verdict and what it means, each finding in a line, and what could not be found out.
    pub(crate) fn outline(&self) -> String {
        let view = View::new(self);
        let joined = |parts: &[String]| parts.iter().map(|part| text(part)).collect::<Vec<_>>().join(" · ");
        let mut out = format!(
            "**{}**: {} · {}  \n{} · {}\n",
            view.verdict,
            text(&view.sentence),
            joined(&view.subject),
            joined(&view.compared),
            text(&view.sums)
        );
        for failure in &view.failures {
            out.push_str(&format!("\n> **could not find out:** {}\n", text(failure)));
        }
        if !view.findings.is_empty() {
            out.push_str(&format!("\n{}\n\n", text(&view.found)));
        }
        let line = |card: &Card| {
            format!("- {} {} {} ({})\n", card.word(), code(&card.object), text(&card.message), code(&card.id))
        };
        out.extend(view.findings.iter().take(MOST).map(line));
        if let Some(more) = view.findings.len().checked_sub(MOST).filter(|more| *more > 0) {
            out.push_str(&format!("- {} more, none worse, in the JSON report\n", count(more as u64)));
        }
        let gaps: Vec<_> = view.gaps.iter().filter(|gap| gap.counts).collect();
        if !gaps.is_empty() {
            out.push_str("\nCould not be found out:\n\n");
        }
        for gap in gaps {
            out.push_str(&format!("- {} {} {}\n", gap.word, code(&gap.check), text(&gap.why)));
            out.extend(gap.unread.iter().map(|unread| format!("  - {}\n", text(unread))));
        }
        out
    }
}
