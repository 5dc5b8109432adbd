//! Counting rows in the text that `COPY` writes.
//!
//! A row is a line: line breaks in values are escaped. The line `\.` ends the rows, and no row looks like it, since
//! a backslash of a value is doubled. An empty line is a row too, of one empty text or of no columns.

use memchr::memchr_iter;
use sha2::{Digest, Sha256};

use super::damage::Fault;
use crate::content::{Fingerprint, RowHash};

/// The line that ends the rows.
const END: &[u8] = br"\.";

/// What is asked of every table besides the number of its rows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// Whether rows are hashed.
    pub(super) fingerprint: bool,
    /// Whether the text says that it is UTF-8, so that anything else in it is damage.
    pub(super) utf8: bool,
}

/// The rows of a table, as they come.
#[derive(Debug)]
pub(super) struct CopyText {
    columns: Option<u64>,
    utf8: Option<Utf8>,
    /// What is wrong with a row.
    broken: Option<String>,
    fingerprint: Option<Fingerprint>,
    rows: u64,
    bytes: u64,
    tabs: u64,
    line: Line,
    ended: bool,
}

/// The beginning of a line whose end is in a later piece.
#[derive(Debug, Default)]
struct Line {
    length: u64,
    /// Its first bytes, as many as tell whether it is the last.
    begin: Vec<u8>,
    hash: Option<Sha256>,
}

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) fingerprint: Option<Fingerprint>,
}

impl CopyText {
    /// Of a table with as many columns, where that is known.
    pub(super) fn new(columns: Option<u64>, wanted: Wanted) -> Self {
        Self {
            columns,
            utf8: wanted.utf8.then(Utf8::default),
            broken: None,
            fingerprint: wanted.fingerprint.then(Fingerprint::default),
            rows: 0,
            bytes: 0,
            tabs: 0,
            line: Line::default(),
            ended: false,
        }
    }

    /// Takes a piece. Gives how much of it are rows, and the end of them.
    pub(super) fn feed(&mut self, piece: &[u8]) -> usize {
        if self.ended {
            return 0;
        }
        let before = self.rows;
        let mut begin = 0;
        for end in memchr_iter(b'\n', piece) {
            let line = &piece[begin..end];
            begin = end + 1;
            if self.line.length == 0 && line.len() > END.len() + 1 {
                self.row(line);
            } else if self.is_end(line) {
                self.ended = true;
                break;
            } else {
                self.row(line);
            }
        }
        // The last line is none of a row's.
        let text = if self.ended { &piece[..begin.saturating_sub(END.len() + 1)] } else { piece };
        if !self.ended {
            self.begin_line(&piece[begin..]);
        }
        let used = if self.ended { begin } else { piece.len() };
        self.bytes += used as u64;
        self.tabs += memchr_iter(b'\t', text).count() as u64;
        if let Some(utf8) = &mut self.utf8
            && let Err(at) = utf8.feed(text)
        {
            let row = before + memchr_iter(b'\n', &text[..at]).count() as u64 + 1;
            self.utf8 = None;
            self.broken = Some(format!("row {row} as it stands here holds bytes that are no UTF-8"));
        }
        used
    }

    /// How many bytes there were until now, with the line that ends them.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the line that ends the rows was there.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// How many rows there were until now.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// What was counted, where all of it was there.
    pub(super) fn finish(&self) -> Result<Counted, Fault> {
        if !self.ended {
            return Err(Fault::cut(r"its rows end without the line \. that ends them"));
        }
        if let Some(message) = &self.broken {
            return Err(Fault::broken(message.clone()));
        }
        if let Some(columns) = self.columns
            && self.tabs != self.rows * columns.saturating_sub(1)
        {
            return Err(Fault::broken(format!("its rows do not have {columns} values each")));
        }
        if self.utf8.as_ref().is_some_and(|utf8| !utf8.is_whole()) {
            return Err(Fault::broken("its last row holds bytes that are no UTF-8"));
        }
        Ok(Counted { rows: self.rows, bytes: self.bytes, fingerprint: self.fingerprint })
    }

    /// Whether the line that ends here is the last.
    fn is_end(&self, rest: &[u8]) -> bool {
        if self.line.length + rest.len() as u64 > END.len() as u64 + 1 {
            return false;
        }
        let line = [&self.line.begin[..], rest].concat();
        // As Windows writes it.
        line == END || line.strip_suffix(b"\r").is_some_and(|line| line == END)
    }

