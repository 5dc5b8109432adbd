//! A database in which everything has a hostile name, and every check finds something: right in SQL, read
//! back from JSON, and in its place in every form of the report.

mod forms;
mod generated;
mod names;

use std::collections::BTreeSet;
use std::process::Command;

use drcore::check::{Outcome, Reason};
use drcore::gap::GapOptions;
use drcore::remedy::RemedyClass;
use drcore::restore::repair::Chosen;
use drcore::restore::{RepairOptions, RepairPlan};
use drcore::sql::{literal, quote};
use drcore::{Evidence, Finding, Plan, Report, VerifyOptions};
use drcore_tests::{Database, check, cluster};
use serde_json::json;

use names::NAMES;

/// The column that says which tenant a row belongs to.
const TENANT: &str = "te\"n|ant\u{1b}[0m\n<b>";

/// Every third name loses something else.
fn every(third: usize) -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().enumerate().filter(move |(at, _)| at % 3 == third).map(|(_, name)| name)
}

fn healthy() -> String {
    let mut sql = String::from("create schema sequences; create schema functions; create schema views;\n");
    // A user, to whom none of the rows belongs that the plan says belong to users.
    sql += "insert into auth.users (instance_id, id, aud, role, confirmation_token, recovery_token, email_change_token_new,
  email_change, created_at) values ('00000000-0000-0000-0000-000000000000', '00000000-0000-4000-8000-000000000001',
  'authenticated', 'authenticated', '', '', '', '', '2026-11-20');
insert into auth.identities (id, provider_id, user_id, identity_data, provider)
select id, id::text, id, '{}', 'email' from auth.users;\n";
    for name in NAMES {
        let (n, l, t) = (quote(name), literal(name), quote(TENANT));
        // Roles belong to the cluster, which is this binary's own.
        sql += &format!(
            "do $role$ begin create role {n}; exception when duplicate_object or unique_violation then null; end $role$;
create schema {n};
grant usage on schema {n} to anon, authenticated;
create table {n}.{n} ({n} text primary key, {t} text, created_at timestamptz not null, value text);
insert into {n}.{n} select {l} || suffix, {l}, '2026-11-20', 'v' from (values (''), (' 1'), (' 2')) s (suffix);
insert into {n}.{n} values ({l} || ' newest', {l}, '2026-11-21', 'v');
create sequence sequences.{n};
create table {n}.child (id int primary key default nextval({seq}), {n} text, {t} text);
alter table {n}.child add constraint {n} foreign key ({n}) references {n}.{n} ({n});
insert into {n}.child ({n}, {t}) select {n}, {t} from {n}.{n};
alter table {n}.{n} enable row level security;
alter table {n}.child enable row level security;
create policy {n} on {n}.{n} for select to {n}, authenticated using ({n} = {l});
create policy {n} on {n}.child for all to authenticated using ({n} <> {l}) with check ({t} = {l});
grant select on {n}.{n}, {n}.child to anon, authenticated;
create function functions.{n}() returns text language sql security definer as {body};
create view views.{n} as select * from {n}.{n};
insert into storage.buckets (id, name, public, created_at) values ({l}, {l}, false, '2026-11-01');
create table {n}.schema_migrations (version text primary key);
insert into {n}.schema_migrations values ({l}), ({l} || ' kept');
",
            seq = literal(&format!("sequences.{n}")),
            body = literal(&format!("select {l}::text")),
        );
    }
    sql
}

fn damage() -> String {
    let mut sql = String::from("set session_replication_role = replica;\n");
    for name in NAMES {
        let (n, l) = (quote(name), literal(name));
        sql += &format!(
            "delete from {n}.{n} where {n} in ({l}, {l} || ' newest');
update {n}.{n} set value = 'changed' where {n} = {l} || ' 1';
select setval({}, 1, false);
update pg_index set indisready = false where indexrelid = {key}::regclass;
insert into {n}.child select * from {n}.child where {n} = {l} || ' 1';
update pg_index set indisready = true where indexrelid = {key}::regclass;
update storage.buckets set public = true where id = {l};
delete from {n}.schema_migrations where version = {l};\n",
            literal(&format!("sequences.{n}")),
            key = literal(&format!("{n}.child_pkey")),
        );
    }
    for name in every(0) {
        let n = quote(name);
        sql += &format!("alter table {n}.{n} disable row level security;\ndrop policy {n} on {n}.child;\n");
    }
    for name in every(1) {
        let n = quote(name);
        sql += &format!(
            "alter policy {n} on {n}.{n} using (true);\nalter table {n}.child drop constraint {n};\n\
             grant insert on {n}.{n} to anon;\n"
        );
    }
    for name in every(2) {
        let n = quote(name);
        sql += &format!(
            "create policy added on {n}.{n} for select to {n} using (true);\ncreate table {n}.extra (id int);\n\
             alter table {n}.child disable trigger all;\nalter table {n}.{n} alter value set default 'x';\n"
        );
    }
    sql
}

