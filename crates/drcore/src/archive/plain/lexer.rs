//! SQL text as `psql` cuts it up: statements, comments, and commands of its own, in pieces of any size.
//!
//! Nothing is kept but the beginning of the statement that it is in, so that one of any length, such as an `INSERT` of
//! all rows of a table, can be read.
//!
//! Source: `src/fe_utils/psqlscan.l` of PostgreSQL.

use memchr::{memchr, memchr2};

/// How much of a statement is kept: its beginning says what it does.
const KEPT: usize = 16 << 10;
/// How much of a comment or command is kept.
const LINE: usize = 2 << 10;
/// How much of a word is kept: those that mean something are shorter.
const LONGEST_WORD: usize = 16;
/// How long the tag of a dollar quote may be. That of a name is 63 at most.
const LONGEST_TAG: usize = 128;

/// What the text is cut into.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A statement, without its comments: its beginning, and how many rows an `INSERT` has.
    Statement { text: &'t [u8], rows: Option<u64> },
    /// A comment from `--` to the end of its line, where no statement is open.
    Comment(&'t [u8]),
    /// A backslash command to the end of its line.
    Command(&'t [u8]),
}

/// Where in the text it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mode {
    Code,
    /// In quotes that a quote ends; whether a backslash makes one ordinary.
    Quoted {
        quote: u8,
        escapes: bool,
    },
    /// In a dollar quote of this tag, dollars included; how many of its bytes have been met.
    Dollar {
        tag: Vec<u8>,
        met: usize,
    },
    /// In the tag that may begin a dollar quote.
    Tag(Vec<u8>),
    /// In a comment to the end of the line, which is told where no statement is open.
    Line {
        told: bool,
    },
    /// In so many comments within each other; the byte before.
    Block {
        depth: u32,
        before: u8,
    },
    Command,
}

/// Cuts up SQL text.
#[derive(Debug)]
pub(super) struct Lexer {
    mode: Mode,
    /// The last two bytes outside quotes and comments.
    before: [u8; 2],
    /// The beginning of the statement that is open, or that was told last.
    text: Vec<u8>,
    /// Whether that was told.
    told: bool,
    /// The beginning of the comment or command.
    line: Vec<u8>,
    /// The word that it is in.
    word: Vec<u8>,
    /// How many words the statement has.
    words: usize,
    /// The first letters of those that a function may begin with, by their places.
    first: [u8; 4],
    parentheses: u32,
    /// In how many blocks of a function's body it is.
    blocks: u32,
    insert: Insert,
    /// Whether a backslash was the last byte in quotes in which it makes the next one ordinary.
    escaped: bool,
    /// Whether backslashes did so in the quotes that ended last.
    escapes: bool,
    /// Whether backslashes in ordinary quotes are ordinary.
    pub(super) standard_strings: bool,
}

/// How far an `INSERT` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Insert {
    /// It is none, or nobody can tell how many rows it has.
    No,
    /// It is one, before its values.
    Begun,
    /// Behind `DEFAULT`.
    Default,
    /// Behind so many rows.
    Rows(u64),
    /// Behind all of them.
    Over(u64),
}

/// What ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Comment,
    Command,
    Statement,
}

impl Default for Lexer {
    fn default() -> Self {
        Self {
            mode: Mode::Code,
            before: [0; 2],
            text: Vec::new(),
            told: false,
            line: Vec::new(),
            word: Vec::new(),
            words: 0,
            first: [0; 4],
            parentheses: 0,
            blocks: 0,
            insert: Insert::No,
            escaped: false,
            escapes: false,
            standard_strings: true,
        }
    }
}

