//! References from one table to another: foreign keys, and relations that only the plan knows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::catalog::{ForeignKey, RelationKind};
use crate::evidence::{Catalog, Cause, CauseKind};
use crate::sql::{QualifiedName, ident};

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
    /// PERIOD: the last columns are ranges, and parents must be there for all of the child's.
    pub period: bool,
    /// How each pair of columns is compared.
    pub comparisons: Vec<Comparison>,
    /// Whether the child is read without its plain-inheritance children.
    pub child_only: bool,
    /// Whether the parent is read without its plain-inheritance children.
    pub parent_only: bool,
}

/// How a column of the parent is compared with one of the child.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "Comparison")]
#[non_exhaustive]
pub enum Comparison {
    /// As text in lower case: a uuid against text, or `citext`.
    FoldedText,
    /// By this operator `parent = child`, schema-qualified and quoted, such as `"pg_catalog".=`.
    Operator(String),
    /// As text.
    Text,
    /// As [`Comparison::FoldedText`]; a child that is not shaped like a uuid refers to something else.
    UuidText,
}

/// The operator of PostgreSQL's own types.
const EQUAL: &str = "\"pg_catalog\".=";

impl Comparison {
    /// How columns of these types are compared where no constraint says so.
    pub fn of_types(parent: &str, child: &str) -> Self {
        let (parent, child) = (bare(parent), bare(child));
        let both = |fits: fn(&str) -> bool| fits(&parent) && fits(&child);
        let either = |fits: fn(&str) -> bool| fits(&parent) || fits(&child);
        // A type of PostgreSQL's own is shown without its schema.
        let own = parent == child && !parent.contains(['.', '"']) && parent != "citext";
        if own || both(is_number) || both(is_text) || both(is_instant) {
            Self::Operator(EQUAL.to_owned())
        } else if both(|name| is_text(name) || name == "uuid" || is_citext(name))
            && either(|name| name == "uuid" || is_citext(name))
        {
            Self::FoldedText
        } else {
            Self::Text
        }
    }

    /// Whether it is PostgreSQL's own `=`.
    pub(crate) fn is_built_in(&self) -> bool {
        matches!(self, Self::Operator(operator) if operator == EQUAL)
    }

    fn condition(&self, parent: &str, child: &str, style: Style) -> String {
        let (parent, child) = (format!("p.{}", ident(parent)), format!("c.{}", ident(child)));
        let text = "::pg_catalog.text";
        match (self, style) {
            (Self::Operator(operator), Style::Readable) if operator == EQUAL => format!("{parent} = {child}"),
            (Self::Operator(operator), _) => format!("{parent} operator({operator}) {child}"),
            (Self::Text, Style::Readable) => format!("{parent}{text} = {child}{text}"),
            (Self::Text, Style::Exact) => format!("{parent}{text} operator(pg_catalog.=) {child}{text}"),
            (Self::FoldedText | Self::UuidText, Style::Readable) => {
                format!("pg_catalog.lower({parent}{text}) = pg_catalog.lower({child}{text})")
            }
            (Self::FoldedText | Self::UuidText, Style::Exact) => format!(
                "pg_catalog.lower({parent}{text}) operator(pg_catalog.=) pg_catalog.lower({child}{text})"
            ),
        }
    }
}

/// Whether it is the name of an operator and nothing else, with its schema in quotes: `"public".=`.
fn is_operator(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('"') else { return false };
    // What is doubled is a part of the name.
    let rest = rest.replace("\"\"", "");
    let Some((schema, symbol)) = rest.split_once("\".") else { return false };
    let fits = |c: char| "+-*/<>=~!@#%^&|`?".contains(c);
    !schema.contains('"')
        && !symbol.is_empty()
        && symbol.chars().all(fits)
        && !symbol.contains("--")
        && !symbol.contains("/*")
}

fn bare(type_name: &str) -> String {
    match (type_name.find('('), type_name.find(')')) {
        // `timestamp(3) with time zone` and `numeric(10,2)[]` go on behind their modifier.
        (Some(from), Some(to)) if from < to && !type_name.contains('"') => {
            format!("{}{}", &type_name[..from], &type_name[to + 1..])
        }
        _ => type_name.to_owned(),
    }
}

fn is_number(name: &str) -> bool {
    matches!(name, "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision")
}

fn is_text(name: &str) -> bool {
    matches!(name, "text" | "character varying" | "character")
}

