use std::collections::BTreeMap;

use drcore::check::{Outcome, Reason};
use drcore::checks::orphan_fks::OrphanedRows;
use drcore::remedy::Choice;
use drcore::{Evidence, Finding, Remedy, Report, Severity, Verdict};
use drcore_tests::{Database, check, cluster, parse};

const SCRIPT: &str = include_str!("orphan_fks.sql");

/// Relations without a constraint, which the damage hits too.
const PLAN: &str = r#"
[tenancy]
column = "tenant_id"
[[orphan_fks.relations]]
child = "notes.task_id"
parent = "tasks.id"
[[orphan_fks.relations]]
child = "contacts.tenant"
parent = "tenants.id"
[[orphan_fks.relations]]
child = "time_logs.task_id"
parent = "public.tasks.id"
"#;

fn ids(report: &Report) -> Vec<String> {
    drcore_tests::ids(report)
        .into_iter()
        .filter_map(|id| id.strip_prefix("orphan_fks:").map(str::to_owned))
        .collect()
}

fn orphans<'r>(report: &'r Report, id: &str) -> &'r OrphanedRows {
    let id = format!("orphan_fks:orphaned_rows:{id}");
    match report.findings().into_iter().find(|finding| finding.id() == id) {
        Some(Finding::OrphanedRows(orphans)) => orphans,
        _ => panic!("no {id} among {:?}", ids(report)),
    }
}

fn choice<'f>(finding: &'f Finding, name: &str) -> Option<&'f Choice> {
    match &finding.common().remedy {
        Some(Remedy::Choose(choose)) => choose.choices.iter().find(|choice| choice.name == name),
        other => panic!("{other:?}"),
    }
}

async fn baseline(database: &Database, plan: &str) -> Evidence {
    database.evidence(&parse(plan), None).await.into_baseline()
}

/// Runs a statement and gives how many rows it affected.
async fn affected(database: &Database, sql: &str) -> u64 {
    let (client, connection) =
        tokio_postgres::connect(&database.url().await, tokio_postgres::NoTls).await.unwrap();
    let driver = tokio::spawn(connection);
    // The remedies must not depend on the search path.
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
        let result = check(&report, "orphan_fks");
        assert_eq!((result.outcome, result.unread.as_slice()), (Outcome::Passed, [].as_slice()));
        // 18 constraints, 2 relations of the plan (the third has a constraint), 3 of Supabase.
        assert_eq!(result.examined["references"], 23);
    }
}

#[tokio::test]
async fn the_damage_is_found_and_nothing_else() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let baseline = baseline(&healthy, PLAN).await;
    let report = damaged.report(PLAN, Some(&baseline)).await;
    let found: BTreeMap<String, u64> = check(&report, "orphan_fks")
        .findings
        .iter()
        .map(|finding| (finding.id().replacen("orphan_fks:", "", 1), finding.count().unwrap()))
        .collect();
    let expected: BTreeMap<String, u64> = [
        ("half_null_keys:public.links:links_a_b_fkey", 1),
        ("orphaned_rows:auth.mfa_factors:mfa_factors_user_id_fkey", 1),
        ("orphaned_rows:auth.refresh_tokens:(user_id) -> auth.users(id)", 1),
        ("orphaned_rows:auth.sessions:(factor_id) -> auth.mfa_factors(id)", 1),
        ("orphaned_rows:auth.sessions:sessions_user_id_fkey", 1),
        ("orphaned_rows:public.\"Beacon\":\"Beacon_userId_fkey\"", 1),
        ("orphaned_rows:public.\"User\":\"User_authId_fkey\"", 1),
        ("orphaned_rows:public.addresses:addresses_country_fkey", 1),
        ("orphaned_rows:public.events:events_task_id_fkey", 4),
        ("orphaned_rows:public.events_2:events_2_tenant_fkey", 5),
        ("orphaned_rows:public.feedings:feedings_animal_id_fkey", 1),
        ("orphaned_rows:public.late:late_task_fkey", 1),
        ("orphaned_rows:public.lines:lines_tenant_id_number_fkey", 5),
        ("orphaned_rows:public.links:links_a_b_fkey", 1),
        ("orphaned_rows:public.measures:measures_task_id_fkey", 1),
        ("orphaned_rows:public.notes:(task_id) -> public.tasks(id)", 1),
        ("orphaned_rows:public.things:things_kind_region_fkey", 2),
        ("orphaned_rows:public.time_logs:time_logs_task_id_fkey", 20),
        ("orphaned_rows:storage.objects:(owner_id) -> auth.users(id)", 1),
    ]
    .into_iter()
    .map(|(id, rows)| (id.to_owned(), rows))
    .collect();
    assert_eq!(found, expected);
    assert_eq!(report.verdict, Verdict::Failed);

    let logs = orphans(&report, "public.time_logs:time_logs_task_id_fkey");
    assert_eq!(logs.validated, Some(true), "loaded behind a constraint that says valid");
    assert_eq!((logs.missing_parents, logs.were), (Some(2), Some(0)));
    assert_eq!(logs.sample.columns, ["id"]);
    assert_eq!(logs.sample.rows.len(), 20);
    assert_eq!(logs.sample.rows[0], [Some("38".to_owned())]);
    assert_eq!(logs.tenants_total, Some(2));
    assert_eq!(logs.tenants.values().sum::<u64>(), 20);
    assert_eq!(logs.common.object, "public.time_logs");
    assert_eq!(logs.common.message, "20 orphaned rows (task_id → public.tasks.id)");
    assert_eq!(
        logs.common.hint.as_deref().unwrap(),
        "2 tenants · e.g. id 38, 39, 78 · the constraint says valid: loaded with triggers off · the baseline had none"
    );
    assert_eq!(
        logs.common.query.as_deref().unwrap(),
        "select c.*\nfrom only public.time_logs c\nwhere c.task_id is not null\n  and not exists (\n    \
         select from only public.tasks p\n    where p.id = c.task_id\n  )"
    );
    assert_eq!(orphans(&report, "public.late:late_task_fkey").validated, Some(false));
    // A partition has the key of its root.
    assert_eq!(orphans(&report, "public.events_2:events_2_tenant_fkey").sample.columns, ["id", "day"]);
    assert_eq!(orphans(&report, "public.notes:(task_id) -> public.tasks(id)").validated, None);
}

