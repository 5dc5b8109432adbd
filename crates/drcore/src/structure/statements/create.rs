//! What creates an object as it was.

use super::grants::grants;
use super::{bare, options, server_options};
use crate::checks::policies;
use crate::evidence::Catalog;
use crate::evidence::catalog::{Column, Index, Relation, RelationKind, Schema, Sequence, StatisticsObject};
use crate::sql::{QualifiedName, ident};
use crate::structure::compare::Sides;
use crate::structure::part::{Part, view_of};

/// The statements that create it as it was; none where no statement can, because its rows or a secret are needed.
pub(crate) fn create(part: Part<'_>, sides: Sides<'_>) -> Option<Vec<String>> {
    let (then, now) = (&sides.then.catalog, &sides.now.catalog);
    let constraint = |of: &QualifiedName, name: &str, definition: &str| {
        vec![format!("alter table {of} add constraint {} {definition}", ident(name))]
    };
    Some(match part {
        Part::AccessMethod(part) => vec![part.to_create_sql()],
        Part::Aggregate(part) => part.to_create_sql(then, now),
        Part::Cast(part) => vec![part.to_create_sql()],
        Part::Collation(part) => vec![part.to_create_sql()],
        Part::Column(part) => add_column(part, then)?,
        Part::Comment(part) => vec![part.to_sql()?],
        Part::Constraint(part) => constraint(&part.relation, &part.name, &part.definition),
        Part::Conversion(part) => vec![part.to_create_sql()],
        Part::EventTrigger(part) => part.to_create_sql(),
        Part::Extension(part) => {
            vec![format!(
                "create extension if not exists {} schema {}",
                ident(&part.name),
                ident(&part.schema)
            )]
        }
        Part::ForeignDataWrapper(part) => vec![part.to_create_sql()],
        Part::ForeignKey(part) => constraint(&part.child, &part.name, &part.definition),
        Part::ForeignServer(part) => vec![part.to_create_sql()],
        Part::Function(part) => part.to_create_sql(now)?,
        Part::Index(part) => part.to_create_sql()?,
        Part::Language(part) => vec![part.to_create_sql()],
        Part::Operator(part) => vec![part.to_create_sql()],
        Part::OperatorClass(part) => vec![part.to_create_sql()],
        Part::OperatorFamily(part) => part.to_create_sql(),
        Part::Policy(part) => policies::recreate(part),
        Part::Publication(part) => vec![part.to_create_sql()],
        Part::Relation(part) => part.to_create_sql(then, now)?,
        Part::Rule(part) => part.to_create_sql(),
        Part::Schema(part) => part.to_create_sql(now),
        Part::SecurityLabel(part) => vec![part.to_sql()],
        Part::Sequence(part) => part.to_create_sql(now),
        Part::Setting(part) => vec![part.to_sql(sides.now)?],
        Part::StatisticsObject(part) => part.to_create_sql(),
        Part::TextSearchObject(part) => part.to_create_sql(),
        Part::Transform(part) => vec![part.to_create_sql()],
        Part::Trigger(part) => part.to_create_sql(),
        Part::UserMapping(part) => vec![part.to_create_sql()?],
        Part::UserType(part) => part.to_create_sql()?,
        Part::Database(_) | Part::LargeObjects(_) | Part::ReplicationSlot(_) | Part::Subscription(_) => {
            return None;
        }
    })
}

/// A column, without what its rows held; not null only where rows get a value.
fn add_column(column: &Column, catalog: &Catalog) -> Option<Vec<String>> {
    use RelationKind::{ForeignTable, PartitionedTable, Table};
    let relation = catalog.relation(&column.relation).ok().flatten()?;
    let word = match relation.kind {
        ForeignTable => "foreign table",
        PartitionedTable | Table => "table",
        _ => return None,
    };
    let mut column = column.clone();
    column.not_null &= column.fills_itself();
    let mut statements = vec![format!("alter {word} {} add column {}", column.relation, column.to_sql())];
    let settings = column.settings();
    if !settings.is_empty() {
        statements.push(format!("alter {word} {} {}", column.relation, settings.join(", ")));
    }
    Some(statements)
}

