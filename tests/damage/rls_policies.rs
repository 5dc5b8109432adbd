//! What `rls_coverage` reads off the text of a policy, and the policies of a service's own tables.

use drcore::Report;
use drcore::check::Outcome;
use drcore::finding::Severity;
use drcore_tests::{Database, check, parse};

const HEALTHY: &str = "
create table memberships (user_id uuid, tenant_id uuid);
create function mine() returns uuid language sql stable
as $$ select tenant_id from public.memberships where user_id = auth.uid() $$;
create table invoices (id int, tenant_id uuid, role text, body text);
create table prices (id int);
alter table memberships enable row level security;
alter table invoices enable row level security;
alter table prices enable row level security;
create policy own on memberships for select to authenticated using (user_id = auth.uid());
create policy own on invoices for all to authenticated using (tenant_id = mine());
-- It has no tenants: who is logged in sees the prices.
create policy own on prices for select to authenticated using (auth.role() = 'authenticated');
";

const PLAN: &str = "[rls_coverage]\nexposed_schemas = [\"public\"]\n[tenancy]\ncolumn = \"tenant_id\"\n";

async fn healthy() -> Database {
    let database = Database::supabase().await;
    database.execute(HEALTHY).await;
    database
}

/// The findings of policies, with their severities.
fn found(report: &Report) -> Vec<(&str, Severity)> {
    let findings = check(report, "rls_coverage").findings.iter();
    findings.map(|finding| (&finding.id()["rls_coverage:".len()..], finding.severity())).collect()
}

async fn after(damage: &str) -> Report {
    let database = healthy().await;
    database.execute(damage).await;
    database.report(PLAN, None).await
}

#[tokio::test]
async fn the_healthy_twin_is_silent() {
    let report = healthy().await.report(PLAN, None).await;
    assert_eq!(found(&report), []);
    assert_eq!(check(&report, "rls_coverage").outcome, Outcome::Passed);
}

#[tokio::test]
async fn a_policy_that_can_never_be_true_is_told() {
    for never in ["false", "1 = 0 and tenant_id = mine()", "null"] {
        let report = after(&format!("alter policy own on invoices using ({never})")).await;
        assert_eq!(found(&report), [("policy_never_true:public.invoices:own", Severity::Info)], "{never}");
    }
    // It lets them write, and nobody read: not every command is shut.
    let report = after("alter policy own on invoices using (false) with check (tenant_id = mine())").await;
    assert_eq!(found(&report), []);
}

#[tokio::test]
async fn a_policy_that_looks_at_nothing_of_the_row_shows_all_tenants() {
    let id = "policy_ignores_tenant:public.invoices:own";
    for blind in [
        "auth.uid() is not null",
        "(select auth.uid()) is not null",
        // The table has a column of the function's name.
        "auth.role() = 'authenticated'",
        "auth.uid() is not null and auth.role() = 'authenticated'",
    ] {
        let report = after(&format!("alter policy own on invoices using ({blind})")).await;
        assert_eq!(found(&report), [(id, Severity::Warning)], "{blind}");
        let finding = check(&report, "rls_coverage").findings[0].common().clone();
        assert!(finding.hint.unwrap().contains("It is for authenticated"), "{:?}", finding.message);
    }
    // What claims, functions of the application or other tables decide may be staff.
    for staff in [
        "auth.jwt() ->> 'role' = 'staff'",
        "mine() is not null",
        "exists (select from memberships m where m.user_id = auth.uid())",
    ] {
        let report = after(&format!("alter policy own on invoices using ({staff})")).await;
        assert_eq!(found(&report), [(id, Severity::Info)], "{staff}");
    }
    // A fence stands before it.
    let fenced = "alter policy own on invoices using (auth.uid() is not null);
                  create policy fence on invoices as restrictive for all to authenticated using (tenant_id = mine())";
    assert_eq!(found(&after(fenced).await), [(id, Severity::Info)]);
    // What is written is not looked at.
    let written = "alter policy own on invoices with check (auth.uid() is not null)";
    assert_eq!(found(&after(written).await), [(id, Severity::Warning)]);
    let database = healthy().await;
    database.execute("alter policy own on invoices using (auth.uid() is not null)").await;
    let without = PLAN.split("[tenancy]").next().unwrap();
    assert_eq!(found(&database.report(without, None).await), [], "the plan says nothing of tenants");
    let baseline = database.evidence(&parse(PLAN), None).await;
    assert_eq!(found(&database.report(PLAN, Some(&baseline)).await), [(id, Severity::Info)], "it was so");
}

#[tokio::test]
async fn a_policy_that_asks_a_volatile_function_is_told() {
    let report = after("alter function mine() volatile").await;
    assert_eq!(found(&report), [("policy_calls_volatile:public.invoices:own", Severity::Info)]);
    let finding = check(&report, "rls_coverage").findings[0].common().clone();
    assert!(finding.message.contains("public.mine()"), "{}", finding.message);
    // One that no policy calls.
    let other = "create function other() returns uuid language sql volatile as 'select null::uuid'";
    assert_eq!(found(&after(other).await), []);
}

/// The application's policies on a service's table are in no dump of the application's schemas.
#[tokio::test]
async fn policies_of_a_services_tables_are_compared_with_the_baseline() {
    let database = healthy().await;
    database
        .execute(
            "create schema if not exists realtime;
             create table realtime.messages (id int, topic text);
             create table realtime.subscription (id int);
             alter table realtime.messages enable row level security;
             grant usage on schema realtime to authenticated;
             grant select, insert on realtime.messages to authenticated;
             create policy members on realtime.messages for select to authenticated using (topic = auth.uid()::text)",
        )
        .await;
    let baseline = database.evidence(&parse(PLAN), None).await;
    assert_eq!(found(&database.report(PLAN, Some(&baseline)).await), []);
    database.execute("drop policy members on realtime.messages").await;
    let lost = database.report(PLAN, Some(&baseline)).await;
    let lost: Vec<&str> = found(&lost).into_iter().map(|(id, _)| id).collect();
    assert!(lost.contains(&"policy_lost:realtime.messages:members"), "{lost:?}");
    assert!(lost.iter().all(|id| id.contains(":realtime.messages")), "{lost:?}");
}
