//! Dumps in plain SQL: what `pg_dump`, `pg_dumpall` and `supabase db dump` write.
//!
//! Such a text has no table of contents, no checksum and no length. What it holds is known once all of it was read, and
//! the only witness that it is whole is its last line: `psql` restores one that was cut in the middle and calls it a
//! success. Comments are what somebody wrote; a fact that only a comment tells is told as that.

mod lexer;
mod statement;

use std::collections::HashMap;

use memchr::{memchr, memchr_iter};

use super::damage::{ArchiveDamage, DamageKind, Fault};
use super::entry::ArchiveEntry;
use super::header::ArchiveHeader;
use super::rows::{CopyText, Wanted};
use super::table::{ArchiveTable, ArchiveTableState, Read};
use crate::error::Error;
use crate::sql::QualifiedName;
use crate::text::plural;
use lexer::{Lexer, Token};
use statement::{Does, Name};

/// How many things a text may make, before somebody is playing with us.
const MOST_ENTRIES: usize = 1_000_000;

/// Reads a text, piece by piece.
pub(super) struct Plain {
    wanted: Wanted,
    state: State,
    lexer: Lexer,
    read: Read,
    /// Bytes and line breaks before the piece.
    at: u64,
    lines: u64,
    /// Bytes since the last statement.
    length: u64,
    places: HashMap<(Option<String>, QualifiedName), usize>,
    /// The table of the last `INSERT`, and how that begins: a text may hold millions of them.
    last_insert: (Vec<u8>, usize),
    /// Whether all beyond the limit is left out.
    overflowed: bool,
    witness: Witness,
    session: Session,
}

/// Where in the text it is.
enum State {
    Sql,
    /// Behind the `COPY` of a table, before the line of its first row.
    BeforeRows(Rows),
    Rows(Rows),
}

/// Rows of a table that are being read.
struct Rows {
    table: usize,
    copy: CopyText,
    /// Whether a line is a row.
    text: bool,
}

/// What says where the text ends.
#[derive(Debug, Default)]
struct Witness {
    /// Dumps of a database that were begun and completed.
    begun: u64,
    complete: u64,
    /// Of a whole cluster.
    clusters: u64,
    complete_clusters: u64,
    /// What `\restrict` gave, until `\unrestrict`.
    restricted: Option<String>,
    /// Statements since the last dump was complete.
    since: u64,
    /// Whether the last statement was `RESET ALL`.
    reset: bool,
    /// Whether there was any statement.
    any: bool,
}

/// What statements changed for those after them.
#[derive(Debug, Default)]
struct Session {
    database: Option<String>,
    schema: Option<String>,
}

impl Plain {
    pub(super) fn new(read: Read, wanted: Wanted) -> Self {
        Self {
            wanted,
            state: State::Sql,
            lexer: Lexer::default(),
            read,
            at: 0,
            lines: 0,
            length: 0,
            places: HashMap::new(),
            last_insert: (Vec::new(), 0),
            overflowed: false,
            witness: Witness::default(),
            session: Session::default(),
        }
    }

