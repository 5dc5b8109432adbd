//! `[content_drift]`: whose rows are compared, and how.

use schemars::JsonSchema;
use serde::Serialize;

use super::node::Node;
use super::reader::{Fields, Reader};
use super::scope::glob;
use crate::content::ContentWay;
use crate::sql::QualifiedName;

/// Whose rows are compared with the baseline's, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "ContentDrift")]
#[non_exhaustive]
pub struct ContentDrift {
    /// Tables whose rows are not compared: `schema.table`, where `*` stands for any text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// Where the hashes of rows are computed. Default: here where the server is near, else there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way: Option<ContentWay>,
}

impl ContentDrift {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        if fields.entries().is_empty() {
            return fields.wrong(reader, "this section is empty; allowed: exclude, way");
        }
        let exclude =
            fields.optional(reader, "exclude", |reader, node, path| reader.some(node, path, Reader::string));
        let way = fields.optional(reader, "way", read_way);
        fields.finish(reader);
        Some(Self { exclude: exclude.unwrap_or_default(), way })
    }

    /// Whether the plan leaves the rows of this table out.
    pub(crate) fn excludes(&self, table: &QualifiedName) -> bool {
        let plain = format!("{}.{}", table.schema, table.name);
        self.exclude.iter().any(|pattern| glob(pattern, &plain) || glob(pattern, &table.to_string()))
    }
}

/// `"server"` or `"stream"`.
pub(super) fn read_way(reader: &mut Reader, node: &Node, path: &str) -> Option<ContentWay> {
    match reader.string(node, path)?.as_str() {
        "server" => Some(ContentWay::Server),
        "stream" => Some(ContentWay::Stream),
        _ => reader.wrong(node, path, "expected \"server\" or \"stream\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;

    #[test]
    fn the_keys_are_checked() {
        let plan = Plan::from_toml("[content_drift]\nexclude = [\"audit.*\"]\nway = \"server\"\n").unwrap();
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        let section = plan.content_drift.unwrap();
        assert!(section.excludes(&QualifiedName::new("audit", "log")));
        assert!(!section.excludes(&QualifiedName::new("public", "log")));
        for (text, needle) in [
            ("[content_drift]\n", "this section is empty"),
            ("[content_drift]\nway = \"fast\"\n", "\"server\" or \"stream\""),
            ("[content_drift]\nexclude = []\n", "exclude"),
            ("[content_drfit]\nway = \"server\"\n", "did you mean content_drift?"),
        ] {
            let detail = Plan::from_toml(text).unwrap_err().detail_text().unwrap().to_owned();
            assert!(detail.contains(needle), "{text}: {detail}");
        }
    }
}
