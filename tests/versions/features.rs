//! What came with one version, or went.
//!
//! A test of what the server does not have ends at once; the first one here makes sure that it does not have it.

use drcore::check::{CheckResult, Outcome};
use drcore::gap::GapOptions;
use drcore::remedy::Remedy;
use drcore::{Finding, Report, Severity, gap};
use drcore_tests::{Database, check, ids, major, parse};

const EXPOSED: &str = "[rls_coverage]\nexposed_schemas = [\"public\"]\n";

/// The version that each of these came with, and a statement that needs it.
const CAME_WITH: &[(u32, &str)] = &[
    (14, "grant pg_read_all_data to pg_monitor; revoke pg_read_all_data from pg_monitor"),
    (15, "create table a (id int, unique nulls not distinct (id))"),
    (16, "create role dr_vs_a; create role dr_vs_b; grant dr_vs_a to dr_vs_b with inherit false, set false"),
    (17, "create table b (); grant maintain on b to public"),
    (18, "create table c (id int, twice int generated always as (id * 2) virtual)"),
    (18, "create table d (id int); alter table d add constraint n not null id not valid"),
    (18, "create table e (id int4range, during daterange, primary key (id, during without overlaps))"),
    (18, "create table f (id int primary key, parent int references f not enforced)"),
];

#[tokio::test]
async fn versions_have_what_is_thought() {
    let database = Database::empty().await;
    for (version, sql) in CAME_WITH {
        let done = database.try_query(sql).await;
        assert_eq!(done.is_ok(), major().await >= *version, "{version}: {sql}: {done:?}");
    }
}

fn finding<'r>(report: &'r Report, id: &str) -> &'r Finding {
    let found = report.findings().into_iter().find(|finding| finding.id() == id);
    found.unwrap_or_else(|| panic!("no {id} in {:?}", ids(report)))
}

/// The statements of one way out.
fn way<'r>(finding: &'r Finding, name: &str) -> &'r [String] {
    let Some(Remedy::Choose(choose)) = &finding.common().remedy else { panic!("no choice") };
    &choose.choices.iter().find(|choice| choice.name == name).unwrap().statements
}

/// The ids of what is above info.
fn bad(report: &Report) -> Vec<String> {
    let bad = report.findings().into_iter().filter(|finding| finding.severity() > Severity::Info);
    bad.map(|finding| finding.id().to_owned()).collect()
}

/// The ids of the findings of `orphan_fks`, sorted.
fn orphan_fks(report: &Report) -> Vec<String> {
    ids(report).into_iter().filter(|id| id.starts_with("orphan_fks:")).collect()
}

fn assert_passed(result: &CheckResult) {
    assert_eq!(result.outcome, Outcome::Passed, "{result:#?}");
}

/// What the newest versions can say, restored from a dump: nothing is found, and nothing is left unread.
#[tokio::test]
async fn a_schema_of_new_things_is_whole_after_a_restore() {
    let mut sql = String::from(
        "create table t (id int primary key, code text, created_at timestamptz not null default now());
         insert into t (id, code) values (1, 'a'), (2, 'b');
         alter table t enable row level security;
         create policy p on t using (extract(year from created_at) > 2000 and created_at at time zone 'UTC' > '2000-01-01');",
    );
    let newer: [(u32, &str); 5] = [
        (14, "create table m (id int primary key, spans datemultirange)"),
        (15, "alter table t add unique nulls not distinct (code)"),
        (15, "create view v with (security_invoker = on) as select * from t"),
        (17, "grant maintain on t to authenticated"),
        (
            18,
            "alter table t add twice int generated always as (id * 2) virtual;
             alter table t add constraint code_given not null code not valid;
             create table rooms (id int4range, during daterange, primary key (id, during without overlaps));
             create table stays (id int primary key, room int4range, during daterange,
               foreign key (room, period during) references rooms (id, period during));
             create table loose (id int primary key, t int references t not enforced);
             insert into rooms values ('[1,2)', '[2026-01-01,2026-02-01)'), ('[1,2)', '[2026-02-01,2026-03-01)');
             insert into stays values (1, '[1,2)', '[2026-01-20,2026-02-20)'), (2, null, null);
             insert into loose values (1, 1)",
        ),
    ];
    for (version, more) in newer {
        if major().await >= version {
            sql.push_str(more);
            sql.push(';');
        }
    }
    let database = Database::supabase().await;
    database
        .execute("alter default privileges in schema public revoke all on tables from anon, authenticated")
        .await;
    database.execute(&sql).await;
    let baseline = database.evidence(&parse(EXPOSED), None).await;
    let report = database.restored().await.report(EXPOSED, Some(&baseline)).await;
    assert_eq!(bad(&report), [""; 0]);
    for id in ["freshness", "orphan_fks", "rls_coverage", "row_counts"] {
        assert_passed(check(&report, id));
        assert_eq!(check(&report, id).unread, []);
    }
}