#[tokio::test]
async fn orphans_that_supabase_permits_are_told_and_do_not_fail() {
    let (_, damaged) = super::twins(SCRIPT).await;
    let owner = "storage.objects:(owner_id) -> auth.users(id)";
    let token = "auth.refresh_tokens:(user_id) -> auth.users(id)";
    let alone = damaged.report("", None).await;
    assert_eq!(orphans(&alone, owner).common.severity, Severity::Info);
    assert_eq!(orphans(&alone, token).common.severity, Severity::Warning);
    let itself = baseline(&damaged, "").await;
    let same = damaged.report("", Some(&itself)).await;
    assert_eq!(orphans(&same, owner).common.severity, Severity::Info);
    assert_eq!(orphans(&same, token).common.severity, Severity::Info);
    assert_eq!(orphans(&same, "public.late:late_task_fkey").common.severity, Severity::Critical);
}

#[tokio::test]
async fn queries_and_remedies_run_as_they_are() {
    let (_, damaged) = super::twins(SCRIPT).await;
    let report = damaged.report(PLAN, None).await;
    let mut deleted = 0;
    for finding in &check(&report, "orphan_fks").findings {
        let rows = finding.count().unwrap();
        let query = finding.common().query.as_ref().unwrap();
        assert_eq!(affected(&damaged, query).await, rows, "{query}");
        let objects = finding.common().object == "storage.objects";
        let delete = choice(finding, "delete").unwrap();
        assert_eq!(delete.statements.is_empty(), objects);
        for statement in choice(finding, "set-null").iter().flat_map(|choice| &choice.statements) {
            let copy = damaged.copy().await;
            assert_eq!(affected(&copy, statement).await, rows, "{statement}");
        }
        for statement in &delete.statements {
            let copy = damaged.copy().await;
            assert_eq!(affected(&copy, statement).await, rows, "{statement}");
            deleted += 1;
        }
    }
    assert_eq!(deleted, 18);
}

#[tokio::test]
async fn null_is_set_only_where_it_may_be() {
    let (_, damaged) = super::twins(SCRIPT).await;
    let report = damaged.report(PLAN, None).await;
    let set = |id: &str| {
        let id = format!("orphan_fks:orphaned_rows:{id}");
        let finding = report.findings().into_iter().find(|finding| finding.id() == id).unwrap();
        choice(finding, "set-null").map(|choice| choice.statements[0].lines().nth(1).unwrap().to_owned())
    };
    assert_eq!(set("public.time_logs:time_logs_task_id_fkey").unwrap(), "set task_id = null");
    // The tenant stays: one column that is NULL is enough.
    assert_eq!(set("public.lines:lines_tenant_id_number_fkey").unwrap(), "set number = null");
    assert_eq!(set("public.links:links_a_b_fkey").unwrap(), "set a = null, b = null");
    assert_eq!(set("auth.sessions:sessions_user_id_fkey"), None, "NOT NULL");
    assert_eq!(set("public.measures:measures_task_id_fkey"), None, "generated");
}

