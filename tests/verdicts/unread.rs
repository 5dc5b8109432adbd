//! Any one fact that could not be read makes no finding and no pass.

use drcore::check::Outcome;
use drcore::{Evidence, Plan, Report};
use drcore_tests::{Database, parse};
use serde_json::{Value, json};

const APP: &str = "
create table tenants (id uuid primary key, created_at timestamptz not null);
create table invoices (id bigint generated always as identity primary key, tenant_id uuid not null references tenants, created_at timestamptz not null);
create function invoice_count() returns bigint language sql stable as 'select count(*) from public.invoices';
alter table tenants enable row level security;
alter table invoices enable row level security;
create policy own on tenants for select to authenticated using (id = auth.uid());
create policy own on invoices for all to authenticated using (tenant_id = auth.uid());
insert into tenants select md5(n::text)::uuid, timestamptz '2026-11-20T01:00:00Z' from generate_series(1, 5) n;
insert into invoices (tenant_id, created_at) select md5((1 + n % 5)::text)::uuid, timestamptz '2026-11-20T01:00:00Z' from generate_series(1, 20) n;
insert into storage.buckets (id, name, public) values ('documents', 'documents', false);
";

/// Views that read with the eyes of who asks came with PostgreSQL 15.
const VIEW: &str = "create view open_invoices with (security_invoker = on) as select * from invoices";

const PLAN: &str = "
[rls_coverage]
exposed_schemas = [\"public\"]
[bucket_privacy.buckets]
documents = \"private\"
[freshness]
target = \"2026-11-20T02:00:00Z\"
tables = [\"tenants.created_at\", \"invoices.created_at\"]
[[assertions]]
name = \"there are tenants\"
sql = \"select count(*) from tenants\"
expect = \"> 0\"
";

/// The places of all facts that were read, as JSON pointers.
fn facts(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if fields.len() == 1 && fields.contains_key("read") {
                found.push(at.to_owned());
                return;
            }
            for (key, value) in fields {
                facts(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                facts(value, &format!("{at}/{place}"), found);
            }
        }
        _ => {}
    }
}

fn without(evidence: &Evidence, pointer: &str, gone: bool) -> Evidence {
    let mut value: Value = serde_json::from_str(&evidence.to_json().unwrap()).unwrap();
    if gone {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let key = key.replace("~1", "/").replace("~0", "~");
        value.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(&key);
    } else {
        *value.pointer_mut(pointer).unwrap() =
            json!({ "unread": { "kind": "statement_timeout", "message": "test" } });
    }
    Evidence::from_json(&value.to_string()).unwrap()
}

/// Nothing is found that was not found before, and what changed is not run.
fn assert_honest(
    plan: &Plan,
    now: &Evidence,
    then: Option<&Evidence>,
    healthy: &Report,
    what: &str,
) -> usize {
    let report = plan.judge(now, then);
    let known: Vec<&str> = healthy.findings().iter().map(|finding| finding.id()).collect();
    for finding in report.findings() {
        assert!(known.contains(&finding.id()), "{what}: {} comes of nothing but not reading", finding.id());
    }
    let mut changed = 0;
    for (now, then) in report.checks.iter().zip(&healthy.checks) {
        if now.outcome == then.outcome && now.examined == then.examined && now.reason == then.reason {
            continue;
        }
        changed += 1;
        assert_eq!(
            now.outcome,
            Outcome::NotRun,
            "{what}: {} examined {:?}, {:?} before",
            now.id,
            now.examined,
            then.examined
        );
        assert!(now.counts, "{what}: {} hides that it could not be read ({:?})", now.id, now.reason);
    }
    changed
}

#[tokio::test]
async fn one_unread_fact_is_neither_a_finding_nor_a_pass() {
    let database = Database::supabase().await;
    database.execute(APP).await;
    if drcore_tests::major().await >= 15 {
        database.execute(VIEW).await;
    }
    let plan = parse(PLAN);
    let baseline = database.evidence(&plan, None).await;
    let now = database.evidence(&plan, Some(&baseline)).await;
    for then in [None, Some(&baseline)] {
        let healthy = plan.judge(&now, then);
        let failed: Vec<_> = healthy.checks.iter().filter(|check| check.outcome == Outcome::Failed).collect();
        assert!(failed.is_empty(), "{failed:#?}");
        let mut pointers = Vec::new();
        facts(&serde_json::from_str(&now.to_json().unwrap()).unwrap(), "", &mut pointers);
        assert!(pointers.len() > 20, "{pointers:?}");
        for pointer in &pointers {
            for gone in [false, true] {
                let what = format!(
                    "{pointer} {} now, baseline {}",
                    if gone { "missing" } else { "unread" },
                    then.is_some()
                );
                let changed = assert_honest(&plan, &without(&now, pointer, gone), then, &healthy, &what);
                let matters =
                    pointer.starts_with("/catalog/relations") || pointer.starts_with("/scans/tables/public");
                assert!(changed > 0 || !matters || then.is_none(), "{what}: nobody missed it");
                if let Some(then) = then {
                    let what = what.replace("now", "then");
                    assert_honest(&plan, &now, Some(&without(then, pointer, gone)), &healthy, &what);
                }
            }
        }
    }
}
