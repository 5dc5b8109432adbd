//! Columns of the application that name objects, as a catalog knows them.

use crate::evidence::catalog::{Catalog, Relation};
use crate::evidence::{Cause, CauseKind};
use crate::plan::{ObjectNaming, PlannedObjectReference};
use crate::sql::{QualifiedName, ident};

/// A column of the application that names objects.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct ObjectReference {
    /// The table.
    pub table: QualifiedName,
    /// The column, unquoted.
    pub column: String,
    /// How its values name objects.
    pub naming: ObjectNaming,
    /// The bucket, where the plan says it.
    pub bucket: Option<String>,
    /// What stands before each path.
    pub prefix: Option<String>,
    /// Whether each value is a list.
    pub is_list: bool,
}

impl ObjectReference {
    /// What a reference of the plan stands for; none where there is no such table or column.
    ///
    /// # Errors
    /// The cause, where the catalog was not read, or the column is of a type that holds no names.
    pub(crate) fn resolve(
        planned: &PlannedObjectReference,
        catalog: &Catalog,
    ) -> Result<Option<Self>, Cause> {
        let Some(Relation { name: table, .. }) = planned.column.table.resolve(catalog)? else {
            return Ok(None);
        };
        let Some(name) = planned.column.resolve_in(catalog, table)? else { return Ok(None) };
        let Some(column) = catalog.column(table, name)? else { return Ok(None) };
        let kind = column.type_name.as_str();
        if matches!(kind, "json" | "jsonb" | "bytea" | "xml" | "hstore") {
            return Err(Cause::new(
                CauseKind::Unsupported,
                format!("it is of type {kind}, whose parts may name anything"),
            )
            .hint("Name a column of text, text[] or uuid; a view may take it out of the document."));
        }
        Ok(Some(Self {
            table: table.clone(),
            column: name.to_owned(),
            naming: planned.holds.unwrap_or_default(),
            bucket: planned.bucket.clone(),
            prefix: planned.prefix.clone(),
            is_list: kind.ends_with("[]"),
        }))
    }

    /// What it is called in Evidence and findings.
    pub(crate) fn key(&self) -> String {
        format!("{}.{}", self.table, ident(&self.column))
    }
}
