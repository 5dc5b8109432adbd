//! Keys that are to be unique: of indexes, and such as only the plan knows; and how what breaks them is asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::catalog::{RelationKind, UniqueIndex, UniquePart};
use crate::evidence::{Catalog, Cause, CauseKind};
use crate::secret::is_redacted;
use crate::sql::{QualifiedName, ident, quote};

/// A key of a table of which no two rows should have the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "UniqueKey")]
#[non_exhaustive]
pub struct UniqueKey {
    /// The table.
    pub table: QualifiedName,
    /// The index; none for a key that only the plan knows.
    pub index: Option<String>,
    /// What is compared.
    pub parts: Vec<UniquePart>,
    /// The condition of the rows that must obey, where not all must.
    pub predicate: Option<String>,
    /// Whether rows with a NULL among the parts are never equal.
    pub nulls_distinct: bool,
    /// Whether the table is read without its plain-inheritance children.
    pub only: bool,
}

/// What makes the server read the tables themselves: the index is what is in doubt.
pub const HEAP_ONLY: &[&str] = &[
    "set local enable_indexscan = off",
    "set local enable_indexonlyscan = off",
    "set local enable_bitmapscan = off",
    // Were it off too, all ways would be equally bad.
    "set local enable_seqscan = on",
];

impl UniqueKey {
    /// What a unique index of this catalog promises, of a table that is there now.
    ///
    /// # Errors
    /// Why its duplicates cannot be counted.
    pub fn of_index(index: &UniqueIndex, now: &Catalog) -> Result<Self, Cause> {
        for part in &index.parts {
            if let Some(class) = &part.operator_class {
                return Err(Cause::new(
                    CauseKind::Unsupported,
                    format!("operator class {class} finds other values equal than group by does"),
                ));
            }
        }
        let texts = index.parts.iter().filter_map(|part| part.expression.as_ref()).chain(&index.predicate);
        if texts.into_iter().any(|text| is_redacted(text)) {
            let message = "it holds a secret, of which drcore keeps only a hash";
            return Err(Cause::new(CauseKind::Unsupported, message));
        }
        Ok(Self {
            table: index.relation.clone(),
            index: Some(index.name.clone()),
            parts: index.parts.clone(),
            predicate: index.predicate.clone(),
            nulls_distinct: index.nulls_distinct,
            only: is_plain(&index.relation, now)?,
        })
    }

    /// These columns, as `unique (…)` of SQL would compare them.
    ///
    /// # Errors
    /// The cause, where relations could not be read.
    pub fn of_columns(table: &QualifiedName, columns: &[String], now: &Catalog) -> Result<Self, Cause> {
        Ok(Self {
            table: table.clone(),
            index: None,
            parts: columns.iter().map(UniquePart::column).collect(),
            predicate: None,
            nulls_distinct: true,
            only: is_plain(table, now)?,
        })
    }

    /// By which it is known: `public.invoices:invoices_pkey`, or `public.invoices(tenant_id, number)` where there
    /// is no index.
    pub fn key(&self) -> String {
        match &self.index {
            Some(name) => format!("{}:{}", self.table, ident(name)),
            None => format!("{}{}", self.table, self.columns_text()),
        }
    }

    /// What tells it apart from other keys of its table.
    pub(crate) fn qualifier(&self) -> String {
        self.index.as_deref().map_or_else(|| self.columns_text(), ident)
    }

    /// What is compared, as it is shown: `(tenant_id, number)`.
    pub fn columns_text(&self) -> String {
        format!("({})", self.labels().join(", "))
    }

    /// Each part as it is shown.
    pub fn labels(&self) -> Vec<String> {
        self.parts.iter().map(UniquePart::label).collect()
    }

    /// Whether it runs expressions of the user's own.
    pub(crate) fn is_computed(&self) -> bool {
        self.predicate.is_some() || self.parts.iter().any(|part| part.expression.is_some())
    }

