//! The report as Markdown, for files, comments and the summary of a GitHub job.

use super::Report;
use super::escape::terminal;
use super::view::{Card, View};
use crate::text::count;

/// GitHub drops a job summary of more than 1 MiB as a whole.
const GITHUB_SUMMARY_BYTES: usize = 900_000;

impl Report {
    /// The report as GitHub-flavoured Markdown.
    ///
    /// Names from the database cannot break out of their place, nor mention anybody.
    pub fn to_markdown(&self) -> String {
        render(&View::new(self), usize::MAX)
    }

    /// The same for the summary of a GitHub job: below 900 kB, by leaving out the least bad findings.
    pub fn to_github_summary(&self) -> String {
        render(&View::new(self), GITHUB_SUMMARY_BYTES)
    }
}

/// What stands in a cell of a Markdown table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MarkdownCell<'t> {
    /// Shown as it is typed, such as a command or an object.
    Code(&'t str),
    /// Words.
    Text(&'t str),
}

/// One row of a Markdown table, whatever is in its cells: nothing in them is markup or ends a cell.
///
/// ```
/// use drcore::report::{MarkdownCell, markdown_row};
///
/// let row = markdown_row([MarkdownCell::Code("psql -c 'a|b'"), MarkdownCell::Text("<b>\n")]);
/// assert_eq!(row, "| `psql -c 'a\\|b'` | &lt;b&gt;\\\\n |\n");
/// ```
pub fn markdown_row<'t>(cells: impl IntoIterator<Item = MarkdownCell<'t>>) -> String {
    let cells: Vec<String> = cells
        .into_iter()
        .map(|one| match one {
            MarkdownCell::Code("") => String::new(),
            MarkdownCell::Code(plain) => cell(&code(plain)),
            MarkdownCell::Text(plain) => cell(&text(plain)),
        })
        .collect();
    format!("| {} |\n", cells.join(" | "))
}

/// As many findings as fit into `budget` bytes, worst first, and all the rest.
fn render(view: &View, budget: usize) -> String {
    let mut out = head(view);
    let tail = tail(view);
    let room = budget.saturating_sub(out.len() + tail.len() + 200);
    let mut findings = String::new();
    let mut left_out = 0;
    for card in &view.findings {
        let text = finding(card);
        if left_out > 0 || findings.len() + text.len() > room {
            left_out += 1;
        } else {
            findings.push_str(&text);
        }
    }
    if !view.findings.is_empty() {
        out.push_str("\n## Findings\n");
    }
    out.push_str(&findings);
    if left_out > 0 {
        out.push_str(&format!("\n**+ {} more, none worse, in the JSON report**\n", count(left_out)));
    }
    // Without any finding it may still be too long: thousands of checks or notes of an embedder.
    if out.len() + tail.len() <= budget {
        out.push_str(&tail);
    } else {
        out.push_str("\n**the rest is too long: see the JSON report**\n");
    }
    out
}

fn head(view: &View) -> String {
    let mut out = format!("# {}\n\n", view.verdict);
    let subject: Vec<String> = view.subject.iter().map(|part| text(part)).collect();
    out.push_str(&format!("{}\n\n", subject.join(" · ")));
    let compared: Vec<String> = view.compared.iter().map(|part| text(part)).collect();
    out.push_str(&format!("**{}** · {}\n\n", text(&view.sentence), compared.join(" · ")));
    out.push_str(&format!("{}  \n{}\n", text(&view.sums), text(&view.found)));
    for failure in &view.failures {
        out.push_str(&format!("\n> **could not find out:** {}\n", text(failure)));
    }
    out
}

fn finding(card: &Card) -> String {
    let mut out =
        format!("\n### {}. {} {}\n\n{}\n", card.number, card.word(), code(&card.object), text(&card.message));
    if let Some(hint) = &card.hint {
        out.push_str(&format!("\n{}\n", text(hint)));
    }
    for fix in &card.fixes {
        let note = fix.note.as_ref().map_or_else(String::new, |note| format!(": {}", text(note)));
        out.push_str(&format!("\n**{}**{note}\n", text(&fix.label)));
        if let Some(sql) = &fix.sql {
            out.push_str(&format!("\n{}", fenced(sql)));
        }
    }
    if let Some(query) = &card.query {
        out.push_str(&format!(
            "\n<details><summary>see for yourself</summary>\n\n{}\n</details>\n",
            fenced(query)
        ));
    }
    out.push_str(&format!("\n{}\n", code(&card.id)));
    out
}

fn tail(view: &View) -> String {
    let mut out = String::new();
    if view.gaps.iter().any(|gap| gap.counts) {
        out.push_str("\n## Could not find out\n\n");
        for gap in view.gaps.iter().filter(|gap| gap.counts) {
            out.push_str(&format!("- {} **{}** {}\n", gap.word, code(&gap.check), text(&gap.why)));
            for unread in &gap.unread {
                out.push_str(&format!("  - {}\n", text(unread)));
            }
        }
    }
    if !view.accepted.is_empty() {
        out.push_str("\n## Accepted\n\n");
        for (card, reason) in &view.accepted {
            out.push_str(&format!(
                "- {} {} {} (accepted: {})\n",
                card.word(),
                code(&card.id),
                text(&card.message),
                text(reason)
            ));
        }
    }
    out.push_str("\n## Checks\n\n| check | result | looked at, or why not |\n|---|---|---|\n");
    for row in &view.checks {
        let result = if row.result == "passed" || row.result == "not run" {
            row.result.to_owned()
        } else {
            format!("**{}**", row.result)
        };
        out.push_str(&format!("| {} | {result} | {} |\n", cell(&code(&row.check)), cell(&text(&row.detail))));
    }
    if !view.notes.is_empty() {
        out.push_str("\n## Notes\n\n");
        for note in &view.notes {
            out.push_str(&format!("- {}\n", text(note)));
        }
    }
    out
}

