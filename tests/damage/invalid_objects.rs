use drcore::Severity::{self, Critical, Info, Warning};
use drcore::check::Outcome;
use drcore::{Finding, Report};
use drcore_tests::{Database, check, ids, major};

const SCRIPT: &str = include_str!("invalid_objects.sql");

async fn twins() -> (Database, Database) {
    let (healthy, damage) = SCRIPT.split_once("-- damage\n").unwrap();
    let database = Database::with(healthy).await;
    let damaged = database.copy().await;
    damaged.execute(damage).await;
    (database, damaged)
}

fn found(report: &Report) -> Vec<(Severity, &str)> {
    let findings = &check(report, "invalid_objects").findings;
    findings.iter().map(|found| (found.severity(), found.id())).collect()
}

#[tokio::test]
async fn the_healthy_twin_is_silent() {
    let (healthy, _) = twins().await;
    for database in [&healthy, &healthy.restored().await] {
        let report = database.report("", None).await;
        let result = check(&report, "invalid_objects");
        assert_eq!(result.outcome, Outcome::Passed, "{result:#?}");
        assert_eq!(result.findings, []);
        for (what, count) in
            [("indexes", 4), ("constraints", 5), ("triggers", 3), ("rules", 1), ("materialized views", 1)]
        {
            assert_eq!(result.examined[what], count, "{what}: {:?}", result.examined);
        }
    }
}

#[tokio::test]
async fn the_damage_is_found_with_and_without_a_baseline() {
    let (healthy, damaged) = twins().await;
    let alone = damaged.report("", None).await;
    let expected = [
        (Critical, "invalid_objects:unenforced_constraint:public.invoices:invoices_tenant_id_fkey"),
        (Critical, "invalid_objects:unpopulated_view:public.totals"),
        (Warning, "invalid_objects:disabled_rule:public.tenants:no_delete"),
        (Warning, "invalid_objects:disabled_trigger:invalid_objects_tell:event_trigger"),
        (Warning, "invalid_objects:disabled_trigger:public.invoices:touch"),
        (Warning, "invalid_objects:disabled_trigger:public.tenants:\"we\"\"ird; DROP\""),
        (Warning, "invalid_objects:invalid_index:public.invoices:invoices_number_idx"),
        (Warning, "invalid_objects:invalid_index:public.invoices:invoices_total_idx"),
        (Warning, "invalid_objects:unproven_constraint:public.amount:positive"),
        (Warning, "invalid_objects:unproven_constraint:public.tenants:named"),
        // Its rows are counted where it is said whether they break it.
        (Info, "invalid_objects:unproven_constraint:public.invoices:invoices_tenant_id_fkey"),
    ];
    assert_eq!(found(&alone), expected);

    let baseline = healthy.evidence(&drcore_tests::parse(""), None).await;
    let report = damaged.report("", Some(&baseline)).await;
    let expected = [
        (Critical, "invalid_objects:disabled_rule:public.tenants:no_delete"),
        (Critical, "invalid_objects:disabled_trigger:invalid_objects_tell:event_trigger"),
        (Critical, "invalid_objects:disabled_trigger:public.invoices:touch"),
        (Critical, "invalid_objects:disabled_trigger:public.tenants:\"we\"\"ird; DROP\""),
        (Critical, "invalid_objects:unenforced_constraint:public.invoices:invoices_tenant_id_fkey"),
        (Critical, "invalid_objects:unpopulated_view:public.totals"),
        (Warning, "invalid_objects:invalid_index:public.invoices:invoices_total_idx"),
        (Warning, "invalid_objects:unproven_constraint:public.amount:positive"),
        (Warning, "invalid_objects:unproven_constraint:public.invoices:invoices_tenant_id_fkey"),
        (Warning, "invalid_objects:unproven_constraint:public.tenants:named"),
    ];
    assert_eq!(found(&report), expected);
    // Each is told once.
    assert!(
        ids(&report)
            .contains(&"duplicate_keys:missing_unique_key:public.invoices:invoices_number_idx".into())
    );
    assert_eq!(check(&report, "schema_drift").findings, []);
    // Where the check is left out, the comparison tells what differs.
    let without = "[[skip]]\ncheck = \"invalid_objects\"\nreason = \"tried\"\n";
    let drift = damaged.report(without, Some(&baseline)).await;
    assert_eq!(check(&drift, "schema_drift").findings.len(), 9, "{:#?}", ids(&drift));
}

