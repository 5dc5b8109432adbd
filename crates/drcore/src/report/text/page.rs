//! Lines of a page: labels, hanging indents, wrapping, colour, escaping.

use anstyle::{AnsiColor, Style};
use textwrap::core::Word;
use textwrap::wrap_algorithms::wrap_first_fit;

use crate::report::escape::{terminal, terminal_lines, without_commands};

/// The width of the column of labels.
const LABEL: usize = 9;
/// Narrower terminals are taken for this wide.
const NARROWEST: usize = 40;

/// What a word is coloured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Bad,
    Good,
    Plain,
    Quiet,
    Unsure,
    Warn,
}

impl Tone {
    fn style(self) -> Style {
        match self {
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Good => AnsiColor::Green.on_default().bold(),
            Self::Plain => Style::new(),
            Self::Quiet => Style::new().dimmed(),
            Self::Unsure => AnsiColor::Magenta.on_default().bold(),
            Self::Warn => AnsiColor::Yellow.on_default().bold(),
        }
    }
}

/// A page that is written from the top. Everything that is put on it is escaped here.
#[derive(Debug)]
pub(crate) struct Page {
    out: String,
    width: Option<usize>,
    color: bool,
}

impl Page {
    pub(crate) fn new(width: Option<usize>, color: bool) -> Self {
        Self { out: String::new(), width: width.map(|width| width.max(NARROWEST)), color }
    }

    /// The page, with one line break at its end.
    pub(crate) fn finish(mut self) -> String {
        self.out.truncate(self.out.trim_end().len());
        self.out.push('\n');
        without_commands(&self.out).into_owned()
    }

    /// Adds a page, apart from what stands before and comes after it. `apart` also if it is empty.
    pub(crate) fn section(&mut self, body: &Self, apart: bool) {
        if apart || !body.out.is_empty() {
            self.blank();
            self.out.push_str(&body.out);
            self.blank();
        }
    }

    /// An empty line, but never two, and none at the top.
    pub(crate) fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// A line from the margin.
    pub(crate) fn plain(&mut self, text: &str) {
        self.write("", 0, text);
    }

    /// A line with a word in the margin.
    pub(crate) fn labelled(&mut self, label: &str, tone: Tone, text: &str) {
        let padding = " ".repeat(LABEL.saturating_sub(label.chars().count()));
        let shown = format!("{}{padding}", self.paint(label, tone));
        self.write(&shown, LABEL, text);
    }

    /// A line with a word in the margin and a name before the text, padded to `column`.
    pub(crate) fn labelled_column(&mut self, label: &str, tone: Tone, name: &str, column: usize, text: &str) {
        let margin = " ".repeat(LABEL.saturating_sub(label.chars().count()));
        let padding = " ".repeat(column.saturating_sub(name.chars().count()));
        let first = format!("{}{margin}{}{padding}", self.paint(label, tone), terminal(name));
        self.write(&first, LABEL + column, text);
    }

    /// A line under a labelled one.
    pub(crate) fn more(&mut self, text: &str) {
        self.write(&" ".repeat(LABEL), LABEL, text);
    }

    /// A named line under a labelled one; the names of a group are padded to `column`.
    pub(crate) fn field(&mut self, name: &str, column: usize, text: &str) {
        let padding = " ".repeat(column.saturating_sub(name.chars().count()));
        self.write(&format!("{}{name}{padding}", " ".repeat(LABEL)), LABEL + column, text);
    }

    /// A statement under a labelled line: broken between words only, never inside a literal or a name.
    pub(crate) fn sql(&mut self, name: &str, statement: &str) {
        let indent = LABEL + name.chars().count();
        let first = format!("{}{name}", " ".repeat(LABEL));
        let statement = terminal_lines(statement.trim_end());
        if statement.contains('\n') {
            let rest = " ".repeat(indent);
            for (at, line) in statement.lines().enumerate() {
                self.out.push_str(if at == 0 { &first } else { &rest });
                self.out.push_str(line);
                self.out.push('\n');
            }
            return;
        }
        self.wrap(&first, indent, &statement, &sql_words(&statement));
    }

