use std::collections::BTreeMap;

use drcore::check::{Outcome, Reason};
use drcore::checks::duplicate_keys::DuplicatedRows;
use drcore::evidence::CauseKind;
use drcore::remedy::Choice;
use drcore::{Evidence, Finding, Remedy, Report, Severity, Verdict};
use drcore_tests::{Database, check, parse};

const SCRIPT: &str = include_str!("duplicate_keys.sql");

/// A key without a constraint, which the damage hits too, and one that has one.
const PLAN: &str = r#"
[tenancy]
column = "tenant_id"
[duplicate_keys]
keys = ["invoices (tenant_id, number)", "tenants (name)"]
"#;

fn ids(report: &Report) -> Vec<String> {
    drcore_tests::ids(report)
        .into_iter()
        .filter_map(|id| id.strip_prefix("duplicate_keys:").map(str::to_owned))
        .collect()
}

fn rows<'r>(report: &'r Report, id: &str) -> &'r DuplicatedRows {
    let id = format!("duplicate_keys:duplicated_rows:{id}");
    match report.findings().into_iter().find(|finding| finding.id() == id) {
        Some(Finding::DuplicatedRows(rows)) => rows,
        _ => panic!("no {id} among {:?}", ids(report)),
    }
}

fn choices(finding: &DuplicatedRows) -> &[Choice] {
    match &finding.common.remedy {
        Some(Remedy::Choose(choose)) => &choose.choices,
        other => panic!("{other:?}"),
    }
}

async fn baseline(database: &Database, plan: &str) -> Evidence {
    database.evidence(&parse(plan), None).await.into_baseline()
}

/// Runs a statement, as a person would whose `search_path` finds nothing, and gives how many rows it affected.
async fn affected(database: &Database, sql: &str) -> u64 {
    let (client, connection) =
        tokio_postgres::connect(&database.url().await, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute("set search_path = ''; set session_replication_role = replica").await.unwrap();
    let rows = client.execute(sql, &[]).await.unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
    drop(client);
    driver.await.unwrap().unwrap();
    rows
}

#[tokio::test]
async fn the_healthy_twin_is_silent() {
    let (healthy, _) = super::twins(SCRIPT).await;
    for against in [None, Some(baseline(&healthy, PLAN).await)] {
        let report = healthy.report(PLAN, against.as_ref()).await;
        assert_eq!(ids(&report), [""; 0]);
        let result = check(&report, "duplicate_keys");
        assert_eq!((result.outcome, result.unread.as_slice()), (Outcome::Passed, [].as_slice()));
        // 22 indexes, and one key of the plan (the other has a constraint).
        assert_eq!(result.examined["keys"], 23);
    }
}

#[tokio::test]
async fn the_damage_is_found_and_nothing_else() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let baseline = baseline(&healthy, PLAN).await;
    let report = damaged.report(PLAN, Some(&baseline)).await;
    let found: BTreeMap<String, (u64, u64)> = check(&report, "duplicate_keys")
        .findings
        .iter()
        .map(|finding| match finding {
            Finding::DuplicatedRows(rows) => {
                (rows.common.id.replacen("duplicate_keys:duplicated_rows:", "", 1), (rows.keys, rows.rows))
            }
            other => panic!("{other:?}"),
        })
        .collect();
    let expected: BTreeMap<String, (u64, u64)> = [
        ("public.\"Od\"\"d; DROP\":\"Od\"\"d; DROP_pkey\"", (1, 2)),
        ("public.accounts:accounts_email", (2, 3)),
        ("public.animals:animals_pkey", (1, 1)),
        ("public.codes:codes_code", (1, 1)),
        ("public.constants:constants_one", (1, 2)),
        ("public.countries:countries_pkey", (1, 1)),
        ("public.devices:devices_tenant_id_serial_key", (1, 2)),
        ("public.events:events_pkey", (1, 1)),
        ("public.events_2:events_2_label", (1, 1)),
        ("public.files:files_id_tenant_id_key", (1, 1)),
        ("public.files:files_pkey", (2, 2)),
        ("public.invoices:(tenant_id, number)", (1, 2)),
        ("public.later:later_a_key", (1, 1)),
        ("public.names:names_folded", (1, 1)),
        ("public.pairs:pairs_a_b_key", (1, 1)),
        ("public.pairs:pairs_d_key", (1, 1)),
        ("public.tenants:tenants_name_key", (2, 2)),
        ("public.tenants:tenants_pkey", (1, 1)),
    ]
    .into_iter()
    .map(|(id, counts)| (id.to_owned(), counts))
    .collect();
    assert_eq!(found, expected);
    assert_eq!(report.verdict, Verdict::Failed);

    let invoices = rows(&report, "public.invoices:(tenant_id, number)");
    assert_eq!(invoices.common.message, "2 duplicate rows of 1 key (tenant_id, number)");
    assert_eq!(
        invoices.common.hint.as_deref().unwrap(),
        "1 tenant · e.g. (2, 10) · no constraint or index watches over it · the baseline had none"
    );
    assert_eq!((invoices.were, invoices.valid, invoices.identical), (Some(0), None, Some(0)));
    assert_eq!(invoices.tenants, BTreeMap::from([("2".to_owned(), 2)]));
    assert_eq!(invoices.common.severity, Severity::Critical);

    let devices = rows(&report, "public.devices:devices_tenant_id_serial_key");
    assert_eq!((devices.valid, devices.identical, devices.tenants_total), (Some(true), Some(2), Some(1)));
    assert_eq!(devices.sample.columns, ["tenant_id", "serial"]);
    let serial = devices.sample.rows[0][1].as_deref().unwrap();
    assert!(!serial.contains("serial 1"), "texts are masked: {serial}");
    let hint = devices.common.hint.as_deref().unwrap();
    assert!(hint.contains("all are copies in every column"), "{hint}");
    assert!(
        hint.contains(
            "index devices_tenant_id_serial_key says unique and does not hold these rows: it is corrupt"
        ),
        "{hint}"
    );
}