#[tokio::test]
async fn a_constraint_that_the_restore_lost_is_found_with_its_orphans() {
    let (healthy, damaged) = super::twins(SCRIPT).await;
    let baseline = baseline(&healthy, "").await;
    // A restore of a dump of damaged data cannot create the foreign keys that the data violate.
    damaged
        .execute(
            "alter table time_logs drop constraint time_logs_task_id_fkey;
             alter table events drop constraint events_task_id_fkey;
             alter table things drop constraint things_kind_region_fkey;
             alter table tasks drop constraint tasks_tenant_id_fkey;
             alter table lines drop column number;
             drop table addresses;
             alter table \"User\" rename constraint \"User_authId_fkey\" to renamed",
        )
        .await;
    let report = damaged.report("", Some(&baseline)).await;
    let found = ids(&report);
    for id in [
        "missing_foreign_key:public.time_logs:time_logs_task_id_fkey",
        "missing_foreign_key:public.events:events_task_id_fkey",
        "missing_foreign_key:public.things:things_kind_region_fkey",
        "missing_foreign_key:public.tasks:tasks_tenant_id_fkey",
        "missing_foreign_key:public.lines:lines_tenant_id_number_fkey",
        "missing_foreign_key:public.addresses:addresses_country_fkey",
    ] {
        assert!(found.contains(&id.to_owned()), "{id} is not in {found:?}");
    }
    assert_eq!(found.iter().filter(|id| id.starts_with("missing_foreign_key:")).count(), 6);
    let logs = orphans(&report, "public.time_logs:time_logs_task_id_fkey");
    assert_eq!((logs.rows, logs.validated), (20, None));
    assert_eq!(orphans(&report, "public.things:things_kind_region_fkey").rows, 2);
    assert!(found.contains(&"orphaned_rows:public.\"User\":renamed".to_owned()), "only its name changed");

    let statement = |id: &str| {
        let id = format!("orphan_fks:missing_foreign_key:public.{id}");
        let finding = report.findings().into_iter().find(|finding| finding.id() == id).unwrap();
        match &finding.common().remedy {
            Some(Remedy::Sql(sql)) => Some(sql.statements[0].clone()),
            None => None,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(statement("lines:lines_tenant_id_number_fkey"), None, "its column is gone");
    assert_eq!(statement("addresses:addresses_country_fkey"), None, "its table is gone");
    let version = damaged.query("select current_setting('server_version_num')::int >= 180000").await;
    let partitioned = statement("events:events_task_id_fkey");
    assert_eq!(partitioned.is_some(), version == ["t"], "partitioned tables know NOT VALID from 18 on");
    assert!(statement("time_logs:time_logs_task_id_fkey").unwrap().ends_with(" not valid"));
    assert!(!statement("tasks:tasks_tenant_id_fkey").unwrap().ends_with(" not valid"));
    for id in ["time_logs:time_logs_task_id_fkey", "tasks:tasks_tenant_id_fkey"] {
        damaged.execute(&statement(id).unwrap()).await;
    }
    let after = ids(&damaged.report("", Some(&baseline)).await);
    assert!(!after.iter().any(|id| id.starts_with("missing_foreign_key:public.t")
        && !id.starts_with("missing_foreign_key:public.things")));
}

#[tokio::test]
async fn names_of_the_plan_that_are_nowhere_are_findings() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let plan = "[[orphan_fks.relations]]\nchild = \"time_logs.tsak_id\"\nparent = \"taks.id\"\n";
    let report = healthy.report(plan, None).await;
    assert_eq!(ids(&report), ["missing_relation:time_logs.tsak_id -> taks.id"]);
    healthy
        .execute("create schema a; create schema b; create table a.t (id int); create table b.t (id int)")
        .await;
    let plan = "[[orphan_fks.relations]]\nchild = \"notes.task_id\"\nparent = \"t.id\"\n";
    let result = healthy.report(plan, None).await;
    assert_eq!(check(&result, "orphan_fks").reason, Some(Reason::Unreadable), "t is ambiguous");
}

#[tokio::test]
async fn what_a_role_cannot_read_is_unread_and_the_rest_is_judged() {
    let (_, damaged) = super::twins(SCRIPT).await;
    let role = "orphans_reader";
    damaged
        .execute(&format!(
            "create role {role} login;
             grant usage on schema public, auth, storage, extensions to {role};
             grant select on all tables in schema public, auth, storage to {role};
             revoke select on tenants from {role};
             alter table invoices enable row level security"
        ))
        .await;
    let source = drcore::Source::connect(&damaged.url_as(role).await).await.unwrap();
    let plan = parse("");
    let evidence =
        drcore::collect::collect(&source, &plan, None, &drcore::collect::CollectOptions::default())
            .await
            .unwrap();
    drop(source);
    let report = plan.judge(&evidence, None);
    let result = check(&report, "orphan_fks");
    let unread: Vec<&str> = result.unread.iter().map(|unread| unread.object.as_str()).collect();
    assert_eq!(
        unread,
        [
            "public.events_2.tenant → public.tenants.id",
            "public.lines (tenant_id, number) → public.invoices (tenant_id, number)",
            "public.tasks.tenant_id → public.tenants.id",
        ]
    );
    assert_eq!(orphans(&report, "public.time_logs:time_logs_task_id_fkey").rows, 20);
    damaged.execute(&format!("drop owned by {role}")).await;
    cluster().await.execute("postgres", &format!("drop role {role}")).await.unwrap();
}

#[tokio::test]
async fn a_sample_that_could_not_be_read_leaves_the_finding() {
    let (_, damaged) = super::twins(SCRIPT).await;
    let plan = parse("");
    let mut evidence = damaged.evidence(&plan, None).await;
    let key = "public.time_logs:time_logs_task_id_fkey";
    evidence.scans.orphan_samples.remove(key);
    let report = plan.judge(&evidence, None);
    let logs = orphans(&report, key);
    assert_eq!((logs.rows, logs.missing_parents, logs.tenants_total), (20, None, None));
    assert!(logs.common.hint.as_deref().unwrap().contains("could not be read"));
    // A count that is not there is never zero.
    evidence.scans.orphans.clear();
    assert_eq!(check(&plan.judge(&evidence, None), "orphan_fks").reason, Some(Reason::Unreadable));
}

#[tokio::test]
async fn without_foreign_keys_there_is_nothing_to_judge() {
    let empty = Database::with("create table a (id int primary key)").await;
    let report = empty.report("", None).await;
    let result = check(&report, "orphan_fks");
    assert_eq!((result.outcome, result.reason), (Outcome::NotRun, Some(Reason::NotApplicable)));
}

#[tokio::test]
async fn a_baseline_without_foreign_keys_is_not_taken_as_having_none() {
    let (healthy, _) = super::twins(SCRIPT).await;
    let mut baseline = baseline(&healthy, "").await;
    baseline.catalog.foreign_keys = drcore::evidence::Fact::NotAsked;
    let report = healthy.report("", Some(&baseline)).await;
    assert_eq!(check(&report, "orphan_fks").reason, Some(Reason::Unreadable));
}

#[tokio::test]
async fn an_excluded_table_is_left_out() {
    let (_, damaged) = super::twins(SCRIPT).await;
    let report = damaged
        .report("[scope]\nschemas = [\"public\"]\nexclude = [\"public.t*\", \"public.events\"]", None)
        .await;
    let found = ids(&report);
    assert!(
        !found.iter().any(|id| id.contains(":auth.") || id.contains(":public.t") || id.contains("events")),
        "{found:?}"
    );
    assert!(found.contains(&"orphaned_rows:public.late:late_task_fkey".to_owned()));
}

#[tokio::test]
async fn one_of_two_foreign_keys_about_the_same_columns_is_missed() {
    let database = Database::with(
        "create table rooms (id int primary key); create table rents (room int);
         alter table rents add constraint keeps foreign key (room) references rooms on delete restrict,
           add constraint follows foreign key (room) references rooms on delete cascade,
           add constraint follows_again foreign key (room) references rooms on delete cascade;
         insert into rooms values (1); insert into rents values (1);",
    )
    .await;
    let baseline = database.evidence(&parse(""), None).await;
    let of = |report: &Report| -> Vec<String> {
        drcore_tests::ids(report).into_iter().filter(|id| id.starts_with("orphan_fks:")).collect()
    };
    let found = async |database: &Database| of(&database.report("", Some(&baseline)).await);
    assert_eq!(found(&database).await, [""; 0]);
    // The same thing stands under another name.
    let same = database.copy().await;
    same.execute("alter table rents drop constraint follows_again").await;
    assert_eq!(found(&same).await, [""; 0]);
    same.execute("alter table rents rename constraint keeps to kept").await;
    assert_eq!(found(&same).await, [""; 0]);
    let lost = database.copy().await;
    lost.execute("alter table rents drop constraint keeps").await;
    let keeps = "orphan_fks:missing_foreign_key:public.rents:keeps";
    let report = lost.report("", Some(&baseline)).await;
    assert_eq!(of(&report), [keeps]);
    for (_, _, fix) in report.fixes() {
        lost.execute(&fix.statements.join(";\n")).await;
    }
    assert_eq!(found(&lost).await, [""; 0]);
    // All of them, each told, and the orphans once.
    let all = database.copy().await;
    all.execute(
        "alter table rents drop constraint keeps, drop constraint follows, drop constraint follows_again",
    )
    .await;
    all.execute("insert into rents values (2)").await;
    let missing = ["follows", "follows_again", "keeps"];
    let mut expected =
        missing.map(|name| format!("orphan_fks:missing_foreign_key:public.rents:{name}")).to_vec();
    expected.push("orphan_fks:orphaned_rows:public.rents:follows".to_owned());
    assert_eq!(found(&all).await, expected);
}