    /// An id, on a line of its own that is never broken, so that it can be copied.
    pub(crate) fn id(&mut self, id: &str) {
        let shown = self.paint(&terminal(id), Tone::Quiet);
        self.out.push_str(&" ".repeat(LABEL));
        self.out.push_str(&shown);
        self.out.push('\n');
    }

    fn paint(&self, text: &str, tone: Tone) -> String {
        let style = tone.style();
        if self.color && style != Style::new() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    fn write(&mut self, first: &str, indent: usize, text: &str) {
        let text = terminal(text);
        let room = self.room(indent);
        self.wrap(first, indent, &text, &words(&text, room));
    }

    /// The columns to the right of an indent.
    fn room(&self, indent: usize) -> usize {
        self.width.map_or(usize::MAX, |width| width.saturating_sub(indent).max(20))
    }

    fn wrap(&mut self, first: &str, indent: usize, text: &str, words: &[Word<'_>]) {
        let rest = " ".repeat(indent);
        #[expect(clippy::cast_precision_loss, reason = "columns of a terminal")]
        let room = self.room(indent) as f64;
        let lines = if self.width.is_some() { wrap_first_fit(words, &[room]) } else { vec![words] };
        // Words follow each other in the text: a line is a piece of it.
        let mut at = 0;
        for (number, line) in lines.iter().enumerate() {
            let length: usize = line.iter().map(|word| word.len() + word.whitespace.len()).sum();
            let shown = text[at..at + length].trim_end();
            at += length;
            self.out.push_str(if number == 0 { first } else { &rest });
            self.out.push_str(if at < text.len() { shown.trim_end_matches(" ·") } else { shown });
            // A label without text leaves no spaces behind.
            self.out.truncate(self.out.trim_end_matches(' ').len());
            self.out.push('\n');
        }
    }
}

/// Words between which a line may be broken. A list is broken after ` · ` rather than within a part.
fn words(text: &str, room: usize) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    for part in text.split_inclusive("· ") {
        let is_whole = text.contains(" · ") && textwrap::core::display_width(part.trim_end()) <= room;
        if is_whole {
            words.push(Word::from(part));
        } else {
            words.extend(part.split_inclusive(' ').map(Word::from));
        }
    }
    words
}

/// Words between which a statement may be broken: spaces outside quotes.
fn sql_words(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = 0;
    let mut quote = None;
    let mut in_space = false;
    for (at, c) in line.char_indices() {
        if in_space && c != ' ' {
            words.push(Word::from(&line[start..at]));
            start = at;
        }
        in_space = c == ' ' && quote.is_none();
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            _ => {}
        }
    }
    if start < line.len() {
        words.push(Word::from(&line[start..]));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_not_broken_inside_quotes() {
        let mut page = Page::new(Some(40), false);
        page.sql("fix 1  ", "update \"my own table\" set name = 'a b c d e f g h' where id = 1;");
        let text = page.finish();
        assert!(text.contains("\"my own table\"") && text.contains("'a b c d e f g h'"), "{text}");
        assert!(text.lines().count() > 1, "{text}");
    }

    #[test]
    fn nothing_wraps_without_a_width() {
        let mut page = Page::new(None, false);
        page.labelled("WARNING", Tone::Warn, &"word ".repeat(100));
        assert_eq!(page.finish().lines().count(), 1);
    }

    #[test]
    fn what_is_put_on_a_page_cannot_steer_it() {
        let mut page = Page::new(Some(80), true);
        page.labelled("WARNING", Tone::Warn, "a\u{1b}[2Jb\ndrcore: PASSED");
        page.sql("fix 1  ", "drop table \"x\u{1b}[2J\";");
        page.id("a:b:\"c\u{1b}[0m\"");
        let text = page.finish();
        assert_eq!(text.lines().count(), 3);
        // What is left is the page's own: colour on and off, for the label and the id.
        assert!(!text.contains("\u{1b}[2J"));
        assert_eq!(text.matches('\u{1b}').count(), 5, "{text:?}");
    }

    #[test]
    fn blank_lines_do_not_add_up() {
        let mut page = Page::new(Some(80), false);
        page.blank();
        page.plain("a");
        page.blank();
        page.blank();
        page.plain("b");
        page.blank();
        assert_eq!(page.finish(), "a\n\nb\n");
    }
}
