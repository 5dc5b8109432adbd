//! The guard against real servers. Every case of it is in the core's own tests; here it is asked of the server.

use drcore::collect::CollectOptions;
use drcore::connect::{Apart, RestoreTarget, TargetOptions};
use drcore::plan::Protected;
use drcore::report::TextOptions;
use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{Error, ErrorKind, Target};
use drcore_tests::standby::Pair;
use drcore_tests::{Database, parse};

/// By which the database must be named.
pub(crate) async fn name(database: &Database) -> String {
    database.evidence(&parse(""), None).await.run.server.unwrap().project().unwrap()
}

pub(crate) async fn name_at(url: &str) -> String {
    let source = drcore::Source::connect(url).await.unwrap();
    let evidence =
        drcore::collect::collect(&source, &parse(""), None, &CollectOptions::default()).await.unwrap();
    evidence.run.server.unwrap().project().unwrap()
}

/// Refused, with what was compared.
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> Error {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert!(error.detail_text().unwrap().contains('≠'), "{error:?}");
    assert!(error.to_string().contains("nothing was written"), "{error}");
    error
}

fn named(name: &str) -> TargetOptions {
    let mut options = TargetOptions::default();
    options.project = Some(name.to_owned());
    options
}

#[tokio::test]
async fn a_database_that_is_named_is_accepted() {
    let database = Database::empty().await;
    let (url, name) = (database.url().await, name(&database).await);
    assert_eq!(Target::connect(&url, &name).await.unwrap().project(), name);
    let target = RestoreTarget::connect(&url, &named(&name)).await.unwrap();
    assert!(target.is_scratch() && target.is_empty());
    // A cluster of our own needs no name.
    assert_eq!(RestoreTarget::connect(&url, &TargetOptions::default()).await.unwrap().project(), name);
}

