//! `[duplicate_keys]`: keys that no constraint or index declares.

use std::borrow::Cow;
use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::names::{ColumnName, TableName};
use super::node::{Node, Value};
use super::reader::{Fields, Reader};

/// Keys that no constraint or index declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "DuplicateKeys")]
#[non_exhaustive]
pub struct DuplicateKeys {
    /// The keys; those of the database's constraints and indexes are looked at in any case.
    pub keys: Vec<PlannedKey>,
}

/// Columns of a table of which no two rows should have the same: `invoices (tenant_id, number)`.
#[derive(Clone, PartialEq, Eq)]
pub struct PlannedKey {
    table: TableName,
    columns: Vec<ColumnName>,
}

impl DuplicateKeys {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let keys = fields.required(reader, "keys", |reader, node, path| {
            let mut known: Vec<PlannedKey> = Vec::new();
            let keys = reader.some(node, path, |reader, node, path| {
                PlannedKey::read(reader, node, path).map(|key| (key, node.span.clone()))
            })?;
            for (key, span) in keys {
                if known.contains(&key) {
                    let again = Node { value: Value::Null, span };
                    return reader.wrong(&again, path, format!("{key} is declared twice"));
                }
                known.push(key);
            }
            Some(known)
        });
        fields.finish(reader);
        Some(Self { keys: keys? })
    }
}

impl PlannedKey {
    /// Parses `table (column, …)`.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is not a key: write table (column, …), quoted as in SQL where needed");
        let open = outside_quotes(text, '(').into_iter().next().ok_or_else(wrong)?;
        let inner = text[open + 1..].trim_end().strip_suffix(')').ok_or_else(wrong)?;
        let table = TableName::parse(text[..open].trim())?;
        let mut columns: Vec<ColumnName> = Vec::new();
        let mut rest = inner;
        loop {
            let end = outside_quotes(rest, ',').into_iter().next();
            let column =
                ColumnName::of(&table, rest[..end.unwrap_or(rest.len())].trim()).map_err(|_| wrong())?;
            if columns.contains(&column) {
                return Err(format!("{:?} stands here twice", column.column_text()));
            }
            columns.push(column);
            match end {
                Some(end) => rest = &rest[end + 1..],
                None => return Ok(Self { table, columns }),
            }
        }
    }

    /// The table.
    pub fn table(&self) -> &TableName {
        &self.table
    }

    /// The columns; at least one.
    pub fn columns(&self) -> &[ColumnName] {
        &self.columns
    }

    fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        let text = reader.string(node, path)?;
        match Self::parse(&text) {
            Ok(key) => Some(key),
            Err(message) => reader.wrong(node, path, message),
        }
    }
}

/// Where the character stands, outside of double quotes.
fn outside_quotes(text: &str, wanted: char) -> Vec<usize> {
    let mut quoted = false;
    let places = text.char_indices().filter(|(_, c)| {
        quoted ^= *c == '"';
        !quoted && *c == wanted
    });
    places.map(|(at, _)| at).collect()
}

impl fmt::Display for PlannedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (", self.table)?;
        for (at, column) in self.columns.iter().enumerate() {
            f.write_str(if at > 0 { ", " } else { "" })?;
            column.write_column(f)?;
        }
        f.write_str(")")
    }
}

impl fmt::Debug for PlannedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for PlannedKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for PlannedKey {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PlannedKey".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "table (column, …) or schema.table (column, …), quoted as in SQL where needed"
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::Plan;

    #[test]
    fn keys_read_back() {
        let plan = Plan::from_toml(
            "[duplicate_keys]\nkeys = [\"invoices (tenant_id, number)\", 'billing.\"a (b\"(\"c,d\", \"e\"\"f\", G)']",
        )
        .unwrap();
        let keys = &plan.duplicate_keys.as_ref().unwrap().keys;
        assert_eq!(keys[0].columns()[1].column_text(), "number");
        let texts: Vec<&str> = keys[1].columns().iter().map(super::super::ColumnName::column_text).collect();
        assert_eq!(texts, ["c,d", "e\"f", "G"]);
        assert_eq!(keys[1].to_string(), "billing.\"a (b\" (\"c,d\", \"e\"\"f\", G)");
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        assert!(plan.names("duplicate_keys"));
    }

    #[test]
    fn mistakes_are_told() {
        let keys = |keys: &str| format!("[duplicate_keys]\nkeys = {keys}");
        for (text, needle) in [
            ("[duplicate_keys]".to_owned(), "keys is missing"),
            (keys("[]"), "expects nothing"),
            (keys("\"invoices (number)\""), "list"),
            ("[duplicate_keys]\nkey = [\"a (b)\"]".to_owned(), "did you mean keys?"),
            ("[duplicate_kyes]\nkeys = [\"a (b)\"]".to_owned(), "did you mean duplicate_keys?"),
            (keys("[\"invoices.number\"]"), "not a key"),
            (keys("[\"invoices\"]"), "not a key"),
            (keys("[\"invoices (number\"]"), "not a key"),
            (keys("[\"invoices ()\"]"), "not a key"),
            (keys("[\"invoices (a,)\"]"), "not a key"),
            (keys("[\"invoices (a.b)\"]"), "not a key"),
            (keys("[\"(a)\"]"), "empty"),
            (keys("[\"a (b) c\"]"), "not a key"),
            (keys("[\"a (b, b)\"]"), "twice"),
            (keys("[\"a (b)\", \"a(b)\"]"), "declared twice"),
            (keys("[3]"), "string"),
        ] {
            let error = Plan::from_toml(&text).unwrap_err();
            let detail = format!("{error}\n{}", error.detail_text().unwrap_or_default());
            assert!(detail.contains(needle), "{needle}: {detail}");
        }
    }
}
