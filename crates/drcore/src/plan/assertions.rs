//! `[[assertions]]`: the team's own statements, and what they must return.

use std::cmp::Ordering;
use std::fmt;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::decimal::Decimal;
use super::node::Node;
use super::reader::{Fields, Reader};
use crate::finding::Severity;
use crate::secret::redact;

/// One of the team's own statements, and what it must return.
#[derive(Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "Assertion")]
#[non_exhaustive]
pub struct Assertion {
    /// What must hold, in words; each name stands once.
    pub name: String,
    /// One statement that reads.
    pub sql: String,
    /// What it must return.
    pub expect: Expectation,
    /// How bad it is where it does not: `critical` unless it says `warning`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Where names without a schema are looked up. Default `public`, `extensions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_path: Option<Vec<String>>,
}

/// What a statement must return, as written: `no rows`, `= 3`, `differs from baseline`.
#[derive(Clone)]
pub struct Expectation {
    text: String,
    pub(crate) rule: Rule,
}

/// What a statement must return.
#[derive(Clone, Debug)]
pub(crate) enum Rule {
    Between(Operand, Operand),
    Compare(Comparison, Operand),
    DiffersFromBaseline,
    Matches(Regex),
    NoRows,
    Rows,
    SameAsBaseline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Above,
    AtLeast,
    AtMost,
    Below,
    Equal,
    NotEqual,
}

/// What a value is compared with: a number, or text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operand {
    text: String,
    number: Option<Decimal>,
    quoted: bool,
}

/// A number cannot be ordered among texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Incomparable;

/// What a statement that reads begins with.
const READS: &[&str] = &["select", "table", "values", "with"];

const ALLOWED: &str = "expected \"no rows\", \"rows\", \"= X\", \"<> X\", \"< X\", \"<= X\", \"> X\", \">= X\", \
     \"between A and B\", \"matches REGEX\", \"differs from baseline\" or \"same as baseline\"";

/// In the order in which they are tried: `<=` before `<`.
const COMPARISONS: &[(&str, Comparison)] = &[
    ("<>", Comparison::NotEqual),
    ("<=", Comparison::AtMost),
    (">=", Comparison::AtLeast),
    ("<", Comparison::Below),
    (">", Comparison::Above),
    ("=", Comparison::Equal),
];

impl Assertion {
    /// All of them; a name that stands twice is a mistake.
    pub(super) fn read_all(reader: &mut Reader, node: &Node, path: &str) -> Option<Vec<Self>> {
        let assertions = reader.some(node, path, |reader, item, path| {
            let fields = reader.fields(item, path)?;
            Self::read(reader, fields)
        })?;
        for (at, assertion) in assertions.iter().enumerate() {
            if assertions[..at].iter().any(|other| other.name == assertion.name) {
                let message = format!("two assertions are called {:?}", assertion.name);
                return reader.wrong(node, &format!("{path}[{at}].name"), message);
            }
        }
        Some(assertions)
    }

    fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let name = fields.required(reader, "name", |reader, node, path| {
            let name = reader.string(node, path)?;
            if name.chars().any(char::is_control) {
                return reader.wrong(node, path, "a name is one line of text");
            }
            Some(name)
        });
        let sql = fields
            .required(reader, "sql", |reader, node, path| read_statement(reader, node, path, "an assertion"));
        let expect = fields.required(reader, "expect", Expectation::read);
        let severity = fields.optional(reader, "severity", |reader, node, path| {
            reader.word(node, path, &[("critical", Severity::Critical), ("warning", Severity::Warning)])
        });
        let search_path = fields
            .optional(reader, "search_path", |reader, node, path| reader.some(node, path, Reader::string));
        fields.finish(reader);
        Some(Self { name: name?, sql: sql?, expect: expect?, severity, search_path })
    }

    /// The statement without the semicolon that ends it.
    pub(crate) fn statement(&self) -> &str {
        without_end(&self.sql)
    }

    /// Where names without a schema are looked up.
    pub(crate) fn search_path(&self) -> Vec<String> {
        self.search_path.clone().unwrap_or_else(|| vec!["public".to_owned(), "extensions".to_owned()])
    }
}