fn is_citext(name: &str) -> bool {
    name == "citext" || name.ends_with(".citext")
}

fn is_instant(name: &str) -> bool {
    name == "date" || name.starts_with("timestamp ")
}

/// For whom SQL is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// To be run as it is: every operator says where it is from.
    Exact,
    /// To be read by people: PostgreSQL's own `=` is `=`.
    Readable,
}

impl Reference {
    /// The reference of a foreign key, as the tables are now.
    ///
    /// # Errors
    /// The cause, where relations could not be read, or the key compares by what is no operator.
    pub fn of_foreign_key(key: &ForeignKey, catalog: &Catalog) -> Result<Self, Cause> {
        // It may come from a file, and becomes a part of a statement.
        if let Some(odd) = key.operators.iter().find(|operator| !is_operator(operator)) {
            let message = format!("the foreign key {} compares by {odd:?}, which is no operator", key.name);
            return Err(Cause::new(CauseKind::Unsupported, message));
        }
        Ok(Self {
            child: key.child.clone(),
            child_columns: key.child_columns.clone(),
            parent: key.parent.clone(),
            parent_columns: key.parent_columns.clone(),
            constraint: Some(key.name.clone()),
            match_full: key.match_full,
            period: key.temporal,
            comparisons: key.operators.iter().cloned().map(Comparison::Operator).collect(),
            child_only: is_plain(&key.child, catalog)?,
            parent_only: is_plain(&key.parent, catalog)?,
        })
    }

