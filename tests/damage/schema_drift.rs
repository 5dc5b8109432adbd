use drcore::Finding;
use drcore::Severity::{self, Critical, Info, Warning};
use drcore::check::{Outcome, Reason};
use drcore_tests::{Database, check, ids};

const SCRIPT: &str = include_str!("schema_drift.sql");

async fn twins() -> (Database, Database) {
    let (healthy, damage) = SCRIPT.split_once("-- damage\n").unwrap();
    let database = Database::supabase().await;
    database.execute(healthy).await;
    let damaged = database.copy().await;
    damaged.execute(damage).await;
    (database, damaged)
}

#[tokio::test]
async fn the_healthy_twin_is_silent() {
    let (healthy, _) = twins().await;
    let baseline = healthy.evidence(&drcore_tests::parse(""), None).await;
    for database in [&healthy, &healthy.restored().await] {
        let report = database.report("", Some(&baseline)).await;
        let result = check(&report, "schema_drift");
        assert_eq!(result.outcome, Outcome::Passed, "{result:#?}");
        assert_eq!(result.findings, []);
        for (what, least) in
            [("tables", 2), ("columns", 10), ("functions", 4), ("triggers", 2), ("comments", 1)]
        {
            assert!(result.examined[what] >= least, "{what}: {:?}", result.examined);
        }
    }
    let alone = healthy.report("", None).await;
    assert_eq!(check(&alone, "schema_drift").reason, Some(Reason::NoExpectation));
}

#[tokio::test]
async fn the_damage_is_found_and_nothing_else() {
    let (healthy, damaged) = twins().await;
    let baseline = healthy.evidence(&drcore_tests::parse(""), None).await;
    let report = damaged.report("", Some(&baseline)).await;
    let found: Vec<(Severity, &str)> =
        check(&report, "schema_drift").findings.iter().map(|found| (found.severity(), found.id())).collect();
    let expected = [
        (Critical, "schema_drift:object_changed:public.greeting():function"),
        (Critical, "schema_drift:object_changed:public.numbers:sequence"),
        (Critical, "schema_drift:object_changed:public.profiles:column:number"),
        (Critical, "schema_drift:object_changed:public.profiles:column:total"),
        (Critical, "schema_drift:object_changed:public.tenant_of():function"),
        (Critical, "schema_drift:object_lost:auth.users:trigger:on_auth_user_created"),
        (Critical, "schema_drift:object_lost:public.profiles:trigger:touch"),
        (Critical, "schema_drift:object_lost:public.tenants:column:plan"),
        (Critical, "schema_drift:object_lost:public.totals:materialized_view"),
        (Warning, "schema_drift:object_added:public.tenants:trigger:surprise"),
        (Warning, "schema_drift:object_changed:public.names:view"),
        (Warning, "schema_drift:object_changed:supabase_realtime:publication"),
        (Warning, "schema_drift:object_lost:public.profiles:constraint:profiles_total_check"),
        (Warning, "schema_drift:object_lost:public.profiles:index:profiles_email_idx"),
        (Info, "schema_drift:function_lines_lost:functions"),
        (Info, "schema_drift:object_added:public.helper():function"),
        (Info, "schema_drift:object_changed:public.mood:type"),
        (Info, "schema_drift:object_lost:table public.profiles:comment"),
    ];
    assert_eq!(found, expected);
    // The table that came in is told where rows are counted.
    assert!(ids(&report).contains(&"row_counts:extra_table:public.extra".to_owned()));
}

fn finding<'r>(report: &'r drcore::Report, id: &str) -> &'r Finding {
    report
        .findings()
        .into_iter()
        .find(|found| found.id() == id)
        .unwrap_or_else(|| panic!("{:#?}", ids(report)))
}

#[tokio::test]
async fn what_was_lost_and_how_is_told() {
    let (healthy, damaged) = twins().await;
    let baseline = healthy.evidence(&drcore_tests::parse(""), None).await;
    let report = damaged.report("", Some(&baseline)).await;
    let hint = |id: &str| finding(&report, id).common().hint.clone().unwrap_or_default();
    assert!(
        hint("schema_drift:object_lost:auth.users:trigger:on_auth_user_created")
            .contains("leaves out the schema auth")
    );
    let greeting = hint("schema_drift:object_changed:public.greeting():function");
    assert!(greeting.contains("line 3 of its body was -- this is no comment, is yours'"), "{greeting}");
    assert!(greeting.contains("supabase db dump removes every line"), "{greeting}");
    let total = hint("schema_drift:object_changed:public.profiles:column:total");
    assert_eq!(total, "default was 0, is nothing; type was numeric(12,2), is numeric(12,3).");
    let Finding::FunctionLinesLost(lost) = finding(&report, "schema_drift:function_lines_lost:functions")
    else {
        panic!()
    };
    assert_eq!(lost.functions, ["public.handle_new_user()"]);
}

/// What each finding's remedy makes of the damage, all of them together.
#[tokio::test]
async fn the_remedies_put_it_right() {
    let (healthy, damaged) = twins().await;
    let baseline = healthy.evidence(&drcore_tests::parse(""), None).await;
    let report = damaged.report("", Some(&baseline)).await;
    let mut options = drcore::restore::RepairOptions::default();
    options.allow = drcore::remedy::RemedyClass::AvailabilityRisk;
    options.choices = vec![drcore::restore::repair::Chosen::parse("schema_drift=drop").unwrap()];
    let plan = drcore::restore::RepairPlan::of(&report, &options).unwrap();
    let sql: Vec<String> = plan.statements.iter().map(|statement| format!("{};", statement.sql)).collect();
    damaged.execute(&format!("begin;\n{}\ncommit", sql.join("\n"))).await;
    let after = damaged.report("", Some(&baseline)).await;
    let left: Vec<&str> = check(&after, "schema_drift").findings.iter().map(Finding::id).collect();
    // No label of an enum can be taken away.
    assert_eq!(left, ["schema_drift:object_changed:public.mood:type"]);
}
