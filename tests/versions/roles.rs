//! Who reaches what, by memberships as each version has them.
//!
//! On clusters of their own: roles belong to the whole cluster, and what they may do would change under other tests.

use drcore::collect::{CollectOptions, collect};
use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{Evidence, Finding, Remedy, Report, Source};
use drcore_tests::{SUPABASE, ids, parse};

const EXPOSED: &str = "[rls_coverage]\nexposed_schemas = [\"public\"]\n";

struct Own(ScratchCluster);

impl Own {
    async fn start() -> Self {
        let cluster = ScratchCluster::start(ScratchOptions::default()).await.unwrap();
        cluster.create_database("app").await.unwrap();
        cluster.execute("app", SUPABASE).await.unwrap();
        Self(cluster)
    }

    async fn execute(&self, sql: &str) {
        self.0.execute("app", sql).await.unwrap();
    }

    /// Whether the server allows it.
    async fn allows(&self, sql: &str) -> bool {
        self.0.execute("app", sql).await.is_ok()
    }

    async fn major(&self) -> u32 {
        self.evidence().await.major().unwrap()
    }

    async fn evidence(&self) -> Evidence {
        let source = Source::connect(&self.0.url("app")).await.unwrap();
        collect(&source, &parse(EXPOSED), None, &CollectOptions::default()).await.unwrap()
    }

    async fn report(&self, against: Option<&Evidence>) -> Report {
        parse(EXPOSED).judge(&self.evidence().await, against)
    }
}

/// From PostgreSQL 16 on every membership says whether it inherits; before, the role does.
#[tokio::test]
async fn what_a_role_reaches_through_a_group_is_what_its_membership_says() {
    let database = Own::start().await;
    database
        .execute(
            "create role dr_vs_staff; create role dr_vs_api noinherit; grant dr_vs_api to authenticator;
             create table t (id int);
             revoke all on t from public, anon, authenticated; grant select on t to dr_vs_staff;
             grant usage on schema public to dr_vs_staff",
        )
        .await;
    let baseline = database.evidence().await;
    let reached = async || {
        let report = database.report(None).await;
        let open = report.findings().into_iter().find_map(|finding| match finding {
            Finding::RlsDisabled(open) => Some(open.roles.clone()),
            _ => None,
        });
        open.is_some_and(|roles| roles.contains(&"dr_vs_api".to_owned()))
    };
    let reads = async || {
        let found = reached().await;
        let sql = "set role dr_vs_api; select count(*) from public.t";
        assert_eq!(database.allows(sql).await, found, "the server is of the same opinion");
        found
    };
    assert!(!reads().await);
    database.execute("grant dr_vs_staff to dr_vs_api").await;
    assert!(!reads().await, "noinherit");
    let widened = async || {
        let report = database.report(Some(&baseline)).await;
        let id = "privilege_drift:membership_widened:dr_vs_api:dr_vs_staff";
        let found = report.findings().into_iter().find(|finding| finding.id() == id).cloned();
        let Some(Finding::MembershipWidened(widened)) = found else { panic!("{:?}", ids(&report)) };
        widened.ways
    };
    assert_eq!(widened().await, ["can become it"]);
    if database.major().await >= 16 {
        database.execute("grant dr_vs_staff to dr_vs_api with inherit true").await;
    } else {
        database.execute("alter role dr_vs_api inherit").await;
    }
    assert!(reads().await);
    assert_eq!(widened().await, ["has its rights", "can become it"]);
    if database.major().await >= 16 {
        database
            .execute("alter role dr_vs_api inherit; grant dr_vs_staff to dr_vs_api with inherit false")
            .await;
        assert!(!reads().await, "the membership goes before the role");
        database
            .execute(
                "grant dr_vs_staff to dr_vs_api with inherit true; grant dr_vs_api to authenticator with set false",
            )
            .await;
        let sql = "set session authorization authenticator; set role dr_vs_api";
        assert!(!database.allows(sql).await);
        assert!(!reached().await, "the API cannot become it");
    }
}

/// PostgreSQL 14: a predefined role reads everything.
#[tokio::test]
async fn a_role_that_reads_all_data_reaches_every_table() {
    let database = Own::start().await;
    if database.major().await < 14 {
        return;
    }
    database
        .execute(
            "create role dr_vs_all; grant dr_vs_all to authenticator;
             create table t (id int); revoke all on t from anon, authenticated;
             insert into t values (1)",
        )
        .await;
    assert!(!ids(&database.report(None).await).contains(&"rls_coverage:rls_disabled:public.t".to_owned()));
    database.execute("grant pg_read_all_data to dr_vs_all").await;
    assert!(database.allows("set role dr_vs_all; select count(*) from public.t").await);
    let report = database.report(None).await;
    let open = report
        .findings()
        .into_iter()
        .find(|finding| finding.id() == "rls_coverage:rls_disabled:public.t")
        .unwrap();
    assert!(open.common().hint.as_ref().unwrap().contains("dr_vs_all"), "{open:?}");
}