    /// Takes the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) {
        let mut at = 0;
        // As editors on Windows begin a text.
        if self.at == 0 && piece.starts_with(b"\xef\xbb\xbf") {
            at = 3;
        }
        while at < piece.len() {
            at += self.step(piece, at);
        }
        self.at += piece.len() as u64;
        self.lines += memchr_iter(b'\n', piece).count() as u64;
    }

    fn step(&mut self, piece: &[u8], at: usize) -> usize {
        let rest = &piece[at..];
        match std::mem::replace(&mut self.state, State::Sql) {
            State::Sql => {
                let (used, token) = self.lexer.feed(rest);
                self.length += used as u64;
                let line = || self.lines + memchr_iter(b'\n', &piece[..at + used]).count() as u64;
                match token {
                    None => {}
                    Some(Token::Comment(text)) => {
                        self.length = 0;
                        self.witness.comment(text, &mut self.read.header);
                    }
                    Some(Token::Command(text)) => {
                        let text = String::from_utf8_lossy(text).into_owned();
                        // It ended with its line.
                        let line = line();
                        self.command(&text, line);
                    }
                    Some(Token::Statement { text, rows }) if is_insert(text) => {
                        if self.last_insert.0 == text {
                            let place = self.last_insert.1;
                            self.insert(place, rows);
                        } else {
                            let text = text.to_vec();
                            self.statement(&text, rows, 0);
                        }
                        self.witness.statement(false);
                    }
                    Some(Token::Statement { text, rows }) => {
                        let text = text.to_vec();
                        let line = line() + 1;
                        self.length = 0;
                        self.statement(&text, rows, line);
                    }
                }
                used
            }
            // What else is on its line, nobody takes for a row.
            State::BeforeRows(rows) => {
                let end = memchr(b'\n', rest);
                self.state = if end.is_some() { State::Rows(rows) } else { State::BeforeRows(rows) };
                end.map_or(rest.len(), |end| end + 1)
            }
            State::Rows(mut rows) => {
                let used = rows.copy.feed(rest);
                if rows.copy.is_ended() {
                    self.end_rows(&rows);
                } else {
                    self.state = State::Rows(rows);
                }
                used
            }
        }
    }

    /// Ends the rows of a table, whole or not.
    fn end_rows(&mut self, rows: &Rows) {
        let table = &mut self.read.tables[rows.table];
        table.bytes += rows.copy.bytes();
        match rows.copy.finish() {
            Ok(counted) if rows.text => table.add(counted.rows, counted.fingerprint),
            Ok(_) => {
                table.break_off(ArchiveTableState::Unread, 0);
                let why = format!("{}: its rows are not in the text format of COPY", table.shown());
                self.read.unproven.push(why);
            }
            Err(Fault::Damaged(damage)) => {
                table.break_off(ArchiveTableState::Damaged, rows.copy.rows());
                let shown = table.shown();
                self.read.damage.push(damage.of(&shown));
            }
            Err(Fault::Unknown(error)) => self.read.unproven.push(error.to_string()),
        }
    }

    /// The place of a table, which is made where it is new.
    fn place(&mut self, name: Name) -> usize {
        let table = name.within(self.session.schema.as_deref().unwrap_or("public"));
        let key = (self.session.database.clone(), table);
        if let Some(place) = self.places.get(&key) {
            return *place;
        }
        let place = self.read.tables.len();
        if place >= MOST_ENTRIES {
            self.overflow();
            return place - 1;
        }
        self.read.tables.push(ArchiveTable::new(key.1.clone(), key.0.clone()));
        self.places.insert(key, place);
        place
    }

    fn overflow(&mut self) {
        if !std::mem::replace(&mut self.overflowed, true) {
            let why = format!(
                "it holds more than {}, which is more than is read",
                plural(MOST_ENTRIES as u64, "object")
            );
            self.read.unproven.push(why);
        }
    }

    fn insert(&mut self, place: usize, rows: Option<u64>) {
        let table = &mut self.read.tables[place];
        table.bytes += std::mem::take(&mut self.length);
        if let Some(rows) = rows {
            table.add(rows, None);
        } else {
            table.break_off(ArchiveTableState::Unread, 0);
            let why = format!("{}: an INSERT does not say how many rows it adds", table.shown());
            self.read.unproven.push(why);
        }
    }

    fn statement(&mut self, text: &[u8], rows: Option<u64>, line: u64) {
        let does = Does::of(text);
        if !is_insert(text) {
            self.witness.statement(matches!(does, Does::ResetAll));
        }
        match does {
            Does::Insert(name) => {
                let place = self.place(name);
                self.last_insert = (text.to_vec(), place);
                self.insert(place, rows);
            }
            Does::Copy { table, columns, text } => {
                let table = self.place(table);
                let wanted = Wanted { fingerprint: self.wanted.fingerprint && text, utf8: self.is_utf8() };
                let copy = CopyText::new(columns.filter(|_| text), wanted);
                self.state = State::BeforeRows(Rows { table, copy, text });
            }
            Does::CopyElsewhere => {
                self.forbid("a COPY takes rows from a program or file, or gives them to one", line);
            }
            Does::Create { kind, name, partitioned } => self.create(kind, name, partitioned),
            Does::Own(owner) => drop(self.read.owners.insert(owner)),
            Does::LargeObject => self.read.large_objects.count += 1,
            Does::Set { name, value } => self.set(&name, &value),
            Does::ResetAll | Does::Other => {}
        }
    }

    fn is_utf8(&self) -> bool {
        self.read.header.encoding.as_deref().is_none_or(|encoding| encoding.eq_ignore_ascii_case("utf8"))
    }

    fn set(&mut self, name: &str, value: &[String]) {
        let first = value.first().map(String::as_str).unwrap_or_default();
        match name {
            "client_encoding" => self.read.header.encoding = Some(first.to_owned()),
            "standard_conforming_strings" => self.lexer.standard_strings = first != "off",
            "search_path" => self.session.schema = Some(first.to_owned()).filter(|schema| !schema.is_empty()),
            "row_security" if first == "on" => {
                let note = "it was made under row level security (--enable-row-security): rows that the role could not \
                            see are not in it";
                if !self.read.notes.iter().any(|other| other == note) {
                    self.read.notes.push(note.to_owned());
                }
            }
            _ => {}
        }
    }

    fn create(&mut self, kind: String, name: Name, partitioned: bool) {
        if self.read.entries.len() >= MOST_ENTRIES {
            return self.overflow();
        }
        let has_schema = matches!(
            kind.as_str(),
            "AGGREGATE"
                | "DOMAIN"
                | "FOREIGN TABLE"
                | "FUNCTION"
                | "MATERIALIZED VIEW"
                | "POLICY"
                | "PROCEDURE"
                | "RULE"
                | "SEQUENCE"
                | "TABLE"
                | "TRIGGER"
                | "TYPE"
                | "VIEW"
        );
        let schema = name.schema.or_else(|| self.session.schema.clone().filter(|_| has_schema));
        let id = u32::try_from(self.read.entries.len() + 1).unwrap_or(u32::MAX);
        let relation_kind = partitioned.then_some('p');
        let entry = ArchiveEntry::of_statement(id, kind, schema, name.name);
        self.read.entries.push(ArchiveEntry { relation_kind, ..entry });
    }

    fn forbid(&mut self, message: &str, line: u64) {
        let damage = ArchiveDamage::new(DamageKind::Forbidden, format!("line {line}: {message}"));
        self.read.damage.push(damage);
    }

    /// A command of psql's own.
    fn command(&mut self, text: &str, line: u64) {
        let text = text.strip_prefix('\\').unwrap_or(text);
        let end = match text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            Some(0) => text.chars().next().map_or(0, char::len_utf8),
            Some(end) => end,
            None => text.len(),
        };
        let (word, rest) = text.split_at(end);
        let rest = rest.trim();
        if text.contains('`') {
            return self.forbid(&format!("\\{word} has backquotes, in which psql runs a program"), line);
        }
        match word {
            "c" | "connect" => self.session.database = Some(database(rest)),
            "restrict" => self.witness.restricted = Some(rest.to_owned()),
            "unrestrict" if self.witness.restricted.as_deref() == Some(rest) => {
                self.witness.restricted = None;
            }
            "unrestrict" => self.forbid("\\unrestrict has another key than \\restrict", line),
            "echo" | "encoding" | "pset" | "set" | "timing" | "unset" | "warn" => {}
            _ => {
                let why = if RUNS.contains(&word) {
                    "runs programs or reaches files"
                } else {
                    "is none of pg_dump's"
                };
                self.forbid(&format!("the psql command \\{word} {why}"), line);
            }
        }
    }

    /// What was found, once all of it was there, or all that can be had: until something was damaged or could not be
    /// read.
    pub(super) fn finish(mut self, damage: Option<ArchiveDamage>, unknown: Option<Error>) -> Read {
        match self.lexer.last() {
            Some(Token::Comment(text)) => self.witness.comment(text, &mut self.read.header),
            Some(Token::Command(text)) => {
                let text = String::from_utf8_lossy(text).into_owned();
                self.command(&text, self.lines + 1);
            }
            _ => {}
        }
        let end = self.at;
        match std::mem::replace(&mut self.state, State::Sql) {
            State::Sql => {
                if let Some(open) = self.lexer.open() {
                    let mut damage = ArchiveDamage::new(
                        DamageKind::Truncated,
                        format!("it ends here, in the middle of {open}"),
                    );
                    if is_insert(self.lexer.text())
                        && let Does::Insert(name) = Does::of(self.lexer.text())
                    {
                        let rows = self.lexer.rows().unwrap_or_default();
                        let place = self.place(name);
                        let table = &mut self.read.tables[place];
                        table.break_off(ArchiveTableState::Damaged, rows);
                        damage = damage.of(&table.shown());
                    }
                    self.read.damage.push(damage.at(end));
                }
            }
            State::BeforeRows(rows) | State::Rows(rows) => {
                self.end_rows(&rows);
                if let Some(last) = self.read.damage.last_mut() {
                    *last = last.clone().at(end);
                }
            }
        }
        if unknown.is_some() {
            // It goes on, and nobody knows how.
            self.read.damage.retain(|damage| damage.kind != DamageKind::Truncated);
            for table in &mut self.read.tables {
                table.state = table.state.max(ArchiveTableState::Unread);
            }
            self.read.unknown = unknown;
            return self.read;
        }
        if let Some(damage) = damage {
            self.read.damage.push(damage);
        }
        if let Some(damage) = self.witness.damage() {
            // One end is enough.
            if self.read.damage.iter().all(|other| other.kind != DamageKind::Truncated) {
                self.read.damage.push(damage.at(end));
            }
        } else if let Some(why) = self.witness.unproven() {
            self.read.unproven.push(why);
        }
        self.read
    }
}

