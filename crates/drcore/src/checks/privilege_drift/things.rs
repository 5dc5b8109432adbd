//! What has an owner and privileges, as one side has it.

use std::collections::BTreeMap;

use crate::access::{Access, Privileges};
use crate::check::Unread;
use crate::evidence::acl::Acl;
use crate::evidence::catalog::{
    Column, FedColumn, Function, OwnedKind, OwnedObject, Parameter, Relation, RelationKind, Schema, Sequence,
};
use crate::evidence::{Evidence, Fact};
use crate::sql::ident;

/// Nothing is granted on it.
static NOTHING: Acl = Acl(Vec::new());

/// Kinds of things that are told together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Columns,
    Database,
    ForeignDataWrappers,
    ForeignServers,
    Functions,
    Languages,
    LargeObjects,
    /// What has an owner, and nothing that can be granted.
    Others,
    Parameters,
    Schemas,
    Sequences,
    Tables,
    Tablespaces,
    Types,
}

impl Kind {
    /// As it stands in the ids of findings.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Columns => "columns",
            Self::Database => "database",
            Self::ForeignDataWrappers => "foreign data wrappers",
            Self::ForeignServers => "foreign servers",
            Self::Functions => "functions",
            Self::Languages => "languages",
            Self::LargeObjects => "large objects",
            Self::Others => "others",
            Self::Parameters => "parameters",
            Self::Schemas => "schemas",
            Self::Sequences => "sequences",
            Self::Tables => "tables",
            Self::Tablespaces => "tablespaces",
            Self::Types => "types",
        }
    }

    /// What stands between ON and the name in GRANT, with a space.
    fn on(self) -> &'static str {
        match self {
            Self::Columns | Self::Tables | Self::Others => "",
            Self::Database => "database ",
            Self::ForeignDataWrappers => "foreign data wrapper ",
            Self::ForeignServers => "foreign server ",
            Self::Functions => "function ",
            Self::Languages => "language ",
            Self::LargeObjects => "large object ",
            Self::Parameters => "parameter ",
            Self::Schemas => "schema ",
            Self::Sequences => "sequence ",
            Self::Tablespaces => "tablespace ",
            Self::Types => "type ",
        }
    }
}

/// Something that has an owner and privileges, as one side has it.
#[derive(Clone, Debug)]
pub(super) struct Thing<'e> {
    pub(super) kind: Kind,
    /// Its schema, unquoted.
    pub(super) schema: Option<&'e str>,
    /// As a user would type it.
    pub(super) name: String,
    /// What it is, in a sentence.
    pub(super) noun: &'static str,
    /// What stands between ON and the name in GRANT, with a space.
    pub(super) on: &'static str,
    /// Its name in GRANT; none where no statement can name it.
    pub(super) target: Option<String>,
    /// What stands after ALTER and before OWNER TO; none where its owner is another thing's.
    pub(super) altered: Option<String>,
    pub(super) owner: &'e str,
    pub(super) acl: &'e Acl,
    /// The letters that are compared.
    pub(super) all: &'static str,
    /// A function that acts with its owner's rights, and that can be called.
    pub(super) is_definer: bool,
    pub(super) extension: Option<&'e str>,
    /// The relation that it is.
    pub(super) relation: Option<&'e Relation>,
    /// Of a column: the table, whose privileges hold for it too.
    pub(super) table: Option<&'e Relation>,
}

/// The letters that both servers know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letters {
    pub(super) tables: &'static str,
    /// On the schema `public`.
    pub(super) public: &'static str,
}

impl Letters {
    pub(super) fn of(now: &Evidence, then: &Evidence) -> Self {
        // MAINTAIN came with version 17: a server without it took it from nobody.
        let maintain = !before(17, now) && !before(17, then);
        // From version 15 on not everybody may create in public, on purpose.
        let reformed = before(15, then) && !before(15, now);
        Self {
            tables: if maintain { "arwdDxtm" } else { "arwdDxt" },
            public: if reformed { "U" } else { "UC" },
        }
    }
}

/// Whether its server is of an older major version than this, or not known.
pub(super) fn before(major: u32, evidence: &Evidence) -> bool {
    evidence.major().is_none_or(|own| own < major)
}

/// By kind and name.
pub(super) type Things<'e> = BTreeMap<(Kind, String), Thing<'e>>;