#[tokio::test]
async fn the_index_is_not_asked_however_cheap_it_looks() {
    let (_, damaged) = super::twins(SCRIPT).await;
    let lying = "select count(*) from (select from tenants group by id having count(*) > 1) d";
    damaged
        .execute(
            "do $$ begin
               execute format('alter database %I set enable_seqscan = off', current_database());
               execute format('alter database %I set enable_hashagg = off', current_database());
               execute format('alter database %I set random_page_cost = 0.0001', current_database());
             end $$",
        )
        .await;
    let plan = damaged.query(&format!("explain (costs off) {lying}")).await.join("\n");
    assert!(plan.contains("Index Only Scan"), "this test shows nothing: {plan}");
    assert_eq!(damaged.query(lying).await, ["0"], "the index lies");
    let report = damaged.report("", None).await;
    assert_eq!(rows(&report, "public.tenants:tenants_pkey").rows, 1);

    let settings = drcore::unique::HEAP_ONLY.join(";\n");
    let explained = format!("{settings};\nexplain (costs off) {lying}");
    let plan = damaged.query(&format!("begin;\n{explained}")).await.join("\n");
    assert!(plan.contains("Seq Scan on tenants") && !plan.contains("Index"), "{plan}");
}

#[tokio::test]
async fn queries_and_remedies_run_as_they_are() {
    let (_, damaged) = super::twins(SCRIPT).await;
    let report = damaged.report(PLAN, None).await;
    let mut repaired = 0;
    for finding in &check(&report, "duplicate_keys").findings {
        let Finding::DuplicatedRows(found) = finding else { panic!("{finding:?}") };
        let query = found.common.query.as_ref().unwrap();
        assert_eq!(affected(&damaged, query).await, found.keys + found.rows, "{query}");
        for choice in choices(found) {
            let copy = damaged.copy().await;
            for (at, statement) in choice.statements.iter().enumerate() {
                let deleted = affected(&copy, statement).await;
                let copies = choice.name == "delete-copies";
                let expected = if copies { found.identical.unwrap() } else { found.rows };
                assert!(at > 0 || deleted == expected, "{}: {statement}", found.common.id);
            }
            let after = ids(&copy.report(PLAN, None).await);
            let id = found.common.id.replacen("duplicate_keys:", "", 1);
            let all = !choice.statements.is_empty()
                && (choice.name != "delete-copies" || found.identical == Some(found.rows));
            assert_eq!(after.contains(&id), !all, "{} of {id}", choice.name);
            repaired += usize::from(all);
        }
    }
    assert!(repaired >= 18, "{repaired}");
}

