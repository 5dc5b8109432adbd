//! Every attribute of every kind of object, made another in turn: one finding each, and none for what is no attribute.

use std::collections::BTreeMap;

use drcore::{Evidence, Plan, Report};
use drcore_tests::{Database, ids, major};
use serde_json::{Map, Value, json};

use super::EVERYTHING;

/// Facts that are no part of the structure, or have nothing but a name in it.
const NO_STRUCTURE: &[&str] = &[
    "buckets",
    // What roles may do is `privilege_drift`'s.
    "default_privileges",
    "keys",
    "owned_objects",
    "parameters",
    "passwords",
    "roles",
    "schemas",
    "unique_indexes",
    "view_sources",
];

/// Fields that say which object it is.
const NAMES: &[(&str, &[&str])] = &[
    ("access_methods", &["name"]),
    ("aggregates", &["arguments", "name", "schema"]),
    ("casts", &["source", "target"]),
    ("collations", &["extension", "name", "schema"]),
    ("columns", &["name", "relation"]),
    ("comments", &["kind", "object", "schema"]),
    ("constraints", &["name", "relation"]),
    ("conversions", &["name", "schema"]),
    ("event_triggers", &["name"]),
    ("extensions", &["name"]),
    ("foreign_data_wrappers", &["extension", "name"]),
    ("foreign_keys", &["child", "name"]),
    ("foreign_servers", &["extension", "name"]),
    ("functions", &["arguments", "extension", "name", "schema"]),
    ("indexes", &["name", "of_root", "relation"]),
    ("languages", &["extension", "name"]),
    ("operator_classes", &["method", "name", "schema"]),
    ("operator_families", &["method", "name", "schema"]),
    ("operators", &["left", "name", "right", "schema"]),
    ("policies", &["name", "relation"]),
    ("publications", &["name"]),
    // What became another kind of relation is tried by itself.
    ("relations", &["extension", "kind", "name"]),
    ("rules", &["name", "relation"]),
    ("sequences", &["extension", "name"]),
    ("statistics_objects", &["name", "relation", "schema"]),
    ("subscriptions", &["name"]),
    ("text_search_objects", &["kind", "name", "schema"]),
    ("transforms", &["language", "type"]),
    ("triggers", &["behind", "name", "relation"]),
    ("types", &["name"]),
    ("user_mappings", &["role", "server"]),
    ("views", &["name"]),
];

/// Fields that are no difference: another check tells them, another field says the same, or they say nothing.
const NO_ATTRIBUTES: &[(&str, &[&str])] = &[
    ("collations", &["actual_version", "version"]),
    ("columns", &["acl", "base", "builtin", "position"]),
    ("constraints", &["columns"]),
    ("databases", &["actual_version", "version"]),
    ("event_triggers", &["owner"]),
    ("foreign_keys", &["child_columns", "match_full", "operators", "parent", "parent_columns", "temporal"]),
    ("functions", &["acl", "owner", "returns"]),
    ("indexes", &["collations", "columns", "constraint", "replica_identity", "unique"]),
    ("publications", &["owner"]),
    ("relations", &["acl", "estimated_rows", "owner"]),
    ("sequences", &["acl", "owner"]),
    ("triggers", &["function", "of_root"]),
    ("types", &["owner"]),
];

fn has(table: &[(&str, &[&str])], fact: &str, field: &str) -> bool {
    table.iter().any(|(own, fields)| *own == fact && fields.contains(&field))
}

/// Whether an object of the schema stands for itself, and nothing in it is told elsewhere or follows from elsewhere.
fn is_plain(fact: &str, object: &Map<String, Value>) -> bool {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    let is_extensions = object.get("extension").is_some_and(|extension| !extension.is_null());
    let tables = ["app.owners", "app.things", "app.typed", "app.cache"];
    !is_extensions
        && match fact {
            "collations" => text("schema") != "pg_catalog",
            // Those of views follow from their queries, and partitions say only what is not as their root's.
            "columns" => tables.contains(&text("relation")),
            // What has a constraint behind it is told with it.
            "indexes" => object["constraint"].is_null() && object["of_root"] == false,
            "functions" => text("kind") == "function",
            "triggers" => object["behind"].is_null() && object["of_root"] == false,
            "user_mappings" => !object["options"].is_null(),
            _ => true,
        }
}

