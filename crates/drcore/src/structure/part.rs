//! The parts that a structure is made of: what each fact of the catalog is in it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::compare::MissingList;
use super::kind::{ObjectId, ObjectKind};
use crate::evidence::catalog::{
    AccessMethod, Aggregate, Cast, CatalogFactName, Collation, Column, Comment, Constraint, Conversion,
    Database, EventTrigger, Extension, ForeignDataWrapper, ForeignKey, ForeignServer, Function, Index,
    Language, LargeObjects, Operator, OperatorClass, OperatorFamily, Policy, Publication, Relation,
    RelationKind, ReplicationSlot, Rule, Schema, SecurityLabel, Sequence, Setting, StatisticsObject,
    Subscription, TextSearchObject, Transform, Trigger, UserMapping, UserType, View,
};
use crate::evidence::{Catalog, Fact};
use crate::sql::{QualifiedName, ident};

/// What an object of the catalog is in the structure.
pub(super) trait Structural: Serialize + PartialEq {
    /// Fields that are no attributes: they say which object it is, or another check tells them.
    const APART: &'static [&'static str];

    /// Which object it is.
    fn id(&self) -> ObjectId;

    /// Whether it stands for itself: it is no extension's, and no part of what partitioning or a constraint brings.
    fn counts(&self) -> bool {
        true
    }
}

macro_rules! parts {
    ($($part:ident: $field:ident,)*) => {
        /// One object of a structure, as the catalog describes it.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Part<'e> {
            $($part(&'e $part),)*
        }

        impl<'e> Part<'e> {
            /// Which object it is.
            pub(crate) fn id(self) -> ObjectId {
                match self { $(Self::$part(part) => part.id(),)* }
            }

            /// Whether both say the same.
            pub(super) fn equals(self, other: Self) -> bool {
                match (self, other) {
                    $((Self::$part(part), Self::$part(other)) => part == other,)*
                    _ => false,
                }
            }

            /// What it says, by name: what is as it would be anyway (null, false, nothing in a list) is left out.
            pub(super) fn attributes(self) -> Map<String, Value> {
                let (value, apart) = match self {
                    $(Self::$part(part) => (serde_json::to_value(part), $part::APART),)*
                };
                let Ok(Value::Object(mut fields)) = value else { return Map::new() };
                let nothing = Value::Array(Vec::new());
                fields.retain(|name, value| {
                    !(apart.contains(&name.as_str()) || value.is_null() || *value == false || *value == nothing)
                });
                fields
            }
        }

        /// Every fact that a structure is made of.
        pub(crate) const FACTS: &[CatalogFactName] = &[$(CatalogFactName::$part,)* CatalogFactName::View];

        /// All parts of which both catalogs know the list; why others are not known.
        pub(super) fn of_both<'e>(
            [now, then]: [&'e Catalog; 2],
            unread: &mut Vec<MissingList>,
        ) -> [BTreeMap<ObjectId, Part<'e>>; 2] {
            let mut parts = [BTreeMap::new(), BTreeMap::new()];
            $(
                let name = stringify!($field).replace('_', " ");
                if let Some(lists) = both(&name, &now.$field, &then.$field, unread) {
                    for (list, parts) in lists.into_iter().zip(&mut parts) {
                        for part in list.iter().filter(|part| part.counts()) {
                            parts.insert(part.id(), Part::$part(part));
                        }
                    }
                }
            )*
            parts
        }
    };
}

parts! {
    AccessMethod: access_methods,
    Aggregate: aggregates,
    Cast: casts,
    Collation: collations,
    Column: columns,
    Comment: comments,
    Constraint: constraints,
    Conversion: conversions,
    Database: databases,
    EventTrigger: event_triggers,
    Extension: extensions,
    ForeignDataWrapper: foreign_data_wrappers,
    ForeignKey: foreign_keys,
    ForeignServer: foreign_servers,
    Function: functions,
    Index: indexes,
    Language: languages,
    LargeObjects: large_objects,
    Operator: operators,
    OperatorClass: operator_classes,
    OperatorFamily: operator_families,
    Policy: policies,
    Publication: publications,
    Relation: relations,
    ReplicationSlot: replication_slots,
    Rule: rules,
    Schema: schemas,
    SecurityLabel: security_labels,
    Sequence: sequences,
    Setting: settings,
    StatisticsObject: statistics_objects,
    Subscription: subscriptions,
    TextSearchObject: text_search_objects,
    Transform: transforms,
    Trigger: triggers,
    UserMapping: user_mappings,
    UserType: types,
}

/// A fact of both sides, or why one of them is not known.
pub(super) fn both<'e, T>(
    name: &str,
    now: &'e Fact<Vec<T>>,
    then: &'e Fact<Vec<T>>,
    unread: &mut Vec<MissingList>,
) -> Option<[&'e [T]; 2]> {
    let missing = |of_then| move |cause| MissingList { list: name.to_owned(), of_then, cause };
    let now = now.get().map_err(missing(false));
    let then = then.get().map_err(missing(true));
    match (now, then) {
        (Ok(now), Ok(then)) => Some([now, then]),
        (now, then) => {
            unread.extend(now.err());
            unread.extend(then.err());
            None
        }
    }
}

