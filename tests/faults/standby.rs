//! Servers that only follow another one, and servers that only read.

use drcore::report::TextOptions;
use drcore::{Against, Evidence, Report, VerifyOptions, verify};
use drcore_tests::standby::Pair;
use drcore_tests::{SUPABASE, ids, parse};

const APP: &str = "
create table tenants (id int primary key, created_at timestamptz not null);
create table invoices (id bigint generated always as identity primary key, tenant_id int not null references tenants, created_at timestamptz not null);
create unlogged table drafts (id int primary key, tenant_id int references tenants, created_at timestamptz);
alter table tenants enable row level security;
alter table invoices enable row level security;
alter table drafts enable row level security;
create policy own on tenants for select to authenticated using (id = 1);
create policy own on invoices for select to authenticated using (tenant_id = 1);
create policy own on drafts for select to authenticated using (tenant_id = 1);
insert into tenants select n, '2026-11-20T01:00:00Z' from generate_series(1, 5) n;
insert into invoices (tenant_id, created_at) select 1 + n % 5, '2026-11-20T01:00:00Z' from generate_series(1, 20) n;
insert into drafts values (1, 1, '2026-11-20T01:00:00Z');
insert into storage.buckets (id, name, public) values ('documents', 'documents', false);
";

const PLAN: &str = "
[[assertions]]
name = \"there are five tenants\"
sql = \"select count(*) from tenants\"
expect = \"= 5\"
";

/// One piece of damage for each check.
const DAMAGE: &str = "
delete from invoices where id = 20;
update tenants set created_at = '2026-11-19T01:00:00Z';
set session_replication_role = replica; delete from tenants where id = 5; reset session_replication_role;
alter table invoices disable row level security;
update storage.buckets set public = true;
";

/// What is found of it.
const FOUND: &[&str] = &[
    "assertions:assertion_failed:there are five tenants",
    "bucket_privacy:bucket_public:documents",
    "freshness:stale_data:public.tenants.created_at",
    "orphan_fks:orphaned_rows:public.invoices:invoices_tenant_id_fkey",
    "rls_coverage:rls_disabled:public.invoices",
    "row_counts:fewer_rows:public.invoices",
    "row_counts:fewer_rows:public.tenants",
];

async fn report(url: &str, then: &Evidence) -> Report {
    let mut options = VerifyOptions::default();
    options.plan = parse(PLAN);
    options.against = Some(Against::Evidence(Box::new(then.clone())));
    verify(url, &options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_proves_what_its_primary_does() {
    let pair = Pair::start(&format!("{SUPABASE}{APP}"), &[]).await;
    let mut options = VerifyOptions::default();
    options.plan = parse(PLAN);
    let then = drcore::baseline(&pair.primary.url("app"), &options).await.unwrap();
    pair.catch_up().await;

    let healthy = report(&pair.standby.url("app"), &then).await;
    assert_eq!(ids(&healthy), [""; 0]);
    let run = &healthy.run.evidence;
    assert_eq!((run.sessions, run.one_snapshot), (2, true), "{:?}", run.notes);

    pair.execute(DAMAGE).await;
    let damaged = report(&pair.standby.url("app"), &then).await;
    assert_eq!(ids(&damaged), FOUND);
    assert_eq!(ids(&report(&pair.primary.url("app"), &then).await), FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_says_that_it_is_a_standby_and_how_far_behind() {
    let pair = Pair::start("create table t (id int primary key)", &[]).await;
    let then = drcore::baseline(&pair.primary.url("app"), &VerifyOptions::default()).await.unwrap();
    assert!(then.run.standby.is_none());
    pair.catch_up().await;
    let url = pair.standby.url("app");

    let caught_up = report(&url, &then).await;
    let standby = caught_up.run.evidence.standby.clone().unwrap();
    assert!(standby.is_caught_up(), "{standby:?}");
    assert_eq!(standby.lag_bytes, Some(0));
    assert!(caught_up.to_text(TextOptions::default()).contains("standby, 0 s behind"));
    assert!(caught_up.to_markdown().contains("standby, 0 s behind"));

    // As a role that may not see where the receiver stands.
    pair.execute("create role st_reader login").await;
    let reader = report(&pair.standby.url_as("st_reader", "app"), &then).await;
    assert!(reader.run.evidence.standby.unwrap().is_caught_up());

    pair.standby.query("select pg_wal_replay_pause()").await;
    pair.primary.execute("app", "insert into t values (1)").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let paused = report(&url, &then).await;
    let standby = paused.run.evidence.standby.clone().unwrap();
    assert!(standby.paused && standby.receiving && !standby.is_caught_up(), "{standby:?}");
    assert!(standby.lag_ms.unwrap() >= 1_000 && standby.lag_bytes.unwrap() > 0, "{standby:?}");
    let text = paused.to_text(TextOptions::default());
    assert!(text.contains("standby, replay is paused, "), "{text}");
    assert!(text.contains("may only not have arrived yet"), "{text}");
    assert!(paused.to_markdown().contains("may only not have arrived yet"));
    pair.standby.query("select pg_wal_replay_resume()").await;
    pair.catch_up().await;
    assert!(report(&url, &then).await.run.evidence.standby.unwrap().is_caught_up());
}