impl Index {
    fn to_create_sql(&self) -> Option<Vec<String>> {
        let mut statements = vec![self.definition.clone()];
        let name = QualifiedName::new(&self.relation.schema, &self.name);
        for target in &self.statistics {
            let (column, target) = target.split_once(": ")?;
            statements.push(format!("alter index {name} alter column {column} set statistics {target}"));
        }
        if self.clustered {
            statements.push(format!("alter table {} cluster on {}", self.relation, ident(&self.name)));
        }
        Some(statements)
    }
}

impl Relation {
    /// A view or foreign table: what holds no rows of its own.
    fn to_create_sql(&self, then: &Catalog, now: &Catalog) -> Option<Vec<String>> {
        let name = &self.name;
        let mut statements = match self.kind {
            RelationKind::View => {
                let query = bare(&view_of(then, self)?.definition);
                vec![format!("create or replace view {name}{} as\n{query}", options("with", &self.options))]
            }
            RelationKind::MaterializedView => {
                let query = bare(&view_of(then, self)?.definition);
                let empty = if self.unpopulated { "\nwith no data" } else { "" };
                vec![format!(
                    "create materialized view {name}{} as\n{query}{empty}",
                    options("with", &self.options)
                )]
            }
            RelationKind::ForeignTable => {
                let columns: Vec<String> = then
                    .columns_of(name)
                    .ok()?
                    .iter()
                    .map(|column| {
                        let of_server = server_options(&column.server_options);
                        let null = if column.not_null { " not null" } else { "" };
                        let default = column
                            .default
                            .as_ref()
                            .map_or_else(String::new, |text| format!(" default {text}"));
                        format!("{} {}{of_server}{default}{null}", ident(&column.name), column.typed())
                    })
                    .collect();
                vec![format!(
                    "create foreign table {name} ({}) server {}{}",
                    columns.join(", "),
                    ident(self.server.as_ref()?),
                    server_options(&self.server_options)
                )]
            }
            RelationKind::PartitionedTable | RelationKind::Table => return None,
        };
        if self.kind == RelationKind::View {
            for column in then.columns_of(name).ok()?.iter().filter(|column| column.default.is_some()) {
                let default = column.default.as_deref().unwrap_or_default();
                statements.push(format!(
                    "alter view {name} alter column {} set default {default}",
                    ident(&column.name)
                ));
            }
        }
        statements.extend(grants(&name.to_string(), &self.acl, &self.owner, now));
        Some(statements)
    }
}

impl Schema {
    fn to_create_sql(&self, now: &Catalog) -> Vec<String> {
        let name = ident(&self.name);
        let mut statements = vec![format!("create schema if not exists {name}")];
        statements.extend(grants(&format!("schema {name}"), &self.acl, &self.owner, now));
        statements
    }
}

impl Sequence {
    fn to_create_sql(&self, now: &Catalog) -> Vec<String> {
        let unlogged = if self.unlogged { "unlogged " } else { "" };
        let mut statements = vec![format!("create {unlogged}sequence {} {}", self.name, self.options_sql())];
        statements.extend(grants(&format!("sequence {}", self.name), &self.acl, &self.owner, now));
        statements
    }

    pub(super) fn options_sql(&self) -> String {
        format!(
            "as {} increment by {} minvalue {} maxvalue {} start with {} cache {} {}cycle",
            self.type_name,
            self.increment,
            self.min,
            self.max,
            self.start,
            self.cache,
            if self.cycle { "" } else { "no " }
        )
    }
}

impl StatisticsObject {
    fn to_create_sql(&self) -> Vec<String> {
        let mut statements = vec![self.definition.clone()];
        if let Some(target) = self.target {
            let name = QualifiedName::new(&self.schema, &self.name);
            statements.push(format!("alter statistics {name} set statistics {target}"));
        }
        statements
    }
}
