//! Markdown on a terminal: the little of it that our own pages use.

use anstyle::Style;

/// Lays out headings, paragraphs, lists and code.
pub(super) fn render(markdown: &str, width: usize, color: bool) -> String {
    let width = width.clamp(40, 100);
    let mut out = String::new();
    let mut paragraph: Vec<&str> = Vec::new();
    let mut code = false;
    let columns = columns(markdown);
    for line in markdown.lines() {
        let is_fence = line.starts_with("```");
        if code || is_fence || line.is_empty() || line.starts_with(['#', '-', '|']) {
            flush(&mut out, &mut paragraph, width, color);
        }
        if is_fence {
            code = !code;
        } else if code {
            out.push_str(&format!("    {line}\n"));
        } else if line.starts_with('#') {
            out.push_str(&format!("{}\n", bold(line.trim_start_matches(['#', ' ']), color)));
        } else if line.starts_with('|') {
            row(&mut out, line, &columns, width, color);
        } else if line.is_empty() {
            out.push('\n');
        } else {
            paragraph.push(line);
        }
    }
    flush(&mut out, &mut paragraph, width, color);
    out
}

/// One row of a table: the last cell beside the others, which stand in columns.
fn row(out: &mut String, line: &str, columns: &[usize], width: usize, color: bool) {
    let cells = cells(line);
    let is_rule = cells.iter().all(|cell| cell.chars().all(|c| c == '-' || c == ':'));
    let Some((last, others)) = cells.split_last().filter(|_| !is_rule) else { return };
    let mut start = String::from("  ");
    let mut indent = 2;
    for (cell, column) in others.iter().zip(columns) {
        // Without their backticks what follows would move to the left.
        let hidden = if color { cell.matches('`').count() } else { 0 };
        let padding = " ".repeat(column + 2 + hidden - cell.chars().count().min(*column));
        start.push_str(&format!("{}{padding}", spans(cell, color)));
        indent += column + 2;
    }
    let room = width.saturating_sub(indent).max(20);
    for (at, text) in textwrap::wrap(last, room).iter().enumerate() {
        let start = if at == 0 { start.clone() } else { " ".repeat(indent) };
        out.push_str(&format!("{start}{}\n", spans(text, color)));
    }
}

fn cells(line: &str) -> Vec<&str> {
    line.trim_matches('|').split('|').map(str::trim).collect()
}

/// The widths of the columns of every table, but for the last of each, which takes the rest.
fn columns(markdown: &str) -> Vec<usize> {
    let mut columns: Vec<usize> = Vec::new();
    for line in markdown.lines().filter(|line| line.starts_with('|')) {
        let cells = cells(line);
        for (at, cell) in cells.iter().take(cells.len() - 1).enumerate() {
            if columns.len() == at {
                columns.push(0);
            }
            columns[at] = columns[at].max(cell.chars().count());
        }
    }
    columns
}

/// Ends the paragraph, or the item of a list, that was being read.
fn flush(out: &mut String, paragraph: &mut Vec<&str>, width: usize, color: bool) {
    if paragraph.is_empty() {
        return;
    }
    let text = paragraph.drain(..).map(str::trim).collect::<Vec<_>>().join(" ");
    let indent = if text.starts_with("- ") { "  " } else { "" };
    for line in textwrap::wrap(&text, textwrap::Options::new(width).subsequent_indent(indent)) {
        out.push_str(&spans(&line, color));
        out.push('\n');
    }
}

/// `code` in bold where there is colour; else its backticks stay, so that it can be told apart.
fn spans(line: &str, color: bool) -> String {
    if !color || !line.matches('`').count().is_multiple_of(2) {
        return line.to_owned();
    }
    line.split('`')
        .enumerate()
        .map(|(at, part)| if at % 2 == 1 { bold(part, color) } else { part.to_owned() })
        .collect()
}

fn bold(text: &str, color: bool) -> String {
    let style = Style::new().bold();
    if color { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_laid_out() {
        let page = "# a\n\n## B\nlong `words` that go on and on and on and on\nand on\n- one\n- two\n\n```toml\n# no heading\nx = 1\n```\n";
        assert_eq!(
            render(page, 40, false),
            "a\n\nB\nlong `words` that go on and on and on\nand on and on\n- one\n- two\n\n    # no heading\n    x = 1\n"
        );
        let table = "| kind | severity |\n|---|---|\n| `a_b` | critical where it was so, in the baseline |\n";
        assert_eq!(
            render(table, 40, false),
            "  kind   severity\n  `a_b`  critical where it was so, in\n         the baseline\n"
        );
        let table =
            "| check | all | some |\n|---|---|---|\n| `a` | yes | no |\n| b | | never, or hardly ever |\n";
        assert_eq!(
            render(table, 40, false),
            "  check  all  some\n  `a`    yes  no\n  b           never, or hardly ever\n"
        );
        let shown = render(table, 40, true).replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
        assert!(shown.contains("\n  a      yes  no\n"), "{shown}");
        assert!(render("# a", 40, true).contains("\u{1b}[1ma"));
    }
}
