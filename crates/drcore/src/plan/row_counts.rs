//! `[row_counts]`: how many rows tables must have.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::names::TableName;
use super::node::{Node, Value};
use super::reader::{Fields, Reader};

/// How many rows tables must have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "RowCounts")]
#[non_exhaustive]
pub struct RowCounts {
    /// By table; tables that are not named are compared with the baseline.
    #[schemars(with = "BTreeMap<String, CountExpectation>")]
    pub tables: BTreeMap<TableName, CountExpectation>,
}

/// How many rows one table must have.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum CountExpectation {
    /// This many.
    Exactly(u64),
    /// Off the baseline by no more than this many percent.
    Percent(f64),
    /// From `min` to `max`.
    Range {
        /// The fewest.
        min: u64,
        /// The most, or no bound.
        max: Option<u64>,
    },
    /// As many as in the baseline.
    Same,
    /// Off the baseline by no more than this many rows.
    Within(u64),
}

const ALLOWED: &str =
    "expected \"same\", a count from 0, { within = n }, { min = n }, { min = n, max = n } or { percent = n }";
const KEYS: &[&str] = &["within", "percent", "min", "max"];

impl RowCounts {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let tables = fields.required(reader, "tables", Self::read_tables);
        fields.finish(reader);
        Some(Self { tables: tables? })
    }

    fn read_tables(
        reader: &mut Reader,
        node: &Node,
        path: &str,
    ) -> Option<BTreeMap<TableName, CountExpectation>> {
        let fields = reader.fields(node, path)?;
        if fields.entries().is_empty() {
            return fields.wrong(reader, "no table is named, so this expects nothing");
        }
        let mut tables = BTreeMap::new();
        for (key, node) in fields.entries() {
            let path = fields.path(&key.text);
            match &node.value {
                // `public."Beacon" = "same"` is a dotted key of TOML: a table called public.
                Value::Table(inner)
                    if !inner.iter().all(|(key, _)| {
                        KEYS.contains(&key.text.as_str())
                            || !crate::suggest::close(&key.text, KEYS.iter().copied()).is_empty()
                    }) =>
                {
                    for (name, node) in inner {
                        let text =
                            format!("{}.{}", crate::sql::ident(&key.text), crate::sql::ident(&name.text));
                        Self::read_table(reader, &mut tables, &text, node, &format!("{path}.{}", name.text));
                    }
                }
                _ => Self::read_table(reader, &mut tables, &key.text, node, &path),
            }
        }
        Some(tables)
    }

    fn read_table(
        reader: &mut Reader,
        tables: &mut BTreeMap<TableName, CountExpectation>,
        text: &str,
        node: &Node,
        path: &str,
    ) {
        let name = match TableName::parse(text) {
            Ok(name) => Some(name),
            Err(message) => reader.wrong(node, path, message),
        };
        let expectation = CountExpectation::read(reader, node, path);
        if let (Some(name), Some(expectation)) = (name, expectation)
            && tables.insert(name, expectation).is_some()
        {
            reader.wrong::<()>(node, path, "this table is named twice");
        }
    }
}

impl CountExpectation {
    fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        match &node.value {
            Value::String(text) if text == "same" => Some(Self::Same),
            Value::Integer(number) => match u64::try_from(*number) {
                Ok(count) => Some(Self::Exactly(count)),
                Err(_) => reader.wrong(node, path, ALLOWED),
            },
            Value::Table(_) => {
                let mut fields = reader.fields(node, path)?;
                let within = fields.optional(reader, "within", Reader::count);
                let percent = fields.optional(reader, "percent", Reader::positive);
                let min = fields.optional(reader, "min", Reader::count);
                let max = fields.optional(reader, "max", Reader::count);
                let given = fields.entries().len();
                fields.finish(reader);
                match (within, percent, min, max) {
                    (Some(rows), None, None, None) if given == 1 => Some(Self::Within(rows)),
                    (None, Some(percent), None, None) if given == 1 => Some(Self::Percent(percent)),
                    (None, None, Some(min), Some(max)) if min > max => {
                        reader.wrong(node, path, "min is above max, so no count fits")
                    }
                    (None, None, Some(0), None) => {
                        reader.wrong(node, path, "every count is at least 0, so this expects nothing")
                    }
                    (None, None, Some(min), max) => Some(Self::Range { min, max }),
                    (None, None, None, Some(max)) => Some(Self::Range { min: 0, max: Some(max) }),
                    _ => reader.wrong(node, path, ALLOWED),
                }
            }
            _ => reader.wrong(node, path, ALLOWED),
        }
    }
}

impl Serialize for CountExpectation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Same => serializer.serialize_str("same"),
            Self::Exactly(count) => serializer.serialize_u64(*count),
            Self::Within(rows) => serializer.collect_map([("within", rows)]),
            Self::Percent(percent) => serializer.collect_map([("percent", percent)]),
            Self::Range { min, max } => {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_entry("min", min)?;
                if let Some(max) = max {
                    map.serialize_entry("max", max)?;
                }
                map.end()
            }
        }
    }
}

impl JsonSchema for CountExpectation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CountExpectation".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let count = || json!({ "type": "integer", "minimum": 0 });
        let table = |title: &str, description: &str, properties: serde_json::Value| {
            json!({
                "title": title,
                "description": description,
                "type": "object",
                "properties": properties,
                "minProperties": 1,
                "additionalProperties": false
            })
        };
        let mut within = table(
            "CountWithin",
            "Off the baseline by no more than this many rows.",
            json!({ "within": count() }),
        );
        within["required"] = json!(["within"]);
        let mut percent = table(
            "CountPercent",
            "Off the baseline by no more than this many percent.",
            json!({ "percent": { "type": "number", "exclusiveMinimum": 0 } }),
        );
        percent["required"] = json!(["percent"]);
        let range = table(
            "CountRange",
            "From `min` to `max`; at least one of them.",
            json!({ "min": count(), "max": count() }),
        );
        schemars::json_schema!({
            "title": "CountExpectation",
            "description": "How many rows one table must have: as many as in the baseline, exactly this many, or about so many.",
            "oneOf": [{ "const": "same" }, count(), within, percent, range]
        })
    }
}