#[tokio::test]
async fn which_row_stays_is_chosen_and_rows_that_others_follow_stay() {
    let (_, damaged) = super::twins(SCRIPT).await;
    let report = damaged.report(PLAN, None).await;
    let names = |id: &str| -> Vec<String> {
        choices(rows(&report, id)).iter().map(|choice| choice.name.clone()).collect()
    };
    assert_eq!(names("public.invoices:(tenant_id, number)"), ["keep-oldest", "keep-newest", "settle"]);
    assert_eq!(names("public.devices:devices_tenant_id_serial_key"), ["delete-copies", "keep-one", "settle"]);
    for (way, left) in [("keep-oldest", "300"), ("keep-newest", "301")] {
        let copy = damaged.copy().await;
        let choice = choices(rows(&report, "public.invoices:(tenant_id, number)"));
        let choice = choice.iter().find(|choice| choice.name == way).unwrap();
        copy.execute(&choice.statements[0]).await;
        let kept = copy.query("select id from invoices where tenant_id = 2 and number = 10").await;
        assert_eq!(kept, [left], "{way}");
    }
    let files = choices(rows(&report, "public.files:files_pkey"));
    assert!(files.iter().all(|choice| choice.statements.is_empty()), "pages would go with them: {files:?}");
    assert!(files[0].summary.contains("pages_file_id_fkey"), "{}", files[0].summary);
}

#[tokio::test]
async fn duplicates_of_the_baseline_are_not_of_the_restore() {
    let (_, damaged) = super::twins(SCRIPT).await;
    let baseline = baseline(&damaged, PLAN).await;
    let report = damaged.report(PLAN, Some(&baseline)).await;
    let natural = rows(&report, "public.invoices:(tenant_id, number)");
    assert_eq!((natural.were, natural.common.severity), (Some(2), Severity::Warning));
    assert!(natural.common.hint.as_deref().unwrap().ends_with("the baseline had 2: not of the restore"));
    let key = rows(&report, "public.tenants:tenants_pkey");
    assert_eq!(
        (key.were, key.common.severity),
        (Some(1), Severity::Critical),
        "the index is corrupt all the same"
    );
    damaged.execute("insert into invoices values (302, 3, 10, '2026-03-01Z', 5)").await;
    let report = damaged.report(PLAN, Some(&baseline)).await;
    let natural = rows(&report, "public.invoices:(tenant_id, number)");
    assert_eq!((natural.rows, natural.were, natural.common.severity), (3, Some(2), Severity::Critical));

    // Known ones are accepted up to their number.
    let accept = |up_to: u64| {
        format!(
            "{PLAN}[[accept]]\nfinding = \"duplicate_keys:duplicated_rows:public.invoices:(tenant_id, number)\"\n\
             reason = \"of the old system\"\nup_to = {up_to}\n"
        )
    };
    let natural = "duplicated_rows:public.invoices:(tenant_id, number)".to_owned();
    assert!(!ids(&damaged.report(&accept(3), None).await).contains(&natural));
    assert!(ids(&damaged.report(&accept(2), None).await).contains(&natural));
}