/// What a value may be instead; the first that the field can have is taken.
fn others(value: &Value) -> Vec<Value> {
    let words = ["always", "disabled", "unlogged", "permanent", "update", "select"].map(Value::from);
    match value {
        Value::Bool(yes) => vec![json!(!yes)],
        Value::Number(number) => vec![json!(number.as_i64().unwrap_or_default() + 1)],
        Value::String(text) => {
            let mut others = words.to_vec();
            // What takes any text takes these, too: what it said goes before.
            others.insert(0, json!(format!("{text}1")));
            others
        }
        Value::Array(items) if !items.is_empty() => vec![Value::from(&items[1..])],
        Value::Array(_) | Value::Null | Value::Object(_) => {
            let mut others = vec![
                json!(7),
                json!("public.x"),
                json!(["x"]),
                json!(["public.x"]),
                json!(["anon=r"]),
                json!(true),
            ];
            others.push(json!([{ "relation": "app.owners" }]));
            others.push(json!([{ "name": "x", "definition": "CHECK (true)", "validated": true }]));
            others.extend(words);
            others
        }
    }
}

/// The Evidence with one field of one object made another; none where the field can have no other value.
fn changed(then: &Evidence, catalog: &Value, fact: &str, at: usize, field: &str) -> Option<Evidence> {
    let was = catalog[fact]["read"][at].get(field).cloned().unwrap_or(Value::Null);
    for other in others(&was) {
        if other == was {
            continue;
        }
        let mut catalog = catalog.clone();
        catalog[fact]["read"][at][field] = other;
        if let Ok(catalog) = serde_json::from_value(catalog) {
            let mut now = then.clone();
            now.catalog = Box::new(catalog);
            return (now.catalog != then.catalog).then_some(now);
        }
    }
    None
}

#[tokio::test]
async fn every_attribute_that_differs_is_one_finding() {
    let database = Database::with(EVERYTHING).await;
    let then = database.evidence(&Plan::default(), None).await;
    let catalog = serde_json::to_value(&then.catalog).unwrap();
    let only = ["schema_drift".to_owned()];
    let found = |now: &Evidence| ids(&Report::judge(&Plan::default(), now, Some(&then), &only));
    assert_eq!(found(&then), [""; 0]);
    let mut tried: BTreeMap<String, u32> = BTreeMap::new();
    for (fact, list) in catalog.as_object().unwrap() {
        if NO_STRUCTURE.contains(&fact.as_str()) {
            continue;
        }
        let list = list["read"].as_array().unwrap_or_else(|| panic!("{fact}: {list}"));
        let objects: Vec<(usize, &Map<String, Value>)> = list
            .iter()
            .enumerate()
            .filter_map(|(at, object)| Some((at, object.as_object()?)))
            .filter(|(_, object)| is_plain(fact, object))
            .collect();
        let mut fields: Vec<&String> = objects.iter().flat_map(|(_, object)| object.keys()).collect();
        fields.sort();
        fields.dedup();
        for (place, field) in fields.into_iter().enumerate() {
            // Before version 15 sequences were logged, whatever their tables were.
            let is_name = has(NAMES, fact, field) || (field == "unlogged" && major().await < 15);
            if is_name {
                continue;
            }
            // One of those that say something, and one that says nothing where there is one.
            let (said, unsaid): (Vec<_>, Vec<_>) = objects
                .iter()
                .partition(|(_, object)| object.get(field).is_some_and(|value| !value.is_null()));
            let some = [&said, &unsaid]
                .into_iter()
                .filter_map(|objects| objects.get((place * 7) % objects.len().max(1)));
            let name = format!("{fact}.{field}");
            tried.entry(name.clone()).or_default();
            for (at, object) in some {
                let Some(now) = changed(&then, &catalog, fact, *at, field) else { continue };
                let found = found(&now);
                let count = usize::from(!has(NO_ATTRIBUTES, fact, field));
                assert_eq!(found.len(), count, "{fact}.{field} of {object:#?}: {found:#?}");
                assert!(found.iter().all(|id| id.contains(":object_changed:")), "{fact}.{field}: {found:#?}");
                *tried.entry(name.clone()).or_default() += 1;
            }
        }
    }
    let untried: Vec<&String> =
        tried.iter().filter(|(_, times)| **times == 0).map(|(name, _)| name).collect();
    assert_eq!(untried, Vec::<&String>::new());
    assert!(tried.len() > 120, "only {} attributes: {tried:#?}", tried.len());
}
