//! What changes an object into what it was, and what drops one.

use super::create::create;
use super::relation::{alter_column, alter_relation};
use crate::evidence::catalog::{Enabled, Publication, UserType};
use crate::remedy::RemedyClass;
use crate::sql::{QualifiedName, ident, literal};
use crate::structure::compare::{Drift, Sides};
use crate::structure::part::Part;

/// The statements that change it into what it was, and what they can break; none where not all of it can be undone.
pub(crate) fn alter(drift: &Drift<'_>, sides: Sides<'_>) -> Option<(RemedyClass, Vec<String>)> {
    let (now, then) = (drift.now?, drift.then?);
    let only = |name: &str| drift.differences.iter().all(|difference| difference.what == name);
    let again = || create(then, sides);
    let anew = || {
        let mut statements = drop(now, sides)?;
        statements.extend(again()?);
        Some(statements)
    };
    let statements = match (then, now) {
        (Part::Column(old), Part::Column(new)) => return alter_column(drift, new, old),
        (Part::Relation(old), Part::Relation(new)) => return alter_relation(drift, new, old, sides),
        (Part::UserType(old), Part::UserType(new)) => alter_type(drift, new, old)?,
        (Part::Publication(old), Part::Publication(new)) => alter_publication(drift, new, old)?,
        (Part::Constraint(_) | Part::ForeignKey(_), _) if only("name") => {
            let (is, was) = (now.id().name, then.id().name);
            vec![format!("alter table {} rename constraint {is} to {was}", then.of()?)]
        }
        (Part::Index(_), _) if only("name") => {
            let (is, was) = (now.id().name, then.id().name);
            vec![format!("alter index {}.{is} rename to {was}", ident(&then.of()?.schema))]
        }
        (Part::Index(old), _) if only("clustered") => vec![if old.clustered {
            format!("alter table {} cluster on {}", old.relation, ident(&old.name))
        } else {
            format!("alter table {} set without cluster", old.relation)
        }],
        // Nobody proves by a statement that rows break it, nor makes a valid index invalid.
        (Part::Constraint(_) | Part::ForeignKey(_) | Part::Index(_), _) if !drift.has("definition") => {
            return None;
        }
        (Part::Trigger(old), Part::Trigger(new)) if only("enabled") => {
            // A partition's, which is listed on one side only.
            let enabled = if std::ptr::eq(new, old) { enabled(drift)? } else { old.enabled };
            vec![old.to_switch_sql(enabled)]
        }
        (Part::Rule(old), _) if only("enabled") => vec![old.to_switch_sql(old.enabled)],
        (Part::EventTrigger(old), _) if only("enabled") => vec![old.to_switch_sql(old.enabled)],
        (Part::StatisticsObject(old), _) if only("target") => {
            let name = QualifiedName::new(&old.schema, &old.name);
            vec![format!("alter statistics {name} set statistics {}", old.target.unwrap_or(-1))]
        }
        (
            Part::Constraint(_)
            | Part::ForeignKey(_)
            | Part::Index(_)
            | Part::Rule(_)
            | Part::StatisticsObject(_)
            | Part::Trigger(_),
            _,
        ) => anew()?,
        (Part::Function(old), _) if !["kind", "parameters", "result"].iter().any(|what| drift.has(what)) => {
            vec![old.to_replace_sql()?]
        }
        (Part::Sequence(old), _) if !drift.has("unlogged") => {
            let mut statements = vec![format!("alter sequence {} {}", old.name, old.options_sql())];
            if drift.has("feeds") {
                let owner = old.feeds.iter().find(|feed| feed.link == "owned");
                let owner = owner.map_or_else(
                    || "none".to_owned(),
                    |feed| format!("{}.{}", feed.relation, ident(&feed.column)),
                );
                statements.push(format!("alter sequence {} owned by {owner}", old.name));
            }
            statements
        }
        (Part::Database(old), _) if only("connection limit") => {
            let database = sides.now.run.server.as_ref().map(|server| ident(&server.database))?;
            vec![format!("alter database {database} connection limit {}", old.connection_limit)]
        }
        (Part::Comment(_) | Part::Policy(_) | Part::SecurityLabel(_) | Part::Setting(_), _) => again()?,
        (Part::Extension(old), _) => {
            let name = ident(&old.name);
            let mut statements = Vec::new();
            if drift.has("version") {
                statements.push(format!("alter extension {name} update to {}", literal(&old.version)));
            }
            if drift.has("schema") {
                statements.push(format!("alter extension {name} set schema {}", ident(&old.schema)));
            }
            return Some((RemedyClass::AvailabilityRisk, statements));
        }
        // What goes, be it for a moment, is missed by whoever uses it, or keeps it from going.
        (
            Part::Aggregate(_)
            | Part::Cast(_)
            | Part::Conversion(_)
            | Part::EventTrigger(_)
            | Part::Function(_),
            _,
        ) => {
            return Some((RemedyClass::AvailabilityRisk, anew()?));
        }
        _ => return None,
    };
    Some((RemedyClass::Safe, statements))
}

