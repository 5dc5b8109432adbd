//! Names from a database are hostile: what stands in a table name, a policy or
//! a server's message must not steer the terminal that shows it.
//!
//! Each renderer has the escape of the place that it writes to; this is the
//! terminal's, and what all of them share.

use std::borrow::Cow;

/// One line of text for a terminal: control characters, line breaks, and what
/// reorders or hides text are shown as `\u{1b}`, and a line break as `\n`.
///
/// ```
/// assert_eq!(drcore::report::terminal("public.\"a\u{1b}[2Jb\""), "public.\"a\\u{1b}[2Jb\"");
/// assert_eq!(drcore::report::terminal("Ünïcode → 名前"), "Ünïcode → 名前");
/// ```
pub fn terminal(text: &str) -> Cow<'_, str> {
    escape(text, is_hostile)
}

/// Text of several lines for a terminal: as [`terminal`], but line breaks and tabs stay.
pub fn terminal_lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| is_hostile(c) && c != '\n' && c != '\t')
}

/// Text of which no line is a command to a CI runner.
///
/// GitHub's takes `::command::` for one at the beginning of a line, after
/// spaces, and `##[command]` anywhere in it. Source: actions/runner, `ActionCommand.cs`.
pub fn without_commands(text: &str) -> Cow<'_, str> {
    let is_command = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
    if !text.lines().any(is_command) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive('\n') {
        let at = line.len() - line.trim_start().len();
        safe.push_str(&line[..at]);
        if line[at..].starts_with("::") {
            safe.push('\\');
        }
        safe.push_str(&line[at..].replace("##[", "##\\["));
    }
    Cow::Owned(safe)
}

/// Whether a character steers a terminal, reorders text or hides in it.
///
/// Joiners (U+200C, U+200D) stay: several scripts need them.
pub(crate) fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
        // Not characters at all: XML refuses them.
        || u32::from(c) & 0xfffe == 0xfffe
}

fn escape(text: &str, hostile: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hostile) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if hostile(c) {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_steers_reorders_or_hides_is_shown() {
        assert_eq!(terminal("a\u{1b}]0;owned\u{7}b\r\nc"), "a\\u{1b}]0;owned\\u{7}b\\r\\nc");
        assert_eq!(terminal("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(terminal("user\u{202e}gpj.exe"), "user\\u{202e}gpj.exe");
        assert_eq!(terminal("\u{fffe}\u{1ffff}"), "\\u{fffe}\\u{1ffff}");
        assert_eq!(terminal("zero\u{200b}width\u{e0041}"), "zero\\u{200b}width\\u{e0041}");
    }

    #[test]
    fn no_line_is_a_command_to_a_runner() {
        let text = "a::text\n  ::add-mask::x\n x ##[error]y\n";
        assert_eq!(without_commands(text), "a::text\n  \\::add-mask::x\n x ##\\[error]y\n");
        assert!(matches!(without_commands("select 1::text"), Cow::Borrowed(_)));
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in ["public.\"User\"", "it's 100 % → fine", "नमस्ते\u{200d}", "日本語"] {
            assert!(matches!(terminal(text), Cow::Borrowed(_)), "{text}");
        }
        assert_eq!(terminal_lines("a\n\tb\u{1b}"), "a\n\tb\\u{1b}");
    }
}
