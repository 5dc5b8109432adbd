//! SQL as tokens, for what is compared whatever its layout.

/// The tokens of a text of SQL, as they stand there: words, quoted names, literals with their quotes, numbers,
/// operators and signs. Layout is left out.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return tokens };
        let length = match first {
            '"' => quoted(rest, '"'),
            '\'' => quoted(rest, '\''),
            'E' | 'e' | 'B' | 'b' | 'X' | 'x' if rest[1..].starts_with('\'') => {
                1 + literal(&rest[1..], first)
            }
            '$' => dollar_quoted(rest).unwrap_or(1),
            first if is_word(first) => rest.find(|c| !is_word(c) && c != '$').unwrap_or(rest.len()),
            first if is_operator(first) => rest.find(|c| !is_operator(c)).unwrap_or(rest.len()),
            first => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
}

/// Whether it is a name, quoted or not, or a key word.
pub(super) fn is_name(token: &str) -> bool {
    token.starts_with('"') || token.chars().next().is_some_and(|c| is_word(c) && !c.is_ascii_digit())
}

/// A name without its quotes.
pub(super) fn unquoted(token: &str) -> String {
    match token.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => token.to_owned(),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_operator(c: char) -> bool {
    "+-*/<>=~!@#%^&|`?:".contains(c)
}

/// How long the quoted text at the beginning is, quotes included; a doubled quote does not end it.
fn quoted(text: &str, quote: char) -> usize {
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote && chars.next_if(|(_, next)| *next == quote).is_none() {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// As [`quoted`], for a literal after a letter: after E a backslash quotes.
fn literal(text: &str, letter: char) -> usize {
    if !letter.eq_ignore_ascii_case(&'e') {
        return quoted(text, '\'');
    }
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '\'' if chars.next_if(|(_, next)| *next == '\'').is_none() => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// How long the text in dollar quotes at the beginning is; none where there is none.
fn dollar_quoted(text: &str) -> Option<usize> {
    let end = 1 + text[1..].find('$')?;
    let tag = &text[..=end];
    let inner = &tag[1..tag.len() - 1];
    if inner.starts_with(|c: char| c.is_ascii_digit()) || !inner.chars().all(is_word) {
        return None;
    }
    let close = text[tag.len()..].find(tag)?;
    Some(tag.len() * 2 + close)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_are_whole() {
        let text = "SELECT t.\"a \"\"b\", 'it''s  x', E'a\\'b', $q$ $ x $q$, 1.5::numeric(10,2) >= ALL (ARRAY[1, 2])";
        let expected = [
            "SELECT",
            "t",
            ".",
            "\"a \"\"b\"",
            ",",
            "'it''s  x'",
            ",",
            "E'a\\'b'",
            ",",
            "$q$ $ x $q$",
            ",",
            "1",
            ".",
            "5",
            "::",
            "numeric",
            "(",
            "10",
            ",",
            "2",
            ")",
            ">=",
            "ALL",
            "(",
            "ARRAY",
            "[",
            "1",
            ",",
            "2",
            "]",
            ")",
        ];
        assert_eq!(tokens(text), expected);
        assert_eq!(unquoted("\"a \"\"b\""), "a \"b");
    }

    proptest! {
        #[test]
        fn nothing_but_layout_is_left_out(text in "\\PC{0,60}") {
            let kept: String = tokens(&text).concat();
            let without = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(without(&kept), without(&text));
        }
    }
}