/// Plain text: nothing in it is markup, a link, a mention or a reference to an issue.
pub(crate) fn text(plain: &str) -> String {
    let plain = terminal(plain);
    let mut out = String::with_capacity(plain.len() + 16);
    let mut before = ' ';
    let mut rest = plain.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        match c {
            // Inside a word it is no emphasis, and names have many.
            '_' if before.is_alphanumeric() && next.is_alphanumeric() => out.push(c),
            '\\' | '`' | '*' | '_' | '[' | '|' | '~' => out.extend(['\\', c]),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // As other bots do: a character without width keeps GitHub from linking.
            '@' => out.push_str("@&#8203;"),
            '#' => out.push_str("\\#&#8203;"),
            ':' if next == '/' => out.push_str(":&#8203;"),
            '.' if out.to_ascii_lowercase().ends_with("www") => out.push_str("&#8203;."),
            // At the start of a line they would begin a list or underline a heading.
            '-' | '+' | '=' if out.is_empty() => out.extend(['\\', c]),
            '.' | ')' if !out.is_empty() && out.chars().all(|c| c.is_ascii_digit()) => out.extend(['\\', c]),
            _ => out.push(c),
        }
        before = c;
    }
    out
}

/// A code span, whatever is in it.
pub(crate) fn code(plain: &str) -> String {
    let plain = terminal(plain);
    let fence = "`".repeat(longest_run(&plain) + 1);
    // Spaces at both ends are taken away again; a span of nothing is none.
    let pad = if plain.is_empty() || plain.starts_with(['`', ' ']) || plain.ends_with(['`', ' ']) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{plain}{pad}{fence}")
}

/// A block of SQL, whatever is in it.
fn fenced(sql: &str) -> String {
    let fence = "`".repeat(longest_run(sql).max(2) + 1);
    format!("{fence}sql\n{sql}\n{fence}\n")
}

/// Inside a table a bar ends the cell, even in a code span.
fn cell(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut before = ' ';
    for c in markdown.chars() {
        if c == '|' && before != '\\' {
            out.push('\\');
        }
        out.push(c);
        before = c;
    }
    out
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for c in text.chars() {
        run = if c == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn rich() {
        insta::assert_snapshot!(samples::rich().to_markdown());
    }

    #[test]
    fn names_stay_in_their_place() {
        let markdown = samples::hostile().to_markdown();
        for forbidden in
            ["<script", "@here", "<img", "\u{202e}", "\u{1b}", "\n::error", "![", "#1", "http://", "www.e"]
        {
            // In code spans and fences nothing is linked or run.
            let outside = outside_code(&markdown);
            assert!(!outside.contains(forbidden), "{forbidden:?} in\n{outside}");
        }
    }

    #[test]
    fn text_has_no_markup_left() {
        assert_eq!(text("a_b *c* <d> | [e](f) `g`"), r"a_b \*c\* &lt;d&gt; \| \[e](f) \`g\`");
        assert_eq!(text("- x"), r"\- x");
        assert_eq!(text("1. x"), r"1\. x");
        assert_eq!(text("3 rows lost"), "3 rows lost");
        assert_eq!(text("\n# x"), r"\\n\# x".replace("\\# ", "\\#&#8203; "));
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(cell(&code("a|b")), r"`a\|b`");
        assert!(fenced("```\n").starts_with("````sql\n"));
    }

    #[test]
    fn the_summary_is_cut_by_findings() {
        let report = samples::big(6_000);
        let summary = report.to_github_summary();
        assert!(summary.len() < 900_000, "{}", summary.len());
        assert!(summary.len() > 700_000, "{}", summary.len());
        assert!(summary.contains("more, none worse, in the JSON report"));
        assert!(summary.contains("6,000 critical"), "the sums are of the whole report");
        assert!(summary.contains("## Checks"), "what follows the findings is there");
        assert!(report.to_markdown().len() > summary.len());
    }

    /// The text without its code spans and fences.
    fn outside_code(markdown: &str) -> String {
        let mut out = String::new();
        let mut rest = markdown;
        while let Some(at) = rest.find('`') {
            // A backslash in front makes it plain.
            if rest[..at].ends_with('\\') {
                out.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
                continue;
            }
            out.push_str(&rest[..at]);
            let fence: String = rest[at..].chars().take_while(|c| *c == '`').collect();
            let after = &rest[at + fence.len()..];
            let Some(end) = after.find(&fence) else { break };
            rest = &after[end + fence.len()..];
        }
        out.push_str(rest);
        out
    }
}
