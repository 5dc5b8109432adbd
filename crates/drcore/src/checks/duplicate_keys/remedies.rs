//! What puts duplicates right. Which row stays is never chosen for the user.

use super::known::{Known, Lost, Origin};
use crate::check::Context;
use crate::evidence::catalog::{RelationKind, UniqueOrigin};
use crate::evidence::{DuplicateSample, Duplicates};
use crate::remedy::{Choice, Remedy, RemedyClass};
use crate::sql::{QualifiedName, ident};
use crate::text::plural;
use crate::unique::free_name;

/// Delete those that are copies of another, keep the oldest or the newest, or go through them.
pub(super) fn duplicates(
    context: Context<'_>,
    known: &Known<'_>,
    duplicates: &Duplicates,
    sample: Option<&DuplicateSample>,
    columns: &[String],
) -> Remedy {
    let surplus = Surplus { known, columns, follows: what_follows(context, &known.key.table) };
    let rebuild = rebuild(context, known);
    let mut choices = Vec::new();
    if let Some(identical) = sample.map(|sample| sample.identical).filter(|identical| *identical > 0) {
        let rows = match identical {
            1 => "row that is a copy".to_owned(),
            several => format!("{} that are copies", plural(several, "row")),
        };
        let all = identical == duplicates.rows;
        choices.push(surplus.choice(
            "delete-copies",
            format!("delete the {rows} of another in every column"),
            &Rest::Copies,
            if all { &rebuild } else { &[] },
        ));
    }
    let rows = plural(duplicates.rows, "row");
    let created = context.now.catalog.created_column(&known.key.table).ok().flatten();
    let ways = match created.map(|column| ident(&column.name)) {
        Some(column) => vec![
            ("keep-oldest", format!("oldest row of each key by {column}"), format!("c.{column} nulls last")),
            (
                "keep-newest",
                format!("newest row of each key by {column}"),
                format!("c.{column} desc nulls last"),
            ),
        ],
        None => vec![("keep-one", "row of each key that is stored first".to_owned(), String::new())],
    };
    for (name, kept, order) in ways {
        let summary = format!("keep the {kept}, and delete {rows}");
        choices.push(surplus.choice(name, summary, &Rest::After(order), &rebuild));
    }
    choices.push(Choice::new(
        "settle",
        "go through the rows of each key: merge them, or give them other keys",
        RemedyClass::Safe,
        Vec::new(),
    ));
    Remedy::choose(choices)
}

/// The rows beyond the first of each key.
struct Surplus<'k> {
    known: &'k Known<'k>,
    columns: &'k [String],
    /// Why no statement may delete them.
    follows: Option<String>,
}

/// Which of them are deleted.
enum Rest {
    /// Those behind the first in this order.
    After(String),
    /// Those that are as another one in every column.
    Copies,
}

impl Surplus<'_> {
    fn choice(&self, name: &str, summary: String, rest: &Rest, then: &[String]) -> Choice {
        if let Some(follows) = &self.follows {
            let summary = format!("{summary}: by hand, {follows}");
            return Choice::new(name, summary, RemedyClass::Destructive, Vec::new());
        }
        let statements = std::iter::once(self.delete(rest)).chain(then.iter().cloned()).collect();
        Choice::new(name, summary, RemedyClass::Destructive, statements)
    }

    /// Finds the rows in the table itself, as [`UniqueKey::duplicates_query`](crate::unique::UniqueKey) does.
    fn delete(&self, rest: &Rest) -> String {
        let key = &self.known.key;
        let [place, line, content, copy] =
            ["place", "line", "content", "copy"].map(|name| free_name(name, self.columns));
        let mut parts = key.readable_parts();
        let mut order = Vec::new();
        let mut columns = vec![format!("tableoid as {place}"), format!("ctid as {line}")];
        match rest {
            Rest::After(first) => order.extend((!first.is_empty()).then(|| first.clone())),
            Rest::Copies => {
                columns.push(format!("(r.*)::text as {content}"));
                parts.push(format!("c.{content}"));
            }
        }
        order.extend([format!("c.{place}"), format!("c.{line}")]);
        format!(
            "delete from {from} t\nusing (\n  select c.{place}, c.{line}, row_number() over (partition by {parts} \
             order by {order}) as {copy}\n  from (select {columns}, r.* from {from} r offset 0) c\n  \
             where {condition}\n) d\nwhere d.{copy} > 1 and t.tableoid = d.{place} and t.ctid = d.{line}",
            from = key.table_text(),
            parts = parts.join(", "),
            order = order.join(", "),
            columns = columns.join(", "),
            condition = key.readable_condition(),
        )
    }
}

/// Why a row of the table cannot be deleted for another's sake: what refers to it would follow it.
fn what_follows(context: Context<'_>, table: &QualifiedName) -> Option<String> {
    let catalog = &context.now.catalog;
    // Supabase refuses it in SQL, since the bytes would stay behind.
    if table.schema == "storage" && catalog.is_supabase().unwrap_or(false) {
        return Some("through the Storage API".to_owned());
    }
    let Ok(keys) = catalog.foreign_keys.get() else {
        return Some("since what refers to them could not be read".to_owned());
    };
    let root = catalog.root_of(table);
    let follows = keys.iter().find(|key| {
        (key.parent == *table || key.parent == *root)
            && (key.definition.contains("ON DELETE CASCADE") || key.definition.contains("ON DELETE SET"))
    })?;
    Some(format!("since {} would delete or change what refers to them", ident(&follows.name)))
}

/// Builds the indexes anew, once no row breaks them. That of a partitioned table cannot be within a transaction.
fn rebuild(context: Context<'_>, known: &Known<'_>) -> Vec<String> {
    let Origin::Indexes(indexes) = &known.origin else { return Vec::new() };
    let relation = context.now.catalog.relation(&known.key.table).ok().flatten();
    if relation.is_none_or(|relation| relation.kind != RelationKind::Table) {
        return Vec::new();
    }
    indexes.iter().map(|index| reindex(&known.key.table, &index.name)).collect()
}

fn reindex(table: &QualifiedName, index: &str) -> String {
    format!("reindex index {}", QualifiedName::new(&*table.schema, index))
}

/// Builds a key of the baseline again, where no row breaks it.
pub(super) fn build(
    context: Context<'_>,
    lost: &Lost<'_>,
    duplicates: Option<&Duplicates>,
) -> Option<Remedy> {
    if duplicates?.rows > 0 {
        return None;
    }
    let index = lost.index;
    let table = context.now.catalog.relation(&index.relation).ok().flatten()?;
    if let Some(invalid) = lost.invalid {
        let statement = reindex(&index.relation, &invalid.name);
        return (table.kind == RelationKind::Table).then(|| Remedy::sql(RemedyClass::Safe, [statement]));
    }
    let statement = match index.origin {
        UniqueOrigin::Index => index.definition.clone(),
        UniqueOrigin::Constraint | UniqueOrigin::PrimaryKey => {
            format!(
                "alter table {} add constraint {} {}",
                index.relation,
                ident(&index.name),
                index.definition
            )
        }
    };
    let note = "The text comes from the baseline: read it before it is run.";
    Some(Remedy::sql(RemedyClass::Safe, [statement]).with_note(note))
}
