//! What each role can prove, and what would let it prove the rest.

use std::collections::{BTreeMap, BTreeSet};

use drcore::check::{CheckResult, Outcome};
use drcore::evidence::CauseKind;
use drcore::report::TextOptions;
use drcore::{Against, Evidence, Plan, Report, Severity, Verdict, VerifyOptions, verify};
use drcore_tests::app::{APP, DAMAGE, FOUND, PLAN};
use drcore_tests::{Database, check, ids, major, parse};

/// Roles as Supabase makes them, under names of these tests: roles are the cluster's.
///
/// Source: supabase/postgres, migrations/db (2026-10). Before version 14 there is no `pg_read_all_data`.
const ROLES: &str = "
do $$
declare
  wanted text;
begin
  for wanted in
    select r.name || ' ' || r.attributes
    from (values
      ('v_postgres', 'login createdb createrole replication bypassrls'),
      ('v_read_only', 'login bypassrls'),
      ('v_bare', 'login'),
      ('v_group', 'nologin'),
      ('v_settings', 'login superuser')
    ) r (name, attributes)
    where not exists (select from pg_roles p where p.rolname = r.name)
  loop
    execute 'create role ' || wanted;
  end loop;
  grant anon, authenticated, service_role to v_postgres;
  grant v_group to authenticated;
  if exists (select from pg_roles where rolname = 'pg_read_all_data') then
    grant pg_read_all_data to v_postgres, v_read_only;
  end if;
end
$$;
";

/// What these tests do with them in one database.
const GRANTS: &str = "
do $$
begin
  if not exists (select from pg_roles where rolname = 'pg_read_all_data') then
    grant usage on schema public, auth, storage to v_postgres, v_read_only;
    grant select on all tables in schema public, auth, storage to v_postgres, v_read_only;
    grant select on all sequences in schema public, auth, storage to v_postgres, v_read_only;
  end if;
end
$$;
alter table public.tenants owner to v_postgres;
alter table public.invoices owner to v_postgres;
-- What one team may read; the API does not enter the schema.
create schema internal;
create table internal.jobs (id int primary key, created_at timestamptz not null);
insert into internal.jobs select n, '2026-11-20T01:00:00Z' from generate_series(1, 10) n;
insert into storage.objects (bucket_id, name, version, created_at, updated_at) values
  ('documents', 'a', '1f9d7a52-3c0e-4b57-9a2e-000000000001', '2026-11-20T01:00:00Z', '2026-11-20T01:00:00Z'),
  ('documents', 'b', '1f9d7a52-3c0e-4b57-9a2e-000000000002', '2026-11-20T01:00:00Z', '2026-11-20T01:00:00Z');
grant usage on schema internal to v_bare, v_postgres, v_read_only;
grant select on internal.jobs to v_bare, v_postgres, v_read_only;
";

/// Each column of the page, and how it is connected as.
const WHO: &[(&str, &str)] = &[
    ("superuser", "postgres"),
    ("postgres", "v_postgres"),
    ("read-only", "v_read_only"),
    ("some tables", "v_bare"),
    ("anon", "anon"),
];

/// What is done to the table that a team may read, beside the damage to all others.
const MORE_DAMAGE: &str =
    "delete from internal.jobs where id > 5; update internal.jobs set created_at = '2026-11-19T01:00:00Z'";

struct Twins {
    healthy: Database,
    damaged: Database,
    baseline: Evidence,
}

async fn twins() -> Twins {
    let healthy = Database::supabase().await;
    roles().await;
    healthy.execute(&format!("{APP}{GRANTS}")).await;
    let mut options = VerifyOptions::default();
    options.plan = parse(PLAN);
    let baseline = healthy.untouched(drcore::baseline(&healthy.url().await, &options)).await.unwrap();
    let damaged = healthy.copy().await;
    damaged.execute(&format!("{DAMAGE}{MORE_DAMAGE}")).await;
    Twins { healthy, damaged, baseline }
}