/// What must hold, with all names in it.
fn plan() -> Plan {
    let speakable = || NAMES.into_iter().filter(|name| !name.chars().any(char::is_control));
    let assertions: Vec<_> = speakable()
        .map(|name| {
            let n = quote(name);
            json!({ "name": name, "sql": format!("select {n} from {n}.{n} where {n} = {}", literal(name)), "expect": "rows" })
        })
        .collect();
    let keys: Vec<String> =
        speakable().map(|name| format!("{n}.child ({n}, {t})", n = quote(name), t = quote(TENANT))).collect();
    let profiles: Vec<_> = speakable()
        .map(|name| json!({ "column": format!("{n}.child.{n}", n = quote(name)), "every_user": false }))
        .collect();
    let schemas: Vec<&str> = NAMES.into_iter().chain(["views", "functions"]).collect();
    let json = json!({
        "tenancy": { "column": TENANT },
        "auth_integrity": { "profiles": profiles },
        "duplicate_keys": { "keys": keys },
        "rls_coverage": { "exposed_schemas": schemas },
        "assertions": assertions,
    });
    match Plan::from_json(&json.to_string()) {
        Ok(plan) => plan,
        Err(error) => panic!("{error}: {}", error.detail_text().unwrap_or_default()),
    }
}

struct Case {
    database: Database,
    plan: Plan,
    baseline: Evidence,
    report: Report,
}

async fn case() -> Case {
    let database = Database::supabase().await;
    database.execute(&healthy()).await;
    let plan = plan();
    let mut options = VerifyOptions::default();
    options.plan = plan.clone();
    // With the content of every table, which only a baseline holds.
    let baseline = database.untouched(drcore::baseline(&database.url().await, &options)).await.unwrap();
    let before = plan.judge(&database.evidence(&plan, Some(&baseline)).await, Some(&baseline));
    for check in &before.checks {
        assert_eq!(check.unread, [], "{}", check.id);
    }
    database.execute(&damage()).await;
    let evidence = database.evidence(&plan, Some(&baseline)).await;
    let report = plan.judge(&evidence, Some(&baseline));
    Case { database, plan, baseline, report }
}

/// How many names each kind of finding must be told of.
const EXPECTED: [(&str, usize); 16] = [
    ("assertion_failed", 22),
    ("bucket_public", 26),
    // Each primary key, and the plan's.
    ("duplicated_rows", 48),
    // Of each schema a table, and its history of migrations.
    ("fewer_rows", 52),
    ("migrations_lost", 26),
    ("missing_foreign_key", 9),
    ("object_changed", 8),
    ("orphaned_rows", 26),
    ("policy_added", 8),
    ("policy_changed", 9),
    ("policy_lost", 9),
    ("profiles_without_user", 22),
    ("rls_disabled", 9),
    ("sequence_behind", 26),
    ("stale_data", 26),
    ("unenforced_constraint", 8),
];

#[tokio::test]
async fn every_check_names_what_it_finds_and_every_statement_runs() {
    let case = case().await;
    for result in &case.report.checks {
        if ["backups", "storage_orphans", "tenant_isolation"].contains(&result.id.as_str()) {
            // Without a store or users there is nothing to go on; names of files are tests/storage's and tests/backup's,
            // those of tables that users see tests/damage's.
            assert_eq!(result.reason, Some(Reason::NoExpectation));
            continue;
        }
        assert_eq!(result.outcome, Outcome::Failed, "{}: {:?} {:?}", result.id, result.reason, result.unread);
        assert_eq!(result.unread, [], "{}", result.id);
    }
    let findings = case.report.findings();
    for (kind, expected) in EXPECTED {
        assert_eq!(findings.iter().filter(|finding| finding.kind() == kind).count(), expected, "{kind}");
    }
    let ids: BTreeSet<&str> = findings.iter().map(|finding| finding.id()).collect();
    assert_eq!(ids.len(), findings.len(), "two findings have one id");
    tenants(&case.report);
    queries(&case.database, &findings).await;
    repaired(&case).await;
}