/// How a trigger of a partition fired, of which one side lists only that it is as its root's.
fn enabled(drift: &Drift<'_>) -> Option<Enabled> {
    let was = drift.differences.iter().find(|difference| difference.what == "enabled")?.was.as_deref()?;
    serde_json::from_value(was.into()).ok()
}

fn alter_type(drift: &Drift<'_>, new: &UserType, old: &UserType) -> Option<Vec<String>> {
    let name = &old.name;
    let mut statements = Vec::new();
    for difference in &drift.differences {
        match difference.what.as_str() {
            "labels" => {
                // Labels can be added and not taken away.
                let kept: Vec<&String> =
                    old.labels.iter().filter(|label| new.labels.contains(label)).collect();
                if !new.labels.iter().eq(kept) {
                    return None;
                }
                for (at, label) in
                    old.labels.iter().enumerate().filter(|(_, label)| !new.labels.contains(label))
                {
                    let place = match at.checked_sub(1) {
                        Some(before) => format!("after {}", literal(&old.labels[before])),
                        None => new
                            .labels
                            .first()
                            .map_or_else(String::new, |first| format!("before {}", literal(first))),
                    };
                    statements.push(format!("alter type {name} add value {} {place}", literal(label)));
                }
            }
            "default" => statements.push(match &old.default {
                Some(default) => format!("alter domain {name} set default {default}"),
                None => format!("alter domain {name} drop default"),
            }),
            "not null" => {
                let verb = if old.not_null { "set" } else { "drop" };
                statements.push(format!("alter domain {name} {verb} not null"));
            }
            "constraints" => {
                for constraint in new.constraints.iter().filter(|own| !old.constraints.contains(own)) {
                    statements
                        .push(format!("alter domain {name} drop constraint {}", ident(&constraint.name)));
                }
                for constraint in old.constraints.iter().filter(|own| !new.constraints.contains(own)) {
                    let (own, definition) = (ident(&constraint.name), &constraint.definition);
                    statements.push(format!("alter domain {name} add constraint {own} {definition}"));
                }
            }
            _ => return None,
        }
    }
    Some(statements)
}

fn alter_publication(drift: &Drift<'_>, new: &Publication, old: &Publication) -> Option<Vec<String>> {
    let name = ident(&old.name);
    let mut statements = Vec::new();
    for difference in &drift.differences {
        match difference.what.as_str() {
            "tables" | "schemas" if !old.all_tables && !new.all_tables && !old.contents().is_empty() => {
                let statement = format!("alter publication {name} set {}", old.contents());
                if !statements.contains(&statement) {
                    statements.push(statement);
                }
            }
            "operations" => {
                statements.push(format!(
                    "alter publication {name} set (publish = {})",
                    literal(&old.operations.join(", "))
                ));
            }
            "via root" => {
                statements.push(format!(
                    "alter publication {name} set (publish_via_partition_root = {})",
                    old.via_root
                ));
            }
            _ => return None,
        }
    }
    Some(statements)
}

/// The statements that drop it; none where a person should think about how.
pub(crate) fn drop(part: Part<'_>, sides: Sides<'_>) -> Option<Vec<String>> {
    let id = part.id();
    let name = &id.name;
    Some(vec![match part {
        Part::Aggregate(_)
        | Part::Cast(_)
        | Part::Collation(_)
        | Part::Conversion(_)
        | Part::EventTrigger(_)
        | Part::Extension(_)
        | Part::ForeignDataWrapper(_)
        | Part::Function(_)
        | Part::Language(_)
        | Part::Publication(_)
        | Part::Relation(_)
        | Part::Schema(_)
        | Part::Sequence(_)
        | Part::Transform(_) => format!("drop {} {name}", id.kind.words()),
        Part::ForeignServer(_) => format!("drop server {name}"),
        Part::StatisticsObject(_) => format!("drop statistics {name}"),
        Part::UserType(part) if part.kind == "domain" => format!("drop domain {name}"),
        Part::UserType(_) => format!("drop type {name}"),
        Part::Column(part) => format!("alter table {} drop column {name}", part.relation),
        Part::Constraint(part) => format!("alter table {} drop constraint {name}", part.relation),
        Part::ForeignKey(part) => format!("alter table {} drop constraint {name}", part.child),
        Part::Index(part) => format!("drop index {}", QualifiedName::new(&part.relation.schema, &part.name)),
        Part::Trigger(part) => format!("drop trigger {name} on {}", part.relation),
        Part::Rule(part) => format!("drop rule {name} on {}", part.relation),
        Part::Policy(part) => part.to_drop_sql(),
        Part::Comment(part) => part.to_drop_sql()?,
        Part::Setting(part) => part.to_drop_sql(sides.now)?,
        Part::UserMapping(_) => format!("drop user mapping {name}"),
        _ => return None,
    }])
}