/// PostgreSQL 18: a parent has to be there for all of the child's time.
#[tokio::test]
async fn orphans_of_temporal_keys_are_counted() {
    if major().await < 18 {
        return;
    }
    let database = Database::with(
        "create table rooms (id int4range, during daterange, primary key (id, during without overlaps));
         create table stays (id int primary key, room int4range, during daterange not null,
           constraint stays_room foreign key (room, period during) references rooms (id, period during));
         insert into rooms values
           ('[1,2)', '[2026-01-01,2026-02-01)'), ('[1,2)', '[2026-02-01,2026-03-01)'), ('[2,3)', '[2026-01-01,2026-12-01)');
         insert into stays values (1, '[1,2)', '[2026-01-20,2026-02-20)'), (2, '[1,2)', '[2026-02-10,2026-02-20)'),
           (3, '[2,3)', '[2026-05-01,2026-06-01)'), (4, null, '[2026-05-01,2026-06-01)');",
    )
    .await;
    let healthy = database.report("", None).await;
    assert_eq!(orphan_fks(&healthy), [""; 0]);
    assert_passed(check(&healthy, "orphan_fks"));
    // One half of the time that the first stay needs, and all that the third does.
    database
        .execute(
            "set session_replication_role = replica;
             delete from rooms where during @> date '2026-01-15';
             insert into stays values (5, '[9,10)', '[2026-01-01,2026-02-01)'), (6, '[1,2)', 'empty')",
        )
        .await;
    let report = database.report("", None).await;
    assert_eq!(orphan_fks(&report), ["orphan_fks:orphaned_rows:public.stays:stays_room"]);
    let orphans = finding(&report, "orphan_fks:orphaned_rows:public.stays:stays_room");
    assert_eq!(orphans.count(), Some(4));
    let shown = database.query(orphans.common().query.as_ref().unwrap()).await;
    let rooms: Vec<&str> = shown.iter().filter_map(|row| row.split('|').next()).collect();
    assert_eq!(rooms, ["1", "3", "5", "6"]);
    // The time of a stay is not the reference's to forget.
    let [set_null] = way(orphans, "set-null") else { panic!("one statement") };
    assert!(set_null.contains("set room = null\n"), "{set_null}");
    database.execute(set_null).await;
    assert_eq!(orphan_fks(&database.report("", None).await), [""; 0]);
    // The same of a constraint that the restore lost.
    let baseline = database.evidence(&parse(""), None).await;
    database.execute("alter table stays drop constraint stays_room").await;
    database.execute("insert into stays values (7, '[9,10)', '[2026-01-01,2026-02-01)')").await;
    let report = database.report("", Some(&baseline)).await;
    assert_eq!(finding(&report, "orphan_fks:orphaned_rows:public.stays:stays_room").count(), Some(1));
    let lost = finding(&report, "orphan_fks:missing_foreign_key:public.stays:stays_room");
    let Some(Remedy::Sql(add)) = &lost.common().remedy else { panic!("no remedy") };
    database.execute(&add.statements.join(";")).await;
    let left = orphan_fks(&database.report("", Some(&baseline)).await);
    assert_eq!(left, ["orphan_fks:orphaned_rows:public.stays:stays_room"]);
}

/// PostgreSQL 18: a foreign key may be there and not be enforced.
#[tokio::test]
async fn constraints_that_are_not_enforced_are_counted_and_put_back_as_they_were() {
    if major().await < 18 {
        return;
    }
    let database = Database::with(
        "create table parents (id int primary key);
         create table children (id int primary key, parent int constraint loose references parents not enforced);
         insert into children values (1, 1)",
    )
    .await;
    let report = database.report("", None).await;
    let orphans = finding(&report, "orphan_fks:orphaned_rows:public.children:loose");
    assert!(orphans.common().hint.as_ref().unwrap().contains("NOT ENFORCED"));
    let baseline = database.evidence(&parse(""), None).await;
    database.execute("alter table children drop constraint loose").await;
    let report = database.report("", Some(&baseline)).await;
    let lost = finding(&report, "orphan_fks:missing_foreign_key:public.children:loose");
    let Some(Remedy::Sql(add)) = &lost.common().remedy else { panic!("no remedy") };
    assert!(!add.note.as_ref().unwrap().contains("validate"), "it cannot be: {add:?}");
    database.execute(&add.statements.join(";")).await;
    let kinds: Vec<String> = orphan_fks(&database.report("", Some(&baseline)).await);
    assert_eq!(kinds, ["orphan_fks:orphaned_rows:public.children:loose"]);
}

/// From PostgreSQL 18 on, a foreign key of a partitioned table can wait for the rows that break it.
#[tokio::test]
async fn a_lost_key_of_a_partitioned_table_comes_back_where_it_can() {
    let database = Database::with(
        "create table parents (id int primary key);
         create table parts (id int, parent int constraint up references parents) partition by list (id);
         create table parts_1 partition of parts for values in (1);
         insert into parents values (1); insert into parts values (1, 1)",
    )
    .await;
    let baseline = database.evidence(&parse(""), None).await;
    database.execute("alter table parts drop constraint up; insert into parts values (1, 2)").await;
    let report = database.report("", Some(&baseline)).await;
    let lost = finding(&report, "orphan_fks:missing_foreign_key:public.parts:up").common();
    if major().await < 18 {
        return assert_eq!(lost.remedy, None);
    }
    let Some(Remedy::Sql(add)) = &lost.remedy else { panic!("no remedy") };
    database.execute(&add.statements.join(";")).await;
    let left = orphan_fks(&database.report("", Some(&baseline)).await);
    assert!(
        !left.contains(&lost.id) && left.contains(&"orphan_fks:orphaned_rows:public.parts:up".to_owned()),
        "{left:?}"
    );
}

