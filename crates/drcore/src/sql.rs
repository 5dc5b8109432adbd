//! Identifiers and literals: the only place where SQL text is put together.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Key words that PostgreSQL's `quote_ident` quotes: all but the unreserved.
///
/// Source: `src/include/parser/kwlist.h` of PostgreSQL 18 (categories
/// reserved, type-or-function-name and column-name). A fixed list, so that a
/// name has one canonical form whatever server it came from.
const KEYWORDS: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

/// Quotes an identifier, always: for SQL text.
pub fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}

/// Quotes an identifier only where PostgreSQL needs it: for people, and as the canonical form.
pub fn ident(identifier: &str) -> String {
    let mut chars = identifier.chars();
    let plain = chars.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '$');
    if plain && KEYWORDS.binary_search(&identifier).is_err() {
        identifier.to_owned()
    } else {
        quote(identifier)
    }
}

/// Quotes a string as a literal that reads the same under any setting of
/// `standard_conforming_strings`.
pub fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!(" E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// A list of quoted identifiers, for SQL text: `"a", "b"`.
pub fn quote_list<S: AsRef<str>>(names: &[S]) -> String {
    names.iter().map(|name| quote(name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// A schema-qualified name of a table, view, sequence or function.
///
/// Its text form is canonical: quoted only where needed, as in
/// `public.invoices` or `public."User"`. It is that string in JSON too, as a
/// value and as a map key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QualifiedName {
    /// The schema, unquoted.
    pub schema: String,
    /// The name, unquoted.
    pub name: String,
}

impl QualifiedName {
    /// From unquoted parts.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// Always quoted, for SQL text.
    pub fn to_sql(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }

    /// Parses the canonical (or any correctly quoted) two-part form.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        match split_name(text)?.as_slice() {
            [schema, name] => Ok(Self::new(schema.text.clone(), name.text.clone())),
            _ => Err(format!("{text:?} is not schema.name")),
        }
    }
}

impl fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", ident(&self.schema), ident(&self.name))
    }
}

impl fmt::Debug for QualifiedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for QualifiedName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for QualifiedName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for QualifiedName {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "QualifiedName".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "schema.name, each part quoted only where PostgreSQL needs it"
        })
    }
}

/// One part of a dotted name as a person wrote it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamePart {
    /// The text without its quotes.
    pub text: String,
    /// Whether it was written in double quotes, and so stands for exactly this case.
    pub quoted: bool,
}

/// Splits `schema."Table".column` into its parts.
///
/// # Errors
/// Says what is wrong with the text.
pub fn split_name(text: &str) -> Result<Vec<NamePart>, String> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("a name is empty".to_owned());
    }
    loop {
        let (part, after) = if let Some(inner) = rest.strip_prefix('"') {
            let (text, after) =
                quoted_part(inner).ok_or_else(|| format!("{text:?} has an unclosed quote"))?;
            (NamePart { text, quoted: true }, after)
        } else {
            let end = rest.find('.').unwrap_or(rest.len());
            (NamePart { text: rest[..end].trim().to_owned(), quoted: false }, &rest[end..])
        };
        if part.text.is_empty() {
            return Err(format!("{text:?} has an empty part"));
        }
        parts.push(part);
        if after.is_empty() {
            return Ok(parts);
        }
        rest = after.strip_prefix('.').ok_or_else(|| format!("{text:?} has text after a closing quote"))?;
        if rest.is_empty() {
            return Err(format!("{text:?} has an empty part"));
        }
    }
}

/// Reads up to the closing quote, undoubling doubled ones; gives the text and what follows.
fn quoted_part(inner: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = inner.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' {
            text.push(c);
        } else if chars.next_if(|(_, next)| *next == '"').is_some() {
            text.push('"');
        } else {
            return Some((text, &inner[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn canonical_names_round_trip() {
        for (schema, name) in [
            ("public", "invoices"),
            ("public", "User"),
            ("we.ird", "a\"b; DROP"),
            ("public", "user"),
            ("público", "1st"),
        ] {
            let name = QualifiedName::new(schema, name);
            assert_eq!(QualifiedName::parse(&name.to_string()).unwrap(), name);
        }
        assert_eq!(QualifiedName::new("public", "User").to_string(), "public.\"User\"");
        assert_eq!(QualifiedName::new("public", "order").to_string(), "public.\"order\"");
    }

    #[test]
    fn bad_names_are_refused() {
        for text in ["", "a.", ".a", "\"a", "\"a\"b", "a..b"] {
            assert!(split_name(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn literals_survive_quotes_and_backslashes() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\b"), " E'a\\\\b'");
    }
}
