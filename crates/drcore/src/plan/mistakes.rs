//! Mistakes in a plan, shown where they stand.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::error::{Error, ErrorKind};

/// One mistake.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The key, such as `row_counts.tables.tenants`.
    path: String,
    message: String,
    span: Range<usize>,
}

impl Mistake {
    pub(super) fn new(path: impl Into<String>, message: impl Into<String>, span: Range<usize>) -> Self {
        Self { path: path.into(), message: message.into(), span }
    }
}

/// What the plan was read from.
#[derive(Debug)]
pub(super) struct Document<'t> {
    name: String,
    text: Option<&'t str>,
}

impl<'t> Document<'t> {
    pub(super) fn new(name: impl Into<String>, text: &'t str) -> Self {
        Self { name: name.into(), text: Some(text) }
    }

    /// The same, of which only the keys are known and not the places.
    pub(super) fn without_places(mut self) -> Self {
        self.text = None;
        self
    }

    /// The error that tells all mistakes.
    pub(super) fn error(&self, mut mistakes: Vec<Mistake>) -> Error {
        mistakes.sort_by_key(|mistake| mistake.span.start);
        let count = mistakes.len();
        let shown: Vec<String> = mistakes.iter().map(|mistake| self.show(mistake)).collect();
        let plural = if count == 1 { "mistake" } else { "mistakes" };
        let topic = mistakes
            .iter()
            .find(|mistake| {
                !mistake.path.is_empty() && !mistake.message.starts_with("no such key in the plan")
            })
            .map_or("", |mistake| mistake.path.split(['.', '[']).next().unwrap_or_default());
        let error =
            Error::new(ErrorKind::Plan, format!("{} has {count} {plural}; nothing was run", self.name))
                .detail(shown.join("\n"));
        if topic.is_empty() { error } else { error.hint(format!("drcore explain plan.{topic}")) }
    }

    fn show(&self, mistake: &Mistake) -> String {
        let Some(text) = self.text else {
            let path = if mistake.path.is_empty() { "the plan" } else { &mistake.path };
            return format!("  --> {path}: {}", mistake.message);
        };
        let span = mistake.span.start.min(text.len())..mistake.span.end.min(text.len());
        let report = [Level::ERROR.primary_title("").element(
            Snippet::source(text)
                .path(&self.name)
                .annotation(AnnotationKind::Primary.span(span).label(&mistake.message)),
        )];
        let shown = Renderer::plain().render(&report);
        // The title is the error's own; only the place is wanted here.
        shown.split_once('\n').map_or(shown.clone(), |(_, place)| place.to_owned())
    }
}
