//! `[freshness]`: how new the newest rows must be.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::duration::Span;
use super::names::ColumnName;
use super::reader::{Fields, Reader};

/// How new the newest rows must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "Freshness")]
#[non_exhaustive]
pub struct Freshness {
    /// The instant that the database was restored to: the newest rows are at or just before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Timestamp>,
    /// Timestamp columns, such as `clients.created_at`; where empty, the
    /// created-like column of each table in scope.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub tables: Vec<ColumnName>,
    /// How long before the target (or, without one, before the database was
    /// read) the newest row of all may have been written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpo: Option<Span>,
}

impl Freshness {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        if fields.entries().is_empty() {
            return fields.wrong(reader, "this section is empty; allowed: target, tables, rpo");
        }
        let target = fields.optional(reader, "target", Reader::instant);
        let tables =
            fields.optional(reader, "tables", |reader, node, path| reader.some(node, path, ColumnName::read));
        let rpo = fields.optional(reader, "rpo", Reader::span);
        if let Some(tables) = &tables
            && let Some(twice) = tables.iter().enumerate().find(|(at, name)| tables[..*at].contains(name))
        {
            return fields.wrong(reader, format!("{} is named twice", twice.1));
        }
        fields.finish(reader);
        Some(Self { target, tables: tables.unwrap_or_default(), rpo })
    }
}

#[cfg(test)]
mod tests {
    use crate::Plan;

    #[test]
    fn keys_are_checked() {
        let plan = Plan::from_toml(
            "[freshness]\ntarget = 2026-11-20T02:55:00Z\ntables = [\"clients.created_at\", 'public.\"User\".\"createdAt\"']\nrpo = \"24h\"\n",
        )
        .unwrap();
        assert_eq!(plan.freshness.as_ref().unwrap().tables.len(), 2);
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        for (text, needle) in [
            ("[freshness]\n", "this section is empty"),
            ("[freshness]\ntargte = \"2026-11-20T02:55:00Z\"\n", "did you mean target?"),
            ("[freshness]\ntable = [\"a.b\"]\n", "did you mean tables?"),
            ("[freshness]\nrpoo = \"1h\"\n", "did you mean rpo?"),
            ("[freshness]\ntarget = \"2026-11-20 02:55\"\n", "an instant with its offset"),
            ("[freshness]\ntables = []\n", "expects nothing"),
            ("[freshness]\ntables = [\"clients\"]\n", "is not a column"),
            ("[freshness]\ntables = [\"a.b\", \"a.b\"]\n", "a.b is named twice"),
            ("[freshness]\nrpo = \"fast\"\n", "is not a duration"),
        ] {
            let error = Plan::from_toml(text).unwrap_err();
            let detail = error.detail_text().unwrap();
            assert!(detail.contains(needle), "{text}: {detail}");
        }
    }
}
