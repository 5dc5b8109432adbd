//! `[bucket_privacy]`: which buckets there are, and who may read them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::node::{Node, Value};
use super::reader::{Fields, Reader};

/// Which buckets there are, and who may read them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "BucketPrivacy")]
#[non_exhaustive]
pub struct BucketPrivacy {
    /// By id; buckets that are not named are compared with the baseline.
    pub buckets: BTreeMap<String, BucketExpectation>,
}

/// What one bucket must be. What is not said is compared with the baseline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BucketExpectation {
    /// Whether anyone may download from it.
    pub public: Option<bool>,
    /// The largest upload, in bytes.
    pub file_size_limit: Option<u64>,
    /// The MIME types that uploads may have.
    pub allowed_mime_types: Option<Vec<String>>,
}

const ALLOWED: &str =
    "expected \"private\", \"public\" or { public = …, file_size_limit = …, allowed_mime_types = [ … ] }";

impl BucketPrivacy {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let buckets = fields.required(reader, "buckets", Self::read_buckets);
        fields.finish(reader);
        Some(Self { buckets: buckets? })
    }

    fn read_buckets(
        reader: &mut Reader,
        node: &Node,
        path: &str,
    ) -> Option<BTreeMap<String, BucketExpectation>> {
        let fields = reader.fields(node, path)?;
        if fields.entries().is_empty() {
            return fields.wrong(reader, "no bucket is named, so this expects nothing");
        }
        let read: Vec<_> = fields
            .entries()
            .iter()
            .map(|(key, node)| {
                let expectation = BucketExpectation::read(reader, node, &fields.path(&key.text))?;
                Some((key.text.clone(), expectation))
            })
            .collect();
        read.into_iter().collect()
    }
}

impl BucketExpectation {
    fn read(reader: &mut Reader, node: &Node, path: &str) -> Option<Self> {
        match &node.value {
            Value::String(_) => {
                let public = reader.word(node, path, &[("private", false), ("public", true)])?;
                Some(Self { public: Some(public), ..Self::default() })
            }
            Value::Table(_) => {
                let mut fields = reader.fields(node, path)?;
                if fields.entries().is_empty() {
                    return reader.wrong(node, path, ALLOWED);
                }
                let expectation = Self {
                    public: fields.optional(reader, "public", Reader::boolean),
                    file_size_limit: fields.optional(reader, "file_size_limit", Reader::count),
                    allowed_mime_types: fields.optional(
                        reader,
                        "allowed_mime_types",
                        |reader, node, path| reader.some(node, path, Reader::string),
                    ),
                };
                fields.finish(reader);
                Some(expectation)
            }
            _ => reader.wrong(node, path, ALLOWED),
        }
    }
}

impl Serialize for BucketExpectation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Self { public: Some(public), file_size_limit: None, allowed_mime_types: None } = self {
            return serializer.serialize_str(if *public { "public" } else { "private" });
        }
        let mut map = serializer.serialize_map(None)?;
        if let Some(public) = &self.public {
            map.serialize_entry("public", public)?;
        }
        if let Some(limit) = &self.file_size_limit {
            map.serialize_entry("file_size_limit", limit)?;
        }
        if let Some(types) = &self.allowed_mime_types {
            map.serialize_entry("allowed_mime_types", types)?;
        }
        map.end()
    }
}

impl JsonSchema for BucketExpectation {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BucketExpectation".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "title": "BucketExpectation",
            "description": "What one bucket must be: private, public, or that and its limits.",
            "oneOf": [
                { "enum": ["private", "public"] },
                {
                    "title": "BucketLimits",
                    "description": "What is not said is compared with the baseline.",
                    "type": "object",
                    "properties": {
                        "public": { "type": "boolean" },
                        "file_size_limit": { "type": "integer", "minimum": 0 },
                        "allowed_mime_types": { "type": "array", "items": { "type": "string" }, "minItems": 1 }
                    },
                    "minProperties": 1,
                    "additionalProperties": false
                }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::Plan;

    #[test]
    fn buckets_read_back() {
        let text = r#"
            [bucket_privacy.buckets]
            documents = "private"
            avatars = { public = true, file_size_limit = 1000, allowed_mime_types = ["image/*"] }
            "my bucket" = { file_size_limit = 5 }
        "#;
        let plan = Plan::from_toml(text).unwrap();
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        assert_eq!(plan.bucket_privacy.unwrap().buckets["documents"].public, Some(false));
    }

    #[test]
    fn mistakes_are_told() {
        for (text, told) in [
            ("[bucket_privacy]", "buckets is missing"),
            ("[bucket_privacy.buckets]", "expects nothing"),
            ("[bucket_privacy.buckets]\na = \"secret\"", "private"),
            ("[bucket_privacy.buckets]\na = true", "private"),
            ("[bucket_privacy.buckets]\na = {}", "file_size_limit"),
            ("[bucket_privacy.buckets]\na = { pubic = true }", "did you mean public?"),
            ("[bucket_privacy]\nbukets = {}", "did you mean buckets?"),
        ] {
            let error = Plan::from_toml(text).unwrap_err();
            let detail = error.detail_text().unwrap();
            assert!(detail.contains(told), "{text}: {detail}");
        }
    }
}