/// Everything of one side but columns, and what could not be read.
pub(super) fn of_side(
    evidence: &Evidence,
    letters: Letters,
    wants_parameters: bool,
) -> (Things<'_>, Vec<Unread>) {
    let catalog = &evidence.catalog;
    let mut side = Side { things: Things::new(), unread: Vec::new() };
    side.add("the list of relations", &catalog.relations, |relation| Some(of_relation(relation, letters)));
    side.add("the list of sequences", &catalog.sequences, |sequence| Some(of_sequence(sequence)));
    side.add("the list of functions", &catalog.functions, |function| Some(of_function(function)));
    side.add("the list of schemas", &catalog.schemas, |schema| Some(of_schema(schema, letters)));
    side.add("types, languages and the like", &catalog.owned_objects, |object| {
        Some(of_object(object, evidence))
    });
    if wants_parameters {
        side.add("privileges on parameters", &catalog.parameters, |parameter| Some(of_parameter(parameter)));
    }
    (side.things, side.unread)
}

struct Side<'e> {
    things: Things<'e>,
    unread: Vec<Unread>,
}

impl<'e> Side<'e> {
    fn add<T>(&mut self, what: &str, fact: &'e Fact<Vec<T>>, thing: impl Fn(&'e T) -> Option<Thing<'e>>) {
        match fact.get() {
            Ok(all) => {
                for thing in all.iter().filter_map(thing) {
                    self.things.insert((thing.kind, thing.name.clone()), thing);
                }
            }
            Err(cause) => self.unread.push(Unread::new(what, cause)),
        }
    }
}

fn of_relation(relation: &Relation, letters: Letters) -> Thing<'_> {
    let name = relation.name.to_string();
    let noun = match relation.kind {
        RelationKind::ForeignTable => "foreign table",
        RelationKind::MaterializedView => "materialised view",
        RelationKind::PartitionedTable | RelationKind::Table => "table",
        RelationKind::View => "view",
    };
    let sql = if relation.kind == RelationKind::MaterializedView { "materialized view" } else { noun };
    Thing {
        schema: Some(&relation.name.schema),
        noun,
        altered: Some(format!("{sql} {name}")),
        extension: relation.extension.as_deref(),
        relation: Some(relation),
        ..Thing::new(Kind::Tables, name, &relation.owner, &relation.acl, letters.tables)
    }
}

/// A column, with what is granted on it alone.
pub(super) fn of_column<'e>(table: &'e Relation, column: &str, acl: Option<&'e Acl>) -> Thing<'e> {
    Thing {
        schema: Some(&table.name.schema),
        noun: "column",
        target: Some(table.name.to_string()),
        table: Some(table),
        ..Thing::new(
            Kind::Columns,
            format!("{}.{}", table.name, ident(column)),
            &table.owner,
            acl.unwrap_or(&NOTHING),
            "arwx",
        )
    }
}

fn of_sequence(sequence: &Sequence) -> Thing<'_> {
    let name = sequence.name.to_string();
    // The owner of one that belongs to a column is the table's.
    let belongs = |feed: &FedColumn| matches!(feed.link.as_str(), "owned" | "identity");
    let altered = (!sequence.feeds.iter().any(belongs)).then(|| format!("sequence {name}"));
    Thing {
        schema: Some(&sequence.name.schema),
        noun: "sequence",
        altered,
        ..Thing::new(Kind::Sequences, name, &sequence.owner, &sequence.acl, "rwU")
    }
}

fn of_function(function: &Function) -> Thing<'_> {
    let name = function.signature();
    let (noun, on) = match function.kind.as_str() {
        "procedure" => ("procedure", "procedure "),
        "aggregate" => ("aggregate", "function "),
        _ => ("function", "function "),
    };
    let altered = match function.kind.as_str() {
        "aggregate" if function.arguments.is_empty() => format!("aggregate {}", name.replace("()", "(*)")),
        _ => format!("{noun} {name}"),
    };
    Thing {
        schema: Some(&function.schema),
        noun,
        on,
        altered: Some(altered),
        is_definer: function.security_definer && !function.is_trigger(),
        extension: function.extension.as_deref(),
        ..Thing::new(Kind::Functions, name, &function.owner, &function.acl, "X")
    }
}

fn of_schema(schema: &Schema, letters: Letters) -> Thing<'_> {
    let all = if schema.name == "public" { letters.public } else { "UC" };
    let name = ident(&schema.name);
    Thing {
        schema: Some(&schema.name),
        noun: "schema",
        altered: Some(format!("schema {name}")),
        ..Thing::new(Kind::Schemas, name, &schema.owner, &schema.acl, all)
    }
}

