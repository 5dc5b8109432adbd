use drcore::check::{Outcome, Reason};
use drcore::collect::{CollectOptions, collect};
use drcore::remedy::Remedy;
use drcore::{Evidence, Finding, Report, Severity, Source};
use drcore_tests::{Database, check, cluster, parse};

const SCRIPT: &str = include_str!("privilege_drift.sql");
const ID: &str = "privilege_drift";

/// The healthy one.
async fn healthy() -> Database {
    for role in ["dr_pd_reader", "dr_pd_writer"] {
        let create = format!(
            "do $$ begin create role {role}; exception when duplicate_object or unique_violation then null; end $$"
        );
        cluster().await.execute("postgres", &create).await.unwrap();
    }
    let database = Database::supabase().await;
    database.execute(SCRIPT.split_once("-- damage\n").unwrap().0).await;
    database
}

/// Evidence of this check's facts alone.
async fn evidence(database: &Database) -> Evidence {
    let source = Source::connect(&database.url().await).await.unwrap();
    let mut options = CollectOptions::default();
    options.only = vec![ID.to_owned()];
    database.untouched(collect(&source, &parse(""), None, &options)).await.unwrap()
}

fn report(now: &Evidence, then: &Evidence) -> Report {
    Report::judge(&parse(""), now, Some(then), &[ID.to_owned()])
}

/// What is found, but for what only concerns roles: others are made by other tests at the same time.
fn found(report: &Report) -> Vec<&Finding> {
    let findings = check(report, ID).findings.iter().filter(|finding| !finding.kind().starts_with("role_"));
    findings.filter(|finding| finding.severity() > Severity::Info).collect()
}

fn ids(report: &Report) -> Vec<String> {
    found(report).iter().map(|finding| finding.id().replacen("privilege_drift:", "", 1)).collect()
}

