//! A plan as text: lines, comments and quoting of TOML.

use crate::evidence::Cause;
use crate::report::{is_hostile, terminal, without_commands};

/// Lines of TOML.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) text: String,
}

impl Writer {
    /// A line that holds.
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// A line that holds once its `#` is gone.
    pub(super) fn proposal(&mut self, line: &str) {
        self.line(&format!("#{line}"));
    }

    /// A sentence for the reader.
    pub(super) fn note(&mut self, note: &str) {
        // A name with a line break in it must not become a line of the plan.
        self.line(without_commands(&format!("# {}", terminal(note))).trim_end());
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    pub(super) fn section(&mut self, about: &str) {
        self.blank();
        self.note(about);
    }

    /// What could not be looked at, so that its absence says nothing.
    pub(super) fn unread(&mut self, what: &str, cause: &Cause) {
        self.note(&format!("COULD NOT READ {what}: {}", cause.message));
    }
}

/// A string of TOML. One that needs no escapes but has quotes stands in single ones.
pub(super) fn toml_string(text: &str) -> String {
    // A CI runner takes ##[…] for a command of its own wherever it stands in a line.
    let is_plain = !text.contains(is_hostile) && !text.contains("##[");
    if is_plain && !text.contains(['"', '\\']) {
        return format!("\"{text}\"");
    }
    if is_plain && !text.contains('\'') {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '[' if before == '#' => out.push_str("\\u005b"),
            '"' | '\\' => out.extend(['\\', c]),
            c if is_hostile(c) => out.push_str(&format!("\\U{:08x}", u32::from(c))),
            c => out.push(c),
        }
        before = c;
    }
    out.push('"');
    out
}

/// A key of TOML: bare where it can be.
pub(super) fn toml_key(text: &str) -> String {
    let is_bare =
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if is_bare { text.to_owned() } else { toml_string(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_read_back() {
        for text in ["a", "a\"b", "a\\b", "a'b\"c", "a\nb", "\u{202e}x", "é", "", "\u{7f}"] {
            let table: toml::Table = format!("{} = {}", toml_key(text), toml_string(text)).parse().unwrap();
            assert_eq!(table[text].as_str(), Some(text));
        }
        assert_eq!(toml_key("public.\"User\""), "'public.\"User\"'");
        assert_eq!(toml_key("tenants"), "tenants");
    }
}
