//! What a statement does, by how it begins.

use crate::sql::QualifiedName;

/// What a statement does, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// Takes rows of a table from the lines that follow; of how many columns, where they are named.
    Copy { table: Name, columns: Option<u64>, text: bool },
    /// Takes rows from a program or file, or gives them to one.
    CopyElsewhere,
    /// Adds rows to a table.
    Insert(Name),
    /// Makes something: its kind in capitals, and its name.
    Create { kind: String, name: Name, partitioned: bool },
    /// Gives something an owner.
    Own(String),
    /// Changes a setting.
    Set { name: String, value: Vec<String> },
    /// Changes all settings back.
    ResetAll,
    /// Begins to write a large object.
    LargeObject,
    /// Anything else.
    Other,
}

/// A name with or without its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) schema: Option<String>,
    pub(super) name: String,
}

impl Name {
    /// In this schema, where it names none.
    pub(super) fn within(self, schema: &str) -> QualifiedName {
        QualifiedName::new(self.schema.unwrap_or_else(|| schema.to_owned()), self.name)
    }
}

/// A word, name, text or sign.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    /// Not in quotes: in lower case, as PostgreSQL takes it.
    Plain(String),
    /// In double quotes.
    Quoted(String),
    /// In single quotes.
    Text(String),
    Sign(char),
}

impl Does {
    /// Of the beginning of a statement.
    pub(super) fn of(text: &[u8]) -> Self {
        let words = split(&String::from_utf8_lossy(text));
        let mut words = Words(&words);
        if words.take("copy") {
            return Self::copy(words);
        }
        if words.take("insert") {
            words.take("into");
            return words.name().map_or(Self::Other, Self::Insert);
        }
        if words.take("set") {
            return words.setting();
        }
        if words.take("reset") && words.take("all") {
            return Self::ResetAll;
        }
        if words.take("create") {
            return words.creation().unwrap_or(Self::Other);
        }
        if words.take("alter") {
            return words.owner().map_or(Self::Other, Self::Own);
        }
        if words.take("select") {
            return words.call();
        }
        Self::Other
    }

    fn copy(mut words: Words<'_>) -> Self {
        let Some(table) = words.name() else {
            // COPY (SELECT …) TO …
            return if words.has("program") { Self::CopyElsewhere } else { Self::Other };
        };
        let columns = words.list();
        if words.take("from") && words.take("stdin") {
            // Without a word about the format it is text.
            let text = words.0.first().is_none_or(|word| *word == Word::Sign(';'));
            return Self::Copy { table, columns, text };
        }
        if words.take("to") && words.take("stdout") { Self::Other } else { Self::CopyElsewhere }
    }
}

/// Words that are still to be looked at.
struct Words<'w>(&'w [Word]);

