//! References from one table to another: foreign keys, and relations that only the plan knows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::catalog::{ForeignKey, RelationKind};
use crate::evidence::{Catalog, Cause};
use crate::sql::{QualifiedName, ident, quote};

/// A reference from a child table to a parent table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "Reference")]
#[non_exhaustive]
pub struct Reference {
    /// The table that refers.
    pub child: QualifiedName,
    /// The columns that refer, unquoted.
    pub child_columns: Vec<String>,
    /// The table that is referred to.
    pub parent: QualifiedName,
    /// The columns that are referred to, in the same order, unquoted.
    pub parent_columns: Vec<String>,
    /// The name of the foreign key constraint; none for a relation that only the plan (or drcore) knows.
    pub constraint: Option<String>,
    /// MATCH FULL: all columns NULL, or none.
    pub match_full: bool,
    /// The operators `parent = child`, schema-qualified and quoted; compared as text where empty.
    pub operators: Vec<String>,
    /// Whether the child is read without its plain-inheritance children.
    pub child_only: bool,
    /// Whether the parent is read without its plain-inheritance children.
    pub parent_only: bool,
}

impl Reference {
    /// The reference of a foreign key, as the tables are now.
    ///
    /// # Errors
    /// The cause, where relations could not be read.
    pub fn of_foreign_key(key: &ForeignKey, catalog: &Catalog) -> Result<Self, Cause> {
        Ok(Self {
            child: key.child.clone(),
            child_columns: key.child_columns.clone(),
            parent: key.parent.clone(),
            parent_columns: key.parent_columns.clone(),
            constraint: Some(key.name.clone()),
            match_full: key.match_full,
            operators: key.operators.clone(),
            child_only: is_plain(&key.child, catalog)?,
            parent_only: is_plain(&key.parent, catalog)?,
        })
    }

    /// By which it is known: `public.time_logs:time_logs_task_id_fkey`, or
    /// `public.time_logs(task_id) -> public.tasks(id)` where there is no constraint.
    pub fn key(&self) -> String {
        match &self.constraint {
            Some(name) => format!("{}:{}", self.child, ident(name)),
            None => format!(
                "{}({}) -> {}({})",
                self.child,
                list(&self.child_columns),
                self.parent,
                list(&self.parent_columns)
            ),
        }
    }

    /// As it is shown: `public.time_logs.task_id → public.tasks.id`.
    pub fn arrow(&self) -> String {
        let side = |table: &QualifiedName, columns: &[String]| match columns {
            [one] => format!("{table}.{}", ident(one)),
            several => format!("{table} ({})", list(several)),
        };
        format!("{} → {}", side(&self.child, &self.child_columns), side(&self.parent, &self.parent_columns))
    }

    /// The child, as in a `from` clause with the alias `c`.
    pub fn child_sql(&self) -> String {
        format!("{}{} c", if self.child_only { "only " } else { "" }, self.child.to_sql())
    }

    /// The condition under which a row of the child (alias `c`) is an orphan.
    ///
    /// Uses the constraint's own operators: with an empty `search_path`,
    /// `citext = citext` would silently become an equality of text.
    pub fn orphan_condition(&self) -> String {
        let whole: Vec<String> =
            self.child_columns.iter().map(|column| format!("c.{} is not null", quote(column))).collect();
        let equal: Vec<String> = self
            .child_columns
            .iter()
            .zip(&self.parent_columns)
            .enumerate()
            .map(|(at, (child, parent))| match self.operators.get(at) {
                Some(operator) => format!("p.{} operator({operator}) c.{}", quote(parent), quote(child)),
                None => format!("p.{}::pg_catalog.text = c.{}::pg_catalog.text", quote(parent), quote(child)),
            })
            .collect();
        format!(
            "{}\n  and not exists (\n    select from {}{} p\n    where {}\n  )",
            whole.join(" and "),
            if self.parent_only { "only " } else { "" },
            self.parent.to_sql(),
            equal.join(" and ")
        )
    }

    /// The condition under which a row of the child breaks MATCH FULL: some columns NULL, others not.
    pub fn half_null_condition(&self) -> String {
        let row: Vec<String> =
            self.child_columns.iter().map(|column| format!("c.{}", quote(column))).collect();
        let any_null: Vec<String> = row.iter().map(|column| format!("{column} is null")).collect();
        let any_set: Vec<String> = row.iter().map(|column| format!("{column} is not null")).collect();
        format!("({}) and ({})", any_null.join(" or "), any_set.join(" or "))
    }
}

fn is_plain(name: &QualifiedName, catalog: &Catalog) -> Result<bool, Cause> {
    Ok(catalog.relation(name)?.is_some_and(|relation| relation.kind == RelationKind::Table))
}

fn list(columns: &[String]) -> String {
    columns.iter().map(|column| ident(column)).collect::<Vec<_>>().join(", ")
}
