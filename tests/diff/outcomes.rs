//! What was not read is never the same.

use drcore::diff::{DiffOutcome, DiffVerdict, diff};
use drcore::evidence::CauseKind;
use drcore::report::TextOptions;
use drcore::{Against, ErrorKind};
use drcore_tests::proxy::{Fault, Proxy};
use drcore_tests::{Database, cluster};

use super::{SERVER, STREAM, live, options, table, unread};

const SQL: &str = "create table t (id int primary key, v text);
    insert into t select n, repeat('x', 200) from generate_series(1, 2000) n;
    create table u (id int primary key);";

#[tokio::test]
async fn a_side_that_cannot_be_reached_proves_nothing() {
    let database = Database::with(SQL).await;
    let nobody = Against::Url("postgresql://u@127.0.0.1:1/d?sslmode=disable".to_owned());
    for (a, b, side) in [(live(&database).await, nobody.clone(), "b"), (nobody, live(&database).await, "a")] {
        let report = diff(&a, &b, &options("")).await.unwrap();
        assert_eq!((report.verdict, report.exit_code()), (DiffVerdict::Unproven, 3), "{report:#?}");
        assert_eq!(report.unread[0].side.as_deref(), Some(side));
        assert_eq!(report.unread[0].cause.kind, CauseKind::Connection);
        let text = report.to_text(TextOptions::default());
        assert!(text.starts_with("UNPROVEN"), "{text}");
        assert!(text.contains("127.0.0.1:1"), "{text}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_named_and_not_shown() {
    let database = Database::with(SQL).await;
    database.execute("create role diff_wrong login password 'right'").await;
    let url = database.url_as("diff_wrong:hunter2x").await;
    // Over a socket nobody asks for a password: through a proxy the server still sees one. So ask for another role.
    let missing = url.replace("diff_wrong", "diff_nobody");
    let report = diff(&live(&database).await, &Against::Url(missing), &options("")).await.unwrap();
    assert_eq!(report.verdict, DiffVerdict::Unproven);
    let (json, text) = (report.to_json().unwrap(), report.to_text(TextOptions::default()));
    assert!(!json.contains("hunter2x") && !text.contains("hunter2x"), "{text}");
    assert!(json.contains("diff_nobody"), "{text}");
}

#[tokio::test]
async fn a_table_that_may_not_be_read_is_unread() {
    let database = Database::with(SQL).await;
    database.execute("create role diff_reader login; grant select on u to diff_reader").await;
    let reader = Against::Url(database.url_as("diff_reader").await);
    for plan in [SERVER, STREAM] {
        let report = diff(&live(&database).await, &reader, &options(plan)).await.unwrap();
        assert_eq!(report.verdict, DiffVerdict::Unproven, "{report:#?}");
        assert_eq!(table(&report, "public.t").outcome, DiffOutcome::Unread);
        assert_eq!(table(&report, "public.u").outcome, DiffOutcome::Same);
        assert_eq!(report.unread.len(), 1);
        assert!(unread(&report)[0].starts_with("public.t b: permission denied"), "{:?}", unread(&report));
    }
}

#[tokio::test]
async fn a_side_that_is_lost_in_the_middle_proves_nothing() {
    let database = Database::with(SQL).await;
    let socket = cluster().await.socket_directory().join(".s.PGSQL.5432");
    let whole = Proxy::start(socket.clone(), Fault::None).await;
    let through = Against::Url(whole.url(&database.name));
    let report = diff(&live(&database).await, &through, &options(STREAM)).await.unwrap();
    assert_eq!(report.verdict, DiffVerdict::Same, "{report:#?}");
    let bytes = whole.seen();
    for percent in [40, 80] {
        let proxy = Proxy::start(socket.clone(), Fault::Cut(bytes * percent / 100)).await;
        let cut = Against::Url(proxy.url(&database.name));
        let report = diff(&live(&database).await, &cut, &options(STREAM)).await.unwrap();
        assert_eq!(report.verdict, DiffVerdict::Unproven, "{percent} %: {report:#?}");
        assert!(!report.unread.is_empty());
    }
}

#[tokio::test]
async fn nothing_to_compare_is_no_proof() {
    let (one, other) = (Database::empty().await, Database::empty().await);
    let report = diff(&live(&one).await, &live(&other).await, &options("")).await.unwrap();
    assert_eq!((report.verdict, report.exit_code()), (DiffVerdict::Unproven, 3));
    assert!(report.to_text(TextOptions::default()).contains("nothing is proven"));
    let error =
        diff(&Against::File("nowhere.json".into()), &live(&one).await, &options("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
}

#[tokio::test]
async fn a_deadline_leaves_the_rest_unread() {
    let database = Database::with(SQL).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgresql://u@{}/d?sslmode=disable", silent.local_addr().unwrap());
    let options = drcore::DiffOptions::from_json(r#"{"deadline": "300ms"}"#).unwrap();
    let report = diff(&live(&database).await, &Against::Url(url), &options).await.unwrap();
    assert_eq!(report.verdict, DiffVerdict::Unproven);
    assert_eq!(report.unread[0].cause.kind, CauseKind::Deadline, "{:?}", report.unread);
}

#[tokio::test]
async fn the_way_is_said_by_the_plan() {
    let database = Database::with(SQL).await;
    for plan in [SERVER, STREAM] {
        let report = diff(&live(&database).await, &live(&database).await, &options(plan)).await.unwrap();
        let ways = [&report.a, &report.b].map(|side| side.run.content.unwrap().way);
        assert_eq!(ways, [options(plan).plan.content_drift.unwrap().way.unwrap(); 2]);
    }
}