#[tokio::test]
async fn a_key_that_the_restore_lost_is_found_with_its_duplicates() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let baseline = baseline(&healthy, "").await;
    let damaged = healthy.copy().await;
    // A restore cannot build the keys that the data break, and goes on.
    damaged
        .execute(
            "alter table tenants drop constraint tenants_name_key;
             insert into tenants values (9, 'tenant 1');
             alter table devices drop constraint devices_tenant_id_serial_key;
             drop index accounts_email;
             alter table later drop column a;
             drop table constants;
             alter index codes_code rename to renamed;
             alter table countries drop constraint countries_pkey;
             create unique index on countries (code);
             drop index names_folded;
             create index names_folded on names (folded(name));
             alter table \"Od\"\"d; DROP\" drop constraint \"Od\"\"d; DROP_pkey\";
             create unique index \"Od\"\"d; DROP_pkey\" on \"Od\"\"d; DROP\" (place);
             insert into \"Od\"\"d; DROP\" values (1, 0, 0, 0, null);
             update pg_index set indisvalid = false where indexrelid = 'invoices_pkey'::regclass",
        )
        .await;
    let report = damaged.report("", Some(&baseline)).await;
    let mut found = ids(&report);
    found.sort();
    assert_eq!(
        found,
        [
            "duplicated_rows:public.\"Od\"\"d; DROP\":(\"Key \"\"x\")",
            "duplicated_rows:public.tenants:tenants_name_key",
            "missing_unique_key:public.\"Od\"\"d; DROP\":\"Od\"\"d; DROP_pkey\"",
            "missing_unique_key:public.accounts:accounts_email",
            "missing_unique_key:public.devices:devices_tenant_id_serial_key",
            "missing_unique_key:public.invoices:invoices_pkey",
            "missing_unique_key:public.later:later_a_key",
            "missing_unique_key:public.names:names_folded",
            "missing_unique_key:public.tenants:tenants_name_key",
        ]
    );
    let names = rows(&report, "public.tenants:tenants_name_key");
    assert_eq!((names.rows, names.were, names.valid), (1, Some(0), None));
    let remedy = |id: &str| {
        let id = format!("duplicate_keys:missing_unique_key:public.{id}");
        let finding = report.findings().into_iter().find(|finding| finding.id() == id).unwrap();
        match &finding.common().remedy {
            Some(Remedy::Sql(sql)) => Ok(sql.statements[0].clone()),
            _ => Err(finding.common().hint.clone().unwrap()),
        }
    };
    for (id, needle) in [
        ("tenants:tenants_name_key", "cannot be built while 1 row break"),
        ("accounts:accounts_email", "was not counted"),
        ("later:later_a_key", "Gone with it is public.later.a"),
    ] {
        let hint = remedy(id).unwrap_err();
        assert!(hint.contains(needle), "{id}: {hint}");
    }
    damaged.execute(&remedy("devices:devices_tenant_id_serial_key").unwrap()).await;
    damaged.execute(&remedy("invoices:invoices_pkey").unwrap()).await;
    let after = ids(&damaged.report("", Some(&baseline)).await);
    assert!(!after.iter().any(|id| id.contains("devices") || id.contains("invoices")), "{after:?}");
}

#[tokio::test]
async fn an_invalid_index_with_duplicates_is_called_so() {
    let database = Database::with("create table t (a int); insert into t values (1), (1), (2)").await;
    // As CREATE INDEX CONCURRENTLY leaves it behind.
    let url = database.url().await;
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    client.batch_execute("create unique index concurrently t_a on t (a)").await.unwrap_err();
    drop(client);
    driver.await.unwrap().unwrap();
    let report = database.report("", None).await;
    let found = rows(&report, "public.t:t_a");
    assert_eq!((found.valid, found.rows), (Some(false), 1));
    assert!(found.common.hint.as_deref().unwrap().contains("index t_a is invalid, and keeps nothing out"));
    let healthy = Database::with("create table t (a int); insert into t values (1), (2)").await;
    healthy.execute("create unique index t_a on t (a)").await;
    healthy.execute("update pg_index set indisvalid = false where indexrelid = 't_a'::regclass").await;
    assert_eq!(ids(&healthy.report("", None).await), [""; 0]);
}

