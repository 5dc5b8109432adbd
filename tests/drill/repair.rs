use drcore::plan::Limits;
use drcore::remedy::RemedyClass;
use drcore::restore::{RepairOptions, RepairPlan};
use drcore::{ErrorKind, Remedy, Report, Target};
use drcore_tests::Database;

/// A report on a database with one finding that these statements put right.
async fn report(database: &Database, statements: &[&str]) -> Report {
    let mut report = database.report("", None).await;
    let remedy = Remedy::sql(RemedyClass::Safe, statements.iter().map(|&sql| sql.to_owned()));
    let finding = serde_json::json!({
        "kind": "custom", "id": "row_counts:custom:public.a", "check": "row_counts",
        "severity": "critical", "object": "public.a", "message": "m", "remedy": remedy,
    });
    report.checks[0].findings.push(serde_json::from_value(finding).unwrap());
    report
}

async fn plan(database: &Database, statements: &[&str]) -> RepairPlan {
    RepairPlan::of(&report(database, statements).await, &RepairOptions::default()).unwrap()
}

async fn target(database: &Database, plan: &RepairPlan) -> Target {
    Target::connect(&database.url().await, plan.project.as_deref().unwrap()).await.unwrap()
}

async fn rows(database: &Database) -> u64 {
    let evidence = database.evidence(&drcore::Plan::default(), None).await;
    evidence.scans.tables.values().next().unwrap().rows.read().copied().unwrap()
}

#[tokio::test]
async fn a_plan_is_applied_and_every_write_is_logged() {
    let database = Database::with("create table a (id int)").await;
    let plan = plan(&database, &["insert into public.a select pg_catalog.generate_series(1, 5)"]).await;
    let target = target(&database, &plan).await;
    let writes = plan.execute(&target, &Limits::default()).await.unwrap();
    assert_eq!(rows(&database).await, 5);
    assert_eq!(writes.len(), 2);
    assert_eq!((writes[0].rows, &writes[0].statement), (Some(5), &plan.statements[0].sql));
    assert_eq!(writes[1].statement, "commit");
    assert_eq!(writes[0].project, plan.project.unwrap());
}

#[tokio::test]
async fn one_statement_that_fails_undoes_all() {
    let database = Database::with("create table a (id int)").await;
    for bad in [
        "insert into public.nowhere values (1)",
        // Text from a baseline must not end the transaction and go on by itself.
        "insert into public.a values (1); commit; insert into public.a values (2)",
    ] {
        let plan = plan(&database, &["insert into public.a values (1)", bad]).await;
        let target = target(&database, &plan).await;
        let error = plan.execute(&target, &Limits::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Query, "{error:?}");
        assert!(error.to_string().contains("statement: 2"), "{error}");
        assert_eq!(rows(&database).await, 0, "{bad}");
    }
}

#[tokio::test]
async fn a_plan_for_another_database_is_refused() {
    let (database, other) = (Database::with("create table a (id int)").await, Database::empty().await);
    let (mine, others) = (plan(&database, &["drop table public.a"]).await, plan(&other, &["select 1"]).await);
    let target = target(&other, &others).await;
    let error = mine.execute(&target, &Limits::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert_eq!(rows(&database).await, 0);
}

#[tokio::test]
async fn a_lock_that_somebody_else_holds_is_not_waited_for() {
    let database = Database::with("create table a (id int)").await;
    let plan = plan(&database, &["alter table public.a add column b int"]).await;
    let target = target(&database, &plan).await;
    let url = database.url().await;
    let holder = tokio::spawn(async move {
        let _ = drcore_tests::cluster()
            .await
            .execute(
                url.rsplit('/').next().unwrap(),
                "begin; lock table public.a in access share mode; select pg_catalog.pg_sleep(4); commit",
            )
            .await;
    });
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    let mut limits = Limits::default();
    limits.lock_timeout = Some(std::time::Duration::from_millis(200).into());
    let error = plan.execute(&target, &limits).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    holder.await.unwrap();
}
