//! Names of tables and columns as people write them, and what they stand for in a catalog.

use std::fmt;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::node::Node;
use super::reader::Reader;
use crate::evidence::catalog::Relation;
use crate::evidence::{Catalog, Cause, CauseKind};
use crate::sql::{NamePart, QualifiedName, ident, quote, split_name};

/// The name of a table as a person wrote it: `tenants`, `"User"`, `billing.invoices`.
///
/// It stands for the table of exactly this case, else for the one whose name is
/// the lower-case form. Without a schema `public` goes first, as the API's
/// search path does; a name that then fits tables in several other schemas is ambiguous.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    schema: Option<NamePart>,
    name: NamePart,
}

impl TableName {
    /// Parses `name` or `schema.name`.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::from_parts(split_name(text)?)
            .map_err(|()| format!("{text:?} is not a table: write name or schema.name"))
    }

    fn from_parts(parts: Vec<NamePart>) -> Result<Self, ()> {
        let mut parts = parts.into_iter();
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), None, None) => Ok(Self { schema: None, name }),
            (Some(schema), Some(name), None) => Ok(Self { schema: Some(schema), name }),
            _ => Err(()),
        }
    }

    /// This schema and name, in exactly this case.
    pub fn exact(name: &QualifiedName) -> Self {
        let part = |text: &str| NamePart { text: text.to_owned(), quoted: true };
        Self { schema: Some(part(&name.schema)), name: part(&name.name) }
    }

    /// The table (or view) that it stands for, or none.
    ///
    /// # Errors
    /// The cause where relations could not be read, or [`CauseKind::Ambiguous`].
    pub fn resolve<'c>(&self, catalog: &'c Catalog) -> Result<Option<&'c Relation>, Cause> {
        let relations = catalog.relations.get()?;
        // The usual case, and the first choice, without looking at every relation.
        if let Some(relation) = catalog.relation(&self.presumed())? {
            return Ok(Some(relation));
        }
        let fits = |relation: &&Relation, by: fn(&NamePart, &str) -> bool| {
            by(&self.name, &relation.name.name)
                && self.schema.as_ref().is_none_or(|schema| {
                    exact(schema, &relation.name.schema) || folded(schema, &relation.name.schema)
                })
        };
        for by in [exact as fn(&NamePart, &str) -> bool, folded] {
            let found: Vec<&Relation> = relations.iter().filter(|relation| fits(relation, by)).collect();
            match found.as_slice() {
                [] => {}
                [one] => return Ok(Some(one)),
                several => {
                    if let Some(public) = several.iter().find(|relation| relation.name.schema == "public") {
                        return Ok(Some(public));
                    }
                    let names: Vec<String> =
                        several.iter().map(|relation| relation.name.to_string()).collect();
                    return Err(Cause::new(
                        CauseKind::Ambiguous,
                        format!("{self} fits {}", names.join(" and ")),
                    )
                    .hint("Write the schema too."));
                }
            }
        }
        Ok(None)
    }

    /// What it most likely stands for where no catalog has it: for messages and ids.
    pub fn presumed(&self) -> QualifiedName {
        let schema = self.schema.as_ref().map_or("public", |schema| schema.text.as_str());
        QualifiedName::new(schema, self.name.text.clone())
    }
}

fn exact(part: &NamePart, name: &str) -> bool {
    part.text == name
}

fn folded(part: &NamePart, name: &str) -> bool {
    !part.quoted && part.text.to_lowercase() == name
}

fn write_part(f: &mut fmt::Formatter<'_>, part: &NamePart) -> fmt::Result {
    let bare = !part.quoted && !part.text.contains(['.', '"']);
    if bare || ident(&part.text) == part.text {
        f.write_str(&part.text)
    } else {
        f.write_str(&quote(&part.text))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write_part(f, schema)?;
            f.write_str(".")?;
        }
        write_part(f, &self.name)
    }
}

impl fmt::Debug for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name of a column as a person wrote it: `clients.created_at`, `public."User"."createdAt"`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnName {
    /// The table.
    pub table: TableName,
    column: NamePart,
}

impl ColumnName {
    /// Parses `table.column` or `schema.table.column`.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a column: write table.column or schema.table.column");
        let mut parts = split_name(text)?;
        let column = parts.pop().ok_or_else(wrong)?;
        Ok(Self { table: TableName::from_parts(parts).map_err(|()| wrong())?, column })
    }

    /// A column of this table.
    ///
    /// # Errors
    /// Says what is wrong with the name of the column.
    pub(super) fn of(table: &TableName, column: &str) -> Result<Self, String> {
        match <[NamePart; 1]>::try_from(split_name(column)?) {
            Ok([column]) => Ok(Self { table: table.clone(), column }),
            Err(_) => Err(format!("{column:?} is not the name of a column alone")),
        }
    }

    /// The column's name in this relation: exactly this case, else its lower-case form.
    ///
    /// # Errors
    /// The cause, where columns could not be read.
    pub fn resolve_in<'c>(
        &self,
        catalog: &'c Catalog,
        relation: &QualifiedName,
    ) -> Result<Option<&'c str>, Cause> {
        let columns = catalog.columns_of(relation)?;
        Ok([exact as fn(&NamePart, &str) -> bool, folded]
            .into_iter()
            .find_map(|by| columns.iter().find(|column| by(&self.column, &column.name)))
            .map(|column| column.name.as_str()))
    }

    pub(super) fn write_column(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What ends a name within a list is quoted too.
        if self.column.text.contains([',', '(', ')']) {
            return f.write_str(&quote(&self.column.text));
        }
        write_part(f, &self.column)
    }

    /// The column as written.
    pub fn column_text(&self) -> &str {
        &self.column.text
    }

    pub(super) fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        let text = reader.string(node, path)?;
        match Self::parse(&text) {
            Ok(name) => Some(name),
            Err(message) => reader.wrong(node, path, message),
        }
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.table)?;
        write_part(f, &self.column)
    }
}

impl fmt::Debug for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! as_string {
    ($type:ty, $description:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $description })
            }
        }
    };
}

as_string!(TableName, "name or schema.name, quoted as in SQL where needed");
as_string!(ColumnName, "table.column or schema.table.column, quoted as in SQL where needed");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_they_were_written() {
        for text in ["tenants", "User", "billing.invoices", "\"we.ird\"", "\"a\"\"b\".c"] {
            assert_eq!(
                TableName::parse(TableName::parse(text).unwrap().to_string().as_str()).unwrap(),
                TableName::parse(text).unwrap()
            );
        }
        assert!(TableName::parse("a.b.c").is_err());
        assert!(ColumnName::parse("created_at").is_err());
    }
}
