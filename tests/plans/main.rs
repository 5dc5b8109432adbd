//! The plans of `examples/plans/`: each passes on a healthy database of its shape, and fails on the
//! damage that its runbook is about.

use drcore::{Against, Evidence, Plan, Report, Verdict, VerifyOptions, verify};
use drcore_tests::{Database, ids};

/// What every Supabase project has, and the roles of its API.
const SUPABASE: &str = include_str!("../../crates/drcore/src/drill/sample/supabase.sql");

async fn database(sql: &str) -> Database {
    let database = Database::with(SUPABASE).await;
    database.execute(sql).await;
    database
}

fn plan(name: &str) -> Plan {
    let path = format!("{}/../examples/plans/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    match Plan::from_path(path) {
        Ok(plan) => plan,
        Err(error) => panic!("{error}\n{}", error.detail_text().unwrap_or_default()),
    }
}

async fn report(plan: &Plan, database: &Database, baseline: &Evidence) -> Report {
    let mut options = VerifyOptions::default();
    options.plan = plan.clone();
    options.against = Some(Against::Evidence(Box::new(baseline.clone())));
    database.untouched(verify(&database.url().await, &options)).await.unwrap()
}

/// The plan passes on the healthy database, and on the damaged one finds these, at least.
async fn shows(name: &str, healthy: &str, damage: &str, found: &[&str]) {
    let mut plan = plan(name);
    // The bucket is theirs; last night's dump lies here.
    let repository = tempfile::TempDir::new().unwrap();
    if let Some(backups) = &mut plan.backups {
        backups.repository = Some(repository.path().display().to_string());
        let dump = jiff::Timestamp::now().strftime("backup-%Y%m%d-%H%M%S.dump.gz").to_string();
        std::fs::write(repository.path().join(dump), "a dump").unwrap();
    }
    let database = database(healthy).await;
    let baseline = database.evidence(&plan, None).await;
    let healthy = report(&plan, &database, &baseline).await;
    assert_eq!(healthy.verdict, Verdict::Passed, "{name}: {:#?}", healthy.checks);
    database.execute(damage).await;
    let damaged = report(&plan, &database, &baseline).await;
    let ids = ids(&damaged);
    for id in found {
        assert!(ids.iter().any(|found| found == id), "{name}: {id} is not among {ids:#?}");
    }
    assert_eq!(damaged.verdict, Verdict::Failed, "{name}");
}

#[tokio::test]
async fn paycraft() {
    shows(
        "paycraft",
        include_str!("paycraft.sql"),
        "delete from subscriptions where id <= 2; delete from tier_definitions where id = 3; alter table tenants disable row level security",
        &[
            "row_counts:fewer_rows:public.subscriptions",
            "row_counts:count_mismatch:public.tier_definitions",
            "rls_coverage:rls_disabled:public.tenants",
        ],
    )
    .await;
}

#[tokio::test]
async fn hotmess() {
    shows(
        "hotmess",
        include_str!("hotmess.sql"),
        "delete from marketplace_order where id = 1; update marketplace_order set amount = null where id = 2; \
         update storage.buckets set public = true where id = 'uploads'",
        &[
            "row_counts:fewer_rows:public.marketplace_order",
            "bucket_privacy:bucket_public:uploads",
            "assertions:assertion_failed:every order has an amount",
        ],
    )
    .await;
}

#[tokio::test]
async fn sonan_after_a_restore() {
    shows(
        "sonan-restore",
        include_str!("sonan.sql"),
        "set session_replication_role = replica; delete from tasks where id = 1; reset session_replication_role; \
         update storage.buckets set public = true where id = 'documents'; \
         update clients set created_at = '2026-11-20T03:00:00Z' where id = 1",
        &[
            "orphan_fks:orphaned_rows:public.time_logs:time_logs_task_id_fkey",
            "bucket_privacy:bucket_public:documents",
            "freshness:newer_than_target:public.clients.created_at",
        ],
    )
    .await;
}

#[tokio::test]
async fn sonan_every_month() {
    shows(
        "sonan-monthly",
        include_str!("sonan.sql"),
        "create table newsletters (id int primary key); \
         update invoices set status = 'sent', due_date = current_date - 9 where id = 1",
        &[
            "rls_coverage:rls_disabled:public.newsletters",
            "assertions:assertion_failed:no invoice is overdue and still marked sent",
        ],
    )
    .await;
}

#[tokio::test]
async fn aamodha_from_one_project_to_another() {
    let plan = plan("aamodha-migration");
    let source = database(include_str!("aamodha.sql")).await;
    let target = source.copy().await;
    let from = source.evidence(&plan, None).await.into_baseline();
    let copied = report(&plan, &target, &from).await;
    assert!(
        ids(&copied).contains(&"assertions:assertion_failed:the WhatsApp key is not the source's".to_owned()),
        "{:?}",
        ids(&copied)
    );
    target.execute("update invoice_configurations set config_value = 'key of the target' where config_key = 'whatsapp_api_key'").await;
    let configured = report(&plan, &target, &from).await;
    assert_eq!(configured.verdict, Verdict::Passed, "{:#?}", configured.checks);
    let told = format!("{configured:?}{copied:?}{from:?}");
    assert!(!told.contains("key of the"), "a key is in the baseline or a report");
    target.execute("insert into customers values (99, 'added'); select setval('customers_id_seq', 1)").await;
    let ids = ids(&report(&plan, &target, &from).await);
    assert!(ids.contains(&"row_counts:more_rows:public.customers".to_owned()), "{ids:?}");
    assert!(ids.contains(&"sequence_lag:sequence_behind:public.customers_id_seq".to_owned()), "{ids:?}");
}
