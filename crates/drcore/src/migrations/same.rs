//! Whether two texts of SQL do the same: without their comments, and however they were cut into statements.

use sha2::{Digest, Sha256};

/// By how a text was made comparable: hashes of different ways are never equal.
const WAY: &str = "1";

/// The hash of a file of statements.
pub(crate) fn text_hash(text: &[u8]) -> String {
    texts_hash([text])
}

/// The hash of statements that a tool cut a file into: the same as that of the file.
///
/// How it cuts is its own affair, and so is whether a piece keeps its comments and its semicolon. A space stands for
/// all white space and comments between two words, a semicolon for all of it that holds one; line ends are `\n`.
pub(crate) fn texts_hash<'t>(texts: impl IntoIterator<Item = &'t [u8]>) -> String {
    let mut plain = Plain::default();
    for text in texts {
        plain.text(text);
        plain.gap(Gap::End);
    }
    let hash: String = plain.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{WAY}:{hash}")
}

/// What stands between two words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    #[default]
    None,
    Space,
    End,
}

#[derive(Default)]
struct Plain {
    hash: Sha256,
    gap: Gap,
    has_begun: bool,
}

impl Plain {
    fn gap(&mut self, gap: Gap) {
        self.gap = self.gap.max(gap);
    }

    /// Something that is no gap; the one before it counts only after something else.
    fn word(&mut self, bytes: &[u8]) {
        if self.has_begun {
            match self.gap {
                Gap::None => {}
                Gap::Space => self.hash.update(b" "),
                Gap::End => self.hash.update(b";"),
            }
        }
        self.gap = Gap::None;
        self.has_begun = true;
        // Git may change line ends on the way to another machine, within quotes too.
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            match line.strip_suffix(b"\r\n") {
                Some(line) => {
                    self.hash.update(line);
                    self.hash.update(b"\n");
                }
                None => self.hash.update(line),
            }
        }
    }

    fn text(&mut self, text: &[u8]) {
        let mut rest = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut before = b' ';
        while let Some(first) = rest.first().copied() {
            let length = match first {
                b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c' => {
                    self.gap(Gap::Space);
                    1
                }
                b';' => {
                    self.gap(Gap::End);
                    1
                }
                b'-' if rest.starts_with(b"--") => {
                    self.gap(Gap::Space);
                    memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len())
                }
                b'/' if rest.starts_with(b"/*") => {
                    self.gap(Gap::Space);
                    comment(rest)
                }
                b'\'' => self.quoted(rest, is_escaped(text, text.len() - rest.len())),
                b'"' => self.quoted(rest, false),
                b'$' if !is_word(before) => match tag(rest) {
                    Some(tag) => {
                        let length = memchr::memmem::find(&rest[tag.len()..], tag)
                            .map_or(rest.len(), |at| at + 2 * tag.len());
                        self.word(&rest[..length]);
                        length
                    }
                    None => self.one(rest),
                },
                _ => self.one(rest),
            };
            before = rest[length - 1];
            rest = &rest[length..];
        }
    }

    fn one(&mut self, rest: &[u8]) -> usize {
        self.word(&rest[..1]);
        1
    }

    /// Quotes to their end, where doubled ones are of the text.
    fn quoted(&mut self, rest: &[u8], escapes: bool) -> usize {
        let quote = rest[0];
        let mut at = 1;
        while at < rest.len() {
            match rest[at] {
                b'\\' if escapes => at += 1,
                byte if byte == quote => break,
                _ => {}
            }
            at += 1;
        }
        let length = (at + 1).min(rest.len());
        self.word(&rest[..length]);
        length
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

/// Whether backslashes are special in the quotes that open at this place: after an `E` that is a word of its own.
fn is_escaped(text: &[u8], at: usize) -> bool {
    let is_e = at.checked_sub(1).is_some_and(|before| matches!(text[before], b'e' | b'E'));
    is_e && at.checked_sub(2).is_none_or(|before| !is_word(text[before]))
}

/// How long a comment is, with those within it.
fn comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

/// The tag that opens a dollar quote: `$$`, `$body$`.
fn tag(rest: &[u8]) -> Option<&[u8]> {
    let end = 1 + memchr::memchr(b'$', &rest[1..])?;
    let inner = &rest[1..end];
    let is_name = inner.iter().all(|byte| is_word(*byte)) && !inner.first().is_some_and(u8::is_ascii_digit);
    is_name.then_some(&rest[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> String {
        text_hash(text.as_bytes())
    }

    fn cut(texts: &[&str]) -> String {
        texts_hash(texts.iter().map(|text| text.as_bytes()))
    }

    #[test]
    fn how_a_file_was_cut_is_no_difference() {
        let file = "-- one\ncreate table a (b int); \n\n/* two; /* three */ */\ninsert into a values (1);\n";
        let pieces = [
            ["create table a (b int)", "insert into a values (1)"],
            ["-- one\ncreate table a (b int);", "/* two; /* three */ */\ninsert into a values (1);"],
        ];
        for pieces in pieces {
            assert_eq!(cut(&pieces), hash(file), "{pieces:?}");
        }
        assert_eq!(hash("\u{feff}select 1\r\n;\r\n"), hash("select 1;"));
        assert_eq!(cut(&[]), hash(" -- nothing\n;\n"));
        assert_eq!(hash("select $$a\r\nb$$"), hash("select $$a\nb$$"));
    }

    #[test]
    fn what_is_quoted_is_of_the_text() {
        let different = [
            "select 'a  b'",
            "select 'a b'",
            "select 'a -- b'",
            "select 'a;b'",
            "select \"a;b\"",
            "select $$a;b$$",
            "select $x$a;b$x$",
            "select $x$a; b$x$",
            "select $$ -- a\n$$",
            "select $$ -- b\n$$",
            "select E'a\\' ; b'",
            "select E'a\\'; b'",
            "select 'a''; b'",
            "select 'a'; b",
            "select a;b",
            "select a b",
            "select ab",
            "select 'ab'",
        ];
        for (at, one) in different.iter().enumerate() {
            for other in &different[..at] {
                assert_ne!(hash(one), hash(other), "{one} and {other}");
            }
        }
    }

    #[test]
    fn what_never_ends_ends() {
        for text in ["select 'a", "select $$a", "/* a", "select \"", "$", "$a", "E'\\", "a$b$ ; c", "'", "--"]
        {
            assert_eq!(hash(text), hash(text));
        }
        // A dollar within a name opens nothing.
        assert_eq!(hash("select a$b$ ;\n -- c\n select 1"), hash("select a$b$; select 1"));
    }
}