#[tokio::test]
async fn nulls_and_collations_are_equal_where_the_index_finds_them_equal() {
    let database =
        Database::with("create table t (a int, b int); insert into t values (1, null), (null, 2)").await;
    let version: u32 = database.query("show server_version_num").await[0].parse().unwrap();
    let nulls = if version >= 150_000 { "nulls not distinct" } else { "" };
    database
        .execute(&format!(
            "create unique index t_b on t (b) {nulls};
             create unique index t_ab on t (a, b) {nulls};
             create collation folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
             create table words (a text unique, b text collate folding unique);
             create table wide (a text collate folding primary key, b int, unique (a, b));
             insert into words values ('a', 'x');
             insert into wide values ('a', 1)"
        ))
        .await;
    assert_eq!(ids(&database.report("", None).await), [""; 0]);
    database
        .execute(
            "update pg_index set indisready = false where indisunique and indrelid::regclass::text in ('t', 'words', 'wide');
             insert into t values (1, null), (null, 3), (null, null), (null, null);
             insert into words values ('A', 'X');
             insert into wide values ('A', 1);
             update pg_index set indisready = true where not indisready",
        )
        .await;
    let found = ids(&database.report("", None).await);
    let mut expected = vec![
        "duplicated_rows:public.wide:wide_a_b_key",
        "duplicated_rows:public.wide:wide_pkey",
        "duplicated_rows:public.words:words_b_key",
    ];
    if version >= 150_000 {
        expected.extend(["duplicated_rows:public.t:t_ab", "duplicated_rows:public.t:t_b"]);
    }
    expected.sort_unstable();
    let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    if version >= 150_000 {
        let report = database.report("", None).await;
        // NULL thrice; (1, NULL) and (NULL, NULL) twice.
        assert_eq!((rows(&report, "public.t:t_b").keys, rows(&report, "public.t:t_b").rows), (1, 3));
        assert_eq!((rows(&report, "public.t:t_ab").keys, rows(&report, "public.t:t_ab").rows), (2, 2));
        for id in ["public.t:t_b", "public.t:t_ab"] {
            let found = rows(&report, id);
            assert_eq!(
                affected(&database, found.common.query.as_ref().unwrap()).await,
                found.keys + found.rows
            );
        }
    }
}

#[tokio::test]
async fn a_function_that_needs_the_search_path_of_the_application_is_run() {
    // The index first: from PostgreSQL 17 on, whoever creates one has a search path of the system only.
    let database = Database::with(
        "create schema extensions;
         create function extensions.plain(text) returns text immutable language sql as 'select lower($1)';
         create function shown(text) returns text immutable language plpgsql as 'begin return plain($1); end';
         set search_path = public, extensions;
         create table t (a text);
         create unique index t_a on t (shown(a));
         insert into t values ('a'), ('b')",
    )
    .await;
    let report = database.report("", None).await;
    assert_eq!(check(&report, "duplicate_keys").outcome, Outcome::Passed, "{report:?}");
    // One that cannot be run spoils no other key of its table.
    database
        .execute(
            "create unique index t_b on t (a);
             create or replace function shown(text) returns text immutable language plpgsql as 'begin return nowhere($1); end'",
        )
        .await;
    let report = database.report("", None).await;
    let result = check(&report, "duplicate_keys");
    assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::Unreadable)));
    let unread: Vec<&str> = result.unread.iter().map(|unread| unread.object.as_str()).collect();
    assert_eq!((unread.as_slice(), result.examined["keys"]), (["public.t (public.shown(a))"].as_slice(), 1));
}

#[tokio::test]
async fn an_operator_class_of_its_own_is_unread() {
    let database = Database::with(
        "create function same(text, text) returns bool immutable language sql as 'select lower($1) = lower($2)';
         create function below(text, text) returns bool immutable language sql as 'select lower($1) < lower($2)';
         create function order_of(text, text) returns int immutable language sql
           as 'select case when lower($1) < lower($2) then -1 when lower($1) > lower($2) then 1 else 0 end';
         create operator === (leftarg = text, rightarg = text, function = same, commutator = ===);
         create operator <<< (leftarg = text, rightarg = text, function = below);
         create operator <<<= (leftarg = text, rightarg = text, function = below);
         create operator >>>= (leftarg = text, rightarg = text, function = below);
         create operator >>> (leftarg = text, rightarg = text, function = below);
         create operator class odd for type text using btree
           as operator 1 <<<, operator 2 <<<=, operator 3 ===, operator 4 >>>=, operator 5 >>>, function 1 order_of(text, text);
         create table t (a text);
         create unique index t_a on t (a odd);
         create unique index t_b on t (a text_pattern_ops)",
    )
    .await;
    let report = database.report("", None).await;
    let result = check(&report, "duplicate_keys");
    assert_eq!((result.unread.len(), result.examined["keys"]), (1, 1), "{result:?}");
    assert_eq!(result.unread[0].object, "public.t t_a");
    assert!(result.unread[0].cause.message.contains("public.odd"), "{:?}", result.unread);
}