/// Commands that run programs, or read or write files.
const RUNS: [&str; 18] = [
    "!",
    "copy",
    "e",
    "edit",
    "g",
    "gx",
    "i",
    "include",
    "include_relative",
    "ir",
    "lo_export",
    "lo_import",
    "o",
    "out",
    "s",
    "setenv",
    "w",
    "write",
];

fn is_insert(text: &[u8]) -> bool {
    text.trim_ascii_start().get(..7).is_some_and(|begin| begin.eq_ignore_ascii_case(b"insert "))
}

/// The database that `\connect` names: `app`, or `-reuse-previous=on "dbname='we ird'"`.
fn database(arguments: &str) -> String {
    let name = arguments.rsplit_once("dbname=").map_or(arguments, |(_, name)| name);
    name.trim_matches(['"', '\'', ' ']).to_owned()
}

/// How many columns a `COPY` names.
pub(super) fn columns(copy: &str) -> Option<u64> {
    match Does::of(copy.as_bytes()) {
        Does::Copy { columns, .. } => columns,
        _ => None,
    }
}

/// Rows of a table that are `INSERT` statements, in an archive.
pub(super) struct Inserts {
    lexer: Lexer,
    rows: u64,
    bytes: u64,
    /// The last bytes.
    end: Vec<u8>,
    any: bool,
    broken: Option<&'static str>,
}

