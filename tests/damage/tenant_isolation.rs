use drcore::check::{Outcome, Reason};
use drcore::evidence::CauseKind;
use drcore::finding::Severity;
use drcore::{Finding, Report};
use drcore_tests::{Database, check, ids};

const SCRIPT: &str = include_str!("tenant_isolation.sql");
pub(super) const ID: &str = "tenant_isolation";

pub(super) const A: &str = "00000000-0000-4000-8000-00000000000a";
pub(super) const B: &str = "00000000-0000-4000-8000-00000000000b";

/// Two users of different tenants.
pub(super) fn plan() -> String {
    let user = |id: &str, letter: &str| {
        let tenant = format!("{letter}0000000-0000-4000-8000-000000000000");
        format!(
            "[[tenant_isolation.users]]\nid = \"{id}\"\ntenants = [\"{tenant}\"]\n\
             claims = '{{\"app_metadata\": {{\"tenant_id\": \"{tenant}\"}}}}'\n"
        )
    };
    format!("[tenancy]\ncolumn = \"tenant_id\"\n{}{}", user(A, "a"), user(B, "b"))
}

pub(super) async fn healthy() -> Database {
    let database = Database::supabase().await;
    database.execute(SCRIPT.split_once("-- damage\n").unwrap().0).await;
    database
}

fn found(report: &Report) -> Vec<String> {
    ids(report).into_iter().filter_map(|id| id.strip_prefix("tenant_isolation:").map(str::to_owned)).collect()
}

#[tokio::test]
async fn the_healthy_twin_passes_and_says_what_it_proves_less() {
    let report = healthy().await.report(&plan(), None).await;
    assert_eq!(found(&report), [""; 0]);
    let check = check(&report, ID);
    assert_eq!(check.outcome, Outcome::Passed, "{:?}", check.unread);
    assert_eq!(check.examined["users"], 3);
    // Whoever belongs to the only tenant sees no other; the user of the other tenant could have seen it. What is shut to
    // all of them proves nothing.
    assert_eq!(check.examined["tables"], 6, "{:?}", check.note);
}

#[tokio::test]
async fn the_damage_is_found_and_nothing_else() {
    let database = healthy().await;
    database.execute(SCRIPT.split_once("-- damage\n").unwrap().1).await;
    let report = database.report(&plan(), None).await;
    let mut found = found(&report);
    found.sort();
    assert_eq!(
        found,
        [
            "own_rows_hidden:public.notes",
            "rows_of_others_shown:public.\"Log\"\"s; drop\"",
            "rows_of_others_shown:public.invoices",
            "rows_of_others_shown:public.totals",
            "rows_shown_to_anonymous:public.\"Log\"\"s; drop\"",
        ]
    );
    for finding in
        check(&report, ID).findings.iter().filter(|finding| finding.common().object == "public.invoices")
    {
        let Finding::RowsOfOthersShown(shown) = finding else { panic!("{finding:?}") };
        assert_eq!((shown.rows, shown.tenants), (5, 1));
        assert_eq!(shown.users, [A, B]);
        database.query(shown.common.query.as_ref().unwrap()).await;
    }
}

/// The ids and severities of rows that are hidden from their owners.
fn hidden(report: &Report) -> Vec<(&str, Severity)> {
    let findings = check(report, ID).findings.iter();
    findings.map(|finding| (&finding.id()["tenant_isolation:".len()..], finding.severity())).collect()
}

#[tokio::test]
async fn hidden_rows_fail_where_a_policy_or_the_baseline_says_they_were_shown() {
    let database = healthy().await;
    let plan = plan();
    let baseline = database.evidence(&drcore_tests::parse(&plan), None).await;
    assert_eq!(hidden(&database.report(&plan, Some(&baseline)).await), []);
    let id = "own_rows_hidden:public.notes";
    database.execute("drop policy own on notes").await;
    // Only the service reads it, for all that is known.
    let report = database.report(&plan, None).await;
    assert_eq!((hidden(&report), check(&report, ID).outcome), (vec![(id, Severity::Info)], Outcome::Passed));
    let report = database.report(&plan, Some(&baseline)).await;
    assert_eq!(
        (hidden(&report), check(&report, ID).outcome),
        (vec![(id, Severity::Warning)], Outcome::Failed)
    );
    database.execute("create policy own on notes for select to authenticated using (tenant_id = 'x')").await;
    assert_eq!(hidden(&database.report(&plan, None).await), [(id, Severity::Warning)]);
}

/// Whoever is nobody sees nobody's rows.
#[tokio::test]
async fn a_stranger_proves_nothing() {
    let database = healthy().await;
    for (from, to) in [
        // Misspelt: nothing is theirs.
        ("tenants = [\"b0000000", "tenants = [\"c0000000"),
        // Not the user of the memberships, and the claims are nobody's.
        (B, "00000000-0000-4000-8000-00000000000c"),
    ] {
        let stranger = plan().replace(from, to).replace("{\"tenant_id\": \"b0", "{\"tenant_id\": \"c0");
        assert_ne!(stranger, plan());
        let report = database.report(&stranger, None).await;
        let check = check(&report, ID);
        let unread: Vec<&str> = check.unread.iter().map(|unread| unread.object.as_str()).collect();
        assert_eq!(unread, [if to.starts_with('0') { to } else { B }]);
        assert!(check.unread[0].cause.hint.as_ref().unwrap().contains("claims"));
        assert_ne!(check.outcome, Outcome::Passed);
    }
    database.execute("revoke select on all tables in schema public from authenticated").await;
    let report = database.report(&plan(), None).await;
    assert_eq!((check(&report, ID).outcome, check(&report, ID).unread.len()), (Outcome::NotRun, 2));
}