/// The statement without what looks like a secret in it.
impl fmt::Debug for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assertion")
            .field("name", &self.name)
            .field("sql", &redact(&self.sql))
            .field("expect", &self.expect)
            .field("severity", &self.severity)
            .field("search_path", &self.search_path)
            .finish()
    }
}

/// As [`Expectation::shown`].
impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expectation").field(&self.shown()).finish()
    }
}

/// A statement of the team's own that reads; `what` it is called.
pub(super) fn read_statement(reader: &mut Reader, node: &Node, path: &str, what: &str) -> Option<String> {
    let sql = reader.string(node, path)?;
    if without_end(&sql).is_empty() {
        return reader.wrong(node, path, "this is no statement");
    }
    // As a subquery it can only read; the server would call it a syntax error.
    let first = first_word(&sql);
    if !READS.contains(&first.as_str()) {
        let message = format!("{what} is one SELECT that reads; this begins with {}", shown_word(&first));
        return reader.wrong(node, path, message);
    }
    Some(sql)
}

/// A statement without the semicolon that ends it.
pub(super) fn without_end(sql: &str) -> &str {
    sql.trim().trim_end_matches([';', ' ', '\n', '\t', '\r'])
}

/// The first word of a statement in lower case, behind comments and parentheses.
fn first_word(sql: &str) -> String {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n').map_or("", |(_, rest)| rest);
        } else if let Some(comment) = rest.strip_prefix("/*") {
            rest = after_comment(comment);
        } else {
            break;
        }
    }
    rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').flat_map(char::to_lowercase).collect()
}

/// What follows a comment, which may hold others.
fn after_comment(mut rest: &str) -> &str {
    let mut depth = 1;
    while depth > 0 {
        let (open, close) = (rest.find("/*"), rest.find("*/"));
        let Some(close) = close else { return "" };
        (depth, rest) = match open {
            Some(open) if open < close => (depth + 1, &rest[open + 2..]),
            _ => (depth - 1, &rest[close + 2..]),
        };
    }
    rest
}

fn shown_word(word: &str) -> String {
    if word.is_empty() { "no word".to_owned() } else { format!("`{word}`") }
}

impl Expectation {
    /// Reads `no rows`, `rows`, `= X`, `<> X`, `< X`, `<= X`, `> X`, `>= X`,
    /// `between A and B`, `matches REGEX`, `differs from baseline`, `same as baseline`.
    ///
    /// # Errors
    /// Says what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let rule = match text {
            "no rows" => Rule::NoRows,
            "rows" => Rule::Rows,
            "differs from baseline" => Rule::DiffersFromBaseline,
            "same as baseline" => Rule::SameAsBaseline,
            _ => Self::parse_operands(text)?,
        };
        Ok(Self { text: text.to_owned(), rule })
    }

    fn parse_operands(text: &str) -> Result<Rule, String> {
        if let Some(pattern) = text.strip_prefix("matches ") {
            return Regex::new(pattern.trim()).map(Rule::Matches).map_err(|error| {
                let last = error.to_string();
                format!("this is no regular expression: {}", last.lines().last().unwrap_or_default())
            });
        }
        if let Some(bounds) = text.strip_prefix("between ") {
            let (low, high) = bounds
                .split_once(" and ")
                .filter(|(_, high)| !high.contains(" and "))
                .ok_or("expected between A and B")?;
            let (low, high) = (Operand::parse(low)?, Operand::parse(high)?);
            return match low.order(&high) {
                Ok(Ordering::Greater) => Err("A is above B, so no value fits".to_owned()),
                Ok(_) => Ok(Rule::Between(low, high)),
                Err(Incomparable) => Err("A and B must both be numbers, or both text".to_owned()),
            };
        }
        for (sign, comparison) in COMPARISONS {
            if let Some(operand) = text.strip_prefix(sign) {
                // `=> 3` and `== 3` are no comparisons of ours, and no texts that anybody means.
                if operand.starts_with(['=', '<', '>']) {
                    return Err(ALLOWED.to_owned());
                }
                return Ok(Rule::Compare(*comparison, Operand::parse(operand)?));
            }
        }
        Err(ALLOWED.to_owned())
    }

    fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        let text = reader.string(node, path)?;
        match Self::parse(&text) {
            Ok(expectation) => Some(expectation),
            Err(message) => reader.wrong(node, path, message),
        }
    }

    /// For reports: numbers as they are, never a text, which may be a secret.
    pub fn shown(&self) -> String {
        match &self.rule {
            Rule::Between(low, high) => format!("between {} and {}", low.shown(), high.shown()),
            Rule::Compare(comparison, operand) => {
                let sign =
                    COMPARISONS.iter().find(|(_, known)| known == comparison).map_or("", |(sign, _)| *sign);
                format!("{sign} {}", operand.shown())
            }
            Rule::Matches(_) => "matches the pattern".to_owned(),
            Rule::DiffersFromBaseline | Rule::NoRows | Rule::Rows | Rule::SameAsBaseline => self.text.clone(),
        }
    }
}

