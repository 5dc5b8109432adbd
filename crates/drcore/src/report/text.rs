//! The report as text for a terminal, a log or a pipe.

use super::Report;

/// How the text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TextOptions {
    /// Columns to wrap at; none in a pipe.
    pub width: Option<usize>,
    /// Colour, by ANSI codes.
    pub color: bool,
    /// Every finding, with the query that shows its rows.
    pub verbose: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self { width: Some(80), color: false, verbose: false }
    }
}

impl Report {
    /// The report as text.
    pub fn to_text(&self, options: TextOptions) -> String {
        let _ = options;
        format!("{:?}", self.verdict)
    }
}