    /// Whether no two rows can break this key unless they break the other one too.
    pub(crate) fn follows_from(&self, other: &Self) -> bool {
        self.table == other.table
            && self.only == other.only
            && other.predicate.is_none()
            && other.nulls_distinct
            && self.nulls_distinct
            && other.parts.iter().all(|part| self.parts.contains(part))
            && (self.parts.len() > other.parts.len() || self.predicate.is_some())
    }

    /// How the table is named in a `from` clause.
    pub(crate) fn table_sql(&self) -> String {
        format!("{}{}", if self.only { "only " } else { "" }, self.table.to_sql())
    }

    /// As [`table_sql`](Self::table_sql), for people.
    pub(crate) fn table_text(&self) -> String {
        format!("{}{}", if self.only { "only " } else { "" }, self.table)
    }

    /// The rows that must obey, each with its key as `k1`, `k2`, … and what else is asked for.
    pub(crate) fn rows_sql(&self, further: &[String]) -> String {
        let mut columns: Vec<String> = self
            .parts
            .iter()
            .enumerate()
            .map(|(at, part)| format!("{} as k{}", part.sql(), at + 1))
            .collect();
        columns.extend_from_slice(further);
        let filter = self.predicate.as_ref().map(|predicate| format!(" where ({predicate})"));
        format!("select {} from {}{}", columns.join(", "), self.table_sql(), filter.unwrap_or_default())
    }

    /// The aliases of the parts in [`rows_sql`](Self::rows_sql).
    pub(crate) fn aliases(&self) -> Vec<String> {
        (1..=self.parts.len()).map(|number| format!("k{number}")).collect()
    }

    /// The condition under which a row of [`rows_sql`](Self::rows_sql) can be equal to another.
    pub(crate) fn comparable_sql(&self) -> String {
        if !self.nulls_distinct {
            return "true".to_owned();
        }
        // As `is not null`, but that a composite value whose fields are all NULL is none.
        let tests: Vec<String> =
            self.aliases().into_iter().map(|alias| format!("{alias} is distinct from null")).collect();
        tests.join(" and ")
    }

    /// How many keys stand in several rows, and how many rows are too many, beside a number to tell it by.
    ///
    /// Behind `offset 0` the planner does not know which indexes the table has. Else it would not group by
    /// what the primary key says to follow from it.
    pub fn duplicates_sql(&self, number: usize) -> String {
        format!(
            "select {number}, pg_catalog.count(*), \
               coalesce(pg_catalog.sum(d.copies), 0) operator(pg_catalog.-) pg_catalog.count(*) \
             from (\n\
               select pg_catalog.count(*) as copies\n\
               from ({} offset 0) r\n\
               where {}\n\
               group by {}\n\
               having pg_catalog.count(*) operator(pg_catalog.>) 1\n\
             ) d",
            self.rows_sql(&[]),
            self.comparable_sql(),
            self.aliases().join(", ")
        )
    }

    /// A read-only statement that shows the rows, with how many have the same key.
    ///
    /// `offset 0` keeps the server from taking them from the index, and so does the column that no index holds.
    pub fn duplicates_query(&self, columns: &[String]) -> String {
        let copies = free_name("copies", columns);
        format!(
            "select d.*\nfrom (\n  select c.*, count(*) over (partition by {}) as {copies}\n  \
             from (select ctid, * from {} offset 0) c\n  where {}\n) d\nwhere d.{copies} > 1\norder by {}",
            self.readable_parts().join(", "),
            self.table_text(),
            self.readable_condition(),
            self.parts
                .iter()
                .filter_map(|part| part.column.as_ref())
                .map(|column| format!("d.{}", ident(column)))
                .chain([format!("d.{copies}"), "d.ctid".to_owned()])
                .collect::<Vec<_>>()
                .join(", ")
        )
    }

    /// The parts as people read them. Every text is compared as the index does it.
    pub(crate) fn readable_parts(&self) -> Vec<String> {
        self.parts.iter().map(UniquePart::readable).collect()
    }

