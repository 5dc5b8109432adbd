//! What objects there are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sql::QualifiedName;

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $tag:literal, $words:literal,)*) => {
        /// What an object of a database's structure is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        #[schemars(title = "ObjectKind")]
        #[non_exhaustive]
        pub enum ObjectKind {
            $($(#[$doc])* $kind,)*
        }

        impl ObjectKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The snake-case name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $tag,)* }
            }

            /// What it is called in a sentence: `text search configuration`.
            pub fn words(self) -> &'static str {
                match self { $(Self::$kind => $words,)* }
            }
        }
    };
}

kinds! {
    /// A way to store tables or indexes.
    AccessMethod = "access_method", "access method",
    /// An aggregate.
    Aggregate = "aggregate", "aggregate",
    /// A cast.
    Cast = "cast", "cast",
    /// A collation.
    Collation = "collation", "collation",
    /// A column of a table, view or foreign table.
    Column = "column", "column",
    /// A comment on an object.
    Comment = "comment", "comment",
    /// A check, exclusion, unique or primary key constraint.
    Constraint = "constraint", "constraint",
    /// A conversion between encodings.
    Conversion = "conversion", "conversion",
    /// The database itself.
    Database = "database", "database",
    /// An event trigger.
    EventTrigger = "event_trigger", "event trigger",
    /// An extension.
    Extension = "extension", "extension",
    /// A foreign data wrapper.
    ForeignDataWrapper = "foreign_data_wrapper", "foreign data wrapper",
    /// A foreign key constraint.
    ForeignKey = "foreign_key", "foreign key",
    /// A foreign server.
    ForeignServer = "foreign_server", "foreign server",
    /// A foreign table.
    ForeignTable = "foreign_table", "foreign table",
    /// A function.
    Function = "function", "function",
    /// An index.
    Index = "index", "index",
    /// A language that functions can be written in.
    Language = "language", "language",
    /// All large objects together.
    LargeObjects = "large_objects", "large objects",
    /// A materialised view.
    MaterializedView = "materialized_view", "materialized view",
    /// An operator.
    Operator = "operator", "operator",
    /// An operator class.
    OperatorClass = "operator_class", "operator class",
    /// An operator family.
    OperatorFamily = "operator_family", "operator family",
    /// A row level security policy.
    Policy = "policy", "policy",
    /// A procedure.
    Procedure = "procedure", "procedure",
    /// A publication.
    Publication = "publication", "publication",
    /// A replication slot.
    ReplicationSlot = "replication_slot", "replication slot",
    /// A rewrite rule.
    Rule = "rule", "rule",
    /// A schema.
    Schema = "schema", "schema",
    /// A label that a security module gave an object.
    SecurityLabel = "security_label", "security label",
    /// A sequence.
    Sequence = "sequence", "sequence",
    /// A setting of the database or of a role.
    Setting = "setting", "setting",
    /// A statistics object.
    StatisticsObject = "statistics_object", "statistics object",
    /// A subscription.
    Subscription = "subscription", "subscription",
    /// A table, partitioned or not.
    Table = "table", "table",
    /// A configuration of text search.
    TextSearchConfiguration = "text_search_configuration", "text search configuration",
    /// A dictionary of text search.
    TextSearchDictionary = "text_search_dictionary", "text search dictionary",
    /// A parser of text search.
    TextSearchParser = "text_search_parser", "text search parser",
    /// A template of text search.
    TextSearchTemplate = "text_search_template", "text search template",
    /// How functions of a language see a type.
    Transform = "transform", "transform",
    /// A trigger.
    Trigger = "trigger", "trigger",
    /// A type: enum, composite, domain, range or base.
    Type = "type", "type",
    /// As whom a role logs in to a foreign server.
    UserMapping = "user_mapping", "user mapping",
    /// A view.
    View = "view", "view",
}

impl ObjectKind {
    /// Whether it has columns.
    pub fn is_relation(self) -> bool {
        matches!(self, Self::ForeignTable | Self::MaterializedView | Self::Table | Self::View)
    }

    /// Several of it, in a sentence.
    pub fn plural(self) -> String {
        let words = self.words();
        match words.strip_suffix('y') {
            _ if words.ends_with("objects") && self == Self::LargeObjects => words.to_owned(),
            Some(stem) if !stem.ends_with(['a', 'e', 'o']) => format!("{stem}ies"),
            _ if words.ends_with(['s', 'x']) => format!("{words}es"),
            _ => format!("{words}s"),
        }
    }
}

/// Which object it is: the same in two states of a database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectId {
    pub(crate) kind: ObjectKind,
    /// The relation that it is a part of.
    pub(crate) of: Option<QualifiedName>,
    /// The schema that it is in, unquoted.
    pub(crate) schema: Option<String>,
    /// Its name, as a user would type it.
    pub(crate) name: String,
}

impl ObjectId {
    /// Something that is in no schema.
    pub(crate) fn new(kind: ObjectKind, name: impl Into<String>) -> Self {
        Self { kind, of: None, schema: None, name: name.into() }
    }

    /// Something that is in a schema; the name is typed with it.
    pub(crate) fn in_schema(kind: ObjectKind, schema: &str, name: impl Into<String>) -> Self {
        Self { schema: Some(schema.to_owned()), ..Self::new(kind, name) }
    }

    /// A relation, sequence or type.
    pub(crate) fn named(kind: ObjectKind, name: &QualifiedName) -> Self {
        Self::in_schema(kind, &name.schema, name.to_string())
    }

    /// A part of a relation.
    pub(crate) fn part(kind: ObjectKind, of: &QualifiedName, name: impl Into<String>) -> Self {
        Self { of: Some(of.clone()), ..Self::in_schema(kind, &of.schema, name) }
    }

    /// What a finding is about: the relation, for a part of one.
    pub(crate) fn object(&self) -> String {
        self.of.as_ref().map_or_else(|| self.name.clone(), ToString::to_string)
    }

    /// Tells findings about one object apart: `trigger:on_auth_user_created`.
    pub(crate) fn qualifier(&self) -> String {
        match self.of {
            Some(_) => format!("{}:{}", self.kind.as_str(), self.name),
            None => self.kind.as_str().to_owned(),
        }
    }

    /// In a sentence about its relation: `the trigger on_auth_user_created`; `the function` where it is in none.
    pub(crate) fn in_words(&self) -> String {
        match self.of {
            Some(_) => format!("the {} {}", self.kind.words(), self.name),
            None => format!("the {}", self.kind.words()),
        }
    }

    /// In a list of its kind: `touch on public.invoices`, `public.invoices.total`, `public.total()`.
    pub(crate) fn within(&self) -> String {
        match &self.of {
            Some(of) if self.kind == ObjectKind::Column => format!("{of}.{}", self.name),
            Some(of) => format!("{} on {of}", self.name),
            None => self.name.clone(),
        }
    }

    /// In a list: `auth.users.on_auth_user_created` is `trigger on_auth_user_created on auth.users`.
    pub(crate) fn listed(&self) -> String {
        format!("{} {}", self.kind.words(), self.within())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_what_serde_writes() {
        for kind in ObjectKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert_eq!(kind.as_str().replace('_', " "), kind.words());
        }
    }

    #[test]
    fn several_have_their_word() {
        let plural = |kind: ObjectKind| kind.plural();
        assert_eq!(plural(ObjectKind::Policy), "policies");
        assert_eq!(plural(ObjectKind::ForeignKey), "foreign keys");
        assert_eq!(plural(ObjectKind::Index), "indexes");
        assert_eq!(plural(ObjectKind::LargeObjects), "large objects");
    }
}