/// Makes the roles that may do what nobody grants, before anything is compared: roles are the cluster's, and one that
/// came while another test runs would be a finding there.
pub(crate) async fn roles() {
    static MADE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    MADE.get_or_init(|| async { Database::supabase().await.execute(ROLES).await }).await;
}

/// As PostgREST does it where the role cannot log in.
async fn url(database: &Database, role: &str) -> String {
    match role {
        "anon" => database.url_as("authenticator").await + "?options=-c%20role%3Danon",
        _ => database.url_as(role).await,
    }
}

async fn report(database: &Database, role: &str, plan: &str, then: &Evidence) -> Report {
    let mut options = VerifyOptions::default();
    options.plan = parse(plan);
    options.against = Some(Against::Evidence(Box::new(then.clone())));
    verify(&url(database, role).await, &options).await.unwrap()
}

/// The word of the page: what one check comes to, where all is well and where it is not.
fn word(healthy: &CheckResult, damaged: &CheckResult, known: &BTreeSet<String>) -> &'static str {
    let id = &healthy.id;
    assert!(
        healthy.findings.iter().all(|finding| finding.severity() == Severity::Info),
        "{id}: {healthy:#?}"
    );
    let found: BTreeSet<String> = damaged.findings.iter().map(|finding| finding.id().to_owned()).collect();
    assert!(found.is_subset(known), "{id}: {found:?}");
    match (healthy.outcome, damaged.outcome) {
        (Outcome::Passed, Outcome::Failed) => {
            assert_eq!(&found, known, "{id}");
            "all"
        }
        (Outcome::NotRun, Outcome::Failed | Outcome::NotRun) => {
            assert!(healthy.counts && !healthy.unread.is_empty(), "{id}");
            // Who sees others' rows is no stranger any more.
            let is_told = id == "tenant_isolation" && damaged.outcome == Outcome::Failed;
            assert!(is_told || !damaged.unread.is_empty(), "{id}");
            if healthy.examined.is_empty() { "nothing" } else { "part" }
        }
        other => panic!("{id}: {other:?}, {healthy:#?}"),
    }
}

/// A store with these files in the bucket `documents`.
fn files(paths: &[&str]) -> tempfile::TempDir {
    let root = tempfile::TempDir::new().unwrap();
    for path in paths {
        let file = root.path().join("stub/documents").join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, "x").unwrap();
    }
    root
}