    /// A row whose rest this is.
    fn row(&mut self, rest: &[u8]) {
        self.rows += 1;
        if let Some(fingerprint) = &mut self.fingerprint {
            *fingerprint += match self.line.hash.take() {
                None => RowHash::of(rest),
                Some(hash) => RowHash::of_digest(hash.chain_update(rest)),
            };
        }
        self.line.length = 0;
        self.line.begin.clear();
    }

    /// The beginning of a row, or more of it.
    fn begin_line(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let room = (END.len() + 1).saturating_sub(self.line.begin.len());
        self.line.begin.extend(&bytes[..bytes.len().min(room)]);
        self.line.length += bytes.len() as u64;
        if self.fingerprint.is_some() {
            self.line.hash.get_or_insert_default().update(bytes);
        }
    }
}

/// Whether pieces of a text are UTF-8, wherever it was cut.
#[derive(Debug, Default)]
struct Utf8 {
    /// The beginning of a character.
    open: Vec<u8>,
}

impl Utf8 {
    /// Takes a piece; gives where in it the text stops being one.
    fn feed(&mut self, piece: &[u8]) -> Result<(), usize> {
        let mut begin = 0;
        while !self.open.is_empty() && begin < piece.len() {
            self.open.push(piece[begin]);
            begin += 1;
            match std::str::from_utf8(&self.open) {
                Ok(_) => self.open.clear(),
                Err(error) if error.error_len().is_some() => return Err(0),
                Err(_) => {}
            }
        }
        match std::str::from_utf8(&piece[begin..]) {
            Ok(_) => Ok(()),
            Err(error) => {
                let at = begin + error.valid_up_to();
                if error.error_len().is_some() {
                    return Err(at);
                }
                self.open.extend(&piece[at..]);
                Ok(())
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.open.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Wanted = Wanted { fingerprint: true, utf8: true };

    fn counted(text: &[u8], columns: u64, piece: usize) -> Result<(Counted, usize), Fault> {
        let mut copy = CopyText::new(Some(columns), ALL);
        let mut used = 0;
        for piece in text.chunks(piece) {
            used += copy.feed(piece);
        }
        Ok((copy.finish()?, used))
    }

    #[test]
    fn rows_are_counted_in_pieces_of_any_size() {
        for (text, columns, rows) in [
            (&b"\\.\n\n\n"[..], 3, 0),
            (b"1\ta\n2\tb\n\\.\n\n\n", 2, 2),
            // Empty texts, and what a value `\.` is written as.
            (b"\n\n\\\\.\n\\.x\n\\.\n\n\n", 1, 4),
            (b"\n\n\n\\.\n", 0, 3),
            ("Größe\té\n名\t\u{1f389}\n\\.\n".as_bytes(), 2, 2),
            (b"1\r\n\\.\r\nselect 1;", 1, 1),
        ] {
            let whole = counted(text, columns, text.len()).unwrap();
            assert_eq!(whole.0.rows, rows, "{text:?}");
            let end = text.windows(2).rposition(|line| line == END).unwrap();
            assert_eq!(
                &text[..whole.1],
                &text[..=memchr::memchr(b'\n', &text[end..]).unwrap() + end],
                "{text:?}"
            );
            for piece in 1..text.len() {
                assert_eq!(counted(text, columns, piece).unwrap(), whole, "{text:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn rows_without_their_end_or_their_values_are_no_count() {
        for (text, needle) in [
            (&b"1\ta\n2\tb\n"[..], r"without the line \."),
            (b"1\ta\n2\tb\n\\.", r"without the line \."),
            (b"1\ta\n2 b\n\\.\n", "2 values each"),
            (b"1\ta\t\n2\tb\n\\.\n", "2 values each"),
            // A line break that became something else.
            (b"1\ta.2\tb\n\\.\n", "2 values each"),
            (b"1\ta\n2\t\xff\n\\.\n", "no UTF-8"),
            (b"1\ta\n2\t\xc3\n\\.\n", "no UTF-8"),
        ] {
            for piece in 1..=text.len() {
                let fault = counted(text, 2, piece).unwrap_err();
                let Fault::Damaged(damage) = fault else { panic!("{fault:?}") };
                assert!(damage.message.contains(needle), "{text:?}: {damage}");
            }
        }
    }

    #[test]
    fn fingerprints_are_of_rows_in_any_order() {
        let of = |text: &[u8]| counted(text, 1, 3).unwrap().0.fingerprint.unwrap();
        assert_eq!(of(b"a\nbb\nccc\n\\.\n"), of(b"ccc\na\nbb\n\\.\n"));
        assert_ne!(of(b"a\nbb\n\\.\n"), of(b"ab\nb\n\\.\n"));
        assert_ne!(of(b"a\na\n\\.\n"), of(b"b\nb\n\\.\n"), "equal rows do not cancel out");
    }
}