/// What policies held, an application's role: no API is needed for that.
#[tokio::test]
async fn an_applications_role_that_bypasses_the_policies_is_told_once() {
    let database = Own::start().await;
    database
        .execute(
            "create role dr_vs_app; create table t (id int, tenant text); alter table t enable row level security;
             create policy p on t to dr_vs_app using (tenant = current_setting('app.tenant', true));
             grant select, insert on t to dr_vs_app",
        )
        .await;
    let baseline = database.evidence().await;
    assert!(!ids(&database.report(Some(&baseline)).await).iter().any(|id| id.contains("dr_vs_app")));
    database.execute("alter role dr_vs_app bypassrls").await;
    let about = |report: &Report| -> Vec<String> {
        ids(report).into_iter().filter(|id| id.contains("dr_vs_app")).collect()
    };
    assert_eq!(about(&database.report(Some(&baseline)).await), ["rls_coverage:rls_bypassed:dr_vs_app"]);
    let only = ["privilege_drift".to_owned()];
    let alone = Report::judge(&parse(EXPOSED), &database.evidence().await, Some(&baseline), &only);
    assert_eq!(about(&alone), ["privilege_drift:role_widened:dr_vs_app"]);
}

/// PostgreSQL 15: who may set a parameter, for the whole cluster.
#[tokio::test]
async fn privileges_on_parameters_are_found_and_put_right() {
    let database = Own::start().await;
    database.execute("create role dr_vs_setter").await;
    let before = database.evidence().await;
    let grant = "grant set on parameter log_min_messages to dr_vs_setter";
    assert_eq!(database.allows(grant).await, database.major().await >= 15);
    if database.major().await < 15 {
        return;
    }
    let after = database.evidence().await;
    let drift = |now: &Evidence, then: &Evidence| {
        let report = parse(EXPOSED).judge(now, Some(then));
        let drift =
            report.findings().into_iter().find(|finding| finding.id().starts_with("privilege_drift:"));
        let common = drift.unwrap().common().clone();
        let Some(Remedy::Sql(remedy)) = common.remedy else { panic!("no remedy") };
        (common.id, remedy.statements.join(";"))
    };
    let (id, revoke) = drift(&after, &before);
    assert_eq!(id, "privilege_drift:privileges_widened:parameters");
    assert_eq!(revoke, "revoke set on parameter log_min_messages from dr_vs_setter");
    assert_eq!(
        drift(&before, &after),
        ("privilege_drift:privileges_narrowed:parameters".to_owned(), grant.to_owned())
    );
    database.execute(&revoke).await;
    let repaired = database.report(Some(&before)).await;
    assert!(!ids(&repaired).iter().any(|id| id.starts_with("privilege_drift:")), "{:?}", ids(&repaired));
}

