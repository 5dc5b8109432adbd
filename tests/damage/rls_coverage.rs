use std::collections::BTreeSet;

use drcore::Finding;
use drcore::check::{Outcome, Reason};
use drcore::finding::Severity;
use drcore::remedy::{Remedy, RemedyClass};
use drcore_tests::{Database, SAMPLE, check, parse};

const SCRIPT: &str = include_str!("rls_coverage.sql");
const DISASTER: &str = include_str!("../../crates/drcore/src/drill/sample/disaster.sql");
const EXPOSED: &str = "[rls_coverage]\nexposed_schemas = [\"public\"]\n";

/// What the script does, but for what fails nothing.
const DAMAGE: &[&str] = &[
    "auth_users_exposed:public.members",
    "definer_view:public.own_notes",
    "force_rls_lost:public.vaults",
    "policy_added:public.logins:staff",
    "policy_always_true:public.\"We.ird\":change",
    "policy_always_true:public.contracts:open",
    "policy_changed:public.\"We.ird\":change",
    "policy_changed:public.logins:change",
    "policy_lost:public.contracts:fence",
    "policy_lost:public.invoices:\"read own\"",
    "policy_lost:public.reports:\"read own\"",
    "policy_trusts_user_metadata:public.logins:staff",
    "rls_disabled:public.dormant",
    "rls_disabled:public.events_1",
    "rls_disabled:public.invoices",
    "rls_disabled:public.leftover",
    "rls_disabled:public.notes",
];

/// What else it does, which is told by `privilege_drift`.
const PRIVILEGES: &[&str] = &[
    "definer_functions_opened:public:functions",
    "privileges_narrowed:public:tables",
    "privileges_widened:public:columns",
    "privileges_widened:public:sequences",
    "privileges_widened:public:tables",
    "privileges_widened:schemas",
];

async fn twins() -> (Database, Database) {
    let can = views_can_invoke().await;
    let lines = SCRIPT.lines().filter(|line| can || !line.contains("security_invoker"));
    let script: String = lines.map(|line| format!("{line}\n")).collect();
    let (healthy, damage) = script.split_once("-- damage\n").unwrap();
    let database = Database::supabase().await;
    database.execute(healthy).await;
    let damaged = database.copy().await;
    damaged.execute(damage).await;
    (database, damaged)
}

/// Whether a view can read with the eyes of who asks.
async fn views_can_invoke() -> bool {
    drcore_tests::major().await >= 15
}

/// Tests that are about nothing else end at once where there are no such views: this one makes sure of it.
#[tokio::test]
async fn views_that_can_invoke_came_with_version_15() {
    let database = Database::with("create table t (id int)").await;
    let view = database.try_query("create view v with (security_invoker = on) as select id from t").await;
    assert_eq!(view.is_ok(), views_can_invoke().await, "{view:?}");
}