impl Words<'_> {
    /// Whether the next is this key word, which is then behind.
    fn take(&mut self, word: &str) -> bool {
        match self.0 {
            [Word::Plain(first), rest @ ..] if first == word => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn has(&self, word: &str) -> bool {
        self.0.iter().any(|other| matches!(other, Word::Plain(other) if other == word))
    }

    fn part(&mut self) -> Option<String> {
        let [Word::Plain(part) | Word::Quoted(part), rest @ ..] = self.0 else { return None };
        self.0 = rest;
        Some(part.clone())
    }

    /// `name` or `schema.name`.
    fn name(&mut self) -> Option<Name> {
        let first = self.part()?;
        if let [Word::Sign('.'), rest @ ..] = self.0 {
            self.0 = rest;
            return Some(Name { schema: Some(first), name: self.part()? });
        }
        Some(Name { schema: None, name: first })
    }

    /// `(a, b)`: how many.
    fn list(&mut self) -> Option<u64> {
        let [Word::Sign('('), rest @ ..] = self.0 else { return None };
        let end = rest.iter().position(|word| *word == Word::Sign(')'))?;
        self.0 = &rest[end + 1..];
        Some(rest[..end].iter().filter(|word| **word == Word::Sign(',')).count() as u64 + 1)
    }

    /// `SET [LOCAL] name = value, …` or `TO`.
    fn setting(&mut self) -> Does {
        if !self.take("session") {
            self.take("local");
        }
        let Some(Name { schema, name }) = self.name() else { return Does::Other };
        let name = schema.map_or(name.clone(), |schema| format!("{schema}.{name}"));
        let value = self.0.iter().filter_map(|word| match word {
            Word::Plain(text) if text == "to" => None,
            Word::Plain(text) | Word::Quoted(text) | Word::Text(text) => Some(text.clone()),
            Word::Sign(_) => None,
        });
        Does::Set { name, value: value.collect() }
    }

    /// `SELECT pg_catalog.set_config('search_path', '', false)`, and functions of large objects.
    fn call(&mut self) -> Does {
        let Some(Name { schema, name }) = self.name() else { return Does::Other };
        if schema.is_some_and(|schema| schema != "pg_catalog") {
            return Does::Other;
        }
        match (name.as_str(), self.0) {
            ("set_config", [Word::Sign('('), Word::Text(name), Word::Sign(','), Word::Text(value), ..]) => {
                Does::Set { name: name.clone(), value: vec![value.clone()] }
            }
            ("lo_open", _) => Does::LargeObject,
            _ => Does::Other,
        }
    }

    /// `… OWNER TO role`.
    fn owner(&mut self) -> Option<String> {
        let at = self.0.windows(2).position(|pair| is(&pair[0], "owner") && is(&pair[1], "to"))?;
        self.0 = &self.0[at + 2..];
        self.part()
    }

    /// What comes after `CREATE`.
    fn creation(&mut self) -> Option<Does> {
        while BEFORE.iter().any(|word| self.take(word)) {}
        let kind = KINDS.iter().find(|kind| {
            let begin = self.0;
            let is_it = kind.split(' ').all(|word| self.take(word));
            if !is_it {
                self.0 = begin;
            }
            is_it
        })?;
        if self.take("if") {
            self.take("not");
            self.take("exists");
        }
        self.take("concurrently");
        let mut name = self.name()?;
        // They are told apart within their table, whose schema is theirs.
        if matches!(*kind, "policy" | "rule" | "trigger") {
            let before = if *kind == "rule" { "to" } else { "on" };
            let at = self.0.iter().position(|word| matches!(word, Word::Plain(word) if word == before))?;
            self.0 = &self.0[at + 1..];
            let table = self.name()?;
            name = Name { schema: table.schema, name: format!("{} {}", table.name, name.name) };
        }
        let partitioned =
            *kind == "table" && self.0.windows(2).any(|pair| is(&pair[0], "partition") && is(&pair[1], "by"));
        Some(Does::Create { kind: kind.to_uppercase(), name, partitioned })
    }
}

/// Words between `CREATE` and what is made.
const BEFORE: [&str; 13] = [
    "constraint",
    "default",
    "global",
    "local",
    "or",
    "procedural",
    "recursive",
    "replace",
    "temp",
    "temporary",
    "trusted",
    "unique",
    "unlogged",
];

/// What can be made, longer names before those that they begin with.
const KINDS: [&str; 36] = [
    "access method",
    "aggregate",
    "collation",
    "conversion",
    "database",
    "domain",
    "event trigger",
    "extension",
    "foreign data wrapper",
    "foreign table",
    "function",
    "group",
    "index",
    "language",
    "materialized view",
    "operator class",
    "operator family",
    "policy",
    "procedure",
    "publication",
    "role",
    "rule",
    "schema",
    "sequence",
    "server",
    "statistics",
    "subscription",
    "table",
    "tablespace",
    "text search configuration",
    "text search dictionary",
    "trigger",
    "type",
    "user mapping for",
    "user",
    "view",
];

/// The words of a statement. Comments are none.
fn split(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => {
                let (inner, length) = in_quotes(rest, first);
                words.push(if first == '"' { Word::Quoted(inner) } else { Word::Text(inner) });
                length
            }
            _ if is_word(first) => {
                let length = rest.find(|c| !is_word(c) && c != '$').unwrap_or(rest.len());
                words.push(Word::Plain(rest[..length].to_lowercase()));
                length
            }
            _ => {
                words.push(Word::Sign(first));
                first.len_utf8()
            }
        };
        rest = rest[length..].trim_start();
    }
    words
}

