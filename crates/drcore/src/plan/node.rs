//! One tree for TOML and JSON, so that there is one reader of plans.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::mistakes::Mistake;

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    /// Byte range in the document; empty where the document has no places.
    pub(super) span: Range<usize>,
}

/// A key of a table and where it stands.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) text: String,
    pub(super) span: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Value {
    Array(Vec<Node>),
    Bool(bool),
    Float(f64),
    Integer(i64),
    Null,
    String(String),
    Table(Vec<(Key, Node)>),
}

impl Value {
    /// What it is called in messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Array(_) => "a list",
            Self::Bool(_) => "true or false",
            Self::Float(_) => "a decimal number",
            Self::Integer(_) => "a number",
            Self::Null => "null",
            Self::String(_) => "a string",
            Self::Table(_) => "a table",
        }
    }
}

pub(super) fn from_toml(text: &str) -> Result<Node, Vec<Mistake>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors
            .into_iter()
            .map(|error| Mistake::new("", error.message(), error.span().unwrap_or(0..0)))
            .collect());
    }
    let span = table.span();
    let mut mistakes = Vec::new();
    let value = from_table(table.into_inner(), &mut mistakes);
    if mistakes.is_empty() { Ok(Node { value, span }) } else { Err(mistakes) }
}

fn from_table(table: DeTable<'_>, mistakes: &mut Vec<Mistake>) -> Value {
    let mut entries: Vec<(Key, Node)> = table
        .into_iter()
        .map(|(key, value)| {
            let key = Key { span: key.span(), text: key.into_inner().into_owned() };
            let span = value.span();
            (key, Node { value: from_value(value.into_inner(), &span, mistakes), span })
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.span.start);
    Value::Table(entries)
}

fn from_value(value: DeValue<'_>, span: &Range<usize>, mistakes: &mut Vec<Mistake>) -> Value {
    match value {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Integer(number) => i64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
            .map_or_else(
                |_| {
                    mistakes.push(Mistake::new("", "this number is too large", span.clone()));
                    Value::Null
                },
                Value::Integer,
            ),
        DeValue::Float(number) => number.as_str().replace('_', "").parse().map_or(Value::Null, Value::Float),
        DeValue::Boolean(value) => Value::Bool(value),
        // Written without quotes, an instant means what it means with them.
        DeValue::Datetime(instant) => Value::String(instant.to_string()),
        DeValue::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| {
                    let span = item.span();
                    Node { value: from_value(item.into_inner(), &span, mistakes), span }
                })
                .collect(),
        ),
        DeValue::Table(table) => from_table(table, mistakes),
    }
}

pub(super) fn from_json(text: &str) -> Result<Node, Vec<Mistake>> {
    serde_json::from_str::<serde_json::Value>(text)
        .map(json_node)
        .map_err(|error| vec![Mistake::new("", format!("this is not JSON: {error}"), 0..0)])
}

fn json_node(value: serde_json::Value) -> Node {
    let value = match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::Integer)
        }
        serde_json::Value::String(text) => Value::String(text),
        serde_json::Value::Array(items) => Value::Array(items.into_iter().map(json_node).collect()),
        serde_json::Value::Object(entries) => Value::Table(
            entries.into_iter().map(|(text, value)| (Key { text, span: 0..0 }, json_node(value))).collect(),
        ),
    };
    Node { value, span: 0..0 }
}
