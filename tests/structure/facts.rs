//! What is read of the catalog.

use std::collections::BTreeMap;

use drcore::collect::{CollectOptions, collect};
use drcore::evidence::catalog::CatalogFactName;
use drcore::{Plan, Source};
use drcore_tests::{Database, major};
use serde_json::Value;

use super::EVERYTHING;

/// Every fact that a plain database of this version has.
async fn known() -> Vec<CatalogFactName> {
    let major = major().await;
    let has = |name: &CatalogFactName| match name {
        CatalogFactName::Bucket => false,
        CatalogFactName::Parameter => major >= 15,
        _ => true,
    };
    CatalogFactName::ALL.iter().copied().filter(has).collect()
}

/// Every fact of the catalog, by its name in JSON.
async fn facts(database: &Database) -> BTreeMap<String, Value> {
    let source = Source::connect(&database.url().await).await.unwrap();
    let mut options = CollectOptions::default();
    options.facts = Some(known().await);
    let plan = Plan::default();
    let collecting = collect(&source, &plan, None, &options);
    let evidence = database.untouched(collecting).await.unwrap();
    let catalog = serde_json::to_value(&evidence.catalog).unwrap();
    serde_json::from_value(catalog).unwrap()
}

#[tokio::test]
async fn every_kind_of_object_is_read() {
    let facts = facts(&Database::with(EVERYTHING).await).await;
    // What a dump of one database does not carry, and what takes a module or a preparation of the server.
    let mut none = vec!["parameters", "replication_slots", "security_labels", "settings"];
    if major().await < 16 {
        none.push("subscriptions");
    }
    for (name, fact) in &facts {
        let read = fact["read"].as_array().unwrap_or_else(|| panic!("{name}: {fact}"));
        assert_eq!(read.is_empty(), none.contains(&name.as_str()), "{name}: {fact}");
    }
    assert_eq!(facts.len(), known().await.len());
    assert!(!Value::from_iter(facts).to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_database_without_anything_has_little() {
    let facts = facts(&Database::empty().await).await;
    let some = [
        "databases",
        "extensions",
        "languages",
        "large_objects",
        "owned_objects",
        "passwords",
        "roles",
        "schemas",
    ];
    for (name, fact) in &facts {
        assert_eq!(
            fact["read"] == Value::Array(Vec::new()),
            !some.contains(&name.as_str()),
            "{name}: {fact}"
        );
    }
}

/// What says nothing of the structure: where columns stand, and what the planner guesses.
fn without_chance(mut fact: Value) -> Value {
    let Value::Array(objects) = &mut fact["read"] else { panic!("{fact}") };
    for object in objects {
        let fields = object.as_object_mut().unwrap();
        for name in ["estimated_rows", "position"] {
            fields.remove(name);
        }
    }
    fact
}

#[tokio::test]
async fn a_dump_and_restore_gives_equal_facts() {
    let database = Database::supabase().await;
    database.execute(EVERYTHING).await;
    let before = facts(&database).await;
    let after = facts(&database.restored().await).await;
    for (name, fact) in before {
        let (mut before, mut after) = (without_chance(fact), without_chance(after[&name].clone()));
        for fact in [&mut before, &mut after] {
            // A join without a condition gets one from the dump.
            *fact = serde_json::from_str(&fact.to_string().replace(" ON TRUE", " ON (true)")).unwrap();
            fact["read"].as_array_mut().unwrap().sort_by_key(ToString::to_string);
        }
        assert_eq!(after, before, "{name}");
    }
}
