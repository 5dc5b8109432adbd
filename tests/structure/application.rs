//! An application of some thousand objects, dumped and restored: nothing is found, and in little time.

use std::time::Instant;

use drcore::check::Outcome;
use drcore::{Against, VerifyOptions, verify};
use drcore_tests::generated::{KEYS, POLICIES, SEQUENCES, TABLES, TRIGGERS, VIEWS, application};
use drcore_tests::{Database, check};

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_application_is_what_it_was() {
    let database = Database::supabase().await;
    database.execute(&application()).await;
    let baseline = drcore::baseline(&database.url().await, &VerifyOptions::default()).await.unwrap();
    let restored = database.restored().await;
    let mut options = VerifyOptions::default();
    options.against = Some(Against::Evidence(Box::new(baseline)));
    let started = Instant::now();
    let report = verify(&restored.url().await, &options).await.unwrap();
    println!("verified in {:.1?}", started.elapsed());
    let result = check(&report, "schema_drift");
    assert_eq!((result.outcome, result.findings.len()), (Outcome::Passed, 0), "{result:#?}");
    for (what, least) in [
        ("tables", TABLES),
        ("policies", POLICIES),
        ("foreign keys", KEYS),
        ("views", VIEWS),
        ("triggers", TRIGGERS),
        ("sequences", SEQUENCES - 1),
        ("columns", TABLES * 10),
    ] {
        assert!(result.examined[what] >= least as u64, "{what}: {:?}", result.examined);
    }
    let all: u64 = result.examined.values().sum();
    assert!(all > 2_000, "{all} objects");
    assert_eq!(check(&report, "invalid_objects").outcome, Outcome::Passed);
}

/// A lost migration is some findings, and not one for each of its objects.
#[tokio::test]
async fn a_lost_migration_is_told_in_a_few_lines() {
    let database = Database::supabase().await;
    database.execute(&application()).await;
    let restored = database.copy().await;
    for number in 1..=40 {
        restored
            .execute(&format!(
                "alter table items_{number} drop column twice cascade, drop column due cascade;
                 drop function close_items_{number}(int); drop trigger stamp on items_{number};
                 drop policy own on items_{number}; drop index items_{number}_tags_idx"
            ))
            .await;
    }
    let baseline = database.evidence(&drcore::Plan::default(), None).await;
    let report = restored.report("", Some(&baseline)).await;
    let found = &check(&report, "schema_drift").findings;
    let told: Vec<&str> = found.iter().map(drcore::Finding::id).collect();
    let expected = ["column", "function", "index", "trigger", "view"];
    let expected = expected.map(|kind| format!("schema_drift:objects_lost:public:{kind}"));
    assert_eq!(told.iter().collect::<std::collections::BTreeSet<_>>().len(), 5, "{told:#?}");
    assert!(expected.iter().all(|id| told.contains(&id.as_str())), "{told:#?}");
}