impl Rule {
    /// Whether a scalar is as expected; none where the rule is not about scalars.
    pub(crate) fn allows(&self, value: &str) -> Option<Result<bool, Incomparable>> {
        match self {
            Self::Between(low, high) => {
                let value = Operand::of_value(value);
                let inside = low.order(&value).and_then(|from| {
                    high.order(&value).map(|to| from != Ordering::Greater && to != Ordering::Less)
                });
                Some(inside)
            }
            Self::Compare(comparison, operand) => Some(comparison.holds(&Operand::of_value(value), operand)),
            Self::Matches(pattern) => Some(Ok(pattern.is_match(value))),
            Self::DiffersFromBaseline | Self::NoRows | Self::Rows | Self::SameAsBaseline => None,
        }
    }
}

impl Comparison {
    fn holds(self, value: &Operand, operand: &Operand) -> Result<bool, Incomparable> {
        match self {
            Self::Equal => Ok(value.equals(operand)),
            Self::NotEqual => Ok(!value.equals(operand)),
            Self::Above => operand.order(value).map(Ordering::is_lt),
            Self::AtLeast => operand.order(value).map(Ordering::is_le),
            Self::AtMost => operand.order(value).map(Ordering::is_ge),
            Self::Below => operand.order(value).map(Ordering::is_gt),
        }
    }
}

impl Operand {
    /// `3`, `some text`, or `"3"`, which is text.
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        for quote in ['\'', '"'] {
            if let Some(inner) =
                text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).filter(|_| text.len() > 1)
            {
                return Ok(Self { text: inner.to_owned(), number: None, quoted: true });
            }
        }
        if text.is_empty() {
            return Err("what it is compared with is missing".to_owned());
        }
        Ok(Self::of_value(text))
    }

    fn of_value(text: &str) -> Self {
        Self { text: text.to_owned(), number: Decimal::parse(text), quoted: false }
    }

    fn equals(&self, other: &Self) -> bool {
        match (&self.number, &other.number) {
            (Some(a), Some(b)) => a == b,
            _ => self.text == other.text,
        }
    }

    /// Orders this before or after a value: as numbers where both are, as text where neither is or this is quoted.
    fn order(&self, value: &Self) -> Result<Ordering, Incomparable> {
        match (&self.number, &value.number) {
            (Some(a), Some(b)) => Ok(a.cmp(b)),
            (None, None) => Ok(self.text.cmp(&value.text)),
            _ if self.quoted => Ok(self.text.cmp(&value.text)),
            _ => Err(Incomparable),
        }
    }

    fn shown(&self) -> String {
        shown(&self.text).filter(|_| !self.quoted).unwrap_or_else(|| "the planned text".to_owned())
    }
}

/// The text where it is a number or a truth value; never another one, which may be a secret.
pub(crate) fn shown(text: &str) -> Option<String> {
    let harmless = text == "true" || text == "false" || (Decimal::parse(text).is_some() && text.len() <= 24);
    harmless.then(|| text.to_owned())
}

impl PartialEq for Expectation {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Serialize for Expectation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl JsonSchema for Expectation {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Expectation".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "no rows, rows, = X, <> X, < X, <= X, > X, >= X, between A and B, matches REGEX, differs from baseline, same as baseline"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;

    fn allows(expect: &str, value: &str) -> Result<bool, Incomparable> {
        Expectation::parse(expect).unwrap().rule.allows(value).unwrap()
    }