impl Inserts {
    pub(super) fn new(standard_strings: bool) -> Self {
        let mut lexer = Lexer::default();
        lexer.standard_strings = standard_strings;
        Self { lexer, rows: 0, bytes: 0, end: Vec::new(), any: false, broken: None }
    }

    pub(super) fn feed(&mut self, piece: &[u8]) {
        let mut at = 0;
        while at < piece.len() {
            let (used, token) = self.lexer.feed(&piece[at..]);
            at += used;
            match token {
                None | Some(Token::Comment(_)) => {}
                Some(Token::Statement { text, rows: Some(rows) }) if is_insert(text) => {
                    self.rows += rows;
                    self.any = true;
                }
                Some(Token::Statement { .. }) => {
                    self.broken = Some("something that is no INSERT of values is among its rows");
                }
                Some(Token::Command(_)) => self.broken = Some("a command of psql is among its rows"),
            }
        }
        self.bytes += piece.len() as u64;
        self.end.extend(&piece[piece.len().saturating_sub(4)..]);
        self.end.drain(..self.end.len().saturating_sub(4));
    }

    /// How many rows there were until now.
    pub(super) fn rows(&self) -> u64 {
        self.rows + self.lexer.rows().unwrap_or_default()
    }

    /// How many bytes of text.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many rows there are, where all of it was there.
    pub(super) fn finish(&self) -> Result<u64, Fault> {
        if let Some(broken) = self.broken {
            return Err(Fault::broken(broken));
        }
        let end: &[u8] = if self.any { b";\n\n\n" } else { b"\n\n" };
        if self.lexer.open().is_some() || self.end != end {
            return Err(Fault::cut("its rows end without the empty lines that end them"));
        }
        Ok(self.rows)
    }
}

