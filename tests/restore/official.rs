//! A project that went through the dump and restore of Supabase's own command (`supabase db dump`: roles, schema and
//! data, each edited as text; then one `psql`): what it loses and opens is found, put right, and gone.
//!
//! The scripts are made here after what is known of that command: `pg_dump` with the schemas of the platform left out,
//! lines that begin with `--` deleted, wherever they stand, and statements on what is the platform's commented out.

use std::path::Path;
use std::process::Command;

use drcore::report::TextOptions;
use drcore::restore::repair::{RepairCall, apply, repair};
use drcore::restore::{Recipe, ScratchCluster, ScratchOptions};
use drcore::{Against, Evidence, Report, Severity, Verdict, VerifyOptions};

use super::round_trip::is_the_same;

const APP: &str = "app";

/// What its author made, in every place of a project where something is lost.
const APPLICATION: &str = include_str!("official.sql");

/// Not dumped: what a fresh project brings itself.
const PLATFORM: &[&str] = &[
    "auth",
    "storage",
    "extensions",
    "realtime",
    "vault",
    "supabase_migrations",
    "supabase_functions",
    "graphql",
    "graphql_public",
    "pgbouncer",
    "pgsodium",
    "cron",
    "net",
    "_realtime",
];

/// Of these the rows are dumped all the same.
const WITH_ROWS: &[&str] = &["auth", "storage", "cron", "net", "supabase_functions"];

/// Roles that every project has.
const RESERVED: &[&str] = &[
    "anon",
    "authenticated",
    "authenticator",
    "dashboard_user",
    "pgbouncer",
    "postgres",
    "service_role",
    "pgsodium",
    "pgtle",
    "supabase",
];

/// What is found, one line for each loss.
const LOST: &[&str] = &[
    "bucket_privacy:policy_lost:storage.buckets:\"members see buckets\"",
    "bucket_privacy:policy_lost:storage.objects:\"documents of members\"",
    "bucket_privacy:policy_lost:storage.objects:\"upload own\"",
    "invalid_objects:unpopulated_view:public.domains",
    "migration_drift:history_lost:supabase_migrations.schema_migrations",
    "privilege_drift:definer_functions_opened:public:functions",
    "privilege_drift:password_lost:reporting",
    "privilege_drift:privileges_widened:public:tables",
    // They follow from the grants that came back.
    "rls_coverage:auth_users_exposed:public.domains",
    "rls_coverage:rls_disabled:public.secrets",
    "schema_drift:object_changed:public.receipt():function",
    "schema_drift:object_lost:TimeZone of the database:setting",
    "schema_drift:object_lost:app.settings.region of the database:setting",
    "schema_drift:object_lost:auth.users:trigger:on_auth_user_created",
    "schema_drift:object_lost:log_ddl:event_trigger",
    "schema_drift:object_lost:supabase_migrations.schema_migrations:table",
];

async fn project() -> ScratchCluster {
    let mut options = ScratchOptions::default();
    options.recipe = Recipe::Supabase;
    let cluster = ScratchCluster::start(options).await.unwrap();
    cluster.create_database(APP).await.unwrap();
    cluster
}

/// Runs a program of PostgreSQL's against a cluster, and takes what it prints.
fn run(cluster: &ScratchCluster, program: &str, arguments: &[String]) -> String {
    let output = Command::new(cluster.tools().directory.join(program))
        .args(["--dbname", &cluster.url(APP)])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn arguments<'a>(all: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    all.into_iter().map(str::to_owned).collect()
}