/// Who lost what, by tenants that are called as they like.
fn tenants(report: &Report) {
    let mut seen = BTreeSet::new();
    for finding in &check(report, "orphan_fks").findings {
        let Finding::OrphanedRows(orphans) = finding else { continue };
        let tenants: Vec<&String> = orphans.tenants.keys().collect();
        assert_eq!(tenants.len(), 1, "{tenants:?}");
        assert_eq!(orphans.tenants[tenants[0]], orphans.rows);
        seen.insert(tenants[0].clone());
    }
    assert_eq!(seen, NAMES.map(str::to_owned).into_iter().collect());
}

/// Whatever shows a finding runs as it is printed.
async fn queries(database: &Database, findings: &[&Finding]) {
    let queries: Vec<&String> =
        findings.iter().filter_map(|finding| finding.common().query.as_ref()).collect();
    assert!(queries.len() > 100, "{}", queries.len());
    for query in queries {
        database.query(query).await;
    }
}

/// The plan as a script for psql mends all that it answers, and nothing else happens.
async fn repaired(case: &Case) {
    let mut options = RepairOptions::default();
    options.allow = RemedyClass::Destructive;
    options.choices.push(Chosen::parse("orphan_fks=delete").unwrap());
    options.choices.push(Chosen::parse("duplicate_keys=delete-copies").unwrap());
    let plan = RepairPlan::of(&case.report, &options).unwrap();
    let answered: BTreeSet<&str> =
        plan.statements.iter().flat_map(|statement| &statement.answers).map(String::as_str).collect();
    assert!(answered.len() > 100, "{answered:?}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), plan.to_sql()).unwrap();
    let psql = Command::new(cluster().await.tools().directory.join("psql"))
        .args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file"])
        .arg(file.path())
        .arg(case.database.url().await)
        .output()
        .unwrap();
    assert!(psql.status.success(), "{}", String::from_utf8_lossy(&psql.stderr));
    let evidence = case.database.evidence(&case.plan, Some(&case.baseline)).await;
    let after = case.plan.judge(&evidence, Some(&case.baseline));
    let left: BTreeSet<&str> = after.findings().into_iter().map(Finding::id).collect();
    let still: Vec<&&str> = answered.intersection(&left).collect();
    // An added policy is dropped, a bucket private again, a sequence set, row level security on.
    assert!(still.is_empty(), "{still:#?}");
}

#[tokio::test]
async fn every_form_keeps_every_name_in_its_place() {
    let case = case().await;
    let report = &case.report;
    let json = report.to_json().unwrap();
    assert!(&Report::from_json(&json).unwrap() == report, "the report reads back as another");
    forms::screen("JSON", &json);
    let evidence = case.baseline.to_json().unwrap();
    assert_eq!(Evidence::from_json(&evidence).unwrap().to_json().unwrap(), evidence);
    let plan = case.plan.to_json().unwrap();
    assert!(Plan::from_json(&plan).unwrap() == case.plan, "the plan reads back as another");
    forms::check(report);
    let repair = RepairPlan::of(report, &RepairOptions::default()).unwrap();
    forms::screen("the repair plan", &repair.to_text());
    let read: RepairPlan = serde_json::from_str(&repair.to_json().unwrap()).unwrap();
    assert!(read == repair, "the repair plan reads back as another");
}

#[tokio::test]
async fn gaps_and_plans_of_hostile_names() {
    let database = Database::supabase().await;
    database.execute(&healthy()).await;
    let url = database.url().await;
    let mut options = GapOptions::new("2026-11-20T12:00:00Z".parse().unwrap());
    options.tenant_column = Some(TENANT.to_owned());
    let gap = drcore::gap(&url, &options).await.unwrap();
    assert_eq!(gap.rows, NAMES.len() as u64, "one row of each table is newer");
    let tenants: BTreeSet<Option<String>> =
        gap.tables.iter().flat_map(|table| &table.tenants).map(|row| row.tenant.clone()).collect();
    assert_eq!(tenants, NAMES.map(|name| Some(name.to_owned())).into_iter().collect());
    forms::screen("the gap", &gap.to_text());
    forms::html("the gap", &gap.to_html_fragment());
    forms::screen("the JSON of the gap", &gap.to_json().unwrap());

    // A plan that is written for these names is read again, and holds.
    let text = drcore::init(&url, &VerifyOptions::default()).await.unwrap();
    forms::screen("the plan", &text);
    let plan = drcore_tests::parse(&text);
    let baseline = database.evidence(&plan, None).await;
    let report = plan.judge(&database.evidence(&plan, Some(&baseline)).await, Some(&baseline));
    let failed: Vec<&str> = report
        .checks
        .iter()
        .filter(|check| check.outcome == Outcome::Failed && check.id != "rls_coverage")
        .map(|check| check.id.as_str())
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}