/// Every word of the page's table, by check and column.
fn promised() -> BTreeMap<(String, String), String> {
    let page = drcore::pages::ALL.iter().find(|page| page.topic == "roles").unwrap();
    let rows: Vec<Vec<&str>> = page
        .text
        .lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("|--"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let (head, rows) = rows.split_first().unwrap();
    let mut promised = BTreeMap::new();
    for row in rows {
        for (column, cell) in head.iter().zip(row).skip(1) {
            let name = |text: &str| text.trim_matches('`').to_owned();
            promised.insert((name(row[0]), name(column)), (*cell).to_owned());
        }
    }
    promised
}

#[tokio::test]
async fn the_page_says_what_each_role_can_prove() {
    if major().await < 14 {
        return subscriptions_are_unread().await;
    }
    let twins = twins().await;
    // All the files, and all but one.
    let (whole, holed) = (
        files(&["a/1f9d7a52-3c0e-4b57-9a2e-000000000001", "b/1f9d7a52-3c0e-4b57-9a2e-000000000002"]),
        files(&["a/1f9d7a52-3c0e-4b57-9a2e-000000000001"]),
    );
    // A backup, and none.
    let (backups, none) = (tempfile::TempDir::new().unwrap(), tempfile::TempDir::new().unwrap());
    std::fs::write(backups.path().join("backup-20261120-023000.dump"), "x").unwrap();
    let with = |files: &tempfile::TempDir, backups: &tempfile::TempDir| {
        format!(
            "{PLAN}\n[storage_orphans]\nstore = \"file://{}\"\nsettle = \"10ms\"\n\
             [backups]\nrepository = \"{}\"\n[objectives]\nrpo = \"36500 days\"\n\
             [tenancy]\ncolumn = \"tenant_id\"\n[[tenant_isolation.users]]\n\
             id = \"00000000-0000-4000-8000-000000000001\"\ntenants = [\"1\"]\n[[tenant_isolation.users]]\n\
             id = \"00000000-0000-4000-8000-000000000002\"\ntenants = [\"2\"]\n",
            files.path().display(),
            backups.path().display()
        )
    };
    let (whole_plan, holed_plan) = (with(&whole, &backups), with(&holed, &none));
    let all = report(&twins.damaged, "postgres", &holed_plan, &twins.baseline).await;
    let mut expected: Vec<&str> = FOUND.to_vec();
    let no_backups = format!("backups:no_backups:{}", none.path().display());
    expected.extend([
        no_backups.as_str(),
        "content_drift:rows_differ:internal.jobs",
        "freshness:stale_data:internal.jobs.created_at",
        "row_counts:fewer_rows:internal.jobs",
        "storage_orphans:missing_files:documents",
        "tenant_isolation:rows_of_others_shown:public.invoices",
        "tenant_isolation:rows_shown_to_anonymous:public.invoices",
    ]);
    expected.sort_unstable();
    assert_eq!(ids(&all), expected);
    let mut measured = BTreeMap::new();
    for (who, role) in WHO {
        let healthy = report(&twins.healthy, role, &whole_plan, &twins.baseline).await;
        let damaged = report(&twins.damaged, role, &holed_plan, &twins.baseline).await;
        for (healthy, damaged) in healthy.checks.iter().zip(&damaged.checks) {
            let known =
                check(&all, &healthy.id).findings.iter().map(|finding| finding.id().to_owned()).collect();
            measured
                .insert((healthy.id.clone(), (*who).to_owned()), word(healthy, damaged, &known).to_owned());
        }
        let verdict = if measured.iter().all(|((_, of), word)| of != who || word == "all") {
            Verdict::Passed
        } else {
            Verdict::Unproven
        };
        assert_eq!(healthy.verdict, verdict, "{who}");
        assert_eq!(damaged.verdict, Verdict::Failed, "{who}");
    }
    let promised = promised();
    for (at, word) in &measured {
        assert_eq!(promised.get(at), Some(word), "{at:?} on the page roles; all of it: {measured:#?}");
    }
    assert_eq!(promised.len(), measured.len(), "one row for each check");
}

/// The statements of all hints.
fn advised(report: &Report) -> BTreeSet<String> {
    let mut statements = BTreeSet::new();
    for unread in report.checks.iter().flat_map(|check| &check.unread) {
        let hint = unread.cause.hint.as_deref().unwrap_or_else(|| panic!("{unread:?} has no hint"));
        let run = hint.strip_prefix("Run: ").and_then(|hint| hint.strip_suffix('.'));
        let run = run.unwrap_or_else(|| panic!("{}: {hint}", unread.object));
        statements.extend(run.split("; ").map(str::to_owned));
    }
    statements
}

#[tokio::test]
async fn each_unread_object_names_the_grant_that_makes_it_readable() {
    if major().await < 14 {
        return subscriptions_are_unread().await;
    }
    let twins = twins().await;
    let database = &twins.healthy;
    // Names that need quotes, in a schema that is shut.
    let names = "
        create role \"V \"\"bare\"\"\" login; create schema \"Shut; up\";
        create table \"Shut; up\".\"o'clock\" (id serial primary key, created_at timestamptz);
        insert into \"Shut; up\".\"o'clock\" (created_at) values ('2026-11-20T01:00:00Z');
        create table \"Shut; up\".\"policed\" (id int primary key);
        alter table \"Shut; up\".\"policed\" enable row level security;
        create policy p on \"Shut; up\".\"policed\" using (true)";
    database.execute(names).await;
    let then = database.evidence(&parse(PLAN), None).await;
    let role = "V%20%22bare%22";
    let before = report(database, role, PLAN, &then).await;
    assert_eq!(before.verdict, Verdict::Unproven, "{:?}", ids(&before));
    let statements = advised(&before);
    for statement in [
        "grant usage on schema \"Shut; up\" to \"V \"\"bare\"\"\"",
        "grant select on sequence public.invoices_id_seq to \"V \"\"bare\"\"\"",
        "grant select on storage.buckets to \"V \"\"bare\"\"\"",
        "grant select on auth.users to \"V \"\"bare\"\"\"",
        "alter role \"V \"\"bare\"\"\" bypassrls",
    ] {
        assert!(
            statements.iter().any(|known| known.starts_with(statement.split(';').next().unwrap())),
            "{statement}: {statements:#?}"
        );
    }
    for unread in before.checks.iter().flat_map(|check| &check.unread) {
        let hint = unread.cause.hint.as_deref().unwrap();
        database.execute(hint.strip_prefix("Run: ").unwrap().strip_suffix('.').unwrap()).await;
    }
    // Roles are part of a baseline: one that comes to stand above the policies is a finding.
    let then = database.evidence(&parse(PLAN), None).await;
    let after = report(database, role, PLAN, &then).await;
    assert_eq!(after.verdict, Verdict::Passed, "{}", after.to_text(TextOptions::default()));
}

#[tokio::test]
async fn row_level_security_is_told_from_a_missing_grant() {
    let database =
        Database::with("create table t (id int primary key); alter table t enable row level security").await;
    let then = database.evidence(&Plan::default(), None).await;
    database.execute("create role v_policed login; grant select on t to v_policed").await;
    let cause = |report: Report| check(&report, "row_counts").unread[0].cause.clone();
    let policed = cause(report(&database, "v_policed", "", &then).await);
    assert_eq!(policed.kind, CauseKind::RowSecurity);
    assert_eq!(policed.hint.as_deref(), Some("Run: alter role v_policed bypassrls."));
    database.execute("revoke select on t from v_policed").await;
    let refused = cause(report(&database, "v_policed", "", &then).await);
    assert_eq!(refused.kind, CauseKind::Permission);
    assert_eq!(
        refused.hint.as_deref(),
        Some("Run: grant select on public.t to v_policed; alter role v_policed bypassrls.")
    );
}

#[tokio::test]
async fn nobody_is_told_to_grant_anything_to_the_api() {
    if major().await < 14 {
        return subscriptions_are_unread().await;
    }
    let twins = twins().await;
    twins.healthy.execute("grant select on internal.jobs to v_group").await;
    for role in ["anon", "v_group"] {
        let url = twins.healthy.url_as("postgres").await + &format!("?options=-c%20role%3D{role}");
        let mut options = VerifyOptions::default();
        options.plan = parse(PLAN);
        options.against = Some(Against::Evidence(Box::new(twins.baseline.clone())));
        let report = verify(&url, &options).await.unwrap();
        let unread: Vec<_> = report.checks.iter().flat_map(|check| &check.unread).collect();
        assert!(!unread.is_empty());
        for unread in unread {
            let hint = unread.cause.hint.as_deref().unwrap();
            assert!(hint.starts_with("Verify with a role of its own"), "{role}, {}: {hint}", unread.object);
        }
    }
}

#[tokio::test]
async fn views_that_show_only_what_the_role_may_use_prove_nothing() {
    let database = Database::with("create table secrets (id int); create table t (id int)").await;
    database
        .execute("create role v_seer login; grant select on t to v_seer; grant select on secrets to public")
        .await;
    let baseline = database.evidence(&Plan::default(), None).await;
    let of =
        |sql: &str| format!("[[assertions]]\nname = \"a\"\nexpect = \"no rows\"\nsql = \"\"\"{sql}\"\"\"\n");
    let grants = of(
        "select 1 from information_schema.role_table_grants where table_schema = 'public' and grantee = 'PUBLIC' and privilege_type = 'UPDATE'",
    );
    let statistics = of("select 1 from pg_stats where tablename = 'secrets'");
    let nested =
        of("select 1 from (select * from information_schema.table_privileges) p where table_name = 'none'");
    let tables = of("select 1 from information_schema.tables where table_name = 'none'");
    let catalog = of("select 1 from pg_class where relname = 'none'");
    for plan in [&grants, &statistics, &nested] {
        let report = report(&database, "v_seer", plan, &baseline).await;
        let unread = &check(&report, "assertions").unread;
        assert_eq!(unread.len(), 1, "{plan}");
        assert_eq!(unread[0].cause.kind, CauseKind::Permission);
        assert!(unread[0].cause.message.contains("shows only what the role may use"), "{:?}", unread[0]);
        assert!(unread[0].cause.hint.as_ref().unwrap().contains("pg_class"), "{:?}", unread[0]);
        assert_eq!(
            check(&self::report(&database, "postgres", plan, &baseline).await, "assertions").outcome,
            Outcome::Passed
        );
    }
    // Whole for whoever has something on every table.
    for plan in [&tables, &catalog] {
        let report = report(&database, "v_seer", plan, &baseline).await;
        assert_eq!(check(&report, "assertions").outcome, Outcome::Passed, "{plan}");
    }
    database.execute("create table hidden (id int)").await;
    let report = report(&database, "v_seer", &tables, &baseline).await;
    assert_eq!(check(&report, "assertions").outcome, Outcome::NotRun);
}

#[tokio::test]
async fn a_roles_own_settings_change_no_answer() {
    let database = Database::supabase().await;
    roles().await;
    database
        .execute(
            "create table t (id int primary key, owner uuid, created_at timestamptz default now());
             alter table t enable row level security;
             create policy p on t for select to authenticated using (owner = auth.uid() and created_at > '2020-01-01');
             insert into t (id) select generate_series(1, 9)",
        )
        .await;
    let baseline = database.evidence(&Plan::default(), None).await;
    for setting in [
        "quote_all_identifiers = on",
        "search_path = auth, storage, public",
        "datestyle = 'SQL, DMY'",
        "intervalstyle = sql_standard",
        "timezone = 'Asia/Kathmandu'",
        "row_security = on",
        "extra_float_digits = 0",
        "bytea_output = escape",
        "default_transaction_read_only = on",
        "default_transaction_isolation = serializable",
        "standard_conforming_strings = off",
        "transform_null_equals = on",
        "array_nulls = off",
    ] {
        database
            .execute(&format!(
                // Here alone: other tests would see the whole cluster's.
                "alter role v_settings in database {name} reset all; \
                 alter role v_settings in database {name} set {setting}",
                name = database.name
            ))
            .await;
        let report = report(&database, "v_settings", "", &baseline).await;
        // But that it has them.
        let own = |id: &str| id.contains(" of v_settings") && id.ends_with(":setting");
        let bad: Vec<String> = report
            .findings()
            .into_iter()
            .filter(|finding| finding.severity() > Severity::Info && !own(finding.id()))
            .map(|finding| finding.id().to_owned())
            .collect();
        assert_eq!(
            (report.verdict, bad),
            (Verdict::Passed, Vec::new()),
            "{setting}: {}",
            report.to_text(TextOptions::default())
        );
    }
}

/// Before 14 only superusers read the list of subscriptions: nobody else is told that the structure is whole.
async fn subscriptions_are_unread() {
    let database = Database::with("create table t (id int primary key)").await;
    let then = database.evidence(&Plan::default(), None).await;
    database
        .execute("do $$ begin create role v_thirteen login; exception when others then null; end $$")
        .await;
    let report = report(&database, "v_thirteen", "", &then).await;
    let drift = check(&report, "schema_drift");
    assert_eq!(drift.outcome, Outcome::NotRun);
    assert_eq!(drift.unread[0].cause.kind, CauseKind::Permission, "{:?}", drift.unread);
    assert_ne!(report.verdict, Verdict::Passed);
}
