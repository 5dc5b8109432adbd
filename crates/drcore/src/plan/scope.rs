//! `[scope]`: which schemas and tables are looked at.

use schemars::JsonSchema;
use serde::Serialize;

use super::reader::{Fields, Reader};
use crate::evidence::catalog::{Relation, Sequence};
use crate::evidence::{Catalog, Cause};
use crate::sql::QualifiedName;

/// Which schemas and tables are looked at.
///
/// By default the application's own schemas, and of a Supabase project's
/// managed ones the tables that checks are about: `auth.users`,
/// `auth.identities`, `storage.buckets`, `storage.objects`. Tables that belong
/// to an extension are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Scope")]
#[non_exhaustive]
pub struct Scope {
    /// Only these schemas; the default where empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<String>,
    /// Tables that are left out: `schema.table`, where `*` stands for any text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

/// Tables in managed schemas that checks are about.
const MANAGED_TABLES: &[(&str, &str)] =
    &[("auth", "identities"), ("auth", "users"), ("storage", "buckets"), ("storage", "objects")];

impl Scope {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let schemas =
            fields.optional(reader, "schemas", |reader, node, path| reader.some(node, path, Reader::string));
        let exclude =
            fields.optional(reader, "exclude", |reader, node, path| reader.some(node, path, Reader::string));
        if fields.entries().is_empty() {
            return fields.wrong(reader, "this section is empty; allowed: schemas, exclude");
        }
        fields.finish(reader);
        Some(Self { schemas: schemas.unwrap_or_default(), exclude: exclude.unwrap_or_default() })
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the schema is looked at as a whole.
    ///
    /// # Errors
    /// The cause, where relations could not be read.
    pub fn has_schema(&self, schema: &str, catalog: &Catalog) -> Result<bool, Cause> {
        if self.schemas.is_empty() {
            Ok(!catalog.is_managed(schema)?)
        } else {
            Ok(self.schemas.iter().any(|s| s == schema))
        }
    }

    /// Whether the relation is looked at.
    ///
    /// # Errors
    /// The cause, where relations could not be read.
    pub fn has(&self, relation: &Relation, catalog: &Catalog) -> Result<bool, Cause> {
        if relation.extension.is_some() || self.excludes(&relation.name) {
            return Ok(false);
        }
        let QualifiedName { schema, name } = &relation.name;
        Ok(self.has_schema(schema, catalog)?
            || (self.schemas.is_empty() && MANAGED_TABLES.contains(&(schema.as_str(), name.as_str()))))
    }

    /// The tables that are looked at: ordinary ones and partitioned roots, not partitions.
    ///
    /// # Errors
    /// The cause, where relations could not be read.
    pub fn tables<'c>(&self, catalog: &'c Catalog) -> Result<Vec<&'c Relation>, Cause> {
        let mut tables = Vec::new();
        for relation in catalog.relations.get()? {
            if relation.kind.is_table() && !relation.is_partition && self.has(relation, catalog)? {
                tables.push(relation);
            }
        }
        Ok(tables)
    }

    /// The sequences that are looked at: those that feed a table that is looked
    /// at, those of a whole schema that feed nothing, and those of Supabase's own
    /// `auth` tables, which refuse logins when they lag.
    ///
    /// # Errors
    /// The cause, where sequences or relations could not be read.
    pub fn sequences<'c>(&self, catalog: &'c Catalog) -> Result<Vec<&'c Sequence>, Cause> {
        let mut sequences = Vec::new();
        for sequence in catalog.sequences.get()? {
            if !self.excludes(&sequence.name) && self.has_sequence(sequence, catalog)? {
                sequences.push(sequence);
            }
        }
        Ok(sequences)
    }

    fn has_sequence(&self, sequence: &Sequence, catalog: &Catalog) -> Result<bool, Cause> {
        let schema = &sequence.name.schema;
        if self.schemas.is_empty() && schema == "auth" && catalog.is_managed(schema)? {
            return Ok(true);
        }
        if sequence.feeds.is_empty() {
            return self.has_schema(schema, catalog);
        }
        for feed in &sequence.feeds {
            if self.has_fed(&feed.relation, catalog)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a table that a sequence feeds is looked at.
    ///
    /// # Errors
    /// The cause, where relations could not be read.
    pub fn has_fed(&self, table: &QualifiedName, catalog: &Catalog) -> Result<bool, Cause> {
        if self.schemas.is_empty() && table.schema == "auth" && catalog.is_managed("auth")? {
            return Ok(!self.excludes(table));
        }
        match catalog.relation(table)? {
            Some(relation) => self.has(relation, catalog),
            None => Ok(false),
        }
    }

    /// Whether the plan leaves this relation out by name.
    pub(crate) fn excludes(&self, name: &QualifiedName) -> bool {
        let plain = format!("{}.{}", name.schema, name.name);
        self.exclude.iter().any(|pattern| glob(pattern, &plain) || glob(pattern, &name.to_string()))
    }
}

/// Whether `text` fits `pattern`, in which `*` stands for any text.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        assert!(glob("public.tmp_*", "public.tmp_1"));
        assert!(glob("*.log*s", "app.logs_and_events"));
        assert!(!glob("public.tmp", "public.tmp_1"));
        assert!(!glob("a*b", "ac"));
        assert!(glob("*", "anything"));
    }
}