impl<'e> Part<'e> {
    /// The relation that it is a part of.
    pub(crate) fn of(self) -> Option<&'e QualifiedName> {
        match self {
            Self::Column(part) => Some(&part.relation),
            Self::Constraint(part) => Some(&part.relation),
            Self::ForeignKey(part) => Some(&part.child),
            Self::Index(part) => Some(&part.relation),
            Self::Policy(part) => Some(&part.relation),
            Self::Rule(part) => Some(&part.relation),
            Self::StatisticsObject(part) => Some(&part.relation),
            Self::Trigger(part) => Some(&part.relation),
            _ => None,
        }
    }

    /// The columns of its relation that it is about.
    pub(super) fn columns(self) -> &'e [String] {
        match self {
            Self::Constraint(part) => &part.columns,
            Self::ForeignKey(part) => &part.child_columns,
            Self::Index(part) => &part.columns,
            _ => &[],
        }
    }

    /// Its owner, where the catalog says so beside it.
    pub(super) fn owner(self) -> Option<&'e str> {
        match self {
            Self::EventTrigger(part) => Some(&part.owner),
            Self::Function(part) => Some(&part.owner),
            Self::Publication(part) => Some(&part.owner),
            Self::Relation(part) => Some(&part.owner),
            Self::Sequence(part) => Some(&part.owner),
            Self::UserType(part) => Some(&part.owner),
            _ => None,
        }
    }

    /// The SQL that it is described by, for people.
    pub(crate) fn definition(self, catalog: &Catalog) -> Option<String> {
        Some(match self {
            Self::Aggregate(part) => part.definition.clone(),
            Self::Column(part) => part.to_sql(),
            Self::Comment(part) => part.comment.clone(),
            Self::Constraint(part) => part.definition.clone(),
            Self::ForeignKey(part) => part.definition.clone(),
            Self::Function(part) => part.definition.clone()?,
            Self::Index(part) => part.definition.clone(),
            Self::Policy(part) => part.to_create_sql(),
            Self::Relation(part) => view_of(catalog, part)?.definition.clone(),
            Self::Rule(part) => part.definition.clone(),
            Self::SecurityLabel(part) => part.label.clone(),
            Self::Setting(part) => part.value.clone(),
            Self::StatisticsObject(part) => part.definition.clone(),
            Self::Trigger(part) => part.definition.clone(),
            _ => return None,
        })
    }
}

/// The query of a view or materialised view.
pub(super) fn view_of<'e>(catalog: &'e Catalog, relation: &Relation) -> Option<&'e View> {
    let views = catalog.views.read()?;
    let at = views.binary_search_by(|view| view.name.cmp(&relation.name)).ok()?;
    Some(&views[at])
}

/// `schema.name`, typed.
fn typed(schema: &str, name: &str) -> String {
    QualifiedName::new(schema, name).to_string()
}