#[tokio::test]
async fn names_of_the_plan_that_are_nowhere_are_findings_and_views_are_unread() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let plan = |key: &str| format!("[duplicate_keys]\nkeys = ['{key}']\n");
    for (key, found) in [
        ("invioces (number)", "missing_key_columns:invioces (number)"),
        ("invoices (tenant_id, nubmer)", "missing_key_columns:invoices (tenant_id, nubmer)"),
    ] {
        assert_eq!(ids(&healthy.report(&plan(key), None).await), [found]);
    }
    healthy.execute("create view recent as select * from invoices").await;
    let report = healthy.report(&plan("recent (number)"), None).await;
    let result = check(&report, "duplicate_keys");
    assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::Unreadable)));
    assert_eq!(result.unread[0].object, "recent (number)");
    // A type without equality has no duplicates that anybody could count.
    let report = healthy.report(&plan("pairs (c)"), None).await;
    assert_eq!(check(&report, "duplicate_keys").unread[0].object, "public.pairs (c)");
    let report = healthy.report(&plan("\"Od\"\"d; DROP\" (\"Key \"\"x\", copies)"), None).await;
    assert_eq!(check(&report, "duplicate_keys").outcome, Outcome::Passed);
}

#[tokio::test]
async fn where_there_is_nothing_to_be_unique_that_is_said() {
    let empty = Database::with("create table t (a int)").await;
    let result = check(&empty.report("", None).await, "duplicate_keys").clone();
    assert_eq!(
        (result.outcome, result.reason, result.counts),
        (Outcome::NotRun, Some(Reason::NotApplicable), false)
    );
    empty.execute("create table u (a int primary key)").await;
    assert_eq!(check(&empty.report("", None).await, "duplicate_keys").outcome, Outcome::Passed);
}

#[tokio::test]
async fn what_a_role_cannot_read_is_unread_and_the_rest_is_judged() {
    let (_, damaged) = super::twins(SCRIPT).await;
    let role = "duplicates_reader";
    damaged
        .execute(&format!(
            "create role {role} login;
             grant usage on schema public, extensions to {role};
             grant select on all tables in schema public to {role};
             revoke select on tenants from {role};
             alter table codes enable row level security"
        ))
        .await;
    let source = drcore::Source::connect(&damaged.url_as(role).await).await.unwrap();
    let plan = parse("");
    let options = drcore::collect::CollectOptions::default();
    let evidence = drcore::collect::collect(&source, &plan, None, &options).await.unwrap();
    drop(source);
    let report = plan.judge(&evidence, None);
    let result = check(&report, "duplicate_keys");
    let unread: Vec<(&str, CauseKind)> =
        result.unread.iter().map(|unread| (unread.object.as_str(), unread.cause.kind)).collect();
    assert_eq!(
        unread,
        [
            ("public.codes (code)", CauseKind::RowSecurity),
            ("public.tenants (id)", CauseKind::Permission),
            ("public.tenants (name)", CauseKind::Permission),
        ]
    );
    let grant = result.unread[1].cause.hint.as_deref().unwrap();
    assert!(grant.contains("grant select on public.tenants to duplicates_reader"), "{grant}");
    assert_eq!(rows(&report, "public.events:events_pkey").rows, 1);
    damaged.execute(&format!("drop owned by {role}; drop role {role}")).await;
}