#[tokio::test]
async fn what_was_so_before_is_no_loss() {
    let (_, damaged) = twins().await;
    let baseline = damaged.evidence(&drcore_tests::parse(""), None).await;
    let report = damaged.report("", Some(&baseline)).await;
    let result = check(&report, "invalid_objects");
    assert_eq!(result.findings.len(), 11);
    for finding in &result.findings {
        // That nothing enforces a key is no matter of the past.
        let is_enforced = !matches!(finding, Finding::UnenforcedConstraint(_));
        assert_eq!(finding.severity() == Info, is_enforced, "{finding:#?}");
    }
}

#[tokio::test]
async fn the_remedies_put_it_right() {
    let (healthy, damaged) = twins().await;
    let baseline = healthy.evidence(&drcore_tests::parse(""), None).await;
    for baseline in [Some(&baseline), None] {
        let database = damaged.copy().await;
        let report = database.report("", baseline).await;
        let mut options = drcore::restore::RepairOptions::default();
        if baseline.is_none() {
            // Nobody knows whether they were on before.
            options.choices = vec![drcore::restore::repair::Chosen::parse("invalid_objects=enable").unwrap()];
        }
        let plan = drcore::restore::RepairPlan::of(&report, &options).unwrap();
        let sql: Vec<String> =
            plan.statements.iter().map(|statement| format!("{};", statement.sql)).collect();
        database.execute(&format!("begin;\n{}\ncommit", sql.join("\n"))).await;
        let after = database.report("", baseline).await;
        assert_eq!(check(&after, "invalid_objects").findings, []);
        assert_eq!(check(&after, "invalid_objects").outcome, Outcome::Passed);
    }
}

/// The library of the test's server is of one version: what the catalog says of it is changed.
#[tokio::test]
async fn text_that_is_sorted_in_another_way_is_told() {
    let database = Database::with(
        "create collation words (provider = icu, locale = 'de'); create table t (w text collate words);
         create index t_w on t (w)",
    )
    .await;
    assert_eq!(check(&database.report("", None).await, "invalid_objects").findings, []);
    database.execute("update pg_collation set collversion = '1.1' where collname = 'words'").await;
    let mut expected = vec![(Warning, "invalid_objects:collation_mismatch:public.words".to_owned())];
    let version = "select coalesce(datcollversion, '') from pg_database where datname = current_database()";
    if major().await >= 15 && !database.query(version).await[0].is_empty() {
        let name = &database.name;
        database
            .execute(&format!("update pg_database set datcollversion = '1.1' where datname = '{name}'"))
            .await;
        expected.insert(0, (Warning, format!("invalid_objects:collation_mismatch:{name}")));
    }
    let report = database.report("", None).await;
    let mut found: Vec<_> =
        found(&report).into_iter().map(|(severity, id)| (severity, id.to_owned())).collect();
    found.sort_by_key(|(_, id)| id.contains("words"));
    assert_eq!(found, expected);
    // What was built by the other version is built again.
    let Some(drcore::Remedy::Sql(remedy)) =
        check(&report, "invalid_objects").findings.iter().find_map(|found| found.common().remedy.clone())
    else {
        panic!()
    };
    assert_eq!(
        remedy.statements,
        ["reindex index public.t_w", "alter collation public.words refresh version"]
    );
}

#[tokio::test]
async fn null_rules_that_nobody_proved_are_told() {
    if major().await < 18 {
        return;
    }
    let database = Database::with(
        "create table t (id int primary key, n int); alter table t add constraint there not null n not valid;
         alter table t add constraint asked check (n > 0) not enforced",
    )
    .await;
    let report = database.report("", None).await;
    assert_eq!(found(&report), [(Warning, "invalid_objects:unproven_constraint:public.t:column:n")]);
}