/// What roles are, on a cluster where nobody else changes it; every remedy undoes what was done.
#[tokio::test]
async fn roles_and_memberships_are_found_and_put_right() {
    let database = Own::start().await;
    database
        .execute(
            "create role dr_vs_staff; create role dr_vs_login login password 'x' connection limit 5;
             create role dr_vs_member; grant dr_vs_staff to dr_vs_member;
             create table t (id int); grant select on t to dr_vs_staff, dr_vs_login",
        )
        .await;
    let baseline = database.evidence().await;
    let mut cases = vec![
        ("alter role dr_vs_login superuser", "role_widened:dr_vs_login"),
        ("alter role dr_vs_login bypassrls", ""),
        ("alter role dr_vs_login createrole", "role_widened:dr_vs_login"),
        ("alter role dr_vs_login createdb", "role_widened:dr_vs_login"),
        ("alter role dr_vs_login replication", "role_widened:dr_vs_login"),
        ("alter role dr_vs_login connection limit -1", "role_widened:dr_vs_login"),
        ("alter role dr_vs_login connection limit 2", "role_narrowed:dr_vs_login"),
        ("alter role dr_vs_login valid until '2030-01-01'", "role_narrowed:dr_vs_login"),
        ("alter role dr_vs_login nologin", "role_narrowed:dr_vs_login"),
        ("alter role dr_vs_staff login", "role_widened:dr_vs_staff"),
        ("grant dr_vs_staff to dr_vs_login", "membership_widened:dr_vs_login:dr_vs_staff"),
        ("grant dr_vs_staff to dr_vs_login with admin option", "membership_widened:dr_vs_login:dr_vs_staff"),
        ("grant dr_vs_staff to authenticator", "membership_widened:authenticator:dr_vs_staff"),
        (
            "grant dr_vs_staff to dr_vs_member with admin option",
            "membership_widened:dr_vs_member:dr_vs_staff",
        ),
        ("revoke dr_vs_staff from dr_vs_member", "membership_narrowed:dr_vs_member:dr_vs_staff"),
        ("revoke anon from authenticator", "membership_narrowed:authenticator:anon"),
        ("create role dr_vs_root superuser", "role_added:dr_vs_root"),
    ];
    if database.major().await >= 16 {
        cases.push((
            "grant dr_vs_staff to dr_vs_member with inherit false",
            "membership_narrowed:dr_vs_member:dr_vs_staff",
        ));
        cases.push((
            "grant dr_vs_staff to dr_vs_member with set false",
            "membership_narrowed:dr_vs_member:dr_vs_staff",
        ));
    } else {
        cases.push(("alter role dr_vs_member noinherit", "membership_narrowed:dr_vs_member:dr_vs_staff"));
    }
    let drift = async || {
        let report = database.report(Some(&baseline)).await;
        let found =
            report.findings().into_iter().filter(|finding| finding.id().starts_with("privilege_drift:"));
        found.cloned().collect::<Vec<_>>()
    };
    assert_eq!(drift().await, []);
    for (change, expected) in cases {
        database.execute(change).await;
        let found = drift().await;
        let ids: Vec<String> =
            found.iter().map(|finding| finding.id().replacen("privilege_drift:", "", 1)).collect();
        // A role that the table's grants name and that is beyond policies is told by rls_coverage, where the table
        // has any.
        if expected.is_empty() {
            assert_eq!(ids, ["role_widened:dr_vs_login"], "{change}");
        } else {
            assert_eq!(ids, [expected], "{change}");
        }
        let remedies: Vec<String> = found
            .iter()
            .filter_map(|finding| finding.common().remedy.clone())
            .flat_map(|remedy| match remedy {
                Remedy::Sql(sql) => sql.statements,
                other => panic!("{other:?}"),
            })
            .collect();
        match expected {
            "role_added:dr_vs_root" => database.execute("drop role dr_vs_root").await,
            _ => database.execute(&remedies.join(";")).await,
        }
        assert_eq!(drift().await, [], "{change}, after {remedies:?}");
    }
    // Passwords: only a superuser sees whether there is one.
    database.execute("alter role dr_vs_login password null").await;
    let ids: Vec<String> = drift().await.iter().map(|finding| finding.id().to_owned()).collect();
    assert_eq!(ids, ["privilege_drift:password_lost:dr_vs_login"]);
}

/// A dump of a database holds no roles: what is gone with them comes back with the role's remedy.
#[tokio::test]
async fn a_role_that_is_gone_comes_back_with_all_that_it_had() {
    let database = Own::start().await;
    database
        .execute(
            "create role dr_vs_staff; create role dr_vs_lost login noinherit createdb;
             grant dr_vs_staff to dr_vs_lost; create schema app; grant usage on schema app to dr_vs_lost;
             create table app.a (id int, n int); create table app.b (id int);
             grant select, insert on app.a to dr_vs_lost; grant update (id) on app.b to dr_vs_lost;
             alter default privileges in schema app grant select on tables to dr_vs_lost;
             create table app.own (id int); alter table app.own owner to dr_vs_lost",
        )
        .await;
    let baseline = database.evidence().await;
    database
        .execute("reassign owned by dr_vs_lost to postgres; drop owned by dr_vs_lost; drop role dr_vs_lost")
        .await;
    let report = database.report(Some(&baseline)).await;
    let mut found: Vec<String> =
        ids(&report).into_iter().filter(|id| id.starts_with("privilege_drift:")).collect();
    found.sort();
    assert_eq!(
        found,
        ["privilege_drift:missing_role:dr_vs_lost", "privilege_drift:owner_changed:dr_vs_lost:postgres"]
    );
    let plan = drcore::restore::RepairPlan::of(&report, &drcore::restore::RepairOptions::default()).unwrap();
    let statements: Vec<&str> = plan.statements.iter().map(|statement| statement.sql.as_str()).collect();
    database.execute(&statements.join(";\n")).await;
    let report = database.report(Some(&baseline)).await;
    let left: Vec<String> =
        ids(&report).into_iter().filter(|id| id.starts_with("privilege_drift:")).collect();
    assert_eq!(left, [""; 0], "{statements:#?}");
}
