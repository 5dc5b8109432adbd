//! `drcore init` writes plans that hold, whatever the database is called.

use drcore::{Plan, Severity, VerifyOptions, init};
use drcore_tests::{Database, check, ids, parse};

const SUPABASE: &str = include_str!("../../crates/drcore/src/drill/sample/supabase.sql");
const SCHEMA: &str = include_str!("../../crates/drcore/src/drill/sample/schema.sql");

/// The plan as written, and with every proposal taken.
async fn plans(database: &Database) -> (String, String) {
    let text = database.untouched(init(&database.url().await, &VerifyOptions::default())).await.unwrap();
    let taken = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(proposal) if !proposal.starts_with(' ') => proposal,
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    (text, taken)
}

#[tokio::test]
async fn the_plan_of_the_sample_holds() {
    let database = Database::with(SUPABASE).await;
    database.execute(SCHEMA).await;
    database
        .execute(
            "insert into storage.buckets (id, name, public) values
             ('documents', 'documents', false), ('avatars', 'avatars', true), ('a.\"b', 'odd', null)",
        )
        .await;
    let (text, taken) = plans(&database).await;
    let plan = parse(&text);
    let buckets: Vec<(String, Option<bool>)> = plan
        .bucket_privacy
        .as_ref()
        .unwrap()
        .buckets
        .iter()
        .map(|(id, bucket)| (id.clone(), bucket.public))
        .collect();
    // What is open is a proposal: a disaster may have opened it.
    let expected = [("a.\"b", false), ("documents", false)];
    assert_eq!(buckets, expected.map(|(id, public)| (id.to_owned(), Some(public))));
    assert_eq!(plan.tenancy.as_ref().unwrap().column, "tenant_id");
    let taken = parse(&taken);
    assert_eq!(taken.bucket_privacy.as_ref().unwrap().buckets["avatars"].public, Some(true));
    assert_eq!(taken.scope.schemas, ["public"]);
    let counted: Vec<String> = taken.row_counts.unwrap().tables.keys().map(ToString::to_string).collect();
    assert!(counted.contains(&"\"User\"".to_owned()), "{counted:?}");
    assert!(!counted.contains(&"audit_events_rest".to_owned()), "partitions are counted with their root");

    let fresh: Vec<String> = taken.freshness.unwrap().tables.iter().map(ToString::to_string).collect();
    assert!(fresh.contains(&"\"User\".created_at".to_owned()), "{fresh:?}");
    assert_eq!(taken.assertions.len(), 1);
    let profiles = taken.auth_integrity.unwrap().profiles;
    let profiles: Vec<String> = profiles.iter().map(|planned| planned.column.to_string()).collect();
    assert_eq!(profiles, ["\"User\".id"], "those of several tenants are memberships");

    let baseline = database.evidence(&plan, None).await;
    let report = database.report(&text, Some(&baseline)).await;
    // The price list is open to everybody on purpose, which is worth a note.
    let wrong: Vec<_> = report.findings().into_iter().filter(|f| f.severity() > Severity::Info).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn an_empty_database_gives_a_plan() {
    let (text, taken) = plans(&Database::empty().await).await;
    assert_eq!(parse(&text), Plan::default(), "{text}");
    parse(&taken);
    assert!(text.contains("No tables of an application were seen"), "{text}");
}

#[tokio::test]
async fn what_the_api_serves_is_taken_from_the_database() {
    let database =
        Database::with("create table t (id int); create schema private; create table private.u (id int)")
            .await;
    let (text, taken) = plans(&database).await;
    assert!(parse(&text).rls_coverage.is_none(), "a guess is a proposal");
    assert_eq!(parse(&taken).rls_coverage.unwrap().exposed_schemas, ["public"]);
    database.execute(&format!("alter database {} set pgrst.db_schemas = 'public, api'", database.name)).await;
    let (text, _) = plans(&database).await;
    assert_eq!(parse(&text).rls_coverage.unwrap().exposed_schemas, ["public", "api"]);
    assert!(text.contains("Not served, as this line has it: private."), "{text}");
}

#[tokio::test]
async fn references_without_a_foreign_key_are_proposed() {
    let database = Database::with(
        r#"
        create table categories (id int primary key);
        create table tasks (id int primary key, category_id int, parent_id int, project_id bigint);
        create table projects (id int primary key);
        create table "User" (id uuid primary key);
        create table time_logs (id int, task_id int references tasks, "userId" uuid, category_id text);
        create schema billing;
        create table billing.projects (id int primary key);
        create table billing.invoices (id int, project_id int);
        "#,
    )
    .await;
    let (text, taken) = plans(&database).await;
    assert!(parse(&text).orphan_fks.is_none(), "proposals only");
    let relations: Vec<String> =
        parse(&taken).orphan_fks.unwrap().relations.iter().map(ToString::to_string).collect();
    assert_eq!(
        relations,
        [
            "billing.invoices.project_id -> billing.projects.id",
            "tasks.category_id -> categories.id",
            "time_logs.\"userId\" -> \"User\".id",
        ],
        "another type is no reference, a declared one needs no line, billing's own table goes first"
    );
}

#[tokio::test]
async fn keys_without_an_index_are_proposed() {
    let database = Database::with(
        r#"
        create table invoices (id int primary key, tenant_id int, number int, total numeric);
        create table users (id int primary key, email text);
        create unique index on users (lower(email));
        create table products (id int primary key, sku text unique, "Slug" text);
        create schema billing;
        create table billing.orders ("orderNumber" text, "tenantId" int);
        "#,
    )
    .await;
    let (text, taken) = plans(&database).await;
    assert!(parse(&text).duplicate_keys.is_none(), "proposals only");
    let taken = parse(&taken);
    let keys: Vec<String> = taken.duplicate_keys.unwrap().keys.iter().map(ToString::to_string).collect();
    assert_eq!(
        keys,
        [
            "billing.orders (\"tenantId\", \"orderNumber\")",
            "invoices (tenant_id, number)",
            "products (\"Slug\")"
        ]
    );
}

#[tokio::test]
async fn hostile_names_stay_names() {
    let database = Database::with(
        "create schema \"we.ird\";
        create table \"we.ird\".\"we\"\"ird; DROP\" (id int primary key, \"a'b_id\" int);
        create table \"[[skip]]\ncheck = 1\" (id int primary key, \"tenant id\" int);
        create table \"x = 1 # \\\" (id int primary key, \"\u{202e}\u{1b}_id\" int);
        create table \"a'b\" (id int primary key);
        create table \"\u{202e}\u{1b}\" (id int primary key);",
    )
    .await;
    let (text, taken) = plans(&database).await;
    assert_eq!(parse(&text), Plan::default(), "{text}");
    assert!(!text.contains(['\u{202e}', '\u{1b}']), "{text:?}");
    let plan = parse(&taken);
    assert_eq!(plan.orphan_fks.as_ref().unwrap().relations.len(), 2, "{text}");
    assert_eq!(plan.row_counts.as_ref().unwrap().tables.len(), 5);

    // Every name stands for the table that it was written for.
    let mut taken = plan;
    taken.scope = drcore::plan::Scope::default();
    taken.skip.clear();
    let baseline = database.evidence(&taken, None).await;
    let evidence = database.evidence(&taken, Some(&baseline)).await;
    assert_eq!(evidence.scans.tables.len(), 5);
    let report = taken.judge(&evidence, Some(&baseline));
    assert_eq!(check(&report, "row_counts").examined["tables"], 5);
    assert_eq!(ids(&report), [""; 0]);
}

#[tokio::test]
async fn nothing_is_written_where_nothing_could_be_read() {
    let error = init("postgresql://nobody@127.0.0.1:1/none", &VerifyOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), drcore::ErrorKind::Connection);
}