impl Lexer {
    /// Takes of a piece as much as there is to the end of a token, and gives how much that was.
    pub(super) fn feed<'l>(&'l mut self, piece: &[u8]) -> (usize, Option<Token<'l>>) {
        if self.told {
            self.text.clear();
            self.told = false;
        }
        let mut at = 0;
        while at < piece.len() {
            let rest = &piece[at..];
            let (used, end) = match &self.mode {
                Mode::Code if matches!(self.insert, Insert::Rows(_)) => self.values(rest),
                Mode::Code => self.code(rest),
                Mode::Quoted { .. } => (self.quoted(rest), None),
                Mode::Dollar { .. } => (self.dollar(rest), None),
                Mode::Tag(_) => (self.tag(rest[0]), None),
                Mode::Line { .. } | Mode::Command => self.line(rest),
                Mode::Block { .. } => (self.block(rest), None),
            };
            at += used;
            match end {
                None => {}
                Some(End::Comment) => return (at, Some(Token::Comment(&self.line))),
                Some(End::Command) => return (at, Some(Token::Command(&self.line))),
                Some(End::Statement) => {
                    let rows = self.rows();
                    self.end_statement();
                    return (at, Some(Token::Statement { text: &self.text, rows }));
                }
            }
        }
        (at, None)
    }

    /// What is open at the end of the text; none where it may end.
    pub(super) fn open(&self) -> Option<&'static str> {
        match &self.mode {
            Mode::Quoted { quote: b'"', .. } => Some("a name in quotes"),
            Mode::Quoted { .. } | Mode::Dollar { .. } => Some("a text in quotes"),
            Mode::Block { .. } => Some("a comment"),
            // A last line without a line break is one.
            _ if self.is_between() => None,
            _ => Some("a statement"),
        }
    }

    /// The comment or command that the text ended in.
    pub(super) fn last(&self) -> Option<Token<'_>> {
        match &self.mode {
            Mode::Line { told: true } => Some(Token::Comment(&self.line)),
            Mode::Command => Some(Token::Command(&self.line)),
            _ => None,
        }
    }

    /// The beginning of the statement that is open.
    pub(super) fn text(&self) -> &[u8] {
        if self.told { &[] } else { &self.text }
    }

    /// How many rows the `INSERT` that is open has until here.
    pub(super) fn rows(&self) -> Option<u64> {
        match self.insert {
            Insert::Rows(rows) | Insert::Over(rows) => Some(rows),
            _ => None,
        }
    }

    /// Whether no statement is open.
    fn is_between(&self) -> bool {
        self.words == 0 && self.word.is_empty() && self.text().iter().all(u8::is_ascii_whitespace)
    }

    fn end_statement(&mut self) {
        self.told = true;
        self.words = 0;
        self.first = [0; 4];
        self.parentheses = 0;
        self.blocks = 0;
        self.insert = Insert::No;
        self.before = [0; 2];
    }

    fn keep(&mut self, byte: u8) {
        if self.text.len() < KEPT {
            self.text.push(byte);
        }
    }

    /// Keeps what is in quotes, where it is none of a row.
    fn keep_value(&mut self, bytes: &[u8]) {
        if !matches!(self.insert, Insert::Rows(_)) {
            let room = KEPT.saturating_sub(self.text.len());
            self.text.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// Outside of everything else.
    fn code(&mut self, bytes: &[u8]) -> (usize, Option<End>) {
        for (at, byte) in bytes.iter().copied().enumerate() {
            if is_word(byte) || (byte == b'$' && !self.word.is_empty()) {
                if self.word.len() < LONGEST_WORD {
                    self.word.push(byte);
                }
                self.keep(byte);
                self.before = [self.before[1], byte];
                continue;
            }
            let escapes = self.word.eq_ignore_ascii_case(b"e");
            self.end_word();
            if self.enter(byte, escapes) {
                return (at + 1, None);
            }
            self.keep(byte);
            match byte {
                b'(' => self.parentheses += 1,
                b')' => self.parentheses = self.parentheses.saturating_sub(1),
                b';' if self.parentheses == 0 && self.blocks == 0 => return (at + 1, Some(End::Statement)),
                _ => {}
            }
            if matches!(self.insert, Insert::Rows(_)) {
                return (at + 1, None);
            }
        }
        (bytes.len(), None)
    }

    /// Among the rows of an `INSERT`, of which nothing is kept.
    fn values(&mut self, bytes: &[u8]) -> (usize, Option<End>) {
        let Insert::Rows(mut rows) = self.insert else { return (0, None) };
        for (at, byte) in bytes.iter().copied().enumerate() {
            match byte {
                b'(' => self.parentheses += 1,
                b')' => {
                    self.parentheses = self.parentheses.saturating_sub(1);
                    rows += u64::from(self.parentheses == 0);
                }
                b'\'' | b'"' | b'$' | b'\\' | b'-' | b'*' => {
                    let [first, last] = self.before;
                    let escapes = last.eq_ignore_ascii_case(&b'e') && !is_word(first);
                    // In a name or number it means nothing.
                    if !(byte == b'$' && is_word(last)) && self.enter(byte, escapes) {
                        self.insert = Insert::Rows(rows);
                        return (at + 1, None);
                    }
                    continue;
                }
                _ if self.parentheses > 0 => {}
                b';' => {
                    self.insert = Insert::Rows(rows);
                    return (at + 1, Some(End::Statement));
                }
                // ON CONFLICT, RETURNING.
                _ if is_word(byte) => {
                    self.insert = Insert::Over(rows);
                    return (at, None);
                }
                _ => {}
            }
            self.before = [self.before[1], byte];
        }
        self.insert = Insert::Rows(rows);
        (bytes.len(), None)
    }

    /// Whether quotes, a comment or a command begin with this byte.
    fn enter(&mut self, byte: u8, escapes: bool) -> bool {
        let before = self.before[1];
        self.before = [before, byte];
        self.mode = match byte {
            b'-' if before == b'-' => {
                self.text.pop_if(|last| *last == b'-');
                self.line.clear();
                self.line.extend_from_slice(b"--");
                Mode::Line { told: self.is_between() }
            }
            b'*' if before == b'/' => {
                self.text.pop_if(|last| *last == b'/');
                Mode::Block { depth: 1, before: 0 }
            }
            b'\\' => {
                self.line.clear();
                self.line.push(byte);
                Mode::Command
            }
            // Two of them are one that is meant, and the same quotes go on.
            b'\'' if before == byte => Mode::Quoted { quote: byte, escapes: self.escapes },
            b'\'' => Mode::Quoted { quote: byte, escapes: escapes || !self.standard_strings },
            b'"' => Mode::Quoted { quote: byte, escapes: false },
            b'$' => Mode::Tag(vec![byte]),
            _ => return false,
        };
        if matches!(byte, b'\'' | b'"' | b'$') {
            self.keep_value(&[byte]);
        }
        true
    }

    fn quoted(&mut self, bytes: &[u8]) -> usize {
        let Mode::Quoted { quote, escapes } = self.mode else { return 0 };
        // The last byte of the piece before may have made the first one ordinary.
        let mut at = usize::from(std::mem::take(&mut self.escaped));
        while at < bytes.len() {
            let rest = &bytes[at..];
            let found = if escapes { memchr2(quote, b'\\', rest) } else { memchr(quote, rest) };
            let Some(found) = found else { break };
            at += found + 1;
            if rest[found] == quote {
                self.keep_value(&bytes[..at]);
                self.mode = Mode::Code;
                self.escapes = escapes;
                self.before = [0, quote];
                return at;
            }
            self.escaped = at == bytes.len();
            at += 1;
        }
        self.keep_value(bytes);
        bytes.len()
    }

    fn dollar(&mut self, bytes: &[u8]) -> usize {
        let Mode::Dollar { tag, met } = &mut self.mode else { return 0 };
        let mut at = 0;
        while at < bytes.len() {
            if *met == 0 {
                let Some(found) = memchr(b'$', &bytes[at..]) else { break };
                at += found;
            }
            // A dollar stands at both ends of it only, so that one that does not fit may begin it again.
            *met = if bytes[at] == tag[*met] { *met + 1 } else { usize::from(bytes[at] == b'$') };
            at += 1;
            if *met == tag.len() {
                self.mode = Mode::Code;
                self.before = [0, b'$'];
                self.keep_value(&bytes[..at]);
                return at;
            }
        }
        self.keep_value(bytes);
        bytes.len()
    }

    /// Takes the byte if the tag of a dollar quote goes on with it. Gives how many bytes that were.
    fn tag(&mut self, byte: u8) -> usize {
        let Mode::Tag(tag) = &mut self.mode else { return 0 };
        let is_first = tag.len() == 1;
        if is_word(byte) && !(is_first && byte.is_ascii_digit()) && tag.len() < LONGEST_TAG {
            tag.push(byte);
        } else if byte == b'$' {
            tag.push(byte);
            self.mode = Mode::Dollar { tag: std::mem::take(tag), met: 0 };
        } else {
            self.mode = Mode::Code;
            return 0;
        }
        self.keep_value(&[byte]);
        1
    }

    fn line(&mut self, bytes: &[u8]) -> (usize, Option<End>) {
        let end = memchr(b'\n', bytes);
        let text = &bytes[..end.unwrap_or(bytes.len())];
        let room = LINE.saturating_sub(self.line.len());
        self.line.extend_from_slice(&text[..text.len().min(room)]);
        let Some(end) = end else { return (bytes.len(), None) };
        let mode = std::mem::replace(&mut self.mode, Mode::Code);
        self.before = [0, b'\n'];
        let told = match mode {
            Mode::Line { told: false } => None,
            Mode::Command => Some(End::Command),
            _ => Some(End::Comment),
        };
        (end + 1, told)
    }

    fn block(&mut self, bytes: &[u8]) -> usize {
        let Mode::Block { depth, before } = &mut self.mode else { return 0 };
        for (at, byte) in bytes.iter().copied().enumerate() {
            match &[std::mem::replace(before, byte), byte] {
                b"/*" => *depth += 1,
                b"*/" => *depth -= 1,
                _ => continue,
            }
            // A star or stroke is part of one of them only.
            *before = 0;
            if *depth == 0 {
                self.mode = Mode::Code;
                self.before = [0, b' '];
                return at + 1;
            }
        }
        bytes.len()
    }

    /// Takes in the word that just ended.
    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        self.word.make_ascii_lowercase();
        let word = std::mem::take(&mut self.word);
        if self.words < self.first.len()
            && matches!(&word[..], b"create" | b"function" | b"procedure" | b"or" | b"replace")
        {
            self.first[self.words] = word[0];
        }
        let makes_function = matches!(&self.first, [b'c', b'f' | b'p', ..] | b"corf" | b"corp");
        if makes_function && self.parentheses == 0 {
            match &word[..] {
                b"begin" => self.blocks += 1,
                b"case" if self.blocks > 0 => self.blocks += 1,
                b"end" => self.blocks = self.blocks.saturating_sub(1),
                _ => {}
            }
        }
        if self.parentheses == 0 {
            self.insert = match (self.insert, &word[..]) {
                (Insert::No, b"insert") if self.words == 0 => Insert::Begun,
                (Insert::Begun, b"default") => Insert::Default,
                (Insert::Begun, b"values") => Insert::Rows(0),
                (Insert::Default, b"values") => Insert::Over(1),
                // INSERT … SELECT.
                (Insert::Begun, b"select" | b"table" | b"with") => Insert::No,
                (other, _) => other,
            };
        }
        self.words += 1;
        self.word = word;
        self.word.clear();
    }
}