fn of_object<'e>(object: &'e OwnedObject, evidence: &Evidence) -> Thing<'e> {
    let noun = object.kind.as_sql();
    let (kind, all) = match object.kind {
        OwnedKind::Database => (Kind::Database, "CTc"),
        OwnedKind::Domain | OwnedKind::Type => (Kind::Types, "U"),
        OwnedKind::ForeignDataWrapper => (Kind::ForeignDataWrappers, "U"),
        OwnedKind::ForeignServer => (Kind::ForeignServers, "U"),
        OwnedKind::Language => (Kind::Languages, "U"),
        OwnedKind::LargeObjects => (Kind::LargeObjects, "rw"),
        OwnedKind::Tablespace => (Kind::Tablespaces, "C"),
        _ => (Kind::Others, ""),
    };
    // Whatever it is called here.
    let database = || evidence.run.server.as_ref().map(|server| ident(&server.database));
    let typed = object.typed();
    let (name, target) = match object.kind {
        OwnedKind::Database => ("the database".to_owned(), database()),
        // There is no statement for all of one owner.
        OwnedKind::LargeObjects => (format!("large objects of {}", ident(&object.owner)), None),
        _ if kind == Kind::Others => (format!("{noun} {typed}"), None),
        _ => (typed.clone(), Some(typed.clone())),
    };
    let altered = match object.kind {
        OwnedKind::LargeObjects => None,
        OwnedKind::Database => target.as_ref().map(|target| format!("database {target}")),
        OwnedKind::ForeignServer => Some(format!("server {typed}")),
        _ => Some(format!("{noun} {typed}")),
    };
    Thing {
        schema: object.schema.as_deref(),
        noun,
        target,
        altered,
        extension: object.extension.as_deref(),
        ..Thing::new(kind, name, &object.owner, object.acl.as_ref().unwrap_or(&NOTHING), all)
    }
}

fn of_parameter(parameter: &Parameter) -> Thing<'_> {
    Thing {
        noun: "parameter",
        // It belongs to nobody.
        ..Thing::new(Kind::Parameters, parameter.name.clone(), "", &parameter.acl, "sA")
    }
}

impl<'e> Thing<'e> {
    fn new(kind: Kind, name: String, owner: &'e str, acl: &'e Acl, all: &'static str) -> Self {
        Self {
            kind,
            schema: None,
            noun: "",
            on: kind.on(),
            target: Some(name.clone()),
            name,
            altered: None,
            owner,
            acl,
            all,
            is_definer: false,
            extension: None,
            relation: None,
            table: None,
        }
    }

    /// A parameter that nobody was granted anything on.
    pub(super) fn without_grants(&self) -> Self {
        Self { acl: &NOTHING, ..self.clone() }
    }

    fn letters(&self) -> Privileges {
        Privileges::of(self.all).grantable()
    }

    /// What the role was granted itself, or everybody as `public`.
    pub(super) fn granted(&self, role: &str) -> Privileges {
        let items = self.acl.0.iter().filter(|item| item.grantee == role);
        let granted = items
            .fold(Privileges::default(), |all, item| all.and(Privileges::with_options(&item.privileges)));
        granted.only(self.letters())
    }

    /// What the role may do with it, by whatever way: granted to it, to a group of it or to everybody, as its owner
    /// or as a superuser; with a column also because it may with the table.
    pub(super) fn held(&self, access: &Access<'_>, role: &str) -> Privileges {
        if access.is_superuser(role) {
            return self.letters();
        }
        let own = access.on(role, self.acl, self.owner, self.all);
        let own = match self.table {
            Some(table) => own.and(access.on(role, &table.acl, &table.owner, self.all)),
            None => own,
        };
        own.only(self.letters())
    }
}

/// The columns that have privileges of their own on either side, by table and name.
pub(super) fn granted_columns<'e>(
    sides: [&Access<'e>; 2],
) -> BTreeMap<(&'e str, &'e str, &'e str), &'e Column> {
    let columns = sides.into_iter().flat_map(Access::granted_columns);
    columns
        .map(|column| {
            let name = &column.relation;
            ((name.schema.as_str(), name.name.as_str(), column.name.as_str()), column)
        })
        .collect()
}