#[tokio::test]
async fn a_role_that_the_server_lacks_is_unread() {
    let plan = plan().replacen("claims =", "role = \"ti_nobody\"\nclaims =", 1);
    let report = healthy().await.report(&plan, None).await;
    let check = check(&report, ID);
    assert_eq!((check.outcome, check.unread.len()), (Outcome::NotRun, 1));
    assert_eq!(check.unread[0].object, A);
    assert!(check.unread[0].cause.message.contains("is not on this server"));
}

/// Neither whoever holds a table nor a policy that does not end makes an empty answer.
#[tokio::test]
async fn what_takes_too_long_is_unread() {
    let database = healthy().await;
    database.execute("alter policy own on drafts using (pg_sleep(60) is not null)").await;
    let tables = "[tenant_isolation]\ntables = [\"drafts\", \"invoices\"]\n";
    let limits = "[limits]\nstatement_timeout = \"2s\"\nlock_timeout = \"300ms\"\n";
    let plan = drcore_tests::parse(&format!("{limits}{tables}{}", plan()));
    let judged = async || plan.judge(&database.evidence(&plan, None).await, None);
    let unread = |report: &Report| -> Vec<(String, CauseKind)> {
        assert_eq!(check(report, ID).outcome, Outcome::NotRun);
        check(report, ID).unread.iter().map(|unread| (unread.object.clone(), unread.cause.kind)).collect()
    };
    let slow = |user| (format!("public.drafts as {user}"), CauseKind::StatementTimeout);
    assert_eq!(unread(&judged().await), [slow(A), slow(B)]);
    // A table that the policy of another one reads.
    database.execute("alter policy own on drafts using (tenant_id in (select mine()))").await;
    let (holder, connection) =
        tokio_postgres::connect(&database.url().await, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    holder.batch_execute("begin; lock table memberships in access exclusive mode").await.unwrap();
    let held = |table, user| (format!("public.{table} as {user}"), CauseKind::LockTimeout);
    let all = [held("drafts", A), held("drafts", B), held("invoices", A), held("invoices", B)];
    assert_eq!(unread(&judged().await), all);
    drop(holder);
    driver.await.unwrap().unwrap();
}

#[tokio::test]
async fn without_a_plan_nobody_is_acted_as() {
    let report = healthy().await.report("[tenancy]\ncolumn = \"tenant_id\"\n", None).await;
    let check = check(&report, ID);
    assert_eq!((check.outcome, check.reason), (Outcome::NotRun, Some(Reason::NoExpectation)));
    assert!(!check.counts);
}

/// Claims that a pooler's session has of somebody else's request go before the token in old policies.
#[tokio::test]
async fn claims_of_another_request_are_cleared() {
    let database = healthy().await;
    let name = &database.name;
    database.execute(&format!("alter database {name} set \"request.jwt.claim.sub\" = '{B}'")).await;
    let report = database.report(&plan(), None).await;
    assert_eq!(found(&report), [""; 0]);
    assert_eq!(check(&report, ID).outcome, Outcome::Passed, "{:?}", check(&report, ID).unread);
}

#[tokio::test]
async fn what_cannot_be_tried_is_unread_and_the_rest_is_judged() {
    let database = healthy().await;
    database.execute("alter policy own on drafts using (1 / (id - id) = 1)").await;
    let report = database.report(&plan(), None).await;
    let failing = check(&report, ID);
    let unread: Vec<&str> = failing.unread.iter().map(|unread| unread.object.as_str()).collect();
    assert_eq!(unread, [format!("public.drafts as {A}"), format!("public.drafts as {B}")]);
    assert_eq!((failing.outcome, failing.examined["tables"]), (Outcome::NotRun, 5));

    // Who may not become them reads every row, and has not seen what they see.
    database
        .execute(
            "do $$ begin create role ti_outsider login bypassrls; exception when duplicate_object then null; end $$;
             grant select on all tables in schema public to ti_outsider",
        )
        .await;
    let mut options = drcore::VerifyOptions::default();
    options.plan = drcore_tests::parse(&plan());
    let report =
        database.untouched(drcore::verify(&database.url_as("ti_outsider").await, &options)).await.unwrap();
    let outsider = check(&report, ID);
    assert_eq!((outsider.outcome, outsider.reason), (Outcome::NotRun, Some(Reason::Unreadable)));
    let cause = &outsider.unread[0].cause;
    assert_eq!(cause.kind, CauseKind::Permission);
    assert!(cause.hint.as_ref().unwrap().contains("must be able to become"), "{cause:?}");
}

#[tokio::test]
async fn a_policy_that_writes_changes_nothing() {
    let database = healthy().await;
    database
        .execute(
            "create table hits (id serial);
             create function hit() returns boolean language plpgsql security definer set search_path = ''
             as $$ begin insert into public.hits default values; return true; end $$;
             alter policy own on drafts using (hit())",
        )
        .await;
    // `report` compares what the server counts as written.
    let report = database.report(&plan(), None).await;
    assert!(check(&report, ID).unread.iter().all(|unread| unread.object.starts_with("public.drafts as ")));
    assert_eq!(check(&report, ID).unread.len(), 2);
    assert_eq!(database.query("select count(*) from hits").await, ["0"]);
}