    /// A relation without a constraint, compared by the types of its columns; none where a column is not there.
    ///
    /// # Errors
    /// The cause, where relations or columns could not be read.
    pub fn of_columns(
        child: (&QualifiedName, Vec<String>),
        parent: (&QualifiedName, Vec<String>),
        catalog: &Catalog,
    ) -> Result<Option<Self>, Cause> {
        let mut comparisons = Vec::new();
        for (from, to) in child.1.iter().zip(&parent.1) {
            match (catalog.column(child.0, from)?, catalog.column(parent.0, to)?) {
                (Some(from), Some(to)) => {
                    comparisons.push(Comparison::of_types(&to.type_name, &from.type_name));
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(Self {
            child_only: is_plain(child.0, catalog)?,
            parent_only: is_plain(parent.0, catalog)?,
            child: child.0.clone(),
            child_columns: child.1,
            parent: parent.0.clone(),
            parent_columns: parent.1,
            constraint: None,
            match_full: false,
            period: false,
            comparisons,
        }))
    }

    /// By which it is known: `public.time_logs:time_logs_task_id_fkey`, or
    /// `public.time_logs(task_id) -> public.tasks(id)` where there is no constraint.
    pub fn key(&self) -> String {
        match &self.constraint {
            Some(name) => format!("{}:{}", self.child, ident(name)),
            None => format!("{}{}", self.child, self.qualifier()),
        }
    }

    /// What tells it apart from other references of its child.
    pub(crate) fn qualifier(&self) -> String {
        match &self.constraint {
            Some(name) => ident(name),
            None => {
                format!("({}) -> {}({})", list(&self.child_columns), self.parent, list(&self.parent_columns))
            }
        }
    }

    /// As it is shown: `public.time_logs.task_id → public.tasks.id`.
    pub fn arrow(&self) -> String {
        format!("{} → {}", side(&self.child, &self.child_columns), self.target())
    }

    /// The same beside the name of the child: `task_id → public.tasks.id`.
    pub fn short_arrow(&self) -> String {
        let columns = match self.child_columns.as_slice() {
            [one] => ident(one),
            several => format!("({})", list(several)),
        };
        format!("{columns} → {}", self.target())
    }

    fn target(&self) -> String {
        side(&self.parent, &self.parent_columns)
    }

    /// The child, as in a `from` clause with the alias `c`.
    pub fn child_sql(&self) -> String {
        format!("{}{} c", if self.child_only { "only " } else { "" }, self.child)
    }

    /// The condition under which a row of the child (alias `c`) is an orphan.
    ///
    /// Uses the constraint's own operators: with an empty `search_path`,
    /// `citext = citext` would silently become an equality of text.
    pub fn orphan_condition(&self) -> String {
        self.condition(Style::Exact)
    }

    fn condition(&self, style: Style) -> String {
        let mut whole: Vec<String> =
            self.child_columns.iter().map(|column| format!("c.{} is not null", ident(column))).collect();
        let pairs = || self.comparisons.iter().zip(self.parent_columns.iter().zip(&self.child_columns));
        for (comparison, (_, child)) in pairs() {
            if *comparison == Comparison::UuidText {
                whole.push(format!("c.{}::pg_catalog.text operator(pg_catalog.~*) '{UUID}'", ident(child)));
            }
        }
        let equal: Vec<String> =
            pairs().map(|(comparison, (parent, child))| comparison.condition(parent, child, style)).collect();
        let only = if self.parent_only { "only " } else { "" };
        let parent = match (self.parent_columns.last(), self.child_columns.last()) {
            // As PostgreSQL's own trigger asks. Where no parent overlaps there is nothing to aggregate, and no row.
            (Some(parent), Some(child)) if self.period => format!(
                "select from (\n      select p.{} as period\n      from {only}{} p\n      where {}\n    ) o\n    \
                 having c.{} operator(pg_catalog.<@) pg_catalog.range_agg(o.period)",
                ident(parent),
                self.parent,
                equal.join("\n        and "),
                ident(child)
            ),
            _ => format!("select from {only}{} p\n    where {}", self.parent, equal.join("\n      and ")),
        };
        format!("{}\n  and not exists (\n    {parent}\n  )", whole.join("\n  and "))
    }

    /// The condition under which a row of the child breaks MATCH FULL: some columns NULL, others not.
    pub fn half_null_condition(&self) -> String {
        let each = |test: &str, word: &str| {
            let tests: Vec<String> =
                self.child_columns.iter().map(|column| format!("c.{} is {test}", ident(column))).collect();
            tests.join(word)
        };
        format!("({})\n  and ({})", each("null", " or "), each("not null", " or "))
    }

    /// A read-only statement that shows the orphans, whatever the `search_path`.
    pub fn orphans_query(&self) -> String {
        format!("select c.*\nfrom {}\nwhere {}", self.child_sql(), self.condition(Style::Readable))
    }

    /// A read-only statement that shows the rows that break MATCH FULL.
    pub fn half_null_query(&self) -> String {
        format!("select c.*\nfrom {}\nwhere {}", self.child_sql(), self.half_null_condition())
    }
}

const UUID: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";

fn is_plain(name: &QualifiedName, catalog: &Catalog) -> Result<bool, Cause> {
    Ok(catalog.relation(name)?.is_some_and(|relation| relation.kind == RelationKind::Table))
}

/// `public.tasks.id`, `public.invoices (tenant_id, number)`.
fn side(table: &QualifiedName, columns: &[String]) -> String {
    match columns {
        [one] => format!("{table}.{}", ident(one)),
        several => format!("{table} ({})", list(several)),
    }
}

fn list(columns: &[String]) -> String {
    columns.iter().map(|column| ident(column)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_operator_becomes_no_part_of_a_statement() {
        for operator in ["\"pg_catalog\".=", "\"my \"\"odd\"\" .schema\".===", "\"a\"\".b\".<@"] {
            assert!(is_operator(operator), "{operator}");
        }
        for odd in [
            "",
            "=",
            "pg_catalog.=",
            "\"pg_catalog\".",
            "\"pg_catalog\".=) c.id or true --",
            "\"pg_catalog\".=--",
            "\"pg_catalog\"./*",
            "\"a\" \".=",
            "\"a\"; drop table t; \"b\".=",
        ] {
            assert!(!is_operator(odd), "{odd}");
        }
    }

    #[test]
    fn types_decide_how_plan_relations_are_compared() {
        let equal = Comparison::Operator(EQUAL.to_owned());
        for (parent, child, expected) in [
            ("uuid", "uuid", &equal),
            ("bigint", "integer", &equal),
            ("character varying(20)", "text", &equal),
            ("numeric(10,2)", "numeric", &equal),
            ("timestamp(3) with time zone", "timestamp with time zone", &equal),
            ("uuid", "character varying(255)", &Comparison::FoldedText),
            ("extensions.citext", "extensions.citext", &Comparison::FoldedText),
            ("text", "citext", &Comparison::FoldedText),
            ("public.status", "public.status", &Comparison::Text),
            ("bigint", "text", &Comparison::Text),
        ] {
            assert_eq!(&Comparison::of_types(parent, child), expected, "{parent} = {child}");
        }
    }
}