/// Whether a name or number may hold it, besides a dollar.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens as text, in pieces of this size.
    fn cut(text: &str, piece: usize) -> (Vec<String>, Option<&'static str>) {
        let mut lexer = Lexer::default();
        let mut tokens = Vec::new();
        for piece in text.as_bytes().chunks(piece) {
            let mut at = 0;
            while at < piece.len() {
                let (used, token) = lexer.feed(&piece[at..]);
                at += used;
                tokens.extend(token.map(|token| match token {
                    Token::Statement { text, rows } => {
                        let rows = rows.map_or(String::new(), |rows| format!(" = {rows}"));
                        format!("{}{rows}", String::from_utf8_lossy(text).trim())
                    }
                    Token::Comment(line) | Token::Command(line) => String::from_utf8_lossy(line).into_owned(),
                }));
            }
        }
        (tokens, lexer.open())
    }

    fn tokens(text: &str) -> Vec<String> {
        let whole = cut(text, text.len());
        for piece in [1, 2, 3, 5] {
            assert_eq!(cut(text, piece), whole, "in pieces of {piece}");
        }
        whole.0
    }

    #[test]
    fn statements_end_where_psql_ends_them() {
        for (text, expected) in [
            ("select 1; select 2;", &["select 1;", "select 2;"][..]),
            (r#"select ';', ";", $$;$$, $a$;$$;$b$;$a$;"#, &[r#"select ';', ";", $$;$$, $a$;$$;$b$;$a$;"#]),
            ("select 'it''s;'; -- a;\nselect a$b$;", &["select 'it''s;';", "-- a;", "select a$b$;"]),
            (r"select E'\';', 'a\'; x;", &[r"select E'\';', 'a\';", "x;"]),
            (r"select e'a''\';'; x;", &[r"select e'a''\';';", "x;"]),
            ("/* a; /* b; */ c; */ select 1 /*;*/ + 2;", &["select 1  + 2;"]),
            ("select 1 -- no; comment\n + 2;", &["select 1  + 2;"]),
            ("select (1; 2);", &["select (1; 2);"]),
            ("select $1; select $1$;", &["select $1;", "select $1$;"]),
            (
                "create or replace function f() begin atomic select case when a then 1 end; select 2; end; x;",
                &[
                    "create or replace function f() begin atomic select case when a then 1 end; select 2; end;",
                    "x;",
                ],
            ),
            ("begin; select 1; end;", &["begin;", "select 1;", "end;"]),
            ("\\connect a\nselect 1; \\! rm -rf /;\n", &["\\connect a", "select 1;", "\\! rm -rf /;"]),
            ("select 1 \\g | sh\n;", &["\\g | sh", "select 1 ;"]),
            ("select 1 - -1, 2/3, a*b;", &["select 1 - -1, 2/3, a*b;"]),
        ] {
            assert_eq!(tokens(text), expected, "{text}");
        }
    }

    #[test]
    fn rows_of_inserts_are_counted() {
        for (text, rows) in [
            ("INSERT INTO t VALUES (1, 'a');", Some(1)),
            (
                "INSERT INTO public.t (a, \"values\") VALUES\n\t(1, 'a'),\n\t(2, '(,);'), (3, E'\\'),(');\n",
                Some(3),
            ),
            (
                "INSERT INTO t OVERRIDING SYSTEM VALUE VALUES (1, '--'), (2, '/*') ON CONFLICT (a) DO NOTHING;",
                Some(2),
            ),
            ("INSERT INTO t DEFAULT VALUES;", Some(1)),
            ("INSERT INTO t VALUES (f(1), ((2))), ('\u{e9}', -1 - -2);", Some(2)),
            ("INSERT INTO t VALUES (1) -- ),(2)\n, (3);", Some(2)),
            (r"INSERT INTO t VALUES ($a$ ),( $a$, '\'), (2, '''');", Some(2)),
            ("INSERT INTO t SELECT 1;", None),
            ("INSERT INTO t (select) VALUES (1);", Some(1)),
            ("SELECT insert, values (1);", None),
        ] {
            let token = tokens(text).into_iter().find(|token| token.ends_with(';') || token.contains(" = "));
            let token = token.unwrap();
            let counted = token.rsplit_once(" = ").map(|(_, rows)| rows.parse().unwrap());
            assert_eq!(counted, rows, "{text}: {token}");
        }
    }

    #[test]
    fn what_is_open_at_the_end_is_known() {
        for (text, open) in [
            ("select 1;\n", None),
            ("select 1; -- x", None),
            ("\\connect x", None),
            ("", None),
            ("select 1", Some("a statement")),
            ("select 1 -- x", Some("a statement")),
            ("select 'x;", Some("a text in quotes")),
            ("select \"x;", Some("a name in quotes")),
            ("select $x$ $y$;", Some("a text in quotes")),
            ("/* x;", Some("a comment")),
            ("insert into t values (1), (2", Some("a statement")),
            ("create function f() begin atomic select 1;", Some("a statement")),
        ] {
            assert_eq!(cut(text, text.len().max(1)).1, open, "{text}");
        }
    }
}
