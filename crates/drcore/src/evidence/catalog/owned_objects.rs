//! What has an owner and no fact of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CatalogFact;
use crate::evidence::acl::Acl;
use crate::sql::{QualifiedName, ident};

/// Something that has an owner, maybe privileges, and no fact of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "OwnedObject")]
#[non_exhaustive]
pub struct OwnedObject {
    /// What it is.
    pub kind: OwnedKind,
    /// Its schema, unquoted, where it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Its name, unquoted; none for this database and for all large objects of an owner.
    pub name: String,
    /// What belongs to its name in SQL: `(integer, integer)` of an operator, `using btree` of an operator class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<String>,
    /// Its owner, unquoted.
    pub owner: String,
    /// Privileges, the defaults written out; none where nothing can be granted on it.
    pub acl: Option<Acl>,
    /// The extension that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
}

/// What something is that has an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "OwnedKind")]
#[non_exhaustive]
pub enum OwnedKind {
    /// A collation.
    Collation,
    /// A conversion between encodings.
    Conversion,
    /// The database itself.
    Database,
    /// A domain.
    Domain,
    /// An event trigger.
    EventTrigger,
    /// A foreign data wrapper.
    ForeignDataWrapper,
    /// A foreign server.
    ForeignServer,
    /// A language.
    Language,
    /// All large objects of one owner.
    LargeObjects,
    /// An operator.
    Operator,
    /// An operator class.
    OperatorClass,
    /// An operator family.
    OperatorFamily,
    /// A publication.
    Publication,
    /// Extended statistics.
    Statistics,
    /// A tablespace.
    Tablespace,
    /// A text search configuration.
    TextSearchConfiguration,
    /// A text search dictionary.
    TextSearchDictionary,
    /// A type that is no domain.
    Type,
}

impl OwnedKind {
    /// The words in SQL, and in a sentence.
    pub fn as_sql(self) -> &'static str {
        match self {
            Self::Collation => "collation",
            Self::Conversion => "conversion",
            Self::Database => "database",
            Self::Domain => "domain",
            Self::EventTrigger => "event trigger",
            Self::ForeignDataWrapper => "foreign data wrapper",
            Self::ForeignServer => "foreign server",
            Self::Language => "language",
            Self::LargeObjects => "large object",
            Self::Operator => "operator",
            Self::OperatorClass => "operator class",
            Self::OperatorFamily => "operator family",
            Self::Publication => "publication",
            Self::Statistics => "statistics",
            Self::Tablespace => "tablespace",
            Self::TextSearchConfiguration => "text search configuration",
            Self::TextSearchDictionary => "text search dictionary",
            Self::Type => "type",
        }
    }
}

impl OwnedObject {
    /// Whether both are one object, in two states.
    pub fn is_same(&self, other: &Self) -> bool {
        let owner = |of: &Self| (of.kind == OwnedKind::LargeObjects).then(|| of.owner.clone());
        (self.kind, &self.schema, &self.name, &self.rest, owner(self))
            == (other.kind, &other.schema, &other.name, &other.rest, owner(other))
    }

    /// As it is typed after the kind in SQL: `public.mood`, `public.=== (integer, integer)`. None for this database
    /// and for large objects.
    pub fn typed(&self) -> String {
        let name = match (&self.schema, self.kind) {
            // No name that may be quoted.
            (Some(schema), OwnedKind::Operator) => format!("{}.{}", ident(schema), self.name),
            (Some(schema), _) => QualifiedName::new(schema, &self.name).to_string(),
            (None, _) if self.name.is_empty() => String::new(),
            (None, _) => ident(&self.name),
        };
        match &self.rest {
            Some(rest) => format!("{name} {rest}"),
            None => name,
        }
    }
}

impl CatalogFact for OwnedObject {
    const SQL: &'static str = include_str!("owned_objects.sql");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_sql_has_them() {
        let typed = |kind, schema: Option<&str>, name: &str, rest: Option<&str>| {
            let object = OwnedObject {
                kind,
                schema: schema.map(str::to_owned),
                name: name.to_owned(),
                rest: rest.map(str::to_owned),
                owner: "o".to_owned(),
                acl: None,
                extension: None,
            };
            object.typed()
        };
        assert_eq!(typed(OwnedKind::Type, Some("public"), "Mood", None), "public.\"Mood\"");
        let rest = Some("(integer, integer)");
        assert_eq!(typed(OwnedKind::Operator, Some("a b"), "===", rest), "\"a b\".=== (integer, integer)");
        assert_eq!(typed(OwnedKind::Language, None, "plpgsql", None), "plpgsql");
        assert_eq!(typed(OwnedKind::Database, None, "", None), "");
    }
}
