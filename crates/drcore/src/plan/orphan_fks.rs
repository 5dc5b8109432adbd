//! `[orphan_fks]`: relations that no foreign key constraint declares, and where orphans are counted.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::content_drift::read_way;
use super::names::ColumnName;
use super::node::{Node, Value};
use super::reader::{Fields, Reader};
use crate::content::ContentWay;

/// Relations that no foreign key constraint declares, and where orphans are counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "OrphanFks")]
#[non_exhaustive]
pub struct OrphanFks {
    /// The relations; the foreign keys of the database are looked at in any case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub relations: Vec<PlannedRelation>,
    /// Where orphans are counted. Default: here where the server is near, else there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way: Option<ContentWay>,
}

/// A relation that no foreign key constraint declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "PlannedRelation")]
#[non_exhaustive]
pub struct PlannedRelation {
    /// The columns that refer, all of one table.
    pub child: Columns,
    /// The columns that are referred to, all of one table, in the same order.
    pub parent: Columns,
}

/// Columns of one table: `"time_logs.task_id"`, or `["lines.tenant_id", "lines.invoice_no"]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Columns(Vec<ColumnName>);

impl OrphanFks {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        if fields.entries().is_empty() {
            return fields.wrong(reader, "this section is empty; allowed: relations, way");
        }
        let relations = fields.optional(reader, "relations", |reader, node, path| {
            let mut known: Vec<PlannedRelation> = Vec::new();
            let relations = reader.some(node, path, |reader, node, path| {
                let fields = reader.fields(node, path)?;
                PlannedRelation::read(reader, fields).map(|relation| (relation, node.span.clone()))
            })?;
            for (relation, span) in relations {
                if known.contains(&relation) {
                    let again = Node { value: Value::Null, span };
                    return reader.wrong(&again, path, format!("{relation} is declared twice"));
                }
                known.push(relation);
            }
            Some(known)
        });
        let way = fields.optional(reader, "way", read_way);
        fields.finish(reader);
        Some(Self { relations: relations.unwrap_or_default(), way })
    }
}

impl PlannedRelation {
    fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let child = fields.required(reader, "child", Columns::read);
        let parent = fields.required(reader, "parent", Columns::read);
        let relation = match (child, parent) {
            (Some(child), Some(parent)) if child.0.len() != parent.0.len() => fields.wrong(
                reader,
                format!(
                    "child has {} and parent {}: each column of the child refers to one of the parent",
                    crate::text::plural(child.0.len() as u64, "column"),
                    crate::text::plural(parent.0.len() as u64, "column")
                ),
            ),
            (Some(child), Some(parent)) if child == parent => {
                fields.wrong(reader, "child and parent are the same, so this expects nothing")
            }
            (Some(child), Some(parent)) => Some(Self { child, parent }),
            _ => None,
        };
        fields.finish(reader);
        relation
    }
}

impl std::fmt::Display for PlannedRelation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} -> {}", self.child, self.parent)
    }
}

impl Columns {
    /// The columns; at least one.
    pub fn names(&self) -> &[ColumnName] {
        &self.0
    }

    fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        let columns = match &node.value {
            Value::Array(_) => reader.some(node, path, ColumnName::read)?,
            Value::String(_) => vec![ColumnName::read(reader, node, path)?],
            _ => return reader.wrong(node, path, "expected \"table.column\", or a list of such columns"),
        };
        for (at, column) in columns.iter().enumerate() {
            if column.table != columns[0].table {
                return reader.wrong(node, path, "all columns of one side belong to one table");
            }
            if columns[..at].contains(column) {
                return reader.wrong(node, path, format!("{column} stands here twice"));
            }
        }
        Some(Self(columns))
    }
}

impl std::fmt::Display for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, column) in self.0.iter().enumerate() {
            write!(f, "{}{column}", if at > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Columns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Serialize for Columns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl JsonSchema for Columns {
    fn schema_name() -> Cow<'static, str> {
        "Columns".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let column = serde_json::json!({
            "type": "string",
            "description": "table.column or schema.table.column, quoted as in SQL where needed"
        });
        schemars::json_schema!({
            "title": "Columns",
            "description": "one column, or several of one table",
            "oneOf": [column, { "type": "array", "items": column, "minItems": 1 }]
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::Plan;

    fn mistake(section: &str) -> String {
        let error = Plan::from_toml(section).unwrap_err();
        format!("{error}\n{}", error.detail_text().unwrap_or_default())
    }

    #[test]
    fn relations_read_back() {
        let plan = Plan::from_toml(
            "[[orphan_fks.relations]]\nchild = 'time_logs.task_id'\nparent = 'tasks.id'\n\
             [[orphan_fks.relations]]\nchild = ['lines.tenant_id', 'lines.\"No\"']\nparent = ['public.invoices.tenant_id', 'public.invoices.no']",
        )
        .unwrap();
        assert_eq!(plan.orphan_fks.as_ref().unwrap().relations.len(), 2);
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        assert!(plan.names("orphan_fks"));
    }

    #[test]
    fn mistakes_are_told() {
        let relation = |child: &str, parent: &str| {
            mistake(&format!("[[orphan_fks.relations]]\nchild = {child}\nparent = {parent}"))
        };
        for (found, needle) in [
            (mistake("[orphan_fks]"), "allowed: relations, way"),
            (mistake("[orphan_fks]\nway = 'fast'"), "\"server\" or \"stream\""),
            (mistake("[orphan_fks]\nrelations = []"), "expects nothing"),
            (mistake("[[orphan_fks.relation]]\nchild = 'a.b'"), "did you mean relations?"),
            (mistake("[[orphan_fks.relations]]\nchlid = 'a.b'\nparent = 'b.a'"), "did you mean child?"),
            (mistake("[[orphan_fks.relations]]\nchild = 'a.b'\nparnet = 'b.a'"), "did you mean parent?"),
            (relation("'a.b'", "'b'"), "not a column"),
            (relation("'a.b'", "['b.a', 'b.c']"), "1 column"),
            (relation("['a.b', 'c.d']", "['b.a', 'b.c']"), "belong to one table"),
            (relation("['a.b', 'a.b']", "['b.a', 'b.c']"), "twice"),
            (relation("'a.b'", "'a.b'"), "are the same"),
            (relation("3", "'a.b'"), "table.column"),
        ] {
            assert!(found.contains(needle), "{needle}: {found}");
        }
        let twice = "[[orphan_fks.relations]]\nchild = 'a.b'\nparent = 'c.d'\n".repeat(2);
        assert!(mistake(&twice).contains("declared twice"));
    }
}