impl Structural for AccessMethod {
    const APART: &'static [&'static str] = &["name"];

    fn id(&self) -> ObjectId {
        ObjectId::new(ObjectKind::AccessMethod, ident(&self.name))
    }
}

impl Structural for Aggregate {
    const APART: &'static [&'static str] = &["arguments", "name", "schema"];

    fn id(&self) -> ObjectId {
        ObjectId::in_schema(ObjectKind::Aggregate, &self.schema, self.signature())
    }
}

impl Structural for Cast {
    const APART: &'static [&'static str] = &["source", "target"];

    fn id(&self) -> ObjectId {
        ObjectId::new(ObjectKind::Cast, format!("({} as {})", self.source, self.target))
    }
}

impl Structural for Collation {
    // The versions are of the server's libraries: `invalid_objects` tells where they differ.
    const APART: &'static [&'static str] = &["actual_version", "extension", "name", "schema", "version"];

    fn id(&self) -> ObjectId {
        ObjectId::in_schema(ObjectKind::Collation, &self.schema, typed(&self.schema, &self.name))
    }

    fn counts(&self) -> bool {
        self.extension.is_none() && self.schema != "pg_catalog"
    }
}

impl Structural for Column {
    // Where it stands is no matter; its type under a domain is the domain's.
    const APART: &'static [&'static str] = &["acl", "base", "builtin", "name", "position", "relation"];

    fn id(&self) -> ObjectId {
        ObjectId::part(ObjectKind::Column, &self.relation, ident(&self.name))
    }
}

impl Structural for Comment {
    const APART: &'static [&'static str] = &["kind", "object", "schema"];

    fn id(&self) -> ObjectId {
        let object = match self.kind.as_str() {
            // Version 16 and later leave out the word.
            "transform" => self.object.replace(" on language ", " language "),
            _ => self.object.clone(),
        };
        ObjectId {
            schema: self.schema.clone(),
            ..ObjectId::new(ObjectKind::Comment, format!("{} {object}", self.kind))
        }
    }
}

impl Structural for Constraint {
    const APART: &'static [&'static str] = &["columns", "name", "relation"];

    fn id(&self) -> ObjectId {
        ObjectId::part(ObjectKind::Constraint, &self.relation, ident(&self.name))
    }
}

impl Structural for Conversion {
    const APART: &'static [&'static str] = &["name", "schema"];

    fn id(&self) -> ObjectId {
        ObjectId::in_schema(ObjectKind::Conversion, &self.schema, typed(&self.schema, &self.name))
    }
}

impl Structural for Database {
    const APART: &'static [&'static str] = &["actual_version", "version"];

    fn id(&self) -> ObjectId {
        ObjectId::new(ObjectKind::Database, "database")
    }
}

impl Structural for EventTrigger {
    const APART: &'static [&'static str] = &["name", "owner"];

    fn id(&self) -> ObjectId {
        ObjectId::new(ObjectKind::EventTrigger, ident(&self.name))
    }
}

impl Structural for Extension {
    const APART: &'static [&'static str] = &["name"];

    fn id(&self) -> ObjectId {
        ObjectId::new(ObjectKind::Extension, ident(&self.name))
    }
}

impl Structural for ForeignDataWrapper {
    const APART: &'static [&'static str] = &["extension", "name"];

    fn id(&self) -> ObjectId {
        ObjectId::new(ObjectKind::ForeignDataWrapper, ident(&self.name))
    }

    fn counts(&self) -> bool {
        self.extension.is_none()
    }
}

impl Structural for ForeignKey {
    // All of it is in the definition.
    const APART: &'static [&'static str] = &[
        "child",
        "child_columns",
        "match_full",
        "name",
        "operators",
        "parent",
        "parent_columns",
        "temporal",
    ];

    fn id(&self) -> ObjectId {
        ObjectId::part(ObjectKind::ForeignKey, &self.child, ident(&self.name))
    }
}