/// `roles.sql`, `schema.sql` and `data.sql`.
fn dump(cluster: &ScratchCluster, directory: &Path) {
    let roles = run(
        cluster,
        "pg_dumpall",
        &arguments(["--roles-only", "--no-role-passwords", "--no-comments", "--quote-all-identifiers"]),
    );
    let is_reserved = |line: &str| {
        let named = ["CREATE ROLE \"", "ALTER ROLE \"", "GRANT \""];
        named.iter().filter_map(|begin| line.strip_prefix(begin)).any(|rest| {
            RESERVED.iter().any(|role| rest.starts_with(role)) || line.contains(" TO \"authenticator\"")
        })
    };
    let roles = edit(&roles, |line| {
        (!is_reserved(line)).then(|| line.replace(" NOSUPERUSER", "").replace(" NOREPLICATION", ""))
    });
    std::fs::write(directory.join("roles.sql"), roles).unwrap();

    let excluded = PLATFORM.iter().map(|schema| format!("--exclude-schema={schema}"));
    let mut schema = arguments(["--schema-only", "--quote-all-identifiers", "--role=postgres"]);
    schema.extend(excluded);
    let is_platforms = |line: &str| {
        [
            "CREATE PUBLICATION \"supabase_realtime",
            "CREATE EVENT TRIGGER ",
            "ALTER EVENT TRIGGER ",
            "ALTER DEFAULT PRIVILEGES FOR ROLE \"supabase_admin\"",
            "COMMENT ON EXTENSION ",
            "SET transaction_timeout",
        ]
        .iter()
        .any(|begin| line.starts_with(begin))
    };
    // The statement on an event trigger goes on in the lines after it.
    let mut inside = false;
    let schema = edit(&run(cluster, "pg_dump", &schema), |line| {
        inside |= is_platforms(line);
        if inside {
            inside = !line.ends_with(';');
            return None;
        }
        let begins = [
            ("CREATE SCHEMA ", "CREATE SCHEMA IF NOT EXISTS "),
            ("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS "),
            ("CREATE SEQUENCE ", "CREATE SEQUENCE IF NOT EXISTS "),
            ("CREATE VIEW ", "CREATE OR REPLACE VIEW "),
            ("CREATE FUNCTION ", "CREATE OR REPLACE FUNCTION "),
        ];
        let begin = begins.iter().find_map(|(old, new)| Some(format!("{new}{}", line.strip_prefix(old)?)));
        Some(begin.unwrap_or_else(|| line.to_owned()))
    });
    std::fs::write(directory.join("schema.sql"), schema).unwrap();

    let excluded = PLATFORM.iter().filter(|schema| !WITH_ROWS.contains(schema));
    let mut data =
        arguments(["--data-only", "--quote-all-identifiers", "--role=postgres", "--column-inserts"]);
    data.extend(excluded.map(|schema| format!("--exclude-schema={schema}")));
    std::fs::write(
        directory.join("data.sql"),
        edit(&run(cluster, "pg_dump", &data), |line| Some(line.to_owned())),
    )
    .unwrap();
}

/// Without lines that begin with `--`, and without what `psql` of an older release does not know.
fn edit(script: &str, line: impl FnMut(&str) -> Option<String>) -> String {
    let kept = script.lines().filter(|text| !text.starts_with("--") && !text.contains("restrict "));
    kept.filter_map(line).map(|text| text + "\n").collect()
}

fn restore(cluster: &ScratchCluster, directory: &Path) {
    let file = |name: &str| format!("--file={}", directory.join(name).display());
    let all = [
        "--single-transaction".to_owned(),
        "--quiet".to_owned(),
        "--no-psqlrc".to_owned(),
        "--set=ON_ERROR_STOP=1".to_owned(),
        file("roles.sql"),
        file("schema.sql"),
        "--command=SET session_replication_role = replica".to_owned(),
        file("data.sql"),
    ];
    run(cluster, "psql", &all);
}

fn options(before: &Evidence) -> VerifyOptions {
    let mut options = VerifyOptions::default();
    options.against = Some(Against::Evidence(Box::new(before.clone())));
    options.content(true);
    options
}

/// What is worse than information.
fn told(report: &Report) -> Vec<String> {
    let findings = report.findings().into_iter().filter(|finding| finding.severity() > Severity::Info);
    findings.map(|finding| finding.id().to_owned()).collect()
}

#[tokio::test]
async fn what_the_official_command_loses_and_opens_is_found_and_put_right() {
    let source = project().await;
    source.execute(APP, APPLICATION).await.unwrap();
    let mut options_before = VerifyOptions::default();
    options_before.content(true);
    let before = drcore::baseline(&source.url(APP), &options_before).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    dump(&source, directory.path());

    let fresh = project().await;
    restore(&fresh, directory.path());
    let mut call = RepairCall::default();
    call.verify = options(&before);
    let planned = repair(&fresh.url(APP), &call).await.unwrap();
    let mut found = told(&planned.report);
    found.sort_unstable();
    assert_eq!(found, LOST, "{}", planned.report.to_text(TextOptions::default()));
    let project = planned.plan.project.clone().unwrap();
    let plan = planned.plan.clone();
    let repaired = apply(&fresh.url(APP), &project, plan, &planned.report, &planned.options).await.unwrap();
    // Nobody knows it: no dump holds one.
    assert_eq!(told(&repaired.after), ["privilege_drift:password_lost:reporting"]);
    fresh.execute(APP, "alter role reporting password 'another'").await.unwrap();
    let report = drcore::verify(&fresh.url(APP), &call.verify).await.unwrap();
    is_the_same(&report, "put right");
    assert_eq!(report.verdict, Verdict::Passed);
    source.stop().unwrap();
    fresh.stop().unwrap();
}
