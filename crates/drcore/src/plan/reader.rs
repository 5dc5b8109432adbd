//! Reads a tree into typed sections, collecting every mistake.

use super::duration::Span;
use super::mistakes::Mistake;
use super::node::{Key, Node, Value};

/// Collects mistakes.
#[derive(Debug, Default)]
pub(super) struct Reader {
    mistakes: Vec<Mistake>,
}

impl Reader {
    pub(super) fn finish(self) -> Vec<Mistake> {
        self.mistakes
    }

    /// Notes a mistake in this value; gives nothing, so that it can end a chain.
    pub(super) fn wrong<T>(&mut self, node: &Node, path: &str, message: impl Into<String>) -> Option<T> {
        self.mistakes.push(Mistake::new(path, message, node.span.clone()));
        None
    }

    fn wrong_key(&mut self, key: &Key, path: &str, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(path, message, key.span.clone()));
    }

    fn wrong_kind<T>(&mut self, node: &Node, path: &str, expected: &str) -> Option<T> {
        self.wrong(node, path, format!("expected {expected}, found {}", node.value.kind()))
    }

    /// The fields of a table.
    pub(super) fn fields<'n>(&mut self, node: &'n Node, path: &str) -> Option<Fields<'n>> {
        match &node.value {
            Value::Table(entries) => {
                Some(Fields { entries, span: node, path: path.to_owned(), known: Vec::new() })
            }
            _ => self.wrong_kind(node, path, "a table"),
        }
    }

    pub(super) fn string(&mut self, node: &Node, path: &str) -> Option<String> {
        match &node.value {
            Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
            Value::String(_) => self.wrong(node, path, "this must not be empty"),
            _ => self.wrong_kind(node, path, "a string"),
        }
    }

    pub(super) fn boolean(&mut self, node: &Node, path: &str) -> Option<bool> {
        match node.value {
            Value::Bool(value) => Some(value),
            _ => self.wrong_kind(node, path, "true or false"),
        }
    }

    /// A whole number that is not negative.
    pub(super) fn count(&mut self, node: &Node, path: &str) -> Option<u64> {
        match node.value {
            Value::Integer(number) => match u64::try_from(number) {
                Ok(number) => Some(number),
                Err(_) => self.wrong(node, path, "expected a count from 0"),
            },
            _ => self.wrong_kind(node, path, "a count from 0"),
        }
    }

    /// A number that is above 0 and finite.
    pub(super) fn positive(&mut self, node: &Node, path: &str) -> Option<f64> {
        let number = match node.value {
            Value::Float(number) => number,
            #[expect(clippy::cast_precision_loss, reason = "percentages and the like are small")]
            Value::Integer(number) => number as f64,
            _ => return self.wrong_kind(node, path, "a number above 0"),
        };
        if number.is_finite() && number > 0.0 {
            Some(number)
        } else {
            self.wrong(node, path, "expected a number above 0")
        }
    }

    pub(super) fn span(&mut self, node: &Node, path: &str) -> Option<Span> {
        let Value::String(text) = &node.value else {
            return self.wrong_kind(node, path, "a duration such as \"10m\"");
        };
        match Span::parse(text) {
            Ok(span) => Some(span),
            Err(message) => self.wrong(node, path, message),
        }
    }

    /// An instant in RFC 3339, with its offset.
    pub(super) fn instant(&mut self, node: &Node, path: &str) -> Option<jiff::Timestamp> {
        let Value::String(text) = &node.value else {
            return self.wrong_kind(node, path, "an instant such as \"2026-11-20T02:55:00Z\"");
        };
        match text.parse() {
            Ok(instant) => Some(instant),
            Err(_) => {
                self.wrong(node, path, "expected an instant with its offset, such as 2026-11-20T02:55:00Z")
            }
        }
    }

    /// One of these words.
    pub(super) fn word<T: Copy>(&mut self, node: &Node, path: &str, allowed: &[(&str, T)]) -> Option<T> {
        let text = self.string(node, path)?;
        if let Some((_, value)) = allowed.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<&str> = allowed.iter().map(|(word, _)| *word).collect();
        self.wrong(node, path, unknown("value", &text, &words))
    }

    /// Every item of a list, each read by `read`.
    pub(super) fn list<T>(
        &mut self,
        node: &Node,
        path: &str,
        read: impl Fn(&mut Self, &Node, &str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Value::Array(items) = &node.value else {
            return self.wrong_kind(node, path, "a list");
        };
        // All items are read, so that all mistakes are told.
        let read: Vec<Option<T>> =
            items.iter().enumerate().map(|(at, item)| read(self, item, &format!("{path}[{at}]"))).collect();
        read.into_iter().collect()
    }

    /// A list that is not empty: an empty one would expect nothing.
    pub(super) fn some<T>(
        &mut self,
        node: &Node,
        path: &str,
        read: impl Fn(&mut Self, &Node, &str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let list = self.list(node, path, read)?;
        if list.is_empty() {
            self.wrong(node, path, "this list is empty, so it expects nothing")
        } else {
            Some(list)
        }
    }
}

/// The fields of one table; whatever nobody asked for is a mistake.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    entries: &'n [(Key, Node)],
    span: &'n Node,
    path: String,
    known: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The path of a key in this table.
    pub(super) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Whether the key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(found, _)| found.text == key)
    }

    /// The value of a key, which is known from now on.
    pub(super) fn node(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        self.entries.iter().find(|(found, _)| found.text == key).map(|(_, node)| node)
    }

    /// All entries, of a table whose keys the user chooses.
    pub(super) fn entries(&self) -> &'n [(Key, Node)] {
        self.entries
    }

    /// An optional value.
    pub(super) fn optional<T>(
        &mut self,
        reader: &mut Reader,
        key: &'static str,
        read: impl FnOnce(&mut Reader, &Node, &str) -> Option<T>,
    ) -> Option<T> {
        let path = self.path(key);
        self.node(key).and_then(|node| read(reader, node, &path))
    }

    /// A value that must be there.
    pub(super) fn required<T>(
        &mut self,
        reader: &mut Reader,
        key: &'static str,
        read: impl FnOnce(&mut Reader, &Node, &str) -> Option<T>,
    ) -> Option<T> {
        let path = self.path(key);
        match self.node(key) {
            Some(node) => read(reader, node, &path),
            None => reader.wrong(self.span, &path, format!("{key} is missing")),
        }
    }

    /// A section of the plan.
    pub(super) fn section<T>(
        &mut self,
        reader: &mut Reader,
        key: &'static str,
        read: impl FnOnce(&mut Reader, Fields<'n>) -> Option<T>,
    ) -> Option<T> {
        let path = self.path(key);
        let node = self.node(key)?;
        let fields = reader.fields(node, &path)?;
        read(reader, fields)
    }

    /// A list of sections (`[[accept]]`).
    pub(super) fn list<T>(
        &mut self,
        reader: &mut Reader,
        key: &'static str,
        read: impl Fn(&mut Reader, Fields<'_>) -> Option<T>,
    ) -> Vec<T> {
        let path = self.path(key);
        self.node(key)
            .and_then(|node| {
                reader.list(node, &path, |reader, item, path| {
                    let fields = reader.fields(item, path)?;
                    read(reader, fields)
                })
            })
            .unwrap_or_default()
    }

    /// Notes a mistake in the table as a whole.
    pub(super) fn wrong<T>(&self, reader: &mut Reader, message: impl Into<String>) -> Option<T> {
        reader.wrong(self.span, &self.path, message)
    }

    /// Checks `format`, where it is given.
    pub(super) fn expect_format(&mut self, reader: &mut Reader, expected: &str) {
        if let Some(node) = self.node("format")
            && !matches!(&node.value, Value::String(text) if text == expected)
        {
            reader.wrong::<()>(node, "format", format!("this version of drcore reads \"{expected}\""));
        }
    }

    /// Notes every key that nobody asked for.
    pub(super) fn finish(self, reader: &mut Reader) {
        for (key, _) in self.entries {
            if !self.known.contains(&key.text.as_str()) {
                let place = if self.path.is_empty() {
                    "key in the plan".to_owned()
                } else {
                    format!("key in [{}]", self.path)
                };
                let message = unknown(&place, &key.text, &self.known);
                let path = self.path(&key.text);
                reader.wrong_key(key, &path, message);
            }
        }
    }
}

/// "no such key in [objectives]; did you mean rpo?", or what is allowed.
pub(super) fn unknown(what: &str, found: &str, allowed: &[&str]) -> String {
    let close = crate::suggest::close(found, allowed.iter().copied());
    let help = if close.is_empty() {
        let mut shown: Vec<&str> = allowed.iter().copied().take(8).collect();
        if allowed.len() > shown.len() {
            shown.push("…");
        }
        format!("allowed: {}", shown.join(", "))
    } else {
        format!("did you mean {}?", close.join(" or "))
    };
    format!("no such {what}; {help}")
}