/// PostgreSQL 18: NOT NULL says nothing of old rows where it was never validated.
#[tokio::test]
async fn a_column_that_is_not_null_from_now_on_may_hold_null() {
    let database = Database::with(
        "create table events (id int primary key, created_at timestamptz);
         insert into events values (1, '2026-11-20 03:00Z'), (2, null)",
    )
    .await;
    if major().await >= 18 {
        database.execute("alter table events add constraint dated not null created_at not valid").await;
    }
    let options = GapOptions::new("2026-11-20T02:00:00Z".parse().unwrap());
    let report = database.untouched(gap(&database.url().await, &options)).await.unwrap();
    assert_eq!((report.tables[0].rows, report.tables[0].undated), (1, 1));
}

/// PostgreSQL 18: a column may be computed when it is read.
#[tokio::test]
async fn columns_that_are_computed_when_they_are_read_are_read() {
    if major().await < 18 {
        return;
    }
    let database = Database::with(
        "create table events (id int primary key, at timestamp not null,
           created_at timestamp generated always as (at + interval '1 hour') virtual);
         insert into events (id, at) values (1, '2026-11-20 00:30'), (2, '2026-11-20 00:59')",
    )
    .await;
    let plan =
        "[freshness]\ntarget = \"2026-11-20T02:00:00Z\"\nrpo = \"5m\"\ntables = [\"events.created_at\"]\n";
    assert_passed(check(&database.report(plan, None).await, "freshness"));
    let baseline = database.evidence(&parse(plan), None).await;
    database.execute("delete from events where id = 2").await;
    let report = database.report(plan, Some(&baseline)).await;
    let stale = ids(&report).into_iter().filter(|id| id.starts_with("freshness:")).collect::<Vec<_>>();
    assert!(stale.iter().any(|id| id.ends_with("public.events.created_at")), "{stale:?}");
}

/// PostgreSQL 17: MAINTAIN is a privilege like others.
#[tokio::test]
async fn maintain_that_was_granted_since_is_found() {
    if major().await < 17 {
        return;
    }
    let database = Database::supabase().await;
    database.execute("create table t (id int); alter table t enable row level security").await;
    database.execute("revoke all on t from anon").await;
    let baseline = database.evidence(&parse(""), None).await;
    database.execute("grant maintain on t to anon").await;
    let report = database.report("", Some(&baseline)).await;
    let id = "privilege_drift:privileges_widened:public:tables";
    let widened = finding(&report, id);
    assert_eq!(widened.common().message, "anon has gained maintain");
    let Some(Remedy::Sql(revoke)) = &widened.common().remedy else { panic!("no remedy") };
    database.execute(&revoke.statements.join(";")).await;
    assert!(!ids(&database.report("", Some(&baseline)).await).contains(&id.to_owned()));
}

/// PostgreSQL 15 came with ICU, 17 with a provider of its own.
#[tokio::test]
async fn databases_of_every_locale_provider_are_read() {
    let version = major().await;
    let mut databases = vec!["encoding 'UTF8' lc_collate 'C' lc_ctype 'C'"];
    if version >= 15 {
        databases.push("encoding 'UTF8' locale_provider icu icu_locale 'de' locale 'C'");
    }
    if version >= 17 {
        databases.push("encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8' locale 'C'");
    }
    for (at, options) in databases.into_iter().enumerate() {
        let database = Database { name: format!("dr_vs_locale_{at}") };
        let create = format!("create database {} template template0 {options}", database.name);
        drcore_tests::cluster().await.execute("postgres", &create).await.unwrap();
        database
            .execute(
                "create collation ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
                 create table \"Ärzte\" (code text collate ci primary key);
                 create table patients (id int primary key, doctor text collate ci references \"Ärzte\");
                 insert into \"Ärzte\" values ('Köhler'); insert into patients values (1, 'KÖHLER')",
            )
            .await;
        let baseline = database.evidence(&parse(""), None).await;
        let healthy = database.report("", Some(&baseline)).await;
        assert_eq!(orphan_fks(&healthy), [""; 0], "{options}");
        for id in ["row_counts", "orphan_fks"] {
            assert_passed(check(&healthy, id));
        }
        database
            .execute("set session_replication_role = replica; insert into patients values (2, 'x')")
            .await;
        let report = database.report("", Some(&baseline)).await;
        let id = "orphan_fks:orphaned_rows:public.patients:patients_doctor_fkey";
        assert_eq!(finding(&report, id).count(), Some(1), "{options}");
    }
}
