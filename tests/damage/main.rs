//! Every check, in both directions: it fires on the damage, and is silent on the healthy twin.
//!
//! `<check>.sql` holds the healthy database and, after the line `-- damage`, what is done to it.

mod assertions;
mod auth_integrity;
mod backups;
mod bucket_privacy;
mod content_drift;
mod duplicate_keys;
mod freshness;
mod invalid_objects;
mod migration_drift;
mod orphan_fks;
mod privilege_drift;
mod rls_coverage;
mod rls_policies;
mod row_counts;
mod schema_drift;
mod sequence_lag;
mod storage_orphans;
mod tenant_isolation;
mod tenant_sample;
mod tenant_writes;

use drcore_tests::Database;

/// A healthy database and its damaged twin.
async fn twins(script: &str) -> (Database, Database) {
    let (healthy, damage) = script.split_once("-- damage\n").unwrap();
    let healthy = Database::with(healthy).await;
    let damaged = healthy.copy().await;
    damaged.execute(damage).await;
    (healthy, damaged)
}
