//! What puts orphans right. Never chosen for the user.

use crate::check::Context;
use crate::evidence::catalog::{Column, ForeignKey, RelationKind};
use crate::evidence::{OrphanSample, Orphans};
use crate::reference::Reference;
use crate::remedy::{Choice, Remedy, RemedyClass};
use crate::sql::ident;
use crate::text::plural;

/// Delete the rows, let them refer to nothing, or bring the parents back.
pub(super) fn orphans(
    context: Context<'_>,
    reference: &Reference,
    rows: u64,
    sample: Option<&OrphanSample>,
) -> Remedy {
    let mut choices = changes(context, reference, rows, &reference.orphan_condition());
    let parents = match sample {
        Some(sample) => plural(sample.missing_parents, "parent"),
        None => "the missing parents".to_owned(),
    };
    choices.push(Choice::new(
        "reinsert",
        format!("re-insert {parents} from other data"),
        RemedyClass::Safe,
        Vec::new(),
    ));
    Remedy::choose(choices)
}

/// Delete the rows, or make the whole key NULL.
pub(super) fn half_null(context: Context<'_>, reference: &Reference, rows: u64) -> Remedy {
    let mut choices = changes(context, reference, rows, &reference.half_null_condition());
    choices.push(Choice::new(
        "complete",
        "fill in the rest of the keys from other data",
        RemedyClass::Safe,
        Vec::new(),
    ));
    Remedy::choose(choices)
}

/// What can be done to the rows themselves.
fn changes(context: Context<'_>, reference: &Reference, rows: u64, condition: &str) -> Vec<Choice> {
    let catalog = &context.now.catalog;
    let is_table = catalog
        .relation(&reference.child)
        .is_ok_and(|relation| relation.is_some_and(|relation| relation.kind.is_table()));
    if !is_table {
        return Vec::new();
    }
    let child = reference.child_sql();
    let rows = if rows == 1 { "row".to_owned() } else { plural(rows, "row") };
    // Supabase refuses it in SQL, since the bytes would stay behind.
    let objects = reference.child.schema == "storage" && catalog.is_supabase().unwrap_or(false);
    let mut choices = vec![if objects {
        Choice::new(
            "delete",
            format!("delete the {rows} through the Storage API, with their files"),
            RemedyClass::Destructive,
            Vec::new(),
        )
    } else {
        Choice::new(
            "delete",
            format!("delete the {rows}"),
            RemedyClass::Destructive,
            vec![format!("delete from {child}\nwhere {condition}")],
        )
    }];
    let columns = clearable(context, reference);
    if !columns.is_empty() {
        let set: Vec<String> = columns.iter().map(|column| format!("{} = null", ident(column))).collect();
        let names: Vec<String> = columns.iter().map(|column| ident(column)).collect();
        choices.push(Choice::new(
            "set-null",
            format!("set {} to NULL", names.join(", ")),
            RemedyClass::Destructive,
            vec![format!("update {child}\nset {}\nwhere {condition}", set.join(", "))],
        ));
    }
    choices
}

/// The columns that become NULL so that the rows refer to nothing; none where that cannot be done.
///
/// With MATCH FULL all of them. Else one is enough: those that may be NULL,
/// and of these neither the tenant nor the period, as long as another is left.
fn clearable<'r>(context: Context<'_>, reference: &'r Reference) -> Vec<&'r String> {
    let catalog = &context.now.catalog;
    let nullable = |column: &Column| !column.not_null && !column.generated && !column.identity;
    let mut columns: Vec<&String> = reference
        .child_columns
        .iter()
        .filter(|name| matches!(catalog.column(&reference.child, name), Ok(Some(column)) if nullable(column)))
        .collect();
    if reference.match_full && columns.len() < reference.child_columns.len() {
        return Vec::new();
    }
    if reference.match_full {
        return columns;
    }
    let tenant = context.plan.tenancy.as_ref().map(|tenancy| &tenancy.column);
    let period = reference.child_columns.last().filter(|_| reference.period);
    for keep in [tenant, period].into_iter().flatten() {
        if columns.iter().any(|name| *name != keep) {
            columns.retain(|name| *name != keep);
        }
    }
    columns
}

/// Adds a constraint of the baseline again: as it was, or for new rows only while old ones break it.
pub(super) fn add_constraint(
    context: Context<'_>,
    key: &ForeignKey,
    orphans: Option<&Orphans>,
) -> Option<Remedy> {
    let table = context.now.catalog.relation(&key.child).ok().flatten()?;
    let partitioned = table.kind == RelationKind::PartitionedTable;
    let add = format!("alter table {} add constraint {} {}", key.child, ident(&key.name), key.definition);
    let clean = orphans.is_some_and(|orphans| orphans.rows + orphans.half_null == 0);
    let unchecked = key.definition.ends_with("NOT VALID") || key.definition.ends_with("NOT ENFORCED");
    let (statement, note) = if clean || unchecked {
        (add, String::new())
    } else if partitioned && context.now.major().is_none_or(|major| major < 18) {
        // PostgreSQL before 18 knows no NOT VALID there, so it has to wait for the rows.
        return None;
    } else {
        let note = format!(
            " It holds for new rows only; once the old ones are put right: alter table {} validate constraint {}.",
            key.child,
            ident(&key.name)
        );
        (format!("{add} not valid"), note)
    };
    let note = format!("The text comes from the baseline: read it before it is run.{note}");
    Some(Remedy::sql(RemedyClass::Safe, [statement]).with_note(note))
}
