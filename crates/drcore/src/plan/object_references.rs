//! `references` of `[storage_orphans]`: columns of the application that name objects of Supabase Storage.

use schemars::JsonSchema;
use serde::Serialize;

use super::names::ColumnName;
use super::node::{Node, Value};
use super::reader::{Fields, Reader};

/// A column of the application that names objects of Supabase Storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "PlannedObjectReference")]
#[non_exhaustive]
pub struct PlannedObjectReference {
    /// The column, of text or an array of it, or of `uuid`.
    pub column: ColumnName,
    /// What its values are. Default: `path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<ObjectNaming>,
    /// The bucket that paths are of, where they do not begin with one; of URLs, only those into this bucket count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// What stands before each path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// How a value names an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "ObjectNaming")]
#[non_exhaustive]
pub enum ObjectNaming {
    /// `name` where the bucket is given, else `bucket/name`.
    #[default]
    Path,
    /// The URL of a download, public, signed or rendered; others name no object.
    Url,
    /// The `id` of its row in `storage.objects`.
    Id,
}

impl ObjectNaming {
    const WORDS: &[(&str, Self)] = &[("path", Self::Path), ("url", Self::Url), ("id", Self::Id)];
}

impl PlannedObjectReference {
    pub(super) fn read_all(reader: &mut Reader, node: &Node, path: &str) -> Option<Vec<Self>> {
        let read = reader.some(node, path, |reader, node, path| {
            let fields = reader.fields(node, path)?;
            Self::read(reader, fields).map(|reference| (reference, node.span.clone()))
        })?;
        let mut known: Vec<Self> = Vec::new();
        for (reference, span) in read {
            if known.iter().any(|known| known.column == reference.column) {
                let again = Node { value: Value::Null, span };
                return reader.wrong(&again, path, format!("{} is declared twice", reference.column));
            }
            known.push(reference);
        }
        Some(known)
    }

    fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let column = fields.required(reader, "column", ColumnName::read);
        let holds = fields
            .optional(reader, "holds", |reader, node, path| reader.word(node, path, ObjectNaming::WORDS));
        let bucket = fields.optional(reader, "bucket", |reader, node, path| {
            let text = reader.string(node, path)?;
            if text.is_empty() || text.contains('/') {
                return reader.wrong(node, path, "expected the id of a bucket");
            }
            Some(text)
        });
        let prefix = fields.optional(reader, "prefix", |reader, node, path| {
            let text = reader.string(node, path)?;
            if text.is_empty() {
                return reader.wrong(node, path, "expected what stands before each path");
            }
            Some(text)
        });
        match holds.unwrap_or_default() {
            ObjectNaming::Url if prefix.is_some() => {
                fields.wrong::<()>(reader, "URLs hold the whole path: leave prefix out");
            }
            ObjectNaming::Id if prefix.is_some() || bucket.is_some() => {
                fields.wrong::<()>(reader, "ids are of one object each: leave bucket and prefix out");
            }
            _ => {}
        }
        fields.finish(reader);
        Some(Self { column: column?, holds, bucket, prefix })
    }
}
