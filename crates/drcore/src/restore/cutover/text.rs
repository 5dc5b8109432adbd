//! The cut-over list as text and as Markdown to tick off.

use super::{CutOver, When};
use crate::report::{terminal, without_commands};

impl CutOver {
    /// The list as text.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let mut part = None;
        for (at, step) in self.steps.iter().enumerate() {
            if part != Some(step.when) {
                part = Some(step.when);
                text.push_str(&format!("{}\n", heading(step.when)));
            }
            text.push_str(&format!(
                "{:>3} {}\n      {}\n",
                at + 1,
                terminal(&step.title),
                terminal(&step.why)
            ));
            for how in &step.how {
                text.push_str(&format!("      {}\n", terminal(how)));
            }
        }
        without_commands(&text).into_owned()
    }

    /// The list as Markdown, to be ticked off.
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        let mut part = None;
        for step in &self.steps {
            if part != Some(step.when) {
                part = Some(step.when);
                text.push_str(&format!("\n## {}\n\n", heading(step.when)));
            }
            text.push_str(&format!("- [ ] {}: {}\n", escaped(&step.title), escaped(&step.why)));
            for how in &step.how {
                text.push_str(&format!("  - {}\n", code(how)));
            }
        }
        without_commands(text.trim_start()).into_owned()
    }
}

fn heading(when: When) -> &'static str {
    match when {
        When::Before => "Before",
        When::Switch => "Switch",
        When::After => "After",
    }
}

/// What a name holds is no Markdown.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in terminal(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// As code, whatever ticks it holds.
fn code(text: &str) -> String {
    let text = terminal(text);
    let ticks = if text.contains('`') { "``" } else { "`" };
    format!("{ticks}{text}{ticks}")
}