/// What of these the server's version can have at all.
async fn possible(ids: &[&'static str]) -> Vec<&'static str> {
    let can = views_can_invoke().await;
    ids.iter().copied().filter(|id| can || !id.ends_with("public.own_notes")).collect()
}

/// The ids of what is above info, without the check's name.
fn bad(report: &drcore::Report) -> Vec<String> {
    of_check(report, "rls_coverage")
}

/// The same of what privileges became.
fn drift(report: &drcore::Report) -> Vec<String> {
    of_check(report, "privilege_drift")
}

fn of_check(report: &drcore::Report, id: &str) -> Vec<String> {
    let bad = check(report, id).findings.iter().filter(|finding| finding.severity() > Severity::Info);
    let mut ids: Vec<String> = bad.map(|finding| finding.id()[id.len() + 1..].to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn the_healthy_twin_is_silent_against_its_baseline() {
    let (healthy, _) = twins().await;
    let baseline = healthy.evidence(&parse(""), None).await;
    let report = healthy.restored().await.report("", Some(&baseline)).await;
    assert_eq!((bad(&report), drift(&report)), (Vec::new(), Vec::new()));
    let check = check(&report, "rls_coverage");
    assert_eq!(check.outcome, Outcome::Passed);
    let views = if views_can_invoke().await { 5 } else { 3 };
    assert_eq!(
        (check.examined["tables"], check.examined["policies"], check.examined["views"]),
        (20, 25, views)
    );
    // What the team chose is told, and fails nothing.
    let infos: Vec<&str> = check.findings.iter().map(Finding::id).collect();
    assert_eq!(
        infos,
        [
            "rls_coverage:definer_function_exposed:public.shared(integer)",
            "rls_coverage:definer_view:public.as_owner",
            "rls_coverage:policy_always_true:public.contracts:open",
            "rls_coverage:policy_always_true:public.prices:everyone",
            "rls_coverage:rls_without_policies:public.locked",
        ]
    );
}

#[tokio::test]
async fn what_is_wrong_by_itself_is_found_without_a_baseline() {
    let (healthy, damaged) = twins().await;
    assert_eq!(
        bad(&healthy.report(EXPOSED, None).await),
        ["definer_function_exposed:public.shared(integer)", "definer_view:public.as_owner"]
    );
    assert_eq!(
        bad(&damaged.report(EXPOSED, None).await),
        [
            "auth_users_exposed:public.members",
            "definer_function_exposed:public.purge(uuid,text)",
            "definer_function_exposed:public.shared(integer)",
            "definer_view:public.as_owner",
            "policies_inactive:public.dormant",
            "policy_always_true:public.\"We.ird\":change",
            "policy_always_true:public.contracts:open",
            "policy_trusts_user_metadata:public.logins:staff",
            "rls_disabled:public.events_1",
            "rls_disabled:public.invoices",
            "rls_disabled:public.leftover",
            "rls_disabled:public.notes",
            "unprotectable_relation:public.note_counts",
        ]
    );
}

#[tokio::test]
async fn the_damage_is_found_against_the_baseline_and_nothing_else() {
    let (healthy, damaged) = twins().await;
    let baseline = healthy.evidence(&parse(""), None).await;
    let report = damaged.report("", Some(&baseline)).await;
    assert_eq!(bad(&report), possible(DAMAGE).await);
    assert_eq!(drift(&report), PRIVILEGES);
    let find = |id: &str| {
        let found =
            report.findings().into_iter().find(|finding| finding.id() == format!("rls_coverage:{id}"));
        found.unwrap_or_else(|| panic!("no {id}")).common().clone()
    };
    assert_eq!(find("rls_disabled:public.notes").severity, Severity::Critical);
    assert_eq!(find("rls_disabled:public.dormant").severity, Severity::Warning);
    assert_eq!(find("policy_lost:public.contracts:fence").severity, Severity::Critical);
    assert_eq!(find("policy_lost:public.reports:\"read own\"").severity, Severity::Warning);
    if views_can_invoke().await {
        assert_eq!(find("definer_view:public.own_notes").severity, Severity::Critical);
    }
    assert_eq!(
        find("rls_disabled:public.notes").hint.unwrap(),
        "anon and authenticated can read and write all 1,234 rows."
    );
    let Some(Remedy::Sql(remedy)) = find("rls_disabled:public.invoices").remedy else { panic!("no remedy") };
    assert_eq!(remedy.class, RemedyClass::Safe);
    assert_eq!(
        remedy.statements,
        [
            "drop policy if exists \"read own\" on public.invoices",
            "create policy \"read own\" on public.invoices for select to authenticated using (public.mine(owner_id))",
            "alter table public.invoices enable row level security",
        ]
    );
}

#[tokio::test]
async fn the_remedies_put_it_right() {
    let (healthy, damaged) = twins().await;
    let baseline = healthy.evidence(&parse(""), None).await;
    let report = damaged.report("", Some(&baseline)).await;
    let wrong = report.findings().into_iter().filter(|finding| finding.severity() > Severity::Info);
    for finding in wrong {
        if let Some(Remedy::Sql(remedy)) = &finding.common().remedy {
            damaged.execute(&remedy.statements.join(";\n")).await;
        }
    }
    let left = bad(&damaged.report("", Some(&baseline)).await);
    assert_eq!(left, [""; 0]);
    assert_eq!(drift(&damaged.report("", Some(&baseline)).await), [""; 0]);
    assert_eq!(bad(&damaged.report(EXPOSED, None).await), bad(&healthy.report(EXPOSED, None).await));
}

#[tokio::test]
async fn a_view_that_reads_past_the_policies_is_shut_by_what_the_server_can() {
    let (database, _) = twins().await;
    let found = |report: &drcore::Report| {
        let id = "rls_coverage:definer_view:public.as_owner";
        report.findings().into_iter().find(|finding| finding.id() == id).cloned()
    };
    let finding = found(&database.report(EXPOSED, None).await).unwrap();
    let Some(Remedy::Sql(remedy)) = &finding.common().remedy else { panic!("no remedy") };
    assert_eq!(remedy.class, RemedyClass::AvailabilityRisk);
    let statement = if views_can_invoke().await {
        "alter view public.as_owner set (security_invoker = true)"
    } else {
        "revoke select on public.as_owner from authenticated"
    };
    assert_eq!(remedy.statements, [statement]);
    database.execute(statement).await;
    assert_eq!(found(&database.report(EXPOSED, None).await), None);
}

/// What `pg_dump` 15 and later makes of a public schema that not everybody may create in.
#[tokio::test]
async fn a_public_schema_that_a_newer_dump_opens_is_found() {
    let database = Database::supabase().await;
    database
        .execute(
            "create table t (id int); alter table t enable row level security;
             revoke create on schema public from public",
        )
        .await;
    let baseline = database.evidence(&parse(""), None).await;
    let found = drift(&database.restored().await.report("", Some(&baseline)).await);
    let pg_dump = drcore_tests::cluster().await.tools().directory.join("pg_dump");
    let version = std::process::Command::new(pg_dump).arg("--version").output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap();
    let newer = !version.contains(" 13.") && !version.contains(" 14.");
    if drcore_tests::major().await >= 15 || !newer {
        return assert_eq!(found, [""; 0]);
    }
    assert_eq!(found, ["privileges_widened:schemas"]);
    let restored = database.restored().await;
    let report = restored.report("", Some(&baseline)).await;
    let common = report.findings()[0].common().clone();
    assert!(common.hint.unwrap().starts_with("pg_dump 15"));
    let Some(Remedy::Sql(remedy)) = common.remedy else { panic!("no remedy") };
    restored.execute(&remedy.statements.join(";")).await;
    assert_eq!(drift(&restored.report("", Some(&baseline)).await), [""; 0]);
}

#[tokio::test]
async fn queries_run() {
    let (healthy, damaged) = twins().await;
    let baseline = healthy.evidence(&parse(""), None).await;
    for finding in damaged.report("", Some(&baseline)).await.findings() {
        if let Some(query) = &finding.common().query {
            damaged.query(query).await;
        }
    }
}

#[tokio::test]
async fn a_guess_that_finds_nothing_proves_nothing() {
    let database = Database::supabase().await;
    database.execute("create table t (id int); alter table t enable row level security").await;
    let assumed = database.report("", None).await;
    assert_eq!(check(&assumed, "rls_coverage").reason, Some(Reason::Assumed));
    assert!(check(&assumed, "rls_coverage").note.as_ref().unwrap().contains("exposed_schemas"));
    assert_eq!(assumed.verdict, drcore::Verdict::Unproven);
    assert_eq!(check(&database.report(EXPOSED, None).await, "rls_coverage").outcome, Outcome::Passed);
    // What is found under the guess counts.
    database.execute("alter table t disable row level security").await;
    assert_eq!(bad(&database.report("", None).await), ["rls_disabled:public.t"]);
    // The database's own setting is no guess.
    database
        .execute(
            "alter table t enable row level security; create schema api; grant usage on schema api to anon",
        )
        .await;
    database.execute("create table api.u (id int); grant insert on api.u to anon").await;
    let setting = format!(
        "alter role authenticator in database {} set pgrst.db_schemas = 'api, nowhere'",
        database.name
    );
    database.execute(&setting).await;
    assert_eq!(bad(&database.report("", None).await), ["rls_disabled:api.u"]);
    database.execute("alter table api.u enable row level security").await;
    assert_eq!(check(&database.report("", None).await, "rls_coverage").outcome, Outcome::Passed);
}

#[tokio::test]
async fn an_exposed_schema_that_is_nowhere_is_a_finding() {
    let database = Database::supabase().await;
    let report = database.report("[rls_coverage]\nexposed_schemas = [\"pubilc\"]\n", None).await;
    assert_eq!(bad(&report), ["missing_schema:pubilc"]);
}

#[tokio::test]
async fn policies_of_a_plain_database_are_held_against_its_baseline() {
    // The roles are the cluster's; the API enters no schema here.
    let plain = Database::with(
        "create table t (id int); alter table t enable row level security; create policy p on t using (id = 1)",
    )
    .await;
    let baseline = plain.evidence(&parse(""), None).await;
    assert_eq!(check(&plain.report("", Some(&baseline)).await, "rls_coverage").outcome, Outcome::Passed);
    plain.execute("drop policy p on t; alter table t disable row level security").await;
    assert_eq!(
        bad(&plain.report("", Some(&baseline)).await),
        ["policy_lost:public.t:p", "rls_disabled:public.t"]
    );
}

#[tokio::test]
async fn what_the_baseline_does_not_hold_is_unread() {
    let database = Database::supabase().await;
    let mut baseline = database.evidence(&parse(""), None).await;
    baseline.catalog.policies = drcore::evidence::Fact::NotAsked;
    let report = database.report("", Some(&baseline)).await;
    let check = check(&report, "rls_coverage");
    assert_eq!(check.reason, Some(Reason::Unreadable));
    assert_eq!(check.unread[0].object, "the policies of the baseline");
}

#[tokio::test]
async fn the_sample_is_healthy() {
    let sample = Database::supabase().await;
    sample.execute(SAMPLE).await;
    let report = sample.report(EXPOSED, None).await;
    assert_eq!(bad(&report), [""; 0]);
    assert_eq!(check(&report, "rls_coverage").outcome, Outcome::Passed);
    let baseline = sample.evidence(&parse(""), None).await;
    let restored = sample.restored().await;
    let report = restored.report("", Some(&baseline)).await;
    assert_eq!(bad(&report), [""; 0]);
    assert_eq!(check(&report, "rls_coverage").outcome, Outcome::Passed);
}

#[tokio::test]
async fn the_samples_disaster_is_found_and_nothing_else() {
    let sample = Database::supabase().await;
    sample.execute(SAMPLE).await;
    sample
        .execute(
            "insert into public.plans values ('free', 'Free', 0);
             insert into public.tenants (id, slug, name) values (gen_random_uuid(), 'one', 'One')",
        )
        .await;
    let baseline = sample.evidence(&parse(""), None).await;
    for seed in 1..=4 {
        let damaged = sample.copy().await;
        // Outside what is looked at: no API role enters the schema.
        let log = "create schema log; create table log.damage as select * from pg_temp.damage_log";
        damaged.execute(&format!("set drcore.seed = '{seed}';\n{DISASTER};\n{log}")).await;
        let logged: BTreeSet<String> =
            damaged.query("select unnest(finding_ids) from log.damage").await.into_iter().collect();
        let logged = |id: &str| -> BTreeSet<String> {
            logged
                .iter()
                .filter_map(|found| found.strip_prefix(&format!("{id}:")))
                .map(str::to_owned)
                .collect()
        };
        let (rls, privileges) = (logged("rls_coverage"), logged("privilege_drift"));
        assert!(rls.len() >= 4 && privileges.len() == 2, "{rls:?} {privileges:?}");
        let report = damaged.report("", Some(&baseline)).await;
        assert_eq!(bad(&report).into_iter().collect::<BTreeSet<_>>(), rls, "seed {seed}");
        assert_eq!(drift(&report).into_iter().collect::<BTreeSet<_>>(), privileges, "seed {seed}");
    }
}

const API: &str = "create table t (id int primary key, user_metadata_id int);
    alter table t enable row level security; revoke all on t from anon, authenticated;
    grant select on t to authenticated;
    create policy p on t for select to authenticated using (user_metadata_id = 1);";

async fn api(more: &str) -> Database {
    let database = Database::supabase().await;
    database.execute(API).await;
    database.execute(more).await;
    database
}

/// The severity of the one finding of this id.
fn severity(report: &drcore::Report, id: &str) -> Option<Severity> {
    let findings = &check(report, "rls_coverage").findings;
    findings.iter().find(|finding| finding.id() == format!("rls_coverage:{id}")).map(Finding::severity)
}

#[tokio::test]
async fn looking_at_nothing_proves_nothing() {
    let database = api("").await;
    for plan in [
        "[scope]\nschemas = [\"Public\"]\n",
        "[scope]\nexclude = [\"*\"]\n[rls_coverage]\nexposed_schemas = [\"public\"]\n",
    ] {
        let baseline = database.evidence(&parse(plan), None).await;
        let report = database.report(plan, Some(&baseline)).await;
        let check = check(&report, "rls_coverage");
        assert_eq!((check.outcome, check.reason), (Outcome::NotRun, Some(Reason::Assumed)), "{plan}");
        assert!(check.counts && check.examined.is_empty(), "{:?}", check.examined);
    }
}

#[tokio::test]
async fn exposed_schemas_are_looked_at_outside_the_scope() {
    let database = api("create schema api; grant usage on schema api to anon;
        create table api.u (id int); grant select on api.u to anon;
        create function api.f() returns int language sql security definer as 'select 1'")
    .await;
    let plan = "[scope]\nschemas = [\"public\"]\n[rls_coverage]\nexposed_schemas = [\"api\"]\n";
    assert_eq!(
        bad(&database.report(plan, None).await),
        ["definer_function_exposed:api.f()", "rls_disabled:api.u"]
    );
}

#[tokio::test]
async fn storage_objects_without_buckets_are_judged_here() {
    let database = Database::with(
        "create schema storage; create table storage.objects (id int, owner text);
         alter table storage.objects enable row level security;
         create policy p on storage.objects using (owner = current_user)",
    )
    .await;
    let baseline = database.evidence(&parse(""), None).await;
    database.execute("alter table storage.objects disable row level security").await;
    assert_eq!(bad(&database.report("", Some(&baseline)).await), ["rls_disabled:storage.objects"]);
}

#[tokio::test]
async fn a_form_that_everybody_may_fill_in_is_no_damage_of_the_restore() {
    let database =
        api("grant insert on t to anon; create policy sign_up on t for insert to anon with check (true)")
            .await;
    let id = "policy_always_true:public.t:sign_up";
    assert_eq!(severity(&database.report(EXPOSED, None).await, id), Some(Severity::Warning));
    let baseline = database.evidence(&parse(""), None).await;
    let report = database.report("", Some(&baseline)).await;
    assert_eq!(severity(&report, id), Some(Severity::Info));
    assert_eq!(check(&report, "rls_coverage").outcome, Outcome::Passed);
    database
        .execute("grant delete on t to anon; create policy clear on t for delete to anon using (true)")
        .await;
    let id = "policy_always_true:public.t:clear";
    assert_eq!(severity(&database.report(EXPOSED, None).await, id), Some(Severity::Critical));
    assert_eq!(severity(&database.report("", Some(&baseline)).await, id), Some(Severity::Critical));
}

#[tokio::test]
async fn user_metadata_is_no_part_of_a_name_and_no_damage_where_it_was_believed() {
    let database = api("").await;
    assert_eq!(bad(&database.report(EXPOSED, None).await), [""; 0]);
    let trusting = "create policy staff on t for select to authenticated
                    using ((auth.jwt() #>> '{user_metadata,role}') = 'staff')";
    database.execute(trusting).await;
    let id = "policy_trusts_user_metadata:public.t:staff";
    assert_eq!(severity(&database.report(EXPOSED, None).await, id), Some(Severity::Critical));
    let baseline = database.evidence(&parse(""), None).await;
    assert_eq!(severity(&database.report("", Some(&baseline)).await, id), Some(Severity::Info));
}

/// What is found against the baseline after these statements, and without one.
async fn changed(database: &Database, change: &str) -> (Vec<String>, Vec<String>) {
    let baseline = database.evidence(&parse(""), None).await;
    assert_eq!(bad(&database.report("", Some(&baseline)).await), [""; 0]);
    database.execute(change).await;
    (bad(&database.report("", Some(&baseline)).await), bad(&database.report(EXPOSED, None).await))
}

#[tokio::test]
async fn an_api_role_that_owns_a_table_is_not_held_to_its_policies() {
    let database = api("").await;
    let (against, alone) = changed(&database, "alter table t owner to authenticated").await;
    assert!(against.contains(&"rls_bypassed:public.t:authenticated".to_owned()), "{against:?}");
    assert_eq!(alone, ["rls_bypassed:public.t:authenticated"]);
    // It is no damage of the restore where it was so, and none at all where the policies are forced.
    let baseline = database.evidence(&parse(""), None).await;
    let report = database.report("", Some(&baseline)).await;
    assert_eq!(severity(&report, "rls_bypassed:public.t:authenticated"), Some(Severity::Info));
    database.execute("alter table t force row level security").await;
    assert_eq!(bad(&database.report(EXPOSED, None).await), [""; 0]);
}

/// Row level security without an API, for a role of this name: roles are the cluster's.
async fn plain(role: &str) -> Database {
    Database::with(&format!(
        "create role {role}; create table t (id int, tenant text); alter table t enable row level security;
         create policy p on t to {role} using (tenant = current_setting('app.tenant', true));
         grant select, insert on t to {role}"
    ))
    .await
}

#[tokio::test]
async fn an_applications_role_that_owns_the_table_is_found() {
    let database = plain("dr_rls_two").await;
    let baseline = database.evidence(&parse(""), None).await;
    database.execute("alter table t owner to dr_rls_two").await;
    let report = database.report("", Some(&baseline)).await;
    assert_eq!(severity(&report, "rls_bypassed:public.t:dr_rls_two"), Some(Severity::Critical));
    database.execute("create role dr_rls_three; alter table t owner to dr_rls_three").await;
    let report = database.report("", Some(&baseline)).await;
    assert_eq!(severity(&report, "rls_bypassed:public.t:dr_rls_three"), Some(Severity::Warning));
}

#[tokio::test]
async fn what_changed_outside_the_exposed_schemas_is_found() {
    let database = api("create schema app; grant usage on schema app to authenticated;
        create function app.f() returns setof public.t language sql as 'select * from public.t'")
    .await;
    let mut change = "alter function app.f() security definer".to_owned();
    let mut expected = vec!["definer_function_exposed:app.f()"];
    if views_can_invoke().await {
        database
            .execute(
                "create view app.v with (security_invoker = on) as select * from public.t;
                 grant select on app.v to authenticated",
            )
            .await;
        change += "; alter view app.v reset (security_invoker)";
        expected.push("definer_view:app.v");
    }
    let (against, alone) = changed(&database, &change).await;
    assert_eq!(against, expected);
    assert_eq!(alone, [""; 0]);
}

/// What a role sees through a view of a private schema, and what the check says of it: neither more nor less.
#[tokio::test]
async fn views_over_views_are_judged_by_what_is_seen() {
    if !views_can_invoke().await {
        return;
    }
    let database = api("create schema private;
        create role dr_rls_weak; grant usage, create on schema private, public to dr_rls_weak;
        grant select on public.t to dr_rls_weak;
        insert into public.t values (1), (2);
        create view private.lent as select * from public.t;
        create view private.own with (security_invoker = on) as select * from public.t;
        create materialized view private.kept as select * from private.own;
        grant select on private.lent to dr_rls_weak;
        create view open_lent with (security_invoker = on) as select * from private.lent;
        create view lent_own as select * from private.own;
        create view own_lent_own with (security_invoker = on) as select * from lent_own;
        create view lent_kept as select * from private.kept;
        create view own_kept with (security_invoker = on) as select * from private.kept;
        create view weak_lent as select * from private.lent;
        create view weak as select * from public.t;
        alter view weak_lent owner to dr_rls_weak;
        alter view weak owner to dr_rls_weak;
        grant select on all tables in schema public to anon")
    .await;
    let seen = async |view: &str| {
        let sql = format!("set role anon; select count(*) from {view}");
        database.try_query(&sql).await.map_or("refused".to_owned(), |rows| rows.last().unwrap().clone())
    };
    for (view, expected) in [
        ("open_lent", "refused"),
        ("lent_own", "0"),
        ("own_lent_own", "0"),
        ("lent_kept", "2"),
        ("own_kept", "refused"),
        ("weak_lent", "2"),
        ("weak", "0"),
    ] {
        assert_eq!(seen(view).await, expected, "{view}");
    }
    let baseline = database.evidence(&parse(""), None).await;
    let shut = database.report(EXPOSED, None).await;
    assert_eq!(bad(&shut), ["definer_view:public.lent_kept", "definer_view:public.weak_lent"]);
    // It is so in the baseline too.
    assert_eq!(bad(&database.report("", Some(&baseline)).await), [""; 0]);

    database.execute("grant select on private.lent, private.kept to anon").await;
    assert_eq!((seen("open_lent").await, seen("own_kept").await), ("2".to_owned(), "2".to_owned()));
    let all = ["lent_kept", "open_lent", "own_kept", "weak_lent"];
    let opened = database.report(EXPOSED, None).await;
    assert_eq!(bad(&opened), all.map(|view| format!("definer_view:public.{view}")));
    let find = |view: &str| {
        let id = format!("rls_coverage:definer_view:public.{view}");
        opened.findings().into_iter().find(|finding| finding.id() == id).unwrap().common().clone()
    };
    assert_eq!(
        find("open_lent").hint.unwrap(),
        "It reads the view private.lent, with the rights of postgres, for whom the policies do not hold."
    );
    let Some(Remedy::Sql(remedy)) = find("open_lent").remedy else { panic!("no remedy") };
    assert_eq!(remedy.statements, ["alter view private.lent set (security_invoker = true)"]);
    assert_eq!(remedy.class, RemedyClass::AvailabilityRisk);
    assert!(find("own_kept").remedy.is_none(), "policies cannot hold for what is kept");
    let Some(Remedy::Sql(remedy)) = find("lent_kept").remedy else { panic!("no remedy") };
    assert_eq!(remedy.statements, ["alter view public.lent_kept set (security_invoker = true)"]);
    // Against the baseline, the grants are what changed, and what they open.
    let against = database.report("", Some(&baseline)).await;
    assert_eq!(bad(&against), ["definer_view:public.open_lent", "definer_view:public.own_kept",]);
    assert_eq!(drift(&against), ["privileges_widened:private:tables"]);
    assert_eq!(severity(&against, "definer_view:public.open_lent"), Some(Severity::Critical));
}

#[tokio::test]
async fn a_view_that_lends_its_rights_behind_an_untouched_one_is_found() {
    if !views_can_invoke().await {
        return;
    }
    let database = api("create schema private;
        create view private.v with (security_invoker = on) as select * from public.t;
        create view public.w with (security_invoker = on) as select * from private.v;
        grant select on private.v, public.w to anon")
    .await;
    let (against, alone) = changed(&database, "alter view private.v reset (security_invoker)").await;
    assert_eq!(against, ["definer_view:public.w"]);
    assert_eq!(alone, ["definer_view:public.w"]);
    database.execute("alter view private.v set (security_invoker = on)").await;
    let users = "create view private.users as select * from auth.users;
        create view public.users with (security_invoker = on) as select * from private.users;
        grant select on public.users to anon";
    assert_eq!(changed(&database, users).await.1, [""; 0]);
    let granted = changed(&database, "grant select on private.users to anon").await.1;
    assert_eq!(granted, ["auth_users_exposed:public.users"]);
}

#[tokio::test]
async fn an_acceptance_covers_what_it_says_and_nothing_that_comes_later() {
    let database = api("").await;
    let baseline = database.evidence(&parse(""), None).await;
    let accept = |id: &str, up_to: &str| {
        format!("{EXPOSED}[[accept]]\nfinding = \"rls_coverage:{id}\"\nreason = \"known\"\n{up_to}")
    };
    let widened = |up_to: &str| {
        accept("", up_to).replace("rls_coverage:", "privilege_drift:privileges_widened:public:tables")
    };
    let select = widened("up_to = [\"anon select on public.t\"]");
    database.execute("grant select on t to anon").await;
    assert_eq!(drift(&database.report(&select, Some(&baseline)).await), [""; 0]);
    let unbounded = database.report(&widened(""), Some(&baseline)).await;
    assert_eq!(drift(&unbounded), ["privileges_widened:public:tables"]);
    let notes = |report: &drcore::Report| -> Vec<String> {
        report.notes.iter().filter(|note| note.starts_with("[[accept]]")).cloned().collect()
    };
    assert_eq!(
        notes(&unbounded),
        [
            "[[accept]] privilege_drift:privileges_widened:public:tables does not hold: it needs a bound, which is \
             now up_to = [\"anon select on public.t\"]"
        ]
    );
    database.execute("grant delete on t to anon").await;
    let more = database.report(&select, Some(&baseline)).await;
    assert_eq!(drift(&more), ["privileges_widened:public:tables"]);
    assert!(notes(&more)[0].ends_with("its up_to lacks [\"anon delete on public.t\"]"), "{:?}", more.notes);
    let both = widened("up_to = [\"anon delete on public.t\", \"anon select on public.t\"]");
    assert_eq!(drift(&database.report(&both, Some(&baseline)).await), [""; 0]);

    // The same of what a table, a policy and a view let whom do.
    let database = api("create table prices (id int); revoke all on prices from anon, authenticated;
        grant select on prices to anon;
        alter table t disable row level security; create view v as select * from t;
        alter table t enable row level security; revoke all on v from authenticated, anon;
        grant select on v to authenticated;
        create policy all_of_it on t for all to authenticated using (true); grant delete on t to authenticated")
    .await;
    let narrow = [
        accept("definer_view:public.v", "up_to = [\"authenticated\", \"public.t\"]\n"),
        accept(
            "policy_always_true:public.t:all_of_it",
            "up_to = [\"authenticated\", \"select\", \"delete\"]\n",
        ),
        accept("rls_disabled:public.prices", "up_to = [\"anon\", \"select\"]\n"),
    ];
    let plan = format!("{EXPOSED}{}", narrow.concat().replace(EXPOSED, ""));
    let report = database.report(&plan, None).await;
    assert_eq!((bad(&report), notes(&report)), (Vec::new(), Vec::new()));
    database
        .execute(
            "grant select on v to anon; grant update on t to authenticated; grant insert on prices to anon",
        )
        .await;
    assert_eq!(
        bad(&database.report(&plan, None).await),
        ["definer_view:public.v", "policy_always_true:public.t:all_of_it", "rls_disabled:public.prices"]
    );
}