#[tokio::test]
async fn another_name_is_refused_with_the_right_one() {
    let (database, other) = (Database::empty().await, Database::empty().await);
    let (url, own) = (database.url().await, name(&database).await);
    for wrong in ["", "postgres", &database.name, &name(&other).await, "t1@1"] {
        for error in [
            refused(Target::connect(&url, wrong).await),
            refused(RestoreTarget::connect(&url, &named(wrong)).await),
        ] {
            assert!(
                error.to_string().contains(&own) && error.hint_text().unwrap().contains(&own),
                "{error:?}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_not_ours_must_be_named_to_be_restored_into() {
    let mut options = ScratchOptions::default();
    options.settings.push(("cluster_name".to_owned(), "main".to_owned()));
    let cluster = ScratchCluster::start(options).await.unwrap();
    let url = cluster.url("postgres");
    let name = name_at(&url).await;
    let error = refused(RestoreTarget::connect(&url, &TargetOptions::default()).await);
    assert!(error.hint_text().unwrap().contains(&name), "{error:?}");
    let target = RestoreTarget::connect(&url, &named(&name)).await.unwrap();
    assert!(!target.is_scratch());
    Target::connect(&url, &name).await.unwrap();
}

#[tokio::test]
async fn a_cluster_whose_marker_is_another_s_is_none_of_ours() {
    let cluster = ScratchCluster::start(ScratchOptions::default()).await.unwrap();
    let url = cluster.url("postgres");
    let name = name_at(&url).await;
    let marker = cluster.socket_directory().join("drcore-scratch");
    assert_eq!(std::fs::read_to_string(&marker).unwrap().trim(), name.rsplit('@').next().unwrap());
    std::fs::write(&marker, "1").unwrap();
    assert!(!RestoreTarget::connect(&url, &named(&name)).await.unwrap().is_scratch());
    std::fs::remove_file(&marker).unwrap();
    assert!(!RestoreTarget::connect(&url, &named(&name)).await.unwrap().is_scratch());
    // The same server through another directory, where somebody put a socket and our marker.
    let other = tempfile::tempdir().unwrap();
    let socket = ".s.PGSQL.5432";
    std::os::unix::fs::symlink(cluster.socket_directory().join(socket), other.path().join(socket)).unwrap();
    std::fs::write(other.path().join("drcore-scratch"), name.rsplit('@').next().unwrap()).unwrap();
    let here = cluster.socket_directory().display().to_string().replace('/', "%2F");
    let there = url.replace(&here, &other.path().display().to_string().replace('/', "%2F"));
    assert_ne!(there, url);
    assert!(!RestoreTarget::connect(&there, &named(&name)).await.unwrap().is_scratch());
}

#[tokio::test]
async fn what_is_protected_is_repaired_and_never_restored_over() {
    let database = Database::empty().await;
    let (url, name) = (database.url().await, name(&database).await);
    let mut options = named(&name);
    options.protect = vec![Protected::parse(&name).unwrap()];
    let error = refused(RestoreTarget::connect(&url, &options).await);
    assert!(error.to_string().contains("is protected"), "{error}");
    Target::connect(&url, &name).await.unwrap();
}

#[tokio::test]
async fn what_holds_something_is_refused_and_what_it_holds_is_told() {
    for (sql, held) in [
        ("create table a (id int)", "public.a"),
        ("create schema app", "app"),
        ("create function f() returns int language sql as 'select 1'", "public.f"),
        ("create type mood as enum ('sad')", "public.mood"),
        ("create sequence s", "public.s"),
        ("create view v as select 1", "public.v"),
        ("select pg_catalog.lo_create(4711)", "4711"),
    ] {
        let database = Database::with(sql).await;
        let error = refused(RestoreTarget::connect(&database.url().await, &TargetOptions::default()).await);
        assert!(
            error.to_string().contains("not empty") && error.to_string().contains(held),
            "{sql}: {error}"
        );
    }
    let database = Database::supabase().await;
    let url = database.url().await;
    assert!(
        RestoreTarget::connect(&url, &TargetOptions::default()).await.unwrap().is_empty(),
        "a fresh project"
    );
    for (sql, held) in [
        ("insert into auth.users (id) values (gen_random_uuid())", "auth.users"),
        ("create policy p on storage.objects for select using (true)", "objects"),
    ] {
        database.execute(sql).await;
        let error = refused(RestoreTarget::connect(&url, &TargetOptions::default()).await);
        assert!(error.to_string().contains(held), "{error}");
        database.execute("truncate auth.users cascade").await;
    }
}

#[tokio::test]
async fn the_source_and_the_baseline_are_refused() {
    let database = Database::empty().await;
    let (url, other) = (database.url().await, Database::empty().await);
    let mut options = TargetOptions::default();
    options.apart = vec![Apart::baseline(&database.evidence(&parse(""), None).await.run)];
    let error = refused(RestoreTarget::connect(&url, &options).await);
    assert!(error.to_string().contains("it is the baseline itself"), "{error}");
    RestoreTarget::connect(&other.url().await, &options).await.unwrap();
}

#[tokio::test]
async fn half_a_restore_is_told_from_a_whole_one() {
    let database = Database::with(
        "create table a (id int); create schema drcore_restore; comment on schema drcore_restore is 'x.dump, begun today'",
    )
    .await;
    let (url, name) = (database.url().await, name(&database).await);
    for error in [
        refused(Target::connect(&url, &name).await),
        refused(RestoreTarget::connect(&url, &named(&name)).await),
    ] {
        assert!(error.to_string().contains("x.dump, begun today"), "{error}");
    }
}

#[tokio::test]
async fn half_a_restore_is_never_verified_and_no_baseline() {
    let database = Database::with("create table a (id int primary key); insert into a values (1)").await;
    let mut options = drcore::VerifyOptions::default();
    options.plan = parse("[row_counts.tables]\na = 1");
    options.collect.only = vec!["row_counts".to_owned()];
    let verify = async |options: &drcore::VerifyOptions| {
        database.untouched(drcore::verify(&database.url().await, options)).await.unwrap()
    };
    assert_eq!(verify(&options).await.verdict, drcore::Verdict::Passed);
    database.execute("create schema drcore_restore; comment on schema drcore_restore is 'x.dump'").await;
    let report = verify(&options).await;
    assert_eq!(report.verdict, drcore::Verdict::Unproven);
    let text = report.to_text(TextOptions::default());
    assert!(text.contains("x.dump"), "{text}");
    let error = drcore::baseline(&database.url().await, &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    // What is wrong is wrong all the same.
    options.plan = parse("[row_counts.tables]\na = 2");
    assert_eq!(verify(&options).await.verdict, drcore::Verdict::Failed);
}

#[tokio::test]
async fn a_standby_is_refused() {
    let pair = Pair::start("create table a (id int)", &[]).await;
    let url = pair.standby.url("app");
    let name = name_at(&url).await;
    for error in [
        refused(Target::connect(&url, &name).await),
        refused(RestoreTarget::connect(&url, &named(&name)).await),
    ] {
        assert!(error.to_string().contains("standby"), "{error}");
    }
}

#[tokio::test]
async fn a_role_that_may_see_less_is_told_so() {
    let database = Database::supabase().await;
    database
        .execute(
            "do $$ begin create role target_reader login; exception when duplicate_object then null; end $$",
        )
        .await;
    let (url, name) = (database.url_as("target_reader").await, name(&database).await);
    // It may not look into auth.users: whether that is empty, nobody knows.
    let error = refused(RestoreTarget::connect(&url, &named(&name)).await);
    assert!(error.to_string().contains("could not be read"), "{error}");
}