    #[test]
    fn numbers_compare_as_numbers_and_text_as_text() {
        for (expect, yes, no) in [
            ("= 3", "3.0", "4"),
            ("<> 3", "4", "3.00"),
            ("< 10", "9", "10"),
            ("<= 10", "10.0", "10.01"),
            ("> 9", "10", "9"),
            (">= -1", "-1", "-1.5"),
            ("between 9 and 10", "9.5", "11"),
            ("= live", "live", "test"),
            ("= \"007\"", "007", "7"),
            ("matches ^sk_live_", "sk_live_1", "sk_test_1"),
            ("< 2026-01-01", "2025-12-31", "2026-01-01"),
            ("=3", "3", "2"),
        ] {
            assert_eq!(allows(expect, yes), Ok(true), "{expect}: {yes}");
            assert_eq!(allows(expect, no), Ok(false), "{expect}: {no}");
        }
        assert_eq!(allows("> 9", "many"), Err(Incomparable));
        assert_eq!(allows("> 2026-01-01", "9"), Err(Incomparable));
        // A float would say that these are equal.
        assert_eq!(allows("= 12345678901234567890.1", "12345678901234567890.2"), Ok(false));
    }

    #[test]
    fn texts_are_never_shown() {
        for (expect, shown) in [
            ("= 3", "= 3"),
            ("= sk_live_1", "= the planned text"),
            ("matches ^sk_", "matches the pattern"),
            ("between 1 and 2", "between 1 and 2"),
            ("no rows", "no rows"),
            ("= \"12\"", "= the planned text"),
        ] {
            assert_eq!(Expectation::parse(expect).unwrap().shown(), shown);
        }
    }

    #[test]
    fn keys_are_checked() {
        let good = "[[assertions]]\nname = \"a: b\"\nsql = \"select 1\"\nexpect = \"= 1\"\nseverity = \"warning\"\nsearch_path = [\"app\"]\n";
        let plan = Plan::from_toml(good).unwrap();
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        let twice = format!("{good}{good}");
        let with = |from: &str, to: &str| good.replace(from, to);
        for (text, needle) in [
            (twice, "two assertions are called \"a: b\""),
            (with("name =", "nmae ="), "did you mean name?"),
            (with("sql =", "sqll ="), "did you mean sql?"),
            (with("expect =", "expct ="), "did you mean expect?"),
            (with("severity =", "severty ="), "did you mean severity?"),
            (with("search_path =", "searchpath ="), "did you mean search_path?"),
            (with("\"warning\"", "\"info\""), "allowed: critical, warning"),
            (with("[\"app\"]", "[]"), "expects nothing"),
            (with("\"select 1\"", "\" ; \""), "no statement"),
            (with("select 1", "delete from t"), "one SELECT that reads; this begins with `delete`"),
            (with("select 1", "-- select\\n/* select /* nested */ */ Update t"), "this begins with `update`"),
            (with("select 1", "1"), "this begins with `1`"),
            (with("select 1", "/* select 1"), "this begins with no word"),
            (with("\"= 1\"", "3"), "a string"),
            ("assertions = []\n".to_owned(), "expects nothing"),
            (good.replace("[[assertions]]", "[[assertion]]"), "did you mean assertions?"),
        ] {
            let error = Plan::from_toml(&text).unwrap_err();
            let detail = error.detail_text().unwrap();
            assert!(detail.contains(needle), "{text}: {detail}");
        }
        for sql in
            ["SELECT 1", "(select 1)", "-- why\\n with x as (select 1) table x", "/* /* */ */values (1)"]
        {
            assert!(Plan::from_toml(&with("select 1", sql)).is_ok(), "{sql}");
        }
        for (expect, needle) in [
            ("none", "no rows"),
            ("norows", "no rows"),
            ("== 3", "= X"),
            ("=> 3", ">= X"),
            ("=", "missing"),
            ("between 1", "between A and B"),
            ("between 3 and 1", "no value fits"),
            ("between 1 and many", "both be numbers"),
            ("matches (", "no regular expression"),
            ("differs", "differs from baseline"),
        ] {
            let message = Expectation::parse(expect).unwrap_err();
            assert!(message.contains(needle), "{expect}: {message}");
        }
    }
}
