//! What changes tables, views and their columns into what they were.

use super::create::create;
use super::{bare, options};
use crate::evidence::Catalog;
use crate::evidence::catalog::{Column, Persistence, Relation, RelationKind};
use crate::remedy::RemedyClass;
use crate::sql::ident;
use crate::structure::compare::{Drift, Sides};
use crate::structure::part::{Part, view_of};

pub(super) fn alter_column(
    drift: &Drift<'_>,
    new: &Column,
    old: &Column,
) -> Option<(RemedyClass, Vec<String>)> {
    let name = ident(&old.name);
    let mut class = RemedyClass::Safe;
    let mut parts = Vec::new();
    for difference in &drift.differences {
        match difference.what.as_str() {
            "type" | "collation" => {
                class = RemedyClass::AvailabilityRisk;
                if !parts.iter().any(|part: &String| part.contains(" type ")) {
                    if new.default.is_some() && !new.generated && drift.has("default") {
                        parts.push(format!("alter column {name} drop default"));
                    }
                    parts.push(format!(
                        "alter column {name} type {} using {name}::{}",
                        old.typed(),
                        old.type_name
                    ));
                }
            }
            "default" if new.generated || old.generated => return None,
            "default" => parts.push(match difference.was.as_deref() {
                Some(default) => format!("alter column {name} set default {default}"),
                None => format!("alter column {name} drop default"),
            }),
            "not null" => {
                let verb = if difference.was.as_deref() == Some("yes") { "set" } else { "drop" };
                parts.push(format!("alter column {name} {verb} not null"));
            }
            "identity" if old.identity => {
                parts.push(format!("alter column {name} add {}", old.identity_sql()));
            }
            "identity" => parts.push(format!("alter column {name} drop identity")),
            "identity always" if new.identity && old.identity => {
                let when = if old.identity_always { "always" } else { "by default" };
                parts.push(format!("alter column {name} set generated {when}"));
            }
            // Said with the identity.
            "identity always" => {}
            "statistics" => {
                let target = difference.was.as_deref().unwrap_or("-1");
                parts.push(format!("alter column {name} set statistics {target}"));
            }
            "storage" => {
                parts.push(format!("alter column {name} set storage {}", difference.was.as_deref()?));
            }
            "compression" => {
                let method = difference.was.as_deref().unwrap_or("default");
                parts.push(format!("alter column {name} set compression {method}"));
            }
            "options" => parts.extend(reset(&format!("alter column {name} "), &new.options, &old.options)),
            _ => return None,
        }
    }
    // What was not null before it is an identity column has to be so again first.
    parts.sort_by_key(|part| (part.contains(" add generated"), part.contains(" set default")));
    Some((class, vec![format!("alter table {} {}", old.relation, parts.join(", "))]))
}

/// Options as they were.
fn reset(before: &str, new: &[String], old: &[String]) -> Vec<String> {
    let name = |option: &String| option.split('=').next().unwrap_or_default().to_owned();
    let mut parts = Vec::new();
    let gone: Vec<String> = new
        .iter()
        .map(name)
        .filter(|own| !old.iter().any(|old| name(old) == *own))
        .map(|own| ident(&own))
        .collect();
    if !gone.is_empty() {
        parts.push(format!("{before}reset ({})", gone.join(", ")));
    }
    let changed: Vec<String> = old.iter().filter(|option| !new.contains(option)).cloned().collect();
    if !changed.is_empty() {
        parts.push(format!("{before}{}", options("set", &changed).trim_start()));
    }
    parts
}

pub(super) fn alter_relation(
    drift: &Drift<'_>,
    new: &Relation,
    old: &Relation,
    sides: Sides<'_>,
) -> Option<(RemedyClass, Vec<String>)> {
    let name = &old.name;
    let word = match old.kind {
        RelationKind::ForeignTable => "foreign table",
        RelationKind::MaterializedView => "materialized view",
        RelationKind::PartitionedTable | RelationKind::Table => "table",
        RelationKind::View => "view",
    };
    let mut class = RemedyClass::Safe;
    let mut statements = Vec::new();
    for difference in &drift.differences {
        let was = difference.was.as_deref();
        match difference.what.as_str() {
            "query" if old.kind == RelationKind::View => {
                // Columns that are gone, or of another type, keep it from being replaced.
                let query = bare(&view_of(&sides.then.catalog, old)?.definition);
                let columns = |catalog: &Catalog| {
                    let columns = catalog.columns_of(name).unwrap_or_default().iter();
                    columns.map(|column| (column.name.clone(), column.typed())).collect::<Vec<_>>()
                };
                let (is, were) = (columns(&sides.now.catalog), columns(&sides.then.catalog));
                if were.starts_with(&is) {
                    statements.push(format!(
                        "create or replace view {name}{} as\n{query}",
                        options("with", &old.options)
                    ));
                } else {
                    class = RemedyClass::AvailabilityRisk;
                    statements.push(format!("drop view {name}"));
                    statements.extend(create(Part::Relation(old), sides)?);
                }
            }
            "query" => {
                class = RemedyClass::AvailabilityRisk;
                statements.push(format!("drop {word} {name}"));
                statements.extend(create(Part::Relation(old), sides)?);
            }
            "options" => {
                let before = format!("alter {word} {name} ");
                statements.extend(reset(&before, &new.options, &old.options));
            }
            "toast options" => {
                let named = |options: &[String]| {
                    options.iter().map(|option| format!("toast.{option}")).collect::<Vec<_>>()
                };
                let (new, old) = (named(&new.toast_options), named(&old.toast_options));
                let parts = reset(&format!("alter {word} {name} "), &new, &old);
                statements.extend(parts.into_iter().map(|part| part.replace("\"toast.", "toast.\"")));
            }
            "replica identity" => statements.push(format!(
                "alter table {name} replica identity {}",
                was.map_or_else(|| "default".to_owned(), |was| was.replace("index ", "using index "))
            )),
            "persistence" => {
                // Rewrites the table, and nobody gets at it meanwhile.
                class = RemedyClass::AvailabilityRisk;
                let word = if old.persistence == Persistence::Permanent { "logged" } else { "unlogged" };
                statements.push(format!("alter table {name} set {word}"));
            }
            "row level security" => {
                class = RemedyClass::AvailabilityRisk;
                let verb = if old.rls_enabled { "enable" } else { "disable" };
                statements.push(format!("alter table {name} {verb} row level security"));
            }
            "row level security for the owner" => {
                let verb = if old.rls_forced { "force" } else { "no force" };
                statements.push(format!("alter table {name} {verb} row level security"));
            }
            // A partition that was detached, or attached.
            "parents" | "is partition" | "partition bound" => {
                if statements.iter().any(|sql: &String| sql.contains(" partition ")) {
                    continue;
                }
                if new.is_partition
                    && let Some(parent) = new.parents.first()
                {
                    statements.push(format!("alter table {parent} detach partition {name}"));
                }
                if old.is_partition
                    && let (Some(parent), Some(bound)) = (old.parents.first(), &old.partition_bound)
                {
                    statements.push(format!("alter table {parent} attach partition {name} {bound}"));
                }
                if !new.is_partition && !old.is_partition {
                    return None;
                }
            }
            _ => return None,
        }
    }
    (!statements.is_empty()).then_some((class, statements))
}