fn is(word: &Word, text: &str) -> bool {
    matches!(word, Word::Plain(word) if word == text)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii()
}

/// What is in the quotes that a text begins with, and how long that is with them.
fn in_quotes(text: &str, quote: char) -> (String, usize) {
    let mut inner = String::new();
    let mut rest = &text[1..];
    loop {
        let Some(end) = rest.find(quote) else {
            inner.push_str(rest);
            return (inner, text.len());
        };
        inner.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        if !rest.starts_with(quote) {
            return (inner, text.len() - rest.len());
        }
        inner.push(quote);
        rest = &rest[1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(schema: &str, name: &str) -> Name {
        Name { schema: (!schema.is_empty()).then(|| schema.to_owned()), name: name.to_owned() }
    }

    #[test]
    fn statements_of_pg_dump_are_understood() {
        let copy = |table, columns, text| Does::Copy { table, columns, text };
        let create = |kind: &str, name| Does::Create { kind: kind.to_owned(), name, partitioned: false };
        let set = |name: &str, value: &[&str]| Does::Set {
            name: name.to_owned(),
            value: value.iter().map(|value| (*value).to_owned()).collect(),
        };
        for (text, does) in [
            ("COPY public.t (a, \"B,\", c) FROM stdin;", copy(name("public", "t"), Some(3), true)),
            ("copy \"we\"\"ird; DROP\" from stdin;", copy(name("", "we\"ird; DROP"), None, true)),
            ("COPY t FROM stdin WITH (FORMAT csv);", copy(name("", "t"), None, false)),
            ("COPY t FROM PROGRAM 'rm -rf /';", Does::CopyElsewhere),
            ("COPY (select 1) TO PROGRAM 'sh';", Does::CopyElsewhere),
            ("COPY t FROM '/etc/passwd';", Does::CopyElsewhere),
            ("INSERT INTO public.\"T\" VALUES (1);", Does::Insert(name("public", "T"))),
            ("CREATE UNLOGGED TABLE IF NOT EXISTS \"a\".\"b\" (", create("TABLE", name("a", "b"))),
            (
                "CREATE TABLE a.p (at date) PARTITION BY RANGE (at);",
                Does::Create { kind: "TABLE".to_owned(), name: name("a", "p"), partitioned: true },
            ),
            ("CREATE MATERIALIZED VIEW a.b AS", create("MATERIALIZED VIEW", name("a", "b"))),
            ("CREATE UNIQUE INDEX CONCURRENTLY i ON t", create("INDEX", name("", "i"))),
            ("CREATE POLICY p ON public.t AS PERMISSIVE", create("POLICY", name("public", "t p"))),
            (
                "CREATE CONSTRAINT TRIGGER g AFTER INSERT ON public.t",
                create("TRIGGER", name("public", "t g")),
            ),
            ("CREATE RULE r AS ON INSERT TO public.t DO", create("RULE", name("public", "t r"))),
            (
                "CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\" WITH SCHEMA x;",
                create("EXTENSION", name("", "uuid-ossp")),
            ),
            ("CREATE OR REPLACE FUNCTION public.f(a integer)", create("FUNCTION", name("public", "f"))),
            ("ALTER FUNCTION public.f(a integer) OWNER TO \"Bob\";", Does::Own("Bob".to_owned())),
            ("ALTER TABLE t ADD COLUMN owner text;", Does::Other),
            ("SET client_encoding = 'UTF8';", set("client_encoding", &["UTF8"])),
            ("SET search_path = public, pg_catalog;", set("search_path", &["public", "pg_catalog"])),
            ("SET row_security TO on;", set("row_security", &["on"])),
            ("SELECT pg_catalog.set_config('search_path', '', false);", set("search_path", &[""])),
            ("SELECT pg_catalog.lo_open('17', 131072);", Does::LargeObject),
            ("SELECT pg_catalog.setval('public.s', 1, true);", Does::Other),
            ("RESET ALL;", Does::ResetAll),
            ("", Does::Other),
            ("COPY", Does::Other),
        ] {
            assert_eq!(Does::of(text.as_bytes()), does, "{text}");
        }
    }
}