    /// The rows that must obey, as people read it.
    pub(crate) fn readable_condition(&self) -> String {
        let mut tests: Vec<String> =
            self.predicate.iter().map(|predicate| format!("({predicate})")).collect();
        if self.nulls_distinct {
            tests.extend(self.parts.iter().map(|part| format!("{} is distinct from null", part.name())));
        }
        if tests.is_empty() { "true".to_owned() } else { tests.join(" and ") }
    }
}

impl UniquePart {
    /// As it is shown.
    pub fn label(&self) -> String {
        match (&self.column, &self.expression) {
            (Some(column), _) => ident(column),
            (None, Some(expression)) => expression.clone(),
            (None, None) => "?".to_owned(),
        }
    }

    /// Without collation and type: a column that is quoted where needed, or the expression.
    fn name(&self) -> String {
        match (&self.column, &self.expression) {
            (None, Some(expression)) => format!("({expression})"),
            _ => self.label(),
        }
    }

    /// As SQL that is equal where the index finds it equal, and no expression that `group by` takes for a place.
    fn sql(&self) -> String {
        let value = match (&self.column, &self.expression) {
            (Some(column), _) => quote(column),
            (None, expression) => format!("({})", expression.as_deref().unwrap_or("null")),
        };
        self.compared(value)
    }

    fn readable(&self) -> String {
        self.compared(self.name())
    }

    fn compared(&self, mut value: String) -> String {
        if let Some(name) = &self.compared_as {
            value = format!("{value}::{}", name.to_sql());
        }
        match &self.collation {
            Some(collation) => format!("({value}) collate {}", collation.to_sql()),
            None => value,
        }
    }
}

/// A name that no column has.
pub(crate) fn free_name(wanted: &str, columns: &[String]) -> String {
    let mut name = wanted.to_owned();
    while columns.contains(&name) {
        name.push('_');
    }
    name
}

fn is_plain(name: &QualifiedName, catalog: &Catalog) -> Result<bool, Cause> {
    Ok(catalog.relation(name)?.is_some_and(|relation| relation.kind == RelationKind::Table))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(columns: &[&str]) -> UniqueKey {
        UniqueKey {
            table: QualifiedName::new("public", "t"),
            index: None,
            parts: columns.iter().map(|column| UniquePart::column(*column)).collect(),
            predicate: None,
            nulls_distinct: true,
            only: true,
        }
    }

    #[test]
    fn a_wider_key_follows_from_a_narrower_one() {
        let (narrow, wide) = (key(&["a"]), key(&["b", "a"]));
        assert!(wide.follows_from(&narrow));
        assert!(!narrow.follows_from(&wide));
        assert!(!narrow.follows_from(&narrow), "one of two equal keys would never be counted");
        let partial = |key: &UniqueKey| UniqueKey { predicate: Some("a > 1".to_owned()), ..key.clone() };
        assert!(partial(&narrow).follows_from(&narrow) && !narrow.follows_from(&partial(&narrow)));
        assert!(!wide.follows_from(&partial(&narrow)), "rows that the condition leaves out may break it");
        // Of rows with (1, NULL) twice, neither breaks the narrower key (NULL).
        let strict = |key: &UniqueKey| UniqueKey { nulls_distinct: false, ..key.clone() };
        assert!(!strict(&wide).follows_from(&narrow));
        assert!(!wide.follows_from(&UniqueKey { only: false, ..narrow.clone() }));
        let mut folded = narrow.clone();
        folded.parts[0].collation = Some(QualifiedName::new("public", "ci"));
        assert!(!wide.follows_from(&folded), "the collation finds more equal");
    }

    #[test]
    fn names_are_quoted_and_free() {
        let odd = key(&["a\"b", "select"]);
        assert!(
            odd.rows_sql(&[])
                .contains("select \"a\"\"b\" as k1, \"select\" as k2 from only \"public\".\"t\"")
        );
        assert_eq!(odd.key(), "public.t(\"a\"\"b\", \"select\")");
        assert_eq!(free_name("copies", &["copies".to_owned(), "copies_".to_owned()]), "copies__");
    }
}
