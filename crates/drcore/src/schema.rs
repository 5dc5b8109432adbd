//! JSON Schemas of every document that drcore reads or writes.
//!
//! They are made from the Rust types; the types of the other languages are made from them.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use crate::archive::Inspection;
use crate::backup::{BackupList, Manifest, PrunePlan, Pruned, Taken, Verification};
use crate::collect::Progress;
use crate::copy::{Copied, CopyPlan};
use crate::diff::{DiffReport, DiffRow};
use crate::drill::{DrillHistory, DrillReport, Rehearsal};
use crate::error::ErrorWire;
use crate::evidence::Evidence;
use crate::gap::{GapRecord, GapReport};
use crate::plan::Plan;
use crate::platform::{PitrPlan, PitrRun, PlatformFacts};
use crate::report::Report;
use crate::restore::{RepairPlan, Repaired, RestorePlan, Restored};
use crate::storage::{StorageReport, StorageRow};

/// Every schema, by the name of its document.
pub fn all() -> Vec<(&'static str, Schema)> {
    vec![
        ("backups", of::<BackupList>()),
        ("copied", of::<Copied>()),
        ("copy", of::<CopyPlan>()),
        ("diff", of::<DiffReport>()),
        ("diff_row", of::<DiffRow>()),
        ("drill", of::<DrillReport>()),
        ("drills", of::<DrillHistory>()),
        ("error", of::<ErrorWire>()),
        ("evidence", of::<Evidence>()),
        ("gap", of::<GapReport>()),
        ("gap_record", of::<GapRecord>()),
        ("inspect", of::<Inspection>()),
        ("manifest", of::<Manifest>()),
        ("pitr", of::<PitrPlan>()),
        ("pitr_run", of::<PitrRun>()),
        ("plan", plan()),
        ("platform", of::<PlatformFacts>()),
        ("progress", of::<Progress>()),
        ("prune", of::<PrunePlan>()),
        ("pruned", of::<Pruned>()),
        ("rehearsal", of::<Rehearsal>()),
        ("repair", of::<RepairPlan>()),
        ("repaired", of::<Repaired>()),
        ("report", of::<Report>()),
        ("restore", of::<RestorePlan>()),
        ("restored", of::<Restored>()),
        ("storage", of::<StorageReport>()),
        ("storage_row", of::<StorageRow>()),
        ("taken", of::<Taken>()),
        ("verification", of::<Verification>()),
    ]
}

/// The schema of the document of this name.
pub fn by_name(name: &str) -> Option<Schema> {
    all().into_iter().find(|(known, _)| *known == name).map(|(_, schema)| schema)
}

/// What is written, not what is tolerated when reading: fields that are always there are required.
fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

/// People write plans: all of it may be left out, its format too.
fn plan() -> Schema {
    let mut schema = of::<Plan>();
    schema.remove("required");
    schema
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::finding::Finding;

    #[test]
    fn every_type_has_its_name_as_title() {
        for (document, schema) in all() {
            let schema = schema.to_value();
            assert!(schema["title"].is_string(), "{document}");
            for (name, definition) in schema["$defs"].as_object().unwrap() {
                // Generators name types after the title or after the definition: they must agree.
                assert_eq!(
                    definition["title"],
                    Value::from(name.as_str()),
                    "{document}: #[schemars(title = …)]"
                );
            }
        }
    }

    #[test]
    fn every_variant_with_fields_has_a_title() {
        for (document, schema) in all() {
            for (name, definition) in schema.to_value()["$defs"].as_object().unwrap() {
                for variant in definition["oneOf"].as_array().into_iter().flatten() {
                    // It becomes an interface or a class, which needs a name.
                    let named = variant["properties"].is_null() || variant["title"].is_string();
                    assert!(named, "{document}: a variant of {name} has no title");
                }
            }
        }
    }

    #[test]
    fn every_kind_is_a_variant_with_a_title_and_the_common_fields() {
        let report = by_name("report").unwrap().to_value();
        let mut kinds = BTreeSet::new();
        let mut titles = BTreeSet::new();
        for variant in report["$defs"]["Finding"]["oneOf"].as_array().unwrap() {
            let fields = variant["properties"].as_object().unwrap();
            for common in ["id", "check", "severity", "object", "message", "hint", "query", "remedy"] {
                assert!(fields.contains_key(common), "{} lacks {common}", variant["title"]);
            }
            kinds.insert(fields["kind"]["const"].as_str().unwrap().to_owned());
            titles.insert(variant["title"].as_str().unwrap().to_owned());
        }
        assert_eq!(kinds, Finding::KINDS.iter().map(|kind| (*kind).to_owned()).collect());
        assert_eq!(titles.len(), kinds.len());
    }

    #[test]
    fn only_known_documents_have_a_schema() {
        assert!(by_name("plan").is_some());
        assert!(by_name("plans").is_none());
    }
}