fn remedies(report: &Report) -> Vec<String> {
    let remedies = found(report).into_iter().filter_map(|finding| finding.common().remedy.clone());
    remedies
        .flat_map(|remedy| match remedy {
            Remedy::Sql(sql) => sql.statements,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// `(what is done, what is found)`, or several findings one after the other.
type Case = (&'static str, &'static [&'static str]);

/// Each kind of thing, widened and narrowed.
const GRANTS: &[Case] = &[
    ("grant update on app.invoices to dr_pd_reader", &["privileges_widened:app:tables"]),
    ("revoke insert on app.invoices from dr_pd_reader", &["privileges_narrowed:app:tables"]),
    ("grant select on app.invoices to dr_pd_reader with grant option", &["privileges_widened:app:tables"]),
    ("grant select on app.totals to anon", &["privileges_widened:app:tables"]),
    ("revoke select on app.totals from dr_pd_reader", &["privileges_narrowed:app:tables"]),
    ("grant truncate on app.kept to dr_pd_writer", &["privileges_widened:app:tables"]),
    ("revoke all on app.kept from dr_pd_reader", &["privileges_narrowed:app:tables"]),
    ("grant select on app.parts_eu to anon", &["privileges_widened:app:tables"]),
    ("revoke select on app.parts from dr_pd_reader", &["privileges_narrowed:app:tables"]),
    ("grant select (secret) on app.invoices to authenticated", &["privileges_widened:app:columns"]),
    ("revoke select (number) on app.invoices from authenticated", &["privileges_narrowed:app:columns"]),
    ("grant update on sequence app.tickets to dr_pd_reader", &["privileges_widened:app:sequences"]),
    ("revoke usage on sequence app.tickets from dr_pd_reader", &["privileges_narrowed:app:sequences"]),
    ("grant usage on sequence app.invoices_id_seq to anon", &["privileges_widened:app:sequences"]),
    ("grant execute on function app.plain(int, text) to anon", &["privileges_widened:app:functions"]),
    (
        "revoke execute on function app.plain(int, text) from dr_pd_reader",
        &["privileges_narrowed:app:functions"],
    ),
    ("grant execute on function app.purge() to authenticated", &["definer_functions_opened:app:functions"]),
    ("grant execute on function app.purge() to dr_pd_writer", &["privileges_widened:app:functions"]),
    ("revoke execute on function app.purge() from dr_pd_reader", &["privileges_narrowed:app:functions"]),
    ("grant execute on procedure app.tidy() to dr_pd_writer", &["privileges_widened:app:functions"]),
    ("grant execute on function app.total(int) to dr_pd_writer", &["privileges_widened:app:functions"]),
    ("grant create on schema app to dr_pd_reader", &["privileges_widened:schemas"]),
    ("revoke usage on schema app from dr_pd_reader", &["privileges_narrowed:schemas"]),
    ("grant usage on type app.mood to dr_pd_writer", &["privileges_widened:app:types"]),
    ("revoke usage on type app.mood from dr_pd_reader", &["privileges_narrowed:app:types"]),
    ("grant usage on domain app.positive to public", &["privileges_widened:app:types"]),
    ("grant usage on language plpgsql to dr_pd_writer", &[]),
    ("revoke usage on language sql from public", &["privileges_narrowed:languages"]),
    (
        "grant usage on foreign data wrapper dr_pd_wrapper to dr_pd_writer",
        &["privileges_widened:foreign data wrappers"],
    ),
    (
        "revoke usage on foreign data wrapper dr_pd_wrapper from dr_pd_reader",
        &["privileges_narrowed:foreign data wrappers"],
    ),
    ("grant usage on foreign server dr_pd_server to dr_pd_writer", &["privileges_widened:foreign servers"]),
    (
        "revoke usage on foreign server dr_pd_server from dr_pd_reader",
        &["privileges_narrowed:foreign servers"],
    ),
    (
        "do $$ begin execute format('grant temporary on database %I to public', current_database()); end $$",
        &["privileges_widened:database"],
    ),
    (
        "do $$ begin execute format('grant create on database %I to dr_pd_reader', current_database()); end $$",
        &["privileges_widened:database"],
    ),
];

const DEFAULTS: &[Case] = &[
    (
        "alter default privileges in schema app grant update on tables to dr_pd_writer",
        &["default_privileges_widened:postgres:app"],
    ),
    (
        "alter default privileges in schema app revoke select on tables from dr_pd_reader",
        &["default_privileges_narrowed:postgres:app"],
    ),
    (
        "alter default privileges in schema app grant usage on sequences to dr_pd_writer",
        &["default_privileges_widened:postgres:app"],
    ),
    (
        "alter default privileges in schema app grant execute on functions to anon",
        &["default_privileges_widened:postgres:app"],
    ),
    ("alter default privileges in schema app grant usage on types to dr_pd_writer", &[]),
    (
        "alter default privileges grant execute on functions to public",
        &["default_privileges_widened:postgres:everywhere"],
    ),
    (
        "alter default privileges revoke usage on types from public",
        &["default_privileges_narrowed:postgres:everywhere"],
    ),
    (
        "alter default privileges grant usage on schemas to dr_pd_reader",
        &["default_privileges_widened:postgres:everywhere"],
    ),
];

const OWNERS: &[Case] = &[
    ("alter table app.parts_eu owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    ("alter view app.totals owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    ("alter materialized view app.kept owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    ("alter sequence app.tickets owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    // The sequences of its columns go with a table.
    ("alter table app.invoices owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    ("alter table app.notes owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    ("alter function app.plain(int, text) owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    ("alter procedure app.tidy() owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    ("alter aggregate app.total(int) owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    ("alter schema app owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    ("alter type app.mood owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    ("alter domain app.positive owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    ("alter server dr_pd_server owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    ("alter collation app.plain_c owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    ("alter operator app.=== (int, int) owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    ("alter publication dr_pd_publication owner to dr_pd_writer", &["owner_changed:postgres:dr_pd_writer"]),
    (
        "do $$ begin execute format('alter database %I owner to dr_pd_writer', current_database()); end $$",
        &["owner_changed:postgres:dr_pd_writer"],
    ),
];

/// Every case by itself: it is found, nothing else is, and its remedy puts it right.
async fn each(cases: &[Case]) {
    let database = healthy().await;
    let baseline = evidence(&database).await;
    assert_eq!(ids(&report(&baseline, &baseline)), [""; 0]);
    for (change, expected) in cases {
        database.execute(change).await;
        let damaged = report(&evidence(&database).await, &baseline);
        assert_eq!(ids(&damaged), *expected, "{change}: {:#?}", found(&damaged));
        let remedies = remedies(&damaged);
        assert_eq!(remedies.is_empty(), expected.is_empty(), "{change}");
        if expected.is_empty() {
            continue;
        }
        database.execute(&remedies.join(";\n")).await;
        let repaired = report(&evidence(&database).await, &baseline);
        assert_eq!(ids(&repaired), [""; 0], "{change}, after {remedies:?}");
    }
}

#[tokio::test]
async fn every_kind_of_privilege_is_found_and_put_right() {
    each(GRANTS).await;
}

#[tokio::test]
async fn default_privileges_are_found_and_put_right() {
    each(DEFAULTS).await;
}

#[tokio::test]
async fn owners_are_found_and_put_right() {
    each(OWNERS).await;
}

#[tokio::test]
async fn large_objects_are_told_by_owner() {
    let database = healthy().await;
    database.execute("select lo_create(4711), lo_create(4712)").await;
    let baseline = evidence(&database).await;
    database.execute("grant select on large object 4711 to dr_pd_reader").await;
    let damaged = report(&evidence(&database).await, &baseline);
    assert_eq!(ids(&damaged), ["privileges_widened:large objects"]);
    assert_eq!(found(&damaged)[0].common().object, "large objects of postgres");
}

#[tokio::test]
async fn a_restore_is_as_its_baseline_but_for_what_no_dump_holds() {
    let database = healthy().await;
    let baseline = database.evidence(&parse(""), None).await;
    let restored = database.restored().await;
    let told = restored.report("", Some(&baseline)).await;
    // Privileges on a database are in no dump of it.
    assert_eq!(ids(&told), ["privileges_widened:database"]);
    restored.execute(&remedies(&told).join(";")).await;
    let report = restored.report("", Some(&baseline)).await;
    assert_eq!(ids(&report), [""; 0]);
    let check = check(&report, ID);
    assert!(check.examined["objects"] > 30 && check.examined["columns"] == 1, "{:?}", check.examined);
}

#[tokio::test]
async fn the_damage_is_found_told_in_few_words_and_put_right() {
    let database = healthy().await;
    let baseline = database.evidence(&parse(""), None).await;
    database.execute(SCRIPT.split_once("-- damage\n").unwrap().1).await;
    let report = database.report("", Some(&baseline)).await;
    let mut sentences: Vec<String> =
        found(&report).iter().map(|finding| finding.common().sentence()).collect();
    sentences.sort();
    assert_eq!(
        sentences,
        [
            "app.invoices.secret: authenticated has gained select",
            "app.invoices: dr_pd_writer has gained select, update",
            "app.notes: dr_pd_reader has lost select",
            "app.parts: the table belongs to dr_pd_writer, belonged to postgres",
            "app.purge(): everybody can call it, and it acts with the rights of postgres, and could not",
            "app: anon has gained usage",
            "postgres: of what postgres creates in schema app, dr_pd_writer will have insert on tables",
        ]
    );
    assert_eq!(check(&report, ID).outcome, Outcome::Failed);
    for finding in found(&report) {
        if let Some(query) = &finding.common().query {
            database.query(query).await;
        }
    }
    database.execute(&remedies(&report).join(";\n")).await;
    assert_eq!(ids(&database.report("", Some(&baseline)).await), [""; 0]);
}

/// What `revoke` on a table takes with it is given again.
#[tokio::test]
async fn columns_keep_what_the_baseline_gave() {
    let database = healthy().await;
    let baseline = evidence(&database).await;
    database.execute("grant select on app.invoices to authenticated").await;
    let damaged = report(&evidence(&database).await, &baseline);
    assert_eq!(
        remedies(&damaged),
        [
            "revoke select on app.invoices from authenticated",
            "grant select (number) on app.invoices to authenticated",
        ]
    );
    database.execute(&remedies(&damaged).join(";")).await;
    assert_eq!(ids(&report(&evidence(&database).await, &baseline)), [""; 0]);
}

#[tokio::test]
async fn without_a_baseline_it_has_nothing_to_go_on() {
    let database = healthy().await;
    let report = database.report("", None).await;
    let check = check(&report, ID);
    assert_eq!((check.outcome, check.reason), (Outcome::NotRun, Some(Reason::NoExpectation)));
    assert!(!check.counts);
}

/// Names that end statements where they are not quoted.
#[tokio::test]
async fn names_that_are_statements_are_only_names() {
    let database = Database::supabase().await;
    cluster().await.execute("postgres", "create role \"dr_pd we\"\"ird; drop\"").await.unwrap();
    database
        .execute(
            "create schema \"we\"\"ird; drop\"; create table \"we\"\"ird; drop\".\"t\"\"; drop\" (\"c\"\"; drop\" int);
             revoke all on \"we\"\"ird; drop\".\"t\"\"; drop\" from public",
        )
        .await;
    let baseline = evidence(&database).await;
    let grant = "grant select (\"c\"\"; drop\"), insert on \"we\"\"ird; drop\".\"t\"\"; drop\" to \"dr_pd we\"\"ird; drop\";
        grant usage on schema \"we\"\"ird; drop\" to \"dr_pd we\"\"ird; drop\";
        alter default privileges in schema \"we\"\"ird; drop\" grant select on tables to \"dr_pd we\"\"ird; drop\"";
    database.execute(grant).await;
    let damaged = report(&evidence(&database).await, &baseline);
    assert_eq!(found(&damaged).len(), 4, "{:?}", ids(&damaged));
    database.execute(&remedies(&damaged).join(";\n")).await;
    assert_eq!(ids(&report(&evidence(&database).await, &baseline)), [""; 0]);
}