impl Structural for ForeignServer {
    const APART: &'static [&'static str] = &["extension", "name"];

    fn id(&self) -> ObjectId {
        ObjectId::new(ObjectKind::ForeignServer, ident(&self.name))
    }

    fn counts(&self) -> bool {
        self.extension.is_none()
    }
}

impl Structural for Function {
    // `result` says what it returns, and whether many.
    const APART: &'static [&'static str] =
        &["acl", "arguments", "extension", "name", "owner", "returns", "schema"];

    fn id(&self) -> ObjectId {
        let kind = if self.kind == "procedure" { ObjectKind::Procedure } else { ObjectKind::Function };
        ObjectId::in_schema(kind, &self.schema, self.signature())
    }

    fn counts(&self) -> bool {
        self.extension.is_none() && self.kind != "aggregate"
    }
}

impl Structural for Index {
    // All but its state is in the definition; by what subscribers know rows is told of the table.
    const APART: &'static [&'static str] =
        &["collations", "columns", "constraint", "name", "of_root", "relation", "replica_identity", "unique"];

    fn id(&self) -> ObjectId {
        ObjectId::part(ObjectKind::Index, &self.relation, ident(&self.name))
    }

    fn counts(&self) -> bool {
        !self.of_root
    }
}

impl Structural for Language {
    const APART: &'static [&'static str] = &["extension", "name"];

    fn id(&self) -> ObjectId {
        ObjectId::new(ObjectKind::Language, ident(&self.name))
    }

    fn counts(&self) -> bool {
        self.extension.is_none()
    }
}

impl Structural for LargeObjects {
    const APART: &'static [&'static str] = &[];

    fn id(&self) -> ObjectId {
        ObjectId::new(ObjectKind::LargeObjects, "large objects")
    }
}

impl Structural for Operator {
    const APART: &'static [&'static str] = &["left", "name", "right", "schema"];

    fn id(&self) -> ObjectId {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
        let name =
            format!("{}.{}({},{})", ident(&self.schema), self.name, side(&self.left), side(&self.right));
        ObjectId::in_schema(ObjectKind::Operator, &self.schema, name)
    }
}

impl Structural for OperatorClass {
    const APART: &'static [&'static str] = &["method", "name", "schema"];

    fn id(&self) -> ObjectId {
        let name = format!("{} using {}", typed(&self.schema, &self.name), ident(&self.method));
        ObjectId::in_schema(ObjectKind::OperatorClass, &self.schema, name)
    }
}

impl Structural for OperatorFamily {
    const APART: &'static [&'static str] = &["method", "name", "schema"];

    fn id(&self) -> ObjectId {
        let name = format!("{} using {}", typed(&self.schema, &self.name), ident(&self.method));
        ObjectId::in_schema(ObjectKind::OperatorFamily, &self.schema, name)
    }
}

impl Structural for Policy {
    const APART: &'static [&'static str] = &["name", "relation"];

    fn id(&self) -> ObjectId {
        ObjectId::part(ObjectKind::Policy, &self.relation, ident(&self.name))
    }
}

impl Structural for Publication {
    const APART: &'static [&'static str] = &["name", "owner"];

    fn id(&self) -> ObjectId {
        ObjectId::new(ObjectKind::Publication, ident(&self.name))
    }
}

impl Structural for Relation {
    const APART: &'static [&'static str] = &["acl", "estimated_rows", "extension", "name", "owner"];

    fn id(&self) -> ObjectId {
        let kind = match self.kind {
            RelationKind::ForeignTable => ObjectKind::ForeignTable,
            RelationKind::MaterializedView => ObjectKind::MaterializedView,
            RelationKind::PartitionedTable | RelationKind::Table => ObjectKind::Table,
            RelationKind::View => ObjectKind::View,
        };
        ObjectId::named(kind, &self.name)
    }

    fn counts(&self) -> bool {
        self.extension.is_none()
    }
}

impl Structural for ReplicationSlot {
    const APART: &'static [&'static str] = &["name"];

    fn id(&self) -> ObjectId {
        ObjectId::new(ObjectKind::ReplicationSlot, ident(&self.name))
    }
}

