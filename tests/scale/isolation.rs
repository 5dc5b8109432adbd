//! Acting as many users on many tables.

use std::time::{Duration, Instant};

use drcore::check::Outcome;
use drcore_tests::{Database, check, parse};

use super::peak_mb;

/// Rows of each table.
const ROWS: u64 = 2_000;
/// Users of each tenant.
const TOGETHER: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn forty_users_on_twenty_tables() {
    Box::pin(isolates(40, 20, Duration::from_secs(60))).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: make soak"]
async fn a_thousand_users_on_a_hundred_tables() {
    Box::pin(isolates(1_000, 100, Duration::from_secs(300))).await;
}

/// All of them named in the plan, and all of them chosen from the data: within this time, and one leak is found.
async fn isolates(users: u64, tables: u64, within: Duration) {
    let database = build(users, tables).await;
    let source = drcore::Source::connect(&database.url().await).await.unwrap();
    let tenancy = "[tenancy]\ncolumn = \"tenant_id\"\n";
    let sampled = format!(
        "{tenancy}[tenant_isolation.sample]\nquery = \"select user_id, tenant_id from memberships\"\nusers = {users}\n"
    );
    let mut named = tenancy.to_owned();
    for row in database
        .query(
            "select format(E'[[tenant_isolation.users]]\\nid = \"%s\"\\ntenants = [\"%s\"]\\n', user_id, tenant_id) \
             from memberships",
        )
        .await
    {
        named.push_str(&row);
        named.push('\n');
    }
    for (how, plan) in [("named", named), ("chosen", sampled)] {
        let plan = parse(&plan);
        let mut options = drcore::collect::CollectOptions::default();
        options.only = vec!["tenant_isolation".to_owned()];
        for leaks in [false, true] {
            let change = if leaks { "using (true)" } else { "using (tenant_id in (select mine()))" };
            database.execute(&format!("alter policy own on t_7 {change}")).await;
            let started = Instant::now();
            let evidence = drcore::collect::collect(&source, &plan, None, &options).await.unwrap();
            let collected = started.elapsed();
            let judging = Instant::now();
            let report = plan.judge(&evidence, None);
            println!(
                "{users} users, {how}, on {tables} tables: collected in {collected:.1?}, judged in {:.1?}, peak {} MB",
                judging.elapsed(),
                peak_mb()
            );
            let result = check(&report, "tenant_isolation");
            assert_eq!((result.examined["users"], result.examined["tables"]), (users + 1, tables));
            let found: Vec<&str> = result.findings.iter().map(drcore::Finding::id).collect();
            if leaks {
                assert_eq!(found, ["tenant_isolation:rows_of_others_shown:public.t_7"]);
                assert_eq!(result.findings[0].extent().len() as u64, users);
            } else {
                assert_eq!((result.outcome, found), (Outcome::Passed, vec![]), "{:?}", result.unread);
            }
            assert!(started.elapsed() < within, "{:?}", started.elapsed());
        }
    }
}

/// Tables of several tenants, some guarded by the memberships, some by a row's own tenant as a function gives it.
async fn build(users: u64, tables: u64) -> Database {
    let database = Database::supabase().await;
    let tenants = users / TOGETHER;
    database
        .execute(&format!(
            "create function made(kind text, n bigint) returns uuid language sql immutable
             as $$ select (lpad(n::text, 8, kind) || '-0000-4000-8000-000000000000')::uuid $$;
             create table memberships (user_id uuid primary key, tenant_id uuid not null);
             insert into memberships select public.made('a', n), public.made('b', n % {tenants})
             from generate_series(1, {users}) n;
             insert into auth.users (id, email) select user_id, user_id || '@private.example' from memberships;
             alter table memberships enable row level security;
             create policy own on memberships for select to authenticated using (user_id = auth.uid());
             create function mine() returns setof uuid language sql stable security definer set search_path = ''
             as $$ select tenant_id from public.memberships where user_id = auth.uid() $$;
             do $do$ begin for n in 1..{tables} - 1 loop
               execute format($f$
                 create table t_%1$s (id int primary key, tenant_id uuid not null, body text not null);
                 insert into t_%1$s select n, public.made('b', n %% {tenants}), repeat('x', 100)
                 from generate_series(1, {ROWS}) n;
                 alter table t_%1$s enable row level security;
                 create policy own on t_%1$s to authenticated using (%2$s);
               $f$, n, case n % 2 when 0 then 'tenant_id = (select mine())' else 'tenant_id in (select mine())' end);
             end loop; end $do$;
             analyze"
        ))
        .await;
    database
}
