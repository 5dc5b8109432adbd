//! Who reaches what, by memberships as each version has them.
//!
//! On clusters of their own: roles belong to the whole cluster, and what they may do would change under other tests.

use drcore::collect::{CollectOptions, collect};
use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{Evidence, Report, Source};
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
             create table t (id int); alter table t enable row level security;
             revoke all on t from public, anon, authenticated; grant select on t to dr_vs_staff;
             grant usage on schema public to dr_vs_staff",
        )
        .await;
    let baseline = database.evidence().await;
    let id = "rls_coverage:exposure_widened:public.t:dr_vs_api".to_owned();
    let reads = async || {
        let found = ids(&database.report(Some(&baseline)).await).contains(&id);
        let sql = "set role dr_vs_api; select count(*) from public.t";
        assert_eq!(database.allows(sql).await, found, "the server is of the same opinion");
        found
    };
    assert!(!reads().await);
    database.execute("grant dr_vs_staff to dr_vs_api").await;
    assert!(!reads().await, "noinherit");
    if database.major().await >= 16 {
        database.execute("grant dr_vs_staff to dr_vs_api with inherit true").await;
    } else {
        database.execute("alter role dr_vs_api inherit").await;
    }
    assert!(reads().await);
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
        let found = ids(&database.report(Some(&baseline)).await);
        assert!(!found.contains(&id), "the API cannot become it: {found:?}");
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