impl Structural for Rule {
    const APART: &'static [&'static str] = &["name", "relation"];

    fn id(&self) -> ObjectId {
        ObjectId::part(ObjectKind::Rule, &self.relation, ident(&self.name))
    }
}

impl Structural for Schema {
    const APART: &'static [&'static str] = &["acl", "extension", "name", "owner"];

    fn id(&self) -> ObjectId {
        ObjectId::in_schema(ObjectKind::Schema, &self.name, ident(&self.name))
    }

    fn counts(&self) -> bool {
        self.extension.is_none()
    }
}

impl Structural for SecurityLabel {
    const APART: &'static [&'static str] = &["kind", "object", "provider", "schema"];

    fn id(&self) -> ObjectId {
        let name = format!("{} {} for {}", self.kind, self.object, self.provider);
        ObjectId { schema: self.schema.clone(), ..ObjectId::new(ObjectKind::SecurityLabel, name) }
    }
}

impl Structural for Sequence {
    const APART: &'static [&'static str] = &["acl", "extension", "name", "owner"];

    fn id(&self) -> ObjectId {
        ObjectId::named(ObjectKind::Sequence, &self.name)
    }

    fn counts(&self) -> bool {
        self.extension.is_none()
    }
}

impl Structural for Setting {
    const APART: &'static [&'static str] = &["name", "role", "this_database"];

    fn id(&self) -> ObjectId {
        let whose = match (&self.role, self.this_database) {
            (None, true) => "the database".to_owned(),
            (None, false) => "all roles".to_owned(),
            (Some(role), true) => format!("{} in the database", ident(role)),
            (Some(role), false) => ident(role),
        };
        ObjectId::new(ObjectKind::Setting, format!("{} of {whose}", self.name))
    }
}

impl Structural for StatisticsObject {
    const APART: &'static [&'static str] = &["name", "relation", "schema"];

    fn id(&self) -> ObjectId {
        ObjectId::in_schema(ObjectKind::StatisticsObject, &self.schema, typed(&self.schema, &self.name))
    }
}

impl Structural for Subscription {
    const APART: &'static [&'static str] = &["name"];

    fn id(&self) -> ObjectId {
        ObjectId::new(ObjectKind::Subscription, ident(&self.name))
    }
}

impl Structural for TextSearchObject {
    const APART: &'static [&'static str] = &["kind", "name", "schema"];

    fn id(&self) -> ObjectId {
        let kind = match self.kind.as_str() {
            "configuration" => ObjectKind::TextSearchConfiguration,
            "dictionary" => ObjectKind::TextSearchDictionary,
            "parser" => ObjectKind::TextSearchParser,
            _ => ObjectKind::TextSearchTemplate,
        };
        ObjectId::in_schema(kind, &self.schema, typed(&self.schema, &self.name))
    }
}

impl Structural for Transform {
    const APART: &'static [&'static str] = &["language", "type"];

    fn id(&self) -> ObjectId {
        let name = format!("for {} language {}", self.type_name, ident(&self.language));
        ObjectId::new(ObjectKind::Transform, name)
    }
}

impl Structural for Trigger {
    // The function is in the definition.
    const APART: &'static [&'static str] = &["behind", "function", "name", "of_root", "relation"];

    fn id(&self) -> ObjectId {
        ObjectId::part(ObjectKind::Trigger, &self.relation, ident(&self.name))
    }

    fn counts(&self) -> bool {
        self.behind.is_none()
    }
}

impl Structural for UserMapping {
    const APART: &'static [&'static str] = &["role", "server"];

    fn id(&self) -> ObjectId {
        let role = self.role.as_deref().map_or_else(|| "a role that is gone".to_owned(), ident);
        ObjectId::new(ObjectKind::UserMapping, format!("for {role} server {}", ident(&self.server)))
    }
}

impl Structural for UserType {
    const APART: &'static [&'static str] = &["name", "owner"];

    fn id(&self) -> ObjectId {
        ObjectId::named(ObjectKind::Type, &self.name)
    }
}