impl Witness {
    fn comment(&mut self, text: &[u8], header: &mut ArchiveHeader) {
        let Ok(text) = std::str::from_utf8(text) else { return };
        let text = text.trim_start_matches('-').trim();
        match text {
            "PostgreSQL database dump" => {
                self.begun += 1;
                self.since = 0;
            }
            "PostgreSQL database dump complete" => {
                self.complete += 1;
                self.since = 0;
            }
            "PostgreSQL database cluster dump" => self.clusters += 1,
            "PostgreSQL database cluster dump complete" => {
                self.complete_clusters += 1;
                self.since = 0;
            }
            _ => {
                if let Some(version) = text.strip_prefix("Dumped from database version ") {
                    header.server_version.get_or_insert_with(|| version.to_owned());
                } else if let Some(version) = text.strip_prefix("Dumped by pg_dump version ") {
                    header.dump_version.get_or_insert_with(|| version.to_owned());
                } else if let Some(at) = text.strip_prefix("Started on ") {
                    header.begun.get_or_insert_with(|| at.to_owned());
                }
            }
        }
    }

    fn statement(&mut self, reset: bool) {
        self.any = true;
        self.reset = reset;
        // It makes nothing, so that nothing is missing where it is.
        self.since += u64::from(!reset);
    }

    /// Why it cannot be whole.
    fn damage(&self) -> Option<ArchiveDamage> {
        let cut = |message: &str| Some(ArchiveDamage::new(DamageKind::Truncated, message));
        if self.complete_clusters < self.clusters {
            return cut("its last line, PostgreSQL database cluster dump complete, is not there");
        }
        if self.complete < self.begun {
            return cut("its last line, PostgreSQL database dump complete, is not there");
        }
        if self.restricted.is_some() {
            return cut("\\unrestrict, which comes last, is not there");
        }
        if self.complete > self.begun || self.complete_clusters > self.clusters {
            let message = "it ends a dump that it does not begin: its first part is not there";
            return Some(ArchiveDamage::new(DamageKind::Missing, message));
        }
        None
    }

    /// Why nobody knows whether it is.
    fn unproven(&self) -> Option<String> {
        if !self.any && self.begun + self.clusters == 0 {
            return Some("it holds no statement: this may be no dump at all".to_owned());
        }
        // The Supabase CLI takes the comments away, and ends with this.
        if self.begun + self.clusters == 0 && !self.reset {
            return Some("no last line of pg_dump's says that it ends here".to_owned());
        }
        if self.begun + self.clusters > 0 && self.since > 0 {
            let statements = plural(self.since, "statement");
            return Some(format!(
                "{statements} follow the last line of the dump, and nothing says where these end"
            ));
        }
        None
    }
}
